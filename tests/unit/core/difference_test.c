/* What was missed: what is asked, when, how often, and what becomes of each kind of answer
 * (F.31-F.56, F.70-F.77). */
#include "tests/unit/core/rig.h"

static struct tl_obj *short_of(struct rig *r, struct tl_obj *update)
{
	struct tl_updateShort *s = rig_alloc(r, sizeof *s);

	*s = (struct tl_updateShort){{TL_updateShort}, update, r->date};
	return &s->obj;
}

static struct tl_obj *too_long(struct rig *r, int64_t id, int32_t pts)
{
	struct tl_updateChannelTooLong *u = rig_alloc(r, sizeof *u);

	*u = (struct tl_updateChannelTooLong){{TL_updateChannelTooLong}, id, pts, pts > 0};
	return short_of(r, &u->obj);
}

/* ---- what is asked (F.40, F.50) ---- */
TEST(a_first_login_asks_for_the_state_alone)
{
	struct rig *r = rig_new();

	rig_login(r);
	rig_pass(r, 5);
	CHECK_INT(r->calls[TL_updates_getState], 1);
	CHECK_INT(r->calls[TL_updates_getDifference], 0);
	rig_journal_is(r, "");
	rig_restart(r);
	rig_pass(r, 5);
	CHECK_INT(r->calls[TL_updates_getState], 1);
	CHECK(r->calls[TL_updates_getDifference] >= 1);
	rig_free(r);
}

static struct tl_updates_getChannelDifference channel_question;
static bool note_question(struct rig *r, const struct rig_request *q)
{
	(void)r;
	if (q->method == TL_updates_getChannelDifference)
		channel_question =
			*(const struct tl_updates_getChannelDifference *)(const void *)q->obj;
	return false;
}

TEST(limits_of_a_channel_difference)
{
	struct rig *r = rig_new();
	struct tg_channel *ch;

	rig_login(r);
	r->serve = note_question;
	rig_channel_message(r, "A");
	r->channel_pts = 5;
	rig_channel_message(r, "B");
	rig_pass(r, 1);
	CHECK_INT(channel_question.pts, 1);
	CHECK_INT(channel_question.limit, TG_DIFF_LIMIT_BOT);
	CHECK(!channel_question.force);
	CHECK_INT(channel_question.filter->ctor, TL_channelMessagesFilterEmpty);
	r->a->is_bot = false;
	r->channel_pts = 9;
	rig_channel_message(r, "C");
	rig_pass(r, 2);
	CHECK_INT(channel_question.pts, 6);
	CHECK_INT(channel_question.limit, TG_DIFF_LIMIT_USER);
	ch = tg_channel_get(r->a, RIG_CHANNEL);
	ch->box.pts = 0;
	r->channel_pts = 15;
	rig_channel_message(r, "D");
	rig_pass(r, 2);
	CHECK_INT(channel_question.pts, 1);
	CHECK_INT(channel_question.limit, 1);
	rig_free(r);
}

/* F.71, F.74: the server is not told of what is not on the disk. */
TEST(a_difference_waits_for_the_disk)
{
	struct rig *r = rig_new();

	rig_login(r);
	r->hold_commit = true;
	rig_message(r, "a");
	rig_run(r);
	CHECK(r->held);
	tg_difference(r->a);
	rig_pass(r, 5);
	CHECK_INT(r->calls[TL_updates_getDifference], 0);
	r->hold_commit = false;
	rig_commit_held(r);
	rig_pass(r, 1);
	CHECK_INT(r->calls[TL_updates_getDifference], 1);
	rig_journal_is(r, "a");
	rig_free(r);
}

/* ---- the pace ---- */
TEST(one_difference_a_second)
{
	struct rig *r = rig_new();
	struct tl_updatesTooLong all = {{TL_updatesTooLong}};

	rig_login(r);
	rig_channel_message(r, "A");
	rig_pass(r, 2);
	for (int i = 0; i < 1000; i++) {
		rig_say(r, 2, &all.obj);
		r->channel_pts += 3;
		rig_channel_message(r, "x");
		rig_say(r, 2, too_long(r, RIG_CHANNEL, r->channel_pts));
		rig_pass(r, 0.01);
	}
	CHECK(r->calls[TL_updates_getDifference] >= 9 && r->calls[TL_updates_getDifference] <= 11);
	CHECK(r->calls[TL_updates_getChannelDifference] >= 9 &&
	      r->calls[TL_updates_getChannelDifference] <= 11);
	rig_free(r);
}

/* F.35: the server learns where we are. */
TEST(a_long_way_without_a_difference)
{
	struct rig *r = rig_new();

	rig_login(r);
	r->pts = 100 + TG_DRIFT_MAX - 1;
	r->a->up.box[TG_BOX_COMMON].pts = r->pts;
	rig_message(r, "a");
	rig_pass(r, 3);
	CHECK_INT(r->calls[TL_updates_getDifference], 0);
	rig_message(r, "b");
	rig_pass(r, 3);
	CHECK_INT(r->calls[TL_updates_getDifference], 1);
	for (int i = 0; i < 100; i++)
		rig_message(r, "c");
	rig_pass(r, 3);
	CHECK_INT(r->calls[TL_updates_getDifference], 1);
	rig_free(r);
}

/* F.33: each reason asks for the common difference. */
TEST(reasons_for_a_difference)
{
	struct rig *r = rig_new();
	struct tl_updatesTooLong all = {{TL_updatesTooLong}};
	struct tl_unknown unknown = {{TL_UNKNOWN}, 0xdeadbeef, {"\xef\xbe\xad\xde", 4}};
	unsigned *asked = &r->calls[TL_updates_getDifference];

	rig_login(r);
	rig_say(r, 2, &all.obj);
	rig_pass(r, 2);
	CHECK_INT(*asked, 1);
	rig_say(r, 2, short_of(r, &unknown.obj));
	rig_pass(r, 2);
	CHECK_INT(*asked, 2);
	rig_lose(r, 2); /* the same session */
	rig_pass(r, 3);
	CHECK_INT(*asked, 3);
	r->dc[2].session = 0; /* a new one is announced */
	rig_lose(r, 2);
	rig_pass(r, 5);
	CHECK(*asked == 4 || *asked == 5);
	*asked = 0;
	rig_restart(r);
	rig_pass(r, 3);
	CHECK(*asked == 1 || *asked == 2);
	rig_free(r);
}

/* ---- what a common difference brings (F.42) ---- */
static bool mixed(struct rig *r, const struct rig_request *q)
{
	struct tl_updates_difference d = {.obj = {TL_updates_difference}};
	struct tl_updates_state s = {{TL_updates_state}, r->pts, 1, r->date, 0, 0};
	struct tl_updateNewMessage *m;
	struct tl_updateNewChannelMessage *seen, *next;
	struct tl_updateEditMessage edit = {.obj = {TL_updateEditMessage}};
	struct tl_obj *new, *others[3], *user = rig_user(r, RIG_USER, "alice", false);

	if (q->method != TL_updates_getDifference)
		return false;
	m = (struct tl_updateNewMessage *)rig_make(r, 0, "first");
	edit.message = ((struct tl_updateNewMessage *)rig_make(r, 0, "edited"))->message;
	edit.pts = 3; /* nonsense here, and of no matter: the state covers it */
	seen = (struct tl_updateNewChannelMessage *)rig_make(r, RIG_CHANNEL, "again");
	seen->pts = 1; /* its box has it already */
	r->channel_pts = 1;
	next = (struct tl_updateNewChannelMessage *)rig_make(r, RIG_CHANNEL, "B");
	new = m->message;
	others[0] = &edit.obj;
	others[1] = &seen->obj;
	others[2] = &next->obj;
	s.pts = r->pts;
	d.new_messages = (struct tl_vec){&new, 1};
	d.other_updates = (struct tl_vec){others, 3};
	d.users = (struct tl_vec){&user, 1};
	d.state = &s.obj;
	rig_answer(r, q, &d.obj);
	return true;
}

TEST(what_a_difference_covers)
{
	struct rig *r = rig_new();

	rig_login(r);
	rig_channel_message(r, "A");
	rig_pass(r, 2);
	r->serve = mixed;
	tg_difference(r->a);
	rig_pass(r, 0.3);
	r->serve = NULL;
	rig_journal_is(r, "A first edited B");
	CHECK_INT(tg_channel_get(r->a, RIG_CHANNEL)->box.pts, 2);
	CHECK_INT(r->a->up.box[TG_BOX_COMMON].pts, r->pts);
	rig_free(r);
}

/* F.43: what stands still is said once, also when it brings something, and marked once. */
static bool standing(struct rig *r, const struct rig_request *q)
{
	struct tl_updates_state s = {{TL_updates_state}, 100, 1, (int32_t)RIG_EPOCH, 0, 0};
	struct tl_updates_differenceSlice d = {.obj = {TL_updates_differenceSlice},
					       .intermediate_state = &s.obj};
	struct tl_obj *m;

	if (q->method != TL_updates_getDifference)
		return false;
	m = ((struct tl_updateNewMessage *)rig_make(r, 0, "same"))->message;
	d.new_messages = (struct tl_vec){&m, 1};
	rig_answer(r, q, &d.obj);
	return true;
}

/* Forth and back is no progress either. */
static bool circling(struct rig *r, const struct rig_request *q)
{
	const struct tl_updates_getDifference *m = (const void *)q->obj;
	struct tl_updates_state s = {
		{TL_updates_state}, m->pts == 200 ? 150 : 200, 1, (int32_t)RIG_EPOCH, 0, 0};
	struct tl_updates_differenceSlice d = {.obj = {TL_updates_differenceSlice},
					       .intermediate_state = &s.obj};

	if (q->method != TL_updates_getDifference)
		return false;
	rig_answer(r, q, &d.obj);
	return true;
}

TEST(slices_that_lead_nowhere)
{
	struct rig *r = rig_new();

	rig_login(r);
	r->serve = standing;
	tg_difference(r->a);
	rig_pass(r, 300);
	CHECK(r->calls[TL_updates_getDifference] < 15);
	rig_journal_is(r, "same gap:0:100-100:stalled");
	r->calls[TL_updates_getDifference] = 0;
	r->serve = circling;
	rig_pass(r, 300);
	CHECK(r->calls[TL_updates_getDifference] < 15);
	rig_free(r);
}

/* F.44: passing faults; the state stays. */
static unsigned faults;
static bool faulty(struct rig *r, const struct rig_request *q)
{
	if (q->method != TL_updates_getDifference || ++faults > 5)
		return false;
	if (faults % 2)
		rig_refuse(r, q, 500, "INTERNAL");
	return true; /* or no answer at all */
}

TEST(difference_after_faults)
{
	struct rig *r = rig_new();

	faults = 0;
	rig_login(r);
	r->mute = true;
	rig_message(r, "a");
	r->serve = faulty;
	tg_difference(r->a);
	rig_pass(r, 400);
	CHECK_INT(faults, 6);
	rig_journal_is(r, "a");
	rig_free(r);
}

/* D.66: a carrier with something unreadable in it is not half taken. */
TEST(carrier_that_is_half_readable)
{
	struct rig *r = rig_new();
	struct tl_unknown unknown = {{TL_UNKNOWN}, 0xdeadbeef, {"\xef\xbe\xad\xde", 4}};
	struct tl_obj *u[2];

	rig_login(r);
	u[0] = rig_make(r, 0, "a");
	u[1] = &unknown.obj;
	rig_say(r, 2, rig_updates(r, u, 2, 0));
	rig_pass(r, 2);
	rig_journal_is(r, "a");
	CHECK_INT(r->calls[TL_updates_getDifference], 1);
	rig_free(r);
}

/* A bad one in the middle: what is before and behind it comes, in pieces; then it is given up. */
static bool one_bad(struct rig *r, const struct rig_request *q)
{
	const struct tl_updates_getDifference *m = (const void *)q->obj;
	int32_t limit = m->has_pts_limit ? m->pts_limit : 1000, at = m->pts;
	struct tl_unknown unknown = {{TL_UNKNOWN}, 0xdeadbeef, {"\xef\xbe\xad\xde", 4}};

	if (q->method != TL_updates_getDifference)
		return false;
	if (at < 140 && at + limit >= 140) { /* update number 140 */
		rig_answer(r, q, &unknown.obj);
		return true;
	}
	r->slice = limit;
	return false;
}

TEST(one_unreadable_update_among_many)
{
	struct rig *r = rig_new();

	rig_login(r);
	r->mute = true;
	for (int i = 0; i < 60; i++)
		rig_message(r, "m");
	r->serve = one_bad;
	tg_difference(r->a);
	rig_pass(r, 120);
	CHECK_INT(r->journal_n, 40);
	CHECK_STR(r->journal[39], "gap:0:139-160:unreadab");
	CHECK_INT(r->a->up.box[TG_BOX_COMMON].pts, 160);
	rig_free(r);
}

/* ---- channels ---- */
static const char *refusal;
static bool refuse_channel(struct rig *r, const struct rig_request *q)
{
	if (q->method != TL_updates_getChannelDifference || !refusal)
		return false;
	rig_refuse(r, q, refusal[0] == 'P' && refusal[21] == 'O' ? 500 : 400, refusal);
	return true;
}

/* F.52 */
TEST(channel_number_that_the_server_refuses)
{
	struct rig *r = rig_new();

	rig_login(r);
	rig_channel_message(r, "A");
	rig_pass(r, 2);
	refusal = "PERSISTENT_TIMESTAMP_INVALID";
	r->serve = refuse_channel;
	r->channel_pts = 40;
	rig_channel_message(r, "B");
	rig_pass(r, 5);
	rig_journal_is(r, "A gap:500:1-41:resync");
	CHECK_INT(r->calls[TL_channels_getFullChannel], 1);
	rig_channel_message(r, "C");
	rig_pass(r, 1);
	rig_journal_is(r, "A gap:500:1-41:resync C");
	rig_free(r);
}

TEST(channel_number_that_is_outdated)
{
	struct rig *r = rig_new();

	rig_login(r);
	rig_channel_message(r, "A");
	rig_pass(r, 2);
	refusal = "PERSISTENT_TIMESTAMP_OUTDATED";
	r->serve = refuse_channel;
	r->mute = true;
	rig_channel_message(r, "B");
	r->mute = false;
	rig_channel_message(r, "C");
	rig_pass(r, 300);
	CHECK(r->calls[TL_updates_getChannelDifference] < 60);
	CHECK_INT(tg_channel_get(r->a, RIG_CHANNEL)->box.pts, 1);
	rig_journal_is(r, "A");
	refusal = NULL;
	rig_pass(r, 130);
	rig_journal_is(r, "A B C");
	rig_free(r);
}

/* F.54: known, unknown with a number, unknown without. */
TEST(channel_too_long_three_ways)
{
	struct rig *r = rig_new();
	unsigned *asked = &r->calls[TL_updates_getChannelDifference];

	rig_login(r);
	rig_channel_message(r, "A");
	rig_pass(r, 2);
	rig_say(r, 2, too_long(r, RIG_CHANNEL, 1));
	rig_pass(r, 2);
	CHECK_INT(*asked, 0);
	r->mute = true;
	rig_channel_message(r, "B");
	rig_say(r, 2, too_long(r, RIG_CHANNEL, 2));
	rig_pass(r, 2);
	rig_journal_is(r, "A B");
	rig_say(r, 2, too_long(r, RIG_CHANNEL, 0)); /* no number: nothing new after all */
	rig_pass(r, 2);
	CHECK_INT(*asked, 2);
	tg_channel_drop(r->a, tg_channel_get(r->a, RIG_CHANNEL), "no_access");
	rig_channel_message(r, "C");
	rig_say(r, 2, too_long(r, RIG_CHANNEL, 3)); /* from there on, and what was before is told */
	rig_pass(r, 2);
	rig_journal_is(r, "A B gap:500:2-2:no_acces gap:500:2-3:too_long");
	tg_channel_drop(r->a, tg_channel_get(r->a, RIG_CHANNEL), "no_access");
	rig_say(r, 2, too_long(r, RIG_CHANNEL, 0));
	rig_pass(r, 2);
	CHECK_INT(r->calls[TL_channels_getFullChannel], 1);
	CHECK_INT(tg_channel_get(r->a, RIG_CHANNEL)->box.pts, 3);
	r->mute = false;
	rig_channel_message(r, "D");
	rig_pass(r, 1);
	CHECK_STR(r->journal[r->journal_n - 1], "D");
	rig_free(r);
}

/* F.55: a list of dialogs tells where a channel stands only to who does not know. */
static bool dialogs(struct rig *r, const struct rig_request *q)
{
	static const int32_t numbers[][2] = {{98, 76}, {54, 32}, {98, 10}};
	struct tl_peerNotifySettings settings = {.obj = {TL_peerNotifySettings}};
	struct tl_peerChannel peers[3];
	struct tl_dialog list[3];
	struct tl_obj *items[3];
	struct tl_messages_dialogs o = {.obj = {TL_messages_dialogs}, .dialogs = {items, 3}};

	if (q->method != TL_messages_getDialogs)
		return false;
	for (int i = 0; i < 3; i++) {
		peers[i] = (struct tl_peerChannel){{TL_peerChannel}, numbers[i][0]};
		list[i] = (struct tl_dialog){.obj = {TL_dialog},
					     .peer = &peers[i].obj,
					     .notify_settings = &settings.obj,
					     .has_pts = true,
					     .pts = numbers[i][1]};
		items[i] = &list[i].obj;
	}
	rig_answer(r, q, &o.obj);
	return true;
}

TEST(dialogs_tell_numbers)
{
	struct rig *r = rig_new();
	struct tl_inputPeerEmpty empty = {{TL_inputPeerEmpty}};
	struct tl_messages_getDialogs m = {.obj = {TL_messages_getDialogs},
					   .offset_peer = &empty.obj};

	rig_login(r);
	r->serve = dialogs;
	rig_call(r, &m.obj, NULL);
	rig_run(r);
	CHECK_INT(tg_channel_get(r->a, 98)->box.pts, 76);
	CHECK_INT(tg_channel_get(r->a, 54)->box.pts, 32);
	rig_restart(r); /* it is kept */
	CHECK_INT(tg_channel_get(r->a, 98)->box.pts, 76);
	rig_free(r);
}

/* F.53 */
static bool polled(struct rig *r, const struct rig_request *q)
{
	struct tl_updates_channelDifferenceEmpty e = {.obj = {TL_updates_channelDifferenceEmpty},
						      .final = true,
						      .pts = 9,
						      .timeout = 30,
						      .has_timeout = true};

	if (q->method != TL_updates_getChannelDifference)
		return false;
	rig_answer(r, q, &e.obj);
	return true;
}

TEST(channels_without_membership_are_polled)
{
	struct rig *r = rig_new();
	unsigned *asked = &r->calls[TL_updates_getChannelDifference];

	rig_login(r);
	r->serve = polled;
	for (int i = 0; i < 20; i++) { /* more than ten, and members */
		struct tl_channel *c = (struct tl_channel *)rig_channel(r, 1000 + i, NULL, false);

		c->left = i >= 5;
		tg_learn(r->a, &c->obj);
		tg_channel_hear(r->a, c->id, 3);
		rig_say(r, 2, too_long(r, c->id, 9));
	}
	rig_pass(r, 29);
	CHECK_INT(*asked, 20);
	rig_pass(r, 2);
	CHECK_INT(*asked, 30);
	rig_pass(r, 300);
	CHECK_INT(*asked, 130);
	r->serve = NULL;
	rig_free(r);
}

/* F.56, F.23: floods, refusals and silence of some hold nobody else. */
static unsigned answered;
static bool some_are_stuck(struct rig *r, const struct rig_request *q)
{
	const struct tl_updates_getChannelDifference *m = (const void *)q->obj;
	struct tl_updates_channelDifferenceEmpty e = {
		.obj = {TL_updates_channelDifferenceEmpty}, .final = true, .pts = 9};
	int64_t id;

	if (q->method != TL_updates_getChannelDifference)
		return false;
	id = ((const struct tl_inputChannel *)m->channel)->channel_id;
	if (id % 4 == 0)
		rig_refuse(r, q, 420, "FLOOD_WAIT_600");
	else if (id % 4 == 2)
		return true; /* no answer */
	else {
		rig_answer(r, q, &e.obj);
		answered++;
	}
	return true;
}

TEST(stuck_channels_hold_nobody)
{
	struct rig *r = rig_new();

	answered = 0;
	rig_login(r);
	r->serve = some_are_stuck;
	for (int i = 0; i < 100; i++) {
		tg_learn(r->a, rig_channel(r, 1000 + i, NULL, false));
		tg_channel_hear(r->a, 1000 + i, 3);
		rig_say(r, 2, too_long(r, 1000 + i, 9));
	}
	CHECK(r->a->up.channel_calls <= TG_CHANNEL_DIFFS);
	rig_message(r, "meanwhile");
	rig_pass(r, 1);
	rig_journal_is(r, "meanwhile");
	rig_pass(r, 400); /* 25 silent ones give their places back */
	CHECK_INT(answered, 50);
	r->serve = NULL;
	rig_free(r);
}

/* ---- strangers (F.2, F.62) ---- */
TEST(a_message_of_a_stranger)
{
	struct rig *r = rig_new();

	rig_login(r);
	rig_say(r, 2, short_of(r, rig_make(r, 0, "who")));
	rig_pass(r, 2);
	rig_journal_is(r, "who"); /* from the difference, with the user */
	CHECK_INT(r->calls[TL_updates_getDifference], 1);
	rig_say(r, 2, short_of(r, rig_make(r, 0, "known")));
	rig_pass(r, 2);
	CHECK_INT(r->calls[TL_updates_getDifference], 1);
	rig_free(r);
}

/* Nobody ever tells: it is delivered all the same, and not asked for without end. */
static bool tells_nobody(struct rig *r, const struct rig_request *q)
{
	struct tl_updates_difference d = {.obj = {TL_updates_difference}};
	struct tl_updates_state s = {{TL_updates_state}, r->pts, 1, r->date, 0, 0};
	struct tl_peerUser peer = {{TL_peerUser}, 4711};
	struct tl_message m = {.obj = {TL_message},
			       .id = r->pts,
			       .peer_id = &peer.obj,
			       .date = r->date,
			       .message = tl_str("never told")};
	struct tl_obj *list = &m.obj;

	if (q->method != TL_updates_getDifference)
		return false;
	d.new_messages = (struct tl_vec){&list, 1};
	d.state = &s.obj;
	rig_answer(r, q, &d.obj);
	return true;
}

TEST(a_stranger_for_ever)
{
	struct rig *r = rig_new();
	struct tl_updateNewMessage *u;
	struct tl_peerUser peer = {{TL_peerUser}, 4711};

	rig_login(r);
	r->serve = tells_nobody;
	u = (struct tl_updateNewMessage *)rig_make(r, 0, "never told");
	((struct tl_message *)u->message)->peer_id = &peer.obj;
	rig_say(r, 2, short_of(r, &u->obj));
	rig_pass(r, 60);
	rig_journal_is(r, "never told");
	CHECK_INT(r->calls[TL_updates_getDifference], 1);
	rig_free(r);
}

/* Whoever is named counts: origin, inline bot, mention. */
TEST(strangers_in_a_short_message)
{
	for (int i = 0; i < 4; i++) {
		struct rig *r = rig_new();
		struct tl_peerUser origin = {{TL_peerUser}, 4711};
		struct tl_messageFwdHeader fwd = {
			.obj = {TL_messageFwdHeader}, .from_id = &origin.obj, .date = 1};
		struct tl_messageEntityMentionName name = {
			{TL_messageEntityMentionName}, 0, 1, 4711};
		struct tl_obj *entity = &name.obj;
		struct tl_updateShortMessage m = {.obj = {TL_updateShortMessage},
						  .id = 3,
						  .user_id = RIG_USER,
						  .message = tl_str("short"),
						  .pts_count = 1,
						  .date = r->date};

		rig_login(r);
		rig_message(r, "a");
		rig_pass(r, 2);
		r->mute = true;
		rig_message(r, "b");
		m.pts = r->pts;
		if (i == 0)
			m.fwd_from = &fwd.obj;
		if (i == 1) {
			m.has_via_bot_id = true;
			m.via_bot_id = 4711;
		}
		if (i == 2)
			m.entities = (struct tl_vec){&entity, 1};
		rig_say(r, 2, &m.obj);
		rig_pass(r, 2);
		CHECK_INT(r->calls[TL_updates_getDifference], i < 3);
		rig_journal_is(r, i < 3 ? "a b" : "a short");
		rig_free(r);
	}
}

/* ---- the store ---- */
static unsigned asked_since;
static bool slow_slices(struct rig *r, const struct rig_request *q)
{
	if (q->method == TL_updates_getDifference && ++asked_since > 2)
		r->hold_commit = true; /* what this one brings never gets to the disk */
	return false;
}

/* F.71: killed between two slices, it goes on from the one that was stored. */
TEST(kill_between_slices)
{
	struct rig *r = rig_new();
	unsigned kills = 0;

	rig_login(r);
	rig_message(r, "m0");
	rig_pass(r, 1);
	r->mute = true;
	for (int i = 1; i <= 30; i++) {
		char text[8];

		snprintf(text, sizeof text, "m%d", i);
		rig_message(r, text);
	}
	r->slice = 2;
	r->serve = slow_slices;
	while (r->journal_n < 31 && kills < 40) {
		r->hold_commit = false;
		asked_since = 0;
		rig_restart(r);
		rig_pass(r, 5);
		kills++;
	}
	CHECK(kills > 5 && kills < 40);
	CHECK_INT(r->journal_n, 31);
	for (int i = 0; i <= 30; i++) {
		char text[8];

		snprintf(text, sizeof text, "m%d", i);
		CHECK_STR(r->journal[i], text);
	}
	rig_free(r);
}

/* F.77: a store that lost the state says so. */
TEST(state_lost_from_the_store)
{
	for (int i = 0; i < 2; i++) {
		struct rig *r = rig_new();
		struct tg_key k;
		struct tg_batch *b = tg_batch_new();
		const struct tg_batch *one = b;

		rig_login(r);
		rig_message(r, "a");
		rig_pass(r, 1);
		k = tg_key(r->a, 'b');
		if (i)
			tg_batch_put(b, TG_TABLE_STATE, k.bytes, k.n, "bent", 4);
		else
			tg_batch_delete(b, TG_TABLE_STATE, k.bytes, k.n);
		CHECK_INT(r->store->ops->commit(r->store, &one, 1), 0);
		tg_batch_free(b);
		r->mute = true;
		rig_message(r, "b");
		r->mute = false;
		rig_restart(r);
		rig_pass(r, 3);
		rig_message(r, "c");
		rig_pass(r, 1);
		rig_journal_is(r, "a gap:0:0-102:damaged c");
		rig_restart(r); /* told once */
		rig_pass(r, 3);
		rig_journal_is(r, "a gap:0:0-102:damaged c");
		rig_free(r);
	}
}

/* A disk that hangs is no reason to grow; what was not taken is fetched when it goes on. */
TEST(a_disk_that_hangs)
{
	struct rig *r = rig_new();
	uint32_t n = TG_BACKLOG_MAX + 3000;
	size_t waiting;

	rig_login(r);
	r->hold_commit = true;
	rig_message(r, "a");
	rig_run(r);
	CHECK(r->held);
	for (uint32_t i = 0; i < n; i++) {
		struct tl_userStatusEmpty status = {{TL_userStatusEmpty}};
		struct tl_updateUserStatus u = {{TL_updateUserStatus}, 1, &status.obj};

		rig_say(r, 2, short_of(r, &u.obj));
		rig_run(r);
		if (r->pending_n > RIG_LOG - 2)
			r->pending_n = r->owned_n; /* the rig's own memory */
	}
	waiting = r->a->store.owed;
	CHECK_INT(waiting, TG_BACKLOG_MAX);
	CHECK_INT(r->calls[TL_updates_getDifference], 0);
	r->pending_n = r->owned_n;
	rig_message(r, "b");
	r->hold_commit = false;
	rig_commit_held(r);
	rig_pass(r, 3);
	CHECK_INT(r->calls[TL_updates_getDifference], 1);
	CHECK_STR(r->journal[r->journal_n - 1], "b");
	rig_free(r);
}

/* F.31: what may wait is bounded in bytes, too, for a box and for all of them. */
TEST(waiting_bytes_are_bounded)
{
	struct rig *r = rig_new();
	char *text = calloc(1, 20001);
	size_t most = 0;

	memset(text, 'x', 20000);
	rig_login(r);
	r->serve = some_are_stuck; /* 2 mod 4: never answered */
	for (int i = 0; i < 40; i++) {
		tg_learn(r->a, rig_channel(r, 1002 + 4 * i, NULL, false));
		tg_channel_hear(r->a, 1002 + 4 * i, 3);
	}
	for (int k = 0; k < 100; k++)
		for (int i = 0; i < 40; i++) {
			struct tl_updateNewChannelMessage *u =
				(struct tl_updateNewChannelMessage *)rig_make(r, 1002 + 4 * i, "");

			r->history_n = 0;
			u->pts = 1000 + k;
			((struct tl_message *)u->message)->message = tl_str(text);
			rig_say(r, 2, short_of(r, &u->obj));
			rig_run(r);
			CHECK(tg_channel_get(r->a, 1002 + 4 * i)->box.pending_size <=
			      TG_PENDING_BYTES);
			if (r->a->up.pending_size > most)
				most = r->a->up.pending_size;
		}
	CHECK(most <= TG_PENDING_ALL && most > TG_PENDING_ALL / 2);
	r->serve = NULL;
	rig_free(r);
	free(text);
}

/* Numbers of made-up channels do not stay in memory. */
TEST(many_channels)
{
	struct rig *r = rig_new();

	rig_login(r);
	for (int i = 0; i < TG_CHANNELS_MAX + 1000; i++) {
		tg_channel_hear(r->a, 1 + i, 7);
		if (i % 1000 == 0)
			rig_run(r); /* stored */
	}
	CHECK(r->a->up.channels.count <= TG_CHANNELS_MAX);
	CHECK_INT(tg_channel_get(r->a, 1)->box.pts, 7);
	CHECK_INT(tg_channel_get(r->a, TG_CHANNELS_MAX + 999)->box.pts, 7);
	rig_free(r);
}
