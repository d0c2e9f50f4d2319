/* The password check: srp.json, and every refusal. */
#include "proto/srp.h"
#include "tests/unit/proto/vectors.h"

struct input {
	uint8_t password[64], salt1[128], salt2[64], p[256], srp_b[300], x[32];
	struct mt_srp srp;
};

static struct tl_str bytes(const uint8_t *data, size_t n)
{
	return (struct tl_str){(const char *)data, (uint32_t)n};
}

static void read_input(const json_t *v, struct input *in)
{
	const char *p;
	size_t n;

	memset(in, 0, sizeof *in);
	n = vector_hex(v, "password_hex", in->password, sizeof in->password);
	in->srp.password = bytes(in->password, n);
	if (vector_has(v, "salt1")) {
		n = vector_hex(v, "salt1", in->salt1, sizeof in->salt1);
	} else {
		n = vector_hex(v, "salt1_from_server", in->salt1, 64);
		n += vector_hex(v, "salt1_appended_random32", in->salt1 + n, 32);
	}
	in->srp.salt1 = bytes(in->salt1, n);
	n = vector_hex(v, "salt2", in->salt2, sizeof in->salt2);
	in->srp.salt2 = bytes(in->salt2, n);
	if (!vector_has(v, "p"))
		return;
	in->srp.g = (int)vector_int(v, "g");
	p = vector_text(v, "p");
	n = strcmp(p, "good prime") == 0
		    ? vector_hex(vectors_find(vectors_load("dh.json"), "good-prime"), "prime_hex",
				 in->p, 256)
		    : vector_hex(v, "p", in->p, 256);
	in->srp.p = bytes(in->p, n);
	if (!vector_has(v, "srp_B"))
		return;
	n = vector_hex(v, "srp_B", in->srp_b, 256);
	in->srp.srp_b = bytes(in->srp_b, n);
	vector_number(v, "a_hex", in->srp.a, 256);
}

static void answer(const json_t *v)
{
	struct input in;

	read_input(v, &in);
	CHECK(mt_srp_answer(&in.srp) == 0);
	VECTOR_EQ(v, "A", in.srp.ga, 256);
	VECTOR_EQ(v, "M1", in.srp.m1, 32);
}

/* a = 1, or p = 47: the numbers hold, a client that checks them says no. */
static void unchecked(const json_t *v)
{
	struct input in;

	read_input(v, &in);
	CHECK_INT(mt_srp_answer(&in.srp),
		  strcmp(vector_text(v, "id"), "srp-gotd") == 0 ? -TG_E_AGAIN : -TG_E_CRYPTO);
	CHECK(mt_srp_compute(&in.srp, false) == 0);
	VECTOR_EQ(v, "A", in.srp.ga, 256);
	VECTOR_EQ(v, "M1", in.srp.m1, 32);
	CHECK(mt_srp_secret(in.x, in.srp.password, in.srp.salt1, in.srp.salt2) == 0);
	VECTOR_EQ(v, "x", in.x, 32);
}

static void secret(const json_t *v)
{
	struct input in;

	read_input(v, &in);
	CHECK(mt_srp_secret(in.x, in.srp.password, in.srp.salt1, in.srp.salt2) == 0);
	VECTOR_EQ(v, "x", in.x, 32);
}

static void new_hash(const json_t *v)
{
	struct input in;
	uint8_t hash[256];

	read_input(v, &in);
	CHECK(mt_srp_hash(in.srp.password, in.srp.salt1, in.srp.salt2, in.srp.g, in.srp.p, hash) ==
	      0);
	VECTOR_EQ(v, "new_password_hash", hash, 256);
}

static void reject(const json_t *v)
{
	const char *rule = vector_text(v, "rule");
	struct input in;

	read_input(vectors_find(vectors_load("srp.json"), "srp-mtcute"), &in);
	if (strcmp(rule, "B = 0") == 0) {
		memset(in.srp_b, 0, 256);
	} else if (strcmp(rule, "B >= p") == 0) {
		memcpy(in.srp_b, in.p, 256);
		CHECK_INT(mt_srp_answer(&in.srp), -TG_E_CRYPTO);
		in.srp_b[0]++;
	} else if (strcmp(rule, "B shorter than 248 bytes") == 0) {
		in.srp.srp_b.len = 247;
	} else {
		CHECK_STR(rule, "B longer than 256 bytes");
		in.srp.srp_b.len = 257;
	}
	CHECK_INT(mt_srp_answer(&in.srp), -TG_E_CRYPTO);
}

TEST(srp_vectors)
{
	static const struct vector_row rows[] = {
		{"srp-gotd", unchecked, NULL},  {"srp-grammers-tiny", unchecked, NULL},
		{"srp-mtcute", answer, NULL},   {"srp-grammers", answer, NULL},
		{"srp-x-mtcute", secret, NULL}, {"srp-new-hash-*", new_hash, NULL},
		{"srp-reject-*", reject, NULL}, {NULL, NULL, NULL},
	};
	unsigned elsewhere;

	CHECK_INT(vectors_run("srp.json", rows, &elsewhere), 11);
	CHECK_INT(elsewhere, 0);
}

/* Bad groups never get as far as the slow hash (B.59). */
TEST(srp_bad_group)
{
	struct input in;
	uint8_t hash[256];

	read_input(vectors_find(vectors_load("srp.json"), "srp-mtcute"), &in);
	in.srp.g = 2;
	CHECK_INT(mt_srp_answer(&in.srp), -TG_E_CRYPTO);
	in.srp.g = 3;
	in.p[255] ^= 2;
	CHECK_INT(mt_srp_answer(&in.srp), -TG_E_CRYPTO);
	CHECK_INT(mt_srp_hash(in.srp.password, in.srp.salt1, in.srp.salt2, 3, in.srp.p, hash),
		  -TG_E_CRYPTO);
	in.srp.p.len = 255;
	CHECK_INT(mt_srp_answer(&in.srp), -TG_E_CRYPTO);
	CHECK_INT(mt_srp_hash(in.srp.password, in.srp.salt1, in.srp.salt2, 3, in.srp.p, hash),
		  -TG_E_CRYPTO);
}
