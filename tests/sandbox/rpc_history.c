/* messages.*: reading: histories, single messages, search. */
#include "tests/sandbox/world.h"

/* A dialog's messages by ascending place; holes and what this user may not see are skipped. */
struct span {
	struct sb_msg **list;
	unsigned count;
	const struct sb_user *viewer;
	int cleared;
};

static struct span span_of(struct sb_world *w, struct sb_user *me, int64_t peer)
{
	struct sb_chat *c = sb_is_channel(peer) ? sb_chat(w, peer) : NULL;
	struct sb_dialog *d = sb_dialog_find(me, peer);
	struct span s = {.viewer = me, .cleared = d ? d->cleared : 0};

	if (c) {
		s.list = c->box.msgs;
		s.count = c->box.msgs ? (unsigned)c->box.top + 1 : 0;
	} else if (d) {
		s.list = d->list;
		s.count = d->count;
	}
	return s;
}

static struct sb_msg *at(const struct span *s, unsigned i)
{
	struct sb_msg *m = s->list[i];

	return m && !m->deleted && m->id > s->cleared && sb_hears(s->viewer, m->post) ? m : NULL;
}

/* The first place whose id (or date) is not below the bound. Places never used count as old. */
static unsigned place(const struct span *s, int bound, bool by_date)
{
	unsigned low = 0, high = s->count;

	while (low < high) {
		unsigned mid = (low + high) / 2;
		const struct sb_msg *m = s->list[mid];

		if (!m || (by_date ? m->post->date : m->id) < bound)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

/* ---- what is wanted -------------------------------------------------------------------------- */
struct wanted {
	int64_t peer;
	const char *q;
	const struct tl_obj *filter;
	int64_t from;
	int offset_id, offset_date, add_offset, limit, max_id, min_id, max_date, min_date;
};

static bool media_fits(const struct sb_media *m, unsigned filter)
{
	bool photo = m && m->file && m->file->photo, document = m && m->file && !m->file->photo;

	switch (filter) {
	case TL_inputMessagesFilterPhotos:
		return photo;
	case TL_inputMessagesFilterDocument:
		return document;
	case TL_inputMessagesFilterPhotoVideo:
		return photo || (document && m->file->mime && !strncmp(m->file->mime, "video/", 6));
	case TL_inputMessagesFilterVideo:
		return document && m->file->mime && !strncmp(m->file->mime, "video/", 6);
	case TL_inputMessagesFilterMusic:
	case TL_inputMessagesFilterVoice:
		return document && m->file->mime && !strncmp(m->file->mime, "audio/", 6);
	}
	return false;
}

static bool fits(const struct wanted *x, const struct sb_msg *m)
{
	const struct sb_post *p = m->post;
	unsigned filter = x->filter ? x->filter->ctor : TL_inputMessagesFilterEmpty;

	if ((x->max_id && m->id >= x->max_id) || (x->min_id && m->id <= x->min_id) ||
	    (x->max_date && p->date >= x->max_date) || (x->min_date && p->date <= x->min_date) ||
	    (x->from && (p->from ? p->from->id : p->to) != x->from))
		return false;
	if (x->q && *x->q && (!p->text || !strcasestr(p->text, x->q)))
		return false;
	if (filter == TL_inputMessagesFilterEmpty)
		return !x->filter || !p->action;
	if (filter == TL_inputMessagesFilterPinned)
		return m->pinned;
	if (filter == TL_inputMessagesFilterMyMentions)
		return m->mentioned;
	return media_fits(p->media, filter);
}

static unsigned count_all(const struct span *s, const struct wanted *x)
{
	struct wanted whole = *x;
	unsigned n = 0;

	whole.max_id = whole.min_id = 0;
	for (unsigned i = 0; i < s->count; i++)
		n += at(s, i) && fits(&whole, s->list[i]);
	return n;
}

/* Newest first, from the offset on. core.telegram.org/api/offsets. */
static unsigned collect(const struct span *s, const struct wanted *x, struct sb_msg **out)
{
	int limit = x->limit < 1 || x->limit > SB_MAX_LIST ? SB_MAX_LIST : x->limit,
	    add = x->add_offset;
	unsigned i = s->count, n = 0;

	if (x->offset_id > 0)
		i = place(s, x->offset_id, false);
	else if (x->offset_date)
		i = place(s, x->offset_date, true);
	while (add < 0 && i < s->count) {
		struct sb_msg *m = at(s, i++);

		add += m && fits(x, m);
	}
	for (; i && n < (unsigned)limit; i--) {
		struct sb_msg *m = at(s, i - 1);

		if (!m || !fits(x, m) || add-- > 0)
			continue;
		out[n++] = m;
	}
	return n;
}

/* ---- answers --------------------------------------------------------------------------------- */
void sb_reply_messages(struct sb_call *c, struct sb_view *v, struct sb_msg **list, unsigned n,
		       unsigned total, int64_t channel)
{
	struct tl_messages_messages *o = SB_NEW(c->arena, messages_messages);
	struct tl_messages_messagesSlice *slice = SB_NEW(c->arena, messages_messagesSlice);
	struct tl_messages_channelMessages *ch = SB_NEW(c->arena, messages_channelMessages);
	struct sb_list messages = {0};
	struct tl_vec users, chats;

	for (unsigned i = 0; i < n; i++)
		sb_add(c->arena, &messages, sb_tl_message(v, list[i]));
	sb_see(v, channel);
	users = sb_seen_users(v);
	chats = sb_seen_chats(v);
	if (channel) {
		ch->pts = sb_chat(v->w, channel)->box.pts;
		ch->count = (int)total;
		ch->messages = sb_vec(&messages);
		ch->users = users;
		ch->chats = chats;
		sb_reply(c, &ch->obj);
	} else if (n < total) {
		slice->count = (int)total;
		slice->messages = sb_vec(&messages);
		slice->users = users;
		slice->chats = chats;
		sb_reply(c, &slice->obj);
	} else {
		o->messages = sb_vec(&messages);
		o->users = users;
		o->chats = chats;
		sb_reply(c, &o->obj);
	}
}

static void answer(struct sb_world *w, struct sb_call *c, struct sb_user *me,
		   const struct wanted *x)
{
	struct sb_view v = sb_view(w, me, c->arena);
	struct span s = span_of(w, me, x->peer);
	struct sb_msg *list[SB_MAX_LIST];
	unsigned n = x->limit == 0 ? 0 : collect(&s, x, list);

	sb_reply_messages(c, &v, list, n, count_all(&s, x), sb_is_channel(x->peer) ? x->peer : 0);
}

static void get_history(struct sb_world *w, struct sb_call *c, struct sb_user *me)
{
	const struct tl_messages_getHistory *in = (const void *)c->request;
	const char *err;
	struct wanted x = {
		.peer = sb_peer_in(w, me, in->peer, &err),
		.offset_id = in->offset_id,
		.offset_date = in->offset_date,
		.add_offset = in->add_offset,
		.limit = in->limit,
		.max_id = in->max_id,
		.min_id = in->min_id,
	};

	if (!x.peer)
		sb_fail(c, err);
	else
		answer(w, c, me, &x);
}

static void search(struct sb_world *w, struct sb_call *c, struct sb_user *me)
{
	const struct tl_messages_search *in = (const void *)c->request;
	const char *err, *err_from;
	struct wanted x = {
		.peer = sb_peer_in(w, me, in->peer, &err),
		.q = sb_text(c->arena, in->q),
		.filter = in->filter,
		.from = in->from_id ? sb_peer_in(w, me, in->from_id, &err_from) : 0,
		.offset_id = in->offset_id,
		.add_offset = in->add_offset,
		.limit = in->limit,
		.max_id = in->max_id,
		.min_id = in->min_id,
		.max_date = in->max_date,
		.min_date = in->min_date,
	};

	if (!x.peer)
		sb_fail(c, in->peer && in->peer->ctor == TL_inputPeerEmpty ? "SEARCH_QUERY_EMPTY"
									   : err);
	else
		answer(w, c, me, &x);
}

/* Over all private chats and groups, and the channels one is in. */
static void search_global(struct sb_world *w, struct sb_call *c, struct sb_user *me)
{
	const struct tl_messages_searchGlobal *in = (const void *)c->request;
	struct sb_view v = sb_view(w, me, c->arena);
	struct wanted x = {.q = sb_text(c->arena, in->q), .filter = in->filter};
	struct sb_msg *list[SB_MAX_LIST];
	unsigned n = 0,
		 max = in->limit < 1 || in->limit > SB_MAX_LIST ? SB_MAX_LIST : (unsigned)in->limit;

	for (struct sb_dialog *d = me->dialog_list; d && !in->offset_rate; d = d->next) {
		struct span s = span_of(w, me, d->peer);

		for (unsigned i = s.count; i && n < max; i--)
			if (at(&s, i - 1) && fits(&x, s.list[i - 1]))
				list[n++] = s.list[i - 1];
	}
	sb_reply_messages(c, &v, list, n, n, 0);
}

static struct sb_msg *by_input(struct sb_world *w, struct sb_user *me, int64_t peer,
			       const struct tl_obj *in)
{
	struct sb_msg *m = NULL;

	if (in->ctor == TL_inputMessageID)
		return sb_msg_in(w, me, peer, ((const struct tl_inputMessageID *)in)->id);
	if (in->ctor == TL_inputMessageReplyTo) {
		m = sb_msg_in(w, me, peer, ((const struct tl_inputMessageReplyTo *)in)->id);
		if (m && m->post->reply) {
			struct sb_msg *x = m->post->reply->copies;

			while (x && x->box != m->box)
				x = x->sibling;
			return x && !x->deleted ? x : NULL;
		}
		return NULL;
	}
	if (in->ctor == TL_inputMessagePinned) {
		struct span s = span_of(w, me, peer);

		for (unsigned i = s.count; i; i--)
			if (at(&s, i - 1) && s.list[i - 1]->pinned)
				return s.list[i - 1];
	}
	return NULL;
}

static int wanted_id(const struct tl_obj *in)
{
	return in->ctor == TL_inputMessageID ? ((const struct tl_inputMessageID *)in)->id : 0;
}

/* A place for each id: what is not there comes as messageEmpty. */
static void reply_by_id(struct sb_world *w, struct sb_call *c, struct sb_user *me, int64_t channel,
			const struct tl_vec *ids)
{
	struct sb_view v = sb_view(w, me, c->arena);
	struct tl_messages_messages *o = SB_NEW(c->arena, messages_messages);
	struct tl_messages_channelMessages *ch = SB_NEW(c->arena, messages_channelMessages);
	struct sb_list list = {0};

	for (unsigned i = 0; i < ids->count && i < SB_MAX_IDS; i++) {
		struct sb_msg *m = by_input(w, me, channel, sb_item(ids, i));
		struct tl_messageEmpty *none;

		if (m) {
			sb_add(c->arena, &list, sb_tl_message(&v, m));
			continue;
		}
		none = SB_NEW(c->arena, messageEmpty);
		none->id = wanted_id(sb_item(ids, i));
		sb_add(c->arena, &list, &none->obj);
	}
	sb_see(&v, channel);
	ch->messages = o->messages = sb_vec(&list);
	ch->users = o->users = sb_seen_users(&v);
	ch->chats = o->chats = sb_seen_chats(&v);
	ch->count = (int)list.count;
	if (channel)
		ch->pts = sb_chat(w, channel)->box.pts;
	sb_reply(c, channel ? &ch->obj : &o->obj);
}

static void get_messages(struct sb_world *w, struct sb_call *c, struct sb_user *me)
{
	const struct tl_messages_getMessages *in = (const void *)c->request;

	reply_by_id(w, c, me, 0, &in->id);
}

static void channel_get_messages(struct sb_world *w, struct sb_call *c, struct sb_user *me)
{
	const struct tl_channels_getMessages *in = (const void *)c->request;
	const char *err;
	struct sb_chat *chat = sb_channel_in(w, me, in->channel, &err);

	if (!chat)
		sb_fail(c, err);
	else if (!in->id.count)
		sb_fail(c, "MESSAGE_IDS_EMPTY");
	else
		reply_by_id(w, c, me, chat->id, &in->id);
}

static void get_views(struct sb_world *w, struct sb_call *c, struct sb_user *me)
{
	const struct tl_messages_getMessagesViews *in = (const void *)c->request;
	struct tl_messages_messageViews *o = SB_NEW(c->arena, messages_messageViews);
	const char *err;
	int64_t peer = sb_peer_in(w, me, in->peer, &err);
	struct sb_list list = {0};

	if (!peer) {
		sb_fail(c, err);
		return;
	}
	for (unsigned i = 0; i < in->id.count && i < SB_MAX_IDS; i++) {
		struct sb_msg *m = sb_msg_in(w, me, peer, sb_int(&in->id, i));
		struct tl_messageViews *one = SB_NEW(c->arena, messageViews);

		if (m && !m->post->from) {
			m->post->views += in->increment;
			SB_SET(one, views, m->post->views);
			SB_SET(one, forwards, m->post->forwards);
		}
		sb_add(c->arena, &list, &one->obj);
	}
	o->views = sb_vec(&list);
	sb_reply(c, &o->obj);
}

static void get_edit_data(struct sb_world *w, struct sb_call *c, struct sb_user *me)
{
	const struct tl_messages_getMessageEditData *in = (const void *)c->request;
	struct tl_messages_messageEditData *o = SB_NEW(c->arena, messages_messageEditData);
	const char *err;
	int64_t peer = sb_peer_in(w, me, in->peer, &err);
	struct sb_msg *m = peer ? sb_msg_in(w, me, peer, in->id) : NULL;

	if (!m || m->post->from != me) {
		sb_fail(c, !peer ? err : m ? "403 MESSAGE_AUTHOR_REQUIRED" : "MESSAGE_ID_INVALID");
		return;
	}
	o->caption = m->post->media != NULL;
	sb_reply(c, &o->obj);
}

const struct sb_method sb_methods_history[] = {
	{TL_messages_getHistory, SB_PEOPLE, get_history, NULL},
	{TL_messages_search, SB_PEOPLE, search, NULL},
	{TL_messages_searchGlobal, SB_PEOPLE, search_global, NULL},
	{TL_messages_getMessages, 0, get_messages, NULL},
	{TL_channels_getMessages, 0, channel_get_messages, NULL},
	{TL_messages_getMessagesViews, SB_PEOPLE, get_views, NULL},
	{TL_messages_getMessageEditData, SB_PEOPLE, get_edit_data, NULL},
	SB_METHOD_END,
};
