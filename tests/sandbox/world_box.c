/* Message boxes: a user's own (private chats and groups share its ids and pts) and a channel's.
 * core.telegram.org/api/updates: each event moves the box's pts by its count. */
#include "tests/sandbox/world.h"

static void *grow(void *list, unsigned *cap, unsigned need, size_t size)
{
	unsigned n = *cap ? *cap : 16;
	char *p;

	if (need <= *cap)
		return list;
	while (n < need)
		n *= 2;
	p = realloc(list, n * size);
	if (!p)
		abort();
	memset(p + *cap * size, 0, (n - *cap) * size);
	*cap = n;
	return p;
}

struct sb_box *sb_box_of(struct sb_world *w, struct sb_user *me, int64_t peer)
{
	struct sb_chat *c = sb_is_channel(peer) ? sb_chat(w, peer) : NULL;

	return c ? &c->box : &me->box;
}

struct sb_msg *sb_box_add(struct sb_world *w, struct sb_box *b, struct sb_post *p, int64_t peer)
{
	struct sb_msg *m = sb_alloc(&w->store, sizeof(*m));

	m->id = ++b->top;
	m->peer = peer;
	m->box = b;
	m->post = p;
	m->sibling = p->copies;
	p->copies = m;
	b->msgs = grow(b->msgs, &b->msg_cap, (unsigned)b->top + 1, sizeof(*b->msgs));
	b->msgs[m->id] = m;
	if (b->owner > 0) {
		struct sb_dialog *d = sb_dialog(w, sb_user(w, b->owner), peer);

		d->list = grow(d->list, &d->cap, d->count + 1, sizeof(*d->list));
		d->list[d->count++] = m;
		d->hidden = false;
	}
	return m;
}

struct sb_msg *sb_box_get(const struct sb_box *b, int id)
{
	struct sb_msg *m = id > 0 && id <= b->top ? b->msgs[id] : NULL;

	return m && !m->deleted ? m : NULL;
}

struct sb_event *sb_box_event(struct sb_world *w, struct sb_box *b, enum sb_event_kind kind,
			      int count)
{
	struct sb_event *e;

	b->events = grow(b->events, &b->event_cap, b->event_count + 1, sizeof(*b->events));
	e = &b->events[b->event_count++];
	memset(e, 0, sizeof(*e));
	e->kind = kind;
	e->count = count;
	e->pts = b->pts += count;
	e->date = sb_time(w);
	return e;
}

unsigned sb_box_since(const struct sb_box *b, int pts)
{
	unsigned low = 0, high = b->event_count;

	while (low < high) {
		unsigned mid = (low + high) / 2;

		if (b->events[mid].pts <= pts)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

struct sb_msg *sb_top(struct sb_world *w, struct sb_user *u, struct sb_dialog *d)
{
	struct sb_chat *c = sb_is_channel(d->peer) ? sb_chat(w, d->peer) : NULL;

	if (c) {
		for (int id = c->box.top; id > d->cleared; id--)
			if (sb_box_get(&c->box, id) && sb_hears(u, c->box.msgs[id]->post))
				return c->box.msgs[id];
		return NULL;
	}
	for (unsigned i = d->count; i; i--)
		if (!d->list[i - 1]->deleted)
			return d->list[i - 1];
	return NULL;
}

int sb_unread(struct sb_world *w, struct sb_user *u, struct sb_dialog *d)
{
	struct sb_chat *c = sb_is_channel(d->peer) ? sb_chat(w, d->peer) : NULL;
	int n = 0;

	if (c) {
		int id = d->read_in > d->cleared ? d->read_in : d->cleared;

		while (++id <= c->box.top)
			n += sb_box_get(&c->box, id) && c->box.msgs[id]->post->from != u;
		return n;
	}
	for (unsigned i = d->count; i && d->list[i - 1]->id > d->read_in; i--)
		n += !d->list[i - 1]->deleted && !d->list[i - 1]->out;
	return n;
}

bool sb_hears(const struct sb_user *u, const struct sb_post *p)
{
	return !u->bot || !p->from || !p->from->bot || p->from == u;
}

/* ---- what a client names: messages ----------------------------------------------------------- */
struct sb_msg *sb_msg_in(struct sb_world *w, struct sb_user *me, int64_t peer, int id)
{
	struct sb_chat *c = sb_is_channel(peer) ? sb_chat(w, peer) : NULL;
	struct sb_msg *m = sb_box_get(c ? &c->box : &me->box, id);

	if (m && c) {
		struct sb_dialog *d = sb_dialog_find(me, peer);

		return (d && id <= d->cleared) || !sb_hears(me, m->post) ? NULL : m;
	}
	return m && (!peer || m->peer == peer) ? m : NULL;
}
