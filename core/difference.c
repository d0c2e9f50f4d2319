/* What the common box missed: the first state and getDifference, with slices, holes and back-off
 * (core.telegram.org/api/updates, "Recovering gaps"; F.40-F.45). While one runs, what arrives for
 * the box waits, and is replayed behind it. A difference is asked for once what it builds on is on
 * the disk (F.71, F.74), and a fresh one at most once a second. */
#include "core/account.h"

#include <string.h>

bool tg_says(const struct tg_answer *r, const char *prefix)
{
	size_t n = strlen(prefix);

	return r->error == -TG_E_TELEGRAM && r->n >= n && memcmp(r->data, prefix, n) == 0;
}

bool tg_gap_say(struct tg_account *a, int64_t box, int64_t from, int64_t to, const char *why)
{
	struct tg_node *n = tg_event_new(a, TG_EV_GAP);

	a->up.untold |= !n;
	if (!n)
		return false;
	n->ev.box = box;
	n->ev.from = from;
	n->ev.to = to;
	n->ev.text = why;
	a->store.owed++;
	return true;
}

/* After a difference what still waits has waited from now on; what never becomes reachable goes. */
void tg_box_refresh(struct tg_account *a, struct tg_box *b, bool moved)
{
	for (struct tg_item *i = b->pending; i; i = i->next)
		i->arrived = a->now.boot;
	b->stuck = moved || !b->pending ? 0 : b->stuck + 1;
	if (b->stuck < TG_SLICE_REPEATS)
		return;
	tg_box_forget(b);
	b->stuck = 0;
}

int64_t tg_back_off(const struct tg_account *a, unsigned *level, const struct tg_answer *r)
{
	int64_t wait = TG_SECOND << (*level < 6 ? *level : 6);
	int64_t told = r ? r->retry_after * TG_SECOND : 0;

	++*level;
	return a->now.boot + (told > wait ? told : wait);
}

struct tg_call_options tg_diff_options(const struct tg_account *a)
{
	return (struct tg_call_options){.deadline = a->now.boot + TG_DIFF_WAIT};
}

/* The answer in a carrier of its own; NULL: unreadable. *ret_c may be NULL, too. */
struct tl_obj *tg_diff_open(const struct tg_call *call, const struct tg_answer *r,
			    struct tg_carrier **ret_c)
{
	struct tl_cursor in;
	struct tl_obj *o;

	*ret_c = tg_carrier_new(r->data, r->n, &in);
	if (!*ret_c ||
	    tl_decode_result(&tl_api, call->method, &(*ret_c)->arena, &in, &o, NULL) != 0)
		return NULL;
	return o->ctor == TL_UNKNOWN ? NULL : o;
}

/* Each message in an update of its own; false: there is no room for them, and none is said. */
bool tg_say_messages(struct tg_account *a, struct tg_carrier *c, const struct tl_vec *messages,
		     int32_t pts, bool channel)
{
	struct tl_obj *const *list = messages->items;
	struct tl_updateNewMessage *u = tl_arena_alloc(&c->arena, messages->count * sizeof *u);

	if (!u)
		return false;
	for (uint32_t i = 0; i < messages->count; i++, u++) {
		if (list[i]->ctor == TL_messageEmpty)
			continue;
		/* both kinds have the same fields */
		_Static_assert(sizeof(struct tl_updateNewMessage) ==
				       sizeof(struct tl_updateNewChannelMessage),
			       "new messages look alike");
		u->obj.ctor = channel ? TL_updateNewChannelMessage : TL_updateNewMessage;
		u->message = list[i];
		u->pts = pts;
		tg_update_say(a, c, &u->obj);
	}
	return true;
}

/* ---- asking ---- */
static void asked(struct tg_account *a, struct tg_call *call, const struct tg_answer *r);

static void set_busy(struct tg_account *a, bool busy)
{
	for (int i = 0; i < TG_BOX_COUNT; i++)
		a->up.box[i].busy = busy;
}

static bool ask_state(struct tg_account *a)
{
	struct tl_updates_getState m = {{TL_updates_getState}};
	struct tg_call_options o = tg_diff_options(a);

	a->up.call = tg_call_own(a, &m.obj, &o, asked, NULL);
	return a->up.call;
}

static bool ask(struct tg_account *a)
{
	struct tg_updates *u = &a->up;
	struct tg_call_options o = tg_diff_options(a);
	struct tl_updates_getDifference m = {
		.obj = {TL_updates_getDifference},
		.pts = u->box[TG_BOX_COMMON].pts,
		.date = u->date,
		.qts = u->box[TG_BOX_QTS].pts,
	};

	if (u->unreadable) { /* smaller pieces, until only the unreadable one is left out */
		m.pts_limit = TG_DIFF_PIECE >> u->unreadable;
		m.has_pts_limit = true;
	}
	u->asked_pts = m.pts;
	u->asked_qts = m.qts;
	u->asked_at = a->now.boot;
	if (!u->box[TG_BOX_COMMON].known || (!u->synced && !a->s.catch_up) ||
	    (u->unreadable && !m.pts_limit))
		return ask_state(a);
	u->call = tg_call_own(a, &m.obj, &o, asked, NULL);
	return u->call;
}

static void ask_or_rest(struct tg_account *a)
{
	if (!ask(a))
		set_busy(a, false); /* not connected: asked when it is */
}

/* The server may forget what we say we have: it must be on the disk first (F.71, F.74). */
static void ask_when_stored(struct tg_account *a)
{
	a->up.after = tg_writes_pending(a);
	if (!a->up.after)
		ask_or_rest(a);
}

/* The state in an answer; NULL: none, or one that no server can have (F.21). */
static const struct tl_updates_state *state_of(const struct tl_obj *o)
{
	const struct tl_updates_state *s = (const struct tl_updates_state *)o;

	if (o->ctor == TL_updates_difference || o->ctor == TL_updates_differenceSlice)
		s = (const struct tl_updates_state *)((const struct tl_updates_difference *)o)
			    ->state;
	else if (o->ctor != TL_updates_state)
		return NULL;
	return s->pts < 0 || s->qts < 0 || s->seq < 0 ? NULL : s;
}

/* F.35: it says where we are, and that is all. Nothing is missing, so nothing waits for the answer,
 * which may be one of many under steady traffic, and nothing of it is taken; unless it says that we
 * are wrong. */
static void told(struct tg_account *a, struct tg_call *call, const struct tg_answer *r)
{
	struct tg_carrier *c = NULL;
	const struct tl_obj *o = r->error ? NULL : tg_diff_open(call, r, &c);
	const struct tl_updates_state *s = o ? state_of(o) : NULL;

	if (!o || (s && s->pts < a->up.tell.pts))
		tg_difference(a);
	tg_carrier_drop(c);
}

static void tell_when_stored(struct tg_account *a)
{
	struct tg_call_options o = tg_diff_options(a);

	if (!a->up.tell_after || a->up.tell_after > a->store.stored)
		return;
	a->up.tell_after = 0;
	if (tg_difference_wanted(a))
		return; /* that says it, too */
	a->up.asked_at = a->now.boot;
	(void)tg_call_own(a, &a->up.tell.obj, &o, told, NULL);
}

void tg_difference_tell(struct tg_account *a)
{
	struct tg_updates *u = &a->up;

	if (u->tell_after || (u->asked_at && a->now.boot < u->asked_at + TG_DIFF_PACE))
		return; /* the next update is reason again */
	u->tell = (struct tl_updates_getDifference){
		.obj = {TL_updates_getDifference},
		.pts = u->asked_pts = u->box[TG_BOX_COMMON].pts,
		.date = u->date,
		.qts = u->asked_qts = u->box[TG_BOX_QTS].pts,
	};
	u->tell_after = a->store.number; /* what moved it is not written yet */
}

void tg_difference_stored(struct tg_account *a)
{
	struct tg_updates *u = &a->up;

	tell_when_stored(a);
	if (!u->after || u->after > a->store.stored)
		return;
	u->after = 0;
	ask_or_rest(a);
}

void tg_difference(struct tg_account *a)
{
	struct tg_updates *u = &a->up;

	if (!a->authorized || tg_writes_stalled(a))
		return;
	tg_timer_clear(&a->timers, &u->gap);
	if (tg_difference_wanted(a)) {
		u->again |= u->call != NULL; /* what is still to be asked covers it */
		return;
	}
	if (u->asked_at && a->now.boot < u->asked_at + TG_DIFF_PACE) {
		tg_timer_set(&a->timers, &u->retry, u->asked_at + TG_DIFF_PACE);
		return;
	}
	u->again = false;
	if (!u->box[TG_BOX_COMMON].busy) {
		u->top_pts = u->box[TG_BOX_COMMON].pts;
		u->top_qts = u->box[TG_BOX_QTS].pts;
	}
	set_busy(a, true);
	ask_when_stored(a);
}

bool tg_difference_wanted(const struct tg_account *a)
{
	return a->up.call || a->up.retry.set || a->up.after;
}

void tg_difference_retry(struct tg_account *a, struct tg_timer *t)
{
	(void)t;
	tg_difference(a);
}

static void retry_at(struct tg_account *a, int64_t at)
{
	if (a->wanted && a->authorized)
		tg_timer_set(&a->timers, &a->up.retry, at);
	else
		set_busy(a, false);
}

static void retry_later(struct tg_account *a, const struct tg_answer *r)
{
	retry_at(a, tg_back_off(a, &a->up.level, r));
}

/* ---- answers ---- */
static void set_state(struct tg_account *a, const struct tl_updates_state *s)
{
	struct tg_updates *u = &a->up;

	u->box[TG_BOX_COMMON].pts = s->pts;
	u->box[TG_BOX_QTS].pts = s->qts;
	u->box[TG_BOX_SEQ].pts = s->seq;
	for (int i = 0; i < TG_BOX_COUNT; i++)
		u->box[i].known = true;
	u->date = s->date;
	u->dirty = true;
}

static void common_done(struct tg_account *a)
{
	struct tg_updates *u = &a->up;
	bool moved =
		u->box[TG_BOX_COMMON].pts != u->asked_pts || u->box[TG_BOX_QTS].pts != u->asked_qts;
	bool again = u->again;

	u->level = u->repeats = u->unreadable = 0;
	u->synced = true;
	u->again = u->damaged = u->holed = false;
	tg_timer_set(&a->timers, &u->idle, a->now.boot + TG_IDLE_DIFF);
	set_busy(a, false);
	for (int i = 0; i < TG_BOX_COUNT; i++) {
		tg_updates_apply(a, tg_box_replay(&u->box[i]));
		tg_box_refresh(a, &u->box[i], moved);
	}
	tg_channels_release(a);
	tg_login_ready(a);
	if (again)
		tg_difference(a);
	else
		tg_updates_arm(a);
}

/* A slice that brings nothing new is no reason to spin (F.43). Only forward counts: numbers may go
 * in circles. */
static void go_on(struct tg_account *a)
{
	struct tg_updates *u = &a->up;
	int32_t pts = u->box[TG_BOX_COMMON].pts, qts = u->box[TG_BOX_QTS].pts;
	bool moved = !u->holed && (pts > u->top_pts || qts > u->top_qts);

	u->top_pts = pts > u->top_pts ? pts : u->top_pts;
	u->top_qts = qts > u->top_qts ? qts : u->top_qts;
	u->repeats = moved ? 0 : u->repeats + 1;
	if (u->repeats == TG_SLICE_REPEATS)
		tg_gap_say(a, 0, pts, pts, "stalled");
	if (moved)
		ask_when_stored(a);
	else if (u->repeats < TG_SLICE_REPEATS)
		retry_at(a, a->now.boot + TG_DIFF_PACE);
	else
		retry_later(a, NULL);
}

/* What the state skips is told: nobody has it (F.44, F.77). */
static void take_state(struct tg_account *a, const struct tl_updates_state *s)
{
	struct tg_updates *u = &a->up;
	int32_t before = u->box[TG_BOX_COMMON].pts;
	bool known = u->box[TG_BOX_COMMON].known;
	const char *why = u->damaged      ? "damaged"
			  : u->unreadable ? "unreadable"
			  : u->synced     ? "resync"
					  : "catch_up";

	set_state(a, s);
	u->asked_pts = s->pts;
	u->asked_qts = s->qts;
	if ((known || u->damaged) && (before != s->pts || !u->synced))
		tg_gap_say(a, 0, before, s->pts, why);
	if (known && !u->synced)
		tg_channels_skip(a); /* they jump, too */
	common_done(a);
}

static void say_encrypted(struct tg_account *a, struct tg_carrier *c, const struct tl_vec *list,
			  int32_t qts)
{
	struct tl_obj *const *messages = list->items;

	for (uint32_t i = 0; i < list->count; i++) {
		struct tl_updateNewEncryptedMessage *u = tl_arena_alloc(&c->arena, sizeof *u);

		a->up.untold |= !u;
		if (!u)
			return;
		u->obj.ctor = TL_updateNewEncryptedMessage;
		u->message = messages[i];
		u->qts = qts;
		tg_update_say(a, c, &u->obj);
	}
}

/* RPC contract §4 */
static void ask_for_less(struct tg_account *a)
{
	a->up.unreadable += a->up.unreadable < TG_DIFF_CUTS;
	retry_at(a, a->now.boot + TG_DIFF_PACE);
}

/* Both have the same fields; the last one is the state. */
static void take_difference(struct tg_account *a, struct tg_carrier *c,
			    const struct tl_updates_difference *d, bool final)
{
	struct tg_updates *u = &a->up;
	const struct tl_updates_state *s = (const struct tl_updates_state *)d->state;
	struct tl_obj *const *other = d->other_updates.items;
	int32_t before = u->box[TG_BOX_COMMON].pts;
	bool moved = s->pts != before || s->qts != u->box[TG_BOX_QTS].pts || s->date != u->date;

	_Static_assert(sizeof(struct tl_updates_difference) ==
			       sizeof(struct tl_updates_differenceSlice),
		       "differences look alike");
	tg_learn_all(a, &d->users, &d->chats);
	if (final || moved || !u->repeats) { /* what stands still was said once */
		if (!tg_say_messages(a, c, &d->new_messages, s->pts, false)) {
			ask_for_less(a);
			return;
		}
		say_encrypted(a, c, &d->new_encrypted_messages, s->qts);
		for (uint32_t i = 0; i < d->other_updates.count; i++)
			tg_update_covered(a, c, other[i]);
	}
	if (s->pts < before)
		tg_gap_say(a, 0, before, s->pts, "resync");
	set_state(a, s);
	if (moved)
		u->unreadable = 0;
	u->holed = false;
	if (final)
		common_done(a);
	else
		go_on(a);
}

static void take(struct tg_account *a, struct tg_carrier *c, const struct tl_obj *o)
{
	const struct tl_updates_state *s = state_of(o);
	struct tg_updates *u = &a->up;
	struct tg_box *common = &u->box[TG_BOX_COMMON];
	int32_t before = common->pts, pts;

	if (o->ctor == TL_updates_differenceEmpty) {
		u->date = ((const struct tl_updates_differenceEmpty *)o)->date;
		u->box[TG_BOX_SEQ].pts = ((const struct tl_updates_differenceEmpty *)o)->seq;
		u->dirty = true;
		common_done(a);
	} else if (o->ctor == TL_updates_differenceTooLong) {
		pts = ((const struct tl_updates_differenceTooLong *)o)->pts;
		if (pts > 0 && pts != before) {
			common->pts = pts;
			u->dirty = true;
			tg_gap_say(a, 0, before, pts, "too_long");
		}
		/* asked again from there; a second one in a row is no progress */
		go_on(a);
		u->holed = true;
		return;
	} else if (!s) {
		retry_later(a, NULL);
	} else if (o->ctor == TL_updates_state) {
		take_state(a, s);
	} else {
		take_difference(a, c, (const struct tl_updates_difference *)o,
				o->ctor == TL_updates_difference);
	}
}

static void refused(struct tg_account *a, const struct tg_answer *r)
{
	/* F.44: what we have means nothing to the server; the state is taken as it is */
	bool lost = tg_says(r, "PERSISTENT_TIMESTAMP_INVALID") ||
		    tg_says(r, "PERSISTENT_TIMESTAMP_EMPTY");

	if (!lost || !a->wanted || !ask_state(a))
		retry_later(a, r);
}

static void asked(struct tg_account *a, struct tg_call *call, const struct tg_answer *r)
{
	struct tg_updates *u = &a->up;
	struct tg_carrier *c;
	struct tl_obj *o;

	u->call = NULL;
	if (r->error) {
		refused(a, r);
		return;
	}
	if (tg_writes_stalled(a)) {
		set_busy(a, false);
		return; /* asked for again when there is room */
	}
	o = tg_diff_open(call, r, &c);
	if (o) {
		take(a, c, o);
	} else if (call->method == TL_updates_getState) {
		retry_later(a, NULL);
	} else {
		ask_for_less(a);
	}
	tg_carrier_drop(c);
}
