/* The cursor: bounds-checked reading of TL scalars with a sticky error. It owns nothing; strings
 * point into the bytes it reads. */
#include "tl/tl.h"

#include <string.h>

struct tl_cursor tl_cursor(const void *data, size_t n)
{
	static const uint8_t nothing[1];
	const uint8_t *p = data ? data : nothing;

	return (struct tl_cursor){p, data ? p + n : p, 0};
}

void tl_fail(struct tl_cursor *c, int err)
{
	if (!c->err)
		c->err = err;
	c->p = c->end;
}

const uint8_t *tl_get(struct tl_cursor *c, size_t n)
{
	const uint8_t *p = c->p;

	if (tl_left(c) < n || c->err) {
		tl_fail(c, -TG_E_WIRE);
		return NULL;
	}
	c->p += n;
	return p;
}

static uint32_t load_u32(const uint8_t *p)
{
	return p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

uint32_t tl_get_u32(struct tl_cursor *c)
{
	const uint8_t *p = tl_get(c, 4);

	return p ? load_u32(p) : 0;
}

uint32_t tl_peek_u32(const struct tl_cursor *c)
{
	return tl_left(c) < 4 ? 0 : load_u32(c->p);
}

uint64_t tl_get_u64(struct tl_cursor *c)
{
	const uint8_t *p = tl_get(c, 8);

	return p ? load_u32(p) | (uint64_t)load_u32(p + 4) << 32 : 0;
}

double tl_get_double(struct tl_cursor *c)
{
	uint64_t bits = tl_get_u64(c);
	double v;

	memcpy(&v, &bits, sizeof v);
	return v;
}

/* core.telegram.org/mtproto/serialize, "Base Types". First byte ff is reserved and refused; the
 * long form of a short string is read; padding may hold anything. */
struct tl_str tl_get_bytes(struct tl_cursor *c)
{
	const uint8_t *p = tl_get(c, 4);
	size_t n, head = 1;

	if (!p)
		return (struct tl_str){NULL, 0};
	n = p[0];
	if (n == 254) {
		n = p[1] | (size_t)p[2] << 8 | (size_t)p[3] << 16;
		head = 4;
	} else if (n == 255) {
		tl_fail(c, -TG_E_WIRE);
		return (struct tl_str){NULL, 0};
	}
	if (!tl_get(c, ((head + n + 3) & ~(size_t)3) - 4))
		return (struct tl_str){NULL, 0};
	return (struct tl_str){(const char *)p + head, (uint32_t)n};
}

struct tl_str tl_str(const char *text)
{
	return (struct tl_str){text, text ? (uint32_t)strlen(text) : 0};
}

bool tl_str_eq(struct tl_str s, const char *text)
{
	return s.data && strlen(text) == s.len && memcmp(s.data, text, s.len) == 0;
}
