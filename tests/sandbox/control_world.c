/* Control methods that make and unmake: accounts, chats, codes, sessions, faults, time, the end. */
#include "tests/sandbox/world.h"

#include <ev.h>

static void bad(struct sb_request *r, const char *text)
{
	sb_request_fail(r, -32602, text);
}

/* ---- making ---------------------------------------------------------------------------------- */
/* NULL: nobody has that name, and somebody may. */
static const char *bad_username(struct sb_world *w, const char *name)
{
	if (!sb_username_ok(name + (*name == '@')))
		return "username: 4 to 32 of a-z, 0-9 and _, a letter first and no _ last";
	return sb_username_find(w, tl_str(name)) ? "username: taken" : NULL;
}

static void create_user(struct sb_world *w, struct sb_request *r, json_t *params)
{
	const char *phone = sb_param_text(params, "phone"),
		   *first = sb_param_text(params, "first_name"),
		   *username = sb_param_text(params, "username"),
		   *password = sb_param_text(params, "password");
	const char *digits = phone ? sb_phone_clean(w, tl_str(phone)) : NULL,
		   *err = username ? bad_username(w, username) : NULL;
	struct sb_user *u;

	if (!digits)
		bad(r, "phone: 5 to 15 digits");
	else if (sb_phone_find(w, digits))
		bad(r, "phone: taken");
	else if (err)
		bad(r, err);
	else {
		u = sb_user_new(w, digits, first ? first : "User",
				sb_param_text(params, "last_name"));
		if (username)
			sb_username_set(w, u->id, username);
		u->about = sb_copy(&w->store, sb_param_text(params, "about"));
		if (password)
			sb_password_set(w, u, password);
		sb_request_done(r, json_pack("{s:I}", "user_id", (json_int_t)u->id));
	}
}

static void create_bot(struct sb_world *w, struct sb_request *r, json_t *params)
{
	const char *username = sb_param_text(params, "username"),
		   *first = sb_param_text(params, "first_name"),
		   *err = username ? bad_username(w, username) : "username is missing";
	struct sb_user *u;

	if (err) {
		bad(r, err);
		return;
	}
	u = sb_bot_new(w, username, first ? first : username);
	sb_request_done(r, json_pack("{s:I,s:s}", "user_id", (json_int_t)u->id, "token", u->token));
}

/* Members of a new chat; false when the request was failed. */
static bool add_members(struct sb_world *w, struct sb_request *r, json_t *params, struct sb_chat *c)
{
	json_t *list = json_object_get(params, "members"), *item;
	size_t i;

	json_array_foreach(list, i, item)
	{
		json_t *one = json_pack("{s:O}", "members", item);
		struct sb_user *u = sb_param_user(w, r, one, "members");

		json_decref(one);
		if (!u)
			return false;
		if (!sb_in_chat(c, u))
			sb_join(w, c, u, SB_MEMBER, c->creator->id);
	}
	return true;
}

static struct tl_vec member_ids(struct tl_arena *a, const struct sb_chat *c)
{
	int64_t *ids = sb_alloc(a, (sb_member_count(c) + 1) * sizeof(*ids));
	unsigned n = 0;

	for (const struct sb_member *m = c->member_list; m; m = m->next)
		ids[n++] = m->user->id;
	return (struct tl_vec){ids, n};
}

/* The first service message; all members learn of the chat by it. */
static void announce(struct sb_world *w, struct sb_chat *c)
{
	struct sb_act t;

	sb_act_begin(&t, w, c->creator, NULL);
	if (c->channel) {
		struct tl_messageActionChannelCreate *a =
			SB_NEW(&t.arena, messageActionChannelCreate);

		a->title = tl_str(c->title);
		sb_announce(&t, c->id, &a->obj);
	} else {
		struct tl_messageActionChatCreate *a = SB_NEW(&t.arena, messageActionChatCreate);

		a->title = tl_str(c->title);
		a->users = member_ids(&t.arena, c);
		sb_announce(&t, c->id, &a->obj);
	}
	sb_act_end(&t);
}

static void create_group(struct sb_world *w, struct sb_request *r, json_t *params)
{
	const char *title = sb_param_text(params, "title");
	struct sb_user *creator = sb_param_user(w, r, params, "creator");
	struct sb_chat *c;

	if (!creator)
		return;
	c = sb_group_new(w, title ? title : "Group", creator);
	if (!add_members(w, r, params, c))
		return;
	announce(w, c);
	sb_request_done(r, json_pack("{s:I}", "chat_id", (json_int_t)c->id));
}

static void create_channel(struct sb_world *w, struct sb_request *r, json_t *params)
{
	const char *title = sb_param_text(params, "title"),
		   *username = sb_param_text(params, "username");
	struct sb_user *creator = sb_param_user(w, r, params, "creator");
	const char *err = username ? bad_username(w, username) : NULL;
	struct sb_chat *c;

	if (!creator)
		return;
	if (err) {
		bad(r, err);
		return;
	}
	c = sb_channel_new(w, title ? title : "Channel", creator,
			   sb_param_bool(params, "megagroup"));
	if (username)
		sb_username_set(w, c->id, username);
	if (!add_members(w, r, params, c))
		return;
	announce(w, c);
	sb_request_done(r, json_pack("{s:I}", "channel_id", (json_int_t)c->id));
}

/* ---- connections --------------------------------------------------------------------------- */
static void offline_over(struct sb_world *w, void *arg)
{
	uint64_t *fault = arg;

	sb_net_clear_fault(w->s->net, *fault);
}

/* Every packet of the user cuts its connection for that long. */
static void set_offline(struct sb_world *w, struct sb_request *r, json_t *params)
{
	struct sb_user *u = sb_param_user(w, r, params, "user");
	double seconds = json_number_value(json_object_get(params, "seconds"));
	uint64_t *id;
	json_t *fault;
	const char *err;

	if (!u)
		return;
	id = sb_alloc(&w->store, sizeof(*id));
	fault = json_pack("{s:s,s:I}", "kind", "cut", "user", (json_int_t)u->id);
	err = sb_net_fault(w->s->net, fault, id);
	json_decref(fault);
	if (err) {
		bad(r, err);
		return;
	}
	sb_later(w, seconds, offline_over, id);
	sb_request_done(r, json_pack("{s:f}", "seconds", seconds));
}

/* ---- faults, time, the end ------------------------------------------------------------------- */
static void fault(struct sb_world *w, struct sb_request *r, json_t *params)
{
	json_t *user = json_object_get(params, "user");
	struct sb_user *u = NULL;
	const char *err;
	uint64_t id = 0;

	if (user && !json_is_null(user)) {
		u = sb_param_user(w, r, params, "user");
		if (!u)
			return;
		json_object_set_new(params, "user", json_integer(u->id));
	}
	err = sb_fault_add(w, params, u ? u->id : 0, &id);
	if (err)
		bad(r, err);
	else
		sb_request_done(r, json_pack("{s:I}", "fault", (json_int_t)id));
}

static void clear_faults(struct sb_world *w, struct sb_request *r, json_t *params)
{
	uint64_t hits = sb_fault_clear(w, (uint64_t)sb_param_int(params, "fault", 0));

	sb_request_done(r, json_pack("{s:I}", "hits", (json_int_t)hits));
}

static void advance(struct sb_world *w, struct sb_request *r, json_t *params)
{
	w->s->skew += sb_param_int(params, "seconds", 0);
	sb_request_done(r, json_pack("{s:i}", "now", sb_time(w)));
}

static void restart_dc(struct sb_world *w, struct sb_request *r, json_t *params)
{
	sb_net_cut(w->s->net, (int)sb_param_int(params, "id", 0));
	sb_request_done(r, NULL);
}

static void expire_references(struct sb_world *w, struct sb_request *r, json_t *params)
{
	(void)params;
	w->reference_epoch++;
	sb_request_done(r, NULL);
}

static void options(struct sb_world *w, struct sb_request *r, json_t *params)
{
	if (json_object_get(params, "short_updates"))
		w->short_updates = sb_param_bool(params, "short_updates");
	if (json_object_get(params, "numbered"))
		w->numbered = sb_param_bool(params, "numbered");
	sb_request_done(r, json_pack("{s:b,s:b}", "short_updates", w->short_updates, "numbered",
				     w->numbered));
}

static void stats(struct sb_world *w, struct sb_request *r, json_t *params)
{
	json_t *net = sb_net_stats(w->s->net);
	int users = 0, chats = 0, files = 0;
	json_int_t messages = 0;

	(void)params;
	for (struct sb_user *u = w->first_user; u; u = u->next) {
		users++;
		messages += u->box.top;
	}
	for (struct sb_chat *c = w->first_chat; c; c = c->next) {
		chats++;
		messages += c->box.top;
	}
	for (struct sb_file *f = w->first_file; f; f = f->next)
		files++;
	sb_request_done(r,
			json_pack("{s:i,s:i,s:I,s:i,s:I,s:I,s:I,s:o}", "users", users, "chats",
				  chats, "messages", messages, "files", files, "calls",
				  (json_int_t)sb_log_total(w), "store_bytes",
				  (json_int_t)w->store.used, "fault_hits",
				  (json_int_t)sb_fault_hits(w), "net", net ? net : json_object()));
}

static void reset(struct sb_world *w, struct sb_request *r, json_t *params)
{
	(void)params;
	sb_request_done(r, NULL);
	sb_world_reset(w);
}

static void stop(struct sb_world *w, struct sb_request *r, json_t *params)
{
	(void)params;
	sb_request_done(r, NULL);
	ev_break(w->s->loop, EVBREAK_ALL);
}

const struct sb_control_row sb_control_world[] = {
	{"create_user", "phone first_name last_name username password about",
	 "somebody with a phone; +99966XYYYY logs in with the code XXXXX", create_user},
	{"create_bot", "username first_name", "a bot, and its token", create_bot},
	{"create_group", "title creator members", "a group, with its first members", create_group},
	{"create_channel", "title creator username megagroup members",
	 "a channel, or a supergroup (megagroup), with its first members", create_channel},
	{"set_offline", "user seconds", "no connection of that account lives for so many seconds",
	 set_offline},
	{"fault", "kind user dc method direction probability after times code text seconds to",
	 "orders a fault: kind, whom it strikes, how likely, how often", fault},
	{"clear_faults", "fault", "ends a fault, or all of them", clear_faults},
	{"advance", "seconds", "puts the clock forward", advance},
	{"restart_dc", "id", "cuts the connections of a data centre, 0: of all", restart_dc},
	{"expire_references", "", "all references to files end: they have to be fetched anew",
	 expire_references},
	{"options", "short_updates numbered",
	 "short_updates: the short forms of updates; numbered: with a seq", options},
	{"stats", "", "how many users, chats, messages, files, calls; strikes of faults; the wire",
	 stats},
	{"reset", "", "the world begins again, as after the first start", reset},
	{"stop", "", "ends the box", stop},
	{NULL, NULL, NULL, NULL},
};
