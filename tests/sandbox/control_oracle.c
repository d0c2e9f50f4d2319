/* Control methods that tell the truth: histories, states, events, the call log. */
#include "tests/sandbox/world.h"

static json_t *media_json(const struct sb_media *m)
{
	struct tl_buf b = {0};
	json_t *o;
	char id[24];

	if (!m)
		return NULL;
	if (m->file) {
		snprintf(id, sizeof(id), "%lld", (long long)m->file->id);
		o = json_pack("{s:s,s:s,s:I,s:i,s:s}", "type",
			      m->file->photo ? "photo" : "document", "file_id", id, "size",
			      (json_int_t)m->file->size, "dc", m->file->dc, "mime", m->file->mime);
		if (m->file->name)
			json_object_set_new(o, "name", json_string(m->file->name));
		return o;
	}
	o = tl_obj_to_json(&tl_api, m->obj, &b) < 0 ? NULL
						    : json_loadb((char *)b.data, b.len, 0, NULL);
	tl_buf_free(&b);
	return o;
}

static json_t *reactions_json(const struct sb_reaction *r)
{
	json_t *list = r ? json_array() : NULL;

	for (; r; r = r->next)
		json_array_append_new(list, json_pack("{s:I,s:s}", "user", (json_int_t)r->user,
						      "emoji", r->emoji));
	return list;
}

static void set(json_t *o, const char *name, json_t *value)
{
	if (value)
		json_object_set_new(o, name, value);
}

static json_t *message_json(const struct sb_user *as, const struct sb_msg *m)
{
	const struct sb_post *p = m->post;
	const struct sb_msg *reply = p->reply ? p->reply->copies : NULL;
	json_t *o =
		json_pack("{s:i,s:i,s:I,s:I,s:b,s:s}", "id", m->id, "date", p->date, "from",
			  (json_int_t)(p->from ? p->from->id : p->to), "chat", (json_int_t)m->peer,
			  "out", as ? p->from == as : m->out, "text", p->text ? p->text : "");
	char id[24];

	while (reply && reply->box != m->box)
		reply = reply->sibling;
	if (reply)
		set(o, "reply_to", json_integer(reply->id));
	if (p->random_id) {
		snprintf(id, sizeof(id), "%lld", (long long)p->random_id);
		set(o, "random_id", json_string(id));
	}
	if (p->edit_date)
		set(o, "edit_date", json_integer(p->edit_date));
	if (p->action)
		set(o, "action", json_string(tl_name(&tl_api, p->action->ctor)));
	if (m->deleted)
		set(o, "deleted", json_true());
	if (m->pinned)
		set(o, "pinned", json_true());
	set(o, "media", media_json(p->media));
	set(o, "reactions", reactions_json(p->reactions));
	return o;
}

static void messages(struct sb_world *w, struct sb_request *r, json_t *params)
{
	int64_t peer = sb_param_peer(w, r, params, "peer");
	struct sb_chat *c = sb_chat(w, peer);
	bool deleted = sb_param_bool(params, "deleted");
	struct sb_user *as = NULL;
	const struct sb_dialog *d;
	json_t *list;

	if (!peer)
		return;
	if (json_object_get(params, "as") || !c || !c->channel) {
		as = sb_param_user(w, r, params, "as");
		if (!as)
			return;
	}
	list = json_array();
	for (int id = 1; c && c->channel && id <= c->box.top; id++)
		if (deleted || !c->box.msgs[id]->deleted)
			json_array_append_new(list, message_json(as, c->box.msgs[id]));
	d = as && !(c && c->channel) ? sb_dialog_find(as, peer) : NULL;
	for (unsigned i = 0; d && i < d->count; i++)
		if (deleted || !d->list[i]->deleted)
			json_array_append_new(list, message_json(as, d->list[i]));
	sb_request_done(r, json_pack("{s:I,s:o}", "count", (json_int_t)json_array_size(list),
				     "messages", list));
}

static json_t *session_json(const struct sb_auth *a)
{
	char hash[24];

	snprintf(hash, sizeof(hash), "%llu", (unsigned long long)a->hash);
	return json_pack("{s:s,s:i,s:i,s:b,s:b,s:s,s:s}", "hash", hash, "dc", a->dc, "layer",
			 a->layer, "online", sb_login(a) && sb_login(a)->online, "revoked",
			 a->revoked, "device", a->device, "app", a->app);
}

static void state(struct sb_world *w, struct sb_request *r, json_t *params)
{
	struct sb_user *u = sb_param_user(w, r, params, "user");
	json_t *channels, *dialogs, *sessions;

	if (!u)
		return;
	channels = json_array();
	dialogs = json_array();
	sessions = json_array();
	for (struct sb_dialog *d = u->dialog_list; d; d = d->next) {
		struct sb_chat *c = sb_chat(w, d->peer);
		struct sb_msg *top = sb_top(w, u, d);

		if (c && c->channel && sb_in_chat(c, u))
			json_array_append_new(
				channels,
				json_pack("{s:I,s:i}", "id", (json_int_t)c->id, "pts", c->box.pts));
		json_array_append_new(
			dialogs, json_pack("{s:I,s:i,s:i,s:i,s:i}", "chat", (json_int_t)d->peer,
					   "top", top ? top->id : 0, "read_in", d->read_in,
					   "read_out", d->read_out, "unread", sb_unread(w, u, d)));
	}
	for (unsigned i = 0; i < u->auth_count; i++)
		json_array_append_new(sessions, session_json(u->auths[i]));
	sb_request_done(r,
			json_pack("{s:i,s:i,s:i,s:i,s:i,s:o,s:o,s:o}", "pts", u->box.pts, "qts",
				  u->qts, "seq", u->seq, "date", sb_time(w), "dc", u->dc,
				  "channels", channels, "dialogs", dialogs, "sessions", sessions));
}

static void calls(struct sb_world *w, struct sb_request *r, json_t *params)
{
	json_t *user = json_object_get(params, "user");
	struct sb_user *u = NULL;

	if (user && !json_is_null(user)) {
		u = sb_param_user(w, r, params, "user");
		if (!u)
			return;
	}
	sb_request_done(r, sb_log_list(w, u ? u->id : 0, sb_param_text(params, "method"),
				       (uint64_t)sb_param_int(params, "since", 0)));
}

static json_t *event_json(const struct sb_event *e)
{
	static const char *const names[] = {
		[SB_EV_NEW] = "new",           [SB_EV_EDIT] = "edit",
		[SB_EV_DELETE] = "delete",     [SB_EV_READ_IN] = "read_in",
		[SB_EV_READ_OUT] = "read_out", [SB_EV_CONTENTS] = "contents",
		[SB_EV_PINNED] = "pinned",     [SB_EV_UNPINNED] = "unpinned",
	};
	json_t *o = json_pack("{s:s,s:i,s:i,s:i}", "kind", names[e->kind], "pts", e->pts,
			      "pts_count", e->count, "date", e->date);

	if (e->peer)
		set(o, "chat", json_integer(e->peer));
	if (e->id)
		set(o, "id", json_integer(e->id));
	if (e->id_count && !e->id) {
		json_t *ids = json_array();

		for (unsigned i = 0; i < e->id_count; i++)
			json_array_append_new(ids, json_integer(e->ids[i]));
		set(o, "ids", ids);
	}
	return o;
}

/* Every event of a user's or a channel's box behind a pts. */
static void events(struct sb_world *w, struct sb_request *r, json_t *params)
{
	int64_t peer = sb_param_peer(w, r, params, "peer");
	struct sb_user *u = sb_user(w, peer);
	struct sb_chat *c = sb_chat(w, peer);
	const struct sb_box *b = u ? &u->box : &c->box;
	json_t *list;

	if (!peer)
		return;
	list = json_array();
	for (unsigned i = sb_box_since(b, (int)sb_param_int(params, "since", 0));
	     i < b->event_count; i++)
		json_array_append_new(list, event_json(&b->events[i]));
	sb_request_done(r, json_pack("{s:i,s:o}", "pts", b->pts, "events", list));
}

/* ---- what an account should have seen -------------------------------------------------------- */
static const char *type_of(const struct sb_event *e)
{
	switch (e->kind) {
	case SB_EV_NEW:
		return "new_message";
	case SB_EV_EDIT:
		return "message_edited";
	case SB_EV_DELETE:
		return "message_deleted";
	case SB_EV_READ_IN:
	case SB_EV_READ_OUT:
		return "read";
	case SB_EV_CONTENTS:
	case SB_EV_PINNED:
	case SB_EV_UNPINNED:
		break;
	}
	return "raw";
}

/* An event as the account's journal should have it; NULL: it is not told that. What was deleted
 * since may have been seen, or not. */
static json_t *expected_json(const struct sb_user *u, struct sb_box *b, const struct sb_event *e)
{
	const struct sb_msg *m = e->id > 0 && e->id <= b->top ? b->msgs[e->id] : NULL;
	bool text = e->kind == SB_EV_NEW || e->kind == SB_EV_EDIT;
	json_t *o;

	if (text && (!m || !sb_hears(u, m->post)))
		return NULL;
	o = event_json(e);
	json_object_set_new(o, "type", json_string(type_of(e)));
	if (text && m->deleted)
		json_object_set_new(o, "deleted", json_true());
	else if (text)
		json_object_set_new(o, "text", json_string(m->post->text ? m->post->text : ""));
	return o;
}

static json_t *expected_box(const struct sb_user *u, struct sb_box *b, int since)
{
	json_t *list = json_array();

	for (unsigned i = sb_box_since(b, since); i < b->event_count; i++) {
		json_t *o = expected_json(u, b, &b->events[i]);

		if (o)
			json_array_append_new(list, o);
	}
	return list;
}

/* since: an answer of `state`, from where on it is told; channels that are not in it, from 0. */
static void expected(struct sb_world *w, struct sb_request *r, json_t *params)
{
	struct sb_user *u = sb_param_user(w, r, params, "user");
	json_t *since = json_object_get(params, "since"), *channels, *c;
	size_t i;

	if (!u)
		return;
	channels = json_object();
	for (struct sb_chat *chat = w->first_chat; chat; chat = chat->next) {
		json_int_t from = 0;
		char id[24];

		if (!chat->channel || !sb_in_chat(chat, u))
			continue;
		json_array_foreach(json_object_get(since, "channels"), i,
				   c) if (json_integer_value(json_object_get(c, "id")) == chat->id)
			from = json_integer_value(json_object_get(c, "pts"));
		snprintf(id, sizeof id, "%lld", (long long)chat->id);
		json_object_set_new(channels, id, expected_box(u, &chat->box, (int)from));
	}
	sb_request_done(r, json_pack("{s:o,s:i,s:o}", "common",
				     expected_box(u, &u->box, (int)sb_param_int(since, "pts", 0)),
				     "qts", u->qts - (int)sb_param_int(since, "qts", 0), "channels",
				     channels));
}

static void users(struct sb_world *w, struct sb_request *r, json_t *params)
{
	json_t *list = json_array();

	(void)params;
	for (struct sb_user *u = w->first_user; u; u = u->next) {
		json_t *o = json_pack("{s:I,s:s,s:b}", "id", (json_int_t)u->id, "first_name",
				      u->first ? u->first : "", "bot", u->bot);

		if (u->username)
			set(o, "username", json_string(u->username));
		if (u->phone)
			set(o, "phone", json_string(u->phone));
		if (u->token)
			set(o, "token", json_string(u->token));
		json_array_append_new(list, o);
	}
	sb_request_done(r, json_pack("{s:o}", "users", list));
}

const struct sb_control_row sb_control_oracle[] = {
	{"messages", "peer as deleted", "the history of a chat, as that person sees it", messages},
	{"state", "user", "pts, qts, channels, dialogs and sessions of an account", state},
	{"calls", "user method since",
	 "what was asked of Telegram: method, parameters, error, session, time", calls},
	{"events", "peer since",
	 "what changed in an account's or a channel's messages behind a pts", events},
	{"expected", "user since", "what an account's journal should have since an answer of state",
	 expected},
	{"users", "", "all of them, with the tokens of bots", users},
	{NULL, NULL, NULL, NULL},
};
