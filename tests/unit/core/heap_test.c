/* Timers and the map beside plain lists. */
#include "core/heap.h"
#include "tests/harness.h"

static uint64_t seed = 3;
static uint32_t draw(uint32_t below)
{
	seed = seed * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(seed >> 33) % below;
}

TEST(timers_fire_in_order)
{
	static struct tg_timer t[200];
	struct tg_timers h = {0};
	int64_t now = 0;

	for (int round = 0; round < 20000; round++) {
		struct tg_timer *x = &t[draw(200)], *due;
		int64_t least = TG_NEVER;

		switch (draw(4)) {
		case 0:
			tg_timer_clear(&h, x);
			break;
		case 1:
			now += draw(50);
			while ((due = tg_timers_due(&h, now))) {
				CHECK(due->at <= now && !due->set);
				for (int i = 0; i < 200; i++)
					CHECK(!t[i].set || t[i].at >= due->at);
			}
			break;
		case 2:
		case 3:
			tg_timer_set(&h, x, now + 1 + draw(1000));
			break;
		}
		for (int i = 0; i < 200; i++)
			if (t[i].set && t[i].at < least)
				least = t[i].at;
		CHECK(tg_timers_next(&h) == least);
	}
	for (int i = 0; i < 200; i++)
		tg_timer_set(&h, &t[i], TG_NEVER);
	CHECK(h.root == NULL);
}

TEST(map_walk)
{
	static int values[500];
	static bool there[500];
	struct tg_map m = {0};

	CHECK(tg_map_get(&m, 5) == NULL);
	CHECK(tg_map_take(&m, 5) == NULL);
	for (int round = 0; round < 100000; round++) {
		uint32_t k = draw(500);
		uint64_t key = k % 3 ? k : (uint64_t)k << 52;

		switch (draw(3)) {
		case 0:
			CHECK(tg_map_put(&m, key, &values[k]));
			there[k] = true;
			break;
		case 1:
			CHECK(tg_map_take(&m, key) == (there[k] ? &values[k] : NULL));
			there[k] = false;
			break;
		case 2:
			CHECK(tg_map_get(&m, key) == (there[k] ? &values[k] : NULL));
			break;
		}
	}
	tg_map_free(&m);
}
