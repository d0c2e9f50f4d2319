/* What was missed: what is asked, when, how often, and what becomes of each kind of answer
 * (F.31-F.56, F.70-F.77). */
#include "tests/unit/core/rig.h"

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

/* What comes while a difference is wanted does not move the date that it is asked from: the server
 * tells channels by it. */
static int32_t asked_date;
static bool note_date(struct rig *r, const struct rig_request *q)
{
	(void)r;
	if (q->method == TL_updates_getDifference)
		asked_date = ((const struct tl_updates_getDifference *)(const void *)q->obj)->date;
	return false;
}

static void date_stays(bool disk)
{
	struct rig *r = rig_new();
	struct tl_updatesTooLong all = {{TL_updatesTooLong}};
	int32_t date;

	rig_login(r);
	r->serve = note_date;
	rig_say(r, 2, &all.obj);
	rig_pass(r, disk ? 2 : 0.1); /* not disk: the next one has to wait for its time */
	r->hold_commit = disk;
	rig_message(r, "a");
	rig_run(r);
	date = r->a->up.date;
	rig_say(r, 2, &all.obj);
	r->date += 1000;
	rig_channel_message(r, "A");
	rig_pass(r, 0.2);
	CHECK_INT(r->a->up.date, date);
	r->hold_commit = false;
	if (disk)
		rig_commit_held(r);
	rig_pass(r, 2);
	CHECK_INT(asked_date, date);
	CHECK(r->a->up.date > date);
	rig_free(r);
}

TEST(date_stays_while_a_difference_is_wanted)
{
	date_stays(true);
	date_stays(false);
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
		rig_say(r, 2, rig_too_long(r, RIG_CHANNEL, r->channel_pts));
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

/* The same with a server that has more to say than a slice holds, each time: what is pushed goes on
 * where the first slice ends. */
static bool pushes(struct rig *r, const struct rig_request *q)
{
	for (int i = 0; q->method == TL_updates_getDifference && i < 3; i++)
		rig_message(r, r->calls[q->method] < 50 ? "d" : "e");
	return false;
}

TEST(a_long_way_under_traffic)
{
	struct rig *r = rig_new();

	rig_login(r);
	r->pts = 100 + TG_DRIFT_MAX;
	r->a->up.box[TG_BOX_COMMON].pts = r->pts;
	r->slice = 2;
	r->serve = pushes;
	rig_message(r, "b");
	rig_pass(r, 3);
	CHECK_INT(r->calls[TL_updates_getDifference], 1);
	rig_message(r, "f");
	rig_pass(r, 3);
	rig_journal_is(r, "b d d d f");
	CHECK_INT(r->calls[TL_updates_getDifference], 1);
	r->serve = NULL;
	r->a->up.box[TG_BOX_COMMON].pts += 2 * TG_DRIFT_MAX; /* it lied, and we believed it */
	r->pts += 2 * TG_DRIFT_MAX;
	rig_message(r, "g");
	r->pts -= 2 * TG_DRIFT_MAX;
	rig_pass(r, 3);
	CHECK_INT(r->a->up.box[TG_BOX_COMMON].pts, r->pts);
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
	rig_say(r, 2, rig_short(r, &unknown.obj));
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

/* What never becomes reachable is given up, in each box by itself. */
static void unreachable(int box)
{
	struct rig *r = rig_new();
	struct tl_updateBotStopped stopped = {
		.obj = {TL_updateBotStopped}, .user_id = RIG_USER, .date = 1, .qts = 1000};
	struct tl_obj *u = &stopped.obj;

	rig_login(r);
	if (box == TG_BOX_COMMON) {
		u = rig_make(r, 0, "far");
		((struct tl_updateNewMessage *)u)->pts = 1000;
		r->history_n = 0;
		r->pts--;
	}
	rig_say(r, 2, rig_updates(r, &u, box != TG_BOX_SEQ, box == TG_BOX_SEQ ? 1000 : 0));
	rig_pass(r, 1);
	CHECK_INT(r->a->up.box[box].pending_count, 1);
	rig_pass(r, 300);
	CHECK_INT(r->a->up.box[box].pending_count, 0);
	CHECK(r->calls[TL_updates_getDifference] < 15);
	rig_free(r);
}

TEST(numbers_that_are_never_reached)
{
	for (int box = 0; box < TG_BOX_COUNT; box++)
		unreachable(box);
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

/* One that fits into memory, but not with all that it says: nothing of it is taken, it is asked for
 * in pieces. */
static uint32_t huge;
static void put_huge(struct rig *r, struct tl_buf *b)
{
	struct tl_peerUser from = {{TL_peerUser}, RIG_USER};
	struct tl_message m = {.obj = {TL_message}, .peer_id = &from.obj, .date = 1};
	struct tl_updates_state state = {
		.obj = {TL_updates_state}, .pts = r->pts, .qts = 1, .seq = 1};
	struct tl_updates_difference d = {.obj = {TL_updates_difference}, .state = &state.obj};
	struct tl_obj **list = calloc(huge, sizeof *list);
	struct tl_buf one = {0};

	for (uint32_t i = 0; i < huge; i++)
		list[i] = &m.obj;
	d.new_messages = (struct tl_vec){list, huge};
	CHECK_INT(tl_encode(&tl_api, &d.obj, b), 0);
	CHECK_INT(tl_encode(&tl_api, &m.obj, &one), 0);
	for (uint32_t i = 0; i < huge; i++) { /* their numbers, so that they are no bomb */
		uint32_t id = rig_draw(r, INT32_MAX);

		memcpy(b->data + 12 + i * one.len + 12, &id, sizeof id);
	}
	tl_buf_free(&one);
	free(list);
}

static bool fits(struct rig *r)
{
	struct tl_buf b = {0};
	struct tl_cursor in;
	struct tg_carrier *c;
	struct tl_obj *o;
	bool yes;

	put_huge(r, &b);
	c = tg_carrier_new(b.data, b.len, &in);
	yes = tl_decode(&tl_api, &c->arena, &in, &o, NULL) == 0;
	tg_carrier_drop(c);
	tl_buf_free(&b);
	return yes;
}

static bool huge_or_pieces(struct rig *r, const struct rig_request *q)
{
	const struct tl_updates_getDifference *m = (const void *)q->obj;
	struct tl_buf b = {0}, zip = {0}, packed = {0};

	if (q->method != TL_updates_getDifference || m->has_pts_limit)
		return false;
	put_huge(r, &b);
	CHECK_INT(mt_gzip(b.data, b.len, &zip), 0);
	tl_put_u32(&packed, 0x3072cfa1); /* gzip_packed */
	tl_put_bytes(&packed, zip.data, zip.len);
	rig_answer_bytes(r, q, packed.data, packed.len);
	tl_buf_free(&b);
	tl_buf_free(&zip);
	tl_buf_free(&packed);
	return true;
}

TEST_T(difference_that_just_fits, 60)
{
	struct rig *r = rig_new();

	rig_login(r);
	rig_pass(r, 2);
	r->mute = true;
	rig_message(r, "a");
	huge = 0;
	for (uint32_t step = 1u << 18; step; step /= 2) {
		huge += step;
		if (!fits(r))
			huge -= step;
	}
	r->serve = huge_or_pieces;
	tg_difference(r->a);
	rig_pass(r, 10);
	rig_journal_is(r, "a");
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
		char text[16];

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
		char text[16];

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

		rig_say(r, 2, rig_short(r, &u.obj));
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

/* Whatever allocation fails while an update is taken: it comes all the same, or a gap is told. */
TEST(no_memory_for_an_update)
{
	bool failed = true;

	for (size_t at = 1; failed; at++) {
		struct rig *r = rig_new();
		struct tl_obj *u;
		struct tl_buf b = {0};

		rig_login(r);
		rig_message(r, "a");
		rig_pass(r, 2);
		u = rig_make(r, 0, "b");
		CHECK_INT(tl_encode(&tl_api, rig_updates(r, &u, 1, 0), &b), 0);
		test_alloc_fail(at, 1);
		test_alloc_arm(true);
		tg_updates_raw(r->a, b.data, b.len);
		test_alloc_arm(false);
		failed = test_alloc_failed();
		rig_message(r, "c");
		rig_pass(r, 1000);
		if (r->journal_n != 3)
			test_fail(__FILE__, __LINE__, "allocation %zu: %zu events", at,
				  r->journal_n);
		tl_buf_free(&b);
		rig_free(r);
	}
}
