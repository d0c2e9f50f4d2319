/* Floods: a method that Telegram told to wait towards some target rests until then, whoever calls
 * it; after SLOWMODE_WAIT nothing at all is sent there (D.75). Calls that may wait stand in a line,
 * in the order they came. When the time is over they go one by one, each when the one before it was
 * accepted, so that the end of a wait is not the beginning of the next. The holds belong to the
 * account and outlive the process. */
#include "core/account.h"

#include <stdlib.h>
#include <string.h>

struct tg_hold {
	struct tg_hold *next;
	unsigned method; /* 0: whatever is sent to the target */
	uint64_t target;
	const char *name; /* of the refusal: "FLOOD_WAIT_#" */
	int64_t until;    /* boot ns */
	struct tg_timer timer;
	struct tg_call *first, *last; /* the line, ascending by number */
	struct tg_call *going;        /* let go, and neither accepted nor refused yet */
	unsigned waiting;
};

/* ---- whom a call is about ---- */
static uint64_t hash_bytes(const uint8_t *p, size_t n)
{
	uint64_t h = 0xcbf29ce484222325u;

	for (size_t i = 0; i < n; i++)
		h = (h ^ p[i]) * 0x100000001b3u;
	return h;
}

/* The first of these fields that it has. */
static void find_target(struct tg_call *c)
{
	static const char *const fields[] = {"peer", "channel", "user_id", "chat_id", "to_peer"};
	struct tl_cursor in = tl_cursor(c->body, c->n);
	struct tl_arena arena;
	struct tl_obj *o;
	struct tl_buf b = {0};

	if (c->has_target)
		return;
	c->has_target = true;
	tl_arena_init(&arena, TG_ARENA_CAP);
	if (tl_decode(&tl_api, &arena, &in, &o, NULL) == 0) {
		for (size_t i = 0; i < sizeof fields / sizeof *fields && !c->target; i++) {
			const struct tl_obj *peer = tl_field_obj(&tl_api, o, fields[i]);
			int64_t number;

			if (peer && tl_encode(&tl_api, peer, &b) == 0)
				c->target = hash_bytes(b.data, b.len);
			else if (tl_field_int(&tl_api, o, fields[i], &number))
				c->target = (uint64_t)number;
		}
	}
	tl_buf_free(&b);
	tl_arena_free(&arena);
}

static bool covers(const struct tg_hold *h, struct tg_call *c)
{
	if (h->method ? h->method != c->method : !tl_has_field(&tl_api, c->method, "random_id"))
		return false;
	find_target(c);
	return h->target == c->target;
}

/* ---- on the disk ---- */
static struct tg_key row_of(const struct tg_account *a, const struct tg_hold *h)
{
	struct tg_key k = tg_key(a, 'f');

	tg_key_number(&k, h->method ? tl_id(&tl_api, h->method) : 0);
	tg_key_number(&k, h->target);
	return k;
}

static void save(struct tg_account *a, const struct tg_hold *h)
{
	struct tg_key k = row_of(a, h);
	struct tl_buf b = {0};
	int64_t until = a->now.real + h->until - a->now.boot; /* a restart may not end it early */

	tl_put_u64(&b, (uint64_t)((until + TG_SECOND - 1) / TG_SECOND));
	tl_put_bytes(&b, h->name, strlen(h->name));
	if (!b.err)
		tg_write(a, TG_TABLE_STATE, k.bytes, k.n, b.data, b.len);
	tl_buf_free(&b);
}

static struct tg_hold *hold_new(struct tg_account *a, unsigned method, uint64_t target,
				const char *name, int64_t until);

/* A row that cannot be read, or whose time is over, goes. */
static void load_row(struct tg_account *a, struct tl_cursor key, struct tl_cursor value)
{
	uint64_t id = 0, target = 0;
	uint64_t until = tl_get_u64(&value), now = (uint64_t)(a->now.real / TG_SECOND);
	int64_t left;
	struct tl_str name = tl_get_bytes(&value);
	const char *row = tg_refusal_named(name);
	unsigned method;

	for (int i = 0; i < 8; i++)
		id = id << 8 | *tl_get(&key, 1);
	for (int i = 0; i < 8; i++)
		target = target << 8 | *tl_get(&key, 1);
	method = id ? tl_by_id(&tl_api, (uint32_t)id) : 0;
	until = until > now + TG_HOLD_MAX ? now + TG_HOLD_MAX : until;
	left = (int64_t)until * TG_SECOND - a->now.real;
	if (!value.err && row && left > 0 && method != TL_NONE)
		hold_new(a, method, target, row, a->now.boot + left);
}

void tg_flood_load(struct tg_account *a)
{
	struct tg_store *s = a->env.store;
	struct tg_key p = tg_key(a, 'f');
	struct tl_buf key = {0}, value = {0};
	int r = s->ops->seek(s, TG_TABLE_STATE, p.bytes, p.n, p.bytes, p.n, &key, &value);

	while (r == 0) {
		if (key.len == p.n + 16)
			load_row(a, tl_cursor(key.data + p.n, 16),
				 tl_cursor(value.data, value.len));
		tl_put_u8(&key, 0);
		r = s->ops->seek(s, TG_TABLE_STATE, p.bytes, p.n, key.data, key.len, &key, &value);
	}
	tl_buf_free(&key);
	tl_buf_free(&value);
}

/* ---- telling those who asked to be told ---- */
static unsigned place_of(const struct tg_hold *h, const struct tg_call *c)
{
	unsigned place = 1 + (h->going != NULL);

	for (const struct tg_call *w = h->first; w && w != c; w = w->hold_next)
		place++;
	return place;
}

static void tell(struct tg_account *a, struct tg_call *c, bool over)
{
	const struct tg_hold *h = c->hold;
	struct tg_node *n;

	if (!c->tells || (!over && a->now.boot - c->told_at < TG_TELL_PAUSE && c->told_at))
		return;
	n = tg_event_new(a, TG_EV_WAITING);
	if (!n)
		return;
	c->told_at = a->now.boot;
	n->ev.call = c->id;
	n->ev.text = over || h->until > a->now.boot ? "flood_wait" : "queue";
	n->ev.retry_after = (int)((h->until - c->held_at + TG_SECOND - 1) / TG_SECOND);
	n->ev.value = (a->now.boot - c->held_at) / TG_SECOND;
	if (over || n->ev.value > n->ev.retry_after)
		n->ev.value = n->ev.retry_after;
	n->ev.place = over ? 0 : place_of(h, c);
}

/* ---- the line ---- */
static void unlink_hold(struct tg_account *a, struct tg_hold *h)
{
	struct tg_key k = row_of(a, h);
	struct tg_hold **at = &a->calls.holds;

	while (*at != h)
		at = &(*at)->next;
	*at = h->next;
	tg_erase(a, TG_TABLE_STATE, k.bytes, k.n);
	tg_timer_clear(&a->timers, &h->timer);
	free(h);
}

/* Its time is over: the next one goes, or there is nobody and the hold ends. */
static void let_go(struct tg_account *a, struct tg_hold *h)
{
	struct tg_call *c = h->first;

	if (h->going || h->until > a->now.boot)
		return;
	if (!c) {
		unlink_hold(a, h);
		return;
	}
	h->first = c->hold_next;
	if (!h->first)
		h->last = NULL;
	h->waiting--;
	h->going = c;
	tg_timer_set(&a->timers, &h->timer, a->now.boot + TG_GOING_WAIT);
	tell(a, c, true);
	tg_call_ready(a, c);
	for (struct tg_call *w = h->first; w; w = w->hold_next)
		tell(a, w, false);
}

/* Or the one that went has been without an answer for long: that is no reason to hold the others.
 */
static void over(struct tg_account *a, struct tg_timer *t)
{
	struct tg_hold *h = TG_OF(t, struct tg_hold, timer);

	if (h->going)
		h->going->hold = NULL;
	h->going = NULL;
	let_go(a, h);
}

void tg_flood_leave(struct tg_account *a, struct tg_call *c)
{
	struct tg_hold *h = c->hold;
	struct tg_call *before = NULL;

	c->hold = NULL;
	if (!h)
		return;
	if (h->going == c) {
		h->going = NULL;
		let_go(a, h);
		return;
	}
	for (struct tg_call *w = h->first; w != c; w = w->hold_next)
		before = w;
	*(before ? &before->hold_next : &h->first) = c->hold_next;
	if (h->last == c)
		h->last = before;
	h->waiting--;
}

static void line_up(struct tg_hold *h, struct tg_call *c)
{
	struct tg_call **at = &h->first;

	if (h->last && h->last->id < c->id)
		at = &h->last->hold_next;
	while (*at && (*at)->id < c->id)
		at = &(*at)->hold_next;
	c->hold_next = *at;
	*at = c;
	if (!c->hold_next)
		h->last = c;
	h->waiting++;
}

void tg_flood_join(struct tg_account *a, struct tg_hold *h, struct tg_call *c)
{
	if (c->hold != h) {
		c->held_at = a->now.boot;
		c->told_at = 0;
	}
	tg_flood_leave(a, c);
	line_up(h, c);
	c->hold = h;
	c->state = TG_CALL_SLEEP;
	tell(a, c, false);
	let_go(a, h);
}

struct tg_hold *tg_flood_find(struct tg_account *a, struct tg_call *c)
{
	struct tg_hold *h = a->calls.holds;

	while (h && (h->going == c || !covers(h, c)))
		h = h->next;
	return h;
}

int64_t tg_flood_until(const struct tg_hold *h)
{
	return h->until;
}

const char *tg_flood_name(const struct tg_hold *h, unsigned *ret_place)
{
	*ret_place = place_of(h, NULL);
	return h->name;
}

/* ---- what Telegram says ---- */
static struct tg_hold *hold_new(struct tg_account *a, unsigned method, uint64_t target,
				const char *name, int64_t until)
{
	struct tg_hold *h = calloc(1, sizeof *h);

	if (!h)
		return NULL;
	h->method = method;
	h->target = target;
	h->name = name;
	h->until = until;
	h->timer.fire = over;
	h->next = a->calls.holds;
	a->calls.holds = h;
	tg_timer_set(&a->timers, &h->timer, until);
	return h;
}

struct tg_hold *tg_flood_hold(struct tg_account *a, struct tg_call *c, const struct tg_refusal *why)
{
	int64_t until = a->now.boot + why->value * TG_SECOND;
	unsigned method = why->kind == TG_REFUSED_SLOW ? 0 : c->method;
	struct tg_hold *h = a->calls.holds;

	find_target(c);
	while (h && (h->method != method || h->target != c->target))
		h = h->next;
	if (!h) {
		h = hold_new(a, method, c->target, why->name, until);
		if (!h)
			return NULL;
		save(a, h);
	} else if (h->until < until) {
		h->until = until;
		h->name = why->name;
		tg_timer_set(&a->timers, &h->timer, until);
		save(a, h);
	}
	if (h->going == c) { /* it stands in the line again, or gives up */
		h->going = NULL;
		c->hold = NULL;
	}
	for (struct tg_call *w = h->first, *next; w; w = next) {
		next = w->hold_next;
		tg_call_ready(a, w); /* not all may wait so long */
	}
	return h;
}

bool tg_account_flood(const struct tg_account *a, unsigned i, struct tg_flood *ret,
		      struct mt_time now)
{
	const struct tg_hold *h = a->calls.holds;
	int64_t left;

	while (h && i--)
		h = h->next;
	if (!h)
		return false;
	left = (h->until - now.boot + TG_SECOND - 1) / TG_SECOND;
	*ret = (struct tg_flood){.method = h->method ? tl_name(&tl_api, h->method) : NULL,
				 .type = {h->name, (uint32_t)strlen(h->name) - 2},
				 .retry_after = left > 0 ? (int)left : 0,
				 .waiting = h->waiting + (h->going != NULL)};
	return true;
}

void tg_flood_free(struct tg_account *a)
{
	while (a->calls.holds) {
		struct tg_hold *h = a->calls.holds;

		a->calls.holds = h->next;
		tg_timer_clear(&a->timers, &h->timer);
		free(h);
	}
}
