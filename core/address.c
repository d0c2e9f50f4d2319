/* Where data centres live: given by the settings, else learnt from help.getConfig, else built in
 * (core.telegram.org/api/datacenter; E.1-E.4). */
#include "core/account.h"

#include <string.h>

#define MAX_OPTIONS 64
#define MIN_REFRESH 60
#define MAX_REFRESH 86400
#define LIST_VERSION 1
#define OLD_LIST_ROUNDS 3

enum { OPTION_MEDIA = 1, OPTION_TCPO = 2, OPTION_STATIC = 4, OPTION_IPV6 = 8 };

static bool fits(const struct tg_account *a, const struct mt_address *x, int dc)
{
	return x->dc == dc && (!x->tcpo_only || a->s.transport.obfuscated);
}

/* The addresses of one source that fit: counts them, and gives number want. IPv4 comes first. */
struct choice {
	const struct tg_account *a;
	int dc;
	unsigned want, count;
	bool ipv6, media;
	struct mt_address *ret;
};

static void offer(struct choice *c, const struct mt_address *x)
{
	if (!fits(c->a, x, c->dc) || x->ipv6 != c->ipv6 || x->media_only != c->media)
		return;
	if (c->count++ == c->want)
		*c->ret = *x;
}

static void offer_stored(struct choice *c, struct tl_cursor in)
{
	uint32_t n;

	if (tl_get_u32(&in) != LIST_VERSION)
		return;
	tl_get_u64(&in);
	n = tl_get_u32(&in);
	for (uint32_t i = 0; i < n && !in.err; i++) {
		struct mt_address x = {.dc = (int)tl_get_u32(&in)};
		uint32_t flags = tl_get_u32(&in);
		struct tl_str host;

		x.port = (uint16_t)tl_get_u32(&in);
		host = tl_get_bytes(&in);
		if (in.err || !x.port || !host.len || host.len >= sizeof x.host)
			return; /* no list of ours */
		memcpy(x.host, host.data, host.len);
		x.media_only = flags & OPTION_MEDIA;
		x.tcpo_only = flags & OPTION_TCPO;
		x.is_static = flags & OPTION_STATIC;
		x.ipv6 = flags & OPTION_IPV6;
		offer(c, &x);
	}
}

enum source { FROM_SETTINGS, FROM_STORE, BUILT_IN, SOURCES };

static void offer_kind(struct choice *c, enum source from, const struct tl_buf *stored)
{
	for (int v = 0; v < 2; v++) {
		c->ipv6 = v;
		switch (from) {
		case FROM_SETTINGS:
			for (unsigned i = 0; i < c->a->s.address_count; i++)
				offer(c, &c->a->s.addresses[i]);
			break;
		case FROM_STORE:
			offer_stored(c, tl_cursor(stored->data, stored->len));
			break;
		case BUILT_IN:
			for (unsigned i = 0; mt_bootstrap(c->a->s.test, i); i++)
				offer(c, mt_bootstrap(c->a->s.test, i));
			break;
		case SOURCES:
			break;
		}
	}
}

/* Addresses for media alone are preferred for these, and for nothing else (E.3). */
static void offer_all(struct choice *c, enum source from, const struct tl_buf *stored, bool media)
{
	for (int m = media; m >= 0; m--) {
		c->media = m;
		offer_kind(c, from, stored);
	}
}

bool tg_address_pick(struct tg_account *a, int dc, bool media, unsigned attempt,
		     struct mt_address *ret)
{
	struct tg_key k = tg_key(a, 'o');
	struct tl_buf stored = {0};
	bool found = false;

	if (a->s.address_count == 0)
		(void)!tg_read(a, TG_TABLE_STATE, k.bytes, k.n, &stored);
	/* Addresses given by hand are the only ones: they name another world. */
	for (int s = FROM_SETTINGS; s < SOURCES && !found; s++) {
		struct choice c = {.a = a, .dc = dc, .want = UINT32_MAX, .ret = ret};

		if (s != FROM_SETTINGS && a->s.address_count)
			break;
		offer_all(&c, (enum source)s, &stored, media);
		if (!c.count || (s == FROM_STORE && attempt >= OLD_LIST_ROUNDS * c.count))
			continue; /* nothing there answers: the built-in ones lead to a new list */
		c.want = attempt % c.count;
		c.count = 0;
		offer_all(&c, (enum source)s, &stored, media);
		found = true;
	}
	tl_buf_free(&stored);
	return found;
}

/* ---- help.getConfig ---- */
static void learn(struct tg_account *a, const struct tl_config *config)
{
	struct tl_obj *const *options = config->dc_options.items;
	struct tg_key k = tg_key(a, 'o');
	struct tl_buf b = {0};
	int64_t left = (int64_t)config->expires - config->date;
	uint32_t n = 0;
	size_t at;

	left = left < MIN_REFRESH ? MIN_REFRESH : left > MAX_REFRESH ? MAX_REFRESH : left;
	a->config_until = a->now.boot + left * TG_SECOND;
	tl_put_u32(&b, LIST_VERSION);
	tl_put_u64(&b, (uint64_t)(tg_unix(a) + left));
	at = b.len;
	tl_put_u32(&b, 0);
	for (uint32_t i = 0; i < config->dc_options.count && n < MAX_OPTIONS; i++) {
		const struct tl_dcOption *o = (const struct tl_dcOption *)options[i];

		if (o->cdn || o->id <= 0 || o->id > TG_DC_NUMBER_MAX || o->port <= 0 ||
		    o->port > UINT16_MAX || o->secret.len || !o->ip_address.len ||
		    o->ip_address.len >= sizeof((struct mt_address *)0)->host)
			continue;
		tl_put_u32(&b, (uint32_t)o->id);
		tl_put_u32(&b, (o->media_only ? OPTION_MEDIA : 0u) |
				       (o->tcpo_only ? OPTION_TCPO : 0u) |
				       (o->static_ ? OPTION_STATIC : 0u) |
				       (o->ipv6 ? OPTION_IPV6 : 0u));
		tl_put_u32(&b, (uint32_t)o->port);
		tl_put_bytes(&b, o->ip_address.data, o->ip_address.len);
		n++;
	}
	if (!b.err && n) {
		for (int i = 0; i < 4; i++)
			b.data[at + (size_t)i] = (uint8_t)(n >> 8 * i);
		tg_write(a, TG_TABLE_STATE, k.bytes, k.n, b.data, b.len);
	}
	tl_buf_free(&b);
}

static void configured(struct tg_account *a, struct tg_call *c, const struct tg_answer *r)
{
	struct tl_arena arena;
	const struct tl_obj *o;

	a->config_call = NULL;
	a->config_until = a->now.boot + MIN_REFRESH * TG_SECOND;
	tl_arena_init(&arena, TG_ARENA_CAP);
	o = r->error ? NULL : tg_answer_decode(c, r, &arena);
	if (o && o->ctor == TL_config)
		learn(a, (const struct tl_config *)o);
	tl_arena_free(&arena);
	tg_timer_set(&a->timers, &a->config_timer, a->wanted ? a->config_until : TG_NEVER);
	tg_calls_retry(a); /* those that had asked for it */
}

void tg_config_check(struct tg_account *a)
{
	struct tl_help_getConfig m = {{TL_help_getConfig}};
	struct tg_call_options o = {.deadline = a->now.boot + MIN_REFRESH * TG_SECOND,
				    .any_state = true};

	/* addresses given by hand are not replaced */
	if (a->s.address_count || a->config_call || a->now.boot < a->config_until)
		return;
	a->config_call = tg_call_own(a, &m.obj, &o, configured, NULL);
}

bool tg_config_stale(struct tg_account *a)
{
	a->config_until = 0;
	tg_config_check(a);
	return a->config_call;
}

static void due(struct tg_account *a, struct tg_timer *t)
{
	(void)t;
	tg_config_check(a);
}

/* What is stored is good until it expires. */
void tg_config_init(struct tg_account *a)
{
	a->config_timer.fire = due;
}
