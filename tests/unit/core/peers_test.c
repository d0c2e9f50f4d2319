/* Who is who: learning, min peers, names that move, and asking the network once. */
#include "tests/unit/core/rig.h"

static struct tg_peer_query query(const char *text)
{
	struct tg_peer_query q;

	CHECK_INT(tg_peer_parse(tl_str(text), &q), 0);
	return q;
}

static int find(struct rig *r, const char *text, struct tg_peer *p)
{
	struct tg_peer_query q = query(text);

	return tg_peer_find(r->a, &q, p);
}

TEST(peers_are_learnt_and_survive)
{
	struct rig *r = rig_new();
	struct tg_peer p;

	rig_login(r);
	CHECK_INT(find(r, "alice", &p), -TG_E_AGAIN);
	CHECK_INT(find(r, "100", &p), -TG_E_PEER_UNKNOWN);
	rig_message(r, "hello"); /* brings alice and the channel */
	rig_run(r);
	for (int i = 0; i < 2; i++) {
		CHECK_INT(find(r, "@Alice", &p), 0);
		CHECK(p.kind == TG_PEER_USER && p.id == RIG_USER && p.has_hash);
		CHECK_INT(p.access_hash, RIG_USER * 1000);
		CHECK_STR(p.username, "alice");
		CHECK_STR(p.name, "First");
		CHECK_INT(find(r, "user:100", &p), 0);
		CHECK_INT(find(r, "100", &p), 0);
		CHECK_INT(find(r, "-1000000000500", &p), 0);
		CHECK(p.kind == TG_PEER_CHANNEL && p.id == RIG_CHANNEL);
		CHECK_INT(tg_peer_marked(&p), -1000000000500);
		CHECK_INT(find(r, "t.me/news", &p), 0);
		CHECK_INT(find(r, "me", &p), 0);
		CHECK(p.kind == TG_PEER_SELF && p.id == RIG_SELF && p.bot);
		CHECK_INT(find(r, "title:First", &p), -TG_E_PEER_AMBIGUOUS);
		CHECK_INT(find(r, "title:Channel", &p), 0);
		CHECK_INT(find(r, "title:Nobody", &p), -TG_E_PEER_NOT_FOUND);
		rig_pass(r, 1);
		rig_restart(r);
		rig_pass(r, 1);
	}
	rig_free(r);
}

TEST(bare_number_may_be_two)
{
	struct rig *r = rig_new();
	struct tg_peer p;

	tg_learn(r->a, rig_user(r, 55, NULL, false));
	CHECK_INT(find(r, "55", &p), 0);
	CHECK_INT(p.kind, TG_PEER_USER);
	tg_learn(r->a, rig_channel(r, 55, NULL, false));
	CHECK_INT(find(r, "55", &p), -TG_E_PEER_AMBIGUOUS);
	CHECK_INT(find(r, "user:55", &p), 0);
	CHECK_INT(find(r, "channel:55", &p), 0);
	CHECK_INT(find(r, "-55", &p), -TG_E_PEER_UNKNOWN);
	rig_free(r);
}

TEST(min_never_spoils_what_is_known)
{
	struct rig *r = rig_new();
	struct tg_peer p;

	tg_learn(r->a, rig_user(r, 1, "min_first", true));
	CHECK_INT(find(r, "user:1", &p), 0);
	CHECK(p.min && !p.has_hash && p.access_hash == 0);
	CHECK_INT(find(r, "min_first", &p), -TG_E_AGAIN); /* it cannot be addressed */
	tg_learn(r->a, rig_user(r, 1, "whole", false));
	CHECK_INT(find(r, "user:1", &p), 0);
	CHECK(!p.min && p.has_hash && p.access_hash == 1000);
	tg_learn(r->a, rig_user(r, 1, "min_again", true));
	CHECK_INT(find(r, "whole", &p), 0);
	CHECK(!p.min && p.has_hash && p.access_hash == 1000);
	CHECK_STR(p.username, "whole");
	CHECK_STR(p.name, "Minimal"); /* names are news */
	tg_learn(r->a, rig_channel(r, 1, "room", false));
	tg_learn(r->a, rig_channel(r, 1, "room", true));
	CHECK_INT(find(r, "room", &p), 0);
	CHECK(!p.min && p.access_hash == 1000);
	rig_free(r);
}

TEST(names_move)
{
	struct rig *r = rig_new();
	struct tg_peer p;
	struct tl_username list[3] = {
		{.obj = {TL_username}, .active = true, .username = tl_str("second")},
		{.obj = {TL_username}, .active = false, .username = tl_str("asleep")},
		{.obj = {TL_username}, .active = true, .username = tl_str("Third")},
	};
	struct tl_obj *items[3] = {&list[0].obj, &list[1].obj, &list[2].obj};
	struct tl_user u = {.obj = {TL_user},
			    .id = 9,
			    .has_access_hash = true,
			    .access_hash = 9,
			    .first_name = tl_str("Nine"),
			    .last_name = tl_str("Ten"),
			    .phone = tl_str("15550001"),
			    .usernames = {items, 3}};

	r->a->is_bot = true;
	tg_learn(r->a, rig_user(r, 8, "second", false));
	tg_learn(r->a, &u.obj);
	CHECK_INT(find(r, "second", &p), 0);
	CHECK_INT(p.id, 9);
	CHECK_INT(find(r, "third", &p), 0);
	CHECK_INT(find(r, "asleep", &p), -TG_E_AGAIN);
	CHECK_INT(find(r, "+1 555 0001", &p), 0);
	CHECK_INT(p.id, 9);
	rig_run(r);
	CHECK_INT(find(r, "title:Nine Ten", &p), 0);
	CHECK_INT(find(r, "title:Nine", &p), -TG_E_PEER_NOT_FOUND);
	u.usernames.count = 1;
	tg_learn(r->a, &u.obj);
	CHECK_INT(find(r, "third", &p), -TG_E_AGAIN);
	tg_learn(r->a, rig_user(r, 8, "second", false)); /* its number 9 lost it to 8 again */
	CHECK_INT(find(r, "second", &p), 0);
	CHECK_INT(p.id, 8);
	rig_pass(r, 2 * 86400);
	CHECK_INT(find(r, "second", &p), -TG_E_AGAIN); /* too old to be trusted */
	CHECK_INT(find(r, "user:8", &p), 0);
	rig_free(r);
}

TEST(long_names_are_cut_at_a_character)
{
	struct rig *r = rig_new();
	struct tl_user u = {.obj = {TL_user}, .id = 3};
	char name[400];
	struct tg_peer p;

	for (int i = 0; i < 200; i++)
		memcpy(name + i * 2, "\xc3\xa9", 2);
	for (uint32_t from = 0; from < 2; from++) {
		name[0] = 'x';
		u.first_name = (struct tl_str){name + (from ? 2 : 0), 390};
		tg_learn(r->a, &u.obj);
		CHECK_INT(find(r, "user:3", &p), 0);
		CHECK(strlen(p.name) >= sizeof p.name - 3);
		CHECK(((uint8_t)p.name[strlen(p.name) - 1] & 0xc0) == 0x80);
	}
	rig_free(r);
}

TEST(harvest_learns)
{
	struct rig *r = rig_new();
	struct tl_buf b = {0};
	struct tg_peer p;
	const struct tl_harvest *h = tg_harvest(r->a);

	CHECK_INT(tl_encode(&tl_api, rig_user(r, 77, "seen_by", false), &b), 0);
	h->seen(h->ctx, TL_user, b.data, b.len);
	CHECK_INT(find(r, "seen_by", &p), 0);
	h->seen(h->ctx, TL_user, b.data, b.len - 4); /* cut short: nothing happens */
	tl_buf_free(&b);
	rig_free(r);
}

/* ---- over the network ---- */
static bool names(struct rig *r, const struct rig_request *q)
{
	struct tl_peerUser user = {{TL_peerUser}, 321};
	struct tl_obj *u = rig_user(r, 321, "somebody", false);
	struct tl_contacts_resolvedPeer found = {
		.obj = {TL_contacts_resolvedPeer}, .peer = &user.obj, .users = {&u, 1}};
	struct tl_chatInviteAlready already = {{TL_chatInviteAlready},
					       rig_channel(r, 654, NULL, false)};
	const struct tl_contacts_resolveUsername *m = (const void *)q->obj;

	switch (q->method) {
	case TL_contacts_resolveUsername:
		if (tl_str_eq(m->username, "silence"))
			return true;
		if (tl_str_eq(m->username, "flood"))
			rig_refuse(r, q, 420, "FLOOD_WAIT_100");
		else if (tl_str_eq(m->username, "nobody"))
			rig_refuse(r, q, 400, "USERNAME_NOT_OCCUPIED");
		else
			rig_answer(r, q, &found.obj);
		return true;
	case TL_contacts_resolvePhone:
		rig_answer(r, q, &found.obj);
		return true;
	case TL_messages_checkChatInvite:
		rig_answer(r, q, &already.obj);
		return true;
	}
	return false;
}

static uint64_t ask(struct rig *r, const char *text)
{
	struct tg_peer_query q = query(text);
	uint64_t n = 0;

	CHECK_INT(tg_resolve(r->a, &q, r->now.boot + 20 * TG_SECOND, &n, r->now), 0);
	return n;
}

TEST(resolve_asks_once_for_all)
{
	struct rig *r = rig_new();
	uint64_t first, second, third;
	struct tg_peer p;

	rig_login(r);
	r->serve = names;
	first = ask(r, "@somebody");
	second = ask(r, "t.me/somebody");
	third = ask(r, "somebody");
	tg_resolve_cancel(r->a, second);
	rig_pass(r, 1);
	CHECK_INT(r->calls[TL_contacts_resolveUsername], 1);
	CHECK_INT(r->resolved_n, 2);
	for (int i = 0; i < 2; i++) {
		CHECK(r->resolved[i].call == first || r->resolved[i].call == third);
		CHECK_INT(r->resolved[i].error, 0);
		CHECK_INT(r->resolved_peers[i].id, 321);
		CHECK(r->resolved_peers[i].has_hash);
	}
	CHECK_INT(find(r, "somebody", &p), 0);
	rig_free(r);
}

TEST(resolve_other_forms_and_refusals)
{
	struct rig *r = rig_new();
	struct tg_peer p;

	rig_login(r);
	r->serve = names;
	ask(r, "+15550002");
	ask(r, "t.me/+AbCdEfGhIjKl");
	ask(r, "nobody");
	ask(r, "flood");
	ask(r, "silence");
	rig_pass(r, 1);
	CHECK_INT(r->resolved_n, 4);
	for (unsigned i = 0; i < 4; i++) {
		const struct tg_event *e = &r->resolved[i];

		if (e->error == 0)
			CHECK(r->resolved_peers[i].id == 321 || r->resolved_peers[i].id == 654);
		else if (e->error == -TG_E_TELEGRAM)
			CHECK(e->code == 420 && e->retry_after == 100);
		else
			CHECK_INT(e->error, -TG_E_PEER_NOT_FOUND);
	}
	CHECK_INT(find(r, "+15550002", &p), 0); /* though it does not show its number */
	rig_pass(r, 20);
	CHECK_INT(r->resolved_n, 5);
	CHECK_INT(r->resolved[4].error, -TG_E_TIMEOUT);
	CHECK(r->a->resolves == NULL);
	rig_free(r);
}

static bool dialogs(struct rig *r, const struct rig_request *q)
{
	const struct tl_messages_getDialogs *m = (const void *)q->obj;
	struct tl_peerUser user = {{TL_peerUser}, m->offset_id ? 902 : 901};
	struct tl_peerNotifySettings settings = {.obj = {TL_peerNotifySettings}};
	struct tl_dialog d = {.obj = {TL_dialog},
			      .peer = &user.obj,
			      .top_message = 50,
			      .notify_settings = &settings.obj};
	struct tl_message top = {.obj = {TL_message},
				 .id = 50,
				 .peer_id = &user.obj,
				 .date = 1234,
				 .message = tl_str("")};
	struct tl_obj *u = rig_user(r, user.user_id, NULL, false), *dialog = &d.obj,
		      *message = &top.obj;
	struct tl_messages_dialogsSlice slice = {.obj = {TL_messages_dialogsSlice},
						 .count = 2,
						 .dialogs = {&dialog, 1},
						 .messages = {&message, 1},
						 .users = {&u, 1}};

	if (q->method != TL_messages_getDialogs)
		return false;
	if (m->offset_id)
		((struct tl_user *)u)->first_name = tl_str("Minimal");
	if (m->offset_id) {
		CHECK_INT(m->offset_date, 1234);
		CHECK_INT(m->offset_peer->ctor, TL_inputPeerUser);
		slice.obj.ctor = TL_messages_dialogsSlice;
		slice.dialogs.count = r->calls[TL_messages_getDialogs] > 2 ? 0 : 1;
	}
	rig_answer(r, q, &slice.obj);
	return true;
}

TEST(titles_are_looked_for_page_by_page)
{
	struct rig *r = rig_new();

	rig_login(r);
	r->a->is_bot = false;
	r->serve = dialogs;
	ask(r, "title:Minimal");
	rig_pass(r, 1);
	CHECK_INT(r->resolved_n, 1);
	CHECK_INT(r->resolved[0].error, 0);
	CHECK_INT(r->resolved_peers[0].id, 902);
	CHECK(r->calls[TL_messages_getDialogs] >= 2);
	ask(r, "title:Nowhere");
	rig_pass(r, 1);
	CHECK_INT(r->resolved[1].error, -TG_E_PEER_NOT_FOUND);
	rig_free(r);
}
