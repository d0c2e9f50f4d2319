/* The key exchange: the published samples, a server of our own, and each check by breaking it. */
#include "proto/envelope.h"
#include "proto/handshake.h"
#include "tests/unit/proto/handshake_server.h"

static const struct mt_time now = {.boot = 5, .real = 1600000000000000000};

/* ---- the published samples ----------------------------------------------------------------------
 */

struct replay {
	struct fixed_random random;
	struct mt_env env;
	uint8_t script[1024];
	struct mt_handshake *h;
	struct mt_handshake_event ev;
};

static void script(struct replay *r, const json_t *v, const char *name, size_t skip, size_t n)
{
	uint8_t raw[512] = {0};

	CHECK(!name || vector_hex(v, name, raw, sizeof raw) >= skip + n);
	memcpy(r->script + r->random.n, raw + skip, n);
	r->random.n += n;
}

static void feed_hex(struct replay *r, const json_t *v, const char *name, size_t skip, int want)
{
	uint8_t raw[1024];
	size_t n = vector_hex(v, name, raw, sizeof raw);

	CHECK_INT(mt_handshake_feed(r->h, raw + skip, n - skip, now), want);
}

static void run_job(struct replay *r)
{
	mt_handshake_next(r->h, &r->ev);
	CHECK_INT(r->ev.kind, MT_HANDSHAKE_JOB);
	r->ev.job->run(r->ev.job);
	mt_handshake_job_done(r->h, r->ev.job);
}

static void begin(struct replay *r, int32_t dc, const struct mt_rsa *rsa)
{
	r->random.data = r->script;
	r->env = fixed_env(&r->random);
	r->h = mt_handshake_new(dc, false, 0, rsa, 1, &r->env);
	CHECK(r->h);
	mt_handshake_next(r->h, &r->ev);
	CHECK_INT(r->ev.kind, MT_HANDSHAKE_SEND);
}

static void expect_send(struct replay *r, const json_t *v, const char *name, size_t skip, size_t n)
{
	uint8_t want[1024];
	size_t total = vector_hex(v, name, want, sizeof want) - skip;

	mt_handshake_next(r->h, &r->ev);
	CHECK_INT(r->ev.kind, MT_HANDSHAKE_SEND);
	CHECK_INT(r->ev.n, total);
	CHECK_MEM(r->ev.body, want + skip, n ? n : total);
}

/* The capture of 2024: all but encrypted_data, whose temporary key was not published. */
static void official_2024(const json_t *vector)
{
	const json_t *v = json_object_get(vector, "data");
	struct replay r = {0};
	struct mt_key k;
	uint8_t raw[20];

	script(&r, v, "nonce", 0, 16);
	script(&r, v, "new_nonce", 0, 32);
	script(&r, v, "random_padding_bytes", 0, 92);
	script(&r, v, NULL, 0, 32);
	script(&r, v, "b", 0, 256);
	script(&r, v, NULL, 0, 16);
	script(&r, v, "client_padding", 0, 12);
	begin(&r, 2, mt_rsa_builtin(false));
	CHECK_HEX(r.ev.body, r.ev.n, vector_text(v, "req_pq_multi") + 40);
	feed_hex(&r, v, "resPQ", 20, 0);
	run_job(&r);
	expect_send(&r, v, "req_DH_params", 0, 320 - 256);
	{ /* the answer was published decrypted too: feed the encrypted one behind its header */
		struct tl_buf answer = {0};
		uint8_t encrypted[1024];
		size_t n = vector_hex(v, "encrypted_answer", encrypted, sizeof encrypted);

		tl_put_u32(&answer, 0xd0e8075c);
		CHECK_INT(vector_hex(v, "nonce", raw, 16), 16);
		tl_put(&answer, raw, 16);
		CHECK_INT(vector_hex(v, "server_nonce", raw, 16), 16);
		tl_put(&answer, raw, 16);
		tl_put_bytes(&answer, encrypted, n);
		tl_put(&answer, encrypted, 76); /* servers append random bytes (A.44) */
		CHECK_INT(mt_handshake_feed(r.h, answer.data, answer.len, now), 0);
		tl_buf_free(&answer);
	}
	run_job(&r);
	expect_send(&r, v, "set_client_DH_params", 0, 0);
	feed_hex(&r, v, "dh_gen_ok", 0, 0);
	mt_handshake_next(r.h, &r.ev);
	CHECK_INT(r.ev.kind, MT_HANDSHAKE_DONE);
	VECTOR_EQ(v, "auth_key", r.ev.key, 256);
	CHECK(mt_key_init(&k, r.ev.key) == 0);
	VECTOR_EQ(v, "auth_key_id_le_hex", k.id, 8);
	for (unsigned i = 0; i < 8; i++)
		raw[i] = (uint8_t)(r.ev.salt >> 8 * i);
	VECTOR_EQ(v, "server_salt_initial_le_hex", raw, 8);
	mt_sha1(raw, k.key, 256, NULL, 0);
	VECTOR_EQ(v, "auth_key_aux_hash", raw, 8);
	CHECK(r.ev.time_offset == vector_int(v, "server_time") * 1000000000 - now.real);
	CHECK_INT(r.random.at, r.random.n);
	mt_handshake_free(r.h);
}

/* The capture of 2013 has g = 2, which does not fit its prime. */
static void official_2013(const json_t *vector)
{
	const json_t *v = json_object_get(vector, "data");
	struct replay r = {0};
	struct tl_buf b = {0};
	uint8_t raw[1024];
	size_t n;

	script(&r, v, "nonce", 0, 16);
	script(&r, v, "new_nonce", 0, 32);
	begin(&r, 2, mt_rsa_builtin(false));
	for (int answer = 0; answer < 2; answer++) {
		tl_buf_clear(&b);
		tl_put_u32(&b, answer ? 0xd0e8075c : 0x05162463);
		CHECK_INT(vector_hex(v, "nonce", raw, 16), 16);
		tl_put(&b, raw, 16);
		CHECK_INT(vector_hex(v, "server_nonce", raw, 16), 16);
		tl_put(&b, raw, 16);
		n = vector_hex(v, answer ? "encrypted_answer" : "pq", raw, sizeof raw);
		tl_put_bytes(&b, raw, n);
		if (!answer) {
			tl_put_u32(&b, 0x1cb5c415);
			tl_put_u32(&b, 1);
			tl_put_u64(&b, mt_rsa_builtin(false)->fingerprint);
		}
		CHECK_INT(mt_handshake_feed(r.h, b.data, b.len, now), 0);
		run_job(&r);
		mt_handshake_next(r.h, &r.ev);
		CHECK_INT(r.ev.kind, answer ? MT_HANDSHAKE_FAILED : MT_HANDSHAKE_SEND);
	}
	CHECK_INT(r.ev.err, -TG_E_CRYPTO);
	mt_handshake_free(r.h);
	tl_buf_free(&b);
}

/* Recorded with the older p_q_inner_data, so the second request differs inside encrypted_data. */
static void grammers(const json_t *vector)
{
	const json_t *v = json_object_get(vector, "data");
	struct replay r = {0};

	script(&r, v, "step1_random", 0, 16);
	script(&r, v, "new_nonce", 0, 32);
	script(&r, v, NULL, 0, 192 - 100 + 32);
	script(&r, v, "step3_random", 0, 256);
	script(&r, v, NULL, 0, 16);
	script(&r, v, "step3_random", 256, 16);
	begin(&r, 2, mt_rsa_builtin(true));
	CHECK_HEX(r.ev.body, r.ev.n, vector_text(v, "step1_request"));
	feed_hex(&r, v, "step1_response", 0, 0);
	run_job(&r);
	expect_send(&r, v, "step2_request", 0, 320 - 256);
	feed_hex(&r, v, "step2_response", 0, 0);
	run_job(&r);
	expect_send(&r, v, "step3_request", 0, 0);
	feed_hex(&r, v, "step3_response", 0, 0);
	mt_handshake_next(r.h, &r.ev);
	CHECK_INT(r.ev.kind, MT_HANDSHAKE_DONE);
	VECTOR_EQ(v, "expected_auth_key", r.ev.key, 256);
	CHECK((int64_t)r.ev.salt == vector_int(v, "first_salt_signed"));
	CHECK(r.ev.time_offset == vector_int(v, "server_time") * 1000000000 - now.real);
	mt_handshake_free(r.h);
}

static void nonce_hash(const json_t *vector)
{
	const json_t *v = json_object_get(vector, "data");
	uint8_t key[256], nonce[32], tail[9], sha[20];
	char name[32] = "new_nonce_hash1";
	struct mt_key k;

	for (unsigned i = 0; i < 256; i++)
		key[i] = (uint8_t)i;
	memcpy(nonce, key, 32);
	CHECK(mt_key_init(&k, key) == 0);
	VECTOR_EQ(v, "auth_key_id_le_hex", k.id, 8);
	mt_sha1(sha, key, 256, NULL, 0);
	VECTOR_EQ(v, "auth_key_aux_hash", sha, 8);
	memcpy(tail + 1, sha, 8);
	for (uint8_t i = 1; i < 4; i++) {
		tail[0] = i;
		name[14] = (char)('0' + i);
		mt_sha1(sha, nonce, 32, tail, 9);
		VECTOR_EQ(v, name, sha + 4, 16);
	}
}

/* tmp_aes_key and iv by the formula; the engine's own is proven by the whole flows above. One
 * sample has a new_nonce of 16 bytes. */
static void tmp_aes(const json_t *vector)
{
	const json_t *v = json_object_get(vector, "data");
	uint8_t nonce[32], server[16], ns[20], sn[20], nn[20], out[32];
	size_t n = vector_hex(v, "new_nonce", nonce, 32);

	CHECK_INT(vector_hex(v, "server_nonce", server, 16), 16);
	mt_sha1(ns, nonce, n, server, 16);
	mt_sha1(sn, server, 16, nonce, n);
	mt_sha1(nn, nonce, n, nonce, n);
	memcpy(out, ns, 20);
	memcpy(out + 20, sn, 12);
	VECTOR_EQ(v, "tmp_aes_key", out, 32);
	memcpy(out, sn + 12, 8);
	memcpy(out + 8, nn, 20);
	memcpy(out + 28, nonce, 4);
	VECTOR_EQ(v, "tmp_aes_iv", out, 32);
}

TEST(handshake_vectors)
{
	static const struct vector_row rows[] = {
		{"official-2024", official_2024, NULL},
		{"official-2013-partial", official_2013, NULL},
		{"grammers-full-flow", grammers, NULL},
		{"nonce-hash-123", nonce_hash, NULL},
		{"tmp-aes-*", tmp_aes, NULL},
		{NULL, NULL, NULL},
	};
	unsigned elsewhere;

	CHECK_INT(vectors_run("auth_key.json", rows, &elsewhere), 7);
	CHECK_INT(elsewhere, 0);
}

/* ---- against the server
 * --------------------------------------------------------------------------- */

struct run {
	struct server server;
	struct fixed_random random;
	struct mt_env env;
	struct mt_handshake *h;
	struct mt_handshake_event end; /* DONE or FAILED */
	uint8_t key[256];
	unsigned sent, jobs;
};

static void run(struct run *r, bool temp)
{
	struct tl_buf answer = {0};
	struct mt_rsa keys[2] = {*mt_rsa_builtin(false), *server_rsa()};
	struct mt_handshake_event ev;

	r->env = fixed_env(&r->random);
	r->h = mt_handshake_new(-10002, temp, 86400, keys, 2, &r->env);
	CHECK(r->h);
	for (unsigned step = 0; step < 60; step++) {
		mt_handshake_next(r->h, &ev);
		if (ev.kind == MT_HANDSHAKE_SEND) {
			int err;

			r->sent++;
			server_answer(&r->server, ev.body, ev.n, &answer);
			err = mt_handshake_feed(r->h, answer.data, answer.len, now);
			CHECK(err <= 0);
		} else if (ev.kind == MT_HANDSHAKE_JOB) {
			r->jobs++;
			ev.job->run(ev.job);
			mt_handshake_job_done(r->h, ev.job);
		} else {
			break;
		}
	}
	CHECK(ev.kind == MT_HANDSHAKE_DONE || ev.kind == MT_HANDSHAKE_FAILED);
	r->end = ev;
	if (ev.kind == MT_HANDSHAKE_DONE)
		memcpy(r->key, ev.key, 256);
	CHECK(mt_handshake_feed(r->h, "x", 1, now) < 0); /* after the end nothing changes */
	mt_handshake_next(r->h, &ev);
	CHECK_INT(ev.kind, MT_HANDSHAKE_NONE);
	mt_handshake_free(r->h);
	tl_buf_free(&answer);
}

TEST(handshake_succeeds)
{
	uint8_t first[32] = {0};

	for (unsigned i = 0; i < 6; i++) {
		struct run r = {.random = {.state = 100 + i}};
		uint64_t salt = 0;

		server_init(&r.server, i, BEND_NONE);
		r.server.tail = i % 3 * 37;
		run(&r, i % 2);
		CHECK_INT(r.end.kind, MT_HANDSHAKE_DONE);
		CHECK_MEM(r.key, r.server.key, 256);
		CHECK(r.server.temp == (i % 2 == 1));
		CHECK_INT(r.server.dc, -10002);
		CHECK_INT(r.server.expires_in, i % 2 ? 86400 : 0);
		CHECK(r.end.time_offset == 100000000000000000);
		for (unsigned k = 8; k-- > 0;)
			salt = salt << 8 | (r.server.new_nonce[k] ^ r.server.server_nonce[k]);
		CHECK(r.end.salt == salt);
		CHECK_INT(r.sent, 3);
		CHECK_INT(r.jobs, 2);
		CHECK(memcmp(first, r.server.new_nonce, 32) != 0); /* never the same twice */
		memcpy(first, r.server.new_nonce, 32);
	}
}

/* Whatever is bent, no key comes out, and only the server's own refusals allow a restart. */
TEST_T(handshake_refuses, 60)
{
	unsigned refused = 0;

	for (enum bend bend = PQ_ID; bend < BEND_COUNT; bend++) {
		struct run r = {.random = {.state = bend}};
		bool restart = bend == DH_FAIL || bend == GEN_FAIL || bend == GEN_RETRY_FOR_EVER;
		int want = restart ? -TG_E_HANDSHAKE : -TG_E_CRYPTO;

		if (bend == GEN_RETRY)
			continue;
		if (bend == PQ_NO_FINGERPRINT || bend == PQ_STRANGE_FINGERPRINTS)
			want = -TG_E_NOT_FOUND;
		if (bend == PQ_ID || bend == PQ_VECTOR_ID || bend == PQ_VECTOR_HUGE ||
		    bend == DH_ID || bend == GEN_ID)
			want = -TG_E_WIRE;
		server_init(&r.server, bend, bend);
		run(&r, false);
		if (r.end.kind != MT_HANDSHAKE_FAILED || r.end.err != want ||
		    r.end.restart != restart)
			test_fail(__FILE__, __LINE__, "bend %d: kind %d err %d restart %d", bend,
				  r.end.kind, r.end.err, r.end.restart);
		/* a bad answer gets no further request */
		CHECK_INT(r.sent, bend < DH_ID    ? 1
				  : bend < GEN_ID ? 2
						  : 3 + r.server.retries_seen -
							    (bend == GEN_RETRY_FOR_EVER ||
							     bend == GEN_RETRY_WRONG_HASH));
		if (bend == GEN_RETRY_FOR_EVER)
			CHECK_INT(r.server.retries_seen, 6);
		refused++;
	}
	printf("%u bent answers refused\n", refused);
	CHECK(refused >= 30);
}

TEST(handshake_retries)
{
	struct run r = {.random = {.state = 77}};

	server_init(&r.server, 1, GEN_RETRY);
	run(&r, false);
	CHECK_INT(r.end.kind, MT_HANDSHAKE_DONE);
	CHECK_MEM(r.key, r.server.key, 256);
	CHECK_INT(r.server.retries_seen, 2);
	CHECK_INT(r.jobs, 4);
}

/* b = 1 makes g_b = 3: another b is drawn (B.44). */
TEST(handshake_redraws)
{
	uint8_t bytes[16 + 32 + 92 + 32 + 256];
	struct run r = {.random = {.state = 5, .data = bytes, .n = sizeof bytes}};

	memset(bytes, 9, sizeof bytes);
	memset(bytes + sizeof bytes - 256, 0, 255);
	bytes[sizeof bytes - 1] = 1;
	server_init(&r.server, 1, BEND_NONE);
	run(&r, false);
	CHECK_INT(r.end.kind, MT_HANDSHAKE_DONE);
	CHECK_INT(r.jobs, 3);
	CHECK_MEM(r.key, r.server.key, 256);
}

/* Brings a handshake to its nth answer; the answer is in out. */
static struct mt_handshake *up_to(unsigned nth, struct server *s, struct mt_env *env,
				  struct tl_buf *out)
{
	struct mt_handshake *h = mt_handshake_new(2, false, 0, server_rsa(), 1, env);
	struct mt_handshake_event ev;

	CHECK(h);
	for (unsigned answers = 0; answers < nth;) {
		mt_handshake_next(h, &ev);
		if (ev.kind == MT_HANDSHAKE_JOB) {
			ev.job->run(ev.job);
			mt_handshake_job_done(h, ev.job);
			continue;
		}
		CHECK_INT(ev.kind, MT_HANDSHAKE_SEND);
		server_answer(s, ev.body, ev.n, out);
		if (++answers < nth)
			CHECK_INT(mt_handshake_feed(h, out->data, out->len, now), 0);
	}
	return h;
}

/* Each answer cut at every byte is refused without a look behind its end. */
TEST(handshake_cut)
{
	struct fixed_random random = {.state = 12};
	struct mt_env env = fixed_env(&random);
	struct tl_buf answer = {0};

	for (unsigned nth = 1; nth <= 2; nth++) {
		size_t step = nth == 1 ? 1 : 29;

		for (size_t cut = 0; nth == 1 || cut < 600; cut += step) {
			struct server s;
			struct mt_handshake *h;
			uint8_t *exact;

			server_init(&s, 3, BEND_NONE);
			h = up_to(nth, &s, &env, &answer);
			if (cut >= answer.len) {
				mt_handshake_free(h);
				break;
			}
			exact = malloc(cut + 1);
			memcpy(exact, answer.data, cut);
			CHECK(mt_handshake_feed(h, exact, cut, now) < 0);
			free(exact);
			mt_handshake_free(h);
		}
	}
	for (size_t cut = 0; cut < 52; cut += 5) {
		struct server s;
		struct mt_handshake *h;
		uint8_t *exact = malloc(cut + 1);

		server_init(&s, 3, BEND_NONE);
		h = up_to(3, &s, &env, &answer);
		memcpy(exact, answer.data, cut);
		CHECK(mt_handshake_feed(h, exact, cut, now) < 0);
		free(exact);
		mt_handshake_free(h);
	}
	tl_buf_free(&answer);
}

/* A job outlives its handshake, comes back late, or is never asked for. */
TEST(handshake_jobs_and_ends)
{
	struct fixed_random random = {.state = 13};
	struct mt_env env = fixed_env(&random);
	struct tl_buf answer = {0};
	struct mt_handshake_event ev;
	struct mt_handshake *h;
	struct server s;
	struct mt_job *late;

	server_init(&s, 3, BEND_NONE);
	h = up_to(1, &s, &env, &answer);
	CHECK_INT(mt_handshake_feed(h, answer.data, answer.len, now), 0);
	mt_handshake_free(h); /* the job was never taken */

	h = up_to(1, &s, &env, &answer);
	CHECK_INT(mt_handshake_feed(h, answer.data, answer.len, now), 0);
	mt_handshake_next(h, &ev);
	late = ev.job;
	mt_handshake_free(h);
	late->run(late);
	late->free(late);

	h = up_to(1, &s, &env, &answer);
	CHECK_INT(mt_handshake_feed(h, answer.data, answer.len, now), 0);
	CHECK(mt_handshake_feed(h, answer.data, answer.len, now) < 0); /* job not yet taken */
	mt_handshake_next(h, &ev);
	CHECK_INT(ev.kind, MT_HANDSHAKE_FAILED);
	mt_handshake_free(h);

	h = up_to(1, &s, &env, &answer);
	CHECK_INT(mt_handshake_feed(h, answer.data, answer.len, now), 0);
	mt_handshake_next(h, &ev);
	late = ev.job;
	CHECK(mt_handshake_feed(h, answer.data, answer.len, now) < 0); /* job is out */
	late->run(late);
	mt_handshake_job_done(h, late);
	mt_handshake_next(h, &ev);
	CHECK_INT(ev.kind, MT_HANDSHAKE_FAILED);
	mt_handshake_next(h, &ev);
	CHECK_INT(ev.kind, MT_HANDSHAKE_NONE);
	mt_handshake_free(h);
	mt_handshake_free(NULL);
	tl_buf_free(&answer);
}
