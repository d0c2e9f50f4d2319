/* The list of chats (core.telegram.org/api/folders, methods/messages.getDialogs). A page goes on
 * where the one before ended: behind the last top message, without what is pinned. */
#include "daemon/accounts.h"
#include "daemon/daemon.h"
#include "daemon/js.h"
#include "daemon/methods/groups.h"
#include "daemon/shape.h"
#include "tl_schema.h"

#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#define PAGE_MAX 100
#define ARCHIVE 1

struct dialogs_args {
	int64_t folder, limit;
	bool pinned;
	struct tl_str cursor;
};
static const struct rpc_param dialogs_params[] = {
	{"folder", RPC_K_INT, false, NULL, offsetof(struct dialogs_args, folder), NULL,
	 "0 the main list, 1 the archive; left out: both"},
	{"pinned", RPC_K_BOOL, false, "false", offsetof(struct dialogs_args, pinned), NULL,
	 "the pinned ones only, all at once"},
	{"limit", RPC_K_INT, false, "50", offsetof(struct dialogs_args, limit), NULL,
	 "at most so many, up to 100"},
	{"cursor", RPC_K_STRING, false, NULL, offsetof(struct dialogs_args, cursor), NULL,
	 "next of the page before"},
};

/* ---- the place in the list ------------------------------------------------------------------- */
struct place {
	int32_t date, id;
	int64_t peer; /* marked; 0 = the beginning */
};

static bool read_cursor(struct tl_str text, struct place *ret)
{
	char copy[64];
	int used = 0;

	if (text.len >= sizeof copy)
		return false;
	memcpy(copy, text.data, text.len);
	copy[text.len] = '\0';
	return sscanf(copy, "%" SCNd32 ".%" SCNd32 ".%" SCNd64 "%n", &ret->date, &ret->id,
		      &ret->peer, &used) == 3 &&
	       !copy[used] && ret->date >= 0 && ret->id >= 0;
}

/* Dialogs of different chats have top messages with the same number: a message is (chat, id). */
static const struct tl_obj *message_of(const struct tl_vec *messages, int64_t chat, int64_t id)
{
	struct tl_obj *const *list = messages->items;

	for (uint32_t i = 0; i < messages->count; i++) {
		const struct tl_obj *peer = tl_field_obj(&tl_api, list[i], "peer_id");
		int64_t number;

		if (peer && rpc_marked(peer) == chat &&
		    tl_field_int(&tl_api, list[i], "id", &number) && number == id)
			return list[i];
	}
	return NULL;
}

/* ---- writing --------------------------------------------------------------------------------- */
struct page {
	const struct tl_vec *dialogs, *messages, *chats, *users;
	bool last; /* nothing follows */
};

static void put_dialog(struct rpc_call *c, struct tl_buf *b, const struct tl_dialog *d,
		       const struct page *page)
{
	const struct tl_peerNotifySettings *s = (const void *)d->notify_settings;
	const struct tl_draftMessage *draft = (const void *)d->draft;
	const struct tl_obj *top = message_of(page->messages, rpc_marked(d->peer), d->top_message);
	int64_t now = tg_account_server_time(c->account->tg, rpc_now()) / RPC_SECOND;
	int folder = d->has_folder_id ? d->folder_id : 0;

	rpc_js_open(b, NULL, '{');
	rpc_shape_peer(b, "chat", c->account, d->peer);
	rpc_js_int(b, "unread", d->unread_count);
	rpc_js_int(b, "unread_mentions", d->unread_mentions_count);
	rpc_js_true(b, "unread_mark", d->unread_mark);
	rpc_js_true(b, "pinned", d->pinned);
	rpc_js_true(b, "archived", folder == ARCHIVE);
	rpc_js_int(b, "folder", folder);
	rpc_js_true(b, "muted", s && s->has_mute_until && s->mute_until > now);
	if (top)
		rpc_shape_message(b, "top_message", c->account, top);
	if (draft && draft->obj.ctor == TL_draftMessage) {
		rpc_js_open(b, "draft", '{');
		rpc_js_str(b, "text", draft->message);
		rpc_js_int(b, "date", draft->date);
		rpc_js_close(b, '}');
	}
	rpc_js_close(b, '}');
}

static void put_next(struct tl_buf *b, const struct page *page)
{
	struct tl_obj *const *list = page->dialogs->items;
	const struct tl_dialog *last = NULL;
	char text[64] = "0.0.0"; /* all were pinned: what follows begins at the top */
	int64_t date;

	for (uint32_t i = 0; i < page->dialogs->count; i++)
		if (list[i]->ctor == TL_dialog && !((const struct tl_dialog *)list[i])->pinned)
			last = (const struct tl_dialog *)list[i];
	if (last) {
		const struct tl_obj *m =
			message_of(page->messages, rpc_marked(last->peer), last->top_message);

		if (!m || !tl_field_int(&tl_api, m, "date", &date))
			date = 0;
		snprintf(text, sizeof text, "%" PRId64 ".%" PRId32 ".%" PRId64, date,
			 last->top_message, rpc_marked(last->peer));
	}
	if (page->last)
		rpc_js_null(b, "next");
	else
		rpc_js_text(b, "next", text);
}

static struct rpc_result put_page(struct rpc_call *c, const struct page *page)
{
	struct tl_obj *const *list = page->dialogs->items;
	const struct tl_vec *learnt[] = {page->chats, page->users};
	struct tl_buf *b;

	for (unsigned k = 0; k < 2; k++)
		for (uint32_t i = 0; i < learnt[k]->count; i++)
			tg_learn(c->account->tg, ((struct tl_obj *const *)learnt[k]->items)[i]);
	b = rpc_begin(c);
	rpc_js_open(b, NULL, '{');
	rpc_js_open(b, "dialogs", '[');
	for (uint32_t i = 0; i < page->dialogs->count; i++)
		if (list[i]->ctor == TL_dialog) /* not the folder's own row */
			put_dialog(c, b, (const struct tl_dialog *)list[i], page);
	rpc_js_close(b, ']');
	put_next(b, page);
	rpc_js_close(b, '}');
	return rpc_end(c);
}

static struct rpc_result got(struct rpc_call *c, const struct tg_event *e)
{
	const struct dialogs_args *a = c->args;
	struct tl_cursor in = tl_cursor(e->data, e->n);
	struct page page = {.last = true};
	struct tl_obj *o;

	if (tl_decode_result(&tl_api, e->method, &c->arena, &in, &o, NULL) != 0)
		return rpc_fail(c, -TG_E_INTERNAL, "the answer cannot be read");
	if (o->ctor == TL_messages_dialogs) {
		const struct tl_messages_dialogs *d = (const void *)o;

		page = (struct page){&d->dialogs, &d->messages, &d->chats, &d->users, true};
	} else if (o->ctor == TL_messages_dialogsSlice) {
		const struct tl_messages_dialogsSlice *d = (const void *)o;

		page = (struct page){&d->dialogs, &d->messages, &d->chats, &d->users, false};
		page.last = d->dialogs.count == 0 ||
			    (a->cursor.data && d->dialogs.count < (uint32_t)a->limit);
	} else if (o->ctor == TL_messages_peerDialogs) {
		const struct tl_messages_peerDialogs *d = (const void *)o;

		page = (struct page){&d->dialogs, &d->messages, &d->chats, &d->users, true};
	} else {
		return rpc_fail(c, -TG_E_INTERNAL, "the answer is of no known form");
	}
	return put_page(c, &page);
}

/* ---- asking ---------------------------------------------------------------------------------- */
static int put_call(struct rpc_call *c, const struct dialogs_args *a, const struct place *at)
{
	struct tl_inputPeerEmpty none = {{TL_inputPeerEmpty}};
	struct tl_messages_getDialogs m = {
		.obj = {TL_messages_getDialogs},
		.exclude_pinned = a->cursor.data != NULL,
		.has_folder_id = a->folder != RPC_NONE,
		.folder_id = a->folder != RPC_NONE ? (int32_t)a->folder : 0,
		.offset_date = at->date,
		.offset_id = at->id,
		.offset_peer = &none.obj,
		.limit = (int32_t)a->limit,
	};
	struct tg_peer_query q;
	struct tg_peer peer;

	if (at->peer) {
		if (tg_peer_parse_id(at->peer, &q) != 0 ||
		    tg_peer_find(c->account->tg, &q, &peer) != 0)
			return -TG_E_INVALID_PARAMS;
		m.offset_peer = rpc_input_peer(&c->arena, &peer);
	}
	return m.offset_peer ? tl_encode(&tl_api, &m.obj, &c->body) : -TG_E_NOMEM;
}

static struct rpc_result get_dialogs(struct rpc_call *c)
{
	const struct dialogs_args *a = c->args;
	struct tl_messages_getPinnedDialogs pinned = {
		{TL_messages_getPinnedDialogs}, a->folder != RPC_NONE ? (int32_t)a->folder : 0};
	struct place at = {0, 0, 0};
	int err;

	if (a->limit < 1 || a->limit > PAGE_MAX)
		rpc_problem(c, -TG_E_INVALID_PARAMS, "limit", "1 to %d", PAGE_MAX);
	else if (a->folder != RPC_NONE && a->folder != 0 && a->folder != ARCHIVE)
		rpc_problem(c, -TG_E_INVALID_PARAMS, "folder", "0 or 1");
	else if (a->cursor.data && !read_cursor(a->cursor, &at))
		rpc_problem(c, -TG_E_INVALID_PARAMS, "cursor", "next of another answer is wanted");
	else if (a->pinned && tl_encode(&tl_api, &pinned.obj, &c->body) == 0)
		return rpc_engine_call(c, TL_messages_getPinnedDialogs, 0, got);
	else if ((err = put_call(c, a, &at)) == 0)
		return rpc_engine_call(c, TL_messages_getDialogs, 0, got);
	else if (err == -TG_E_INVALID_PARAMS)
		rpc_problem(c, err, "cursor", "of another account");
	else
		return rpc_fail(c, err, NULL);
	return rpc_refuse(c);
}

const struct rpc_method rpc_methods_dialogs[] = {
	{.name = "get_dialogs",
	 .flags = RPC_WAITS | RPC_ACCOUNT | RPC_LOGGED_IN,
	 .run = get_dialogs,
	 RPC_ROWS(dialogs_params, struct dialogs_args),
	 .doc = "The chats of a user, the latest first and the pinned ones before them; bots have "
		"none.",
	 .result = "{\"dialogs\":[{\"chat\":{…},\"unread\":int,\"unread_mentions\":int,\"pinned\":"
		   "true?,"
		   "\"archived\":true?,\"folder\":int,\"muted\":true?,\"top_message\":message?,"
		   "\"draft\":{…}?}],\"next\":string?}"},
	{.name = "iter_dialogs", .alias_of = "get_dialogs", .doc = "The same."},
};
RPC_GROUP_COUNT(dialogs);
