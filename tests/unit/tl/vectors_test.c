/* tests/vectors/tl.json: every vector but those of gzip, which are proto's. */
#include "tests/harness.h"
#include "tl_schema.h"

#include <jansson.h>

static const char *text(const json_t *v, const char *key)
{
	const char *s = json_string_value(json_object_get(v, key));

	return s ? s : "";
}

static uint8_t wire[70000];

static void check_scalar(const json_t *v, const char *type)
{
	size_t n = test_unhex(text(v, "hex"), wire, sizeof wire);
	struct tl_cursor c = tl_cursor(wire, n);
	const json_t *value = json_object_get(v, "value");
	struct tl_buf b = {0};

	if (strcmp(type, "int") == 0) {
		CHECK_INT((int32_t)tl_get_u32(&c), json_integer_value(value));
		tl_put_u32(&b, (uint32_t)json_integer_value(value));
	} else if (strcmp(type, "long") == 0) {
		int64_t want = strtoll(json_string_value(value), NULL, 10);

		CHECK_INT((int64_t)tl_get_u64(&c), want);
		tl_put_u64(&b, (uint64_t)want);
	} else if (strcmp(type, "double") == 0) {
		CHECK(tl_get_double(&c) == json_number_value(value));
		tl_put_double(&b, json_number_value(value));
	} else {
		CHECK(tl_str_eq(tl_get_bytes(&c), json_string_value(value)));
		tl_put_bytes(&b, json_string_value(value), json_string_length(value));
	}
	CHECK(!c.err && !tl_left(&c));
	CHECK_HEX(b.data, b.len, text(v, "hex"));
	tl_buf_free(&b);
}

static void check_bool(const json_t *v)
{
	unsigned method = tl_by_name(&tl_api, tl_str("contacts.resetSaved"));
	size_t n = test_unhex(text(v, "hex"), wire, sizeof wire);
	struct tl_buf b = {0}, back = {0};
	struct tl_obj *o = NULL;
	struct tl_arena a;
	struct tl_cursor c = tl_cursor(wire, n);

	tl_arena_init(&a, 1000);
	CHECK_INT(tl_to_json(&tl_api, method, &c, &b, NULL, NULL), 0);
	CHECK(b.len == (json_is_true(json_object_get(v, "value")) ? 4 : 5));
	c = tl_cursor(wire, n);
	CHECK_INT(tl_decode_result(&tl_api, method, &a, &c, &o, NULL), 0);
	CHECK(o->ctor == TL_VECTOR && ((struct tl_vector *)o)->vec.count == 1);
	CHECK_INT(*(bool *)((struct tl_vector *)o)->vec.items,
		  json_is_true(json_object_get(v, "value")));
	CHECK_INT(tl_encode_result(&tl_api, method, o, &back), 0);
	CHECK_HEX(back.data, back.len, text(v, "hex"));
	wire[0] ^= 1;
	c = tl_cursor(wire, n);
	tl_arena_reset(&a);
	CHECK_INT(tl_decode_result(&tl_api, method, &a, &c, &o, NULL), 0);
	CHECK_INT(o->ctor, TL_UNKNOWN);
	tl_arena_free(&a);
	tl_buf_free(&b);
	tl_buf_free(&back);
}

static void check_bytes(const json_t *v)
{
	size_t n = 0, total = (size_t)json_integer_value(json_object_get(v, "total_len"));
	const char *dots = strstr(text(v, "content"), "..");
	uint8_t *data = malloc(65536);
	struct tl_buf b = {0};
	struct tl_cursor c;
	struct tl_str s;

	if (dots)
		n = strtoul(dots + 2, NULL, 10) + 1;
	for (size_t i = 0; i < n; i++)
		data[i] = (uint8_t)(i * 7 + 3);
	tl_put_bytes(&b, data, n);
	CHECK_INT(b.len, total);
	CHECK_HEX(b.data, strlen(text(v, "prefix_hex")) / 2, text(v, "prefix_hex"));
	if (*text(v, "full_hex"))
		CHECK_HEX(b.data, b.len, text(v, "full_hex"));
	c = tl_cursor(b.data, b.len);
	s = tl_get_bytes(&c);
	CHECK(s.len == n && memcmp(s.data, data, n) == 0 && !tl_left(&c));
	tl_buf_free(&b);
	free(data);
}

static void check_bytes_in(const json_t *v, bool good)
{
	size_t n = test_unhex(text(v, "hex"), wire, sizeof wire);
	struct tl_cursor c = tl_cursor(wire, n);
	struct tl_str s = tl_get_bytes(&c);

	CHECK_INT(c.err, good ? 0 : -TG_E_WIRE);
	if (good)
		CHECK_HEX(s.data, s.len, text(v, "value_hex"));
}

/* contacts.getContactIDs answers Vector<int>; messages.receivedQueue Vector<long>. */
static void check_vector(const json_t *v, const char *type)
{
	bool error = strcmp(type, "vector-decode-error") == 0;
	const char *name = strcmp(type, "Vector<int>") == 0 ? "contacts.getContactIDs"
							    : "messages.receivedQueue";
	unsigned method = tl_by_name(&tl_api, tl_str(name));
	size_t n = test_unhex(text(v, "hex"), wire, sizeof wire);
	struct tl_cursor c = tl_cursor(wire, n);
	struct tl_buf b = {0};
	struct tl_obj *o = NULL;
	struct tl_arena a;

	tl_arena_init(&a, 4096);
	CHECK_INT(tl_decode_result(&tl_api, method, &a, &c, &o, NULL), error ? -TG_E_WIRE : 0);
	if (!error) {
		CHECK_INT(tl_encode_result(&tl_api, method, o, &b), 0);
		CHECK_HEX(b.data, b.len, text(v, "hex"));
		b.len = 0;
	}
	c = tl_cursor(wire, n);
	CHECK_INT(tl_to_json(&tl_api, method, &c, &b, NULL, NULL), error ? -TG_E_WIRE : 0);
	tl_put_u8(&b, 0);
	if (!error)
		CHECK_STR((char *)b.data, strcmp(type, "Vector<int>") == 0 ? "[1,2]" : "[]");
	tl_arena_free(&a);
	tl_buf_free(&b);
}

/* future_salts has a bare vector of bare constructors; here its count and two numbers. */
static void check_bare_vector(const json_t *v)
{
	size_t n = test_unhex(text(v, "hex"), wire, sizeof wire);
	struct tl_cursor c = tl_cursor(wire, n);

	CHECK_INT(tl_get_u32(&c), 2);
	CHECK_INT(tl_get_u32(&c), 1);
	CHECK_INT(tl_get_u32(&c), 2);
	CHECK(!tl_left(&c) && !c.err);
}

static void check_plain_message(const json_t *v)
{
	size_t n = test_unhex(text(v, "hex"), wire, sizeof wire);
	struct tl_cursor c = tl_cursor(wire, n);
	struct tl_resPQ *pq;
	struct tl_obj *o = NULL;
	struct tl_buf b = {0};
	struct tl_arena a;

	tl_arena_init(&a, 4096);
	CHECK(tl_get_u64(&c) == 0 && tl_get_u64(&c) == 0x51e57ac91e83c801);
	CHECK_INT(tl_get_u32(&c), 64);
	CHECK_INT(tl_decode(&tl_api, &a, &c, &o, NULL), 0);
	CHECK(o->ctor == TL_resPQ && !tl_left(&c));
	pq = (struct tl_resPQ *)o;
	CHECK_HEX(pq->nonce, 16, "3e0549828cca27e966b301a48fece2fc");
	CHECK_HEX(pq->server_nonce, 16, "a5cf4d33f4a11ea877ba4aa573907330");
	CHECK_HEX(pq->pq.data, pq->pq.len, "17ed48941a08f981");
	CHECK_INT(pq->server_public_key_fingerprints.count, 1);
	CHECK_INT(*(int64_t *)pq->server_public_key_fingerprints.items, -4344800451088585951);
	CHECK_INT(tl_encode(&tl_api, o, &b), 0);
	CHECK_HEX(b.data, b.len, text(v, "hex") + 40);
	tl_arena_free(&a);
	tl_buf_free(&b);
}

static void check_rpc_result(const json_t *v)
{
	size_t n = test_unhex(text(v, "hex"), wire, sizeof wire);
	struct tl_cursor c = tl_cursor(wire, n);
	struct tl_obj *o = NULL;
	struct tl_arena a;

	tl_arena_init(&a, 4096);
	CHECK_INT(tl_decode(&tl_api, &a, &c, &o, NULL), 0);
	CHECK(o->ctor == TL_rpc_result && !tl_left(&c));
	CHECK_INT(((struct tl_rpc_result *)o)->result->ctor, TL_gzip_packed);
	tl_arena_free(&a);
}

static uint32_t crc32_of(const char *s)
{
	uint32_t crc = ~0u;

	for (; *s; s++) {
		crc ^= (uint8_t)*s;
		for (int i = 0; i < 8; i++)
			crc = crc >> 1 ^ (crc & 1 ? 0xedb88320u : 0);
	}
	return ~crc;
}

static void check_crc(const json_t *v, const char *key)
{
	uint32_t want = (uint32_t)strtoul(text(v, key), NULL, 16);

	CHECK_INT(crc32_of(text(v, "normalised")), want);
}

static void check_crcs(const json_t *v)
{
	const json_t *items = json_object_get(v, "items");
	unsigned known = 0;

	for (size_t i = 0; i < json_array_size(items); i++) {
		const json_t *item = json_array_get(items, i);
		unsigned ctor = tl_by_id(&tl_api, (uint32_t)strtoul(text(item, "id"), NULL, 16));

		check_crc(item, "id");
		if (!ctor)
			continue; /* changed since that layer */
		known++;
		CHECK(strncmp(text(item, "normalised"), tl_name(&tl_api, ctor),
			      strlen(tl_name(&tl_api, ctor))) == 0);
	}
	CHECK(known > 60);
}

TEST(vectors)
{
	json_t *file = json_load_file(test_vectors("tl.json"), 0, NULL), *list;
	size_t elsewhere = 0, i;
	json_t *v;

	CHECK(file != NULL);
	list = json_object_get(file, "vectors");
	json_array_foreach(list, i, v)
	{
		const char *type = text(v, "type");

		if (strcmp(type, "int") == 0 || strcmp(type, "long") == 0 ||
		    strcmp(type, "double") == 0 || strcmp(type, "string") == 0)
			check_scalar(v, type);
		else if (strcmp(type, "Bool") == 0)
			check_bool(v);
		else if (strcmp(type, "bytes") == 0)
			check_bytes(v);
		else if (strncmp(type, "bytes-decode", 12) == 0)
			check_bytes_in(v, strcmp(type, "bytes-decode") == 0);
		else if (strncmp(type, "Vector<", 7) == 0 ||
			 strcmp(type, "vector-decode-error") == 0)
			check_vector(v, type);
		else if (strcmp(type, "vector int (no id)") == 0)
			check_bare_vector(v);
		else if (strcmp(type, "plain message") == 0)
			check_plain_message(v);
		else if (strcmp(type, "constructor ids") == 0)
			check_crcs(v);
		else if (strcmp(type, "crc32") == 0)
			check_crc(v, "crc");
		else if (strcmp(type, "rpc_result") == 0)
			check_rpc_result(v);
		else if (strcmp(type, "int128") == 0)
			CHECK_INT(test_unhex(text(v, "hex"), wire, sizeof wire), 16);
		else
			elsewhere++; /* gzip-limit: proto; object: compat_test.c */
	}
	CHECK_INT(elsewhere, 2);
	printf("%zu vectors\n", json_array_size(list) - elsewhere);
	json_decref(file);
}
