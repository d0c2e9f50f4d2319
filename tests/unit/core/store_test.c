/* Both stores under the same test: a random walk beside a plain list, restarts, the lock, growth.
 */
#include "core/store.h"
#include "tests/harness.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static uint64_t seed = 7;
static uint32_t draw(uint32_t below)
{
	seed = seed * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(seed >> 33) % below;
}

static struct tg_store *open_store(bool lmdb)
{
	struct tg_store *s = NULL;
	struct tg_store_report why;

	if (lmdb)
		CHECK_INT(tg_store_open_lmdb(test_dir(), &s, &why), 0);
	else
		CHECK_INT(tg_store_open_memory(&s), 0);
	return s;
}

static int commit(struct tg_store *s, struct tg_batch *b)
{
	const struct tg_batch *one = b;
	int r = s->ops->commit(s, &one, 1);

	tg_batch_free(b);
	return r;
}

/* The reference: keys are two bytes "ab" and sometimes longer; values remember a number. */
#define KEYS 300
static struct {
	bool there;
	uint32_t value, len;
} model[TG_TABLE_COUNT][KEYS];

static size_t make_key(uint32_t k, uint8_t out[8])
{
	out[0] = (uint8_t)(k % 7);
	out[1] = (uint8_t)(k / 7);
	memset(out + 2, 0xff, 6);
	return 2 + k % 5;
}

static void check_all(struct tg_store *s, enum tg_table t)
{
	struct tl_buf v = {0};

	for (uint32_t k = 0; k < KEYS; k++) {
		uint8_t key[8];
		size_t n = make_key(k, key);
		int r;

		tl_buf_clear(&v);
		r = s->ops->get(s, t, key, n, &v);
		CHECK_INT(r, model[t][k].there ? 0 : -TG_E_NOT_FOUND);
		if (r)
			continue;
		CHECK_INT(v.len, model[t][k].len);
		for (size_t i = 0; i < v.len; i++)
			CHECK_INT(v.data[i], (uint8_t)(model[t][k].value + i));
	}
	tl_buf_free(&v);
}

static void check_seek(struct tg_store *s, enum tg_table t, uint8_t prefix)
{
	struct tl_buf key = {0}, v = {0}, last = {0};
	uint32_t seen = 0, want = 0;
	int r = s->ops->seek(s, t, &prefix, 1, NULL, 0, &key, &v);

	for (uint32_t k = prefix; k < KEYS; k += 7)
		want += model[t][k].there;
	for (; r == 0; seen++) {
		CHECK(key.data[0] == prefix);
		CHECK(!last.len || tg_key_compare(last.data, last.len, key.data, key.len) < 0);
		tl_buf_clear(&last);
		tl_put(&last, key.data, key.len);
		tl_put_u8(&key, 0); /* the next possible key; seek may read from its own result */
		r = s->ops->seek(s, t, &prefix, 1, key.data, key.len, &key, &v);
	}
	CHECK_INT(r, -TG_E_NOT_FOUND);
	CHECK_INT(seen, want);
	tl_buf_free(&key);
	tl_buf_free(&v);
	tl_buf_free(&last);
}

static void random_batch(struct tg_batch *b)
{
	for (uint32_t i = draw(40); i; i--) {
		enum tg_table t = (enum tg_table)(1 + draw(TG_TABLE_COUNT - 1));
		uint32_t k = draw(KEYS);
		uint8_t key[8], value[3000];
		size_t n = make_key(k, key);

		if (draw(3) == 0) {
			tg_batch_delete(b, t, key, n);
			model[t][k].there = false;
			continue;
		}
		model[t][k].there = true;
		model[t][k].value = draw(256);
		model[t][k].len = draw(20) ? draw(40) : draw(3000);
		for (size_t j = 0; j < model[t][k].len; j++)
			value[j] = (uint8_t)(model[t][k].value + j);
		tg_batch_put(b, t, key, n, value, model[t][k].len);
	}
}

static void walk(bool lmdb)
{
	struct tg_store *s = open_store(lmdb);

	memset(model, 0, sizeof model);
	for (int round = 0; round < 200; round++) {
		const struct tg_batch *list[4];
		size_t count = 1 + draw(4);

		for (size_t i = 0; i < count; i++) {
			struct tg_batch *b = tg_batch_new();

			random_batch(b);
			list[i] = b;
		}
		CHECK_INT(s->ops->commit(s, list, count), 0);
		for (size_t i = 0; i < count; i++)
			tg_batch_free((struct tg_batch *)list[i]);
		if (round % 20)
			continue;
		if (lmdb) {
			s->ops->close(s);
			s = open_store(lmdb);
		}
		for (int t = 1; t < TG_TABLE_COUNT; t++) {
			check_all(s, (enum tg_table)t);
			check_seek(s, (enum tg_table)t, (uint8_t)draw(7));
		}
	}
	s->ops->close(s);
}

TEST(store_mem_walk)
{
	walk(false);
}

TEST(store_lmdb_walk)
{
	walk(true);
}

TEST(store_seek_needs_no_prefix)
{
	for (int lmdb = 0; lmdb < 2; lmdb++) {
		struct tg_store *s = open_store(lmdb);
		struct tg_batch *b = tg_batch_new();
		struct tl_buf key = {0}, v = {0};

		tg_batch_put(b, TG_TABLE_ACCOUNT, "bob", 3, "2", 1);
		tg_batch_put(b, TG_TABLE_ACCOUNT, "alice", 5, "1", 1);
		CHECK_INT(commit(s, b), 0);
		CHECK_INT(s->ops->seek(s, TG_TABLE_ACCOUNT, "", 0, "", 0, &key, &v), 0);
		CHECK(key.len == 5 && v.len == 1 && v.data[0] == '1');
		CHECK_INT(s->ops->seek(s, TG_TABLE_ACCOUNT, "", 0, "b", 1, &key, &v), 0);
		CHECK(key.len == 3);
		CHECK_INT(s->ops->seek(s, TG_TABLE_ACCOUNT, "", 0, "c", 1, &key, &v),
			  -TG_E_NOT_FOUND);
		CHECK_INT(s->ops->seek(s, TG_TABLE_STATE, "", 0, "", 0, &key, &v), -TG_E_NOT_FOUND);
		tl_buf_free(&key);
		tl_buf_free(&v);
		s->ops->close(s);
	}
}

TEST(store_bad_key_fails_the_batch_whole)
{
	for (int lmdb = 0; lmdb < 2; lmdb++) {
		struct tg_store *s = open_store(lmdb);
		struct tg_batch *b = tg_batch_new();
		struct tl_buf v = {0};
		uint8_t key[600] = {1};

		tg_batch_put(b, TG_TABLE_STATE, "a", 1, "1", 1);
		tg_batch_put(b, TG_TABLE_STATE, key, sizeof key, "1", 1);
		CHECK(commit(s, b) != 0);
		CHECK_INT(s->ops->get(s, TG_TABLE_STATE, "a", 1, &v), -TG_E_NOT_FOUND);
		s->ops->close(s);
	}
}

TEST(store_lock_names_its_holder)
{
	struct tg_store *s = open_store(true), *other = NULL;
	struct tg_store_report why;
	int status;
	pid_t child;
	struct stat st;
	char path[256];

	CHECK_INT(tg_store_open_lmdb(test_dir(), &other, &why), -TG_E_NOT_PERMITTED);
	CHECK_INT(why.pid, getpid());
	CHECK(other == NULL);
	snprintf(path, sizeof path, "%s/data.mdb", test_dir());
	CHECK_INT(stat(path, &st), 0);
	CHECK_INT(st.st_mode & 0777, 0600);
	s->ops->close(s);
	child = fork();
	if (child == 0) {
		s = open_store(true);
		raise(SIGKILL);
	}
	CHECK_INT(waitpid(child, &status, 0), child);
	s = open_store(true); /* a dead holder's lock is gone */
	s->ops->close(s);
}

/* One has the lock and has not written its number yet; that of a dead one stands there. */
TEST(store_lock_does_not_name_the_dead)
{
	struct tg_store *other = NULL;
	struct tg_store_report why;
	pid_t child = fork();
	char path[256], text[16];
	int fd;

	if (child == 0) {
		open_store(true);
		raise(SIGKILL);
	}
	CHECK_INT(waitpid(child, NULL, 0), child);
	snprintf(path, sizeof path, "%s/lock", test_dir());
	fd = open(path, O_RDWR);
	CHECK(fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) == 0);
	snprintf(text, sizeof text, "%d\n", (int)getpid());
	child = fork();
	if (child == 0) {
		usleep(50000);
		_exit(pwrite(fd, text, strlen(text), 0) < 0);
	}
	CHECK_INT(tg_store_open_lmdb(test_dir(), &other, &why), -TG_E_NOT_PERMITTED);
	CHECK_INT(why.pid, getpid());
	CHECK_INT(waitpid(child, NULL, 0), child);
	close(fd);
}

TEST(store_new_folder_is_private)
{
	struct tg_store *s;
	struct stat st;
	char path[256];
	struct tg_store_report why;

	snprintf(path, sizeof path, "%s/state", test_dir());
	CHECK_INT(tg_store_open_lmdb(path, &s, &why), 0);
	CHECK_INT(stat(path, &st), 0);
	CHECK_INT(st.st_mode & 0777, 0700);
	s->ops->close(s);
}

/* More than the map holds at first, in one batch and while the loop thread has a reader. */
TEST_T(store_map_grows, 60)
{
	struct tg_store *s = open_store(true);
	struct tg_batch *b = tg_batch_new();
	static uint8_t value[100000];
	struct tl_buf v = {0};

	tg_batch_put(b, TG_TABLE_STATE, "x", 1, "1", 1);
	CHECK_INT(commit(s, b), 0);
	CHECK_INT(s->ops->get(s, TG_TABLE_STATE, "x", 1, &v), 0);
	b = tg_batch_new();
	for (uint32_t i = 0; i < 400; i++) {
		uint8_t key[4] = {0, 0, (uint8_t)(i >> 8), (uint8_t)i};

		memset(value, (int)i, sizeof value);
		tg_batch_put(b, TG_TABLE_JOURNAL, key, 4, value, sizeof value);
	}
	CHECK_INT(commit(s, b), 0);
	for (int turn = 0; turn < 2; turn++) {
		for (uint32_t i = 0; i < 400; i++) {
			uint8_t key[4] = {0, 0, (uint8_t)(i >> 8), (uint8_t)i};

			tl_buf_clear(&v);
			CHECK_INT(s->ops->get(s, TG_TABLE_JOURNAL, key, 4, &v), 0);
			CHECK(v.len == sizeof value && v.data[77] == (uint8_t)i);
		}
		s->ops->close(s);
		s = open_store(true);
	}
	tl_buf_free(&v);
	s->ops->close(s);
}

TEST(store_full_disk_changes_nothing)
{
	struct tg_store *s = open_store(true);
	struct tg_batch *b = tg_batch_new();
	struct rlimit small = {4 << 20, 4 << 20}, old;
	static uint8_t value[6 << 20];
	struct tl_buf v = {0};

	tg_batch_put(b, TG_TABLE_STATE, "kept", 4, "1", 1);
	CHECK_INT(commit(s, b), 0);
	signal(SIGXFSZ, SIG_IGN);
	CHECK_INT(getrlimit(RLIMIT_FSIZE, &old), 0);
	small.rlim_max = old.rlim_max;
	CHECK_INT(setrlimit(RLIMIT_FSIZE, &small), 0);
	b = tg_batch_new();
	tg_batch_put(b, TG_TABLE_STATE, "kept", 4, "2", 1);
	tg_batch_put(b, TG_TABLE_STATE, "big", 3, value, sizeof value);
	CHECK(commit(s, b) < 0);
	CHECK_INT(s->ops->get(s, TG_TABLE_STATE, "kept", 4, &v), 0);
	CHECK(v.len == 1 && v.data[0] == '1');
	CHECK_INT(setrlimit(RLIMIT_FSIZE, &old), 0);
	b = tg_batch_new();
	tg_batch_put(b, TG_TABLE_STATE, "big", 3, value, sizeof value);
	CHECK_INT(commit(s, b), 0); /* there is space again */
	tl_buf_free(&v);
	s->ops->close(s);
}
