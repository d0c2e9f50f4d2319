/* The built-in actors, so that a fresh sandbox is alive: Telegram's own account, @echo_bot,
 * @botfather, @visitor with a small history, a group and a channel. */
#include "tests/sandbox/world.h"

#include <ctype.h>

#define SERVICE_ID 777000
#define FILE_SIZE 300000 /* what the strangers download */

static struct sb_msg *say(struct sb_world *w, struct sb_user *from, int64_t to, const char *text,
			  struct sb_media *media)
{
	struct sb_draft d = {.text = tl_str(text), .media = media};
	struct sb_msg *m = NULL;
	struct sb_act t;

	sb_act_begin(&t, w, from, NULL);
	sb_send(&t, to, &d, &m);
	sb_act_end(&t);
	return m;
}

/* ---- @echo_bot ------------------------------------------------------------------------------- */
static void echo_heard(struct sb_world *w, struct sb_user *self, struct sb_msg *m)
{
	const struct sb_post *p = m->post;
	struct sb_draft d = {.text = sb_str(p->text ? p->text : ""),
			     .entities = p->entities,
			     .media = p->media,
			     .reply_to = m->peer < 0 ? m->id : 0};
	struct sb_msg *answer;
	struct sb_act t;

	if (p->action || !p->from || p->from->bot)
		return;
	if (m->peer > 0 && p->text && !strcmp(p->text, "/start"))
		d.text = tl_str("Hello. I say what I am told.");
	if (m->peer < 0 && !m->mentioned)
		return;
	sb_act_begin(&t, w, self, NULL);
	sb_send(&t, m->peer, &d, &answer);
	sb_act_end(&t);
}

/* ---- @botfather: /newbot, a name, a username; or all in one line ----------------------------- */
enum father_step { FATHER_IDLE, FATHER_NAME, FATHER_USERNAME };
struct father_talk { /* with one user */
	enum father_step step;
	const char *name;
};

static bool ends_in_bot(const char *name)
{
	size_t n = strlen(name);

	return n > 3 && !strcasecmp(name + n - 3, "bot");
}

static const char *father_make(struct sb_world *w, struct sb_user *owner, const char *name,
			       const char *username)
{
	struct sb_user *bot;

	if (*username == '@')
		username++;
	if (!sb_username_ok(username) || !ends_in_bot(username))
		return "Sorry, the username must end in 'bot'. E.g. 'Tetris_bot' or 'Tetrisbot'";
	if (sb_username_find(w, tl_str(username)))
		return "Sorry, this username is already taken. Please try something different.";
	bot = sb_bot_new(w, username, name);
	bot->owner = owner->id;
	return sb_format(&w->store,
			 "Done! Congratulations on your new bot. You will find it at t.me/%s.\n\n"
			 "Use this token to access the HTTP API:\n%s",
			 username, bot->token);
}

static struct sb_user *own_bot(struct sb_world *w, const struct sb_user *owner, const char *name)
{
	struct sb_user *bot;

	while (isspace((unsigned char)*name))
		name++;
	bot = sb_user(w, sb_username_find(w, tl_str(name)));
	return bot && bot->bot && bot->owner == owner->id ? bot : NULL;
}

static const char *father_list(struct sb_world *w, const struct sb_user *owner)
{
	const char *text = "";

	for (struct sb_user *u = w->first_user; u; u = u->next)
		if (u->bot && u->owner == owner->id)
			text = sb_format(&w->store, "%s@%s\n", text, u->username);
	return *text ? text : "You have no bots yet. Use /newbot to make one.";
}

static const char *father_command(struct sb_world *w, struct sb_user *owner,
				  struct father_talk *talk, const char *text)
{
	char name[64], username[64];
	struct sb_user *bot;

	talk->step = FATHER_IDLE;
	if (sscanf(text, "/newbot %63s %63s", name, username) == 2)
		return father_make(w, owner, name, username);
	if (!strncmp(text, "/newbot", 7)) {
		talk->step = FATHER_NAME;
		return "Alright, a new bot. How are we going to call it? Please choose a name.";
	}
	if (!strncmp(text, "/mybots", 7))
		return father_list(w, owner);
	if (!strncmp(text, "/token ", 7) || !strncmp(text, "/revoke ", 8)) {
		bot = own_bot(w, owner, strchr(text, ' '));
		if (!bot)
			return "Invalid bot selected.";
		if (text[1] == 'r')
			sb_token_new(w, bot);
		return sb_format(&w->store, "You can use this token to access HTTP API:\n%s",
				 bot->token);
	}
	return "I can help you create and manage bots. /newbot, /mybots, /token @bot, "
	       "/revoke @bot, /cancel";
}

static void father_heard(struct sb_world *w, struct sb_user *self, struct sb_msg *m)
{
	struct sb_map *talks = self->state;
	struct sb_user *from = m->post->from;
	const char *text = m->post->text ? m->post->text : "";
	struct father_talk *talk = sb_map_get(talks, m->peer);
	const char *answer;

	if (m->peer < 0 || !from || from->bot || m->post->action)
		return;
	if (!talk) {
		talk = sb_alloc(&w->store, sizeof(*talk));
		sb_map_put(&w->store, talks, m->peer, talk);
	}
	if (*text == '/' || talk->step == FATHER_IDLE) {
		answer = father_command(w, from, talk, text);
	} else if (talk->step == FATHER_NAME) {
		talk->name = sb_copy(&w->store, text);
		talk->step = FATHER_USERNAME;
		answer = "Good. Now let's choose a username for your bot. It must end in `bot`.";
	} else {
		answer = father_make(w, from, talk->name, text);
		if (!strncmp(answer, "Done", 4))
			talk->step = FATHER_IDLE;
	}
	say(w, self, from->id, answer, NULL);
}

/* ---- the place ------------------------------------------------------------------------------- */
static struct sb_user *make_bot(struct sb_world *w, const char *username, const char *first,
				const char *about)
{
	struct sb_user *u = sb_bot_new(w, username, first);

	u->actor = u->verified = true;
	u->about = about;
	return u;
}

static struct sb_media *make_file(struct sb_world *w, int dc, const char *name)
{
	struct sb_media *m = sb_alloc(&w->store, sizeof(*m));
	uint8_t *data = malloc(FILE_SIZE);

	if (!data)
		abort();
	for (unsigned i = 0; i < FILE_SIZE; i++)
		data[i] = (uint8_t)(i * 131 + (i >> 9));
	m->file = sb_file_new(w, dc, data, FILE_SIZE, name, "application/octet-stream");
	free(data);
	return m;
}

static void make_service(struct sb_world *w)
{
	int64_t next = w->next_user;

	w->next_user = SERVICE_ID;
	w->service = sb_user_new(w, "42777", "Telegram", NULL);
	w->service->verified = w->service->actor = true;
	w->next_user = next;
}

void sb_actors_new(struct sb_world *w)
{
	int dc = w->s->dc_count >= 2 ? 2 : 1;
	struct sb_user *visitor, *echo, *father;
	struct sb_chat *group, *channel;

	make_service(w);
	echo = make_bot(w, "echo_bot", "Echo", "I say what I am told.");
	echo->heard = echo_heard;
	father = make_bot(w, "botfather", "BotFather", "I make bots.");
	father->heard = father_heard;
	father->state = sb_alloc(&w->store, sizeof(struct sb_map));
	visitor = sb_user_new(w, "88800000001", "Visitor", "Sandbox");
	visitor->actor = true;
	visitor->dc = dc;
	sb_username_set(w, visitor->id, "visitor");
	say(w, visitor, visitor->id, "A note to myself.", NULL);
	say(w, visitor, echo->id, "/start", NULL);
	say(w, visitor, echo->id, "Is anybody there?", NULL);
	group = sb_group_new(w, "Sandbox group", visitor);
	sb_join(w, group, echo, SB_MEMBER, visitor->id);
	say(w, visitor, group->id, "Welcome to the group.", NULL);
	channel = sb_channel_new(w, "Sandbox news", visitor, false);
	sb_username_set(w, channel->id, "sandbox_news");
	say(w, visitor, channel->id, "The sandbox is open.", NULL);
	say(w, visitor, channel->id, "A file of 300 kB", make_file(w, dc, "sample.bin"));
	say(w, visitor, channel->id, "A file on another data centre",
	    make_file(w, 1, "faraway.bin"));
}
