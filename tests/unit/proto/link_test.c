/* Links: the transport vectors, every split, limits, error words, quick acks, detection. */
#include "proto/obfuscate.h"
#include "tests/unit/proto/vectors.h"

static struct fixed_random seeded = {.state = 1};
static const struct mt_env env = {fixed_random, &seeded};

static struct mt_link *client(const char *name)
{
	struct mt_transport t;

	CHECK(mt_transport_parse(name, &t) == 0);
	return mt_link_new(&t, 2, &env);
}

static struct mt_link *client_for(const json_t *v)
{
	const char *name = vector_text(v, "transport");

	return client(strcmp(name, "any") == 0 ? "intermediate" : name);
}

static uint8_t *pattern(size_t n)
{
	uint8_t *p = malloc(n + 1);

	for (size_t i = 0; i < n; i++)
		p[i] = (uint8_t)i;
	return p;
}

static void feed(struct mt_link *l, const void *data, size_t n)
{
	CHECK(mt_link_feed(l, data, n) == 0);
}

/* Feeds in pieces of step bytes and expects exactly this one packet, at the end. */
static struct mt_packet take(struct mt_link *l, const void *data, size_t n, size_t step)
{
	const uint8_t *p = data;
	struct mt_packet packet = {.kind = MT_PACKET_NONE};

	for (size_t at = 0; at < n; at += step) {
		CHECK(packet.kind == MT_PACKET_NONE);
		feed(l, p + at, n - at < step ? n - at : step);
		CHECK(mt_link_next(l, &packet) == 0);
	}
	return packet;
}

/* ---- vectors --------------------------------------------------------------------------------- */

/* Header, tag and total of one packet of a given size. */
static void check_frame(const json_t *v)
{
	bool quick = strstr(vector_text(v, "id"), "quickack");
	const json_t *size = json_object_get(v, "payload_len");
	const char *header = vector_text(v, "header");
	size_t n = size ? (size_t)json_integer_value(size) : 128, head = strlen(header) / 2, tag;
	struct mt_link *l = client_for(v), *server = mt_link_accept(&env);
	uint8_t *payload = pattern(n);
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
		got = take(server, out->data, out->len, out->len);
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
		struct mt_link *l = client("abridged");
		uint8_t *payload = pattern(rows[i].n);
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
		struct mt_packet got = take(l, wire, n, step);

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
		struct mt_link *c = client(names[i]), *s = mt_link_accept(&env);
		struct mt_packet got;

		CHECK(mt_link_send(c, "12345678", 8, false) == 0);
		CHECK(take(s, mt_link_out(c)->data, mt_link_out(c)->len, 1).kind == MT_PACKET_DATA);
		CHECK(mt_link_send(s, word, n, false) == 0);
		got = take(c, mt_link_out(s)->data, mt_link_out(s)->len, 1);
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
		struct mt_packet got = take(l, wire, n, step);

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

		feed(l, bytes, test_unhex(json_string_value(chunk), bytes, sizeof bytes));
		while (CHECK(mt_link_next(l, &got) == 0), got.kind != MT_PACKET_NONE)
			CHECK_HEX(got.data, got.n,
				  json_string_value(json_array_get(payloads, seen++)));
	}
	CHECK_INT(seen, json_array_size(payloads));
	mt_link_free(l);
}

static void check_padded_first(const json_t *v)
{
	struct mt_link *l = client("padded");

	CHECK(mt_link_send(l, "12345678", 8, false) == 0);
	CHECK_HEX(mt_link_out(l)->data, 4, vector_text(v, "first"));
	mt_link_free(l);
}

static void check_padded(const json_t *v)
{
	size_t n, pad_n;
	uint8_t random[16], payload[16], *pad = vector_bytes(v, "padding", &pad_n);
	struct fixed_random fixed = {.data = random, .n = 1 + pad_n};
	struct mt_env fixed_env = {fixed_random, &fixed};
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
	struct mt_link *l = client("full"), *s = mt_link_accept(&env);
	uint8_t *payload = pattern(n);
	struct tl_buf *out = mt_link_out(l);

	for (int i = 0; i <= second; i++)
		CHECK(mt_link_send(l, payload, n, false) == 0);
	if (empty) {
		CHECK_HEX(out->data, out->len, vector_text(v, "wire"));
	} else {
		CHECK_INT(out->len, at + 140);
		CHECK_HEX(out->data + at + 136, 4, vector_text(v, "crc_le"));
		CHECK_INT(out->data[at + 4], second);
		CHECK_INT(take(s, out->data, 140, 1).n, n);
	}
	free(payload);
	mt_link_free(l);
	mt_link_free(s);
}

static void check_full_bad(const json_t *v)
{
	uint8_t wire[20] = {20, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8};
	bool bad_seq = strstr(vector_text(v, "id"), "seq");
	struct mt_link *l = client("full");
	struct mt_packet got;
	uint32_t crc;

	wire[4] = bad_seq;
	crc = mt_crc32(0, wire, 16) ^ !bad_seq;
	memcpy(wire + 16, &crc, 4);
	feed(l, wire, sizeof wire);
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
		struct mt_link *l = client("padded");
		struct mt_packet got;

		wire[0] = 8 + pad;
		got = take(l, wire, 12u + pad, 1);
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
		struct mt_link *c = client(names[i]), *s = mt_link_accept(&env);
		struct mt_packet got;

		CHECK(mt_link_send(c, plain, n, true) == 0);
		got = take(s, mt_link_out(c)->data, mt_link_out(c)->len, 1);
		CHECK(got.kind == MT_PACKET_DATA && got.quick_ack);
		CHECK(mt_link_send_quick_ack(s, token & 0x7fffffff) == 0);
		CHECK_HEX(mt_link_out(s)->data, mt_link_out(s)->len, vector_text(v, replies[i]));
		got = take(c, mt_link_out(s)->data, mt_link_out(s)->len, 1);
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
	const char *tag = vector_text(v, "protocol");

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
	struct mt_env fixed_env = {fixed_random, &fixed};
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

static void check_keys(const json_t *v)
{
	struct mt_obfuscation o;
	uint8_t header[64];
	const char *wire;

	start_with(v, &o, header);
	CHECK_HEX(o.enc.key, 32, vector_text(v, "enc_key"));
	CHECK_HEX(o.dec.key, 32, vector_text(v, "dec_key"));
	CHECK_HEX(o.dec.counter, 16, vector_text(v, "dec_iv"));
	CHECK_HEX(header + 40, 16, vector_text(v, "enc_iv"));
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
	struct mt_env fixed_env = {fixed_random, &fixed};
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
		{"secret-*", NULL, "proxies: a later part"},
		{"faketls-*", NULL, "proxies: a later part"},
		{NULL, NULL, NULL},
	};
	unsigned elsewhere;

	CHECK_INT(vectors_run("transports.json", rows, &elsewhere), 47);
	CHECK_INT(elsewhere, 15);
}

/* ---- both ends ------------------------------------------------------------------------------- */

static const char *const transports[] = {"abridged",
					 "intermediate",
					 "padded",
					 "full",
					 "obfuscated-abridged",
					 "obfuscated-intermediate",
					 "obfuscated-padded"};
#define TRANSPORTS (sizeof transports / sizeof transports[0])

/* A message as the session makes them: padding can be cut by structure. */
static uint8_t *sealed(size_t blocks, size_t *ret_n)
{
	*ret_n = 24 + 16 * blocks;
	return pattern(*ret_n);
}

static void check_got(struct mt_link *l, const uint8_t *want, size_t n)
{
	struct mt_packet got;

	CHECK(mt_link_next(l, &got) == 0);
	CHECK_INT(got.kind, MT_PACKET_DATA);
	CHECK_INT(got.n, n);
	CHECK_MEM(got.data, want, n);
}

/* Sends three packets to and fro; the wire is cut in two at every place. */
TEST_T(every_split, 60)
{
	for (size_t t = 0; t < TRANSPORTS; t++) {
		size_t cut = 0, total = 1;

		for (; cut <= total; cut++) {
			struct mt_link *c = client(transports[t]), *s = mt_link_accept(&env);
			struct mt_link *from[] = {c, s}, *to[] = {s, c};

			seeded.state = 7;
			for (int way = 0; way < 2; way++) {
				struct tl_buf *out = mt_link_out(from[way]);
				size_t seen = 0, n;
				struct mt_packet got;

				for (size_t i = 1; i <= 3; i++) {
					uint8_t *p = sealed(i, &n);

					CHECK(mt_link_send(from[way], p, n, false) == 0);
					free(p);
				}
				if (out->len > total)
					total = out->len;
				n = cut < out->len ? cut : out->len;
				for (int half = 0; half < 2; half++) {
					feed(to[way], out->data + (half ? n : 0),
					     half ? out->len - n : n);
					while (CHECK(mt_link_next(to[way], &got) == 0),
					       got.kind == MT_PACKET_DATA)
						CHECK_INT(got.n, 24 + 16 * ++seen);
				}
				CHECK_INT(seen, 3);
			}
			mt_link_free(c);
			mt_link_free(s);
		}
	}
}

TEST(one_byte_at_a_time_and_in_kind)
{
	for (size_t t = 0; t < TRANSPORTS; t++) {
		struct mt_link *c = client(transports[t]), *s = mt_link_accept(&env);

		for (size_t blocks = 1; blocks < 300; blocks += 37) {
			size_t n;
			uint8_t *p = sealed(blocks, &n);
			struct tl_buf *out = mt_link_out(c);
			struct mt_packet got;

			CHECK(mt_link_send(c, p, n, false) == 0);
			got = take(s, out->data, out->len, 1);
			CHECK(got.kind == MT_PACKET_DATA && got.n == n && !got.quick_ack);
			CHECK_MEM(got.data, p, n);
			out->len = 0;
			out = mt_link_out(s);
			CHECK(mt_link_send(s, p, n, false) == 0);
			got = take(c, out->data, out->len, 1);
			CHECK(got.kind == MT_PACKET_DATA && got.n == n);
			CHECK_MEM(got.data, p, n);
			out->len = 0;
			free(p);
		}
		mt_link_free(c);
		mt_link_free(s);
	}
}

TEST(padding_is_cut_from_plain_messages)
{
	struct mt_link *c = client("padded"), *s = mt_link_accept(&env);
	uint8_t plain[20 + 40] = {0};
	struct tl_buf *out = mt_link_out(c);

	plain[16] = 40;
	for (int i = 0; i < 50; i++) {
		CHECK(mt_link_send(c, plain, sizeof plain, false) == 0);
		feed(s, out->data, out->len);
		check_got(s, plain, sizeof plain);
		out->len = 0;
	}
	mt_link_free(c);
	mt_link_free(s);
}

TEST(quick_acks_by_every_framing)
{
	for (size_t t = 0; t < TRANSPORTS; t++) {
		struct mt_link *c = client(transports[t]), *s = mt_link_accept(&env);
		bool full = strcmp(transports[t], "full") == 0;
		size_t n;
		uint8_t *p = sealed(3, &n);
		struct mt_packet got;

		CHECK(mt_link_send(c, p, n, true) == 0);
		got = take(s, mt_link_out(c)->data, mt_link_out(c)->len, 1);
		CHECK_INT(got.kind, MT_PACKET_DATA);
		CHECK_INT(got.quick_ack, !full);
		CHECK_INT(mt_link_send_quick_ack(s, 0x12345678), full ? -TG_E_TRANSPORT : 0);
		if (!full) {
			got = take(c, mt_link_out(s)->data, mt_link_out(s)->len, 1);
			CHECK_INT(got.kind, MT_PACKET_QUICK_ACK);
			CHECK_INT(got.token, 0x92345678);
		}
		free(p);
		mt_link_free(c);
		mt_link_free(s);
	}
}

/* ---- refusals -------------------------------------------------------------------------------- */

static void refused(const char *name, const char *hex)
{
	struct mt_link *l = client(name);
	struct mt_packet got;
	uint8_t wire[64];

	feed(l, wire, test_unhex(hex, wire, sizeof wire));
	if (mt_link_next(l, &got) != -TG_E_TRANSPORT)
		test_fail(__FILE__, __LINE__, "%s took %s", name, hex);
	mt_link_free(l);
}

/* The length word alone is enough to refuse: no body is waited for (A.43, C.7). */
TEST(lengths_are_checked_before_the_body)
{
	refused("abridged", "00");
	refused("abridged", "7f010110");
	refused("intermediate", "00000000");
	refused("intermediate", "ffffffff");
	refused("intermediate", "00000040");
	refused("intermediate", "01044000");
	refused("padded", "01044000");
	refused("padded", "0100000000");
	refused("padded", "0800000001000000ffffffff");
	refused("full", "08000000");
	refused("full", "0d000000");
	refused("full", "10044000");
	refused("full", "1400000001000000");
	refused("intermediate", "0400000001000000");
}

TEST(the_largest_packet_passes)
{
	uint8_t *p = pattern(MT_MAX_PACKET);

	for (size_t t = 0; t < 4; t++) {
		struct mt_link *c = client(transports[t]), *s = mt_link_accept(&env);
		struct mt_packet got;

		CHECK_INT(mt_link_send(c, p, MT_MAX_PACKET + 4, false), -TG_E_TOO_LARGE);
		seeded = (struct fixed_random){.data = (const uint8_t *)"", .n = 1};
		CHECK(mt_link_send(c, p, MT_MAX_PACKET, false) == 0);
		got = take(s, mt_link_out(c)->data, mt_link_out(c)->len, 100000);
		CHECK_INT(got.kind, MT_PACKET_DATA);
		CHECK(got.n > MT_MAX_PACKET - 16);
		mt_link_free(c);
		mt_link_free(s);
	}
	free(p);
}

TEST(no_ops_are_passed_over)
{
	static const struct {
		const char *name, *hex;
	} rows[] = {{"abridged", "0100000000"},
		    {"intermediate", "0400000000000000"},
		    {"padded", "0c000000000000000102030405060708"}};

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct mt_link *l = client(rows[i].name);
		uint8_t wire[64];
		size_t n = test_unhex(rows[i].hex, wire, sizeof wire);
		struct mt_packet got;

		feed(l, wire, n);
		CHECK(mt_link_next(l, &got) == 0);
		CHECK_INT(got.kind, MT_PACKET_NONE);
		mt_link_free(l);
	}
}

TEST(odd_sizes_and_odd_servers)
{
	struct mt_link *l = client("abridged"), *s = mt_link_accept(&env);
	uint8_t noise[64];
	struct mt_packet got;

	CHECK_INT(mt_link_send(l, "12345", 5, false), -TG_E_TRANSPORT);
	CHECK(mt_link_send(l, "1234", 4, false) == 0);
	CHECK_INT(mt_link_send(s, "1234", 4, false), -TG_E_TRANSPORT); /* who is it? */
	CHECK_INT(mt_link_send_quick_ack(s, 1), -TG_E_TRANSPORT);
	memset(noise, 0x41, sizeof noise); /* no tag comes out of this header */
	feed(s, noise, 63);
	CHECK(mt_link_next(s, &got) == 0 && got.kind == MT_PACKET_NONE);
	feed(s, noise, 1);
	CHECK_INT(mt_link_next(s, &got), -TG_E_TRANSPORT);
	mt_link_free(l);
	mt_link_free(s);
}

TEST(transport_names)
{
	struct mt_transport t = {.framing = MT_ABRIDGED};

	CHECK(mt_transport_parse("obfuscated-padded", &t) == 0);
	CHECK(t.framing == MT_PADDED && t.obfuscated && !t.has_secret);
	CHECK(mt_transport_parse("full", &t) == 0 && t.framing == MT_FULL && !t.obfuscated);
	CHECK_INT(mt_transport_parse("obfuscated-full", &t), -TG_E_INVALID_PARAMS);
	CHECK_INT(mt_transport_parse("", &t), -TG_E_INVALID_PARAMS);
	CHECK_INT(mt_transport_parse("obfuscated-", &t), -TG_E_INVALID_PARAMS);
	CHECK_INT(mt_transport_parse("paddedx", &t), -TG_E_INVALID_PARAMS);
	CHECK(t.framing == MT_FULL);
}

/* Random bytes never crash either side; what a link gives stays inside what it was fed. */
TEST(noise)
{
	uint64_t state = 42;

	for (int round = 0; round < 4000; round++) {
		struct mt_link *l =
			round % 8 < 7 ? client(transports[round % 7]) : mt_link_accept(&env);
		uint8_t bytes[200];
		struct mt_packet got = {.kind = MT_PACKET_NONE};
		int err = 0;

		for (int i = 0; i < 10 && !err; i++) {
			size_t n = splitmix(&state) % sizeof bytes;

			for (size_t j = 0; j < n; j++)
				bytes[j] = (uint8_t)(splitmix(&state) >> (splitmix(&state) % 64));
			err = mt_link_feed(l, bytes, n);
			while (!err && !(err = mt_link_next(l, &got)) && got.kind != MT_PACKET_NONE)
				CHECK(got.kind != MT_PACKET_DATA || got.n <= 2000);
		}
		mt_link_free(l);
	}
}
