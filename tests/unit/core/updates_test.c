/* Updates end to end: carriers, gaps, differences, restarts; the journal against the server's
 * history. */
#include "tests/unit/core/rig.h"

TEST(updates_come_in_order)
{
	struct rig *r = rig_new();

	rig_login(r);
	rig_message(r, "a");
	rig_message(r, "b");
	rig_channel_message(r, "C");
	rig_message(r, "c");
	rig_pass(r, 1);
	rig_journal_is(r, "a b C c");
	CHECK_INT(r->calls[TL_updates_getDifference], 0);
	rig_free(r);
}

TEST(update_lost_is_fetched)
{
	struct rig *r = rig_new();

	rig_login(r);
	rig_message(r, "a");
	r->mute = true;
	rig_message(r, "b");
	r->mute = false;
	rig_message(r, "c");
	rig_pass(r, 0.4);
	rig_journal_is(r, "a");
	CHECK_INT(r->calls[TL_updates_getDifference], 0);
	rig_pass(r, 0.2);
	rig_journal_is(r, "a b c");
	CHECK_INT(r->calls[TL_updates_getDifference], 1);
	rig_free(r);
}

TEST(update_late_fills_the_gap)
{
	struct rig *r = rig_new();
	struct tl_obj *late;

	rig_login(r);
	late = rig_make(r, 0, "a");
	rig_message(r, "b");
	rig_pass(r, 0.3);
	rig_say(r, 2, rig_updates(r, &late, 1, 0));
	rig_pass(r, 1);
	rig_journal_is(r, "a b");
	CHECK_INT(r->calls[TL_updates_getDifference], 0);
	rig_free(r);
}

/* F.31: a stream of gapped updates does not put the difference off. */
TEST(gap_waits_from_the_oldest)
{
	struct rig *r = rig_new();

	rig_login(r);
	rig_make(r, 0, "a");
	for (int i = 0; i < 6; i++) {
		char t[2] = {(char)('b' + i), 0};

		rig_message(r, t);
		rig_pass(r, 0.1);
	}
	rig_journal_is(r, "a b c d e f g");
	CHECK_INT(r->calls[TL_updates_getDifference], 1);
	rig_free(r);
}

TEST(channel_gap_asks_that_channel_only)
{
	struct rig *r = rig_new();

	rig_login(r);
	rig_channel_message(r, "A");
	r->mute = true;
	rig_channel_message(r, "B");
	r->mute = false;
	rig_channel_message(r, "C");
	rig_message(r, "x");
	rig_pass(r, 0.2);
	rig_journal_is(r, "A x");
	rig_pass(r, 0.5);
	rig_journal_is(r, "A x B C");
	CHECK_INT(r->calls[TL_updates_getDifference], 0);
	CHECK_INT(r->calls[TL_updates_getChannelDifference], 1);
	rig_free(r);
}

TEST(reconnect_fetches_what_was_missed)
{
	struct rig *r = rig_new();

	rig_login(r);
	rig_message(r, "a");
	rig_channel_message(r, "A");
	rig_pass(r, 1);
	rig_lose(r, 2);
	r->mute = true;
	rig_message(r, "b");
	rig_channel_message(r, "B");
	r->mute = false;
	rig_pass(r, 5);
	CHECK(strcmp(r->journal[2], "b") == 0);
	rig_journal_is(r, "a A b B");
	rig_free(r);
}

TEST(restart_fetches_what_was_missed_in_slices)
{
	struct rig *r = rig_new();

	rig_login(r);
	rig_message(r, "a");
	rig_pass(r, 1);
	r->mute = true;
	for (int i = 0; i < 25; i++)
		rig_message(r, i % 2 ? "y" : "x");
	r->mute = false;
	r->slice = 4;
	rig_restart(r);
	rig_pass(r, 2);
	rig_journal_is(r, "a x y x y x y x y x y x y x y x y x y x y x y x y x");
	CHECK_INT(r->a->up.box[TG_BOX_COMMON].pts, r->pts);
	CHECK(r->calls[TL_updates_getDifference] >= 7);
	rig_free(r);
}

TEST(update_while_a_difference_runs)
{
	struct rig *r = rig_new();
	struct rig_request q;

	rig_login(r);
	r->slice = -1;
	r->mute = true;
	rig_message(r, "a");
	r->mute = false;
	r->calls[TL_updates_getDifference] = 0;
	tg_difference(r->a);
	rig_message(r, "b"); /* between the call and its answer */
	rig_pass(r, 1);
	q = r->last;
	CHECK_INT(q.method, TL_updates_getDifference);
	rig_journal_is(r, "a b");
	rig_free(r);
}

TEST(idle_for_fifteen_minutes)
{
	struct rig *r = rig_new();

	rig_login(r);
	rig_pass(r, 890);
	CHECK_INT(r->calls[TL_updates_getDifference], 0);
	rig_pass(r, 12);
	CHECK_INT(r->calls[TL_updates_getDifference], 1);
	rig_pass(r, 901);
	CHECK_INT(r->calls[TL_updates_getDifference], 2);
	rig_free(r);
}

/* ---- carriers (F.1) ---- */
static int32_t next_pts(struct rig *r)
{
	return ++r->pts;
}

TEST(every_carrier_ends_in_one_form)
{
	struct rig *r = rig_new();
	struct tl_obj *u[2];
	struct tl_updateShortMessage m = {.obj = {TL_updateShortMessage},
					  .id = 3,
					  .user_id = RIG_USER,
					  .message = tl_str("short"),
					  .pts_count = 1,
					  .date = (int32_t)RIG_EPOCH};
	struct tl_updateShortChatMessage chat = {.obj = {TL_updateShortChatMessage},
						 .id = 4,
						 .from_id = RIG_USER,
						 .chat_id = 9,
						 .message = tl_str("chat"),
						 .pts_count = 1,
						 .date = (int32_t)RIG_EPOCH};
	struct tl_updateShort s = {{TL_updateShort}, NULL, (int32_t)RIG_EPOCH};
	struct tl_updatesCombined c;
	struct tl_chatForbidden known = {{TL_chatForbidden}, 9, tl_str("Group")};
	struct tl_updatesTooLong too_long = {{TL_updatesTooLong}};

	rig_login(r);
	u[0] = rig_make(r, 0, "first");
	rig_say(r, 2, rig_updates(r, u, 1, 0)); /* tells who RIG_USER is */
	tg_learn(r->a, &known.obj);
	m.pts = next_pts(r);
	rig_say(r, 2, &m.obj);
	chat.pts = next_pts(r);
	rig_say(r, 2, &chat.obj);
	s.update = rig_make(r, 0, "update_short");
	rig_say(r, 2, &s.obj);
	u[0] = rig_make(r, 0, "combined1");
	u[1] = rig_make(r, 0, "combined2");
	c = (struct tl_updatesCombined){.obj = {TL_updatesCombined},
					.updates = {u, 2},
					.date = (int32_t)RIG_EPOCH,
					.seq_start = 1,
					.seq = 2};
	rig_say(r, 2, &c.obj);
	rig_pass(r, 0.1);
	rig_journal_is(r, "first short chat update_short combined1 combined2");
	CHECK_INT(r->a->up.box[TG_BOX_SEQ].pts, 2);
	r->mute = true;
	rig_message(r, "told");
	rig_say(r, 2, &too_long.obj);
	rig_pass(r, 0.1);
	rig_journal_is(r, "first short chat update_short combined1 combined2 told");
	CHECK_INT(r->calls[TL_updates_getDifference], 1);
	rig_free(r);
}

TEST(short_message_of_a_stranger)
{
	struct rig *r = rig_new();
	struct tl_updateShortMessage m = {.obj = {TL_updateShortMessage},
					  .id = 3,
					  .user_id = RIG_USER,
					  .message = tl_str("from the carrier"),
					  .pts_count = 1,
					  .date = (int32_t)RIG_EPOCH};

	rig_login(r);
	r->mute = true;
	rig_message(r, "fetched"); /* the server's history has it */
	m.pts = r->pts;
	rig_say(r, 2, &m.obj);
	rig_pass(r, 1);
	rig_journal_is(r, "fetched");
	CHECK_INT(r->calls[TL_updates_getDifference], 1);
	rig_free(r);
}

TEST(carriers_by_number)
{
	struct rig *r = rig_new();
	struct tl_userStatusEmpty status = {{TL_userStatusEmpty}};
	struct tl_updateUserStatus one = {{TL_updateUserStatus}, 1, &status.obj},
				   two = {{TL_updateUserStatus}, 2, &status.obj},
				   three = {{TL_updateUserStatus}, 3, &status.obj};
	struct tl_obj *u = &two.obj;

	rig_login(r);
	rig_say(r, 2, rig_updates(r, &u, 1, 2));
	rig_pass(r, 0.1);
	rig_journal_is(r, ""); /* number 1 is missing */
	u = &one.obj;
	rig_say(r, 2, rig_updates(r, &u, 1, 1));
	rig_say(r, 2, rig_updates(r, &u, 1, 1)); /* again */
	rig_pass(r, 0.1);
	rig_journal_is(r, "u1 u2");
	u = &three.obj;
	rig_say(r, 2, rig_updates(r, &u, 1, 5)); /* 3 and 4 never come */
	r->seq = 5;
	rig_pass(r, 1);
	rig_journal_is(r, "u1 u2");
	CHECK_INT(r->calls[TL_updates_getDifference], 1);
	CHECK_INT(r->a->up.box[TG_BOX_SEQ].pts, 5);
	rig_free(r);
}

/* ---- differences of other kinds ---- */
static int script;
static bool odd_differences(struct rig *r, const struct rig_request *q)
{
	struct tl_updates_differenceTooLong too_long = {{TL_updates_differenceTooLong}, 900};
	struct tl_updates_differenceEmpty empty = {{TL_updates_differenceEmpty}, r->date + 50, 7};

	if (q->method != TL_updates_getDifference)
		return false;
	switch (script++) {
	case 0:
		rig_refuse(r, q, 500, "PERSISTENT_TIMESTAMP_OUTDATED");
		return true;
	case 1:
		rig_answer(r, q, &too_long.obj);
		return true;
	case 2:
		CHECK_INT(((const struct tl_updates_getDifference *)q->obj)->pts, 900);
		rig_answer(r, q, &empty.obj);
		return true;
	}
	return false;
}

TEST(difference_too_long_leaves_a_mark)
{
	struct rig *r = rig_new();

	script = 0;
	rig_login(r);
	r->serve = odd_differences;
	tg_difference(r->a);
	rig_pass(r, 5);
	rig_journal_is(r, "gap:0:100-900:too_long");
	CHECK_INT(r->a->up.box[TG_BOX_COMMON].pts, 900);
	CHECK_INT(r->a->up.box[TG_BOX_SEQ].pts, 7);
	CHECK_INT(r->a->up.date, r->date + 50);
	CHECK_INT(script, 3);
	rig_free(r);
}

static bool lost_track(struct rig *r, const struct rig_request *q)
{
	if (q->method != TL_updates_getDifference)
		return false;
	rig_refuse(r, q, 400, "PERSISTENT_TIMESTAMP_INVALID");
	return true;
}

TEST(state_that_the_server_refuses)
{
	struct rig *r = rig_new();

	rig_login(r);
	r->mute = true;
	rig_message(r, "never seen");
	r->serve = lost_track;
	tg_difference(r->a);
	rig_pass(r, 2);
	rig_journal_is(r, "gap:0:100-101:resync");
	CHECK_INT(r->a->up.box[TG_BOX_COMMON].pts, 101);
	rig_free(r);
}

/* A slice that never moves is no reason to spin (F.43). */
static bool standing_slices(struct rig *r, const struct rig_request *q)
{
	struct tl_updates_state s = {{TL_updates_state}, 100, 1, (int32_t)RIG_EPOCH, 0, 0};
	struct tl_updates_differenceSlice d = {.obj = {TL_updates_differenceSlice},
					       .intermediate_state = &s.obj};

	if (q->method != TL_updates_getDifference)
		return false;
	rig_answer(r, q, &d.obj);
	return true;
}

TEST(difference_that_stands_still)
{
	struct rig *r = rig_new();

	rig_login(r);
	r->serve = standing_slices;
	tg_difference(r->a);
	rig_pass(r, 60);
	CHECK(r->calls[TL_updates_getDifference] < 30);
	r->serve = NULL;
	rig_message(r, "a");
	rig_pass(r, 70);
	rig_journal_is(r, "gap:0:100-100:stalled a");
	rig_free(r);
}

static const char *channel_refusal;
static bool channel_differences(struct rig *r, const struct rig_request *q)
{
	const struct tl_updates_getChannelDifference *m = (const void *)q->obj;
	struct tl_peerChannel peer = {{TL_peerChannel}, RIG_CHANNEL};
	struct tl_peerNotifySettings settings = {.obj = {TL_peerNotifySettings}};
	struct tl_dialog dialog = {.obj = {TL_dialog},
				   .peer = &peer.obj,
				   .notify_settings = &settings.obj,
				   .has_pts = true,
				   .pts = 900};
	struct tl_updates_channelDifferenceTooLong d = {
		.obj = {TL_updates_channelDifferenceTooLong}, .final = true, .dialog = &dialog.obj};

	if (q->method != TL_updates_getChannelDifference)
		return false;
	CHECK_INT(m->limit, TG_DIFF_LIMIT_BOT);
	if (channel_refusal)
		rig_refuse(r, q, 400, channel_refusal);
	else
		rig_answer(r, q, &d.obj);
	return true;
}

TEST(channel_too_long_leaves_a_mark)
{
	struct rig *r = rig_new();

	channel_refusal = NULL;
	rig_login(r);
	rig_channel_message(r, "A");
	r->serve = channel_differences;
	r->channel_pts = 899;
	rig_channel_message(r, "B");
	rig_pass(r, 1);
	rig_journal_is(r, "A gap:500:1-900:too_long");
	rig_channel_message(r, "C");
	rig_pass(r, 1);
	rig_journal_is(r, "A gap:500:1-900:too_long C");
	rig_free(r);
}

TEST(channel_without_access_is_dropped)
{
	struct rig *r = rig_new();

	channel_refusal = "CHANNEL_PRIVATE";
	rig_login(r);
	rig_channel_message(r, "A");
	r->serve = channel_differences;
	r->channel_pts = 10;
	rig_channel_message(r, "B");
	rig_pass(r, 60);
	rig_journal_is(r, "A gap:500:1-1:no_acces");
	CHECK_INT(r->calls[TL_updates_getChannelDifference], 1);
	/* let in again, it begins where it is */
	rig_channel_message(r, "C");
	rig_pass(r, 1);
	rig_journal_is(r, "A gap:500:1-1:no_acces C");
	rig_free(r);
}

TEST(jump_when_nobody_wants_the_past)
{
	struct rig *r = rig_new();

	rig_login(r);
	rig_message(r, "a");
	rig_channel_message(r, "A");
	rig_pass(r, 1);
	r->mute = true;
	rig_message(r, "past");
	rig_channel_message(r, "Past");
	r->mute = false;
	r->s.catch_up = false;
	rig_restart(r);
	rig_pass(r, 2);
	rig_message(r, "b");
	rig_channel_message(r, "B");
	rig_pass(r, 2);
	rig_journal_is(r, "a A gap:0:101-102:catch_up b gap:500:1-2:catch_up B");
	r->mute = true;
	rig_channel_message(r,
			    "More"); /* a channel tells once it goes on, be it two restarts later */
	r->mute = false;
	rig_restart(r);
	rig_pass(r, 2);
	rig_restart(r);
	rig_pass(r, 2);
	rig_channel_message(r, "C");
	rig_pass(r, 2);
	rig_journal_is(r,
		       "a A gap:0:101-102:catch_up b gap:500:1-2:catch_up B gap:0:103-103:catch_up "
		       "gap:0:103-103:catch_up gap:500:3-4:catch_up C");
	rig_restart(r); /* nothing was missed there */
	rig_pass(r, 2);
	rig_channel_message(r, "D");
	rig_pass(r, 2);
	rig_journal_is(r,
		       "a A gap:0:101-102:catch_up b gap:500:1-2:catch_up B gap:0:103-103:catch_up "
		       "gap:0:103-103:catch_up gap:500:3-4:catch_up C gap:0:103-103:catch_up D");
	rig_free(r);
}

/* What cannot be read is asked for once; the connection and the rest live on (D.66). */
TEST(unreadable_update)
{
	struct rig *r = rig_new();
	struct tl_updateShort s = {{TL_updateShort}, NULL, 0};
	struct tl_unknown unknown = {{TL_UNKNOWN}, 0xdeadbeef, {"\xef\xbe\xad\xde", 4}};

	rig_login(r);
	r->mute = true;
	rig_message(r, "a");
	r->mute = false;
	s.update = &unknown.obj;
	rig_say(r, 2, &s.obj);
	rig_pass(r, 1);
	rig_journal_is(r, "a");
	CHECK_INT(r->calls[TL_updates_getDifference], 1);
	rig_say(r, 2, &unknown.obj);
	rig_pass(r, 1);
	CHECK_INT(r->calls[TL_updates_getDifference], 2);
	rig_free(r);
}

/* A difference that stays unreadable is asked for in smaller and smaller pieces, then given up. */
static bool garbled(struct rig *r, const struct rig_request *q)
{
	struct tl_unknown unknown = {{TL_UNKNOWN}, 0xdeadbeef, {"\xef\xbe\xad\xde", 4}};

	if (q->method != TL_updates_getDifference && q->method != TL_updates_getChannelDifference)
		return false;
	if (q->method == TL_updates_getDifference && script++ > 0) {
		const struct tl_updates_getDifference *m = (const void *)q->obj;

		CHECK(m->has_pts_limit && m->pts_limit > 0);
	}
	rig_answer(r, q, &unknown.obj);
	return true;
}

TEST(unreadable_difference)
{
	struct rig *r = rig_new();

	script = 0;
	rig_login(r);
	rig_channel_message(r, "A");
	rig_pass(r, 0.1);
	r->serve = garbled;
	r->mute = true;
	rig_message(r, "a");
	rig_channel_message(r, "B");
	r->mute = false;
	rig_channel_message(r, "C");
	tg_difference(r->a);
	rig_pass(r, 20);
	rig_journal_is(r, "A gap:0:100-101:unreadab gap:500:1-3:unreadab");
	CHECK_INT(script, 7); /* whole, then 32, 16 … 1 */
	rig_message(r, "b");
	rig_channel_message(r, "D");
	rig_pass(r, 1);
	rig_journal_is(r, "A gap:0:100-101:unreadab gap:500:1-3:unreadab b D");
	rig_free(r);
}

TEST(too_many_waiting_ask_at_once)
{
	struct rig *r = rig_new();

	rig_login(r);
	rig_make(r, 0, "lost");
	for (int i = 0; i < TG_PENDING_MAX + 5; i++)
		rig_message(r, "x");
	rig_pass(r, 0.1);
	CHECK(r->calls[TL_updates_getDifference] > 0); /* and once more for what came meanwhile */
	rig_pass(r, 5);
	CHECK(r->calls[TL_updates_getDifference] <= 2);
	CHECK_INT(r->journal_n, TG_PENDING_MAX + 6);
	CHECK_STR(r->journal[0], "lost");
	rig_free(r);
}

/* ---- many channels (F.56) ---- */
static struct rig_request asking[64];
static unsigned asking_n;
static bool slow_channels(struct rig *r, const struct rig_request *q)
{
	(void)r;
	if (q->method != TL_updates_getChannelDifference)
		return false;
	asking[asking_n++ % 64] = *q;
	return true;
}

TEST(channels_take_turns)
{
	struct rig *r = rig_new();
	unsigned answered = 0;

	asking_n = 0;
	rig_login(r);
	r->serve = slow_channels;
	for (int i = 0; i < 30; i++) {
		struct tl_updateChannelTooLong u = {{TL_updateChannelTooLong}, 1000 + i, 7, true};
		struct tl_updateShort s = {{TL_updateShort}, &u.obj, (int32_t)RIG_EPOCH};

		tg_learn(r->a, rig_channel(r, 1000 + i, NULL, false));
		rig_say(r, 2, &s.obj);
	}
	rig_pass(r, 1);
	CHECK_INT(asking_n, TG_CHANNEL_DIFFS);
	while (answered < asking_n) {
		struct tl_updates_channelDifferenceEmpty e = {
			.obj = {TL_updates_channelDifferenceEmpty}, .final = true, .pts = 9};

		rig_answer(r, &asking[answered], &e.obj);
		answered++;
		rig_pass(r, 0.1);
		CHECK(asking_n - answered <= TG_CHANNEL_DIFFS);
	}
	CHECK_INT(answered, 30);
	for (int i = 0; i < 30; i++) {
		const struct tg_channel *ch = tg_channel_get(r->a, 1000 + i);

		CHECK(ch->box.known && !ch->box.busy && ch->box.pts == 9);
	}
	CHECK_INT(r->a->up.channel_calls, 0);
	rig_free(r);
}

/* ---- the disk ---- */
TEST(full_disk_loses_nothing)
{
	struct rig *r = rig_new();

	rig_login(r);
	rig_message(r, "a");
	rig_channel_message(r, "A");
	rig_pass(r, 1);
	r->fail_commit = -TG_E_DISK_FULL;
	rig_message(r, "b");
	rig_pass(r, 3);
	rig_message(r, "c");
	rig_channel_message(r, "C");
	rig_pass(r, 30);
	rig_journal_is(r, "a A");
	rig_restart(r); /* also over a restart */
	rig_pass(r, 5);
	CHECK_INT(r->pending_n > 0, 1);
	r->fail_commit = 0;
	rig_pass(r, 70);
	rig_journal_is(r, "a A b c C");
	rig_free(r);
}

TEST(one_commit_at_a_time)
{
	struct rig *r = rig_new();
	unsigned before;

	rig_login(r);
	before = r->commits;
	r->hold_commit = true;
	for (int i = 0; i < 100; i++)
		rig_message(r, "m");
	rig_pass(r, 0.1);
	CHECK(r->held);
	for (int i = 0; i < 100; i++) {
		rig_message(r, "n");
		rig_pass(r, 0.001);
	}
	for (int i = 0; i < 2; i++) {
		rig_commit_held(r);
		rig_run(r);
	}
	CHECK(!r->held);
	CHECK_INT(r->journal_n, 200);
	CHECK_INT(r->commits, before + 2);
	rig_free(r);
}

/* ---- all of it at random ---- */
static void random_traffic(uint64_t seed)
{
	struct rig *r = rig_new();
	struct tl_obj *late[64];
	uint32_t late_n = 0, want_common = 0, want_channel = 0, n = 0;
	char text[24];

	r->seed = seed;
	rig_login(r);
	rig_channel_message(r, "C"); /* the channel is known */
	rig_pass(r, 1);
	r->slice = 1 + (int)rig_draw(r, 20);
	while (n < 400) {
		bool channel = rig_draw(r, 2);
		struct tl_obj *u[2];

		snprintf(text, sizeof text, "%c%u", channel ? 'C' : 'm', n++);
		u[0] = u[1] = rig_make(r, channel ? RIG_CHANNEL : 0, text);
		switch (rig_draw(r, 10)) {
		case 0:
		case 1: /* lost */
			break;
		case 2:
		case 3: /* later, or never */
			if (late_n < 64)
				late[late_n++] = u[0];
			break;
		case 4: /* twice */
			rig_say(r, 2, rig_updates(r, u, 2, 0));
			rig_say(r, 2, rig_updates(r, u, 1, 0));
			break;
		default:
			rig_say(r, 2, rig_updates(r, u, 1, 0));
			break;
		}
		if (late_n && rig_draw(r, 3) == 0) {
			late_n--;
			rig_say(r, 2, rig_updates(r, &late[late_n], 1, 0));
		}
		switch (rig_draw(r, 60)) {
		case 0:
			rig_lose(r, 2);
			break;
		case 1:
			rig_restart(r);
			break;
		case 2:
			rig_pass(r, 3);
			break;
		case 3:
			r->dc[2].session = 0;
			rig_lose(r, 2);
			break;
		}
		if (rig_draw(r, 3) == 0)
			rig_pass(r, rig_draw(r, 100) / 100.0);
	}
	rig_channel_message(r,
			    "C"); /* the server tells a channel whose last one was lost no more */
	rig_pass(r, 1000);
	for (size_t i = 0; i < r->journal_n; i++) {
		uint32_t *want = r->journal[i][0] == 'C' ? &want_channel : &want_common;

		while (*want < r->history_n &&
		       !r->history[*want].channel != (r->journal[i][0] != 'C'))
			++*want;
		if (strcmp(r->journal[i], r->history[*want].text) != 0)
			test_fail(__FILE__, __LINE__, "seed %llu: %s, want %s",
				  (unsigned long long)seed, r->journal[i], r->history[*want].text);
		++*want;
	}
	if (r->journal_n != r->history_n)
		test_fail(__FILE__, __LINE__, "seed %llu: %zu of %zu", (unsigned long long)seed,
			  r->journal_n, r->history_n);
	CHECK_INT(r->calls[TL_auth_importBotAuthorization], 1);
	rig_free(r);
}

/* Loss, doubles, disorder, lost sessions, kills: each message once, each box in order. */
TEST_T(random_traffic_is_exact, 120)
{
	for (uint64_t seed = 1; seed <= 20; seed++)
		random_traffic(seed);
}
