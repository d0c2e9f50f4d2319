/* Proxy links and secrets: every spelling, every refusal, and that what is printed reads back. */
#include "proto/proxy.h"
#include "tests/unit/proto/vectors.h"

#define KEY "00112233445566778899aabbccddeeff"

static void refused(const char *link, const char *want)
{
	struct mt_proxy p = {.port = 7};
	const char *reason = "none";

	if (mt_proxy_parse(link, &p, &reason) != -TG_E_INVALID_PARAMS)
		test_fail(__FILE__, __LINE__, "taken: %s", link);
	CHECK_INT(p.port, 7); /* untouched */
	if (!strstr(reason, want))
		test_fail(__FILE__, __LINE__, "%s: \"%s\", want \"%s\"", link, reason, want);
}

static struct mt_proxy taken(const char *link)
{
	struct mt_proxy p;
	const char *reason = "none";

	if (mt_proxy_parse(link, &p, &reason) != 0)
		test_fail(__FILE__, __LINE__, "refused: %s: %s", link, reason);
	return p;
}

static void same(const char *link, const char *printed)
{
	struct mt_proxy p = taken(link), again;
	struct tl_buf out = {.len = 0};

	mt_proxy_print(&p, &out);
	tl_put_u8(&out, 0);
	CHECK_STR((char *)out.data, printed);
	again = taken(printed);
	CHECK_MEM(&p, &again, sizeof p);
	tl_buf_free(&out);
}

/* ---- secrets --------------------------------------------------------------------------------- */

static int secret(const char *text, struct mt_proxy *ret)
{
	const char *reason = NULL;
	int err = mt_proxy_parse_secret(text, strlen(text), ret, &reason);

	CHECK(!err == !reason);
	return err;
}

static void check_secret(const json_t *v)
{
	static const char *const spellings[] = {"hex", "base64url"};
	bool reject = strstr(vector_text(v, "expect"), "reject") != NULL;

	for (size_t i = 0; i < 2; i++) {
		struct mt_proxy p = {.kind = MT_PROXY_MTPROXY};

		if (reject) {
			CHECK_INT(secret(vector_text(v, spellings[i]), &p), -TG_E_INVALID_PARAMS);
			continue;
		}
		CHECK_INT(secret(vector_text(v, spellings[i]), &p), 0);
		VECTOR_EQ(v, "key16", p.secret, 16);
		CHECK_STR(p.domain, vector_has(v, "domain") ? vector_text(v, "domain") : "");
		CHECK_INT(p.secret_kind, vector_has(v, "domain") ? MT_SECRET_TLS
					 : strstr(vector_text(v, "expect"), "dd")
						 ? MT_SECRET_PADDED
						 : MT_SECRET_SIMPLE);
	}
}

static void check_domain_length(const json_t *v)
{
	char text[2 * (17 + 183) + 1] = "ee" KEY;
	struct mt_proxy p = {.kind = MT_PROXY_MTPROXY};

	CHECK(strstr(vector_text(v, "rule"), "17+182"));
	for (size_t n = 1; n <= 183; n++) {
		memcpy(text + 32 + 2 * n, "61", 3);
		CHECK_INT(secret(text, &p), n <= 182 ? 0 : -TG_E_INVALID_PARAMS);
		CHECK_INT(strlen(p.domain), n <= 182 ? n : 182);
	}
}

TEST(proxy_secret_vectors)
{
	static const struct vector_row rows[] = {
		{"secret-max-domain", check_domain_length, NULL},
		{"secret-*", check_secret, NULL},
		{"*", NULL, "proto/transport_vectors, proto/faketls_vectors"},
		{NULL, NULL, NULL},
	};
	unsigned elsewhere;

	CHECK_INT(vectors_run("transports.json", rows, &elsewhere), 10);
}

TEST(proxy_secret_spellings)
{
	static const char *const same_key[] = {
		"ee" KEY "612e6e6574",
		"EE00112233445566778899AABBCCDDEEFF612E6E6574",
		"7gARIjNEVWZ3iJmqu8zd7v9hLm5ldA==",
		"7gARIjNEVWZ3iJmqu8zd7v9hLm5ldA",
		"7gARIjNEVWZ3iJmqu8zd7v9hLm5ldA=",
	};
	struct mt_proxy p = {.kind = MT_PROXY_MTPROXY}, q = p;

	for (size_t i = 0; i < 4; i++) {
		CHECK_INT(secret(same_key[i], &p), 0);
		CHECK_HEX(p.secret, 16, KEY);
		CHECK_STR(p.domain, "a.net");
	}
	CHECK_INT(secret(same_key[4], &q), -TG_E_INVALID_PARAMS); /* padded, but not enough */
	/* the two alphabets */
	CHECK_INT(secret("3fv/++/77/v++/+/+/v7+/s=", &p), 0);
	CHECK_INT(secret("3fv_--_77_v--_-_-_v7-_s", &q), 0);
	CHECK_MEM(p.secret, q.secret, 16);
}

TEST(proxy_secret_refusals)
{
	static const char *const bad[] = {
		"",
		"0",
		"zz",
		"00112233445566778899aabbccddee",
		"00112233445566778899aabbccddeeffff", /* 17, no tag */
		"dd" KEY "61",                        /* dd with something behind it */
		"ee" KEY,                             /* no domain (C.36) */
		"ff" KEY "612e6e6574",
		"ee" KEY "6100",
		"ee" KEY "20",
		"ee" KEY "c3a4",
		KEY " ",
		"!!!!",
		"====",
		"A",
		"AAAAAAAAAAAAAAAAAAAAA",
	};
	struct mt_proxy p = {.port = 3};

	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		if (secret(bad[i], &p) == 0)
			test_fail(__FILE__, __LINE__, "taken: %s", bad[i]);
	CHECK_INT(p.port, 3);
}

/* ---- links ----------------------------------------------------------------------------------- */

TEST(proxy_links_mtproxy)
{
	static const char *const same_link[] = {
		"tg://proxy?server=a.net&port=443&secret=dd" KEY,
		"tg:proxy?server=a.net&port=443&secret=dd" KEY,
		"TG://PROXY?server=a.net&port=443&secret=DD" KEY,
		"tg://proxy?secret=dd" KEY "&port=443&server=a.net",
		"tg://proxy?server=a.net&port=00443&secret=dd" KEY "&channel=x&&y",
		"tg://proxy?server=a%2Enet&port=443&secret=dd" KEY "#there",
		"https://t.me/proxy?server=a.net&port=443&secret=dd" KEY,
		"http://t.me/proxy?server=a.net&port=443&secret=dd" KEY,
		"https://telegram.me/proxy?server=a.net&port=443&secret=dd" KEY,
		"https://telegram.dog/proxy/?server=a.net&port=443&secret=dd" KEY,
		"https://www.t.me/proxy?server=a.net&port=443&secret=3QARIjNEVWZ3iJmqu8zd7v8%3D",
		"mtproxy://dd" KEY "@a.net:443",
		"mtproxy://3QARIjNEVWZ3iJmqu8zd7v8=@a.net:443/",
	};
	struct mt_proxy p;

	for (size_t i = 0; i < sizeof same_link / sizeof same_link[0]; i++)
		same(same_link[i], same_link[0]);
	same("tg://proxy?server=1.2.3.4&port=1&secret=" KEY,
	     "tg://proxy?server=1.2.3.4&port=1&secret=" KEY);
	same("tg://proxy?server=[2001:db8::1]&port=65535&secret=ee" KEY "612e6e6574",
	     "tg://"
	     "proxy?server=2001%3adb8%3a%3a1&port=65535&secret=7gARIjNEVWZ3iJmqu8zd7v9hLm5ldA");
	p = taken(same_link[0]);
	CHECK_INT(p.kind, MT_PROXY_MTPROXY);
	CHECK_STR(p.host, "a.net");
	CHECK_INT(p.port, 443);
	CHECK_STR(mt_proxy_kind_name(p.kind), "mtproxy");
}

TEST(proxy_links_socks_and_http)
{
	struct mt_proxy p;

	same("tg://socks?server=a.net&port=1080", "tg://socks?server=a.net&port=1080");
	same("https://t.me/socks?server=a.net&port=1080&user=&pass=",
	     "tg://socks?server=a.net&port=1080");
	same("tg://socks?server=a.net&port=1080&user=me&pass=p%26q",
	     "tg://socks?server=a.net&port=1080&user=me&pass=p%26q");
	same("socks5://a.net:1080", "tg://socks?server=a.net&port=1080");
	same("socks5h://me@[::1]:1080", "tg://socks?server=%3a%3a1&port=1080&user=me&pass=");
	same("socks5://me:p@q:r@a.net:1080/",
	     "tg://socks?server=a.net&port=1080&user=me&pass=p%40q%3ar");
	same("http://a.net:3128", "http://a.net:3128");
	same("HTTP://me:p%40%c3%a4@[::1]:3128/", "http://me:p%40%c3%a4@[::1]:3128");
	p = taken("socks5://me:secret@[2001:db8::1]:1080");
	CHECK_INT(p.kind, MT_PROXY_SOCKS5);
	CHECK_STR(p.host, "2001:db8::1");
	CHECK_STR(p.user, "me");
	CHECK_STR(p.password, "secret");
	CHECK_STR(mt_proxy_kind_name(p.kind), "socks5");
	CHECK_STR(mt_proxy_kind_name(taken("http://a:1").kind), "http");
	CHECK_STR(mt_proxy_kind_name(MT_PROXY_NONE), "none");
}

TEST(proxy_links_refused)
{
	static const char *const bad[][2] = {
		{"", "empty"},
		{"a.net:1080", "not a proxy link"},
		{"direct", "not a proxy link"},
		{"none", "not a proxy link"},
		{"socks4://a.net:1080", "not a proxy link"},
		{"https://a.net:3128", "behind TLS"},
		{"tg://resolve?domain=x", "not one of a proxy"},
		{"https://t.me/durov", "not one of a proxy"},
		{"http://t.me/durov", "not one of a proxy"},
		{"tg://proxy?port=443&secret=" KEY, "server is missing"},
		{"tg://proxy?server=&port=443&secret=" KEY, "server is missing"},
		{"tg://proxy?server=a.net&secret=" KEY, "port is missing"},
		{"tg://proxy?server=a.net&port=443", "secret is missing"},
		{"tg://proxy?server=a.net&port=443&secret=", "secret is missing"},
		{"tg://proxy?server=a.net&port=443&secret=xyz", "secret"},
		{"tg://proxy?server=a.net&port=443&secret=" KEY "&user=x", "no user"},
		{"tg://proxy?server=a.net&server=b.net&port=443&secret=" KEY, "twice"},
		{"tg://proxy?server=a.net&port=0&secret=" KEY, "1 to 65535"},
		{"tg://proxy?server=a.net&port=65536&secret=" KEY, "1 to 65535"},
		{"tg://proxy?server=a.net&port=000443&secret=" KEY, "1 to 65535"},
		{"tg://proxy?server=a.net&port=99999999999&secret=" KEY, "1 to 65535"},
		{"tg://proxy?server=a.net&port=-1&secret=" KEY, "1 to 65535"},
		{"tg://proxy?server=a.net&port= 443&secret=" KEY, "1 to 65535"},
		{"tg://proxy?server=a.net&port=443x&secret=" KEY, "1 to 65535"},
		{"tg://proxy?server=a%20b&port=443&secret=" KEY, "strange"},
		{"tg://proxy?server=a/b&port=443&secret=" KEY, "strange"},
		{"tg://proxy?server=%00&port=443&secret=" KEY, "control"},
		{"tg://proxy?server=a%2&port=443&secret=" KEY, "two digits"},
		{"tg://proxy?server=a.net&port=443&secret=%", "two digits"},
		{"tg://proxy?server=a.net&port=443&secret=%4", "two digits"},
		{"tg://socks?server=a.net&port=1080&pass=x", "no user"},
		{"tg://socks?server=a.net&port=1080&secret=" KEY, "no secret"},
		{"tg://socks?server=a.net&port=1080&user=a%0ab", "control"},
		{"socks5://a.net", "port is missing"},
		{"socks5://", "port is missing"},
		{"socks5://:1080", "server is missing"},
		{"socks5://[::1]", "port is missing"},
		{"socks5://[a.net]:1", "not an IPv6"},
		{"socks5://::1:1080", "brackets"},
		{"socks5://:pw@a.net:1080", "user is empty"},
		{"socks5://@a.net:1080", "user is empty"},
		{"socks5://a.net:1080/x", "1 to 65535"},
		{"http://a.net:", "port is missing"},
		{"http://a%3ab:c@a.net:1", "colon"},
		{"http://a.net", "port is missing"},
		{"mtproxy://a.net:443", "secret is missing"},
		{"mtproxy://a.net:443?secret=" KEY, "wanted"},
		{"mtproxy://00@a.net:443", "too short"},
	};

	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		refused(bad[i][0], bad[i][1]);
}

TEST(proxy_links_too_long)
{
	char name[400], link[3000];

	memset(name, 'a', sizeof name);
	name[256] = '\0';
	snprintf(link, sizeof link, "socks5://%s:1", name);
	refused(link, "too long");
	name[255] = '\0';
	snprintf(link, sizeof link, "socks5://%s:%s@%s:1", name, name, name);
	CHECK_INT(strlen(taken(link).password), 255);
	snprintf(link, sizeof link, "socks5://%sa:x@a.net:1", name);
	refused(link, "too long");
	snprintf(link, sizeof link, "tg://socks?server=a.net&port=1&user=x&pass=%sa", name);
	refused(link, "too long");
	memset(link, 'a', sizeof link - 1);
	link[sizeof link - 1] = '\0';
	refused(link, "link is too long");
	memcpy(link, "tg://proxy?server=", 18);
	link[2040] = '\0';
	refused(link, "too long");
}

/* Cut anywhere, and with any one byte changed, a link is read or refused, and nothing else. */
TEST(proxy_links_damaged)
{
	static const char *const good[] = {
		"tg://proxy?server=a.net&port=443&secret=7gARIjNEVWZ3iJmqu8zd7v9hLm5ldA",
		"https://t.me/socks?server=a.net&port=1080&user=m%20e&pass=p",
		"socks5://me:pw@[2001:db8::1]:1080",
		"http://me:pw@a.net:3128",
	};

	for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
		size_t n = strlen(good[i]);

		for (size_t at = 0; at <= n; at++) {
			for (unsigned c = 0; c < 256; c++) {
				char *text = malloc(n + 1); /* exactly: ASan sees any step over */
				struct mt_proxy p = {.kind = MT_PROXY_NONE};
				const char *reason = NULL;
				int err;

				memcpy(text, good[i], n + 1);
				text[at] = (char)(at < n ? c : 0);
				err = mt_proxy_parse(text, &p, &reason);
				CHECK(err ? reason && p.kind == MT_PROXY_NONE
					  : p.kind != MT_PROXY_NONE && p.host[0] && p.port);
				free(text);
			}
		}
	}
}
