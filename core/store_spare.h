/* Inside core: what stands beside the LMDB file. keys.bak, which brings the accounts back when it
 * is damaged (store_spare.c); the lock (store_lock.c); the check that notices damage
 * (store_check.c). */
#ifndef CORE_STORE_SPARE_H
#define CORE_STORE_SPARE_H

#include "core/store.h"

#define TG_MAX_PATH 4096
#define TG_MAP_MAX ((size_t)1 << 40) /* of data.mdb */

/* Does a change of this row go into the file? Salts and clocks come again by themselves. */
bool tg_spare_wants(enum tg_table t, const uint8_t *key, size_t n);
/* The file is made of a head and rows; b.err is sticky. */
void tg_spare_begin(struct tl_buf *b, uint64_t generation);
void tg_spare_put(struct tl_buf *b, enum tg_table t, struct tl_str key, struct tl_str value);
/* Closes it with its checksum, and takes the place of the former one. */
int tg_spare_write(const char *dir, struct tl_buf *b) TL_MUST;
/* -TG_E_NOT_FOUND: there is none; -TG_E_STORE: the checksum is wrong; -TG_E_FILE_ACCESS: errno.
 * ret holds keys. */
int tg_spare_read(const char *dir, struct tl_buf *ret, uint64_t *ret_generation) TL_MUST;
/* The row at c; false at the end. */
bool tg_spare_next(struct tl_cursor *c, struct tg_op *ret);
struct tl_cursor tg_spare_rows(const struct tl_buf *file);
/* Renames dir/name to dir/name.corrupt-TIME; a file that is not there is not missed. */
int tg_spare_aside(const char *dir, const char *name) TL_MUST;
/* What root has made in the folder belongs to the folder's owner, who will want to open it. */
void tg_spare_own(const char *dir, const char *name);
/* dir/name; room is TG_MAX_PATH + 32. */
void tg_spare_path(char *out, const char *dir, const char *name);

int tg_spare_error(int err); /* of an errno */

/* The lock, with our number in it; *ret_as_left: the last one ended cleanly, and the store is as he
 * left it. -TG_E_NOT_PERMITTED: *ret_pid has it. */
int tg_lock_take(const char *dir, int *ret_fd, int *ret_pid, bool *ret_as_left) TL_MUST;
void tg_lock_leave(int fd, const char *dir); /* the mark of a clean end */

/* Reads the whole store in a child, for a damaged one may kill whoever reads it. -TG_E_STORE:
 * damaged, and *ret_table is where (-1: not in one alone); -TG_E_FILE_ACCESS: it could not look
 * (errno). Nobody may write meanwhile. */
int tg_store_check(const char *dir, int *ret_table) TL_MUST;

#endif
