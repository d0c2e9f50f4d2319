/* Any update of Telegram's on its way to subscribers: what comes out is JSON, and a row of the
 * journal gives it back as it was. The first byte chooses: an object's bytes, or the number of a
 * constructor and a seed from which an object is drawn. */
#include "daemon/event.h"
#include "daemon/journal.h"
#include "tests/fuzz/fuzz.h"
#include "tl_schema.h"

#include <jansson.h>
#include <string.h>

#define ARENA_CAP (16u << 20)

static uint64_t draw(void *ctx)
{
	uint64_t *x = ctx;

	*x = *x * 6364136223846793005u + 1442695040888963407u;
	return *x ^ *x >> 29;
}

static struct tl_obj *object(struct tl_arena *a, const uint8_t *data, size_t n)
{
	struct tl_cursor c = tl_cursor(data + 1, n - 1);
	struct tl_obj *o = NULL;
	bool cut = false;
	unsigned ctor;
	uint64_t seed;

	if (data[0] % 2 == 0)
		return tl_decode(&tl_api, a, &c, &o, &cut) == 0 ? o : NULL;
	ctor = (data[1] | (unsigned)(n > 2 ? data[2] : 0) << 8) % tl_ctor_count(&tl_api) + 1;
	seed = n >= 11 ? tl_get_u64(&(struct tl_cursor){data + 3, data + 11, 0}) : n;
	if (tl_is_method(&tl_api, ctor) || tl_random(&tl_api, ctor, draw, &seed, a, &o) != 0)
		return NULL;
	return o;
}

/* The members of an object, which stand in its braces elsewhere. */
static void is_json(struct tl_str members, bool braces)
{
	struct tl_buf text = {.len = 0};
	json_t *v;

	if (braces)
		tl_put_u8(&text, '{');
	tl_put(&text, members.data, members.len);
	if (braces)
		tl_put_u8(&text, '}');
	v = json_loadb((char *)text.data, text.len, JSON_ALLOW_NUL | JSON_REJECT_DUPLICATES, NULL);
	need(v != NULL);
	json_decref(v);
	tl_buf_free(&text);
}

static bool same(struct tl_str x, struct tl_str y)
{
	return x.len == y.len && (!x.len || memcmp(x.data, y.data, x.len) == 0);
}

static void journal(struct tg_store *s, const struct rpc_event *e)
{
	struct rpc_event back = {.next = NULL};
	struct tg_batch *b = tg_batch_new();
	const struct tg_batch *one = b;
	uint64_t seq = 0;
	int64_t at = 0;

	need(b && rpc_journal_put(b, 9, e, 1700000000) > 0 && s->ops->commit(s, &one, 1) == 0);
	tg_batch_free(b);
	need(rpc_journal_next(s, 0, NULL, &seq, &back, &at, NULL) == 0);
	need(seq == 9 && at == 1700000000 && back.type == e->type && back.chat == e->chat);
	need(back.from == e->from && back.out == e->out && back.has_text == e->has_text);
	need(same(back.body, e->body) && same(back.raw, e->raw) && same(back.text, e->text));
	rpc_journal_row_free(&back);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	const struct tg_settings settings = {.api_id = 1, .api_hash = ""};
	struct rpc_account account = {.name = "main"};
	struct tg_env env = {{.random = same_bytes, .ctx = NULL}, NULL};
	struct tl_buf room = {0};
	struct tl_arena arena;
	struct rpc_event *e;
	struct tl_obj *o;

	if (n < 2)
		return 0;
	tl_arena_init(&arena, ARENA_CAP);
	o = object(&arena, data, n);
	if (o && o->ctor != TL_VECTOR) {
		need(tg_store_open_memory(&env.store) == 0);
		account.tg = tg_account_new("main", &settings, &env, (struct mt_time){0, 0});
		need(account.tg != NULL);
		e = rpc_event_update(&account, o, &room);
		need(e && e->type < RPC_T_COUNT);
		is_json(e->body, true);
		if (e->raw.len)
			is_json(e->raw, false);
		journal(env.store, e);
		rpc_event_free(e);
		tl_buf_free(&room);
		tg_account_free(account.tg);
		env.store->ops->close(env.store);
	}
	tl_arena_free(&arena);
	return 0;
}
