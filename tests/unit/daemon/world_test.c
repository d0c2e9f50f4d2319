/* The parts below the accounts: timers, the store thread, workers, arguments. */
#include "world_test.h"

#include "daemon/daemon.h"
#include "daemon/event.h"
#include "daemon/journal.h"
#include "tests/harness.h"

#include <jansson.h>
#include <stddef.h>
#include <unistd.h>

static void no_random(void *ctx, void *out, size_t n)
{
	(void)ctx;
	memset(out, 7, n);
}

void test_world_init(struct test_world *w)
{
	struct tg_settings s = {.api_id = 1, .api_hash = ""};
	struct tg_env env = {.random = {.random = no_random}};

	memset(w, 0, sizeof *w);
	CHECK_INT(tg_store_open_memory(&w->store), 0);
	env.store = w->store;
	snprintf(w->account.name, sizeof w->account.name, "main");
	w->account.tg = tg_account_new("main", &s, &env, rpc_now());
	CHECK(w->account.tg);
}

void test_world_free(struct test_world *w)
{
	tg_account_free(w->account.tg);
	tl_buf_free(&w->room);
	w->store->ops->close(w->store);
}

/* ---- timers ---------------------------------------------------------------------------------- */
struct alarm {
	struct rpc_timer timer;
	unsigned order;
};
static struct {
	struct rpc_loop loop;
	unsigned fired, last, turns;
	bool wrong;
} clock_test;

static void fired(struct rpc_timer *timer, struct mt_time now)
{
	struct alarm *a = (struct alarm *)((char *)timer - offsetof(struct alarm, timer));

	if (now.boot < timer->at || (clock_test.fired && a->order < clock_test.last))
		clock_test.wrong = true;
	clock_test.last = a->order;
	clock_test.fired++;
}

static bool turn(void *ctx)
{
	(void)ctx;
	clock_test.turns++;
	if (clock_test.fired == 60)
		rpc_loop_stop(&clock_test.loop);
	return false;
}

TEST(timers_fire_in_order)
{
	struct alarm alarms[100];
	int64_t now;

	CHECK_INT(rpc_loop_init(&clock_test.loop, turn, NULL), 0);
	now = rpc_now().boot;
	for (unsigned i = 0; i < 100; i++) {
		unsigned order = i * 37 % 100;

		alarms[i] = (struct alarm){{.fire = fired}, order};
		CHECK_INT(rpc_timer_set(&clock_test.loop, &alarms[i].timer, now + order * 100000),
			  0);
	}
	for (unsigned i = 0; i < 100; i++) /* every fifth is cleared, every fifth moved away */
		if (alarms[i].order % 5 == 1)
			rpc_timer_clear(&clock_test.loop, &alarms[i].timer);
		else if (alarms[i].order % 5 == 2)
			rpc_timer_set(&clock_test.loop, &alarms[i].timer, now + 3600 * RPC_SECOND);
	rpc_timer_clear(&clock_test.loop, &alarms[0].timer);
	rpc_timer_set(&clock_test.loop, &alarms[0].timer, now); /* set again */
	rpc_loop_run(&clock_test.loop);
	CHECK_INT(clock_test.fired, 60);
	CHECK(!clock_test.wrong);
	CHECK(clock_test.turns < 200);
	CHECK_INT(clock_test.loop.count, 20);
	rpc_loop_free(&clock_test.loop);
}

/* ---- the store thread ------------------------------------------------------------------------ */
struct book {
	struct rpc_loop loop;
	struct tg_store *store;
	const struct tg_store_ops *real;
	struct tg_store_ops ops;
	unsigned done, failed, want;
	int fail; /* that many commits fail */
	uint64_t next_seq;
	int64_t chats[128]; /* of the events, by their number */
};
static struct book *book;

static int commit(struct tg_store *s, const struct tg_batch *const *batches, size_t count)
{
	if (book->fail > 0) {
		book->fail--;
		return -TG_E_DISK_FULL;
	}
	return book->real->commit(s, batches, count);
}

static void put_one(struct book *b, struct rpc_committer *c, unsigned key, unsigned events)
{
	struct rpc_commit *k = calloc(1, sizeof *k);
	uint32_t value = key;

	(void)b;
	k->batch = tg_batch_new();
	for (unsigned i = 0; i < events; i++) {
		struct rpc_event *e = calloc(1, sizeof *e);

		e->type = RPC_T_GAP;
		e->chat = (int64_t)key;
		e->next = k->events;
		k->events = e;
		k->event_count++;
	}
	tg_batch_put(k->batch, TG_TABLE_META, &value, sizeof value, &value, sizeof value);
	rpc_committer_put(c, k);
}

static struct rpc_committer *committer;

static void committed(void *ctx, struct rpc_commit *k)
{
	struct book *b = ctx;

	if (k->batch->result) {
		b->failed++;
		rpc_committer_put(committer, k); /* the same again */
		return;
	}
	if (k->event_count)
		CHECK_INT(k->first_seq, b->next_seq); /* no number twice, none left out */
	for (const struct rpc_event *e = k->events; e; e = e->next)
		b->chats[b->next_seq++] = e->chat;
	rpc_commit_free(k);
	if (++b->done == b->want)
		rpc_loop_stop(&b->loop);
}

/* Each number has its row: that of the event that was told it. */
static void check_rows(struct book *b)
{
	struct rpc_event row = {0};
	uint64_t seq = 0, bytes = 0;
	int64_t at;
	size_t size;

	for (uint64_t want = 1; want <= 99; want++) {
		CHECK_INT(rpc_journal_next(b->store, seq, NULL, &seq, &row, &at, &size), 0);
		CHECK_INT(seq, want);
		CHECK_INT(row.type, RPC_T_GAP);
		CHECK_INT(row.chat, b->chats[want]);
		bytes += size;
	}
	CHECK_INT(rpc_journal_next(b->store, seq, NULL, &seq, &row, &at, &size), -TG_E_NOT_FOUND);
	CHECK_INT(rpc_committer_journal(committer), bytes);
	rpc_journal_row_free(&row);
}

static bool idle(void *ctx)
{
	(void)ctx;
	return false;
}

TEST(commits_are_numbered_in_order)
{
	struct book b = {.want = 100, .fail = 2, .next_seq = 1};
	struct tl_buf out = {0};
	uint32_t key = 42;

	book = &b;
	CHECK_INT(rpc_loop_init(&b.loop, idle, NULL), 0);
	CHECK_INT(tg_store_open_memory(&b.store), 0);
	b.real = b.store->ops;
	b.ops = *b.real;
	b.ops.commit = commit;
	b.store->ops = &b.ops;
	CHECK_INT(rpc_committer_new(b.store, b.loop.ev, committed, &b, &committer), 0);
	CHECK_INT(rpc_committer_seq(committer), 0);
	for (unsigned i = 0; i < 100; i++)
		put_one(&b, committer, i, i % 3);
	rpc_loop_run(&b.loop);
	CHECK(b.failed > 0);
	CHECK_INT(rpc_committer_seq(committer), 99);
	check_rows(&b);
	rpc_committer_free(committer);
	CHECK_INT(b.store->ops->get(b.store, TG_TABLE_META, &key, sizeof key, &out), 0);
	CHECK_INT(rpc_committer_new(b.store, b.loop.ev, committed, &b, &committer), 0);
	CHECK_INT(rpc_committer_seq(committer), 99); /* it goes on where it was */
	b.want = 101;
	put_one(&b, committer, 7, 1);
	rpc_committer_free(committer); /* writes what is queued */
	CHECK_INT(b.done, 101);
	CHECK_INT(b.next_seq, 101);
	tl_buf_free(&out);
	b.store->ops = b.real;
	b.store->ops->close(b.store);
	rpc_loop_free(&b.loop);
}

/* ---- workers --------------------------------------------------------------------------------- */
struct sum {
	struct mt_job job;
	unsigned in, out;
};
static unsigned jobs_done, jobs_freed, jobs_total;
static struct rpc_loop jobs_loop;

static void add(struct mt_job *job)
{
	struct sum *s = (struct sum *)job;

	for (unsigned i = 1; i <= s->in; i++)
		s->out += i;
}

static void drop(struct mt_job *job)
{
	jobs_freed++;
	free(job);
}

static void job_done(void *ctx, struct mt_job *job)
{
	struct sum *s = (struct sum *)job;

	(void)ctx;
	CHECK_INT(s->out, s->in * (s->in + 1) / 2);
	CHECK(job->owner == NULL || job->owner == &jobs_done);
	job->free(job);
	if (++jobs_done == jobs_total)
		rpc_loop_stop(&jobs_loop);
}

TEST(workers_do_every_job_once)
{
	struct rpc_workers *w;

	jobs_total = 50;
	CHECK_INT(rpc_loop_init(&jobs_loop, idle, NULL), 0);
	CHECK_INT(rpc_workers_new(jobs_loop.ev, job_done, NULL, &w), 0);
	for (unsigned i = 0; i < jobs_total; i++) {
		struct sum *s = calloc(1, sizeof *s);

		s->job = (struct mt_job){.run = add, .free = drop, .owner = &jobs_done};
		s->in = i * 100;
		rpc_workers_put(w, &s->job);
		if (i == 25)
			rpc_workers_disown(w, &jobs_done);
	}
	rpc_loop_run(&jobs_loop);
	CHECK_INT(jobs_freed, 50);
	rpc_workers_free(w);
	rpc_loop_free(&jobs_loop);
}

/* ---- arguments ------------------------------------------------------------------------------- */
struct args {
	struct tl_str text, bytes;
	int64_t number, wait, when;
	bool on;
	int choice;
	struct json_t *object, *list;
	int64_t message;
	struct rpc_peer_arg peer;
};
#define AT(field) offsetof(struct args, field)
static const struct rpc_param rows[] = {
	{"text", RPC_K_STRING, true, NULL, AT(text), NULL, "d"},
	{"number", RPC_K_INT, false, "5", AT(number), NULL, "d"},
	{"wait", RPC_K_DURATION, false, NULL, AT(wait), NULL, "d"},
	{"when", RPC_K_TIME, false, NULL, AT(when), NULL, "d"},
	{"on", RPC_K_BOOL, false, "true", AT(on), NULL, "d"},
	{"choice", RPC_K_CHOICE, false, "b", AT(choice), "a|b|c", "d"},
	{"bytes", RPC_K_BYTES, false, NULL, AT(bytes), NULL, "d"},
	{"object", RPC_K_OBJECT, false, NULL, AT(object), NULL, "d"},
	{"list", RPC_K_ARRAY, false, NULL, AT(list), NULL, "d"},
	{"peer", RPC_K_PEER, false, NULL, AT(peer), NULL, "d"},
	{"message", RPC_K_MESSAGE, false, NULL, AT(message), NULL, "d"},
};
static const struct rpc_method method = {.name = "test", RPC_ROWS(rows, struct args)};

/* Calls check with the arguments, or expects a refusal that names the field. */
static void args(const char *params, const char *field, void (*check)(const struct args *a))
{
	struct rpc_call c = {.method = &method};
	json_t *v = json_loads(params, JSON_DECODE_ANY, NULL);
	int err;

	tl_arena_init(&c.arena, 1 << 20);
	CHECK(v);
	err = rpc_params_read(&c, v);
	if (field && (!err || strcmp(c.problem.field, field) != 0))
		test_fail(__FILE__, __LINE__, "%s: %d, field %s", params, err, c.problem.field);
	if (!field && err)
		test_fail(__FILE__, __LINE__, "%s: %s", params, c.problem.message);
	if (check)
		check(c.args);
	tl_arena_free(&c.arena);
	json_decref(v);
}

static void presets(const struct args *a)
{
	CHECK(tl_str_eq(a->text, "x") && a->on && !a->bytes.data && !a->object && !a->peer.value);
	CHECK_INT(a->number, 5);
	CHECK(a->wait == RPC_NONE && a->when == RPC_NONE);
	CHECK_INT(a->choice, 1);
	CHECK_INT(a->message, 0);
}

static void given(const struct args *a)
{
	CHECK_INT(a->number, -9223372036854775807);
	CHECK_INT(a->wait, 1500000000);
	CHECK_INT(a->when, 86400);
	CHECK_INT(a->choice, 2);
	CHECK(!a->on && a->bytes.len == 1 && a->bytes.data[0] == 'y');
	CHECK_INT(a->message, 42);
	CHECK(a->peer.value != NULL && !a->peer.text.data);
}

static void linked(const struct args *a)
{
	CHECK_INT(a->message, 7);
	CHECK(tl_str_eq(a->peer.text, "@news"));
}

TEST(arguments)
{
	args("{\"text\":\"x\"}", NULL, presets);
	args("{\"text\":\"x\",\"number\":null,\"on\":null}", NULL, presets);
	args("{\"text\":\"\",\"number\":\"-9223372036854775807\",\"wait\":1.5,\"when\":"
	     "\"1970-01-02T00:00:00Z\",\"choice\":\"c\",\"on\":false,\"bytes\":\"eQ==\","
	     "\"message\":42,"
	     "\"peer\":\"@x\"}",
	     NULL, given);
	args("{\"text\":\"x\",\"message\":\"https://t.me/news/7\"}", NULL, linked);
	args("{}", "text", NULL);
	args("{\"text\":1}", "text", NULL);
	args("{\"text\":\"x\",\"number\":1.0}", "number", NULL);
	args("{\"text\":\"x\",\"number\":\"9223372036854775808\"}", "number", NULL);
	args("{\"text\":\"x\",\"number\":\"\"}", "number", NULL);
	args("{\"text\":\"x\",\"number\":\"-\"}", "number", NULL);
	args("{\"text\":\"x\",\"number\":\" 1\"}", "number", NULL);
	args("{\"text\":\"x\",\"wait\":-1}", "wait", NULL);
	args("{\"text\":\"x\",\"wait\":86401}", "wait", NULL);
	args("{\"text\":\"x\",\"when\":\"soon\"}", "when", NULL);
	args("{\"text\":\"x\",\"on\":1}", "on", NULL);
	args("{\"text\":\"x\",\"choice\":\"d\"}", "choice", NULL);
	args("{\"text\":\"x\",\"choice\":\"a|b\"}", "choice", NULL);
	args("{\"text\":\"x\",\"choice\":\"\"}", "choice", NULL);
	args("{\"text\":\"x\",\"bytes\":\"e\"}", "bytes", NULL);
	args("{\"text\":\"x\",\"object\":[]}", "object", NULL);
	args("{\"text\":\"x\",\"list\":{}}", "list", NULL);
	args("{\"text\":\"x\",\"peer\":true}", "peer", NULL);
	args("{\"text\":\"x\",\"message\":0}", "message", NULL);
	args("{\"text\":\"x\",\"message\":\"t.me\"}", "message", NULL);
	args("{\"text\":\"x\",\"txet\":1}", "txet", NULL);
	args("{\"text\":\"x\",\"fields\":[\"a\",1]}", "fields", NULL);
	args("{\"text\":\"x\",\"idempotency_key\":\"k\"}", "idempotency_key", NULL);
}
