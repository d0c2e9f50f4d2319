/* Authorisation keys, permanent and temporary, and their salts. Owned by net. */
#include "net.h"

#include <stdlib.h>
#include <string.h>

static unsigned bucket(const uint8_t id[8])
{
	return (id[0] | (unsigned)id[1] << 8) % SB_KEY_BUCKETS;
}

struct sb_key *sb_key_find(struct sb_net *n, const uint8_t id[8])
{
	int64_t now = sb_now(n->s) / NS;

	for (struct sb_key *k = n->keys[bucket(id)]; k; k = k->next)
		if (!memcmp(k->key.id, id, 8))
			return k->temp && k->expires <= now ? NULL : k;
	return NULL;
}

struct sb_key *sb_key_first(const struct sb_auth *a)
{
	return ((const struct sb_owner *)a)->keys;
}

static void unlink_owner(struct sb_key *k)
{
	struct sb_key **pp = &((struct sb_owner *)k->auth)->keys;

	while (*pp && *pp != k)
		pp = &(*pp)->sibling;
	if (*pp)
		*pp = k->sibling;
}

static void link_owner(struct sb_key *k, struct sb_auth *a)
{
	struct sb_owner *o = (struct sb_owner *)a;

	k->auth = a;
	k->sibling = o->keys;
	o->keys = k;
}

void sb_key_bind(struct sb_key *k, struct sb_auth *a)
{
	unlink_owner(k);
	link_owner(k, a);
	k->bound = true;
}

struct sb_auth *sb_auths(struct sb_net *n)
{
	return n->auths;
}

int sb_key_add(struct sb_net *n, const uint8_t key[256], int dc, bool temp, int64_t expires,
	       uint64_t salt, const char *ip)
{
	struct sb_key *k = calloc(1, sizeof *k);
	struct sb_owner *o = calloc(1, sizeof *o);
	struct sb_auth *a = &o->auth;
	struct sb_key **head;

	if (!k || !o || mt_key_init(&k->key, key)) {
		free(k);
		free(o);
		return -TG_E_CRYPTO;
	}
	head = &n->keys[bucket(k->key.id)];
	for (struct sb_key *other = *head; other; other = other->next)
		if (!memcmp(other->key.id, k->key.id, 8)) {
			free(k);
			free(o);
			return -TG_E_AGAIN;
		}
	a->key = k->key;
	a->dc = k->dc = dc;
	a->hash = sb_rand(n->s);
	a->created = a->active = k->created = sb_now(n->s);
	snprintf(a->ip, sizeof a->ip, "%s", ip);
	k->own = a;
	link_owner(k, a);
	k->first_salt = salt;
	k->temp = temp;
	k->expires = expires;
	k->next = *head;
	*head = k;
	sb_keep_key(n->s, k, ip);
	if (!temp) {
		a->next = n->auths;
		n->auths = a;
	}
	return 0;
}

static void key_free(struct sb_net *n, struct sb_key *k)
{
	struct sb_owner *own = (struct sb_owner *)k->own;

	while (k->sessions)
		sb_session_free(k->sessions);
	if (n->s->world)
		sb_world_auth_gone(n->s->world, k->own);
	/* Calls that are still being answered point to it: it stays until the end. */
	own->grave_next = n->graves;
	n->graves = own;
	mt_wipe(k, sizeof *k);
	free(k);
}

void sb_key_drop(struct sb_net *n, struct sb_key *k)
{
	struct sb_key **pp = &n->keys[bucket(k->key.id)];

	while (*pp && *pp != k)
		pp = &(*pp)->next;
	if (!*pp)
		return;
	*pp = k->next;
	sb_keep_drop(n->s, k);
	for (struct sb_auth **ap = &n->auths; *ap; ap = &(*ap)->next)
		if (*ap == k->own) {
			*ap = k->own->next;
			break;
		}
	for (struct sb_session *s = k->sessions; s; s = s->next)
		if (s->conn) {
			sb_out_flush_session(s);
			sb_conn_finish(s->conn);
		}
	unlink_owner(k);
	k->dropped = true;
	if (!k->busy)
		key_free(n, k);
}

void sb_key_idle(struct sb_net *n, struct sb_key *k)
{
	if (!--k->busy && k->dropped)
		key_free(n, k);
}

void sb_auth_drop(struct sb_net *n, struct sb_auth *a)
{
	while (sb_key_first(a))
		sb_key_drop(n, sb_key_first(a));
}

void sb_keys_free(struct sb_net *n)
{
	for (unsigned b = 0; b < SB_KEY_BUCKETS; b++)
		while (n->keys[b])
			sb_key_drop(n, n->keys[b]);
	while (n->graves) {
		struct sb_owner *o = n->graves;

		n->graves = o->grave_next;
		free(o);
	}
}

/* ---- salts (D.20): number i lives from created + i * 30 min for an hour -------------------------
 */
static int64_t salt_number(const struct sb_key *k, int64_t now)
{
	return now < k->created ? 0 : (now - k->created) / NS / SB_SALT_SECONDS;
}

static uint64_t salt_value(const struct sb_key *k, int64_t i)
{
	uint64_t seed[2] = {k->salt_epoch, (uint64_t)i}, x;
	uint8_t hash[32];

	if (!i && !k->salt_epoch)
		return k->first_salt;
	mt_sha256(hash, k->key.key, 256, seed, sizeof seed);
	memcpy(&x, hash, 8);
	return x;
}

struct sb_salt sb_salt_at(const struct sb_key *k, int64_t now, unsigned ahead)
{
	int64_t i = salt_number(k, now) + ahead;
	int64_t since = k->created / NS + i * SB_SALT_SECONDS;

	return (struct sb_salt){(int32_t)since, (int32_t)(since + 2 * SB_SALT_SECONDS),
				salt_value(k, i)};
}

bool sb_salt_valid(const struct sb_key *k, int64_t now, uint64_t salt)
{
	int64_t i = salt_number(k, now);

	return salt == salt_value(k, i) || (i > 0 && salt == salt_value(k, i - 1));
}

/* Temporary keys that have run out, sessions that nobody came back for. */
void sb_keys_tick(struct sb_net *n, int64_t now)
{
	for (unsigned b = 0; b < SB_KEY_BUCKETS; b++)
		for (struct sb_key *k = n->keys[b], *next; k; k = next) {
			next = k->next;
			for (struct sb_session *s = k->sessions, *after; s; s = after) {
				after = s->next;
				k->busy++;
				sb_session_tick(s, now);
				k->busy--;
				if (k->dropped)
					break;
			}
			if (k->dropped) {
				k->busy++;
				sb_key_idle(n, k);
			} else if (k->temp && k->expires <= now / NS) {
				sb_key_drop(n, k);
			}
		}
}
