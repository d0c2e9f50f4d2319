/* RSA keys and RSA_PAD: rsa.json, damaged key files, the built-in keys and addresses. */
#include "proto/rsa.h"
#include "tests/unit/proto/vectors.h"

#include <arpa/inet.h>

static const struct mt_rsa *key_of(const json_t *v, struct mt_rsa *space)
{
	const char *name = json_string_value(json_object_get(v, "key"));

	if (name) {
		CHECK(strcmp(name, "test") == 0 || strcmp(name, "production") == 0);
		return mt_rsa_builtin(strcmp(name, "test") == 0);
	}
	CHECK_INT(vector_hex(v, "n_hex", space->n, 256), 256);
	space->e = (uint32_t)vector_int(v, "e");
	return space;
}

static void key(const json_t *v)
{
	const char *pem = vector_text(v, "pem"), *role = vector_text(v, "role");
	struct mt_rsa k;
	uint8_t wire[8];

	CHECK(mt_rsa_from_pem(pem, strlen(pem), &k) == 0);
	VECTOR_EQ(v, "n_hex", k.n, 256);
	CHECK_INT(k.e, vector_int(v, "e"));
	CHECK(k.fingerprint == vector_hex64(v, "fingerprint_hex_be"));
	CHECK(k.fingerprint == mt_rsa_fingerprint(&k));
	for (unsigned i = 0; i < 8; i++)
		wire[i] = (uint8_t)(k.fingerprint >> 8 * i);
	VECTOR_EQ(v, "fingerprint_wire_le_hex", wire, 8);
	if (strcmp(role, "legacy") == 0)
		return;
	const struct mt_rsa *built_in = mt_rsa_builtin(strcmp(role, "test") == 0);
	CHECK_MEM(built_in->n, k.n, 256);
	CHECK(built_in->e == k.e && built_in->fingerprint == k.fingerprint);
}

static void raw(const json_t *v)
{
	const char *pem = vector_text(v, "pem");
	struct mt_rsa k;
	uint8_t in[256], out[256], sha[32];
	struct tl_buf want = {0};

	CHECK(mt_rsa_from_pem(pem, strlen(pem), &k) == 0);
	CHECK_INT(k.fingerprint, vector_int(v, "fingerprint_signed"));
	CHECK_INT(vector_hex(v, "input_hex", in, 256), 256);
	CHECK_MEM(in, pem, 256);
	CHECK(mt_rsa_raw(&k, in, out) == 0);
	VECTOR_EQ(v, "output_hex", out, 256);
	mt_sha256(sha, out, 256, NULL, 0);
	CHECK(tl_base64_decode(vector_text(v, "sha256_of_output_base64"), 44, &want) == 0);
	CHECK_MEM(want.data, sha, 32);
	tl_buf_free(&want);
	CHECK_INT(mt_rsa_raw(&k, k.n, out), -TG_E_CRYPTO); /* not below the modulus */
}

static void pad(const json_t *v)
{
	uint8_t data[144], script[192], out[256];
	struct fixed_random r = {.data = script};
	struct mt_env env = fixed_env(&r);
	struct mt_rsa space = {0};
	size_t n = vector_hex(v, "data_hex", data, sizeof data);

	r.n = vector_hex(v, "random_padding_bytes", script, sizeof script);
	r.n += vector_hex(v, "temp_key", script + r.n, 32);
	CHECK_INT(r.n + n, 192 + 32);
	CHECK(mt_rsa_pad(key_of(v, &space), data, n, &env, out) == 0);
	VECTOR_EQ(v, "encrypted_data", out, 256);
	CHECK_INT(r.at, r.n);
}

static void pad_flow(const json_t *v)
{
	json_t *copy = json_copy((json_t *)(uintptr_t)v);

	CHECK(json_object_set(copy, "data_hex", json_object_get(v, "data")) == 0);
	pad(copy);
	json_decref(copy);
}

/* The first temporary key gives a number over the modulus; the second is that of zero-random. */
static void pad_retry(const json_t *v)
{
	const json_t *second = vectors_find(vectors_load("rsa.json"), "rsa-pad-zero-random");
	uint8_t data[144], script[48 + 64] = {0}, out[256];
	struct fixed_random r = {.data = script, .n = sizeof script};
	struct mt_env env = fixed_env(&r);

	CHECK_INT(vector_hex(v, "data_hex", data, sizeof data), 144);
	CHECK_INT(vector_hex(v, "random_padding_bytes", script, 48), 48);
	CHECK_INT(vector_hex(v, "temp_key", script + 48, 32), 32);
	CHECK(mt_rsa_pad(mt_rsa_builtin(false), data, 144, &env, out) == 0);
	VECTOR_EQ(second, "encrypted_data", out, 256);
	CHECK_INT(r.at, sizeof script);
}

static void pad_too_long(const json_t *v)
{
	uint8_t data[145] = {0}, out[256];
	struct fixed_random r = {0};
	struct mt_env env = fixed_env(&r);

	CHECK_INT(vector_int(v, "data_len"), sizeof data);
	CHECK_INT(mt_rsa_pad(mt_rsa_builtin(true), data, 145, &env, out), -TG_E_TOO_LARGE);
	CHECK_INT(mt_rsa_pad(mt_rsa_builtin(true), data, 144, &env, out), 0);
}

TEST(rsa_vectors)
{
	static const struct vector_row rows[] = {
		{"key-*", key, NULL},
		{"tdlib-rsa-raw", raw, NULL},
		{"rsa-pad-zero-random", pad, NULL},
		{"rsa-pad-grammers", pad, NULL},
		{"rsa-pad-flow", pad_flow, NULL},
		{"rsa-pad-retry", pad_retry, NULL},
		{"rsa-pad-too-long", pad_too_long, NULL},
		{NULL, NULL, NULL},
	};
	unsigned elsewhere;

	CHECK_INT(vectors_run("rsa.json", rows, &elsewhere), 16);
	CHECK_INT(elsewhere, 0);
}

/* The test key once more as SubjectPublicKeyInfo, and files that are no such key. */
TEST(rsa_pem)
{
	static const char spki_head[] = "30820122300d06092a864886f70d01010105000382010f00"
					"3082010a0282010100";
	const char *begin = "-----BEGIN PUBLIC KEY-----\n";
	const struct mt_rsa *want = mt_rsa_builtin(true);
	uint8_t der[512];
	char text[1024];
	struct tl_buf pem = {0};
	struct mt_rsa k = {.e = 77};
	size_t n = test_unhex(spki_head, der, sizeof der);

	memcpy(der + n, want->n, 256);
	n += 256;
	n += test_unhex("0203010001", der + n, 5);
	tl_put_text(&pem, begin);
	tl_js_base64(&pem, der, n);
	snprintf(text, sizeof text, "%.*s\n-----END PUBLIC KEY-----\n", (int)pem.len, pem.data);
	for (char *p = text; *p; p++)
		if (*p == '"') /* the JSON writer's quotes */
			memmove(p, p + 1, strlen(p));
	CHECK_INT(mt_rsa_from_pem(text, strlen(text), &k), 0);
	CHECK(k.fingerprint == want->fingerprint);
	memset(&k, 0, sizeof k);
	for (size_t cut = 0; cut + 20 < strlen(text); cut++) {
		CHECK_INT(mt_rsa_from_pem(text, cut, &k), -TG_E_INVALID_PARAMS);
		CHECK_INT(k.e, 0);
	}
	CHECK_INT(mt_rsa_from_pem("", 0, &k), -TG_E_INVALID_PARAMS);
	CHECK_INT(mt_rsa_from_pem("a\0b", 3, &k), -TG_E_INVALID_PARAMS);
	/* 1024 bits */
	const char *small = "-----BEGIN RSA PUBLIC KEY-----\n"
			    "MIGJAoGBALvv7dWjQ5ZkYzMfKcwp9FyYx5pHh+VBqFCpfUCCTYcJ+7f8bYwUx6kG\n"
			    "-----END RSA PUBLIC KEY-----\n";
	CHECK_INT(mt_rsa_from_pem(small, strlen(small), &k), -TG_E_INVALID_PARAMS);
	tl_buf_free(&pem);
}

TEST(bootstrap_addresses)
{
	for (int test = 0; test < 2; test++) {
		const json_t *world;
		json_t *root = json_load_file(test_vectors("dcs.json"), 0, NULL), *list, *row;
		unsigned total = 0, n = 0;
		const char *dc;
		size_t i;

		world = json_object_get(root, test ? "test" : "production");
		json_object_foreach((json_t *)(uintptr_t)world, dc, list)
		{
			total += (unsigned)json_array_size(list);
			json_array_foreach(list, i, row)
			{
				const struct mt_address *a = NULL;

				for (unsigned k = 0; (a = mt_bootstrap(test, k)); k++)
					if (strcmp(a->host, vector_text(row, "ip")) == 0)
						break;
				CHECK(a && a->dc == atoi(dc) && a->port == 443);
			}
		}
		for (const struct mt_address *a; (a = mt_bootstrap(test, n)); n++) {
			uint8_t raw_ip[16];

			CHECK(inet_pton(a->ipv6 ? AF_INET6 : AF_INET, a->host, raw_ip) == 1);
		}
		CHECK_INT(n, total);
		CHECK_INT(mt_bootstrap(test, 0)->dc, 2);
		list = json_object_get(json_object_get(root, "recommended_bootstrap"),
				       test ? "test" : "production");
		CHECK_STR(mt_bootstrap(test, 0)->host, vector_text(list, "2"));
		json_decref(root);
	}
}
