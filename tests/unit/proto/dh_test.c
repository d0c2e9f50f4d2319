/* Diffie-Hellman checks: dh.json, and the big-number helpers behind them. */
#include "proto/dh.h"
#include "tests/unit/proto/vectors.h"

static void good_prime(const json_t *v)
{
	uint8_t p[256], sha[32];

	CHECK_INT(vector_hex(v, "prime_hex", p, 256), 256);
	CHECK(mt_dh_known_prime(p));
	CHECK(mt_safe_prime(MT_NUM(p)) == 0); /* what the comparison stands for */
	mt_sha256(sha, p, 256, NULL, 0);
	VECTOR_EQ(v, "sha256_of_256_bytes", sha, 32);
	for (int g = -3; g < 300; g++) {
		bool allowed = false;
		json_t *x;
		size_t i;

		json_array_foreach(json_object_get(v, "g_allowed"), i, x) allowed |=
			json_integer_value(x) == g;
		CHECK_INT(mt_dh_check_group(p, g), allowed ? 0 : -TG_E_CRYPTO);
	}
	p[100] ^= 1;
	CHECK(!mt_dh_known_prime(p));
}

static void generator(const json_t *v)
{
	unsigned p = (unsigned)strtoul(strstr(vector_text(v, "id"), "-p") + 2, NULL, 10);
	uint8_t raw[2] = {(uint8_t)(p >> 8), (uint8_t)p};

	CHECK_INT(p, vector_int(v, "p"));
	CHECK_INT(mt_dh_generator(MT_NUM(raw), (int)vector_int(v, "g")) &&
			  mt_safe_prime(MT_NUM(raw)) == 0,
		  json_is_true(json_object_get(v, "expect")));
}

static void range(const json_t *v)
{
	uint8_t p[256], x[256];

	vector_hex(vectors_find(vectors_load("dh.json"), "good-prime"), "prime_hex", p, 256);
	vector_number(v, "value_hex", x, 256);
	CHECK_INT(mt_dh_check_public(p, x),
		  json_is_true(json_object_get(v, "expect")) ? 0 : -TG_E_CRYPTO);
}

static void bad_prime(const json_t *v)
{
	uint8_t p[256];

	vector_number(v, "prime_hex", p, 256);
	CHECK(json_is_false(json_object_get(v, "expect")));
	if (!strstr(vector_text(v, "id"), "2047")) /* that one is wrong only in its size */
		CHECK_INT(mt_safe_prime(MT_NUM(p)), -TG_E_CRYPTO);
	for (int g = 2; g < 8; g++)
		CHECK_INT(mt_dh_check_group(p, g), -TG_E_CRYPTO);
}

TEST(dh_vectors)
{
	static const struct vector_row rows[] = {
		{"good-prime", good_prime, NULL},
		{"g-table-*", generator, NULL},
		{"range-*", range, NULL},
		{"bad-prime-*", bad_prime, NULL},
		{NULL, NULL, NULL},
	};
	unsigned elsewhere;

	CHECK_INT(vectors_run("dh.json", rows, &elsewhere), 32);
	CHECK_INT(elsewhere, 0);
}

/* The table of B.57 against its meaning: g generates the squares of a safe prime. */
TEST(dh_generator_meaning)
{
	for (unsigned p = 7; p < 3000; p += 2) {
		uint8_t raw[2] = {(uint8_t)(p >> 8), (uint8_t)p};
		bool safe = true;

		for (unsigned d = 2; d < p && safe; d++)
			safe = p % d != 0 && ((p - 1) / 2 % d != 0 || d >= (p - 1) / 2);
		CHECK_INT(mt_safe_prime(MT_NUM(raw)), safe ? 0 : -TG_E_CRYPTO);
		for (int g = 2; safe && g < 8; g++) {
			unsigned power = 1;

			for (unsigned i = 0; i < (p - 1) / 2; i++)
				power = power * (unsigned)g % p;
			CHECK_INT(mt_dh_generator(MT_NUM(raw), g), power == 1);
		}
	}
}

/* A safe prime of the wrong size (B.55). */
TEST(group_too_small)
{
	uint8_t p[256] = {0}, small[1] = {23};

	p[255] = 23;
	CHECK(mt_dh_generator(MT_NUM(p), 2) && mt_safe_prime(MT_NUM(small)) == 0);
	CHECK_INT(mt_dh_check_group(p, 2), -TG_E_CRYPTO);
}

TEST(public_value_borrows)
{
	uint8_t p[256] = {1}, x[256] = {0};

	CHECK_INT(mt_dh_check_public(p, x), -TG_E_CRYPTO);
	memset(x + 1, 0xff, 7); /* p - 2^1984 = 00 ff ff ff ff ff ff ff 00 … */
	CHECK_INT(mt_dh_check_public(p, x), 0);
	x[255] = 1;
	CHECK_INT(mt_dh_check_public(p, x), -TG_E_CRYPTO);
	memset(p, 0, sizeof p);
	CHECK_INT(mt_dh_check_public(p, x), -TG_E_CRYPTO);
}

TEST(bignum_helpers)
{
	static const uint8_t two[] = {2}, ten[] = {0, 10}, m[] = {3, 0xe8 + 1}; /* 1001 */
	static const uint8_t even[] = {3, 0xe8}, zero[] = {0};
	uint8_t out[264], want[264] = {0};

	CHECK(mt_modexp(out, MT_NUM(two), MT_NUM(ten), MT_NUM(m)) == 0);
	want[255] = 23; /* 1024 - 1001 */
	CHECK_MEM(out, want, 256);
	CHECK_INT(mt_modexp(out, MT_NUM(two), MT_NUM(ten), MT_NUM(even)), -TG_E_CRYPTO);
	CHECK_INT(mt_modexp(out, MT_NUM(two), MT_NUM(ten), MT_NUM(zero)), -TG_E_CRYPTO);
	CHECK(mt_sub_mul(out, MT_NUM(two), MT_NUM(ten), MT_NUM(ten), MT_NUM(m)) == 0);
	want[254] = 903 >> 8; /* 2 - 100 mod 1001 */
	want[255] = 903 & 255;
	CHECK_MEM(out, want, 256);
	CHECK(mt_add_mul(out, MT_NUM(two), MT_NUM(ten), MT_NUM(ten)) == 0);
	memset(want, 0, sizeof want);
	want[263] = 102;
	CHECK_MEM(out, want, 264);
	CHECK(mt_num_cmp(MT_NUM(ten), MT_NUM(two)) > 0);
	CHECK(mt_num_cmp(MT_NUM(two), MT_NUM(ten)) < 0);
	CHECK(mt_num_cmp(MT_NUM(zero), (struct mt_num){NULL, 0}) == 0);
	CHECK(mt_num_cmp(MT_NUM(m), MT_NUM(even)) > 0);
}

/* A blinded exponent is longer and gives the same power. */
TEST(blinding)
{
	struct fixed_random r = {.state = 4};
	uint8_t p[256], base[256], e[256], mask[8], long_e[264], a[256], b[256];

	vector_hex(vectors_find(vectors_load("dh.json"), "good-prime"), "prime_hex", p, 256);
	fixed_random(&r, base, sizeof base);
	fixed_random(&r, e, sizeof e);
	fixed_random(&r, mask, sizeof mask);
	CHECK(mt_blind_exponent(long_e, e, mask, p) == 0);
	CHECK(memcmp(long_e + 8, e, 256) != 0);
	CHECK(mt_modexp(a, MT_NUM(base), MT_NUM(e), MT_NUM(p)) == 0);
	CHECK(mt_modexp(b, MT_NUM(base), MT_NUM(long_e), MT_NUM(p)) == 0);
	CHECK_MEM(a, b, 256);
}

/* B.56: the prime that all servers have costs a comparison: a primality test of each of these
 * would take hours. */
TEST(the_known_prime_costs_nothing)
{
	uint8_t p[256];

	vector_hex(vectors_find(vectors_load("dh.json"), "good-prime"), "prime_hex", p, 256);
	for (int i = 0; i < 100000; i++)
		CHECK_INT(mt_dh_check_group(p, 3), 0);
}
