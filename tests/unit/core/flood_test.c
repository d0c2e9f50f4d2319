/* Floods: one line for each method and target, first come first served, one at a time when the wait
 * is over; kept over a restart; told to those who ask (PROTOCOL D.75, D.76; RPC contract §7). */
#include "tests/unit/core/rig.h"

#define SECOND INT64_C(1000000000)

static struct {
	int floods; /* how many calls are refused first */
	const char *text;
	bool mute; /* what is let through is not answered */
	struct rig_request kept[64];
	unsigned kept_n, seen, most;
	char order[128]; /* first letters of what was sent, ! behind what was refused */
} server;

static bool is_ours(const struct rig_request *q)
{
	return q->method == TL_messages_sendMessage || q->method == TL_messages_sendMedia ||
	       q->method == TL_help_getNearestDc || q->method == TL_upload_getFile;
}

static void note(char c)
{
	size_t n = strlen(server.order);

	if (n < sizeof server.order - 1)
		server.order[n] = c;
}

static bool serve(struct rig *r, const struct rig_request *q)
{
	if (!is_ours(q))
		return false;
	server.seen++;
	if (q->method == TL_messages_sendMessage)
		note(((const struct tl_messages_sendMessage *)q->obj)->message.data[0]);
	if (server.floods > 0) {
		server.floods--;
		note('!');
		rig_refuse(r, q, 420, server.text);
		return true;
	}
	server.kept[server.kept_n++] = *q;
	if (server.kept_n > server.most)
		server.most = server.kept_n;
	return true;
}

/* Answers what is out. */
static void accept(struct rig *r)
{
	struct tl_nearestDc n = {
		.obj = {TL_nearestDc}, .country = tl_str("XX"), .this_dc = 2, .nearest_dc = 2};

	for (unsigned i = 0; i < server.kept_n; i++)
		if (server.kept[i].method == TL_help_getNearestDc)
			rig_answer(r, &server.kept[i], &n.obj);
		else
			rig_refuse(r, &server.kept[i], 400, "ACCEPTED");
	server.kept_n = 0;
	rig_run(r);
}

static struct rig *begin(int floods, const char *text)
{
	struct rig *r = rig_new();

	memset(&server, 0, sizeof server);
	server.floods = floods;
	server.text = text;
	rig_login(r);
	r->serve = serve;
	return r;
}

static uint64_t ask(struct rig *r, double timeout, int flood_wait)
{
	struct tl_help_getNearestDc m = {{TL_help_getNearestDc}};
	struct tg_call_options o = {.deadline = r->now.boot + (int64_t)(timeout * 1e9),
				    .flood_wait = flood_wait,
				    .tells = true};

	return rig_call(r, &m.obj, &o);
}

static uint64_t say(struct rig *r, int64_t user, const char *text, bool media)
{
	struct tl_inputPeerUser peer = {{TL_inputPeerUser}, user, user * 1000};
	struct tl_inputMediaEmpty none = {{TL_inputMediaEmpty}};
	struct tl_messages_sendMessage m = {.obj = {TL_messages_sendMessage},
					    .peer = &peer.obj,
					    .message = tl_str(text),
					    .random_id = (int64_t)rig_draw(r, 1u << 30)};
	struct tl_messages_sendMedia with = {.obj = {TL_messages_sendMedia},
					     .peer = &peer.obj,
					     .media = &none.obj,
					     .message = tl_str(text),
					     .random_id = (int64_t)rig_draw(r, 1u << 30)};

	return rig_call(r, media ? &with.obj : &m.obj, NULL);
}

TEST(flood_ends_for_one_at_a_time)
{
	struct rig *r = begin(1, "FLOOD_WAIT_5");
	uint64_t calls[30];

	for (int i = 0; i < 30; i++) {
		calls[i] = ask(r, 100, 20);
		rig_pass(r, 0.1);
	}
	CHECK_INT(server.seen, 1);
	rig_pass(r, 3);
	CHECK_INT(server.seen, 2); /* the first, again */
	rig_pass(r, 5);
	CHECK_INT(server.seen, 2); /* nobody else while it has no answer */
	for (int i = 0; i < 30; i++) {
		accept(r);
		for (int k = 0; k < 30; k++) /* in the order they came */
			CHECK_INT(rig_result_of(r, calls[k]) != NULL, k <= i);
	}
	CHECK_INT(server.seen, 31);
	CHECK_INT(server.most, 1);
	/* the hold is gone */
	ask(r, 100, 0);
	ask(r, 100, 0);
	rig_run(r);
	CHECK_INT(server.kept_n, 2);
	rig_free(r);
}

TEST(those_who_were_refused_together_keep_their_order)
{
	struct rig *r = begin(3, "FLOOD_WAIT_4");

	say(r, 100, "a", false);
	say(r, 100, "b", false);
	say(r, 100, "c", false);
	rig_pass(r, 1);
	say(r, 100, "d", false);
	say(r, 101, "X", false);
	for (int i = 0; i < 6; i++) {
		rig_pass(r, 1);
		accept(r);
	}
	CHECK_STR(server.order, "a!b!c!Xabcd");
	rig_free(r);
}

TEST(who_does_not_wait_hears_the_place)
{
	struct rig *r = begin(1, "FLOOD_WAIT_9");
	uint64_t first = ask(r, 100, 20), second, impatient, told;
	struct tg_flood f;

	rig_run(r);
	second = ask(r, 100, 20);
	rig_pass(r, 2);
	impatient = ask(r, 100, 0);
	rig_run(r);
	CHECK_INT(rig_result_of(r, impatient)->code, 420);
	CHECK_STR(rig_result_of(r, impatient)->text, "FLOOD_WAIT_7");
	CHECK_INT(rig_result_of(r, impatient)->retry_after, 7);
	CHECK_INT(rig_result_of(r, impatient)->place, 3);
	CHECK(tg_account_flood(r->a, 0, &f, r->now));
	CHECK_STR(f.method, "help.getNearestDc");
	CHECK(tl_str_eq(f.type, "FLOOD_WAIT"));
	CHECK_INT(f.retry_after, 7);
	CHECK_INT(f.waiting, 2);
	CHECK(!tg_account_flood(r->a, 1, &f, r->now));
	/* it is told again, and now takes too long for one of them */
	server.floods = 1;
	server.text = "FLOOD_WAIT_30";
	told = ask(r, 100, 40);
	rig_pass(r, 7.5);
	CHECK_INT(rig_result_of(r, first)->code, 420);
	CHECK_INT(rig_result_of(r, second)->code, 420);
	CHECK_INT(rig_result_of(r, second)->retry_after, 30);
	CHECK(!rig_result_of(r, told));
	rig_pass(r, 31);
	accept(r);
	CHECK_INT(rig_result_of(r, told)->error, 0);
	CHECK_INT(server.seen, 3);
	rig_free(r);
}

TEST(a_flood_outlives_the_process)
{
	struct rig *r = begin(1, "FLOOD_WAIT_20");
	uint64_t call;
	struct tg_flood f;

	ask(r, 100, 0);
	say(r, 100, "a", false); /* not held */
	rig_pass(r, 3);
	CHECK_INT(server.seen, 2);
	rig_restart(r);
	r->results_n = 0; /* numbers begin anew */
	rig_pass(r, 2);
	CHECK(tg_account_flood(r->a, 0, &f, r->now));
	CHECK_STR(f.method, "help.getNearestDc");
	CHECK(f.retry_after >= 14 && f.retry_after <= 16);
	call = ask(r, 100, 0);
	rig_pass(r, 1);
	CHECK_INT(rig_result_of(r, call)->code, 420);
	CHECK_INT(server.seen, 2);
	/* the time goes on while nothing runs */
	tg_account_disconnect(r->a, r->now);
	r->now.boot += 15 * SECOND;
	r->now.real += 15 * SECOND;
	rig_restart(r);
	r->results_n = 0;
	rig_pass(r, 1);
	CHECK(!tg_account_flood(r->a, 0, &f, r->now));
	ask(r, 100, 0);
	rig_pass(r, 0.5);
	CHECK_INT(server.seen, 3);
	/* and nothing of it is left */
	rig_restart(r);
	CHECK(!tg_account_flood(r->a, 0, &f, r->now));
	rig_free(r);
}

/* Written in whole seconds, it ends late rather than early. */
TEST(a_restart_does_not_end_a_flood_early)
{
	struct rig *r = begin(1, "FLOOD_WAIT_20");
	struct tg_flood f;

	r->now.real += SECOND - r->now.real % SECOND + SECOND * 9 / 10;
	ask(r, 100, 0);
	rig_pass(r, 0.1);
	CHECK_INT(server.seen, 1);
	tg_account_disconnect(r->a, r->now);
	r->now.boot += 19 * SECOND + SECOND / 2;
	r->now.real += 19 * SECOND + SECOND / 2;
	rig_restart(r);
	CHECK(tg_account_flood(r->a, 0, &f, r->now));
	rig_pass(r, 2);
	CHECK(!tg_account_flood(r->a, 0, &f, r->now));
	rig_free(r);
}

TEST(slow_mode_holds_all_that_is_sent_to_the_chat)
{
	struct rig *r = begin(1, "SLOWMODE_WAIT_6");
	uint64_t other, media;
	struct tg_flood f;

	say(r, 100, "a", false);
	rig_pass(r, 0.5);
	media = say(r, 100, "b", true);
	say(r, 100, "c", false);
	other = say(r, 101, "X", true);
	ask(r, 100, 0);
	rig_pass(r, 1);
	CHECK_INT(server.seen, 3); /* a, the one to another chat, and what sends nothing */
	accept(r);
	CHECK(rig_result_of(r, other));
	CHECK(tg_account_flood(r->a, 0, &f, r->now));
	CHECK(!f.method);
	CHECK(tl_str_eq(f.type, "SLOWMODE_WAIT"));
	CHECK_INT(f.waiting, 3);
	for (int i = 0; i < 4; i++) {
		rig_pass(r, 2);
		accept(r);
	}
	CHECK(rig_result_of(r, media));
	CHECK_STR(server.order, "a!ac");
	rig_free(r);
}

TEST(the_line_goes_on_when_one_leaves_it)
{
	struct rig *r = begin(1, "FLOOD_WAIT_5");
	uint64_t calls[6], late;
	bool sent;

	for (int i = 0; i < 6; i++) {
		calls[i] = ask(r, i == 2 ? 5.5 : 100, 20);
		rig_run(r);
	}
	rig_pass(r, 1);
	tg_cancel(r->a, calls[1], &sent, r->now);
	CHECK(!sent);
	tg_cancel(r->a, calls[5], &sent, r->now);
	rig_pass(r, 4.2);
	CHECK_INT(server.seen, 2);
	rig_pass(r, 1); /* the third's time is over in the line: it was never sent */
	CHECK_INT(rig_result_of(r, calls[2])->error, -TG_E_TIMEOUT);
	CHECK(!rig_result_of(r, calls[2])->sent);
	tg_cancel(r->a, calls[0], &sent, r->now); /* the one that went */
	CHECK(sent);
	rig_run(r);
	CHECK_INT(server.seen, 3);
	/* one that gets no answer does not hold the others for ever */
	rig_pass(r, 11);
	CHECK_INT(server.seen, 4);
	late = ask(r, 100, 20);
	accept(r);
	accept(r);
	CHECK_INT(rig_result_of(r, calls[3])->error, 0);
	CHECK_INT(rig_result_of(r, calls[4])->error, 0);
	CHECK_INT(rig_result_of(r, late)->error, 0);
	rig_free(r);
}

TEST(who_waits_is_told)
{
	struct rig *r = begin(1, "FLOOD_WAIT_5");
	uint64_t first = ask(r, 100, 20), second;
	unsigned n;

	rig_pass(r, 1);
	second = ask(r, 100, 20);
	rig_run(r);
	CHECK_INT(r->waitings_n, 2);
	CHECK_INT(r->waitings[0].call, first);
	CHECK_STR(r->waitings[0].stage, "flood_wait");
	CHECK_INT(r->waitings[0].place, 1);
	CHECK_INT(r->waitings[0].done, 0);
	CHECK_INT(r->waitings[0].total, 5);
	CHECK_INT(r->waitings[1].call, second);
	CHECK_INT(r->waitings[1].place, 2);
	CHECK_INT(r->waitings[1].total, 4);
	rig_pass(r, 4.5);
	CHECK_INT(r->waitings_n, 4);
	CHECK_INT(r->waitings[2].call, first); /* its wait is over */
	CHECK_INT(r->waitings[2].done, 5);
	CHECK_INT(r->waitings[2].place, 0);
	CHECK_INT(r->waitings[3].call, second);
	CHECK_STR(r->waitings[3].stage, "queue");
	CHECK_INT(r->waitings[3].place, 2);
	accept(r);
	accept(r);
	/* not more than four times a second, whatever goes on before it */
	server.floods = 1;
	n = r->waitings_n;
	for (int i = 0; i < 20; i++) {
		ask(r, 100, 20);
		rig_run(r);
	}
	rig_pass(r, 5.1);
	for (int i = 0; i < 19; i++)
		accept(r);
	CHECK_INT(r->waitings_n - n, 20 + 19 + 20); /* at first, once in the queue, at the end */
	rig_free(r);
}

TEST(slow_files_are_told_once_in_a_while)
{
	struct rig *r = begin(1000, "FLOOD_PREMIUM_WAIT_3");
	struct tl_inputTakeoutFileLocation where = {{TL_inputTakeoutFileLocation}};
	struct tl_upload_getFile m = {
		.obj = {TL_upload_getFile}, .location = &where.obj, .limit = 4096};
	struct tg_call_options o = {.deadline = r->now.boot + 3000 * SECOND, .flood_wait = 20};
	uint64_t call = rig_call(r, &m.obj, &o);

	rig_pass(r, 60);
	CHECK_INT(r->limited, 1);
	CHECK(server.seen >= 15);
	rig_pass(r, 560);
	CHECK_INT(r->limited, 2);
	server.floods = 0;
	rig_pass(r, 4);
	accept(r);
	CHECK(rig_result_of(r, call));
	rig_free(r);
}

/* What a server may say for a number, and what becomes of it (RELIABILITY T47). */
TEST(absurd_waits)
{
	static const struct {
		const char *text;
		int told; /* 0: no wait at all */
	} rows[] = {{"FLOOD_WAIT_0", 1},
		    {"FLOOD_WAIT_-17", 1},
		    {"FLOOD_WAIT_86400", 86400},
		    {"FLOOD_WAIT_99999999", TG_HOLD_MAX},
		    {"FLOOD_WAIT_18446744073709551617", TG_HOLD_MAX},
		    {"SLOWMODE_WAIT_4294967297", TG_HOLD_MAX},
		    {"FLOOD_WAIT_", 0},
		    {"FLOOD_WAIT_soon", 0}};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct rig *r = begin(1, rows[i].text);
		uint64_t call = ask(r, 100, 0);

		rig_pass(r, 0.1);
		CHECK_INT(rig_result_of(r, call)->code, 420);
		CHECK_STR(rig_result_of(r, call)->text, rows[i].text);
		CHECK_INT(rig_result_of(r, call)->retry_after, rows[i].told);
		rig_free(r);
	}
	printf("T47: %zu absurd waits, told as %d s at most\n", sizeof rows / sizeof rows[0],
	       TG_HOLD_MAX);
}
