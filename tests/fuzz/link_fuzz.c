/* Any bytes from the wire into a link. The first byte chooses the transport or the server's side,
 * the second the size of the pieces: what comes out must not depend on them, lies inside what was
 * fed, and an error stays. */
#include "proto/proto.h"
#include "tests/fuzz/fuzz.h"

#include <string.h>

static const struct mt_env env = {.random = same_bytes, .ctx = NULL};

struct seen { /* what a link gave, folded */
	unsigned packets;
	uint32_t sum;
	int err;
};

static struct mt_link *make(uint8_t kind)
{
	static const char *const names[] = {"abridged",
					    "intermediate",
					    "padded",
					    "full",
					    "obfuscated-abridged",
					    "obfuscated-intermediate",
					    "obfuscated-padded"};
	struct mt_transport t;
	struct mt_link *l;

	if (kind % 8 == 7)
		return mt_link_accept(&env);
	need(mt_transport_parse(names[kind % 8], &t) == 0);
	l = mt_link_new(&t, -10002, &env);
	need(l && mt_link_send(l, "12345678", 8, kind & 8) == 0);
	return l;
}

static void pull(struct mt_link *l, struct seen *s, size_t fed)
{
	struct mt_packet p;

	while (!s->err) {
		s->err = mt_link_next(l, &p);
		if (s->err || p.kind == MT_PACKET_NONE)
			break;
		need(p.kind != MT_PACKET_DATA || (p.n <= fed && p.n <= MT_MAX_PACKET));
		need(p.kind != MT_PACKET_ERROR || p.code < 0);
		if (p.kind == MT_PACKET_DATA)
			s->sum = mt_crc32(s->sum, p.data, p.n);
		else
			s->sum = mt_crc32(s->sum, &p.kind, sizeof p.kind);
		s->packets++;
	}
	if (s->err)
		need(mt_link_next(l, &p) == s->err && mt_link_feed(l, "", 1) == s->err);
}

static struct seen run(uint8_t kind, const uint8_t *data, size_t n, size_t step)
{
	struct mt_link *l = make(kind);
	struct seen s = {0};

	for (size_t at = 0; at < n && !s.err; at += step) {
		s.err = mt_link_feed(l, data + at, n - at < step ? n - at : step);
		pull(l, &s, n);
	}
	mt_link_free(l);
	return s;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct seen whole, pieces;

	if (size < 2)
		return 0;
	whole = run(data[0], data + 2, size - 2, size);
	pieces = run(data[0], data + 2, size - 2, data[1] + 1u);
	need(whole.packets == pieces.packets && whole.sum == pieces.sum);
	need(whole.err == pieces.err);
	return 0;
}
