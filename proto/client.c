/* A client's life: connection after connection, back-off, deadlines, sessions. It owns the session,
 * the queries and the events; its caller owns the socket, the clock and the threads.
 * core.telegram.org/mtproto; checks C.15-C.19, C.71, D.16, D.50-D.55. */
#include "proto/client.h"

#include <stdlib.h>
#include <string.h>

#define BACKOFF_FIRST (NS / 5)
#define BACKOFF_MAX (60 * NS)
#define BACKOFF_SERVED (24 * NS) /* with the quarter, half a minute */
#define PROXY_SLACK (60 * NS)    /* a clock so far off may be what a proxy does not like */
#define TIME_STEP NS             /* a smaller change of the offset is not told */

/* ---- birth and death ------------------------------------------------------------------------- */

struct mt_client *mt_client_new(const struct mt_client_options *o, const struct mt_env *env,
				struct mt_time now)
{
	struct mt_client *c = calloc(1, sizeof *c);

	if (!c)
		return NULL;
	c->keys = mt_secret_new(env, sizeof *c->keys);
	if (!c->keys) {
		free(c);
		return NULL;
	}
	c->env = env;
	c->dc = (o->dc + (o->test ? 10000 : 0)) * (o->media ? -1 : 1);
	c->transport = o->transport;
	c->rsa = o->rsa;
	c->rsa_count = o->rsa_count;
	c->way.proxy = o->proxy;
	c->proxy_tries = o->proxy_tries ? o->proxy_tries : &c->own_tries;
	c->events_tail = &c->events;
	c->has_key = o->has_key && mt_key_init(&c->keys->session, o->key) == 0;
	mt_temporary_init(c, o);
	for (unsigned i = 0; i < o->salt_count && i < MT_SALTS; i++)
		c->salts.v[c->salts.n++] = o->salts[i];
	if (o->time_offset <= MT_TIME_MAX * NS && o->time_offset >= -MT_TIME_MAX * NS)
		c->clock.offset = c->told_offset = o->time_offset; /* else the store is damaged */
	mt_session_start(&c->session, env);
	c->first_answer_by = c->ack_at = c->state_at = c->stop_by = INT64_MAX;
	c->salts_at = INT64_MIN;
	c->connect_at = now.boot;
	mt_client_tick(c, now);
	return c;
}

void mt_client_free(struct mt_client *c)
{
	if (!c)
		return;
	mt_event_drop_all(c);
	mt_query_free_all(c);
	mt_exchange_end(c);
	mt_outbox_forget(c);
	mt_link_free(c->link);
	mt_window_free(&c->session.window);
	free(c->acks);
	tl_buf_free(&c->init);
	tl_buf_free(&c->misc);
	for (unsigned i = 0; i < MT_LANES; i++)
		tl_buf_free(&c->plain[i]);
	tl_buf_free(&c->pack);
	tl_buf_free(&c->sealed);
	tl_buf_free(&c->zip);
	mt_secret_free(c->env, c->keys, sizeof *c->keys);
	mt_wipe(c, sizeof *c);
	free(c);
}

int64_t mt_client_server_time(const struct mt_client *c, struct mt_time now)
{
	return mt_clock_now(&c->clock, now);
}

/* ---- what the caller wants ------------------------------------------------------------------- */

void mt_client_set_init(struct mt_client *c, const void *init, size_t n)
{
	if (n == c->init.len && (!n || memcmp(init, c->init.data, n) == 0))
		return;
	tl_buf_clear(&c->init);
	tl_put(&c->init, init, n);
	c->inited = false;
}

int mt_client_send(struct mt_client *c, const void *body, size_t n, unsigned flags, uint64_t after,
		   uint64_t *ret_query, struct mt_time now)
{
	(void)now;
	if (c->stopping)
		return -TG_E_SHUTTING_DOWN;
	if (n < 4 || n % 4)
		return -TG_E_WIRE;
	if (n > MT_CONTAINER_BYTES)
		return -TG_E_TOO_LARGE;
	return mt_query_add(c, body, n, flags & ~MT_QUERY_INNER, after, ret_query);
}

void mt_client_cancel(struct mt_client *c, uint64_t query, bool *ret_sent, struct mt_time now)
{
	struct mt_query *q = mt_query_by_handle(c, query);
	struct tl_buf body = {.len = 0};

	(void)now;
	if (ret_sent)
		*ret_sent = !q || q->sent;
	mt_event_forget(c, query);
	if (!q)
		return;
	if (q->flying && c->phase == MT_OPEN && q->flags & MT_QUERY_READ) {
		tl_put_u32(&body, WIRE_RPC_DROP_ANSWER);
		tl_put_u64(&body, q->msg_id);
		mt_outbox_say(c, true, &body);
		tl_buf_free(&body);
	}
	mt_query_drop(c, q);
}

/* Nothing will be sent any more: each query hears it, those that may have arrived in other words.
 */
static void fail_queries(struct mt_client *c, bool unsent_only)
{
	for (size_t i = c->all.n; i--;) {
		struct mt_query *q = c->all.v[i];

		if (q->sent && unsent_only)
			continue;
		mt_query_fail(c, q, q->sent ? -TG_E_OUTCOME_UNKNOWN : -TG_E_SHUTTING_DOWN);
	}
}

static void stopped(struct mt_client *c)
{
	c->phase = MT_STOPPED;
	fail_queries(c, false);
}

void mt_client_stop(struct mt_client *c, struct mt_time now)
{
	if (c->stopping)
		return;
	c->stopping = true;
	fail_queries(c, true);
	c->want_acks = c->acks_n > 0;
	c->stop_by = now.boot + MT_STOP_WAIT;
	if (c->phase == MT_IDLE)
		stopped(c);
	else if (c->phase != MT_OPEN)
		mt_client_close(c, false);
}

/* ---- sessions -------------------------------------------------------------------------------- */

void mt_client_tell_time(struct mt_client *c, struct mt_time now)
{
	int64_t offset = mt_clock_now(&c->clock, now) - now.real, step = offset - c->told_offset;

	if (!c->clock.known || (step < TIME_STEP && step > -TIME_STEP))
		return;
	c->told_offset = offset;
	mt_event_value(c, MT_EV_TIME, offset);
}

void mt_client_tell_salts(struct mt_client *c)
{
	if (c->temp.on)
		return; /* they die with their key */
	mt_event_say(c, MT_EV_SALTS, 0, c->salts.v, c->salts.n * sizeof c->salts.v[0]);
}

/* The session that was left is of no use to the server, either (D.53). Sessions of other keys are
 * out of reach, and before its bind a temporary key may say nothing. */
static bool is_abandoned(const struct mt_client *c)
{
	return c->session.last_msg_id && c->has_key && (!c->temp.on || c->temp.bound) &&
	       memcmp(c->session_key, c->keys->session.id, sizeof c->session_key) == 0;
}

static void say_destroyed(struct mt_client *c, uint64_t session)
{
	struct tl_buf body = {.len = 0};

	tl_put_u32(&body, WIRE_DESTROY_SESSION);
	tl_put_u64(&body, session);
	mt_outbox_say(c, true, &body);
	tl_buf_free(&body);
}

void mt_client_settle(struct mt_client *c)
{
	bool abandoned = is_abandoned(c);

	if (!c->renew)
		return;
	c->renew = false;
	mt_session_start(&c->session, c->env);
	mt_outbox_forget(c);
	if (abandoned)
		say_destroyed(c, c->session.previous);
	memcpy(c->session_key, c->keys->session.id, sizeof c->session_key);
	c->inited = false;
	c->inited_by = c->new_session_seen = c->corrected_at = 0;
	c->want_ping = c->phase == MT_OPEN;
	for (size_t i = c->flight.n; i--;)
		mt_query_again_or_fail(c, c->flight.v[i]);
	c->state_at = INT64_MAX;
}

void mt_client_correction(struct mt_client *c, uint64_t about, struct mt_time now)
{
	int64_t *oldest;

	if (about <= c->corrected_at)
		return; /* sent before the last one was heard */
	c->corrected_at = c->session.last_msg_id;
	oldest = &c->correction_times[c->corrections % MT_CORRECTIONS];
	if (c->corrections < MT_CORRECTIONS || now.boot - *oldest > 60 * NS) {
		*oldest = now.boot;
		c->corrections++;
		return;
	}
	c->renew = true;
	mt_client_close(c, true);
}

void mt_client_verified(struct mt_client *c)
{
	c->lost_keys = 0;
	if (c->verified)
		return;
	if (!mt_event_say(c, MT_EV_ONLINE, 0, NULL, 0))
		return; /* with the next packet */
	c->verified = true;
	c->first_answer_by = INT64_MAX;
}

void mt_client_session_opened(struct mt_client *c, struct mt_time now)
{
	c->phase = MT_OPEN;
	mt_client_settle(c);
	memcpy(c->session_key, c->keys->session.id, sizeof c->session_key);
	c->first_answer_by = now.boot + MT_FIRST_ANSWER;
	c->want_ping = true;
	c->ping_at = now.boot + MT_PING_PERIOD;
	for (size_t i = 0; i < c->flight.n; i++) {
		c->flight.v[i]->asked = false;
		c->flight.v[i]->sent_at = now.boot;
	}
	mt_temporary_opened(c);
	c->want_state = c->flight.n > 0;
	c->state_at = c->want_state ? now.boot + MT_STATE_SILENCE : INT64_MAX;
}

/* ---- connections ----------------------------------------------------------------------------- */

/* Bytes may come and go. */
static bool is_up(const struct mt_client *c)
{
	return c->phase == MT_TUNNEL || c->phase == MT_EXCHANGE || c->phase == MT_OPEN;
}

void mt_client_close(struct mt_client *c, bool punish)
{
	c->punish |= punish;
	if (c->phase != MT_CONNECTING && !is_up(c))
		return;
	c->served = c->phase == MT_OPEN;
	c->phase = MT_CLOSING;
	mt_event_fixed(c, MT_EV_CLOSE);
}

void mt_client_set_target(struct mt_client *c, const struct mt_address *to)
{
	c->target = *to;
}

/* C.29: an address may ask for obfuscation with a secret, as proxies do. */
static struct mt_link *direct_link(struct mt_client *c)
{
	const struct mt_address *to = &c->target;
	struct mt_transport t = c->transport;

	if (to->secret_n >= sizeof t.secret) {
		t.obfuscated = t.has_secret = true;
		memcpy(t.secret, to->secret + to->secret_n - sizeof t.secret, sizeof t.secret);
		if (to->secret_n > sizeof t.secret)
			t.framing = MT_PADDED;
		else if (t.framing == MT_FULL)
			t.framing = MT_INTERMEDIATE;
	}
	return mt_link_new(&t, c->dc, c->env);
}

/* A proxy that does not believe the server's clock may believe ours (C.51), and one that does not
 * take today's ClientHello may take yesterday's (C.45). What worked last is kept. */
static struct mt_link *new_link(struct mt_client *c, struct mt_time now)
{
	int64_t server = mt_clock_now(&c->clock, now), off = server - now.real;
	bool doubtful = off > PROXY_SLACK || off < -PROXY_SLACK;

	if (!c->way.proxy)
		return direct_link(c);
	memcpy(c->way.host, c->target.host, sizeof c->way.host);
	c->way.port = c->target.port;
	c->tries_seen = *c->proxy_tries;
	c->way.unix_time = (doubtful && c->tries_seen % 2 ? now.real : server) / NS;
	c->way.old_hello = (doubtful ? c->tries_seen / 2 : c->tries_seen) % 2;
	return mt_link_new_through(&c->transport, c->dc, &c->way, c->env);
}

static void begin(struct mt_client *c, struct mt_time now)
{
	c->first_answer_by = now.boot + MT_FIRST_ANSWER;
	if (c->pfs)
		mt_temporary_begin(c, now);
	if (c->has_key)
		mt_client_session_opened(c, now);
	else
		mt_exchange_start(c, now);
}

static void tell_proxy(struct mt_client *c, const char *reason)
{
	if (c->phase == MT_TUNNEL && c->tries_seen == *c->proxy_tries)
		++*c->proxy_tries; /* nobody else has turned to another way meanwhile */
	c->proxy_told = true;
	mt_event_say(c, MT_EV_PROXY, 0, reason, strlen(reason));
}

static void proxy_failed(struct mt_client *c, const char *reason)
{
	tell_proxy(c, reason);
	mt_client_close(c, true);
}

void mt_client_opened(struct mt_client *c, struct mt_time now)
{
	if (c->phase != MT_CONNECTING)
		return;
	c->opened_at = c->heard_at = c->progress_at = now.boot;
	c->out_seen = 0;
	c->exchanges = c->bad_packets = 0;
	c->verified = c->proxy_told = false;
	c->rtt = 0;
	c->link = new_link(c, now);
	if (!c->link) {
		mt_client_close(c, true);
	} else if (mt_link_ready(c->link)) {
		begin(c, now);
	} else {
		c->phase = MT_TUNNEL;
		c->first_answer_by = now.boot + MT_TUNNEL_TIME * NS;
	}
}

/* 0.2 s, then 1, 2, 4 … 60 s, a quarter more or less (C.71). A connection that lived for a while
 * begins anew; one that only brought a packet waits a second; a server that refuses what it is told
 * is asked again within half a minute, for it may have come to its senses (T45). */
static int64_t backoff(struct mt_client *c, struct mt_time now)
{
	int64_t wait = BACKOFF_FIRST;
	uint32_t draw;

	if (c->verified && now.boot - c->opened_at >= MT_STABLE)
		c->level = 0;
	else if (c->verified && !c->punish && c->level > 1)
		c->level = 1;
	if (c->punish && !c->level)
		c->level = 1;
	if (c->level)
		wait = c->level > 6 ? BACKOFF_MAX : NS << (c->level - 1);
	if (c->punish && c->served && wait > BACKOFF_SERVED)
		wait = BACKOFF_SERVED;
	c->level++;
	c->env->random(c->env->ctx, &draw, sizeof draw);
	return wait - wait / 4 + (int64_t)(draw % (uint64_t)(wait / 2));
}

/* A proxy rarely says what it does not like: the moment of the loss tells something. */
static void blame_proxy(struct mt_client *c)
{
	const char *reason = NULL;

	if (!c->way.proxy || c->proxy_told || c->stopping)
		return;
	if (c->phase == MT_CONNECTING)
		reason = "no connection to the proxy";
	else if (c->phase == MT_TUNNEL)
		reason = "the proxy closed the connection";
	else if (!c->verified && c->heard_at == c->opened_at)
		reason = "nothing came through the proxy";
	if (reason)
		tell_proxy(c, reason);
}

void mt_client_lost(struct mt_client *c, struct mt_time now)
{
	if (c->phase == MT_IDLE || c->phase == MT_STOPPED)
		return;
	blame_proxy(c);
	mt_exchange_end(c);
	mt_link_free(c->link);
	c->link = NULL;
	mt_outbox_lost(c);
	c->phase = MT_IDLE;
	c->connect_at = now.boot + backoff(c, now);
	c->punish = c->served = c->verified = false;
	c->first_answer_by = INT64_MAX;
	mt_client_settle(c);
	if (c->stopping)
		stopped(c);
}

void mt_client_hurry(struct mt_client *c, struct mt_time now)
{
	c->level = 0;
	if (c->phase == MT_IDLE && c->connect_at > now.boot)
		c->connect_at = now.boot;
}

/* C.15-C.19. A key is never forgotten because of a transport error; the caller hears of it. */
static void transport_error(struct mt_client *c, int code)
{
	bool in_session = c->phase == MT_OPEN;

	mt_event_say(c, MT_EV_TRANSPORT_ERROR, code, NULL, 0);
	if (code == -404 && !mt_temporary_lost(c) && in_session && ++c->lost_keys >= 2)
		mt_event_say(c, MT_EV_KEY_LOST, 0, NULL, 0);
	mt_client_close(c, true);
}

/* Takes what the link has, a few packets at a time; what is wrong behind them comes after them. */
static int take_packets(struct mt_client *c, struct mt_time now)
{
	struct mt_packet v[MT_LANES], p = {.kind = MT_PACKET_DATA};
	int err = 0;

	while (!err && is_up(c) && p.kind != MT_PACKET_NONE) {
		unsigned n = 0;

		do {
			err = mt_link_next(c->link, &p);
			if (!err && p.kind == MT_PACKET_DATA)
				v[n++] = p;
		} while (!err && n < MT_LANES && p.kind == MT_PACKET_DATA);
		mt_inbox_packets(c, v, n, now);
		if (!is_up(c))
			return 0;
		if (!err && p.kind == MT_PACKET_QUICK_ACK)
			mt_query_quick_ack(c, p.token);
		if (!err && p.kind == MT_PACKET_ERROR)
			transport_error(c, p.code);
	}
	mt_link_done(c->link);
	return err;
}

int mt_client_feed(struct mt_client *c, const void *data, size_t n, struct mt_time now)
{
	int err;

	if (!is_up(c))
		return 0;
	if (n)
		c->heard_at = now.boot;
	err = mt_link_feed(c->link, data, n);
	if (!err && c->phase == MT_TUNNEL && mt_link_ready(c->link))
		begin(c, now);
	if (!err)
		err = take_packets(c, now);
	if (err && mt_link_reason(c->link))
		proxy_failed(c, mt_link_reason(c->link));
	else if (err)
		mt_client_close(c, true);
	mt_client_settle(c);
	return err == -TG_E_NOMEM ? err : 0;
}

static void watch_writes(struct mt_client *c, size_t len, struct mt_time now)
{
	if (len < c->out_seen || !c->out_seen)
		c->progress_at = now.boot;
}

struct tl_buf *mt_client_out(struct mt_client *c, struct mt_time now)
{
	struct tl_buf *out;

	if (!is_up(c))
		return NULL;
	out = mt_link_out(c->link);
	watch_writes(c, out->len, now);
	mt_outbox_flush(c, now);
	mt_client_settle(c);
	out = mt_link_out(c->link);
	c->out_seen = out->len;
	if (c->stopping && !out->len)
		mt_client_close(c, false);
	return out->len && c->phase != MT_CLOSING ? out : NULL;
}

/* ---- time ------------------------------------------------------------------------------------ */

static int64_t earlier(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

static int64_t silent_until(const struct mt_client *c)
{
	int64_t slack = c->rtt + c->rtt / 2 + NS;

	return c->heard_at + MT_PING_PERIOD + (slack > MT_PONG_SLACK ? slack : MT_PONG_SLACK);
}

int64_t mt_client_deadline(const struct mt_client *c)
{
	int64_t at = c->stop_by;

	switch (c->phase) {
	case MT_IDLE:
		return c->connect_at;
	case MT_CONNECTING:
	case MT_CLOSING:
	case MT_STOPPED:
		return INT64_MAX;
	case MT_OPEN:
		at = earlier(at, earlier(c->ack_at, c->ping_at));
		at = earlier(at, earlier(c->state_at, silent_until(c)));
		at = earlier(at, earlier(c->temp.renew_at, c->temp.switch_by));
		break;
	case MT_TUNNEL:
	case MT_EXCHANGE:
		break;
	}
	if (c->out_seen)
		at = earlier(at, c->progress_at + MT_WRITE_STALL);
	return earlier(at, c->first_answer_by);
}

/* Queries that have waited long are asked after, a dead letter is found that way (D.45). */
static void tick_states(struct mt_client *c, struct mt_time now)
{
	c->state_at = INT64_MAX;
	for (size_t i = 0; i < c->flight.n; i++) {
		struct mt_query *q = c->flight.v[i];

		if (now.boot - q->sent_at >= MT_STATE_SILENCE) {
			q->sent_at = now.boot;
			q->asked = false;
			c->want_state = true;
		}
		c->state_at = earlier(c->state_at, q->sent_at + MT_STATE_SILENCE);
	}
}

/* Nothing happened for a while: buffers that traffic had grown are given back. */
static void give_back(struct mt_client *c)
{
	for (unsigned i = 0; i < MT_LANES; i++)
		tl_buf_free(&c->plain[i]);
	tl_buf_free(&c->pack);
	tl_buf_free(&c->sealed);
	tl_buf_free(&c->zip);
	mt_link_trim(c->link);
	if (!c->acks_n) {
		free(c->acks);
		c->acks = NULL;
		c->acks_cap = 0;
	}
}

static void tick_open(struct mt_client *c, struct mt_time now)
{
	if (c->ack_at <= now.boot) {
		c->ack_at = INT64_MAX;
		c->want_acks = true;
	}
	if (c->ping_at <= now.boot) {
		c->ping_at = now.boot + MT_PING_PERIOD;
		c->want_ping = true;
		if (!c->flight.n && !c->waiting)
			give_back(c);
	}
	if (c->state_at <= now.boot)
		tick_states(c, now);
	if (silent_until(c) <= now.boot)
		mt_client_close(c, false);
	if (c->pfs)
		mt_temporary_tick(c, now);
}

static bool writes_stall(struct mt_client *c, struct mt_time now)
{
	size_t len = mt_link_out(c->link)->len;

	watch_writes(c, len, now);
	c->out_seen = len;
	return len && c->progress_at + MT_WRITE_STALL <= now.boot;
}

void mt_client_tick(struct mt_client *c, struct mt_time now)
{
	if (c->phase == MT_IDLE && c->connect_at <= now.boot) {
		c->phase = MT_CONNECTING;
		mt_event_fixed(c, MT_EV_CONNECT);
	}
	if (!is_up(c))
		return;
	if (c->phase == MT_OPEN)
		tick_open(c, now);
	if (c->phase == MT_TUNNEL && c->first_answer_by <= now.boot)
		proxy_failed(c, "the proxy did not answer in time");
	if (!is_up(c))
		return;
	if (c->first_answer_by <= now.boot || c->stop_by <= now.boot || writes_stall(c, now))
		mt_client_close(c, !c->stopping);
}
