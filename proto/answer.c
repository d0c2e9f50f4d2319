/* Answers to queries: rpc_result with what may stand in it, and the errors that the session itself
 * has to act on. core.telegram.org/mtproto/service_messages, "Response to an RPC query"; checks
 * A.25-A.30, D.49, D.64, D.67. */
#include "proto/client.h"

#include <string.h>

#define ANSWER_BEFORE_QUESTION (15 * NS) /* D.15 */

/* The server does not know our header any more: say it again with the same query (D.64). */
static bool wrap_again(struct mt_client *c, struct mt_query *q, struct tl_str text)
{
	if (!tl_str_eq(text, "CONNECTION_NOT_INITED") &&
	    !tl_str_eq(text, "CONNECTION_LAYER_INVALID"))
		return false;
	c->inited = false;
	if (!c->init.len || (q->flags & MT_QUERY_NO_INIT) || q->rewraps++ == MT_REWRAPS)
		return false;
	mt_query_requeue(c, q);
	return true;
}

/* A query that was to follow another was not begun. The other one is still out: it may be lost, so
 * its state is asked for, and this one waits until it is answered or sent anew. It was answered
 * well: this one goes alone. It failed: the caller decides about the chain (D.67). */
static bool chain_again(struct mt_client *c, struct mt_query *q, struct tl_str text)
{
	struct mt_query *before = q->after ? mt_query_by_handle(c, q->after) : NULL;

	if (!q->after_msg_id ||
	    (!tl_str_eq(text, "MSG_WAIT_TIMEOUT") && !tl_str_eq(text, "MSG_WAIT_FAILED")))
		return false;
	if (q->after_failed || q->chain_retries++ == MT_CHAIN_RETRIES)
		return false;
	if (before && before->flying && before->msg_id == q->after_msg_id) {
		before->asked = false;
		c->want_state = true;
		q->hold = true;
	}
	mt_query_requeue(c, q);
	return true;
}

/* The server lost the bind of a temporary key: it is made again, and the query waits (D.72). */
static bool bind_again(struct mt_client *c, struct mt_query *q, struct tl_str text)
{
	if (!tl_str_eq(text, "AUTH_KEY_PERM_EMPTY") || !c->temp.on || (q->flags & MT_QUERY_INNER) ||
	    q->rewraps++ == MT_REWRAPS)
		return false;
	c->temp.bound = false;
	mt_temporary_opened(c);
	mt_query_requeue(c, q);
	return true;
}

static void take_error(struct mt_client *c, struct mt_query *q, const uint8_t *body, size_t n)
{
	struct tl_cursor cur = tl_cursor(body, n);
	int32_t code = (tl_get_u32(&cur), (int32_t)tl_get_u32(&cur));
	struct tl_str text = tl_get_bytes(&cur);

	if (cur.err)
		mt_query_fail(c, q, -TG_E_WIRE);
	else if (!wrap_again(c, q, text) && !chain_again(c, q, text) && !bind_again(c, q, text))
		mt_query_answer(c, q, MT_EV_RPC_ERROR, code, text.data, text.len, NULL);
}

/* owned: the memory that body lies in, when that may go over to the event. */
static void take_answer(struct mt_client *c, struct mt_query *q, const uint8_t *body, size_t n,
			struct tl_buf *owned)
{
	struct tl_cursor cur = tl_cursor(body, n);

	switch (tl_peek_u32(&cur)) {
	case WIRE_RPC_ERROR:
		take_error(c, q, body, n);
		return;
	case WIRE_MSG_CONTAINER:
	case WIRE_RPC_RESULT:
	case 0:
		mt_query_fail(c, q, -TG_E_WIRE); /* A.46 */
		return;
	case WIRE_RPC_ANSWER_UNKNOWN:
	case WIRE_RPC_ANSWER_DROPPED:
	case WIRE_RPC_ANSWER_DROPPED_RUNNING:
		mt_query_fail(c, q, -TG_E_OUTCOME_UNKNOWN);
		return;
	}
	if (q->wrapped && !c->inited) {
		c->inited = true;
		c->inited_by = q->outer;
	}
	mt_query_answer(c, q, MT_EV_RESULT, 0, body, n, owned);
}

void mt_service_result(struct mt_client *c, const struct mt_incoming *in, const uint8_t *body,
		       size_t n)
{
	struct tl_cursor cur = tl_cursor(body, n);
	struct tl_buf out = {.len = 0};
	struct mt_query *q;
	uint64_t about;
	int err;

	tl_get_u32(&cur);
	about = tl_get_u64(&cur);
	q = cur.err ? NULL : mt_query_by_msg_id(c, about);
	if (!q)
		return; /* answered before, cancelled, or never ours (D.49) */
	if (mt_msgid_time(in->msg_id) + ANSWER_BEFORE_QUESTION < mt_msgid_time(about) &&
	    !in->contained)
		mt_clock_set(&c->clock, in->now, mt_msgid_time(in->msg_id));
	if (tl_peek_u32(&cur) != WIRE_GZIP_PACKED) {
		take_answer(c, q, cur.p, tl_left(&cur),
			    tl_left(&cur) >= MT_GIVE_BYTES ? in->memory : NULL);
		return;
	}
	err = in->zipped ? -TG_E_WIRE_LIMIT
			 : mt_inbox_unzip(cur.p, tl_left(&cur), &c->unzip_left, &out);
	if (err)
		mt_query_fail(c, q, err);
	else
		take_answer(c, q, out.data, out.len, &out);
	tl_buf_free(&out);
}
