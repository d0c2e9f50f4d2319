/* A ClientHello shaped as current browsers send it, or as they sent it until 2024, in 517 bytes,
 * which older proxies insist on: what fake TLS hides behind. Nobody will finish this handshake; it
 * only has to look like the millions of others, and never twice the same. Owns nothing. RFC
 * 8446 4.1.2, RFC 8701 (GREASE), draft-ietf-tls-ecdhe-mlkem, draft-ietf-tls-esni; PROTOCOL C.45,
 * C.47. */
#include "proto/bignum.h"
#include "proto/tunnel.h"

#include <string.h>

#define MLKEM_COEFFICIENTS 768
#define MLKEM_Q 3329
#define MLKEM_SEED 32
#define SESSION_ID 32
#define OLD_SIZE 517 /* RFC 7685 tells why */

enum {
	GROUP_X25519 = 0x001d,
	GROUP_P256 = 0x0017,
	GROUP_P384 = 0x0018,
	GROUP_X25519_MLKEM768 = 0x11ec
};
enum extension {
	EXT_SERVER_NAME = 0x0000,
	EXT_STATUS_REQUEST = 0x0005,
	EXT_GROUPS = 0x000a,
	EXT_POINT_FORMATS = 0x000b,
	EXT_SIGNATURES = 0x000d,
	EXT_ALPN = 0x0010,
	EXT_CERTIFICATE_TIMESTAMP = 0x0012,
	EXT_EXTENDED_MASTER = 0x0017,
	EXT_PADDING = 0x0015,
	EXT_COMPRESS_CERTIFICATE = 0x001b,
	EXT_SESSION_TICKET = 0x0023,
	EXT_VERSIONS = 0x002b,
	EXT_PSK_MODES = 0x002d,
	EXT_KEY_SHARE = 0x0033,
	EXT_OLD_APPLICATION_SETTINGS = 0x4469,
	EXT_APPLICATION_SETTINGS = 0x44cd,
	EXT_ENCRYPTED_HELLO = 0xfe0d,
	EXT_RENEGOTIATION = 0xff01,
};

struct hello {
	const struct mt_env *env;
	const char *domain;
	bool old;
	struct tl_buf *out;
	uint16_t grease_cipher, grease_group, grease_version, grease_first, grease_last;
};

static unsigned draw(const struct hello *h, unsigned below)
{
	uint32_t v;

	h->env->random(h->env->ctx, &v, sizeof v);
	return v % below;
}

static void put_random(const struct hello *h, size_t n)
{
	uint8_t *p = tl_buf_extend(h->out, n);

	if (p)
		h->env->random(h->env->ctx, p, n);
}

static void put_u16(struct tl_buf *b, unsigned v)
{
	tl_put_u8(b, (uint8_t)(v >> 8));
	tl_put_u8(b, (uint8_t)v);
}

static void put_list(struct tl_buf *b, const uint16_t *v, size_t n)
{
	for (size_t i = 0; i < n; i++)
		put_u16(b, v[i]);
}

/* A length of two bytes that is known later. */
static size_t begin(struct tl_buf *b)
{
	put_u16(b, 0);
	return b->len;
}

static void end(struct tl_buf *b, size_t from)
{
	size_t n = b->len - from;

	if (b->err)
		return;
	b->data[from - 2] = (uint8_t)(n >> 8);
	b->data[from - 1] = (uint8_t)n;
}

static uint16_t grease(const struct hello *h)
{
	return (uint16_t)(draw(h, 16) * 0x1010u + 0x0a0a);
}

/* ---- keys ------------------------------------------------------------------------------------ */

static void put_x25519(const struct hello *h)
{
	uint8_t key[32];

	if (mt_x25519_public(key, h->env))
		h->out->err = -TG_E_NOMEM;
	tl_put(h->out, key, sizeof key);
}

/* An encapsulation key (FIPS 203): coefficients below q, twelve bits each, and a seed. */
static void put_mlkem(const struct hello *h)
{
	uint8_t pool[MLKEM_COEFFICIENTS * 2];

	h->env->random(h->env->ctx, pool, sizeof pool);
	for (size_t i = 0; i < sizeof pool; i += 4) {
		unsigned a = (pool[i] | (unsigned)pool[i + 1] << 8) % MLKEM_Q;
		unsigned b = (pool[i + 2] | (unsigned)pool[i + 3] << 8) % MLKEM_Q;

		tl_put_u8(h->out, (uint8_t)a);
		tl_put_u8(h->out, (uint8_t)(a >> 8 | b << 4));
		tl_put_u8(h->out, (uint8_t)(b >> 4));
	}
	put_random(h, MLKEM_SEED);
}

static void put_key_shares(const struct hello *h)
{
	size_t list = begin(h->out), share;

	put_u16(h->out, h->grease_group);
	put_u16(h->out, 1);
	tl_put_u8(h->out, 0);
	if (!h->old) {
		put_u16(h->out, GROUP_X25519_MLKEM768);
		share = begin(h->out);
		put_mlkem(h);
		put_x25519(h);
		end(h->out, share);
	}
	put_u16(h->out, GROUP_X25519);
	share = begin(h->out);
	put_x25519(h);
	end(h->out, share);
	end(h->out, list);
}

/* ---- extensions ------------------------------------------------------------------------------ */

static void put_server_name(const struct hello *h)
{
	size_t list = begin(h->out), name;

	tl_put_u8(h->out, 0); /* host_name */
	name = begin(h->out);
	tl_put_text(h->out, h->domain);
	end(h->out, name);
	end(h->out, list);
}

static void put_groups(const struct hello *h)
{
	static const uint16_t groups[] = {GROUP_X25519_MLKEM768, GROUP_X25519, GROUP_P256,
					  GROUP_P384};
	size_t list = begin(h->out);

	put_u16(h->out, h->grease_group);
	put_list(h->out, groups + h->old, sizeof groups / sizeof groups[0] - h->old);
	end(h->out, list);
}

static void put_signatures(const struct hello *h)
{
	static const uint16_t schemes[] = {0x0403, 0x0804, 0x0401, 0x0503,
					   0x0805, 0x0501, 0x0806, 0x0601};
	size_t list = begin(h->out);

	put_list(h->out, schemes, sizeof schemes / sizeof schemes[0]);
	end(h->out, list);
}

static void put_versions(const struct hello *h)
{
	tl_put_u8(h->out, 6);
	put_u16(h->out, h->grease_version);
	put_u16(h->out, 0x0304);
	put_u16(h->out, 0x0303);
}

/* GREASE ECH: HKDF-SHA256, AES-128-GCM, a key and a sealed hello of one of four sizes. */
static void put_encrypted_hello(const struct hello *h)
{
	size_t part;

	tl_put_u8(h->out, 0); /* outer */
	put_u16(h->out, 1);
	put_u16(h->out, 1);
	put_random(h, 1);
	part = begin(h->out);
	put_x25519(h);
	end(h->out, part);
	part = begin(h->out);
	put_random(h, 144 + 32 * draw(h, 4));
	end(h->out, part);
}

static void put_body(const struct hello *h, enum extension x)
{
	switch (x) {
	case EXT_SERVER_NAME:
		put_server_name(h);
		break;
	case EXT_STATUS_REQUEST:
		tl_put(h->out, "\1\0\0\0\0", 5); /* OCSP, no responders, no extensions */
		break;
	case EXT_GROUPS:
		put_groups(h);
		break;
	case EXT_POINT_FORMATS:
		tl_put(h->out, "\1\0", 2);
		break;
	case EXT_SIGNATURES:
		put_signatures(h);
		break;
	case EXT_ALPN:
		tl_put(h->out, "\0\14\2h2\10http/1.1", 14);
		break;
	case EXT_COMPRESS_CERTIFICATE:
		tl_put(h->out, "\2\0\2", 3); /* brotli */
		break;
	case EXT_VERSIONS:
		put_versions(h);
		break;
	case EXT_PSK_MODES:
		tl_put(h->out, "\1\1", 2);
		break;
	case EXT_KEY_SHARE:
		put_key_shares(h);
		break;
	case EXT_OLD_APPLICATION_SETTINGS:
	case EXT_APPLICATION_SETTINGS:
		tl_put(h->out, "\0\3\2h2", 5);
		break;
	case EXT_ENCRYPTED_HELLO:
		put_encrypted_hello(h);
		break;
	case EXT_RENEGOTIATION:
		tl_put_u8(h->out, 0);
		break;
	case EXT_PADDING:
	case EXT_CERTIFICATE_TIMESTAMP:
	case EXT_EXTENDED_MASTER:
	case EXT_SESSION_TICKET:
		break;
	}
}

static void put_padding(const struct hello *h)
{
	size_t body;
	uint8_t *p;

	if (h->out->len + 4 > OLD_SIZE)
		return; /* a very long domain */
	put_u16(h->out, EXT_PADDING);
	body = begin(h->out);
	p = tl_buf_extend(h->out, OLD_SIZE - h->out->len);
	if (p)
		memset(p, 0, OLD_SIZE - body);
	end(h->out, body);
}

/* All but the GREASE at both ends stand in another order each time. */
static void put_extensions(const struct hello *h)
{
	uint16_t all[] = {EXT_SERVER_NAME,
			  EXT_STATUS_REQUEST,
			  EXT_GROUPS,
			  EXT_POINT_FORMATS,
			  EXT_SIGNATURES,
			  EXT_ALPN,
			  EXT_CERTIFICATE_TIMESTAMP,
			  EXT_EXTENDED_MASTER,
			  EXT_COMPRESS_CERTIFICATE,
			  EXT_SESSION_TICKET,
			  EXT_VERSIONS,
			  EXT_PSK_MODES,
			  EXT_KEY_SHARE,
			  EXT_RENEGOTIATION,
			  h->old ? EXT_OLD_APPLICATION_SETTINGS : EXT_APPLICATION_SETTINGS,
			  EXT_ENCRYPTED_HELLO};
	size_t n = sizeof all / sizeof all[0] - h->old, list = begin(h->out);

	put_u16(h->out, h->grease_first);
	put_u16(h->out, 0);
	while (n) {
		unsigned i = draw(h, (unsigned)n);
		uint16_t x = all[i];
		size_t body;

		all[i] = all[--n];
		put_u16(h->out, x);
		body = begin(h->out);
		put_body(h, (enum extension)x);
		end(h->out, body);
	}
	put_u16(h->out, h->grease_last);
	put_u16(h->out, 1);
	tl_put_u8(h->out, 0);
	if (h->old)
		put_padding(h);
	end(h->out, list);
}

void mt_client_hello(const struct mt_env *env, const char *domain, bool old, struct tl_buf *out)
{
	static const uint16_t ciphers[] = {0x1301, 0x1302, 0x1303, 0xc02b, 0xc02f,
					   0xc02c, 0xc030, 0xcca9, 0xcca8, 0xc013,
					   0xc014, 0x009c, 0x009d, 0x002f, 0x0035};
	static const uint8_t zero[32];
	struct hello h = {.env = env, .domain = domain, .old = old, .out = out};
	size_t record, handshake, list;

	h.grease_cipher = grease(&h);
	h.grease_group = grease(&h);
	h.grease_version = grease(&h);
	h.grease_first = grease(&h);
	h.grease_last = grease(&h);
	if (h.grease_last == h.grease_first)
		h.grease_last ^= 0x1010;
	tl_put(out, "\x16\3\1", 3);
	record = begin(out);
	tl_put(out, "\1", 2); /* ClientHello; its length has three bytes, the first 0 */
	handshake = begin(out);
	put_u16(out, 0x0303);
	tl_put(out, zero, sizeof zero);
	tl_put_u8(out, SESSION_ID);
	put_random(&h, SESSION_ID);
	list = begin(out);
	put_u16(out, h.grease_cipher);
	put_list(out, ciphers, sizeof ciphers / sizeof ciphers[0]);
	end(out, list);
	tl_put(out, "\1", 2); /* no compression */
	put_extensions(&h);
	end(out, handshake);
	end(out, record);
}
