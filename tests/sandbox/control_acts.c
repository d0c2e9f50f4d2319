/* Control methods that do what a person would do in an app, or a bot by its code. */
#include "tests/sandbox/world.h"

#define FLOOD_TICK 0.01
#define FLOOD_AT_ONCE 200 /* messages in one go when no rate is given */
#define FLOOD_MAX 10000000
#define FLOOD_MAX_RATE 1e6

static void refused(struct sb_request *r, const char *text)
{
	char *end;
	long code = strtol(text, &end, 10);

	if (end == text || *end != ' ')
		sb_request_fail(r, 400, text);
	else
		sb_request_fail(r, (int)code, end + 1);
}

static void message_done(struct sb_world *w, struct sb_request *r, struct sb_user *u,
			 const struct sb_msg *m)
{
	const struct sb_box *b = m ? m->box : &u->box;

	(void)w;
	sb_request_done(r, json_pack("{s:i,s:i}", "message_id", m ? m->id : 0, "pts", b->pts));
}

/* ---- what a message is made of --------------------------------------------------------------- */
static struct tl_obj *tl_param(struct tl_arena *a, json_t *value, const char **ret_error)
{
	struct tl_buf buf = {0};
	struct tl_refusal why;
	struct tl_obj *o = NULL;
	struct tl_cursor cur;

	if (!value || json_is_null(value))
		return NULL;
	if (tl_from_json(&tl_api, 0, value, &buf, &why) < 0) {
		*ret_error = sb_format(a, "%s: %s", why.path, why.text);
		tl_buf_free(&buf);
		return NULL;
	}
	cur = tl_cursor(tl_arena_copy(a, buf.data, buf.len), buf.len);
	tl_buf_free(&buf);
	if (tl_decode(&tl_api, a, &cur, &o, NULL) < 0)
		*ret_error = "malformed TL";
	return o;
}

static struct tl_obj *button(struct tl_arena *a, json_t *b)
{
	const char *text = sb_param_text(b, "text"), *data = sb_param_text(b, "data"),
		   *url = sb_param_text(b, "url");
	struct tl_keyboardInlineButton *o = SB_NEW(a, keyboardInlineButton);
	struct tl_inlineButtonTypeCallback *type = SB_NEW(a, inlineButtonTypeCallback);

	o->text = tl_str(sb_copy(a, text ? text : ""));
	if (url) {
		struct tl_inlineButtonTypeUrl *link = SB_NEW(a, inlineButtonTypeUrl);

		link->url = tl_str(sb_copy(a, url));
		o->type = &link->obj;
		return &o->obj;
	}
	type->data = tl_str(sb_copy(a, data ? data : ""));
	o->type = &type->obj;
	return &o->obj;
}

/* [[{text, data or url}, …], …]: an inline keyboard; or a ReplyMarkup as TL in JSON. */
static struct tl_obj *markup_param(struct tl_arena *a, json_t *value, const char **ret_error)
{
	struct tl_replyInlineMarkup *m;
	struct sb_list rows = {0};
	json_t *row, *b;
	size_t i, k;

	if (!json_is_array(value))
		return tl_param(a, value, ret_error);
	m = SB_NEW(a, replyInlineMarkup);
	json_array_foreach(value, i, row)
	{
		struct tl_keyboardInlineButtonRow *o = SB_NEW(a, keyboardInlineButtonRow);
		struct sb_list buttons = {0};

		json_array_foreach(row, k, b) sb_add(a, &buttons, button(a, b));
		o->buttons = sb_vec(&buttons);
		sb_add(a, &rows, &o->obj);
	}
	m->rows = sb_vec(&rows);
	return &m->obj;
}

/* {"size": n} or {"data": base64}, with name and mime; or a MessageMedia as TL in JSON. */
static struct sb_media *media_param(struct sb_world *w, json_t *v, int dc, const char **ret_error)
{
	struct sb_media *m;
	struct tl_buf data = {0};
	const char *text = sb_param_text(v, "data"), *name = sb_param_text(v, "name"),
		   *mime = sb_param_text(v, "mime");
	int64_t size = sb_param_int(v, "size", 0);

	if (!v || json_is_null(v))
		return NULL;
	m = sb_alloc(&w->store, sizeof(*m));
	if (json_object_get(v, "_")) {
		m->obj = tl_param(&w->store, v, ret_error);
		return m->obj ? m : NULL;
	}
	if (text && tl_base64_decode(text, strlen(text), &data) < 0)
		*ret_error = "media: data is no base64";
	else if (!text && (size < 0 || size > 1 << 28))
		*ret_error = "media: a size up to 256 MiB, or data";
	for (int64_t i = 0; !*ret_error && !text && i < size; i++)
		tl_put_u8(&data, (uint8_t)(i * 31 + (i >> 8)));
	if (!*ret_error)
		m->file = sb_file_new(w, dc, data.data ? (void *)data.data : "", data.len,
				      name ? name : "file.bin",
				      mime ? mime : "application/octet-stream");
	tl_buf_free(&data);
	return *ret_error ? NULL : m;
}

static struct tl_vec entities_param(struct tl_arena *a, json_t *v, const char **ret_error)
{
	struct sb_list list = {0};
	json_t *item;
	size_t i;

	json_array_foreach(v, i, item) sb_add(a, &list, tl_param(a, item, ret_error));
	return list.count ? sb_vec(&list) : (struct tl_vec){NULL, 0};
}

static const char *draft_param(struct sb_world *w, struct tl_arena *a, json_t *p,
			       struct sb_user *from, struct sb_draft *d)
{
	const char *text = sb_param_text(p, "text"), *err = NULL;

	d->text = text ? tl_str(text) : (struct tl_str){NULL, 0};
	d->entities = entities_param(a, json_object_get(p, "entities"), &err);
	d->markup = markup_param(a, json_object_get(p, "reply_markup"), &err);
	d->media = media_param(w, json_object_get(p, "media"), from->dc ? from->dc : 1, &err);
	d->reply_to = (int)sb_param_int(p, "reply_to", 0);
	d->grouped = sb_param_int(p, "grouped_id", 0);
	d->silent = sb_param_bool(p, "silent");
	return err;
}

/* ---- acts ------------------------------------------------------------------------------------ */
static void do_send(struct sb_world *w, struct sb_request *r, json_t *params)
{
	struct sb_user *from = sb_param_user(w, r, params, "from");
	int64_t to = from ? sb_param_peer(w, r, params, "to") : 0;
	struct sb_draft d = {0};
	struct sb_msg *m = NULL;
	struct sb_act t;
	const char *err;

	if (!to)
		return;
	sb_act_begin(&t, w, from, NULL);
	err = draft_param(w, &t.arena, params, from, &d);
	if (err) {
		sb_request_fail(r, -32602, err);
		sb_act_end(&t);
		return;
	}
	err = sb_send(&t, to, &d, &m);
	if (err)
		refused(r, err);
	else
		message_done(w, r, from, m);
	sb_act_end(&t);
}

/* from and to, or user and chat. */
static const char *who(json_t *params)
{
	return json_object_get(params, "from") ? "from" : "user";
}

static const char *where(json_t *params)
{
	return json_object_get(params, "to") ? "to" : "chat";
}

/* The message that user, chat and message_id name; NULL after the request was failed. */
static struct sb_msg *msg_param(struct sb_world *w, struct sb_request *r, json_t *params,
				struct sb_user **ret_user)
{
	struct sb_user *u = sb_param_user(w, r, params, who(params));
	int64_t peer = u ? sb_param_peer(w, r, params, where(params)) : 0;
	struct sb_msg *m;

	if (!peer)
		return NULL;
	m = sb_msg_in(w, u, peer, (int)sb_param_int(params, "message_id", 0));
	if (!m)
		sb_request_fail(r, 400, "MESSAGE_ID_INVALID");
	*ret_user = u;
	return m;
}

static void do_edit(struct sb_world *w, struct sb_request *r, json_t *params)
{
	struct sb_user *u = NULL;
	struct sb_msg *m = msg_param(w, r, params, &u);
	struct sb_draft d = {0};
	struct sb_act t;
	const char *err;

	if (!m)
		return;
	sb_act_begin(&t, w, u, NULL);
	err = draft_param(w, &t.arena, params, u, &d);
	if (!err)
		err = sb_edit(&t, m, &d);
	if (err)
		refused(r, err);
	else
		message_done(w, r, u, m);
	sb_act_end(&t);
}

static void do_delete(struct sb_world *w, struct sb_request *r, json_t *params)
{
	struct sb_user *u = sb_param_user(w, r, params, who(params));
	int64_t peer = u ? sb_param_peer(w, r, params, where(params)) : 0;
	json_t *list = json_object_get(params, "message_ids"), *revoke;
	int32_t ids[SB_MAX_LIST];
	unsigned n = 0;
	int pts, count;
	struct sb_act t;
	const char *err;

	if (!peer)
		return;
	for (size_t i = 0; i < json_array_size(list) && n < SB_MAX_LIST; i++)
		ids[n++] = (int32_t)json_integer_value(json_array_get(list, i));
	if (!n)
		ids[n++] = (int32_t)sb_param_int(params, "message_id", 0);
	revoke = json_object_get(params, "revoke");
	sb_act_begin(&t, w, u, NULL);
	err = sb_delete(&t, peer, ids, n, !json_is_false(revoke), &pts, &count);
	if (err)
		refused(r, err);
	else
		sb_request_done(r, json_pack("{s:i,s:i}", "pts", pts, "count", count));
	sb_act_end(&t);
}

static void do_react(struct sb_world *w, struct sb_request *r, json_t *params)
{
	struct sb_user *u = NULL;
	struct sb_msg *m = msg_param(w, r, params, &u);
	struct sb_act t;
	const char *err;

	if (!m)
		return;
	sb_act_begin(&t, w, u, NULL);
	err = sb_react(&t, m, sb_param_text(params, "emoji"));
	if (err)
		refused(r, err);
	else
		message_done(w, r, u, m);
	sb_act_end(&t);
}

static void do_read(struct sb_world *w, struct sb_request *r, json_t *params)
{
	struct sb_user *u = sb_param_user(w, r, params, "user");
	int64_t peer = u ? sb_param_peer(w, r, params, "chat") : 0;
	int pts, count;
	struct sb_act t;

	if (!peer)
		return;
	sb_act_begin(&t, w, u, NULL);
	sb_read(&t, peer, (int)sb_param_int(params, "max_id", 0), &pts, &count);
	sb_request_done(r, json_pack("{s:i}", "pts", pts));
	sb_act_end(&t);
}

static void do_typing(struct sb_world *w, struct sb_request *r, json_t *params)
{
	struct sb_user *u = sb_param_user(w, r, params, "user");
	int64_t peer = u ? sb_param_peer(w, r, params, "chat") : 0;
	struct tl_sendMessageTypingAction action = {.obj.ctor = TL_sendMessageTypingAction};

	if (!peer)
		return;
	sb_typing(w, u, peer, &action.obj);
	sb_request_done(r, NULL);
}

static void do_status(struct sb_world *w, struct sb_request *r, json_t *params)
{
	struct sb_user *u = sb_param_user(w, r, params, "user");

	if (!u)
		return;
	sb_status(w, u, !json_is_false(json_object_get(params, "online")));
	sb_request_done(r, NULL);
}

/* ---- questions to bots ----------------------------------------------------------------------- */
static void bot_answered(void *ctx, const struct tl_obj *answer, const char *error)
{
	struct tl_buf b = {0};
	json_t *o = NULL;

	if (error) {
		refused(ctx, error);
		return;
	}
	if (tl_obj_to_json(&tl_api, answer, &b) == 0)
		o = json_loadb((char *)b.data, b.len, 0, NULL);
	tl_buf_free(&b);
	sb_request_done(ctx, o);
}

static void do_press(struct sb_world *w, struct sb_request *r, json_t *params)
{
	struct sb_user *u = NULL;
	struct sb_msg *m = msg_param(w, r, params, &u);
	const char *data = sb_param_text(params, "data"), *err;

	if (!m)
		return;
	err = sb_press(w, u, m, tl_str(data ? data : ""), bot_answered, r);
	if (err)
		refused(r, err);
}

static void do_inline_query(struct sb_world *w, struct sb_request *r, json_t *params)
{
	struct sb_user *u = sb_param_user(w, r, params, "user");
	struct sb_user *bot = u ? sb_param_user(w, r, params, "bot") : NULL;
	const char *query = sb_param_text(params, "query"),
		   *offset = sb_param_text(params, "offset"), *err;

	if (!bot)
		return;
	err = sb_inline(w, u, bot, u->id, tl_str(query ? query : ""), tl_str(offset ? offset : ""),
			bot_answered, r);
	if (err)
		refused(r, err);
}

/* ---- flood ----------------------------------------------------------------------------------- */
struct flood {
	struct sb_request *request;
	struct sb_user *from;
	int64_t to, count, sent, started; /* ns */
	double rate;
	const char *text;
	int last_id;
};

static void flood_end(struct sb_world *w, struct flood *f, const char *err)
{
	struct sb_box *b = sb_box_of(w, f->from, f->to);

	if (err)
		refused(f->request, err);
	else
		sb_request_done(f->request, json_pack("{s:I,s:i,s:i}", "count", (json_int_t)f->sent,
						      "message_id", f->last_id, "pts", b->pts));
}

static void flood_tick(struct sb_world *w, void *arg)
{
	struct flood *f = arg;
	double passed = (double)(sb_now(w->s) - f->started) / 1e9;
	int64_t due = f->rate > 0 ? (int64_t)(passed * f->rate) + 1 : f->sent + FLOOD_AT_ONCE;

	for (; f->sent < due && f->sent < f->count; f->sent++) {
		struct sb_act t;
		struct sb_msg *m = NULL;
		struct sb_draft d = {0};
		const char *err;

		sb_act_begin(&t, w, f->from, NULL);
		d.text = tl_str(sb_format(&t.arena, "%s %lld", f->text, (long long)f->sent + 1));
		err = sb_send(&t, f->to, &d, &m);
		sb_act_end(&t);
		if (err) {
			flood_end(w, f, err);
			return;
		}
		f->last_id = m ? m->id : 0;
	}
	if (f->sent == f->count)
		flood_end(w, f, NULL);
	else
		sb_later(w, f->rate > 0 ? FLOOD_TICK : 0, flood_tick, f);
}

/* What is wrong with its parameters, or NULL. */
static const char *bad_flood(json_t *params)
{
	json_t *count = json_object_get(params, "count"), *rate = json_object_get(params, "rate"),
	       *text = json_object_get(params, "text");
	double a_second = json_number_value(rate);

	if (count && (!json_is_integer(count) || json_integer_value(count) < 1 ||
		      json_integer_value(count) > FLOOD_MAX))
		return "count: a whole number from 1 to 10000000";
	if (rate && (!json_is_number(rate) || a_second < 0 || a_second > FLOOD_MAX_RATE))
		return "rate: messages a second, up to 1000000; 0: as fast as it goes";
	return text && !json_is_string(text) ? "text: not a text" : NULL;
}

static void do_flood(struct sb_world *w, struct sb_request *r, json_t *params)
{
	struct sb_user *from = sb_param_user(w, r, params, "from");
	int64_t to = from ? sb_param_peer(w, r, params, "to") : 0;
	const char *text = sb_param_text(params, "text"), *err = bad_flood(params);
	struct flood *f;

	if (!to)
		return;
	if (err) {
		sb_request_fail(r, -32602, err);
		return;
	}
	f = sb_alloc(&w->store, sizeof(*f));
	f->request = r;
	f->from = from;
	f->to = to;
	f->count = sb_param_int(params, "count", 1);
	f->rate = json_number_value(json_object_get(params, "rate"));
	f->text = sb_copy(&w->store, text ? text : "message");
	f->started = sb_now(w->s);
	flood_tick(w, f);
}

const struct sb_control_row sb_control_acts[] = {
	{"send", "from to text media entities reply_markup reply_to grouped_id silent",
	 "sends as that person in an app; media: {size or data, name, mime}; reply_markup: "
	 "[[{text, data "
	 "or url}]], or TL",
	 do_send},
	{"edit", "from to user chat message_id text media entities reply_markup",
	 "gives a message of theirs another text", do_edit},
	{"delete", "from to user chat message_id message_ids revoke",
	 "takes messages away, for both sides unless revoke is false", do_delete},
	{"react", "from to user chat message_id emoji",
	 "puts an emoji to a message; none: takes it back", do_react},
	{"read", "user chat max_id", "has read a chat, up to max_id or all of it", do_read},
	{"typing", "user chat action", "types in a chat", do_typing},
	{"status", "user online", "is online, or not", do_status},
	{"press", "from to user chat message_id data",
	 "presses a button with that data; gives the bot's answer", do_press},
	{"inline_query", "user bot query offset", "asks a bot inline; gives its results",
	 do_inline_query},
	{"flood", "from to count rate text",
	 "so many numbered messages, so many a second (0: as fast as it goes); answers at the end",
	 do_flood},
	{NULL, NULL, NULL, NULL},
};
