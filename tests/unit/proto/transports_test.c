/* The vectors of transports.json: frames, error words, quick acks, obfuscated headers. */
#include "proto/obfuscate.h"
#include "tests/unit/proto/links.h"

static struct mt_link *client_for(const json_t *v)
{
	const char *name = vector_text(v, "transport");

	return link_client(strcmp(name, "any") == 0 ? "intermediate" : name);
}

/* ---- vectors --------------------------------------------------------------------------------- */

/* Header, tag and total of one packet of a given size. */
static void check_frame(const json_t *v)
{
	bool quick = strstr(vector_text(v, "id"), "quickack");
	const json_t *size = json_object_get(v, "payload_len");
	const char *header = vector_text(v, "header");
	size_t n = size ? (size_t)json_integer_value(size) : 128, head = strlen(header) / 2, tag;
	struct mt_link *l = client_for(v), *server = mt_link_accept(&seeded_env);
	uint8_t *payload = link_pattern(n);
	struct tl_buf *out = mt_link_out(l);
	struct mt_packet got;

	CHECK(mt_link_send(l, payload, n, quick) == 0);
	tag = out->len - head - n;
	if (json_object_get(v, "first_on_socket"))
		CHECK_HEX(out->data, tag, vector_text(v, "first_on_socket"));
	if (json_object_get(v, "first"))
		CHECK_HEX(out->data, tag, vector_text(v, "first"));
	CHECK_HEX(out->data + tag, head, header);
	CHECK_MEM(out->data + tag + head, payload, n);
	if (json_object_get(v, "total"))
		CHECK_INT(out->len - tag, vector_int(v, "total"));
	if (n) {
		got = link_take(server, out->data, out->len, out->len);
		CHECK_INT(got.kind, MT_PACKET_DATA);
		CHECK_INT(got.n, n);
		CHECK_INT(got.quick_ack, quick);
		CHECK_MEM(got.data, payload, n);
	}
	out->len = 0;
	CHECK(mt_link_send(l, payload, n, false) == 0); /* the tag goes out once (C.5) */
	CHECK_INT(out->len, head + n);
	free(payload);
	mt_link_free(l);
	mt_link_free(server);
}

static void check_abridged_init(const json_t *v)
{
	static const struct {
		const char *name;
		size_t n;
	} rows[] = {{"bytes_empty_first", 0}, {"bytes_128_first", 128}, {"bytes_1024_first", 1024}};

	for (size_t i = 0; i < 3; i++) {
		struct mt_link *l = link_client("abridged");
		uint8_t *payload = link_pattern(rows[i].n);
		char want[32];
		size_t head;

		snprintf(want, sizeof want, "%s", vector_text(v, rows[i].name));
		if (strchr(want, '+'))
			*strchr(want, '+') = 0;
		head = strlen(want) / 2;
		CHECK(mt_link_send(l, payload, rows[i].n, false) == 0);
		CHECK_HEX(mt_link_out(l)->data, head, want);
		CHECK_INT(mt_link_out(l)->len, head + rows[i].n);
		CHECK_MEM(mt_link_out(l)->data + head, payload, rows[i].n);
		free(payload);
		mt_link_free(l);
	}
}

static int error_code(const char *id)
{
	for (; *id && (*id < '0' || *id > '9'); id++)
		;
	return *id ? -atoi(id) : -404;
}

static void check_error_wire(const json_t *v)
{
	size_t n;
	uint8_t *wire = vector_bytes(v, "wire", &n);

	for (size_t step = 1; step <= n; step++) {
		struct mt_link *l = client_for(v);
		struct mt_packet got = link_take(l, wire, n, step);

		CHECK_INT(got.kind, MT_PACKET_ERROR);
		CHECK_INT(got.code, error_code(vector_text(v, "id")));
		mt_link_free(l);
	}
	free(wire);
}

/* The word as the whole payload of every framing, made by a server's link. */
static void check_error_word(const json_t *v)
{
	static const char *const names[] = {"abridged",
					    "intermediate",
					    "padded",
					    "full",
					    "obfuscated-abridged",
					    "obfuscated-intermediate",
					    "obfuscated-padded"};
	size_t n;
	uint8_t *word = vector_bytes(v, "payload", &n);

	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		struct mt_link *c = link_client(names[i]), *s = mt_link_accept(&seeded_env);
		struct mt_packet got;

		CHECK(mt_link_send(c, "12345678", 8, false) == 0);
		CHECK(link_take(s, mt_link_out(c)->data, mt_link_out(c)->len, 1).kind ==
		      MT_PACKET_DATA);
		CHECK(mt_link_send(s, word, n, false) == 0);
		got = link_take(c, mt_link_out(s)->data, mt_link_out(s)->len, 1);
		CHECK_INT(got.kind, MT_PACKET_ERROR);
		CHECK_INT(got.code, error_code(vector_text(v, "id")));
		mt_link_free(c);
		mt_link_free(s);
	}
	free(word);
}

static void check_parse(const json_t *v)
{
	size_t n, want_n;
	uint8_t *wire = vector_bytes(v, "wire", &n), *want = vector_bytes(v, "payload", &want_n);

	for (size_t step = 1; step <= n; step++) {
		struct mt_link *l = client_for(v);
		struct mt_packet got = link_take(l, wire, n, step);

		CHECK_INT(got.kind, MT_PACKET_DATA);
		CHECK_INT(got.n, want_n);
		CHECK_MEM(got.data, want, want_n);
		mt_link_free(l);
	}
	free(wire);
	free(want);
}

static void check_split(const json_t *v)
{
	struct mt_link *l = client_for(v);
	json_t *chunks = json_object_get(v, "chunks"), *payloads = json_object_get(v, "payloads");
	size_t i, seen = 0;
	json_t *chunk;

	json_array_foreach(chunks, i, chunk)
	{
		uint8_t bytes[64];
		struct mt_packet got;

		link_feed(l, bytes, test_unhex(json_string_value(chunk), bytes, sizeof bytes));
		while (link_next(l, &got))
			CHECK_HEX(got.data, got.n,
				  json_string_value(json_array_get(payloads, seen++)));
	}
	CHECK_INT(seen, json_array_size(payloads));
	mt_link_free(l);
}

static void check_padded_first(const json_t *v)
{
	struct mt_link *l = link_client("padded");

	CHECK(mt_link_send(l, "12345678", 8, false) == 0);
	CHECK_HEX(mt_link_out(l)->data, 4, vector_text(v, "first"));
	mt_link_free(l);
}

static void check_padded(const json_t *v)
{
	size_t n, pad_n;
	uint8_t random[16], payload[16], *pad = vector_bytes(v, "padding", &pad_n);
	struct fixed_random fixed = {.data = random, .n = 1 + pad_n};
	struct mt_env fixed_env = {.random = fixed_random, .ctx = &fixed};
	struct mt_transport t = {.framing = MT_PADDED};
	struct mt_link *l = mt_link_new(&t, 2, &fixed_env);

	random[0] = (uint8_t)pad_n;
	memcpy(random + 1, pad, pad_n);
	n = test_unhex(vector_text(v, "payload"), payload, sizeof payload);
	CHECK(mt_link_send(l, payload, n, false) == 0);
	CHECK_HEX(mt_link_out(l)->data + 4, mt_link_out(l)->len - 4, vector_text(v, "wire"));
	free(pad);
	mt_link_free(l);
	check_error_wire(v);
}

static void check_full(const json_t *v)
{
	bool second = strstr(vector_text(v, "id"), "seq1"), empty = json_object_get(v, "wire");
	size_t n = empty ? 0 : 128, at = second ? 140 : 0;
	struct mt_link *l = link_client("full"), *s = mt_link_accept(&seeded_env);
	uint8_t *payload = link_pattern(n);
	struct tl_buf *out = mt_link_out(l);

	for (int i = 0; i <= second; i++)
		CHECK(mt_link_send(l, payload, n, false) == 0);
	if (empty) {
		CHECK_HEX(out->data, out->len, vector_text(v, "wire"));
	} else {
		CHECK_INT(out->len, at + 140);
		CHECK_HEX(out->data + at + 136, 4, vector_text(v, "crc_le"));
		CHECK_INT(out->data[at + 4], second);
		CHECK_INT(link_take(s, out->data, 140, 1).n, n);
	}
	free(payload);
	mt_link_free(l);
	mt_link_free(s);
}

static void check_full_bad(const json_t *v)
{
	uint8_t wire[20] = {20, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8};
	bool bad_seq = strstr(vector_text(v, "id"), "seq");
	struct mt_link *l = link_client("full");
	struct mt_packet got;
	uint32_t crc;

	wire[4] = bad_seq;
	crc = mt_crc32(0, wire, 16) ^ !bad_seq;
	memcpy(wire + 16, &crc, 4);
	link_feed(l, wire, sizeof wire);
	CHECK_INT(mt_link_next(l, &got), -TG_E_TRANSPORT);
	CHECK_INT(mt_link_next(l, &got), -TG_E_TRANSPORT);
	CHECK_INT(mt_link_feed(l, wire, 1), -TG_E_TRANSPORT);
	CHECK_INT(mt_link_send(l, wire, 4, false), -TG_E_TRANSPORT);
	mt_link_free(l);
}

static void check_quick_ack_padded(const json_t *v)
{
	(void)v;
	for (uint8_t pad = 0; pad <= 8; pad++) {
		uint8_t wire[20] = {0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 1, 2, 3, 0x84};
		struct mt_link *l = link_client("padded");
		struct mt_packet got;

		wire[0] = 8 + pad;
		got = link_take(l, wire, 12u + pad, 1);
		CHECK_INT(got.kind, MT_PACKET_QUICK_ACK);
		CHECK_INT(got.token, 0x84030201);
		mt_link_free(l);
	}
}

static void check_quick_ack_token(const json_t *v)
{
	static const char *const names[] = {"intermediate", "abridged"};
	static const char *const replies[] = {"intermediate_reply", "abridged_reply"};
	uint32_t token = (uint32_t)strtoul(vector_text(v, "token_u32"), NULL, 16);
	uint8_t key[256], hash[32];
	size_t n;
	uint8_t *plain = vector_bytes(v, "plaintext_hex", &n);

	for (int i = 0; i < 256; i++)
		key[i] = (uint8_t)i;
	mt_sha256(hash, key + 88, 32, plain, n);
	CHECK_HEX(hash, 32, vector_text(v, "sha256"));
	CHECK_INT(token,
		  (hash[0] | hash[1] << 8 | hash[2] << 16 | (uint32_t)hash[3] << 24) | 0x80000000u);
	for (int i = 0; i < 2; i++) {
		struct mt_link *c = link_client(names[i]), *s = mt_link_accept(&seeded_env);
		struct mt_packet got;

		CHECK(mt_link_send(c, plain, n, true) == 0);
		got = link_take(s, mt_link_out(c)->data, mt_link_out(c)->len, 1);
		CHECK(got.kind == MT_PACKET_DATA && got.quick_ack);
		CHECK(mt_link_send_quick_ack(s, token & 0x7fffffff) == 0);
		CHECK_HEX(mt_link_out(s)->data, mt_link_out(s)->len, vector_text(v, replies[i]));
		got = link_take(c, mt_link_out(s)->data, mt_link_out(s)->len, 1);
		CHECK_INT(got.kind, MT_PACKET_QUICK_ACK);
		CHECK_INT(got.token, token);
		mt_link_free(c);
		mt_link_free(s);
	}
	free(plain);
}

/* ---- obfuscation vectors --------------------------------------------------------------------- */

static size_t vector_random(const json_t *v, uint8_t out[64])
{
	const char *text = vector_text(v, "random");
	uint8_t b;

	if (!strchr(text, '*'))
		return test_unhex(text, out, 64);
	b = (uint8_t)strtoul(text, NULL, 16);
	memset(out, b, 64);
	return 64;
}

static struct mt_transport vector_transport(const json_t *v, int *ret_dc)
{
	struct mt_transport t = {.obfuscated = true};
	const json_t *secret = json_object_get(v, "secret"), *dc = json_object_get(v, "dc");
	const json_t *protocol = json_object_get(v, "protocol");
	const char *tag = protocol ? json_string_value(protocol) : "eeeeeeee";

	t.framing = tag[0] == 'd' ? MT_PADDED : tag[1] == 'f' ? MT_ABRIDGED : MT_INTERMEDIATE;
	if (json_is_string(secret)) {
		t.has_secret = true;
		test_unhex(json_string_value(secret), t.secret, 16);
	}
	*ret_dc = json_is_integer(dc) ? (int)json_integer_value(dc) : 0;
	return t;
}

static void xor_hex(struct mt_ctr *c, const char *in, const char *want)
{
	uint8_t bytes[64];
	size_t n = test_unhex(in, bytes, sizeof bytes);

	mt_ctr_xor(c, bytes, bytes, n);
	CHECK_HEX(bytes, n, want);
}

static void start_with(const json_t *v, struct mt_obfuscation *o, uint8_t header[64])
{
	uint8_t random[64];
	struct fixed_random fixed = {.data = random, .n = vector_random(v, random)};
	struct mt_env fixed_env = {.random = fixed_random, .ctx = &fixed};
	struct mt_transport t;
	int dc;

	t = vector_transport(v, &dc);
	mt_obfuscate_start(o, &t, dc, &fixed_env, header);
}

static void check_header(const json_t *v)
{
	struct mt_obfuscation o;
	uint8_t header[64];

	start_with(v, &o, header);
	CHECK_HEX(header, 64, vector_text(v, "header_sent"));
	if (!json_object_get(v, "first_send_plain"))
		return;
	xor_hex(&o.enc, vector_text(v, "first_send_plain"), vector_text(v, "first_send_wire"));
	xor_hex(&o.dec, vector_text(v, "first_recv_wire"), vector_text(v, "first_recv_plain"));
}

static const json_t *array_text(const json_t *v, const char *name, size_t i, const char **ret)
{
	*ret = json_string_value(json_array_get(json_object_get(v, name), i));
	return v;
}

/* A copy of the stream goes on like a fresh one of this key and iv, skip bytes in. */
static void same_stream(const json_t *v, const struct mt_ctr *c, const char *key_name,
			const char *iv_name, size_t skip)
{
	uint8_t key[32], iv[16], a[128] = {0}, b[128] = {0};
	struct mt_ctr copy = *c, fresh;

	test_unhex(vector_text(v, key_name), key, sizeof key);
	test_unhex(vector_text(v, iv_name), iv, sizeof iv);
	mt_ctr_init(&fresh, key, iv);
	mt_ctr_xor(&fresh, a, a, skip);
	memset(a, 0, sizeof a);
	mt_ctr_xor(&fresh, a, a, sizeof a);
	mt_ctr_xor(&copy, b, b, sizeof b);
	CHECK_MEM(a, b, sizeof a);
}

static void check_keys(const json_t *v)
{
	struct mt_obfuscation o;
	uint8_t header[64];
	const char *wire;

	start_with(v, &o, header);
	same_stream(v, &o.enc, "enc_key", "enc_iv", sizeof header);
	same_stream(v, &o.dec, "dec_key", "dec_iv", 0);
	if (!json_object_get(v, "send_wire"))
		return;
	for (size_t i = 0; i < 2; i++) {
		array_text(v, "send_wire", i, &wire);
		xor_hex(&o.enc, "040000006cfeffff", wire);
	}
}

static void check_recv(const json_t *v)
{
	json_t *list = vectors_load("transports.json");
	struct mt_obfuscation o;
	uint8_t header[64];

	start_with(vectors_find(list, vector_text(v, "keys")), &o, header);
	for (size_t i = 0; i < 2; i++) {
		const char *wire, *plain;

		array_text(array_text(v, "recv_wire", i, &wire), "recv_plain", i, &plain);
		xor_hex(&o.dec, wire, plain);
	}
	json_decref(list);
}

static void check_forbidden(const json_t *v)
{
	bool second = json_object_get(v, "prefix_at_4");
	uint8_t random[128];
	struct fixed_random fixed = {.data = random, .n = sizeof random};
	struct mt_env fixed_env = {.random = fixed_random, .ctx = &fixed};
	struct mt_transport t = {.framing = MT_ABRIDGED, .obfuscated = true};
	struct mt_obfuscation o;
	uint8_t header[64];

	for (size_t i = 0; i < sizeof random; i++)
		random[i] = (uint8_t)(i + 1);
	test_unhex(vector_text(v, second ? "prefix_at_4" : "prefix"), random + (second ? 4 : 0), 4);
	mt_obfuscate_start(&o, &t, 1, &fixed_env, header);
	CHECK_INT(fixed.at, sizeof random);
	CHECK_MEM(header, random + 64, 56);
}

TEST(transport_vectors)
{
	static const struct vector_row rows[] = {
		{"abridged-init-grammers", check_abridged_init, NULL},
		{"abridged-error-404", check_error_wire, NULL},
		{"abridged-*", check_frame, NULL},
		{"error-*", check_error_word, NULL},
		{"intermediate-error-404", check_error_wire, NULL},
		{"intermediate-parse", check_parse, NULL},
		{"intermediate-split", check_split, NULL},
		{"intermediate-*", check_frame, NULL},
		{"padded-first", check_padded_first, NULL},
		{"padded-mtcute", check_padded, NULL},
		{"full-empty-seq0", check_full, NULL},
		{"full-128-seq*", check_full, NULL},
		{"full-bad-*", check_full_bad, NULL},
		{"full-error", check_error_wire, NULL},
		{"quickack-padded", check_quick_ack_padded, NULL},
		{"quickack-token", check_quick_ack_token, NULL},
		{"obf2-mtcute-keys", check_keys, NULL},
		{"obf2-mtcute-proxy-keys", check_keys, NULL},
		{"obf2-mtcute-recv", check_recv, NULL},
		{"obf2-forbidden-*", check_forbidden, NULL},
		{"obf2-*", check_header, NULL},
		{"secret-*", NULL, "proto/proxy_secret_vectors"},
		{"faketls-*", NULL, "proto/faketls_vectors"},
		{NULL, NULL, NULL},
	};
	unsigned elsewhere;

	CHECK_INT(vectors_run("transports.json", rows, &elsewhere), 48);
	CHECK_INT(elsewhere, 15);
}
