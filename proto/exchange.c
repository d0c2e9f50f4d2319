/* The key exchange inside a client: wraps the handshake's bodies into plain messages, watches over
 * tries, and turns its outcome into a key, a salt and a time. The client owns the handshake.
 * core.telegram.org/mtproto/auth_key; checks B.16, B.48-B.52. */
#include "proto/client.h"

#include <string.h>

#define PLAIN_HEAD 20 /* auth_key_id 0, msg_id, length */
#define HOPELESS 16   /* level of the back-off when no try can help: its longest wait */

void mt_exchange_end(struct mt_client *c)
{
	mt_handshake_free(c->handshake);
	c->handshake = NULL;
	c->job = NULL; /* comes back to a client that does not wait for it any more */
}

void mt_exchange_start(struct mt_client *c, struct mt_time now)
{
	mt_exchange_end(c);
	c->handshake = mt_handshake_new(c->dc, mt_temporary_wanted(c), c->temp.life, c->rsa,
					c->rsa_count, c->env);
	c->phase = MT_EXCHANGE;
	c->plain_number = 0;
	c->exchanges++;
	if (!c->handshake)
		mt_client_close(c, true);
	else
		mt_exchange_go_on(c, now);
}

void mt_exchange_beside(struct mt_client *c, struct mt_time now)
{
	c->handshake = mt_handshake_new(c->dc, true, c->temp.life, c->rsa, c->rsa_count, c->env);
	c->plain_number = 0;
	if (c->handshake)
		mt_exchange_go_on(c, now);
}

static void send_plain(struct mt_client *c, const uint8_t *body, size_t n, struct mt_time now)
{
	tl_buf_clear(&c->pack);
	tl_put_u64(&c->pack, 0);
	tl_put_u64(&c->pack, mt_msgid_next(&c->plain_msg_id, mt_clock_now(&c->clock, now)));
	tl_put_u32(&c->pack, (uint32_t)n);
	tl_put(&c->pack, body, n);
	if (c->pack.err || mt_link_send(c->link, c->pack.data, c->pack.len, false))
		mt_client_close(c, true);
}

static void failed(struct mt_client *c, const struct mt_handshake_event *ev, struct mt_time now)
{
	int err = ev->err;
	bool restart = ev->restart && c->exchanges < MT_EXCHANGES;

	mt_exchange_end(c);
	if (c->phase == MT_OPEN)
		return; /* the next temporary key; the one in use goes on, and it is tried again */
	if (restart) {
		mt_exchange_start(c, now);
		return;
	}
	mt_event_say(c, MT_EV_TRANSPORT_ERROR, err, NULL, 0);
	if (err == -TG_E_NOT_FOUND) /* a server with other RSA keys: no storm (B.37) */
		c->level = HOPELESS;
	mt_client_close(c, true);
}

static void done_temporary(struct mt_client *c, const struct mt_key *key,
			   const struct mt_handshake_event *ev, struct mt_time now)
{
	bool opens = c->phase != MT_OPEN;

	if (opens) /* beside a session its own time is the better one */
		mt_clock_set(&c->clock, now, now.real + ev->time_offset);
	mt_temporary_made(c, key, ev->salt, now);
	mt_client_tell_time(c, now);
	mt_exchange_end(c);
	if (opens)
		mt_client_session_opened(c, now);
}

static void done(struct mt_client *c, const struct mt_handshake_event *ev, struct mt_time now)
{
	struct mt_key key;

	if (mt_key_init(&key, ev->key)) {
		failed(c, &(struct mt_handshake_event){.restart = true}, now);
		return; /* one in 2^64 keys has id 0 (B.7) */
	}
	if (mt_temporary_wanted(c)) {
		done_temporary(c, &key, ev, now);
		mt_wipe(&key, sizeof key);
		return;
	}
	if (!mt_event_say(c, MT_EV_KEY, 0, key.key, sizeof key.key)) {
		mt_wipe(&key, sizeof key);
		mt_exchange_end(c);
		mt_client_close(c, true); /* a key that nobody keeps is none */
		return;
	}
	c->keys->session = key;
	mt_wipe(&key, sizeof key);
	c->has_key = true;
	mt_clock_set(&c->clock, now, now.real + ev->time_offset);
	mt_salts_only(&c->salts, ev->salt);
	mt_client_tell_salts(c);
	mt_client_tell_time(c, now);
	mt_exchange_end(c);
	c->renew = true; /* the old session belonged to another key (D.16) */
	if (c->pfs) {
		mt_temporary_perm(c, now);
		mt_exchange_start(c, now);
	} else {
		mt_client_session_opened(c, now);
	}
}

static void give_job(struct mt_client *c, struct mt_job *job)
{
	c->job = job;
	if (mt_event_job(c, job))
		return;
	job->free(job);
	mt_client_close(c, true);
}

void mt_exchange_go_on(struct mt_client *c, struct mt_time now)
{
	struct mt_handshake_event ev;

	while ((c->phase == MT_EXCHANGE || c->phase == MT_OPEN) && c->handshake) {
		mt_handshake_next(c->handshake, &ev);
		switch (ev.kind) {
		case MT_HANDSHAKE_NONE:
			return;
		case MT_HANDSHAKE_SEND:
			send_plain(c, ev.body, ev.n, now);
			break;
		case MT_HANDSHAKE_JOB:
			give_job(c, ev.job);
			break;
		case MT_HANDSHAKE_DONE:
			done(c, &ev, now);
			return;
		case MT_HANDSHAKE_FAILED:
			failed(c, &ev, now);
			return;
		}
	}
}

/* The same message again, or a second answer of a kind that comes once in an exchange: what a line
 * that repeats itself makes of one. Only dh_gen_retry may come more than once (B.47). */
static bool heard_before(struct mt_client *c, uint64_t msg_id, const uint8_t *body, size_t n)
{
	struct tl_cursor cur = tl_cursor(body, n);
	uint32_t number = tl_peek_u32(&cur);

	if (msg_id == c->plain_heard)
		return true;
	if (number == c->plain_number && number != WIRE_DH_GEN_RETRY)
		return true;
	c->plain_heard = msg_id;
	c->plain_number = number;
	return false;
}

/* Plain messages count only while a key is being made (B.16). */
void mt_exchange_plain(struct mt_client *c, const uint8_t *packet, size_t n, struct mt_time now)
{
	struct tl_cursor cur = tl_cursor(packet, n);
	uint64_t msg_id;
	uint32_t body_n;
	const uint8_t *body;

	if ((c->phase != MT_EXCHANGE && c->phase != MT_OPEN) || !c->handshake)
		return;
	tl_get_u64(&cur);
	msg_id = tl_get_u64(&cur);
	body_n = tl_get_u32(&cur);
	body = tl_get(&cur, body_n);
	if (!body || !(msg_id & 1) || heard_before(c, msg_id, body, body_n))
		return;
	if (mt_handshake_feed(c->handshake, body, body_n, now) == 0 || c->handshake)
		mt_exchange_go_on(c, now); /* a failure comes as an event */
}

void mt_client_job_done(struct mt_client *c, struct mt_job *job, struct mt_time now)
{
	if (!c->handshake || job != c->job) {
		job->free(job);
		return;
	}
	c->job = NULL;
	mt_handshake_job_done(c->handshake, job);
	mt_exchange_go_on(c, now);
	mt_client_settle(c);
}
