/* What the daemon is measured against: a bare libev server on a Unix socket. echo SOCKET raw gives
 * each line back; echo SOCKET json parses it with jansson and writes a result with the id by hand.
 * One client at a time. */
#include <ev.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

struct echo {
	ev_io io;
	int json;
	size_t in_n, out_n;
	char in[1 << 20], out[1 << 20];
};

static void answer(struct echo *e, const char *line, size_t n)
{
	json_t *root;

	if (!e->json) {
		memcpy(e->out + e->out_n, line, n + 1);
		e->out_n += n + 1;
		return;
	}
	root = json_loadb(line, n, 0, NULL);
	e->out_n += (size_t)snprintf(e->out + e->out_n, sizeof e->out - e->out_n,
				     "{\"jsonrpc\":\"2.0\",\"id\":%lld,\"result\":{}}\n",
				     (long long)json_integer_value(json_object_get(root, "id")));
	json_decref(root);
}

static void on_read(struct ev_loop *loop, ev_io *io, int events)
{
	struct echo *e = (struct echo *)io;
	ssize_t r = read(io->fd, e->in + e->in_n, sizeof e->in - e->in_n);
	char *p = e->in, *end, *lf;

	(void)events;
	if (r <= 0) {
		ev_io_stop(loop, io);
		close(io->fd);
		e->in_n = 0;
		return;
	}
	end = e->in + e->in_n + r;
	for (; (lf = memchr(p, '\n', (size_t)(end - p))); p = lf + 1)
		answer(e, p, (size_t)(lf - p));
	e->in_n = (size_t)(end - p);
	memmove(e->in, p, e->in_n);
	if (e->out_n && write(io->fd, e->out, e->out_n) != (ssize_t)e->out_n)
		abort(); /* the load generator always reads */
	e->out_n = 0;
}

static struct echo echo;

static void on_client(struct ev_loop *loop, ev_io *io, int events)
{
	int fd = accept(io->fd, NULL, NULL);

	(void)events;
	if (fd < 0)
		return;
	ev_io_init(&echo.io, on_read, fd, EV_READ);
	ev_io_start(loop, &echo.io);
}

int main(int argc, char **argv)
{
	struct sockaddr_un sa = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	ev_io listener;

	if (argc != 3)
		return 2;
	echo.json = strcmp(argv[2], "json") == 0;
	snprintf(sa.sun_path, sizeof sa.sun_path, "%s", argv[1]);
	if (bind(fd, (struct sockaddr *)&sa, sizeof sa) != 0 || listen(fd, 8) != 0) {
		perror(argv[1]);
		return 1;
	}
	ev_io_init(&listener, on_client, fd, EV_READ);
	ev_io_start(EV_DEFAULT, &listener);
	ev_run(EV_DEFAULT, 0);
	return 0;
}
