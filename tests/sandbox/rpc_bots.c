/* bots.* and what users and bots say to each other through the server: commands, presses, inline
 * results. */
#include "tests/sandbox/world.h"

/* ---- commands and descriptions --------------------------------------------------------------- */
static void set_commands(struct sb_world *w, struct sb_call *c, struct sb_user *me)
{
	const struct tl_bots_setBotCommands *in = (const void *)c->request;

	if (in->commands.count > 100) {
		sb_fail(c, "BOT_COMMANDS_TOO_MUCH");
		return;
	}
	me->commands = sb_keep_vec(w, &w->store, &in->commands);
	sb_reply_bool(c, true);
}

static void get_commands(struct sb_world *w, struct sb_call *c, struct sb_user *me)
{
	(void)w;
	sb_reply_vector(c, c->request->ctor, &me->commands);
}

static void reset_commands(struct sb_world *w, struct sb_call *c, struct sb_user *me)
{
	(void)w;
	me->commands = (struct tl_vec){NULL, 0};
	sb_reply_bool(c, true);
}

static struct sb_user *own_bot(struct sb_world *w, struct sb_user *me, const struct tl_obj *in)
{
	struct sb_user *bot = in ? sb_user_in(w, me, in) : me;

	return bot && bot->bot && (bot == me || bot->owner == me->id) ? bot : NULL;
}

static void set_info(struct sb_world *w, struct sb_call *c, struct sb_user *me)
{
	const struct tl_bots_setBotInfo *in = (const void *)c->request;
	struct sb_user *bot = own_bot(w, me, in->bot);

	if (!bot) {
		sb_fail(c, "BOT_INVALID");
		return;
	}
	if (in->name.data)
		bot->first = sb_text(&w->store, in->name);
	if (in->about.data)
		bot->about = sb_text(&w->store, in->about);
	if (in->description.data)
		bot->description = sb_text(&w->store, in->description);
	sb_reply_bool(c, true);
}

static void get_info(struct sb_world *w, struct sb_call *c, struct sb_user *me)
{
	const struct tl_bots_getBotInfo *in = (const void *)c->request;
	struct sb_user *bot = own_bot(w, me, in->bot);
	struct tl_bots_botInfo *o = SB_NEW(c->arena, bots_botInfo);

	if (!bot) {
		sb_fail(c, "BOT_INVALID");
		return;
	}
	o->name = sb_str(bot->first ? bot->first : "");
	o->about = sb_str(bot->about ? bot->about : "");
	o->description = sb_str(bot->description ? bot->description : "");
	sb_reply(c, &o->obj);
}

static void start_bot(struct sb_world *w, struct sb_call *c, struct sb_user *me)
{
	const struct tl_messages_startBot *in = (const void *)c->request;
	struct sb_user *bot = sb_user_in(w, me, in->bot);
	struct sb_draft d = {.random_id = in->random_id};
	struct sb_msg *m = NULL;
	struct sb_act t;
	const char *err;

	if (!bot || !bot->bot) {
		sb_fail(c, "BOT_INVALID");
		return;
	}
	d.text = tl_str(in->start_param.len
				? sb_format(c->arena, "/start %.*s", (int)in->start_param.len,
					    in->start_param.data)
				: "/start");
	sb_act_begin(&t, w, me, c);
	err = sb_send(&t, bot->id, &d, &m);
	if (err)
		sb_act_fail(&t, c, err);
	else
		sb_reply_sent(c, &t, m, in->random_id);
	sb_act_end(&t);
}

/* ---- presses --------------------------------------------------------------------------------- */
/* The bot's answer goes to the call that asked. */
static void answered(void *ctx, const struct tl_obj *answer, const char *error)
{
	struct sb_call *c = ctx;

	if (error)
		sb_fail(c, error);
	else
		sb_reply(c, answer);
}

static void get_callback_answer(struct sb_world *w, struct sb_call *c, struct sb_user *me)
{
	const struct tl_messages_getBotCallbackAnswer *in = (const void *)c->request;
	const char *err;
	int64_t peer = sb_peer_in(w, me, in->peer, &err);
	struct sb_msg *m = peer ? sb_msg_in(w, me, peer, in->msg_id) : NULL;

	if (peer)
		err = m ? sb_press(w, me, m, in->data, answered, c) : "MESSAGE_ID_INVALID";
	if (err)
		sb_fail(c, err);
}

static void set_callback_answer(struct sb_world *w, struct sb_call *c, struct sb_user *me)
{
	const struct tl_messages_setBotCallbackAnswer *in = (const void *)c->request;
	struct tl_messages_botCallbackAnswer *o = SB_NEW(c->arena, messages_botCallbackAnswer);
	const char *err;

	o->alert = in->alert;
	o->has_url = in->url.len > 0;
	o->native_ui = true;
	o->message = in->message;
	o->url = in->url;
	o->cache_time = in->cache_time;
	err = sb_query_answer(w, me, in->query_id, false, &o->obj);
	if (err)
		sb_fail(c, err);
	else
		sb_reply_bool(c, true);
}

/* ---- inline mode ----------------------------------------------------------------------------- */
struct results { /* what a bot answered to a query, kept for the choice */
	struct sb_user *bot;
	struct tl_vec list; /* InputBotInlineResult */
};

static void get_inline(struct sb_world *w, struct sb_call *c, struct sb_user *me)
{
	const struct tl_messages_getInlineBotResults *in = (const void *)c->request;
	const char *err;
	int64_t peer = sb_peer_in(w, me, in->peer, &err);

	err = sb_inline(w, me, sb_user_in(w, me, in->bot), peer, in->query, in->offset, answered,
			c);
	if (err)
		sb_fail(c, err);
}

static struct tl_obj *shown_message(struct tl_arena *a, const struct tl_obj *in)
{
	struct tl_botInlineMessageText *o = SB_NEW(a, botInlineMessageText);

	if (in->ctor == TL_inputBotInlineMessageText) {
		const struct tl_inputBotInlineMessageText *t = (const void *)in;

		o->no_webpage = t->no_webpage;
		o->message = t->message;
		o->entities = t->entities;
		o->reply_markup = t->reply_markup;
	} else if (in->ctor == TL_inputBotInlineMessageMediaAuto) {
		const struct tl_inputBotInlineMessageMediaAuto *m = (const void *)in;
		struct tl_botInlineMessageMediaAuto *media = SB_NEW(a, botInlineMessageMediaAuto);

		media->message = m->message;
		media->entities = m->entities;
		media->reply_markup = m->reply_markup;
		return &media->obj;
	}
	return &o->obj;
}

static struct tl_obj *shown_web(struct tl_arena *a, const struct tl_obj *in)
{
	const struct tl_inputWebDocument *d = (const void *)in;
	struct tl_webDocumentNoProxy *o;

	if (!in)
		return NULL;
	o = SB_NEW(a, webDocumentNoProxy);
	o->url = d->url;
	o->size = d->size;
	o->mime_type = d->mime_type;
	o->attributes = d->attributes;
	return &o->obj;
}

static struct tl_obj *shown_media(struct sb_view *v, struct tl_str id, struct tl_str type,
				  int64_t file, const struct tl_obj *message)
{
	struct tl_botInlineMediaResult *o = SB_NEW(v->arena, botInlineMediaResult);
	const struct sb_file *f = sb_map_get(&v->w->files, file);

	if (!f)
		return NULL;
	o->id = id;
	o->type = type;
	if (f->photo)
		o->photo = sb_tl_file(v, f);
	else
		o->document = sb_tl_file(v, f);
	o->send_message = shown_message(v->arena, message);
	return &o->obj;
}

static struct tl_obj *shown(struct sb_view *v, const struct tl_obj *in)
{
	struct tl_botInlineResult *o = SB_NEW(v->arena, botInlineResult);

	if (in->ctor == TL_inputBotInlineResultPhoto) {
		const struct tl_inputBotInlineResultPhoto *p = (const void *)in;
		const struct tl_inputPhoto *id = (const void *)p->photo;

		return shown_media(v, p->id, p->type, id->obj.ctor == TL_inputPhoto ? id->id : 0,
				   p->send_message);
	}
	if (in->ctor == TL_inputBotInlineResultDocument) {
		const struct tl_inputBotInlineResultDocument *d = (const void *)in;
		const struct tl_inputDocument *id = (const void *)d->document;

		return shown_media(v, d->id, d->type, id->obj.ctor == TL_inputDocument ? id->id : 0,
				   d->send_message);
	}
	if (in->ctor == TL_inputBotInlineResult) {
		const struct tl_inputBotInlineResult *r = (const void *)in;

		o->id = r->id;
		o->type = r->type;
		o->title = r->title;
		o->description = r->description;
		o->url = r->url;
		o->thumb = shown_web(v->arena, r->thumb);
		o->content = shown_web(v->arena, r->content);
		o->send_message = shown_message(v->arena, r->send_message);
		return &o->obj;
	}
	return NULL;
}

static void set_inline(struct sb_world *w, struct sb_call *c, struct sb_user *me)
{
	const struct tl_messages_setInlineBotResults *in = (const void *)c->request;
	struct tl_messages_botResults *o = SB_NEW(c->arena, messages_botResults);
	struct sb_view v = sb_view(w, me, c->arena);
	struct results *r = sb_alloc(&w->store, sizeof(*r));
	struct sb_list list = {0};
	const char *err;

	if (in->results.count > 50) {
		sb_fail(c, "RESULTS_TOO_MUCH");
		return;
	}
	for (unsigned i = 0; i < in->results.count; i++)
		sb_add(c->arena, &list, shown(&v, sb_item(&in->results, i)));
	o->gallery = in->gallery;
	o->query_id = in->query_id;
	o->next_offset = in->next_offset;
	o->switch_pm = in->switch_pm;
	o->results = sb_vec(&list);
	o->cache_time = in->cache_time;
	r->bot = me;
	r->list = sb_keep_vec(w, &w->store, &in->results);
	sb_map_put(&w->store, &w->inline_cache, in->query_id, r);
	err = sb_query_answer(w, me, in->query_id, true, &o->obj);
	if (err)
		sb_fail(c, err);
	else
		sb_reply_bool(c, true);
}

/* id stands first in every InputBotInlineResult. */
static const struct tl_obj *chosen(const struct results *r, struct tl_str id)
{
	for (unsigned i = 0; r && i < r->list.count; i++) {
		const struct tl_inputBotInlineResult *x = (const void *)sb_item(&r->list, i);

		if (x->id.len == id.len && !memcmp(x->id.data, id.data, id.len))
			return &x->obj;
	}
	return NULL;
}

static void chosen_draft(struct sb_world *w, const struct tl_obj *o, struct sb_draft *d)
{
	const struct tl_inputBotInlineResult *r = (const void *)o;
	const struct tl_inputBotInlineResultPhoto *p = (const void *)o;
	const struct tl_inputBotInlineResultDocument *doc = (const void *)o;
	const struct tl_obj *m = r->send_message;
	int64_t file = 0;

	if (o->ctor == TL_inputBotInlineResultPhoto) {
		m = p->send_message;
		file = ((const struct tl_inputPhoto *)p->photo)->id;
	} else if (o->ctor == TL_inputBotInlineResultDocument) {
		m = doc->send_message;
		file = ((const struct tl_inputDocument *)doc->document)->id;
	} else if (o->ctor != TL_inputBotInlineResult) {
		return;
	}
	if (file && sb_map_get(&w->files, file)) {
		d->media = sb_alloc(&w->store, sizeof(*d->media));
		d->media->file = sb_map_get(&w->files, file);
	}
	if (m->ctor == TL_inputBotInlineMessageText) {
		const struct tl_inputBotInlineMessageText *t = (const void *)m;

		d->text = t->message;
		d->entities = t->entities;
		d->markup = t->reply_markup;
	} else if (m->ctor == TL_inputBotInlineMessageMediaAuto) {
		const struct tl_inputBotInlineMessageMediaAuto *t = (const void *)m;

		d->text = t->message;
		d->entities = t->entities;
		d->markup = t->reply_markup;
	}
}

static void tell_chosen(struct sb_world *w, struct sb_user *bot, struct sb_user *me,
			struct tl_str id)
{
	struct tl_updateBotInlineSend u = {.obj.ctor = TL_updateBotInlineSend};

	u.user_id = me->id;
	u.query = tl_str("");
	u.id = id;
	sb_push_update(w, bot, &u.obj, &me->id, 1);
}

static void send_inline(struct sb_world *w, struct sb_call *c, struct sb_user *me)
{
	const struct tl_messages_sendInlineBotResult *in = (const void *)c->request;
	const struct results *r = sb_map_get(&w->inline_cache, in->query_id);
	const struct tl_obj *result = chosen(r, in->id);
	const char *err;
	int64_t peer = sb_peer_in(w, me, in->peer, &err);
	struct sb_draft d = {.random_id = in->random_id,
			     .reply_to = sb_reply_id(in->reply_to),
			     .silent = in->silent};
	struct sb_msg *m = NULL;
	struct sb_act t;

	if (!result || !peer) {
		sb_fail(c, !peer ? err : r ? "RESULT_ID_INVALID" : "QUERY_ID_INVALID");
		return;
	}
	d.via_bot = in->hide_via ? 0 : r->bot->id;
	chosen_draft(w, result, &d);
	sb_act_begin(&t, w, me, c);
	err = sb_send(&t, peer, &d, &m);
	if (err)
		sb_act_fail(&t, c, err);
	else
		sb_reply_sent(c, &t, m, in->random_id);
	if (!err)
		tell_chosen(w, r->bot, me, in->id);
	sb_act_end(&t);
}

const struct sb_method sb_methods_bots[] = {
	{TL_bots_setBotCommands, SB_BOTS, set_commands, NULL},
	{TL_bots_getBotCommands, SB_BOTS, get_commands, NULL},
	{TL_bots_resetBotCommands, SB_BOTS, reset_commands, NULL},
	{TL_bots_setBotInfo, 0, set_info, NULL},
	{TL_bots_getBotInfo, 0, get_info, NULL},
	{TL_messages_startBot, SB_PEOPLE, start_bot, NULL},
	{TL_messages_getBotCallbackAnswer, SB_PEOPLE, get_callback_answer, NULL},
	{TL_messages_setBotCallbackAnswer, SB_BOTS, set_callback_answer, NULL},
	{TL_messages_getInlineBotResults, SB_PEOPLE, get_inline, NULL},
	{TL_messages_setInlineBotResults, SB_BOTS, set_inline, NULL},
	{TL_messages_sendInlineBotResult, SB_PEOPLE, send_inline, NULL},
	SB_METHOD_END,
};
