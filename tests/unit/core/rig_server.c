/* The rig's server: written from the documentation, apart from the sandbox. */
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

void *rig_alloc(struct rig *r, size_t n)
{
	return tl_arena_alloc(&r->arena, n);
}

/* ---- what the server says ---- */
static uint64_t next_msg_id(struct rig *r, struct rig_dc *d, bool answer)
{
	int64_t now = r->now.real + r->skew;
	uint64_t id = ((uint64_t)(now / second) << 32 |
		       ((uint64_t)(now % second) << 32) / (uint64_t)second) &
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

static void say(struct rig *r, struct rig_dc *d, bool answer, bool content,
		const struct tl_buf *body)
{
	struct mt_header h = {.salt = d->salt,
			      .session = d->session,
			      .msg_id = next_msg_id(r, d, answer),
			      .seqno = d->content * 2 + content};
	struct tl_buf packet = {0};

	if (d->slot < 0 || !d->session)
		return;
	d->content += content;
	CHECK_INT(mt_seal(&r->dc[d->id].key, MT_TO_CLIENT, &h, body->data, body->len,
			  &r->env.random, &packet, NULL),
		  0);
	CHECK_INT(mt_link_send(d->link, packet.data, packet.len, false), 0);
	tl_buf_free(&packet);
	deliver(r, d);
}

void rig_say(struct rig *r, int dc, const struct tl_obj *o)
{
	struct tl_buf b = {0};

	CHECK_INT(tl_encode(&tl_api, o, &b), 0);
	say(r, &r->dc[dc], false, true, &b);
	tl_buf_free(&b);
}

void rig_say_bytes(struct rig *r, int dc, const void *data, size_t n)
{
	struct tl_buf b = {0};

	tl_put(&b, data, n & ~(size_t)3);
	say(r, &r->dc[dc], false, true, &b);
	tl_buf_free(&b);
}

void rig_answer_bytes(struct rig *r, const struct rig_request *q, const void *data, size_t n)
{
	struct tl_buf b = {0};

	tl_put_u32(&b, ID_RESULT);
	tl_put_u64(&b, q->msg_id);
	tl_put(&b, data, n & ~(size_t)3);
	say(r, q->on, true, true, &b);
	tl_buf_free(&b);
}

void rig_answer(struct rig *r, const struct rig_request *q, const struct tl_obj *o)
{
	struct tl_buf b = {0};

	tl_put_u32(&b, ID_RESULT);
	tl_put_u64(&b, q->msg_id);
	CHECK_INT(tl_encode(&tl_api, o, &b), 0);
	say(r, q->on, true, true, &b);
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
	say(r, q->on, true, true, &b);
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
	if (channel)
		r->channel_date = r->date;
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

struct tl_obj *rig_short(struct rig *r, struct tl_obj *update)
{
	struct tl_updateShort *s = rig_alloc(r, sizeof *s);

	*s = (struct tl_updateShort){{TL_updateShort}, update, r->date};
	return &s->obj;
}

struct tl_obj *rig_too_long(struct rig *r, int64_t id, int32_t pts)
{
	struct tl_updateChannelTooLong *u = rig_alloc(r, sizeof *u);

	*u = (struct tl_updateChannelTooLong){{TL_updateChannelTooLong}, id, pts, pts > 0};
	return rig_short(r, &u->obj);
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

/* Channels that moved since then tell so in the common difference. */
static struct tl_vec moved_channels(struct rig *r, int32_t date)
{
	struct tl_updateChannelTooLong *u = rig_alloc(r, sizeof *u);
	struct tl_obj *o = &u->obj;

	*u = (struct tl_updateChannelTooLong){.obj = {TL_updateChannelTooLong},
					      .channel_id = RIG_CHANNEL,
					      .has_pts = true,
					      .pts = r->channel_pts};
	return vec(r, &o, r->channel_pts > 0 && r->channel_date >= date);
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
		.other_updates = moved_channels(r, m->date),
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

/* A channel's page, where its number stands. */
static void serve_full(struct rig *r, const struct rig_request *q)
{
	struct tl_photoEmpty photo = {{TL_photoEmpty}, 1};
	struct tl_peerNotifySettings settings = {.obj = {TL_peerNotifySettings}};
	struct tl_channelFull full = {.obj = {TL_channelFull},
				      .id = RIG_CHANNEL,
				      .about = tl_str(""),
				      .chat_photo = &photo.obj,
				      .notify_settings = &settings.obj,
				      .pts = r->channel_pts};
	struct tl_messages_chatFull o = {
		{TL_messages_chatFull}, &full.obj, all_chats(r), all_users(r)};

	rig_answer(r, q, &o.obj);
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
	struct tl_destroy_auth_key_ok destroyed = {{TL_destroy_auth_key_ok}};
	struct tl_nearestDc nearest = {.obj = {TL_nearestDc},
				       .country = tl_str("XX"),
				       .this_dc = q->dc,
				       .nearest_dc = q->dc};

	if (q->method == TL_destroy_auth_key) {
		rig_answer(r, q, &destroyed.obj);
		return;
	}
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
	case TL_channels_getFullChannel:
		serve_full(r, q);
		return;
	case TL_help_getNearestDc:
		rig_answer(r, q, &nearest.obj);
		return;
	}
	rig_refuse(r, q, 400, "METHOD_NOT_SERVED");
}

/* ---- what comes to the server ---- */
static void take_layer(struct rig *r, struct tl_cursor *c)
{
	CHECK_INT(tl_get_u32(c), TL_ID_invokeWithLayer);
	CHECK_INT(tl_get_u32(c), tl_layer(&tl_api));
	CHECK_INT(tl_get_u32(c), TL_ID_initConnection);
	CHECK_INT(tl_get_u32(c), 0);
	CHECK_INT(tl_get_u32(c), 12345);
	for (int i = 0; i < 6; i++) {
		struct tl_str s = tl_get_bytes(c);

		CHECK(s.data && s.len < sizeof r->init[i]);
		memset(r->init[i], 0, sizeof r->init[i]);
		memcpy(r->init[i], s.data, s.len);
	}
	CHECK_INT(c->err, 0);
}

static void skip_init(struct rig *r, struct tl_cursor *c, struct rig_request *q)
{
	if (tl_peek_u32(c) == TL_ID_invokeWithLayer) {
		take_layer(r, c);
		q->wrapped = true;
	}
	if (tl_peek_u32(c) == TL_ID_invokeWithoutUpdates) {
		tl_get(c, 4);
		q->without_updates = true;
	}
	if (tl_peek_u32(c) == TL_ID_invokeWithTakeout) {
		tl_get(c, 4);
		q->takeout = (int64_t)tl_get_u64(c);
	}
	if (tl_peek_u32(c) == TL_ID_invokeWithMessagesRange) {
		tl_get(c, 8);
		q->range_from = (int)tl_get_u32(c);
		q->range_to = (int)tl_get_u32(c);
	}
}
static void pong(struct rig *r, struct rig_dc *d, uint64_t msg_id, struct tl_cursor c)
{
	struct tl_buf b = {0};

	if (d->fresh) {
		d->fresh = false;
		tl_put_u32(&b, ID_NEW_SESSION);
		tl_put_u64(&b, msg_id);
		tl_put_u64(&b, rig_draw(r, 1u << 30));
		tl_put_u64(&b, d->salt);
		say(r, d, false, true, &b);
		tl_buf_clear(&b);
	}
	tl_get(&c, 4);
	tl_put_u32(&b, ID_PONG);
	tl_put_u64(&b, msg_id);
	tl_put_u64(&b, tl_get_u64(&c));
	say(r, d, true, false, &b);
	tl_buf_free(&b);
}

static void request(struct rig *r, struct rig_dc *d, uint64_t msg_id, struct tl_cursor c)
{
	struct rig_request q = {.dc = d->id, .on = d, .msg_id = msg_id};
	struct tl_obj *o;

	if (tl_peek_u32(&c) == ID_AFTER)
		tl_get(&c, 12);
	skip_init(r, &c, &q);
	if (!tl_is_method(&tl_api, tl_by_id(&tl_api, tl_peek_u32(&c))) ||
	    (tl_is_service(&tl_api, tl_by_id(&tl_api, tl_peek_u32(&c))) &&
	     tl_peek_u32(&c) != TL_ID_destroy_auth_key))
		return; /* acks and the like */
	CHECK_INT(tl_decode(&tl_api, &r->arena, &c, &o, NULL), 0);
	q.obj = o;
	q.method = o->ctor;
	r->calls[q.method]++;
	r->last = q;
	if (!r->serve || !r->serve(r, &q))
		serve_own(r, &q);
}

static void one_message(struct rig *r, struct rig_dc *d, uint64_t msg_id, const uint8_t *body,
			size_t n)
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
		one_message(r, d, msg_id, plain.data, plain.len);
		tl_buf_free(&plain);
		return;
	}
	if (id == ID_PING)
		pong(r, d, msg_id, c);
	else if (id != ID_SALTS)
		request(r, d, msg_id, c);
}

static void shake_hands(struct rig *r, struct rig_dc *d, const uint8_t *body, size_t n)
{
	struct rig_dc *home = &r->dc[d->id];
	struct tl_buf answer = {0}, packet = {0};

	r->handshakes++;
	home->unknown_key = false;
	home->server.time = (int32_t)((r->now.real + r->skew) / second);
	server_answer(&home->server, body, n, &answer);
	CHECK_INT(mt_key_init(&home->key, home->server.key), 0);
	tl_put_u64(&packet, 0);
	tl_put_u64(&packet, next_msg_id(r, d, true));
	tl_put_u32(&packet, (uint32_t)answer.len);
	tl_put(&packet, answer.data, answer.len);
	CHECK_INT(mt_link_send(d->link, packet.data, packet.len, false), 0);
	tl_buf_free(&answer);
	tl_buf_free(&packet);
	deliver(r, d);
}

/* The server closes the connection behind it, and knows nothing of what was said. */
static void transport_error(struct rig *r, struct rig_dc *d, int32_t code)
{
	int slot = d->slot;

	d->session = 0;
	CHECK_INT(mt_link_send(d->link, &code, sizeof code, false), 0);
	deliver(r, d);
	if (d->slot == slot) {
		d->slot = -1;
		tg_account_lost(r->a, (unsigned)slot, r->now);
	}
}

static void packet(struct rig *r, struct rig_dc *d, const uint8_t *data, size_t n)
{
	static const uint8_t no_key[8];
	const struct rig_dc *home = &r->dc[d->id];
	struct tl_buf plain = {0};
	struct mt_header h;
	struct tl_cursor c;
	const uint8_t *body;
	size_t body_n;

	if (memcmp(data, no_key, sizeof no_key) == 0) {
		shake_hands(r, d, data + 20, n - 20);
		return;
	}
	r->packets++;
	if (home->unknown_key || d->refusals) {
		d->refusals -= d->refusals > 0;
		transport_error(r, d, home->unknown_key ? -404 : d->error);
		return;
	}
	CHECK_INT(mt_open(&home->key, MT_TO_SERVER, data, n, &plain, &h, &body, &body_n), 0);
	d->salt_heard = h.salt;
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
			one_message(r, d, id, inner, size);
		}
	} else {
		one_message(r, d, h.msg_id, body, body_n);
	}
	tl_buf_free(&plain);
}

bool rig_pump(struct rig *r, struct rig_dc *d)
{
	struct tl_buf *out;
	struct mt_packet p;
	bool any = false;

	out = d->slot < 0 ? NULL : tg_account_out(r->a, (unsigned)d->slot, r->now);
	if (!out || !out->len)
		return false;
	CHECK_INT(mt_link_feed(d->link, out->data, out->len), 0);
	tl_buf_drop(out, out->len);
	while (d->slot >= 0 && mt_link_next(d->link, &p) == 0 && p.kind == MT_PACKET_DATA) {
		packet(r, d, p.data, p.n);
		any = true;
	}
	return any;
}
