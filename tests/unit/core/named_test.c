/* Who is named in a message, and nobody told about (F.2, F.62). */
#include "tests/unit/core/rig.h"

TEST(a_message_of_a_stranger)
{
	struct rig *r = rig_new();

	rig_login(r);
	rig_say(r, 2, rig_short(r, rig_make(r, 0, "who")));
	rig_pass(r, 2);
	rig_journal_is(r, "who"); /* from the difference, with the user */
	CHECK_INT(r->calls[TL_updates_getDifference], 1);
	rig_say(r, 2, rig_short(r, rig_make(r, 0, "known")));
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
	rig_say(r, 2, rig_short(r, &u->obj));
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
