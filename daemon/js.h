/* Writing JSON members straight into a buffer. A comma goes before a member or element unless the
 * last byte opens a container: a finished value never ends in '{' or '['. key NULL = an element. */
#ifndef DAEMON_JS_H
#define DAEMON_JS_H

#include "tl/tl.h"

#include <string.h>

void rpc_js_comma(struct tl_buf *b);
void rpc_js_name(struct tl_buf *b, const char *key, size_t n); /* comma, and "key": */
static inline void rpc_js_key(struct tl_buf *b, const char *key)
{
	if (key)
		rpc_js_name(b, key, strlen(key)); /* of most keys the compiler knows it */
	else
		rpc_js_comma(b);
}
static inline void rpc_js_open(struct tl_buf *b, const char *key, char bracket)
{
	rpc_js_key(b, key);
	tl_put_u8(b, (uint8_t)bracket);
}
static inline void rpc_js_close(struct tl_buf *b, char bracket)
{
	tl_put_u8(b, (uint8_t)bracket);
}
static inline void rpc_js_int(struct tl_buf *b, const char *key, int64_t v)
{
	rpc_js_key(b, key);
	tl_js_int(b, v);
}
void rpc_js_double(struct tl_buf *b, const char *key, double v);
void rpc_js_bool(struct tl_buf *b, const char *key, bool v);
static inline void rpc_js_true(struct tl_buf *b, const char *key, bool v) /* absent when false */
{
	if (v)
		rpc_js_bool(b, key, true);
}
void rpc_js_null(struct tl_buf *b, const char *key);
static inline void rpc_js_str(struct tl_buf *b, const char *key, struct tl_str s)
{
	if (!s.data) /* absent: nothing */
		return;
	rpc_js_key(b, key);
	tl_js_string(b, s.data, s.len);
}
static inline void rpc_js_filled(struct tl_buf *b, const char *key, struct tl_str s)
{
	if (s.len) /* nothing when empty, too */
		rpc_js_str(b, key, s);
}
void rpc_js_text(struct tl_buf *b, const char *key, const char *text); /* NULL: nothing at all */
void rpc_js_long(struct tl_buf *b, const char *key, int64_t v);        /* a 64-bit id as a string */
void rpc_js_raw(struct tl_buf *b, const char *key, const void *json, size_t n);
/* The path ("a.b[2].c") of the value that ends at this place of a valid JSON text; cut to fit. */
void rpc_js_path(struct tl_str text, size_t at, char *out, size_t size);

#endif
