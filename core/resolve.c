/* Resolving names over the network: one lookup for all who wait for the same text
 * (core.telegram.org/api/peers). A lookup belongs to the account and dies with its last waiter. */
#include "core/account.h"

#include <stdlib.h>
#include <string.h>

#define RESOLVE_FLOOD 20 /* s slept out */
#define DIALOGS_PAGE 100

struct waiter {
	struct waiter *next;
	struct tg_resolve *lookup;
	struct tg_timer timer;
	uint64_t number;
};
struct tg_resolve {
	struct tg_resolve *next;
	struct tg_peer_query q;
	struct waiter *waiters;
	struct tg_call *call;
	struct tg_peer found; /* by title, so far */
	unsigned pages;
};

static void lookup_free(struct tg_account *a, struct tg_resolve *l)
{
	struct tg_resolve **at = &a->resolves;

	while (*at != l)
		at = &(*at)->next;
	*at = l->next;
	if (l->call)
		tg_call_drop(a, l->call, NULL);
	free(l);
}

static void say(struct tg_account *a, uint64_t number, const struct tg_answer *r,
		const struct tg_peer *p)
{
	struct tg_node *n = tg_event_new(a, TG_EV_RESOLVED);
	struct tg_peer *copy = n && p ? malloc(sizeof *p) : NULL;

	if (!n)
		return;
	n->ev.call = number;
	n->ev.error = r->error;
	n->ev.code = r->code;
	n->ev.retry_after = r->retry_after;
	n->ev.data = r->data;
	n->ev.n = r->n;
	n->ev.peer = n->owned = copy;
	if (copy)
		*copy = *p;
	else if (p)
		n->ev.error = -TG_E_NOMEM;
}

static void waiter_end(struct tg_account *a, struct waiter *w)
{
	struct waiter **at = &w->lookup->waiters;

	while (*at != w)
		at = &(*at)->next;
	*at = w->next;
	tg_timer_clear(&a->timers, &w->timer);
	free(w);
}

static void end(struct tg_account *a, struct tg_resolve *l, const struct tg_answer *r,
		const struct tg_peer *p)
{
	while (l->waiters) {
		say(a, l->waiters->number, r, p);
		waiter_end(a, l->waiters);
	}
	lookup_free(a, l);
}

static void end_error(struct tg_account *a, struct tg_resolve *l, int error)
{
	struct tg_answer r = {.error = error};

	end(a, l, &r, NULL);
}

static void end_peer(struct tg_account *a, struct tg_resolve *l, const struct tg_peer *p)
{
	struct tg_answer r = {0};

	end(a, l, &r, p);
}

static void timed_out(struct tg_account *a, struct tg_timer *t)
{
	struct waiter *w = TG_OF(t, struct waiter, timer);
	struct tg_resolve *l = w->lookup;
	struct tg_answer r = {.error = -TG_E_TIMEOUT};

	say(a, w->number, &r, NULL);
	waiter_end(a, w);
	if (!l->waiters)
		lookup_free(a, l);
}

/* ---- answers ---- */
static bool is_nobody(const struct tg_answer *r)
{
	static const char *const texts[] = {"USERNAME_NOT_OCCUPIED", "USERNAME_INVALID",
					    "PHONE_NOT_OCCUPIED",    "INVITE_HASH_EXPIRED",
					    "INVITE_HASH_INVALID",   "INVITE_HASH_EMPTY"};
	struct tl_str text = {(const char *)r->data, (uint32_t)r->n};

	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
		if (r->error == -TG_E_TELEGRAM && text.data && tl_str_eq(text, texts[i]))
			return true;
	return false;
}

static void take_peer(struct tg_account *a, struct tg_resolve *l, enum tg_peer_kind kind,
		      int64_t id)
{
	struct tg_peer p;

	if (tg_peer_get(a, kind, id, &p) != 0) {
		end_error(a, l, -TG_E_PEER_NOT_FOUND);
		return;
	}
	if (l->q.form == TG_FORM_USERNAME || l->q.form == TG_FORM_PHONE)
		tg_name_learn(a, l->q.form, l->q.text, &p);
	end_peer(a, l, &p);
}

static void take_resolved(struct tg_account *a, struct tg_resolve *l,
			  const struct tl_contacts_resolvedPeer *r)
{
	enum tg_peer_kind kind;
	int64_t id;

	tg_learn_all(a, &r->users, &r->chats);
	if (tg_peer_of(r->peer, &kind, &id))
		take_peer(a, l, kind, id);
	else
		end_error(a, l, -TG_E_PEER_NOT_FOUND);
}

/* Only who is inside, or may look inside, sees the chat. */
static void take_invite(struct tg_account *a, struct tg_resolve *l, const struct tl_obj *o)
{
	const struct tl_obj *chat = tl_field_obj(&tl_api, o, "chat");
	int64_t id;

	if (!chat || !tl_field_int(&tl_api, chat, "id", &id)) {
		end_error(a, l, -TG_E_PEER_NOT_FOUND);
		return;
	}
	tg_learn(a, chat);
	take_peer(a, l,
		  chat->ctor == TL_chat || chat->ctor == TL_chatForbidden ? TG_PEER_CHAT
									  : TG_PEER_CHANNEL,
		  id);
}

/* ---- titles: page by page through the dialogs ---- */
struct page {
	const struct tl_vec *dialogs, *messages;
	bool last;
};

static int32_t date_of_message(const struct tl_vec *messages, int32_t id, enum tg_peer_kind kind,
			       int64_t peer)
{
	struct tl_obj *const *list = messages->items;

	for (uint32_t i = 0; i < messages->count; i++) {
		enum tg_peer_kind k;
		int64_t p, n, date;

		if (tl_field_int(&tl_api, list[i], "id", &n) && n == id &&
		    tg_peer_of(tl_field_obj(&tl_api, list[i], "peer_id"), &k, &p) && k == kind &&
		    p == peer && tl_field_int(&tl_api, list[i], "date", &date))
			return (int32_t)date;
	}
	return 0;
}

static void dialogs_taken(struct tg_account *a, struct tg_call *c, const struct tg_answer *r);

static void ask_dialogs(struct tg_account *a, struct tg_resolve *l, const struct tg_peer *after,
			int32_t id, int32_t date)
{
	struct tl_inputPeerEmpty empty = {{TL_inputPeerEmpty}};
	struct tl_inputPeerUser user = {
		{TL_inputPeerUser}, after ? after->id : 0, after ? after->access_hash : 0};
	struct tl_inputPeerChannel channel = {
		{TL_inputPeerChannel}, user.user_id, user.access_hash};
	struct tl_inputPeerChat chat = {{TL_inputPeerChat}, user.user_id};
	struct tl_messages_getDialogs m = {
		.obj = {TL_messages_getDialogs},
		.offset_date = date,
		.offset_id = id,
		.offset_peer = &empty.obj,
		.limit = DIALOGS_PAGE,
	};
	struct tg_call_options o = {.deadline = TG_NEVER, .flood_wait = RESOLVE_FLOOD};

	if (after && after->kind == TG_PEER_CHAT)
		m.offset_peer = &chat.obj;
	else if (after && after->kind == TG_PEER_USER && after->has_hash)
		m.offset_peer = &user.obj;
	else if (after && after->kind == TG_PEER_CHANNEL && after->has_hash)
		m.offset_peer = &channel.obj;
	l->call = tg_call_own(a, &m.obj, &o, dialogs_taken, l);
}

/* Looks a page through; true: it goes on with the next one. */
static bool look_through(struct tg_account *a, struct tg_resolve *l, const struct page *page)
{
	struct tl_obj *const *list = page->dialogs->items;
	struct tg_peer p = {0};
	int64_t top = 0;

	for (uint32_t i = 0; i < page->dialogs->count; i++) {
		enum tg_peer_kind kind;
		int64_t id;

		if (!tg_peer_of(tl_field_obj(&tl_api, list[i], "peer"), &kind, &id) ||
		    tg_peer_get(a, kind, id, &p) != 0 ||
		    !tl_field_int(&tl_api, list[i], "top_message", &top) ||
		    !tg_title_is(&p, l->q.text))
			continue;
		if (l->found.kind && (l->found.kind != p.kind || l->found.id != p.id)) {
			end_error(a, l, -TG_E_PEER_AMBIGUOUS);
			return true;
		}
		l->found = p;
	}
	if (page->last || !page->dialogs->count || ++l->pages >= TG_TITLE_PAGES || !p.kind)
		return false;
	ask_dialogs(a, l, &p, (int32_t)top,
		    date_of_message(page->messages, (int32_t)top, p.kind, p.id));
	return l->call;
}

static void dialogs_taken(struct tg_account *a, struct tg_call *c, const struct tg_answer *r)
{
	struct tg_resolve *l = c->ctx;
	struct tl_arena arena;
	struct tl_obj *o;
	struct page page = {0};

	l->call = NULL;
	if (r->error) {
		end(a, l, r, NULL);
		return;
	}
	tl_arena_init(&arena, TG_ARENA_CAP);
	o = tg_answer_decode(c, r, &arena);
	if (o && o->ctor == TL_messages_dialogs) {
		const struct tl_messages_dialogs *d = (const void *)o;

		tg_learn_all(a, &d->users, &d->chats);
		page = (struct page){&d->dialogs, &d->messages, true};
	} else if (o && o->ctor == TL_messages_dialogsSlice) {
		const struct tl_messages_dialogsSlice *d = (const void *)o;

		tg_learn_all(a, &d->users, &d->chats);
		page = (struct page){&d->dialogs, &d->messages, false};
	}
	if (!page.dialogs)
		end_error(a, l, -TG_E_WIRE);
	else if (look_through(a, l, &page))
		;
	else if (l->found.kind)
		end_peer(a, l, &l->found);
	else
		end_error(a, l, -TG_E_PEER_NOT_FOUND);
	tl_arena_free(&arena);
}

static void answered(struct tg_account *a, struct tg_call *c, const struct tg_answer *r)
{
	struct tg_resolve *l = c->ctx;
	struct tl_arena arena;
	struct tl_obj *o;

	l->call = NULL;
	if (r->error && is_nobody(r)) {
		end_error(a, l, -TG_E_PEER_NOT_FOUND);
		return;
	}
	if (r->error) {
		end(a, l, r, NULL);
		return;
	}
	tl_arena_init(&arena, TG_ARENA_CAP);
	o = tg_answer_decode(c, r, &arena);
	if (!o)
		end_error(a, l, -TG_E_WIRE);
	else if (o->ctor == TL_contacts_resolvedPeer)
		take_resolved(a, l, (const struct tl_contacts_resolvedPeer *)o);
	else
		take_invite(a, l, o);
	tl_arena_free(&arena);
}

/* ---- doors ---- */
static void start(struct tg_account *a, struct tg_resolve *l)
{
	struct tl_contacts_resolveUsername username = {.obj = {TL_contacts_resolveUsername},
						       .username = tl_str(l->q.text)};
	struct tl_contacts_resolvePhone phone = {{TL_contacts_resolvePhone}, tl_str(l->q.text)};
	struct tl_messages_checkChatInvite invite = {{TL_messages_checkChatInvite},
						     tl_str(l->q.text)};
	struct tg_call_options o = {.deadline = TG_NEVER, .flood_wait = RESOLVE_FLOOD};
	const struct tl_obj *m = NULL;

	switch (l->q.form) {
	case TG_FORM_USERNAME:
		m = &username.obj;
		break;
	case TG_FORM_PHONE:
		m = &phone.obj;
		break;
	case TG_FORM_INVITE:
		m = &invite.obj;
		break;
	case TG_FORM_TITLE:
		ask_dialogs(a, l, NULL, 0, 0);
		return;
	case TG_FORM_SELF:
	case TG_FORM_ID:
		return;
	}
	l->call = tg_call_own(a, m, &o, answered, l);
}

static struct tg_resolve *lookup_of(struct tg_account *a, const struct tg_peer_query *q)
{
	struct tg_resolve *l = a->resolves;

	while (l && (l->q.form != q->form || strcmp(l->q.text, q->text) != 0))
		l = l->next;
	if (l)
		return l;
	l = calloc(1, sizeof *l);
	if (!l)
		return NULL;
	l->q = *q;
	l->next = a->resolves;
	a->resolves = l;
	start(a, l);
	if (!l->call) {
		lookup_free(a, l);
		return NULL;
	}
	return l;
}

int tg_resolve(struct tg_account *a, const struct tg_peer_query *q, int64_t deadline,
	       uint64_t *ret_number, struct mt_time now)
{
	struct tg_resolve *l;
	struct waiter *w;

	a->now = now;
	if (q->form == TG_FORM_SELF || q->form == TG_FORM_ID)
		return -TG_E_PEER_UNKNOWN;
	if (a->state != TG_READY)
		return a->state == TG_REVOKED ? -TG_E_SESSION_REVOKED : -TG_E_UNAUTHORIZED;
	if (!a->wanted)
		return -TG_E_OFFLINE;
	w = calloc(1, sizeof *w);
	l = w ? lookup_of(a, q) : NULL;
	if (!l) {
		free(w);
		return -TG_E_NOMEM;
	}
	w->lookup = l;
	w->number = ++a->last_resolve;
	w->timer.fire = timed_out;
	w->next = l->waiters;
	l->waiters = w;
	tg_timer_set(&a->timers, &w->timer, deadline);
	*ret_number = w->number;
	return 0;
}

void tg_resolve_cancel(struct tg_account *a, uint64_t number)
{
	for (struct tg_resolve *l = a->resolves; l; l = l->next)
		for (struct waiter *w = l->waiters; w; w = w->next) {
			if (w->number != number)
				continue;
			waiter_end(a, w);
			if (!l->waiters)
				lookup_free(a, l);
			return;
		}
}

/* The calls are gone already. */
void tg_resolve_free(struct tg_account *a)
{
	while (a->resolves) {
		struct tg_resolve *l = a->resolves;

		l->call = NULL;
		while (l->waiters)
			waiter_end(a, l->waiters);
		lookup_free(a, l);
	}
}
