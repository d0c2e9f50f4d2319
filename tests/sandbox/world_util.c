/* The world's small tools: memory that cannot fail, lists of objects, maps, names, deep copies. */
#include "tests/sandbox/world.h"

#include <ctype.h>
#include <stdarg.h>

void *sb_alloc(struct tl_arena *a, size_t n)
{
	void *p = tl_arena_alloc(a, n ? n : 1);

	if (!p) {
		fprintf(stderr, "layerd-sandbox: out of memory (%zu bytes)\n", n);
		abort();
	}
	return p;
}

const char *sb_text(struct tl_arena *a, struct tl_str s)
{
	char *p;

	if (!s.data)
		return NULL;
	p = sb_alloc(a, (size_t)s.len + 1);
	memcpy(p, s.data, s.len);
	return p;
}

const char *sb_copy(struct tl_arena *a, const char *s)
{
	return s ? sb_text(a, (struct tl_str){s, (uint32_t)strlen(s)}) : NULL;
}

const char *sb_format(struct tl_arena *a, const char *fmt, ...)
{
	va_list ap, again;
	char *p;
	int n;

	va_start(ap, fmt);
	va_copy(again, ap);
	n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	p = sb_alloc(a, (size_t)(n > 0 ? n : 0) + 1);
	if (n > 0)
		vsnprintf(p, (size_t)n + 1, fmt, again);
	va_end(again);
	return p;
}

struct tl_str sb_str(const char *s)
{
	return s ? tl_str(s) : (struct tl_str){NULL, 0};
}

void *sb_make(struct tl_arena *a, unsigned ctor, size_t size)
{
	struct tl_obj *o = sb_alloc(a, size);

	o->ctor = (uint16_t)ctor;
	return o;
}

struct tl_obj *sb_keep(struct sb_world *w, struct tl_arena *a, const struct tl_obj *o)
{
	struct tl_buf buf = {0};
	struct tl_obj *copy = NULL;
	struct tl_cursor c;

	(void)w;
	if (!o || tl_encode(&tl_api, o, &buf) < 0) {
		tl_buf_free(&buf);
		return NULL;
	}
	c = tl_cursor(memcpy(sb_alloc(a, buf.len), buf.data, buf.len), buf.len);
	tl_buf_free(&buf);
	if (tl_decode(&tl_api, a, &c, &copy, NULL) < 0)
		return NULL;
	return copy;
}

struct tl_vec sb_keep_vec(struct sb_world *w, struct tl_arena *a, const struct tl_vec *v)
{
	struct sb_list l = {0};

	for (unsigned i = 0; v->items && i < v->count; i++)
		sb_add(a, &l, sb_keep(w, a, sb_item(v, i)));
	return l.count ? sb_vec(&l) : (struct tl_vec){NULL, 0};
}

void sb_add(struct tl_arena *a, struct sb_list *l, struct tl_obj *o)
{
	if (!o)
		return;
	if (l->count == l->cap) {
		unsigned cap = l->cap ? l->cap * 2 : 8;
		struct tl_obj **items = sb_alloc(a, cap * sizeof(*items));

		if (l->count)
			memcpy(items, l->items, l->count * sizeof(*items));
		l->items = items;
		l->cap = cap;
	}
	l->items[l->count++] = o;
}

struct tl_vec sb_vec(const struct sb_list *l)
{
	return (struct tl_vec){l->items, l->count};
}

struct tl_vec sb_vec_of(struct tl_arena *a, struct tl_obj *o)
{
	struct sb_list l = {0};

	sb_add(a, &l, o);
	return sb_vec(&l);
}

struct tl_vec sb_vec_ints(struct tl_arena *a, const int32_t *ids, unsigned n)
{
	int32_t *items = sb_alloc(a, (n + 1) * sizeof(*items));

	if (n)
		memcpy(items, ids, n * sizeof(*items));
	return (struct tl_vec){items, n};
}

uint64_t sb_mix(uint64_t a, uint64_t b)
{
	uint64_t x = a ^ (b + 0x9e3779b97f4a7c15u + (a << 6) + (a >> 2));

	x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
	x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
	return x ^ (x >> 31);
}

int64_t sb_key(const char *text, size_t n)
{
	uint64_t h = 0xcbf29ce484222325u;

	for (size_t i = 0; i < n; i++)
		h = (h ^ (uint64_t)(unsigned char)tolower((unsigned char)text[i])) * 0x100000001b3u;
	return (int64_t)h;
}

/* Open addressing; a slot whose value is NULL is free for its own key only. */
static struct sb_slot *map_slot(const struct sb_map *m, int64_t key)
{
	unsigned i;

	if (!m->cap)
		return NULL;
	i = (unsigned)sb_mix((uint64_t)key, 0) & (m->cap - 1);
	while (m->slots[i].key != key && (m->slots[i].key || m->slots[i].value))
		i = (i + 1) & (m->cap - 1);
	return &m->slots[i];
}

void *sb_map_get(const struct sb_map *m, int64_t key)
{
	struct sb_slot *s = map_slot(m, key);

	return s && s->key == key ? s->value : NULL;
}

void sb_map_put(struct tl_arena *a, struct sb_map *m, int64_t key, void *value)
{
	struct sb_slot *s;

	if (m->count * 2 >= m->cap) {
		struct sb_map old = *m;

		m->cap = old.cap ? old.cap * 2 : 16;
		m->count = 0;
		m->slots = sb_alloc(a, m->cap * sizeof(*m->slots));
		for (unsigned i = 0; i < old.cap; i++)
			if (old.slots[i].value)
				sb_map_put(a, m, old.slots[i].key, old.slots[i].value);
	}
	s = map_slot(m, key);
	if (s->key != key || (!s->key && !s->value))
		m->count++;
	s->key = key;
	s->value = value;
}
