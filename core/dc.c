/* Data centres of an account: one client each, its key and salts in the store, and the
 * authorization that others than the main one get by export and import (E.8-E.13). A client belongs
 * to its struct tg_dc. */
#include "core/account.h"

#include <stdlib.h>
#include <string.h>

#define TEST_WORLD 10000 /* added to the number in keys, so that worlds never meet (E.5) */

static struct tg_key dc_key(const struct tg_account *a, uint8_t kind, int id)
{
	struct tg_key k = tg_key(a, kind);

	tg_key_number(&k, (uint64_t)id + (a->s.test ? TEST_WORLD : 0));
	return k;
}

/* ---- the header of first queries (core.telegram.org/api/invoking; D.60, D.63) ---- */
static void put_text(struct tl_buf *b, const char *text, const char *otherwise)
{
	text = text ? text : otherwise;
	tl_put_bytes(b, text, strlen(text));
}

static void set_init(struct tg_account *a, struct mt_client *c)
{
	const struct tg_settings *s = &a->s;
	struct tl_buf b = {0};

	tl_put_u32(&b, TL_ID_invokeWithLayer);
	tl_put_u32(&b, tl_layer(&tl_api));
	tl_put_u32(&b, TL_ID_initConnection);
	tl_put_u32(&b, 0);
	tl_put_u32(&b, (uint32_t)s->api_id);
	put_text(&b, s->device_model, "PC");
	put_text(&b, s->system_version, "Linux");
	put_text(&b, s->app_version, "1.0");
	put_text(&b, s->system_lang_code, "en");
	put_text(&b, s->lang_pack, "");
	put_text(&b, s->lang_code, "en");
	if (!b.err)
		mt_client_set_init(c, b.data, b.len);
	tl_buf_free(&b);
}

/* ---- birth and death ---- */
static void load_salts(struct tg_account *a, int id, struct mt_client_options *o, struct tl_buf *b)
{
	struct tg_key k = dc_key(a, 's', id);
	struct tl_cursor c;

	tl_buf_clear(b);
	if (tg_read(a, TG_TABLE_KEY, k.bytes, k.n, b) != 0)
		return;
	c = tl_cursor(b->data, b->len);
	while (tl_left(&c) >= 16 && o->salt_count < sizeof o->salts / sizeof *o->salts) {
		struct mt_salt *s = &o->salts[o->salt_count++];

		s->valid_since = (int32_t)tl_get_u32(&c);
		s->valid_until = (int32_t)tl_get_u32(&c);
		s->salt = tl_get_u64(&c);
	}
}

static void load_options(struct tg_account *a, int id, struct mt_client_options *o)
{
	struct tg_key key = dc_key(a, 'k', id), offset = dc_key(a, 't', id);
	struct tl_buf b = {0};

	o->dc = id;
	o->test = a->s.test;
	o->transport = a->s.transport;
	o->proxy = a->s.proxy;
	o->pfs = a->s.pfs;
	o->rsa = a->s.rsa_count ? a->s.rsa : mt_rsa_builtin(a->s.test);
	o->rsa_count = a->s.rsa_count ? a->s.rsa_count : 1;
	if (tg_read(a, TG_TABLE_KEY, key.bytes, key.n, &b) == 0 && b.len == sizeof o->key) {
		memcpy(o->key, b.data, sizeof o->key);
		o->has_key = true;
		load_salts(a, id, o, &b);
	}
	tl_buf_clear(&b);
	if (tg_read(a, TG_TABLE_KEY, offset.bytes, offset.n, &b) == 0) {
		struct tl_cursor c = tl_cursor(b.data, b.len);

		o->time_offset = (int64_t)tl_get_u64(&c);
	}
	if (b.data)
		mt_wipe(b.data, b.cap);
	tl_buf_free(&b);
}

static void idle(struct tg_account *a, struct tg_timer *t)
{
	struct tg_dc *dc = TG_OF(t, struct tg_dc, idle);

	if (dc->id != a->main_dc && dc->queries.count == 0 && !dc->importing)
		tg_dc_free(a, dc);
	else
		tg_dc_busy(a, dc);
}

void tg_dc_busy(struct tg_account *a, struct tg_dc *dc)
{
	tg_timer_set(&a->timers, &dc->idle,
		     dc->id == a->main_dc ? TG_NEVER : a->now.boot + TG_DC_IDLE);
}

static struct tg_dc *dc_new(struct tg_account *a, int id, unsigned slot)
{
	struct mt_client_options o = {0};
	struct tg_dc *dc = calloc(1, sizeof *dc);
	struct tg_key k = dc_key(a, 'a', id);
	struct tl_buf b = {0};

	if (!dc)
		return NULL;
	load_options(a, id, &o);
	dc->client = mt_client_new(&o, &a->env.random, a->now);
	mt_wipe(&o, sizeof o);
	if (!dc->client) {
		free(dc);
		return NULL;
	}
	set_init(a, dc->client);
	dc->id = id;
	dc->link = slot;
	dc->idle.fire = idle;
	dc->authorized = tg_read(a, TG_TABLE_KEY, k.bytes, k.n, &b) == 0;
	tl_buf_free(&b);
	a->dcs[slot] = dc;
	tg_dc_busy(a, dc);
	return dc;
}

struct tg_dc *tg_dc_get(struct tg_account *a, int id)
{
	unsigned slot = TG_MAX_DCS;

	if (id <= 0 || id > TG_DC_NUMBER_MAX)
		return NULL;
	for (unsigned i = TG_MAX_DCS; i-- > 0;) {
		if (!a->dcs[i])
			slot = i;
		else if (a->dcs[i]->id == id)
			return a->dcs[i];
	}
	return slot < TG_MAX_DCS ? dc_new(a, id, slot) : NULL;
}

static void set_online(struct tg_account *a, struct tg_dc *dc, bool yes)
{
	struct tg_node *n;

	dc->online = yes;
	if (dc->id != a->main_dc || a->online == yes)
		return;
	a->online = yes;
	n = tg_event_new(a, TG_EV_ONLINE);
	if (n)
		n->ev.value = yes;
}

static void unlink_connection(struct tg_account *a, struct tg_dc *dc)
{
	struct tg_node *n = dc->linked ? tg_event_new(a, TG_EV_CLOSE) : NULL;

	if (n)
		n->ev.link = dc->link;
	dc->linked = dc->open = false;
	set_online(a, dc, false);
}

void tg_dc_free(struct tg_account *a, struct tg_dc *dc)
{
	tg_calls_leave(a, dc);
	unlink_connection(a, dc);
	tg_timer_clear(&a->timers, &dc->idle);
	tg_map_free(&dc->queries);
	a->dcs[dc->link] = NULL;
	dc->next_dead = a->dead;
	a->dead = dc;
}

void tg_dc_bury(struct tg_account *a)
{
	while (a->dead) {
		struct tg_dc *dc = a->dead;

		a->dead = dc->next_dead;
		mt_client_free(dc->client);
		free(dc);
	}
}

/* Keys are never overwritten nor thrown away because of an error: they move aside. */
void tg_dc_drop_key(struct tg_account *a, int id)
{
	static const uint8_t kinds[] = {'k', 's', 'a'};
	struct tg_key k = dc_key(a, 'k', id), q = dc_key(a, 'q', id);
	struct tl_buf b = {0};

	if (tg_read(a, TG_TABLE_KEY, k.bytes, k.n, &b) == 0) {
		tg_key_number(&q, (uint64_t)tg_unix(a));
		tg_write(a, TG_TABLE_KEY, q.bytes, q.n, b.data, b.len);
		mt_wipe(b.data, b.cap);
	}
	tl_buf_free(&b);
	for (size_t i = 0; i < sizeof kinds; i++) {
		k = dc_key(a, kinds[i], id);
		tg_erase(a, TG_TABLE_KEY, k.bytes, k.n);
	}
}

void tg_dc_drop_keys(struct tg_account *a)
{
	struct tg_store *s = a->env.store;
	struct tg_key p = tg_key(a, 'k');
	struct tl_buf key = {0}, value = {0};
	int r = s->ops->seek(s, TG_TABLE_KEY, p.bytes, p.n, p.bytes, p.n, &key, &value);

	while (r == 0) {
		struct tl_cursor c = tl_cursor(key.data + p.n, key.len - p.n);
		int id = 0;

		while (tl_left(&c))
			id = id << 8 | *tl_get(&c, 1);
		tg_dc_drop_key(a, id - (a->s.test ? TEST_WORLD : 0));
		tl_put_u8(&key, 0);
		r = s->ops->seek(s, TG_TABLE_KEY, p.bytes, p.n, key.data, key.len, &key, &value);
	}
	tl_buf_free(&key);
	if (value.data)
		mt_wipe(value.data, value.cap);
	tl_buf_free(&value);
}

/* ---- authorization of the others (core.telegram.org/api/datacenter) ---- */
void tg_dc_set_authorized(struct tg_account *a, struct tg_dc *dc, bool yes)
{
	struct tg_key k = dc_key(a, 'a', dc->id);

	if (dc->authorized == yes)
		return;
	dc->authorized = yes;
	if (yes)
		tg_write(a, TG_TABLE_KEY, k.bytes, k.n, "", 0);
	else
		tg_erase(a, TG_TABLE_KEY, k.bytes, k.n);
}

static struct tg_dc *dc_of_call(const struct tg_account *a, const struct tg_call *c)
{
	for (unsigned i = 0; i < TG_MAX_DCS; i++)
		if (a->dcs[i] && a->dcs[i]->id == (int)(intptr_t)c->ctx)
			return a->dcs[i];
	return NULL;
}

static void import_failed(struct tg_account *a, struct tg_dc *dc, const struct tg_answer *r)
{
	dc->importing = false;
	a->moving_to = a->moving_to == dc->id ? 0 : a->moving_to;
	tg_calls_fail_at(a, dc->id, r);
}

static void imported(struct tg_account *a, struct tg_call *c, const struct tg_answer *r)
{
	struct tg_dc *dc = dc_of_call(a, c);

	if (!dc)
		return;
	if (r->error) {
		import_failed(a, dc, r);
		return;
	}
	dc->importing = false;
	tg_dc_set_authorized(a, dc, true);
	if (a->moving_to == dc->id) {
		a->main_dc = dc->id;
		a->moving_to = 0;
		tg_timer_clear(&a->timers, &dc->idle);
		tg_account_save(a);
		if (dc->online)
			set_online(a, dc, true);
		tg_updates_online(a);
	}
	tg_calls_retry(a);
}

static void exported(struct tg_account *a, struct tg_call *c, const struct tg_answer *r)
{
	struct tg_dc *dc = dc_of_call(a, c);
	struct tl_arena arena;
	const struct tl_auth_exportedAuthorization *e;
	struct tg_answer unreadable = {.error = -TG_E_WIRE};

	if (!dc)
		return;
	if (r->error) {
		import_failed(a, dc, r);
		return;
	}
	tl_arena_init(&arena, TG_ARENA_CAP);
	e = (const struct tl_auth_exportedAuthorization *)tg_answer_decode(c, r, &arena);
	if (e) {
		struct tl_auth_importAuthorization m = {
			{TL_auth_importAuthorization}, e->id, e->bytes};
		struct tg_call_options o = {.dc = dc->id,
					    .deadline = a->now.boot + TG_LOGIN_FLOOD * TG_SECOND,
					    .any_state = true};

		e = tg_call_own(a, &m.obj, &o, imported, c->ctx) ? e : NULL;
	}
	if (!e)
		import_failed(a, dc, &unreadable);
	tl_arena_free(&arena);
}

void tg_dc_authorize(struct tg_account *a, struct tg_dc *dc)
{
	struct tl_auth_exportAuthorization m = {{TL_auth_exportAuthorization}, dc->id};
	struct tg_call_options o = {.deadline = a->now.boot + TG_LOGIN_FLOOD * TG_SECOND};

	if (dc->importing)
		return;
	dc->importing = true;
	if (!tg_call_own(a, &m.obj, &o, exported, (void *)(intptr_t)dc->id))
		dc->importing = false;
}

/* ---- events of the client ---- */
static void want_connection(struct tg_account *a, struct tg_dc *dc)
{
	const struct mt_proxy *proxy = a->s.proxy;
	struct mt_address address = {.dc = dc->id};
	struct tg_node *n;

	/* An MTProxy knows the way by the data centre's number. */
	if (!tg_address_pick(a, dc->id, dc->attempt, &address) &&
	    (!proxy || proxy->kind != MT_PROXY_MTPROXY)) {
		mt_client_lost(dc->client, a->now);
		return;
	}
	n = tg_event_new(a, TG_EV_CONNECT);
	if (!n) {
		mt_client_lost(dc->client, a->now);
		return;
	}
	n->ev.link = dc->link;
	n->ev.address = address;
	n->ev.host = proxy ? proxy->host : n->ev.address.host;
	n->ev.port = proxy ? proxy->port : address.port;
	mt_client_set_target(dc->client, address.host, address.port);
	dc->linked = true;
}

void tg_dc_lost(struct tg_account *a, struct tg_dc *dc)
{
	dc->linked = dc->open = false;
	if (!dc->online)
		dc->attempt++;
	set_online(a, dc, false);
	mt_client_lost(dc->client, a->now);
}

static void save_salts(struct tg_account *a, struct tg_dc *dc, const struct mt_event *ev)
{
	struct tg_key k = dc_key(a, 's', dc->id);
	struct tl_buf b = {0};

	for (size_t i = 0; i < ev->n / sizeof(struct mt_salt); i++) {
		struct mt_salt s;

		memcpy(&s, ev->data + i * sizeof s, sizeof s);
		tl_put_u32(&b, (uint32_t)s.valid_since);
		tl_put_u32(&b, (uint32_t)s.valid_until);
		tl_put_u64(&b, s.salt);
	}
	if (!b.err)
		tg_write(a, TG_TABLE_KEY, k.bytes, k.n, b.data, b.len);
	tl_buf_free(&b);
}

static void save_offset(struct tg_account *a, struct tg_dc *dc, int64_t offset)
{
	struct tg_key k = dc_key(a, 't', dc->id);
	struct tl_buf b = {0};
	int64_t known = 0, seconds = offset / TG_SECOND, off;
	bool fresh = true;

	if (tg_read(a, TG_TABLE_KEY, k.bytes, k.n, &b) == 0) {
		struct tl_cursor c = tl_cursor(b.data, b.len);

		known = (int64_t)tl_get_u64(&c);
		fresh = false;
	}
	if (fresh || offset - known > TG_SECOND || known - offset > TG_SECOND) {
		tl_buf_clear(&b);
		tl_put_u64(&b, (uint64_t)offset);
		if (!b.err)
			tg_write(a, TG_TABLE_KEY, k.bytes, k.n, b.data, b.len);
	}
	tl_buf_free(&b);
	off = seconds - a->clock_told;
	if (off >= TG_CLOCK_OFF || off <= -TG_CLOCK_OFF) {
		struct tg_node *n = tg_event_new(a, TG_EV_CLOCK);

		a->clock_told = seconds;
		if (n)
			n->ev.value = -seconds; /* how far the local clock is ahead */
	}
}

static void key_lost(struct tg_account *a, struct tg_dc *dc)
{
	int id = dc->id;

	if (id == a->main_dc && a->authorized) {
		tg_account_revoke(a, tl_str("AUTH_KEY_LOST"));
		return;
	}
	tg_dc_free(a, dc);
	tg_dc_drop_key(a, id);
	tg_calls_retry(a);
}

static void tell_proxy(struct tg_account *a, const struct mt_event *ev)
{
	struct tg_node *n = tg_event_new(a, TG_EV_PROXY);

	if (!n)
		return;
	n->owned = malloc(ev->n);
	if (!n->owned)
		return;
	memcpy(n->owned, ev->data, ev->n);
	n->ev.data = n->owned;
	n->ev.n = ev->n;
}

static void handle(struct tg_account *a, struct tg_dc *dc, const struct mt_event *ev)
{
	bool is_main = dc->id == a->main_dc;
	struct tg_key k;
	struct tg_node *n;

	switch (ev->kind) {
	case MT_EV_CONNECT:
		want_connection(a, dc);
		break;
	case MT_EV_CLOSE:
		unlink_connection(a, dc);
		mt_client_lost(dc->client, a->now);
		break;
	case MT_EV_JOB:
		dc->job = ev->job;
		n = tg_event_new(a, TG_EV_JOB);
		if (n)
			n->ev.job = ev->job;
		break;
	case MT_EV_KEY:
		k = dc_key(a, 'k', dc->id);
		tg_write(a, TG_TABLE_KEY, k.bytes, k.n, ev->data, ev->n);
		tg_account_save(a); /* the row that leads to the key */
		dc->barrier = tg_write_number(a);
		break;
	case MT_EV_SALTS:
		save_salts(a, dc, ev);
		break;
	case MT_EV_TIME:
		save_offset(a, dc, ev->value);
		break;
	case MT_EV_ONLINE:
		set_online(a, dc, true);
		if (is_main) {
			tg_updates_online(a);
			tg_config_check(a);
		}
		break;
	case MT_EV_NEW_SESSION:
		if (is_main)
			tg_updates_online(a);
		break;
	case MT_EV_RESULT:
	case MT_EV_RPC_ERROR:
	case MT_EV_FAILED:
		tg_calls_event(a, dc, ev);
		break;
	case MT_EV_UPDATE:
		if (is_main)
			tg_updates_raw(a, ev->data, ev->n);
		break;
	case MT_EV_UNREADABLE:
		if (is_main)
			tg_updates_online(a);
		break;
	case MT_EV_KEY_LOST:
		key_lost(a, dc);
		break;
	case MT_EV_TRANSPORT_ERROR:
		dc->attempt++;
		break;
	case MT_EV_PROXY:
		tell_proxy(a, ev);
		break;
	}
}

bool tg_dc_pull(struct tg_account *a, struct tg_dc *dc)
{
	struct mt_event ev;

	if (!mt_client_next(dc->client, &ev))
		return false;
	handle(a, dc, &ev);
	return true;
}
