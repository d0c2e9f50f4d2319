/* What the tests of links share: seeded ends and feeding in pieces. */
#include "tests/unit/proto/links.h"

const char *const transports[TRANSPORTS] = {"abridged",
					    "intermediate",
					    "padded",
					    "full",
					    "obfuscated-abridged",
					    "obfuscated-intermediate",
					    "obfuscated-padded"};

struct fixed_random seeded = {.state = 1};
const struct mt_env seeded_env = {.random = fixed_random, .ctx = &seeded};

struct mt_link *link_client(const char *name)
{
	struct mt_transport t;

	CHECK(mt_transport_parse(name, &t) == 0);
	return mt_link_new(&t, 2, &seeded_env);
}

uint8_t *link_pattern(size_t n)
{
	uint8_t *p = malloc(n + 1);

	for (size_t i = 0; i < n; i++)
		p[i] = (uint8_t)i;
	return p;
}

void link_feed(struct mt_link *l, const void *data, size_t n)
{
	CHECK(mt_link_feed(l, data, n) == 0);
}

bool link_next(struct mt_link *l, struct mt_packet *ret)
{
	CHECK(mt_link_next(l, ret) == 0);
	return ret->kind != MT_PACKET_NONE;
}

struct mt_packet link_take(struct mt_link *l, const void *data, size_t n, size_t step)
{
	const uint8_t *p = data;
	struct mt_packet packet = {.kind = MT_PACKET_NONE};

	for (size_t at = 0; at < n; at += step) {
		CHECK(packet.kind == MT_PACKET_NONE);
		link_feed(l, p + at, n - at < step ? n - at : step);
		CHECK(mt_link_next(l, &packet) == 0);
	}
	return packet;
}
