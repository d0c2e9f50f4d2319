/* Front ends: the sandbox as the proxy before its own data centres, so that ways out can be tested
 * against somebody strict. SOCKS5 (RFC 1928, 1929), HTTP CONNECT (RFC 9110), MTProxy plain, dd and
 * fake TLS (core.telegram.org/mtproto/mtproto-transports). Owned by net: a door lives as long as
 * its listener, a front as long as its connection. */
#ifndef SANDBOX_FRONT_H
#define SANDBOX_FRONT_H

#include "net.h"
#include "proto/proxy.h"

#define SB_FRONT_SECONDS 10        /* a client that has not found its way by then is closed */
#define SB_HELLO_PAST (20 * 60)    /* a fake ClientHello's clock may be so much behind */
#define SB_HELLO_FUTURE (10 * 60)  /* or ahead: the limits of the proxies in use */
#define SB_HELLO_MAX 4096          /* bytes of a ClientHello's record */
#define SB_HEAD_MAX 8192           /* bytes of a CONNECT */
#define SB_RECORD_IN 16384         /* RFC 8446, 5.1 */
#define SB_RECORD_OUT (16384 + 24) /* proxies in use go so far */
#define SB_SEEN 4096               /* digests and headers remembered against replay */

struct sb_door {
	struct mt_proxy is;
	uint64_t accepted, passed, refused;
	const char *last; /* why the last one was refused */
	unsigned seen_count;
	uint8_t seen[SB_SEEN][32];
};

struct sb_front {
	struct sb_door *door;
	enum sb_front_stage {
		SB_FRONT_GREETING,
		SB_FRONT_LOGIN, /* SOCKS5 */
		SB_FRONT_ASKED, /* SOCKS5 */
		SB_FRONT_OPEN,  /* bytes go to the link, with MTProxy to find a header first */
		SB_FRONT_DEAF   /* refused without a word: what comes is thrown away */
	} stage;
	struct tl_buf in, out;
	bool changed;       /* fake TLS: the client's ChangeCipherSpec came */
	size_t record_left; /* of the record that is coming in */
};

/* front.c */
struct sb_front *sb_front_new(struct sb_door *door);
void sb_front_free(struct sb_front *f);
struct mt_link *sb_front_link(struct sb_net *n, const struct sb_door *door);
int sb_front_feed(struct sb_conn *c, const uint8_t *data, size_t n) TL_MUST;
struct tl_buf *sb_front_out(struct sb_conn *c);
/* The link has something, or an error: false = the client stays before the door. */
bool sb_front_pass(struct sb_conn *c, int err);
bool sb_front_late(const struct sb_conn *c, int64_t now);
struct json_t *sb_front_stats(const struct sb_door *d);
/* Says no: after what is in out, or (deaf) without closing. */
void sb_front_refuse(struct sb_conn *c, const char *why, bool deaf);
/* A door to a data centre: one of ours, or one where Telegram's own list has it. 0 = none. */
int sb_front_route(struct sb_net *n, const char *host, unsigned port);
bool sb_front_replayed(struct sb_door *d, const uint8_t digest[32]); /* and takes note */

/* The handshakes look at f->in after more of it has come; false: nothing more to do with it now. */
bool sb_front_socks(struct sb_conn *c);
bool sb_front_http(struct sb_conn *c);
bool sb_front_tls(struct sb_conn *c);
/* Records, once a fake TLS door is open. */
int sb_front_tls_open(struct sb_conn *c, const uint8_t *data, size_t n) TL_MUST;
void sb_front_tls_seal(struct sb_front *f, const uint8_t *data, size_t n);

#endif
