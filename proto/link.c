/* A link: one connection's framing and obfuscation, without the connection. Bytes from the wire
 * become packets and packets become bytes. Owner: whoever made it; one link lives as long as one
 * TCP connection. core.telegram.org/mtproto/mtproto-transports. */
#include "proto/framing.h"
#include "proto/obfuscate.h"
#include "proto/tunnel.h"

#include <stdlib.h>
#include <string.h>

#define KEEP_BUFFER 512 /* an idle link gives bigger buffers back */
#define FULL_HEAD 8u    /* bytes that tell full framing from obfuscation */

struct mt_link {
	const struct mt_env *env;
	struct mt_transport transport;
	struct mt_framer framer;
	struct mt_obfuscation obfuscation;
	int dc;       /* server: what the client's header asks for */
	bool greeted; /* client: tag or header is out; server: the client's was understood */
	int err;      /* sticky */
	size_t in_at; /* bytes of in that are done with */
	struct tl_buf in, out;
	struct mt_tunnel *tunnel; /* NULL: there is no proxy */
	struct tl_buf passed;     /* what came through it */
};

int mt_transport_parse(const char *name, struct mt_transport *ret)
{
	static const char *const names[] = {[MT_ABRIDGED] = "abridged",
					    [MT_INTERMEDIATE] = "intermediate",
					    [MT_PADDED] = "padded",
					    [MT_FULL] = "full"};
	static const char prefix[] = "obfuscated-";
	bool obfuscated = strncmp(name, prefix, sizeof prefix - 1) == 0;

	if (obfuscated)
		name += sizeof prefix - 1;
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		if (strcmp(name, names[i]) != 0)
			continue;
		if (obfuscated && i == MT_FULL)
			return -TG_E_INVALID_PARAMS; /* C.4 */
		*ret = (struct mt_transport){.framing = (enum mt_framing)i,
					     .obfuscated = obfuscated};
		return 0;
	}
	return -TG_E_INVALID_PARAMS;
}

struct mt_link *mt_link_new(const struct mt_transport *t, int dc, const struct mt_env *env)
{
	struct mt_link *l = calloc(1, sizeof *l);

	if (!l)
		return NULL;
	l->env = env;
	l->transport = *t;
	l->dc = dc;
	l->framer.framing = t->framing;
	return l;
}

/* What a secret asks for (C.35, C.38). */
static void adapt(struct mt_transport *t, const struct mt_proxy *p)
{
	if (p->kind != MT_PROXY_MTPROXY)
		return;
	t->obfuscated = t->has_secret = true;
	memcpy(t->secret, p->secret, sizeof t->secret);
	if (p->secret_kind != MT_SECRET_SIMPLE)
		t->framing = MT_PADDED;
	else if (t->framing != MT_ABRIDGED)
		t->framing = MT_INTERMEDIATE;
}

struct mt_link *mt_link_new_through(const struct mt_transport *t, int dc, const struct mt_way *way,
				    const struct mt_env *env)
{
	struct mt_transport transport = *t;
	struct mt_link *l;

	adapt(&transport, way->proxy);
	l = mt_link_new(&transport, dc, env);
	mt_wipe(&transport, sizeof transport);
	if (!l)
		return NULL;
	l->tunnel = mt_tunnel_new(way, env);
	if (!l->tunnel || l->tunnel->out.err) {
		mt_link_free(l);
		return NULL;
	}
	return l;
}

bool mt_link_ready(const struct mt_link *l)
{
	return !l->tunnel || l->tunnel->state == MT_TUNNEL_READY;
}

const char *mt_link_reason(const struct mt_link *l)
{
	return l->tunnel ? l->tunnel->reason : NULL;
}

struct mt_link *mt_link_accept(const struct mt_env *env)
{
	struct mt_link *l = calloc(1, sizeof *l);

	if (!l)
		return NULL;
	l->env = env;
	l->framer.server = true;
	return l;
}

struct mt_link *mt_link_accept_secret(const struct mt_env *env, const uint8_t secret[16])
{
	struct mt_link *l = mt_link_accept(env);

	if (l) {
		l->transport.has_secret = true;
		memcpy(l->transport.secret, secret, sizeof l->transport.secret);
	}
	return l;
}

const struct mt_transport *mt_link_met(const struct mt_link *l, int *ret_dc)
{
	*ret_dc = l->dc;
	return l->greeted ? &l->transport : NULL;
}

void mt_link_free(struct mt_link *l)
{
	if (!l)
		return;
	mt_tunnel_free(l->tunnel);
	tl_buf_free(&l->in);
	tl_buf_free(&l->out);
	tl_buf_free(&l->passed);
	mt_wipe(l, sizeof *l);
	free(l);
}

/* ---- out ------------------------------------------------------------------------------------- */

static void greet(struct mt_link *l)
{
	uint8_t header[MT_OBFUSCATED_HEADER];

	l->greeted = true;
	if (l->transport.obfuscated) {
		mt_obfuscate_start(&l->obfuscation, &l->transport, l->dc, l->env, header);
		tl_put(&l->out, header, sizeof header);
		return;
	}
	switch (l->transport.framing) {
	case MT_ABRIDGED:
		tl_put_u8(&l->out, 0xef);
		break;
	case MT_INTERMEDIATE:
		tl_put_u32(&l->out, 0xeeeeeeee);
		break;
	case MT_PADDED:
		tl_put_u32(&l->out, 0xdddddddd);
		break;
	case MT_FULL:
		break;
	}
}

/* Encrypts what was appended to out behind from; a half-made packet would break the stream. */
static int finish(struct mt_link *l, size_t from, int err)
{
	if (!err)
		err = l->out.err;
	if (err) {
		if (l->out.err)
			l->err = err;
		l->out.len = from;
		return err;
	}
	if (l->transport.obfuscated)
		mt_ctr_xor(&l->obfuscation.enc, l->out.data + from, l->out.data + from,
			   l->out.len - from);
	return 0;
}

int mt_link_send(struct mt_link *l, const void *packet, size_t n, bool quick_ack)
{
	size_t from;

	if (l->err)
		return l->err;
	if (!l->greeted) {
		if (l->framer.server)
			return -TG_E_TRANSPORT;
		greet(l);
	}
	from = l->out.len;
	return finish(l, from, mt_frame_put(&l->framer, l->env, packet, n, quick_ack, &l->out));
}

int mt_link_send_quick_ack(struct mt_link *l, uint32_t token)
{
	size_t from = l->out.len;

	if (l->err)
		return l->err;
	if (!l->greeted)
		return -TG_E_TRANSPORT;
	return finish(l, from, mt_frame_put_quick_ack(&l->framer, l->env, token, &l->out));
}

struct tl_buf *mt_link_out(struct mt_link *l)
{
	struct tl_buf *out = &l->out;

	if (l->tunnel) {
		out = mt_tunnel_out(l->tunnel, &l->out);
		if (l->tunnel->out.err)
			l->err = l->tunnel->out.err; /* a record is lost: nothing fits any more */
	}
	if (!out->len && out->cap > KEEP_BUFFER)
		tl_buf_free(out);
	return out;
}

void mt_link_trim(struct mt_link *l)
{
	if (!l->out.len)
		tl_buf_free(&l->out);
	if (l->in_at == l->in.len) {
		tl_buf_free(&l->in);
		l->in_at = 0;
	}
}

/* ---- in -------------------------------------------------------------------------------------- */

static void drop_done(struct mt_link *l)
{
	tl_buf_drop(&l->in, l->in_at);
	l->in_at = 0;
	if (!l->in.len && l->in.cap > KEEP_BUFFER)
		tl_buf_free(&l->in);
}

static int take(struct mt_link *l, const void *data, size_t n)
{
	uint8_t *p;

	drop_done(l);
	if (!n)
		return 0;
	if (l->transport.obfuscated && !l->greeted)
		return l->err = -TG_E_TRANSPORT; /* a server never speaks first */
	p = tl_buf_extend(&l->in, n);
	if (!p)
		return l->err = l->in.err;
	if (l->transport.obfuscated)
		mt_ctr_xor(&l->obfuscation.dec, data, p, n);
	else
		memcpy(p, data, n);
	return 0;
}

void mt_link_done(struct mt_link *l)
{
	if (l->in_at == l->in.len)
		drop_done(l);
}

int mt_link_feed(struct mt_link *l, const void *data, size_t n)
{
	if (l->err)
		return l->err;
	if (!l->tunnel)
		return take(l, data, n);
	tl_buf_clear(&l->passed);
	l->err = mt_tunnel_feed(l->tunnel, data, n, &l->passed);
	if (l->err)
		return l->err;
	(void)!take(l, l->passed.data, l->passed.len);
	if (l->passed.cap > KEEP_BUFFER)
		tl_buf_free(&l->passed);
	return l->err;
}

/* Server: what the client speaks, from its first 1, 4, 8 or 64 bytes. Obfuscated headers have no
 * tag in front and bytes 4-8 other than zero; full framing has its first sequence number there. */
static int detect(struct mt_link *l)
{
	static const uint8_t seq_zero[4];
	const uint8_t *p = l->in.data;
	size_t n = l->in.len;
	bool secret = l->transport.has_secret; /* then nothing but obfuscation counts */
	int err;

	if (!secret && n && p[0] == 0xef) {
		l->in_at = 1;
		l->transport.framing = MT_ABRIDGED;
	} else if (n < 4) {
		return 0;
	} else if (!secret && memcmp(p, "\xee\xee\xee\xee", 4) == 0) {
		l->in_at = 4;
		l->transport.framing = MT_INTERMEDIATE;
	} else if (!secret && memcmp(p, "\xdd\xdd\xdd\xdd", 4) == 0) {
		l->in_at = 4;
		l->transport.framing = MT_PADDED;
	} else if (n < FULL_HEAD) {
		return 0;
	} else if (!secret && memcmp(p + 4, seq_zero, 4) == 0) {
		l->transport.framing = MT_FULL;
	} else if (n < MT_OBFUSCATED_HEADER) {
		return 0;
	} else {
		err = mt_obfuscate_accept(&l->obfuscation, p, secret ? l->transport.secret : NULL,
					  &l->transport.framing, &l->dc);
		if (err)
			return err;
		l->in_at = MT_OBFUSCATED_HEADER;
		l->transport.obfuscated = true;
		mt_ctr_xor(&l->obfuscation.dec, l->in.data + l->in_at, l->in.data + l->in_at,
			   n - l->in_at);
	}
	l->framer.framing = l->transport.framing;
	l->greeted = true;
	return 0;
}

int mt_link_next(struct mt_link *l, struct mt_packet *ret)
{
	struct mt_packet packet = {.kind = MT_PACKET_NONE};
	size_t used;

	if (!l->err && l->framer.server && !l->greeted)
		l->err = detect(l);
	do {
		used = 0;
		if (!l->err && (l->greeted || !l->framer.server) && l->in.len > l->in_at)
			l->err = mt_frame_get(&l->framer, l->in.data + l->in_at,
					      l->in.len - l->in_at, &packet, &used);
		if (l->err)
			return l->err;
		l->in_at += used;
	} while (used && packet.kind == MT_PACKET_NONE);
	*ret = packet;
	return 0;
}
