/* A hostile server that holds the key: the input is a list of steps, messages with any plaintext
 * among them. Eight bytes whose upper half is fefefefe stand for one of the client's message ids.
 * No query may be answered twice, and the client may not spin. */
#include "proto/proto.h"
#include "tests/fuzz/fuzz.h"

#include <stdlib.h>
#include <string.h>

#define EPOCH INT64_C(1700000000)
#define NS INT64_C(1000000000)
#define IDS 256
#define HANDLES 256
#define EVENTS_A_STEP 20000

struct world {
	uint64_t state; /* of the randomness */
	struct mt_env env;
	struct mt_client *c;
	struct mt_link *link; /* NULL: not connected */
	struct mt_time now;
	struct mt_key key;
	uint64_t session, last_id, ids[IDS];
	unsigned ids_n;
	uint64_t handles[HANDLES];
	bool answered[HANDLES];
	unsigned handles_n;
	const uint8_t *p, *end;
};

static void draw(void *ctx, void *out, size_t n)
{
	struct world *w = ctx;
	uint8_t *p = out;

	for (; n; n--) {
		w->state = w->state * 6364136223846793005u + 1442695040888963407u;
		*p++ = (uint8_t)(w->state >> 56);
	}
}

static uint8_t byte(struct world *w)
{
	return w->p < w->end ? *w->p++ : 0;
}

/* ---- the wire -------------------------------------------------------------------------------- */

static void learn(struct world *w, uint64_t id)
{
	w->ids[w->ids_n++ % IDS] = id;
}

static void learn_packet(struct world *w, const uint8_t *data, size_t n)
{
	struct tl_buf plain = {0};
	struct mt_header h;
	const uint8_t *body;
	size_t body_n;
	struct tl_cursor c;

	need(mt_open(&w->key, MT_TO_SERVER, data, n, &plain, &h, &body, &body_n) == 0);
	w->session = h.session;
	learn(w, h.msg_id);
	c = tl_cursor(body, body_n);
	if (tl_get_u32(&c) == 0x73f1f8dc) {
		for (uint32_t count = tl_get_u32(&c); count; count--) {
			learn(w, tl_get_u64(&c));
			tl_get_u32(&c);
			need(tl_get(&c, tl_get_u32(&c)) != NULL);
		}
		need(!c.err && !tl_left(&c));
	}
	tl_buf_free(&plain);
}

static void carry(struct world *w)
{
	struct tl_buf *out = w->link ? mt_client_out(w->c, w->now) : NULL;
	struct mt_packet p;

	if (!out)
		return;
	need(mt_link_feed(w->link, out->data, out->len) == 0);
	tl_buf_drop(out, out->len);
	while (mt_link_next(w->link, &p) == 0 && p.kind == MT_PACKET_DATA)
		learn_packet(w, p.data, p.n);
}

static void deliver(struct world *w, const void *data, size_t n)
{
	struct tl_buf *out = mt_link_out(w->link);

	if (mt_link_send(w->link, data, n, false) == 0)
		need(mt_client_feed(w->c, out->data, out->len, w->now) == 0);
	tl_buf_drop(out, out->len);
}

/* ---- events ---------------------------------------------------------------------------------- */

static void answer(struct world *w, uint64_t handle)
{
	for (unsigned i = 0; i < w->handles_n; i++) {
		if (w->handles[i] != handle)
			continue;
		need(!w->answered[i]);
		w->answered[i] = true;
		return;
	}
	abort();
}

static void pull(struct world *w)
{
	struct mt_event ev;
	unsigned n = 0;

	while (mt_client_next(w->c, &ev)) {
		need(++n < EVENTS_A_STEP);
		switch (ev.kind) {
		case MT_EV_CONNECT:
			mt_link_free(w->link);
			w->link = mt_link_accept(&w->env);
			mt_client_opened(w->c, w->now);
			break;
		case MT_EV_CLOSE:
			mt_link_free(w->link);
			w->link = NULL;
			mt_client_lost(w->c, w->now);
			break;
		case MT_EV_RESULT:
		case MT_EV_RPC_ERROR:
		case MT_EV_FAILED:
			answer(w, ev.query);
			break;
		case MT_EV_JOB:
		case MT_EV_KEY:
			abort(); /* it has a key */
		case MT_EV_SALTS:
		case MT_EV_TIME:
		case MT_EV_ONLINE:
		case MT_EV_NEW_SESSION:
		case MT_EV_BOUND:
		case MT_EV_QUICK_ACK:
		case MT_EV_UPDATE:
		case MT_EV_UNREADABLE:
		case MT_EV_KEY_LOST:
		case MT_EV_TRANSPORT_ERROR:
		case MT_EV_PROXY:
			break;
		}
	}
}

/* ---- steps ----------------------------------------------------------------------------------- */

static void query(struct world *w)
{
	uint8_t flags = byte(w);
	uint64_t after = 0, handle;
	uint32_t body[80] = {0xc4f9186b};

	if (w->handles_n == HANDLES)
		return;
	if (flags & 8 && w->handles_n)
		after = w->handles[w->handles_n - 1];
	if (mt_client_send(w->c, body, flags & 16 ? sizeof body : 4, flags & 7, after, &handle,
			   w->now) == 0)
		w->handles[w->handles_n++] = handle;
}

static void cancel(struct world *w)
{
	unsigned i = w->handles_n ? byte(w) % w->handles_n : 0;

	if (!w->handles_n || w->answered[i])
		return;
	mt_client_cancel(w->c, w->handles[i], NULL, w->now);
	w->answered[i] = true;
}

static void patch(struct world *w, uint8_t *body, size_t n)
{
	for (size_t at = 0; at + 8 <= n && w->ids_n; at += 4) {
		uint32_t low, high;

		memcpy(&low, body + at, 4);
		memcpy(&high, body + at + 4, 4);
		if (high == 0xfefefefe)
			memcpy(body + at, &w->ids[low % (w->ids_n < IDS ? w->ids_n : IDS)], 8);
	}
}

/* A message with a plaintext of the input's, under a proper id or any. */
static void message(struct world *w, bool own_id)
{
	uint8_t how = byte(w), body[2048];
	size_t n = (size_t)byte(w) * 8 + (how >> 7) * 4, left = (size_t)(w->end - w->p);
	uint64_t at = (uint64_t)(EPOCH + w->now.boot / NS) << 32;
	struct mt_header h = {.salt = 1, .session = w->session, .seqno = how & 3};
	struct tl_buf packet = {0};

	if (!w->link || !w->session)
		return;
	w->last_id = at > w->last_id ? at : w->last_id + 4;
	h.msg_id = w->last_id + (how & 4 ? 1 : 3);
	if (own_id && left >= 8) {
		memcpy(&h.msg_id, w->p, 8);
		w->p += 8;
		left -= 8;
	}
	n = n < left ? n : left & ~(size_t)3;
	n = n < sizeof body ? n : sizeof body;
	memcpy(body, w->p, n);
	w->p += n;
	patch(w, body, n);
	need(mt_seal(&w->key, MT_TO_CLIENT, &h, body, n, &w->env, &packet, NULL) == 0);
	deliver(w, packet.data, packet.len);
	tl_buf_free(&packet);
}

static void pass(struct world *w)
{
	int64_t step = (int64_t)byte(w) * NS / 2;

	w->now.boot += step;
	w->now.real += step;
	mt_client_tick(w->c, w->now);
	pull(w);
	carry(w);
	need(mt_client_deadline(w->c) > w->now.boot); /* it does not spin */
}

static void step(struct world *w)
{
	uint8_t raw[16];
	size_t n;

	switch (byte(w) % 8) {
	case 0:
		query(w);
		break;
	case 1:
	case 2:
		message(w, false);
		break;
	case 3:
		message(w, true);
		break;
	case 4:
		pass(w);
		break;
	case 5:
		cancel(w);
		break;
	case 6:
		mt_link_free(w->link);
		w->link = NULL;
		mt_client_lost(w->c, w->now);
		break;
	case 7:
		n = (size_t)(byte(w) % 5) * 4;
		for (size_t i = 0; i < n; i++)
			raw[i] = byte(w);
		if (w->link)
			deliver(w, raw, n);
		break;
	}
	pull(w);
	carry(w);
	pull(w);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct world *w = malloc(sizeof *w);
	struct mt_client_options o = {.dc = 2,
				      .has_key = true,
				      .transport = {.framing = MT_INTERMEDIATE},
				      .salt_count = 1,
				      .salts = {{0, INT32_MAX, 1}}};

	need(w != NULL);
	*w = (struct world){.p = data, .end = data + size, .now = {0, EPOCH * NS}};
	w->env = (struct mt_env){.random = draw, .ctx = w};
	for (size_t i = 0; i < sizeof o.key; i++)
		o.key[i] = (uint8_t)i;
	need(mt_key_init(&w->key, o.key) == 0);
	w->c = mt_client_new(&o, &w->env, w->now);
	need(w->c != NULL);
	pull(w);
	carry(w);
	while (w->p < w->end)
		step(w);
	mt_client_stop(w->c, w->now);
	pull(w);
	mt_link_free(w->link);
	mt_client_lost(w->c, w->now);
	w->link = NULL;
	pull(w);
	for (unsigned i = 0; i < w->handles_n; i++)
		need(w->answered[i]);
	mt_client_free(w->c);
	free(w);
	return 0;
}
