/* What an idle account costs (P12), its client and buffers included. */
#include "tests/unit/core/rig.h"

#include <malloc.h>

#define GOAL 16384

TEST(idle_account_is_small)
{
	struct rig *r = rig_new();
	size_t with, without;

	rig_login(r);
	for (int i = 0; i < 200; i++)
		rig_message(r, "traffic");
	rig_pass(r, 300);
	CHECK_INT(r->journal_n, 200);
	with = mallinfo2().uordblks;
	tg_account_free(r->a);
	without = mallinfo2().uordblks;
	printf("an idle account: %zu bytes\n", with - without);
	CHECK(with - without < GOAL); /* both 0 under a sanitizer's allocator */
	r->a = NULL;
	rig_free(r);
}
