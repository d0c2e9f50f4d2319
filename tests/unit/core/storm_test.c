/* Updates in number: a server that numbers more than anybody can keep, a network that loses,
 * doubles and reorders, and an account that must end with every one of them, once and in order, or
 * with a gap that says which are missing (T15-T18). LAYERD_STORM=1000000 sets how many updates. */
#include "tests/unit/core/rig.h"

#define CHANNELS 200
#define FIRST_CHANNEL 1000
#define LATE 64

struct storm {
	struct rig *r;
	int32_t pts[CHANNELS + 1];  /* of the server; 0 is the common box */
	int32_t got[CHANNELS + 1];  /* in the journal */
	int32_t told[CHANNELS + 1]; /* the last message there */
	int64_t changed[CHANNELS + 1];
	unsigned gaps[CHANNELS + 1];
	int32_t too_long; /* behind so many a channel's history is cut off */
	int32_t slice;
	struct span {
		unsigned box;
		int32_t from, to;
		bool gap, message;
	} pending[200000];
	size_t pending_n;
	uint64_t said, lost, doubled, late, journal, differences;
	struct tl_buf waiting[LATE]; /* held back, to be sent out of order */
	unsigned waiting_n;
};

static uint32_t mix(uint32_t box, int32_t pts)
{
	uint64_t x = ((uint64_t)box << 32 | (uint32_t)pts) * 0x9e3779b97f4a7c15u;

	return (uint32_t)(x >> 40);
}

/* The event behind a number: most count one, some more. */
static int32_t count_at(unsigned box, int32_t pts)
{
	return mix(box, pts) % 32 == 0 ? 1 + (int32_t)(mix(box, pts) / 32 % 3) : 1;
}

static int32_t next_of(struct storm *s, unsigned box)
{
	return s->pts[box] += count_at(box, s->pts[box]);
}

/* ---- the server ---- */
static struct tl_obj *peer_of(struct rig *r, unsigned box)
{
	struct tl_peerUser *p = rig_alloc(r, sizeof *p);

	p->obj.ctor = box ? TL_peerChannel : TL_peerUser;
	p->user_id = box ? FIRST_CHANNEL + (int)box : RIG_USER;
	return &p->obj;
}

static struct tl_obj *message_at(struct rig *r, unsigned box, int32_t pts)
{
	struct tl_message *m = rig_alloc(r, sizeof *m);

	*m = (struct tl_message){.obj = {TL_message},
				 .id = pts,
				 .peer_id = peer_of(r, box),
				 .date = r->date,
				 .message = tl_str("storm")};
	return &m->obj;
}

/* A deletion tells the number that it brings its box to. */
static struct tl_obj *deletion(struct rig *r, unsigned box, int32_t pts, int32_t count)
{
	struct tl_updateDeleteChannelMessages *c = rig_alloc(r, sizeof *c);
	struct tl_updateDeleteMessages *u = (struct tl_updateDeleteMessages *)(void *)c;
	int32_t *id = rig_alloc(r, sizeof *id);

	*id = pts;
	if (box)
		*c = (struct tl_updateDeleteChannelMessages){{TL_updateDeleteChannelMessages},
							     FIRST_CHANNEL + (int)box,
							     {id, 1},
							     pts,
							     count};
	else
		*u = (struct tl_updateDeleteMessages){
			{TL_updateDeleteMessages}, {id, 1}, pts, count};
	return &c->obj;
}

static struct tl_obj *update_at(struct rig *r, unsigned box, int32_t pts, int32_t count)
{
	struct tl_updateNewMessage *u;

	if (count > 1)
		return deletion(r, box, pts, count);
	u = rig_alloc(r, sizeof *u);
	*u = (struct tl_updateNewMessage){{box ? TL_updateNewChannelMessage : TL_updateNewMessage},
					  message_at(r, box, pts),
					  pts,
					  1};
	return &u->obj;
}

/* What follows pts in a box: messages and others, at most limit; returns where that ends. */
static int32_t gather(struct storm *s, unsigned box, int32_t pts, int32_t limit,
		      struct tl_vec *messages, struct tl_vec *others)
{
	struct tl_obj **m = rig_alloc(s->r, (size_t)(limit + 1) * sizeof *m);
	struct tl_obj **o = rig_alloc(s->r, (size_t)(limit + CHANNELS + 1) * sizeof *o);

	*messages = (struct tl_vec){m, 0};
	*others = (struct tl_vec){o, 0};
	while (limit-- && pts < s->pts[box]) {
		int32_t count = count_at(box, pts);

		pts += count;
		if (count > 1)
			o[others->count++] = deletion(s->r, box, pts, count);
		else
			m[messages->count++] = message_at(s->r, box, pts);
	}
	return pts;
}

static struct tl_vec one(struct rig *r, struct tl_obj *o)
{
	struct tl_obj **list = rig_alloc(r, sizeof *list);

	*list = o;
	return (struct tl_vec){list, 1};
}

static void common(struct storm *s, const struct rig_request *q)
{
	const struct tl_updates_getDifference *m = (const void *)q->obj;
	struct tl_updates_state state = {{TL_updates_state}, 0, 1, s->r->date, 0, 0};
	struct tl_updates_difference d = {.obj = {TL_updates_difference}};
	struct tl_obj **o;

	state.pts = gather(s, 0, m->pts, s->slice, &d.new_messages, &d.other_updates);
	if (state.pts < s->pts[0]) {
		d.obj.ctor = TL_updates_differenceSlice;
		state.date = m->date;
	}
	o = d.other_updates.items;
	for (int i = 1; i <= CHANNELS; i++)
		if (d.obj.ctor == TL_updates_difference && s->changed[i] >= m->date) {
			struct tl_updateChannelTooLong *u = rig_alloc(s->r, sizeof *u);

			*u = (struct tl_updateChannelTooLong){
				{TL_updateChannelTooLong}, FIRST_CHANNEL + i, s->pts[i], true};
			o[d.other_updates.count++] = &u->obj;
		}
	d.users = one(s->r, rig_user(s->r, RIG_USER, "alice", false));
	d.state = &state.obj;
	rig_answer(s->r, q, &d.obj);
}

static void channel(struct storm *s, const struct rig_request *q)
{
	const struct tl_updates_getChannelDifference *m = (const void *)q->obj;
	int64_t id = ((const struct tl_inputChannel *)m->channel)->channel_id;
	unsigned box = (unsigned)(id - FIRST_CHANNEL);
	struct tl_peerNotifySettings settings = {.obj = {TL_peerNotifySettings}};
	struct tl_dialog dialog = {.obj = {TL_dialog},
				   .peer = peer_of(s->r, box),
				   .notify_settings = &settings.obj,
				   .has_pts = true,
				   .pts = s->pts[box]};
	struct tl_updates_channelDifferenceTooLong far = {
		.obj = {TL_updates_channelDifferenceTooLong}, .final = true, .dialog = &dialog.obj};
	struct tl_updates_channelDifference d = {.obj = {TL_updates_channelDifference}};

	if (s->too_long && s->pts[box] - m->pts > s->too_long) {
		rig_answer(s->r, q, &far.obj);
		return;
	}
	d.pts = gather(s, box, m->pts, s->slice, &d.new_messages, &d.other_updates);
	d.final = d.pts == s->pts[box];
	d.users = one(s->r, rig_user(s->r, RIG_USER, "alice", false));
	rig_answer(s->r, q, &d.obj);
}

static bool serve(struct rig *r, const struct rig_request *q)
{
	struct storm *s = r->ctx;
	struct tl_updates_state state = {{TL_updates_state}, s->pts[0], 1, r->date, 0, 0};

	switch (q->method) {
	case TL_updates_getState:
		rig_answer(r, q, &state.obj);
		return true;
	case TL_updates_getDifference:
		s->differences++;
		common(s, q);
		return true;
	case TL_updates_getChannelDifference:
		s->differences++;
		channel(s, q);
		return true;
	}
	return false;
}

/* ---- the journal ---- */
static int by_number(const void *x, const void *y)
{
	const struct span *a = x, *b = y;

	if (a->box != b->box)
		return a->box < b->box ? -1 : 1;
	return a->to < b->to ? -1 : a->to > b->to;
}

/* Each number once; a difference tells messages first, then all else. */
static void take_stored(struct storm *s)
{
	for (size_t i = 0; i < s->pending_n; i++) {
		struct span *p = &s->pending[i];

		CHECK(!p->message || p->to > s->told[p->box]);
		if (p->message)
			s->told[p->box] = p->to;
	}
	qsort(s->pending, s->pending_n, sizeof *s->pending, by_number);
	for (size_t i = 0; i < s->pending_n; i++) {
		struct span *p = &s->pending[i];
		int32_t *got = &s->got[p->box];

		if (p->gap) {
			CHECK_INT(p->from, *got);
			s->gaps[p->box]++;
		} else {
			CHECK_INT(p->to, *got + count_at(p->box, *got));
			s->journal++;
		}
		*got = p->to;
	}
	s->pending_n = 0;
}

static void saw(struct rig *r, const struct tg_event *ev)
{
	struct storm *s = r->ctx;
	struct span *p = &s->pending[s->pending_n];
	const struct tl_obj *m;
	int64_t v;

	if (ev->kind == TG_EV_UPDATE && ev->object->ctor != TL_updateChannelTooLong) {
		CHECK(s->pending_n < sizeof s->pending / sizeof *s->pending);
		*p = (struct span){0};
		m = tl_field_obj(&tl_api, ev->object, "message");
		if (m) {
			CHECK(tl_field_int(&tl_api, m, "id", &v));
			p->to = (int32_t)v;
			p->message = true;
			m = tl_field_obj(&tl_api, m, "peer_id");
			if (tl_field_int(&tl_api, m, "channel_id", &v))
				p->box = (unsigned)(v - FIRST_CHANNEL);
		} else {
			if (tl_field_int(&tl_api, ev->object, "channel_id", &v))
				p->box = (unsigned)(v - FIRST_CHANNEL);
			CHECK(tl_field_int(&tl_api, ev->object, "pts", &v));
			p->to = (int32_t)v;
		}
		s->pending_n++;
	} else if (ev->kind == TG_EV_GAP) {
		*p = (struct span){.box = ev->box ? (unsigned)(ev->box - FIRST_CHANNEL) : 0,
				   .from = (int32_t)ev->from,
				   .to = (int32_t)ev->to,
				   .gap = true};
		s->pending_n++;
	} else if (ev->kind == TG_EV_STORE) {
		take_stored(s);
	}
}

/* ---- the network ---- */
static void send_bytes(struct storm *s, const struct tl_buf *b)
{
	rig_say_bytes(s->r, 2, b->data, b->len);
	rig_run(s->r);
}

static void say(struct storm *s, unsigned box, int loss, int dup, int late)
{
	struct rig *r = s->r;
	int32_t before = s->pts[box], pts = next_of(s, box);
	struct tl_obj *u = update_at(r, box, pts, pts - before);
	struct tl_updates all = {.obj = {TL_updates},
				 .updates = one(r, u),
				 .users = one(r, rig_user(r, RIG_USER, "alice", false)),
				 .date = r->date};
	struct tl_buf b = {0};

	s->changed[box] = r->date;
	s->said++;
	if ((int)rig_draw(r, 100) < loss) {
		s->lost++;
		return;
	}
	CHECK_INT(tl_encode(&tl_api, &all.obj, &b), 0);
	if ((int)rig_draw(r, 100) < late && s->waiting_n < LATE) {
		s->waiting[s->waiting_n++] = b;
		s->late++;
		return;
	}
	send_bytes(s, &b);
	if ((int)rig_draw(r, 100) < dup) {
		s->doubled++;
		send_bytes(s, &b);
	}
	tl_buf_free(&b);
	if (s->waiting_n && rig_draw(r, 2)) {
		unsigned i = rig_draw(r, s->waiting_n);

		send_bytes(s, &s->waiting[i]);
		tl_buf_free(&s->waiting[i]);
		s->waiting[i] = s->waiting[--s->waiting_n];
	}
}

static struct storm *begin(uint64_t seed)
{
	struct storm *s = calloc(1, sizeof *s);
	struct rig *r = rig_new();

	s->r = r;
	s->slice = 200;
	s->pts[0] = s->got[0] = 100;
	r->seed = seed;
	r->ctx = s;
	r->serve = serve;
	rig_login(r);
	r->saw = saw;
	for (int i = 1; i <= CHANNELS; i++) {
		struct tl_channel *c =
			(struct tl_channel *)rig_channel(r, FIRST_CHANNEL + i, NULL, false);

		tg_learn(r->a, &c->obj);
		say(s, (unsigned)i, 0, 0, 0);
	}
	rig_pass(r, 2);
	tl_arena_reset(&r->arena);
	return s;
}

static void pass(struct storm *s, double seconds)
{
	rig_pass(s->r, seconds);
	s->r->date = (int32_t)(s->r->now.real / 1000000000);
	tl_arena_reset(&s->r->arena);
}

static void end(struct storm *s, const char *what)
{
	uint64_t gaps = 0;

	pass(s, 1000);
	for (unsigned i = 0; i <= CHANNELS; i++) /* the last of a box may have been lost */
		say(s, i, 0, 0, 0);
	pass(s, 10);
	for (int i = 0; i <= CHANNELS; i++) {
		CHECK_INT(s->got[i], s->pts[i]);
		gaps += s->gaps[i];
	}
	printf("%s: %llu updates, %llu lost, %llu doubled, %llu late, %llu differences: journal "
	       "%llu, "
	       "%llu gaps, 0 missing, 0 twice\n",
	       what, (unsigned long long)s->said, (unsigned long long)s->lost,
	       (unsigned long long)s->doubled, (unsigned long long)s->late,
	       (unsigned long long)s->differences, (unsigned long long)s->journal,
	       (unsigned long long)gaps);
	for (unsigned i = 0; i < s->waiting_n; i++)
		tl_buf_free(&s->waiting[i]);
	rig_free(s->r);
	free(s);
}

/* T15: 20 % lost, 10 % twice, 20 % out of order, 200 channels; restarts and cuts between. */
TEST_T(storm_of_updates, 120)
{
	unsigned long n = test_count("LAYERD_STORM", 20000);
	struct storm *s = begin(1);

	for (unsigned long i = 0; i < n; i++) {
		unsigned box = rig_draw(s->r, 3) ? 1 + rig_draw(s->r, CHANNELS) : 0;

		say(s, box, 20, 10, 20);
		if (i % 10 == 9)
			pass(s, 0.02);
		switch (rig_draw(s->r, 5000)) {
		case 0:
			rig_lose(s->r, 2);
			break;
		case 1:
			s->pending_n = 0;
			rig_restart(s->r);
			break;
		}
	}
	for (int i = 0; i <= CHANNELS; i++)
		CHECK_INT(s->gaps[i], 0);
	end(s, "T15 loss, doubles, disorder");
}

/* From the connection being up again until the journal has all that the server says. */
struct catching_up {
	bool behind;
	int64_t up; /* since then; 0 = it is down */
	unsigned reconnects;
	int64_t worst;
};

static void cut(struct storm *s, struct catching_up *c)
{
	rig_lose(s->r, 2);
	c->behind = true;
	c->up = 0;
}

static void look(struct storm *s, struct catching_up *c, int64_t since)
{
	if (!c->behind || s->r->dc[2].slot < 0)
		return;
	if (!c->up)
		c->up = since;
	if (memcmp(s->got, s->pts, sizeof s->got) != 0)
		return;
	c->behind = false;
	c->reconnects++;
	if (s->r->now.boot - c->up > c->worst)
		c->worst = s->r->now.boot - c->up;
}

static void pass_and_look(struct storm *s, struct catching_up *c)
{
	int64_t since = s->r->now.boot;

	pass(s, 0.01);
	look(s, c, since);
}

/* T16 in simulated time: the connection is cut every 1 to 5 s, 1,000 updates a second. */
TEST_T(storm_of_cuts, 120)
{
	unsigned long n = test_count("LAYERD_STORM", 20000);
	struct storm *s = begin(2);
	struct catching_up c = {0}, last = {0};
	uint32_t next = 2000;

	for (unsigned long i = 0; i < n; i++) {
		say(s, rig_draw(s->r, CHANNELS + 1), 0, 0, 0);
		if (i % 10 == 9)
			pass_and_look(s, &c);
		if (i == next) {
			cut(s, &c);
			next += 1000 + rig_draw(s->r, 4000);
		}
	}
	cut(s, &last);
	for (unsigned i = 0; i <= CHANNELS; i++) /* each box has missed something */
		say(s, i, 0, 0, 0);
	while (last.behind)
		pass_and_look(s, &last);
	for (int i = 0; i <= CHANNELS; i++)
		CHECK_INT(s->gaps[i], 0);
	printf("T16: caught up %lld ms after the last reconnect, at most %lld ms after one of %u "
	       "under traffic\n",
	       (long long)last.worst / 1000000, (long long)c.worst / 1000000, c.reconnects);
	CHECK(last.worst <= 2 * TG_SECOND && c.worst <= 2 * TG_SECOND);
	end(s, "T16 a cut every 1 to 5 s");
}

/* T17: away for three days, then slices to the end, and one channel whose past is cut off. */
TEST_T(storm_after_three_days, 120)
{
	unsigned long n = test_count("LAYERD_STORM", 50000);
	struct storm *s = begin(3);

	s->r->refuse_connection = true;
	rig_lose(s->r, 2);
	for (unsigned long i = 0; i < n; i++) {
		next_of(s, i % 10 ? 0 : 1 + rig_draw(s->r, 20));
		s->said++;
		if (i % 5 == 0)
			next_of(s, 7); /* the loud one */
	}
	for (int i = 1; i <= 20; i++)
		s->changed[i] = s->r->date;
	s->too_long = s->pts[7] - s->pts[8];
	pass(s, 72 * 3600);
	s->r->refuse_connection = false;
	pass(s, 3600);
	for (int i = 0; i <= CHANNELS; i++)
		CHECK_INT(s->gaps[i], i == 7);
	end(s, "T17 three days away");
}

/* ---- T18: numbers that no server says ---- */
struct liar {
	struct rig *r;
	int64_t asked[2];          /* when, of the common box and of the channel */
	int32_t last[2], last_qts; /* from which number */
	unsigned too_soon, lies, calls;
	bool honest;
};

static int32_t lie(struct rig *r, int32_t near)
{
	uint32_t n = (uint32_t)near; /* it may go round */

	switch (rig_draw(r, 9)) {
	case 0:
		return (int32_t)(n - rig_draw(r, 1000));
	case 1:
		return (int32_t)(n + (1u << 30));
	case 2:
		return -(int32_t)rig_draw(r, INT32_MAX);
	case 3:
		return INT32_MAX;
	case 4:
		return 0;
	case 5:
		return near;
	case 6:
		return INT32_MIN;
	case 7:
		return (int32_t)(n + rig_draw(r, 2000));
	}
	return (int32_t)(n + 1);
}

static void note(struct liar *l, int which, int32_t pts, int32_t qts)
{
	bool forward = pts > l->last[which] || qts > l->last_qts;

	/* a chain that leads forward may go on at once */
	if (l->asked[which] && l->r->now.boot - l->asked[which] < TG_SECOND && !forward)
		l->too_soon++;
	l->calls++;
	l->asked[which] = l->r->now.boot;
	l->last[which] = pts;
	if (!which)
		l->last_qts = qts;
}

static bool lies(struct rig *r, const struct rig_request *q)
{
	struct liar *l = r->ctx;
	const struct tl_updates_getDifference *m = (const void *)q->obj;
	const struct tl_updates_getChannelDifference *cm = (const void *)q->obj;
	struct tl_updates_state s = {{TL_updates_state}, 0, 1, r->date, 0, 0};
	struct tl_updates_difference d = {.obj = {TL_updates_difference}, .state = &s.obj};
	struct tl_updates_channelDifference c = {.obj = {TL_updates_channelDifference}};
	struct tl_updates_differenceTooLong far = {{TL_updates_differenceTooLong}, 0};

	if (q->method == TL_updates_getDifference) {
		note(l, 0, m->pts, m->qts);
		if (l->honest)
			return false;
		s.pts = lie(r, m->pts);
		s.qts = rig_draw(r, 4) ? 1 : lie(r, 1);
		far.pts = s.pts;
		d.obj.ctor = rig_draw(r, 2) ? TL_updates_difference : TL_updates_differenceSlice;
		rig_answer(r, q, rig_draw(r, 5) ? &d.obj : &far.obj);
		return true;
	}
	if (q->method == TL_updates_getChannelDifference) {
		note(l, 1, cm->pts, INT32_MIN);
		if (l->honest)
			return false;
		c.pts = lie(r, cm->pts);
		c.final = rig_draw(r, 2);
		rig_answer(r, q, &c.obj);
		return true;
	}
	return false;
}

static void say_lie(struct rig *r)
{
	struct tl_updateDeleteMessages d = {.obj = {TL_updateDeleteMessages}};
	struct tl_updateDeleteChannelMessages c = {.obj = {TL_updateDeleteChannelMessages},
						   .channel_id = RIG_CHANNEL};
	struct tl_obj *u = rig_draw(r, 2) ? &d.obj : &c.obj;

	d.pts = lie(r, r->a->up.box[TG_BOX_COMMON].pts);
	d.pts_count = lie(r, 1);
	c.pts = lie(r, tg_channel_get(r->a, RIG_CHANNEL)->box.pts);
	c.pts_count = lie(r, 1);
	rig_say(r, 2, rig_updates(r, &u, 1, rig_draw(r, 8) ? 0 : lie(r, 1)));
}

TEST_T(lies_about_numbers, 120)
{
	unsigned long n = test_count("LAYERD_STORM", 10000);
	struct rig *r = rig_new();
	struct liar l = {.r = r};

	rig_login(r);
	rig_channel_message(r, "A");
	rig_pass(r, 2);
	r->ctx = &l;
	r->serve = lies;
	for (unsigned long i = 0; i < n; i++) {
		say_lie(r);
		rig_pass(r, rig_draw(r, 10) / 20.0);
		tl_arena_reset(&r->arena);
		r->journal_n = 0;
	}
	CHECK_INT(l.too_soon, 0);
	l.honest = true; /* all of it is forgotten within a minute or two */
	r->pts = r->a->up.box[TG_BOX_COMMON].pts < 1000000 ? 1000000 : 1 << 30;
	r->channel_pts = r->pts;
	rig_pass(r, 130);
	r->journal_n = 0;
	rig_message(r, "truth");
	rig_channel_message(r, "Truth");
	rig_pass(r, 60);
	CHECK(r->journal_n >= 2);
	CHECK_STR(r->journal[r->journal_n - 1], "Truth");
	printf("T18: %lu lies, %u differences, 0 within a second of the one before\n", n, l.calls);
	rig_free(r);
}
