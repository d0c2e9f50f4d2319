/* contacts.*: who knows whom, who is blocked, search by name. */
#include "tests/sandbox/world.h"

static void add_contact(struct sb_world *w, struct sb_user *me, struct sb_user *u, bool on)
{
	sb_map_put(&w->store, &me->contacts, u->id, on ? u : NULL);
}

static void get_contacts(struct sb_world *w, struct sb_call *c, struct sb_user *me)
{
	struct tl_contacts_contacts *o = SB_NEW(c->arena, contacts_contacts);
	struct sb_view v = sb_view(w, me, c->arena);
	struct sb_list list = {0};

	for (struct sb_user *u = w->first_user; u; u = u->next) {
		struct tl_contact *x;

		if (!sb_map_get(&me->contacts, u->id))
			continue;
		x = SB_NEW(c->arena, contact);
		x->user_id = u->id;
		x->mutual = sb_map_get(&u->contacts, me->id) != NULL;
		sb_see(&v, u->id);
		sb_add(c->arena, &list, &x->obj);
	}
	o->contacts = sb_vec(&list);
	o->saved_count = (int)list.count;
	o->users = sb_seen_users(&v);
	sb_reply(c, &o->obj);
}

static void get_contact_ids(struct sb_world *w, struct sb_call *c, struct sb_user *me)
{
	/* The method's vector is of ints and cannot hold the ids of today. */
	struct tl_vec none = {NULL, 0};

	(void)w;
	(void)me;
	sb_reply_vector(c, c->request->ctor, &none);
}

static void get_statuses(struct sb_world *w, struct sb_call *c, struct sb_user *me)
{
	struct sb_view v = sb_view(w, me, c->arena);
	struct sb_list list = {0};
	struct tl_vec vec;

	for (struct sb_user *u = w->first_user; u; u = u->next) {
		struct tl_contactStatus *s;

		if (!sb_map_get(&me->contacts, u->id))
			continue;
		s = SB_NEW(c->arena, contactStatus);
		s->user_id = u->id;
		s->status = sb_tl_status(&v, u);
		sb_add(c->arena, &list, &s->obj);
	}
	vec = sb_vec(&list);
	sb_reply_vector(c, c->request->ctor, &vec);
}

static void reply_user(struct sb_world *w, struct sb_call *c, struct sb_user *me,
		       const struct sb_user *u)
{
	struct sb_view v = sb_view(w, me, c->arena);

	sb_see(&v, u->id);
	sb_reply(c, sb_tl_updates(&v, (struct tl_vec){NULL, 0}));
}

static void contact_added(struct sb_world *w, struct sb_call *c, struct sb_user *me)
{
	const struct tl_contacts_addContact *in = (const void *)c->request;
	struct sb_user *u = sb_user_in(w, me, in->id);

	if (!u || u == me) {
		sb_fail(c, "CONTACT_ID_INVALID");
		return;
	}
	if (!in->first_name.len) {
		sb_fail(c, "CONTACT_NAME_EMPTY");
		return;
	}
	add_contact(w, me, u, true);
	reply_user(w, c, me, u);
}

static void import_contacts(struct sb_world *w, struct sb_call *c, struct sb_user *me)
{
	const struct tl_contacts_importContacts *in = (const void *)c->request;
	struct tl_contacts_importedContacts *o = SB_NEW(c->arena, contacts_importedContacts);
	struct sb_view v = sb_view(w, me, c->arena);
	struct sb_list list = {0};

	for (unsigned i = 0; i < in->contacts.count && i < SB_MAX_IDS; i++) {
		const struct tl_inputPhoneContact *p = (const void *)sb_item(&in->contacts, i);
		const char *phone = sb_phone_clean(w, p->phone);
		struct sb_user *u = phone ? sb_phone_find(w, phone) : NULL;
		struct tl_importedContact *x;

		if (!u)
			continue;
		add_contact(w, me, u, true);
		x = SB_NEW(c->arena, importedContact);
		x->user_id = u->id;
		x->client_id = p->client_id;
		sb_see(&v, u->id);
		sb_add(c->arena, &list, &x->obj);
	}
	o->imported = sb_vec(&list);
	o->users = sb_seen_users(&v);
	sb_reply(c, &o->obj);
}

static void delete_contacts(struct sb_world *w, struct sb_call *c, struct sb_user *me)
{
	const struct tl_contacts_deleteContacts *in = (const void *)c->request;
	struct sb_view v = sb_view(w, me, c->arena);

	for (unsigned i = 0; i < in->id.count && i < SB_MAX_IDS; i++) {
		struct sb_user *u = sb_user_in(w, me, sb_item(&in->id, i));

		if (!u)
			continue;
		add_contact(w, me, u, false);
		sb_see(&v, u->id);
	}
	sb_reply(c, sb_tl_updates(&v, (struct tl_vec){NULL, 0}));
}

/* ---- blocking -------------------------------------------------------------------------------- */
static void set_blocked(struct sb_world *w, struct sb_call *c, struct sb_user *me,
			const struct tl_obj *peer, bool on)
{
	const char *err;
	int64_t id = sb_peer_in(w, me, peer, &err);
	struct sb_user *u = sb_user(w, id);

	if (!u || u == me) {
		sb_fail(c, "PEER_ID_INVALID");
		return;
	}
	sb_map_put(&w->store, &me->blocked, id, on ? u : NULL);
	sb_reply_bool(c, true);
	if (u->bot)
		sb_bot_stopped(w, u, me, on);
}

static void block(struct sb_world *w, struct sb_call *c, struct sb_user *me)
{
	set_blocked(w, c, me, ((const struct tl_contacts_block *)c->request)->id, true);
}

static void unblock(struct sb_world *w, struct sb_call *c, struct sb_user *me)
{
	set_blocked(w, c, me, ((const struct tl_contacts_unblock *)c->request)->id, false);
}

static void get_blocked(struct sb_world *w, struct sb_call *c, struct sb_user *me)
{
	struct tl_contacts_blocked *o = SB_NEW(c->arena, contacts_blocked);
	struct sb_view v = sb_view(w, me, c->arena);
	struct sb_list list = {0};

	for (struct sb_user *u = w->first_user; u; u = u->next) {
		struct tl_peerBlocked *b;

		if (!sb_map_get(&me->blocked, u->id))
			continue;
		b = SB_NEW(c->arena, peerBlocked);
		b->peer_id = sb_tl_peer(c->arena, u->id);
		b->date = sb_time(w);
		sb_see(&v, u->id);
		sb_add(c->arena, &list, &b->obj);
	}
	o->blocked = sb_vec(&list);
	o->users = sb_seen_users(&v);
	sb_reply(c, &o->obj);
}

/* ---- search ---------------------------------------------------------------------------------- */
static bool has(const char *text, const char *q)
{
	return text && strcasestr(text, q);
}

static void search(struct sb_world *w, struct sb_call *c, struct sb_user *me)
{
	const struct tl_contacts_search *in = (const void *)c->request;
	struct tl_contacts_found *o = SB_NEW(c->arena, contacts_found);
	struct sb_view v = sb_view(w, me, c->arena);
	struct sb_list mine = {0}, others = {0};
	const char *q = sb_text(c->arena, in->q);
	unsigned limit =
		in->limit < 1 || in->limit > SB_MAX_LIST ? SB_MAX_LIST : (unsigned)in->limit;

	if (q && *q == '@')
		q++;
	if (!q || strlen(q) < 3) {
		sb_fail(c, q && *q ? "QUERY_TOO_SHORT" : "SEARCH_QUERY_EMPTY");
		return;
	}
	for (struct sb_user *u = w->first_user; u && others.count < limit; u = u->next) {
		bool known = sb_dialog_find(me, u->id) != NULL;

		if (u == me ||
		    !(has(u->username, q) || (known && (has(u->first, q) || has(u->last, q)))))
			continue;
		sb_see(&v, u->id);
		sb_add(c->arena, known ? &mine : &others, sb_tl_peer(c->arena, u->id));
	}
	for (struct sb_chat *x = w->first_chat; x && others.count < limit; x = x->next) {
		bool known = sb_in_chat(x, me);

		if (x->deleted || !(has(x->username, q) || (known && has(x->title, q))))
			continue;
		sb_see(&v, x->id);
		sb_add(c->arena, known ? &mine : &others, sb_tl_peer(c->arena, x->id));
	}
	o->my_results = sb_vec(&mine);
	o->results = sb_vec(&others);
	o->users = sb_seen_users(&v);
	o->chats = sb_seen_chats(&v);
	sb_reply(c, &o->obj);
}

const struct sb_method sb_methods_contacts[] = {
	{TL_contacts_getContacts, SB_PEOPLE, get_contacts, NULL},
	{TL_contacts_getContactIDs, SB_PEOPLE, get_contact_ids, NULL},
	{TL_contacts_getStatuses, SB_PEOPLE, get_statuses, NULL},
	{TL_contacts_addContact, SB_PEOPLE, contact_added, NULL},
	{TL_contacts_importContacts, SB_PEOPLE, import_contacts, NULL},
	{TL_contacts_deleteContacts, SB_PEOPLE, delete_contacts, NULL},
	{TL_contacts_block, SB_PEOPLE, block, NULL},
	{TL_contacts_unblock, SB_PEOPLE, unblock, NULL},
	{TL_contacts_getBlocked, SB_PEOPLE, get_blocked, NULL},
	{TL_contacts_search, SB_PEOPLE, search, NULL},
	SB_METHOD_END,
};
