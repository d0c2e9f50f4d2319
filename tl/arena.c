/* The arena: memory that dies together. A list of chunks, the newest first; whoever inited it frees
 * it. Bytes come zeroed and aligned to 16, and are wiped when they go: passwords may be among them.
 */
#include "tl/tl.h"

#include <stdlib.h>
#include <string.h>

#define ALIGN 16u
#define CHUNK_MIN 992u /* with its head what malloc keeps at hand: up to 1,032 bytes */
#define CHUNK_MAX (256u << 10)

struct tl_chunk {
	struct tl_chunk *next;
	size_t size, used;
	size_t pad; /* keeps data aligned on 64 bits */
	uint8_t data[];
};

void tl_arena_init(struct tl_arena *a, size_t cap)
{
	a->chunks = NULL;
	a->used = 0;
	a->cap = cap;
}

static struct tl_chunk *chunk_new(struct tl_arena *a, size_t size)
{
	size_t want = a->chunks ? a->chunks->size * 2 : CHUNK_MIN;
	struct tl_chunk *c;

	if (want > CHUNK_MAX)
		want = CHUNK_MAX;
	if (want < size)
		want = size;
	c = aligned_alloc(ALIGN, (sizeof *c + want + ALIGN - 1) & ~(size_t)(ALIGN - 1));
	if (!c)
		return NULL;
	c->size = want;
	c->used = 0;
	c->next = a->chunks;
	a->chunks = c;
	return c;
}

void *tl_arena_alloc(struct tl_arena *a, size_t size)
{
	struct tl_chunk *c = a->chunks;
	void *p;

	if (size > a->cap || a->cap - size < a->used)
		return NULL;
	size = size ? (size + ALIGN - 1) & ~(size_t)(ALIGN - 1) : ALIGN;
	if (!c || c->size - c->used < size)
		c = chunk_new(a, size);
	if (!c)
		return NULL;
	p = c->data + c->used;
	c->used += size;
	a->used += size;
	return memset(p, 0, size);
}

void *tl_arena_copy(struct tl_arena *a, const void *data, size_t size)
{
	char *p = size < a->cap ? tl_arena_alloc(a, size + 1) : NULL;

	if (p && size)
		memcpy(p, data, size);
	return p;
}

static void free_from(struct tl_chunk *c)
{
	while (c) {
		struct tl_chunk *next = c->next;

		explicit_bzero(c->data, c->used);
		free(c);
		c = next;
	}
}

void tl_arena_reset(struct tl_arena *a)
{
	struct tl_chunk *c = a->chunks;

	a->used = 0;
	if (!c)
		return;
	if (c->size > CHUNK_MAX) { /* a giant is not worth keeping */
		tl_arena_free(a);
		return;
	}
	free_from(c->next);
	c->next = NULL;
	explicit_bzero(c->data, c->used);
	c->used = 0;
}

void tl_arena_free(struct tl_arena *a)
{
	free_from(a->chunks);
	a->chunks = NULL;
	a->used = 0;
}
