/* An account: its birth from the store, its states, and the doors of the engine. Owner: the daemon.
 */
#include "core/machine.h"

#include <stdlib.h>
#include <string.h>

#define RECORD_VERSION 1
enum { RECORD_AUTHORIZED = 1, RECORD_BOT = 2, RECORD_TEST = 4 };

/* ---- settings ---- */
static const char *copy_text(const char *text, bool *ok)
{
	char *copy = text ? strdup(text) : NULL;

	*ok = *ok && (copy || !text);
	return copy;
}

static void *copy_list(const void *list, size_t size, bool *ok)
{
	void *copy = size ? malloc(size) : NULL;

	*ok = *ok && (copy || !size);
	if (copy)
		memcpy(copy, list, size);
	return copy;
}

static bool settings_copy(struct tg_settings *to, const struct tg_settings *from)
{
	bool ok = true;

	*to = *from;
	to->api_hash = copy_text(from->api_hash, &ok);
	to->device_model = copy_text(from->device_model, &ok);
	to->system_version = copy_text(from->system_version, &ok);
	to->app_version = copy_text(from->app_version, &ok);
	to->system_lang_code = copy_text(from->system_lang_code, &ok);
	to->lang_pack = copy_text(from->lang_pack, &ok);
	to->lang_code = copy_text(from->lang_code, &ok);
	to->rsa = copy_list(from->rsa, from->rsa_count * sizeof *from->rsa, &ok);
	to->addresses =
		copy_list(from->addresses, from->address_count * sizeof *from->addresses, &ok);
	to->proxy = copy_list(from->proxy, from->proxy ? sizeof *from->proxy : 0, &ok);
	return ok;
}

static void settings_free(struct tg_settings *s)
{
	const char *const texts[] = {s->api_hash,    s->device_model,     s->system_version,
				     s->app_version, s->system_lang_code, s->lang_pack,
				     s->lang_code};

	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
		free((char *)texts[i]);
	if (s->proxy)
		mt_wipe((struct mt_proxy *)s->proxy, sizeof *s->proxy);
	free((struct mt_proxy *)s->proxy);
	free((struct mt_rsa *)s->rsa);
	free((struct mt_address *)s->addresses);
}

/* ---- the record ---- */
void tg_account_save(struct tg_account *a)
{
	struct tl_buf b = {0};
	uint32_t flags = (a->authorized ? RECORD_AUTHORIZED : 0u) | (a->is_bot ? RECORD_BOT : 0u) |
			 (a->s.test ? RECORD_TEST : 0u);

	tl_put_u32(&b, RECORD_VERSION);
	tl_put(&b, a->prefix, sizeof a->prefix);
	tl_put_u32(&b, flags);
	tl_put_u32(&b, (uint32_t)a->main_dc);
	tl_put_u64(&b, (uint64_t)a->self);
	tl_put_u32(&b, (uint32_t)a->state);
	tl_put_bytes(&b, a->reason, strlen(a->reason));
	tg_login_put(a, &b);
	if (!b.err)
		tg_write(a, TG_TABLE_ACCOUNT, a->name, strlen(a->name), b.data, b.len);
	if (b.data)
		mt_wipe(b.data, b.cap);
	tl_buf_free(&b);
}

static void set_reason(struct tg_account *a, struct tl_str text)
{
	size_t n = text.len < sizeof a->reason ? text.len : sizeof a->reason - 1;

	if (n)
		memcpy(a->reason, text.data, n);
	a->reason[n] = 0;
}

static void load_record(struct tg_account *a, struct tl_cursor c)
{
	const uint8_t *prefix;
	uint32_t version = tl_get_u32(&c), flags, state;
	struct tl_str reason;

	prefix = tl_get(&c, sizeof a->prefix);
	flags = tl_get_u32(&c);
	if (c.err || version != RECORD_VERSION || !(flags & RECORD_TEST) != !a->s.test) {
		a->state = TG_FAILED; /* test and production never mix (E.5) */
		set_reason(a, tl_str("WORLD_MISMATCH"));
		return;
	}
	memcpy(a->prefix, prefix, sizeof a->prefix);
	a->authorized = flags & RECORD_AUTHORIZED;
	a->is_bot = flags & RECORD_BOT;
	a->main_dc = (int)tl_get_u32(&c);
	a->self = (int64_t)tl_get_u64(&c);
	state = tl_get_u32(&c);
	reason = tl_get_bytes(&c);
	if (a->authorized)
		a->state = TG_READY;
	else if (state == TG_REVOKED || state == TG_FAILED)
		a->state = (enum tg_state)state;
	if (!a->authorized)
		set_reason(a, reason);
	tg_login_load(a, (enum tg_state)state, &c);
}

static void load(struct tg_account *a)
{
	struct tl_buf b = {0};
	int r = tg_read(a, TG_TABLE_ACCOUNT, a->name, strlen(a->name), &b);

	if (r == 0) {
		load_record(a, tl_cursor(b.data, b.len));
	} else if (r == -TG_E_NOT_FOUND) {
		a->env.random.random(a->env.random.ctx, a->prefix, sizeof a->prefix);
	} else {
		a->state = TG_FAILED;
		set_reason(a, tl_str("STORE"));
	}
	tl_buf_free(&b);
	tg_flood_load(a);
	if (a->state == TG_READY) {
		tg_updates_init(a);
		a->up.damaged = !a->up.box[TG_BOX_COMMON].known; /* F.77 */
	}
}

struct tg_account *tg_account_new(const char *name, const struct tg_settings *s,
				  const struct tg_env *env, struct mt_time now)
{
	struct tg_account *a = calloc(1, sizeof *a);

	if (!a)
		return NULL;
	a->last = &a->first;
	a->env = *env;
	a->now = now;
	a->name = strdup(name);
	tg_writes_init(a);
	if (!settings_copy(&a->s, s) || !a->name) {
		tg_account_free(a);
		return NULL;
	}
	a->main_dc = s->dc ? s->dc : 2;
	tg_config_init(a);
	load(a);
	return a;
}

void tg_account_free(struct tg_account *a)
{
	if (!a)
		return;
	tg_calls_free(a);
	tg_checks_free(a);
	if (a->login) { /* gone with the others */
		a->login->call = NULL;
		a->login->check = NULL;
	}
	tg_login_drop(a);
	tl_buf_free(&a->tokens);
	tg_event_free_all(a);
	for (unsigned i = 0; i < TG_MAX_DCS; i++)
		if (a->dcs[i])
			tg_dc_free(a, a->dcs[i]);
	tg_event_free_all(a); /* CLOSE events of these */
	tg_session_bury(a);
	tg_cdn_free(a);
	tg_resolve_free(a);
	tg_updates_free(a);
	tg_map_free(&a->calls.by_id);
	tg_writes_free(a);
	settings_free(&a->s);
	free(a->marks);
	free(a->name);
	free(a);
}

/* ---- questions ---- */
const char *tg_state_name(enum tg_state s)
{
	switch (s) {
	case TG_SIGNED_OUT:
		return "signed_out";
	case TG_CONNECTING:
		return "connecting";
	case TG_WAIT_PHONE:
		return "wait_phone";
	case TG_WAIT_CODE:
		return "wait_code";
	case TG_WAIT_PASSWORD:
		return "wait_password";
	case TG_WAIT_EMAIL:
		return "wait_email";
	case TG_WAIT_EMAIL_CODE:
		return "wait_email_code";
	case TG_WAIT_SIGNUP:
		return "wait_signup";
	case TG_WAIT_QR:
		return "wait_qr";
	case TG_WAIT_PAYMENT:
		return "wait_payment";
	case TG_READY:
		return "ready";
	case TG_REVOKED:
		return "revoked";
	case TG_FAILED:
		break;
	}
	return "failed";
}

int tg_state_error(enum tg_state s)
{
	switch (s) {
	case TG_READY:
		return 0;
	case TG_REVOKED:
		return -TG_E_SESSION_REVOKED;
	case TG_SIGNED_OUT:
	case TG_FAILED:
		return -TG_E_UNAUTHORIZED;
	case TG_CONNECTING:
	case TG_WAIT_PHONE:
	case TG_WAIT_CODE:
	case TG_WAIT_PASSWORD:
	case TG_WAIT_EMAIL:
	case TG_WAIT_EMAIL_CODE:
	case TG_WAIT_SIGNUP:
	case TG_WAIT_QR:
	case TG_WAIT_PAYMENT:
		break;
	}
	return -TG_E_ACCOUNT_NOT_READY;
}

const char *tg_account_name(const struct tg_account *a)
{
	return a->name;
}

enum tg_state tg_account_state(const struct tg_account *a)
{
	return a->state;
}

const char *tg_account_reason(const struct tg_account *a)
{
	return a->reason;
}

bool tg_account_online(const struct tg_account *a)
{
	return a->online;
}

int64_t tg_account_self(const struct tg_account *a)
{
	return a->self;
}

bool tg_account_is_bot(const struct tg_account *a)
{
	return a->is_bot;
}

int64_t tg_account_server_time(const struct tg_account *a, struct mt_time now)
{
	const struct tg_session *s = tg_session_main(a);

	return s ? mt_client_server_time(s->client, now) : now.real;
}

int64_t tg_unix(const struct tg_account *a)
{
	return tg_account_server_time(a, a->now) / TG_SECOND;
}

/* ---- states ---- */
static void say_state(struct tg_account *a, bool same)
{
	struct tg_node *n = tg_event_new(a, TG_EV_STATE);

	if (!n)
		return;
	n->ev.error = a->refused.error;
	n->ev.code = a->refused.code;
	n->ev.retry_after = a->refused.retry_after;
	n->ev.data = (const uint8_t *)a->reason;
	n->ev.n = strlen(a->reason);
	n->ev.call = a->step - a->stepping;
	n->ev.again = same;
}

static void set_refused(struct tg_account *a, const struct tg_answer *why)
{
	a->refused = why ? *why : (struct tg_answer){0};
	if (!why)
		a->reason[0] = 0;
	else if (why->error == -TG_E_TELEGRAM)
		set_reason(a, (struct tl_str){(const char *)why->data, (uint32_t)why->n});
	else
		set_reason(a, tl_str(tg_error_row(why->error)->text));
}

void tg_account_refuse(struct tg_account *a, const struct tg_answer *why)
{
	a->stepping = false;
	set_refused(a, why);
	say_state(a, true);
}

void tg_account_set_state(struct tg_account *a, enum tg_state s, const struct tg_answer *why)
{
	a->state = s;
	set_refused(a, why);
	if (s == TG_CONNECTING) {
		if (a->login && a->login->info.method != TG_LOGIN_BOT)
			tg_account_save(a); /* it goes on after a restart; a token is not kept */
		say_state(a, false);
		return;
	}
	tg_account_save(a);
	a->state_after = tg_write_number(a);
}

void tg_account_stored_now(struct tg_account *a)
{
	if (!a->state_after || a->state_after > a->store.stored)
		return;
	a->state_after = 0;
	say_state(a, false);
}

/* The authorization is gone: everything stops, the key stays where it is until the next login
 * (D.72, D.74). */
void tg_account_revoke(struct tg_account *a, struct tl_str reason)
{
	struct tg_answer why = {.error = -TG_E_TELEGRAM,
				.code = 401,
				.data = (const uint8_t *)reason.data,
				.n = reason.len};

	a->authorized = false;
	tg_account_set_state(a, TG_REVOKED, &why);
	tg_updates_reset(a);
	tg_calls_fail(a, -TG_E_SESSION_REVOKED);
	tg_account_disconnect(a, a->now);
}

int tg_account_rename(struct tg_account *a, const char *name, struct mt_time now)
{
	char *copy = strdup(name);

	a->now = now;
	if (!copy)
		return -TG_E_NOMEM;
	tg_erase(a, TG_TABLE_ACCOUNT, a->name, strlen(a->name));
	free(a->name);
	a->name = copy;
	tg_account_save(a);
	return 0;
}

/* ---- doors ---- */
void tg_account_connect(struct tg_account *a, struct mt_time now)
{
	struct tg_dc *dc;

	a->now = now;
	a->wanted = true;
	dc = a->authorized ? tg_dc_get(a, a->main_dc) : NULL;
	if (dc)
		tg_session_get(a, dc, TG_FOR_MAIN);
	else
		tg_login_resume(a);
}

void tg_account_hurry(struct tg_account *a, struct mt_time now)
{
	a->now = now;
	tg_address_forgive(a);
	for (unsigned i = 0; i < TG_MAX_SESSIONS; i++)
		if (a->sessions[i])
			mt_client_hurry(a->sessions[i]->client, now);
}

void tg_account_disconnect(struct tg_account *a, struct mt_time now)
{
	a->now = now;
	a->wanted = false;
	tg_calls_fail(a, -TG_E_OFFLINE);
	for (unsigned i = 0; i < TG_MAX_DCS; i++)
		if (a->dcs[i])
			tg_dc_free(a, a->dcs[i]);
}

static struct tg_session *session_of(const struct tg_account *a, unsigned link)
{
	return link < TG_MAX_SESSIONS ? a->sessions[link] : NULL;
}

void tg_account_opened(struct tg_account *a, unsigned link, unsigned which, struct mt_time now)
{
	struct tg_session *s = session_of(a, link);

	a->now = now;
	if (!s || !s->linked || s->open)
		return;
	tg_session_opened(a, s, which);
}

void tg_account_lost(struct tg_account *a, unsigned link, struct mt_time now)
{
	struct tg_session *s = session_of(a, link);

	a->now = now;
	if (s && s->linked)
		tg_session_lost(a, s);
}

int tg_account_feed(struct tg_account *a, unsigned link, const void *data, size_t n,
		    struct mt_time now)
{
	struct tg_session *s = session_of(a, link);

	a->now = now;
	return s && s->open ? mt_client_feed(s->client, data, n, now) : 0;
}

struct tl_buf *tg_account_out(struct tg_account *a, unsigned link, struct mt_time now)
{
	struct tg_session *s = session_of(a, link);

	a->now = now;
	if (!s || !s->open || s->dc->barrier > a->store.stored)
		return NULL;
	return mt_client_out(s->client, now);
}

int64_t tg_account_deadline(const struct tg_account *a)
{
	int64_t least = tg_timers_next(&a->timers);

	for (unsigned i = 0; i < TG_MAX_SESSIONS; i++) {
		int64_t at = a->sessions[i] ? mt_client_deadline(a->sessions[i]->client) : TG_NEVER;

		if (at < least)
			least = at;
	}
	return least;
}

void tg_account_tick(struct tg_account *a, struct mt_time now)
{
	struct tg_timer *t;

	a->now = now;
	while ((t = tg_timers_due(&a->timers, now.boot)))
		t->fire(a, t);
	for (unsigned i = 0; i < TG_MAX_SESSIONS; i++)
		if (a->sessions[i] && mt_client_deadline(a->sessions[i]->client) <= now.boot)
			mt_client_tick(a->sessions[i]->client, now);
}

void tg_account_job_done(struct tg_account *a, struct mt_job *job, struct mt_time now)
{
	a->now = now;
	if (tg_check_job_done(a, job))
		return;
	for (unsigned i = 0; i < TG_MAX_SESSIONS; i++) {
		struct tg_session *s = a->sessions[i];

		if (!s || s->job != job)
			continue;
		s->job = NULL;
		mt_client_job_done(s->client, job, now);
		return;
	}
	job->free(job); /* who asked is gone */
}

bool tg_account_next(struct tg_account *a, struct tg_event *ret, struct mt_time now)
{
	a->now = now;
	for (;;) {
		struct tg_timer *t;
		bool any = false;

		if (tg_event_pop(a, ret))
			return true;
		tg_session_bury(a);                      /* no event is out */
		t = tg_timers_due(&a->timers, now.boot); /* also what is to run at once */
		if (t) {
			t->fire(a, t);
			continue;
		}
		for (unsigned i = 0; i < TG_MAX_SESSIONS && !any; i++)
			any = a->sessions[i] && tg_session_pull(a, a->sessions[i]);
		if (any)
			continue;
		tg_writes_flush(a);
		if (!a->first)
			return false;
	}
}
