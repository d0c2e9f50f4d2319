/* The control socket: JSON-RPC 2.0, a line each, over a Unix socket. Owned here: connections and
 * requests; what the methods do is in control_*.c. A request outlives its connection. */
#include "tests/sandbox/world.h"

#include <errno.h>
#include <ev.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define CONTROL_MAX_LINE (8u << 20)
#define CONTROL_MAX_BATCH 100

struct client {
	ev_io read, write;
	struct sb_control *control;
	int fd;
	struct tl_buf in, out;
	unsigned pending;
	bool ended; /* the peer wrote all it had */
	struct client *next;
};
struct batch { /* answers of one line that was an array */
	json_t *answers;
	unsigned waiting;
};
struct sb_request {
	struct sb_control *control;
	struct client *client; /* NULL: gone */
	struct batch *batch;   /* or NULL */
	json_t *id;            /* NULL: a notification */
	struct sb_request *next;
};
struct sb_control {
	struct sb_world *w;
	ev_io accept;
	int fd;
	char *path;
	struct stat own; /* what path was when it was bound */
	struct client *clients;
	struct sb_request *requests;
};

/* ---- connections ----------------------------------------------------------------------------- */
static void client_free(struct client *c)
{
	struct client **p = &c->control->clients;
	struct ev_loop *loop = c->control->w->s->loop;

	while (*p != c)
		p = &(*p)->next;
	*p = c->next;
	for (struct sb_request *r = c->control->requests; r; r = r->next)
		if (r->client == c)
			r->client = NULL;
	ev_io_stop(loop, &c->read);
	ev_io_stop(loop, &c->write);
	close(c->fd);
	tl_buf_free(&c->in);
	tl_buf_free(&c->out);
	free(c);
}

static void client_write(struct ev_loop *loop, ev_io *io, int revents)
{
	struct client *c = io->data;
	ssize_t n = send(c->fd, c->out.data, c->out.len, MSG_NOSIGNAL);

	(void)revents;
	if (n < 0 && errno != EAGAIN && errno != EINTR) {
		client_free(c);
		return;
	}
	if (n > 0)
		tl_buf_drop(&c->out, (size_t)n);
	if (c->out.len)
		return;
	ev_io_stop(loop, &c->write);
	if (c->ended && !c->pending)
		client_free(c);
}

static void client_send(struct client *c, json_t *answer)
{
	char *text = json_dumps(answer, JSON_COMPACT);

	if (text) {
		tl_put_text(&c->out, text);
		tl_put_u8(&c->out, '\n');
		ev_io_start(c->control->w->s->loop, &c->write);
	}
	free(text);
}

/* ---- requests -------------------------------------------------------------------------------- */
static void request_answer(struct sb_request *r, json_t *answer)
{
	struct sb_request **p = &r->control->requests;

	while (*p != r)
		p = &(*p)->next;
	*p = r->next;
	json_object_set_new(answer, "jsonrpc", json_string("2.0"));
	json_object_set(answer, "id", r->id ? r->id : json_null());
	if (r->batch) {
		if (r->id || json_object_get(answer, "error"))
			json_array_append(r->batch->answers, answer);
		if (!--r->batch->waiting) {
			if (r->client && json_array_size(r->batch->answers))
				client_send(r->client, r->batch->answers);
			json_decref(r->batch->answers);
			free(r->batch);
		}
	} else if (r->client && (r->id || json_object_get(answer, "error"))) {
		client_send(r->client, answer);
	}
	if (r->client) {
		r->client->pending--;
		ev_io_start(r->control->w->s->loop, &r->client->write); /* it closes when ended */
	}
	json_decref(answer);
	json_decref(r->id);
	free(r);
}

void sb_request_done(struct sb_request *r, json_t *result)
{
	request_answer(r, json_pack("{s:o}", "result", result ? result : json_object()));
}

void sb_request_fail(struct sb_request *r, int code, const char *text)
{
	request_answer(r, json_pack("{s:{s:i,s:s}}", "error", "code", code, "message", text));
}

static sb_control_fn help;
static const struct sb_control_row control_self[] = {
	{"help", "", "this list", help},
	{NULL, NULL, NULL, NULL},
};
static const struct sb_control_row *const tables[] = {
	sb_control_acts, sb_control_oracle, sb_control_world, sb_control_login, control_self,
};
#define TABLES (sizeof(tables) / sizeof(*tables))

static const struct sb_control_row *find(const char *name)
{
	for (size_t i = 0; i < TABLES; i++)
		for (const struct sb_control_row *row = tables[i]; row->name; row++)
			if (!strcmp(row->name, name))
				return row;
	return NULL;
}

static json_t *names_json(const char *names)
{
	json_t *list = json_array();

	for (size_t n; *names; names += n + strspn(names + n, " ")) {
		n = strcspn(names, " ");
		json_array_append_new(list, json_stringn(names, n));
	}
	return list;
}

static void help(struct sb_world *w, struct sb_request *r, json_t *params)
{
	json_t *list = json_array();

	(void)w, (void)params;
	for (size_t i = 0; i < TABLES; i++)
		for (const struct sb_control_row *row = tables[i]; row->name; row++)
			json_array_append_new(list, json_pack("{s:s,s:o,s:s}", "name", row->name,
							      "params", names_json(row->params),
							      "doc", row->doc));
	sb_request_done(r, json_pack("{s:o}", "methods", list));
}

static bool takes(const struct sb_control_row *row, const char *name)
{
	size_t n = strlen(name);

	for (const char *p = row->params; p && *p; p += strspn(p, " ")) {
		size_t len = strcspn(p, " ");

		if (len == n && !memcmp(p, name, n))
			return true;
		p += len;
	}
	return false;
}

static void request_run(struct client *c, struct batch *batch, json_t *o)
{
	struct sb_request *r = calloc(1, sizeof(*r));
	const char *name = json_string_value(json_object_get(o, "method"));
	json_t *params = json_object_get(o, "params");
	const struct sb_control_row *row;
	const char *key;
	json_t *value;
	char text[96];

	if (!r)
		abort();
	r->control = c->control;
	r->client = c;
	r->batch = batch;
	r->id = json_incref(json_object_get(o, "id"));
	r->next = c->control->requests;
	c->control->requests = r;
	c->pending++;
	if (!name) {
		sb_request_fail(r, -32600, "not a request");
		return;
	}
	row = find(name);
	if (!row) {
		sb_request_fail(r, -32601, "no such method; help lists them");
		return;
	}
	if (params && !json_is_null(params) && !json_is_object(params)) {
		sb_request_fail(r, -32602, "params must be an object");
		return;
	}
	params = json_is_object(params) ? json_incref(params) : json_object();
	json_object_foreach(params, key, value)
	{
		if (takes(row, key))
			continue;
		snprintf(text, sizeof(text), "%.60s: no such parameter", key);
		sb_request_fail(r, -32602, text);
		json_decref(params);
		return;
	}
	sb_keep_control(c->control->w->s, name, params);
	row->fn(c->control->w, r, params);
	sb_keep_end(c->control->w->s);
	json_decref(params);
}

bool sb_control_play(struct sb_world *w, const char *name, json_t *params)
{
	const struct sb_control_row *row = find(name);
	struct sb_request *r = w->control ? calloc(1, sizeof(*r)) : NULL;

	if (!r || !row) {
		free(r);
		return false;
	}
	r->control = w->control;
	r->next = w->control->requests;
	w->control->requests = r;
	row->fn(w, r, params);
	return true;
}

static void fail_line(struct client *c, int code, const char *text)
{
	json_t *o = json_pack("{s:s,s:n,s:{s:i,s:s}}", "jsonrpc", "2.0", "id", "error", "code",
			      code, "message", text);

	client_send(c, o);
	json_decref(o);
}

static void line_run(struct client *c, const char *line, size_t n)
{
	json_t *o, *item;
	json_error_t err;
	struct batch *batch;
	size_t i;

	while (n && strchr(" \t\r", line[n - 1]))
		n--;
	if (!n)
		return;
	o = json_loadb(line, n, 0, &err);
	if (!o) {
		fail_line(c, -32700, err.text);
		return;
	}
	if (!json_is_array(o)) {
		request_run(c, NULL, o);
	} else if (!json_array_size(o) || json_array_size(o) > CONTROL_MAX_BATCH) {
		fail_line(c, -32600, "a batch holds 1 to 100 requests");
	} else {
		batch = calloc(1, sizeof(*batch));
		if (!batch)
			abort();
		batch->answers = json_array();
		batch->waiting = (unsigned)json_array_size(o);
		json_array_foreach(o, i, item) request_run(c, batch, item);
	}
	json_decref(o);
}

static void lines_run(struct client *c)
{
	char *nl;

	while (c->in.len && (nl = memchr(c->in.data, '\n', c->in.len))) {
		size_t n = (size_t)(nl - (char *)c->in.data);

		line_run(c, (char *)c->in.data, n);
		tl_buf_drop(&c->in, n + 1);
	}
	if (c->ended && c->in.len) {
		line_run(c, (char *)c->in.data, c->in.len);
		tl_buf_clear(&c->in);
	}
	if (c->in.len > CONTROL_MAX_LINE) {
		fail_line(c, -32001, "line too long");
		tl_buf_clear(&c->in);
	}
}

static void client_read(struct ev_loop *loop, ev_io *io, int revents)
{
	struct client *c = io->data;
	char buf[65536];
	ssize_t n = recv(c->fd, buf, sizeof(buf), 0);

	(void)revents;
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n < 0) {
		client_free(c);
		return;
	}
	if (n == 0) {
		ev_io_stop(loop, &c->read);
		c->ended = true;
		ev_io_start(loop, &c->write);
	} else {
		tl_put(&c->in, buf, (size_t)n);
	}
	lines_run(c);
}

static void client_accept(struct ev_loop *loop, ev_io *io, int revents)
{
	struct sb_control *ctl = io->data;
	int fd = accept4(ctl->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	struct client *c;

	(void)revents;
	if (fd < 0)
		return;
	c = calloc(1, sizeof(*c));
	if (!c) {
		close(fd);
		return;
	}
	c->control = ctl;
	c->fd = fd;
	c->next = ctl->clients;
	ctl->clients = c;
	ev_io_init(&c->read, client_read, fd, EV_READ);
	ev_io_init(&c->write, client_write, fd, EV_WRITE);
	c->read.data = c->write.data = c;
	ev_io_start(loop, &c->read);
}

/* ---- the socket ------------------------------------------------------------------------------ */
static bool refuse(const char *path, const char *why)
{
	fprintf(stderr, "layerd-sandbox: control socket %s: %s\n", path, why);
	return false;
}

bool sb_control_clear(const char *path)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	struct stat st;
	int fd, rc, e;

	if (strlen(path) >= sizeof(addr.sun_path))
		return refuse(path, "a socket's path has at most 107 characters");
	memcpy(addr.sun_path, path, strlen(path));
	if (lstat(path, &st))
		return errno == ENOENT || refuse(path, strerror(errno));
	if (!S_ISSOCK(st.st_mode))
		return refuse(path, "something that is no socket lies there; remove it");
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return refuse(path, strerror(errno));
	rc = connect(fd, (struct sockaddr *)&addr, sizeof(addr));
	e = errno;
	close(fd);
	if (rc == 0 || e == EAGAIN)
		return refuse(path, "another box listens there");
	if (e != ECONNREFUSED)
		return refuse(path, strerror(e));
	return unlink(path) == 0 || refuse(path, strerror(errno));
}

struct sb_control *sb_control_new(struct sb_world *w, const char *path)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	struct sb_control *c = calloc(1, sizeof(*c));
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	snprintf(addr.sun_path, sizeof(addr.sun_path), "%s", path);
	if (!c || fd < 0 || bind(fd, (struct sockaddr *)&addr, sizeof(addr)))
		goto fail;
	if (lstat(path, &c->own) || listen(fd, 64))
		goto fail;
	c->w = w;
	c->fd = fd;
	c->path = strdup(path);
	ev_io_init(&c->accept, client_accept, fd, EV_READ);
	c->accept.data = c;
	ev_io_start(w->s->loop, &c->accept);
	return c;
fail:
	refuse(path, strerror(errno));
	if (fd >= 0)
		close(fd);
	free(c);
	return NULL;
}

/* Before it is closed: until then nobody else's file can have its number. */
static void unlink_own(const struct sb_control *c)
{
	struct stat st;

	if (lstat(c->path, &st) == 0 && st.st_dev == c->own.st_dev && st.st_ino == c->own.st_ino)
		unlink(c->path);
}

/* What is still written goes out before the end. */
static void client_finish(struct client *c)
{
	if (c->out.len)
		(void)!send(c->fd, c->out.data, c->out.len, MSG_NOSIGNAL);
	client_free(c);
}

void sb_control_free(struct sb_control *c)
{
	if (!c)
		return;
	while (c->requests)
		sb_request_fail(c->requests, -32004, "the sandbox is ending");
	while (c->clients)
		client_finish(c->clients);
	ev_io_stop(c->w->s->loop, &c->accept);
	unlink_own(c);
	close(c->fd);
	free(c->path);
	free(c);
}

void sb_control_reset(struct sb_control *c)
{
	while (c && c->requests)
		sb_request_fail(c->requests, -32800, "the world was reset");
}

/* ---- parameters ------------------------------------------------------------------------------ */
int64_t sb_param_peer(struct sb_world *w, struct sb_request *r, json_t *params, const char *name)
{
	json_t *v = json_object_get(params, name);
	const char *s = json_string_value(v);
	int64_t peer = 0;
	char text[96];

	if (json_is_integer(v))
		peer = json_integer_value(v);
	else if (s && (*s == '-' || (*s >= '0' && *s <= '9')))
		peer = strtoll(s, NULL, 10);
	else if (s && *s == '+' && sb_phone_clean(w, tl_str(s)) &&
		 sb_phone_find(w, sb_phone_clean(w, tl_str(s))))
		peer = sb_phone_find(w, sb_phone_clean(w, tl_str(s)))->id;
	else if (s)
		peer = sb_username_find(w, tl_str(s));
	if (sb_user(w, peer) || sb_chat(w, peer))
		return peer;
	snprintf(text, sizeof(text), v ? "%s: nobody of that name" : "%s is missing", name);
	sb_request_fail(r, -32602, text);
	return 0;
}

struct sb_user *sb_param_user(struct sb_world *w, struct sb_request *r, json_t *params,
			      const char *name)
{
	int64_t peer = sb_param_peer(w, r, params, name);

	if (peer < 0)
		sb_request_fail(r, -32602, "not a user");
	return sb_user(w, peer);
}

const char *sb_param_text(json_t *params, const char *name)
{
	return json_string_value(json_object_get(params, name));
}

int64_t sb_param_int(json_t *params, const char *name, int64_t otherwise)
{
	json_t *v = json_object_get(params, name);

	return json_is_integer(v) ? json_integer_value(v) : otherwise;
}

bool sb_param_bool(json_t *params, const char *name)
{
	return json_is_true(json_object_get(params, name));
}
