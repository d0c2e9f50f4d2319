/* TDLib's way of connecting, which its closed list of servers keeps us from trying with TDLib
 * itself: obfuscated intermediate, DC 1 first, nine sessions on one key, every call wrapped in
 * invokeWithLayer and initConnection for ever, the configuration asked until this_dc is right, the
 * authorisation exported to another data centre. */
#include "rig.h"

#include "tl_schema.h"

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#define SESSIONS 9
#define ROUNDS 5
#define PATIENCE 60 /* s */

struct line { /* one session: a client of proto's and its socket */
	struct mt_client *c;
	int fd, dc;
	uint8_t key[256];
	bool has_key;
	uint64_t query; /* that is under way, 0 = none */
	unsigned method;
	unsigned answers, errors, updates;
	struct tl_buf body; /* of the last answer; texts of answer lie in it */
	struct tl_arena arena;
	struct tl_obj *answer;
};
struct tdlib {
	struct rig r;
	struct line lines[2 * SESSIONS];
	unsigned count;
};

static struct line *line_new(struct tdlib *t, int dc, const struct line *key_of)
{
	struct mt_client_options o = {.dc = dc, .rsa = &t->r.rsa, .rsa_count = 1};
	struct line *l = &t->lines[t->count++];

	CHECK_INT(mt_transport_parse("obfuscated-intermediate", &o.transport), 0);
	o.has_key = key_of;
	if (key_of)
		memcpy(o.key, key_of->key, sizeof o.key);
	l->fd = -1;
	l->dc = dc;
	tl_arena_init(&l->arena, 1 << 20);
	l->c = mt_client_new(&o, &t->r.env, rig_time());
	CHECK(l->c);
	return l;
}

/* ---- what a session hears -------------------------------------------------------------------- */
static void answered(struct line *l, const struct mt_event *e)
{
	struct tl_cursor in;

	CHECK(e->query == l->query);
	l->query = 0;
	l->answers++;
	tl_buf_clear(&l->body);
	tl_put(&l->body, e->data, e->n);
	in = tl_cursor(l->body.data, l->body.len);
	tl_arena_free(&l->arena);
	tl_arena_init(&l->arena, 1 << 20);
	l->answer = NULL;
	CHECK_INT(tl_decode_result(&tl_api, l->method, &l->arena, &in, &l->answer, NULL), 0);
}

static void handle(struct tdlib *t, struct line *l, const struct mt_event *e)
{
	if (e->kind == MT_EV_CONNECT) {
		l->fd = rig_dial(t->r.ports[l->dc]);
		mt_client_opened(l->c, rig_time());
	} else if (e->kind == MT_EV_CLOSE) {
		close(l->fd);
		l->fd = -1;
		mt_client_lost(l->c, rig_time());
	} else if (e->kind == MT_EV_JOB) {
		e->job->run(e->job);
		mt_client_job_done(l->c, e->job, rig_time());
	} else if (e->kind == MT_EV_KEY) {
		memcpy(l->key, e->data, sizeof l->key);
		l->has_key = true;
	} else if (e->kind == MT_EV_RESULT) {
		answered(l, e);
	} else if (e->kind == MT_EV_RPC_ERROR || e->kind == MT_EV_FAILED) {
		test_fail(__FILE__, __LINE__, "error %d %.*s", e->code, (int)e->n, (char *)e->data);
	} else if (e->kind == MT_EV_UPDATE) {
		l->updates++;
	}
}

static void turn(struct tdlib *t)
{
	struct pollfd p[2 * SESSIONS];
	uint8_t bytes[16384];

	for (unsigned i = 0; i < t->count; i++) {
		struct line *l = &t->lines[i];
		struct mt_event e;

		mt_client_tick(l->c, rig_time());
		while (mt_client_next(l->c, &e))
			handle(t, l, &e);
		if (l->fd >= 0)
			rig_put(l->fd, mt_client_out(l->c, rig_time()));
		p[i] = (struct pollfd){.fd = l->fd, .events = POLLIN};
	}
	poll(p, t->count, 10);
	for (unsigned i = 0; i < t->count; i++) {
		struct line *l = &t->lines[i];
		ssize_t n = p[i].revents ? read(l->fd, bytes, sizeof bytes) : -1;

		if (n > 0) {
			CHECK_INT(mt_client_feed(l->c, bytes, (size_t)n, rig_time()), 0);
		} else if (n == 0) {
			close(l->fd);
			l->fd = -1;
			mt_client_lost(l->c, rig_time());
		}
	}
}

static bool busy(const struct tdlib *t)
{
	for (unsigned i = 0; i < t->count; i++)
		if (t->lines[i].query || !t->lines[i].has_key)
			return true;
	return false;
}

/* Until all that was asked is answered. */
static void settle(struct tdlib *t)
{
	int64_t end = rig_now() + PATIENCE;

	while (busy(t)) {
		CHECK(rig_now() < end);
		turn(t);
	}
}

/* ---- what it says ---------------------------------------------------------------------------- */
static void ask(struct line *l, const struct tl_obj *method)
{
	struct tl_buf b = {0};

	l->method = method->ctor;
	tl_put_u32(&b, TL_ID_invokeWithLayer);
	tl_put_u32(&b, tl_layer(&tl_api));
	tl_put_u32(&b, TL_ID_initConnection);
	tl_put_u32(&b, 0);
	tl_put_u32(&b, 1);
	for (int i = 0; i < 6; i++)
		tl_put_bytes(&b, "x", 1);
	CHECK_INT(tl_encode(&tl_api, method, &b), 0);
	CHECK_INT(mt_client_send(l->c, b.data, b.len, MT_QUERY_NO_INIT, 0, &l->query, rig_time()),
		  0);
	tl_buf_free(&b);
}

static void ask_config(struct tdlib *t, struct line *l)
{
	struct tl_help_getConfig m = {{TL_help_getConfig}};

	ask(l, &m.obj);
	settle(t);
	CHECK(l->answer && l->answer->ctor == TL_config);
	CHECK_INT(((const struct tl_config *)l->answer)->this_dc, l->dc);
}

static void ask_self(struct line *l)
{
	struct tl_inputUserSelf self = {{TL_inputUserSelf}};
	struct tl_obj *one = &self.obj;
	struct tl_users_getUsers m = {{TL_users_getUsers}, {&one, 1}};

	ask(l, &m.obj);
}

static void login(struct tdlib *t, struct line *l)
{
	const char *answer =
		rig_ask(&t->r, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"create_bot\","
			       "\"params\":{\"username\":\"tdlib_bot\"}}");
	const char *token = strstr(answer, "\"token\":\"");
	struct tl_auth_importBotAuthorization m = {.obj = {TL_auth_importBotAuthorization}};
	char text[100];

	CHECK(token && sscanf(token + 9, "%99[^\"]", text) == 1);
	m.api_id = 1;
	m.api_hash = tl_str("0");
	m.bot_auth_token = tl_str(text);
	ask(l, &m.obj);
	settle(t);
	CHECK(l->answer && l->answer->ctor == TL_auth_authorization);
}

static void all_sessions_work(struct tdlib *t, unsigned from, struct line *first)
{
	first->has_key = true;
	while (t->count < from + SESSIONS)
		line_new(t, first->dc, first)->has_key = true;
	for (int round = 0; round < ROUNDS; round++) {
		for (unsigned i = from; i < t->count; i++)
			ask_self(&t->lines[i]);
		settle(t);
	}
	for (unsigned i = from; i < t->count; i++)
		CHECK(t->lines[i].answers >= ROUNDS);
}

TEST_T(tdlib_connects, 120)
{
	struct tdlib *t = calloc(1, sizeof *t);
	struct tl_auth_exportAuthorization export = {{TL_auth_exportAuthorization}, 2};
	struct tl_auth_importAuthorization import = {.obj = {TL_auth_importAuthorization}};
	const struct tl_auth_exportedAuthorization *exported;
	struct line *main, *second;
	char connections[64];

	rig_open(&t->r);
	main = line_new(t, 1, NULL);
	ask_config(t, main);
	login(t, main);
	all_sessions_work(t, 0, main);
	snprintf(connections, sizeof connections, "\"connections\":%d",
		 SESSIONS + 1); /* the rig's */
	rig_control(&t->r, "{\"jsonrpc\":\"2.0\",\"id\":2,\"method\":\"stats\"}", connections);
	ask(main, &export.obj);
	settle(t);
	exported = (const struct tl_auth_exportedAuthorization *)main->answer;
	CHECK(exported && exported->obj.ctor == TL_auth_exportedAuthorization);
	second = line_new(t, 2, NULL);
	ask_config(t, second);
	import.id = exported->id;
	import.bytes = exported->bytes;
	ask(second, &import.obj);
	settle(t);
	CHECK(second->answer && second->answer->ctor == TL_auth_authorization);
	all_sessions_work(t, SESSIONS, second);
	for (unsigned i = 0; i < t->count; i++) {
		mt_client_free(t->lines[i].c);
		close(t->lines[i].fd);
		tl_arena_free(&t->lines[i].arena);
		tl_buf_free(&t->lines[i].body);
	}
	rig_close(&t->r);
	free(t);
}
