/* What stands in the state folder: the store of each format, and keys.bak beside it. */
#include "core/store_spare.h"
#include "tests/harness.h"

#include <fcntl.h>
#include <lmdb.h>
#include <sys/stat.h>
#include <unistd.h>

struct file {
	uint8_t *data;
	size_t n;
};

static struct file read_file(const char *name)
{
	char path[512];
	struct file f = {malloc(1 << 20), 0};
	FILE *in;

	snprintf(path, sizeof path, "%s/%s", test_dir(), name);
	in = fopen(path, "rb");
	CHECK(in != NULL);
	f.n = fread(f.data, 1, 1 << 20, in);
	fclose(in);
	return f;
}

static void write_at(const char *name, long at, const void *data, size_t n)
{
	char path[512];
	FILE *out;

	snprintf(path, sizeof path, "%s/%s", test_dir(), name);
	out = fopen(path, "r+b");
	CHECK(out && fseek(out, at, SEEK_SET) == 0 && fwrite(data, 1, n, out) == n);
	fclose(out);
}

static void put_file(const char *name, struct file f)
{
	char path[512];

	snprintf(path, sizeof path, "%s/%s", test_dir(), name);
	CHECK_INT(truncate(path, (off_t)f.n), 0);
	write_at(name, 0, f.data, f.n);
}

static void remove_file(const char *name)
{
	char path[512];

	snprintf(path, sizeof path, "%s/%s", test_dir(), name);
	CHECK_INT(unlink(path), 0);
}

static void commit(struct tg_store *s, struct tg_batch *b)
{
	const struct tg_batch *one = b;

	CHECK_INT(s->ops->commit(s, &one, 1), 0);
	tg_batch_free(b);
}

static struct tg_store *open_store(void)
{
	struct tg_store_report why;
	struct tg_store *s = NULL;

	CHECK_INT(tg_store_open_lmdb(test_dir(), &s, &why), 0);
	return s;
}

static void refused(enum tg_store_verdict verdict, const char *table)
{
	struct tg_store_report why;
	struct tg_store *s = NULL;

	CHECK_INT(tg_store_open_lmdb(test_dir(), &s, &why), -TG_E_STORE);
	CHECK(s == NULL);
	CHECK_INT(why.verdict, verdict);
	CHECK_STR(why.table ? why.table : "", table);
}

static void put_one(struct tg_store *s, enum tg_table t, const char *key, const char *value)
{
	struct tg_batch *b = tg_batch_new();

	tg_batch_put(b, t, key, strlen(key), value, strlen(value));
	commit(s, b);
}

static void is_there(struct tg_store *s, enum tg_table t, const char *key, const char *value)
{
	struct tl_buf v = {0};

	CHECK_INT(s->ops->get(s, t, key, strlen(key), &v), 0);
	CHECK(v.len == strlen(value) && memcmp(v.data, value, v.len) == 0);
	tl_buf_free(&v);
}

static uint64_t generation_of(void)
{
	struct tl_buf b = {0};
	uint64_t n = 0;

	CHECK_INT(tg_spare_read(test_dir(), &b, &n), 0);
	tl_buf_free(&b);
	return n;
}

/* ---- formats: a row of each table as the format had it ----------------------------------------
 */
static const char *const old_rows[TG_TABLE_COUNT][2] = {
	[TG_TABLE_META] = {"seq", "\7\1\1\1\1\1\1\1"},
	[TG_TABLE_ACCOUNT] = {"main", "record"},
	[TG_TABLE_KEY] = {"prefix00k2", "an auth key"},
	[TG_TABLE_STATE] = {"prefix00c", "pts"},
	[TG_TABLE_PEER] = {"prefix00u1", "access hash"},
	[TG_TABLE_NAME] = {"prefix00@durov", "1"},
	[TG_TABLE_JOURNAL] = {"\1\1\1\1\1\1\1\7", "event"},
	[TG_TABLE_CONSUMER] = {"nightly", "place"},
	[TG_TABLE_OUTCOME] = {"prefix00x", "sent"},
};

static void build(uint8_t format)
{
	static const char *const names[TG_TABLE_COUNT] = {"meta",    "account",  "key",
							  "state",   "peer",     "name",
							  "journal", "consumer", "outcome"};
	MDB_env *env;
	MDB_txn *txn;

	CHECK_INT(mdb_env_create(&env), 0);
	CHECK_INT(mdb_env_set_maxdbs(env, TG_TABLE_COUNT), 0);
	CHECK_INT(mdb_env_open(env, test_dir(), 0, 0600), 0);
	CHECK_INT(mdb_txn_begin(env, NULL, 0, &txn), 0);
	for (int t = 0; t < TG_TABLE_COUNT; t++) {
		MDB_val k = {strlen(old_rows[t][0]), (void *)old_rows[t][0]},
			v = {strlen(old_rows[t][1]), (void *)old_rows[t][1]},
			f = {6, (void *)"format"}, one = {1, &format};
		MDB_dbi dbi;

		CHECK_INT(mdb_dbi_open(txn, names[t], MDB_CREATE, &dbi), 0);
		CHECK_INT(mdb_put(txn, dbi, &k, &v, 0), 0);
		if (t == TG_TABLE_META)
			CHECK_INT(mdb_put(txn, dbi, &f, &one, 0), 0);
	}
	CHECK_INT(mdb_txn_commit(txn), 0);
	mdb_env_close(env);
}

TEST(store_of_each_older_format_is_brought_up)
{
	for (uint8_t format = 1; format < TG_STORE_FORMAT; format++) {
		char is[2] = {TG_STORE_FORMAT, 0};
		struct tg_store *s;

		build(format);
		for (int turn = 0; turn < 2; turn++) {
			s = open_store();
			for (int t = 0; t < TG_TABLE_COUNT; t++)
				is_there(s, (enum tg_table)t, old_rows[t][0], old_rows[t][1]);
			is_there(s, TG_TABLE_META, "format", is);
			CHECK_INT(generation_of(), 1);
			s->ops->close(s);
		}
		remove_file("data.mdb");
		remove_file("keys.bak");
	}
}

TEST(store_of_a_newer_format_stays_as_it_is)
{
	struct file before, after;

	build(TG_STORE_FORMAT + 1);
	before = read_file("data.mdb");
	for (int turn = 0; turn < 2; turn++) {
		refused(TG_STORE_NEWER, "");
		after = read_file("data.mdb");
		CHECK_INT(after.n, before.n);
		CHECK_MEM(after.data, before.data, before.n);
		free(after.data);
	}
	free(before.data);
}

/* ---- keys.bak ----------------------------------------------------------------------------------
 */
TEST(spare_follows_the_keys)
{
	struct tg_store *s = open_store(), *m;
	struct stat st;
	char path[512];

	snprintf(path, sizeof path, "%s/keys.bak", test_dir());
	put_one(s, TG_TABLE_PEER, "prefix00u1", "hash");
	put_one(s, TG_TABLE_KEY, "prefix00s2", "salts");
	put_one(s, TG_TABLE_KEY, "prefix00t2", "clock");
	CHECK(stat(path, &st) != 0);
	put_one(s, TG_TABLE_KEY, "prefix00k2", "key");
	CHECK_INT(generation_of(), 1);
	CHECK_INT(stat(path, &st), 0);
	CHECK_INT(st.st_mode & 0777, 0600);
	put_one(s, TG_TABLE_ACCOUNT, "main", "record");
	put_one(s, TG_TABLE_META, "seal_epoch", "12");
	put_one(s, TG_TABLE_META, "seq", "many times");
	CHECK_INT(generation_of(), 3);
	s->ops->close(s);
	CHECK_INT(tg_spare_load(test_dir(), &m), 0);
	is_there(m, TG_TABLE_KEY, "prefix00k2", "key");
	is_there(m, TG_TABLE_KEY, "prefix00s2", "salts");
	is_there(m, TG_TABLE_ACCOUNT, "main", "record");
	is_there(m, TG_TABLE_META, "seal_epoch", "12");
	m->ops->close(m);
}

TEST(spare_that_is_bad_is_put_aside_and_written_anew)
{
	struct tg_store *s = open_store();
	struct file good;
	char path[512];

	put_one(s, TG_TABLE_KEY, "prefix00k2", "key");
	s->ops->close(s);
	good = read_file("keys.bak");
	for (size_t at = 0; at < good.n; at++) {
		struct file is;

		write_at("keys.bak", (long)at, (uint8_t[]){good.data[at] ^ 0x10}, 1);
		s = open_store();
		s->ops->close(s);
		is = read_file("keys.bak");
		CHECK_INT(is.n, good.n);
		CHECK_MEM(is.data, good.data, good.n);
		free(is.data);
	}
	for (size_t n = 0; n < good.n; n++) {
		snprintf(path, sizeof path, "%s/keys.bak", test_dir());
		CHECK_INT(truncate(path, (off_t)n), 0);
		s = open_store();
		s->ops->close(s);
		CHECK_INT(generation_of(), 1);
	}
	remove_file("keys.bak");
	s = open_store();
	s->ops->close(s);
	CHECK_INT(generation_of(), 1);
	free(good.data);
}

/* A kill between the two: the store is ahead. */
TEST(spare_that_is_behind_is_written_anew)
{
	struct tg_store *s = open_store(), *m;
	struct file old;

	put_one(s, TG_TABLE_KEY, "prefix00k2", "key");
	old = read_file("keys.bak");
	put_one(s, TG_TABLE_KEY, "prefix00k2", "new");
	s->ops->close(s);
	put_file("keys.bak", old);
	s = open_store();
	s->ops->close(s);
	CHECK_INT(generation_of(), 2);
	CHECK_INT(tg_spare_load(test_dir(), &m), 0);
	is_there(m, TG_TABLE_KEY, "prefix00k2", "new");
	m->ops->close(m);
	free(old.data);
}

TEST(store_without_its_keys_is_refused)
{
	struct tg_store *s = open_store();
	struct file old, new;

	put_one(s, TG_TABLE_KEY, "prefix00k2", "key");
	s->ops->close(s);
	old = read_file("data.mdb");
	s = open_store();
	put_one(s, TG_TABLE_KEY, "prefix00k3", "another");
	s->ops->close(s);
	new = read_file("data.mdb");
	put_file("data.mdb", old);
	refused(TG_STORE_BEHIND, "");
	refused(TG_STORE_BEHIND, "");
	put_file("data.mdb", new);
	s = open_store();
	s->ops->close(s);
	remove_file("data.mdb");
	refused(TG_STORE_BEHIND, "");
	free(old.data);
	free(new.data);
}

/* ---- the check ---------------------------------------------------------------------------------
 */
TEST(store_with_another_key_than_its_spare_is_damaged)
{
	static const char key[] = "an auth key that is long enough to be found";
	struct tg_store *s = open_store();
	struct file f;

	put_one(s, TG_TABLE_KEY, "prefix00k2", key);
	s->ops->close(s);
	f = read_file("data.mdb");
	for (size_t at = 0; at + sizeof key <= f.n; at++)
		if (memcmp(f.data + at, key, sizeof key - 1) == 0)
			write_at("data.mdb", (long)at + 7, "!", 1);
	refused(TG_STORE_DAMAGED, "key");
	free(f.data);
}

TEST(store_that_is_cut_is_damaged)
{
	struct tg_store *s = open_store();
	char path[512];
	struct file f;

	put_one(s, TG_TABLE_KEY, "prefix00k2", "key");
	s->ops->close(s);
	f = read_file("data.mdb");
	snprintf(path, sizeof path, "%s/data.mdb", test_dir());
	for (size_t n = f.n - 1; n > 4096; n -= n < 1000 ? n : 1000) {
		CHECK_INT(truncate(path, (off_t)n), 0);
		refused(TG_STORE_DAMAGED, "");
	}
	free(f.data);
}

/* A store that was only ever well treated is whole, whatever it went through. */
TEST_T(store_check_finds_nothing_in_a_good_store, 60)
{
	static uint8_t value[9000];
	uint32_t seed = 5;

	unsigned long rounds = test_count("LAYERD_STORES", 30);

	for (unsigned long round = 0; round < rounds; round++) {
		struct tg_store *s = open_store();
		int table = 0;

		for (int i = 0; i < 20; i++) {
			struct tg_batch *b = tg_batch_new();

			for (int j = 0; j < 30; j++) {
				uint8_t key[4] = {0};
				enum tg_table t;

				seed = seed * 1664525u + 1013904223u;
				t = (enum tg_table)(TG_TABLE_STATE +
						    (seed >> 8) %
							    (TG_TABLE_COUNT - TG_TABLE_STATE));
				key[1] = (uint8_t)(seed >> 12 & 3);
				key[2] = (uint8_t)(seed >> 16);
				if (seed >> 30 == 1) /* these point at the page behind theirs */
					tg_batch_put(b, t, key, 4, value, 0);
				else if (seed >> 30)
					tg_batch_put(b, t, key, 4, value, (seed >> 20) % 9000);
				else
					tg_batch_delete(b, t, key, 4);
			}
			commit(s, b);
			CHECK(tg_store_check(test_dir(), &table) == 0); /* as after a kill -9 */
		}
		s->ops->close(s);
		CHECK(tg_store_check(test_dir(), &table) == 0);
	}
}

static bool whole_with(long at, uint8_t byte)
{
	int table = 0;

	write_at("data.mdb", at, &byte, 1);
	return tg_store_check(test_dir(), &table) == 0;
}

/* LMDB reads on over a page with a false head, and dies when it writes there. */
TEST_T(store_check_believes_no_page_that_lies_of_itself, 60)
{
	static uint8_t value[9000];
	struct tg_store *s = open_store();
	struct tg_batch *b = tg_batch_new();
	unsigned used = 0, kinds = 0;
	struct file f;

	for (unsigned i = 0; i < 600; i++)
		tg_batch_put(b, TG_TABLE_JOURNAL, &i, sizeof i, value, i % 50 ? 90 : 9000);
	commit(s, b);
	put_one(s, TG_TABLE_KEY, "1", "a key");
	s->ops->close(s);
	f = read_file("data.mdb");
	for (size_t page = 2 * 4096; page < f.n; page += 4096) {
		if (whole_with((long)page,
			       f.data[page] ^ 1)) { /* free, or behind an overflow's first */
			write_at("data.mdb", (long)page, f.data + page, 1);
			continue;
		}
		write_at("data.mdb", (long)page, f.data + page, 1);
		for (size_t i = page + 10; i < page + 16; i++) {
			bool big = f.data[page + 10] == 4; /* may have more pages than it needs */

			CHECK(!whole_with((long)i, f.data[i] ^ (big ? 0x10 : 0x81)));
			write_at("data.mdb", (long)i, f.data + i, 1);
		}
		used++;
		kinds |= f.data[page + 10];
	}
	CHECK(used > 20 && kinds == 7);
	CHECK(whole_with(0, f.data[0]));
	free(f.data);
}

/* It would be read as a record of pages, and those may hold the next one. */
TEST(store_check_finds_a_table_within_a_table)
{
	static const char key[] = "a key that is nowhere else";
	uint8_t empty[48] = {0};
	struct tg_store *s = open_store();
	struct tg_batch *b = tg_batch_new();
	unsigned found = 0;
	struct file f;

	memset(empty + 40, 0xff, 8); /* the root of an empty table */
	tg_batch_put(b, TG_TABLE_STATE, key, sizeof key, empty, sizeof empty);
	commit(s, b);
	s->ops->close(s);
	f = read_file("data.mdb");
	for (size_t at = 2 * 4096 + 4; at + sizeof key < f.n; at++) {
		if (memcmp(f.data + at, key, sizeof key) != 0)
			continue;
		/* the node's flags stand before its key's size */
		CHECK(!whole_with((long)at - 4, 2));
		CHECK(whole_with((long)at - 4, 0));
		found++;
	}
	CHECK_INT(found, 1);
	free(f.data);
}
