/* What the tests of proxies share: a tunnel, and bytes that come in pieces. */
#ifndef TESTS_PROTO_TUNNELS_H
#define TESTS_PROTO_TUNNELS_H

#include "proto/tunnel.h"
#include "tests/unit/proto/links.h"

struct mt_proxy tunnel_proxy(const char *link); /* fails the test when it cannot be read */
struct mt_tunnel *tunnel_new(const struct mt_proxy *p, const char *host, uint16_t port);
/* What the tunnel has to say, against text of n bytes; it is then gone from the buffer. */
void tunnel_says(struct mt_tunnel *t, const void *want, size_t n);
int tunnel_hears(struct mt_tunnel *t, const void *data, size_t n); /* nothing passes */
/* A handshake as told: what the client says and the proxy answers, in turns, then "inner" behind
 * it. Played in pieces of each size up to the whole, and cut in two at each place. */
struct tunnel_turn {
	const char *says, *answer; /* NULL: the end */
	size_t says_n, answer_n;
};
#define TURN(says_, answer_)                                                                       \
	{                                                                                          \
		says_, answer_, sizeof(says_) - 1, sizeof(answer_) - 1                             \
	}
void tunnel_play(const char *link, const char *host, uint16_t port,
		 const struct tunnel_turn *turns);
/* The same with a last answer that ends it: the reason must contain want. No input after it and no
 * other cut makes it any better. */
void tunnel_refused(const char *link, const struct tunnel_turn *turns, const char *want);

#endif
