/* help.getConfig: when it is asked, of whom, and the list of addresses that it leaves in the store
 * (core.telegram.org/api/config; E.1, E.2, E.4). */
#include "core/account.h"

#include "proto/proxy.h"

#include <string.h>

#define MAX_OPTIONS 64
#define MIN_REFRESH 60
#define MAX_REFRESH 86400
#define LIST_VERSION 2

enum {
	OPTION_MEDIA = 1,
	OPTION_TCPO = 2,
	OPTION_STATIC = 4,
	OPTION_IPV6 = 8,
	OPTION_THIS_PORT = 16
};
enum { LIST_TRY_IPV6 = 1 };

/* ---- the list -------------------------------------------------------------------------------- */
/* Flags we do not know are ignored; what is not numeric, or for others, is left out (E.2, E.3). */
static bool take_option(const struct tl_dcOption *o, struct mt_address *ret)
{
	struct mt_address x = {.dc = o->id,
			       .port = (uint16_t)o->port,
			       .media_only = o->media_only,
			       .tcpo_only = o->tcpo_only,
			       .is_static = o->static_,
			       .ipv6 = o->ipv6,
			       .this_port_only = o->this_port_only,
			       .secret_n = (uint8_t)o->secret.len};
	uint8_t numeric[16];

	if (o->cdn || o->id <= 0 || o->id > TG_DC_NUMBER_MAX || o->port <= 0 ||
	    o->port > UINT16_MAX || o->ip_address.len >= sizeof x.host)
		return false;
	/* a simple secret, or one that asks for padding (C.29, C.35) */
	if (o->secret.len &&
	    (o->secret.len != 16 && (o->secret.len != 17 || (uint8_t)o->secret.data[0] != 0xdd)))
		return false;
	if (o->ip_address.len)
		memcpy(x.host, o->ip_address.data, o->ip_address.len);
	if (o->secret.len)
		memcpy(x.secret, o->secret.data, o->secret.len);
	if (mt_numeric(x.host, numeric) != (o->ipv6 ? 16 : 4))
		return false;
	*ret = x;
	return true;
}

static void put_option(struct tl_buf *b, const struct mt_address *x)
{
	tl_put_u32(b, (uint32_t)x->dc);
	tl_put_u32(b, (x->media_only ? OPTION_MEDIA : 0u) | (x->tcpo_only ? OPTION_TCPO : 0u) |
			      (x->is_static ? OPTION_STATIC : 0u) | (x->ipv6 ? OPTION_IPV6 : 0u) |
			      (x->this_port_only ? OPTION_THIS_PORT : 0u));
	tl_put_u32(b, x->port);
	tl_put_bytes(b, x->host, strlen(x->host));
	tl_put_bytes(b, x->secret, x->secret_n);
}

static bool get_option(struct tl_cursor *in, struct mt_address *ret)
{
	struct mt_address x = {.dc = (int)tl_get_u32(in)};
	uint32_t flags = tl_get_u32(in);
	struct tl_str host, secret;

	x.port = (uint16_t)tl_get_u32(in);
	host = tl_get_bytes(in);
	secret = tl_get_bytes(in);
	if (in->err || !x.port || !host.len || host.len >= sizeof x.host ||
	    memchr(host.data, 0, host.len) || secret.len > sizeof x.secret)
		return false; /* no list of ours */
	memcpy(x.host, host.data, host.len);
	x.secret_n = (uint8_t)secret.len;
	memcpy(x.secret, secret.data, secret.len);
	x.media_only = flags & OPTION_MEDIA;
	x.tcpo_only = flags & OPTION_TCPO;
	x.is_static = flags & OPTION_STATIC;
	x.ipv6 = flags & OPTION_IPV6;
	x.this_port_only = flags & OPTION_THIS_PORT;
	*ret = x;
	return true;
}

bool tg_config_read(struct tg_account *a, void (*each)(void *, const struct mt_address *),
		    void *ctx)
{
	struct tg_key k = tg_key(a, 'o');
	struct tl_buf stored = {0};
	struct tl_cursor in;
	struct mt_address x;
	uint32_t flags = 0, n = 0;

	if (tg_read(a, TG_TABLE_STATE, k.bytes, k.n, &stored) == 0) {
		in = tl_cursor(stored.data, stored.len);
		if (tl_get_u32(&in) == LIST_VERSION) {
			tl_get_u64(&in);
			flags = tl_get_u32(&in);
			n = tl_get_u32(&in);
		}
		while (n-- > 0 && get_option(&in, &x))
			each(ctx, &x);
	}
	tl_buf_free(&stored);
	return flags & LIST_TRY_IPV6;
}

static void learn(struct tg_account *a, const struct tl_config *config)
{
	struct tl_obj *const *options = config->dc_options.items;
	struct tg_key k = tg_key(a, 'o');
	struct tl_buf b = {0}, list = {0};
	int64_t left = (int64_t)config->expires - config->date;
	uint32_t n = 0;

	left = left < MIN_REFRESH ? MIN_REFRESH : left > MAX_REFRESH ? MAX_REFRESH : left;
	a->config_until = a->now.boot + left * TG_SECOND;
	for (uint32_t i = 0; i < config->dc_options.count && n < MAX_OPTIONS; i++) {
		struct mt_address x;

		if (!take_option((const struct tl_dcOption *)options[i], &x))
			continue;
		put_option(&list, &x);
		n++;
	}
	tl_put_u32(&b, LIST_VERSION);
	tl_put_u64(&b, (uint64_t)(tg_unix(a) + left));
	tl_put_u32(&b, config->force_try_ipv6 ? LIST_TRY_IPV6 : 0);
	tl_put_u32(&b, n);
	tl_put(&b, list.data, list.len);
	if (!b.err && !list.err && n)
		tg_write(a, TG_TABLE_STATE, k.bytes, k.n, b.data, b.len);
	tl_buf_free(&list);
	tl_buf_free(&b);
}

/* ---- asking ---------------------------------------------------------------------------------- */
static void configured(struct tg_account *a, struct tg_call *c, const struct tg_answer *r)
{
	struct tl_arena arena;
	const struct tl_obj *o;

	a->config_call = NULL;
	a->config_until = a->now.boot + MIN_REFRESH * TG_SECOND;
	tl_arena_init(&arena, TG_ARENA_CAP);
	o = r->error ? NULL : tg_answer_decode(c, r, &arena);
	if (o && o->ctor == TL_config) {
		learn(a, (const struct tl_config *)o);
		tg_cdn_options(a, (const struct tl_config *)o);
	}
	tl_arena_free(&arena);
	tg_timer_set(&a->timers, &a->config_timer, a->wanted ? a->config_until : TG_NEVER);
	tg_calls_retry(a); /* those that had asked for it */
}

static void ask(struct tg_account *a, int dc)
{
	struct tl_help_getConfig m = {{TL_help_getConfig}};
	struct tg_call_options o = {
		.dc = dc, .deadline = a->now.boot + MIN_REFRESH * TG_SECOND, .any_state = true};

	a->config_asked = a->now.boot;
	a->config_call = tg_call_own(a, &m.obj, &o, configured, NULL);
}

void tg_config_check(struct tg_account *a)
{
	/* addresses given by hand are not replaced */
	if (a->s.address_count || a->config_call || a->now.boot < a->config_until)
		return;
	ask(a, 0);
}

bool tg_config_stale(struct tg_account *a)
{
	a->config_until = 0;
	tg_config_check(a);
	return a->config_call;
}

/* Another one than that which is not to be reached; another still the next time. */
void tg_config_lost(struct tg_account *a, int dc)
{
	static const int others[] = {2, 4, 1, 5, 3};
	const int n = sizeof others / sizeof others[0];
	int from = a->config_turn;

	if (a->s.address_count || a->config_call || !a->wanted ||
	    (a->config_asked && a->now.boot - a->config_asked < MIN_REFRESH * TG_SECOND))
		return;
	for (int i = 0; i < n; i++) {
		int other = others[(from + i) % n];

		if (other == dc)
			continue;
		a->config_turn = (from + i + 1) % n;
		a->config_lost = other;
		tg_timer_set(&a->timers, &a->config_timer, a->now.boot);
		return;
	}
}

static void due(struct tg_account *a, struct tg_timer *t)
{
	int other = a->config_lost;

	(void)t;
	a->config_lost = 0;
	if (other && !a->config_call)
		ask(a, other);
	else
		tg_config_check(a);
}

/* What is stored is good until it expires. */
void tg_config_init(struct tg_account *a)
{
	a->config_timer.fire = due;
}
