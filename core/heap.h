/* Inside core: timers of an account and a map from 64-bit numbers to pointers. Both are owned by
 * the struct they stand in. */
#ifndef CORE_HEAP_H
#define CORE_HEAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TG_OF(ptr, type, member) ((type *)(void *)((char *)(ptr)-offsetof(type, member)))
#define TG_NEVER INT64_MAX
#define TG_SECOND INT64_C(1000000000)

struct tg_account;

/* A timer lives in what it wakes; a pairing heap links them, so that setting one cannot fail. */
struct tg_timer {
	int64_t at;                           /* boot ns */
	struct tg_timer *child, *next, *prev; /* prev: left sibling, or parent of a first child */
	void (*fire)(struct tg_account *a, struct tg_timer *t);
	bool set;
};
struct tg_timers {
	struct tg_timer *root;
};
void tg_timer_set(struct tg_timers *h, struct tg_timer *t, int64_t at); /* TG_NEVER clears */
void tg_timer_clear(struct tg_timers *h, struct tg_timer *t);
int64_t tg_timers_next(const struct tg_timers *h);                /* TG_NEVER when there is none */
struct tg_timer *tg_timers_due(struct tg_timers *h, int64_t now); /* taken out; NULL: none */

/* Values are never NULL. */
struct tg_map {
	struct tg_slot {
		uint64_t key;
		void *value;
	} * slots;
	uint32_t count, cap;
};
void *tg_map_get(const struct tg_map *m, uint64_t key);
bool tg_map_put(struct tg_map *m, uint64_t key, void *value); /* false: no memory */
void *tg_map_take(struct tg_map *m, uint64_t key);
void tg_map_free(struct tg_map *m); /* not the values */

#endif
