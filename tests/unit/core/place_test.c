/* Which update counts in which box: what the schema's fields say, against the documentation's list
 * (F.8, F.9); answers that count (F.5). */
#include "tests/unit/core/rig.h"

#include <jansson.h>

#define PTS 1000
#define QTS 50
#define CHANNEL_PTS 300

enum where { NOWHERE, COMMON, QTS_BOX, CHANNEL };

/* core.telegram.org/api/updates; all others have no number. */
static const struct known {
	const char *name;
	enum where where;
} known[] = {
	{"updateNewMessage", COMMON},
	{"updateEditMessage", COMMON},
	{"updateDeleteMessages", COMMON},
	{"updateReadHistoryInbox", COMMON},
	{"updateReadHistoryOutbox", COMMON},
	{"updateWebPage", COMMON},
	{"updateReadMessagesContents", COMMON},
	{"updateFolderPeers", COMMON},
	{"updatePinnedMessages", COMMON},
	{"updateNewChannelMessage", CHANNEL},
	{"updateEditChannelMessage", CHANNEL},
	{"updateDeleteChannelMessages", CHANNEL},
	{"updateChannelWebPage", CHANNEL},
	{"updatePinnedChannelMessages", CHANNEL},
	{"updateReadChannelInbox", CHANNEL},
	{"updateNewEncryptedMessage", QTS_BOX},
	{"updateMessagePollVote", QTS_BOX},
	{"updateChatParticipant", QTS_BOX},
	{"updateChannelParticipant", QTS_BOX},
	{"updateBotStopped", QTS_BOX},
	{"updateBotChatInviteRequester", QTS_BOX},
	{"updateBotChatBoost", QTS_BOX},
	{"updateBotMessageReaction", QTS_BOX},
	{"updateBotMessageReactions", QTS_BOX},
	{"updateBotBusinessConnect", QTS_BOX},
	{"updateBotNewBusinessMessage", QTS_BOX},
	{"updateBotEditBusinessMessage", QTS_BOX},
	{"updateBotDeleteBusinessMessage", QTS_BOX},
	{"updateBotPurchasedPaidMedia", QTS_BOX},
	/* since layer 222 */
	{"updateManagedBot", QTS_BOX},
	{"updateBotGuestChatQuery", QTS_BOX},
	{"updateBotStarsSubscription", QTS_BOX},
};

static uint64_t draw(void *ctx)
{
	return (uint64_t)rig_draw(ctx, UINT32_MAX) << 32 | rig_draw(ctx, UINT32_MAX);
}

static json_t *message_in(bool channel)
{
	return channel ? json_pack("{s:s,s:i,s:{s:s,s:i},s:i,s:s}", "_", "message", "id", 5,
				   "peer_id", "_", "peerChannel", "channel_id", RIG_CHANNEL, "date",
				   1, "message", "x")
		       : json_pack("{s:s,s:i,s:{s:s,s:i},s:i,s:s}", "_", "message", "id", 5,
				   "peer_id", "_", "peerUser", "user_id", RIG_USER, "date", 1,
				   "message", "x");
}

/* A random update whose numbers are the next ones. */
static struct tl_obj *next_one(struct rig *r, unsigned ctor, struct tl_arena *arena)
{
	bool channel = strstr(tl_name(&tl_api, ctor), "Channel");
	bool count0 = !tl_has_field(&tl_api, ctor, "pts_count");
	struct tl_buf text = {0}, wire = {0};
	struct tl_refusal why;
	struct tl_cursor c;
	struct tl_obj *o;
	json_t *v;

	CHECK_INT(tl_random(&tl_api, ctor, draw, r, arena, &o), 0);
	CHECK_INT(tl_obj_to_json(&tl_api, o, &text), 0);
	v = json_loadb((char *)text.data, text.len, JSON_ALLOW_NUL, NULL);
	CHECK(v);
	if (json_object_get(v, "channel_id"))
		json_object_set_new(v, "channel_id", json_integer(RIG_CHANNEL));
	if (tl_has_field(&tl_api, ctor, "pts"))
		json_object_set_new(v, "pts",
				    json_integer((channel ? CHANNEL_PTS : PTS) + !count0));
	if (!count0)
		json_object_set_new(v, "pts_count", json_integer(1));
	if (tl_has_field(&tl_api, ctor, "qts"))
		json_object_set_new(v, "qts", json_integer(QTS + 1));
	if (tl_has_field(&tl_api, ctor, "message") && ctor != TL_updateNewEncryptedMessage &&
	    (tl_has_field(&tl_api, ctor, "pts") || tl_has_field(&tl_api, ctor, "qts")))
		json_object_set_new(v, "message", message_in(channel));
	if (tl_from_json(&tl_api, ctor, v, &wire, &why) != 0)
		test_fail(__FILE__, __LINE__, "%s: %s: %s", tl_name(&tl_api, ctor), why.path,
			  why.text);
	c = tl_cursor(tl_arena_copy(arena, wire.data, wire.len), wire.len);
	CHECK_INT(tl_decode(&tl_api, arena, &c, &o, NULL), 0);
	json_decref(v);
	tl_buf_free(&text);
	tl_buf_free(&wire);
	return o;
}

static enum where box_of(struct rig *r, const struct tl_obj *u, bool *ret_count0)
{
	struct tg_updates *up = &r->a->up;
	struct tg_channel *ch = tg_channel_get(r->a, RIG_CHANNEL);
	struct tl_updateShort s = {{TL_updateShort}, (struct tl_obj *)u, 1};
	struct tl_cursor in;
	struct tg_carrier *c = tg_carrier_new("", 0, &in);
	enum where where = NOWHERE;
	struct tg_event ev;

	up->box[TG_BOX_COMMON].pts = PTS;
	up->box[TG_BOX_QTS].pts = QTS;
	ch->box.pts = CHANNEL_PTS;
	ch->box.known = true;
	tg_updates_take(r->a, c, &s.obj, NULL);
	tg_carrier_drop(c);
	while (tg_event_pop(r->a, &ev))
		;
	if (up->box[TG_BOX_COMMON].pts != PTS)
		where = COMMON;
	if (up->box[TG_BOX_QTS].pts != QTS)
		where = where ? (enum where)99 : QTS_BOX;
	if (ch->box.pts != CHANNEL_PTS)
		where = where ? (enum where)99 : CHANNEL;
	*ret_count0 = false;
	if (where == NOWHERE && u->ctor == TL_updateReadChannelInbox) {
		*ret_count0 = true; /* counts nothing, and still has its place in the row */
		where = CHANNEL;
	}
	return where;
}

TEST(which_update_counts_where)
{
	struct rig *r = rig_new();
	unsigned found = 0, kinds = 0;
	bool count0;

	rig_login(r);
	rig_message(r, "who is who");
	rig_pass(r, 2);
	for (unsigned i = 1; i <= tl_ctor_count(&tl_api); i++) {
		enum where want = NOWHERE, got;
		struct tl_arena arena;

		if (tl_is_method(&tl_api, i) || strcmp(tl_type_name(&tl_api, i), "Update") != 0 ||
		    i == TL_updateChannelTooLong)
			continue;
		kinds++;
		for (size_t k = 0; k < sizeof known / sizeof *known; k++)
			if (strcmp(known[k].name, tl_name(&tl_api, i)) == 0) {
				want = known[k].where;
				found++;
			}
		tl_arena_init(&arena, 1 << 24);
		got = box_of(r, next_one(r, i, &arena), &count0);
		if (got != want)
			test_fail(__FILE__, __LINE__, "%s: box %d, want %d", tl_name(&tl_api, i),
				  (int)got, (int)want);
		tl_arena_free(&arena);
	}
	CHECK_INT(found, sizeof known / sizeof *known);
	CHECK(kinds > 100);
	rig_free(r);
}

/* F.20: what counts nothing waits for its place, and moves nothing. */
TEST(updates_that_count_nothing)
{
	struct rig *r = rig_new();
	struct tl_updateReadChannelInbox u = {
		.obj = {TL_updateReadChannelInbox}, .channel_id = RIG_CHANNEL, .max_id = 1};

	rig_login(r);
	rig_channel_message(r, "A");
	rig_pass(r, 2);
	u.pts = 1;
	rig_say(r, 2, rig_short(r, &u.obj)); /* in its place */
	u.pts = 0;
	rig_say(r, 2, rig_short(r, &u.obj)); /* no number at all */
	rig_pass(r, 0.1);
	rig_journal_is(r, "A updateReadChannelInbox updateReadChannelInbox");
	u.pts = 2;
	rig_say(r, 2, rig_short(r, &u.obj)); /* too early */
	rig_pass(r, 0.1);
	rig_journal_is(r, "A updateReadChannelInbox updateReadChannelInbox");
	rig_channel_message(r, "B");
	rig_pass(r, 0.1);
	rig_journal_is(r, "A updateReadChannelInbox updateReadChannelInbox B "
			  "updateReadChannelInbox");
	u.pts = 1;
	rig_say(r, 2, rig_short(r, &u.obj)); /* too late */
	rig_pass(r, 2);
	CHECK_INT(r->journal_n, 5);
	CHECK_INT(r->calls[TL_updates_getChannelDifference], 0);
	rig_free(r);
}

/* F.9: a message without a peer belongs nowhere. */
TEST(channel_message_that_is_empty)
{
	struct rig *r = rig_new();
	struct tl_messageEmpty empty = {.obj = {TL_messageEmpty}, .id = 5};
	struct tl_updateNewChannelMessage u = {{TL_updateNewChannelMessage}, &empty.obj, 2, 1};

	rig_login(r);
	rig_channel_message(r, "A");
	rig_pass(r, 2);
	rig_say(r, 2, rig_short(r, &u.obj));
	rig_pass(r, 2);
	rig_journal_is(r, "A");
	CHECK_INT(r->a->up.box[TG_BOX_COMMON].pts, 100);
	CHECK_INT(r->calls[TL_updates_getDifference], 0);
	rig_free(r);
}

/* ---- answers (F.4) and who comes first (F.6) ---- */
static bool forwards(struct rig *r, const struct rig_request *q)
{
	struct tl_obj *u;

	if (q->method != TL_messages_forwardMessages)
		return false;
	u = rig_make(r, 0, "forwarded");
	rig_answer(r, q, rig_updates(r, &u, 1, 0));
	return true;
}

/* The caller gets his answer at once, the journal the update once, behind what was missing. */
TEST(answer_beyond_a_gap)
{
	struct rig *r = rig_new();
	struct tl_inputPeerUser peer = {{TL_inputPeerUser}, RIG_USER, 1};
	int32_t id = 5;
	int64_t random = 1;
	struct tl_messages_forwardMessages f = {.obj = {TL_messages_forwardMessages},
						.from_peer = &peer.obj,
						.to_peer = &peer.obj,
						.id = {&id, 1},
						.random_id = {&random, 1}};
	uint64_t call;

	rig_login(r);
	r->serve = forwards;
	rig_make(r, 0, "missed");
	call = rig_call(r, &f.obj, NULL);
	rig_run(r);
	CHECK(rig_result_of(r, call) && !rig_result_of(r, call)->error);
	CHECK_INT(rig_result_of(r, call)->number, TL_ID_updates);
	rig_journal_is(r, "");
	rig_pass(r, 1);
	rig_journal_is(r, "missed forwarded");
	CHECK_INT(r->calls[TL_updates_getDifference], 1);
	rig_free(r);
}

static unsigned strangers;
static void look(struct rig *r, const struct tg_event *ev)
{
	struct tg_peer p;

	if (ev->kind == TG_EV_UPDATE && (tg_peer_get(r->a, TG_PEER_USER, RIG_USER, &p) != 0 ||
					 tg_peer_get(r->a, TG_PEER_CHANNEL, RIG_CHANNEL, &p) != 0))
		strangers++;
}

TEST(people_are_known_before_their_updates)
{
	struct rig *r = rig_new();

	strangers = 0;
	rig_login(r);
	r->saw = look;
	rig_message(r, "a"); /* brings everybody along */
	r->mute = true;
	rig_channel_message(r, "A");
	tg_difference(r->a);
	rig_pass(r, 3);
	CHECK_INT(strangers, 0);
	rig_free(r);
}

/* ---- peers (F.60, F.61, F.63) ---- */
/* A min user is named by the message where it was seen, but not by a bot. */
TEST(min_user_seen_in_a_message)
{
	for (int bot = 0; bot < 2; bot++) {
		struct rig *r = rig_new();
		struct tl_updateNewMessage *u;
		struct tl_peerUser from = {{TL_peerUser}, 4711};
		struct tl_obj *users[1], *chats[1], *list[1];
		struct tl_updates all = {.obj = {TL_updates}};
		struct tg_peer p;

		rig_login(r);
		r->a->is_bot = bot;
		u = (struct tl_updateNewMessage *)rig_make(r, RIG_CHANNEL, "A");
		((struct tl_message *)u->message)->from_id = &from.obj;
		list[0] = &u->obj;
		users[0] = rig_user(r, 4711, NULL, true);
		chats[0] = rig_channel(r, RIG_CHANNEL, NULL, false);
		all.updates = (struct tl_vec){list, 1};
		all.users = (struct tl_vec){users, 1};
		all.chats = (struct tl_vec){chats, 1};
		rig_say(r, 2, &all.obj);
		rig_pass(r, 1);
		rig_journal_is(r, "A");
		CHECK_INT(tg_peer_get(r->a, TG_PEER_USER, 4711, &p), 0);
		CHECK(p.min && !p.has_hash);
		CHECK_INT(p.seen_in, bot ? 0 : 1);
		if (!bot) {
			CHECK(p.seen_kind == TG_PEER_CHANNEL && p.seen_chat == RIG_CHANNEL);
			CHECK_INT(p.seen_hash, RIG_CHANNEL * 1000);
		}
		rig_restart(r);
		tg_learn(r->a, rig_user(r, 4711, NULL, false)); /* now it is known in full */
		CHECK_INT(tg_peer_get(r->a, TG_PEER_USER, 4711, &p), 0);
		CHECK(p.has_hash && !p.min && !p.seen_in);
		rig_free(r);
	}
}

/* What one account knows is nothing to another one on the same store. */
TEST(hashes_belong_to_an_account)
{
	struct rig *r = rig_new();
	struct tg_account *other;
	struct tg_peer p;

	rig_login(r);
	tg_learn(r->a, rig_user(r, 4711, NULL, false));
	other = tg_account_new("other", &r->s, &r->env, r->now);
	CHECK_INT(tg_peer_get(other, TG_PEER_USER, 4711, &p), -TG_E_PEER_UNKNOWN);
	rig_run(r);
	CHECK_INT(tg_peer_get(other, TG_PEER_USER, 4711, &p), -TG_E_PEER_UNKNOWN);
	CHECK_INT(tg_peer_get(r->a, TG_PEER_USER, 4711, &p), 0);
	tg_account_free(other);
	rig_free(r);
}

/* Users, groups and channels are three spaces, and large ones fit. */
TEST(spaces_of_ids)
{
	struct rig *r = rig_new();
	const int64_t most = 999999999999;
	struct tl_chatForbidden group = {{TL_chatForbidden}, most, tl_str("Group")};
	struct tg_peer_query q;
	struct tg_peer p;

	rig_login(r);
	tg_learn(r->a, rig_user(r, most, NULL, false));
	tg_learn(r->a, &group.obj);
	tg_learn(r->a, rig_channel(r, 997852516352, NULL, false));
	CHECK_INT(tg_peer_parse_id(most, &q), 0);
	CHECK_INT(tg_peer_find(r->a, &q, &p), 0);
	CHECK(p.kind == TG_PEER_USER && p.id == most && tg_peer_marked(&p) == most);
	CHECK_INT(tg_peer_parse_id(-most, &q), 0);
	CHECK_INT(tg_peer_find(r->a, &q, &p), 0);
	CHECK(p.kind == TG_PEER_CHAT && p.id == most && tg_peer_marked(&p) == -most);
	CHECK_INT(tg_peer_parse_id(-1997852516352, &q), 0);
	CHECK_INT(tg_peer_find(r->a, &q, &p), 0);
	CHECK(p.kind == TG_PEER_CHANNEL && p.id == 997852516352);
	CHECK_INT(tg_peer_marked(&p), -1997852516352);
	rig_free(r);
}
