/* Each call ends exactly once, and says truly whether it may have been done: random faults of the
 * server and of the line, cancels, deadlines, kills (PROTOCOL D.81, RELIABILITY T34). LAYERD_CALLS
 * sets how many; a server that answers twice, wrongly, or in circles (T45, T47, T48). */
#include "tests/unit/core/rig.h"

#define SECOND INT64_C(1000000000)
#define CALLS 100000
#define WORLD 200 /* calls of one account's life */

static struct {
	bool open[WORLD];     /* the server may have done it: not merely refused */
	bool answered[WORLD]; /* it has, and said so */
} truth;

/* The call's number is the text of its message. */
static int number_of(const struct rig_request *q)
{
	const struct tl_messages_sendMessage *m = (const void *)q->obj;
	int n = 0;

	if (q->method != TL_messages_sendMessage)
		return -1;
	for (uint32_t i = 0; i < m->message.len; i++)
		n = n * 10 + (m->message.data[i] - '0');
	return n;
}

static void answer(struct rig *r, const struct rig_request *q, int n)
{
	struct tl_updateShortSentMessage s = {.obj = {TL_updateShortSentMessage}, .out = true};

	truth.answered[n] = true;
	s.id = s.pts = ++r->pts;
	s.pts_count = 1;
	rig_answer(r, q, &s.obj);
}

static bool random_faults(struct rig *r, const struct rig_request *q)
{
	static const struct {
		int code;
		const char *text;
	} all[] = {
		{420, "FLOOD_WAIT_3"},
		{420, "FLOOD_WAIT_0"},
		{420, "FLOOD_WAIT_999999"},
		{420, "SLOWMODE_WAIT_2"},
		{500, "INTERNAL"},
		{-503, "Timeout"},
		{400, "BAD"},
		{303, "FILE_MIGRATE_3"},
		{303, "USER_MIGRATE_4"},
		{303, "PHONE_MIGRATE_77"},
		{400, "MSG_WAIT_FAILED"},
		{500, "WORKER_BUSY_TOO_LONG_RETRY"},
		{406, "HIDDEN"},
		{403, "RECAPTCHA_CHECK_x"},
		{401, "SESSION_PASSWORD_NEEDED"},
		{0, ""},
	};
	uint32_t fault = rig_draw(r, 50);
	int n = number_of(q);

	if (n < 0)
		return false;
	if (fault < sizeof all / sizeof *all) {
		truth.open[n] |= all[fault].code <= 0 || all[fault].code == 500;
		rig_refuse(r, q, all[fault].code, all[fault].text);
		return true;
	}
	truth.open[n] = true;
	if (fault == 20) { /* done, but nobody hears of it */
		truth.answered[n] = true;
	} else if (fault == 21) {
		answer(r, q, n);
		answer(r, q, n);
		rig_refuse(r, q, 400, "AND_MORE");
	} else if (fault != 22) { /* 22: silence */
		answer(r, q, n);
	}
	if (fault == 23)
		rig_lose(r, q->dc);
	return true;
}

static uint64_t make_call(struct rig *r, int n)
{
	struct tl_inputPeerUser peer = {{TL_inputPeerUser}, 100 + rig_draw(r, 3), 1};
	struct tl_messages_sendMessage m = {
		.obj = {TL_messages_sendMessage}, .peer = &peer.obj, .random_id = n + 1};
	struct tg_call_options o = {.deadline = r->now.boot + (1 + rig_draw(r, 60)) * SECOND,
				    .flood_wait = (int)rig_draw(r, 30),
				    .chain = rig_draw(r, 4),
				    .tells = rig_draw(r, 2)};
	char text[16];

	snprintf(text, sizeof text, "%d", n);
	m.message = tl_str(text);
	return rig_call(r, &m.obj, &o);
}

/* Takes what has ended since, and holds it against the truth. */
static void judge(struct rig *r, const uint64_t *calls, int made, uint8_t *ended)
{
	for (size_t i = 0; i < r->results_n; i++) {
		const struct rig_result *x = &r->results[i];
		int n = 0;

		while (n < made && calls[n] != x->call)
			n++;
		CHECK(n < made);
		CHECK(!ended[n]); /* once, and not after a cancel */
		ended[n] = 1;
		if (!x->error)
			CHECK(truth.answered[n]);
		else if (!x->sent)
			CHECK(!truth.open[n]);
	}
	r->results_n = 0;
}

static void one_life(uint64_t seed)
{
	struct rig *r = rig_new();
	uint64_t calls[WORLD];
	uint8_t ended[WORLD] = {0};
	int made = 0, left = 0;
	bool sent;

	memset(&truth, 0, sizeof truth);
	r->seed = seed;
	rig_login(r);
	r->serve = random_faults;
	while (made < WORLD) {
		int i = made ? (int)rig_draw(r, (uint32_t)made) : 0;

		switch (rig_draw(r, 10)) {
		case 0:
			rig_lose(r, 1 + (int)rig_draw(r, RIG_DCS));
			break;
		case 1:
			rig_pass(r, rig_draw(r, 50) / 10.0);
			break;
		case 2:
			rig_run(r);
			break;
		case 3:
			judge(r, calls, made, ended);
			if (!made || ended[i])
				break;
			tg_cancel(r->a, calls[i], &sent, r->now);
			CHECK(sent || !truth.open[i]);
			ended[i] = 1;
			break;
		case 4:
			r->refuse_connection = rig_draw(r, 4) == 0;
			break;
		default:
			calls[made] = make_call(r, made);
			made++;
			break;
		}
		judge(r, calls, made, ended);
	}
	r->refuse_connection = false;
	rig_pass(r, 70);
	judge(r, calls, made, ended);
	for (int i = 0; i < made; i++)
		left += !ended[i];
	CHECK_INT(left, 0);
	for (const struct tg_call *c = r->a->calls.all; c; c = c->next)
		CHECK(c->done); /* the account's own */
	CHECK_INT(r->a->calls.chains.count, 0);
	rig_free(r);
}

TEST_T(every_call_ends_once_and_tells_the_truth, 300)
{
	long all = (long)test_count("LAYERD_CALLS", CALLS);

	for (long n = 0; n < all; n += WORLD)
		one_life((uint64_t)(n / WORLD + 1));
	printf("T34: %ld calls, each ended once, none said not_sent falsely\n", all);
}

/* ---- T47: a server that says things twice or wrongly ---- */
static unsigned answers;
static bool twice_and_wrong(struct rig *r, const struct rig_request *q)
{
	struct tl_nearestDc n = {
		.obj = {TL_nearestDc}, .country = tl_str("XX"), .this_dc = 2, .nearest_dc = 2};
	struct tl_boolTrue yes = {{TL_boolTrue}};

	if (q->method == TL_auth_exportAuthorization) { /* of an own call: the wrong type */
		rig_answer(r, q, &yes.obj);
		return true;
	}
	if (q->method != TL_help_getNearestDc)
		return false;
	for (int i = 0; i < 5; i++, answers++)
		rig_answer(r, q, &n.obj);
	return true;
}

TEST(answers_that_come_twice_or_are_of_another_type)
{
	struct rig *r = rig_new();
	struct tl_help_getNearestDc m = {{TL_help_getNearestDc}};
	struct tg_call_options there = {.dc = 4, .deadline = r->now.boot + 50 * SECOND};
	uint64_t call;

	answers = 0;
	rig_login(r);
	r->serve = twice_and_wrong;
	for (int i = 0; i < 100; i++)
		rig_call(r, &m.obj, NULL);
	rig_pass(r, 1);
	CHECK_INT(answers, 500);
	CHECK_INT(r->results_n, 100);
	call = rig_call(r, &m.obj, &there);
	rig_pass(r, 1);
	CHECK_INT(rig_result_of(r, call)->error, -TG_E_WIRE);
	CHECK_INT(tg_account_state(r->a), TG_READY);
	printf("T47: %u answers to 100 requests: %zu results; 1 answer of a wrong type refused\n",
	       answers, (size_t)r->results_n - 1);
	rig_free(r);
}

/* ---- T48: the authorization is gone ---- */
static const char *gone_text;
static int gone_code;
static unsigned refused_since;
static bool refuse_all(struct rig *r, const struct rig_request *q)
{
	refused_since++;
	rig_refuse(r, q, gone_code, gone_text);
	return true;
}

TEST(a_revoked_account_is_quiet)
{
	static const struct {
		int code;
		const char *text;
	} rows[] = {{401, "AUTH_KEY_UNREGISTERED"}, {401, "AUTH_KEY_INVALID"},
		    {401, "SESSION_REVOKED"},       {401, "SESSION_EXPIRED"},
		    {401, "USER_DEACTIVATED"},      {401, "USER_DEACTIVATED_BAN"},
		    {406, "AUTH_KEY_DUPLICATED"}};
	unsigned most = 0;
	int64_t longest = 0;

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct rig *r = rig_new();
		struct tl_help_getNearestDc m = {{TL_help_getNearestDc}};
		struct tg_key k;
		struct tl_buf b = {0};
		int64_t from;

		rig_login(r);
		gone_code = rows[i].code;
		gone_text = rows[i].text;
		refused_since = 0;
		r->serve = refuse_all;
		for (int n = 0; n < 2; n++)
			rig_call(r, &m.obj, NULL);
		from = r->now.boot;
		while (tg_account_state(r->a) != TG_REVOKED && r->now.boot - from < SECOND)
			rig_pass(r, 0.01);
		CHECK_INT(tg_account_state(r->a), TG_REVOKED);
		if (r->now.boot - from > longest)
			longest = r->now.boot - from;
		rig_pass(r, 3600); /* no storm, no loop */
		CHECK(refused_since <= 2 + 3);
		if (refused_since > 2 + most)
			most = refused_since - 2;
		k = tg_key(r->a, 'k');
		tg_key_number(&k, 10002);
		CHECK_INT(tg_read(r->a, TG_TABLE_KEY, k.bytes, k.n, &b), 0);
		CHECK_MEM(b.data, r->dc[2].key.key, 256);
		tl_buf_free(&b);
		rig_free(r);
	}
	printf("T48: %zu refusals: revoked within %d ms, at most %u requests more in an hour, "
	       "keys kept\n",
	       sizeof rows / sizeof *rows, (int)(longest / 1000000), most);
}

/* ---- T45: storms of transport errors ---- */
TEST(storms_of_transport_errors_are_survived)
{
	static const int codes[] = {-404, -429, -444};

	for (size_t i = 0; i < sizeof codes / sizeof *codes; i++) {
		struct rig *r = rig_new();
		struct tl_help_getNearestDc m = {{TL_help_getNearestDc}};
		struct tg_call_options o = {.deadline = r->now.boot + 300 * SECOND};
		unsigned before;
		uint64_t call;

		rig_login(r);
		before = r->dc[2].connections;
		r->dc[2].error = codes[i];
		r->dc[2].refusals = 1000; /* each connection is thrown out at once */
		call = rig_call(r, &m.obj, &o);
		rig_pass(r, 15);
		/* 1, 2, 4 … s: no hammering, the check of the key's sessions apart */
		CHECK(r->dc[2].connections - before <= 8);
		r->dc[2].refusals = 0;
		rig_pass(r, 30);
		CHECK(tg_account_online(r->a));
		CHECK(rig_result_of(r, call) && !rig_result_of(r, call)->error);
		CHECK_INT(tg_account_state(r->a), TG_READY);
		rig_free(r);
	}
}
