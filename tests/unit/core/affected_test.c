/* Answers that count: what a call did moves the boxes like an update (F.3-F.5). */
#include "tests/unit/core/rig.h"

static bool answers(struct rig *r, const struct rig_request *q)
{
	struct tl_messages_affectedMessages affected = {{TL_messages_affectedMessages}, 0, 1};
	struct tl_updateShortSentMessage sent = {.obj = {TL_updateShortSentMessage},
						 .out = true,
						 .pts_count = 1,
						 .date = (int32_t)RIG_EPOCH};
	struct tl_obj *u;

	switch (q->method) {
	case TL_messages_deleteMessages:
		affected.pts = ++r->pts;
		rig_answer(r, q, &affected.obj);
		return true;
	case TL_channels_deleteMessages:
		affected.pts = ++r->channel_pts;
		rig_answer(r, q, &affected.obj);
		return true;
	case TL_messages_sendMessage:
		sent.id = sent.pts = ++r->pts;
		rig_answer(r, q, &sent.obj);
		return true;
	case TL_messages_forwardMessages:
		u = rig_make(r, 0, "forwarded");
		rig_answer(r, q, rig_updates(r, &u, 1, 0));
		return true;
	}
	return false;
}

TEST(answers_move_the_boxes)
{
	struct rig *r = rig_new();
	int32_t id = 5;
	struct tl_messages_deleteMessages d = {.obj = {TL_messages_deleteMessages}, .id = {&id, 1}};
	struct tl_inputChannel channel = {{TL_inputChannel}, RIG_CHANNEL, RIG_CHANNEL * 1000};
	struct tl_channels_deleteMessages cd = {
		{TL_channels_deleteMessages}, &channel.obj, {&id, 1}};
	struct tl_inputPeerUser peer = {{TL_inputPeerUser}, RIG_USER, 1};
	struct tl_messages_sendMessage s = {.obj = {TL_messages_sendMessage},
					    .peer = &peer.obj,
					    .message = tl_str("own words")};
	int64_t random = 1;
	struct tl_messages_forwardMessages f = {.obj = {TL_messages_forwardMessages},
						.from_peer = &peer.obj,
						.to_peer = &peer.obj,
						.id = {&id, 1},
						.random_id = {&random, 1}};

	rig_login(r);
	r->serve = answers;
	rig_channel_message(r, "A");
	rig_pass(r, 0.1);
	rig_call(r, &d.obj, NULL);
	rig_run(r);
	rig_call(r, &cd.obj, NULL);
	rig_run(r);
	rig_call(r, &s.obj, NULL);
	rig_run(r);
	rig_call(r, &f.obj, NULL);
	rig_run(r);
	rig_message(r, "b");
	rig_channel_message(r, "B");
	rig_pass(r, 2);
	rig_journal_is(r, "A own words forwarded b B");
	CHECK_INT(r->results_n, 4);
	CHECK_INT(r->calls[TL_updates_getDifference], 0);
	CHECK_INT(r->calls[TL_updates_getChannelDifference], 0);
	rig_free(r);
}

/* F.5: a long history goes in pieces; each piece counts, the caller hears of the last. */
static bool pieces(struct rig *r, const struct rig_request *q)
{
	struct tl_messages_affectedHistory affected = {
		.obj = {TL_messages_affectedHistory}, .pts_count = 3, .offset = *(int *)r->ctx};

	if (q->method != TL_messages_deleteHistory &&
	    q->method != TL_channels_deleteParticipantHistory)
		return false;
	if (r->calls[q->method] == 1000)
		return true; /* left alone */
	*(int *)r->ctx -= 5;
	affected.pts =
		q->method == TL_messages_deleteHistory ? (r->pts += 3) : (r->channel_pts += 3);
	rig_answer(r, q, &affected.obj);
	return true;
}

TEST(a_long_history_goes_in_pieces)
{
	struct rig *r = rig_new();
	struct tl_inputPeerUser peer = {{TL_inputPeerUser}, RIG_USER, 1};
	struct tl_inputChannel channel = {{TL_inputChannel}, RIG_CHANNEL, RIG_CHANNEL * 1000};
	struct tl_messages_deleteHistory d = {.obj = {TL_messages_deleteHistory},
					      .peer = &peer.obj};
	struct tl_channels_deleteParticipantHistory cd = {
		{TL_channels_deleteParticipantHistory}, &channel.obj, &peer.obj};
	struct tg_call_options o = {0};
	uint64_t call;
	int offset;

	r->ctx = &offset;
	rig_login(r);
	r->serve = pieces;
	rig_channel_message(r, "A");
	rig_pass(r, 0.1);
	for (int i = 0; i < 2; i++) {
		offset = 10;
		call = rig_call(r, i ? &cd.obj : &d.obj, NULL);
		rig_run(r);
		CHECK_INT(rig_result_of(r, call)->error, 0);
		CHECK_INT(r->results_n, i + 1);
	}
	CHECK_INT(r->calls[TL_messages_deleteHistory], 3);
	CHECK_INT(r->calls[TL_channels_deleteParticipantHistory], 3);
	rig_message(r, "b");
	rig_channel_message(r, "B");
	rig_pass(r, 2);
	rig_journal_is(r, "A b B");
	CHECK_INT(r->calls[TL_updates_getDifference], 0);
	CHECK_INT(r->calls[TL_updates_getChannelDifference], 0);
	offset = 1 << 30; /* one that never comes to an end has its time */
	o.deadline = r->now.boot + 10 * TG_SECOND;
	call = rig_call(r, &d.obj, &o);
	rig_pass(r, 11);
	CHECK_INT(r->calls[TL_messages_deleteHistory], 1000);
	CHECK_INT(rig_result_of(r, call)->error, -TG_E_TIMEOUT);
	CHECK(rig_result_of(r, call)->sent);
	rig_free(r);
}
