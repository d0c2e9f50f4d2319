/* Writing JSON text fast: room is made once, then bytes go straight to memory. Internal to tl. */
#ifndef TL_TEXT_H
#define TL_TEXT_H

#include "tl/tl.h"

#include <string.h>

/* A buffer that is being written: opened on it, closed to set its length. */
struct tl_out {
	struct tl_buf *buf;
	uint8_t *p, *end;
};

#define TL_SHORT_TEXT 4096u /* strings up to it are written in one go */
#define TL_KEY_ROOM 400u    /* a key of up to 255 bytes, and a number behind it */

bool tl_out_grow(struct tl_out *o, size_t n);
/* Six bytes for each of data, two quotes, eight to spare must be there. */
uint8_t *tl_raw_string(uint8_t *to, const uint8_t *data, size_t n);
uint8_t *tl_raw_uint(uint8_t *to, uint64_t v); /* 20 bytes must be there */

static inline void tl_out_open(struct tl_out *o, struct tl_buf *b)
{
	o->buf = b;
	o->p = b->data ? b->data + b->len : NULL;
	o->end = b->data ? b->data + (b->limit && b->limit < b->cap ? b->limit : b->cap) : NULL;
}

static inline void tl_out_close(struct tl_out *o)
{
	if (o->buf->data)
		o->buf->len = (size_t)(o->p - o->buf->data);
}

/* Room for n bytes; false and the buffer's err when there is none. */
static inline bool tl_out_room(struct tl_out *o, size_t n)
{
	return (size_t)(o->end - o->p) >= n || tl_out_grow(o, n);
}

static inline void tl_out_char(struct tl_out *o, char c)
{
	if (tl_out_room(o, 1))
		*o->p++ = (uint8_t)c;
}

static inline void tl_out_text(struct tl_out *o, const char *text, size_t n)
{
	if (tl_out_room(o, n)) {
		memcpy(o->p, text, n);
		o->p += n;
	}
}

static inline uint8_t *tl_raw_int(uint8_t *to, int64_t v)
{
	if (v >= 0)
		return tl_raw_uint(to, (uint64_t)v);
	*to++ = '-';
	return tl_raw_uint(to, -(uint64_t)v);
}

static inline void tl_out_string(struct tl_out *o, const char *data, size_t n)
{
	if (n <= TL_SHORT_TEXT) {
		if (tl_out_room(o, 6 * n + 10))
			o->p = tl_raw_string(o->p, (const uint8_t *)data, n);
		return;
	}
	tl_out_close(o);
	tl_js_string(o->buf, data, n);
	tl_out_open(o, o->buf);
}

static inline void tl_out_base64(struct tl_out *o, const void *data, size_t n)
{
	tl_out_close(o);
	tl_js_base64(o->buf, data, n);
	tl_out_open(o, o->buf);
}

static inline void tl_out_double(struct tl_out *o, double v)
{
	tl_out_close(o);
	tl_js_double(o->buf, v);
	tl_out_open(o, o->buf);
}

static inline void tl_out_hex(struct tl_out *o, const uint8_t *data, size_t n)
{
	static const char digits[] = "0123456789abcdef";

	if (!tl_out_room(o, 2 * n + 2))
		return;
	*o->p++ = '"';
	for (size_t i = 0; i < n; i++) {
		*o->p++ = (uint8_t)digits[data[i] >> 4];
		*o->p++ = (uint8_t)digits[data[i] & 15];
	}
	*o->p++ = '"';
}

/* ,"name": with the name's length in the byte before it and readable bytes behind it (table.h);
 * true when there is room for a number as well. */
static inline bool tl_out_key(struct tl_out *o, const char *name)
{
	size_t n = (uint8_t)name[-1];
	uint8_t *p;

	if (!tl_out_room(o, TL_KEY_ROOM))
		return false;
	p = o->p;
	*p++ = ',';
	*p++ = '"';
	memcpy(p, name, 32);
	if (n > 32)
		memcpy(p + 32, name + 32, n - 32);
	p += n;
	*p++ = '"';
	*p++ = ':';
	o->p = p;
	return true;
}

/* {"_":"name" */
static inline void tl_out_head(struct tl_out *o, const char *name, size_t n)
{
	if (!tl_out_room(o, TL_KEY_ROOM))
		return;
	memcpy(o->p, "{\"_\":\"", 6);
	memcpy(o->p + 6, name, 32);
	if (n > 32)
		memcpy(o->p + 38, name + 32, n - 32);
	o->p[6 + n] = '"';
	o->p += n + 7;
}

/* {"_":"unknown","id":"#1a2b3c4d","bytes":"…"} (RPC contract, "TL in JSON") */
static inline void tl_out_unknown(struct tl_out *o, uint32_t id, const void *bytes, size_t n)
{
	static const char digits[] = "0123456789abcdef";
	char text[] = "{\"_\":\"unknown\",\"id\":\"#00000000\",\"bytes\":";

	for (int i = 0; i < 8; i++)
		text[22 + i] = digits[id >> (28 - 4 * i) & 15];
	tl_out_text(o, text, sizeof text - 1);
	tl_out_base64(o, bytes, n);
	tl_out_char(o, '}');
}

#endif
