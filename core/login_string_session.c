/* A login by a session that was made elsewhere: its keys are taken over, then Telegram says whose
 * they are. And the other way: what a session of ours consists of. */
#include "core/machine.h"
#include "core/string_session.h"

#include <string.h>

/* ---- out ------------------------------------------------------------------------------------- */
static int put_keys(struct tg_account *a, struct tg_string_session *s)
{
	int ids[TG_MAX_DCS];
	unsigned n = tg_dc_keys(a, ids);

	for (unsigned i = 0; i < n && s->dc_count < TG_STRING_SESSION_DCS; i++) {
		struct tg_string_session_dc *d = &s->dcs[s->dc_count];

		d->id = ids[i];
		d->has_key = tg_key_read(a, ids[i], d->key);
		s->dc_count += d->has_key;
	}
	return s->dc_count ? 0 : -TG_E_STORE;
}

static int put_channels(struct tg_account *a, struct tg_string_session *s)
{
	struct tg_string_session_channel ch;
	int r;

	memset(&ch, 0, sizeof ch);
	for (;;) {
		r = tg_channel_next(a, ch.id, &ch.id, &ch.pts);
		if (r || s->channels.len / sizeof ch == TG_STRING_SESSION_CHANNELS)
			break;
		tl_put(&s->channels, &ch, sizeof ch);
	}
	return r == -TG_E_NOT_FOUND ? s->channels.err : r;
}

static int put_peers(struct tg_account *a, struct tg_string_session *s)
{
	struct tl_buf at = {0};
	struct tg_string_session_peer row;
	struct tg_peer p;
	int r;

	memset(&row, 0, sizeof row);
	for (;;) {
		r = tg_peer_next(a, &at, &p);
		if (r || s->peers.len / sizeof row == TG_STRING_SESSION_PEERS)
			break;
		if (!p.has_hash || p.min || (p.kind != TG_PEER_USER && p.kind != TG_PEER_CHANNEL))
			continue;
		row.kind = p.kind;
		row.id = p.id;
		row.access_hash = p.access_hash;
		tl_put(&s->peers, &row, sizeof row);
	}
	tl_buf_free(&at);
	return r == -TG_E_NOT_FOUND ? s->peers.err : r;
}

int tg_string_session_export(struct tg_account *a, struct tg_string_session *ret)
{
	const struct tg_updates *u = &a->up;
	int r;

	memset(ret, 0, sizeof *ret);
	if (!a->authorized)
		return -TG_E_UNAUTHORIZED;
	memcpy(ret->origin, "layerd", 7);
	ret->main_dc = a->main_dc;
	ret->self = a->self;
	ret->bot = a->is_bot;
	ret->test = a->s.test;
	ret->bot_known = ret->test_known = true;
	ret->has_state = u->box[TG_BOX_COMMON].known;
	ret->pts = u->box[TG_BOX_COMMON].pts;
	ret->qts = u->box[TG_BOX_QTS].pts;
	ret->seq = u->box[TG_BOX_SEQ].pts;
	ret->date = u->stored_date;
	r = put_keys(a, ret);
	r = r ? r : put_channels(a, ret);
	r = r ? r : put_peers(a, ret);
	if (r)
		tg_string_session_free(ret);
	return r;
}

/* ---- in -------------------------------------------------------------------------------------- */
static void take_state(struct tg_account *a, const struct tg_string_session *s)
{
	const struct tg_string_session_channel *ch = (const void *)s->channels.data;
	const int32_t values[TG_BOX_COUNT] = {
		[TG_BOX_COMMON] = s->pts, [TG_BOX_QTS] = s->qts, [TG_BOX_SEQ] = s->seq};

	tg_updates_reset(a);
	if (!s->has_state || s->pts <= 0)
		return;
	for (int i = 0; i < TG_BOX_COUNT; i++) {
		a->up.box[i].pts = values[i];
		a->up.box[i].known = true;
	}
	a->up.date = s->date;
	a->up.dirty = true;
	for (size_t i = 0; i < s->channels.len / sizeof *ch; i++) {
		struct tg_channel *known = ch[i].pts > 0 ? tg_channel_get(a, ch[i].id) : NULL;

		if (!known)
			continue;
		known->box.pts = ch[i].pts;
		known->box.known = true;
		known->skipped = false;
		tg_channel_dirty(a, known);
	}
	tg_updates_save(a);
}

static void take_peers(struct tg_account *a, const struct tg_string_session *s)
{
	const struct tg_string_session_peer *p = (const void *)s->peers.data;

	for (size_t i = 0; i < s->peers.len / sizeof *p; i++) {
		struct tl_user user = {.obj = {TL_user},
				       .id = p[i].id,
				       .has_access_hash = true,
				       .access_hash = p[i].access_hash};
		struct tl_channel channel = {.obj = {TL_channel},
					     .id = p[i].id,
					     .has_access_hash = true,
					     .access_hash = p[i].access_hash};

		tg_learn(a, p[i].kind == TG_PEER_USER ? &user.obj : &channel.obj);
	}
}

static void known(struct tg_account *a, struct tg_call *c, const struct tg_answer *r)
{
	struct tl_auth_authorization auth = {.obj = {TL_auth_authorization}};
	struct tl_arena arena;
	struct tl_obj *o;

	if (r->error) {
		tg_login_failed(a, r);
		return;
	}
	tl_arena_init(&arena, TG_ARENA_CAP);
	o = tg_answer_decode(c, r, &arena);
	if (o && o->ctor == TL_VECTOR && ((struct tl_vector *)o)->vec.count == 1) {
		auth.user = *(struct tl_obj **)((struct tl_vector *)o)->vec.items;
		tg_login_authorized(a, &auth.obj);
	} else {
		tg_login_unreadable(a);
	}
	tl_arena_free(&arena);
}

void tg_login_ask_self(struct tg_account *a)
{
	struct tl_inputUserSelf self = {{TL_inputUserSelf}};
	struct tl_obj *list[] = {&self.obj};
	struct tl_users_getUsers m = {{TL_users_getUsers}, {list, 1}};

	tg_login_call(a, &m.obj, known);
}

int tg_login_string_session(struct tg_account *a, const struct tg_string_session *s,
			    struct mt_time now)
{
	int r = s->test_known && s->test != a->s.test ? -TG_E_INVALID_PARAMS : 0;

	r = r ? r : tg_login_begin(a, TG_LOGIN_STRING_SESSION, now);
	if (r)
		return r;
	for (unsigned i = 0; i < TG_MAX_DCS; i++)
		if (a->dcs[i])
			tg_dc_free(a, a->dcs[i]);
	tg_dc_drop_keys(a); /* into quarantine, whatever was there */
	a->main_dc = s->main_dc;
	for (unsigned i = 0; i < s->dc_count; i++)
		if (s->dcs[i].has_key)
			tg_key_save(a, s->dcs[i].id, s->dcs[i].key, sizeof s->dcs[i].key);
	take_peers(a, s);
	take_state(a, s);
	tg_account_set_state(a, TG_CONNECTING, NULL);
	tg_login_ask_self(a);
	return 0;
}
