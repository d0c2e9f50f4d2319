/* See tunnels.h. */
#include "tests/unit/proto/tunnels.h"

struct mt_proxy tunnel_proxy(const char *link)
{
	struct mt_proxy p;
	const char *reason;

	CHECK_INT(mt_proxy_parse(link, &p, &reason), 0);
	return p;
}

struct mt_tunnel *tunnel_new(const struct mt_proxy *p, const char *host, uint16_t port)
{
	struct mt_way way = {.proxy = p, .port = port, .unix_time = 1700000000};

	CHECK(strlen(host) < sizeof way.host);
	memcpy(way.host, host, strlen(host) + 1);
	return mt_tunnel_new(&way, &seeded_env);
}

void tunnel_says(struct mt_tunnel *t, const void *want, size_t n)
{
	struct tl_buf inner = {.len = 0}, *out = mt_tunnel_out(t, &inner);

	if (out->len != n || (n && memcmp(out->data, want, n) != 0))
		test_fail(__FILE__, __LINE__, "%zu bytes \"%.*s\"", out->len, (int)out->len,
			  out->data ? (char *)out->data : "");
	tl_buf_drop(out, n);
}

int tunnel_hears(struct mt_tunnel *t, const void *data, size_t n)
{
	struct tl_buf inner = {.len = 0};
	uint8_t *exact = malloc(n ? n : 1);
	int err;

	memcpy(exact, data, n);
	err = mt_tunnel_feed(t, exact, n, &inner);
	CHECK_INT(inner.len, 0);
	free(exact);
	return err;
}

/* Feeds first bytes, then step at a time; what passes is put into inner. */
static int hear(struct mt_tunnel *t, const void *data, size_t n, size_t first, size_t step,
		struct tl_buf *inner)
{
	const uint8_t *p = data;
	size_t take = first ? first : step;
	int err = 0;

	for (size_t at = 0; at < n && !err; at += take, take = step) {
		uint8_t *exact;

		take = n - at < take ? n - at : take;
		exact = malloc(take);
		memcpy(exact, p + at, take);
		err = mt_tunnel_feed(t, exact, take, inner);
		free(exact);
		if (!err && at + take < n && inner->len == 0)
			CHECK(t->state != MT_TUNNEL_FAILED);
	}
	return err;
}

static void play(const char *link, const char *host, uint16_t port, const struct tunnel_turn *turns,
		 size_t first, size_t step)
{
	struct mt_proxy p = tunnel_proxy(link);
	struct mt_tunnel *t = tunnel_new(&p, host, port);
	struct tl_buf inner = {.len = 0}, mine = {.len = 0};

	for (; turns->says; turns++) {
		bool last = !turns[1].says;
		char text[1024];
		size_t n = turns->answer_n;

		CHECK(t->state != MT_TUNNEL_READY);
		tunnel_says(t, turns->says, turns->says_n);
		memcpy(text, turns->answer, n);
		if (last) {
			memcpy(text + n, "inner", 5); /* sent with the answer */
			n += 5;
		}
		CHECK_INT(hear(t, text, n, first, step, &inner), 0);
	}
	CHECK_INT(t->state, MT_TUNNEL_READY);
	CHECK_INT(inner.len, 5);
	CHECK_MEM(inner.data, "inner", 5);
	tl_put_text(&mine, "mine");
	CHECK_INT(mt_tunnel_out(t, &mine)->len, 4);
	tl_buf_free(&mine);
	tl_buf_free(&inner);
	mt_tunnel_free(t);
}

void tunnel_play(const char *link, const char *host, uint16_t port, const struct tunnel_turn *turns)
{
	for (size_t step = 1; step < 40; step++)
		play(link, host, port, turns, 0, step);
	for (size_t first = 1; first < 300; first++)
		play(link, host, port, turns, first, 1000);
}

void tunnel_refused(const char *link, const struct tunnel_turn *turns, const char *want)
{
	for (size_t step = 1; step < 600; step += step < 8 ? 1 : 590) {
		struct mt_proxy p = tunnel_proxy(link);
		struct mt_tunnel *t = tunnel_new(&p, "149.154.167.50", 443);
		struct tl_buf inner = {.len = 0};

		for (const struct tunnel_turn *at = turns; at->says; at++) {
			tunnel_says(t, at->says, at->says_n);
			CHECK_INT(hear(t, at->answer, at->answer_n, 0, step, &inner),
				  at[1].says ? 0 : -TG_E_TRANSPORT);
		}
		CHECK_INT(t->state, MT_TUNNEL_FAILED);
		if (!strstr(t->reason, want))
			test_fail(__FILE__, __LINE__, "\"%s\", want \"%s\"", t->reason, want);
		CHECK_INT(tunnel_hears(t, "more", 4), -TG_E_TRANSPORT);
		CHECK_INT(inner.len, 0);
		tl_buf_free(&inner);
		mt_tunnel_free(t);
	}
}
