/* Pages and nodes of LMDB's data format 1 on a 64-bit machine, in its own order of bytes. */
#include "core/store_tree.h"

#include <string.h>

#define PAGE_HEAD 16u /* number 8, pad 2, flags 2, lower 2, upper 2; or, of overflow, pages 4 */
#define NODE_HEAD 8u  /* low 2, high 2, flags 2, key's size 2 */
#define DB_SIZE 48u   /* pad 4, flags 2, depth 2, three counts, entries, root */
#define DB_ROOT 40u
#define NO_PAGE SIZE_MAX
#define MAX_DEPTH 32u

enum { BRANCH = 1, LEAF = 2, OVERFLOW = 4 };
enum { NODE_BIG = 1, NODE_TABLE = 2 };

static bool take_page(struct tg_tree *t, size_t number, unsigned depth);

static unsigned get_u16(const uint8_t *p)
{
	uint16_t v;

	memcpy(&v, p, sizeof v);
	return v;
}

static size_t get_size(const uint8_t *p)
{
	size_t v;

	memcpy(&v, p, sizeof v);
	return v;
}

static bool take(struct tg_tree *t, size_t number, size_t n)
{
	if (number < 2 || n > t->pages || number > t->pages - n)
		return false;
	for (size_t i = number; i < number + n; i++) {
		if (t->is_used[i])
			return false;
		t->is_used[i] = 1;
	}
	return true;
}

static bool take_overflow(struct tg_tree *t, size_t number, size_t size)
{
	const uint8_t *page;
	uint32_t pages;

	if (number >= t->pages)
		return false;
	page = t->map + number * t->page_size;
	memcpy(&pages, page + 12, sizeof pages);
	return get_size(page) == number && get_u16(page + 10) == OVERFLOW &&
	       pages > (PAGE_HEAD - 1 + size) / t->page_size && take(t, number, pages);
}

static bool take_table(struct tg_tree *t, const uint8_t *db)
{
	bool whole = !t->in_table;

	t->in_table = true;
	whole = whole && tg_tree_take(t, db, 0);
	t->in_table = false;
	return whole;
}

/* A node of a page, and what hangs on it; its size, or 0. */
static size_t take_node(struct tg_tree *t, const uint8_t *page, size_t at, unsigned depth)
{
	const uint8_t *node = page + at, *value = node + NODE_HEAD + get_u16(node + 6);
	size_t low = get_u16(node) | (size_t)get_u16(node + 2) << 16;
	unsigned flags = get_u16(node + 4);
	size_t size = NODE_HEAD + get_u16(node + 6);
	bool whole;

	if (depth > 1)
		return take_page(t, low | (size_t)flags << 32, depth - 1) ? size : 0;
	size += flags & NODE_BIG ? sizeof(size_t) : low;
	if (size > t->page_size - at)
		return 0;
	if (flags == NODE_BIG)
		whole = take_overflow(t, get_size(value), low);
	else if (flags == NODE_TABLE)
		whole = low == DB_SIZE && take_table(t, value);
	else
		whole = flags == 0;
	return whole ? size : 0;
}

/* Nodes lie behind one another, from upper to the end of the page, in any order. */
static bool take_page(struct tg_tree *t, size_t number, unsigned depth)
{
	const uint8_t *page;
	size_t lower, upper, sum = 0;

	if (!take(t, number, 1))
		return false;
	page = t->map + number * t->page_size;
	lower = get_u16(page + 12);
	upper = get_u16(page + 14);
	if (get_size(page) != number || get_u16(page + 10) != (depth > 1 ? BRANCH : LEAF) ||
	    lower <= PAGE_HEAD || lower % 2 || upper < lower || upper > t->page_size)
		return false;
	for (size_t i = PAGE_HEAD; i < lower; i += 2) {
		size_t at = get_u16(page + i), size;

		if (at < upper || at > t->page_size - NODE_HEAD)
			return false;
		size = take_node(t, page, at, depth);
		if (!size)
			return false;
		sum += size + size % 2;
	}
	return sum == t->page_size - upper;
}

bool tg_tree_take(struct tg_tree *t, const void *db, unsigned flags)
{
	const uint8_t *record = db;
	size_t root = get_size(record + DB_ROOT);
	unsigned depth = get_u16(record + 6);

	if (get_u16(record + 4) != flags || depth > MAX_DEPTH)
		return false;
	return depth ? take_page(t, root, depth) : root == NO_PAGE;
}
