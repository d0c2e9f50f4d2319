/* The client's side of MTProxy's fake TLS: a signed ServerHello is waited for, then bytes travel in
 * records of application data. No key is agreed on; obfuscated2 inside does the hiding. Owns
 * nothing. PROTOCOL C6; core.telegram.org/mtproto/mtproto-transports, RFC 8446, 5.1. */
#include "proto/tunnel.h"

#include <string.h>

#define HEAD 5 /* of a record: type, version, length */
#define RANDOM_AT 11
#define RANDOM_N 32
#define HELLOS_MAX 17 /* records of handshake before the ChangeCipherSpec (C.48) */

enum { CHANGE = 0x14, ALERT = 0x15, HANDSHAKE = 0x16, DATA = 0x17 };

static const uint8_t change_cipher_spec[] = {CHANGE, 3, 3, 0, 1, 1};

void mt_faketls_start(struct mt_tunnel *t)
{
	uint8_t *digest;

	mt_client_hello(t->env, t->way.proxy->domain, t->way.old_hello, &t->out);
	if (t->out.err)
		return;
	digest = t->out.data + RANDOM_AT;
	mt_hmac_sha256(t->digest, t->way.proxy->secret, 16, t->out.data, t->out.len);
	for (unsigned i = 0; i < 4; i++) /* C.46 */
		t->digest[28 + i] ^= (uint8_t)((uint64_t)t->way.unix_time >> 8 * i);
	memcpy(digest, t->digest, RANDOM_N);
	t->state = MT_TUNNEL_CONNECT;
}

/* ---- the answer to the ClientHello (C.48) ---------------------------------------------------- */

static void verify(struct mt_tunnel *t, size_t n)
{
	static const uint8_t zero[RANDOM_N];
	struct tl_buf whole = {.len = 0};
	uint8_t want[32];

	tl_put(&whole, t->digest, sizeof t->digest);
	tl_put(&whole, t->in.data, RANDOM_AT);
	tl_put(&whole, zero, RANDOM_N);
	tl_put(&whole, t->in.data + RANDOM_AT + RANDOM_N, n - RANDOM_AT - RANDOM_N);
	if (whole.err) {
		t->in.err = whole.err;
		tl_buf_free(&whole);
		return;
	}
	mt_hmac_sha256(want, t->way.proxy->secret, 16, whole.data, whole.len);
	tl_buf_free(&whole);
	if (!mt_equal(want, t->in.data + RANDOM_AT, RANDOM_N)) {
		mt_tunnel_fail(t, "the MTProxy did not know us: the secret is wrong, or our clock");
		return;
	}
	tl_buf_drop(&t->in, n);
	t->state = MT_TUNNEL_READY;
}

static bool is_head(const uint8_t *p, size_t n, uint8_t type)
{
	return p[0] == type && (n < 2 || p[1] == 3) && (n < 3 || p[2] == 3);
}

static size_t record_size(const uint8_t *p)
{
	return HEAD + ((size_t)p[3] << 8 | p[4]);
}

/* Walks the records from the front; each has to be the right one as soon as its first byte is
 * there. */
void mt_faketls_step(struct mt_tunnel *t)
{
	const uint8_t *p = t->in.data;
	size_t at = 0, n = t->in.len, hellos = 0;
	bool changed = false;

	for (; at < n; at += record_size(p + at)) {
		size_t left = n - at;
		uint8_t type = p[at];

		if (type == ALERT) {
			mt_tunnel_fail(t, "the MTProxy refused the hello (a TLS alert)");
			return;
		}
		if (!is_head(p + at, left, changed ? DATA : type) ||
		    (!changed &&
		     (type == HANDSHAKE ? hellos == HELLOS_MAX : type != CHANGE || !hellos))) {
			mt_tunnel_fail(t, "the proxy does not answer as an MTProxy");
			return;
		}
		if (left < HEAD)
			return;
		if ((!hellos && record_size(p + at) < RANDOM_AT + RANDOM_N) ||
		    (type == CHANGE && record_size(p + at) != sizeof change_cipher_spec) ||
		    at + record_size(p + at) > MT_TLS_HELLO_MAX) {
			mt_tunnel_fail(t, "the proxy does not answer as an MTProxy");
			return;
		}
		if (left < record_size(p + at))
			return;
		if (changed) {
			verify(t, at + record_size(p + at));
			return;
		}
		hellos += type == HANDSHAKE;
		changed = type == CHANGE;
	}
}

/* ---- records of data (C.49, C.50) ------------------------------------------------------------ */

static void take_head(struct mt_tunnel *t)
{
	const uint8_t *p = t->in.data;

	if (!is_head(p, HEAD, DATA) || record_size(p) == HEAD)
		mt_tunnel_fail(t, p[0] == ALERT ? "the MTProxy ended the connection (a TLS alert)"
						: "the MTProxy sent something else than data");
	t->record_left = record_size(p) - HEAD;
	tl_buf_clear(&t->in);
}

void mt_faketls_open(struct mt_tunnel *t, const uint8_t *data, size_t n, struct tl_buf *ret_inner)
{
	while (n && t->state == MT_TUNNEL_READY && !t->in.err) {
		bool head = !t->record_left;
		size_t want = head ? HEAD - t->in.len : t->record_left;
		size_t take = n < want ? n : want;

		tl_put(head ? &t->in : ret_inner, data, take);
		data += take;
		n -= take;
		if (!head)
			t->record_left -= take;
		else if (t->in.len == HEAD)
			take_head(t);
	}
}

void mt_faketls_seal(struct mt_tunnel *t, const uint8_t *data, size_t n)
{
	if (!t->changed)
		tl_put(&t->out, change_cipher_spec, sizeof change_cipher_spec);
	t->changed = true;
	while (n) {
		size_t take = n < MT_TLS_RECORD_OUT ? n : MT_TLS_RECORD_OUT;
		const uint8_t head[HEAD] = {DATA, 3, 3, (uint8_t)(take >> 8), (uint8_t)take};

		tl_put(&t->out, head, sizeof head);
		tl_put(&t->out, data, take);
		data += take;
		n -= take;
	}
}
