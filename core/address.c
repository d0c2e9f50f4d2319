/* Where data centres live: given by the settings, else learnt from help.getConfig (config.c), else
 * built in; and which address is the next to try (core.telegram.org/api/datacenter, constructor/
 * dcOption; E.2-E.4, C.70). Owns the account's marks on addresses: what works and what failed. */
#include "core/account.h"

#include <stdlib.h>
#include <string.h>

#define MAX_MARKS 64u /* the one that failed longest ago is forgotten */
#define DEAD 3u       /* failures in a row: to the end (E.4) */

/* ---- marks ----------------------------------------------------------------------------------- */
struct tg_mark {
	uint64_t id; /* hash of dc, host and port */
	int64_t at;  /* boot ns: of the last failure */
	unsigned failures;
	bool worked; /* once */
};

/* FNV-1a; two addresses with one mark do no harm */
static uint64_t identity(const struct mt_address *x)
{
	uint64_t h = 0xcbf29ce484222325u ^ (uint64_t)x->dc << 16 ^ x->port;

	for (const char *p = x->host; *p; p++)
		h = (h ^ (uint8_t)*p) * 0x100000001b3u;
	return h;
}

static struct tg_mark *mark_of(const struct tg_account *a, const struct mt_address *x)
{
	uint64_t id = identity(x);

	for (unsigned i = 0; i < a->mark_count; i++)
		if (a->marks[i].id == id)
			return &a->marks[i];
	return NULL;
}

static struct tg_mark *mark_new(struct tg_account *a, const struct mt_address *x)
{
	struct tg_mark *m = mark_of(a, x), *grown;

	if (m)
		return m;
	if (a->mark_count < MAX_MARKS) {
		grown = realloc(a->marks, (a->mark_count + 1) * sizeof *a->marks);
		if (!grown)
			return NULL;
		a->marks = grown;
		m = &a->marks[a->mark_count++];
	} else {
		m = &a->marks[0];
		for (unsigned i = 1; i < a->mark_count; i++)
			m = a->marks[i].at < m->at ? &a->marks[i] : m;
	}
	*m = (struct tg_mark){.id = identity(x)};
	return m;
}

void tg_address_worked(struct tg_account *a, const struct mt_address *x)
{
	struct tg_mark *m = mark_new(a, x);

	if (!m)
		return;
	m->failures = 0;
	m->worked = true;
}

void tg_address_forgive(struct tg_account *a)
{
	for (unsigned i = 0; i < a->mark_count; i++)
		a->marks[i].failures = 0;
}

void tg_address_failed(struct tg_account *a, const struct mt_address *x, bool for_good)
{
	struct tg_mark *m = mark_new(a, x);

	if (!m)
		return;
	m->failures = for_good ? DEAD : m->failures + 1;
	m->at = a->now.boot;
}

/* ---- which is better (E.3, E.4) -------------------------------------------------------------- */
enum source { FROM_SETTINGS, FROM_STORE, BUILT_IN };

struct candidate {
	struct mt_address address;
	/* from the most important on, the least is the best */
	int64_t rank[10];
	bool fresh; /* has not failed */
};

struct choice {
	struct tg_account *a;
	int dc;
	bool media, proxied, prefer_ipv6;
	enum source from;
	unsigned order;
	bool fresh[2];
	unsigned found[2]; /* IPv4, IPv6 */
	struct candidate best[2][TG_RACE];
};

static bool fits(const struct choice *c, const struct mt_address *x)
{
	const struct tg_settings *s = &c->a->s;

	return x->dc == c->dc && (!x->media_only || c->media) &&
	       (!x->tcpo_only || s->transport.obfuscated || x->secret_n) &&
	       (!x->secret_n || !c->proxied) && /* a tunnel has one handshake, the proxy's */
	       (x->ipv6 ? s->ipv6 != TG_IPV6_NEVER : s->ipv6 != TG_IPV6_ONLY);
}

static bool is_before(const struct candidate *x, const struct candidate *y)
{
	for (size_t i = 0; i < sizeof x->rank / sizeof x->rank[0]; i++)
		if (x->rank[i] != y->rank[i])
			return x->rank[i] < y->rank[i];
	return false;
}

/* The best of them, in order. */
static void keep(struct candidate *best, unsigned *count, const struct candidate *n)
{
	unsigned at = *count;

	while (at && is_before(n, &best[at - 1]))
		at--;
	if (at == TG_RACE)
		return;
	*count += *count < TG_RACE;
	for (unsigned i = *count - 1; i > at; i--)
		best[i] = best[i - 1];
	best[at] = *n;
}

static void consider(struct choice *c, const struct mt_address *x, unsigned port_rank)
{
	const struct tg_mark *m = mark_of(c->a, x);
	struct candidate n = {.address = *x, .fresh = !m || !m->failures};
	int64_t *rank = n.rank;

	*rank++ = n.fresh ? 0 : m->failures < DEAD ? 1 : 2;
	*rank++ = !n.fresh && !m->worked; /* an outage that strikes all is not its end */
	*rank++ = n.fresh ? 0 : m->at;
	*rank++ = c->media && !x->media_only;
	/* static ones are for proxies; without one they are the last resort */
	*rank++ = !c->proxied && x->is_static;
	*rank++ = !m || !m->worked;
	*rank++ = port_rank;
	*rank++ = c->proxied && !x->is_static;
	*rank++ = x->ipv6 != c->prefer_ipv6;
	*rank = c->order++;
	c->fresh[c->from == BUILT_IN] |= n.fresh && !port_rank;
	keep(c->best[x->ipv6], &c->found[x->ipv6], &n);
}

/* C.70: its own port, then those that get through most firewalls. Addresses given by hand name one
 * port of somebody else's server. */
static void offer(struct choice *c, const struct mt_address *x)
{
	static const uint16_t ports[] = {443, 80, 5222};
	struct mt_address other = *x;
	unsigned rank = 1;

	if (!fits(c, x))
		return;
	consider(c, x, 0);
	if (x->this_port_only || c->from == FROM_SETTINGS)
		return;
	for (size_t i = 0; i < sizeof ports / sizeof ports[0]; i++) {
		other.port = ports[i];
		if (other.port != x->port)
			consider(c, &other, rank++);
	}
}

static void offer_stored(void *ctx, const struct mt_address *x)
{
	offer(ctx, x);
}

/* The built-in ones when the list has none, or none that has not failed. */
static void offer_all(struct choice *c)
{
	const struct tg_settings *s = &c->a->s;
	const struct mt_address *x;

	c->from = FROM_SETTINGS;
	for (unsigned i = 0; i < s->address_count; i++)
		offer(c, &s->addresses[i]);
	if (s->address_count)
		return; /* they name another world */
	c->from = FROM_STORE;
	c->prefer_ipv6 |= tg_config_read(c->a, offer_stored, c);
	if (c->fresh[0])
		return;
	c->from = BUILT_IN;
	for (unsigned i = 0; (x = mt_bootstrap(s->test, i)); i++)
		offer(c, x);
}

unsigned tg_address_pick(struct tg_account *a, int dc, bool media, struct mt_address ret[TG_RACE])
{
	struct choice c = {.a = a,
			   .dc = dc,
			   .media = media,
			   .proxied = a->s.proxy,
			   .prefer_ipv6 = a->s.ipv6 == TG_IPV6_PREFER};
	unsigned n = 0, used[2] = {0, 0};

	offer_all(&c);
	if (!c.fresh[0] && !c.fresh[1])
		tg_config_lost(a, dc); /* E.4 */
	while (n < TG_RACE && (used[0] < c.found[0] || used[1] < c.found[1])) {
		bool v6 = used[0] == c.found[0] ||
			  (used[1] < c.found[1] &&
			   is_before(&c.best[1][used[1]], &c.best[0][used[0]]));

		if (n == 1 && used[!ret[0].ipv6] < c.found[!ret[0].ipv6])
			v6 = !ret[0].ipv6; /* RFC 8305: the other family is the second to try */
		ret[n++] = c.best[v6][used[v6]++].address;
	}
	return n;
}
