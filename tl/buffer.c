/* The buffer: growing bytes with a sticky error, and the TL scalars that are put into it. The
 * memory belongs to whoever owns the struct. */
#include "tl/tl.h"

#include <stdlib.h>
#include <string.h>

#define BUF_MIN 64u

void tl_buf_free(struct tl_buf *b)
{
	free(b->data);
	b->data = NULL;
	b->len = b->cap = 0;
	b->err = 0;
}

void tl_buf_clear(struct tl_buf *b)
{
	b->len = 0;
	b->err = 0;
}

static bool grow(struct tl_buf *b, size_t n)
{
	size_t need = b->len + n, cap = b->cap < BUF_MIN ? BUF_MIN : b->cap;
	uint8_t *p;

	if (need < n || need > SIZE_MAX / 2) {
		b->err = -TG_E_NOMEM;
		return false;
	}
	while (cap < need)
		cap *= 2;
	if (b->limit && cap > b->limit)
		cap = b->limit;
	p = realloc(b->data, cap);
	if (!p) {
		b->err = -TG_E_NOMEM;
		return false;
	}
	b->data = p;
	b->cap = cap;
	return true;
}

void *tl_buf_extend(struct tl_buf *b, size_t n)
{
	void *p;

	if (b->err)
		return NULL;
	if (b->limit && (n > b->limit || b->limit - n < b->len)) {
		b->err = -TG_E_TOO_LARGE;
		return NULL;
	}
	if ((b->cap - b->len < n || !b->data) && !grow(b, n))
		return NULL;
	p = b->data + b->len;
	b->len += n;
	return p;
}

void tl_buf_drop(struct tl_buf *b, size_t n)
{
	if (n >= b->len) {
		b->len = 0;
		return;
	}
	if (n)
		memmove(b->data, b->data + n, b->len - n);
	b->len -= n;
}

void tl_put(struct tl_buf *b, const void *data, size_t n)
{
	void *p = tl_buf_extend(b, n);

	if (p && n)
		memcpy(p, data, n);
}

void tl_put_u8(struct tl_buf *b, uint8_t v)
{
	uint8_t *p = tl_buf_extend(b, 1);

	if (p)
		*p = v;
}

void tl_put_u32(struct tl_buf *b, uint32_t v)
{
	uint8_t *p = tl_buf_extend(b, 4);

	if (!p)
		return;
	for (int i = 0; i < 4; i++)
		p[i] = (uint8_t)(v >> 8 * i);
}

void tl_put_u64(struct tl_buf *b, uint64_t v)
{
	uint8_t *p = tl_buf_extend(b, 8);

	if (!p)
		return;
	for (int i = 0; i < 8; i++)
		p[i] = (uint8_t)(v >> 8 * i);
}

void tl_put_double(struct tl_buf *b, double v)
{
	uint64_t bits;

	memcpy(&bits, &v, sizeof bits);
	tl_put_u64(b, bits);
}

/* core.telegram.org/mtproto/serialize, "Base Types": one length byte up to 253, else fe and three.
 */
void tl_put_bytes(struct tl_buf *b, const void *data, size_t n)
{
	size_t head = n < 254 ? 1 : 4, pad = -(head + n) & 3;
	uint8_t *p;

	if (n > TL_MAX_STRING) {
		if (!b->err)
			b->err = -TG_E_TOO_LARGE;
		return;
	}
	p = tl_buf_extend(b, head + n + pad);
	if (!p)
		return;
	if (n < 254) {
		*p++ = (uint8_t)n;
	} else {
		*p++ = 0xfe;
		*p++ = (uint8_t)n;
		*p++ = (uint8_t)(n >> 8);
		*p++ = (uint8_t)(n >> 16);
	}
	if (n)
		memcpy(p, data, n);
	memset(p + n, 0, pad);
}

void tl_put_text(struct tl_buf *b, const char *text)
{
	tl_put(b, text, strlen(text));
}
