/* What channels missed: what is asked, when, how often, and what becomes of each kind of answer
 * (F.50-F.56). */
#include "tests/unit/core/rig.h"

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
	rig_say(r, 2, rig_too_long(r, RIG_CHANNEL, 1));
	rig_pass(r, 2);
	CHECK_INT(*asked, 0);
	r->mute = true;
	rig_channel_message(r, "B");
	rig_say(r, 2, rig_too_long(r, RIG_CHANNEL, 2));
	rig_pass(r, 2);
	rig_journal_is(r, "A B");
	rig_say(r, 2, rig_too_long(r, RIG_CHANNEL, 0)); /* no number: nothing new after all */
	rig_pass(r, 2);
	CHECK_INT(*asked, 2);
	tg_channel_drop(r->a, tg_channel_get(r->a, RIG_CHANNEL), "no_access");
	rig_channel_message(r, "C");
	rig_say(r, 2,
		rig_too_long(r, RIG_CHANNEL, 3)); /* from there on, and what was before is told */
	rig_pass(r, 2);
	rig_journal_is(r, "A B gap:500:2-2:no_acces gap:500:2-3:too_long");
	tg_channel_drop(r->a, tg_channel_get(r->a, RIG_CHANNEL), "no_access");
	rig_say(r, 2, rig_too_long(r, RIG_CHANNEL, 0));
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
		rig_say(r, 2, rig_too_long(r, c->id, 9));
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
		rig_say(r, 2, rig_too_long(r, 1000 + i, 9));
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
			rig_say(r, 2, rig_short(r, &u->obj));
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

/* The server tells channels by the date of the last difference: one that was told of, and not yet
 * fetched, is told of again after a kill. */
static bool no_channels(struct rig *r, const struct rig_request *q)
{
	(void)r;
	return q->method == TL_updates_getChannelDifference;
}

TEST(killed_before_a_channel_was_fetched)
{
	struct rig *r = rig_new();

	rig_login(r);
	rig_channel_message(r, "A");
	rig_pass(r, 2);
	r->mute = true;
	rig_channel_message(r, "B");
	rig_message(r, "m");
	r->mute = false;
	r->serve = no_channels;
	tg_difference(r->a);
	rig_pass(r, 2);
	rig_journal_is(r, "A m");
	rig_message(r, "n");
	rig_pass(r, 2);
	for (int i = 0; i < 3; i++) {
		rig_restart(r);
		rig_pass(r, 3);
	}
	r->serve = NULL;
	rig_restart(r);
	rig_pass(r, 3);
	rig_journal_is(r, "A m n B");
	rig_free(r);
}

TEST(killed_while_a_channel_waits_out_a_gap)
{
	struct rig *r = rig_new();

	rig_login(r);
	rig_channel_message(r, "A");
	rig_pass(r, 2);
	r->mute = true;
	rig_channel_message(r, "B");
	r->mute = false;
	rig_channel_message(r, "C");
	rig_message(r, "m");
	rig_pass(r, 0.1);
	rig_journal_is(r, "A m");
	rig_restart(r);
	rig_pass(r, 3);
	rig_journal_is(r, "A m B C");
	rig_free(r);
}

/* Those that waited for their turn, and those that were under way, are asked when it is connected
 * again. */
TEST(disconnected_before_channels_were_fetched)
{
	struct rig *r = rig_new();

	answered = 0;
	rig_login(r);
	r->serve = no_channels;
	for (int i = 0; i < 50; i++) {
		tg_learn(r->a, rig_channel(r, 1001 + 4 * i, NULL, false));
		tg_channel_hear(r->a, 1001 + 4 * i, 3);
		rig_say(r, 2, rig_too_long(r, 1001 + 4 * i, 9));
	}
	rig_pass(r, 2);
	tg_account_disconnect(r->a, r->now);
	rig_pass(r, 2);
	r->serve = some_are_stuck; /* not these */
	tg_account_connect(r->a, r->now);
	rig_pass(r, 5);
	CHECK_INT(answered, 50);
	CHECK_INT(r->a->up.channel_calls, 0);
	r->serve = NULL;
	rig_free(r);
}
