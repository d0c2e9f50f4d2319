/* What the tests of links share. */
#ifndef TESTS_PROTO_LINKS_H
#define TESTS_PROTO_LINKS_H

#include "proto/proto.h"
#include "tests/unit/proto/vectors.h"

#define TRANSPORTS 7
extern const char *const transports[TRANSPORTS];
extern struct fixed_random seeded;
extern const struct mt_env seeded_env;

struct mt_link *link_client(const char *name);
uint8_t *link_pattern(size_t n); /* 0, 1, 2 …; to be freed */
void link_feed(struct mt_link *l, const void *data, size_t n);
bool link_next(struct mt_link *l, struct mt_packet *ret); /* false when there is none */
/* Feeds in pieces of step bytes and expects exactly this one packet, at the end. */
struct mt_packet link_take(struct mt_link *l, const void *data, size_t n, size_t step);

#endif
