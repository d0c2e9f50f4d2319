/* --data: the world kept over a restart, also over kill -9. The world is a function of its
 * beginning (seed and time) and of what came in since: keys, calls, control requests, timers that
 * fired, each with the time it saw. These are written to a log, each before it is executed, and
 * played again at the next start. Reads that change nothing and faults are left out; what was
 * pushed or answered goes nowhere the second time. */
#include "net.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LOG_NAME "world.log"
#define LOG_VERSION 1u
#define MAX_RECORD (64u << 20)
#define HEAD 4u /* the length; a check of as many bytes follows the record */

enum kind { WORLD = 1, KEY, BIND, DROP, CALL, CONTROL, TIMER };
struct sb_keep {
	int fd;
	bool playing;
	struct tl_buf old; /* what an earlier life wrote */
	size_t at;         /* played up to here */
};

/* ---- writing --------------------------------------------------------------------------------- */
static uint32_t check_of(const uint8_t *p, size_t n)
{
	uint32_t h = 0x811c9dc5u;

	while (n--)
		h = (h ^ *p++) * 0x01000193u;
	return h;
}

/* What follows sees the time of the record, until sb_keep_end. NULL: nothing is to be written. */
static bool begin(struct sandbox *s, enum kind kind, struct tl_buf *ret)
{
	if (!s->keep || s->keep->playing)
		return false;
	s->frozen = sb_now(s);
	tl_put_u8(ret, (uint8_t)kind);
	tl_put_u64(ret, (uint64_t)s->frozen);
	return true;
}

/* The log is all that a test of lost answers has: without it there is no going on. */
static void append(struct sandbox *s, struct tl_buf *record)
{
	struct tl_buf out = {0};

	tl_put_u32(&out, (uint32_t)record->len);
	tl_put(&out, record->data, record->len);
	tl_put_u32(&out, check_of(record->data, record->len));
	if (record->err || out.err || write(s->keep->fd, out.data, out.len) != (ssize_t)out.len) {
		fprintf(stderr, "layerd-sandbox: %s: %s\n", LOG_NAME, strerror(errno));
		abort();
	}
	tl_buf_free(&out);
	tl_buf_free(record);
}

bool sb_keep_playing(const struct sandbox *s)
{
	return s->keep && s->keep->playing;
}

void sb_keep_end(struct sandbox *s)
{
	if (s->keep && !s->keep->playing)
		s->frozen = 0;
}

void sb_keep_key(struct sandbox *s, const struct sb_key *k, const char *ip)
{
	struct tl_buf b = {0};

	if (!begin(s, KEY, &b))
		return;
	tl_put(&b, k->key.key, 256);
	tl_put_u32(&b, (uint32_t)k->dc);
	tl_put_u32(&b, k->temp);
	tl_put_u64(&b, (uint64_t)k->expires);
	tl_put_u64(&b, k->first_salt);
	tl_put_bytes(&b, ip, strlen(ip));
	append(s, &b);
	sb_keep_end(s);
}

void sb_keep_bind(struct sandbox *s, const struct sb_key *temp, const struct sb_key *permanent)
{
	struct tl_buf b = {0};

	if (!begin(s, BIND, &b))
		return;
	tl_put(&b, temp->key.id, 8);
	tl_put(&b, permanent->key.id, 8);
	append(s, &b);
	sb_keep_end(s);
}

void sb_keep_drop(struct sandbox *s, const struct sb_key *k)
{
	struct tl_buf b = {0};

	if (s->frozen || !begin(s, DROP, &b)) /* frozen: by a call, which is in the log */
		return;
	tl_put(&b, k->key.id, 8);
	append(s, &b);
	sb_keep_end(s);
}

/* Methods that are often called and change nothing. */
static bool only_reads(unsigned method)
{
	static const unsigned list[] = {
		TL_help_getConfig,
		TL_help_getNearestDc,
		TL_updates_getState,
		TL_updates_getDifference,
		TL_updates_getChannelDifference,
		TL_users_getUsers,
		TL_messages_getHistory,
		TL_messages_getMessages,
		TL_channels_getMessages,
		TL_upload_getFile,
		TL_contacts_resolveUsername,
	};

	for (size_t i = 0; i < sizeof list / sizeof *list; i++)
		if (list[i] == method)
			return true;
	return false;
}

void sb_keep_call(struct sandbox *s, const struct sb_call *c)
{
	struct tl_buf b = {0};

	if (only_reads(c->request->ctor) || !begin(s, CALL, &b))
		return;
	tl_put(&b, c->auth->key.id, 8);
	tl_put_u64(&b, c->session);
	tl_put_u32(&b, (uint32_t)c->layer);
	tl_put_u32(&b, c->no_updates);
	b.err = b.err ? b.err : tl_encode(&tl_api, c->request, &b);
	append(s, &b);
}

static bool is_act(const char *name)
{
	static const char *const others[] = {
		"messages",   "state", "calls",        "events", "users",
		"login_code", "fault", "clear_faults", "stats",  "set_offline",
		"restart_dc", "reset", "stop",         "help"};

	for (size_t i = 0; i < sizeof others / sizeof *others; i++)
		if (!strcmp(others[i], name))
			return false;
	return true;
}

void sb_keep_control(struct sandbox *s, const char *name, const struct json_t *params)
{
	struct tl_buf b = {0};
	char *text;

	if (!is_act(name) || !begin(s, CONTROL, &b))
		return;
	text = json_dumps(params, JSON_COMPACT);
	tl_put_bytes(&b, name, strlen(name));
	tl_put(&b, text, text ? strlen(text) : 0);
	free(text);
	append(s, &b);
}

void sb_keep_timer(struct sandbox *s, uint64_t number)
{
	struct tl_buf b = {0};

	if (!number || !begin(s, TIMER, &b))
		return;
	tl_put_u64(&b, number);
	append(s, &b);
}

/* ---- beginning ------------------------------------------------------------------------------- */
/* The next whole record; false at the end, or where a kill tore it. */
static bool next(struct sb_keep *k, struct tl_cursor *ret)
{
	struct tl_cursor in = tl_cursor(k->old.data + k->at, k->old.len - k->at);
	uint32_t n = tl_get_u32(&in);
	const uint8_t *record = n <= MAX_RECORD ? tl_get(&in, n) : NULL;

	if (!record || tl_get_u32(&in) != check_of(record, n) || in.err)
		return false;
	k->at += HEAD + n + 4;
	*ret = tl_cursor(record, n);
	return true;
}

static uint8_t get_kind(struct tl_cursor *c)
{
	const uint8_t *p = tl_get(c, 1);

	return p ? *p : 0;
}

static bool read_old(struct sb_keep *k)
{
	uint8_t *room;
	ssize_t n;

	do {
		room = tl_buf_extend(&k->old, 1u << 20);
		n = room ? read(k->fd, room, 1u << 20) : -1;
		if (n >= 0)
			k->old.len -= (1u << 20) - (size_t)n;
	} while (n > 0);
	return n == 0;
}

/* The world begins: anew, or as the log says. */
void sb_keep_world(struct sandbox *s)
{
	struct sb_keep *k = s->keep;
	struct tl_cursor in;
	struct tl_buf b = {0};

	if (!k)
		return;
	if (k->old.len && next(k, &in) && get_kind(&in) == WORLD) {
		s->frozen = (int64_t)tl_get_u64(&in);
		if (tl_get_u32(&in) == LOG_VERSION) {
			s->seed = tl_get_u64(&in);
			k->playing = true;
			return;
		}
	}
	k->at = 0;
	if (ftruncate(k->fd, 0) != 0 || !begin(s, WORLD, &b))
		abort();
	tl_put_u32(&b, LOG_VERSION);
	tl_put_u64(&b, s->seed);
	append(s, &b);
}

/* For this process alone, until its end; a lock of fcntl tells who has it. 0, or why not. */
static const char *lock(int fd, char why[64])
{
	struct flock l;

	do {
		l = (struct flock){.l_type = F_WRLCK, .l_whence = SEEK_SET};
		if (fcntl(fd, F_SETLK, &l) == 0)
			return NULL;
		if ((errno != EAGAIN && errno != EACCES) || fcntl(fd, F_GETLK, &l) != 0)
			return strerror(errno);
	} while (l.l_type == F_UNLCK); /* it has ended meanwhile */
	snprintf(why, 64, "another box (pid %d) uses this folder", (int)l.l_pid);
	return why;
}

static const char *open_log(struct sb_keep *k, const char *dir, char why[64])
{
	char path[4096];
	const char *err;

	snprintf(path, sizeof path, "%s/" LOG_NAME, dir);
	k->fd = open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	if (k->fd < 0)
		return strerror(errno);
	err = lock(k->fd, why);
	if (!err && !read_old(k))
		err = strerror(errno);
	if (err)
		close(k->fd);
	return err;
}

bool sb_keep_open(struct sandbox *s, const char *dir)
{
	struct sb_keep *k = calloc(1, sizeof *k);
	char why[64];
	const char *err = k ? open_log(k, dir, why) : strerror(ENOMEM);

	if (err) {
		fprintf(stderr, "layerd-sandbox: --data %s: %s\n", dir, err);
		free(k);
		return false;
	}
	s->keep = k;
	return true;
}

/* ---- playing --------------------------------------------------------------------------------- */
static struct sb_key *get_key(struct sandbox *s, struct tl_cursor *in)
{
	const uint8_t *id = tl_get(in, 8);

	return id ? sb_key_find(s->net, id) : NULL;
}

static void play_key(struct sandbox *s, struct tl_cursor *in)
{
	const uint8_t *key = tl_get(in, 256);
	int dc = (int)tl_get_u32(in);
	bool temp = tl_get_u32(in);
	int64_t expires = (int64_t)tl_get_u64(in);
	uint64_t salt = tl_get_u64(in);
	struct tl_str ip = tl_get_bytes(in);
	char text[46];

	snprintf(text, sizeof text, "%.*s", (int)ip.len, ip.data ? ip.data : "");
	if (key && sb_key_add(s->net, key, dc, temp, expires, salt, text) != 0)
		fprintf(stderr, "layerd-sandbox: a key of the log is not taken\n");
}

static void play_call(struct sandbox *s, struct tl_cursor *in)
{
	struct sb_key *key = get_key(s, in);
	uint64_t session = tl_get_u64(in);
	int layer = (int)tl_get_u32(in);
	bool no_updates = tl_get_u32(in);
	size_t n = tl_left(in);

	if (key)
		sb_rpc_play(s->net, key->auth, session, layer, no_updates, tl_get(in, n), n);
}

static void play_control(struct sandbox *s, struct tl_cursor *in)
{
	struct tl_str name = tl_get_bytes(in);
	json_t *params = json_loadb((const char *)in->p, tl_left(in), 0, NULL);
	char text[64];

	snprintf(text, sizeof text, "%.*s", (int)name.len, name.data ? name.data : "");
	if (params && !sb_control_play(s->world, text, params))
		fprintf(stderr, "layerd-sandbox: without --control %s is not played\n", text);
	json_decref(params);
}

static void play(struct sandbox *s, struct tl_cursor *in)
{
	uint8_t kind = get_kind(in);
	struct sb_key *a, *b;

	s->frozen = (int64_t)tl_get_u64(in);
	switch ((enum kind)kind) {
	case KEY:
		play_key(s, in);
		break;
	case BIND:
		a = get_key(s, in);
		b = get_key(s, in);
		if (a && b)
			sb_key_bind(a, b->own);
		break;
	case DROP:
		a = get_key(s, in);
		if (a)
			sb_key_drop(s->net, a);
		break;
	case CALL:
		play_call(s, in);
		break;
	case CONTROL:
		play_control(s, in);
		break;
	case TIMER:
		sb_timer_play(s->world, tl_get_u64(in));
		break;
	case WORLD: /* only the first one is */
		break;
	}
}

void sb_keep_play(struct sandbox *s)
{
	struct sb_keep *k = s->keep;
	struct tl_cursor in;

	if (!k || !k->playing)
		return;
	while (next(k, &in))
		play(s, &in);
	if (k->at < k->old.len && ftruncate(k->fd, (off_t)k->at) != 0) /* torn */
		fprintf(stderr, "layerd-sandbox: %s: %s\n", LOG_NAME, strerror(errno));
	s->seed ^= k->at * 0x9e3779b97f4a7c15u; /* what net draws does not come again */
	tl_buf_free(&k->old);
	k->playing = false;
	s->frozen = 0;
	sb_timers_start(s->world);
}

void sb_keep_close(struct sandbox *s)
{
	struct sb_keep *k = s->keep;

	s->keep = NULL; /* the farewell of the world is no part of it */
	if (!k)
		return;
	close(k->fd);
	tl_buf_free(&k->old);
	free(k);
}
