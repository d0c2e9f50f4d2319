/* The mock server: see mock.h. Apart from the sandbox and written from the documentation. */
#include "tests/unit/proto/mock.h"

static const uint8_t init_header[] = {0x0d, 0x0d, 0x9b, 0xda, 0xe4, 0, 0, 0,
				      0xa9, 0x5e, 0xcd, 0xc1, 7,    7, 7, 7};

/* ---- calls of the client, armed for harness_alloc.c
 * ------------------------------------------------------ */

static void make_client(struct mock *m)
{
	test_alloc_arm(true);
	m->c = mt_client_new(&m->o, &m->env, m->now);
	if (m->c)
		mt_client_set_init(m->c, init_header, sizeof init_header);
	test_alloc_arm(false);
	CHECK(m->c || test_alloc_failed());
}

static void free_client(struct mock *m)
{
	test_alloc_arm(true);
	mt_client_free(m->c);
	test_alloc_arm(false);
}

static void feed(struct mock *m, const void *data, size_t n)
{
	int err;

	test_alloc_arm(true);
	err = mt_client_feed(m->c, data, n, m->now);
	test_alloc_arm(false);
	CHECK(err == 0 || (err == -TG_E_NOMEM && test_alloc_failed()));
}

static struct tl_buf *take_out(struct mock *m)
{
	struct tl_buf *out;

	test_alloc_arm(true);
	out = mt_client_out(m->c, m->now);
	test_alloc_arm(false);
	return out;
}

bool mock_next(struct mock *m, struct mt_event *ret)
{
	bool any;

	test_alloc_arm(true);
	any = mt_client_next(m->c, ret);
	test_alloc_arm(false);
	return any;
}

void mock_tick(struct mock *m)
{
	test_alloc_arm(true);
	mt_client_tick(m->c, m->now);
	test_alloc_arm(false);
}

void mock_lose(struct mock *m)
{
	test_alloc_arm(true);
	mt_client_lost(m->c, m->now);
	test_alloc_arm(false);
}

void mock_accept(struct mock *m)
{
	mt_link_free(m->link);
	m->link = mt_link_accept(&m->env);
	m->connections++;
	test_alloc_arm(true);
	mt_client_opened(m->c, m->now);
	test_alloc_arm(false);
}

/* ---- life
 * ---------------------------------------------------------------------------------------- */

struct mock *mock_new(const char *transport, bool has_key)
{
	struct mock *m = calloc(1, sizeof *m);
	uint8_t key[256];

	m->random.state = 99;
	m->out_left = m->in_left = SIZE_MAX;
	m->env = (struct mt_env){.random = fixed_random, .ctx = &m->random};
	m->now = (struct mt_time){0, MOCK_EPOCH * NS};
	m->salt = 0x5a17;
	m->last_msg_id =
		mt_msgid_of(MOCK_EPOCH * NS) + 0x10000; /* the round ids are the vectors' */
	m->o = (struct mt_client_options){
		.dc = 2, .test = true, .rsa = server_rsa(), .rsa_count = 1, .has_key = has_key};
	CHECK(mt_transport_parse(transport, &m->o.transport) == 0);
	if (has_key) {
		fixed_random(&m->random, key, sizeof key);
		memcpy(m->o.key, key, sizeof key);
		CHECK(mt_key_init(&m->key, key) == 0);
		for (int i = 0; i < 3; i++)
			m->o.salts[m->o.salt_count++] =
				(struct mt_salt){0, MOCK_EPOCH + 864000 + i, m->salt};
	}
	server_init(&m->server, 7, BEND_NONE);
	m->server.time = MOCK_EPOCH;
	make_client(m);
	return m;
}

void mock_again(struct mock *m)
{
	free_client(m);
	make_client(m);
}

void mock_clear(struct mock *m)
{
	for (size_t i = 0; i < m->n; i++)
		free(m->m[i].body);
	m->n = m->seen = 0;
}

void mock_free(struct mock *m)
{
	free_client(m);
	mt_link_free(m->link);
	mock_clear(m);
	free(m);
}

/* ---- time and events ------------------------------------------------------------------------- */

void mock_pass(struct mock *m, int64_t ns)
{
	int64_t end = m->now.boot + ns;

	while (mt_client_deadline(m->c) <= end) {
		int64_t at = mt_client_deadline(m->c),
			step = at > m->now.boot ? at - m->now.boot : 0;

		m->now.boot += step;
		m->now.real += step;
		mock_tick(m);
		mock_pump(m);
		CHECK(mt_client_deadline(m->c) > m->now.boot); /* no busy loop */
	}
	m->now.real += end - m->now.boot;
	m->now.boot = end;
}

static const char *event_name(enum mt_event_kind kind)
{
	static const char *const names[] = {
		"CONNECT",   "CLOSE",      "JOB",       "KEY",
		"SALTS",     "TIME",       "ONLINE",    "NEW_SESSION",
		"QUICK_ACK", "RESULT",     "RPC_ERROR", "FAILED",
		"UPDATE",    "UNREADABLE", "KEY_LOST",  "TRANSPORT_ERROR",
		"PROXY"};

	return names[kind];
}

struct mt_event mock_event(struct mock *m, enum mt_event_kind kind)
{
	struct mt_event ev;

	if (!mock_next(m, &ev))
		test_fail(__FILE__, __LINE__, "no event, want %s", event_name(kind));
	if (ev.kind != kind)
		test_fail(__FILE__, __LINE__, "event %s code %d, want %s", event_name(ev.kind),
			  ev.code, event_name(kind));
	return ev;
}

void mock_quiet(struct mock *m)
{
	struct mt_event ev;

	if (mock_next(m, &ev))
		test_fail(__FILE__, __LINE__, "event %s, want none", event_name(ev.kind));
}

/* A job belongs to whoever pulled it. */
static void drop_event(const struct mt_event *ev)
{
	if (ev->kind == MT_EV_JOB)
		ev->job->free(ev->job);
}

struct mt_event mock_until(struct mock *m, enum mt_event_kind kind)
{
	struct mt_event ev;

	for (;;) {
		if (!mock_next(m, &ev))
			test_fail(__FILE__, __LINE__, "no event %s came", event_name(kind));
		if (ev.kind == kind)
			return ev;
		drop_event(&ev);
	}
}

/* ---- connections ----------------------------------------------------------------------------- */

void mock_connect(struct mock *m)
{
	mock_event(m, MT_EV_CONNECT);
	mock_accept(m);
}

void mock_pong_to(struct mock *m, const struct mock_message *ping)
{
	struct tl_buf body = {.len = 0};

	tl_put_u32(&body, WIRE_PONG);
	tl_put_u64(&body, ping->h.msg_id);
	tl_put(&body, ping->body + 4, 8);
	mock_say(m, true, false, &body);
	tl_buf_free(&body);
}

void mock_open(struct mock *m)
{
	mock_connect(m);
	mock_pump(m);
	mock_pong_to(m, mock_expect(m, WIRE_PING_DELAY_DISCONNECT));
	mock_until(m, MT_EV_ONLINE);
}

void mock_handle(struct mock *m, const struct mt_event *ev)
{
	if (ev->kind == MT_EV_JOB) {
		test_alloc_arm(true);
		ev->job->run(ev->job);
		mt_client_job_done(m->c, ev->job, m->now);
		test_alloc_arm(false);
	} else if (ev->kind == MT_EV_KEY) {
		CHECK_INT(ev->n, 256);
		CHECK_MEM(ev->data, m->server.key, 256);
		CHECK(mt_key_init(&m->key, ev->data) == 0);
	} else if (ev->kind == MT_EV_SALTS) {
		CHECK_INT(ev->n, sizeof(struct mt_salt));
	}
}

void mock_exchange(struct mock *m)
{
	struct mt_event ev;

	for (int i = 0; i < 100 && !m->n; i++) {
		mock_pump(m);
		while (mock_next(m, &ev))
			mock_handle(m, &ev);
	}
}

void mock_reconnect_only(struct mock *m)
{
	struct mt_event ev;

	for (;;) {
		while (mock_next(m, &ev)) {
			if (ev.kind != MT_EV_CONNECT) {
				drop_event(&ev);
				continue;
			}
			mock_accept(m);
			return;
		}
		CHECK(mt_client_deadline(m->c) < INT64_MAX);
		mock_pass(m, mt_client_deadline(m->c) - m->now.boot);
	}
}

void mock_reconnect(struct mock *m)
{
	mock_reconnect_only(m);
	mock_pump(m);
}

/* ---- what the client says -------------------------------------------------------------------- */

static void peel(struct mock_message *g, const uint8_t *body, size_t n)
{
	struct tl_buf plain = {.len = 0};
	struct tl_cursor c = tl_cursor(body, n);

	if (tl_peek_u32(&c) == WIRE_GZIP_PACKED) {
		g->zipped = true;
		CHECK(mt_inbox_unzip(body, n, &(size_t){MT_UNZIP_BYTES}, &plain) == 0);
		c = tl_cursor(plain.data, plain.len);
	}
	if (tl_peek_u32(&c) == WIRE_INVOKE_AFTER_MSG) {
		tl_get_u32(&c);
		g->after = tl_get_u64(&c);
	}
	if (tl_left(&c) > sizeof init_header && memcmp(c.p, init_header, sizeof init_header) == 0) {
		g->wrapped = true;
		tl_get(&c, sizeof init_header);
	}
	g->number = tl_peek_u32(&c);
	g->n = tl_left(&c);
	g->body = malloc(g->n + 1);
	memcpy(g->body, c.p, g->n);
	tl_buf_free(&plain);
}

static void take(struct mock *m, const struct mt_header *h, uint64_t outer, const uint8_t *body,
		 size_t n)
{
	struct mock_message *g = &m->m[m->n++];

	CHECK(m->n <= MOCK_MESSAGES);
	memset(g, 0, sizeof *g);
	g->h = *h;
	g->outer = outer;
	g->packet = m->packets;
	peel(g, body, n);
}

/* D.4: the ids inside go up and stay below the container's. */
static void take_container(struct mock *m, const struct mt_header *h, struct tl_cursor c)
{
	uint32_t count = (tl_get_u32(&c), tl_get_u32(&c));
	uint64_t last = 0;

	CHECK(count > 1 && count <= MT_CONTAINER_MESSAGES);
	CHECK(!(h->seqno & 1));
	while (count--) {
		struct mt_header inner = *h;
		const uint8_t *body;
		uint32_t n;

		inner.msg_id = tl_get_u64(&c);
		inner.seqno = tl_get_u32(&c);
		n = tl_get_u32(&c);
		body = tl_get(&c, n);
		CHECK(!c.err && n % 4 == 0);
		CHECK(inner.msg_id > last && inner.msg_id < h->msg_id);
		last = inner.msg_id;
		take(m, &inner, h->msg_id, body, n);
	}
	CHECK(!tl_left(&c));
}

static void say_plain(struct mock *m, uint64_t msg_id, const struct tl_buf *body)
{
	struct tl_buf packet = {.len = 0};

	tl_put_u64(&packet, 0);
	tl_put_u64(&packet, msg_id);
	tl_put_u32(&packet, (uint32_t)body->len);
	tl_put(&packet, body->data, body->len);
	CHECK(mt_link_send(m->link, packet.data, packet.len, false) == 0);
	tl_buf_free(&packet);
}

static void take_plain(struct mock *m, const uint8_t *data, size_t n)
{
	struct tl_buf answer = {.len = 0};
	uint64_t id = mock_msg_id(m, true);

	m->plain++;
	CHECK(((uint32_t)data[16] | (uint32_t)data[17] << 8) == n - 20);
	server_answer(&m->server, data + 20, n - 20, &answer);
	say_plain(m, id, &answer);
	if (m->stutter) {
		say_plain(m, id, &answer);
		say_plain(m, mock_msg_id(m, true), &answer);
	}
	tl_buf_free(&answer);
}

/* C.20: the first word of the hash whose middle is the msg_key. */
static uint32_t quick_token(const struct mock *m, const uint8_t *plain, size_t n)
{
	uint8_t large[32];
	struct tl_cursor c;

	mt_sha256(large, m->key.key + 88, 32, plain, n);
	c = tl_cursor(large, sizeof large);
	return tl_get_u32(&c) | 0x80000000u;
}

static void take_packet(struct mock *m, const uint8_t *data, size_t n)
{
	static const uint8_t zero[8];
	struct tl_buf plain = {.len = 0};
	struct mt_header h;
	struct tl_cursor c;
	const uint8_t *body;
	size_t body_n;

	if (memcmp(data, zero, 8) == 0) {
		take_plain(m, data, n);
		return;
	}
	if (memcmp(data, m->key.id, 8) != 0) { /* a temporary key, or the permanent one again */
		bool perm = m->o.has_key && mt_key_init(&m->key, m->o.key) == 0 &&
			    memcmp(data, m->key.id, 8) == 0;

		CHECK(m->o.pfs && (perm || mt_key_init(&m->key, m->server.key) == 0));
	}
	CHECK(mt_open(&m->key, MT_TO_SERVER, data, n, &plain, &h, &body, &body_n) == 0);
	CHECK(h.session);
	if (m->session != h.session)
		m->content = 0;
	m->session = h.session;
	m->token = quick_token(m, body - 32, (n - 24) & ~(size_t)15);
	c = tl_cursor(body, body_n);
	if (tl_peek_u32(&c) == WIRE_MSG_CONTAINER)
		take_container(m, &h, c);
	else
		take(m, &h, h.msg_id, body, body_n);
	m->packets++;
	tl_buf_free(&plain);
}

static size_t pass(size_t *left, size_t n)
{
	if (*left == SIZE_MAX)
		return n;
	n = n < *left ? n : *left;
	*left -= n;
	return n;
}

/* What the server's link holds goes to the client, step bytes at a time. */
static void deliver(struct mock *m)
{
	struct tl_buf *out = mt_link_out(m->link);
	size_t n = pass(&m->in_left, out->len), step = m->step ? m->step : n;

	for (size_t at = 0; at < n; at += step)
		feed(m, out->data + at, n - at < step ? n - at : step);
	tl_buf_drop(out, out->len);
}

static bool next_packet(struct mock *m, struct mt_packet *ret)
{
	CHECK(mt_link_next(m->link, ret) == 0);
	return ret->kind == MT_PACKET_DATA;
}

void mock_hear(struct mock *m, const void *data, size_t n)
{
	struct mt_packet p;

	CHECK(mt_link_feed(m->link, data, n) == 0);
	while (next_packet(m, &p)) {
		m->quick_ack = p.quick_ack;
		take_packet(m, p.data, p.n);
	}
}

size_t mock_pump(struct mock *m)
{
	struct tl_buf *out = take_out(m);
	size_t before = m->n, n, step;

	if (!out)
		return 0;
	n = pass(&m->out_left, out->len);
	step = m->step ? m->step : n;
	for (size_t at = 0; at < n; at += step)
		mock_hear(m, out->data + at, n - at < step ? n - at : step);
	tl_buf_drop(out, out->len);
	deliver(m);
	return m->n - before;
}

struct mock_message *mock_find(struct mock *m, uint32_t number)
{
	for (size_t i = m->seen; i < m->n; i++) {
		if (m->m[i].number == number) {
			m->seen = i + 1;
			return &m->m[i];
		}
	}
	return NULL;
}

struct mock_message *mock_expect(struct mock *m, uint32_t number)
{
	struct mock_message *g = mock_find(m, number);

	if (!g)
		test_fail(__FILE__, __LINE__, "no message %08x", number);
	return g;
}

size_t mock_count(const struct mock *m, uint32_t number)
{
	size_t n = 0;

	for (size_t i = 0; i < m->n; i++)
		n += m->m[i].number == number;
	return n;
}

/* ---- what the server says -------------------------------------------------------------------- */

uint64_t mock_msg_id(struct mock *m, bool answer)
{
	int64_t server = MOCK_EPOCH * NS + m->now.boot + m->skew;

	return mt_msgid_next(&m->last_msg_id, server) + (answer ? 1 : 3);
}

void mock_say_as(struct mock *m, const struct mt_header *h, const void *body, size_t n)
{
	struct tl_buf packet = {.len = 0};

	CHECK(mt_seal(&m->key, MT_TO_CLIENT, h, body, n, &m->env, &packet, NULL) == 0);
	CHECK(mt_link_send(m->link, packet.data, packet.len, false) == 0);
	tl_buf_free(&packet);
	deliver(m);
}

uint64_t mock_say(struct mock *m, bool answer, bool content, const struct tl_buf *body)
{
	struct mt_header h = {.salt = m->salt,
			      .session = m->session,
			      .msg_id = mock_msg_id(m, answer),
			      .seqno = m->content * 2 + content};

	m->content += content;
	mock_say_as(m, &h, body->data, body->len);
	return h.msg_id;
}

uint64_t mock_say_hex(struct mock *m, bool content, const char *hex)
{
	struct tl_buf b = {.len = 0};
	size_t n = strlen(hex) / 2;
	uint64_t id;

	test_unhex(hex, tl_buf_extend(&b, n), n);
	id = mock_say(m, false, content, &b);
	tl_buf_free(&b);
	return id;
}

void mock_word(struct mock *m, int32_t word)
{
	CHECK(mt_link_send(m->link, &word, 4, false) == 0);
	deliver(m);
}

static uint64_t say_and_free(struct mock *m, bool answer, bool content, struct tl_buf *body)
{
	uint64_t id = mock_say(m, answer, content, body);

	tl_buf_free(body);
	return id;
}

uint64_t mock_answer(struct mock *m, uint64_t msg_id, uint32_t word)
{
	struct tl_buf b = {.len = 0};

	tl_put_u32(&b, WIRE_RPC_RESULT);
	tl_put_u64(&b, msg_id);
	tl_put_u32(&b, word);
	return say_and_free(m, true, true, &b);
}

uint64_t mock_error(struct mock *m, uint64_t msg_id, int32_t code, const char *text)
{
	struct tl_buf b = {.len = 0};

	tl_put_u32(&b, WIRE_RPC_RESULT);
	tl_put_u64(&b, msg_id);
	tl_put_u32(&b, WIRE_RPC_ERROR);
	tl_put_u32(&b, (uint32_t)code);
	tl_put_bytes(&b, text, strlen(text));
	return say_and_free(m, true, true, &b);
}

uint64_t mock_bad_msg(struct mock *m, uint64_t about, uint32_t code)
{
	struct tl_buf b = {.len = 0};

	tl_put_u32(&b, WIRE_BAD_MSG_NOTIFICATION);
	tl_put_u64(&b, about);
	tl_put_u32(&b, 0);
	tl_put_u32(&b, code);
	return say_and_free(m, true, false, &b);
}

uint64_t mock_bad_salt(struct mock *m, uint64_t about, uint64_t salt)
{
	struct tl_buf b = {.len = 0};

	tl_put_u32(&b, WIRE_BAD_SERVER_SALT);
	tl_put_u64(&b, about);
	tl_put_u32(&b, 0);
	tl_put_u32(&b, 48);
	tl_put_u64(&b, salt);
	return say_and_free(m, true, false, &b);
}

uint64_t mock_new_session(struct mock *m, uint64_t first, uint64_t unique)
{
	struct tl_buf b = {.len = 0};

	tl_put_u32(&b, WIRE_NEW_SESSION_CREATED);
	tl_put_u64(&b, first);
	tl_put_u64(&b, unique);
	tl_put_u64(&b, m->salt);
	return say_and_free(m, false, true, &b);
}

uint64_t mock_states(struct mock *m, uint64_t asked, const char *info, size_t n)
{
	struct tl_buf b = {.len = 0};

	tl_put_u32(&b, WIRE_MSGS_STATE_INFO);
	tl_put_u64(&b, asked);
	tl_put_bytes(&b, info, n);
	return say_and_free(m, true, false, &b);
}

uint64_t mock_query(struct mock *m, uint32_t number, size_t words, unsigned flags, uint64_t after)
{
	struct tl_buf b = {.len = 0};
	uint64_t handle = 0;
	int err;

	tl_put_u32(&b, number);
	while (words--)
		tl_put_u32(&b, (uint32_t)splitmix(&m->random.state));
	test_alloc_arm(true);
	err = mt_client_send(m->c, b.data, b.len, flags, after, &handle, m->now);
	test_alloc_arm(false);
	CHECK(err == 0 || (err == -TG_E_NOMEM && test_alloc_failed()));
	tl_buf_free(&b);
	return handle;
}
