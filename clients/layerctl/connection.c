/* The connection to the daemon: where the socket is, lines out, lines in, one deadline. Owns the
 * descriptor and the buffer of what was read. */
#include "clients/layerctl/layerctl.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define READ_SIZE 65536u
#define READ_AHEAD (1u << 20) /* four times what the daemon queues; the rest waits */

int64_t ctl_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

void ctl_start_clock(struct ctl_conn *c, double seconds)
{
	c->deadline = seconds > 0 ? ctl_now() + (int64_t)(seconds * 1000) : 0;
}

/* The system's daemon, the most powerful of its sockets that this user may write to. */
static const char *system_socket(void)
{
	static const char *const paths[] = {"/run/layerd/layerd-admin.sock",
					    "/run/layerd/layerd.sock",
					    "/run/layerd/layerd-ro.sock"};

	for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++)
		if (access(paths[i], W_OK) == 0)
			return paths[i];
	return paths[1];
}

static bool is_named(const struct ctl_options *o)
{
	const char *env = getenv("LAYERD_SOCKET");

	return o->socket || (env && *env);
}

/* A path that does not fit stays empty: no socket has it. */
static void socket_path(const struct ctl_options *o, struct sockaddr_un *a)
{
	const char *runtime = getenv("XDG_RUNTIME_DIR");
	int n = -1;

	a->sun_family = AF_UNIX;
	if (is_named(o)) {
		n = snprintf(a->sun_path, sizeof a->sun_path, "%s",
			     o->socket ? o->socket : getenv("LAYERD_SOCKET"));
	} else {
		if (runtime && *runtime)
			n = snprintf(a->sun_path, sizeof a->sun_path, "%s/layerd/layerd.sock",
				     runtime);
		if (n < 0 || access(a->sun_path, F_OK) != 0)
			n = snprintf(a->sun_path, sizeof a->sun_path, "%s", system_socket());
	}
	if ((size_t)n >= sizeof a->sun_path)
		a->sun_path[0] = '\0';
}

int ctl_connect(struct ctl_conn *c, const struct ctl_options *o, bool quiet)
{
	struct sockaddr_un a = {0};
	const char *why;

	socket_path(o, &a);
	if (!a.sun_path[0])
		return ctl_fail(CTL_USAGE, "the path of the socket is longer than %zu characters",
				sizeof a.sun_path - 1);
	c->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (c->fd >= 0 && connect(c->fd, (struct sockaddr *)&a, sizeof a) == 0) {
		c->in.limit = CTL_MAX_LINE;
		return CTL_OK;
	}
	why = errno == ENOENT         ? "there is no such socket; is layerd running?"
	      : errno == ECONNREFUSED ? "nobody listens there; is layerd running?"
	      : errno == EACCES       ? "this user may not use it; is he in the socket's group?"
				      : strerror(errno);
	if (!quiet)
		(void)ctl_fail(CTL_UNREACHABLE, "%s: %s", a.sun_path, why);
	if (!quiet && !is_named(o))
		fputs("  hint: --socket PATH or $LAYERD_SOCKET names another; the usual places "
		      "are\n"
		      "  $XDG_RUNTIME_DIR/layerd/layerd.sock and /run/layerd/\n",
		      stderr);
	ctl_disconnect(c);
	return CTL_UNREACHABLE;
}

void ctl_disconnect(struct ctl_conn *c)
{
	if (c->fd >= 0)
		close(c->fd);
	c->fd = -1;
	tl_buf_free(&c->in);
	c->taken = 0;
}

int ctl_write(struct ctl_conn *c, const struct tl_buf *data)
{
	size_t done = 0;

	if (data->err)
		return ctl_fail(CTL_INTERNAL, "out of memory");
	while (done < data->len) {
		ssize_t n = send(c->fd, data->data + done, data->len - done, MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EPIPE)
			break; /* why it closed is perhaps there to be read */
		if (n < 0)
			return ctl_fail(CTL_UNREACHABLE, "the daemon is gone: %s", strerror(errno));
		done += (size_t)n;
	}
	return CTL_OK;
}

static int closed(void)
{
	return ctl_fail(CTL_UNREACHABLE, "the daemon closed the connection");
}

/* Until something comes, the deadline, or the other time, if there is one. */
static int await(struct ctl_conn *c, int64_t until, short events, bool *ret_ready)
{
	struct pollfd p = {.fd = c->fd, .events = events};
	int64_t now = ctl_now(), end = until;

	if (c->deadline && now >= c->deadline)
		return ctl_fail(CTL_TIMEOUT, "no answer in time");
	if (c->deadline && (!until || c->deadline < until))
		end = c->deadline;
	/* a signal, or the time is over: the next turn sees it */
	*ret_ready = poll(&p, 1, !end ? -1 : end > now ? (int)(end - now) : 0) > 0;
	return CTL_OK;
}

/* Reads once, or says why not. */
static int fill(struct ctl_conn *c, int64_t until)
{
	size_t before = c->in.len;
	bool ready;
	uint8_t *room;
	ssize_t n;
	int code = await(c, until, POLLIN, &ready);

	if (code != CTL_OK || !ready)
		return code;
	room = tl_buf_extend(&c->in, READ_SIZE);
	if (!room)
		return ctl_fail(CTL_INTERNAL, "the daemon sent a line of more than %u bytes",
				CTL_MAX_LINE);
	n = recv(c->fd, room, READ_SIZE, 0);
	c->in.len = before + (n > 0 ? (size_t)n : 0);
	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return CTL_OK;
	if (n < 0)
		return ctl_fail(CTL_UNREACHABLE, "the daemon is gone: %s", strerror(errno));
	return n == 0 ? closed() : CTL_OK;
}

int ctl_wait(struct ctl_conn *c, int64_t until)
{
	bool ready;
	int code;

	tl_buf_drop(&c->in, c->taken);
	c->taken = 0;
	if (c->in.len < READ_AHEAD)
		return fill(c, until);
	code = await(c, until, POLLRDHUP, &ready);
	return code == CTL_OK && ready ? closed() : code;
}

bool ctl_ahead(const struct ctl_conn *c, size_t at, struct ctl_slice *ret_line)
{
	size_t from = c->taken + at;
	const char *end;

	if (from >= c->in.len)
		return false;
	ret_line->p = (const char *)c->in.data + from;
	end = memchr(ret_line->p, '\n', c->in.len - from);
	ret_line->n = end ? (size_t)(end - ret_line->p) : 0;
	return end;
}

int ctl_read(struct ctl_conn *c, struct ctl_slice *ret_line)
{
	size_t seen = 0;
	int code;

	tl_buf_drop(&c->in, c->taken);
	c->taken = 0;
	for (;;) {
		const char *text = (const char *)c->in.data;
		const char *end =
			c->in.len > seen ? memchr(text + seen, '\n', c->in.len - seen) : NULL;

		if (end) {
			c->taken = (size_t)(end - text) + 1;
			ret_line->p = text;
			ret_line->n = (size_t)(end - text);
			return CTL_OK;
		}
		seen = c->in.len;
		code = fill(c, 0);
		if (code != CTL_OK)
			return code;
	}
}
