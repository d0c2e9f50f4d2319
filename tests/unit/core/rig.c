/* The rig: see rig.h. What the account wants of the world is done here. */
#include "tests/unit/core/rig.h"

static const int64_t second = 1000000000;

uint32_t rig_draw(struct rig *r, uint32_t below)
{
	r->seed = r->seed * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(r->seed >> 33) % below;
}

static void draw_bytes(void *ctx, void *out, size_t n)
{
	uint8_t *p = out;

	while (n--)
		*p++ = (uint8_t)rig_draw(ctx, 256);
}

/* ---- what the account says ---- */
/* All connections, the data centres' first ones before the others. */
#define EACH(r, d)                                                                                  \
	for (struct rig_dc *d = &(r)->dc[1]; d; d = d == &(r)->dc[RIG_DCS]          ? &(r)->more[0] \
						    : d == &(r)->more[RIG_MORE - 1] ? NULL          \
										    : d + 1)

unsigned rig_open(const struct rig *r, int dc)
{
	unsigned n = r->dc[dc].slot >= 0;

	for (int i = 0; i < RIG_MORE; i++)
		n += r->more[i].id == dc && r->more[i].slot >= 0;
	return n;
}

static void connect(struct rig *r, const struct tg_event *ev)
{
	int id = ev->address.dc;
	struct rig_dc *d = &r->dc[id];
	const struct tg_session *s = r->a->sessions[ev->link];

	CHECK(id >= 1 && id <= RIG_DCS);
	if (r->refuse_connection) {
		tg_account_lost(r->a, ev->link, r->now);
		return;
	}
	/* updates are said over the first one: it is kept for the main session */
	if (d->slot >= 0 || s->purpose != TG_FOR_MAIN) {
		d = r->more;
		while (d < r->more + RIG_MORE - 1 && d->slot >= 0)
			d++;
		CHECK(d->slot < 0);
		d->id = id;
		d->salt = r->dc[id].salt;
		d->session = d->last_msg_id = d->refusals = 0;
		d->content = 0;
	}
	mt_link_free(d->link);
	d->link = mt_link_accept(&r->env.random);
	d->slot = (int)ev->link;
	r->dc[id].connections++;
	if (rig_open(r, id) > r->dc[id].most)
		r->dc[id].most = rig_open(r, id);
	tg_account_opened(r->a, ev->link, 0, r->now);
}

static void text_of(struct rig *r, const struct tl_obj *u, char out[32])
{
	const struct tl_message *m = (const void *)tl_field_obj(&tl_api, u, "message");
	int64_t v;

	(void)r;
	if (m && m->obj.ctor == TL_message)
		snprintf(out, 32, "%.*s", (int)m->message.len, m->message.data);
	else if (tl_field_int(&tl_api, u, "user_id", &v))
		snprintf(out, 32, "u%lld", (long long)v);
	else
		snprintf(out, 32, "%.31s", tl_name(&tl_api, u->ctor));
}

static void commit(struct rig *r, struct tg_batch *b)
{
	const struct tg_batch *one = b;

	r->commits++;
	b->result = r->fail_commit ? r->fail_commit : r->store->ops->commit(r->store, &one, 1);
	if (!b->result && !r->saw) {
		CHECK(r->journal_n + r->owned_n <= RIG_LOG);
		memcpy(r->journal[r->journal_n], r->pending, r->owned_n * 32);
		r->journal_n += r->owned_n;
		r->pending_n -= r->owned_n;
		memmove(r->pending, r->pending[r->owned_n], r->pending_n * 32);
		r->owned_n = 0;
	}
	tg_account_stored(r->a, b, r->now);
}

void rig_commit_held(struct rig *r)
{
	struct tg_batch *b = r->held;

	CHECK(b);
	r->held = NULL;
	commit(r, b);
}

static void result(struct rig *r, const struct tg_event *ev)
{
	struct rig_result *x = &r->results[r->results_n++ % 256];
	struct tl_cursor c = tl_cursor(ev->data, ev->n);

	*x = (struct rig_result){.call = ev->call,
				 .method = ev->method,
				 .error = ev->error,
				 .code = ev->code,
				 .retry_after = ev->retry_after,
				 .place = ev->place,
				 .sent = ev->sent,
				 .at = r->now.boot};
	if (ev->kind == TG_EV_ANSWER)
		x->number = tl_peek_u32(&c);
	else if (ev->data)
		snprintf(x->text, sizeof x->text, "%.*s", (int)ev->n, (const char *)ev->data);
}

static void event(struct rig *r, const struct tg_event *ev)
{
	if (r->saw)
		r->saw(r, ev);
	switch (ev->kind) {
	case TG_EV_CONNECT:
		connect(r, ev);
		break;
	case TG_EV_CLOSE:
		EACH(r, d)
		if (d->slot == (int)ev->link)
			d->slot = -1;
		break;
	case TG_EV_JOB:
		ev->job->run(ev->job);
		tg_account_job_done(r->a, ev->job, r->now);
		break;
	case TG_EV_UPDATE:
		if (r->saw)
			break;
		CHECK(r->pending_n < RIG_LOG);
		text_of(r, ev->object, r->pending[r->pending_n++]);
		break;
	case TG_EV_GAP:
		if (r->saw)
			break;
		snprintf(r->pending[r->pending_n++], 32, "gap:%lld:%lld-%lld:%.8s",
			 (long long)ev->box, (long long)ev->from, (long long)ev->to, ev->text);
		break;
	case TG_EV_STORE:
		/* a second commit never overtakes the first */
		CHECK(!r->held);
		if (!ev->again)
			r->owned_n = r->pending_n;
		if (r->hold_commit)
			r->held = ev->batch;
		else
			commit(r, ev->batch);
		break;
	case TG_EV_ANSWER:
	case TG_EV_ERROR:
		result(r, ev);
		break;
	case TG_EV_RESOLVED:
		if (ev->peer)
			r->resolved_peers[r->resolved_n % 32] = *ev->peer;
		r->resolved[r->resolved_n++ % 32] = *ev;
		break;
	case TG_EV_STATE:
		r->state = *ev;
		r->step = ev->call;
		r->states += !ev->again;
		r->same_states += ev->again;
		snprintf(r->state_text, sizeof r->state_text, "%.*s", (int)ev->n,
			 (const char *)ev->data);
		break;
	case TG_EV_ONLINE:
		r->onlines++;
		break;
	case TG_EV_WAITING:
		r->waitings[r->waitings_n++ % 64] = (struct rig_waiting){
			ev->call, ev->text, ev->place, (int)ev->value, ev->retry_after};
		break;
	case TG_EV_LIMITED:
		r->limited++;
		break;
	case TG_EV_CLOCK:
	case TG_EV_PROXY:
	case TG_EV_BARRED:
		break;
	}
}

void rig_run(struct rig *r)
{
	struct tg_event ev;
	bool any;

	do {
		any = false;
		while (tg_account_next(r->a, &ev, r->now)) {
			event(r, &ev);
			any = true;
		}
		EACH(r, d)
		any |= rig_pump(r, d);
	} while (any);
}

void rig_pass(struct rig *r, double seconds)
{
	int64_t end = r->now.boot + (int64_t)(seconds * 1e9), at;

	for (int i = 0;; i++) {
		rig_run(r);
		at = tg_account_deadline(r->a);
		if (at > end)
			break;
		CHECK(i < 100000); /* no busy loop */
		if (at > r->now.boot) {
			r->now.real += at - r->now.boot;
			r->now.boot = at;
		}
		tg_account_tick(r->a, r->now);
	}
	r->now.real += end - r->now.boot;
	r->now.boot = end;
	rig_run(r);
}

void rig_lose(struct rig *r, int dc)
{
	EACH(r, d)
	{
		int slot = d->slot;

		if (slot < 0 || d->id != dc)
			continue;
		d->slot = -1;
		tg_account_lost(r->a, (unsigned)slot, r->now);
	}
}

/* ---- life ---- */
static void account_new(struct rig *r)
{
	r->a = tg_account_new("main", &r->s, &r->env, r->now);
	CHECK(r->a);
	for (int i = 0; i < RIG_MORE; i++)
		r->more[i].slot = -1;
	for (int i = 1; i <= RIG_DCS; i++) {
		struct tg_key k = tg_key(r->a, 'k');
		struct tl_buf b = {0};

		tg_key_number(&k, (uint64_t)i + 10000);
		r->dc[i].slot = -1;
		if (!r->no_keys && tg_read(r->a, TG_TABLE_KEY, k.bytes, k.n, &b) != 0)
			tg_write(r->a, TG_TABLE_KEY, k.bytes, k.n, r->dc[i].key.key, 256);
		tl_buf_free(&b);
	}
}

static struct rig *make(bool no_keys)
{
	static const char hosts[] = "127.0.0.1";
	struct rig *r = calloc(1, sizeof *r);

	r->seed = 42;
	r->no_keys = no_keys;
	r->now = (struct mt_time){1000 * second, RIG_EPOCH * second};
	r->env = (struct tg_env){{.random = draw_bytes, .ctx = r}, NULL};
	r->date = (int32_t)RIG_EPOCH;
	r->pts = 100;
	tl_arena_init(&r->arena, (size_t)1 << 30);
	CHECK_INT(tg_store_open_memory(&r->store), 0);
	r->env.store = r->store;
	for (int i = 1; i <= RIG_DCS; i++) {
		uint8_t key[256];

		draw_bytes(r, key, sizeof key);
		CHECK_INT(mt_key_init(&r->dc[i].key, key), 0);
		r->dc[i].salt = 77;
		r->dc[i].id = i;
		server_init(&r->dc[i].server, (uint64_t)i, BEND_NONE);
		r->addresses[i - 1].dc = i;
		memcpy(r->addresses[i - 1].host, hosts, sizeof hosts);
		r->addresses[i - 1].port = 443;
	}
	r->s = (struct tg_settings){.api_id = 12345,
				    .api_hash = "hash",
				    .test = true,
				    .catch_up = true,
				    .rsa = server_rsa(),
				    .rsa_count = 1,
				    .addresses = r->addresses,
				    .address_count = RIG_DCS};
	CHECK_INT(mt_transport_parse("intermediate", &r->s.transport), 0);
	account_new(r);
	return r;
}

struct rig *rig_new(void)
{
	return make(false);
}

struct rig *rig_new_without_keys(void)
{
	return make(true);
}

void rig_restart(struct rig *r)
{
	tg_account_free(r->a);
	if (r->held) {
		tg_batch_free(r->held);
		r->held = NULL;
	}
	r->pending_n = r->owned_n = 0;
	for (int i = 1; i <= RIG_DCS; i++)
		r->dc[i].session = 0;
	account_new(r);
	tg_account_connect(r->a, r->now);
}

void rig_free(struct rig *r)
{
	tg_account_free(r->a);
	EACH(r, d)
	mt_link_free(d->link);
	tl_arena_free(&r->arena);
	if (r->held)
		tg_batch_free(r->held);
	r->store->ops->close(r->store);
	free(r);
}

void rig_login(struct rig *r)
{
	CHECK_INT(tg_login_bot(r->a, tl_str("7000:token"), r->now), 0);
	rig_pass(r, 1);
	CHECK_INT(tg_account_state(r->a), TG_READY);
}

uint64_t rig_call(struct rig *r, const struct tl_obj *method, const struct tg_call_options *o)
{
	struct tg_call_options standard = {.deadline = r->now.boot + 50 * second, .flood_wait = 20};
	struct tl_buf b = {0};
	uint64_t call = 0;

	CHECK_INT(tl_encode(&tl_api, method, &b), 0);
	CHECK_INT(tg_call(r->a, method->ctor, b.data, b.len, o ? o : &standard, &call, r->now), 0);
	tl_buf_free(&b);
	return call;
}

const struct rig_result *rig_result_of(struct rig *r, uint64_t call)
{
	const struct rig_result *found = NULL;

	for (size_t i = 0; i < r->results_n && i < 256; i++)
		if (r->results[i].call == call) {
			CHECK(!found); /* exactly one completion */
			found = &r->results[i];
		}
	return found;
}

void rig_journal_is(struct rig *r, const char *want)
{
	char got[8192];
	size_t at = 0;

	got[0] = 0;
	for (size_t i = 0; i < r->journal_n && at < sizeof got - 40; i++)
		at += (size_t)snprintf(got + at, sizeof got - at, "%s%s", i ? " " : "",
				       r->journal[i]);
	CHECK_STR(got, want);
}
