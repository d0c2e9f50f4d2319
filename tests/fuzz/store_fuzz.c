/* Any bytes as what an account, its keys, its boxes and its peers read back from the store, and as
 * rows of the journal. The input is a list of rows: kind, length (two bytes), value; kinds are
 * places in the table below. The account starts from them, connects, is asked for its peers, and
 * starts again. */
#include "core/account.h"
#include "daemon/journal.h"
#include "tests/fuzz/fuzz.h"

#include <stdlib.h>
#include <string.h>

#define PREFIX "12345678"
#define EPOCH INT64_C(1700000000)
#define EVENTS 2000

static void draw(void *ctx, void *out, size_t n)
{
	uint64_t *state = ctx;
	uint8_t *p = out;

	for (; n; n--) {
		*state = *state * 6364136223846793005u + 1442695040888963407u;
		*p++ = (uint8_t)(*state >> 56);
	}
}

/* Keys as core makes them: the account's prefix, a kind, a number or a name. */
static const struct place {
	enum tg_table table;
	const char *key;
	size_t n;
} places[] = {
	{TG_TABLE_ACCOUNT, "main", 4},
	{TG_TABLE_KEY, PREFIX "k\0\0\0\0\0\0\0\2", 17},
	{TG_TABLE_KEY, PREFIX "s\0\0\0\0\0\0\0\2", 17},
	{TG_TABLE_KEY, PREFIX "t\0\0\0\0\0\0\0\2", 17},
	{TG_TABLE_KEY, PREFIX "a\0\0\0\0\0\0\0\4", 17},
	{TG_TABLE_STATE, PREFIX "o", 9},
	{TG_TABLE_STATE, PREFIX "b", 9},
	{TG_TABLE_STATE, PREFIX "h\0\0\0\0\0\0\0\7", 17},
	{TG_TABLE_PEER, PREFIX "u\0\0\0\0\0\0\0\7", 17},
	{TG_TABLE_PEER, PREFIX "c\0\0\0\0\0\0\0\7", 17},
	{TG_TABLE_PEER, PREFIX "n\0\0\0\0\0\0\0\7", 17},
	{TG_TABLE_NAME, PREFIX "uname", 13},
	{TG_TABLE_NAME, PREFIX "p79990001", 17},
	{TG_TABLE_JOURNAL, "\0\0\0\0\0\0\0\1", 8},
	{TG_TABLE_JOURNAL, "\0\0\0\0\0\0\0\2", 8},
};
#define PLACES (sizeof places / sizeof places[0])

static void put(struct tg_store *s, unsigned kind, const void *value, size_t n)
{
	struct tg_batch *b = tg_batch_new();
	const struct tg_batch *one = b;

	need(b != NULL);
	tg_batch_put(b, places[kind].table, places[kind].key, places[kind].n, value, n);
	need(s->ops->commit(s, &one, 1) == 0);
	tg_batch_free(b);
}

/* A bot that is logged in at data centre 2: version, prefix, flags, dc, self, state, reason. */
static void put_account(struct tg_store *s)
{
	struct tl_buf b = {.len = 0};

	tl_put_u32(&b, 1);
	tl_put(&b, PREFIX, 8);
	tl_put_u32(&b, 3);
	tl_put_u32(&b, 2);
	tl_put_u64(&b, 7000);
	tl_put_u32(&b, TG_READY);
	tl_put_bytes(&b, "", 0);
	put(s, 0, b.data, b.len);
	tl_buf_free(&b);
}

static void fill(struct tg_store *s, const uint8_t *p, size_t n)
{
	put_account(s);
	while (n >= 3) {
		size_t size = p[1] | (size_t)p[2] << 8;
		unsigned kind = p[0] % PLACES;

		p += 3;
		n -= 3;
		size = size < n ? size : n;
		put(s, kind, p, size);
		p += size;
		n -= size;
	}
}

/* ---- the account ----------------------------------------------------------------------------- */
static void event(struct tg_account *a, const struct tg_event *ev, unsigned *opened,
		  struct mt_time now)
{
	switch (ev->kind) {
	case TG_EV_CONNECT:
		need(ev->host && ev->host[0] && ev->port);
		need(memchr(ev->address.host, 0, sizeof ev->address.host) != NULL);
		if (++*opened % 3 == 0)
			tg_account_opened(a, ev->link, 0, now);
		else
			tg_account_lost(a, ev->link, now);
		break;
	case TG_EV_JOB:
		ev->job->free(ev->job); /* nobody answers a key exchange here */
		break;
	case TG_EV_STORE:
		ev->batch->result = 0;
		tg_account_stored(a, ev->batch, now);
		break;
	case TG_EV_CLOSE:
	case TG_EV_UPDATE:
	case TG_EV_GAP:
	case TG_EV_ANSWER:
	case TG_EV_ERROR:
	case TG_EV_RESOLVED:
	case TG_EV_STATE:
	case TG_EV_ONLINE:
	case TG_EV_CLOCK:
	case TG_EV_WAITING:
	case TG_EV_LIMITED:
	case TG_EV_PROXY:
	case TG_EV_BARRED:
		break;
	}
}

static void ask(struct tg_account *a, const char *text)
{
	struct tg_peer_query q;
	struct tg_peer p = {.kind = TG_PEER_NONE};

	need(tg_peer_parse(tl_str(text), &q) == 0);
	if (tg_peer_find(a, &q, &p) != 0)
		return;
	need(p.kind != TG_PEER_NONE && memchr(p.username, 0, sizeof p.username));
	need(memchr(p.phone, 0, sizeof p.phone) && memchr(p.name, 0, sizeof p.name));
	need(memchr(p.last_name, 0, sizeof p.last_name) != NULL);
}

static void live(struct tg_store *store)
{
	const struct tg_settings s = {
		.api_id = 1, .api_hash = "", .transport = {.framing = MT_INTERMEDIATE}};
	uint64_t seed = 7;
	const struct tg_env env = {{.random = draw, .ctx = &seed}, store};
	struct mt_time now = {1000 * TG_SECOND, EPOCH * TG_SECOND};
	struct tg_account *a = tg_account_new("main", &s, &env, now);
	struct tg_event ev;
	unsigned opened = 0;

	need(a != NULL);
	need(tg_state_name(tg_account_state(a)) && strlen(tg_account_reason(a)) < 96);
	tg_account_connect(a, now);
	for (int i = 0; i < 12; i++) {
		int64_t at;
		unsigned n = 0;

		while (tg_account_next(a, &ev, now)) {
			need(++n < EVENTS);
			event(a, &ev, &opened, now);
		}
		for (unsigned link = 0; link < TG_MAX_DCS; link++) {
			struct tl_buf *out = tg_account_out(a, link, now);

			if (out)
				tl_buf_drop(out, out->len);
		}
		at = tg_account_deadline(a);
		now.boot = at > now.boot && at < TG_NEVER ? at : now.boot + TG_SECOND;
		tg_account_tick(a, now);
	}
	(void)tg_channel_get(a, 7);
	ask(a, "@name");
	ask(a, "+79990001");
	ask(a, "user:7");
	ask(a, "-7");
	ask(a, "channel:7");
	ask(a, "7");
	tg_account_free(a);
}

static void read_journal(struct tg_store *s)
{
	struct rpc_event e = {.next = NULL};
	uint64_t seq = 0;
	int64_t at;
	size_t size;

	while (rpc_journal_next(s, seq, NULL, &seq, &e, &at, &size) == 0) {
		need(seq <= 2 && e.type < RPC_T_COUNT && rpc_type_name(e.type));
		need(memchr(e.account, 0, sizeof e.account) != NULL);
		/* packed rows grow, and one that cannot be read is told as a gap */
		need(e.body.len <= 200 * size || e.type == RPC_T_GAP || e.body.len <= 1 << 20);
	}
	rpc_journal_row_free(&e);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct tg_store *s;

	need(tg_store_open_memory(&s) == 0);
	fill(s, data, n);
	live(s);
	read_journal(s);
	s->ops->close(s);
	return 0;
}
