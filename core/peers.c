/* Who is who: users, chats and channels that passed by, with access hash, names and phone, kept in
 * the store for each account (core.telegram.org/api/peers, /api/min; F.60-F.63). Rows belong to the
 * store. */
#include "core/account.h"

#include <string.h>

#define ROW_VERSION 1
#define MAX_USERNAMES 400 /* bytes of all of a peer's usernames */

enum {
	ROW_HASH = 1,
	ROW_MIN = 2,
	ROW_BOT = 4,
	ROW_MEGAGROUP = 8,
	ROW_BROADCAST = 16,
	ROW_FORUM = 32,
	ROW_VERIFIED = 64,
	ROW_PREMIUM = 128,
	ROW_DELETED = 256,
	ROW_LEFT = 512,
};

/* A peer and all its usernames, blanks between them. */
struct row {
	struct tg_peer p;
	char usernames[MAX_USERNAMES];
	/* the message where a min peer was seen (F.60) */
	enum tg_peer_kind chat_kind;
	int64_t chat;
	int32_t message;
};

/* ---- rows ---- */
static uint8_t kind_letter(enum tg_peer_kind kind)
{
	switch (kind) {
	case TG_PEER_CHAT:
		return 'c';
	case TG_PEER_CHANNEL:
		return 'n';
	case TG_PEER_NONE:
	case TG_PEER_SELF:
	case TG_PEER_USER:
		break;
	}
	return 'u';
}

static struct tg_key row_key(const struct tg_account *a, enum tg_peer_kind kind, int64_t id)
{
	struct tg_key k = tg_key(a, kind_letter(kind));

	tg_key_number(&k, (uint64_t)id);
	return k;
}

static void put(struct tl_buf *b, const char *text)
{
	tl_put_bytes(b, text, strlen(text));
}

static void row_write(const struct row *r, struct tl_buf *b)
{
	const struct tg_peer *p = &r->p;

	tl_put_u32(b, ROW_VERSION);
	tl_put_u32(b, (p->has_hash ? ROW_HASH : 0u) | (p->min ? ROW_MIN : 0u) |
			      (p->bot ? ROW_BOT : 0u) | (p->megagroup ? ROW_MEGAGROUP : 0u) |
			      (p->broadcast ? ROW_BROADCAST : 0u) | (p->forum ? ROW_FORUM : 0u) |
			      (p->verified ? ROW_VERIFIED : 0u) | (p->premium ? ROW_PREMIUM : 0u) |
			      (p->deleted ? ROW_DELETED : 0u) | (p->left ? ROW_LEFT : 0u));
	tl_put_u64(b, (uint64_t)p->access_hash);
	put(b, p->name);
	put(b, p->last_name);
	put(b, p->phone);
	put(b, r->usernames);
	if (!r->message)
		return;
	tl_put_u32(b, (uint32_t)r->chat_kind);
	tl_put_u64(b, (uint64_t)r->chat);
	tl_put_u32(b, (uint32_t)r->message);
}

/* Cut at a character's border. */
static void copy(char *to, size_t size, struct tl_str from)
{
	size_t n = from.len < size ? from.len : size - 1;

	while (n < from.len && n > 0 && ((uint8_t)from.data[n] & 0xc0) == 0x80)
		n--;
	if (n)
		memcpy(to, from.data, n);
	to[n] = 0;
}

static struct tl_str first_word(const char *text)
{
	return (struct tl_str){text, (uint32_t)strcspn(text, " ")};
}

static bool row_parse(struct tl_cursor c, enum tg_peer_kind kind, int64_t id, struct row *r)
{
	struct tg_peer *p = &r->p;
	uint32_t version = tl_get_u32(&c), flags = tl_get_u32(&c);

	*r = (struct row){.p = {.kind = kind, .id = id}};
	p->access_hash = (int64_t)tl_get_u64(&c);
	copy(p->name, sizeof p->name, tl_get_bytes(&c));
	copy(p->last_name, sizeof p->last_name, tl_get_bytes(&c));
	copy(p->phone, sizeof p->phone, tl_get_bytes(&c));
	copy(r->usernames, sizeof r->usernames, tl_get_bytes(&c));
	copy(p->username, sizeof p->username, first_word(r->usernames));
	p->has_hash = flags & ROW_HASH;
	p->min = flags & ROW_MIN;
	p->bot = flags & ROW_BOT;
	p->megagroup = flags & ROW_MEGAGROUP;
	p->broadcast = flags & ROW_BROADCAST;
	p->forum = flags & ROW_FORUM;
	p->verified = flags & ROW_VERIFIED;
	p->premium = flags & ROW_PREMIUM;
	p->deleted = flags & ROW_DELETED;
	p->left = flags & ROW_LEFT;
	if (tl_left(&c)) {
		r->chat_kind = (enum tg_peer_kind)tl_get_u32(&c);
		r->chat = (int64_t)tl_get_u64(&c);
		r->message = (int32_t)tl_get_u32(&c);
	}
	return !c.err && version == ROW_VERSION;
}

static int row_read(struct tg_account *a, enum tg_peer_kind kind, int64_t id, struct row *r)
{
	struct tg_key k = row_key(a, kind, id);
	struct tl_buf b = {0};
	int err = tg_read(a, TG_TABLE_PEER, k.bytes, k.n, &b);

	if (err == 0 && !row_parse(tl_cursor(b.data, b.len), kind, id, r))
		err = -TG_E_NOT_FOUND; /* of a newer version: learnt anew */
	tl_buf_free(&b);
	return err;
}

/* ---- names: username or phone → peer ---- */
struct name_row {
	enum tg_peer_kind kind;
	int64_t id, learnt;
};

static struct tg_key name_key(const struct tg_account *a, uint8_t kind, struct tl_str name)
{
	struct tg_key k = tg_key(a, kind);

	tg_key_text(&k, name);
	return k;
}

static bool name_read(struct tg_account *a, const struct tg_key *k, struct name_row *ret)
{
	struct tl_buf b = {0};
	struct tl_cursor c;
	bool ok = tg_read(a, TG_TABLE_NAME, k->bytes, k->n, &b) == 0;

	if (ok) {
		c = tl_cursor(b.data, b.len);
		ret->kind = (enum tg_peer_kind)tl_get_u32(&c);
		ret->id = (int64_t)tl_get_u64(&c);
		ret->learnt = (int64_t)tl_get_u64(&c);
		ok = !c.err && (ret->kind == TG_PEER_USER || ret->kind == TG_PEER_CHANNEL);
	}
	tl_buf_free(&b);
	return ok;
}

static void name_learn(struct tg_account *a, uint8_t kind, struct tl_str name,
		       const struct tg_peer *p)
{
	struct tg_key k = name_key(a, kind, name);
	int64_t now = tg_unix(a);
	struct name_row old;
	struct tl_buf b = {0};

	if (!name.len || (name_read(a, &k, &old) && old.kind == p->kind && old.id == p->id &&
			  now - old.learnt < TG_NAME_FRESH / 2))
		return;
	tl_put_u32(&b, (uint32_t)p->kind);
	tl_put_u64(&b, (uint64_t)p->id);
	tl_put_u64(&b, (uint64_t)now);
	if (!b.err)
		tg_write(a, TG_TABLE_NAME, k.bytes, k.n, b.data, b.len);
	tl_buf_free(&b);
}

static void name_forget(struct tg_account *a, uint8_t kind, struct tl_str name,
			const struct tg_peer *p)
{
	struct tg_key k = name_key(a, kind, name);
	struct name_row old;

	if (name.len && name_read(a, &k, &old) && old.kind == p->kind && old.id == p->id)
		tg_erase(a, TG_TABLE_NAME, k.bytes, k.n);
}

static bool same_name(struct tl_str x, struct tl_str y)
{
	if (x.len != y.len)
		return false;
	for (uint32_t i = 0; i < x.len; i++) {
		char c = x.data[i], d = y.data[i];

		c = c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
		d = d >= 'A' && d <= 'Z' ? (char)(d + 32) : d;
		if (c != d)
			return false;
	}
	return true;
}

static bool has_name(const char *list, struct tl_str name)
{
	for (; *list; list += *list == ' ') {
		struct tl_str word = first_word(list);

		if (same_name(word, name))
			return true;
		list += word.len;
	}
	return false;
}

static void names_update(struct tg_account *a, const struct row *old, const struct row *new)
{
	for (const char *p = old->usernames; *p; p += *p == ' ') {
		struct tl_str word = first_word(p);

		if (!has_name(new->usernames, word))
			name_forget(a, 'u', word, &old->p);
		p += word.len;
	}
	for (const char *p = new->usernames; *p; p += *p == ' ') {
		struct tl_str word = first_word(p);

		name_learn(a, 'u', word, &new->p);
		p += word.len;
	}
	if (strcmp(old->p.phone, new->p.phone) != 0)
		name_forget(a, 'p', tl_str(old->p.phone), &old->p);
	name_learn(a, 'p', tl_str(new->p.phone), &new->p);
}

/* ---- learning ---- */
static void add_username(struct row *r, struct tl_str name)
{
	size_t n = strlen(r->usernames);

	if (!name.len || name.len >= sizeof r->p.username || memchr(name.data, ' ', name.len) ||
	    memchr(name.data, 0, name.len) || n + name.len + 2 > sizeof r->usernames ||
	    has_name(r->usernames, name))
		return;
	if (n)
		r->usernames[n++] = ' ';
	memcpy(r->usernames + n, name.data, name.len);
	r->usernames[n + name.len] = 0;
}

static void set_usernames(struct row *r, struct tl_str single, const struct tl_vec *several)
{
	struct tl_obj *const *list = several->items;

	r->usernames[0] = 0;
	add_username(r, single);
	for (uint32_t i = 0; i < several->count; i++) {
		const struct tl_username *u = (const struct tl_username *)list[i];

		if (u->obj.ctor == TL_username && u->active)
			add_username(r, u->username);
	}
	copy(r->p.username, sizeof r->p.username, first_word(r->usernames));
}

static void from_user(struct row *r, const struct tl_user *u, bool known)
{
	struct tg_peer *p = &r->p;

	copy(p->name, sizeof p->name, u->first_name);
	copy(p->last_name, sizeof p->last_name, u->last_name);
	p->bot = u->bot;
	p->deleted = u->deleted;
	p->verified = u->verified;
	p->premium = u->premium;
	if (u->min && known && !p->min)
		return; /* F.60 */
	p->min = u->min;
	set_usernames(r, u->username, &u->usernames);
	if (u->min)
		return;
	if (u->has_access_hash) {
		p->access_hash = u->access_hash;
		p->has_hash = true;
	}
	copy(p->phone, sizeof p->phone, u->phone);
}

static void from_channel(struct row *r, const struct tl_channel *c, bool known)
{
	struct tg_peer *p = &r->p;

	copy(p->name, sizeof p->name, c->title);
	p->megagroup = c->megagroup;
	p->broadcast = c->broadcast;
	p->forum = c->forum;
	p->verified = c->verified;
	if (c->min && known && !p->min)
		return;
	p->min = c->min;
	set_usernames(r, c->username, &c->usernames);
	if (!c->min)
		p->left = c->left;
	if (!c->min && c->has_access_hash) {
		p->access_hash = c->access_hash;
		p->has_hash = true;
	}
}

static void from_forbidden(struct row *r, const struct tl_channelForbidden *c)
{
	struct tg_peer *p = &r->p;

	copy(p->name, sizeof p->name, c->title);
	p->megagroup = c->megagroup;
	p->broadcast = c->broadcast;
	p->min = false;
	p->left = true;
	p->access_hash = c->access_hash;
	p->has_hash = true;
}

static bool who(const struct tl_obj *o, enum tg_peer_kind *ret_kind, int64_t *ret_id)
{
	if (o->ctor == TL_user)
		*ret_kind = TG_PEER_USER;
	else if (o->ctor == TL_chat || o->ctor == TL_chatForbidden)
		*ret_kind = TG_PEER_CHAT;
	else if (o->ctor == TL_channel || o->ctor == TL_channelForbidden)
		*ret_kind = TG_PEER_CHANNEL;
	else
		return false; /* userEmpty, chatEmpty, unknown ones: nothing to learn */
	return tl_field_int(&tl_api, o, "id", ret_id) && *ret_id > 0;
}

void tg_learn(struct tg_account *a, const struct tl_obj *o)
{
	struct row old, new;
	enum tg_peer_kind kind;
	int64_t id;
	int r;
	struct tl_buf before = {0}, after = {0};
	struct tg_key k;

	if (!who(o, &kind, &id))
		return;
	r = row_read(a, kind, id, &old);
	if (r && r != -TG_E_NOT_FOUND)
		return; /* nothing is overwritten that could not be read */
	if (r)
		old = (struct row){.p = {.kind = kind, .id = id}};
	new = old;
	if (o->ctor == TL_user)
		from_user(&new, (const struct tl_user *)o, r == 0);
	else if (o->ctor == TL_channel)
		from_channel(&new, (const struct tl_channel *)o, r == 0);
	else if (o->ctor == TL_channelForbidden)
		from_forbidden(&new, (const struct tl_channelForbidden *)o);
	else if (o->ctor == TL_chat)
		copy(new.p.name, sizeof new.p.name, ((const struct tl_chat *)o)->title);
	else
		copy(new.p.name, sizeof new.p.name, ((const struct tl_chatForbidden *)o)->title);
	k = row_key(a, kind, id);
	row_write(&old, &before);
	row_write(&new, &after);
	if (!after.err && !before.err &&
	    (r || tg_key_compare(before.data, before.len, after.data, after.len) != 0))
		tg_write(a, TG_TABLE_PEER, k.bytes, k.n, after.data, after.len);
	names_update(a, &old, &new);
	tl_buf_free(&before);
	tl_buf_free(&after);
}

void tg_peer_seen(struct tg_account *a, enum tg_peer_kind kind, int64_t id,
		  enum tg_peer_kind chat_kind, int64_t chat, int32_t message)
{
	struct tg_key k = row_key(a, kind, id);
	struct tl_buf b = {0};
	struct row r;

	if (row_read(a, kind, id, &r) != 0 || !r.p.min || r.p.has_hash || r.message)
		return;
	r.chat_kind = chat_kind;
	r.chat = chat;
	r.message = message;
	row_write(&r, &b);
	if (!b.err)
		tg_write(a, TG_TABLE_PEER, k.bytes, k.n, b.data, b.len);
	tl_buf_free(&b);
}

void tg_learn_all(struct tg_account *a, const struct tl_vec *users, const struct tl_vec *chats)
{
	struct tl_obj *const *list = users->items;

	for (uint32_t i = 0; i < users->count; i++)
		tg_learn(a, list[i]);
	list = chats->items;
	for (uint32_t i = 0; i < chats->count; i++)
		tg_learn(a, list[i]);
}

static void seen(void *ctx, unsigned ctor, const uint8_t *data, size_t n)
{
	struct tl_cursor c = tl_cursor(data, n);
	struct tl_arena arena;
	struct tl_obj *o;

	(void)ctor;
	tl_arena_init(&arena, TG_ARENA_CAP);
	if (tl_decode(&tl_api, &arena, &c, &o, NULL) == 0)
		tg_learn(ctx, o);
	tl_arena_free(&arena);
}

const struct tl_harvest *tg_harvest(struct tg_account *a)
{
	a->harvest.seen = seen;
	a->harvest.ctx = a;
	return &a->harvest;
}

/* ---- finding ---- */
void tg_name_learn(struct tg_account *a, enum tg_peer_form form, const char *name,
		   const struct tg_peer *p)
{
	if (p->kind == TG_PEER_USER || p->kind == TG_PEER_CHANNEL)
		name_learn(a, form == TG_FORM_PHONE ? 'p' : 'u', tl_str(name), p);
}

bool tg_title_is(const struct tg_peer *p, const char *title)
{
	size_t n = strlen(p->name);

	if (strncmp(title, p->name, n) != 0)
		return false;
	title += n;
	if (p->kind == TG_PEER_USER && p->last_name[0]) {
		if (n && *title++ != ' ')
			return false;
		return strcmp(title, p->last_name) == 0;
	}
	return !*title;
}

int tg_peer_next(struct tg_account *a, struct tl_buf *at, struct tg_peer *ret)
{
	struct tg_store *s = a->env.store;
	struct tg_key p = tg_key(a, 0);
	struct tl_buf value = {0};
	size_t np = p.n - 1;
	struct row row;
	bool found = false;
	int r = at->err;

	while (!r && !found) {
		r = s->ops->seek(s, TG_TABLE_PEER, p.bytes, np, at->len ? at->data : p.bytes,
				 at->len ? at->len : np, at, &value);
		if (!r) {
			struct tl_cursor id = tl_cursor(at->data + np, at->len - np);
			uint8_t letter = *tl_get(&id, 1);
			int64_t n = 0;

			while (tl_left(&id))
				n = n << 8 | *tl_get(&id, 1);
			found = row_parse(tl_cursor(value.data, value.len),
					  letter == 'c'   ? TG_PEER_CHAT
					  : letter == 'n' ? TG_PEER_CHANNEL
							  : TG_PEER_USER,
					  n, &row);
			tl_put_u8(at, 0); /* behind this one */
			r = at->err;
		}
	}
	tl_buf_free(&value);
	if (!r)
		*ret = row.p;
	return r;
}

/* Bots have no dialogs: the title is looked for among all that passed by. */
static int find_title(struct tg_account *a, const char *title, struct tg_peer *ret)
{
	struct tg_peer found = {0}, p;
	struct tl_buf at = {0};
	int err = 0;

	while (!err && tg_peer_next(a, &at, &p) == 0) {
		if (!tg_title_is(&p, title))
			continue;
		err = found.kind ? -TG_E_PEER_AMBIGUOUS : 0;
		found = p;
	}
	tl_buf_free(&at);
	if (err == 0 && !found.kind)
		err = -TG_E_PEER_NOT_FOUND;
	if (err == 0)
		*ret = found;
	return err;
}

bool tg_peer_of(const struct tl_obj *peer, enum tg_peer_kind *ret_kind, int64_t *ret_id)
{
	if (peer && tl_field_int(&tl_api, peer, "user_id", ret_id))
		*ret_kind = TG_PEER_USER;
	else if (peer && tl_field_int(&tl_api, peer, "chat_id", ret_id))
		*ret_kind = TG_PEER_CHAT;
	else if (peer && tl_field_int(&tl_api, peer, "channel_id", ret_id))
		*ret_kind = TG_PEER_CHANNEL;
	else
		return false;
	return true;
}

int tg_peer_get(struct tg_account *a, enum tg_peer_kind kind, int64_t id, struct tg_peer *ret)
{
	struct row r, chat;
	int err = row_read(a, kind, id, &r);

	if (err)
		return err == -TG_E_NOT_FOUND ? -TG_E_PEER_UNKNOWN : err;
	*ret = r.p;
	if (r.message && !r.p.has_hash &&
	    (r.chat_kind == TG_PEER_CHAT || row_read(a, r.chat_kind, r.chat, &chat) == 0) &&
	    (r.chat_kind == TG_PEER_CHAT || chat.p.has_hash)) {
		ret->seen_in = r.message;
		ret->seen_kind = r.chat_kind;
		ret->seen_chat = r.chat;
		ret->seen_hash = r.chat_kind == TG_PEER_CHAT ? 0 : chat.p.access_hash;
	}
	return 0;
}

static int find_id(struct tg_account *a, const struct tg_peer_query *q, struct tg_peer *ret)
{
	struct tg_peer channel;
	bool user, other;

	if (q->kind != TG_PEER_NONE)
		return tg_peer_get(a, q->kind, q->id, ret);
	other = tg_peer_get(a, TG_PEER_CHANNEL, q->id, &channel) == 0;
	user = tg_peer_get(a, TG_PEER_USER, q->id, ret) == 0;
	if (user && other)
		return -TG_E_PEER_AMBIGUOUS;
	if (other)
		*ret = channel;
	return user || other ? 0 : -TG_E_PEER_UNKNOWN;
}

static int find_name(struct tg_account *a, uint8_t kind, const char *text, struct tg_peer *ret)
{
	struct tg_key k = name_key(a, kind, tl_str(text));
	struct name_row n;
	struct tg_peer p;

	/* a name may have gone to someone else since */
	if (!name_read(a, &k, &n) || n.learnt < tg_unix(a) - TG_NAME_FRESH ||
	    tg_peer_get(a, n.kind, n.id, &p) != 0 || !p.has_hash)
		return -TG_E_AGAIN;
	*ret = p;
	return 0;
}

int tg_peer_find(struct tg_account *a, const struct tg_peer_query *q, struct tg_peer *ret)
{
	switch (q->form) {
	case TG_FORM_SELF:
		if (!a->self)
			return -TG_E_UNAUTHORIZED;
		if (tg_peer_get(a, TG_PEER_USER, a->self, ret) != 0)
			*ret = (struct tg_peer){.id = a->self};
		ret->kind = TG_PEER_SELF;
		return 0;
	case TG_FORM_ID:
		return find_id(a, q, ret);
	case TG_FORM_USERNAME:
		return find_name(a, 'u', q->text, ret);
	case TG_FORM_PHONE:
		return find_name(a, 'p', q->text, ret);
	case TG_FORM_TITLE:
		if (a->is_bot)
			return find_title(a, q->text, ret);
		break;
	case TG_FORM_INVITE:
		break;
	}
	return -TG_E_AGAIN;
}
