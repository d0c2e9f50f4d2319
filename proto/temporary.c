/* Temporary keys: made beside the permanent one, bound to it, renewed before they end, and kept in
 * memory alone. Nothing but the bind goes out over a key that is not bound. The client owns the
 * keys. core.telegram.org/api/pfs; checks B.80-B.82, C.16, E.20-E.26. */
#include "proto/client.h"

#include <string.h>

#define LIFE 86400
#define MARGIN 60        /* s: a key so near its end is made anew (E.21) */
#define MARGIN_LONG 3600 /* of keys that live for hours */
#define RETRY (60 * NS)  /* after a renewal that failed */
#define GLANCE (5 * NS)  /* whether another client has renewed it */
#define DRAIN (15 * NS)  /* running queries have so long until the session changes keys */
#define YOUNG (60 * NS)  /* a permanent key this new may not be known everywhere yet (E.24) */
#define BINDS_MAX 3      /* with another expires_at, on one temporary key */
#define BIND_BYTES 132   /* of the whole call */
#define WIRE_BIND_TEMP_AUTH_KEY 0xcdd42a05u
#define WIRE_BOOL_TRUE 0x997275b5u

void mt_temporary_init(struct mt_client *c, const struct mt_client_options *o)
{
	c->pfs = o->pfs;
	c->temp.shared = o->temp;
	c->temp.life = o->temp_life > 0 ? o->temp_life : LIFE;
	c->temp.perm_made = INT64_MIN;
	c->temp.renew_at = c->temp.switch_by = INT64_MAX;
	if (!c->pfs || !c->has_key)
		return;
	c->keys->perm = c->keys->session;
	c->temp.has_perm = true;
	c->has_key = false;
}

bool mt_temporary_wanted(const struct mt_client *c)
{
	return c->pfs && c->temp.has_perm;
}

/* ---- what the clients of a data centre share (E.22) ------------------------------------------ */

static bool is_shared(const struct mt_client *c)
{
	return c->temp.shared && c->temp.shared->bound && c->temp.on &&
	       mt_equal(c->temp.shared->key, c->keys->session.key, sizeof c->keys->session.key);
}

static void publish(struct mt_client *c)
{
	struct mt_temp_key *s = c->temp.shared;

	if (!s)
		return;
	memcpy(s->key, c->keys->session.key, sizeof s->key);
	s->salt = c->salts.n ? c->salts.v[c->salts.n - 1].salt : 0;
	s->ends_at = c->temp.ends_at;
	s->renewing_til = 0;
	s->bound = true;
	(void)mt_event_say(c, MT_EV_BOUND, 0, NULL, 0); /* the next event tells it, too */
}

/* One that is not in use here, and good for a while. */
static bool offered(const struct mt_client *c, struct mt_time now, struct mt_key *ret)
{
	const struct mt_temp_key *s = c->temp.shared;

	return s && s->bound && !is_shared(c) && s->ends_at - MARGIN * NS > now.boot &&
	       mt_key_init(ret, s->key) == 0;
}

static void drop(struct mt_client *c)
{
	if (is_shared(c)) {
		mt_wipe(c->temp.shared->key, sizeof c->temp.shared->key);
		c->temp.shared->bound = false;
	}
	c->has_key = c->temp.on = c->temp.bound = c->temp.has_next = false;
	c->temp.renew_at = c->temp.switch_by = INT64_MAX;
	mt_wipe(&c->keys->session, sizeof c->keys->session);
	mt_wipe(&c->keys->next, sizeof c->keys->next);
}

static void use(struct mt_client *c, const struct mt_key *key, uint64_t salt, int64_t ends_at)
{
	int64_t margin = c->temp.life > 2 * MARGIN_LONG ? MARGIN_LONG : MARGIN;

	c->keys->session = *key;
	c->has_key = c->temp.on = c->renew = true;
	c->temp.bound = false;
	c->temp.binds = 0;
	c->temp.expires_at = 0;
	c->temp.ends_at = ends_at;
	c->temp.renew_at = ends_at - margin * NS;
	mt_salts_only(&c->salts, salt);
}

void mt_temporary_begin(struct mt_client *c, struct mt_time now)
{
	struct mt_key key;

	if (c->temp.verify) {
		drop(c);
		c->keys->session = c->keys->perm;
		c->has_key = c->renew = true;
		return;
	}
	if (c->temp.on && c->temp.ends_at - MARGIN * NS <= now.boot)
		drop(c);
	if (!c->temp.on && c->temp.has_perm && offered(c, now, &key)) {
		use(c, &key, c->temp.shared->salt, c->temp.shared->ends_at);
		c->temp.bound = true;
		mt_wipe(&key, sizeof key);
	}
}

bool mt_temporary_lost(struct mt_client *c)
{
	if (!c->temp.on && !(c->phase == MT_EXCHANGE && mt_temporary_wanted(c)))
		return false;
	drop(c);
	return true;
}

/* ---- keys ------------------------------------------------------------------------------------ */

void mt_temporary_perm(struct mt_client *c, struct mt_time now)
{
	c->keys->perm = c->keys->session;
	c->temp.has_perm = true;
	c->temp.perm_made = now.boot;
	c->has_key = false;
}

/* The session goes over to it as soon as nothing is on its way, or in a moment. */
static void plan(struct mt_client *c, const struct mt_key *key, uint64_t salt, int64_t ends_at,
		 bool bound, struct mt_time now)
{
	c->keys->next = *key;
	c->temp.next_salt = salt;
	c->temp.next_ends_at = ends_at;
	c->temp.next_bound = bound;
	c->temp.has_next = true;
	c->temp.switch_by = now.boot + DRAIN;
	c->temp.renew_at = INT64_MAX;
}

void mt_temporary_made(struct mt_client *c, const struct mt_key *key, uint64_t salt,
		       struct mt_time now)
{
	int64_t ends_at = now.boot + c->temp.life * NS;

	if (c->phase != MT_OPEN) {
		use(c, key, salt, ends_at);
		return;
	}
	plan(c, key, salt, ends_at, false, now);
}

void mt_temporary_switch(struct mt_client *c, struct mt_time now)
{
	if (!c->temp.has_next || (c->flight.n && now.boot < c->temp.switch_by))
		return;
	use(c, &c->keys->next, c->temp.next_salt, c->temp.next_ends_at);
	c->temp.bound = c->temp.next_bound;
	mt_wipe(&c->keys->next, sizeof c->keys->next);
	c->temp.has_next = false;
	c->temp.switch_by = INT64_MAX;
	mt_client_settle(c);
	mt_temporary_opened(c);
}

void mt_temporary_tick(struct mt_client *c, struct mt_time now)
{
	struct mt_temp_key *s = c->temp.shared;
	struct mt_key key;

	if (c->temp.renew_at > now.boot || !c->temp.on)
		return;
	c->temp.renew_at = now.boot + RETRY;
	if (c->handshake || !c->temp.bound || c->temp.has_next)
		return;
	if (offered(c, now, &key)) {
		plan(c, &key, s->salt, s->ends_at, true, now);
		mt_wipe(&key, sizeof key);
	} else if (s && s->renewing_til > now.boot) {
		c->temp.renew_at = now.boot + GLANCE;
	} else {
		if (s)
			s->renewing_til = now.boot + RETRY;
		mt_exchange_beside(c, now);
	}
}

/* ---- the bind -------------------------------------------------------------------------------- */

/* What has to be answered before anything else goes out over this key. */
void mt_temporary_opened(struct mt_client *c)
{
	static const uint8_t bind[BIND_BYTES];
	static const uint8_t nearest[4] = {0x26, 0x30, 0xb3, 0x1f}; /* help.getNearestDc */
	uint64_t handle;
	int err = 0;

	if (c->temp.pending || (!c->temp.verify && (!c->temp.on || c->temp.bound)))
		return;
	if (c->temp.verify)
		err = mt_query_add(c, nearest, sizeof nearest, MT_QUERY_INNER, 0, &handle);
	else
		err = mt_query_add(c, bind, sizeof bind,
				   MT_QUERY_INNER | MT_QUERY_NO_INIT | MT_QUERY_NO_GZIP, 0,
				   &handle);
	if (err)
		mt_client_close(c, true);
	else
		mt_query_by_handle(c, handle)->alone = c->temp.pending = true;
}

bool mt_temporary_holds(const struct mt_client *c, const struct mt_query *q)
{
	if (c->temp.has_next)
		return true;
	return (c->temp.verify || (c->temp.on && !c->temp.bound)) && !(q->flags & MT_QUERY_INNER);
}

static uint64_t id_of(const struct mt_key *k)
{
	struct tl_cursor c = tl_cursor(k->id, sizeof k->id);

	return tl_get_u64(&c);
}

/* B.81: what is sealed inside names the message's own id, so each sending makes it anew. */
void mt_temporary_put_bind(struct mt_client *c, uint64_t msg_id, struct mt_time now)
{
	struct mt_bind b = {.temp_key_id = id_of(&c->keys->session),
			    .temp_session = c->session.id,
			    .msg_id = msg_id};
	uint8_t sealed[MT_BIND_SIZE];
	int64_t left = (c->temp.ends_at - now.boot) / NS;

	if (!c->temp.expires_at)
		c->temp.expires_at = (int32_t)(mt_clock_now(&c->clock, now) / NS + left);
	b.expires_at = c->temp.expires_at;
	c->env->random(c->env->ctx, &b.nonce, sizeof b.nonce);
	mt_bind_message(sealed, &c->keys->perm, &b, c->env);
	tl_put_u32(&c->pack, WIRE_BIND_TEMP_AUTH_KEY);
	tl_put_u64(&c->pack, id_of(&c->keys->perm));
	tl_put_u64(&c->pack, b.nonce);
	tl_put_u32(&c->pack, (uint32_t)b.expires_at);
	tl_put_bytes(&c->pack, sealed, sizeof sealed);
}

/* E.24, E.25. The permanent key is never given up here: it is asked for, over itself. */
static void refused(struct mt_client *c, struct tl_str text)
{
	if (tl_str_eq(text, "ENCRYPTED_MESSAGE_INVALID")) {
		c->temp.verify =
			c->temp.perm_made == INT64_MIN || c->heard_at - c->temp.perm_made > YOUNG;
		drop(c);
	} else if (tl_str_eq(text, "EXPIRES_AT_INVALID") && ++c->temp.binds < BINDS_MAX) {
		c->temp.expires_at = 0;
		mt_temporary_opened(c);
		return;
	} else if (tl_str_eq(text, "TEMP_AUTH_KEY_ALREADY_BOUND") ||
		   tl_str_eq(text, "TEMP_AUTH_KEY_EMPTY") ||
		   tl_str_eq(text, "EXPIRES_AT_INVALID")) {
		drop(c);
	}
	mt_client_close(c, true);
}

void mt_temporary_answer(struct mt_client *c, enum mt_event_kind kind, const void *data, size_t n)
{
	struct tl_cursor cur = tl_cursor(data, n);

	c->temp.pending = false;
	if (kind == MT_EV_FAILED) { /* the next connection asks again */
		mt_client_close(c, true);
		return;
	}
	if (c->temp.verify) { /* whatever it says: it knows the key */
		c->temp.verify = false;
		drop(c);
		mt_client_close(c, true);
	} else if (kind == MT_EV_RPC_ERROR) {
		refused(c, (struct tl_str){data, (uint32_t)n});
	} else if (tl_peek_u32(&cur) == WIRE_BOOL_TRUE) {
		c->temp.bound = true;
		c->inited = false; /* E.23 */
		publish(c);
	} else {
		drop(c);
		mt_client_close(c, true);
	}
}
