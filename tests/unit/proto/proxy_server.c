/* See proxy_server.h. */
#include "tests/unit/proto/proxy_server.h"

enum { BEGIN, LOGIN, ASKED, HEADER, PASS };

void proxy_server_free(struct proxy_server *s)
{
	tl_buf_free(&s->hello);
	tl_buf_free(&s->in);
	tl_buf_free(&s->to_client);
	tl_buf_free(&s->to_server);
}

static void say(struct proxy_server *s, const void *data, size_t n)
{
	tl_put(&s->to_client, data, n);
}

/* ---- SOCKS5 ---------------------------------------------------------------------------------- */

static bool socks_begin(struct proxy_server *s)
{
	const uint8_t *p = s->in.data;
	bool login = s->is->user[0];

	if (s->in.len < 2 || s->in.len < 2u + p[1])
		return false;
	CHECK_INT(p[0], 5);
	CHECK(memchr(p + 2, login ? 2 : 0, p[1]));
	say(s, login ? "\5\2" : "\5\0", 2);
	tl_buf_drop(&s->in, 2u + p[1]);
	s->stage = login ? LOGIN : ASKED;
	return true;
}

static bool socks_login(struct proxy_server *s)
{
	const uint8_t *p = s->in.data;
	size_t user, password;

	if (s->in.len < 2 || s->in.len < 3u + p[1] || s->in.len < 3u + p[1] + p[2 + p[1]])
		return false;
	CHECK_INT(p[0], 1);
	user = p[1];
	password = p[2 + user];
	s->refused = user != strlen(s->is->user) || memcmp(p + 2, s->is->user, user) != 0 ||
		     password != strlen(s->is->password) ||
		     memcmp(p + 3 + user, s->is->password, password) != 0;
	say(s, s->refused ? "\1\1" : "\1\0", 2);
	tl_buf_drop(&s->in, 3 + user + password);
	s->stage = ASKED;
	return true;
}

static bool socks_asked(struct proxy_server *s)
{
	const uint8_t *p = s->in.data;
	size_t n;

	if (s->in.len < 5)
		return false;
	CHECK(p[0] == 5 && p[1] == 1 && p[2] == 0);
	n = p[3] == 1 ? 4 : p[3] == 4 ? 16 : 1u + p[4];
	if (s->in.len < 4 + n + 2)
		return false;
	if (p[3] == 1)
		snprintf(s->target, sizeof s->target, "%d.%d.%d.%d:%d", p[4], p[5], p[6], p[7],
			 p[8] << 8 | p[9]);
	else
		snprintf(s->target, sizeof s->target, "%.*s:%d", (int)n - 1, (char *)p + 5,
			 p[4 + n] << 8 | p[5 + n]);
	say(s, "\5\0\0\1\0\0\0\0\0\0", 10);
	tl_buf_drop(&s->in, 4 + n + 2);
	s->stage = PASS;
	return true;
}

/* ---- HTTP ------------------------------------------------------------------------------------ */

static bool http_begin(struct proxy_server *s)
{
	char head[1024];
	char *end;

	CHECK(s->in.len < sizeof head);
	memcpy(head, s->in.data, s->in.len);
	head[s->in.len] = '\0';
	end = strstr(head, "\r\n\r\n");
	if (!end)
		return false;
	CHECK(sscanf(head, "CONNECT %299s HTTP/1.1\r\n", s->target) == 1);
	CHECK(!strstr(head, "Proxy-Authorization") == !s->is->user[0]);
	say(s, "HTTP/1.1 200 OK\r\n\r\n", 19);
	tl_buf_drop(&s->in, (size_t)(end + 4 - head));
	s->stage = PASS;
	return true;
}

/* ---- fake TLS -------------------------------------------------------------------------------- */

static bool genuine(struct proxy_server *s, size_t n)
{
	uint8_t digest[32], want[32], zero[32] = {0};
	uint32_t stamp;

	tl_buf_clear(&s->hello);
	tl_put(&s->hello, s->in.data, n);
	memcpy(digest, s->in.data + 11, 32);
	memcpy(s->in.data + 11, zero, 32);
	mt_hmac_sha256(want, s->is->secret, 16, s->in.data, n);
	for (int i = 0; i < 4; i++)
		want[28 + i] ^= digest[28 + i];
	stamp = want[28] | (uint32_t)want[29] << 8 | (uint32_t)want[30] << 16 |
		(uint32_t)want[31] << 24;
	return memcmp(digest, want, 28) == 0 && stamp + 300 > s->unix_time &&
	       stamp < s->unix_time + 300;
}

static void put_record(struct tl_buf *b, uint8_t type, const void *data, size_t n)
{
	const uint8_t head[] = {type, 3, 3, (uint8_t)(n >> 8), (uint8_t)n};

	tl_put(b, head, sizeof head);
	tl_put(b, data, n);
}

static void server_hello(struct proxy_server *s)
{
	struct tl_buf whole = {.len = 0};
	uint8_t filler[300] = {2, 0, 0, 118, 3, 3}, digest[32];

	for (size_t i = 38; i < sizeof filler; i++)
		filler[i] = (uint8_t)(i * 7);
	tl_put(&whole, s->hello.data + 11, 32);
	put_record(&whole, 0x16, filler, 122);
	for (unsigned i = 0; i < s->extra_hellos; i++)
		put_record(&whole, 0x16, filler, 1 + i);
	put_record(&whole, 0x14, "\1", 1);
	put_record(&whole, 0x17, filler, sizeof filler);
	mt_hmac_sha256(digest, s->is->secret, 16, whole.data, whole.len);
	memcpy(whole.data + 32 + 11, digest, 32);
	if (s->flip)
		whole.data[whole.len - 1] ^= 1;
	say(s, whole.data + 32, whole.len - 32);
	tl_buf_free(&whole);
}

static bool tls_begin(struct proxy_server *s)
{
	const uint8_t *p = s->in.data;
	size_t n = s->in.len < 5 ? 0 : 5 + ((size_t)p[3] << 8 | p[4]);

	if (!n || s->in.len < n)
		return false;
	CHECK_MEM(p, "\x16\3\1", 3);
	s->refused = !genuine(s, n) || (s->old && n != 517);
	if (s->refused) {
		say(s, "\x15\3\3\0\2\2\x28", 7); /* a real TLS server would not like it either */
		s->silent = true;
	} else {
		server_hello(s);
	}
	tl_buf_drop(&s->in, n);
	s->stage = HEADER;
	return true;
}

/* Takes whole records off s->in. */
static void tls_records(struct proxy_server *s, struct tl_buf *ret)
{
	while (s->in.len >= 5) {
		const uint8_t *p = s->in.data;
		size_t n = (size_t)p[3] << 8 | p[4];

		if (s->in.len < 5 + n)
			return;
		CHECK(p[1] == 3 && p[2] == 3 && n);
		if (p[0] == 0x14) {
			CHECK(n == 1 && p[5] == 1 && !s->changes++);
		} else {
			CHECK_INT(p[0], 0x17);
			CHECK_INT(s->changes, 1);
			s->longest = n > s->longest ? n : s->longest;
			tl_put(ret, p + 5, n);
		}
		tl_buf_drop(&s->in, 5 + n);
	}
}

/* ---- obfuscated2 with the secret ------------------------------------------------------------- */

static void keys(struct proxy_server *s, const uint8_t *header)
{
	uint8_t back[48], key[32], plain[64];

	for (int i = 0; i < 48; i++)
		back[i] = header[55 - i];
	mt_sha256(key, header + 8, 32, s->is->secret, 16);
	mt_ctr_init(&s->from, key, header + 40);
	mt_sha256(key, back, 32, s->is->secret, 16);
	mt_ctr_init(&s->to, key, back + 32);
	mt_ctr_xor(&s->from, header, plain, 64);
	memcpy(&s->tag, plain + 56, 4);
	s->dc = (int16_t)(plain[60] | plain[61] << 8);
	s->keyed = true;
	tl_put(&s->to_server, plain + 56, s->tag == 0xefefefef ? 1 : 4);
}

static void mtproxy(struct proxy_server *s)
{
	struct tl_buf got = {.len = 0};
	size_t at = 0;

	if (s->is->secret_kind == MT_SECRET_TLS) {
		tls_records(s, &got);
		tl_put(&s->hello, "", 0);
	} else {
		got = s->in;
		s->in = (struct tl_buf){.len = 0};
	}
	if (!s->keyed && got.len) {
		if (got.len < 64) { /* the tests of splits hand it over whole or not at all */
			CHECK(s->is->secret_kind != MT_SECRET_TLS);
			s->in = got;
			return;
		}
		keys(s, got.data);
		at = 64;
	}
	if (got.len > at) {
		mt_ctr_xor(&s->from, got.data + at, got.data + at, got.len - at);
		tl_put(&s->to_server, got.data + at, got.len - at);
	}
	tl_buf_free(&got);
}

/* ---- all ------------------------------------------------------------------------------------- */

static bool begin(struct proxy_server *s)
{
	switch (s->is->kind) {
	case MT_PROXY_NONE:
		break;
	case MT_PROXY_SOCKS5:
		return s->stage == BEGIN   ? socks_begin(s)
		       : s->stage == LOGIN ? socks_login(s)
					   : socks_asked(s);
	case MT_PROXY_HTTP:
		return http_begin(s);
	case MT_PROXY_MTPROXY:
		if (s->is->secret_kind == MT_SECRET_TLS)
			return tls_begin(s);
		s->stage = HEADER;
		return true;
	}
	return false;
}

void proxy_server_hear(struct proxy_server *s, const void *data, size_t n)
{
	tl_put(&s->in, data, n);
	if (s->silent)
		return;
	while (s->stage < HEADER && s->in.len && begin(s))
		;
	if (s->silent || s->stage < HEADER || !s->in.len)
		return;
	if (s->stage == PASS) {
		tl_put(&s->to_server, s->in.data, s->in.len);
		tl_buf_clear(&s->in);
	} else {
		mtproxy(s);
	}
}

void proxy_server_tell(struct proxy_server *s, const void *data, size_t n, size_t size)
{
	const uint8_t *p = data;
	uint8_t *sealed;

	if (s->stage == PASS) {
		say(s, p, n);
		return;
	}
	sealed = malloc(n + 1);
	mt_ctr_xor(&s->to, p, sealed, n);
	size = size ? size : n;
	for (size_t at = 0; at < n; at += size) {
		size_t take = n - at < size ? n - at : size;

		if (s->is->secret_kind == MT_SECRET_TLS)
			put_record(&s->to_client, 0x17, sealed + at, take);
		else
			say(s, sealed + at, take);
	}
	free(sealed);
}
