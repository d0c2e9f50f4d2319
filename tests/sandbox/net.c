/* The sandbox's net: listeners, the turn of the loop, clock and chance. Owned by net. */
#include "front.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define TICK_SECONDS 0.1
#define HOUSEKEEPING 10 /* ticks */
#define BACKLOG 512
#define ACCEPTS_A_TURN 64
/* Free ports come from here when they can: some clients keep a port in 16 bits with a sign. */
#define PORT_LOW 16384
#define PORT_HIGH 32767
#define PORT_TRIES 64

/* ---- clock and chance --------------------------------------------------------------------------
 */
int64_t sb_now(const struct sandbox *s)
{
	struct timespec t;

	if (s->frozen)
		return s->frozen;
	clock_gettime(CLOCK_REALTIME, &t);
	return ((int64_t)t.tv_sec + s->skew) * NS + t.tv_nsec;
}

/* splitmix64: small, and the same everywhere */
static uint64_t draw(uint64_t *state)
{
	uint64_t x = *state += 0x9e3779b97f4a7c15u;

	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u;
	x = (x ^ x >> 27) * 0x94d049bb133111ebu;
	return x ^ x >> 31;
}

uint64_t sb_rand(struct sandbox *s)
{
	return draw(&s->seed);
}

static void strong(void *ctx, void *out, size_t n)
{
	struct sb_net *net = ctx;
	uint8_t *p = out;

	while (net->seeded && n) {
		uint64_t x = draw(&net->stream);
		size_t piece = n < 8 ? n : 8;

		memcpy(p, &x, piece);
		p += piece;
		n -= piece;
	}
	while (n) {
		ssize_t got = getrandom(p, n, 0);

		if (got < 0 && errno != EINTR)
			abort();
		p += got > 0 ? got : 0;
		n -= got > 0 ? (size_t)got : 0;
	}
}

/* ---- listeners ---------------------------------------------------------------------------------
 */
static void acceptable(struct ev_loop *loop, ev_io *w, int events)
{
	struct sb_listener *l = w->data;

	(void)loop;
	(void)events;
	for (int i = 0; i < ACCEPTS_A_TURN; i++) {
		struct sockaddr_storage a;
		socklen_t n = sizeof a;
		char ip[46] = "";
		int fd = accept4(l->fd, (struct sockaddr *)&a, &n, SOCK_NONBLOCK | SOCK_CLOEXEC);

		if (fd < 0)
			return;
		if (a.ss_family == AF_INET)
			inet_ntop(AF_INET, &((struct sockaddr_in *)&a)->sin_addr, ip, sizeof ip);
		else
			inet_ntop(AF_INET6, &((struct sockaddr_in6 *)&a)->sin6_addr, ip, sizeof ip);
		sb_conn_accept(l->net, fd, l->dc, l->door, ip);
	}
}

static socklen_t address(const char *host, int port, bool ipv6, struct sockaddr_storage *ret)
{
	struct sockaddr_in *v4 = (struct sockaddr_in *)ret;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)ret;

	memset(ret, 0, sizeof *ret);
	if (ipv6) {
		v6->sin6_family = AF_INET6;
		v6->sin6_port = htons((uint16_t)port);
		return inet_pton(AF_INET6, host, &v6->sin6_addr) == 1 ? sizeof *v6 : 0;
	}
	v4->sin_family = AF_INET;
	v4->sin_port = htons((uint16_t)port);
	return inet_pton(AF_INET, host, &v4->sin_addr) == 1 ? sizeof *v4 : 0;
}

static int bind_port(int fd, const char *host, int port, bool ipv6)
{
	struct sockaddr_storage sa;
	socklen_t len;
	uint16_t chance;

	for (int i = 0; !port && i < PORT_TRIES; i++) {
		if (getrandom(&chance, sizeof chance, 0) != sizeof chance)
			break;
		len = address(host, PORT_LOW + chance % (PORT_HIGH - PORT_LOW), ipv6, &sa);
		if (!bind(fd, (struct sockaddr *)&sa, len))
			return 0;
	}
	len = address(host, port, ipv6, &sa);
	return bind(fd, (struct sockaddr *)&sa, len);
}

/* 0 = it cannot be; else the port */
static uint16_t listen_on(struct sb_net *n, const struct sb_listener *as, const char *host,
			  int port, bool ipv6)
{
	struct sb_listener *l = &n->listeners[n->listener_count];
	struct sockaddr_storage sa;
	socklen_t len = address(host, port, ipv6, &sa);
	int on = 1, fd;

	if (!len) {
		fprintf(stderr, "layerd-sandbox: %s is not a numeric address\n", host);
		return 0;
	}
	fd = socket(ipv6 ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return 0;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
	if (ipv6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
	if (bind_port(fd, host, port, ipv6) || listen(fd, BACKLOG) ||
	    getsockname(fd, (struct sockaddr *)&sa, &len)) {
		fprintf(stderr, "layerd-sandbox: %s port %d: %s\n", host, port, strerror(errno));
		close(fd);
		return 0;
	}
	*l = *as;
	l->net = n;
	l->fd = fd;
	ev_io_init(&l->io, acceptable, fd, EV_READ);
	l->io.data = l;
	ev_io_start(n->s->loop, &l->io);
	n->listener_count++;
	return ntohs(ipv6 ? ((struct sockaddr_in6 *)&sa)->sin6_port
			  : ((struct sockaddr_in *)&sa)->sin_port);
}

static bool open_dc(struct sb_net *n, int dc, const char *host, int port, bool ipv6)
{
	struct sb_address *a = &n->addresses[n->address_count];
	const struct sb_listener as = {.dc = dc};

	a->port = listen_on(n, &as, host, port, ipv6);
	a->dc = dc;
	a->ipv6 = ipv6;
	snprintf(a->host, sizeof a->host, "%s", host);
	n->address_count += a->port != 0;
	return a->port;
}

static bool open_door(struct sb_net *n, const struct mt_proxy *is)
{
	struct sb_listener as = {.door = calloc(1, sizeof *as.door)};

	if (!as.door)
		return false;
	as.door->is = *is;
	as.door->is.port = listen_on(n, &as, is->host, is->port, strchr(is->host, ':') != NULL);
	if (as.door->is.port)
		return true;
	free(as.door);
	return false;
}

const struct sb_rsa *sb_net_rsa(const struct sb_net *n, int dc)
{
	return dc == SB_CDN && n->cdn_rsa ? n->cdn_rsa : n->rsa;
}

bool sb_net_cdn_key(const struct sb_net *n, char out[SB_PEM])
{
	return n->cdn_rsa && sb_rsa_pem(n->cdn_rsa, out) == 0;
}

const struct sb_address *sb_net_addresses(struct sb_net *n, unsigned *ret_count)
{
	*ret_count = n->address_count;
	return n->addresses;
}

uint64_t sb_net_fingerprint(const struct sb_net *n)
{
	return sb_rsa_fingerprint(n->rsa);
}

/* ---- the turn of the loop
 * ------------------------------------------------------------------------
 */
static void before_sleep(struct ev_loop *loop, ev_prepare *w, int events)
{
	struct sb_net *n = w->data;

	(void)loop;
	(void)events;
	/* a connection that dies may tell the world, which may send more */
	do {
		sb_out_flush(n);
		sb_conn_reap(n);
	} while (n->dirty);
}

static void every_tick(struct ev_loop *loop, ev_timer *w, int events)
{
	struct sb_net *n = w->data;
	int64_t now = sb_now(n->s);

	(void)loop;
	(void)events;
	for (struct sb_conn *c = n->conns; c; c = c->next)
		if (!c->dead)
			sb_conn_tick(c, now);
	if (++n->ticks % HOUSEKEEPING && !n->delayed)
		return;
	sb_handshakes_tick(n, now);
	sb_keys_tick(n, now);
}

static bool open_doors(struct sb_net *n, const struct sb_net_options *o)
{
	for (int dc = 1; dc <= n->s->dc_count; dc++) {
		int port4 = o->port4 ? o->port4 + dc - 1 : 0;
		int port6 = o->port6 ? o->port6 + dc - 1 : 0;

		if (!open_dc(n, dc, o->host4, port4, false) ||
		    (o->host6 && !open_dc(n, dc, o->host6, port6, true)))
			return false;
	}
	if (o->cdn && !open_dc(n, SB_CDN, o->host4, 0, false))
		return false;
	for (unsigned i = 0; i < o->more_count; i++)
		if (!open_dc(n, o->more[i].dc, o->more[i].host, o->more[i].port, o->more[i].ipv6))
			return false;
	for (unsigned i = 0; i < o->door_count; i++)
		if (!open_door(n, &o->doors[i]))
			return false;
	return true;
}

struct sb_net *sb_net_new(struct sandbox *s, const struct sb_net_options *o)
{
	struct sb_net *n = calloc(1, sizeof *n);

	if (!n)
		return NULL;
	n->s = s;
	n->seeded = o->seeded;
	n->stream = s->seed ^ 0x6c61796572640000u;
	n->env = (struct mt_env){.random = strong, .ctx = n};
	n->rsa = sb_rsa_new(n, o->data, "rsa.key");
	n->cdn_rsa = o->cdn ? sb_rsa_new(n, o->data, "cdn.key") : NULL;
	if (!n->rsa || (o->cdn && !n->cdn_rsa) || !open_doors(n, o)) {
		sb_net_free(n);
		return NULL;
	}
	if (o->write_key && sb_rsa_write(n->rsa, o->write_key)) {
		fprintf(stderr, "layerd-sandbox: %s: %s\n", o->write_key, strerror(errno));
		sb_net_free(n);
		return NULL;
	}
	ev_prepare_init(&n->flush, before_sleep);
	ev_timer_init(&n->tick, every_tick, TICK_SECONDS, TICK_SECONDS);
	n->flush.data = n->tick.data = n;
	ev_prepare_start(s->loop, &n->flush);
	ev_timer_start(s->loop, &n->tick);
	return n;
}

void sb_net_stop(struct sb_net *n)
{
	ev_prepare_stop(n->s->loop, &n->flush);
	ev_timer_stop(n->s->loop, &n->tick);
	for (unsigned i = 0; i < n->listener_count; i++) {
		ev_io_stop(n->s->loop, &n->listeners[i].io);
		close(n->listeners[i].fd);
	}
	sb_net_cut(n, 0);
	sb_conn_reap(n);
	for (unsigned i = 0; i < n->listener_count; i++)
		free(n->listeners[i].door);
	n->listener_count = n->address_count = 0;
}

void sb_net_free(struct sb_net *n)
{
	if (!n)
		return;
	sb_net_stop(n);
	sb_keys_free(n);
	sb_handshakes_free(n);
	sb_net_clear_fault(n, 0);
	sb_rsa_free(n->rsa);
	sb_rsa_free(n->cdn_rsa);
	tl_buf_free(&n->plain);
	tl_buf_free(&n->packet);
	tl_buf_free(&n->work);
	tl_buf_free(&n->bomb);
	free(n);
}

void sb_net_cut(struct sb_net *n, int dc)
{
	for (struct sb_conn *c = n->conns; c; c = c->next)
		if (!dc || c->dc == dc)
			sb_conn_close(c);
}

struct json_t *sb_net_doors(struct sb_net *n)
{
	json_t *all = json_array();

	for (unsigned i = 0; i < n->listener_count; i++)
		if (n->listeners[i].door)
			json_array_append_new(all, sb_front_stats(n->listeners[i].door));
	return all;
}

static json_t *transports(const struct sb_net *n)
{
	static const char *const names[2][MT_FULL + 1] = {
		{"abridged", "intermediate", "padded", "full"},
		{"obfuscated-abridged", "obfuscated-intermediate", "obfuscated-padded", NULL}};
	json_t *all = json_object();

	for (int o = 0; o < 2; o++)
		for (int f = 0; f <= MT_FULL; f++)
			if (names[o][f])
				json_object_set_new(
					all, names[o][f],
					json_integer((json_int_t)n->count.transports[o][f]));
	return all;
}

struct json_t *sb_net_stats(struct sb_net *n)
{
	unsigned keys = 0, sessions = 0;

	for (struct sb_auth *a = n->auths; a; a = a->next)
		keys++;
	for (unsigned b = 0; b < SB_KEY_BUCKETS; b++)
		for (struct sb_key *k = n->keys[b]; k; k = k->next)
			sessions += k->session_count;
	return json_pack(
		"{s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:o,s:o}",
		"delayed", (json_int_t)n->delayed, "connections", (json_int_t)n->conn_count, "keys",
		(json_int_t)keys, "sessions", (json_int_t)sessions, "accepted",
		(json_int_t)n->count.accepted, "packets_in", (json_int_t)n->count.packets_in,
		"packets_out", (json_int_t)n->count.packets_out, "bytes_in",
		(json_int_t)n->count.bytes_in, "bytes_out", (json_int_t)n->count.bytes_out, "calls",
		(json_int_t)n->count.calls, "handshakes", (json_int_t)n->count.handshakes,
		"bad_packets", (json_int_t)n->count.bad_packets, "bad_msg",
		(json_int_t)n->count.bad_msg, "resent", (json_int_t)n->count.resent, "replayed",
		(json_int_t)n->count.replayed, "direct", (json_int_t)n->count.direct, "proxies",
		sb_net_doors(n), "transports", transports(n));
}
