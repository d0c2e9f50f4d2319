/* Sessions as text: the own form, and those of other libraries, which say less. Everything here
 * comes from a stranger's clipboard. Keeps nothing. */
#include "core/string_session.h"

#include <string.h>

#define PREFIX "layerd1:"
#define SUM 8u /* bytes of SHA-256 behind the body */
enum { HAS_STATE = 1, IS_TEST = 2, IS_BOT = 4 };

/* ---- small things ---------------------------------------------------------------------------- */
static uint64_t get_be(struct tl_cursor *c, unsigned bytes)
{
	const uint8_t *p = tl_get(c, bytes);
	uint64_t v = 0;

	for (unsigned i = 0; p && i < bytes; i++)
		v = v << 8 | p[i];
	return v;
}

static uint64_t get_le(struct tl_cursor *c, unsigned bytes)
{
	const uint8_t *p = tl_get(c, bytes);
	uint64_t v = 0;

	for (unsigned i = bytes; p && i-- > 0;)
		v = v << 8 | p[i];
	return v;
}

static void add_key(struct tg_string_session *s, int dc, const uint8_t *key, struct tl_cursor *c)
{
	struct tg_string_session_dc *d = &s->dcs[s->dc_count];

	if (dc < 1 || dc > 1000 || s->dc_count == TG_STRING_SESSION_DCS)
		tl_fail(c, -TG_E_INVALID_PARAMS);
	if (c->err)
		return;
	d->id = dc;
	d->has_key = key != NULL;
	if (key)
		memcpy(d->key, key, sizeof d->key);
	s->dc_count++;
}

/* Standard or URL alphabet, padded or not. */
static int decode(struct tl_str text, struct tl_buf *out)
{
	struct tl_buf b = {0};
	int r;

	while (text.len && text.data[text.len - 1] == '=')
		text.len--;
	for (uint32_t i = 0; i < text.len; i++) {
		char c = text.data[i];

		tl_put_u8(&b, (uint8_t)(c == '-' ? '+' : c == '_' ? '/' : c));
	}
	while (b.len % 4 && !b.err)
		tl_put_u8(&b, '=');
	r = b.err ? b.err : tl_base64_decode((const char *)b.data, b.len, out);
	if (b.data)
		mt_wipe(b.data, b.cap);
	tl_buf_free(&b);
	return r;
}

/* ---- other libraries ------------------------------------------------------------------------- */
/* Telethon: '1', base64url of dc, IPv4 or IPv6, port, key. */
static bool read_telethon(struct tg_string_session *s, struct tl_cursor *c)
{
	size_t n = tl_left(c);
	int dc;

	if (n != 263 && n != 275)
		return false;
	dc = (int)get_be(c, 1);
	tl_get(c, n - 257);
	add_key(s, dc, tl_get(c, 256), c);
	s->main_dc = dc;
	return true;
}

/* GramJS: '1', base64 of dc, length and text of the address, port, key. */
static bool read_gramjs(struct tg_string_session *s, struct tl_cursor *c)
{
	int dc = (int)get_be(c, 1);
	size_t n = (size_t)get_be(c, 2);

	if (n > 100 || tl_left(c) != n + 2 + 256)
		return false;
	tl_get(c, n + 2);
	add_key(s, dc, tl_get(c, 256), c);
	s->main_dc = dc;
	return true;
}

/* Pyrogram: base64url of dc, [api_id,] test, key, user (4 or 8 bytes), bot; big-endian. */
static bool read_pyrogram(struct tg_string_session *s, struct tl_cursor *c)
{
	size_t n = tl_left(c);
	const uint8_t *key;
	int dc, test, bot;

	if (n != 263 && n != 267 && n != 271)
		return false;
	dc = (int)get_be(c, 1);
	if (n == 271)
		tl_get(c, 4);
	test = (int)get_be(c, 1);
	key = tl_get(c, 256);
	s->self = (int64_t)get_be(c, n == 263 ? 4 : 8);
	bot = (int)get_be(c, 1);
	if (test > 1 || bot > 1)
		return false;
	add_key(s, dc, key, c);
	s->main_dc = dc;
	s->test = test;
	s->bot = bot;
	s->test_known = s->bot_known = true;
	return true;
}

/* mtcute: version 3, then TL: flags, the main data centre and perhaps one for media (version, id,
 * flags, address, port), the user, the key. */
static bool mtcute_dc(struct tl_cursor *c, int *ret_id, bool *ret_test)
{
	struct tl_str dc = tl_get_bytes(c);
	const uint8_t *p = (const uint8_t *)dc.data;

	if (c->err || dc.len < 3 || p[0] < 1 || p[0] > 2)
		return false;
	*ret_id = p[1];
	*ret_test = p[0] == 2 && (p[2] & 4);
	return true;
}

static bool read_mtcute(struct tg_string_session *s, struct tl_cursor *c)
{
	uint32_t flags;
	struct tl_str key;
	bool test, media_test;
	int dc, media;

	if (get_le(c, 1) != 3)
		return false;
	flags = tl_get_u32(c);
	if (!mtcute_dc(c, &dc, &test) || ((flags & 4) && !mtcute_dc(c, &media, &media_test)))
		return false;
	if (flags & 1) {
		uint32_t low = tl_get_u32(c), high = tl_get_u32(c), yes;

		s->self = (int64_t)((uint64_t)high << 32 | low);
		yes = tl_get_u32(c);
		s->bot = yes == 0x997275b5; /* boolTrue */
		s->bot_known = true;
	}
	key = tl_get_bytes(c);
	if (c->err || key.len != 256)
		return false;
	add_key(s, dc, (const uint8_t *)key.data, c);
	s->main_dc = dc;
	s->test = test || (flags & 2);
	s->test_known = true;
	return true;
}

/* ferogram: version 1 or 2, dc, 4 or 6, address, port, user, [salt, seqno, layer,] key;
 * big-endian. */
static bool read_ferogram(struct tg_string_session *s, struct tl_cursor *c)
{
	uint64_t version = get_be(c, 1);
	int dc = (int)get_be(c, 1);
	uint64_t family = get_be(c, 1);

	if ((version != 1 && version != 2) || (family != 4 && family != 6))
		return false;
	tl_get(c, (family == 4 ? 4 : 16) + 2);
	s->self = (int64_t)get_be(c, 8);
	if (version == 1)
		tl_get(c, 16);
	if (tl_left(c) != 256)
		return false;
	add_key(s, dc, tl_get(c, 256), c);
	s->main_dc = dc;
	return true;
}

static void add_channel(struct tg_string_session *s, int64_t id, int32_t pts)
{
	struct tg_string_session_channel ch;

	memset(&ch, 0, sizeof ch);
	ch.id = id;
	ch.pts = pts;
	tl_put(&s->channels, &ch, sizeof ch);
}

static void add_peer(struct tg_string_session *s, enum tg_peer_kind kind, int64_t id, int64_t hash)
{
	struct tg_string_session_peer p;

	memset(&p, 0, sizeof p);
	p.kind = kind;
	p.id = id;
	p.access_hash = hash;
	tl_put(&s->peers, &p, sizeof p);
}

static void layer_dcs(struct tg_string_session *s, struct tl_cursor *c, unsigned version)
{
	for (uint64_t n = get_le(c, 1); n && !c->err; n--) {
		int dc = (int)get_le(c, 4);
		const uint8_t *key = get_le(c, 1) == 1 ? tl_get(c, 256) : NULL;

		tl_get(c, 12); /* salt, time offset */
		tl_get(c, (size_t)get_le(c, 1));
		if (version >= 3)
			tl_get(c, 1);
		if (key && !c->err)
			add_key(s, dc, key, c);
	}
}

/* layer: version (none before 2), the main data centre, all of them, the update state, peers;
 * little-endian. */
static bool read_layer(struct tg_string_session *s, struct tl_cursor *c)
{
	unsigned version = tl_left(c) ? *c->p : 0;

	version = version == 2 || version == 3 ? (unsigned)get_le(c, 1) : 1;
	s->main_dc = (int)get_le(c, 4);
	layer_dcs(s, c, version);
	if (version < 2)
		return !c->err && !tl_left(c);
	s->pts = (int32_t)get_le(c, 4);
	s->qts = (int32_t)get_le(c, 4);
	s->date = (int32_t)get_le(c, 4);
	s->seq = (int32_t)get_le(c, 4);
	s->has_state = s->pts > 0;
	for (uint64_t n = get_le(c, 2); n && !c->err; n--) {
		int64_t id = (int64_t)get_le(c, 8);

		add_channel(s, id, (int32_t)get_le(c, 4));
	}
	for (uint64_t n = get_le(c, 2); n && !c->err; n--) {
		int64_t id = (int64_t)get_le(c, 8), hash = (int64_t)get_le(c, 8);

		add_peer(s, get_le(c, 1) ? TG_PEER_CHANNEL : TG_PEER_USER, id, hash);
	}
	return !c->err && !tl_left(c);
}

/* ---- the own form ---------------------------------------------------------------------------- */
int tg_string_session_print(const struct tg_string_session *s, struct tl_buf *out)
{
	const struct tg_string_session_channel *ch = (const void *)s->channels.data;
	const struct tg_string_session_peer *p = (const void *)s->peers.data;
	size_t channels = s->channels.len / sizeof *ch, peers = s->peers.len / sizeof *p, at;
	struct tl_buf b = {0};
	uint8_t sum[32];
	int r;

	tl_put_u32(&b, (s->has_state ? HAS_STATE : 0u) | (s->test ? IS_TEST : 0u) |
			       (s->bot ? IS_BOT : 0u));
	tl_put_u32(&b, (uint32_t)s->main_dc);
	tl_put_u64(&b, (uint64_t)s->self);
	tl_put_u32(&b, s->dc_count);
	for (unsigned i = 0; i < s->dc_count; i++) {
		tl_put_u32(&b, (uint32_t)s->dcs[i].id);
		tl_put_bytes(&b, s->dcs[i].key, s->dcs[i].has_key ? sizeof s->dcs[i].key : 0);
	}
	tl_put_u32(&b, (uint32_t)s->pts);
	tl_put_u32(&b, (uint32_t)s->qts);
	tl_put_u32(&b, (uint32_t)s->date);
	tl_put_u32(&b, (uint32_t)s->seq);
	tl_put_u32(&b, (uint32_t)channels);
	for (size_t i = 0; i < channels; i++) {
		tl_put_u64(&b, (uint64_t)ch[i].id);
		tl_put_u32(&b, (uint32_t)ch[i].pts);
	}
	tl_put_u32(&b, (uint32_t)peers);
	for (size_t i = 0; i < peers; i++) {
		tl_put_u32(&b, (uint32_t)p[i].kind);
		tl_put_u64(&b, (uint64_t)p[i].id);
		tl_put_u64(&b, (uint64_t)p[i].access_hash);
	}
	mt_sha256(sum, b.data, b.len, NULL, 0);
	tl_put(&b, sum, SUM);
	tl_put_text(out, PREFIX);
	at = out->len;
	tl_js_base64(out, b.data, b.len);
	r = b.err ? b.err : out->err;
	if (!r) { /* the quotes go, the alphabet is that of URLs */
		memmove(out->data + at, out->data + at + 1, out->len - at - 2);
		out->len -= 2;
		while (out->data[out->len - 1] == '=')
			out->len--;
		for (size_t i = at; i < out->len; i++)
			if (out->data[i] == '+' || out->data[i] == '/')
				out->data[i] = out->data[i] == '+' ? '-' : '_';
	}
	if (b.data)
		mt_wipe(b.data, b.cap);
	tl_buf_free(&b);
	return r;
}

static void own_lists(struct tg_string_session *s, struct tl_cursor *c)
{
	uint32_t n = tl_get_u32(c);

	for (; n && !c->err; n--) {
		int64_t id = (int64_t)tl_get_u64(c);

		add_channel(s, id, (int32_t)tl_get_u32(c));
	}
	for (n = tl_get_u32(c); n && !c->err; n--) {
		uint32_t kind = tl_get_u32(c);
		int64_t id = (int64_t)tl_get_u64(c), hash = (int64_t)tl_get_u64(c);

		if (kind != TG_PEER_USER && kind != TG_PEER_CHANNEL)
			tl_fail(c, -TG_E_INVALID_PARAMS);
		else
			add_peer(s, (enum tg_peer_kind)kind, id, hash);
	}
}

static const char *read_own(struct tg_string_session *s, struct tl_cursor c)
{
	uint8_t sum[32];
	uint32_t flags, n;

	if (tl_left(&c) < SUM)
		return "the session is cut short";
	c.end -= SUM;
	mt_sha256(sum, c.p, tl_left(&c), NULL, 0);
	if (memcmp(sum, c.end, SUM) != 0)
		return "the session's checksum is wrong: it is cut short or mistyped";
	flags = tl_get_u32(&c);
	s->main_dc = (int)tl_get_u32(&c);
	s->self = (int64_t)tl_get_u64(&c);
	for (n = tl_get_u32(&c); n && !c.err; n--) {
		int dc = (int)tl_get_u32(&c);
		struct tl_str key = tl_get_bytes(&c);

		if (key.len != 256 && key.len)
			tl_fail(&c, -TG_E_INVALID_PARAMS);
		add_key(s, dc, key.len ? (const uint8_t *)key.data : NULL, &c);
	}
	s->pts = (int32_t)tl_get_u32(&c);
	s->qts = (int32_t)tl_get_u32(&c);
	s->date = (int32_t)tl_get_u32(&c);
	s->seq = (int32_t)tl_get_u32(&c);
	own_lists(s, &c);
	s->has_state = flags & HAS_STATE;
	s->test = flags & IS_TEST;
	s->bot = flags & IS_BOT;
	s->test_known = s->bot_known = true;
	return c.err || tl_left(&c) ? "the session cannot be read" : NULL;
}

/* ---- whose is it? ---------------------------------------------------------------------------- */
static bool has_main_key(const struct tg_string_session *s)
{
	for (unsigned i = 0; i < s->dc_count; i++) {
		const struct tg_string_session_dc *d = &s->dcs[i];
		uint8_t any = 0;

		for (size_t j = 0; j < sizeof d->key; j++)
			any |= d->key[j];
		if (d->id == s->main_dc && d->has_key && any)
			return true;
	}
	return false;
}

static const struct form {
	const char *origin;
	bool one; /* begins with the digit 1, outside of the base64 */
	bool (*read)(struct tg_string_session *s, struct tl_cursor *c);
} forms[] = {
	/* GramJS first: with 14 characters of address its length is that of Telethon's with IPv6 */
	{"gramjs", true, read_gramjs},  {"telethon", true, read_telethon},
	{"mtcute", false, read_mtcute}, {"ferogram", false, read_ferogram},
	{"layer", false, read_layer},   {"pyrogram", false, read_pyrogram},
};

static void clear(struct tg_string_session *s)
{
	tg_string_session_free(s);
	memset(s, 0, sizeof *s);
}

static const char *read_foreign(struct tg_string_session *s, struct tl_str text)
{
	struct tl_buf bytes = {0};
	const char *why = "this is no session of layerd, Telethon, Pyrogram, GramJS, mtcute, "
			  "ferogram or layer";

	for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
		const struct form *f = &forms[i];
		struct tl_str body = {text.data + f->one, text.len - f->one};
		struct tl_cursor c;

		if (f->one && text.data[0] != '1')
			continue;
		clear(s);
		tl_buf_clear(&bytes);
		if (decode(body, &bytes) != 0)
			continue;
		c = tl_cursor(bytes.data, bytes.len);
		if (f->read(s, &c) && !c.err && has_main_key(s)) {
			memcpy(s->origin, f->origin, strlen(f->origin) + 1);
			why = NULL;
			break;
		}
	}
	if (bytes.data)
		mt_wipe(bytes.data, bytes.cap);
	tl_buf_free(&bytes);
	return why;
}

static const char *check(const struct tg_string_session *s)
{
	if (!has_main_key(s))
		return "the session holds no key: it was never logged in";
	if (s->channels.err || s->peers.err ||
	    s->channels.len / sizeof(struct tg_string_session_channel) >
		    TG_STRING_SESSION_CHANNELS ||
	    s->peers.len / sizeof(struct tg_string_session_peer) > TG_STRING_SESSION_PEERS)
		return "the session knows too many peers";
	return NULL;
}

int tg_string_session_parse(struct tl_str text, struct tg_string_session *ret, const char **ret_why)
{
	static const uint32_t own = sizeof PREFIX - 1;
	struct tl_buf bytes = {0};

	memset(ret, 0, sizeof *ret);
	while (text.len && strchr(" \t\r\n", text.data[text.len - 1]))
		text.len--;
	if (!text.len || text.len > TG_STRING_SESSION_TEXT_MAX) {
		*ret_why = text.len ? "the session is over 1 MiB" : "the session is empty";
	} else if (text.len > own && memcmp(text.data, PREFIX, own) == 0) {
		memcpy(ret->origin, "layerd", 7);
		*ret_why = decode((struct tl_str){text.data + own, text.len - own}, &bytes) == 0
				   ? read_own(ret, tl_cursor(bytes.data, bytes.len))
				   : "the session is no base64: it is mistyped";
	} else {
		*ret_why = read_foreign(ret, text);
	}
	if (bytes.data)
		mt_wipe(bytes.data, bytes.cap);
	tl_buf_free(&bytes);
	if (!*ret_why)
		*ret_why = check(ret);
	if (!*ret_why)
		return 0;
	clear(ret);
	return -TG_E_INVALID_PARAMS;
}

void tg_string_session_free(struct tg_string_session *s)
{
	if (s->peers.data)
		mt_wipe(s->peers.data, s->peers.cap);
	tl_buf_free(&s->peers);
	tl_buf_free(&s->channels);
	mt_wipe(s->dcs, sizeof s->dcs);
}
