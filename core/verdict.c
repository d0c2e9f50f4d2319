/* What Telegram says to a call: its answer, or one of the errors that mean more than no (D.70-D.80,
 * refusal.def). The calls are query.c's. */
#include "core/account.h"

static void refuse(struct tg_account *a, struct tg_call *c, int code, struct tl_str text,
		   int retry_after)
{
	const struct tg_hold *h = retry_after ? tg_flood_find(a, c) : NULL;
	/* -503 and their like are the 500s of other layers */
	struct tg_answer r = {.error = -TG_E_TELEGRAM,
			      .code = code >= 300 && code < 600 ? code : 500,
			      .retry_after = retry_after,
			      .sent = true,
			      .data = (const uint8_t *)text.data,
			      .n = text.len};

	if (h)
		tg_flood_name(h, &r.place);
	tg_call_finish(a, c, &r);
}

/* PHONE, NETWORK and USER tell where the account lives, FILE and STATS where this call's matter
 * does (D.70). */
static void move(struct tg_account *a, struct tg_call *c, const struct tg_refusal *why)
{
	c->moved_by = why->name;
	c->moves_main = why->kind == TG_REFUSED_MOVE && c->to_main;
	c->to_main = c->moves_main;
	c->dc = why->value;
	tg_call_ready(a, c);
}

/* Whether it waits. */
static bool flooded(struct tg_account *a, struct tg_call *c, const struct tg_refusal *why)
{
	struct tg_hold *h = tg_flood_hold(a, c, why);
	struct tg_node *n;

	c->tries = 0;
	if (why->kind == TG_REFUSED_LIMITED && a->now.boot >= a->limited_until) {
		a->limited_until = a->now.boot + TG_LIMITED_TELL;
		n = tg_event_new(a, TG_EV_LIMITED);
		if (n)
			n->ev.value = why->value;
	}
	if (!h || !tg_call_may_wait(a, c, tg_flood_until(h)))
		return false;
	tg_flood_join(a, h, c);
	return true;
}

static void refused(struct tg_account *a, struct tg_call *c, struct tg_dc *dc, int code,
		    struct tl_str text)
{
	struct tg_refusal why = tg_refusal_of(code, text);
	int64_t until = a->now.boot + why.value * TG_SECOND;

	if (!tg_refusal_waits(&why))
		tg_flood_leave(a, c);
	switch (why.kind) {
	case TG_REFUSED_WAIT:
	case TG_REFUSED_SLOW:
	case TG_REFUSED_LIMITED:
		if (flooded(a, c, &why))
			return;
		break;
	case TG_REFUSED_MOVE:
	case TG_REFUSED_THERE:
		if (++c->moves > TG_MIGRATIONS || why.value <= 0)
			break;
		move(a, c, &why);
		return;
	case TG_REFUSED_AGAIN:
		c->unclear = true;
		if (!why.value)
			until = a->now.boot + (TG_SECOND << (c->tries < 6 ? c->tries : 6));
		c->tries = why.value ? 0 : c->tries + 1;
		if (until > c->deadline || tg_call_is_once(c->method))
			break;
		tg_call_sleep(a, c, until);
		return;
	case TG_REFUSED_KEY:
		if (!a->authorized || c->any_state)
			break;
		if (dc->id != a->main_dc && ++c->moves <= TG_MIGRATIONS) {
			tg_dc_set_authorized(a, dc, false);
			tg_call_ready(a, c);
			return;
		}
		if (dc->id != a->main_dc)
			break;
		tg_call_fail(a, c, -TG_E_SESSION_REVOKED, c->unclear);
		tg_account_revoke(a, text);
		return;
	case TG_REFUSED_TWICE:
		if (!a->authorized)
			break;
		tg_call_fail(a, c, -TG_E_SESSION_REVOKED, c->unclear);
		tg_account_revoke(a, text);
		return;
	case TG_REFUSED_TELL:
	case TG_REFUSED_LATER:
	case TG_REFUSED_VERIFY:
		break;
	}
	refuse(a, c, code, text, why.retry_after);
}

/* A long history is worked off in pieces, the same call again for each (F.5). */
static bool is_piece(const struct mt_event *ev)
{
	struct tl_cursor in = tl_cursor(ev->data, ev->n);
	int32_t offset;

	if (tl_get_u32(&in) != TL_ID_messages_affectedHistory)
		return false;
	tl_get(&in, 8); /* pts, pts_count */
	offset = (int32_t)tl_get_u32(&in);
	return !in.err && offset > 0;
}

void tg_calls_event(struct tg_account *a, struct tg_session *s, const struct mt_event *ev)
{
	struct tg_call *c = tg_map_take(&s->queries, ev->query);
	struct tg_answer r = {.data = ev->data, .n = ev->n};

	if (!c)
		return;
	c->on = NULL;
	c->state = TG_CALL_WAIT;
	tg_session_busy(a, s);
	if (ev->kind == MT_EV_RPC_ERROR) {
		refused(a, c, s->dc, ev->code,
			(struct tl_str){(const char *)ev->data, (uint32_t)ev->n});
		return;
	}
	if (ev->kind == MT_EV_FAILED) {
		tg_call_fail(a, c, ev->code, ev->code == -TG_E_OUTCOME_UNKNOWN);
		return;
	}
	tg_updates_answer(a, c, ev->data, ev->n);
	if (is_piece(ev)) {
		tg_flood_leave(a, c);
		c->unclear = true; /* some of it is done */
		tg_call_ready(a, c);
		return;
	}
	tg_call_finish(a, c, &r);
}

struct tl_obj *tg_answer_decode(const struct tg_call *c, const struct tg_answer *r,
				struct tl_arena *arena)
{
	struct tl_cursor in = tl_cursor(r->data, r->n);
	struct tl_obj *o;

	if (tl_decode_result(&tl_api, c->method, arena, &in, &o, NULL) != 0)
		return NULL;
	return o->ctor == TL_UNKNOWN ? NULL : o;
}
