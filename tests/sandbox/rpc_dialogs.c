/* Lists of dialogs and what belongs to one: settings, drafts, pins, marks. */
#include "tests/sandbox/world.h"

#define FILTERS_LAYER 174 /* before it, a vector, which is not spoken here */

struct row {
	struct sb_dialog *d;
	struct sb_msg *top;
	int date;
};

static int newest_first(const void *a, const void *b)
{
	const struct row *x = a, *y = b;

	if (x->d->pinned != y->d->pinned)
		return x->d->pinned ? -1 : 1;
	if (x->date != y->date)
		return x->date < y->date ? 1 : -1;
	return (x->d->peer < y->d->peer) - (x->d->peer > y->d->peer);
}

/* All dialogs to be shown, sorted; in the arena. */
static struct row *rows_of(struct sb_world *w, struct sb_user *me, struct tl_arena *a,
			   unsigned *ret_count)
{
	unsigned n = 0;
	struct row *rows;

	for (struct sb_dialog *d = me->dialog_list; d; d = d->next)
		n++;
	rows = sb_alloc(a, (n + 1) * sizeof(*rows));
	n = 0;
	for (struct sb_dialog *d = me->dialog_list; d; d = d->next) {
		struct sb_chat *c = sb_chat(w, d->peer);
		struct sb_msg *top = sb_top(w, me, d);

		if (d->hidden || (c && (c->deleted || (c->channel && !sb_in_chat(c, me)))) ||
		    (!top && !(c && c->channel)))
			continue;
		rows[n++] = (struct row){d, top, top ? top->post->date : c->date};
	}
	qsort(rows, n, sizeof(*rows), newest_first);
	*ret_count = n;
	return rows;
}

static void draw(struct sb_view *v, const struct row *r, struct sb_list *dialogs,
		 struct sb_list *messages)
{
	sb_add(v->arena, dialogs, sb_tl_dialog(v, r->d));
	if (r->top)
		sb_add(v->arena, messages, sb_tl_message(v, r->top));
}

static bool behind(const struct row *r, const struct tl_messages_getDialogs *in, int64_t peer,
		   bool *passed)
{
	if (*passed)
		return true;
	if (peer && r->d->peer == peer)
		*passed = true; /* the next one */
	else if (!peer && (!in->offset_date || r->date < in->offset_date))
		return *passed = true;
	return false;
}

static void get_dialogs(struct sb_world *w, struct sb_call *c, struct sb_user *me)
{
	const struct tl_messages_getDialogs *in = (const void *)c->request;
	struct tl_messages_dialogsSlice *o = SB_NEW(c->arena, messages_dialogsSlice);
	struct tl_messages_dialogs *whole = SB_NEW(c->arena, messages_dialogs);
	struct sb_view v = sb_view(w, me, c->arena);
	struct sb_list dialogs = {0}, messages = {0};
	const char *err;
	int64_t peer = in->offset_peer && in->offset_peer->ctor != TL_inputPeerEmpty
			       ? sb_peer_in(w, me, in->offset_peer, &err)
			       : 0;
	bool passed = !peer && !in->offset_date;
	unsigned n, total = 0,
		    limit = in->limit < 1 || in->limit > SB_MAX_LIST ? SB_MAX_LIST
								     : (unsigned)in->limit;
	struct row *rows = rows_of(w, me, c->arena, &n);

	for (unsigned i = 0; i < n; i++) {
		if ((in->exclude_pinned && rows[i].d->pinned) ||
		    (in->has_folder_id && in->folder_id != rows[i].d->folder))
			continue;
		total++;
		if (behind(&rows[i], in, peer, &passed) && dialogs.count < limit)
			draw(&v, &rows[i], &dialogs, &messages);
	}
	o->count = (int)total;
	whole->dialogs = o->dialogs = sb_vec(&dialogs);
	whole->messages = o->messages = sb_vec(&messages);
	whole->users = o->users = sb_seen_users(&v);
	whole->chats = o->chats = sb_seen_chats(&v);
	sb_reply(c, dialogs.count == total ? &whole->obj : &o->obj);
}

static void reply_peer_dialogs(struct sb_call *c, struct sb_view *v, struct sb_list *dialogs,
			       struct sb_list *messages)
{
	struct tl_messages_peerDialogs *o = SB_NEW(c->arena, messages_peerDialogs);

	o->dialogs = sb_vec(dialogs);
	o->messages = sb_vec(messages);
	o->users = sb_seen_users(v);
	o->chats = sb_seen_chats(v);
	o->state = sb_tl_state(v);
	sb_reply(c, &o->obj);
}

static void get_pinned(struct sb_world *w, struct sb_call *c, struct sb_user *me)
{
	struct sb_view v = sb_view(w, me, c->arena);
	struct sb_list dialogs = {0}, messages = {0};
	unsigned n;
	struct row *rows = rows_of(w, me, c->arena, &n);

	for (unsigned i = 0; i < n; i++)
		if (rows[i].d->pinned)
			draw(&v, &rows[i], &dialogs, &messages);
	reply_peer_dialogs(c, &v, &dialogs, &messages);
}

static int64_t dialog_in(struct sb_world *w, struct sb_user *me, const struct tl_obj *o,
			 const char **ret_error)
{
	*ret_error = "PEER_ID_INVALID";
	return o && o->ctor == TL_inputDialogPeer
		       ? sb_peer_in(w, me, ((const struct tl_inputDialogPeer *)o)->peer, ret_error)
		       : 0;
}

static void get_peer_dialogs(struct sb_world *w, struct sb_call *c, struct sb_user *me)
{
	const struct tl_messages_getPeerDialogs *in = (const void *)c->request;
	struct sb_view v = sb_view(w, me, c->arena);
	struct sb_list dialogs = {0}, messages = {0};

	for (unsigned i = 0; i < in->peers.count && i < SB_MAX_LIST; i++) {
		const char *err;
		int64_t peer = dialog_in(w, me, sb_item(&in->peers, i), &err);
		struct row r = {0};

		if (!peer) {
			sb_fail(c, err);
			return;
		}
		r.d = sb_dialog(w, me, peer);
		r.top = sb_top(w, me, r.d);
		draw(&v, &r, &dialogs, &messages);
	}
	reply_peer_dialogs(c, &v, &dialogs, &messages);
}

static void get_peer_settings(struct sb_world *w, struct sb_call *c, struct sb_user *me)
{
	const struct tl_messages_getPeerSettings *in = (const void *)c->request;
	struct tl_messages_peerSettings *o = SB_NEW(c->arena, messages_peerSettings);
	struct sb_view v = sb_view(w, me, c->arena);
	const char *err;
	int64_t peer = sb_peer_in(w, me, in->peer, &err);

	if (!peer) {
		sb_fail(c, err);
		return;
	}
	sb_see(&v, peer);
	o->settings = &SB_NEW(c->arena, peerSettings)->obj;
	o->users = sb_seen_users(&v);
	o->chats = sb_seen_chats(&v);
	sb_reply(c, &o->obj);
}

/* ---- what is set on a dialog ----------------------------------------------------------------- */
/* Tells the user's other sessions, answers true. */
static void set_and_tell(struct sb_world *w, struct sb_call *c, struct sb_user *me, int64_t peer,
			 struct tl_obj *update)
{
	struct sb_act t;

	sb_act_begin(&t, w, me, c);
	sb_act_update(&t, me, NULL, update)->about[0] = peer;
	sb_act_bool(&t, c, true);
	sb_act_end(&t);
}

static void toggle_pin(struct sb_world *w, struct sb_call *c, struct sb_user *me)
{
	const struct tl_messages_toggleDialogPin *in = (const void *)c->request;
	struct tl_updateDialogPinned *u = SB_NEW(c->arena, updateDialogPinned);
	struct tl_dialogPeer *p = SB_NEW(c->arena, dialogPeer);
	const char *err;
	int64_t peer = dialog_in(w, me, in->peer, &err);

	if (!peer) {
		sb_fail(c, err);
		return;
	}
	sb_dialog(w, me, peer)->pinned = in->pinned;
	p->peer = sb_tl_peer(c->arena, peer);
	u->peer = &p->obj;
	u->pinned = in->pinned;
	set_and_tell(w, c, me, peer, &u->obj);
}

static void mark_unread(struct sb_world *w, struct sb_call *c, struct sb_user *me)
{
	const struct tl_messages_markDialogUnread *in = (const void *)c->request;
	struct tl_updateDialogUnreadMark *u = SB_NEW(c->arena, updateDialogUnreadMark);
	struct tl_dialogPeer *p = SB_NEW(c->arena, dialogPeer);
	const char *err;
	int64_t peer = dialog_in(w, me, in->peer, &err);

	if (!peer) {
		sb_fail(c, err);
		return;
	}
	sb_dialog(w, me, peer)->unread_mark = in->unread;
	p->peer = sb_tl_peer(c->arena, peer);
	u->peer = &p->obj;
	u->unread = in->unread;
	set_and_tell(w, c, me, peer, &u->obj);
}

static void save_draft(struct sb_world *w, struct sb_call *c, struct sb_user *me)
{
	const struct tl_messages_saveDraft *in = (const void *)c->request;
	struct tl_updateDraftMessage *u = SB_NEW(c->arena, updateDraftMessage);
	struct tl_draftMessage *d = SB_NEW(c->arena, draftMessage);
	const char *err;
	int64_t peer = sb_peer_in(w, me, in->peer, &err);

	if (!peer) {
		sb_fail(c, err);
		return;
	}
	d->message = in->message;
	d->entities = in->entities;
	d->reply_to = in->reply_to;
	d->no_webpage = in->no_webpage;
	d->date = sb_time(w);
	u->peer = sb_tl_peer(c->arena, peer);
	u->draft = in->message.len ? &d->obj : &SB_NEW(c->arena, draftMessageEmpty)->obj;
	sb_dialog(w, me, peer)->draft = in->message.len ? sb_keep(w, &w->store, &d->obj) : NULL;
	set_and_tell(w, c, me, peer, &u->obj);
}

static void get_drafts(struct sb_world *w, struct sb_call *c, struct sb_user *me)
{
	struct sb_view v = sb_view(w, me, c->arena);
	struct sb_list list = {0};

	for (struct sb_dialog *d = me->dialog_list; d; d = d->next) {
		struct tl_updateDraftMessage *u;

		if (!d->draft)
			continue;
		u = SB_NEW(c->arena, updateDraftMessage);
		u->peer = sb_tl_peer(c->arena, d->peer);
		u->draft = (struct tl_obj *)d->draft;
		sb_see(&v, d->peer);
		sb_add(c->arena, &list, &u->obj);
	}
	sb_reply(c, sb_tl_updates(&v, sb_vec(&list)));
}

static void get_filters(struct sb_world *w, struct sb_call *c, struct sb_user *me)
{
	struct tl_messages_dialogFilters *o = SB_NEW(c->arena, messages_dialogFilters);

	(void)w;
	(void)me;
	if (sb_older(c, FILTERS_LAYER)) {
		sb_fail(c, "METHOD_INVALID");
		return;
	}
	o->filters = sb_vec_of(c->arena, &SB_NEW(c->arena, dialogFilterDefault)->obj);
	sb_reply(c, &o->obj);
}

/* ---- notifications --------------------------------------------------------------------------- */
static struct sb_dialog *notify_dialog(struct sb_world *w, struct sb_user *me,
				       const struct tl_obj *o)
{
	const char *err;
	int64_t peer =
		o && o->ctor == TL_inputNotifyPeer
			? sb_peer_in(w, me, ((const struct tl_inputNotifyPeer *)o)->peer, &err)
			: 0;

	return peer ? sb_dialog(w, me, peer) : NULL;
}

static void get_notify(struct sb_world *w, struct sb_call *c, struct sb_user *me)
{
	const struct tl_account_getNotifySettings *in = (const void *)c->request;
	struct sb_dialog *d = notify_dialog(w, me, in->peer);

	if (in->peer && in->peer->ctor == TL_inputNotifyPeer && !d)
		sb_fail(c, "PEER_ID_INVALID");
	else
		sb_reply(c, sb_tl_notify(c->arena, d));
}

static void update_notify(struct sb_world *w, struct sb_call *c, struct sb_user *me)
{
	const struct tl_account_updateNotifySettings *in = (const void *)c->request;
	const struct tl_inputPeerNotifySettings *s = (const void *)in->settings;
	struct sb_dialog *d = notify_dialog(w, me, in->peer);
	struct tl_peerNotifySettings *o = SB_NEW(c->arena, peerNotifySettings);

	if (in->peer && in->peer->ctor == TL_inputNotifyPeer && !d) {
		sb_fail(c, "PEER_ID_INVALID");
		return;
	}
	if (s->has_show_previews)
		SB_SET(o, show_previews, s->show_previews);
	if (s->has_silent)
		SB_SET(o, silent, s->silent);
	if (s->has_mute_until)
		SB_SET(o, mute_until, s->mute_until);
	if (d)
		d->notify = sb_keep(w, &w->store, &o->obj);
	sb_reply_bool(c, true);
}

const struct sb_method sb_methods_dialogs[] = {
	{TL_messages_getDialogs, SB_PEOPLE, get_dialogs, NULL},
	{TL_messages_getPinnedDialogs, SB_PEOPLE, get_pinned, NULL},
	{TL_messages_getPeerDialogs, SB_PEOPLE, get_peer_dialogs, NULL},
	{TL_messages_getPeerSettings, SB_PEOPLE, get_peer_settings, NULL},
	{TL_messages_getDialogFilters, SB_PEOPLE, get_filters, NULL},
	{TL_messages_toggleDialogPin, SB_PEOPLE, toggle_pin, NULL},
	{TL_messages_markDialogUnread, SB_PEOPLE, mark_unread, NULL},
	{TL_messages_saveDraft, SB_PEOPLE, save_draft, NULL},
	{TL_messages_getAllDrafts, SB_PEOPLE, get_drafts, NULL},
	{TL_account_getNotifySettings, SB_PEOPLE, get_notify, NULL},
	{TL_account_updateNotifySettings, SB_PEOPLE, update_notify, NULL},
	SB_METHOD_END,
};
