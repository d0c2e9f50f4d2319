/* Calls: unwrapping, order (invokeAfterMsg), answers, pushes. Owned by net. A call that came once
 * is executed once; its answer is kept by the outbox. */
#include "net.h"

#include <stdlib.h>
#include <string.h>

#define ID_RPC_RESULT 0xf35c6d01u
#define ID_RPC_ERROR 0x2144ca19u
#define ID_GZIP 0x3072cfa1u
#define ID_ANSWER_DROPPED_RUNNING 0xcd78e586u
#define ID_BIND 0xcdd42a05u
#define UNKNOWN_ID 0x0badc0deu

static uint32_t id_of(const struct tl_cursor *c)
{
	return tl_peek_u32(c);
}

static const char *method_name(const struct sb_pending *p)
{
	return p->method ? tl_name(&tl_api, p->method) : "";
}

/* ---- the end of a call -------------------------------------------------------------------------
 */
static void pending_free(struct sb_pending *p)
{
	if (p->session) {
		*p->pprev = p->next;
		if (p->next)
			p->next->pprev = p->pprev;
		p->session->call_count--;
		if (!p->started)
			p->session->waiting--;
	}
	p->call.s->net->delayed -= p->due != 0;
	tl_arena_free(&p->arena);
	free(p->body);
	free(p);
}

void sb_rpc_session_gone(struct sb_session *s)
{
	struct sb_pending *next;

	for (struct sb_pending *p = s->calls; p; p = next) {
		next = p->next;
		if (p->started && !p->due) {
			p->session = NULL; /* the world will answer into the void */
		} else {
			pending_free(p);
		}
	}
	s->calls = NULL;
}

static void wake(struct sb_session *s);

static const char updates_name[] = "updates"; /* of faults that strike what is pushed */

/* gzip_packed when it is worth it (A.27); else the bytes as they are. */
static void put_packed(struct tl_buf *out, const struct tl_buf *answer, bool pack)
{
	struct tl_buf zipped = {0};

	if (pack && answer->len >= SB_GZIP_BYTES && !mt_gzip(answer->data, answer->len, &zipped) &&
	    zipped.len + zipped.len / 8 < answer->len) {
		tl_put_u32(out, ID_GZIP);
		tl_put_bytes(out, zipped.data, zipped.len);
	} else {
		tl_put(out, answer->data, answer->len);
	}
	tl_buf_free(&zipped);
}

/* The object of an answer or an update as it goes out, faults included. */
static void put_object(struct sb_net *n, const struct sb_key *k, const char *method,
		       struct tl_buf *answer, bool pack, struct tl_buf *out)
{
	int64_t user = k->auth->user_id;
	const struct sb_fault *f;

	f = sb_wire_hit(n, SB_BOMB, SB_OUT, k->dc, user, method);
	if (f) {
		if (f->code > 0)
			sb_swell((unsigned)f->code, out);
		else
			sb_bomb(n, out);
		return;
	}
	if (answer->len >= 4 &&
	    sb_wire_hit(n, SB_UNKNOWN_CONSTRUCTOR, SB_OUT, k->dc, user, method)) {
		const uint32_t id = UNKNOWN_ID;

		memcpy(answer->data, &id, 4);
	}
	if (sb_wire_hit(n, SB_BAD_TEXT, SB_OUT, k->dc, user, method))
		sb_hostile_text(answer->data, answer->len);
	put_packed(out, answer, pack);
}

static void finish(struct sb_pending *p, struct tl_buf *answer, bool failed)
{
	struct sb_session *s = p->session;
	struct tl_buf out = {0};

	if (s && !p->dropped) {
		struct sb_net *n = s->net;
		struct sb_received *r = sb_session_received(s, p->call.msg_id);
		const char *method = method_name(p);
		struct sb_sent *m;

		sb_hostile_message(s, method, p->call.msg_id, answer);
		tl_put_u32(&out, ID_RPC_RESULT);
		tl_put_u64(&out, p->call.msg_id);
		put_object(n, s->key, method, answer, strcmp(method, "upload.getFile") != 0, &out);
		m = out.err ? NULL : sb_out_add(s, out.data, out.len, true, p->call.msg_id);
		if (r) {
			r->state = failed ? SB_FAILED : SB_ANSWERED;
			r->answer = m ? m->msg_id : 0;
		}
		if (m && sb_wire_hit(n, SB_DROP, SB_OUT, s->key->dc, s->key->auth->user_id, method))
			sb_out_lost(s, m);
		if (sb_wire_hit(n, SB_DUPLICATE, SB_OUT, s->key->dc, s->key->auth->user_id,
				method) &&
		    m) {
			sb_out_flush_session(s);
			sb_out_again(s, m);
		}
		if (p->cut && s->conn)
			sb_conn_close(s->conn);
		tl_buf_free(&out);
	}
	tl_buf_free(answer);
	pending_free(p);
	if (s)
		wake(s);
}

/* ---- answers: what the world calls --------------------------------------------------------------
 */
void sb_reply(struct sb_call *c, const struct tl_obj *o)
{
	struct tl_buf b = {0};

	if (sb_layer_answer(c->layer, ((struct sb_pending *)c->priv)->method, o, &b)) {
		tl_buf_free(&b);
		sb_reply_error(c, 500, "ANSWER_ENCODING_FAILED");
		return;
	}
	finish(c->priv, &b, false);
}

void sb_reply_vector(struct sb_call *c, unsigned method, const struct tl_vec *v)
{
	struct tl_vector vector = {.obj = {TL_VECTOR}, .vec = *v};
	struct tl_buf b = {0};

	if (sb_layer_answer(c->layer, method, &vector.obj, &b)) {
		tl_buf_free(&b);
		sb_reply_error(c, 500, "ANSWER_ENCODING_FAILED");
		return;
	}
	finish(c->priv, &b, false);
}

void sb_reply_bool(struct sb_call *c, bool v)
{
	struct tl_buf b = {0};

	tl_put_u32(&b, v ? 0x997275b5u : 0xbc799737u);
	finish(c->priv, &b, false);
}

void sb_reply_error(struct sb_call *c, int code, const char *text)
{
	struct tl_buf b = {0};

	tl_put_u32(&b, ID_RPC_ERROR);
	tl_put_u32(&b, (uint32_t)code);
	tl_put_bytes(&b, text, strlen(text));
	finish(c->priv, &b, true);
}

bool sb_rpc_drop(struct sb_session *s, uint64_t msg_id)
{
	for (struct sb_pending *p = s->calls; p; p = p->next) {
		struct sb_received *r = sb_session_received(s, msg_id);
		struct tl_buf b = {0};
		struct sb_sent *m;

		if (p->call.msg_id != msg_id || p->dropped)
			continue;
		tl_put_u32(&b, ID_RPC_RESULT);
		tl_put_u64(&b, msg_id);
		tl_put_u32(&b, ID_ANSWER_DROPPED_RUNNING);
		m = b.err ? NULL : sb_out_add(s, b.data, b.len, true, msg_id);
		tl_buf_free(&b);
		if (r) {
			r->state = SB_FAILED;
			r->answer = m ? m->msg_id : 0;
		}
		p->dropped = true;
		if (!p->started)
			pending_free(p);
		return true;
	}
	return false;
}

/* Faults of the "method" updates lose, double or reorder them while the line stays whole. */
static void push_one(struct sb_session *e, const struct tl_buf *b)
{
	struct sb_held *late = e->late;
	struct sb_net *n = e->net;
	int64_t user = e->key->auth->user_id;
	int dc = e->key->dc;

	if (sb_wire_hit(n, SB_DROP, SB_OUT, dc, user, updates_name))
		return;
	if (!late && sb_wire_hit(n, SB_REORDER, SB_OUT, dc, user, updates_name)) {
		e->late = malloc(sizeof *e->late + b->len);
		if (!e->late)
			return;
		*e->late = (struct sb_held){.n = b->len};
		memcpy(e->late->data, b->data, b->len);
		return;
	}
	sb_out_add(e, b->data, b->len, true, 0);
	if (sb_wire_hit(n, SB_DUPLICATE, SB_OUT, dc, user, updates_name))
		sb_out_add(e, b->data, b->len, true, 0);
	if (!late)
		return;
	e->late = NULL;
	sb_out_add(e, late->data, late->n, true, 0);
	free(late);
}

void sb_push(struct sandbox *s, struct sb_auth *a, const struct tl_obj *updates,
	     uint64_t except_session)
{
	struct tl_buf b = {0}, out = {0};
	int layer = -1;

	for (struct sb_key *k = sb_key_first(a); k; k = k->sibling)
		for (struct sb_session *e = k->sessions; e; e = e->next) {
			if (!e->takes_updates || e->id == except_session)
				continue;
			if (layer != k->layer) {
				tl_buf_clear(&b);
				if (sb_layer_encode(k->layer, updates, &b))
					continue;
				layer = k->layer;
			}
			tl_buf_clear(&out);
			put_object(s->net, k, updates_name, &b, true, &out);
			if (!out.err)
				push_one(e, &out);
		}
	tl_buf_free(&b);
	tl_buf_free(&out);
}

/* ---- beginning a call --------------------------------------------------------------------------
 */
static bool before_bind(const struct sb_pending *p)
{
	const char *name = method_name(p);

	return !strcmp(name, "help.getConfig") || !strcmp(name, "help.getNearestDc");
}

/* Faults that name this method; true = the call goes no further now. */
static bool struck(struct sb_pending *p)
{
	struct sb_session *s = p->session;
	struct sb_net *n = s->net;
	const char *name = method_name(p);
	uint64_t msg_id = p->call.msg_id;
	struct sb_received *r = sb_session_received(s, msg_id);
	uint32_t seqno = r ? r->seqno : 1;
	int64_t user = s->key->auth->user_id;
	int dc = s->key->dc;
	struct sb_fault *f;

	if (p->due)
		return false; /* it was delayed already */
	if (sb_wire_hit(n, SB_FORGET_KEY, SB_IN, dc, user, name)) {
		if (s->conn)
			sb_conn_error(s->conn, -404);
		pending_free(p);
		sb_auth_drop(n, s->key->auth);
		return true;
	}
	f = sb_wire_hit(n, SB_BAD_MSG, SB_IN, dc, user, name);
	if (f || sb_wire_hit(n, SB_BAD_SALT, SB_IN, dc, user, name)) {
		if (!f)
			s->key->salt_epoch++;
		sb_session_bad_msg(s, msg_id, seqno, f ? f->code : 48);
		sb_session_unreceive(s, msg_id);
		pending_free(p);
		return true;
	}
	if (sb_wire_hit(n, SB_DROP, SB_IN, dc, user, name)) {
		sb_session_unreceive(s, msg_id);
		pending_free(p);
		return true;
	}
	if (sb_wire_hit(n, SB_CUT, SB_IN, dc, user, name)) { /* before it is executed */
		sb_session_unreceive(s, msg_id);
		pending_free(p);
		if (s->conn)
			sb_conn_close(s->conn);
		return true;
	}
	if (sb_wire_hit(n, SB_CUT, SB_OUT, dc, user, name)) /* after it, before the answer */
		p->cut = true;
	f = sb_wire_hit(n, SB_DELAY, SB_IN, dc, user, name);
	f = f ? f : sb_wire_hit(n, SB_DELAY, SB_OUT, dc, user, name);
	f = f ? f : sb_wire_hit(n, SB_STALL, SB_IN, dc, user, name);
	if (!f)
		return false;
	n->delayed++;
	p->due = f->seconds > 0 ? sb_now(n->s) + (int64_t)(f->seconds * NS) : INT64_MAX;
	return true;
}

/* Everything it waited for is done. */
static void start(struct sb_pending *p)
{
	struct sb_session *s = p->session;
	struct sb_key *k = s->key;
	struct sb_net *n = s->net;
	struct tl_obj *request;
	uint32_t id = id_of(&p->query);
	const char *text;
	char error[64];

	if (!p->started)
		s->waiting--;
	p->started = true;
	p->call.auth = k->auth;
	p->call.layer = k->layer;
	if (id == ID_BIND) {
		tl_get_u32(&p->query);
		text = sb_bind(s, p->call.msg_id, &p->query);
		if (text)
			sb_reply_error(&p->call, 400, text);
		else
			sb_reply_bool(&p->call, true);
		return;
	}
	if (!k->layer) {
		sb_reply_error(&p->call, 400, "CONNECTION_NOT_INITED");
		return;
	}
	if (sb_layer_decode(&p->arena, &p->query, &request)) {
		sb_reply_error(&p->call, 400, "INPUT_FETCH_ERROR");
		return;
	}
	if (request->ctor == TL_UNKNOWN || !tl_is_method(&tl_api, request->ctor)) {
		snprintf(error, sizeof error, "INPUT_METHOD_INVALID_%u", id);
		sb_world_unknown(n->s->world, k->auth, id);
		sb_reply_error(&p->call, 400, error);
		return;
	}
	p->method = request->ctor;
	p->call.request = request;
	if (tl_left(&p->query)) {
		sb_reply_error(&p->call, 400, "INPUT_REQUEST_TOO_LONG");
		return;
	}
	if (k->temp && !k->bound && !before_bind(p)) {
		sb_reply_error(&p->call, 401, "AUTH_KEY_PERM_EMPTY");
		return;
	}
	if (!struck(p))
		sb_world_call(n->s->world, &p->call);
}

/* ---- waiting: invokeAfterMsg (core.telegram.org/api/invoking)
 * ------------------------------------
 */
enum ready { READY_YES, READY_WAIT, READY_FAILED };

static enum ready ready(const struct sb_pending *p)
{
	for (unsigned i = 0; i < p->after_count; i++) {
		struct sb_received *r = sb_session_received(p->session, p->after[i]);

		if (!r || r->state == SB_RUNNING)
			return READY_WAIT;
		if (r->state != SB_ANSWERED)
			return READY_FAILED;
	}
	return READY_YES;
}

/* Begins what can begin; a call that ends at once may free others, hence from the start again. */
static void wake(struct sb_session *s)
{
	bool again = true;

	if (s->waking)
		return;
	s->waking = true;
	while (again && s->waiting) {
		again = false;
		for (struct sb_pending *p = s->calls; p; p = p->next) {
			enum ready state = p->started ? READY_WAIT : ready(p);

			if (state == READY_WAIT)
				continue;
			if (state == READY_YES) {
				start(p);
			} else {
				p->started = true;
				s->waiting--;
				sb_reply_error(&p->call, 400, "MSG_WAIT_FAILED");
			}
			again = true;
			break;
		}
	}
	s->waking = false;
}

void sb_rpc_tick(struct sb_session *s, int64_t now)
{
	bool again = true;

	while (again) {
		again = false;
		for (struct sb_pending *p = s->calls; p && !again; p = p->next) {
			if (!p->started && now - p->since > SB_WAIT_SECONDS * NS) {
				p->started = true;
				s->waiting--;
				sb_reply_error(&p->call, 500, "MSG_WAIT_TIMEOUT");
				again = true;
			} else if (p->started && p->due && p->due <= now) {
				p->due = 0;
				s->net->delayed--;
				sb_world_call(s->net->s->world, &p->call);
				again = true;
			}
		}
	}
}

void sb_rpc_play(struct sb_net *n, struct sb_auth *a, uint64_t session, int layer, bool no_updates,
		 const uint8_t *body, size_t size)
{
	struct sb_pending *p = calloc(1, sizeof *p);
	struct tl_obj *request;

	if (p)
		p->body = malloc(size + !size);
	if (!p || !p->body)
		abort();
	memcpy(p->body, body, size);
	p->n = size;
	p->started = true;
	tl_arena_init(&p->arena, SB_CALL_ARENA);
	p->call = (struct sb_call){.s = n->s,
				   .auth = a,
				   .arena = &p->arena,
				   .session = session,
				   .layer = layer,
				   .no_updates = no_updates,
				   .priv = p};
	p->query = tl_cursor(p->body, p->n);
	if (tl_decode(&tl_api, &p->arena, &p->query, &request, NULL) != 0) {
		pending_free(p);
		return;
	}
	p->method = request->ctor;
	p->call.request = request;
	sb_world_execute(n->s->world, &p->call);
}

void sb_rpc(struct sb_session *s, uint64_t msg_id, const uint8_t *body, size_t n)
{
	struct sb_pending *p = calloc(1, sizeof *p);
	struct sb_received *r = sb_session_received(s, msg_id);
	const char *error;

	if (p)
		p->body = malloc(n ? n : 1);
	if (!p || !p->body) {
		free(p);
		return;
	}
	memcpy(p->body, body, n);
	p->n = n;
	tl_arena_init(&p->arena, SB_CALL_ARENA);
	p->call = (struct sb_call){.s = s->net->s,
				   .auth = s->key->auth,
				   .arena = &p->arena,
				   .msg_id = msg_id,
				   .session = s->id,
				   .layer = s->key->layer,
				   .priv = p};
	p->since = sb_now(s->net->s);
	p->session = s;
	p->next = s->calls;
	p->pprev = &s->calls;
	if (s->calls)
		s->calls->pprev = &p->next;
	s->calls = p;
	s->call_count++;
	s->waiting++;
	s->net->count.calls++;
	if (r)
		r->state = SB_RUNNING;
	error = s->call_count > SB_MAX_CALLS ? "FLOOD_WAIT_1" : sb_unwrap(p);
	if (error) {
		p->started = true;
		s->waiting--;
		sb_reply_error(&p->call, strncmp(error, "FLOOD", 5) ? 400 : 420, error);
		return;
	}
	if (!p->call.no_updates)
		s->takes_updates = true;
	switch (ready(p)) {
	case READY_YES:
		start(p);
		break;
	case READY_WAIT:
		break;
	case READY_FAILED:
		p->started = true;
		s->waiting--;
		sb_reply_error(&p->call, 400, "MSG_WAIT_FAILED");
		break;
	}
}
