/* CDN data centres: Telegram's caches for files that many want. They know nobody: no login is taken
 * there, nothing but upload.getCdnFile is asked, over a permanent key made with RSA keys that
 * help.getCdnConfig gives for that data centre alone (core.telegram.org/cdn; E.13, G.31). What is
 * known of them belongs to the account. */
#include "core/account.h"

#include <stdlib.h>
#include <string.h>

struct tg_cdn {
	struct tg_cdn *next;
	int dc;
	unsigned key_count, address_count;
	struct mt_rsa keys[TG_CDN_KEYS];
	struct mt_address addresses[TG_CDN_ADDRESSES];
};

static struct tg_cdn *find(const struct tg_account *a, int dc)
{
	struct tg_cdn *x = a->cdns;

	while (x && x->dc != dc)
		x = x->next;
	return x;
}

static struct tg_cdn *find_or_make(struct tg_account *a, int dc)
{
	struct tg_cdn *x = find(a, dc);
	unsigned n = 0;

	for (struct tg_cdn *y = a->cdns; y; y = y->next)
		n++;
	if (x || dc <= 0 || dc > TG_DC_NUMBER_MAX || n >= TG_CDN_MAX)
		return x;
	x = calloc(1, sizeof *x);
	if (!x)
		return NULL;
	x->dc = dc;
	x->next = a->cdns;
	a->cdns = x;
	return x;
}

/* ---- where they are ---- */
void tg_cdn_options(struct tg_account *a, const struct tl_config *config)
{
	struct tl_obj *const *options = config->dc_options.items;

	for (struct tg_cdn *x = a->cdns; x; x = x->next)
		x->address_count = 0;
	for (uint32_t i = 0; i < config->dc_options.count; i++) {
		const struct tl_dcOption *o = (const struct tl_dcOption *)options[i];
		struct tg_cdn *x = o->cdn ? find_or_make(a, o->id) : NULL;
		struct mt_address *to;

		if (!x || x->address_count == TG_CDN_ADDRESSES || o->port <= 0 ||
		    o->port > UINT16_MAX || o->secret.len || !o->ip_address.len ||
		    o->ip_address.len >= sizeof to->host ||
		    (o->tcpo_only && !a->s.transport.obfuscated))
			continue;
		to = &x->addresses[x->address_count++];
		*to = (struct mt_address){.dc = o->id, .port = (uint16_t)o->port, .ipv6 = o->ipv6};
		memcpy(to->host, o->ip_address.data, o->ip_address.len);
	}
}

/* Addresses given by hand are the only ones. */
bool tg_cdn_address(const struct tg_account *a, int dc, unsigned attempt, struct mt_address *ret)
{
	const struct tg_cdn *x = find(a, dc);

	for (unsigned i = 0; i < a->s.address_count; i++)
		if (a->s.addresses[i].dc == dc) {
			*ret = a->s.addresses[i];
			return true;
		}
	if (!x || !x->address_count || a->s.address_count)
		return false;
	*ret = x->addresses[attempt % x->address_count];
	return true;
}

/* ---- their keys ---- */
static void configured(struct tg_account *a, struct tg_call *c, const struct tg_answer *r)
{
	struct tl_arena arena;
	const struct tl_cdnConfig *o;

	a->cdn_call = NULL;
	tl_arena_init(&arena, TG_ARENA_CAP);
	o = r->error ? NULL : (const struct tl_cdnConfig *)tg_answer_decode(c, r, &arena);
	if (o) {
		tg_cdn_sessions_free(a); /* they point at the keys */
		for (struct tg_cdn *x = a->cdns; x; x = x->next)
			x->key_count = 0;
	}
	for (uint32_t i = 0; o && i < o->public_keys.count; i++) {
		const struct tl_cdnPublicKey *k =
			((const struct tl_cdnPublicKey *const *)o->public_keys.items)[i];
		struct tg_cdn *x = find_or_make(a, k->dc_id);

		if (x && x->key_count < TG_CDN_KEYS &&
		    mt_rsa_from_pem(k->public_key.data, k->public_key.len,
				    &x->keys[x->key_count]) == 0)
			x->key_count++;
	}
	tl_arena_free(&arena);
	tg_calls_retry(a);
}

bool tg_cdn_ask(struct tg_account *a)
{
	struct tl_help_getCdnConfig m = {{TL_help_getCdnConfig}};
	struct tg_call_options o = {.deadline = a->now.boot + TG_LOGIN_FLOOD * TG_SECOND,
				    .any_state = true};

	if (!a->cdn_call)
		a->cdn_call = tg_call_own(a, &m.obj, &o, configured, NULL);
	return a->cdn_call;
}

const struct mt_rsa *tg_cdn_keys(const struct tg_account *a, int dc, unsigned *ret_count)
{
	const struct tg_cdn *x = find(a, dc);

	*ret_count = x ? x->key_count : 0;
	return *ret_count ? x->keys : NULL;
}

void tg_cdn_free(struct tg_account *a)
{
	while (a->cdns) {
		struct tg_cdn *x = a->cdns;

		a->cdns = x->next;
		free(x);
	}
}
