/* What a hostile or broken server says, beyond what a network does (RELIABILITY §11): packets and
 * key exchanges that are bent, messages that no server sends, texts that are none. Owned by net;
 * the faults "inject", "packet", "handshake" and "message" name one of these in their text. */
#include "net.h"

#include "tl_schema.h"

#include <string.h>

#define ID_VECTOR 0x1cb5c415u
#define ID_CONTAINER 0x73f1f8dcu
#define ID_GZIP 0x3072cfa1u
#define ID_RPC_RESULT 0xf35c6d01u
#define ID_BAD_MSG 0xa7eff811u
#define ID_BAD_SALT 0xedab447bu
#define ID_NEW_SESSION 0x9ec20908u
#define ID_MSGS_ACK 0x62d6b459u
#define ID_DETAILED 0x276d3ec6u
#define ID_FUTURE_SALTS 0xae500895u
#define ID_PONG 0x347773c5u
#define ID_STATE_INFO 0x04deb57du
#define ID_UNKNOWN 0xdeadbeefu
#define HEAD 24     /* auth_key_id, msg_key */
#define INNER 32    /* salt, session, msg_id, seqno, length */
#define TO_CLIENT 8 /* x of what the server says */
#define MOST 64     /* of a message's repetitions */

/* ---- packets -------------------------------------------------
 */
enum packet_bend {
	WRONG_KEY_ID,
	WRONG_MSG_KEY,
	NO_PADDING,
	MUCH_PADDING,
	LENGTH_UNALIGNED,
	LENGTH_HUGE,
	LENGTH_NEGATIVE,
	OTHER_SESSION,
	CLIENTS_ID,
	EVEN_ID,
	ODD_SEQNO,
	OLD_ID,
	NEW_ID,
	ID_FAR,
	TRUNCATED,
	RANDOM_BYTES,
	FOUR_BYTES,
	PACKET_BENDS
};
static const char *const packet_names[PACKET_BENDS] = {
	[WRONG_KEY_ID] = "wrong_key_id",
	[WRONG_MSG_KEY] = "wrong_msg_key",
	[NO_PADDING] = "no_padding",
	[MUCH_PADDING] = "much_padding",
	[LENGTH_UNALIGNED] = "length_unaligned",
	[LENGTH_HUGE] = "length_huge",
	[LENGTH_NEGATIVE] = "length_negative",
	[OTHER_SESSION] = "other_session",
	[CLIENTS_ID] = "clients_id",
	[EVEN_ID] = "even_id",
	[ODD_SEQNO] = "odd_seqno",
	[OLD_ID] = "old_id",
	[NEW_ID] = "new_id",
	[ID_FAR] = "id_far",
	[TRUNCATED] = "truncated",
	[RANDOM_BYTES] = "random_bytes",
	[FOUR_BYTES] = "four_bytes",
};

static const char *const message_names[] = {
	"container_in_container",
	"container_lies",
	"container_of_many",
	"gzip_in_gzip",
	"gzip_of_container",
	"bomb",
	"bombs_in_container",
	"vector_huge",
	"string_past_end",
	"truncated",
	"random_bytes",
	"unknown",
	"twice",
	"for_nobody",
	"wrong_type",
	"no_result",
	"bad_salt",
	"bad_msg",
	"new_session",
	"ack_of_nothing",
	"detailed_info",
	"salts",
	"pong",
	"state_info",
	"pts_back",
	"pts_far",
	"pts_negative",
	"pts_most",
	"channel_storm",
};
static const char *const handshake_names[] = {
	"nonce",   "server_nonce", "pq_one", "pq_prime", "pq_huge", "pq_long",     "fingerprint",
	"no_keys", "sha",          "dh_cut", "g",        "prime",   "prime_short", "ga_one",
	"ga_zero", "ga_minus1",    "hash",   "retry",    "fail",    "garbage",
};

static bool among(const char *text, const char *const *names, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!strcmp(text, names[i]))
			return true;
	return false;
}
#define AMONG(text, names) among(text, names, sizeof(names) / sizeof(names)[0])

bool sb_hostile_known(enum sb_fault_kind kind, const char *text)
{
	if (kind == SB_HANDSHAKE)
		return AMONG(text, handshake_names);
	return kind == SB_MESSAGE ? AMONG(text, message_names) : AMONG(text, packet_names);
}

static uint8_t *store64(uint8_t *p, uint64_t v)
{
	for (int i = 0; i < 8; i++)
		p[i] = (uint8_t)(v >> 8 * i);
	return p + 8;
}

static uint8_t *store32(uint8_t *p, uint32_t v)
{
	for (int i = 0; i < 4; i++)
		p[i] = (uint8_t)(v >> 8 * i);
	return p + 4;
}

/* Key and iv of a message (mtproto/description, "Defining AES Key and Initialization Vector"). */
static void derive(const uint8_t key[256], const uint8_t msg_key[16], uint8_t aes[32],
		   uint8_t iv[32])
{
	uint8_t a[32], b[32];

	mt_sha256(a, msg_key, 16, key + TO_CLIENT, 36);
	mt_sha256(b, key + 40 + TO_CLIENT, 36, msg_key, 16);
	memcpy(aes, a, 8);
	memcpy(aes + 8, b + 8, 16);
	memcpy(aes + 24, a + 24, 8);
	memcpy(iv, b, 8);
	memcpy(iv + 8, a + 8, 16);
	memcpy(iv + 24, b + 24, 8);
}

/* An envelope whose length and padding are whatever is asked for; the message key is right. */
static void seal(struct sb_net *n, const struct mt_key *k, const struct mt_header *h,
		 const void *body, size_t len, uint32_t says, size_t padding, struct tl_buf *out)
{
	size_t size = (INNER + len + padding + 15) & ~(size_t)15;
	uint8_t *packet = tl_buf_extend(out, HEAD + size), *plain, *p, large[32], aes[32], iv[32];

	if (!packet)
		return;
	plain = packet + HEAD;
	p = store64(store64(store64(plain, h->salt), h->session), h->msg_id);
	p = store32(store32(p, h->seqno), says);
	memcpy(p, body, len);
	n->env.random(n->env.ctx, p + len, size - INNER - len);
	mt_sha256(large, k->key + 88 + TO_CLIENT, 32, plain, size);
	memcpy(packet, k->id, 8);
	memcpy(packet + 8, large + 8, 16);
	derive(k->key, large + 8, aes, iv);
	mt_ige_encrypt(aes, iv, plain, plain, size);
}

/* What stands in the sealed packet. */
static void seal_bent(struct sb_net *n, const struct sb_key *k, struct mt_header h,
		      const void *body, size_t len, enum packet_bend bend, struct tl_buf *out)
{
	uint32_t says = (uint32_t)len;
	size_t padding = 16;

	switch (bend) {
	case NO_PADDING:
		padding = 0;
		break;
	case MUCH_PADDING:
		padding = 1040;
		break;
	case LENGTH_UNALIGNED:
		says += 2;
		break;
	case LENGTH_HUGE:
		says += 1 << 20;
		break;
	case LENGTH_NEGATIVE:
		says = -says;
		break;
	case OTHER_SESSION:
		h.session ^= 1;
		break;
	case CLIENTS_ID:
		h.msg_id &= ~(uint64_t)3;
		break;
	case EVEN_ID:
		h.msg_id = (h.msg_id & ~(uint64_t)3) | 2;
		break;
	case ODD_SEQNO:
		h.seqno ^= 1;
		break;
	case OLD_ID:
		h.msg_id -= (uint64_t)400 << 32;
		break;
	case NEW_ID:
		h.msg_id += (uint64_t)100 << 32;
		break;
	case ID_FAR:
		h.msg_id |= (uint64_t)0xffff0000 << 32;
		break;
	case WRONG_KEY_ID:
	case WRONG_MSG_KEY:
	case TRUNCATED:
	case RANDOM_BYTES:
	case FOUR_BYTES:
	case PACKET_BENDS:
		break;
	}
	seal(n, &k->key, &h, body, len, says, padding, out);
}

/* What is done to the packet itself. */
static void bend_packet(struct sb_net *n, struct tl_buf *b, enum packet_bend bend)
{
	if (bend == WRONG_KEY_ID)
		b->data[0] ^= 1;
	else if (bend == WRONG_MSG_KEY)
		b->data[8] ^= 1;
	else if (bend == TRUNCATED)
		b->len -= 16;
	else if (bend == RANDOM_BYTES)
		n->env.random(n->env.ctx, b->data, b->len);
	else if (bend == FOUR_BYTES)
		b->len = 4;
}

static bool send_bent(struct sb_session *s, enum sb_fault_kind kind, const struct mt_header *h,
		      const void *body, size_t n)
{
	struct sb_net *net = s->net;
	struct sb_fault *f =
		sb_wire_hit(net, kind, SB_OUT, s->key->dc, s->key->auth->user_id, NULL);
	struct tl_buf b = {0};
	unsigned bend = 0;

	if (!f)
		return false;
	while (strcmp(f->text, packet_names[bend]) != 0)
		bend++;
	seal_bent(net, s->key, *h, body, n, (enum packet_bend)bend, &b);
	if (!b.err) {
		bend_packet(net, &b, (enum packet_bend)bend);
		sb_conn_packet_out(s->conn, b.data, b.len);
	}
	tl_buf_free(&b);
	return true;
}

bool sb_hostile_packet(struct sb_session *s, const struct mt_header *h, const void *body, size_t n)
{
	(void)send_bent(s, SB_INJECT, h, body, n);
	return send_bent(s, SB_PACKET, h, body, n);
}

/* ---- messages: before an answer ----------------------------------------------------------------
 */
static void put_gzip(struct tl_buf *out, const struct tl_buf *plain)
{
	struct tl_buf zipped = {0};

	if (mt_gzip(plain->data, plain->len, &zipped) == 0) {
		tl_put_u32(out, ID_GZIP);
		tl_put_bytes(out, zipped.data, zipped.len);
	}
	tl_buf_free(&zipped);
}

static void put_inner(struct tl_buf *b, struct sb_session *s, const struct tl_buf *body)
{
	/* an id that no message of ours is likely to have */
	tl_put_u64(b, (s->last_msg_id | 3) - 4 * (1 + sb_rand(s->net->s) % 512));
	tl_put_u32(b, 0);
	tl_put_u32(b, (uint32_t)body->len);
	tl_put(b, body->data, body->len);
}

static void put_containers(struct tl_buf *b, struct sb_session *s, const char *what)
{
	struct tl_buf inner = {0}, bomb = {0};

	tl_put_u32(b, ID_CONTAINER);
	if (!strcmp(what, "container_lies")) {
		tl_put_u32(b, 3);
		tl_put_u64(b, s->last_msg_id | 3);
		tl_put_u32(b, 0);
		tl_put_u32(b, 0x7ffffffc);
	} else if (!strcmp(what, "container_of_many")) {
		tl_put_u32(b, 0x7fffffff);
	} else if (!strcmp(what, "bombs_in_container")) {
		sb_bomb(s->net, &bomb);
		tl_put_u32(b, 4);
		for (int i = 0; i < 4; i++)
			put_inner(b, s, &bomb);
	} else {
		tl_put_u32(&inner, ID_CONTAINER);
		tl_put_u32(&inner, 0);
		tl_put_u32(b, 1);
		put_inner(b, s, &inner);
	}
	tl_buf_free(&inner);
	tl_buf_free(&bomb);
}

static void put_zipped(struct tl_buf *b, struct sb_session *s, const char *what)
{
	struct tl_buf inner = {0}, middle = {0};

	if (!strcmp(what, "gzip_of_container")) {
		sb_bomb(s->net, &middle);
		tl_put_u32(&inner, ID_CONTAINER);
		tl_put_u32(&inner, 1);
		put_inner(&inner, s, &middle);
	} else {
		tl_put_u32(&middle, ID_UNKNOWN);
		put_gzip(&inner, &middle);
	}
	put_gzip(b, &inner);
	tl_buf_free(&inner);
	tl_buf_free(&middle);
}

/* updateShort of a deletion whose count of events is nonsense. */
static void put_pts(struct tl_buf *b, uint32_t pts, int64_t channel)
{
	tl_put_u32(b, TL_ID_updateShort);
	tl_put_u32(b, channel ? TL_ID_updateDeleteChannelMessages : TL_ID_updateDeleteMessages);
	if (channel)
		tl_put_u64(b, (uint64_t)channel);
	tl_put_u32(b, ID_VECTOR);
	tl_put_u32(b, 0);
	tl_put_u32(b, pts);
	tl_put_u32(b, 1);
	tl_put_u32(b, 1);
}

static void put_broken(struct tl_buf *b, struct sb_session *s, const char *what)
{
	uint8_t noise[128];

	if (!strcmp(what, "vector_huge")) {
		tl_put_u32(b, TL_ID_updates);
		tl_put_u32(b, ID_VECTOR);
		tl_put_u32(b, 0x7fffffff);
	} else if (!strcmp(what, "string_past_end")) {
		tl_put_u32(b, TL_ID_updateShort);
		tl_put_u32(b, TL_ID_updateServiceNotification);
		tl_put_u32(b, 0);
		tl_put_u32(b, 0xfffffffe);
	} else if (!strcmp(what, "truncated")) {
		tl_put_u32(b, TL_ID_updates);
		tl_put_u32(b, ID_VECTOR);
		tl_put_u32(b, 1);
	} else if (!strcmp(what, "random_bytes")) {
		s->net->env.random(s->net->env.ctx, noise, sizeof noise);
		tl_put(b, noise, sizeof noise);
	} else {
		tl_put_u32(b, ID_UNKNOWN);
		tl_put_u64(b, 1);
	}
}

static void put_result(struct tl_buf *b, uint64_t request, const char *what,
		       const struct tl_buf *answer)
{
	tl_put_u32(b, ID_RPC_RESULT);
	tl_put_u64(b, strcmp(what, "for_nobody") ? request : request ^ 0x40000);
	if (!strcmp(what, "wrong_type"))
		tl_put_u32(b, TL_ID_auth_loggedOut), tl_put_u32(b, 0);
	else if (strcmp(what, "no_result"))
		tl_put(b, answer->data, answer->len);
}

static void put_service(struct tl_buf *b, struct sb_session *s, const char *what, uint64_t request)
{
	uint64_t nonsense = sb_rand(s->net->s);

	if (!strcmp(what, "bad_salt") || !strcmp(what, "bad_msg")) {
		bool salt = !strcmp(what, "bad_salt");

		tl_put_u32(b, salt ? ID_BAD_SALT : ID_BAD_MSG);
		tl_put_u64(b, request);
		tl_put_u32(b, 1);
		tl_put_u32(b, salt ? 48 : 33);
		if (salt)
			tl_put_u64(b, nonsense);
	} else if (!strcmp(what, "new_session")) {
		tl_put_u32(b, ID_NEW_SESSION);
		tl_put_u64(b, request);
		tl_put_u64(b, nonsense);
		tl_put_u64(b, sb_salt_at(s->key, sb_now(s->net->s), 0).salt);
	} else if (!strcmp(what, "ack_of_nothing")) {
		tl_put_u32(b, ID_MSGS_ACK);
		tl_put_u32(b, ID_VECTOR);
		tl_put_u32(b, 0x7ffffffe);
		tl_put_u64(b, nonsense);
	} else if (!strcmp(what, "detailed_info")) {
		tl_put_u32(b, ID_DETAILED);
		tl_put_u64(b, nonsense);
		tl_put_u64(b, nonsense | 3);
		tl_put_u32(b, 0xffffffff);
		tl_put_u32(b, 0xffffffff);
	} else if (!strcmp(what, "salts")) {
		tl_put_u32(b, ID_FUTURE_SALTS);
		tl_put_u64(b, request);
		tl_put_u32(b, 0x7fffffff);
		tl_put_u32(b, 0x7fffffff);
	} else if (!strcmp(what, "pong")) {
		tl_put_u32(b, ID_PONG);
		tl_put_u64(b, nonsense);
		tl_put_u64(b, nonsense);
	} else {
		tl_put_u32(b, ID_STATE_INFO);
		tl_put_u64(b, nonsense);
		tl_put_bytes(b, "\1\2\3\4\xff", 5);
	}
}

static bool begins(const char *text, const char *prefix)
{
	return !strncmp(text, prefix, strlen(prefix));
}

static void put_message(struct tl_buf *b, struct sb_session *s, const char *what, uint64_t request,
			const struct tl_buf *answer, unsigned i)
{
	static const char *const broken[] = {"vector_huge", "string_past_end", "truncated",
					     "random_bytes", "unknown"};
	static const char *const results[] = {"twice", "for_nobody", "wrong_type", "no_result"};

	if (!strcmp(what, "bomb"))
		sb_bomb(s->net, b);
	else if (begins(what, "container_") || begins(what, "bombs_"))
		put_containers(b, s, what);
	else if (begins(what, "gzip_"))
		put_zipped(b, s, what);
	else if (AMONG(what, broken))
		put_broken(b, s, what);
	else if (AMONG(what, results))
		put_result(b, request, what, answer);
	else if (!strcmp(what, "pts_back"))
		put_pts(b, 1, 0);
	else if (!strcmp(what, "pts_far"))
		put_pts(b, 1u << 30, 0);
	else if (!strcmp(what, "pts_negative"))
		put_pts(b, 0x80000000u, 0);
	else if (!strcmp(what, "pts_most"))
		put_pts(b, INT32_MAX, 0);
	else if (!strcmp(what, "channel_storm"))
		put_pts(b, 1000 * i, 5000 + i);
	else
		put_service(b, s, what, request);
}

void sb_hostile_message(struct sb_session *s, const char *method, uint64_t request,
			const struct tl_buf *answer)
{
	struct sb_fault *f =
		sb_wire_hit(s->net, SB_MESSAGE, SB_OUT, s->key->dc, s->key->auth->user_id, method);

	for (int i = 0; f && i < (f->seconds > 1 ? (int)f->seconds : 1) && i < MOST; i++) {
		struct tl_buf b = {0};

		put_message(&b, s, f->text, request, answer, (unsigned)i);
		while (b.len % 4)
			tl_put_u8(&b, 0);
		sb_out_flush_session(s); /* it goes alone, once */
		if (!b.err && b.len)
			sb_out_add(s, b.data, b.len, false, 0);
		sb_out_flush_session(s);
		tl_buf_free(&b);
	}
}

/* ---- texts --------------------------------------------------------------------------------------
 */
/* ~~~~ becomes bytes that are no UTF-8, and a zero. */
void sb_hostile_text(uint8_t *p, size_t n)
{
	static const uint8_t bad[4] = {0xff, 0xc3, 0x28, 0x00};

	for (size_t i = 0; i + 4 <= n; i++)
		if (!memcmp(p + i, "~~~~", 4))
			memcpy(p + i, bad, sizeof bad);
}

/* ---- key exchanges
 * ------------------------------------------------------------------------------- */
bool sb_bent(struct sb_conn *c, const char *what)
{
	for (struct sb_fault *f = c->net->faults; f; f = f->next)
		if (f->kind == SB_HANDSHAKE && !strcmp(f->text, what) &&
		    (!f->dc || f->dc == c->dc) &&
		    (!f->times || (int64_t)f->hits < f->after + f->times))
			return (int64_t)f->hits++ >= f->after;
	return false;
}
