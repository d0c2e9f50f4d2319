/* SOCKS5: the bytes of RFC 1928 and 1929, in pieces of every size, and every refusal. */
#include "tests/unit/proto/tunnels.h"

#define OPEN "socks5://p.net:1080"
#define LOGIN "socks5://me:pw@p.net:1080"
#define DC "149.154.167.50"
#define TO_DC "\5\1\0\1\x95\x9a\xa7\x32\1\xbb"

TEST(socks_open)
{
	static const struct tunnel_turn v4[] = {
		TURN("\5\1\0", "\5\0"), TURN(TO_DC, "\5\0\0\1\1\2\3\4\5\6"), {NULL, NULL, 0, 0}};
	static const struct tunnel_turn v6[] = {
		TURN("\5\1\0", "\5\0"),
		TURN("\5\1\0\4\x20\1\xb\x28\xf2\x3d\xf0\1\0\0\0\0\0\0\0\xa\0\x50",
		     "\5\0\0\4\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\1\0\1"),
		{NULL, NULL, 0, 0}};
	static const struct tunnel_turn name[] = {
		TURN("\5\1\0", "\5\0"),
		TURN("\5\1\0\3\5a.net\1\xbb", "\5\0\0\3\4abcd\0\1"),
		{NULL, NULL, 0, 0}};
	static const struct tunnel_turn no_name[] = {
		TURN("\5\1\0", "\5\0"), TURN(TO_DC, "\5\0\0\3\0\0\1"), {NULL, NULL, 0, 0}};

	tunnel_play(OPEN, DC, 443, v4);
	tunnel_play(OPEN, "2001:b28:f23d:f001::a", 80, v6);
	tunnel_play(OPEN, "a.net", 443, name);
	tunnel_play(OPEN, DC, 443, no_name);
}

TEST(socks_login)
{
	static const struct tunnel_turn wanted[] = {TURN("\5\2\0\2", "\5\2"),
						    TURN("\1\2me\2pw", "\1\0"),
						    TURN(TO_DC, "\5\0\0\1\1\2\3\4\5\6"),
						    {NULL, NULL, 0, 0}};
	static const struct tunnel_turn unwanted[] = {
		TURN("\5\2\0\2", "\5\0"), TURN(TO_DC, "\5\0\0\1\1\2\3\4\5\6"), {NULL, NULL, 0, 0}};

	tunnel_play(LOGIN, DC, 443, wanted);
	tunnel_play(LOGIN, DC, 443, unwanted);
}

TEST(socks_refused)
{
	static const struct {
		const char *link;
		struct tunnel_turn turns[4];
		const char *want;
	} rows[] = {
		{OPEN, {TURN("\5\1\0", "\5\377")}, "wants a user"},
		{OPEN, {TURN("\5\1\0", "\5\2")}, "wants a user"}, /* not offered */
		{LOGIN, {TURN("\5\2\0\2", "\5\377")}, "takes no user"},
		{LOGIN, {TURN("\5\2\0\2", "\5\1")}, "takes no user"},
		{OPEN, {TURN("\5\1\0", "\4\0")}, "does not speak"},
		{OPEN, {TURN("\5\1\0", "HTTP/1.1 400 \r\n\r\n")}, "does not speak"},
		{LOGIN, {TURN("\5\2\0\2", "\5\2"), TURN("\1\2me\2pw", "\1\1")}, "refused user"},
		{LOGIN, {TURN("\5\2\0\2", "\5\2"), TURN("\1\2me\2pw", "\5\0")}, "unreadable"},
		{OPEN, {TURN("\5\1\0", "\5\0"), TURN(TO_DC, "\5\1")}, "failed"},
		{OPEN, {TURN("\5\1\0", "\5\0"), TURN(TO_DC, "\5\2\0")}, "not allow"},
		{OPEN, {TURN("\5\1\0", "\5\0"), TURN(TO_DC, "\5\3\0\1\0\0\0\0\0\0")}, "network"},
		{OPEN, {TURN("\5\1\0", "\5\0"), TURN(TO_DC, "\5\4")}, "reach the server"},
		{OPEN, {TURN("\5\1\0", "\5\0"), TURN(TO_DC, "\5\5")}, "server refused"},
		{OPEN, {TURN("\5\1\0", "\5\0"), TURN(TO_DC, "\5\6")}, "in time"},
		{OPEN, {TURN("\5\1\0", "\5\0"), TURN(TO_DC, "\5\7")}, "not connect"},
		{OPEN, {TURN("\5\1\0", "\5\0"), TURN(TO_DC, "\5\10")}, "kind of address"},
		{OPEN, {TURN("\5\1\0", "\5\0"), TURN(TO_DC, "\5\377")}, "failed"},
		{OPEN, {TURN("\5\1\0", "\5\0"), TURN(TO_DC, "\4\0")}, "unreadable"},
		{OPEN, {TURN("\5\1\0", "\5\0"), TURN(TO_DC, "\5\0\0\2\0")}, "unreadable"},
	};

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
		tunnel_refused(rows[i].link, rows[i].turns, rows[i].want);
}

/* A user and a password as long as RFC 1929 lets them be. */
TEST(socks_longest_login)
{
	char link[600] = "socks5://", name[256];
	struct mt_proxy p;
	struct mt_tunnel *t;
	struct tl_buf inner = {.len = 0}, *out;

	memset(name, 'u', 255);
	name[255] = '\0';
	snprintf(link, sizeof link, "socks5://%s:%s@p.net:1", name, name);
	p = tunnel_proxy(link);
	t = tunnel_new(&p, DC, 443);
	tunnel_says(t, "\5\2\0\2", 4);
	CHECK_INT(tunnel_hears(t, "\5\2", 2), 0);
	out = mt_tunnel_out(t, &inner);
	CHECK_INT(out->len, 1 + 256 + 256);
	CHECK_INT(out->data[1], 255);
	CHECK_INT(out->data[257], 255);
	mt_tunnel_free(t);
}

TEST(numeric_addresses)
{
	static const struct {
		const char *text, *hex; /* NULL: a name */
	} rows[] = {
		{"1.2.3.4", "01020304"},
		{"255.255.255.255", "ffffffff"},
		{"256.1.1.1", NULL},
		{"1.2.3", NULL},
		{"1.2.3.4.5", NULL},
		{"01.2.3.4", NULL},
		{"1.2.3.4a", NULL},
		{"1..3.4", NULL},
		{"", NULL},
		{"a.net", NULL},
		{"::", "00000000000000000000000000000000"},
		{"::1", "00000000000000000000000000000001"},
		{"1::", "00010000000000000000000000000000"},
		{"2001:db8::8a2e:370:7334", "20010db80000000000008a2e03707334"},
		{"2001:DB8:0:0:1:2:3:4", "20010db8000000000001000200030004"},
		{"1:2:3:4:5:6:7::", "00010002000300040005000600070000"},
		{"::2:3:4:5:6:7:8", "00000002000300040005000600070008"},
		{"::ffff:1.2.3.4", "00000000000000000000ffff01020304"},
		{"1:2:3:4:5:6:1.2.3.4", "00010002000300040005000601020304"},
		{"1:2:3:4:5:6:7:1.2.3.4", NULL},
		{"1:2:3:4:5:6:7:8:9", NULL},
		{"1:2:3:4:5:6:7", NULL},
		{"1:2:3:4:5:6:7:8::", NULL},
		{"1::2::3", NULL},
		{":1::", NULL},
		{"1:::2", NULL},
		{":::", NULL},
		{":", NULL},
		{"1:", NULL},
		{"1::2:", NULL},
		{"12345::", NULL},
		{"g::", NULL},
		{"::1.2.3.4:1", NULL},
		{"::1.2.3", NULL},
	};

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		uint8_t got[16];
		size_t n = mt_numeric(rows[i].text, got);

		if (n != (rows[i].hex ? strlen(rows[i].hex) / 2 : 0))
			test_fail(__FILE__, __LINE__, "%s: %zu bytes", rows[i].text, n);
		if (n)
			CHECK_HEX(got, n, rows[i].hex);
	}
}
