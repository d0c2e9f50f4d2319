/* The pages of an LMDB file, read as they lie there: whether they are the trees that LMDB would
 * have written. It believes what a page says of itself, and a write to a page that lies ends in a
 * crash. */
#ifndef CORE_STORE_TREE_H
#define CORE_STORE_TREE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct tg_tree {
	const uint8_t *map;
	size_t pages, page_size;
	uint8_t *is_used; /* by page */
	bool in_table;    /* a table has no tables */
};
/* db: a record of a database, as in a meta or in the table of tables. All pages below it are marked
 * as used; false: one is not whole, or belongs to two. */
bool tg_tree_take(struct tg_tree *t, const void *db, unsigned flags);

#endif
