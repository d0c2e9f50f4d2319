/* Questions that a user puts to a bot through the server: presses of inline buttons and inline
 * queries. Each waits for the bot's answer or its time. core.telegram.org/api/bots/buttons,
 * /api/bots/inline. */
#include "tests/sandbox/world.h"

#define ANSWER_SECONDS 10

struct sb_query {
	int64_t id;
	struct sb_user *user, *bot;
	bool inline_query;
	sb_answered *done; /* NULL: over */
	void *ctx;
	struct sb_query *next;
};

static void query_end(struct sb_query *q, const struct tl_obj *answer, const char *error)
{
	sb_answered *done = q->done;

	q->done = NULL;
	if (done)
		done(q->ctx, answer, error);
}

static void query_late(struct sb_world *w, void *arg)
{
	(void)w;
	query_end(arg, NULL, "BOT_RESPONSE_TIMEOUT");
}

static struct sb_query *query_new(struct sb_world *w, struct sb_user *u, struct sb_user *bot,
				  sb_answered *done, void *ctx)
{
	struct sb_query *q = sb_alloc(&w->store, sizeof(*q));

	q->id = w->next_query++;
	q->user = u;
	q->bot = bot;
	q->done = done;
	q->ctx = ctx;
	q->next = w->first_query;
	w->first_query = q;
	sb_map_put(&w->store, &w->queries, q->id, q);
	sb_later(w, ANSWER_SECONDS, query_late, q);
	return q;
}

void sb_queries_end(struct sb_world *w)
{
	for (struct sb_query *q = w->first_query; q; q = q->next)
		query_end(q, NULL, "BOT_RESPONSE_TIMEOUT");
}

const char *sb_query_answer(struct sb_world *w, struct sb_user *bot, int64_t id, bool inline_query,
			    const struct tl_obj *answer)
{
	struct sb_query *q = sb_map_get(&w->queries, id);

	if (!q || q->bot != bot || q->inline_query != inline_query || !q->done)
		return "QUERY_ID_INVALID";
	query_end(q, answer, NULL);
	return NULL;
}

/* ---- presses --------------------------------------------------------------------------------- */
static bool has_button(const struct tl_obj *markup, struct tl_str data)
{
	const struct tl_replyInlineMarkup *m = (const void *)markup;

	if (!markup || markup->ctor != TL_replyInlineMarkup)
		return false;
	for (unsigned i = 0; i < m->rows.count; i++) {
		const struct tl_keyboardInlineButtonRow *row = (const void *)sb_item(&m->rows, i);

		for (unsigned k = 0; k < row->buttons.count; k++) {
			const struct tl_keyboardInlineButton *b =
				(const void *)sb_item(&row->buttons, k);
			const struct tl_inlineButtonTypeCallback *cb = (const void *)b->type;

			if (b->type->ctor == TL_inlineButtonTypeCallback &&
			    cb->data.len == data.len &&
			    (!data.len || !memcmp(cb->data.data, data.data, data.len)))
				return true;
		}
	}
	return false;
}

static const struct sb_msg *seen_by(const struct sb_msg *m, const struct sb_user *bot)
{
	const struct sb_msg *x = m->post->copies;

	if (sb_is_channel(m->peer))
		return m;
	while (x && x->box != &bot->box)
		x = x->sibling;
	return x;
}

const char *sb_press(struct sb_world *w, struct sb_user *u, struct sb_msg *m, struct tl_str data,
		     sb_answered *done, void *ctx)
{
	struct sb_user *bot = m->post->via_bot ? sb_user(w, m->post->via_bot) : m->post->from;
	const struct sb_msg *its = bot ? seen_by(m, bot) : NULL;
	struct tl_updateBotCallbackQuery *up;
	struct sb_query *q;
	struct sb_act t;

	if (!bot || !bot->bot || !its)
		return "MESSAGE_ID_INVALID";
	if (!has_button(m->post->markup, data))
		return "DATA_INVALID";
	q = query_new(w, u, bot, done, ctx);
	sb_act_begin(&t, w, NULL, NULL);
	up = SB_NEW(&t.arena, updateBotCallbackQuery);
	up->query_id = q->id;
	up->user_id = u->id;
	up->peer = sb_tl_peer(&t.arena, its->peer);
	up->msg_id = its->id;
	up->chat_instance = (int64_t)sb_mix((uint64_t)its->peer, w->salt);
	up->data = data.data ? data : tl_str("");
	sb_push_update(w, bot, &up->obj, (int64_t[]){u->id, its->peer}, 2);
	sb_act_end(&t);
	return NULL;
}

/* ---- inline queries -------------------------------------------------------------------------- */
const char *sb_inline(struct sb_world *w, struct sb_user *u, struct sb_user *bot, int64_t peer,
		      struct tl_str query, struct tl_str offset, sb_answered *done, void *ctx)
{
	const struct sb_chat *c = sb_chat(w, peer);
	struct tl_updateBotInlineQuery *up;
	struct sb_query *q;
	struct sb_act t;

	if (!bot || !bot->bot)
		return "BOT_INVALID";
	q = query_new(w, u, bot, done, ctx);
	q->inline_query = true;
	sb_act_begin(&t, w, NULL, NULL);
	up = SB_NEW(&t.arena, updateBotInlineQuery);
	up->query_id = q->id;
	up->user_id = u->id;
	up->query = query.data ? query : tl_str("");
	up->offset = offset.data ? offset : tl_str("");
	if (peer == bot->id)
		up->peer_type = &SB_NEW(&t.arena, inlineQueryPeerTypeSameBotPM)->obj;
	else if (peer > 0)
		up->peer_type = &SB_NEW(&t.arena, inlineQueryPeerTypePM)->obj;
	else if (c && c->megagroup)
		up->peer_type = &SB_NEW(&t.arena, inlineQueryPeerTypeMegagroup)->obj;
	else if (c && c->channel)
		up->peer_type = &SB_NEW(&t.arena, inlineQueryPeerTypeBroadcast)->obj;
	else if (c)
		up->peer_type = &SB_NEW(&t.arena, inlineQueryPeerTypeChat)->obj;
	sb_push_update(w, bot, &up->obj, &u->id, 1);
	sb_act_end(&t);
	return NULL;
}
