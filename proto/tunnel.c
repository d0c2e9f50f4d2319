/* A way through a proxy: runs the handshake of its kind, then passes bytes on, in records where the
 * proxy wants them. Owner: the link it stands in front of. PROTOCOL C6, C.52, C.73. */
#include "proto/tunnel.h"

#include <stdlib.h>
#include <string.h>

struct mt_tunnel *mt_tunnel_new(const struct mt_way *way, const struct mt_env *env)
{
	struct mt_tunnel *t = calloc(1, sizeof *t);

	if (!t)
		return NULL;
	t->env = env;
	t->way = *way;
	switch (way->proxy->kind) {
	case MT_PROXY_NONE:
		t->state = MT_TUNNEL_READY;
		break;
	case MT_PROXY_MTPROXY:
		if (way->proxy->secret_kind == MT_SECRET_TLS)
			mt_faketls_start(t);
		else
			t->state = MT_TUNNEL_READY;
		break;
	case MT_PROXY_SOCKS5:
		mt_socks_start(t);
		break;
	case MT_PROXY_HTTP:
		mt_http_start(t);
		break;
	}
	return t;
}

void mt_tunnel_free(struct mt_tunnel *t)
{
	if (!t)
		return;
	if (t->out.data)
		mt_wipe(t->out.data, t->out.cap);
	tl_buf_free(&t->in);
	tl_buf_free(&t->out);
	free(t);
}

void mt_tunnel_fail(struct mt_tunnel *t, const char *reason)
{
	t->state = MT_TUNNEL_FAILED;
	t->reason = reason;
}

static bool has_records(const struct mt_tunnel *t)
{
	return t->way.proxy->kind == MT_PROXY_MTPROXY && t->way.proxy->secret_kind == MT_SECRET_TLS;
}

static void step(struct mt_tunnel *t)
{
	switch (t->way.proxy->kind) {
	case MT_PROXY_NONE:
		break;
	case MT_PROXY_MTPROXY:
		mt_faketls_step(t);
		break;
	case MT_PROXY_SOCKS5:
		mt_socks_step(t);
		break;
	case MT_PROXY_HTTP:
		mt_http_step(t);
		break;
	}
}

static void pass(struct mt_tunnel *t, const uint8_t *data, size_t n, struct tl_buf *ret_inner)
{
	if (has_records(t))
		mt_faketls_open(t, data, n, ret_inner);
	else
		tl_put(ret_inner, data, n);
}

int mt_tunnel_feed(struct mt_tunnel *t, const uint8_t *data, size_t n, struct tl_buf *ret_inner)
{
	if (t->state == MT_TUNNEL_READY) {
		pass(t, data, n, ret_inner);
	} else if (t->state != MT_TUNNEL_FAILED) {
		tl_put(&t->in, data, n);
		if (!t->in.err)
			step(t);
		if (t->state == MT_TUNNEL_READY) { /* what came behind the handshake */
			struct tl_buf rest = t->in;

			t->in = (struct tl_buf){.len = 0};
			pass(t, rest.data, rest.len, ret_inner);
			tl_buf_free(&rest);
		}
	}
	if (t->in.err || t->out.err || ret_inner->err)
		return -TG_E_NOMEM;
	return t->state == MT_TUNNEL_FAILED ? -TG_E_TRANSPORT : 0;
}

struct tl_buf *mt_tunnel_out(struct mt_tunnel *t, struct tl_buf *inner)
{
	if (t->state != MT_TUNNEL_READY)
		return &t->out;
	if (!has_records(t)) {
		if (!t->out.len)
			return inner;
		tl_put(&t->out, inner->data, inner->len);
	} else if (inner->len) {
		mt_faketls_seal(t, inner->data, inner->len);
	}
	tl_buf_clear(inner);
	return &t->out;
}

/* ---- numeric addresses (RFC 4291, 2.2) ------------------------------------------------------- */

static bool take_v4(const char *s, uint8_t ret[4])
{
	for (int i = 0; i < 4; i++) {
		unsigned v = 0;
		const char *from = s;

		while (*s >= '0' && *s <= '9' && s - from < 3)
			v = v * 10 + (unsigned)(*s++ - '0');
		if (s == from || v > 255 || (*from == '0' && s - from > 1) ||
		    *s != (i < 3 ? '.' : '\0'))
			return false;
		ret[i] = (uint8_t)v;
		s++;
	}
	return true;
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

#define NO_GAP 17

/* Groups go to ret from the front; those behind "::" are moved to the end. */
static bool take_v6(const char *s, uint8_t ret[16])
{
	size_t n = 0, gap = NO_GAP;

	memset(ret, 0, 16);
	if (s[0] == ':' && s[1] != ':')
		return false;
	while (*s) {
		unsigned v = 0, digits = 0;

		if (s[0] == ':' && s[1] == ':' && gap == NO_GAP) {
			gap = n;
			s += 2;
			continue;
		}
		if (*s == ':' && n && n != gap)
			s++;
		if (n <= 12 && strchr(s, '.') && !strchr(s, ':') && take_v4(s, ret + n)) {
			n += 4;
			break;
		}
		for (; digits < 4 && hex_digit(*s) >= 0; digits++)
			v = v << 4 | (unsigned)hex_digit(*s++);
		if (!digits || n == 16 || (*s && *s != ':'))
			return false;
		ret[n++] = (uint8_t)(v >> 8);
		ret[n++] = (uint8_t)v;
		if (*s == ':' && !s[1])
			return false;
	}
	if (gap == NO_GAP)
		return n == 16;
	if (n > 14)
		return false;
	memmove(ret + 16 - (n - gap), ret + gap, n - gap);
	memset(ret + gap, 0, 16 - n);
	return true;
}

size_t mt_numeric(const char *host, uint8_t ret[16])
{
	uint8_t v4[4], v6[16];

	if (take_v4(host, v4)) {
		memcpy(ret, v4, sizeof v4);
		return sizeof v4;
	}
	if (strchr(host, ':') && take_v6(host, v6)) {
		memcpy(ret, v6, sizeof v6);
		return sizeof v6;
	}
	return 0;
}
