/* proto's second front door: proxies. What a proxy is, how its links read and print, and links
 * that go through one. Sources: core.telegram.org/mtproto/mtproto-transports, core.telegram.org/
 * api/links, RFC 1928, 1929, 9110; PROTOCOL C5, C6, C.73. */
#ifndef PROTO_PROXY_H
#define PROTO_PROXY_H

#include "proto/proto.h"

#define MT_PROXY_TEXT_MAX 255   /* host, user and password each (RFC 1929, RFC 1035) */
#define MT_PROXY_DOMAIN_MAX 182 /* of an ee secret (C.35) */
#define MT_PROXY_LINK_MAX 2048  /* a longer text is no link */
#define MT_TUNNEL_TIME 10       /* s that a proxy may take for its handshake (C.52) */

enum mt_proxy_kind { MT_PROXY_NONE, MT_PROXY_MTPROXY, MT_PROXY_SOCKS5, MT_PROXY_HTTP };
enum mt_secret_kind {
	MT_SECRET_SIMPLE, /* 16 bytes */
	MT_SECRET_PADDED, /* dd */
	MT_SECRET_TLS     /* ee, with a domain */
};
struct mt_proxy { /* holds secrets: wipe it */
	enum mt_proxy_kind kind;
	enum mt_secret_kind secret_kind;
	uint8_t secret[16];
	uint16_t port;
	char host[MT_PROXY_TEXT_MAX + 1]; /* a name, or a numeric address without brackets */
	char user[MT_PROXY_TEXT_MAX + 1], password[MT_PROXY_TEXT_MAX + 1]; /* "" = none */
	char domain[MT_PROXY_DOMAIN_MAX + 1];
};
/* Reads a link: tg://proxy?…, tg://socks?…, the same as https://t.me/…, socks5://user:pass@host:
 * port, http://user:pass@host:port, mtproxy://secret@host:port. -TG_E_INVALID_PARAMS: *ret_reason
 * says what is wrong, without any part of the text in it. */
int mt_proxy_parse(const char *text, struct mt_proxy *ret, const char **ret_reason) TL_MUST;
/* A secret in hex, base64 or base64url, padded or not; sets secret, secret_kind and domain (C.35).
 */
int mt_proxy_parse_secret(const char *text, size_t n, struct mt_proxy *ret,
			  const char **ret_reason) TL_MUST;
/* Appends the link with its secrets, as it can be read back (C.37): not for logs (C.39). */
void mt_proxy_print(const struct mt_proxy *p, struct tl_buf *out);
/* A numeric address, without the system's help. Returns 4 or 16, or 0 when it is a name. */
size_t mt_numeric(const char *host, uint8_t ret[16]);
const char *mt_proxy_kind_name(enum mt_proxy_kind kind); /* "socks5"; for logs, with host:port */

/* Where a link through a proxy is to end. */
struct mt_way {
	const struct mt_proxy *proxy; /* kept by the caller */
	char host[64];                /* of the data centre; unused by MTProxy */
	uint16_t port;
	int64_t unix_time; /* seconds, for the digest of fake TLS (C.46, C.51) */
	bool old_hello;    /* the ClientHello of 517 bytes, for older proxies (C.45) */
};
/* A link as mt_link_new makes it, whose first bytes are the proxy's handshake. MTProxy decides on
 * framing and obfuscation itself (C.38). Until mt_link_ready nothing should be sent. */
struct mt_link *mt_link_new_through(const struct mt_transport *t, int dc, const struct mt_way *way,
				    const struct mt_env *env);
bool mt_link_ready(const struct mt_link *l); /* true at once without a proxy */
/* Server side, as an MTProxy hears it: obfuscated with its secret, and nothing else. */
struct mt_link *mt_link_accept_secret(const struct mt_env *env, const uint8_t secret[16]);
/* Server side: what the client speaks, and the dc in its header (C.26). NULL: not known yet. */
const struct mt_transport *mt_link_met(const struct mt_link *l, int *ret_dc);
/* Why a feed or next failed, when it was the proxy; else NULL. Lives as long as the link. */
const char *mt_link_reason(const struct mt_link *l);

#endif
