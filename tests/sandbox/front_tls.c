/* The door of a fake TLS MTProxy: a signed ClientHello is answered with a signed ServerHello; for
 * everybody else a web server lives here. PROTOCOL C6. Owned by net. */
#include "front.h"

#include <string.h>

#define HEAD 5
#define RANDOM_AT 11
#define SESSION_AT 43
#define CERTIFICATE 1024 /* at least so much stands for the encrypted certificate */

enum { CHANGE = 0x14, HANDSHAKE = 0x16, DATA = 0x17 };

/* ---- the ClientHello (RFC 8446, 4.1.2) ------------------------------------------------------- */

struct part { /* what is left to read; a read too far makes it bad for good */
	const uint8_t *p, *end;
	bool bad;
};

static struct part take(struct part *from, size_t n)
{
	struct part r = {.p = from->p, .end = from->p};

	if (from->bad || (size_t)(from->end - from->p) < n) {
		from->bad = r.bad = true;
		return r;
	}
	r.end = from->p += n;
	return r;
}

static unsigned number(struct part *from, size_t n)
{
	struct part r = take(from, n);
	unsigned v = 0;

	while (r.p < r.end)
		v = v << 8 | *r.p++;
	return v;
}

static struct part sized(struct part *from, size_t width)
{
	return take(from, number(from, width));
}

struct hello {
	bool named, versioned, shared;
};

static bool is_left(const struct part *p)
{
	return !p->bad && p->p < p->end;
}

static bool server_name(struct part x, const char *domain)
{
	struct part list = sized(&x, 2), name;

	if (number(&list, 1) != 0)
		return false;
	name = sized(&list, 2);
	return !name.bad && !is_left(&list) && !is_left(&x) &&
	       (size_t)(name.end - name.p) == strlen(domain) &&
	       memcmp(name.p, domain, strlen(domain)) == 0;
}

static bool has_tls13(struct part x)
{
	struct part list = sized(&x, 1);
	bool found = false;

	while (is_left(&list))
		found |= number(&list, 2) == 0x0304;
	return found && !list.bad && !is_left(&x);
}

static bool has_x25519(struct part x)
{
	struct part list = sized(&x, 2);
	bool found = false;

	while (is_left(&list)) {
		unsigned group = number(&list, 2);
		struct part key = sized(&list, 2);

		found |= group == 0x001d && key.end - key.p == 32;
	}
	return found && !list.bad && !is_left(&x);
}

/* A TLS 1.3 hello for that domain, correct to the last byte? */
static bool is_sound(const uint8_t *record, size_t n, const char *domain)
{
	struct part all = {.p = record + HEAD, .end = record + n}, body, extensions;
	struct hello h = {false, false, false};
	bool ok;

	ok = number(&all, 1) == 1;
	body = sized(&all, 3);
	ok &= !is_left(&all) && number(&body, 2) == 0x0303;
	take(&body, 32);
	ok &= number(&body, 1) == 32;
	take(&body, 32);
	sized(&body, 2); /* ciphers */
	ok &= number(&body, 2) == 0x0100;
	extensions = sized(&body, 2);
	ok &= !is_left(&body);
	while (ok && is_left(&extensions)) {
		unsigned kind = number(&extensions, 2);
		struct part x = sized(&extensions, 2);

		h.named |= kind == 0x0000 && server_name(x, domain);
		h.versioned |= kind == 0x002b && has_tls13(x);
		h.shared |= kind == 0x0033 && has_x25519(x);
	}
	return ok && !body.bad && !extensions.bad && h.named && h.versioned && h.shared;
}

/* NULL: it is from somebody who knows the secret, now, for the first time. */
static const char *judge(struct sb_conn *c, const uint8_t *record, size_t n)
{
	struct sb_door *d = c->front->door;
	uint8_t copy[SB_HELLO_MAX + HEAD], digest[32], want[32];
	int64_t off;
	uint32_t stamp = 0;

	memcpy(copy, record, n);
	memcpy(digest, copy + RANDOM_AT, sizeof digest);
	memset(copy + RANDOM_AT, 0, sizeof digest);
	mt_hmac_sha256(want, d->is.secret, sizeof d->is.secret, copy, n);
	if (memcmp(want, digest, 28) != 0)
		return "not with our secret";
	for (int i = 3; i >= 0; i--)
		stamp = stamp << 8 | (uint32_t)(want[28 + i] ^ digest[28 + i]);
	off = sb_now(c->net->s) / NS - (int64_t)stamp;
	if (off > SB_HELLO_PAST || off < -SB_HELLO_FUTURE)
		return "the clock is wrong";
	if (sb_front_replayed(d, digest))
		return "the hello was here before";
	return is_sound(record, n, d->is.domain) ? NULL : "no sound ClientHello for our domain";
}

/* ---- the answer ------------------------------------------------------------------------------ */

static void put_head(struct tl_buf *b, uint8_t type, size_t n)
{
	const uint8_t head[HEAD] = {type, 3, 3, (uint8_t)(n >> 8), (uint8_t)n};

	tl_put(b, head, sizeof head);
}

static void put_random(struct sb_net *n, struct tl_buf *b, size_t size)
{
	uint8_t *p = tl_buf_extend(b, size);

	if (p)
		n->env.random(n->env.ctx, p, size);
}

/* ServerHello, ChangeCipherSpec, and what could be the rest of the handshake; signed or not. */
static void server_hello(struct sb_conn *c, const uint8_t *hello, bool signs)
{
	struct sb_front *f = c->front;
	struct tl_buf b = {.len = 0};
	uint8_t digest[32];

	tl_put(&b, hello + RANDOM_AT, 32); /* signed with it, but not sent */
	put_head(&b, HANDSHAKE, 122);
	tl_put(&b, "\2\0\0\166\3\3", 6);
	put_random(c->net, &b, 32);
	tl_put(&b, hello + SESSION_AT, 33);
	tl_put(&b, "\x13\1\0\0\x2e\0\x33\0\x24\0\x1d\0\x20", 13);
	put_random(c->net, &b, 32);
	tl_put(&b, "\0\x2b\0\2\3\4", 6);
	put_head(&b, CHANGE, 1);
	tl_put_u8(&b, 1);
	c->net->env.random(c->net->env.ctx, digest, 2);
	put_head(&b, DATA, CERTIFICATE + digest[0] * 8u);
	put_random(c->net, &b, CERTIFICATE + digest[0] * 8u);
	if (signs && !b.err) {
		memset(b.data + 32 + RANDOM_AT, 0, 32);
		mt_hmac_sha256(digest, f->door->is.secret, sizeof f->door->is.secret, b.data,
			       b.len);
		memcpy(b.data + 32 + RANDOM_AT, digest, 32);
	}
	if (b.err)
		f->out.err = b.err;
	else
		tl_put(&f->out, b.data + 32, b.len - 32);
	tl_buf_free(&b);
}

/* As nginx on a port for TLS answers who speaks something else. */
static void no_tls(struct sb_conn *c)
{
	tl_put_text(&c->front->out, "HTTP/1.1 400 Bad Request\r\nServer: nginx\r\n"
				    "Content-Length: 0\r\nConnection: close\r\n\r\n");
	sb_front_refuse(c, "not TLS", false);
}

bool sb_front_tls(struct sb_conn *c)
{
	struct sb_front *f = c->front;
	const uint8_t *p = f->in.data;
	size_t n = f->in.len < HEAD ? HEAD : HEAD + ((size_t)p[3] << 8 | p[4]);
	const char *why;

	if (f->stage != SB_FRONT_GREETING)
		return false;
	if (f->in.len && memcmp(p, "\x16\3\1", f->in.len < 3 ? f->in.len : 3) != 0) {
		no_tls(c);
		return false;
	}
	if (n > SB_HELLO_MAX || (f->in.len >= HEAD && n < SESSION_AT + 33)) {
		sb_front_refuse(c, "a hello of no possible size", false);
		return false;
	}
	if (f->in.len < n || f->in.len < HEAD)
		return false;
	why = judge(c, p, n);
	server_hello(c, p, !why);
	tl_buf_drop(&f->in, n);
	if (why)
		sb_front_refuse(c, why, true);
	else
		f->stage = SB_FRONT_OPEN;
	return false;
}

/* ---- records --------------------------------------------------------------------------------- */

/* One ChangeCipherSpec, then data. */
static bool take_head(struct sb_front *f)
{
	const uint8_t *p = f->in.data;
	size_t n = (size_t)p[3] << 8 | p[4];

	if (p[1] != 3 || p[2] != 3 || p[0] != (f->changed ? DATA : CHANGE) || !n ||
	    n > (f->changed ? SB_RECORD_IN : 1))
		return false;
	f->record_left = n;
	tl_buf_clear(&f->in);
	return true;
}

int sb_front_tls_open(struct sb_conn *c, const uint8_t *data, size_t n)
{
	struct sb_front *f = c->front;

	while (n) {
		bool head = !f->record_left;
		size_t want = head ? HEAD - f->in.len : f->record_left;
		size_t size = n < want ? n : want;
		int err = 0;

		if (head)
			tl_put(&f->in, data, size);
		else if (f->changed)
			err = mt_link_feed(c->link, data, size);
		else
			f->changed = true;
		if (err || f->in.err)
			return err ? err : f->in.err;
		data += size;
		n -= size;
		if (!head) {
			f->record_left -= size;
		} else if (f->in.len == HEAD && !take_head(f)) {
			sb_front_refuse(c, "no record that may come now", false);
			return 0;
		}
	}
	return 0;
}

void sb_front_tls_seal(struct sb_front *f, const uint8_t *data, size_t n)
{
	while (n) {
		size_t size = n < SB_RECORD_OUT ? n : SB_RECORD_OUT;

		put_head(&f->out, DATA, size);
		tl_put(&f->out, data, size);
		data += size;
		n -= size;
	}
}
