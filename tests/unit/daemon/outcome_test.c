/* Rows of outcomes: names of messages, and their end after a week. */
#include "daemon/outcome.h"

#include "daemon/daemon.h"
#include "tests/harness.h"
#include "world_test.h"

static void commit(struct test_world *w, struct tg_batch *b)
{
	const struct tg_batch *batches[] = {b};

	CHECK_INT(w->store->ops->commit(w->store, batches, 1), 0);
	tg_batch_free(b);
}

static unsigned trim(struct test_world *w, int64_t now)
{
	struct tg_batch *b = tg_batch_new();
	unsigned n = rpc_outcomes_trim(w->store, now, b);

	commit(w, b);
	return n;
}

TEST(outcomes_end_after_a_week)
{
	struct test_world w;
	struct rpc_accounts all = {0};
	struct rpc_daemon d = {.accounts = &all};
	int64_t now = rpc_now().real / RPC_SECOND;
	struct tl_buf key = {0}, value = {0};

	test_world_init(&w);
	all.store = w.store;
	w.account.d = &d;
	for (int i = 1; i <= 1500; i++)
		rpc_outcome_name(&w.account, i * 0x1234567890123ll, i);
	CHECK(w.account.named);
	commit(&w, w.account.named);
	for (int i = 1; i <= 1500; i++)
		CHECK_INT(rpc_outcome_named(&w.account, i * 0x1234567890123ll), i);
	CHECK_INT(rpc_outcome_named(&w.account, 5), 0);
	CHECK_INT(trim(&w, now + RPC_MAX_OUTCOME_AGE - 60), 0);
	CHECK_INT(trim(&w, now + RPC_MAX_OUTCOME_AGE + 60), 1000);
	CHECK_INT(trim(&w, now + RPC_MAX_OUTCOME_AGE + 60), 500);
	CHECK_INT(rpc_outcome_named(&w.account, 0x1234567890123ll), 0);
	CHECK_INT(w.store->ops->seek(w.store, TG_TABLE_OUTCOME, NULL, 0, NULL, 0, &key, &value),
		  -TG_E_NOT_FOUND);
	tl_buf_free(&key);
	tl_buf_free(&value);
	test_world_free(&w);
}
