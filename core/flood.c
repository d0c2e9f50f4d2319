/* Floods: a method that Telegram told to wait towards some target is held back until then, whoever
 * calls it (D.75). The holds belong to the account. */
#include "core/account.h"

#include <stdlib.h>

/* A method towards a target that Telegram told to wait. */
struct tg_hold {
	struct tg_hold *next;
	unsigned method;
	uint64_t target;
	int64_t until;
};

static uint64_t hash_bytes(const uint8_t *p, size_t n)
{
	uint64_t h = 0xcbf29ce484222325u;

	for (size_t i = 0; i < n; i++)
		h = (h ^ p[i]) * 0x100000001b3u;
	return h;
}

/* Whom a call is about: the first of these fields that it has. */
static uint64_t target_of(const struct tg_call *c)
{
	static const char *const fields[] = {"peer", "channel", "user_id", "chat_id", "to_peer"};
	struct tl_cursor in = tl_cursor(c->body, c->n);
	struct tl_arena arena;
	struct tl_obj *o;
	struct tl_buf b = {0};
	uint64_t target = 0;

	tl_arena_init(&arena, TG_ARENA_CAP);
	if (tl_decode(&tl_api, &arena, &in, &o, NULL) == 0) {
		for (size_t i = 0; i < sizeof fields / sizeof *fields && !target; i++) {
			const struct tl_obj *peer = tl_field_obj(&tl_api, o, fields[i]);
			int64_t number;

			if (peer && tl_encode(&tl_api, peer, &b) == 0)
				target = hash_bytes(b.data, b.len);
			else if (tl_field_int(&tl_api, o, fields[i], &number))
				target = (uint64_t)number;
		}
	}
	tl_buf_free(&b);
	tl_arena_free(&arena);
	return target;
}

int64_t tg_flood_until(struct tg_account *a, struct tg_call *c)
{
	struct tg_hold **at = &a->calls.holds;

	while (*at) {
		struct tg_hold *h = *at;

		if (h->until <= a->now.boot) {
			*at = h->next;
			free(h);
			continue;
		}
		if (h->method == c->method) {
			if (!c->has_target)
				c->target = target_of(c);
			c->has_target = true;
			if (h->target == c->target)
				return h->until;
		}
		at = &h->next;
	}
	return 0;
}

void tg_flood_hold(struct tg_account *a, struct tg_call *c, int64_t until)
{
	struct tg_hold *h;

	if (tg_flood_until(a, c) >= until)
		return;
	h = malloc(sizeof *h);
	if (!h)
		return;
	if (!c->has_target)
		c->target = target_of(c);
	c->has_target = true;
	*h = (struct tg_hold){a->calls.holds, c->method, c->target, until};
	a->calls.holds = h;
}

void tg_flood_free(struct tg_account *a)
{
	while (a->calls.holds) {
		struct tg_hold *h = a->calls.holds;

		a->calls.holds = h->next;
		free(h);
	}
}
