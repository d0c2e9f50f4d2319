/* The rig: see rig.h. Written from the documentation, apart from the sandbox. */
#include "tests/unit/core/rig.h"

#define ID_CONTAINER 0x73f1f8dcu
#define ID_GZIP 0x3072cfa1u
#define ID_RESULT 0xf35c6d01u
#define ID_ERROR 0x2144ca19u
#define ID_PING 0xf3427b8cu
#define ID_PONG 0x347773c5u
#define ID_SALTS 0xb921bd04u
#define ID_NEW_SESSION 0x9ec20908u
#define ID_AFTER 0xcb9f372du

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

void *rig_alloc(struct rig *r, size_t n)
{
	return tl_arena_alloc(&r->arena, n);
}

/* ---- what the server says ---- */
static uint64_t next_msg_id(struct rig *r, struct rig_dc *d, bool answer)
{
	uint64_t id = ((uint64_t)(r->now.real / second) << 32 |
		       ((uint64_t)(r->now.real % second) << 32) / (uint64_t)second) &
		      ~(uint64_t)3;

	if (id <= d->last_msg_id)
		id = d->last_msg_id + 4;
	d->last_msg_id = id;
	return id + (answer ? 1 : 3);
}

static void deliver(struct rig *r, struct rig_dc *d)
{
	struct tl_buf *out = mt_link_out(d->link);
	size_t n = out->len, step = r->bytewise ? 1 : n;
	uint8_t *copy = malloc(n + 1);

	memcpy(copy, out->data, n);
	tl_buf_drop(out, n);
	for (size_t at = 0; at < n && d->slot >= 0; at += step)
		CHECK_INT(tg_account_feed(r->a, (unsigned)d->slot, copy + at, step, r->now), 0);
	free(copy);
}

static void say(struct rig *r, int dc, bool answer, bool content, const struct tl_buf *body)
{
	struct rig_dc *d = &r->dc[dc];
	struct mt_header h = {.salt = d->salt,
			      .session = d->session,
			      .msg_id = next_msg_id(r, d, answer),
			      .seqno = d->content * 2 + content};
	struct tl_buf packet = {0};

	if (d->slot < 0 || !d->session)
		return;
	d->content += content;
	CHECK_INT(mt_seal(&d->key, MT_TO_CLIENT, &h, body->data, body->len, &r->env.random, &packet,
			  NULL),
		  0);
	CHECK_INT(mt_link_send(d->link, packet.data, packet.len, false), 0);
	tl_buf_free(&packet);
	deliver(r, d);
}

void rig_say(struct rig *r, int dc, const struct tl_obj *o)
{
	struct tl_buf b = {0};

	CHECK_INT(tl_encode(&tl_api, o, &b), 0);
	say(r, dc, false, true, &b);
	tl_buf_free(&b);
}

void rig_answer(struct rig *r, const struct rig_request *q, const struct tl_obj *o)
{
	struct tl_buf b = {0};

	tl_put_u32(&b, ID_RESULT);
	tl_put_u64(&b, q->msg_id);
	CHECK_INT(tl_encode(&tl_api, o, &b), 0);
	say(r, q->dc, true, true, &b);
	tl_buf_free(&b);
}

void rig_refuse(struct rig *r, const struct rig_request *q, int code, const char *text)
{
	struct tl_buf b = {0};

	tl_put_u32(&b, ID_RESULT);
	tl_put_u64(&b, q->msg_id);
	tl_put_u32(&b, ID_ERROR);
	tl_put_u32(&b, (uint32_t)code);
	tl_put_bytes(&b, text, strlen(text));
	say(r, q->dc, true, true, &b);
	tl_buf_free(&b);
}

/* ---- objects ---- */
struct tl_obj *rig_user(struct rig *r, int64_t id, const char *username, bool min)
{
	struct tl_user *u = rig_alloc(r, sizeof *u);

	*u = (struct tl_user){.obj = {TL_user},
			      .id = id,
			      .min = min,
			      .bot = id == RIG_SELF,
			      .self = id == RIG_SELF,
			      .has_access_hash = true,
			      .access_hash = id * 1000 + min,
			      .first_name = tl_str(min ? "Minimal" : "First"),
			      .username = username ? tl_str(username) : (struct tl_str){NULL, 0}};
	return &u->obj;
}

struct tl_obj *rig_channel(struct rig *r, int64_t id, const char *username, bool min)
{
	struct tl_channel *c = rig_alloc(r, sizeof *c);
	struct tl_chatPhotoEmpty *photo = rig_alloc(r, sizeof *photo);

	photo->obj.ctor = TL_chatPhotoEmpty;
	*c = (struct tl_channel){.obj = {TL_channel},
				 .id = id,
				 .min = min,
				 .has_access_hash = true,
				 .access_hash = id * 1000 + min,
				 .title = tl_str("Channel"),
				 .username = username ? tl_str(username) : (struct tl_str){NULL, 0},
				 .photo = &photo->obj,
				 .date = 1};
	return &c->obj;
}

static struct tl_obj *peer(struct rig *r, unsigned ctor, int64_t id)
{
	struct tl_peerUser *p = rig_alloc(r, sizeof *p);

	p->obj.ctor = (uint16_t)ctor;
	p->user_id = id;
	return &p->obj;
}

static struct tl_obj *message(struct rig *r, const struct rig_message *m)
{
	struct tl_message *o = rig_alloc(r, sizeof *o);

	*o = (struct tl_message){
		.obj = {TL_message},
		.id = m->pts,
		.peer_id = m->channel ? peer(r, TL_peerChannel, m->channel)
				      : peer(r, TL_peerUser, RIG_USER),
		.date = r->date,
		.message = tl_str(tl_arena_copy(&r->arena, m->text, strlen(m->text)))};
	return &o->obj;
}

struct tl_obj *rig_make(struct rig *r, int64_t channel, const char *text)
{
	struct rig_message *m = &r->history[r->history_n++];
	struct tl_updateNewMessage *u = rig_alloc(r, sizeof *u);

	CHECK(r->history_n < RIG_LOG);
	m->channel = channel;
	m->pts = channel ? ++r->channel_pts : ++r->pts;
	snprintf(m->text, sizeof m->text, "%s", text);
	r->date++;
	u->obj.ctor = channel ? TL_updateNewChannelMessage : TL_updateNewMessage;
	u->message = message(r, m);
	u->pts = m->pts;
	u->pts_count = 1;
	return &u->obj;
}

static struct tl_vec vec(struct rig *r, struct tl_obj **list, uint32_t n)
{
	struct tl_vec v = {rig_alloc(r, (n + 1) * sizeof *list), n};

	if (n)
		memcpy(v.items, list, n * sizeof *list);
	return v;
}

static struct tl_vec all_users(struct rig *r)
{
	struct tl_obj *u = rig_user(r, RIG_USER, "alice", false);

	return vec(r, &u, 1);
}

static struct tl_vec all_chats(struct rig *r)
{
	struct tl_obj *c = rig_channel(r, RIG_CHANNEL, "news", false);

	return vec(r, &c, 1);
}

struct tl_obj *rig_updates(struct rig *r, struct tl_obj **list, uint32_t n, int32_t seq)
{
	struct tl_updates *u = rig_alloc(r, sizeof *u);

	*u = (struct tl_updates){.obj = {TL_updates},
				 .updates = vec(r, list, n),
				 .users = all_users(r),
				 .chats = all_chats(r),
				 .date = r->date,
				 .seq = seq};
	return &u->obj;
}

void rig_message(struct rig *r, const char *text)
{
	struct tl_obj *u = rig_make(r, 0, text);

	if (!r->mute)
		rig_say(r, r->a->main_dc, rig_updates(r, &u, 1, 0));
}

void rig_channel_message(struct rig *r, const char *text)
{
	struct tl_obj *u = rig_make(r, RIG_CHANNEL, text);

	if (!r->mute)
		rig_say(r, r->a->main_dc, rig_updates(r, &u, 1, 0));
}

/* ---- the server's own methods ---- */
static struct tl_obj *state(struct rig *r, int32_t pts)
{
	struct tl_updates_state *s = rig_alloc(r, sizeof *s);

	*s = (struct tl_updates_state){
		.obj = {TL_updates_state}, .pts = pts, .qts = 1, .date = r->date, .seq = r->seq};
	return &s->obj;
}

/* Channels that moved tell so in the common difference. */
static struct tl_vec moved_channels(struct rig *r)
{
	struct tl_updateChannelTooLong *u = rig_alloc(r, sizeof *u);
	struct tl_obj *o = &u->obj;

	*u = (struct tl_updateChannelTooLong){.obj = {TL_updateChannelTooLong},
					      .channel_id = RIG_CHANNEL,
					      .has_pts = true,
					      .pts = r->channel_pts};
	return vec(r, &o, r->channel_pts > 0);
}

static void serve_difference(struct rig *r, const struct rig_request *q)
{
	const struct tl_updates_getDifference *m = (const void *)q->obj;
	struct tl_updates_difference *d = rig_alloc(r, sizeof *d);
	struct tl_obj *list[RIG_LOG];
	uint32_t n = 0;
	int32_t pts = r->pts;
	bool slice = false;

	for (size_t i = 0; i < r->history_n && !slice; i++) {
		if (r->history[i].channel || r->history[i].pts <= m->pts)
			continue;
		list[n++] = message(r, &r->history[i]);
		slice = r->slice && n == (uint32_t)r->slice;
		pts = r->history[i].pts;
	}
	slice = slice && pts < r->pts;
	*d = (struct tl_updates_difference){
		.obj = {slice ? TL_updates_differenceSlice : TL_updates_difference},
		.new_messages = vec(r, list, n),
		.new_encrypted_messages = vec(r, NULL, 0),
		.other_updates = moved_channels(r),
		.chats = all_chats(r),
		.users = all_users(r),
		.state = state(r, slice ? pts : r->pts)};
	rig_answer(r, q, &d->obj);
}

static void serve_channel(struct rig *r, const struct rig_request *q)
{
	const struct tl_updates_getChannelDifference *m = (const void *)q->obj;
	struct tl_updates_channelDifference *d = rig_alloc(r, sizeof *d);
	struct tl_obj *list[RIG_LOG];
	uint32_t n = 0;
	int32_t pts = r->channel_pts;

	CHECK(((const struct tl_inputChannel *)m->channel)->access_hash == RIG_CHANNEL * 1000);
	for (size_t i = 0; i < r->history_n; i++) {
		if (!r->history[i].channel || r->history[i].pts <= m->pts)
			continue;
		list[n++] = message(r, &r->history[i]);
		pts = r->history[i].pts;
		if (r->slice && n == (uint32_t)r->slice)
			break;
	}
	*d = (struct tl_updates_channelDifference){.obj = {TL_updates_channelDifference},
						   .final = pts == r->channel_pts,
						   .pts = pts,
						   .new_messages = vec(r, list, n),
						   .other_updates = vec(r, NULL, 0),
						   .chats = all_chats(r),
						   .users = all_users(r)};
	rig_answer(r, q, &d->obj);
}

static void serve_authorization(struct rig *r, const struct rig_request *q)
{
	struct tl_auth_authorization *o = rig_alloc(r, sizeof *o);

	o->obj.ctor = TL_auth_authorization;
	o->user = rig_user(r, RIG_SELF, "the_bot", false);
	r->authorized |= 1u << q->dc;
	rig_answer(r, q, &o->obj);
}

static void serve_own(struct rig *r, const struct rig_request *q)
{
	struct tl_auth_exportedAuthorization exported = {
		{TL_auth_exportedAuthorization}, 5, tl_str("secret")};
	struct tl_auth_loggedOut out = {.obj = {TL_auth_loggedOut}};
	struct tl_nearestDc nearest = {.obj = {TL_nearestDc},
				       .country = tl_str("XX"),
				       .this_dc = q->dc,
				       .nearest_dc = q->dc};

	if (!(r->authorized & 1u << q->dc) && q->method != TL_auth_importBotAuthorization &&
	    q->method != TL_auth_importAuthorization && q->method != TL_help_getNearestDc) {
		rig_refuse(r, q, 401, "AUTH_KEY_UNREGISTERED");
		return;
	}
	switch (q->method) {
	case TL_auth_importBotAuthorization:
	case TL_auth_importAuthorization:
		serve_authorization(r, q);
		return;
	case TL_auth_exportAuthorization:
		rig_answer(r, q, &exported.obj);
		return;
	case TL_auth_logOut:
		r->authorized &= ~(1u << q->dc);
		rig_answer(r, q, &out.obj);
		return;
	case TL_updates_getState:
		rig_answer(r, q, state(r, r->pts));
		return;
	case TL_updates_getDifference:
		serve_difference(r, q);
		return;
	case TL_updates_getChannelDifference:
		serve_channel(r, q);
		return;
	case TL_help_getNearestDc:
		rig_answer(r, q, &nearest.obj);
		return;
	}
	rig_refuse(r, q, 400, "METHOD_NOT_SERVED");
}

/* ---- what comes to the server ---- */
static void skip_init(struct tl_cursor *c, bool *ret_wrapped)
{
	if (tl_peek_u32(c) != TL_ID_invokeWithLayer)
		return;
	*ret_wrapped = true;
	tl_get(c, 8);
	CHECK_INT(tl_get_u32(c), TL_ID_initConnection);
	CHECK_INT(tl_get_u32(c), 0);
	CHECK_INT(tl_get_u32(c), 12345);
	for (int i = 0; i < 6; i++)
		tl_get_bytes(c);
	CHECK_INT(c->err, 0);
}

static void pong(struct rig *r, int dc, uint64_t msg_id, struct tl_cursor c)
{
	struct rig_dc *d = &r->dc[dc];
	struct tl_buf b = {0};

	if (d->fresh) {
		d->fresh = false;
		tl_put_u32(&b, ID_NEW_SESSION);
		tl_put_u64(&b, msg_id);
		tl_put_u64(&b, rig_draw(r, 1u << 30));
		tl_put_u64(&b, d->salt);
		say(r, dc, false, true, &b);
		tl_buf_clear(&b);
	}
	tl_get(&c, 4);
	tl_put_u32(&b, ID_PONG);
	tl_put_u64(&b, msg_id);
	tl_put_u64(&b, tl_get_u64(&c));
	say(r, dc, true, false, &b);
	tl_buf_free(&b);
}

static void request(struct rig *r, int dc, uint64_t msg_id, struct tl_cursor c)
{
	struct rig_request q = {.dc = dc, .msg_id = msg_id};
	struct tl_obj *o;

	if (tl_peek_u32(&c) == ID_AFTER)
		tl_get(&c, 12);
	skip_init(&c, &q.wrapped);
	if (!tl_is_method(&tl_api, tl_by_id(&tl_api, tl_peek_u32(&c))) ||
	    tl_is_service(&tl_api, tl_by_id(&tl_api, tl_peek_u32(&c))))
		return; /* acks and the like */
	CHECK_INT(tl_decode(&tl_api, &r->arena, &c, &o, NULL), 0);
	q.obj = o;
	q.method = o->ctor;
	r->calls[q.method]++;
	r->last = q;
	if (!r->serve || !r->serve(r, &q))
		serve_own(r, &q);
}

static void one_message(struct rig *r, int dc, uint64_t msg_id, const uint8_t *body, size_t n)
{
	struct tl_cursor c;
	uint8_t *copy = tl_arena_copy(&r->arena, body, n); /* requests outlive the packet */
	uint32_t id;

	c = tl_cursor(copy, n);
	id = tl_peek_u32(&c);
	if (id == ID_GZIP) {
		struct tl_buf plain = {0};
		struct tl_str packed;

		tl_get(&c, 4);
		packed = tl_get_bytes(&c);
		CHECK_INT(mt_gunzip(packed.data, packed.len, &plain), 0);
		one_message(r, dc, msg_id, plain.data, plain.len);
		tl_buf_free(&plain);
		return;
	}
	if (id == ID_PING)
		pong(r, dc, msg_id, c);
	else if (id != ID_SALTS)
		request(r, dc, msg_id, c);
}

static void packet(struct rig *r, int dc, const uint8_t *data, size_t n)
{
	struct rig_dc *d = &r->dc[dc];
	struct tl_buf plain = {0};
	struct mt_header h;
	struct tl_cursor c;
	const uint8_t *body;
	size_t body_n;

	CHECK_INT(mt_open(&d->key, MT_TO_SERVER, data, n, &plain, &h, &body, &body_n), 0);
	if (h.session != d->session) {
		d->session = h.session;
		d->content = 0;
		d->fresh = true;
	}
	c = tl_cursor(body, body_n);
	if (tl_peek_u32(&c) == ID_CONTAINER) {
		uint32_t count = (tl_get_u32(&c), tl_get_u32(&c));

		while (count-- && !c.err) {
			uint64_t id = tl_get_u64(&c);
			uint32_t size = (tl_get_u32(&c), tl_get_u32(&c));
			const uint8_t *inner = tl_get(&c, size);

			CHECK(inner);
			one_message(r, dc, id, inner, size);
		}
	} else {
		one_message(r, dc, h.msg_id, body, body_n);
	}
	tl_buf_free(&plain);
}

static bool pump(struct rig *r, int dc)
{
	struct rig_dc *d = &r->dc[dc];
	struct tl_buf *out;
	struct mt_packet p;
	bool any = false;

	out = d->slot < 0 ? NULL : tg_account_out(r->a, (unsigned)d->slot, r->now);
	if (!out || !out->len)
		return false;
	CHECK_INT(mt_link_feed(d->link, out->data, out->len), 0);
	tl_buf_drop(out, out->len);
	while (d->slot >= 0 && mt_link_next(d->link, &p) == 0 && p.kind == MT_PACKET_DATA) {
		packet(r, dc, p.data, p.n);
		any = true;
	}
	return any;
}

/* ---- what the account says ---- */
static void connect(struct rig *r, const struct tg_event *ev)
{
	struct rig_dc *d = &r->dc[ev->address.dc];

	CHECK(ev->address.dc >= 1 && ev->address.dc <= RIG_DCS);
	CHECK_INT(d->slot, -1);
	if (r->refuse_connection) {
		tg_account_lost(r->a, ev->link, r->now);
		return;
	}
	mt_link_free(d->link);
	d->link = mt_link_accept(&r->env.random);
	d->slot = (int)ev->link;
	d->connections++;
	tg_account_opened(r->a, ev->link, r->now);
}

static void text_of(struct rig *r, const struct tl_obj *u, char out[32])
{
	const struct tl_message *m = (const void *)tl_field_obj(&tl_api, u, "message");
	int64_t v;

	(void)r;
	if (m && m->obj.ctor == TL_message)
		snprintf(out, 32, "%.*s", (int)m->message.len, m->message.data);
	else if (u->ctor == TL_updateDeleteMessages || u->ctor == TL_updateDeleteChannelMessages)
		snprintf(out, 32, "%c",
			 ((const int32_t *)((const struct tl_updateDeleteMessages *)u)
				  ->messages.items)[0]);
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
	tg_account_stored(r->a, b, r->now);
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
				 .sent = ev->sent,
				 .at = r->now.boot};
	if (ev->kind == TG_EV_ANSWER)
		x->number = tl_peek_u32(&c);
	else if (ev->data)
		snprintf(x->text, sizeof x->text, "%.*s", (int)ev->n, (const char *)ev->data);
}

static void event(struct rig *r, const struct tg_event *ev)
{
	switch (ev->kind) {
	case TG_EV_CONNECT:
		connect(r, ev);
		break;
	case TG_EV_CLOSE:
		for (int i = 1; i <= RIG_DCS; i++)
			if (r->dc[i].slot == (int)ev->link)
				r->dc[i].slot = -1;
		break;
	case TG_EV_JOB:
		ev->job->run(ev->job);
		tg_account_job_done(r->a, ev->job, r->now);
		break;
	case TG_EV_UPDATE:
		CHECK(r->pending_n < RIG_LOG);
		text_of(r, ev->object, r->pending[r->pending_n++]);
		break;
	case TG_EV_GAP:
		snprintf(r->pending[r->pending_n++], 32, "gap:%lld:%lld-%lld:%.8s",
			 (long long)ev->box, (long long)ev->from, (long long)ev->to, ev->text);
		break;
	case TG_EV_STORE:
		/* a second commit never overtakes the first */
		CHECK(!r->held);
		if (!ev->again && !r->fail_commit) {
			memcpy(r->journal[r->journal_n], r->pending, r->pending_n * 32);
			r->journal_n += r->pending_n;
			r->pending_n = 0;
		}
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
		r->resolved[r->resolved_n++ % 32] = *ev;
		break;
	case TG_EV_STATE:
		r->state = *ev;
		r->states++;
		snprintf(r->state_text, sizeof r->state_text, "%.*s", (int)ev->n,
			 (const char *)ev->data);
		break;
	case TG_EV_ONLINE:
		r->onlines++;
		break;
	case TG_EV_CLOCK:
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
		for (int i = 1; i <= RIG_DCS; i++)
			any |= pump(r, i);
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
	int slot = r->dc[dc].slot;

	if (slot < 0)
		return;
	r->dc[dc].slot = -1;
	tg_account_lost(r->a, (unsigned)slot, r->now);
}

/* ---- life ---- */
static void account_new(struct rig *r)
{
	r->a = tg_account_new("main", &r->s, &r->env, r->now);
	CHECK(r->a);
	for (int i = 1; i <= RIG_DCS; i++) {
		struct tg_key k = tg_key(r->a, 'k');
		struct tl_buf b = {0};

		tg_key_number(&k, (uint64_t)i + 10000);
		r->dc[i].slot = -1;
		if (tg_read(r->a, TG_TABLE_KEY, k.bytes, k.n, &b) != 0)
			tg_write(r->a, TG_TABLE_KEY, k.bytes, k.n, r->dc[i].key.key, 256);
		tl_buf_free(&b);
	}
}

struct rig *rig_new(void)
{
	static const char hosts[] = "127.0.0.1";
	struct rig *r = calloc(1, sizeof *r);
	struct mt_address addresses[RIG_DCS] = {{0}};

	r->seed = 42;
	r->now = (struct mt_time){1000 * second, RIG_EPOCH * second};
	r->env = (struct tg_env){{draw_bytes, r}, NULL};
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
		addresses[i - 1].dc = i;
		memcpy(addresses[i - 1].host, hosts, sizeof hosts);
		addresses[i - 1].port = 443;
	}
	r->s = (struct tg_settings){.api_id = 12345,
				    .api_hash = "hash",
				    .test = true,
				    .catch_up = true,
				    .addresses = addresses,
				    .address_count = RIG_DCS};
	CHECK_INT(mt_transport_parse("intermediate", &r->s.transport), 0);
	account_new(r);
	r->s.addresses = r->a->s.addresses; /* for a restart: copied before the old one goes */
	return r;
}

void rig_restart(struct rig *r)
{
	struct mt_address addresses[RIG_DCS];

	memcpy(addresses, r->a->s.addresses, sizeof addresses);
	tg_account_free(r->a);
	if (r->held) {
		tg_batch_free(r->held);
		r->held = NULL;
	}
	r->pending_n = 0;
	for (int i = 1; i <= RIG_DCS; i++)
		r->dc[i].session = 0;
	r->s.addresses = addresses;
	account_new(r);
	r->s.addresses = r->a->s.addresses;
	tg_account_connect(r->a, r->now);
}

void rig_free(struct rig *r)
{
	tg_account_free(r->a);
	for (int i = 1; i <= RIG_DCS; i++)
		mt_link_free(r->dc[i].link);
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
