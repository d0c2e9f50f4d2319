/* Sessions with data centres: one client each, several with one data centre when there is much to
 * carry (C.72). All of them use its one key, which one makes while the others wait. A client
 * belongs to its session, a session to the account. */
#include "core/account.h"

#include <stdlib.h>
#include <string.h>

#define SILENT (10 * TG_SECOND) /* the client waits 15 s for an answer; all else is at once */

/* ---- the header of first queries (core.telegram.org/api/invoking; D.60, D.63) ---- */
static void put_text(struct tl_buf *b, const char *text, const char *otherwise)
{
	text = text ? text : otherwise;
	tl_put_bytes(b, text, strlen(text));
}

static void set_init(struct tg_account *a, struct mt_client *c, bool neutral)
{
	static const struct tg_settings nobody; /* a CDN learns nothing of us (D.63) */
	const struct tg_settings *s = neutral ? &nobody : &a->s;
	struct tl_buf b = {0};

	tl_put_u32(&b, TL_ID_invokeWithLayer);
	tl_put_u32(&b, tl_layer(&tl_api));
	tl_put_u32(&b, TL_ID_initConnection);
	tl_put_u32(&b, 0);
	tl_put_u32(&b, (uint32_t)a->s.api_id);
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

/* ---- what goes over which ---- */
static const struct {
	unsigned method;
	enum tg_purpose purpose;
} carried[] = {
	{TL_upload_saveFilePart, TG_FOR_UPLOAD},    {TL_upload_saveBigFilePart, TG_FOR_UPLOAD},
	{TL_upload_getFile, TG_FOR_DOWNLOAD},       {TL_upload_getWebFile, TG_FOR_DOWNLOAD},
	{TL_upload_getCdnFile, TG_FOR_CDN},         {TL_upload_reuploadCdnFile, TG_FOR_DOWNLOAD},
	{TL_upload_getFileHashes, TG_FOR_DOWNLOAD}, {TL_upload_getCdnFileHashes, TG_FOR_DOWNLOAD},
};

enum tg_purpose tg_purpose_of(unsigned method)
{
	for (size_t i = 0; i < sizeof carried / sizeof *carried; i++)
		if (carried[i].method == method)
			return carried[i].purpose;
	return TG_FOR_MAIN;
}

static unsigned sessions_max(const struct tg_dc *dc, enum tg_purpose purpose)
{
	switch (purpose) {
	case TG_FOR_UPLOAD:
		return dc->id == 2 || dc->id == 4 ? TG_UPLOADS_LARGE : TG_UPLOADS;
	case TG_FOR_DOWNLOAD:
	case TG_FOR_CDN:
		return TG_DOWNLOADS;
	case TG_FOR_MAIN:
	case TG_FOR_CHECK:
		break;
	}
	return 1;
}

static bool is_main(const struct tg_account *a, const struct tg_session *s)
{
	return s->dc->id == a->main_dc && s->purpose == TG_FOR_MAIN;
}

/* ---- birth and death ---- */
static void session_free(struct tg_account *a, struct tg_session *s);

static void idle(struct tg_account *a, struct tg_timer *t)
{
	struct tg_session *s = TG_OF(t, struct tg_session, idle);

	if (is_main(a, s) || s->queries.count) {
		tg_session_busy(a, s);
		return;
	}
	session_free(a, s);
	tg_calls_retry(a); /* one may have waited for a place */
}

void tg_session_busy(struct tg_account *a, struct tg_session *s)
{
	tg_timer_set(&a->timers, &s->idle, is_main(a, s) ? TG_NEVER : a->now.boot + TG_DC_IDLE);
}

static struct tg_session *session_new(struct tg_account *a, struct tg_dc *dc,
				      enum tg_purpose purpose, unsigned slot)
{
	struct mt_client_options o = {.dc = dc->id,
				      .test = a->s.test,
				      .media = purpose == TG_FOR_DOWNLOAD,
				      .pfs = a->s.pfs && purpose != TG_FOR_CHECK &&
					     purpose != TG_FOR_CDN,
				      .temp = &dc->temp,
				      .transport = a->s.transport,
				      .proxy = a->s.proxy,
				      .proxy_tries = &a->proxy_tries,
				      .rsa = a->s.rsa_count ? a->s.rsa : mt_rsa_builtin(a->s.test),
				      .rsa_count = a->s.rsa_count ? a->s.rsa_count : 1};
	struct tg_session *s = calloc(1, sizeof *s);

	if (!s)
		return NULL;
	if (purpose == TG_FOR_CDN)
		o.rsa = tg_cdn_keys(a, dc->id, &o.rsa_count);
	tg_key_load(a, dc->id, &o);
	if (!o.has_key) /* what was bound to it is gone with it */
		mt_wipe(&dc->temp, sizeof dc->temp);
	s->client = mt_client_new(&o, &a->env.random, a->now);
	if (s->client && (!o.has_key || (o.pfs && !dc->temp.bound)))
		dc->maker = s;
	mt_wipe(&o, sizeof o);
	if (!s->client) {
		free(s);
		return NULL;
	}
	set_init(a, s->client, purpose == TG_FOR_CDN);
	s->dc = dc;
	s->purpose = purpose;
	s->link = slot;
	s->idle.fire = idle;
	a->sessions[slot] = s;
	tg_session_busy(a, s);
	return s;
}

struct tg_session *tg_session_get(struct tg_account *a, struct tg_dc *dc, enum tg_purpose purpose)
{
	struct tg_session *best = NULL, *s;
	unsigned n = 0, slot = TG_MAX_SESSIONS;

	for (unsigned i = TG_MAX_SESSIONS; i-- > 0;) {
		s = a->sessions[i];
		if (!s) {
			slot = i;
		} else if (s->dc == dc && s->purpose == purpose) {
			n++;
			if (!best || s->queries.count < best->queries.count)
				best = s;
		}
	}
	if (best && (best->queries.count < TG_SESSION_BUSY || n >= sessions_max(dc, purpose)))
		return best;
	if (slot == TG_MAX_SESSIONS || dc->maker)
		return best;
	s = session_new(a, dc, purpose, slot);
	return s ? s : best;
}

struct tg_session *tg_session_main(const struct tg_account *a)
{
	for (unsigned i = 0; i < TG_MAX_SESSIONS; i++)
		if (a->sessions[i] && is_main(a, a->sessions[i]))
			return a->sessions[i];
	return NULL;
}

struct tg_dc *tg_dc_find(const struct tg_account *a, int id)
{
	for (unsigned i = 0; i < TG_MAX_DCS; i++)
		if (a->dcs[i] && a->dcs[i]->id == id)
			return a->dcs[i];
	return NULL;
}

static bool has_sessions(const struct tg_account *a, const struct tg_dc *dc)
{
	for (unsigned i = 0; i < TG_MAX_SESSIONS; i++)
		if (a->sessions[i] && a->sessions[i]->dc == dc)
			return true;
	return false;
}

struct tg_dc *tg_dc_get(struct tg_account *a, int id)
{
	struct tg_dc *dc = tg_dc_find(a, id), **place = NULL;

	if (dc || id <= 0 || id > TG_DC_NUMBER_MAX)
		return dc;
	for (unsigned i = 0; i < TG_MAX_DCS && (!place || *place); i++)
		if (!a->dcs[i] || (!a->dcs[i]->importing && !has_sessions(a, a->dcs[i])))
			place = &a->dcs[i]; /* an empty one, else one that is at rest */
	dc = place ? mt_secret_new(&a->env.random, sizeof *dc) : NULL;
	if (!dc)
		return NULL;
	mt_secret_free(&a->env.random, *place, sizeof(struct tg_dc));
	*place = dc;
	dc->id = id;
	dc->authorized = tg_authorized_load(a, id);
	dc->barrier = tg_key_waits(a, id);
	return dc;
}

static void set_online(struct tg_account *a, struct tg_session *s, bool yes)
{
	struct tg_node *n;

	s->online = yes;
	if (!is_main(a, s) || a->online == yes)
		return;
	a->online = yes;
	n = tg_event_new(a, TG_EV_ONLINE);
	if (n)
		n->ev.value = yes;
}

static void unlink_connection(struct tg_account *a, struct tg_session *s)
{
	struct tg_node *n = s->linked ? tg_event_new(a, TG_EV_CLOSE) : NULL;

	if (n)
		n->ev.link = s->link;
	s->linked = s->open = false;
	set_online(a, s, false);
}

static void session_free(struct tg_account *a, struct tg_session *s)
{
	tg_calls_leave(a, s);
	unlink_connection(a, s);
	tg_timer_clear(&a->timers, &s->idle);
	tg_map_free(&s->queries);
	if (s->dc->maker == s)
		s->dc->maker = NULL;
	a->sessions[s->link] = NULL;
	s->next_dead = a->dead;
	a->dead = s;
}

void tg_cdn_sessions_free(struct tg_account *a)
{
	for (unsigned i = 0; i < TG_MAX_SESSIONS; i++)
		if (a->sessions[i] && a->sessions[i]->purpose == TG_FOR_CDN)
			session_free(a, a->sessions[i]);
}

void tg_session_bury(struct tg_account *a)
{
	while (a->dead) {
		struct tg_session *s = a->dead;

		a->dead = s->next_dead;
		mt_client_free(s->client);
		free(s);
	}
}

void tg_dc_free(struct tg_account *a, struct tg_dc *dc)
{
	if (dc->check)
		tg_call_drop(a, dc->check, NULL);
	for (unsigned i = 0; i < TG_MAX_SESSIONS; i++)
		if (a->sessions[i] && a->sessions[i]->dc == dc)
			session_free(a, a->sessions[i]);
	for (unsigned i = 0; i < TG_MAX_DCS; i++)
		if (a->dcs[i] == dc)
			a->dcs[i] = NULL;
	mt_secret_free(&a->env.random, dc, sizeof(struct tg_dc));
}

/* E.10: the account lives there from now on; what was missed is fetched. */
void tg_dc_become_main(struct tg_account *a, struct tg_dc *dc)
{
	struct tg_dc *before = tg_dc_find(a, a->main_dc);
	struct tg_session *s;

	if (before && before != dc && a->authorized)
		tg_dc_set_authorized(a, before, true); /* it has not forgotten */
	a->main_dc = dc->id;
	a->moving_to = 0;
	tg_account_save(a);
	for (unsigned i = 0; i < TG_MAX_SESSIONS; i++)
		if (a->sessions[i])
			tg_session_busy(a, a->sessions[i]);
	s = tg_session_get(a, dc, TG_FOR_MAIN);
	if (s && s->online)
		set_online(a, s, true);
	tg_updates_online(a);
}

/* ---- events of the client ---- */
/* Uploads and downloads may go to addresses for media alone (E.3). */
static bool is_media(const struct tg_session *s)
{
	return s->purpose == TG_FOR_UPLOAD || s->purpose == TG_FOR_DOWNLOAD;
}

static void add_rivals(const struct tg_session *s, struct tg_node *n)
{
	size_t size = (s->tried_count - 1) * sizeof s->tried[0];

	n->owned = malloc(size);
	if (!n->owned)
		return; /* one will do */
	memcpy(n->owned, s->tried + 1, size);
	n->ev.rivals = n->owned;
	n->ev.rival_count = s->tried_count - 1;
}

static void want_connection(struct tg_account *a, struct tg_session *s)
{
	const struct mt_proxy *proxy = a->s.proxy;
	bool by_number = proxy && proxy->kind == MT_PROXY_MTPROXY; /* it knows the way itself */
	struct tg_node *n = NULL;

	if (s->purpose == TG_FOR_CDN)
		s->tried_count =
			tg_cdn_address(a, s->dc->id, s->attempt_cdn++, &s->tried[0]) ? 1 : 0;
	else
		s->tried_count =
			by_number ? 0 : tg_address_pick(a, s->dc->id, is_media(s), s->tried);
	if (by_number || s->tried_count)
		n = tg_event_new(a, TG_EV_CONNECT);
	if (!n) {
		mt_client_lost(s->client, a->now);
		return;
	}
	if (by_number)
		s->tried[0] = (struct mt_address){.dc = s->dc->id};
	else if (proxy)
		s->tried_count = 1;
	n->ev.link = s->link;
	n->ev.address = s->tried[0];
	if (s->tried_count > 1)
		add_rivals(s, n);
	n->ev.host = proxy ? proxy->host : n->ev.address.host;
	n->ev.port = proxy ? proxy->port : n->ev.address.port;
	s->linked = true;
}

void tg_session_opened(struct tg_account *a, struct tg_session *s, unsigned which)
{
	if (which < s->tried_count)
		s->tried[0] = s->tried[which];
	s->tried_count = s->tried_count ? 1 : 0;
	s->open = true;
	s->told = false;
	s->opened_at = a->now.boot;
	mt_client_set_target(s->client, &s->tried[0]);
	mt_client_opened(s->client, a->now);
}

/* Once for each connection: nothing that could be verified came over it. A proxy that is not there
 * says nothing of what is behind it. */
static void blame(struct tg_account *a, struct tg_session *s, bool for_good)
{
	if (!a->s.proxy || s->open)
		for (unsigned i = 0; i < s->tried_count; i++)
			tg_address_failed(a, &s->tried[i], for_good);
	s->tried_count = 0;
}

void tg_session_lost(struct tg_account *a, struct tg_session *s)
{
	if (!s->online)
		blame(a, s, false);
	s->linked = s->open = false;
	set_online(a, s, false);
	mt_client_lost(s->client, a->now);
}

/* ---- a key that the server says it does not know (C.16, E.24) ---- */
/* Calls and sessions begin anew; whoever has lost the main key has lost the account. */
static void key_gone(struct tg_account *a, struct tg_dc *dc)
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

static void checked(struct tg_account *a, struct tg_call *c, const struct tg_answer *r)
{
	struct tg_dc *dc = tg_dc_find(a, (int)(intptr_t)c->ctx);

	(void)r; /* who answers at all knows the key; without an answer nothing is known */
	if (!dc || dc->check != c)
		return;
	dc->check = NULL;
	for (unsigned i = 0; i < TG_MAX_SESSIONS; i++)
		if (a->sessions[i] && a->sessions[i]->dc == dc &&
		    a->sessions[i]->purpose == TG_FOR_CHECK)
			session_free(a, a->sessions[i]);
}

/* Two connections said so. It is believed when a fresh session over the permanent key itself hears
 * the same, twice again: nothing is dropped because of one address or of what we sent. */
static void key_doubted(struct tg_account *a, struct tg_session *s)
{
	struct tl_help_getNearestDc m = {{TL_help_getNearestDc}};
	struct tg_dc *dc = s->dc;
	struct tg_call_options o = {
		.dc = dc->id, .deadline = a->now.boot + TG_KEY_CHECK, .any_state = true};

	if (s->purpose == TG_FOR_CHECK || s->purpose == TG_FOR_CDN) {
		key_gone(a, dc);
		return;
	}
	if (dc->check)
		return;
	dc->check = tg_call_own(a, &m.obj, &o, checked, (void *)(intptr_t)dc->id);
	if (dc->check)
		dc->check->purpose = TG_FOR_CHECK;
}

static void tell_proxy(struct tg_account *a, struct tg_session *s, const struct mt_event *ev)
{
	struct tg_node *n = tg_event_new(a, TG_EV_PROXY);

	s->told = true;
	if (!n)
		return;
	n->owned = malloc(ev->n);
	if (!n->owned)
		return;
	memcpy(n->owned, ev->data, ev->n);
	n->ev.data = n->owned;
	n->ev.n = ev->n;
}

/* A CDN's keys change: it is asked for the new ones. */
static void tell_barred(struct tg_account *a, struct tg_session *s, int code)
{
	bool silent = s->online || s->purpose == TG_FOR_CDN;
	struct tg_node *n = silent ? NULL : tg_event_new(a, TG_EV_BARRED);

	s->told = true;
	if (!n)
		return;
	n->ev.address = s->tried[0];
	n->ev.error = code;
}

/* The client closes what stands: it waited in vain, or could not read what came. Of silence behind
 * a proxy that one tells. */
static void tell_closed(struct tg_account *a, struct tg_session *s)
{
	bool silent = a->now.boot - s->opened_at >= SILENT;

	if (s->open && s->tried_count && !s->told && !(silent && a->s.proxy))
		tell_barred(a, s, silent ? -TG_E_TIMEOUT : -TG_E_WIRE);
}

/* The others need not wait any longer. */
static void key_made(struct tg_account *a, struct tg_dc *dc)
{
	dc->maker = NULL;
	tg_calls_retry(a);
}

static void forgotten(struct tg_account *a, struct tg_call *c, const struct tg_answer *r)
{
	(void)a, (void)c, (void)r; /* then they end by themselves, within a day */
}

/* Temporary keys of an earlier process are of no use to anybody (E.22). */
static void forget_old_keys(struct tg_account *a, struct tg_dc *dc)
{
	struct mt_key key;
	int64_t id;
	struct tl_auth_dropTempAuthKeys m = {.obj = {TL_auth_dropTempAuthKeys},
					     .except_auth_keys = {&id, 1}};
	struct tg_call_options o = {.deadline = a->now.boot + TG_LOGIN_FLOOD * TG_SECOND};
	struct tl_cursor c;

	if (dc->tidied || !a->authorized || mt_key_init(&key, dc->temp.key) != 0)
		return;
	c = tl_cursor(key.id, sizeof key.id);
	id = (int64_t)tl_get_u64(&c);
	mt_wipe(&key, sizeof key);
	dc->tidied = tg_call_own(a, &m.obj, &o, forgotten, NULL) != NULL;
}

static void handle(struct tg_account *a, struct tg_session *s, const struct mt_event *ev)
{
	bool main = is_main(a, s);
	struct tg_node *n;

	if (s->dc->maker == s && s->dc->temp.bound)
		key_made(a, s->dc);
	switch (ev->kind) {
	case MT_EV_CONNECT:
		want_connection(a, s);
		break;
	case MT_EV_CLOSE:
		if (!s->online) {
			tell_closed(a, s);
			blame(a, s, false);
		}
		unlink_connection(a, s);
		mt_client_lost(s->client, a->now);
		break;
	case MT_EV_JOB:
		s->job = ev->job;
		n = tg_event_new(a, TG_EV_JOB);
		if (n)
			n->ev.job = ev->job;
		break;
	case MT_EV_KEY:
		tg_key_save(a, s->dc->id, ev->data, ev->n);
		s->dc->barrier = tg_write_number(a);
		if (!a->s.pfs)
			key_made(a, s->dc);
		break;
	case MT_EV_SALTS:
		tg_salts_save(a, s->dc->id, ev);
		break;
	case MT_EV_TIME:
		tg_offset_save(a, s->dc->id, ev->value);
		break;
	case MT_EV_ONLINE:
		if (s->tried_count)
			tg_address_worked(a, &s->tried[0]);
		set_online(a, s, true);
		if (main) {
			tg_updates_online(a);
			tg_config_check(a);
		}
		break;
	case MT_EV_BOUND:
		if (main)
			forget_old_keys(a, s->dc);
		break;
	case MT_EV_QUICK_ACK: /* not asked for */
		break;
	case MT_EV_NEW_SESSION:
		if (main && !a->up.call) /* one under way is answered in the new session */
			tg_updates_online(a);
		break;
	case MT_EV_RESULT:
	case MT_EV_RPC_ERROR:
	case MT_EV_FAILED:
		tg_calls_event(a, s, ev);
		break;
	case MT_EV_UPDATE:
		if (main)
			tg_updates_raw(a, ev->data, ev->n);
		break;
	case MT_EV_UNREADABLE:
		if (main)
			tg_updates_online(a);
		break;
	case MT_EV_KEY_LOST:
		key_doubted(a, s);
		break;
	case MT_EV_TRANSPORT_ERROR:
		tell_barred(a, s, ev->code);
		if (ev->code != -429) /* too much of it is not the address's fault (C.17) */
			blame(a, s, ev->code == -444);
		if (ev->code == -444)
			tg_config_stale(a); /* no such data centre there (E.1) */
		if (ev->code == -TG_E_NOT_FOUND && s->purpose == TG_FOR_CDN &&
		    a->now.boot >= s->dc->keys_kept_til && tg_cdn_ask(a)) /* it has others now */
			s->dc->keys_kept_til = a->now.boot + TG_CDN_KEYS_KEPT;
		break;
	case MT_EV_PROXY:
		tell_proxy(a, s, ev);
		break;
	}
}

bool tg_session_pull(struct tg_account *a, struct tg_session *s)
{
	struct mt_event ev;

	if (!mt_client_next(s->client, &ev))
		return false;
	handle(a, s, &ev);
	return true;
}

/* ---- from outside ---- */
bool tg_account_address(struct tg_account *a, int dc, bool media, struct mt_address *ret)
{
	struct mt_address x[TG_RACE];
	bool found;

	dc = dc ? dc : a->main_dc;
	found = tg_address_pick(a, dc, media, x) > 0 || tg_cdn_address(a, dc, 0, x);
	if (found)
		*ret = x[0];
	return found;
}
