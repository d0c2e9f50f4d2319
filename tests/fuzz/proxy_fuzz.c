/* Any text as a proxy's link, any bytes as a proxy's answers. The first byte chooses: a link, which
 * when it is taken must read back as it prints; or the answers of a kind of proxy, in pieces of the
 * second byte's size: an error stays, and nothing passes before the way stands. */
#include "proto/tunnel.h"
#include "tests/fuzz/fuzz.h"

#include <stdlib.h>
#include <string.h>

static const struct mt_env env = {.random = same_bytes, .ctx = NULL};

static void link_text(const uint8_t *data, size_t n)
{
	char *text = malloc(n + 1);
	struct mt_proxy p = {.kind = MT_PROXY_NONE}, again;
	struct tl_buf out = {.len = 0};
	const char *reason = NULL;

	memcpy(text, data, n);
	text[n] = '\0';
	if (mt_proxy_parse(text, &p, &reason) == 0) {
		need(p.kind != MT_PROXY_NONE && p.host[0] && p.port);
		mt_proxy_print(&p, &out);
		tl_put_u8(&out, 0);
		need(mt_proxy_parse((char *)out.data, &again, &reason) == 0);
		need(memcmp(&p, &again, sizeof p) == 0);
	} else {
		need(reason && p.kind == MT_PROXY_NONE);
	}
	tl_buf_free(&out);
	free(text);
}

static void answers(const char *link, size_t step, const uint8_t *data, size_t n)
{
	struct mt_proxy p;
	struct mt_way way = {.proxy = &p, .host = "127.0.0.1", .port = 443};
	struct tl_buf inner = {.len = 0}, mine = {.len = 0};
	struct mt_tunnel *t;
	const char *reason;
	int err = 0;

	need(mt_proxy_parse(link, &p, &reason) == 0);
	t = mt_tunnel_new(&way, &env);
	for (size_t at = 0; at < n; at += step) {
		size_t take = n - at < step ? n - at : step;
		int now = mt_tunnel_feed(t, data + at, take, &inner);

		need(!err || now == err);
		err = now;
		need(!err == (t->state != MT_TUNNEL_FAILED) && !err == !t->reason);
		need(inner.len <= at + take);
		need(t->state >= MT_TUNNEL_READY || !inner.len);
		(void)mt_tunnel_out(t, &mine);
	}
	need(t->in.len <= MT_TLS_HELLO_MAX + step);
	mt_tunnel_free(t);
	tl_buf_free(&inner);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static const char *const links[] = {
		"socks5://a:1", "socks5://u:p@a:1", "http://a:1", "http://u:p@a:1",
		"mtproxy://ee00112233445566778899aabbccddeeff612e6e6574@a:1"};

	if (n < 2)
		return 0;
	if (data[0] >= sizeof links / sizeof links[0])
		link_text(data + 1, n - 1);
	else
		answers(links[data[0]], data[1] ? data[1] : 70000, data + 2, n - 2);
	return 0;
}
