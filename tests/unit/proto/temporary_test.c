/* Temporary keys: what the bind says, when it is said anew, what waits for it, every refusal, the
 * renewal, and that the permanent key is only given up when the server does not know it. */
#include "proto/envelope.h"
#include "tests/unit/proto/mock.h"

#define BIND 0xcdd42a05u
#define NEAREST 0x1fb33026u
#define TRUE 0x997275b5u
#define QUERY 0x11223344u

static struct mock *begin(int32_t life)
{
	struct mock *m = mock_new("intermediate", true);

	m->o.pfs = true;
	m->o.temp_life = life;
	mock_again(m);
	return m;
}

/* B.80-B.82, with the permanent key that the server has. */
static void check_bind(struct mock *m, const struct mock_message *g)
{
	struct tl_cursor c = tl_cursor(g->body, g->n), in;
	struct mt_cipher cipher;
	struct mt_key perm, temp;
	struct tl_str sealed;
	uint8_t plain[80], sha[20];
	uint64_t nonce;
	uint32_t expires;

	CHECK(mt_key_init(&perm, m->o.key) == 0 && mt_key_init(&temp, m->server.key) == 0);
	CHECK(!g->wrapped && !g->zipped && g->outer == g->h.msg_id);
	CHECK_INT(tl_get_u32(&c), BIND);
	CHECK_MEM(tl_get(&c, 8), perm.id, 8);
	nonce = tl_get_u64(&c);
	expires = tl_get_u32(&c);
	sealed = tl_get_bytes(&c);
	CHECK(!c.err && !tl_left(&c) && sealed.len == 104);
	CHECK_MEM(sealed.data, perm.id, 8);
	mt_kdf_v1(&cipher, perm.key, 0, (const uint8_t *)sealed.data + 8);
	mt_ige_decrypt(cipher.key, cipher.iv, (const uint8_t *)sealed.data + 24, plain, 80);
	mt_sha1(sha, plain, 72, NULL, 0);
	CHECK_MEM(sha + 4, sealed.data + 8, 16);
	in = tl_cursor(plain + 16, 56);
	CHECK(tl_get_u64(&in) == g->h.msg_id);
	CHECK_INT(tl_get_u32(&in), 0);
	CHECK_INT(tl_get_u32(&in), 40);
	CHECK_INT(tl_get_u32(&in), WIRE_BIND_AUTH_KEY_INNER);
	CHECK(tl_get_u64(&in) == nonce);
	CHECK_MEM(tl_get(&in, 8), temp.id, 8);
	CHECK_MEM(tl_get(&in, 8), perm.id, 8);
	CHECK(tl_get_u64(&in) == m->session);
	CHECK_INT(tl_get_u32(&in), expires);
	CHECK(expires > MOCK_EPOCH + m->now.boot / NS);
	CHECK(expires <= MOCK_EPOCH + m->now.boot / NS + m->server.expires_in + 1);
}

static struct mock_message *next_bind(struct mock *m)
{
	struct mock_message *g;

	mock_pump(m);
	g = mock_expect(m, BIND);
	check_bind(m, g);
	return g;
}

static void answer_jobs(struct mock *m)
{
	struct mt_event ev;

	for (int i = 0; i < 20; i++) {
		mock_pump(m);
		while (mt_client_next(m->c, &ev)) {
			CHECK(ev.kind != MT_EV_KEY && ev.kind != MT_EV_SALTS);
			mock_handle(m, &ev);
		}
	}
}

TEST(temporary_bind)
{
	struct mock *m = begin(0);
	struct mock_message *g, *q;
	uint64_t first;

	mock_query(m, QUERY, 2, 0, 0);
	mock_connect(m);
	mock_exchange(m);
	CHECK(m->server.temp);
	CHECK_INT(m->server.expires_in, 86400);
	first = next_bind(m)->h.msg_id;
	mock_bad_msg(m, first, 16); /* B.81: under a new id the seal is a new one */
	g = next_bind(m);
	CHECK(g->h.msg_id != first);
	mock_bad_salt(m, g->h.msg_id, 0x77);
	m->salt = 0x77;
	g = next_bind(m);
	CHECK(g->h.salt == 0x77);
	answer_jobs(m); /* and no SALTS among the events */
	CHECK_INT(mock_count(m, QUERY), 0);
	mock_answer(m, g->h.msg_id, TRUE);
	mock_pump(m);
	q = mock_expect(m, QUERY);
	CHECK(q->wrapped); /* E.23 */
	mock_answer(m, q->h.msg_id, TRUE);
	mock_until(m, MT_EV_RESULT);
	mock_free(m);
}

/* The temporary key outlives a connection; the bind does, too. */
TEST(temporary_key_stays)
{
	struct mock *m = begin(0);
	unsigned plain;

	mock_connect(m);
	mock_exchange(m);
	mock_answer(m, next_bind(m)->h.msg_id, TRUE);
	plain = m->plain;
	mock_lose(m);
	mock_reconnect(m);
	mock_query(m, QUERY, 2, 0, 0);
	mock_pump(m);
	mock_expect(m, QUERY);
	CHECK_INT(m->plain, plain);
	CHECK_INT(mock_count(m, BIND), 1);
	mock_free(m);
}

TEST(temporary_without_a_key)
{
	struct mock *m = mock_new("obfuscated-padded", false);
	struct mt_event ev;
	unsigned keys = 0;

	m->o.pfs = true;
	mock_again(m);
	mock_connect(m);
	for (int i = 0; i < 100 && !m->n; i++) {
		mock_pump(m);
		while (mt_client_next(m->c, &ev)) {
			keys += ev.kind == MT_EV_KEY;
			if (ev.kind == MT_EV_KEY)
				memcpy(m->o.key, ev.data, 256);
			mock_handle(m, &ev);
		}
	}
	CHECK_INT(keys, 1);
	CHECK(m->server.temp && memcmp(m->o.key, m->server.key, 256) != 0);
	next_bind(m);
	mock_free(m);
}

/* ---- refusals (E.24, E.25) ------------------------------------------------------------------- */

TEST(temporary_expires_at_invalid)
{
	struct mock *m = begin(0);

	mock_connect(m);
	mock_exchange(m);
	for (int i = 0; i < 2; i++)
		mock_error(m, next_bind(m)->h.msg_id, 400, "EXPIRES_AT_INVALID");
	CHECK_INT(m->connections, 1);
	mock_answer(m, next_bind(m)->h.msg_id, TRUE);
	mock_query(m, QUERY, 1, 0, 0);
	mock_pump(m);
	mock_expect(m, QUERY);
	mock_free(m);
}

TEST(temporary_refused_makes_another)
{
	static const char *const texts[] = {"TEMP_AUTH_KEY_ALREADY_BOUND", "TEMP_AUTH_KEY_EMPTY"};

	for (size_t i = 0; i < 2; i++) {
		struct mock *m = begin(0);
		uint8_t key[256];

		mock_connect(m);
		mock_exchange(m);
		memcpy(key, m->server.key, 256);
		mock_error(m, next_bind(m)->h.msg_id, 400, texts[i]);
		mock_until(m, MT_EV_CLOSE);
		mock_lose(m);
		mock_clear(m);
		mock_reconnect(m);
		mock_exchange(m);
		next_bind(m);
		CHECK(memcmp(key, m->server.key, 256) != 0);
		mock_free(m);
	}
}

/* An answer to the bind that cannot be read holds nothing back for ever: it is asked again. */
TEST(temporary_answer_that_is_none)
{
	static const uint32_t numbers[] = {WIRE_RPC_RESULT, WIRE_RPC_ANSWER_UNKNOWN, 0};

	for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
		struct mock *m = begin(0);

		mock_query(m, QUERY, 2, 0, 0);
		mock_connect(m);
		mock_exchange(m);
		mock_answer(m, next_bind(m)->h.msg_id, numbers[i]);
		mock_until(m, MT_EV_CLOSE);
		mock_lose(m);
		mock_clear(m);
		mock_reconnect(m);
		mock_answer(m, next_bind(m)->h.msg_id, TRUE);
		mock_pump(m);
		mock_expect(m, QUERY);
		mock_free(m);
	}
}

TEST(temporary_key_that_the_server_unbound)
{
	struct mock *m = begin(0);
	struct mock_message *q;

	mock_connect(m);
	mock_exchange(m);
	mock_answer(m, next_bind(m)->h.msg_id, TRUE);
	mock_query(m, QUERY, 2, 0, 0);
	mock_pump(m);
	for (int i = 0; i < 2; i++) {
		q = mock_expect(m, QUERY);
		mock_error(m, q->h.msg_id, 401, "AUTH_KEY_PERM_EMPTY");
		mock_clear(m);
		mock_pump(m);
		CHECK_INT(mock_count(m, QUERY), 0); /* not before it is bound */
		mock_answer(m, next_bind(m)->h.msg_id, TRUE);
		mock_pump(m);
	}
	mock_answer(m, mock_expect(m, QUERY)->h.msg_id, TRUE);
	mock_until(m, MT_EV_RESULT);
	mock_free(m);
}

static struct mock *doubted(void)
{
	struct mock *m = begin(0);

	mock_query(m, QUERY, 1, 0, 0);
	mock_connect(m);
	mock_exchange(m);
	mock_error(m, next_bind(m)->h.msg_id, 400, "ENCRYPTED_MESSAGE_INVALID");
	mock_until(m, MT_EV_CLOSE);
	mock_lose(m);
	m->plain = 0;
	mock_reconnect(m);
	mock_pump(m);
	mock_expect(m, NEAREST); /* over the permanent key, and nothing else */
	CHECK_MEM(m->key.key, m->o.key, 256);
	CHECK_INT(mock_count(m, QUERY), 0);
	return m;
}

TEST(temporary_doubt_is_settled)
{
	struct mock *m = doubted();

	m->seen = 0;
	mock_answer(m, mock_expect(m, NEAREST)->h.msg_id, 0x8e1a1775);
	mock_until(m, MT_EV_CLOSE);
	mock_lose(m);
	mock_clear(m);
	mock_reconnect(m);
	mock_exchange(m);
	CHECK(m->plain > 0);
	mock_answer(m, next_bind(m)->h.msg_id, TRUE);
	mock_pump(m);
	mock_expect(m, QUERY);
	mock_free(m);
}

TEST(temporary_doubt_is_right)
{
	struct mock *m = doubted();
	struct mt_event ev;
	bool lost = false;

	mock_word(m, -404);
	mock_until(m, MT_EV_CLOSE);
	mock_lose(m);
	mock_reconnect(m);
	mock_word(m, -404);
	while (mt_client_next(m->c, &ev))
		lost |= ev.kind == MT_EV_KEY_LOST;
	CHECK(lost);
	mock_free(m);
}

/* C.16: a temporary key that is gone takes nothing with it. */
TEST(temporary_key_lost)
{
	struct mock *m = begin(0);
	struct mt_event ev;

	mock_query(m, QUERY, 1, 0, 0);
	mock_connect(m);
	mock_exchange(m);
	for (int i = 0; i < 3; i++) {
		mock_answer(m, next_bind(m)->h.msg_id, TRUE);
		mock_pump(m);
		mock_expect(m, QUERY);
		mock_word(m, -404);
		while (mt_client_next(m->c, &ev))
			CHECK(ev.kind != MT_EV_KEY_LOST && ev.kind != MT_EV_FAILED);
		mock_lose(m);
		mock_clear(m);
		mock_reconnect(m);
		m->plain = 0;
		mock_exchange(m);
		CHECK(m->plain > 0);
	}
	mock_free(m);
}

/* ---- renewal (E.21) -------------------------------------------------------------------------- */

TEST(temporary_renewal)
{
	struct mock *m = begin(120);
	struct mock_message *running;
	uint8_t old[256];
	struct mt_event ev;

	mock_connect(m);
	mock_exchange(m);
	CHECK_INT(m->server.expires_in, 120);
	mock_answer(m, next_bind(m)->h.msg_id, TRUE);
	memcpy(old, m->server.key, 256);
	mock_pass(m, 55 * NS);
	mock_query(m, QUERY, 1, MT_QUERY_ONCE, 0);
	mock_pump(m);
	running = mock_expect(m, QUERY);
	mock_pass(m, 6 * NS);
	answer_jobs(m);
	CHECK(memcmp(old, m->server.key, 256) != 0); /* beside the session */
	CHECK_INT(mock_count(m, BIND), 1);
	mock_query(m, QUERY + 1, 1, 0, 0);
	mock_pump(m);
	CHECK_INT(mock_count(m, QUERY + 1), 0); /* waits for the change */
	mock_answer(m, running->h.msg_id, TRUE);
	mock_until(m, MT_EV_RESULT);
	mock_answer(m, next_bind(m)->h.msg_id, TRUE);
	mock_pump(m);
	CHECK(mock_expect(m, QUERY + 1)->wrapped);
	CHECK_INT(m->connections, 1);
	while (mt_client_next(m->c, &ev))
		CHECK(ev.kind != MT_EV_FAILED && ev.kind != MT_EV_CLOSE);
	mock_free(m);
}

/* What runs longer than the change can wait is sent again over the new key. */
TEST(temporary_renewal_with_a_slow_query)
{
	struct mock *m = begin(120);

	mock_connect(m);
	mock_exchange(m);
	mock_answer(m, next_bind(m)->h.msg_id, TRUE);
	mock_pass(m, 50 * NS);
	mock_query(m, QUERY, 1, 0, 0);
	mock_pump(m);
	mock_expect(m, QUERY);
	mock_pass(m, 11 * NS);
	mock_say_hex(m, false, "000000000000"); /* the line lives */
	answer_jobs(m);
	mock_pass(m, 16 * NS);
	mock_answer(m, next_bind(m)->h.msg_id, TRUE);
	mock_pump(m);
	mock_expect(m, QUERY);
	CHECK_INT(m->connections, 1);
	mock_free(m);
}

/* ---- shared by the clients of a data centre (E.22) ------------------------------------------- */

static struct mock *sharing(struct mt_temp_key *shared, int32_t life)
{
	struct mock *m = mock_new("intermediate", true);

	m->o.pfs = true;
	m->o.temp_life = life;
	m->o.temp = shared;
	mock_again(m);
	return m;
}

/* The server of this mock knows the key, too, which another made. */
static void knows(struct mock *m, const struct mt_temp_key *shared)
{
	CHECK_INT(mt_key_init(&m->key, shared->key), 0);
	m->salt = shared->salt;
}

static void ask(struct mock *m, uint32_t number)
{
	mock_query(m, number, 1, 0, 0);
	mock_pump(m);
	mock_answer(m, mock_expect(m, number)->h.msg_id, TRUE);
	mock_until(m, MT_EV_RESULT);
}

static void bind_shared(struct mock *m, struct mt_temp_key *shared)
{
	mock_answer(m, next_bind(m)->h.msg_id, TRUE);
	mock_until(m, MT_EV_BOUND);
	CHECK(shared->bound);
	CHECK_MEM(shared->key, m->key.key, 256);
}

TEST(temporary_key_is_shared)
{
	struct mt_temp_key shared = {.bound = false};
	struct mock *a = sharing(&shared, 0), *b;

	mock_connect(a);
	mock_exchange(a);
	CHECK(!shared.bound);
	bind_shared(a, &shared);
	b = sharing(&shared, 0);
	knows(b, &shared);
	mock_connect(b);
	ask(b, QUERY);
	CHECK_INT(b->plain, 0); /* neither made nor bound anew */
	CHECK_INT(mock_count(b, BIND), 0);
	/* The server forgets it: nobody is offered it any more. */
	mock_query(b, QUERY + 1, 1, 0, 0);
	mock_pump(b);
	mock_word(b, -404);
	mock_until(b, MT_EV_CLOSE);
	CHECK(!shared.bound);
	mock_free(a);
	mock_free(b);
}

TEST(temporary_key_is_renewed_by_one_for_all)
{
	struct mt_temp_key shared = {.bound = false};
	struct mock *a = sharing(&shared, 120), *b;
	uint8_t old[256];

	mock_connect(a);
	mock_exchange(a);
	bind_shared(a, &shared);
	memcpy(old, shared.key, sizeof old);
	b = sharing(&shared, 120);
	knows(b, &shared);
	mock_connect(b);
	ask(b, QUERY);
	mock_pass(a, 55 * NS);
	mock_pass(b, 55 * NS);
	ask(a, QUERY + 1);
	ask(b, QUERY + 1);
	mock_pass(a, 6 * NS);
	mock_pump(a); /* its exchange begins */
	CHECK(shared.renewing_til > a->now.boot);
	mock_pass(b, 6 * NS);
	ask(b, QUERY + 2);
	CHECK_INT(b->plain, 0); /* looks on */
	answer_jobs(a);
	bind_shared(a, &shared);
	CHECK(memcmp(old, shared.key, sizeof old) != 0);
	knows(b, &shared);
	mock_pass(b, 6 * NS); /* and goes over to it */
	ask(b, QUERY + 3);
	CHECK_INT(b->plain, 0);
	CHECK_INT(mock_count(b, BIND), 0);
	mock_free(a);
	mock_free(b);
}
