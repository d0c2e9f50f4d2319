/* watch --exec: one update given to a command, on stdin and in its environment, until the command
 * says that it is done with it. Keeps nothing between two updates. */
#include "clients/layerctl/layerctl.h"

#include <errno.h>
#include <jansson.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define PAUSE_FIRST 250u /* ms before the second try, doubled up to the most */
#define PAUSE_MOST 60000u

/* Where in an update the variables come from; the first path that leads to text or a number. */
static const struct {
	const char *name, *paths[3];
} variables[] = {
	{"LAYERD_SEQ", {"seq"}},
	{"LAYERD_ACCOUNT", {"account"}},
	{"LAYERD_TYPE", {"type"}},
	{"LAYERD_CHAT", {"message.chat.id", "chat.id"}},
	{"LAYERD_SENDER", {"message.sender.id", "user.id"}},
	{"LAYERD_MESSAGE", {"message.id", "message"}},
	{"LAYERD_TEXT", {"message.text", "query"}},
	{"LAYERD_QUERY", {"query_id"}},
	{"LAYERD_DATA", {"data"}},
};

static const json_t *find(const json_t *v, const char *path)
{
	char key[32];

	while (v && *path) {
		size_t n = strcspn(path, ".");

		snprintf(key, sizeof key, "%.*s", (int)n, path);
		v = json_object_get(v, key);
		path += n + (path[n] == '.');
	}
	return v;
}

/* An environment ends a value at its first NUL, and so do we. */
static void set_variable(const char *name, const json_t *v)
{
	char number[24];

	if (json_is_integer(v)) {
		snprintf(number, sizeof number, "%lld", (long long)json_integer_value(v));
		setenv(name, number, 1);
	} else if (json_is_string(v)) {
		setenv(name, json_string_value(v), 1);
	}
}

static void set_environment(const struct ctl_options *o, struct ctl_slice update)
{
	json_t *v = json_loadb(update.p, update.n, JSON_ALLOW_NUL, NULL);

	if (o->socket)
		setenv("LAYERD_SOCKET", o->socket, 1);
	for (size_t i = 0; i < sizeof variables / sizeof variables[0]; i++) {
		unsetenv(variables[i].name);
		for (size_t k = 0; k < 3 && variables[i].paths[k]; k++) {
			const json_t *found = find(v, variables[i].paths[k]);

			if (json_is_integer(found) || json_is_string(found)) {
				set_variable(variables[i].name, found);
				break;
			}
		}
	}
	json_decref(v);
}

/* The update and a newline; a command that does not read it is no error. */
static void feed(int fd, struct ctl_slice update)
{
	for (size_t done = 0; done < update.n;) {
		ssize_t n = write(fd, update.p + done, update.n - done);

		if (n < 0 && errno != EINTR)
			return;
		done += n > 0 ? (size_t)n : 0;
	}
	if (write(fd, "\n", 1) < 0)
		return;
}

/* What the command exits with; 128 and the signal's number when one ended it; -1: not started. */
static int run(const struct ctl_options *o, struct ctl_slice update)
{
	int fds[2], status = 0;
	pid_t pid;

	if (pipe(fds) != 0)
		return -1;
	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		signal(SIGPIPE, SIG_DFL);
		dup2(fds[0], STDIN_FILENO);
		close(fds[0]);
		close(fds[1]);
		set_environment(o, update);
		execl("/bin/sh", "sh", "-c", o->exec, (char *)NULL);
		_exit(127);
	}
	close(fds[0]);
	if (pid > 0)
		feed(fds[1], update);
	close(fds[1]);
	if (pid < 0)
		return -1;
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/* Lets the time pass. The subscription may be over meanwhile: what came before that is dropped. */
static int rest(struct ctl_conn *c, unsigned ms, bool *ret_ended)
{
	int64_t until = ctl_now() + ms;
	struct ctl_slice line, method;
	size_t at = 0;
	int code = CTL_OK;

	while (code == CTL_OK) {
		for (; ctl_ahead(c, at, &line); at += line.n + 1)
			if (ctl_member(line, "method", &method) &&
			    ctl_is(method, "\"subscription_ended\"")) {
				c->taken += at;
				*ret_ended = true;
				return CTL_OK;
			}
		if (ctl_now() >= until)
			break;
		code = ctl_wait(c, until);
	}
	return code;
}

int ctl_exec(const struct ctl_options *o, struct ctl_conn *c, struct ctl_slice update,
	     bool *ret_done)
{
	struct ctl_slice seq = {"live", 4};
	unsigned pause = PAUSE_FIRST;
	struct tl_buf kept = {0}; /* the connection's buffer moves */
	bool ended = false;
	int status, code = CTL_OK;

	tl_put(&kept, update.p, update.n);
	if (kept.err)
		return ctl_fail(CTL_INTERNAL, "out of memory");
	update.p = (const char *)kept.data;
	signal(SIGPIPE, SIG_IGN);
	(void)ctl_member(update, "seq", &seq);
	for (long tries = 1; (status = run(o, update)) != 0; tries++) {
		if (o->tries && tries >= o->tries) {
			(void)ctl_fail(CTL_OK, "update %.*s is skipped: the command ended with %d",
				       (int)seq.n, seq.p, status);
			break;
		}
		(void)ctl_fail(CTL_OK, "update %.*s: the command ended with %d; again in %g s",
			       (int)seq.n, seq.p, status, pause / 1000.0);
		code = rest(c, pause, &ended);
		if (code != CTL_OK || ended)
			break;
		pause = pause * 2 < PAUSE_MOST ? pause * 2 : PAUSE_MOST;
	}
	*ret_done = code == CTL_OK && !ended;
	tl_buf_free(&kept);
	return code;
}
