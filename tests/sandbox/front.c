/* Doors of proxies: which handshake, where it leads, and what is thrown away. Owned by net. */
#include "front.h"

#include <arpa/inet.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#define TEST_WORLD 10000 /* added to a data centre's number (C.26) */

struct sb_front *sb_front_new(struct sb_door *door)
{
	struct sb_front *f = calloc(1, sizeof *f);

	if (f) {
		f->door = door;
		door->accepted++;
		if (door->is.kind == MT_PROXY_MTPROXY && door->is.secret_kind != MT_SECRET_TLS)
			f->stage = SB_FRONT_OPEN;
	}
	return f;
}

void sb_front_free(struct sb_front *f)
{
	if (!f)
		return;
	tl_buf_free(&f->in);
	tl_buf_free(&f->out);
	free(f);
}

struct mt_link *sb_front_link(struct sb_net *n, const struct sb_door *door)
{
	if (door->is.kind == MT_PROXY_MTPROXY)
		return mt_link_accept_secret(&n->env, door->is.secret);
	return mt_link_accept(&n->env);
}

void sb_front_refuse(struct sb_conn *c, const char *why, bool deaf)
{
	struct sb_front *f = c->front;

	if (f->stage == SB_FRONT_DEAF)
		return;
	f->stage = SB_FRONT_DEAF;
	f->door->refused++;
	f->door->last = why;
	if (c->net->s->log_level)
		fprintf(stderr, "proxy %s refused %s: %s\n", mt_proxy_kind_name(f->door->is.kind),
			c->ip, why);
	if (!deaf)
		c->closing = true;
}

/* ---- where to -------------------------------------------------------------------------------- */

static size_t numeric(const char *host, uint8_t ret[16])
{
	if (inet_pton(AF_INET, host, ret) == 1)
		return 4;
	return inet_pton(AF_INET6, host, ret) == 1 ? 16 : 0;
}

static bool is_same(const char *a, const char *b)
{
	uint8_t x[16], y[16];
	size_t n = numeric(a, x);

	return n && n == numeric(b, y) && memcmp(x, y, n) == 0;
}

int sb_front_route(struct sb_net *n, const char *host, unsigned port)
{
	unsigned count;
	const struct sb_address *a = sb_net_addresses(n, &count);

	for (unsigned i = 0; i < count; i++)
		if (a[i].port == port && is_same(a[i].host, host))
			return a[i].dc;
	for (int test = 0; test < 2; test++) {
		const struct mt_address *x;

		for (unsigned i = 0; (x = mt_bootstrap(test, i)); i++)
			if (x->dc <= n->s->dc_count && is_same(x->host, host))
				return x->dc;
	}
	return 0;
}

bool sb_front_replayed(struct sb_door *d, const uint8_t digest[32])
{
	unsigned known = d->seen_count < SB_SEEN ? d->seen_count : SB_SEEN;

	for (unsigned i = 0; i < known; i++)
		if (memcmp(d->seen[i], digest, sizeof d->seen[i]) == 0)
			return true;
	memcpy(d->seen[d->seen_count++ % SB_SEEN], digest, sizeof d->seen[0]);
	return false;
}

/* What the header of obfuscated2 asks for: the number of a data centre, negative for its media
 * servers, 10000 more in the test world; with a dd or ee secret only the padded framing. */
static const char *read_header(struct sb_conn *c)
{
	const struct sb_door *d = c->front->door;
	int dc;
	const struct mt_transport *t = mt_link_met(c->link, &dc);

	if (!t)
		return NULL;
	dc = dc < 0 ? -dc : dc;
	dc = dc > TEST_WORLD ? dc - TEST_WORLD : dc;
	if (dc < 1 || dc > c->net->s->dc_count)
		return "no such data centre";
	if (d->is.secret_kind != MT_SECRET_SIMPLE && t->framing != MT_PADDED)
		return "not padded";
	c->dc = dc;
	c->front->door->passed++;
	return NULL;
}

bool sb_front_pass(struct sb_conn *c, int err)
{
	const char *why = NULL;

	if (c->front->stage != SB_FRONT_OPEN)
		return false;
	if (c->front->door->is.kind == MT_PROXY_MTPROXY && !c->dc)
		why = err ? "not with our secret" : read_header(c);
	if (why)
		sb_front_refuse(c, why, true);
	return !why;
}

bool sb_front_late(const struct sb_conn *c, int64_t now)
{
	return !c->dc && now - c->opened > SB_FRONT_SECONDS * NS;
}

/* ---- bytes ----------------------------------------------------------------------------------- */

static bool has_records(const struct sb_front *f)
{
	return f->door->is.kind == MT_PROXY_MTPROXY && f->door->is.secret_kind == MT_SECRET_TLS;
}

static bool step(struct sb_conn *c)
{
	switch (c->front->door->is.kind) {
	case MT_PROXY_NONE:
		break;
	case MT_PROXY_SOCKS5:
		return sb_front_socks(c);
	case MT_PROXY_HTTP:
		return sb_front_http(c);
	case MT_PROXY_MTPROXY:
		return sb_front_tls(c);
	}
	return false;
}

/* Headers of obfuscated2 are good once, too: the first 32 bytes of their key. */
static bool header_replayed(struct sb_conn *c, const uint8_t *data, size_t n)
{
	struct sb_front *f = c->front;

	if (f->door->is.kind != MT_PROXY_MTPROXY || c->dc || f->in.len >= 40)
		return false;
	tl_put(&f->in, data, n < 40 - f->in.len ? n : 40 - f->in.len);
	return f->in.len == 40 && sb_front_replayed(f->door, f->in.data + 8);
}

static int pass(struct sb_conn *c, const uint8_t *data, size_t n)
{
	if (has_records(c->front))
		return sb_front_tls_open(c, data, n);
	if (header_replayed(c, data, n)) {
		sb_front_refuse(c, "the header was here before", true);
		return 0;
	}
	return mt_link_feed(c->link, data, n);
}

int sb_front_feed(struct sb_conn *c, const uint8_t *data, size_t n)
{
	struct sb_front *f = c->front;

	if (f->stage == SB_FRONT_DEAF)
		return 0;
	if (f->stage == SB_FRONT_OPEN)
		return pass(c, data, n);
	tl_put(&f->in, data, n);
	if (f->in.err)
		return f->in.err;
	while (step(c))
		;
	if (f->stage == SB_FRONT_OPEN && f->in.len)
		sb_front_refuse(c, "spoke before the answer", false);
	return 0;
}

struct tl_buf *sb_front_out(struct sb_conn *c)
{
	struct sb_front *f = c->front;
	struct tl_buf *inner = mt_link_out(c->link);

	if (f->stage != SB_FRONT_OPEN || !inner->len)
		return &f->out;
	if (has_records(f))
		sb_front_tls_seal(f, inner->data, inner->len);
	else if (f->out.len)
		tl_put(&f->out, inner->data, inner->len);
	else
		return inner;
	tl_buf_clear(inner);
	return &f->out;
}

struct json_t *sb_front_stats(const struct sb_door *d)
{
	struct tl_buf link = {.len = 0};
	json_t *j;

	mt_proxy_print(&d->is, &link);
	tl_put_u8(&link, 0);
	j = json_pack("{s:s,s:s,s:s,s:i,s:I,s:I,s:I,s:s?}", "kind", mt_proxy_kind_name(d->is.kind),
		      "link", link.err ? "" : (const char *)link.data, "host", d->is.host, "port",
		      (int)d->is.port, "accepted", (json_int_t)d->accepted, "passed",
		      (json_int_t)d->passed, "refused", (json_int_t)d->refused, "last_refusal",
		      d->last);
	tl_buf_free(&link);
	return j;
}
