/* Users, bots, groups and channels: making them, naming them, finding them, who is in which. */
#include "tests/sandbox/world.h"

#include <ctype.h>

#define NAME_MIN 4
#define NAME_MAX 32

struct sb_user *sb_user(struct sb_world *w, int64_t id)
{
	return id > 0 ? sb_map_get(&w->users, id) : NULL;
}

struct sb_chat *sb_chat(struct sb_world *w, int64_t marked)
{
	return marked < 0 ? sb_map_get(&w->chats, marked) : NULL;
}

int64_t sb_access_hash(const struct sb_world *w, const struct sb_user *viewer, int64_t peer)
{
	return (int64_t)sb_mix(w->salt ^ (uint64_t)viewer->id, (uint64_t)peer);
}

/* ---- names, phones, tokens ------------------------------------------------------------------- */
bool sb_username_ok(const char *name)
{
	size_t n = strlen(name);

	if (n < NAME_MIN || n > NAME_MAX || !isalpha((unsigned char)name[0]))
		return false;
	for (size_t i = 0; i < n; i++)
		if (!isalnum((unsigned char)name[i]) && name[i] != '_')
			return false;
	return name[n - 1] != '_';
}

bool sb_username_set(struct sb_world *w, int64_t peer, const char *name)
{
	struct sb_user *u = sb_user(w, peer);
	struct sb_chat *c = sb_chat(w, peer);
	const char **field = u ? &u->username : &c->username;
	int64_t *owner = sb_alloc(&w->store, sizeof(*owner));

	if (*name == '@')
		name++;
	if (*name && (!sb_username_ok(name) || (sb_username_find(w, tl_str(name)) &&
						sb_username_find(w, tl_str(name)) != peer)))
		return false;
	if (*field)
		sb_map_put(&w->store, &w->names, sb_key(*field, strlen(*field)), NULL);
	*field = *name ? sb_copy(&w->store, name) : NULL;
	*owner = peer;
	if (*name)
		sb_map_put(&w->store, &w->names, sb_key(name, strlen(name)), owner);
	return true;
}

int64_t sb_username_find(struct sb_world *w, struct tl_str name)
{
	const int64_t *peer;

	if (name.len && name.data[0] == '@') {
		name.data++;
		name.len--;
	}
	peer = sb_map_get(&w->names, sb_key(name.data ? name.data : "", name.len));
	return peer ? *peer : 0;
}

const char *sb_phone_clean(struct sb_world *w, struct tl_str phone)
{
	char digits[20];
	unsigned n = 0;

	for (uint32_t i = 0; i < phone.len; i++) {
		if (!isdigit((unsigned char)phone.data[i]))
			continue;
		if (n == sizeof(digits) - 1)
			return NULL;
		digits[n++] = phone.data[i];
	}
	digits[n] = 0;
	return n >= 5 && n <= 15 ? sb_copy(&w->store, digits) : NULL;
}

struct sb_user *sb_phone_find(struct sb_world *w, const char *digits)
{
	return sb_map_get(&w->phones, sb_key(digits, strlen(digits)));
}

struct sb_user *sb_token_find(struct sb_world *w, struct tl_str token)
{
	return sb_map_get(&w->tokens, sb_key(token.data ? token.data : "", token.len));
}

void sb_token_new(struct sb_world *w, struct sb_user *bot)
{
	static const char set[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-";
	char secret[36] = "AA";

	for (unsigned i = 2; i < sizeof(secret) - 1; i++)
		secret[i] = set[sb_draw(w) % (sizeof(set) - 1)];
	if (bot->token)
		sb_map_put(&w->store, &w->tokens, sb_key(bot->token, strlen(bot->token)), NULL);
	bot->token = sb_format(&w->store, "%lld:%s", (long long)bot->id, secret);
	sb_map_put(&w->store, &w->tokens, sb_key(bot->token, strlen(bot->token)), bot);
}

/* ---- users ----------------------------------------------------------------------------------- */
static struct sb_user *user_new(struct sb_world *w, const char *first)
{
	struct sb_user *u = sb_alloc(&w->store, sizeof(*u));

	u->id = w->next_user++;
	u->first = sb_copy(&w->store, first);
	u->created = u->last_seen = sb_time(w);
	u->box.owner = u->id;
	u->box.pts = 1;
	u->seq = 1;
	u->auth_ttl = 180;
	sb_map_put(&w->store, &w->users, u->id, u);
	if (w->last_user)
		w->last_user->next = u;
	else
		w->first_user = u;
	w->last_user = u;
	return u;
}

struct sb_user *sb_user_new(struct sb_world *w, const char *phone, const char *first,
			    const char *last)
{
	struct sb_user *u = user_new(w, first);

	u->last = sb_copy(&w->store, last);
	u->phone = sb_copy(&w->store, phone);
	if (phone)
		sb_map_put(&w->store, &w->phones, sb_key(phone, strlen(phone)), u);
	/* Test numbers +99966XYYYY live on data centre X (PROTOCOL E.38). */
	if (phone && strlen(phone) == 10 && !strncmp(phone, "99966", 5) && phone[5] >= '1' &&
	    phone[5] - '0' <= w->s->dc_count)
		u->dc = phone[5] - '0';
	return u;
}

struct sb_user *sb_bot_new(struct sb_world *w, const char *username, const char *first)
{
	struct sb_user *u = user_new(w, first);

	u->bot = true;
	sb_username_set(w, u->id, username);
	sb_token_new(w, u);
	return u;
}

/* ---- chats ----------------------------------------------------------------------------------- */
static struct sb_chat *chat_new(struct sb_world *w, int64_t id, const char *title,
				struct sb_user *creator)
{
	struct sb_chat *c = sb_alloc(&w->store, sizeof(*c));

	c->id = id;
	c->title = sb_copy(&w->store, title);
	c->creator = creator;
	c->date = sb_time(w);
	c->version = 1;
	c->box.owner = id;
	c->box.pts = 1;
	c->invite = sb_format(&w->store, "SB%016llx", (unsigned long long)sb_draw(w));
	sb_map_put(&w->store, &w->chats, id, c);
	if (w->last_chat)
		w->last_chat->next = c;
	else
		w->first_chat = c;
	w->last_chat = c;
	if (creator)
		sb_join(w, c, creator, SB_CREATOR, creator->id);
	return c;
}

struct sb_chat *sb_group_new(struct sb_world *w, const char *title, struct sb_user *creator)
{
	return chat_new(w, -w->next_chat++, title, creator);
}

struct sb_chat *sb_channel_new(struct sb_world *w, const char *title, struct sb_user *creator,
			       bool megagroup)
{
	struct sb_chat *c = chat_new(w, -SB_CHANNEL_BASE - w->next_channel++, title, creator);

	c->channel = true;
	c->megagroup = megagroup;
	return c;
}

struct sb_member *sb_member(const struct sb_chat *c, const struct sb_user *u)
{
	return u ? sb_map_get(&c->members, u->id) : NULL;
}

bool sb_in_chat(const struct sb_chat *c, const struct sb_user *u)
{
	const struct sb_member *m = sb_member(c, u);

	return m && m->rank >= SB_MEMBER;
}

struct sb_member *sb_join(struct sb_world *w, struct sb_chat *c, struct sb_user *u,
			  enum sb_rank rank, int64_t inviter)
{
	struct sb_member *m = sb_member(c, u), **tail = &c->member_list;

	if (!m) {
		m = sb_alloc(&w->store, sizeof(*m));
		m->user = u;
		while (*tail)
			tail = &(*tail)->next;
		*tail = m;
		sb_map_put(&w->store, &c->members, u->id, m);
	}
	m->rank = rank;
	m->inviter = inviter;
	m->date = sb_time(w);
	if (rank >= SB_MEMBER)
		sb_dialog(w, u, c->id)->left = false;
	return m;
}

unsigned sb_member_count(const struct sb_chat *c)
{
	unsigned n = 0;

	for (const struct sb_member *m = c->member_list; m; m = m->next)
		n += m->rank >= SB_MEMBER;
	return n;
}

bool sb_is_admin(const struct sb_chat *c, const struct sb_user *u)
{
	const struct sb_member *m = sb_member(c, u);

	return m && m->rank >= SB_ADMIN;
}

/* ---- dialogs --------------------------------------------------------------------------------- */
struct sb_dialog *sb_dialog_find(const struct sb_user *u, int64_t peer)
{
	return sb_map_get(&u->dialogs, peer);
}

struct sb_dialog *sb_dialog(struct sb_world *w, struct sb_user *u, int64_t peer)
{
	struct sb_dialog *d = sb_dialog_find(u, peer);

	if (d)
		return d;
	d = sb_alloc(&w->store, sizeof(*d));
	d->peer = peer;
	d->next = u->dialog_list;
	u->dialog_list = d;
	sb_map_put(&w->store, &u->dialogs, peer, d);
	return d;
}
