/* Whole messages as other clients have them too: message_bench packets FILE writes what all of them
 * read, message_bench ours does with it what they do and prints microseconds of CPU as JSON. Key
 * and session are fixed. */
#include "core/account.h"
#include "daemon/event.h"
#include "daemon/js.h"
#include "daemon/subscription.h"
#include "proto/envelope.h"
#include "tl_schema.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define SESSION 0x0102030405060708u
#define SMALL 160u
#define BIG (512u << 10)
#define PAGE 100 /* messages of history */

static void must(bool fine)
{
	if (!fine)
		abort();
}

static void not_random(void *ctx, void *out, size_t n)
{
	(void)ctx;
	memset(out, 7, n);
}

static const struct mt_env random_env = {.random = not_random};
static const char words[] = "The quick brown fox jumps over the lazy dog, \"quoted\", "
			    "\xd0\xbf\xd1\x80\xd0\xb8\xd0\xb2\xd0\xb5\xd1\x82, again and again";

/* ---- what is read ------------------------------------------------------------------------------
 */

/* updateShortMessage: the one carrier of a text that every client's layer has alike. */
static void put_update(struct tl_buf *b)
{
	char text[SMALL - 33] = {0};

	for (size_t i = 0; i < sizeof text; i++)
		text[i] = (char)('a' + i % 26);
	tl_put_u32(b, 0x313bc7f8);
	tl_put_u32(b, 0);
	tl_put_u32(b, 17); /* id */
	tl_put_u64(b, 4242);
	tl_put_bytes(b, text, sizeof text);
	tl_put_u32(b, 100); /* pts */
	tl_put_u32(b, 1);
	tl_put_u32(b, (uint32_t)time(NULL));
	must(!b->err && b->len == SMALL);
}

static void put_file(struct tl_buf *b)
{
	uint8_t *data = calloc(1, BIG);

	must(data);
	tl_put_u32(b, 0x096a18d5); /* upload.file */
	tl_put_u32(b, 0x40bc6f52); /* storage.filePartial */
	tl_put_u32(b, 0);
	tl_put_bytes(b, data, BIG);
	free(data);
	must(!b->err);
}

/* A page of history without users: their constructor differs between layers. */
static void put_page(struct tl_buf *b)
{
	tl_put_u32(b, 0x1d73e7ea);
	tl_put_u32(b, 0x1cb5c415);
	tl_put_u32(b, PAGE);
	for (uint32_t i = 0; i < PAGE; i++) {
		struct tl_peerUser peer = {.obj = {TL_peerUser}, .user_id = 4242 + i % 7};
		struct tl_messageEntityBold bold = {
			.obj = {TL_messageEntityBold}, .offset = 4, .length = 5};
		struct tl_obj *entities[1] = {&bold.obj};
		struct tl_message m = {.obj = {TL_message},
				       .id = (int32_t)i,
				       .peer_id = &peer.obj,
				       .from_id = &peer.obj,
				       .date = 1700000000,
				       .message = {words, sizeof words - 1},
				       .entities = {.items = entities, .count = 1}};

		must(tl_encode(&tl_api, &m.obj, b) == 0);
	}
	for (int i = 0; i < 3; i++) { /* topics, chats, users */
		tl_put_u32(b, 0x1cb5c415);
		tl_put_u32(b, 0);
	}
	must(!b->err);
}

static struct mt_key the_key(void)
{
	uint8_t bytes[256];
	struct mt_key k;

	for (unsigned i = 0; i < sizeof bytes; i++)
		bytes[i] = (uint8_t)(i * 7 + 3);
	must(mt_key_init(&k, bytes) == 0);
	return k;
}

static void seal(const struct tl_buf *body, struct tl_buf *out)
{
	struct mt_key k = the_key();
	struct mt_header h = {
		.session = SESSION, .msg_id = ((uint64_t)time(NULL) << 32) | 1, .seqno = 1};

	must(mt_seal(&k, MT_TO_CLIENT, &h, body->data, body->len, &random_env, out, NULL) == 0);
}

static void write_hex(FILE *f, const char *name, const void *data, size_t n, const char *end)
{
	const uint8_t *p = data;

	fprintf(f, "\"%s\":\"", name);
	for (size_t i = 0; i < n; i++)
		fprintf(f, "%02x", p[i]);
	fprintf(f, "\"%s", end);
}

struct all {
	struct tl_buf update, file, page, update_packet, file_packet;
};

static void make(struct all *a)
{
	*a = (struct all){.update = {.len = 0}};
	put_update(&a->update);
	put_file(&a->file);
	put_page(&a->page);
	seal(&a->update, &a->update_packet);
	seal(&a->file, &a->file_packet);
}

static int write_packets(const char *path)
{
	struct mt_key k = the_key();
	struct all a;
	FILE *f = fopen(path, "w");

	if (!f) {
		perror(path);
		return 1;
	}
	make(&a);
	fprintf(f, "{\"session\":\"%llu\",", (unsigned long long)SESSION);
	write_hex(f, "key", k.key, sizeof k.key, ",");
	write_hex(f, "update", a.update.data, a.update.len, ",");
	write_hex(f, "file", a.file.data, a.file.len, ",");
	write_hex(f, "page", a.page.data, a.page.len, ",");
	write_hex(f, "update_packet", a.update_packet.data, a.update_packet.len, ",");
	write_hex(f, "file_packet", a.file_packet.data, a.file_packet.len, "}\n");
	return fclose(f) == 0 ? 0 : 1;
}

/* ---- what is done with it ----------------------------------------------------------------------
 */

struct bench {
	struct all all;
	struct mt_key key;
	struct tl_buf plain, out, room;
	struct rpc_account account;
};

static const uint8_t *open_packet(struct bench *b, const struct tl_buf *packet, size_t *ret_n)
{
	struct mt_header h;
	const uint8_t *body;

	must(mt_open(&b->key, MT_TO_CLIENT, packet->data, packet->len, &b->plain, &h, &body,
		     ret_n) == 0);
	return body;
}

static void open_small(struct bench *b)
{
	size_t n;

	open_packet(b, &b->all.update_packet, &n);
}

static void open_big(struct bench *b)
{
	size_t n;

	open_packet(b, &b->all.file_packet, &n);
}

static void seal_body(struct bench *b, const struct tl_buf *body)
{
	struct mt_header h = {.session = SESSION, .msg_id = 4};

	tl_buf_clear(&b->out);
	must(mt_seal(&b->key, MT_TO_SERVER, &h, body->data, body->len, &random_env, &b->out,
		     NULL) == 0);
}

static void seal_small(struct bench *b)
{
	seal_body(b, &b->all.update);
}

static void seal_big(struct bench *b)
{
	seal_body(b, &b->all.file);
}

/* From the bytes on the wire to the line of a subscriber. */
static void update(struct bench *b)
{
	size_t n;
	const uint8_t *body = open_packet(b, &b->all.update_packet, &n);
	struct tl_cursor in;
	struct tg_carrier *c = tg_carrier_new(body, n, &in);
	struct rpc_event *e;
	struct tl_obj *o;

	must(c && tl_decode(&tl_api, &c->arena, &in, &o, NULL) == 0);
	e = rpc_event_update(&b->account, tg_short_message(b->account.tg, c, o, NULL), &b->room);
	must(e);
	tl_buf_clear(&b->out);
	tl_put_text(&b->out, "{\"jsonrpc\":\"2.0\",\"method\":\"update\",\"params\":{");
	rpc_js_int(&b->out, "subscription", 1);
	rpc_js_int(&b->out, "seq", 12345);
	rpc_event_write(&b->out, e, RPC_RAW_NONE);
	tl_put_text(&b->out, "}}\n");
	rpc_event_free(e);
	tg_carrier_drop(c);
}

static void page(struct bench *b)
{
	struct tl_cursor in = tl_cursor(b->all.page.data, b->all.page.len);

	tl_buf_clear(&b->out);
	must(tl_to_json(&tl_api, TL_NONE, &in, &b->out, NULL, NULL) == 0);
}

static double seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void print(struct bench *b, const char *name, void (*once)(struct bench *b), const char *end)
{
	unsigned calls = 0;
	double start, took;

	for (int i = 0; i < 3; i++)
		once(b);
	start = seconds();
	do {
		for (int i = 0; i < 10; i++)
			once(b);
		calls += 10;
		took = seconds() - start;
	} while (took < 0.05);
	printf("\"%s\":%.4f%s", name, took / calls * 1e6, end);
}

int main(int argc, char **argv)
{
	struct tg_settings s = {.api_id = 1, .api_hash = ""};
	struct tg_env env = {.random = random_env};
	static struct bench b;

	if (argc == 3 && strcmp(argv[1], "packets") == 0)
		return write_packets(argv[2]);
	make(&b.all);
	b.key = the_key();
	must(tg_store_open_memory(&env.store) == 0);
	snprintf(b.account.name, sizeof b.account.name, "main");
	b.account.tg = tg_account_new("main", &s, &env, rpc_now());
	must(b.account.tg);
	if (argc == 2 && strcmp(argv[1], "show") == 0) {
		update(&b);
		fwrite(b.out.data, 1, b.out.len, stdout);
		page(&b);
		fwrite(b.out.data, 1, b.out.len, stdout);
		return 0;
	}
	printf("{");
	print(&b, "open small", open_small, ",");
	print(&b, "seal small", seal_small, ",");
	print(&b, "open big", open_big, ",");
	print(&b, "seal big", seal_big, ",");
	print(&b, "update", update, ",");
	print(&b, "page", page, "}\n");
	return 0;
}
