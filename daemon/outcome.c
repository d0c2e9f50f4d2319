/* Rows of TG_TABLE_OUTCOME and what they decide. Keys begin with a letter:
 *   o user random → version, hash of the parameters, code, text: one request with a key
 *   n user random → message id: what Telegram called a message of that random id (F.75)
 *   t begin user random letter → nothing: in order of age, for the end
 * user is the account's own id, so that another alias changes nothing. code -1: no outcome yet, and
 * text is pts, qts, date of the peer's box before the first try; 0: a result; else Telegram's
 * error. */
#include "daemon/outcome.h"

#include "daemon/accounts.h"
#include "daemon/daemon.h"
#include "daemon/js.h"
#include "daemon/raw.h"
#include "daemon/sent.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ROW_VERSION 1u
#define NO_OUTCOME (-1)
#define EXPIRE_ROWS 1000u

struct key {
	uint8_t bytes[32];
	size_t n;
};

static void put_number(struct key *k, uint64_t v)
{
	for (int i = 7; i >= 0; i--)
		k->bytes[k->n++] = (uint8_t)(v >> 8 * i);
}

static struct key row_key(const struct rpc_account *a, char letter, int64_t random)
{
	struct key k = {{(uint8_t)letter}, 1};

	put_number(&k, (uint64_t)tg_account_self(a->tg));
	put_number(&k, (uint64_t)random);
	return k;
}

static void put_row(struct tg_batch *b, const struct key *k, const struct tl_buf *row)
{
	if (row->err)
		b->ops.err = row->err;
	else
		tg_batch_put(b, TG_TABLE_OUTCOME, k->bytes, k->n, row->data, row->len);
}

static struct key age_key(int64_t begin, const struct key *row)
{
	struct key k = {{'t'}, 1};

	put_number(&k, (uint64_t)begin);
	memcpy(k.bytes + k.n, row->bytes + 1, row->n - 1);
	k.n += row->n - 1;
	k.bytes[k.n++] = row->bytes[0];
	return k;
}

static void put_age(struct tg_batch *b, int64_t begin, const struct key *row)
{
	struct key k = age_key(begin, row);

	tg_batch_put(b, TG_TABLE_OUTCOME, k.bytes, k.n, NULL, 0);
}

static int64_t unix_now(void)
{
	return rpc_now().real / RPC_SECOND;
}

/* ---- one row --------------------------------------------------------------------------------- */
static void save(const struct rpc_outcome *o, struct tg_batch *b, int code, struct tl_str text)
{
	struct key k = row_key(o->call->account, 'o', o->id);
	struct tl_buf row = {0};

	tl_put_u8(&row, ROW_VERSION);
	tl_put(&row, o->hash, sizeof o->hash);
	tl_put_u32(&row, (uint32_t)code);
	tl_put(&row, text.data, text.len);
	put_row(b, &k, &row);
	tl_buf_free(&row);
}

/* What is kept under this id: hash, code and text; false: nothing that can be read. */
static bool load(const struct rpc_outcome *o, uint8_t hash[32], int *ret_code, struct tl_buf *text)
{
	struct rpc_account *a = o->call->account;
	struct tg_store *s = a->d->accounts->store;
	struct key k = row_key(a, 'o', o->id);
	struct tl_buf row = {0};
	int err = s->ops->get(s, TG_TABLE_OUTCOME, k.bytes, k.n, &row);
	struct tl_cursor in = tl_cursor(row.data, row.len);
	const uint8_t *version = tl_get(&in, 1), *sum = tl_get(&in, 32);

	*ret_code = (int)tl_get_u32(&in);
	if (!err && !in.err && *version == ROW_VERSION) {
		memcpy(hash, sum, 32);
		tl_put(text, in.p, tl_left(&in));
	} else {
		err = -TG_E_NOT_FOUND;
	}
	tl_buf_free(&row);
	return !err && !text->err;
}

void rpc_outcome_name(struct rpc_account *a, int64_t random, int32_t id)
{
	struct key k = row_key(a, 'n', random);
	struct tl_buf row = {0};

	if (!a->named && !(a->named = tg_batch_new()))
		return;
	tl_put_u32(&row, (uint32_t)id);
	put_row(a->named, &k, &row);
	put_age(a->named, unix_now(), &k);
	tl_buf_free(&row);
}

int32_t rpc_outcome_named(const struct rpc_account *a, int64_t random)
{
	struct tg_store *s = a->d->accounts->store;
	struct key k = row_key(a, 'n', random);
	struct tl_buf row = {0};
	struct tl_cursor in;
	int32_t id = 0;

	if (s->ops->get(s, TG_TABLE_OUTCOME, k.bytes, k.n, &row) == 0) {
		in = tl_cursor(row.data, row.len);
		id = (int32_t)tl_get_u32(&in);
	}
	tl_buf_free(&row);
	return id;
}

/* ---- arriving -------------------------------------------------------------------------------- */
/* Of the request's own parameters: how long to wait and what to show is no part of what is done. */
static int hash_params(struct rpc_call *c, uint8_t out[32])
{
	json_t *own = c->params ? json_copy(c->params) : json_object();
	char *text = NULL;

	for (unsigned i = 0; own && i < rpc_common_count; i++)
		json_object_del(own, rpc_common_params[i].name);
	if (own)
		text = json_dumps(own, JSON_SORT_KEYS | JSON_COMPACT);
	json_decref(own);
	if (!text)
		return rpc_problem(c, -TG_E_NOMEM, NULL, NULL);
	mt_sha256(out, text, strlen(text), NULL, 0);
	free(text);
	return 0;
}

static struct rpc_outcome *listed(const struct rpc_account *a, int64_t id)
{
	struct rpc_outcome *o = a->outcomes;

	while (o && o->id != id)
		o = o->next;
	return o;
}

/* One user may be there under several names. */
static struct rpc_outcome *under_way(const struct rpc_account *a, int64_t id)
{
	struct rpc_outcome *o = listed(a, id);
	int64_t self = tg_account_self(a->tg);

	for (const struct rpc_account *b = a->d->accounts->list; b && !o; b = b->next)
		if (b->outcomes && tg_account_self(b->tg) == self)
			o = listed(b, id);
	return o;
}

static int check_same(struct rpc_call *c, const uint8_t *hash)
{
	if (memcmp(hash, c->outcome->hash, 32) == 0)
		return 0;
	rpc_hint(c, "take a new key for another message");
	return rpc_problem(c, -TG_E_INVALID_PARAMS, "idempotency_key",
			   "this key was used with other parameters");
}

static struct rpc_result replay(struct rpc_call *c, int code, const struct tl_buf *text)
{
	struct tl_str said = {(const char *)text->data, (uint32_t)text->len};
	const char *done = code ? tg_refusal_done(code, said) : NULL;

	c->outcome->stage = RPC_OUTCOME_SETTLED;
	if (done)
		rpc_hint(c, "%s", done);
	if (code) {
		c->problem.code = code;
		rpc_js_bool(&c->problem.extra, "replayed", true);
		return rpc_fail(c, -TG_E_TELEGRAM, "%.*s", (int)said.len, said.data);
	}
	c->replayed = true;
	tl_put(rpc_begin(c), text->data, text->len);
	return rpc_end(c);
}

static void check_repeat(struct rpc_call *c)
{
	if (under_way(c->account, c->outcome->id))
		return;
	rpc_unwait(c);
	c->cancel = NULL;
	rpc_outcome_begin(c);
}

static struct rpc_result own(struct rpc_call *c, enum rpc_outcome_stage stage)
{
	struct rpc_outcome *o = c->outcome;

	o->stage = stage;
	o->begin = unix_now();
	o->next = c->account->outcomes;
	c->account->outcomes = o;
	rpc_line_up(c);
	return rpc_peers_resolve(c);
}

struct rpc_result rpc_outcome_keep(struct rpc_call *c)
{
	struct rpc_outcome *o = c->outcome;
	struct tg_batch *batch;
	struct tl_buf since = {0};
	struct key k;

	if (!o || o->stage != RPC_OUTCOME_FRESH)
		return rpc_proceed(c);
	batch = tg_batch_new();
	c->since = tg_account_update_state(c->account->tg, rpc_sent_channel(c));
	tl_put_u32(&since, (uint32_t)c->since.pts);
	tl_put_u32(&since, (uint32_t)c->since.qts);
	tl_put_u32(&since, (uint32_t)c->since.date);
	if (batch && !since.err) {
		k = row_key(c->account, 'o', o->id);
		save(o, batch, NO_OUTCOME,
		     (struct tl_str){(const char *)since.data, (uint32_t)since.len});
		put_age(batch, o->begin, &k);
	} else if (batch) {
		batch->ops.err = since.err;
	}
	tl_buf_free(&since);
	return rpc_commit_call(c, batch, rpc_proceed);
}

/* Rows of older versions do not have it. */
static struct tg_update_state read_since(const struct tl_buf *text)
{
	struct tl_cursor in = tl_cursor(text->data, text->len);
	struct tg_update_state s;

	s.pts = (int32_t)tl_get_u32(&in);
	s.qts = (int32_t)tl_get_u32(&in);
	s.date = (int32_t)tl_get_u32(&in);
	return in.err ? (struct tg_update_state){0} : s;
}

struct rpc_result rpc_outcome_begin(struct rpc_call *c)
{
	struct rpc_outcome *o = c->outcome, *first;
	struct tl_buf text = {0};
	struct rpc_result r;
	uint8_t hash[32];
	int code;

	if (!o) {
		o = c->outcome = tl_arena_alloc(&c->arena, sizeof *o);
		if (!o)
			return rpc_fail(c, -TG_E_NOMEM, NULL);
		memset(o, 0, sizeof *o);
		o->call = c;
		o->stage = RPC_OUTCOME_SETTLED; /* nothing to keep until it is the owner */
		o->id = rpc_random_id(c, 0);
		if (hash_params(c, o->hash) != 0)
			return rpc_refuse(c);
	}
	first = under_way(c->account, o->id);
	if (first)
		return check_same(c, first->hash) != 0 ? rpc_refuse(c) : rpc_wait(c, check_repeat);
	if (!load(o, hash, &code, &text)) {
		r = own(c, RPC_OUTCOME_FRESH);
	} else if (check_same(c, hash) != 0) {
		r = rpc_refuse(c);
	} else if (code == NO_OUTCOME) {
		c->since = read_since(&text);
		o->repeated = true;
		r = own(c, RPC_OUTCOME_OPEN);
	} else {
		r = replay(c, code, &text);
	}
	tl_buf_free(&text);
	return r;
}

void rpc_outcome_open(struct rpc_call *c)
{
	if (c->outcome && c->outcome->stage == RPC_OUTCOME_FRESH)
		c->outcome->stage = RPC_OUTCOME_OPEN;
}

void rpc_outcome_free(struct rpc_call *c)
{
	struct rpc_outcome **p;

	if (!c->outcome)
		return;
	for (p = &c->account->outcomes; *p && *p != c->outcome; p = &(*p)->next)
		;
	if (*p) {
		*p = c->outcome->next;
		rpc_waiters_check(c->d); /* repeats may wait for it */
	}
	tl_buf_free(&c->outcome->text);
	c->outcome = NULL;
}

/* ---- what it got ----------------------------------------------------------------------------- */
struct tl_buf *rpc_outcome_record(struct rpc_call *c)
{
	if (!c->outcome || c->outcome->stage >= RPC_OUTCOME_SETTLING)
		return NULL;
	tl_buf_clear(&c->outcome->text);
	return &c->outcome->text;
}

static struct rpc_result tell(struct rpc_call *c)
{
	struct rpc_outcome *o = c->outcome;

	o->stage = RPC_OUTCOME_SETTLED;
	if (c->problem.err)
		return rpc_refuse(c);
	tl_put(rpc_begin(c), o->text.data, o->text.len);
	return rpc_end(c);
}

static struct rpc_result settle(struct rpc_call *c, int code, struct tl_str text)
{
	struct tg_batch *batch = tg_batch_new();

	c->outcome->stage = RPC_OUTCOME_SETTLING;
	if (batch)
		save(c->outcome, batch, code, text);
	return rpc_commit_call(c, batch, tell);
}

struct rpc_result rpc_outcome_settle(struct rpc_call *c)
{
	const struct tl_buf *b = &c->outcome->text;

	c->problem.outcome = "unknown"; /* should memory or disk refuse: it was sent */
	if (b->err)
		return rpc_fail(c, b->err, NULL);
	return settle(c, 0, (struct tl_str){(const char *)b->data, (uint32_t)b->len});
}

bool rpc_outcome_refuse(struct rpc_call *c)
{
	struct rpc_outcome *o = c->outcome;
	struct tg_batch *batch;
	struct key k;

	if (!o || o->stage >= RPC_OUTCOME_SETTLING || c->problem.err == -TG_E_SHUTTING_DOWN)
		return false;
	if (o->stage == RPC_OUTCOME_FRESH) { /* nothing was sent: the key is as good as new */
		k = row_key(c->account, 'o', o->id);
		o->stage = RPC_OUTCOME_SETTLING;
		batch = tg_batch_new();
		if (batch) {
			tg_batch_delete(batch, TG_TABLE_OUTCOME, k.bytes, k.n);
			k = age_key(o->begin, &k);
			tg_batch_delete(batch, TG_TABLE_OUTCOME, k.bytes, k.n);
		}
		rpc_timer_clear(&c->d->loop, &c->timer); /* the answer is known */
		c->deadline = INT64_MAX;
		rpc_commit_call(c, batch, tell);
		return true;
	}
	/* what may yet succeed is no outcome: a repeat tries again, with the same random id */
	if (c->problem.err != -TG_E_TELEGRAM || c->problem.code == 401 ||
	    rpc_retryable(&c->problem) ||
	    (o->repeated && strcmp(c->problem.message, RPC_DUPLICATE) == 0) ||
	    tg_refusal_passes(c->problem.code, tl_str(c->problem.message)))
		return false;
	settle(c, c->problem.code, tl_str(c->problem.message));
	return true;
}

/* ---- the end --------------------------------------------------------------------------------- */
/* t begin user random letter → begin and the row's key. */
static bool read_age(const struct tl_buf *key, int64_t *ret_begin, struct key *ret_row)
{
	size_t head = 1 + 8;

	if (key->len != head + 17)
		return false;
	*ret_begin = 0;
	for (size_t i = 1; i < head; i++)
		*ret_begin = *ret_begin << 8 | key->data[i];
	*ret_row = (struct key){{key->data[key->len - 1]}, 17};
	memcpy(ret_row->bytes + 1, key->data + head, 16);
	return true;
}

unsigned rpc_outcomes_trim(struct tg_store *s, int64_t now, struct tg_batch *batch)
{
	struct tl_buf from = {0}, key = {0}, value = {0};
	int64_t begin;
	struct key row;
	unsigned n = 0;

	tl_put_u8(&from, 't');
	while (n < EXPIRE_ROWS && !from.err) {
		tl_buf_clear(&key);
		tl_buf_clear(&value);
		if (s->ops->seek(s, TG_TABLE_OUTCOME, "t", 1, from.data, from.len, &key, &value) !=
			    0 ||
		    !read_age(&key, &begin, &row) || now - begin < RPC_MAX_OUTCOME_AGE)
			break;
		tg_batch_delete(batch, TG_TABLE_OUTCOME, row.bytes, row.n);
		tg_batch_delete(batch, TG_TABLE_OUTCOME, key.data, key.len);
		n++;
		tl_buf_clear(&from);
		tl_put(&from, key.data, key.len);
		tl_put_u8(&from, 0); /* the next key there can be */
	}
	tl_buf_free(&from);
	tl_buf_free(&key);
	tl_buf_free(&value);
	return n;
}
