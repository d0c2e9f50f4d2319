/* Calls: floods, chains, migrations, faults, deadlines; each is completed exactly once. */
#include "tests/unit/core/rig.h"

#define SECOND INT64_C(1000000000)

static int refusals; /* how many more */
static const char *text;
static int code;
static bool refuse_some(struct rig *r, const struct rig_request *q)
{
	if ((q->method != TL_help_getNearestDc && q->method != TL_messages_sendMessage) ||
	    refusals == 0)
		return false;
	refusals--;
	if (text)
		rig_refuse(r, q, code, text);
	return true; /* without a text there is no answer at all */
}

static void plan(struct rig *r, int n, int with_code, const char *with_text)
{
	r->serve = refuse_some;
	refusals = n;
	code = with_code;
	text = with_text;
}

static uint64_t ask(struct rig *r, double timeout, int flood_wait)
{
	struct tl_help_getNearestDc m = {{TL_help_getNearestDc}};
	struct tg_call_options o = {.deadline = r->now.boot + (int64_t)(timeout * 1e9),
				    .flood_wait = flood_wait};

	return rig_call(r, &m.obj, &o);
}

TEST(call_before_the_login)
{
	struct rig *r = rig_new();
	struct tl_help_getNearestDc m = {{TL_help_getNearestDc}};
	struct tg_call_options o = {.deadline = r->now.boot + 50 * SECOND, .any_state = true};
	uint64_t call;

	CHECK_INT(tg_call(r->a, TL_help_getNearestDc, "", 0, &(struct tg_call_options){0}, &call,
			  r->now),
		  -TG_E_UNAUTHORIZED);
	call = rig_call(r, &m.obj, &o);
	rig_pass(r, 1);
	CHECK_INT(rig_result_of(r, call)->error, 0);
	CHECK_INT(rig_result_of(r, call)->number, TL_ID_nearestDc);
	CHECK(r->last.wrapped);
	rig_free(r);
}

TEST(call_refused)
{
	struct rig *r = rig_new();
	uint64_t call;

	rig_login(r);
	plan(r, 1, 400, "CHAT_ID_INVALID");
	call = ask(r, 50, 20);
	rig_pass(r, 1);
	CHECK_INT(rig_result_of(r, call)->error, -TG_E_TELEGRAM);
	CHECK_INT(rig_result_of(r, call)->code, 400);
	CHECK_STR(rig_result_of(r, call)->text, "CHAT_ID_INVALID");
	rig_free(r);
}

TEST(flood_is_slept_out)
{
	struct rig *r = rig_new();
	uint64_t call;

	rig_login(r);
	plan(r, 1, 420, "FLOOD_WAIT_7");
	call = ask(r, 50, 20);
	rig_pass(r, 6.9);
	CHECK(!rig_result_of(r, call));
	CHECK_INT(r->calls[TL_help_getNearestDc], 1);
	rig_lose(r, 2); /* the wait goes on without a connection */
	rig_pass(r, 2.5);
	CHECK_INT(rig_result_of(r, call)->error, 0);
	CHECK_INT(r->calls[TL_help_getNearestDc], 2);
	rig_free(r);
}

TEST(flood_too_long_is_told)
{
	struct rig *r = rig_new();
	uint64_t first, second, third;

	rig_login(r);
	plan(r, 1, 420, "FLOOD_WAIT_30");
	first = ask(r, 50, 20);
	rig_pass(r, 1);
	CHECK_INT(rig_result_of(r, first)->code, 420);
	CHECK_INT(rig_result_of(r, first)->retry_after, 30);
	CHECK_STR(rig_result_of(r, first)->text, "FLOOD_WAIT_30");
	rig_pass(r, 4);
	/* the same method is held, and told what is left, without a byte */
	second = ask(r, 50, 20);
	third = ask(r, 50, 40);
	rig_pass(r, 0);
	CHECK_INT(rig_result_of(r, second)->code, 420);
	CHECK_INT(rig_result_of(r, second)->retry_after, 25);
	CHECK_STR(rig_result_of(r, second)->text, "FLOOD_WAIT_25");
	CHECK_INT(r->calls[TL_help_getNearestDc], 1);
	rig_pass(r, 26);
	CHECK_INT(rig_result_of(r, third)->error, 0);
	CHECK_INT(r->calls[TL_help_getNearestDc], 2);
	rig_free(r);
}

TEST(flood_beyond_the_deadline_is_told)
{
	struct rig *r = rig_new();
	uint64_t call;

	rig_login(r);
	plan(r, 1, 420, "FLOOD_PREMIUM_WAIT_10");
	call = ask(r, 5, 20);
	rig_pass(r, 1);
	CHECK_INT(rig_result_of(r, call)->code, 420);
	CHECK_INT(rig_result_of(r, call)->retry_after, 10);
	rig_free(r);
}

static uint64_t send_text(struct rig *r, int64_t user, const char *message, uint64_t chain)
{
	struct tl_inputPeerUser peer = {{TL_inputPeerUser}, user, user * 1000};
	struct tl_messages_sendMessage m = {.obj = {TL_messages_sendMessage},
					    .peer = &peer.obj,
					    .message = tl_str(message),
					    .random_id = (int64_t)rig_draw(r, 1u << 30)};
	struct tg_call_options o = {
		.deadline = r->now.boot + 50 * SECOND, .flood_wait = 20, .chain = chain};

	return rig_call(r, &m.obj, &o);
}

static char sent[256];
static void note(struct tl_str s)
{
	size_t n = strlen(sent);

	snprintf(sent + n, sizeof sent - n, "%.*s", (int)s.len, s.data);
}

static bool take_sends(struct rig *r, const struct rig_request *q)
{
	const struct tl_messages_sendMessage *m = (const void *)q->obj;
	struct tl_updateShortSentMessage s = {.obj = {TL_updateShortSentMessage}, .out = true};

	if (q->method != TL_messages_sendMessage)
		return false;
	note(m->message);
	if (refuse_some(r, q)) {
		note(tl_str("!"));
		return true;
	}
	s.id = ++r->pts;
	s.pts = r->pts;
	s.pts_count = 1;
	rig_answer(r, q, &s.obj);
	return true;
}

TEST(flood_holds_only_its_target)
{
	struct rig *r = rig_new();
	uint64_t a, b, c;

	rig_login(r);
	sent[0] = 0;
	plan(r, 1, 420, "FLOOD_WAIT_9");
	r->serve = take_sends;
	a = send_text(r, 100, "a", 0);
	rig_pass(r, 0);
	b = send_text(r, 100, "b", 0);
	c = send_text(r, 101, "c", 0);
	rig_pass(r, 1);
	CHECK_STR(sent, "a!c");
	CHECK(rig_result_of(r, c));
	rig_pass(r, 9);
	CHECK(rig_result_of(r, a) && rig_result_of(r, b));
	rig_free(r);
}

TEST(chain_keeps_its_order_through_a_flood)
{
	struct rig *r = rig_new();
	uint64_t last = 0;

	rig_login(r);
	sent[0] = 0;
	plan(r, 1, 420, "SLOWMODE_WAIT_5");
	r->serve = take_sends;
	for (int i = 0; i < 8; i++) {
		char one[2] = {(char)('a' + i), 0};

		last = send_text(r, 100, one, 9);
	}
	send_text(r, 101, "X", 10); /* another chain is not held */
	rig_pass(r, 1);
	CHECK_STR(sent, "a!X");
	rig_lose(r, 2);
	rig_pass(r, 6);
	CHECK_STR(sent, "a!Xabcdefgh");
	CHECK_INT(rig_result_of(r, last)->error, 0);
	CHECK_INT(r->a->calls.chains.count, 0);
	rig_free(r);
}

TEST(chain_goes_on_after_a_refusal_and_a_cancel)
{
	struct rig *r = rig_new();
	uint64_t a, b, c, d;
	bool was_sent;

	rig_login(r);
	sent[0] = 0;
	plan(r, 1, 400, "CHAT_WRITE_FORBIDDEN");
	r->serve = take_sends;
	a = send_text(r, 100, "a", 9);
	b = send_text(r, 100, "b", 9);
	c = send_text(r, 100, "c", 9);
	d = send_text(r, 100, "d", 9);
	tg_cancel(r->a, c, &was_sent, r->now);
	CHECK(!was_sent);
	rig_pass(r, 1);
	CHECK_STR(sent, "a!bd");
	CHECK_INT(rig_result_of(r, a)->code, 400);
	CHECK_INT(rig_result_of(r, b)->error, 0);
	CHECK(!rig_result_of(r, c));
	CHECK_INT(rig_result_of(r, d)->error, 0);
	rig_free(r);
}

TEST(timeout_tells_the_outcome)
{
	struct rig *r = rig_new();
	uint64_t unsent, lost;

	rig_login(r);
	plan(r, 1, 0, NULL);
	lost = ask(r, 5, 20);
	rig_pass(r, 5.1);
	CHECK_INT(rig_result_of(r, lost)->error, -TG_E_TIMEOUT);
	CHECK(rig_result_of(r, lost)->sent);
	r->refuse_connection = true;
	rig_lose(r, 2);
	unsent = ask(r, 5, 20);
	rig_pass(r, 5.1);
	CHECK_INT(rig_result_of(r, unsent)->error, -TG_E_TIMEOUT);
	CHECK(!rig_result_of(r, unsent)->sent);
	rig_free(r);
}

TEST(cancel_tells_whether_it_was_sent)
{
	struct rig *r = rig_new();
	uint64_t call;
	bool was_sent = true;

	rig_login(r);
	plan(r, 9, 0, NULL);
	call = ask(r, 50, 20);
	tg_cancel(r->a, call, &was_sent, r->now);
	CHECK(!was_sent);
	call = ask(r, 50, 20);
	rig_pass(r, 1);
	tg_cancel(r->a, call, &was_sent, r->now);
	CHECK(was_sent);
	tg_cancel(r->a, call, &was_sent, r->now);
	CHECK(!was_sent);
	rig_pass(r, 60);
	CHECK_INT(r->results_n, 0);
	rig_free(r);
}

TEST(passing_faults_are_repeated)
{
	static const int codes[] = {500, -503, -500, 0};

	for (int i = 0; i < 4; i++) {
		struct rig *r = rig_new();
		uint64_t call;

		rig_login(r);
		plan(r, 3, codes[i], "Timeout");
		call = ask(r, 50, 20);
		rig_pass(r, 6.9); /* 1, 2, 4 s */
		CHECK(!rig_result_of(r, call));
		rig_pass(r, 0.2);
		CHECK_INT(rig_result_of(r, call)->error, 0);
		CHECK_INT(r->calls[TL_help_getNearestDc], 4);
		rig_free(r);
	}
}

TEST(lasting_fault_ends_in_time)
{
	struct rig *r = rig_new();
	uint64_t call;

	rig_login(r);
	plan(r, 1000, -503, "Timeout");
	call = ask(r, 20, 20);
	rig_pass(r, 20);
	CHECK_INT(rig_result_of(r, call)->error, -TG_E_TELEGRAM);
	CHECK_INT(rig_result_of(r, call)->code, 500);
	CHECK_STR(rig_result_of(r, call)->text, "Timeout");
	CHECK_INT(r->calls[TL_help_getNearestDc], 5); /* at 0, 1, 3, 7, 15 */
	rig_free(r);
}

static unsigned created;
static bool create_silently(struct rig *r, const struct rig_request *q)
{
	(void)r;
	created += q->method == TL_channels_createChannel;
	return q->method == TL_channels_createChannel;
}

TEST(creation_is_never_repeated)
{
	struct rig *r = rig_new();
	struct tl_channels_createChannel m = {
		.obj = {TL_channels_createChannel}, .title = tl_str("x"), .about = tl_str("")};
	uint64_t call;

	created = 0;
	rig_login(r);
	r->serve = create_silently;
	call = rig_call(r, &m.obj, NULL);
	rig_pass(r, 1);
	rig_lose(r, 2);
	r->dc[2].session = 0; /* the server forgot */
	rig_pass(r, 40);
	CHECK_INT(created, 1);
	CHECK(rig_result_of(r, call)->error == -TG_E_OUTCOME_UNKNOWN ||
	      rig_result_of(r, call)->error == -TG_E_TIMEOUT);
	CHECK(rig_result_of(r, call)->sent);
	rig_free(r);
}

TEST(which_calls_are_made_once)
{
	CHECK(tg_call_is_once(TL_channels_createChannel));
	CHECK(tg_call_is_once(TL_messages_createChat));
	CHECK(tg_call_is_once(TL_payments_sendStarsForm));
	CHECK(tg_call_is_once(TL_messages_exportChatInvite));
	CHECK(!tg_call_is_once(TL_messages_sendMessage));
	CHECK(!tg_call_is_once(TL_messages_sendReaction));
	CHECK(!tg_call_is_once(TL_messages_getHistory));
	CHECK(!tg_call_is_once(TL_auth_exportAuthorization));
	CHECK(!tg_call_is_once(TL_upload_saveFilePart));
	CHECK(tg_call_is_read(TL_upload_getFile));
	CHECK(tg_call_is_read(TL_messages_search));
	CHECK(!tg_call_is_read(TL_messages_getBotCallbackAnswer));
	CHECK(!tg_call_is_read(TL_messages_sendMessage));
}

static bool file_on_three(struct rig *r, const struct rig_request *q)
{
	struct tl_storage_filePng type = {{TL_storage_filePng}};
	struct tl_upload_file f = {{TL_upload_file}, &type.obj, 1, tl_str("x")};

	if (q->method != TL_upload_getFile)
		return false;
	if (!(r->authorized & 1u << q->dc))
		rig_refuse(r, q, 401, "AUTH_KEY_UNREGISTERED");
	else if (q->dc == 3)
		rig_answer(r, q, &f.obj);
	else
		rig_refuse(r, q, 303, "FILE_MIGRATE_3");
	return true;
}

TEST(files_elsewhere_need_one_export)
{
	struct rig *r = rig_new();
	struct tl_inputTakeoutFileLocation where = {{TL_inputTakeoutFileLocation}};
	struct tl_upload_getFile m = {
		.obj = {TL_upload_getFile}, .location = &where.obj, .limit = 4096};
	uint64_t calls[20];

	rig_login(r);
	r->serve = file_on_three;
	for (int i = 0; i < 20; i++)
		calls[i] = rig_call(r, &m.obj, NULL);
	rig_pass(r, 2);
	for (int i = 0; i < 20; i++)
		CHECK_INT(rig_result_of(r, calls[i])->error, 0);
	CHECK_INT(r->calls[TL_auth_exportAuthorization], 1);
	CHECK_INT(r->calls[TL_auth_importAuthorization], 1);
	CHECK_INT(r->a->main_dc, 2);
	/* what the other one forgot is given to it again */
	r->authorized &= ~(1u << 3);
	calls[0] =
		rig_call(r, &m.obj,
			 &(struct tg_call_options){.dc = 3, .deadline = r->now.boot + 50 * SECOND});
	rig_pass(r, 2);
	CHECK_INT(rig_result_of(r, calls[0])->error, 0);
	CHECK_INT(r->calls[TL_auth_exportAuthorization], 2);
	CHECK_INT(tg_account_state(r->a), TG_READY);
	/* and without use it is let go */
	CHECK(rig_open(r, 3) > 0);
	rig_pass(r, 130);
	CHECK_INT(rig_open(r, 3), 0);
	CHECK(r->dc[2].slot >= 0);
	rig_free(r);
}

static bool moved_to_five(struct rig *r, const struct rig_request *q)
{
	if (q->method != TL_help_getNearestDc || q->dc == 5)
		return false;
	rig_refuse(r, q, 303, "USER_MIGRATE_5");
	return true;
}

TEST(account_moves)
{
	struct rig *r = rig_new();
	uint64_t call;

	rig_login(r);
	r->serve = moved_to_five;
	call = ask(r, 50, 20);
	rig_pass(r, 3);
	CHECK_INT(rig_result_of(r, call)->error, 0);
	CHECK_INT(r->a->main_dc, 5);
	CHECK(tg_account_online(r->a));
	CHECK_INT(r->calls[TL_auth_exportAuthorization], 1);
	rig_restart(r);
	rig_pass(r, 1);
	CHECK_INT(r->a->main_dc, 5);
	CHECK(tg_account_online(r->a));
	rig_free(r);
}

/* Random faults: whatever happens, each call ends once, and none is left. */
static bool faults(struct rig *r, const struct rig_request *q)
{
	static const struct {
		int code;
		const char *text;
	} all[] = {
		{420, "FLOOD_WAIT_3"},
		{500, "INTERNAL"},
		{-503, "Timeout"},
		{400, "BAD"},
		{303, "FILE_MIGRATE_3"},
		{303, "USER_MIGRATE_4"},
		{420, "FLOOD_WAIT_99"},
		{400, "MSG_WAIT_FAILED"},
		{500, "WORKER_BUSY_TOO_LONG_RETRY"},
	};
	uint32_t n = rig_draw(r, 30);

	if (q->method != TL_help_getNearestDc && q->method != TL_messages_sendMessage)
		return false;
	if (n < sizeof all / sizeof *all) {
		rig_refuse(r, q, all[n].code, all[n].text);
		return true;
	}
	if (n == 20)
		return true; /* no answer */
	if (q->method == TL_messages_sendMessage)
		return take_sends(r, q);
	return false;
}

TEST_T(every_call_ends_once, 60)
{
	for (uint64_t seed = 1; seed <= 30; seed++) {
		struct rig *r = rig_new();
		uint64_t calls[200];
		unsigned made = 0, cancelled = 0;
		bool gone[200] = {false};

		r->seed = seed;
		rig_login(r);
		r->serve = faults;
		refusals = 0;
		while (made < 200) {
			bool was_sent;

			sent[0] = 0;
			switch (rig_draw(r, 8)) {
			case 0:
			case 1:
				calls[made++] = ask(r, 1 + rig_draw(r, 60), (int)rig_draw(r, 30));
				break;
			case 2:
			case 3:
				calls[made] =
					send_text(r, 100 + rig_draw(r, 3), "x", rig_draw(r, 4));
				made++;
				break;
			case 4:
				rig_lose(r, 1 + (int)rig_draw(r, RIG_DCS));
				break;
			case 5:
				rig_pass(r, rig_draw(r, 50) / 10.0);
				break;
			case 6:
				rig_run(r);
				break;
			case 7:
				if (made && rig_draw(r, 4) == 0) {
					uint32_t i = rig_draw(r, made);

					if (!rig_result_of(r, calls[i]) && !gone[i]) {
						tg_cancel(r->a, calls[i], &was_sent, r->now);
						gone[i] = true;
						cancelled++;
					}
				}
				break;
			}
		}
		rig_pass(r, 70);
		for (unsigned i = 0; i < made; i++)
			CHECK(!rig_result_of(r, calls[i]) == gone[i]);
		CHECK_INT(r->results_n + cancelled, made);
		CHECK(tg_account_state(r->a) == TG_READY);
		CHECK_INT(r->a->calls.chains.count, 0);
		rig_free(r);
	}
}
