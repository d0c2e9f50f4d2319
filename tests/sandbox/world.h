/* The sandbox's world: accounts, chats, messages, boxes with their events, and how they are drawn
 * for one viewer. Shared by the world_*, rpc_*, control* and actor files; net never sees it.
 * What the world remembers lives in world->store and dies at a reset; answers live in the call's
 * arena. Peers are marked ids: a user > 0, a group -id, a channel -(10^12 + id). */
#ifndef SANDBOX_WORLD_H
#define SANDBOX_WORLD_H

#include "tests/sandbox/login.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SB_CHANNEL_BASE 1000000000000LL
#define SB_SECOND 1000000000LL
#define SB_MAX_TEXT 4096        /* characters of a message */
#define SB_MAX_LIST 100         /* messages a history answer holds */
#define SB_MAX_IDS 1000         /* ids a call may name */
#define SB_DIFFERENCE 200       /* events in one slice of a difference */
#define SB_DIFFERENCE_MAX 10000 /* events behind which a difference is too long */
#define SB_CODE_LENGTH 5

/* ---- memory, lists, maps (world_util.c) ------------------------------------------------------ */
void *sb_alloc(struct tl_arena *a, size_t n); /* zeroed; ends the program when there is none */
const char *sb_text(struct tl_arena *a, struct tl_str s); /* a C string; NULL for absent */
const char *sb_copy(struct tl_arena *a, const char *s);   /* NULL stays NULL */
const char *sb_format(struct tl_arena *a, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
struct tl_str sb_str(const char *s); /* NULL = absent */
void *sb_make(struct tl_arena *a, unsigned ctor, size_t size);
#define SB_NEW(a, t) ((struct tl_##t *)sb_make((a), TL_##t, sizeof(struct tl_##t)))
#define SB_SET(o, field, v) ((o)->has_##field = true, (o)->field = (v))
#define SB_OPT(o, field, otherwise) ((o)->has_##field ? (o)->field : (otherwise))
/* A deep copy of an object that lives as long as the arena. */
struct tl_obj *sb_keep(struct sb_world *w, struct tl_arena *a, const struct tl_obj *o);
struct tl_vec sb_keep_vec(struct sb_world *w, struct tl_arena *a, const struct tl_vec *v);
struct sb_list { /* of objects, in an arena */
	struct tl_obj **items;
	unsigned count, cap;
};
void sb_add(struct tl_arena *a, struct sb_list *l, struct tl_obj *o); /* NULL is not added */
struct tl_vec sb_vec(const struct sb_list *l);
struct tl_vec sb_vec_of(struct tl_arena *a, struct tl_obj *o); /* one element */
struct tl_vec sb_vec_ints(struct tl_arena *a, const int32_t *ids, unsigned n);
static inline struct tl_obj *sb_item(const struct tl_vec *v, unsigned i)
{
	return ((struct tl_obj **)v->items)[i];
}
static inline int32_t sb_int(const struct tl_vec *v, unsigned i)
{
	return ((const int32_t *)v->items)[i];
}
static inline int64_t sb_long(const struct tl_vec *v, unsigned i)
{
	return ((const int64_t *)v->items)[i];
}
struct sb_map { /* 64-bit key → pointer; values are replaced, never taken out */
	struct sb_slot {
		int64_t key;
		void *value;
	} * slots;
	unsigned cap, count;
};
void *sb_map_get(const struct sb_map *m, int64_t key);
void sb_map_put(struct tl_arena *a, struct sb_map *m, int64_t key, void *value);
int64_t sb_key(const char *text, size_t n); /* of a name, letter case folded */
uint64_t sb_mix(uint64_t a, uint64_t b);    /* a hash of two numbers */

/* ---- what there is ----------------------------------------------------------------------------
 */
struct sb_msg { /* one copy of a post, in one box */
	int id;
	int64_t peer; /* the dialog, as the box's owner names it */
	struct sb_box *box;
	struct sb_post *post;
	struct sb_msg *sibling; /* next copy */
	bool out, deleted, mentioned, media_unread, pinned;
};
struct sb_reaction {
	int64_t user;
	const char *emoji;
	int date;
	struct sb_reaction *next;
};
struct sb_post {              /* what was written, shared by its copies */
	struct sb_user *from; /* NULL: the channel itself */
	int64_t to;
	int date, edit_date, views, forwards, ttl;
	const char *text;
	struct tl_vec entities;
	struct sb_media *media;
	const struct tl_obj *markup; /* ReplyMarkup */
	const struct tl_obj *action; /* MessageAction: a service message */
	struct sb_post *reply;
	const struct tl_obj *forward; /* MessageFwdHeader */
	int64_t via_bot, grouped, effect;
	int64_t random_id;
	bool silent, noforwards, invert_media;
	struct sb_reaction *reactions;
	struct sb_msg *copies;
};
enum sb_event_kind {
	SB_EV_NEW,
	SB_EV_EDIT,
	SB_EV_DELETE,
	SB_EV_READ_IN,
	SB_EV_READ_OUT,
	SB_EV_CONTENTS,
	SB_EV_PINNED,
	SB_EV_UNPINNED,
};
struct sb_event {
	enum sb_event_kind kind;
	int pts, count, date;
	int64_t peer;
	int id, unread; /* the message, or up to where was read, and what is left */
	unsigned id_count;
	const int32_t *ids; /* deleted, pinned */
};
struct sb_box {        /* numbered messages and the events that changed them */
	int64_t owner; /* a user, or a channel's marked id */
	int pts, top;
	struct sb_msg **msgs; /* by id */
	unsigned msg_cap;
	struct sb_event *events; /* ascending pts */
	unsigned event_count, event_cap;
};
struct sb_dialog { /* of one user with one peer */
	int64_t peer;
	struct sb_msg **list; /* private chats and groups: ascending ids; channels: empty */
	unsigned count, cap;
	int read_in, read_out, cleared; /* up to which id */
	bool pinned, unread_mark, left, hidden;
	int folder;
	const struct tl_obj *draft, *notify;
	struct sb_dialog *next;
};
struct sb_password {
	uint8_t salt1[64], salt2[16], v[256], b[256], gb[256];
	unsigned salt1_len;
	int64_t srp_id; /* one-shot; 0 = none handed out */
	const char *hint, *email;
	const char *fresh_email, *email_code; /* not confirmed yet */
	int64_t reset_at;                     /* Unix seconds; 0 = nobody asked */
};
struct sb_user {
	int64_t id;
	bool bot, deleted, verified, actor, no_privacy;
	const char *first, *last, *username, *phone, *about, *token, *description;
	const char *login_email;
	int64_t owner; /* of a bot */
	int dc;        /* home; 0 before the first login */
	int created, online_until, last_seen, offline_until;
	int qts, seq;
	struct sb_box box;
	struct sb_map dialogs, contacts, blocked, randoms;
	struct sb_dialog *dialog_list;
	struct sb_password *password;
	struct tl_vec commands;
	const char *inline_placeholder;
	struct sb_qts_event *first_qts, *last_qts;
	struct sb_auth **auths;
	unsigned auth_count, auth_cap;
	int auth_ttl, account_ttl;
	/* Built-in actors: told of each message that comes into the box, after it was delivered. */
	void (*heard)(struct sb_world *w, struct sb_user *self, struct sb_msg *m);
	void *state;
	struct sb_user *next;
};
enum sb_rank { SB_LEFT, SB_BANNED, SB_MEMBER, SB_ADMIN, SB_CREATOR };
struct sb_member {
	struct sb_user *user;
	enum sb_rank rank;
	int64_t inviter;
	int date;
	const char *title;
	const struct tl_obj *rights; /* ChatAdminRights or ChatBannedRights, or NULL */
	struct sb_member *next;
};
struct sb_chat {
	int64_t id; /* marked */
	bool channel, megagroup, signatures, noforwards, deleted;
	const char *title, *username, *about, *invite;
	struct sb_user *creator;
	int date, version, slowmode;
	struct sb_map members; /* user → struct sb_member */
	struct sb_member *member_list;
	const struct tl_obj *banned; /* default ChatBannedRights or NULL */
	int pinned;
	struct sb_box box; /* channels */
	struct sb_chat *next;
};
struct sb_file {
	int64_t id, access;
	int dc, date;
	bool photo;
	int w, h;
	const char *mime, *name;
	struct tl_vec attributes;
	uint8_t *data; /* malloc */
	size_t size;
	struct sb_file *next;
};
/* rpc_cdn.c: answers that the file is to be had from the CDN; false: there is none. */
bool sb_cdn_redirect(struct sb_world *w, struct sb_call *c, const struct sb_file *f);
struct sb_media {
	struct sb_file *file;     /* photo or document … */
	const struct tl_obj *obj; /* … or any other MessageMedia, kept whole */
	bool spoiler;
	int ttl;
};

struct sb_world {
	struct sandbox *s;
	struct tl_arena store;
	uint64_t rng, salt;
	struct sb_map users, chats, names, phones, tokens, files;
	struct sb_user *first_user, *last_user;
	struct sb_chat *first_chat, *last_chat;
	struct sb_file *first_file;
	int64_t next_user, next_chat, next_channel, next_query;
	const struct sb_method **methods; /* by constructor index */
	struct sb_log *log;
	struct sb_fault *faults;
	uint64_t next_fault;
	struct sb_control *control;
	struct sb_timer *timers;
	uint64_t timer_count; /* see keep.c */
	struct sb_map codes;  /* phone → code last sent */
	struct sb_map emails; /* phone → code last sent by e-mail */
	struct sb_map deliveries, login_tokens, logout_tokens;
	int64_t qr_life;       /* s; 0: as usual */
	struct sb_map exports; /* id of an exported authorisation */
	struct sb_map uploads; /* (user, file_id) → struct sb_upload */
	struct sb_upload *first_upload;
	size_t upload_bytes;
	struct sb_map queries; /* callback and inline queries being answered */
	struct sb_query *first_query;
	struct sb_map inline_cache;
	int reference_epoch;
	bool short_updates;      /* updateShortMessage and its like, as real servers choose */
	bool numbered;           /* carriers have a seq of their user's */
	struct sb_user *service; /* 777000 */
};

/* ---- world.c: the whole ------------------------------------------------------------------------
 */
int sb_time(const struct sb_world *w); /* Unix seconds as the clients see them */
uint64_t sb_draw(struct sb_world *w);  /* the world's own repeatable numbers */
void sb_world_reset(struct sb_world *w);
/* Calls fn once after a while (0: when the loop is next idle). Timers die at a reset. */
void sb_later(struct sb_world *w, double seconds, void (*fn)(struct sb_world *, void *), void *arg);
static inline bool sb_is_channel(int64_t peer)
{
	return peer <= -SB_CHANNEL_BASE;
}
static inline int64_t sb_bare(int64_t peer) /* the id as the schema has it */
{
	return peer > 0 ? peer : sb_is_channel(peer) ? -peer - SB_CHANNEL_BASE : -peer;
}
static inline struct sb_login *sb_login(const struct sb_auth *a)
{
	return a->world;
}
void sb_login_as(struct sb_world *w, struct sb_auth *a, struct sb_user *u, bool imported);
void sb_logout(struct sb_world *w, struct sb_auth *a);

/* ---- world_people.c: users and chats --------------------------------------------------------- */
struct sb_user *sb_user(struct sb_world *w, int64_t id);
struct sb_chat *sb_chat(struct sb_world *w, int64_t marked);
struct sb_user *sb_user_new(struct sb_world *w, const char *phone, const char *first,
			    const char *last);
struct sb_user *sb_bot_new(struct sb_world *w, const char *username, const char *first);
bool sb_username_ok(const char *name);
bool sb_username_set(struct sb_world *w, int64_t peer, const char *name); /* false: taken or bad */
int64_t sb_username_find(struct sb_world *w, struct tl_str name);         /* 0: nobody */
const char *sb_phone_clean(struct sb_world *w, struct tl_str phone);      /* digits only, or NULL */
struct sb_user *sb_phone_find(struct sb_world *w, const char *digits);
struct sb_user *sb_token_find(struct sb_world *w, struct tl_str token);
void sb_token_new(struct sb_world *w, struct sb_user *bot);
struct sb_chat *sb_group_new(struct sb_world *w, const char *title, struct sb_user *creator);
struct sb_chat *sb_channel_new(struct sb_world *w, const char *title, struct sb_user *creator,
			       bool megagroup);
struct sb_member *sb_member(const struct sb_chat *c, const struct sb_user *u); /* NULL: never was */
bool sb_in_chat(const struct sb_chat *c, const struct sb_user *u);
struct sb_member *sb_join(struct sb_world *w, struct sb_chat *c, struct sb_user *u,
			  enum sb_rank rank, int64_t inviter);
unsigned sb_member_count(const struct sb_chat *c);
struct sb_dialog *sb_dialog(struct sb_world *w, struct sb_user *u, int64_t peer); /* made if new */
struct sb_dialog *sb_dialog_find(const struct sb_user *u, int64_t peer);
int64_t sb_access_hash(const struct sb_world *w, const struct sb_user *viewer, int64_t peer);

/* ---- world_input.c: what a client names ------------------------------------------------------ */
/* Marked id of an InputPeer as this user may name it; 0 and *ret_error when he may not. */
int64_t sb_peer_in(struct sb_world *w, struct sb_user *me, const struct tl_obj *peer,
		   const char **ret_error);
struct sb_user *sb_user_in(struct sb_world *w, struct sb_user *me, const struct tl_obj *user);
struct sb_chat *sb_channel_in(struct sb_world *w, struct sb_user *me, const struct tl_obj *channel,
			      const char **ret_error);
/* The message number id as this user sees it in that dialog (0: any of his own box); NULL if none.
 */
struct sb_msg *sb_msg_in(struct sb_world *w, struct sb_user *me, int64_t peer, int id);
struct sb_msg *sb_box_get(const struct sb_box *b, int id); /* NULL when deleted */

/* ---- world_view.c: drawing for one viewer ---------------------------------------------------- */
struct sb_view {
	struct sb_world *w;
	struct sb_user *viewer;
	struct tl_arena *arena;
	int64_t *seen; /* marked ids to be sent along */
	unsigned seen_count, seen_cap;
};
struct sb_view sb_view(struct sb_world *w, struct sb_user *viewer, struct tl_arena *a);
void sb_see(struct sb_view *v, int64_t peer);
struct tl_vec sb_seen_users(struct sb_view *v);
struct tl_vec sb_seen_chats(struct sb_view *v);
struct tl_obj *sb_tl_peer(struct tl_arena *a, int64_t peer);
struct tl_obj *sb_tl_user(struct sb_view *v, struct sb_user *u);
struct tl_obj *sb_tl_chat(struct sb_view *v, struct sb_chat *c);
struct tl_obj *sb_tl_all_rights(struct tl_arena *a);
struct tl_obj *sb_tl_status(struct sb_view *v, struct sb_user *u);
struct tl_obj *sb_tl_message(struct sb_view *v, struct sb_msg *m);
struct tl_obj *sb_tl_reactions(struct sb_view *v, const struct sb_post *p); /* NULL: none */
struct tl_obj *sb_tl_media(struct sb_view *v, const struct sb_media *m);
struct tl_obj *sb_tl_file(struct sb_view *v, const struct sb_file *f); /* Photo or Document */
struct tl_obj *sb_tl_event(struct sb_view *v, struct sb_box *b, const struct sb_event *e);
struct tl_obj *sb_tl_updates(struct sb_view *v, struct tl_vec updates);
struct tl_obj *sb_tl_notify(struct tl_arena *a, const struct sb_dialog *d);
struct tl_obj *sb_tl_dialog(struct sb_view *v, struct sb_dialog *d);
struct tl_obj *sb_tl_state(struct sb_view *v);
bool sb_hears(const struct sb_user *u, const struct sb_post *p); /* bots don't hear bots */

/* ---- world_box.c: messages and events -------------------------------------------------------- */
struct sb_msg *sb_box_add(struct sb_world *w, struct sb_box *b, struct sb_post *p, int64_t peer);
struct sb_event *sb_box_event(struct sb_world *w, struct sb_box *b, enum sb_event_kind kind,
			      int count);
unsigned sb_box_since(const struct sb_box *b, int pts); /* index of the first event behind pts */
struct sb_box *sb_box_of(struct sb_world *w, struct sb_user *me, int64_t peer);
/* Top message of a dialog for this user; NULL when empty. */
struct sb_msg *sb_top(struct sb_world *w, struct sb_user *u, struct sb_dialog *d);
int sb_unread(struct sb_world *w, struct sb_user *u, struct sb_dialog *d);

/* ---- world_act.c: one act and what it causes ------------------------------------------------- */
struct sb_act {
	struct sb_world *w;
	struct sb_user *actor;
	const struct sb_auth *auth; /* whose session is answered, not pushed to; or NULL */
	uint64_t session;
	struct tl_arena arena;
	struct sb_note {              /* in order */
		struct sb_user *user; /* told; NULL: every member of the chat */
		struct sb_chat *chat;
		struct sb_box *box; /* an event of this box … */
		struct sb_event event;
		struct tl_obj *update; /* … or an update without pts */
		int64_t about[4];      /* peers that must come along with it */
	} * notes;
	unsigned count, cap;
	struct sb_heard {
		struct sb_user *user;
		struct sb_msg *msg;
	} * heard;
	unsigned heard_count, heard_cap;
	int seq;              /* of the actor's carrier; 0 = none yet */
	struct sb_call *call; /* to be answered at the end */
	const struct tl_obj *answer;
	const char *error;
	bool truth;
};
/* c may be NULL: the control socket or an actor does it. */
void sb_act_begin(struct sb_act *t, struct sb_world *w, struct sb_user *actor, struct sb_call *c);
void sb_act_event(struct sb_act *t, struct sb_user *user, struct sb_chat *chat, struct sb_box *box,
		  const struct sb_event *e);
struct sb_note *sb_act_update(struct sb_act *t, struct sb_user *user, struct sb_chat *chat,
			      struct tl_obj *update);
/* The actor's own share as Updates, in the call's arena; extra goes first. */
struct tl_obj *sb_act_answer(struct sb_act *t, struct sb_call *c, struct tl_vec extra);
void sb_act_heard(struct sb_act *t, struct sb_user *user, struct sb_msg *m);
/* The answer to the call goes out in sb_act_end, behind the pushes: the call's memory dies with it.
 */
void sb_act_reply(struct sb_act *t, struct sb_call *c, const struct tl_obj *answer);
void sb_act_bool(struct sb_act *t, struct sb_call *c, bool v);
void sb_act_fail(struct sb_act *t, struct sb_call *c, const char *text);
void sb_act_end(struct sb_act *t); /* pushes, answers, frees */
/* Pushes one update without pts to every session of a user. */
void sb_push_update(struct sb_world *w, struct sb_user *u, struct tl_obj *update,
		    const int64_t *about, unsigned n);

/* ---- world_send.c: acts on messages; each returns NULL or an error's text ("403
 * CHAT_WRITE_FORBIDDEN") */
struct sb_draft {
	struct tl_str text;
	struct tl_vec entities;
	struct sb_media *media;
	const struct tl_obj *markup, *action, *forward;
	int reply_to; /* id in the sender's view */
	int64_t random_id, via_bot, grouped, effect;
	bool silent, noforwards, invert_media, as_channel;
};
const char *sb_send(struct sb_act *t, int64_t peer, const struct sb_draft *d,
		    struct sb_msg **ret_msg);
const char *sb_may_write(struct sb_world *w, struct sb_user *from, int64_t peer);
const char *sb_edit(struct sb_act *t, struct sb_msg *m, const struct sb_draft *d);
const char *sb_delete(struct sb_act *t, int64_t peer, const int32_t *ids, unsigned n, bool revoke,
		      int *ret_pts, int *ret_count);
const char *sb_read(struct sb_act *t, int64_t peer, int max_id, int *ret_pts, int *ret_count);
const char *sb_react(struct sb_act *t, struct sb_msg *m, const char *emoji);
const char *sb_pin(struct sb_act *t, struct sb_msg *m, bool on, bool silent);
struct sb_msg *sb_announce(struct sb_act *t, int64_t peer, struct tl_obj *action);
const char *sb_add_member(struct sb_act *t, struct sb_chat *c, struct sb_user *u, bool joins);
const char *sb_drop_member(struct sb_act *t, struct sb_chat *c, struct sb_user *u);
bool sb_is_admin(const struct sb_chat *c, const struct sb_user *u);
void sb_typing(struct sb_world *w, struct sb_user *from, int64_t peer, const struct tl_obj *action);
void sb_status(struct sb_world *w, struct sb_user *u, bool online);

/* world_qts.c: updates of bots' second sequence; *qts is the update's own field. */
void sb_act_qts(struct sb_act *t, struct sb_user *bot, struct tl_obj *update, int32_t *qts,
		const int64_t *about, unsigned n);
void sb_qts_since(struct sb_view *v, int qts, struct sb_list *others);
void sb_bot_stopped(struct sb_world *w, struct sb_user *bot, struct sb_user *u, bool stopped);
struct tl_obj *sb_tl_participant(struct sb_view *v, const struct sb_member *m);
struct tl_obj *sb_tl_group_participant(struct sb_view *v, const struct sb_member *m);
void sb_tell_participant(struct sb_act *t, struct sb_chat *c, const struct sb_member *before,
			 const struct sb_member *after);
/* world_text.c: the given entities and those the server finds. */
struct tl_vec sb_text_entities(struct sb_world *w, const char *text, const struct tl_vec *given);

/* ---- RPC: rpc_*.c ---------------------------------------------------------------------------- */
#define SB_ANYONE 1u /* before the login too */
#define SB_PEOPLE 2u /* not for bots */
#define SB_BOTS 4u   /* for bots only */
typedef void sb_handler(struct sb_world *w, struct sb_call *c, struct sb_user *me);
struct sb_method {
	unsigned ctor;
	unsigned flags;
	sb_handler *fn;
	const char *empty; /* instead of fn: the answer as JSON (an array: a vector of nothing) */
};
#define SB_METHOD_END                                                                              \
	{                                                                                          \
		0, 0, NULL, NULL                                                                   \
	}
extern const struct sb_method sb_methods_help[], sb_methods_auth[], sb_methods_phone[],
	sb_methods_qr[], sb_methods_password[], sb_methods_recovery[], sb_methods_account[],
	sb_methods_users[], sb_methods_updates[], sb_methods_messages[], sb_methods_history[],
	sb_methods_dialogs[], sb_methods_groups[], sb_methods_channels[], sb_methods_contacts[],
	sb_methods_bots[], sb_methods_upload[], sb_methods_cdn[], sb_methods_media[],
	sb_methods_empty[];
/* text may begin with a code: "403 CHAT_WRITE_FORBIDDEN"; 400 otherwise. */
void sb_fail(struct sb_call *c, const char *text);
static inline bool sb_older(const struct sb_call *c, int layer) /* than the given one */
{
	return c->layer && c->layer < layer;
}
const struct sb_method **sb_method_table(void);              /* by constructor index; malloc */
void sb_answer_updates(struct sb_call *c, struct sb_act *t); /* answers, then pushes and ends */
/* An answer written as JSON. */
struct tl_obj *sb_from_json(struct tl_arena *a, unsigned ctor, const char *json);
/* rpc_messages.c, rpc_history.c */
int sb_reply_id(const struct tl_obj *reply_to); /* of an InputReplyTo; 0 = none */
struct tl_obj *sb_message_id(struct tl_arena *a, const struct sb_msg *m, int64_t random_id);
void sb_reply_messages(struct sb_call *c, struct sb_view *v, struct sb_msg **list, unsigned n,
		       unsigned total, int64_t channel);
/* rpc_groups.c: answers whose kind changed with the layers; the act goes on. */
void sb_reply_invited(struct sb_call *c, struct sb_act *t);
void sb_reply_joined(struct sb_call *c, struct sb_act *t);
/* What a send is answered with: the number that its message got. */
void sb_reply_sent(struct sb_call *c, struct sb_act *t, const struct sb_msg *m, int64_t random_id);
void sb_set_title(struct sb_world *w, struct sb_call *c, struct sb_user *me, struct sb_chat *g,
		  struct tl_str title); /* answers */
/* Logs the caller in; auth.authorization. */
struct tl_obj *sb_auth_done(struct sb_world *w, struct sb_call *c, struct sb_user *u);
/* rpc_password.c, rpc_recovery.c */
void sb_password_asked(struct sb_world *w, struct sb_user *u, struct tl_account_password *o);
const char *sb_password_mail(struct sb_world *w, struct sb_user *u, struct tl_str email);
const char *sb_password_recovered(struct sb_world *w, struct sb_user *u,
				  const struct tl_obj *settings);
bool sb_password_set(struct sb_world *w, struct sb_user *u, const char *password);
/* world_image.c: the MIME type, or NULL when it is no picture. */
const char *sb_image(const uint8_t *p, size_t n, int *ret_w, int *ret_h);
/* world_media.c */
struct sb_file *sb_file_take(struct sb_world *w, int dc, uint8_t *data, size_t n);
struct sb_file *sb_file_new(struct sb_world *w, int dc, const void *data, size_t n,
			    const char *name, const char *mime); /* a document */
const char *sb_reference_wrong(struct sb_world *w, const struct sb_file *f, struct tl_str s);
void sb_files_free(struct sb_world *w);
/* rpc_media.c: an InputMedia as it will be kept; rpc_upload.c: an InputFile from its parts. */
const char *sb_media_in(struct sb_world *w, struct sb_call *c, struct sb_user *me,
			const struct tl_obj *input, struct sb_media **ret);
const char *sb_upload_take(struct sb_world *w, struct sb_call *c, struct sb_user *me,
			   const struct tl_obj *input, struct sb_file **ret);
void sb_uploads_free(struct sb_world *w);
/* world_query.c: presses and inline queries; done(ctx, answer, error) is called once, the answer a
 * messages.BotCallbackAnswer or messages.BotResults. */
typedef void sb_answered(void *ctx, const struct tl_obj *answer, const char *error);
const char *sb_press(struct sb_world *w, struct sb_user *u, struct sb_msg *m, struct tl_str data,
		     sb_answered *done, void *ctx);
const char *sb_inline(struct sb_world *w, struct sb_user *u, struct sb_user *bot, int64_t peer,
		      struct tl_str query, struct tl_str offset, sb_answered *done, void *ctx);
const char *sb_query_answer(struct sb_world *w, struct sb_user *bot, int64_t id, bool inline_query,
			    const struct tl_obj *answer);
void sb_queries_end(struct sb_world *w); /* whoever waits gets BOT_RESPONSE_TIMEOUT */

/* ---- world_log.c, world_fault.c -------------------------------------------------------------- */
struct sb_log *sb_log_new(void);
void sb_log_free(struct sb_log *l);
void sb_log_call(struct sb_world *w, const struct sb_call *c);
void sb_log_error(struct sb_world *w, const struct sb_call *c, const char *text);
void sb_log_unknown(struct sb_world *w, const struct sb_auth *a, uint32_t id);
/* {calls, count, last}; since: the `last` of an earlier answer. user 0, method NULL: all. */
json_t *sb_log_list(struct sb_world *w, int64_t user, const char *method, uint64_t since);
uint64_t sb_log_total(const struct sb_world *w);
/* NULL, or the error that this call gets instead of an answer. */
const char *sb_rpc_fault(struct sb_world *w, const struct sb_call *c, char out[64]);
bool sb_fault_too_long(struct sb_world *w, const struct sb_call *c); /* for the differences */
const char *sb_fault_add(struct sb_world *w, json_t *params, int64_t user, uint64_t *ret_id);
uint64_t sb_fault_clear(struct sb_world *w, uint64_t id); /* 0: all */
uint64_t sb_fault_hits(const struct sb_world *w);         /* of those that are set */

/* ---- control*.c, actors.c -------------------------------------------------------------------- */
struct sb_control *sb_control_new(struct sb_world *w, const char *path);
void sb_control_free(struct sb_control *c);
struct sb_request; /* a control call; lives until it is answered */
void sb_request_done(struct sb_request *r, json_t *result); /* takes the reference */
void sb_request_fail(struct sb_request *r, int code, const char *text);
typedef void sb_control_fn(struct sb_world *w, struct sb_request *r, json_t *params);
struct sb_control_row {
	const char *name, *params; /* the names it takes, blanks between */
	const char *doc;           /* one line, for help */
	sb_control_fn *fn;
};
void sb_control_reset(struct sb_control *c); /* whoever still waits gets an error */
extern const struct sb_control_row sb_control_acts[], sb_control_oracle[], sb_control_world[],
	sb_control_login[];
/* A peer given as marked id or @username; 0 after the request was failed. */
int64_t sb_param_peer(struct sb_world *w, struct sb_request *r, json_t *params, const char *name);
struct sb_user *sb_param_user(struct sb_world *w, struct sb_request *r, json_t *params,
			      const char *name);
const char *sb_param_text(json_t *params, const char *name); /* NULL: absent */
int64_t sb_param_int(json_t *params, const char *name, int64_t otherwise);
bool sb_param_bool(json_t *params, const char *name);
void sb_actors_new(struct sb_world *w);

#endif
