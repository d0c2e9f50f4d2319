/* The process: start, turns of the loop, signals, stop. Owns everything in struct rpc_daemon. */
#include "daemon/daemon.h"

#include "daemon/accounts.h"
#include "daemon/notify.h"

#include <errno.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <unistd.h>

#define HUPS 16

/* ---- a turn ---------------------------------------------------------------------------------- */
static void take_input(struct rpc_daemon *d)
{
	struct rpc_conn *c = d->run;

	d->run = NULL;
	d->run_tail = &d->run;
	while (c) {
		struct rpc_conn *next = c->run_next;

		c->in_run = false;
		rpc_conn_turn(c);
		c = next;
	}
}

static void write_output(struct rpc_daemon *d)
{
	while (d->flush) {
		struct rpc_conn *c = d->flush;

		d->flush = c->flush_next;
		c->in_flush = false;
		rpc_conn_write(c);
	}
}

static void reap(struct rpc_daemon *d)
{
	struct rpc_conn *next;

	if (!d->reap)
		return;
	d->reap = false;
	for (struct rpc_conn *c = d->conns; c; c = next) {
		next = c->next;
		if (rpc_conn_finished(c))
			rpc_conn_free(c);
	}
}

static bool at_rest(const struct rpc_daemon *d)
{
	if (d->inflight || d->run || !rpc_accounts_rest(d))
		return false;
	for (const struct rpc_conn *c = d->conns; c; c = c->next)
		if (rpc_conn_queued(c) && !c->gone)
			return false;
	return true;
}

static bool turn(void *ctx)
{
	struct rpc_daemon *d = ctx;
	bool more;

	if (d->loop.stalls != d->stalls) {
		d->stalls = d->loop.stalls;
		rpc_log(&d->log, RPC_WARNING, "loop_stalled", "turns=%u longest_ms=%u", d->stalls,
			d->loop.longest_ms);
	}
	take_input(d);
	more = rpc_accounts_turn(d);
	write_output(d);
	reap(d);
	if (d->stopping && at_rest(d))
		rpc_loop_stop(&d->loop);
	return more || d->run != NULL || d->unparked;
}

static void on_hup(struct ev_loop *ev, struct ev_io *w, int events)
{
	struct rpc_daemon *d = w->data;
	struct epoll_event e[HUPS];
	int n = epoll_wait(d->hup_fd, e, HUPS, 0);

	(void)ev, (void)events;
	for (int i = 0; i < n; i++)
		rpc_conn_gone(e[i].data.ptr);
}

/* ---- stop ------------------------------------------------------------------------------------ */
static void stop_calls(struct rpc_daemon *d)
{
	for (struct rpc_conn *c = d->conns; c; c = c->next)
		while (c->calls)
			rpc_call_stop(c->calls, -TG_E_SHUTTING_DOWN);
	while (d->orphans)
		rpc_call_stop(d->orphans, -TG_E_SHUTTING_DOWN);
}

static struct rpc_daemon *of_stop(struct rpc_timer *t)
{
	return (struct rpc_daemon *)((char *)t - offsetof(struct rpc_daemon, stop));
}

/* The last of the ten seconds is for answers to be written. */
static void on_stop_over(struct rpc_timer *t, struct mt_time now)
{
	struct rpc_daemon *d = of_stop(t);

	if (!d->stop_forced) {
		d->stop_forced = true;
		stop_calls(d);
		rpc_timer_set(&d->loop, &d->stop, now.boot + RPC_SECOND);
	} else {
		rpc_loop_stop(&d->loop);
	}
}

/* Reads that only wait for something are told at once; the rest may finish. */
static void stop_waits(struct rpc_daemon *d)
{
	for (struct rpc_conn *c = d->conns; c; c = c->next) {
		struct rpc_call *next;

		for (struct rpc_call *k = c->calls; k; k = next) {
			next = k->next;
			if (!(k->flags & RPC_ACCOUNT))
				rpc_call_stop(k, -TG_E_SHUTTING_DOWN);
		}
	}
}

void rpc_daemon_stop(struct rpc_daemon *d)
{
	if (d->stopping)
		return;
	d->stopping = true;
	rpc_notify("STOPPING=1");
	rpc_log(&d->log, RPC_NOTICE, "stopping", "in_flight=%u clients=%u", d->inflight,
		d->conn_count);
	rpc_listen_stop(d);
	stop_waits(d);
	d->stop.fire = on_stop_over;
	rpc_timer_set(&d->loop, &d->stop, rpc_now().boot + (RPC_MAX_STOP - 1) * RPC_SECOND);
}

/* ---- signals --------------------------------------------------------------------------------- */
static void on_term(struct ev_loop *ev, struct ev_signal *w, int events)
{
	(void)ev, (void)events;
	rpc_daemon_stop(w->data);
}

static void on_sighup(struct ev_loop *ev, struct ev_signal *w, int events)
{
	struct rpc_daemon *d = w->data;
	char why[256];

	(void)ev, (void)events;
	if (rpc_daemon_reload(d, why, sizeof why) != 0)
		rpc_log(&d->log, RPC_ERROR, "reload_failed", "reason=\"%s\"", why);
}

static void watch_signals(struct rpc_daemon *d)
{
	ev_signal_init(&d->term, on_term, SIGTERM);
	ev_signal_init(&d->intr, on_term, SIGINT);
	ev_signal_init(&d->hup, on_sighup, SIGHUP);
	d->term.data = d->intr.data = d->hup.data = d;
	ev_signal_start(d->loop.ev, &d->term);
	ev_signal_start(d->loop.ev, &d->intr);
	ev_signal_start(d->loop.ev, &d->hup);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN); /* a limit on file sizes is a full disk */
}

/* Who is connected has from now on what the new list gives him. */
static void change_acl(struct rpc_daemon *d, struct rpc_acl **list)
{
	struct rpc_acl *old = d->config->acl;

	d->config->acl = *list;
	*list = old;
	for (struct rpc_conn *c = d->conns; c; c = c->next)
		rpc_conn_allow(c);
}

/* What can change without a restart: the log level, [acl], and accounts that were added. */
int rpc_daemon_reload(struct rpc_daemon *d, char *why, size_t size)
{
	struct rpc_config *c;
	int err;

	rpc_notify("RELOADING=1");
	err = rpc_config_read(d->argc, d->argv, d->env, &c, why, size);
	if (!err) {
		d->log.level = c->log_level;
		struct rpc_account_config *old = d->config->accounts;

		d->config->accounts = c->accounts;
		c->accounts = old;
		change_acl(d, &c->acl);
		err = rpc_accounts_configure(d);
		rpc_config_free(c);
		if (err)
			snprintf(why, size, "%s", tg_error_row(err)->text);
	}
	if (!err) {
		rpc_log(&d->log, RPC_NOTICE, "reloaded", "log_level=%s",
			rpc_level_name(d->log.level));
	}
	rpc_notify("READY=1");
	return err;
}

/* ---- watchdog -------------------------------------------------------------------------------- */
static void on_watchdog(struct rpc_timer *t, struct mt_time now)
{
	struct rpc_daemon *d =
		(struct rpc_daemon *)((char *)t - offsetof(struct rpc_daemon, watchdog));

	if (rpc_accounts_store_alive(d, now))
		rpc_notify("WATCHDOG=1");
	rpc_timer_set(&d->loop, t, now.boot + d->watchdog_interval);
}

/* ---- start ----------------------------------------------------------------------------------- */
static enum rpc_role role_of(const struct rpc_config *c, unsigned i, unsigned mode)
{
	const char *path = c->sockets[i].path;

	if (c->sockets[i].role >= 0)
		return (enum rpc_role)c->sockets[i].role;
	if (strstr(path, "-admin.sock"))
		return RPC_ADMIN;
	if (strstr(path, "-ro.sock"))
		return RPC_READ;
	return c->socket_count == 1 && mode == 0600 ? RPC_ADMIN : RPC_SEND;
}

static int listen_all(struct rpc_daemon *d, char *why, size_t size)
{
	const struct rpc_config *c = d->config;
	unsigned mode = c->socket_mode_set ? c->socket_mode : c->socket_group[0] ? 0660 : 0600;
	int n = rpc_notify_listen();
	char name[64];

	for (int i = 0; i < n; i++) {
		rpc_notify_name(i, name, sizeof name);
		if (rpc_listen_inherited(d, 3 + i, name) != 0) {
			snprintf(why, size, "descriptor %d is no listening Unix socket", 3 + i);
			return RPC_EXIT_CONFIG;
		}
	}
	if (n == 0 && rpc_config_check_group(c, why, size) != 0)
		return RPC_EXIT_CONFIG;
	for (unsigned i = 0; n == 0 && i < c->socket_count; i++) {
		int err = rpc_listen(d, c->sockets[i].path, role_of(c, i, mode), mode,
				     c->socket_group, why, size);

		if (err)
			return err == -TG_E_NOT_PERMITTED ? RPC_EXIT_BUSY : 1;
	}
	if (!d->listener_count) {
		snprintf(why, size, "no socket: set --socket or $XDG_RUNTIME_DIR");
		return RPC_EXIT_CONFIG;
	}
	return 0;
}

/* A descriptor for each client, account and transfer: as many as the system allows. */
static void raise_descriptors(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < limit.rlim_max) {
		limit.rlim_cur = limit.rlim_max;
		setrlimit(RLIMIT_NOFILE, &limit);
	}
}

static int init_hup(struct rpc_daemon *d)
{
	d->hup_fd = epoll_create1(EPOLL_CLOEXEC);
	if (d->hup_fd < 0)
		return -1;
	ev_io_init(&d->hup_watch, on_hup, d->hup_fd, EV_READ);
	d->hup_watch.data = d;
	ev_io_start(d->loop.ev, &d->hup_watch);
	return 0;
}

int rpc_daemon_init(struct rpc_daemon *d, struct rpc_config *config, char *why, size_t size)
{
	int rc;

	d->config = config;
	d->hup_fd = -1;
	d->run_tail = &d->run;
	d->started = rpc_now().boot;
	rpc_log_init(&d->log);
	d->log.level = config->log_level;
	rpc_vault_init(&d->vault, &d->log);
	rpc_table_init(&d->table);
	d->scratch = malloc(RPC_SCRATCH);
	if (!d->scratch || rpc_loop_init(&d->loop, turn, d) != 0 || init_hup(d) != 0) {
		snprintf(why, size, "no event loop: %s", strerror(errno));
		return 1;
	}
	raise_descriptors();
	watch_signals(d);
	rc = listen_all(d, why, size);
	if (!rc)
		rc = rpc_accounts_init(d, why, size);
	if (!rc)
		rpc_network_init(&d->network, d);
	return rc;
}

int rpc_daemon_run(struct rpc_daemon *d)
{
	for (unsigned i = 0; i < d->listener_count; i++)
		rpc_log(&d->log, RPC_NOTICE, "listening", "socket=%s role=%s", d->listeners[i].path,
			rpc_role_name(d->listeners[i].role));
	rpc_notify("READY=1\nSTATUS=serving");
	d->watchdog_interval = rpc_notify_watchdog();
	if (d->watchdog_interval > 0) {
		d->watchdog.fire = on_watchdog;
		rpc_timer_set(&d->loop, &d->watchdog, rpc_now().boot + d->watchdog_interval);
	}
	rpc_loop_run(&d->loop);
	rpc_log(&d->log, RPC_NOTICE, "stopped", NULL);
	return d->exit_code;
}

void rpc_daemon_free(struct rpc_daemon *d)
{
	if (d->loop.ev) {
		stop_calls(d);
		write_output(d);
		while (d->conns)
			rpc_conn_free(d->conns);
		rpc_network_free(&d->network);
		rpc_accounts_free(d);
		rpc_listen_stop(d);
		ev_signal_stop(d->loop.ev, &d->term);
		ev_signal_stop(d->loop.ev, &d->intr);
		ev_signal_stop(d->loop.ev, &d->hup);
		ev_io_stop(d->loop.ev, &d->hup_watch);
	}
	if (d->hup_fd >= 0)
		close(d->hup_fd);
	rpc_pool_free(d);
	tl_buf_free(&d->sink);
	tl_buf_free(&d->projected);
	tl_buf_free(&d->draft);
	free(d->scratch);
	rpc_loop_free(&d->loop);
}
