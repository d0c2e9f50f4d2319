/* Sealed stores: the same answers as an open one, nothing readable below, every change found out,
 * another key at any time. */
#include "core/seal_row.h"
#include "core/store.h"
#include "proto/gcm.h"
#include "tests/harness.h"

#include <stdlib.h>

static uint64_t seed = 11;
static void draw_bytes(void *ctx, void *out, size_t n)
{
	(void)ctx;
	for (size_t i = 0; i < n; i++) {
		seed = seed * 6364136223846793005u + 1442695040888963407u;
		((uint8_t *)out)[i] = (uint8_t)(seed >> 40);
	}
}
static const struct mt_env env = {.random = draw_bytes, .ctx = NULL};
static uint32_t draw(uint32_t below)
{
	uint32_t v;

	draw_bytes(NULL, &v, sizeof v);
	return v % below;
}

static const uint8_t key_a[32] = {1, 2, 3}, key_b[32] = {4, 5, 6};
static const char canary[] = "canary-in-the-store";

/* ---- a memory store below, that may fail after some commits ---------------------------------- */
struct frail {
	struct tg_store base;
	struct tg_store *inner;
	int commits_left; /* -1: any number */
};
static int frail_get(struct tg_store *s, enum tg_table t, const void *k, size_t n, struct tl_buf *o)
{
	struct tg_store *in = ((struct frail *)s)->inner;

	return in->ops->get(in, t, k, n, o);
}
static int frail_seek(struct tg_store *s, enum tg_table t, const void *p, size_t np, const void *f,
		      size_t nf, struct tl_buf *k, struct tl_buf *v)
{
	struct tg_store *in = ((struct frail *)s)->inner;

	return in->ops->seek(in, t, p, np, f, nf, k, v);
}
static int frail_commit(struct tg_store *s, const struct tg_batch *const *b, size_t n)
{
	struct frail *f = (struct frail *)s;

	if (f->commits_left == 0)
		return -TG_E_STORE;
	if (f->commits_left > 0)
		f->commits_left--;
	return f->inner->ops->commit(f->inner, b, n);
}
static void frail_close(struct tg_store *s)
{
	(void)s; /* kept: the test opens it again */
}
static const struct tg_store_ops frail_ops = {frail_get, frail_seek, frail_commit, frail_close};

static void frail_open(struct frail *f)
{
	*f = (struct frail){{&frail_ops}, NULL, -1};
	CHECK_INT(tg_store_open_memory(&f->inner), 0);
}

/* ---- the same writes to two stores ----------------------------------------------------------- */
static size_t make_key(uint32_t k, char out[64])
{
	static const char owner[] = "accountA";

	memcpy(out, owner, 8);
	out[8] = (char)('u' + k % 2);
	memcpy(out + 9, canary, sizeof canary - 1);
	out[9 + sizeof canary - 1] = (char)('a' + k / 26);
	out[10 + sizeof canary - 1] = (char)('a' + k % 26);
	return k == 0 ? 9 : 11 + sizeof canary - 1;
}

#define KEYS 60u
static void write_some(struct tg_store *a, struct tg_store *b, uint32_t rounds)
{
	for (uint32_t i = 0; i < rounds; i++) {
		struct tg_batch *batch = tg_batch_new();
		const struct tg_batch *one = batch;

		for (uint32_t j = draw(20); j; j--) {
			enum tg_table t = (enum tg_table)draw(TG_TABLE_COUNT);
			char key[64], value[600];
			size_t nkey = make_key(draw(KEYS), key), n = draw(3) ? draw(40) : draw(600);

			for (size_t k = 0; k < n; k++)
				value[k] = canary[k % (sizeof canary - 1)];
			if (draw(4))
				tg_batch_put(batch, t, key, nkey, value, n);
			else
				tg_batch_delete(batch, t, key, nkey);
		}
		CHECK_INT(a->ops->commit(a, &one, 1), 0);
		CHECK_INT(b->ops->commit(b, &one, 1), 0);
		tg_batch_free(batch);
	}
}

static uint32_t count(struct tg_store *s, enum tg_table t, struct tg_store *same)
{
	struct tl_buf key = {0}, value = {0}, other = {0};
	uint32_t n = 0;
	int r = s->ops->seek(s, t, "account", 7, NULL, 0, &key, &value);

	for (; r == 0; n++) {
		tl_buf_clear(&other);
		CHECK_INT(same->ops->get(same, t, key.data, key.len, &other), 0);
		CHECK_INT(other.len, value.len);
		CHECK(!value.len || memcmp(other.data, value.data, value.len) == 0);
		tl_put_u8(&key, 0);
		r = s->ops->seek(s, t, "account", 7, key.data, key.len, &key, &value);
	}
	CHECK_INT(r, -TG_E_NOT_FOUND);
	tl_buf_free(&key);
	tl_buf_free(&value);
	tl_buf_free(&other);
	return n;
}

static void check_same(struct tg_store *a, struct tg_store *b)
{
	for (int t = 0; t < TG_TABLE_COUNT; t++)
		CHECK_INT(count(a, (enum tg_table)t, b), count(b, (enum tg_table)t, a));
}

/* Rows below that show the canary, in a table or in all (-1). */
static unsigned readable(struct tg_store *s, int only)
{
	struct tl_buf key = {0}, value = {0};
	unsigned n = 0;

	for (int t = 0; t < TG_TABLE_COUNT; t++) {
		int r = s->ops->seek(s, (enum tg_table)t, NULL, 0, NULL, 0, &key, &value);

		while (r == 0) {
			bool shown = memmem(value.data, value.len, canary, sizeof canary - 1);

			if (t == TG_TABLE_NAME)
				shown |= memmem(key.data, key.len, canary, sizeof canary - 1) != 0;
			n += shown && (only < 0 || only == t);
			tl_put_u8(&key, 0);
			r = s->ops->seek(s, (enum tg_table)t, NULL, 0, key.data, key.len, &key,
					 &value);
		}
	}
	tl_buf_free(&key);
	tl_buf_free(&value);
	return n;
}

TEST(gcm_answers_as_published)
{
	/* The GCM paper of McGrew and Viega, test cases 13 and 14. */
	static const uint8_t zeros[32],
		cipher[16] = {0xce, 0xa7, 0x40, 0x3d, 0x4d, 0x60, 0x6b, 0x6e,
			      0x07, 0x4e, 0xc5, 0xd3, 0xba, 0xf3, 0x9d, 0x18};
	static const uint8_t tag13[16] = {0x53, 0x0f, 0x8a, 0xfb, 0xc7, 0x45, 0x36, 0xb9,
					  0xa9, 0x63, 0xb4, 0xf1, 0xc4, 0xcb, 0x73, 0x8b};
	static const uint8_t tag14[16] = {0xd0, 0xd1, 0xc8, 0xa7, 0x99, 0x99, 0x6b, 0xf0,
					  0x26, 0x5b, 0x98, 0xb5, 0xd4, 0x8a, 0xb9, 0x19};
	uint8_t out[16], tag[16];
	struct tl_str none = {NULL, 0};

	mt_gcm_seal(zeros, zeros, none, NULL, 0, NULL, tag);
	CHECK(memcmp(tag, tag13, 16) == 0);
	mt_gcm_seal(zeros, zeros, none, zeros, 16, out, tag);
	CHECK(memcmp(tag, tag14, 16) == 0);
	CHECK(memcmp(out, cipher, 16) == 0);
	CHECK_INT(mt_gcm_open(zeros, zeros, none, cipher, 16, tag, out), 0);
	CHECK(memcmp(out, zeros, 16) == 0);
	CHECK_INT(mt_gcm_open(zeros, zeros, tl_str("x"), cipher, 16, tag, out), -TG_E_CRYPTO);
}

static void walk(enum tg_seal_mode mode)
{
	struct frail below;
	struct tg_store *open, *sealed;

	frail_open(&below);
	CHECK_INT(tg_store_open_memory(&open), 0);
	CHECK_INT(tg_store_seal(&below.base, key_a, mode, &env, &sealed), 0);
	for (int i = 0; i < 5; i++) {
		write_some(sealed, open, 60);
		check_same(sealed, open);
		CHECK(readable(open, -1) > 100);
		if (mode == TG_SEAL_ALL)
			CHECK_INT(readable(below.inner, -1), 0);
		CHECK_INT(readable(below.inner, TG_TABLE_KEY), 0);
		CHECK_INT(readable(below.inner, TG_TABLE_ACCOUNT), 0);
		sealed->ops->close(sealed);
		CHECK_INT(tg_store_seal(&below.base, key_a, mode, &env, &sealed), 0);
		check_same(sealed, open);
	}
	sealed->ops->close(sealed);
	below.inner->ops->close(below.inner);
	open->ops->close(open);
}

TEST(a_sealed_store_answers_as_an_open_one)
{
	walk(TG_SEAL_KEYS);
	walk(TG_SEAL_ALL);
}

TEST(every_changed_moved_or_copied_row_is_found_out)
{
	struct frail below;
	struct tg_store *sealed, *in;
	struct tl_buf row = {0}, out = {0};
	struct tg_batch *b = tg_batch_new();
	const struct tg_batch *one = b;
	unsigned tried = 0;

	frail_open(&below);
	in = below.inner;
	CHECK_INT(tg_store_seal(&below.base, key_a, TG_SEAL_ALL, &env, &sealed), 0);
	tg_batch_put(b, TG_TABLE_KEY, "one", 3, canary, sizeof canary);
	tg_batch_put(b, TG_TABLE_KEY, "two", 3, "", 0);
	CHECK_INT(sealed->ops->commit(sealed, &one, 1), 0);
	tg_batch_free(b);
	CHECK_INT(in->ops->get(in, TG_TABLE_KEY, "one", 3, &row), 0);
	for (size_t i = 0; i < row.len * 8 + row.len; i++, tried++) {
		b = tg_batch_new();
		one = b;
		if (i < row.len * 8)
			row.data[i / 8] ^= (uint8_t)(1 << i % 8);
		tg_batch_put(b, TG_TABLE_KEY, "one", 3, row.data,
			     i < row.len * 8 ? row.len : i - row.len * 8);
		if (i < row.len * 8)
			row.data[i / 8] ^= (uint8_t)(1 << i % 8);
		CHECK_INT(in->ops->commit(in, &one, 1), 0);
		tg_batch_free(b);
		CHECK_INT(sealed->ops->get(sealed, TG_TABLE_KEY, "one", 3, &out), -TG_E_CRYPTO);
	}
	CHECK(tried > 400);
	b = tg_batch_new();
	one = b;
	tg_batch_put(b, TG_TABLE_KEY, "two", 3, row.data, row.len);
	tg_batch_put(b, TG_TABLE_STATE, "one", 3, row.data, row.len);
	tg_batch_put(b, TG_TABLE_KEY, "one", 3, row.data, row.len);
	CHECK_INT(in->ops->commit(in, &one, 1), 0);
	tg_batch_free(b);
	CHECK_INT(sealed->ops->get(sealed, TG_TABLE_KEY, "two", 3, &out), -TG_E_CRYPTO);
	CHECK_INT(sealed->ops->get(sealed, TG_TABLE_STATE, "one", 3, &out), -TG_E_CRYPTO);
	tl_buf_clear(&out);
	CHECK_INT(sealed->ops->get(sealed, TG_TABLE_KEY, "one", 3, &out), 0);
	CHECK_INT(out.len, sizeof canary);
	tl_buf_free(&row);
	tl_buf_free(&out);
	sealed->ops->close(sealed);
	in->ops->close(in);
}

TEST(a_damaged_row_that_the_network_knows_is_passed_over)
{
	static const enum tg_table tables[] = {TG_TABLE_PEER, TG_TABLE_STATE, TG_TABLE_KEY};
	struct frail below;
	struct tg_store *sealed, *in;
	struct tl_buf key = {0}, value = {0};

	frail_open(&below);
	in = below.inner;
	CHECK_INT(tg_store_seal(&below.base, key_a, TG_SEAL_ALL, &env, &sealed), 0);
	for (unsigned i = 0; i < sizeof tables / sizeof *tables; i++) {
		struct tg_batch *good = tg_batch_new(), *bad = tg_batch_new();
		const struct tg_batch *one = good;
		bool kept = tables[i] != TG_TABLE_KEY;

		tg_batch_put(good, tables[i], "one", 3, canary, sizeof canary);
		tg_batch_put(good, tables[i], "two", 3, canary, sizeof canary);
		CHECK_INT(sealed->ops->commit(sealed, &one, 1), 0);
		one = bad;
		tg_batch_put(bad, tables[i], "one", 3, "?", 1);
		CHECK_INT(in->ops->commit(in, &one, 1), 0);
		CHECK_INT(sealed->ops->seek(sealed, tables[i], NULL, 0, NULL, 0, &key, &value),
			  kept ? 0 : -TG_E_CRYPTO);
		if (kept)
			CHECK(key.len == 3 && memcmp(key.data, "two", 3) == 0);
		tg_batch_free(good);
		tg_batch_free(bad);
	}
	tl_buf_free(&key);
	tl_buf_free(&value);
	sealed->ops->close(sealed);
	in->ops->close(in);
}

TEST(the_wrong_key_touches_nothing)
{
	struct frail below;
	struct tg_store *sealed, *open;

	frail_open(&below);
	CHECK_INT(tg_store_open_memory(&open), 0);
	CHECK_INT(tg_store_seal(&below.base, key_a, TG_SEAL_KEYS, &env, &sealed), 0);
	write_some(sealed, open, 10);
	sealed->ops->close(sealed);
	below.commits_left = 0; /* a write would fail, with another error */
	CHECK_INT(tg_store_seal(&below.base, key_b, TG_SEAL_KEYS, &env, &sealed), -TG_E_CRYPTO);
	CHECK_INT(tg_store_seal(&below.base, key_a, TG_SEAL_ALL, &env, &sealed),
		  -TG_E_NOT_PERMITTED);
	CHECK_INT(tg_store_rekey(&below.base, key_b, key_a, TG_SEAL_ALL, &env), -TG_E_CRYPTO);
	CHECK_INT(tg_store_rekey(&below.base, NULL, key_a, TG_SEAL_ALL, &env), -TG_E_CRYPTO);
	CHECK_INT(tg_store_seal(&below.base, key_a, TG_SEAL_KEYS, &env, &sealed), -TG_E_STORE);
	below.inner->ops->close(below.inner);
	open->ops->close(open);
}

TEST(a_nonce_never_comes_twice)
{
	struct frail below;
	struct tg_store *sealed;
	struct tl_buf row = {0};
	uint8_t seen[200][12];
	unsigned n = 0;

	frail_open(&below);
	for (int opening = 0; opening < 20; opening++) {
		CHECK_INT(tg_store_seal(&below.base, key_a, TG_SEAL_ALL, &env, &sealed), 0);
		for (int i = 0; i < 10; i++) {
			struct tg_batch *b = tg_batch_new();
			const struct tg_batch *one = b;

			tg_batch_put(b, TG_TABLE_STATE, "k", 1, "v", 1);
			CHECK_INT(sealed->ops->commit(sealed, &one, 1), 0);
			tg_batch_free(b);
			tl_buf_clear(&row);
			CHECK_INT(below.inner->ops->get(below.inner, TG_TABLE_STATE, "k", 1, &row),
				  0);
			memcpy(seen[n], row.data + 1, 12);
			for (unsigned j = 0; j < n; j++)
				CHECK(memcmp(seen[j], seen[n], 12) != 0);
			n++;
		}
		sealed->ops->close(sealed);
	}
	CHECK_INT(n, 200);
	tl_buf_free(&row);
	below.inner->ops->close(below.inner);
}

/* From one form to another, cut after each number of commits. */
static void change(const uint8_t *from, enum tg_seal_mode was, const uint8_t *to,
		   enum tg_seal_mode mode)
{
	for (int cut = 0;; cut++) {
		struct frail below;
		struct tg_store *a, *open;
		enum tg_seal_mode found;
		bool unfinished;
		int r;

		seed = 99; /* the same content each time */
		frail_open(&below);
		CHECK_INT(tg_store_open_memory(&open), 0);
		a = &below.base;
		if (from)
			CHECK_INT(tg_store_seal(&below.base, from, was, &env, &a), 0);
		write_some(a, open, 120);
		if (from)
			a->ops->close(a);
		below.commits_left = cut;
		r = tg_store_rekey(&below.base, from, to, mode, &env);
		below.commits_left = -1;
		if (r && cut > 1) { /* halfway: not to be used, nor with the wrong new key */
			CHECK_INT(r, -TG_E_STORE);
			CHECK_INT(tg_seal_look(&below.base, &found, &unfinished), 0);
			CHECK(unfinished);
			CHECK_INT(tg_store_seal(&below.base, key_a, TG_SEAL_ALL, &env, &a),
				  -TG_E_NOT_PERMITTED);
		}
		if (r)
			CHECK_INT(tg_store_rekey(&below.base, from, to, mode, &env), 0);
		CHECK_INT(tg_seal_look(&below.base, &found, &unfinished), 0);
		CHECK(!unfinished && found == mode);
		a = &below.base;
		if (to)
			CHECK_INT(tg_store_seal(&below.base, to, mode, &env, &a), 0);
		check_same(a, open);
		if (to)
			a->ops->close(a);
		below.inner->ops->close(below.inner);
		open->ops->close(open);
		if (!r) {
			CHECK(cut > 2);
			return;
		}
	}
}

TEST(another_key_or_mode_however_often_it_is_interrupted)
{
	change(NULL, TG_SEAL_NONE, key_a, TG_SEAL_ALL);
	change(key_a, TG_SEAL_ALL, key_b, TG_SEAL_ALL);
	change(key_a, TG_SEAL_ALL, key_b, TG_SEAL_KEYS);
	change(key_a, TG_SEAL_KEYS, key_a, TG_SEAL_ALL);
	change(key_a, TG_SEAL_ALL, NULL, TG_SEAL_NONE);
}
