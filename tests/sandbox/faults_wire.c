/* Faults of the wire and of the session: what a network and a bad day of a server do. Owned by net;
 * the control socket of the world hands them in. A fault without a method strikes packets, one with
 * a method strikes that call or its answer. */
#include "net.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define MAX_HELD 1024 /* packets of one connection; more are lost */

static const char *const kinds[SB_FAULT_KINDS] = {
	[SB_DROP] = "drop",
	[SB_DELAY] = "delay",
	[SB_DUPLICATE] = "duplicate",
	[SB_REORDER] = "reorder",
	[SB_CUT] = "cut",
	[SB_CORRUPT] = "corrupt",
	[SB_BAD_SALT] = "bad_salt",
	[SB_BAD_MSG] = "bad_msg",
	[SB_SKEW] = "skew",
	[SB_STALL] = "stall",
	[SB_FORGET_KEY] = "forget_key",
	[SB_UNKNOWN_CONSTRUCTOR] = "unknown_constructor",
	[SB_BOMB] = "bomb",
	[SB_RESET] = "reset",
	[SB_TRICKLE] = "trickle",
	[SB_BAD_TEXT] = "bad_text",
	[SB_INJECT] = "inject",
	[SB_PACKET] = "packet",
	[SB_HANDSHAKE] = "handshake",
	[SB_MESSAGE] = "message",
};

/* ---- the list ----------------------------------------------------------------------------------
 */
static double number(const json_t *params, const char *name, double otherwise)
{
	const json_t *v = json_object_get(params, name);

	return json_is_number(v) ? json_number_value(v) : otherwise;
}

static const char *fault_read(const json_t *p, struct sb_fault *f)
{
	const char *kind = json_string_value(json_object_get(p, "kind"));
	const char *direction = json_string_value(json_object_get(p, "direction"));
	const char *method = json_string_value(json_object_get(p, "method"));
	const char *text = json_string_value(json_object_get(p, "text"));
	unsigned k = 0;

	while (k < SB_FAULT_KINDS && (!kind || strcmp(kind, kinds[k])))
		k++;
	if (k == SB_FAULT_KINDS)
		return "no such kind of fault";
	f->kind = (enum sb_fault_kind)k;
	if (direction && !strcmp(direction, "in"))
		f->direction = SB_IN;
	else if (direction && !strcmp(direction, "out"))
		f->direction = SB_OUT;
	else if (direction && strcmp(direction, "both"))
		return "direction is in (to the server), out (to the client) or both";
	if (method && strlen(method) >= sizeof f->method)
		return "method is too long";
	if (method && !tl_by_name(&tl_api, tl_str(method)))
		return "no such method";
	if (k >= SB_INJECT) {
		if (!text || strlen(text) >= sizeof f->text || !sb_hostile_known(f->kind, text))
			return "text names what is wrong (faults_hostile.c has the list)";
		memcpy(f->text, text, strlen(text));
	}
	memcpy(f->method, method ? method : "", method ? strlen(method) : 0);
	f->dc = (int)number(p, "dc", 0);
	f->user = (int64_t)number(p, "user", 0);
	f->probability = number(p, "probability", 1);
	f->seconds = number(p, "seconds", f->kind == SB_DELAY || f->kind == SB_TRICKLE);
	f->after = (int64_t)number(p, "after", 0);
	f->times = (int64_t)number(p, "times", f->kind == SB_FORGET_KEY ? 1 : 0);
	f->code = (int)number(p, "code", 16);
	if (f->probability < 0 || f->probability > 1 || f->seconds < -1e9 || f->seconds > 1e9)
		return "probability is 0 to 1, seconds at most a billion";
	return NULL;
}

const char *sb_net_fault(struct sb_net *n, const struct json_t *params, uint64_t *ret_fault)
{
	struct sb_fault *f = calloc(1, sizeof *f), **end = &n->faults;
	const char *error = f ? fault_read(params, f) : "out of memory";
	unsigned count = 0;

	for (; *end; end = &(*end)->next)
		count++;
	if (!error && count >= SB_MAX_FAULTS)
		error = "too many faults";
	if (error) {
		free(f);
		return error;
	}
	f->id = ++n->fault_id;
	*end = f;
	if (f->kind == SB_SKEW)
		n->s->skew += (int64_t)f->seconds;
	*ret_fault = f->id;
	return NULL;
}

uint64_t sb_net_clear_fault(struct sb_net *n, uint64_t fault)
{
	struct sb_fault **pp = &n->faults;
	uint64_t hits = 0;

	while (*pp) {
		struct sb_fault *f = *pp;

		if (fault && f->id != fault) {
			pp = &f->next;
			continue;
		}
		*pp = f->next;
		if (f->kind == SB_SKEW)
			n->s->skew -= (int64_t)f->seconds;
		if (f->kind == SB_STALL)
			for (struct sb_conn *c = n->conns; c; c = c->next)
				c->stall_until = 0;
		hits += f->hits;
		free(f);
	}
	return hits;
}

uint64_t sb_net_fault_hits(const struct sb_net *n)
{
	uint64_t hits = 0;

	for (const struct sb_fault *f = n->faults; f; f = f->next)
		hits += f->hits;
	return hits;
}

struct sb_fault *sb_wire_hit(struct sb_net *n, enum sb_fault_kind kind, enum sb_direction d, int dc,
			     int64_t user, const char *method)
{
	/* these need no method to be about an answer */
	bool any = kind == SB_UNKNOWN_CONSTRUCTOR || kind == SB_BOMB || kind == SB_BAD_TEXT ||
		   kind == SB_MESSAGE;

	for (struct sb_fault *f = n->faults; f; f = f->next) {
		if (f->kind != kind || (f->direction && f->direction != (int)d) ||
		    (f->dc && f->dc != dc) || (f->user && f->user != user))
			continue;
		if (method ? (f->method[0] ? strcmp(f->method, method) != 0 : !any) : f->method[0])
			continue;
		if (f->times && (int64_t)f->hits >= f->after + f->times)
			continue;
		if (f->probability < 1 && (double)(sb_rand(n->s) >> 11) * 0x1p-53 >= f->probability)
			continue;
		if ((int64_t)f->hits++ < f->after)
			continue;
		return f;
	}
	return NULL;
}

/* ---- packets ------------------------------------------------------------------------------------
 */
static void hold(struct sb_conn *c, enum sb_direction d, const uint8_t *data, size_t n, int64_t due)
{
	struct sb_held *h = malloc(sizeof *h + n), **end = &c->held;
	unsigned count = 0;

	for (; *end; end = &(*end)->next)
		count++;
	if (!h || count >= MAX_HELD) {
		free(h);
		return;
	}
	*h = (struct sb_held){.due = due, .in = d == SB_IN, .n = n};
	memcpy(h->data, data, n);
	*end = h;
}

static void let_go(struct sb_conn *c, struct sb_held *h)
{
	if (c->dead || (h->in && c->closing))
		return;
	if (h->in)
		sb_conn_packet_in(c, h->data, h->n, false);
	else
		sb_conn_send_now(c, h->data, h->n);
}

/* Packets held until the next one passed go behind it. */
static void release_reordered(struct sb_conn *c, enum sb_direction d)
{
	struct sb_held **pp = &c->held;

	while (*pp) {
		struct sb_held *h = *pp;

		if (h->due == INT64_MAX && h->in == (d == SB_IN)) {
			*pp = h->next;
			let_go(c, h);
			free(h);
		} else {
			pp = &h->next;
		}
	}
}

void sb_fault_tick(struct sb_conn *c, int64_t now)
{
	struct sb_held **pp = &c->held;

	while (*pp && c->stall_until <= now) {
		struct sb_held *h = *pp;

		if (h->due <= now) {
			*pp = h->next;
			let_go(c, h);
			free(h);
		} else {
			pp = &h->next;
		}
	}
}

void sb_held_free(struct sb_conn *c)
{
	while (c->held) {
		struct sb_held *h = c->held;

		c->held = h->next;
		free(h);
	}
}

size_t sb_fault_trickle(struct sb_conn *c)
{
	struct sb_fault *f =
		c->net->faults ? sb_wire_hit(c->net, SB_TRICKLE, SB_OUT, c->dc, c->user_seen, NULL)
			       : NULL;
	int64_t now;

	if (!f)
		return SIZE_MAX;
	now = sb_now(c->net->s);
	if (now < c->trickle_at)
		return 0;
	c->trickle_at = now + (int64_t)(f->seconds * NS);
	return 1;
}

static void pass(struct sb_conn *c, enum sb_direction d, const uint8_t *data, size_t n)
{
	if (d == SB_IN)
		sb_conn_packet_in(c, data, n, false);
	else
		sb_conn_send_now(c, data, n);
}

bool sb_fault_packet(struct sb_conn *c, enum sb_direction d, uint8_t *data, size_t n)
{
	struct sb_net *net = c->net;
	int64_t user = c->user_seen, now;
	struct sb_fault *f;
	bool reordered = false;

	if (!net->faults && !c->held)
		return true;
	now = sb_now(net->s);
	for (struct sb_held *h = c->held; h && !reordered; h = h->next)
		reordered = h->due == INT64_MAX && h->in == (d == SB_IN);
	f = sb_wire_hit(net, SB_STALL, d, c->dc, user, NULL);
	if (f && !c->stall_until)
		c->stall_until = f->seconds > 0 ? now + (int64_t)(f->seconds * NS) : INT64_MAX;
	if (c->stall_until > now) { /* silent, but open */
		hold(c, d, data, n, 0);
		return false;
	}
	if (sb_wire_hit(net, SB_CUT, d, c->dc, user, NULL)) {
		sb_conn_close(c);
		return false;
	}
	if (sb_wire_hit(net, SB_RESET, d, c->dc, user, NULL)) {
		const struct linger now_and_hard = {1, 0};

		setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &now_and_hard, sizeof now_and_hard);
		sb_conn_close(c);
		return false;
	}
	if (sb_wire_hit(net, SB_DROP, d, c->dc, user, NULL))
		return false;
	f = sb_wire_hit(net, SB_DELAY, d, c->dc, user, NULL);
	if (f) {
		hold(c, d, data, n, now + (int64_t)(f->seconds * NS));
		return false;
	}
	if (!reordered && sb_wire_hit(net, SB_REORDER, d, c->dc, user, NULL)) {
		hold(c, d, data, n, INT64_MAX);
		return false;
	}
	if (n && sb_wire_hit(net, SB_CORRUPT, d, c->dc, user, NULL))
		data[sb_rand(net->s) % n] ^= (uint8_t)(1u << (sb_rand(net->s) & 7));
	if (sb_wire_hit(net, SB_DUPLICATE, d, c->dc, user, NULL))
		pass(c, d, data, n);
	if (!reordered)
		return true;
	pass(c, d, data, n);
	release_reordered(c, d);
	return false;
}
