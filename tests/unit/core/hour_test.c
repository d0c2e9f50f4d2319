/* An hour of traffic over connections that are cut every 1 to 5 seconds, on a clock of its own,
 * with requests and answers lost on the way; and clocks that are wrong, jump and sleep. The server
 * is the oracle: no request is lost or answered twice, no send is executed twice, each update comes
 * once. LAYERD_HOURS plays more of them, each with its own seed. */
#include "tests/unit/core/rig.h"

#define MAX_CALLS 40000
#define MAX_UPDATES 4000
#define SECONDS 3600

struct hour {
	uint64_t calls[MAX_CALLS]; /* its number, in order */
	uint8_t completions[MAX_CALLS], executed[MAX_CALLS];
	bool is_send[MAX_CALLS], answered[MAX_CALLS];
	uint8_t arrived[MAX_UPDATES];
	unsigned call_count, updates, cuts, last, disordered;
	unsigned lost_requests, lost_answers, duplicates, unknown, other;
	int64_t clock; /* the last CLOCK event */
	unsigned clocks;
	bool calm; /* nothing is lost any more */
};

static struct hour *of(struct rig *r)
{
	return r->ctx;
}

static void completed(struct hour *h, const struct tg_event *ev)
{
	unsigned low = 0, high = h->call_count;

	while (low < high) { /* numbers ascend */
		unsigned mid = (low + high) / 2;

		if (h->calls[mid] < ev->call)
			low = mid + 1;
		else
			high = mid;
	}
	CHECK(low < h->call_count && h->calls[low] == ev->call);
	h->completions[low]++;
	h->answered[low] = ev->kind == TG_EV_ANSWER;
	if (ev->kind == TG_EV_ERROR) {
		if (ev->error == -TG_E_OUTCOME_UNKNOWN)
			h->unknown++;
		else if (ev->data && ev->n == 19 && !memcmp(ev->data, "RANDOM_ID_DUPLICATE", 19))
			h->duplicates++;
		else
			h->other++;
	}
}

static void saw(struct rig *r, const struct tg_event *ev)
{
	const struct tl_message *m;
	struct hour *h = of(r);
	char text[24];
	unsigned i;

	if (ev->kind == TG_EV_ANSWER || ev->kind == TG_EV_ERROR) {
		completed(h, ev);
	} else if (ev->kind == TG_EV_CLOCK) {
		h->clock = ev->value;
		h->clocks++;
	} else if (ev->kind == TG_EV_UPDATE) {
		m = (const void *)tl_field_obj(&tl_api, ev->object, "message");
		if (!m || m->obj.ctor != TL_message)
			return;
		snprintf(text, sizeof text, "%.*s", (int)m->message.len, m->message.data);
		if (sscanf(text, "u%u", &i) != 1)
			return;
		CHECK(i < h->updates);
		h->arrived[i]++;
		h->disordered += i < h->last;
		h->last = i;
	}
}

/* The connection goes, and the server forgets its session: what was not answered is asked again. */
static void lose(struct rig *r)
{
	int dc = r->a->main_dc;

	rig_lose(r, dc);
	r->dc[dc].session = 0;
	for (unsigned i = 0; i < RIG_MORE; i++)
		if (r->more[i].id == dc)
			r->more[i].session = 0;
}

static bool serve(struct rig *r, const struct rig_request *q)
{
	const struct tl_messages_sendMessage *m = (const void *)q->obj;
	struct tl_updateShortSentMessage sent = {.obj = {TL_updateShortSentMessage}, .out = true};
	struct hour *h = of(r);
	uint32_t fate = h->calm ? 100 : rig_draw(r, 100);

	if (q->method != TL_messages_sendMessage && q->method != TL_help_getNearestDc)
		return false;
	if (fate < 3) { /* the request never came */
		h->lost_requests++;
		lose(r);
		return true;
	}
	if (q->method == TL_messages_sendMessage) {
		CHECK(m->random_id >= 0 && m->random_id < MAX_CALLS);
		if (h->executed[m->random_id]) { /* Telegram knows it by its number */
			rig_refuse(r, q, 500, "RANDOM_ID_DUPLICATE");
			return true;
		}
		h->executed[m->random_id]++;
		r->pts++;
		r->date++;
	}
	if (fate < 6) { /* it is done, but nobody hears of it */
		h->lost_answers++;
		lose(r);
		return true;
	}
	if (q->method == TL_help_getNearestDc)
		return false;
	sent.id = sent.pts = r->pts;
	sent.pts_count = 1;
	sent.date = r->date;
	rig_answer(r, q, &sent.obj);
	return true;
}

static void request(struct rig *r, bool send)
{
	struct tl_inputPeerSelf self = {{TL_inputPeerSelf}};
	struct tl_messages_sendMessage m = {
		.obj = {TL_messages_sendMessage}, .peer = &self.obj, .message = tl_str("x")};
	struct tl_help_getNearestDc read = {{TL_help_getNearestDc}};
	struct tg_call_options o = {.deadline = r->now.boot + 300 * TG_SECOND, .flood_wait = 20};
	struct hour *h = of(r);

	m.random_id = h->call_count;
	CHECK(h->call_count < MAX_CALLS);
	h->is_send[h->call_count] = send;
	h->calls[h->call_count] = rig_call(r, send ? &m.obj : &read.obj, &o);
	h->call_count++;
}

static struct rig *begin(uint64_t seed)
{
	struct rig *r = rig_new();

	r->seed = seed;
	rig_login(r);
	r->ctx = calloc(1, sizeof(struct hour));
	r->saw = saw;
	r->serve = serve;
	return r;
}

static void update(struct rig *r)
{
	struct hour *h = of(r);
	char text[24];

	if (h->updates == MAX_UPDATES || r->history_n + 2 >= RIG_LOG)
		return;
	snprintf(text, sizeof text, "u%u", h->updates++);
	rig_message(r, text);
}

static void play(struct rig *r, unsigned seconds)
{
	int64_t end = r->now.boot + seconds * TG_SECOND, cut = r->now.boot;
	struct hour *h = of(r);

	while (r->now.boot < end) {
		for (unsigned n = rig_draw(r, 4); n; n--)
			request(r, rig_draw(r, 2));
		if (rig_draw(r, 3) == 0)
			update(r);
		if (r->now.boot >= cut) { /* with what was just asked still on its way */
			lose(r);
			h->cuts++;
			cut = r->now.boot + TG_SECOND + rig_draw(r, 4000) * (TG_SECOND / 1000);
		}
		rig_pass(r, 0.1 + rig_draw(r, 500) / 1000.0);
	}
	h->calm = true;
	rig_pass(r, 400);
}

static void finish(struct rig *r)
{
	struct hour *h = of(r);
	unsigned answered = 0;

	for (unsigned i = 0; i < h->call_count; i++) {
		if (h->completions[i] != 1)
			test_fail(__FILE__, __LINE__, "request %u: %u answers", i,
				  h->completions[i]);
		CHECK(!h->is_send[i] || !h->answered[i] || h->executed[i] == 1);
		answered += h->answered[i];
	}
	for (unsigned i = 0; i < h->updates; i++)
		if (h->arrived[i] != 1)
			test_fail(__FILE__, __LINE__, "update %u came %u times", i, h->arrived[i]);
	CHECK_INT(h->disordered, 0);
	CHECK_INT(h->other, 0);
	printf("%u cuts, %u requests: %u answered, %u known as sent before, %u outcome unknown, 0 "
	       "lost, 0 answered twice; %u requests and %u answers lost on the way; %u updates "
	       "once each\n",
	       h->cuts, h->call_count, answered, h->duplicates, h->unknown, h->lost_requests,
	       h->lost_answers, h->updates);
	free(h);
	rig_free(r);
}

TEST_T(an_hour_of_cuts, 120)
{
	unsigned long hours = test_count("LAYERD_HOURS", 1);

	for (uint64_t seed = 1; seed <= hours; seed++) {
		struct rig *r = begin(seed);

		play(r, SECONDS);
		CHECK(of(r)->cuts > SECONDS / 6);
		finish(r);
	}
}

/* ---- clocks (T43) ------------------------------------------------------------------------------
 */
#define YEAR (INT64_C(365) * 86400)

/* An account that starts with a clock this wrong: ten seconds until it is answered, and it is told
 * how wrong. The server's clock is the epoch plus what the machine has run. */
TEST_T(wrong_clocks, 60)
{
	static const int64_t wrong[] = {-YEAR, -3600, -31, 301, YEAR};
	int64_t longest = 0;

	for (unsigned i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
		struct rig *r = begin(i + 1);
		struct hour *h = of(r);
		int64_t from;

		h->calm = true;
		r->skew = -wrong[i] * TG_SECOND;
		r->now.real += wrong[i] * TG_SECOND;
		rig_restart(r);
		request(r, true);
		update(r);
		from = r->now.boot;
		while (!h->answered[0] && r->now.boot < from + 10 * TG_SECOND)
			rig_pass(r, 0.1);
		if (r->now.boot - from > longest)
			longest = r->now.boot - from;
		rig_pass(r, 10);
		CHECK_INT(h->completions[0], 1);
		CHECK(h->answered[0] && h->clocks);
		CHECK(h->clock >= wrong[i] - 2 && h->clock <= wrong[i] + 2);
		finish(r);
	}
	printf("T43: %zu wrong clocks: answered within %.1f s, each said how wrong\n",
	       sizeof wrong / sizeof wrong[0], (double)longest / TG_SECOND);
}

/* The clock jumps, slews and the machine sleeps while requests are under way. */
TEST_T(clocks_that_jump, 60)
{
	static const int64_t jumps[] = {-3600, 3600, -YEAR, YEAR, -31, 301};
	struct rig *r = begin(9);
	struct hour *h = of(r);

	h->calm = true;
	for (unsigned i = 0; i < sizeof jumps / sizeof jumps[0]; i++) {
		request(r, true);
		update(r);
		r->now.real += jumps[i] * TG_SECOND;
		r->skew -= jumps[i] * TG_SECOND;
		request(r, false);
		rig_pass(r, 10);
		CHECK(h->answered[2 * i] && h->answered[2 * i + 1]);
	}
	for (unsigned i = 0; i < 100; i++) { /* half a second a second */
		r->now.real += TG_SECOND / 2;
		r->skew -= TG_SECOND / 2;
		request(r, true);
		rig_pass(r, 1);
	}
	r->mute = true;
	update(r); /* while it sleeps eight hours */
	r->mute = false;
	r->now.boot += 8 * 3600 * TG_SECOND;
	r->now.real += 8 * 3600 * TG_SECOND;
	lose(r);
	request(r, true);
	rig_pass(r, 10);
	CHECK(h->answered[h->call_count - 1]);
	rig_pass(r, 30);
	printf("T43: %zu jumps, 100 s slewed by half, 8 h asleep: %u requests, %u updates\n",
	       sizeof jumps / sizeof jumps[0], h->call_count, h->updates);
	finish(r);
}
