/* Any bytes of a client on an admin's socket: lines through the scan, the parameters, the methods
 * and the filters of a daemon that has an account and no network. What comes back is one JSON text
 * a line; a line that is one request with an id gets one answer at most, one that is no request
 * gets an error. */
#include "daemon/accounts.h"
#include "daemon/daemon.h"
#include "daemon/event.h"
#include "daemon/subscription.h"
#include "tests/fuzz/fuzz.h"

#include <errno.h>
#include <jansson.h>
#include <netdb.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define MAX_INPUT 65536
#define ROUNDS 40
#define LOOSE (JSON_ALLOW_NUL | JSON_DECODE_INT_AS_REAL) /* ids are echoed, however large */

/* An input may name any proxy: nothing here reaches a network. */
int connect(int fd, const struct sockaddr *address, socklen_t n)
{
	(void)fd, (void)address, (void)n;
	errno = ECONNREFUSED;
	return -1;
}

int getaddrinfo(const char *name, const char *service, const struct addrinfo *hints,
		struct addrinfo **ret)
{
	(void)name, (void)service, (void)hints, (void)ret;
	return EAI_NONAME;
}

/* ---- the daemon: one for all inputs, whose accounts and consumers stay ------------------------
 */
static struct rpc_daemon *make(void)
{
	struct rpc_daemon *d = calloc(1, sizeof *d);
	struct rpc_config *c = calloc(1, sizeof *c);
	struct rpc_account *a;
	char dir[] = "/tmp/layerd-fuzz-XXXXXX", why[300] = "";

	need(d && c && mkdtemp(dir));
	c->memory = true;
	c->log_level = RPC_ERROR;
	c->api_id = 1;
	memset(c->api_hash, '0', 32);
	c->transport = (struct mt_transport){.framing = MT_INTERMEDIATE};
	c->dcs[0] = (struct mt_address){.dc = 2, .host = "127.0.0.1", .port = 1};
	c->dc_count = 1;
	snprintf(c->sockets[0].path, sizeof c->sockets[0].path, "%s/s", dir);
	c->sockets[0].role = RPC_ADMIN;
	c->socket_count = 1;
	need(rpc_daemon_init(d, c, why, sizeof why) == 0);
	rpc_listen_stop(d);
	rmdir(dir);
	need(rpc_account_add(d, "main", &(struct rpc_account_own){.catch_up = -1}, &a) == 0);
	return d;
}

static void turn(struct rpc_daemon *d)
{
	ev_run(d->loop.ev, EVRUN_NOWAIT);
	sched_yield();
}

/* As if it had come from Telegram, for the filters of those who subscribed. */
static void tell(struct rpc_daemon *d)
{
	char text[] = "/start hello", body[] = "\"account\":\"main\",\"date\":1", raw[] = "{}";
	struct rpc_event e = {.type = RPC_T_NEW_MESSAGE, .account = "main", .chat = 5, .from = 9};

	e.has_text = true;
	e.text = tl_str(text);
	e.body = tl_str(body);
	e.raw = tl_str(raw);
	rpc_deliver(d, &e, 0);
	e.type = RPC_T_RAW;
	e.has_text = false;
	e.out = true;
	rpc_deliver(d, &e, 0);
}

/* ---- what comes back --------------------------------------------------------------------------
 */
static void check_one(const json_t *v, unsigned *answers)
{
	const json_t *version = json_object_get(v, "jsonrpc");

	need(json_is_string(version) && strcmp(json_string_value(version), "2.0") == 0);
	if (json_object_get(v, "method")) {
		need(!json_object_get(v, "id"));
		return;
	}
	need(json_object_get(v, "id") != NULL);
	need(!json_object_get(v, "result") == !!json_object_get(v, "error"));
	++*answers;
}

static unsigned check_lines(const struct tl_buf *got)
{
	unsigned answers = 0;
	size_t at = 0;

	while (at < got->len) {
		const uint8_t *lf = memchr(got->data + at, '\n', got->len - at);
		size_t n = lf ? (size_t)(lf - got->data) - at : got->len - at, i;
		json_t *v = json_loadb((char *)got->data + at, n, LOOSE, NULL), *one;

		need(lf && v);
		if (json_is_array(v))
			json_array_foreach(v, i, one) check_one(one, &answers);
		else
			check_one(v, &answers);
		json_decref(v);
		at += n + 1;
	}
	return answers;
}

/* Until the daemon has closed or nothing moves. */
static void collect(struct rpc_daemon *d, int fd, struct tl_buf *got)
{
	static char piece[65536];

	for (unsigned quiet = 0; quiet < ROUNDS; quiet++) {
		ssize_t n;

		turn(d);
		n = recv(fd, piece, sizeof piece, MSG_DONTWAIT);
		if (n == 0)
			return;
		if (n > 0) {
			tl_put(got, piece, (size_t)n);
			quiet = 0;
		}
	}
}

/* An input of one line: at most one answer, or one for each of a batch. */
static unsigned most(const uint8_t *data, size_t n)
{
	static struct rpc_scan scan;

	rpc_scan((const char *)data, n, &scan);
	return scan.err || !scan.count ? 1 : scan.count;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static struct rpc_daemon *d;
	struct tl_buf got = {.len = 0};
	unsigned answers;
	int fd[2];

	if (n > MAX_INPUT)
		return 0;
	if (!d)
		d = make();
	need(socketpair(AF_UNIX, SOCK_STREAM, 0, fd) == 0);
	need(rpc_conn_new(d, fd[0], RPC_ADMIN) != NULL);
	need(send(fd[1], data, n, 0) == (ssize_t)n && send(fd[1], "\n", 1, 0) == 1);
	collect(d, fd[1], &got);
	tell(d);
	shutdown(fd[1], SHUT_WR);
	collect(d, fd[1], &got);
	answers = check_lines(&got);
	if (n && !memchr(data, '\n', n))
		need(answers <= most(data, n - (data[n - 1] == '\r')));
	close(fd[1]);
	while (d->conns)
		rpc_conn_free(d->conns);
	while (d->orphans)
		rpc_call_stop(d->orphans, -TG_E_CANCELLED);
	if (d->stopping) { /* someone said stop */
		d->stopping = d->stop_forced = false;
		rpc_timer_clear(&d->loop, &d->stop);
	}
	tl_buf_free(&got);
	return 0;
}
