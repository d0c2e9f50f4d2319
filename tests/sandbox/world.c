/* The world as a whole: its beginning, its end, its clock and timers, who is logged in where. */
#include "tests/sandbox/world.h"

#include <ev.h>

#define FIRST_USER 5000000001LL /* past 32 bits, as many real ids are */
#define FIRST_CHAT 4000001LL
#define FIRST_CHANNEL 2200000001LL

struct sb_timer {
	ev_timer ev;
	struct sb_world *w;
	int64_t due;     /* ns */
	uint64_t number; /* of those that kept inputs made; 0 = another */
	void (*fn)(struct sb_world *w, void *arg);
	void *arg;
	struct sb_timer *next;
};

int sb_time(const struct sb_world *w)
{
	return (int)(sb_now(w->s) / SB_SECOND);
}

uint64_t sb_draw(struct sb_world *w)
{
	w->rng += 0x9e3779b97f4a7c15u;
	return sb_mix(w->rng, w->salt);
}

/* ---- timers ---------------------------------------------------------------------------------- */
static void timer_unlink(struct sb_timer *t)
{
	struct sb_timer **p = &t->w->timers;

	while (*p && *p != t)
		p = &(*p)->next;
	if (*p)
		*p = t->next;
}

static void timer_fired(struct ev_loop *loop, ev_timer *ev, int revents)
{
	struct sb_timer *t = (struct sb_timer *)ev;

	(void)loop;
	(void)revents;
	timer_unlink(t);
	sb_keep_timer(t->w->s, t->number);
	t->fn(t->w, t->arg);
	sb_keep_end(t->w->s);
	free(t);
}

void sb_timer_play(struct sb_world *w, uint64_t number)
{
	struct sb_timer *t = w->timers;

	while (t && t->number != number)
		t = t->next;
	if (!t)
		return;
	timer_unlink(t);
	t->fn(w, t->arg);
	free(t);
}

static void timer_start(struct sb_timer *t, double seconds)
{
	ev_timer_init(&t->ev, timer_fired, seconds, 0);
	ev_timer_start(t->w->s->loop, &t->ev);
}

void sb_timers_start(struct sb_world *w)
{
	int64_t now = sb_now(w->s);

	for (struct sb_timer *t = w->timers; t; t = t->next)
		timer_start(t, t->due > now ? (double)(t->due - now) / SB_SECOND : 0);
}

void sb_later(struct sb_world *w, double seconds, void (*fn)(struct sb_world *, void *), void *arg)
{
	struct sb_timer *t = calloc(1, sizeof(*t));

	if (!t)
		abort();
	t->w = w;
	t->fn = fn;
	t->arg = arg;
	t->due = sb_now(w->s) + (int64_t)(seconds * SB_SECOND);
	t->number = w->s->frozen ? ++w->timer_count : 0;
	t->next = w->timers;
	w->timers = t;
	if (!sb_keep_playing(w->s))
		timer_start(t, seconds);
}

static void timers_free(struct sb_world *w)
{
	while (w->timers) {
		struct sb_timer *t = w->timers;

		w->timers = t->next;
		ev_timer_stop(w->s->loop, &t->ev);
		free(t);
	}
}

/* ---- authorisations -------------------------------------------------------------------------- */
static struct sb_login *login_of(struct sb_world *w, struct sb_auth *a)
{
	if (!a->world)
		a->world = sb_alloc(&w->store, sizeof(struct sb_login));
	return a->world;
}

void sb_login_as(struct sb_world *w, struct sb_auth *a, struct sb_user *u, bool imported)
{
	sb_logout(w, a);
	login_of(w, a)->imported = imported;
	login_of(w, a)->pending = 0;
	a->user_id = u->id;
	a->hash = sb_draw(w) | 1;
	a->active = a->created = sb_time(w);
	if (!imported && !u->dc)
		u->dc = a->dc;
	if (u->auth_count == u->auth_cap) {
		unsigned cap = u->auth_cap ? u->auth_cap * 2 : 4;
		struct sb_auth **list = sb_alloc(&w->store, cap * sizeof(struct sb_auth *));

		if (u->auth_count)
			memcpy(list, u->auths, u->auth_count * sizeof(struct sb_auth *));
		u->auths = list;
		u->auth_cap = cap;
	}
	u->auths[u->auth_count++] = a;
}

void sb_logout(struct sb_world *w, struct sb_auth *a)
{
	struct sb_user *u = sb_user(w, a->user_id);

	for (unsigned i = 0; u && i < u->auth_count; i++)
		if (u->auths[i] == a) {
			u->auths[i] = u->auths[--u->auth_count];
			break;
		}
	a->user_id = 0;
	a->hash = 0;
}

void sb_world_auth_gone(struct sb_world *w, struct sb_auth *a)
{
	sb_logout(w, a);
}

void sb_world_online(struct sb_world *w, struct sb_auth *a, bool online)
{
	struct sb_user *u = sb_user(w, a->user_id);

	if (!online && !a->world)
		return; /* of a world that was reset */
	login_of(w, a)->online = online;
	if (u && !online && u->online_until > sb_time(w))
		sb_status(w, u, false);
}

/* ---- beginning and end ----------------------------------------------------------------------- */
static void world_open(struct sb_world *w)
{
	tl_arena_init(&w->store, SIZE_MAX);
	sb_keep_world(w->s);
	w->rng = w->s->seed;
	w->salt = sb_mix(w->s->seed, 0x776f726c64u);
	w->next_user = FIRST_USER;
	w->next_chat = FIRST_CHAT;
	w->next_channel = FIRST_CHANNEL;
	w->next_query = (int64_t)(sb_draw(w) >> 2);
	sb_actors_new(w);
	sb_keep_end(w->s);
}

static void box_free(struct sb_box *b)
{
	free(b->msgs);
	free(b->events);
}

static void world_close(struct sb_world *w)
{
	timers_free(w);
	sb_uploads_free(w);
	sb_files_free(w);
	for (struct sb_user *u = w->first_user; u; u = u->next) {
		box_free(&u->box);
		for (struct sb_dialog *d = u->dialog_list; d; d = d->next)
			free(d->list);
	}
	for (struct sb_chat *c = w->first_chat; c; c = c->next)
		box_free(&c->box);
	sb_fault_clear(w, 0);
	sb_log_free(w->log);
	tl_arena_free(&w->store);
}

struct sb_world *sb_world_new(struct sandbox *s, const char *control_path)
{
	struct sb_world *w = calloc(1, sizeof(*w));

	if (!w)
		return NULL;
	s->world = w;
	w->s = s;
	w->log = sb_log_new();
	w->methods = sb_method_table();
	world_open(w);
	if (control_path) {
		w->control = sb_control_new(w, control_path);
		if (!w->control) {
			sb_world_free(w);
			s->world = NULL;
			return NULL;
		}
	}
	return w;
}

void sb_world_free(struct sb_world *w)
{
	if (!w)
		return;
	sb_queries_end(w);
	sb_control_free(w->control);
	world_close(w);
	free(w->methods);
	free(w);
}

void sb_world_reset(struct sb_world *w)
{
	struct sandbox *s = w->s;
	struct sb_control *control = w->control;
	const struct sb_method **methods = w->methods;

	sb_queries_end(w);
	sb_control_reset(control);
	while (sb_auths(s->net)) {
		struct sb_auth *a = sb_auths(s->net);

		sb_logout(w, a);
		a->world = NULL;
		sb_auth_drop(s->net, a);
	}
	world_close(w);
	s->skew = 0;
	memset(w, 0, sizeof(*w));
	w->s = s;
	w->control = control;
	w->methods = methods;
	w->log = sb_log_new();
	world_open(w);
}
