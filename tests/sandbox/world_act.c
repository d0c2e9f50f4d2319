/* An act: what one call, control request or actor changed, told to everybody it concerns: to the
 * caller's own session in the answer, to all other sessions by push, to built-in actors at last.
 * Everything noted lives in the act's arena and dies with it. */
#include "tests/sandbox/world.h"

void sb_act_begin(struct sb_act *t, struct sb_world *w, struct sb_user *actor, struct sb_call *c)
{
	memset(t, 0, sizeof(*t));
	t->w = w;
	t->actor = actor;
	t->auth = c ? c->auth : NULL;
	t->session = c ? c->session : 0;
	tl_arena_init(&t->arena, SIZE_MAX);
}

static struct sb_note *note_new(struct sb_act *t, struct sb_user *user, struct sb_chat *chat)
{
	struct sb_note *n;

	if (t->count == t->cap) {
		unsigned cap = t->cap ? t->cap * 2 : 8;
		struct sb_note *list = sb_alloc(&t->arena, cap * sizeof(*list));

		if (t->count)
			memcpy(list, t->notes, t->count * sizeof(*list));
		t->notes = list;
		t->cap = cap;
	}
	n = &t->notes[t->count++];
	n->user = user;
	n->chat = chat;
	return n;
}

void sb_act_event(struct sb_act *t, struct sb_user *user, struct sb_chat *chat, struct sb_box *box,
		  const struct sb_event *e)
{
	struct sb_note *n = note_new(t, user, chat);

	n->box = box;
	n->event = *e;
}

struct sb_note *sb_act_update(struct sb_act *t, struct sb_user *user, struct sb_chat *chat,
			      struct tl_obj *update)
{
	struct sb_note *n = note_new(t, user, chat);

	n->update = update;
	return n;
}

void sb_act_heard(struct sb_act *t, struct sb_user *user, struct sb_msg *m)
{
	if (!user->heard || m->post->from == user)
		return;
	if (t->heard_count == t->heard_cap) {
		unsigned cap = t->heard_cap ? t->heard_cap * 2 : 4;
		struct sb_heard *list = sb_alloc(&t->arena, cap * sizeof(*list));

		if (t->heard_count)
			memcpy(list, t->heard, t->heard_count * sizeof(*list));
		t->heard = list;
		t->heard_cap = cap;
	}
	t->heard[t->heard_count++] = (struct sb_heard){user, m};
}

/* ---- drawing ------------------------------------------------------------------------------------
 */
static bool concerns(const struct sb_note *n, const struct sb_user *u)
{
	return n->user ? n->user == u : n->chat && sb_in_chat(n->chat, u);
}

static struct tl_obj *note_draw(struct sb_view *v, const struct sb_note *n)
{
	for (unsigned i = 0; i < sizeof(n->about) / sizeof(*n->about); i++)
		sb_see(v, n->about[i]);
	return n->box ? sb_tl_event(v, n->box, &n->event) : n->update;
}

static struct tl_obj *act_draw(struct sb_act *t, struct sb_view *v, struct sb_list *list)
{
	for (unsigned i = 0; i < t->count; i++)
		if (concerns(&t->notes[i], v->viewer))
			sb_add(v->arena, list, note_draw(v, &t->notes[i]));
	return list->count ? sb_tl_updates(v, sb_vec(list)) : NULL;
}

/* One number for each user and act, whichever of his sessions it goes to (F.17). */
static struct tl_obj *numbered(struct sb_act *t, struct sb_user *u, struct tl_obj *o)
{
	int seq = u == t->actor ? t->seq : 0;

	if (!t->w->numbered || !o)
		return o;
	if (!seq)
		seq = ++u->seq;
	if (u == t->actor)
		t->seq = seq;
	((struct tl_updates *)o)->seq = seq;
	return o;
}

struct tl_obj *sb_act_answer(struct sb_act *t, struct sb_call *c, struct tl_vec extra)
{
	struct sb_view v = sb_view(t->w, t->actor, c->arena);
	struct sb_list list = {0};
	struct tl_obj *o;

	for (unsigned i = 0; i < extra.count; i++)
		sb_add(c->arena, &list, sb_item(&extra, i));
	o = act_draw(t, &v, &list);
	return numbered(t, t->actor, o ? o : sb_tl_updates(&v, sb_vec(&list)));
}

/* updateShortMessage for a plain text in a private chat, as real servers send it. */
static struct tl_obj *short_form(const struct sb_world *w, struct sb_view *v, struct tl_obj *o)
{
	const struct tl_updates *u = (const void *)o;
	const struct tl_updateNewMessage *n =
		u->updates.count == 1 ? (void *)sb_item(&u->updates, 0) : NULL;
	const struct tl_message *m;
	struct tl_updateShortMessage *s;

	if (!w->short_updates || w->numbered || !n || n->obj.ctor != TL_updateNewMessage)
		return o;
	m = (const void *)n->message;
	if (m->obj.ctor != TL_message || m->peer_id->ctor != TL_peerUser || m->media ||
	    m->reply_markup || m->fwd_from || m->reply_to || m->has_grouped_id || m->has_effect)
		return o;
	s = SB_NEW(v->arena, updateShortMessage);
	s->out = m->out;
	s->mentioned = m->mentioned;
	s->silent = m->silent;
	s->id = m->id;
	s->user_id = ((const struct tl_peerUser *)m->peer_id)->user_id;
	s->message = m->message;
	s->pts = n->pts;
	s->pts_count = n->pts_count;
	s->date = m->date;
	s->entities = m->entities;
	return &s->obj;
}

static void push_to(struct sb_act *t, struct sb_user *u, struct tl_arena *a)
{
	struct sb_view v = sb_view(t->w, u, a);
	struct sb_list list = {0};
	struct tl_obj *o = NULL;

	for (unsigned i = 0; i < u->auth_count; i++) {
		struct sb_auth *auth = u->auths[i];

		if (sb_login(auth)->imported || !sb_login(auth)->online || auth->revoked)
			continue;
		if (!o) {
			o = numbered(t, u, act_draw(t, &v, &list));
			if (!o)
				return;
			o = short_form(t->w, &v, o);
		}
		sb_push(t->w->s, auth, o, auth == t->auth ? t->session : 0);
	}
}

static void push_once(struct sb_act *t, struct sb_map *done, struct sb_user *u, struct tl_arena *a)
{
	if (!u->auth_count || sb_map_get(done, u->id))
		return;
	sb_map_put(&t->arena, done, u->id, u);
	tl_arena_reset(a);
	push_to(t, u, a);
}

static void heard_later(struct sb_world *w, void *arg)
{
	struct sb_heard *h = arg;

	if (!h->msg->deleted)
		h->user->heard(w, h->user, h->msg);
}

void sb_act_end(struct sb_act *t)
{
	struct sb_map done = {0};
	struct tl_arena a;

	tl_arena_init(&a, SIZE_MAX);
	for (unsigned i = 0; i < t->count; i++) {
		const struct sb_note *n = &t->notes[i];

		if (n->user)
			push_once(t, &done, n->user, &a);
		for (struct sb_member *m = n->user ? NULL : n->chat->member_list; m; m = m->next)
			if (m->rank >= SB_MEMBER)
				push_once(t, &done, m->user, &a);
	}
	for (unsigned i = 0; i < t->heard_count; i++) {
		struct sb_heard *h = sb_alloc(&t->w->store, sizeof(*h));

		*h = t->heard[i];
		sb_later(t->w, 0, heard_later, h);
	}
	tl_arena_free(&a);
	if (t->call && t->error)
		sb_fail(t->call, t->error);
	else if (t->call && t->answer)
		sb_reply(t->call, t->answer);
	else if (t->call)
		sb_reply_bool(t->call, t->truth);
	tl_arena_free(&t->arena);
	memset(t, 0, sizeof(*t));
}

void sb_push_update(struct sb_world *w, struct sb_user *u, struct tl_obj *update,
		    const int64_t *about, unsigned n)
{
	struct sb_act t;
	struct sb_note *note;

	sb_act_begin(&t, w, NULL, NULL);
	note = sb_act_update(&t, u, NULL, update);
	for (unsigned i = 0; i < n && i < sizeof(note->about) / sizeof(*note->about); i++)
		note->about[i] = about[i];
	sb_act_end(&t);
}

void sb_answer_updates(struct sb_call *c, struct sb_act *t)
{
	sb_act_reply(t, c, sb_act_answer(t, c, (struct tl_vec){NULL, 0}));
	sb_act_end(t);
}

/* ---- the answer, last of all: the call's memory dies with it --------------------------------- */
void sb_act_reply(struct sb_act *t, struct sb_call *c, const struct tl_obj *answer)
{
	t->call = c;
	t->answer = answer;
}

void sb_act_bool(struct sb_act *t, struct sb_call *c, bool v)
{
	t->call = c;
	t->truth = v;
}

void sb_act_fail(struct sb_act *t, struct sb_call *c, const char *text)
{
	t->call = c;
	t->error = text;
}
