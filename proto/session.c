/* The session's memory: clock, message ids, sequence numbers, ids received, salts. Plain state
 * without messages; whoever holds the structs owns it.
 * core.telegram.org/mtproto/description and service_messages; checks D.1-D.25. */
#include "proto/session.h"

#include <stdlib.h>
#include <string.h>

/* ---- clock ----------------------------------------------------------------------------------- */

int64_t mt_clock_now(const struct mt_clock *c, struct mt_time now)
{
	return (c->known ? now.boot : now.real) + c->offset;
}

void mt_clock_set(struct mt_clock *c, struct mt_time now, int64_t server)
{
	if (server > MT_TIME_MAX * NS)
		return;
	c->offset = server - now.boot;
	c->known = true;
}

void mt_clock_seen(struct mt_clock *c, struct mt_time now, int64_t server)
{
	if (!c->known || server > mt_clock_now(c, now))
		mt_clock_set(c, now, server);
}

/* ---- message ids ----------------------------------------------------------------------------- */

uint64_t mt_msgid_of(int64_t server)
{
	uint64_t s = server > 0 ? (uint64_t)server : 0, nanos;

	if (s > MT_TIME_MAX * NS) /* ids must never come round to 0 */
		s = MT_TIME_MAX * NS;
	nanos = s % NS;
	return (s / NS) << 32 | ((nanos << 32) / NS & ~UINT64_C(3));
}

int64_t mt_msgid_time(uint64_t msg_id)
{
	uint64_t nanos = (msg_id & UINT32_MAX) * NS >> 32;

	return (int64_t)((msg_id >> 32) * NS + nanos); /* 2^32 s are below 2^63 ns */
}

uint64_t mt_msgid_next(uint64_t *last, int64_t server)
{
	uint64_t id = mt_msgid_of(server);

	if (id <= *last)
		id = *last + 4;
	return *last = id;
}

static bool within(uint64_t msg_id, int64_t server, int past, int future)
{
	int64_t ahead = mt_msgid_time(msg_id) - server;

	return ahead > -past * NS && ahead < future * NS;
}

bool mt_msgid_fresh(uint64_t msg_id, int64_t server)
{
	return within(msg_id, server, MT_OUTBOUND_PAST, MT_OUTBOUND_FUTURE);
}

bool mt_msgid_in_time(uint64_t msg_id, int64_t server)
{
	return within(msg_id, server, MT_INBOUND_PAST, MT_INBOUND_FUTURE);
}

/* ---- ids received ---------------------------------------------------------------------------- */

void mt_window_free(struct mt_window *w)
{
	free(w->ids);
	*w = (struct mt_window){NULL, 0, 0};
}

/* Index of the first id that is not lower; new ids belong to the end, so that is tried first. */
static size_t window_find(const struct mt_window *w, uint64_t id)
{
	size_t lo = 0, hi = w->n;

	if (w->n && id > w->ids[w->n - 1])
		return w->n;
	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (w->ids[mid] < id)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

enum mt_verdict mt_window_look(const struct mt_window *w, size_t max, uint64_t id)
{
	size_t at = window_find(w, id);

	if (at < w->n && w->ids[at] == id)
		return MT_DUPLICATE;
	return at == 0 && w->n >= max ? MT_TOO_OLD : MT_NEW;
}

void mt_window_put(struct mt_window *w, size_t max, uint64_t id)
{
	size_t at = window_find(w, id), cap = w->cap ? w->cap * 2 : 16;
	uint64_t *ids = w->ids;

	if (w->n >= max) {
		if (at == 0)
			return;
		memmove(ids, ids + 1, --at * sizeof *ids);
		ids[at] = id;
		return;
	}
	if (w->n == w->cap) {
		ids = realloc(ids, cap * sizeof *ids);
		if (!ids)
			return;
		w->ids = ids;
		w->cap = cap;
	}
	memmove(ids + at + 1, ids + at, (w->n - at) * sizeof *ids);
	ids[at] = id;
	w->n++;
}

/* ---- salts ----------------------------------------------------------------------------------- */

const struct mt_salt *mt_salts_pick(const struct mt_salts *s, int64_t now, int margin)
{
	const struct mt_salt *best = NULL;

	for (unsigned i = 0; i < s->n; i++) {
		const struct mt_salt *v = &s->v[i];

		if (v->valid_since > now || now + margin >= v->valid_until)
			continue;
		if (!best || v->valid_since >= best->valid_since)
			best = v;
	}
	return best;
}

uint64_t mt_salts_now(const struct mt_salts *s, int64_t now)
{
	const struct mt_salt *v = mt_salts_pick(s, now, MT_SALT_MARGIN);

	if (!v)
		v = mt_salts_pick(s, now, 0);
	if (!v && s->n)
		v = &s->v[s->n - 1];
	return v ? v->salt : 0;
}

unsigned mt_salts_left(const struct mt_salts *s, int64_t now)
{
	unsigned n = 0;

	for (unsigned i = 0; i < s->n; i++)
		n += now + MT_SALT_MARGIN < s->v[i].valid_until;
	return n;
}

void mt_salts_only(struct mt_salts *s, uint64_t salt)
{
	s->n = 1;
	s->v[0] = (struct mt_salt){0, INT32_MAX, salt};
}

/* ---- the session ----------------------------------------------------------------------------- */

void mt_session_start(struct mt_session *s, const struct mt_env *env)
{
	uint64_t previous = s->id;

	mt_window_free(&s->window);
	*s = (struct mt_session){.previous = previous};
	do
		env->random(env->ctx, &s->id, sizeof s->id);
	while (s->id == 0 || s->id == previous); /* servers answer 0 with -404 (D.16) */
}

uint32_t mt_session_seqno(struct mt_session *s, bool content)
{
	uint32_t seqno = s->content * 2 + content;

	s->content += content;
	return seqno;
}
