/* Inside proto: what stands between a link and the wire when there is a proxy. tunnel.c owns the
 * struct and chooses; socks.c, http_connect.c and faketls.c know one handshake each. */
#ifndef PROTO_TUNNEL_H
#define PROTO_TUNNEL_H

#include "proto/proxy.h"

#define MT_TLS_HELLO_MAX 65536u /* a proxy's whole answer to the ClientHello */
#define MT_TLS_RECORD_OUT 2878u /* payload of a record of ours (C.49) */
#define MT_HTTP_HEAD_MAX 16384u /* of a proxy's answer to CONNECT */

struct mt_tunnel {
	const struct mt_env *env;
	struct mt_way way;
	enum mt_tunnel_state {
		MT_TUNNEL_START,   /* nothing was said */
		MT_TUNNEL_METHOD,  /* SOCKS5: the greeting is out */
		MT_TUNNEL_LOGIN,   /* SOCKS5: user and password are out */
		MT_TUNNEL_CONNECT, /* the last request is out */
		MT_TUNNEL_READY,
		MT_TUNNEL_FAILED,
	} state;
	const char *reason; /* of FAILED */
	struct tl_buf in;   /* of the handshake; fake TLS: a record's head that is not whole yet */
	struct tl_buf out;  /* for the wire */

	/* fake TLS */
	uint8_t digest[32]; /* of the ClientHello */
	bool changed;       /* ChangeCipherSpec is out */
	size_t record_left; /* of the record that is coming in */
};

struct mt_tunnel *mt_tunnel_new(const struct mt_way *way, const struct mt_env *env);
void mt_tunnel_free(struct mt_tunnel *t);
/* Takes bytes from the wire; what is meant for the link is appended to ret_inner. Errors stay:
 * -TG_E_TRANSPORT with t->reason, -TG_E_NOMEM. */
int mt_tunnel_feed(struct mt_tunnel *t, const uint8_t *data, size_t n,
		   struct tl_buf *ret_inner) TL_MUST;
/* What to write, with the link's bytes behind it; they are taken once the tunnel stands. */
struct tl_buf *mt_tunnel_out(struct mt_tunnel *t, struct tl_buf *inner);

/* The handshakes: each begins with _start, and _step looks at t->in after more of it has come. It
 * drops what it has used and either waits, speaks, or sets READY or FAILED. */
void mt_tunnel_fail(struct mt_tunnel *t, const char *reason);
void mt_socks_start(struct mt_tunnel *t);
void mt_socks_step(struct mt_tunnel *t);
void mt_http_start(struct mt_tunnel *t);
void mt_http_step(struct mt_tunnel *t);
void mt_faketls_start(struct mt_tunnel *t);
void mt_faketls_step(struct mt_tunnel *t);
/* Records, when the tunnel stands. */
void mt_faketls_open(struct mt_tunnel *t, const uint8_t *data, size_t n, struct tl_buf *ret_inner);
void mt_faketls_seal(struct mt_tunnel *t, const uint8_t *data, size_t n);
/* A ClientHello without its digest: 32 zero bytes at offset 11. old: 517 bytes, without what
 * browsers have learnt since. out is empty. */
void mt_client_hello(const struct mt_env *env, const char *domain, bool old, struct tl_buf *out);

#endif
