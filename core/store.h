/* The store: ordered tables of byte keys, LMDB or memory behind one vtable; batches that become one
 * transaction each. Second front door of the room; what only core's own stores use stands last.
 * The README says what is in each table, and in the state folder. */
#ifndef CORE_STORE_H
#define CORE_STORE_H

#include "tl/tl.h"

enum tg_table {
	TG_TABLE_META, /* format version, counters */
	TG_TABLE_ACCOUNT, /* name → core's record; name NUL … → whatever the daemon keeps there */
	TG_TABLE_KEY,     /* account, world, dc → auth key, salts, time offset */
	TG_TABLE_STATE,   /* account, box → pts, qts, date, seq */
	TG_TABLE_PEER,    /* account, kind, id → access hash, username, phone, title … */
	TG_TABLE_NAME,    /* account, username or phone → kind, id */
	TG_TABLE_JOURNAL, /* seq → event */
	TG_TABLE_CONSUMER,
	TG_TABLE_OUTCOME, /* user, random id → what a request with a key got */
	TG_TABLE_COUNT
};
/* A replayable list of writes that becomes one transaction; ops.err is sticky. */
struct tg_batch {
	struct tl_buf ops;
	struct tg_batch *next; /* the daemon's queue */
	void *owner;           /* the daemon's */
	uint64_t number;       /* the account's */
	int result;            /* after the commit */
};
struct tg_batch *tg_batch_new(void); /* NULL: no memory */
void tg_batch_put(struct tg_batch *b, enum tg_table t, const void *key, size_t nkey,
		  const void *value, size_t n);
/* A put whose value of n bytes is written while it is committed, and again when that is repeated:
 * what ctx points to lives until then. */
struct tg_value {
	void (*write)(const struct tg_value *v, void *room);
	const void *ctx;
	int64_t at; /* what the writer needs besides */
};
void tg_batch_put_later(struct tg_batch *b, enum tg_table t, const void *key, size_t nkey, size_t n,
			const struct tg_value *value);
void tg_batch_delete(struct tg_batch *b, enum tg_table t, const void *key, size_t nkey);
void tg_batch_free(struct tg_batch *b); /* the struct, too */

struct tg_store_ops;
struct tg_store {
	const struct tg_store_ops *ops;
};
struct tg_store_ops {
	/* Loop thread. Appends the value to out; -TG_E_NOT_FOUND. */
	int (*get)(struct tg_store *s, enum tg_table t, const void *key, size_t nkey,
		   struct tl_buf *out);
	/* Loop thread: the first entry, in key order, with key >= from that begins with prefix. */
	int (*seek)(struct tg_store *s, enum tg_table t, const void *prefix, size_t nprefix,
		    const void *from, size_t nfrom, struct tl_buf *key, struct tl_buf *value);
	/* Store thread: all or nothing, durable when it returns 0. -TG_E_DISK_FULL, -TG_E_STORE. */
	int (*commit)(struct tg_store *s, const struct tg_batch *const *batches, size_t count);
	void (*close)(struct tg_store *s);
};
/* Why a store was not opened; the files are then as they were. */
enum tg_store_verdict {
	TG_STORE_FAILED,  /* the system says no */
	TG_STORE_HELD,    /* another process has it */
	TG_STORE_NEWER,   /* of a later format */
	TG_STORE_DAMAGED, /* found by the check that follows an unclean end */
	TG_STORE_BEHIND,  /* older than its keys.bak, or gone */
	TG_STORE_SOUND,   /* it would have been put aside */
};
struct tg_store_report {
	enum tg_store_verdict verdict;
	int pid;           /* HELD: whose */
	const char *table; /* DAMAGED: where, or NULL */
	const char *file;  /* FAILED: of the folder, or NULL */
	const char *text;  /* … and what the system says */
	bool spare_bad;    /* keys.bak was damaged and is put aside; also of a store that opens */
};
/* dir is locked. Beside the store lies keys.bak, the accounts and keys of it once more. */
int tg_store_open_lmdb(const char *dir, struct tg_store **ret, struct tg_store_report *why) TL_MUST;
int tg_store_open_memory(struct tg_store **ret) TL_MUST;
/* The rows of keys.bak in a memory store. -TG_E_NOT_FOUND: there is none; -TG_E_STORE: damaged;
 * -TG_E_FILE_ACCESS: errno. */
int tg_spare_load(const char *dir, struct tg_store **ret) TL_MUST;
/* Begins a store with all rows of another one; the old data.mdb becomes data.mdb.corrupt-TIME.
 * Refuses while that is sound. */
int tg_store_begin_anew(const char *dir, struct tg_store *rows,
			struct tg_store_report *why) TL_MUST;

/* ---- inside core: how a batch is read back, and what the stores share ---- */
#define TG_STORE_FORMAT 2    /* of the tables; a newer store is refused, an older one brought up */
#define TG_STORE_MAX_KEY 511 /* LMDB's */

extern const char *const tg_table_names[TG_TABLE_COUNT];
/* Below META: how often a row that keys.bak holds has changed, u64. */
extern const char tg_meta_generation[5];
/* Rows of META that a sealed store keeps in clear. */
bool tg_meta_is_clear(const void *key, size_t n);

struct tg_op {
	enum tg_table table;
	bool put;
	const uint8_t *key, *value;
	size_t nkey, n;
	bool later; /* value is a struct tg_value, unaligned */
};
/* The operation at *pos; false at the end. Batches are our own: a broken one is our bug. */
bool tg_batch_next(const struct tg_batch *b, size_t *pos, struct tg_op *ret);
void tg_op_value(const struct tg_op *op, void *room); /* of op->n bytes */

/* memcmp order, the shorter first. */
int tg_key_compare(const void *a, size_t na, const void *b, size_t nb);

#endif
