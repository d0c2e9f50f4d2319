/* Rows of the journal there and back, of older formats, damaged; retention; and the journal with
 * its consumers against a model, over failed commits and crashes (T11: LAYERD_STEPS=1000000
 * LAYERD_SEEDS=100 play all of it). */
#include "daemon/journal.h"

#include "daemon/committer.h"
#include "daemon/consumer.h"
#include "daemon/daemon.h"
#include "tests/harness.h"
#include "world_test.h"

static struct tl_str repeated(struct tl_buf *b, const char *text, size_t times)
{
	tl_buf_clear(b);
	while (times--)
		tl_put_text(b, text);
	return (struct tl_str){(char *)b->data, (uint32_t)b->len};
}

static void commit_batch(struct tg_store *s, struct tg_batch *b)
{
	const struct tg_batch *one = b;

	CHECK_INT(s->ops->commit(s, &one, 1), 0);
	tg_batch_free(b);
}

static void put_raw(struct tg_store *s, uint64_t seq, const void *row, size_t n)
{
	struct tg_batch *b = tg_batch_new();
	uint8_t key[8] = {0};

	key[7] = (uint8_t)seq;
	tg_batch_put(b, TG_TABLE_JOURNAL, key, sizeof key, row, n);
	commit_batch(s, b);
}

static bool same(struct tl_str a, struct tl_str b)
{
	return a.len == b.len && memcmp(a.data, b.data, a.len) == 0;
}

/* Small rows stay as they are, big ones are packed; both come back byte for byte. */
TEST(rows_there_and_back)
{
	static const size_t times[] = {1, 20, 100, 1000, 30000};
	struct rpc_event row = {0};
	struct tl_buf text = {0}, body = {0}, raw = {0};
	struct tg_store *s;
	uint64_t seq = 0;
	int64_t at;

	CHECK_INT(tg_store_open_memory(&s), 0);
	for (unsigned i = 0; i < 5; i++) {
		struct rpc_event e = {.type = RPC_T_MESSAGE_EDITED,
				      .account = "main",
				      .chat = -1000000000123,
				      .from = 77,
				      .out = true,
				      .has_text = true};
		struct tg_batch *b = tg_batch_new();
		size_t plain, size;

		e.text = repeated(&text, "some words ", times[i]);
		e.body = repeated(&body, "\"account\":\"main\",\"type\":\"x\",", times[i]);
		e.raw = repeated(&raw, "{\"_\":\"ofALaterLayer\",\"ä\":1}", times[i]);
		plain = e.text.len + e.body.len + e.raw.len;
		size = rpc_journal_put(b, i + 1, &e, 1700000000 + i);
		CHECK(plain < 2048 || plain > 1u << 20 ? size > plain : size < plain / 4);
		commit_batch(s, b);
		CHECK_INT(rpc_journal_next(s, seq, NULL, &seq, &row, &at, &plain), 0);
		CHECK_INT(plain, size);
		CHECK_INT(seq, i + 1);
		CHECK_INT(at, 1700000000 + i);
		CHECK(row.type == e.type && row.out && row.has_text && row.chat == e.chat &&
		      row.from == e.from);
		CHECK_STR(row.account, "main");
		CHECK(same(row.text, e.text) && same(row.body, e.body) && same(row.raw, e.raw));
	}
	CHECK_INT(rpc_journal_next(s, seq, NULL, &seq, &row, NULL, NULL), -TG_E_NOT_FOUND);
	rpc_journal_row_free(&row);
	tl_buf_free(&text);
	tl_buf_free(&body);
	tl_buf_free(&raw);
	s->ops->close(s);
}

/* A row as the first version wrote it, of a constructor that this schema does not have. */
TEST(rows_of_an_older_version)
{
	static const uint8_t head[] = {1, 20,   1,                      /* version, raw, out */
				       0, 0xf1, 0x53, 0x65, 0, 0, 0, 0, /* 1700000000 */
				       5, 0,    0,    0,    0, 0, 0, 0, 6, 0, 0, 0, 0, 0, 0, 0};
	struct tl_buf b = {0};
	struct rpc_event row = {0};
	struct tg_store *s;
	uint64_t seq = 0;
	int64_t at;

	CHECK_INT(tg_store_open_memory(&s), 0);
	tl_put(&b, head, sizeof head);
	tl_put_u32(&b, 4);
	tl_put_text(&b, "main");
	tl_put_u32(&b, 0);
	tl_put_u32(&b, 12);
	tl_put_text(&b, "\"account\":\"m");
	tl_put_u32(&b, 20);
	tl_put_text(&b, "{\"_\":\"updateOfOld\"}\n");
	put_raw(s, 9, b.data, b.len);
	CHECK_INT(rpc_journal_next(s, 0, NULL, &seq, &row, &at, NULL), 0);
	CHECK_INT(seq, 9);
	CHECK_INT(at, 1700000000);
	CHECK(row.type == RPC_T_RAW && row.out && row.chat == 5 && row.from == 6);
	CHECK_INT(row.raw.len, 20);
	CHECK_MEM(row.raw.data, "{\"_\":\"updateOfOld\"}", 19);
	rpc_journal_row_free(&row);
	tl_buf_free(&b);
	s->ops->close(s);
}

/* What a filter refuses by the head is not unpacked: a damaged bulk is only found by who wants it.
 */
TEST(heads_decide)
{
	static const uint8_t head[] = {2, RPC_T_NEW_MESSAGE,
				       2, 0,
				       0, 0,
				       0, 0,
				       0, 0,
				       0, 5,
				       0, 0,
				       0, 0,
				       0, 0,
				       0, 6,
				       0, 0,
				       0, 0,
				       0, 0,
				       0};
	int64_t chat = 5, other = 7;
	struct rpc_filter f = {.direction = -1};
	struct rpc_event row = {0};
	struct tl_buf b = {0};
	struct tg_store *s;
	uint64_t seq;

	tl_put(&b, head, sizeof head);
	tl_put_u32(&b, 4);
	tl_put_text(&b, "main");
	CHECK_INT(tg_store_open_memory(&s), 0);
	put_raw(s, 1, b.data, b.len);
	for (unsigned i = 0; i < 8; i++) {
		static const bool wanted[] = {true, false, true, false, true, false, true, false};
		char names[2][33] = {"main", "spare"};

		f = (struct rpc_filter){.direction = -1};
		if (i / 2 == 0)
			f.types = 1u << (i % 2 ? RPC_T_MESSAGE_EDITED : RPC_T_NEW_MESSAGE);
		f.peers = i % 2 ? &other : &chat;
		f.peer_count = i / 2 == 1;
		f.direction = i / 2 == 2 ? (int)i % 2 : -1;
		f.accounts = &names[i % 2];
		f.account_count = i / 2 == 3;
		CHECK_INT(rpc_journal_next(s, 0, &f, &seq, &row, NULL, NULL), 0);
		CHECK_INT(row.type, wanted[i] ? RPC_T_GAP : RPC_T_NEW_MESSAGE);
	}
	rpc_journal_row_free(&row);
	tl_buf_free(&b);
	s->ops->close(s);
}

/* The numbers are in rows on disks: a new type goes to the end. */
TEST(numbers_of_types)
{
	static const char *const names[] = {
		"new_message",  "message_edited", "message_deleted",    "callback_query",
		"inline_query", "inline_send",    "user_status",        "user_typing",
		"participant",  "join_request",   "message_reaction",   "poll_vote",
		"bot_stopped",  "shipping_query", "pre_checkout_query", "chat_boost",
		"read",         "account_state",  "connection_state",   "gap",
		"raw"};

	CHECK(RPC_T_COUNT >= sizeof names / sizeof *names);
	for (unsigned i = 0; i < sizeof names / sizeof *names; i++)
		CHECK_STR(rpc_type_name((enum rpc_type)i), names[i]);
}

/* Cut, bent or of a newer version: told as a gap, and the next row is read. */
TEST(rows_that_cannot_be_read)
{
	struct rpc_event e = {.account = "main"}, row = {0};
	struct tl_buf whole = {0}, raw = {0};
	struct tg_store *s;
	uint64_t seq = 0;
	unsigned gaps = 0;
	uint8_t key[8] = {0};

	CHECK_INT(tg_store_open_memory(&s), 0);
	e.raw = repeated(&raw, "{\"_\":\"updateConfig\"}", 300);
	for (int i = 0; i < 2; i++) {
		struct tg_batch *b = tg_batch_new();

		rpc_journal_put(b, i ? 200 : 1, &e, 1);
		commit_batch(s, b);
	}
	key[7] = 1;
	CHECK_INT(s->ops->get(s, TG_TABLE_JOURNAL, key, sizeof key, &whole), 0);
	for (size_t n = 1; n < whole.len && n < 150; n++)
		put_raw(s, n, whole.data, n == 1 ? 0 : n - 1);
	whole.data[0] = 99;
	put_raw(s, 150, whole.data, whole.len);
	whole.data[0] = 2;
	whole.data[whole.len / 2] ^= 0x55;
	put_raw(s, 151, whole.data, whole.len);
	while (rpc_journal_next(s, seq, NULL, &seq, &row, NULL, NULL) == 0 && seq < 200) {
		CHECK(row.type == RPC_T_GAP && !row.account[0] && !row.raw.len);
		CHECK_MEM(row.body.data, "\"type\":\"gap\"", 12);
		gaps++;
	}
	CHECK_INT(seq, 200);
	CHECK(same(row.raw, e.raw));
	CHECK(gaps > 20);
	rpc_journal_row_free(&row);
	tl_buf_free(&raw);
	tl_buf_free(&whole);
	s->ops->close(s);
}

TEST(retention_by_age_and_size)
{
	struct rpc_journal_limits by_age = {.age = 100, .bytes = UINT64_MAX},
				  by_size = {.age = 1000000, .bytes = 500};
	struct rpc_event e = {.account = "main"}, row = {0};
	struct tg_batch *b = tg_batch_new();
	struct tg_store *s;
	uint64_t seq, bytes = 0;
	size_t freed;

	CHECK_INT(tg_store_open_memory(&s), 0);
	for (unsigned i = 1; i <= 50; i++)
		bytes += rpc_journal_put(b, i, &e, 1000 + i);
	commit_batch(s, b);
	b = tg_batch_new();
	CHECK_INT(rpc_journal_trim(s, &by_age, bytes, 1100, b), 0);
	freed = rpc_journal_trim(s, &by_age, bytes, 1110, b);
	CHECK_INT(freed, bytes / 50 * 10);
	commit_batch(s, b);
	bytes -= freed;
	CHECK_INT(rpc_journal_next(s, 0, NULL, &seq, &row, NULL, NULL), 0);
	CHECK_INT(seq, 11);
	b = tg_batch_new();
	bytes -= rpc_journal_trim(s, &by_size, bytes, 1110, b);
	CHECK(bytes <= 500 && bytes > 400);
	commit_batch(s, b);
	CHECK_INT(rpc_journal_next(s, 0, NULL, &seq, &row, NULL, NULL), 0);
	CHECK(seq > 40);
	b = tg_batch_new();
	by_age.bytes = 1000000; /* what is younger stays, also when the count is wrong */
	freed = rpc_journal_trim(s, &by_age, 0, 1145, b);
	CHECK(freed > 0 && freed < bytes);
	tg_batch_free(b);
	rpc_journal_row_free(&row);
	s->ops->close(s);
}

/* Several moves under way, some fail: in between it is where the last good one left it, at the end
 * nothing of a bad one is left. */
static void end_move(struct rpc_daemon *d, struct rpc_commit *commit, int result)
{
	commit->batch->result = result;
	rpc_consumer_moved(d, commit);
	rpc_commit_free(commit);
}

TEST(a_position_counts_once_it_is_stored)
{
	struct rpc_accounts all = {0};
	struct rpc_daemon d = {.accounts = &all};
	struct tl_str name = tl_str("c");
	struct rpc_consumer *k = rpc_consumer_add(&d, name, 3);
	struct rpc_commit *c[3];

	CHECK(!rpc_consumer_rests(k)); /* made, but in no store yet */
	end_move(&d, rpc_consumer_move(k, 3), -TG_E_DISK_FULL);
	CHECK(!all.consumers && !all.consumer_count);
	k = rpc_consumer_add(&d, name, 3);
	end_move(&d, rpc_consumer_move(k, 3), 0);
	CHECK(rpc_consumer_rests(k));
	c[0] = rpc_consumer_move(k, 100);
	CHECK(k->acked == 3 && k->moving == 100 && !rpc_consumer_rests(k));
	c[1] = rpc_consumer_move(k, 5);
	c[2] = rpc_consumer_move(k, 200);
	end_move(&d, c[0], -TG_E_DISK_FULL);
	CHECK(k->acked == 3 && k->moving == 200);
	end_move(&d, c[1], 0);
	CHECK(k->acked == 5 && k->moving == 200);
	end_move(&d, c[2], -TG_E_DISK_FULL);
	CHECK(k->acked == 5 && k->moving == 5 && rpc_consumer_rests(k));
	rpc_consumers_free(&d);
}

/* Removed is who has no row any more; who comes under its name meanwhile is a new one. */
TEST(removed_once_it_is_stored)
{
	struct rpc_accounts all = {0};
	struct rpc_daemon d = {.accounts = &all};
	struct tl_str name = tl_str("c");
	struct rpc_consumer *k = rpc_consumer_add(&d, name, 3);
	struct rpc_commit *c[2];

	end_move(&d, rpc_consumer_move(k, 3), 0);
	for (int fails = 0; fails < 4; fails++) {
		c[0] = rpc_consumer_move(k, RPC_NOWHERE);
		CHECK(!rpc_consumer_find(&d, name) && k->acked != RPC_NOWHERE);
		CHECK(rpc_consumer_add(&d, name, 9) == k && rpc_consumer_find(&d, name) == k);
		c[1] = rpc_consumer_move(k, 9);
		end_move(&d, c[0], fails & 1 ? -TG_E_DISK_FULL : 0);
		CHECK(k->acked == (fails & 1 ? 3 : RPC_NOWHERE) && k->moving == 9);
		end_move(&d, c[1], fails & 2 ? -TG_E_DISK_FULL : 0);
		CHECK((all.consumer_count == 0) == (fails == 2));
		if (fails == 2)
			k = rpc_consumer_add(&d, name, 3);
		else
			CHECK(rpc_consumer_find(&d, name) == k && k->acked == (fails == 3 ? 3 : 9));
		end_move(&d, rpc_consumer_move(k, 3), 0);
	}
	end_move(&d, rpc_consumer_move(k, RPC_NOWHERE), -TG_E_DISK_FULL);
	CHECK(rpc_consumer_find(&d, name) == k && k->acked == 3 && rpc_consumer_rests(k));
	end_move(&d, rpc_consumer_move(k, RPC_NOWHERE), 0);
	CHECK(!all.consumers && !all.consumer_count);
}

/* ---- T11: the model -------------------------------------------------------------------------- */
#define NAMES 8u
#define ROWS 4096u

struct model {
	struct rpc_loop loop;
	struct tg_store *store;
	struct tg_store_ops ops;
	const struct tg_store_ops *real;
	struct rpc_accounts all;
	struct rpc_daemon d;
	uint64_t random;
	bool dead;        /* the disk takes no more */
	unsigned commits; /* under way */

	/* what must be there */
	int64_t value[ROWS]; /* of the events, by seq */
	uint64_t last, oldest;
	uint64_t consumer[NAMES]; /* acked, or RPC_NOWHERE */
	unsigned restarts, failures, reads;
};
static struct model *model;

static uint32_t draw(struct model *m, uint32_t below)
{
	m->random = m->random * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(m->random >> 33) % below;
}

static int model_commit(struct tg_store *s, const struct tg_batch *const *batches, size_t count)
{
	return model->dead ? -TG_E_STORE : model->real->commit(s, batches, count);
}

static const char *name_of(unsigned i)
{
	static const char *const names[NAMES] = {"a",         "b", "echo", "x.y",
						 "long_name", "B", "0",    "z"};

	return names[i];
}

static void model_done(void *ctx, struct rpc_commit *k)
{
	struct model *m = ctx;
	unsigned i = 0;

	if (k->batch->result == 0) {
		if (k->event_count)
			CHECK_INT(k->first_seq, m->last + 1);
		for (const struct rpc_event *e = k->events; e; e = e->next)
			m->value[++m->last % ROWS] = e->chat;
		while (k->consumer && strcmp(name_of(i), k->consumer->name) != 0)
			i++;
		if (k->consumer)
			m->consumer[i] = k->position;
	}
	if (k->consumer)
		rpc_consumer_moved(&m->d, k);
	m->commits--;
	rpc_commit_free(k);
}

static bool at_rest(void *ctx)
{
	(void)ctx;
	return false;
}

static void power_on(struct model *m)
{
	m->dead = false;
	m->all = (struct rpc_accounts){.d = &m->d, .store = m->store};
	m->d = (struct rpc_daemon){.accounts = &m->all};
	CHECK_INT(rpc_committer_new(m->store, m->loop.ev, model_done, m, &m->all.committer), 0);
	CHECK_INT(rpc_consumers_load(&m->d), 0);
}

static void power_off(struct model *m)
{
	rpc_committer_free(m->all.committer);
	rpc_consumers_free(&m->d);
}

static void check_consumers(struct model *m)
{
	for (unsigned i = 0; i < NAMES; i++) {
		const struct rpc_consumer *k = rpc_consumer_find(&m->d, tl_str(name_of(i)));

		CHECK_INT(k ? k->acked : RPC_NOWHERE, m->consumer[i]);
		CHECK(!k || rpc_consumer_rests(k));
	}
}

static void settle(struct model *m)
{
	while (m->commits)
		ev_run(m->loop.ev, EVRUN_ONCE);
	check_consumers(m);
}

/* Some are under way at once. */
static void put(struct model *m, struct rpc_commit *k)
{
	m->commits++;
	rpc_committer_put(m->all.committer, k);
	if (draw(m, 4) == 0)
		settle(m);
}

#define TEN(text) text text text text text text text text text text

static void append(struct model *m)
{
	static const char large[] = TEN(TEN("{\"_\":\"updateConfig\"}, "));
	struct rpc_commit *k = rpc_commit_new(tg_batch_new());
	struct rpc_event **tail = &k->events;

	k->event_count = 1 + draw(m, 5);
	for (unsigned i = 0; i < k->event_count; i++) {
		struct rpc_event *e = calloc(1, sizeof *e);

		e->type = RPC_T_GAP;
		e->chat = (int64_t)draw(m, UINT32_MAX);
		e->body = tl_str("\"type\":\"gap\"");
		if (draw(m, 64) == 0)
			e->raw = tl_str(large);
		*tail = e;
		tail = &e->next;
	}
	put(m, k);
}

/* Made, moved forward, moved anywhere, or gone. */
static void touch(struct model *m, unsigned i)
{
	struct tl_str name = tl_str(name_of(i));
	struct rpc_consumer *k = rpc_consumer_find(&m->d, name);
	uint64_t to = m->oldest - 1 + draw(m, (uint32_t)(m->last - m->oldest + 2));

	if (!k)
		k = rpc_consumer_add(&m->d, name, to);
	else if (draw(m, 10) == 0)
		to = RPC_NOWHERE;
	put(m, rpc_consumer_move(k, to));
}

static void trim(struct model *m)
{
	struct rpc_journal_limits limits = {.age = 1000000, .bytes = 100000 + draw(m, 50000)};
	struct rpc_commit *k = rpc_commit_new(tg_batch_new());
	struct rpc_event row = {0};
	uint64_t seq;

	settle(m);
	k->trimmed = rpc_journal_trim(m->store, &limits, rpc_committer_journal(m->all.committer),
				      rpc_now().real / RPC_SECOND, k->batch);
	if (!k->trimmed) {
		rpc_commit_free(k);
		return;
	}
	put(m, k);
	settle(m);
	seq = m->last + 1;
	(void)!rpc_journal_next(m->store, 0, NULL, &seq, &row, NULL, NULL);
	rpc_journal_row_free(&row);
	CHECK(seq > m->oldest && seq <= m->last + 1);
	m->oldest = seq;
}

/* What a consumer reads is what the model has, from its position to the end. */
static void read_some(struct model *m, unsigned i, unsigned limit)
{
	struct rpc_event row = {0};
	uint64_t seq = m->consumer[i], want = seq + 1;

	if (seq == RPC_NOWHERE)
		return;
	if (want < m->oldest)
		want = m->oldest;
	while (limit-- && want <= m->last) {
		CHECK_INT(rpc_journal_next(m->store, seq, NULL, &seq, &row, NULL, NULL), 0);
		CHECK_INT(seq, want);
		CHECK_INT(row.chat, m->value[seq % ROWS]);
		want++;
		m->reads++;
	}
	rpc_journal_row_free(&row);
}

static void check_start(struct model *m)
{
	CHECK_INT(rpc_committer_seq(m->all.committer), m->last);
	CHECK_INT(rpc_journal_oldest(&m->d), m->oldest);
	check_consumers(m);
}

static void restart(struct model *m)
{
	power_off(m);
	power_on(m);
	check_start(m);
	m->restarts++;
}

/* The disk takes no more of what comes. */
static void fail(struct model *m)
{
	settle(m);
	m->dead = true;
	m->failures++;
	do {
		if (draw(m, 2))
			append(m);
		else
			touch(m, draw(m, NAMES));
	} while (draw(m, 2));
}

static void step(struct model *m)
{
	switch (draw(m, 100)) {
	case 0: /* a crash in the middle of it: what is on its way is not there */
		fail(m);
		restart(m);
		return;
	case 1: /* and room again */
		fail(m);
		settle(m);
		m->dead = false;
		return;
	case 2:
		trim(m);
		return;
	default:
		break;
	}
	if (draw(m, 4) == 0)
		append(m);
	else if (draw(m, 3) == 0)
		touch(m, draw(m, NAMES));
	else
		read_some(m, draw(m, NAMES), 1 + draw(m, 20));
	if (m->last - m->oldest + 200 > ROWS)
		trim(m);
}

static void play(struct tg_store *store, uint64_t seed, unsigned long steps)
{
	struct model m = {.store = store, .random = seed, .oldest = 1};

	model = &m;
	memset(m.consumer, 0xff, sizeof m.consumer);
	CHECK_INT(rpc_loop_init(&m.loop, at_rest, NULL), 0);
	m.real = store->ops;
	m.ops = *m.real;
	m.ops.commit = model_commit;
	store->ops = &m.ops;
	power_on(&m);
	while (steps--)
		step(&m);
	restart(&m);
	for (unsigned i = 0; i < NAMES; i++)
		read_some(&m, i, ROWS);
	power_off(&m);
	printf("T11 seed %llu: %llu events, %u restarts, %u failed commits, %u rows read: "
	       "0 divergences\n",
	       (unsigned long long)seed, (unsigned long long)m.last, m.restarts, m.failures,
	       m.reads);
	store->ops = m.real;
	store->ops->close(store);
	rpc_loop_free(&m.loop);
}

TEST_T(journal_and_consumers_like_the_model, 120)
{
	unsigned long steps = test_count("LAYERD_STEPS", 10000),
		      seeds = test_count("LAYERD_SEEDS", 2);
	struct tg_store *s;

	for (unsigned long seed = 1; seed <= seeds; seed++) {
		CHECK_INT(tg_store_open_memory(&s), 0);
		play(s, seed, steps);
	}
}

TEST_T(journal_on_lmdb_like_the_model, 120)
{
	unsigned long steps = test_count("LAYERD_STEPS", 10000) / 10;
	struct tg_store *s;
	struct tg_store_report why;

	CHECK_INT(tg_store_open_lmdb(test_dir(), &s, &why), 0);
	play(s, 99, steps);
}
