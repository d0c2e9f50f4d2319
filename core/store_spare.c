/* keys.bak: the rows of the accounts and their keys, as the store has them (sealed, when it is),
 * with a checksum. Written anew with every change of such a row, and renamed over the former one;
 * changes that come while it is written share the next one (they are one group of the store's).
 *
 * Layout, little-endian: "layerd keys.bak\n", u32 version, u64 generation; each row u8 table, u32
 * and key, u32 and value; HMAC-SHA256 of all of it. The generation is that of the row "keys" below
 * META: a store with a smaller one is older than its keys.bak. */
#include "core/store_spare.h"

#include "core/core.h"
#include "proto/gcm.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define VERSION 1u
#define SUM 32u
#define MAX_FILE (1u << 30)

static const char magic[16] = "layerd keys.bak\n", name[] = "keys.bak", fresh[] = "keys.new";
#define HEAD (sizeof magic + 12)

bool tg_spare_wants(enum tg_table t, const uint8_t *key, size_t n)
{
	static const size_t kind = 8; /* behind the account's prefix */

	switch (t) {
	case TG_TABLE_ACCOUNT:
		return true;
	case TG_TABLE_KEY:
		return n <= kind || (key[kind] != 's' && key[kind] != 't');
	case TG_TABLE_META:
		return tg_meta_is_clear(key, n); /* how the rows are sealed */
	case TG_TABLE_STATE:
	case TG_TABLE_PEER:
	case TG_TABLE_NAME:
	case TG_TABLE_JOURNAL:
	case TG_TABLE_CONSUMER:
	case TG_TABLE_OUTCOME:
	case TG_TABLE_COUNT:
		break;
	}
	return false;
}

/* ---- writing --------------------------------------------------------------------------------- */
static void put_block(struct tl_buf *b, struct tl_str s)
{
	tl_put_u32(b, s.len);
	tl_put(b, s.data, s.len);
}

void tg_spare_begin(struct tl_buf *b, uint64_t generation)
{
	tl_buf_clear(b);
	tl_put(b, magic, sizeof magic);
	tl_put_u32(b, VERSION);
	tl_put_u64(b, generation);
}

void tg_spare_put(struct tl_buf *b, enum tg_table t, struct tl_str key, struct tl_str value)
{
	tl_put_u8(b, (uint8_t)t);
	put_block(b, key);
	put_block(b, value);
}

static void checksum(uint8_t out[SUM], const uint8_t *data, size_t n)
{
	mt_hmac_sha256(out, (const uint8_t *)magic, sizeof magic, data, n);
}

void tg_spare_path(char *out, const char *dir, const char *file)
{
	size_t n = strlen(dir);

	memcpy(out, dir, n);
	out[n] = '/';
	memcpy(out + n + 1, file, strlen(file) + 1);
}

int tg_spare_error(int err)
{
	return err == ENOSPC || err == EDQUOT || err == EFBIG ? -TG_E_DISK_FULL : -TG_E_STORE;
}

void tg_spare_own(const char *dir, const char *file)
{
	char path[TG_MAX_PATH + 32];
	struct stat folder, st;
	int fd;

	if (geteuid() != 0 || stat(dir, &folder) != 0 || folder.st_uid == 0)
		return;
	tg_spare_path(path, dir, file);
	fd = open(path, O_PATH | O_NOFOLLOW | O_CLOEXEC); /* the owner may put another there */
	if (fd < 0)
		return;
	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_uid == 0 && st.st_nlink == 1)
		(void)!fchownat(fd, "", folder.st_uid, folder.st_gid, AT_EMPTY_PATH);
	close(fd);
}

static int write_file(const char *path, const struct tl_buf *b)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600), r = 0;

	if (fd < 0)
		return tg_spare_error(errno);
	for (size_t done = 0; !r && done < b->len;) {
		ssize_t n = write(fd, b->data + done, b->len - done);

		if (n > 0)
			done += (size_t)n;
		else if (n == 0 || errno != EINTR)
			r = n == 0 ? -TG_E_STORE : tg_spare_error(errno);
	}
	if (!r && fdatasync(fd) != 0)
		r = tg_spare_error(errno);
	close(fd);
	return r;
}

static int sync_folder(const char *dir)
{
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC), r;

	if (fd < 0)
		return tg_spare_error(errno);
	r = fsync(fd) == 0 ? 0 : tg_spare_error(errno);
	close(fd);
	return r;
}

int tg_spare_write(const char *dir, struct tl_buf *b)
{
	char from[TG_MAX_PATH + 32], to[TG_MAX_PATH + 32];
	uint8_t sum[SUM];
	int r;

	checksum(sum, b->data, b->err ? 0 : b->len);
	tl_put(b, sum, sizeof sum);
	if (b->err)
		return b->err;
	tg_spare_path(from, dir, fresh);
	tg_spare_path(to, dir, name);
	r = write_file(from, b);
	tg_spare_own(dir, fresh);
	if (!r && rename(from, to) != 0)
		r = tg_spare_error(errno);
	return r ? r : sync_folder(dir);
}

/* ---- reading --------------------------------------------------------------------------------- */
struct tl_cursor tg_spare_rows(const struct tl_buf *file)
{
	return tl_cursor(file->data + HEAD, file->len - HEAD - SUM);
}

static bool get_block(struct tl_cursor *c, const uint8_t **ret, size_t *ret_n)
{
	*ret_n = tl_get_u32(c);
	*ret = c->err || *ret_n > tl_left(c) ? NULL : tl_get(c, *ret_n);
	return *ret != NULL;
}

bool tg_spare_next(struct tl_cursor *c, struct tg_op *ret)
{
	const uint8_t *table = tl_left(c) ? tl_get(c, 1) : NULL;

	if (!table || *table >= TG_TABLE_COUNT)
		return false;
	*ret = (struct tg_op){.table = (enum tg_table) * table, .put = true};
	return get_block(c, &ret->key, &ret->nkey) && get_block(c, &ret->value, &ret->n);
}

static bool is_whole(const struct tl_buf *b, uint64_t *ret_generation)
{
	struct tl_cursor c;
	uint8_t sum[SUM];

	if (b->len < HEAD + SUM || memcmp(b->data, magic, sizeof magic) != 0)
		return false;
	checksum(sum, b->data, b->len - SUM);
	c = tl_cursor(b->data + sizeof magic, 12);
	if (memcmp(sum, b->data + b->len - SUM, SUM) != 0 || tl_get_u32(&c) != VERSION)
		return false;
	*ret_generation = tl_get_u64(&c);
	return true;
}

int tg_spare_read(const char *dir, struct tl_buf *ret, uint64_t *ret_generation)
{
	char path[TG_MAX_PATH + 32];
	struct stat st;
	int fd, r = -TG_E_STORE;
	void *room;

	tg_spare_path(path, dir, name);
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return errno == ENOENT  ? -TG_E_NOT_FOUND
		       : errno == ELOOP ? -TG_E_STORE
					: -TG_E_FILE_ACCESS;
	tl_buf_clear(ret);
	if (fstat(fd, &st) == 0 && st.st_size > 0 && st.st_size < MAX_FILE) {
		room = tl_buf_extend(ret, (size_t)st.st_size);
		if (!room)
			r = -TG_E_NOMEM;
		else if (read(fd, room, (size_t)st.st_size) == st.st_size &&
			 is_whole(ret, ret_generation))
			r = 0;
	}
	close(fd);
	return r;
}

int tg_spare_load(const char *dir, struct tg_store **ret)
{
	struct tl_buf b = {0};
	struct tg_batch *batch = tg_batch_new();
	const struct tg_batch *one = batch;
	struct tg_store *s = NULL;
	struct tl_cursor c;
	struct tg_op op;
	uint64_t generation;
	int r = batch ? tg_spare_read(dir, &b, &generation) : -TG_E_NOMEM;

	if (r == 0) {
		c = tg_spare_rows(&b);
		while (tg_spare_next(&c, &op))
			tg_batch_put(batch, op.table, op.key, op.nkey, op.value, op.n);
		r = tg_store_open_memory(&s);
	}
	if (r == 0)
		r = s->ops->commit(s, &one, 1);
	if (b.data)
		mt_wipe(b.data, b.cap);
	tl_buf_free(&b);
	tg_batch_free(batch);
	if (r && s)
		s->ops->close(s);
	else if (r == 0)
		*ret = s;
	return r;
}

int tg_spare_aside(const char *dir, const char *file)
{
	char from[TG_MAX_PATH + 32], to[TG_MAX_PATH + 64], digits[24];
	size_t at = sizeof digits;
	unsigned long long t = (unsigned long long)time(NULL);
	size_t n;

	tg_spare_path(from, dir, file);
	digits[--at] = '\0';
	for (; t; t /= 10)
		digits[--at] = (char)('0' + t % 10);
	tg_spare_path(to, dir, file);
	n = strlen(to);
	memcpy(to + n, ".corrupt-", 9);
	memcpy(to + n + 9, digits + at, sizeof digits - at);
	return rename(from, to) == 0 || errno == ENOENT ? 0 : tg_spare_error(errno);
}
