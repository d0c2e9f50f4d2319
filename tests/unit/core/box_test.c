/* The scenarios of updates.json: what is applied, in which order, what is asked for and when. */
#include "tests/unit/core/rig.h"

#include <jansson.h>

struct scene {
	struct rig *r;
	const char *names[64];
	uint32_t count;
	char applied[512];
};

static bool is(const json_t *v, const char *id)
{
	return strcmp(json_string_value(json_object_get(v, "id")), id) == 0;
}

static int32_t number(const json_t *o, const char *key)
{
	return (int32_t)json_integer_value(json_object_get(o, key));
}

static struct tl_vec one_int(struct rig *r, uint32_t v)
{
	int32_t *p = rig_alloc(r, sizeof *p);

	*p = (int32_t)v;
	return (struct tl_vec){p, 1};
}

static struct tl_obj *update_of(struct scene *s, const json_t *u)
{
	struct rig *r = s->r;
	uint32_t n = s->count++;

	s->names[n] = json_string_value(json_object_get(u, "n"));
	if (json_object_get(u, "channel")) {
		struct tl_updateDeleteChannelMessages *o = rig_alloc(r, sizeof *o);

		*o = (struct tl_updateDeleteChannelMessages){{TL_updateDeleteChannelMessages},
							     number(u, "channel"),
							     one_int(r, n),
							     number(u, "pts"),
							     number(u, "count")};
		return &o->obj;
	}
	if (json_object_get(u, "pts")) {
		struct tl_updateDeleteMessages *o = rig_alloc(r, sizeof *o);

		*o = (struct tl_updateDeleteMessages){{TL_updateDeleteMessages},
						      one_int(r, n),
						      number(u, "pts"),
						      number(u, "count")};
		return &o->obj;
	}
	if (json_object_get(u, "qts")) {
		struct tl_updateBotStopped *o = rig_alloc(r, sizeof *o);

		*o = (struct tl_updateBotStopped){
			.obj = {TL_updateBotStopped}, .user_id = n, .qts = number(u, "qts")};
		return &o->obj;
	}
	struct tl_updateUserStatus *o = rig_alloc(r, sizeof *o);
	struct tl_userStatusEmpty *status = rig_alloc(r, sizeof *status);

	status->obj.ctor = TL_userStatusEmpty;
	*o = (struct tl_updateUserStatus){{TL_updateUserStatus}, n, &status->obj};
	return &o->obj;
}

static uint32_t name_of(const struct tl_obj *u)
{
	int64_t v = 0;

	if (u->ctor == TL_updateDeleteMessages)
		return (uint32_t) *
		       (int32_t *)((const struct tl_updateDeleteMessages *)u)->messages.items;
	if (u->ctor == TL_updateDeleteChannelMessages)
		return (uint32_t) * (int32_t *)((const struct tl_updateDeleteChannelMessages *)u)
					    ->messages.items;
	CHECK(tl_field_int(&tl_api, u, "user_id", &v));
	return (uint32_t)v;
}

static void add(char *to, size_t size, const char *more)
{
	size_t n = strlen(to);

	snprintf(to + n, size - n, "%s", more);
}

static void collect(struct scene *s)
{
	struct tg_event ev;

	while (tg_account_next(s->r->a, &ev, s->r->now)) {
		if (ev.kind == TG_EV_STORE) {
			const struct tg_batch *one = ev.batch;

			ev.batch->result = s->r->store->ops->commit(s->r->store, &one, 1);
			tg_account_stored(s->r->a, ev.batch, s->r->now);
		}
		if (ev.kind != TG_EV_UPDATE)
			continue;
		add(s->applied, sizeof s->applied, s->names[name_of(ev.object)]);
		add(s->applied, sizeof s->applied, " ");
	}
}

static void feed(struct scene *s, const json_t *step)
{
	struct rig *r = s->r;
	const json_t *list = json_object_get(step, "feed");
	struct tl_obj *updates[16];
	struct tl_updatesCombined u = {.obj = {TL_updatesCombined}};
	struct tg_carrier *c;
	struct tl_cursor in;
	size_t n = json_array_size(list);

	for (size_t i = 0; i < n; i++)
		updates[i] = update_of(s, json_array_get(list, i));
	u.updates = (struct tl_vec){updates, (uint32_t)n};
	u.seq_start = number(step, "seq_start");
	u.seq = number(step, "seq");
	u.date = number(step, "date");
	c = tg_carrier_new("", 0, &in);
	tg_updates_take(r->a, c, &u.obj, NULL);
	tg_carrier_drop(c);
}

static void start(struct scene *s, const json_t *initial)
{
	static const char *const keys[] = {"pts", "qts", "seq"};
	struct tg_account *a = s->r->a;
	const char *id;
	json_t *pts;

	a->authorized = a->wanted = true;
	a->state = TG_READY;
	tg_updates_init(a);
	a->up.synced = true;
	for (int i = 0; i < TG_BOX_COUNT; i++) {
		a->up.box[i].pts = number(initial, keys[i]);
		a->up.box[i].known = true;
	}
	a->up.date = number(initial, "date");
	tg_learn(a, rig_channel(s->r, 999, NULL, false));
	json_object_foreach(json_object_get(initial, "ch"), id, pts)
	{
		struct tg_channel *ch = tg_channel_get(a, atoll(id));

		tg_learn(a, rig_channel(s->r, ch->id, NULL, false));
		ch->box.pts = (int32_t)json_integer_value(pts);
		ch->box.known = true;
	}
}

static void check_state(struct scene *s, const json_t *state)
{
	struct tg_account *a = s->r->a;
	const json_t *wanted = json_object_get(state, "diff_wanted");
	const char *id;
	json_t *v;

	if (json_object_get(state, "pts"))
		CHECK_INT(a->up.box[TG_BOX_COMMON].pts, number(state, "pts"));
	if (json_object_get(state, "qts"))
		CHECK_INT(a->up.box[TG_BOX_QTS].pts, number(state, "qts"));
	if (json_object_get(state, "seq"))
		CHECK_INT(a->up.box[TG_BOX_SEQ].pts, number(state, "seq"));
	if (json_object_get(state, "date"))
		CHECK_INT(a->up.date, number(state, "date"));
	json_object_foreach(json_object_get(state, "channels"), id, v)
		CHECK_INT(tg_channel_get(a, atoll(id))->box.pts, json_integer_value(v));
	if (!wanted)
		return;
	CHECK_INT(a->up.box[TG_BOX_COMMON].busy + a->up.channel_calls, json_array_size(wanted));
	for (size_t i = 0; i < json_array_size(wanted); i++) {
		const char *which = json_string_value(json_array_get(wanted, i));

		if (strcmp(which, "common") == 0)
			CHECK(a->up.box[TG_BOX_COMMON].busy);
		else
			CHECK(tg_channel_get(a, atoll(which + 8))->box.busy);
	}
}

static void check_applied(struct scene *s, const json_t *want, bool any_order)
{
	char text[512] = "";

	for (size_t i = 0; i < json_array_size(want); i++) {
		char one[64];

		snprintf(one, sizeof one, "%s ", json_string_value(json_array_get(want, i)));
		if (any_order)
			CHECK(strstr(s->applied, one));
		add(text, sizeof text, one);
	}
	if (any_order)
		CHECK_INT(strlen(s->applied), strlen(text));
	else
		CHECK_STR(s->applied, text);
}

static void play(const json_t *v)
{
	struct scene s = {.r = rig_new()};
	const json_t *steps = json_object_get(v, "steps");

	start(&s, json_object_get(v, "initial"));
	collect(&s);
	for (size_t i = 0; i < json_array_size(steps); i++) {
		const json_t *step = json_array_get(steps, i);
		double advance = json_number_value(json_object_get(step, "advance"));

		s.applied[0] = 0;
		if (json_object_get(step, "feed"))
			feed(&s, step);
		s.r->now.boot += (int64_t)(advance * 1e9);
		tg_account_tick(s.r->a, s.r->now);
		collect(&s);
		if (json_object_get(step, "apply"))
			check_applied(&s, json_object_get(step, "apply"),
				      is(v, "mixed-boxes-independent"));
		check_state(&s, json_object_get(step, "state"));
	}
	rig_free(s.r);
}

/* Those without steps are scripts of other tests. */
static const struct {
	const char *pattern;
	void (*check)(const json_t *v);
	const char *elsewhere;
} rows[] = {
	{"diff-empty", NULL, "core/difference_too_long_leaves_a_mark"},
	{"diff-slice-loop", NULL, "core/restart_fetches_what_was_missed_in_slices"},
	{"diff-too-long", NULL, "core/difference_too_long_leaves_a_mark"},
	{"channel-diff-empty", NULL, "core/channels_take_turns"},
	{"channel-diff-banned", NULL, "core/channel_without_access_is_dropped"},
	{"channel-diff-temporary", NULL, "core/channel_number_that_is_outdated"},
	{"channel-diff-too-long", NULL, "core/channel_too_long_leaves_a_mark"},
	{"channel-diff-not-final", NULL, "core/storm_after_three_days"},
	{"load-with-state", NULL, "core/restart_fetches_what_was_missed_in_slices"},
	{"iter-dialogs", NULL, "core/dialogs_tell_numbers"},
	{"deadline-15min", NULL, "core/idle_for_fifteen_minutes"},
	{"new-session", NULL, "core/reasons_for_a_difference"},
	{"seq-gap", NULL, "n/a: another client's choice, F.18"},
	{"*", play, NULL},
};

TEST(updates_vectors)
{
	json_t *file = json_load_file(test_vectors("updates.json"), 0, NULL);
	const json_t *list = json_object_get(file, "vectors");
	unsigned played = 0;

	CHECK(file);
	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_t *v = json_array_get(list, i);
		size_t k = 0;

		while (!is(v, rows[k].pattern) && rows[k].pattern[0] != '*')
			k++;
		if (!rows[k].check)
			continue;
		CHECK(json_object_get(v, "steps"));
		rows[k].check(v);
		played++;
	}
	CHECK_INT(played, 22);
	json_decref(file);
}

/* F.21, F.31: nothing that a server says moves a box back or grows it without bound. */
TEST(box_noise)
{
	struct tg_box b = {.known = true, .pts = 50};
	struct rig *r = rig_new();
	size_t kept = 0;

	for (int round = 0; round < 200000; round++) {
		struct tg_item *i = calloc(1, sizeof *i), *out, *next;
		int32_t before = b.pts;

		i->pts = (int32_t)rig_draw(r, 400) - 20;
		i->count = (int32_t)rig_draw(r, 6) - 1;
		if (rig_draw(r, 50) == 0)
			i->pts = (int32_t)rig_draw(r, UINT32_MAX);
		i->arrived = round;
		b.busy = rig_draw(r, 40) == 0;
		for (out = tg_box_feed(&b, i); out; out = next) {
			CHECK_INT(out->pts - out->count, before);
			before = out->pts;
			next = out->next;
			tg_item_free(out);
		}
		CHECK(b.pts >= before || b.pts == before);
		CHECK(b.pending_count <= TG_PENDING_MAX);
		kept = b.pending_count > kept ? b.pending_count : kept;
		if (b.pts > 300)
			b.pts = 20; /* as after a difference */
	}
	CHECK_INT(kept, TG_PENDING_MAX);
	CHECK(b.suspect);
	tg_box_forget(&b);
	CHECK_INT(b.pending_size, 0);
	rig_free(r);
}
