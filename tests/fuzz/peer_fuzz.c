/* Any text where a person names a chat, a message or a time: peers, links to messages, times, near
 * misses. A name that was understood is understood again from what it was read as. */
#include "core/core.h"
#include "daemon/messagelink.h"
#include "daemon/nearest.h"
#include "daemon/timetext.h"
#include "tests/fuzz/fuzz.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void again(const char *prefix, const struct tg_peer_query *q)
{
	struct tg_peer_query back = {.form = TG_FORM_SELF};
	char text[300];

	need(strlen(q->text) && strlen(q->text) < sizeof q->text);
	snprintf(text, sizeof text, "%s%s", prefix, q->text);
	need(tg_peer_parse(tl_str(text), &back) == 0);
	need(back.form == q->form && strcmp(back.text, q->text) == 0);
}

static void check(const struct tg_peer_query *q)
{
	struct tg_peer p = {.kind = q->kind, .id = q->id};
	struct tg_peer_query back = {.form = TG_FORM_SELF};

	switch (q->form) {
	case TG_FORM_SELF:
		break;
	case TG_FORM_ID:
		need(q->id > 0 && tg_peer_parse_id(tg_peer_marked(&p), &back) == 0);
		need(back.form == TG_FORM_ID && back.id == q->id);
		need(back.kind == (q->kind == TG_PEER_USER ? TG_PEER_NONE : q->kind));
		break;
	case TG_FORM_USERNAME:
		again("@", q);
		break;
	case TG_FORM_PHONE:
		again("+", q);
		break;
	case TG_FORM_INVITE:
		again("t.me/joinchat/", q);
		break;
	case TG_FORM_TITLE:
		again("title:", q);
		break;
	}
}

static void peer(struct tl_str s)
{
	struct tg_peer_query q = {.form = TG_FORM_SELF};
	int err = tg_peer_parse(s, &q);

	need(err == 0 || err == -TG_E_PEER_SYNTAX);
	if (!err)
		check(&q);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	char *copy = malloc(n ? n : 1); /* its end is the end of what may be read */
	struct rpc_nearest near;
	struct tl_arena arena;
	struct tl_str s, chat;
	int64_t id;

	need(copy != NULL);
	if (n)
		memcpy(copy, data, n);
	s = (struct tl_str){copy, (uint32_t)n};
	peer(s);
	tl_arena_init(&arena, 1 << 20);
	if (rpc_message_link(s, &arena, &chat, &id)) {
		need(id > 0 && chat.len);
		peer(chat); /* whether there can be such a chat is for the grammar to say */
	}
	tl_arena_free(&arena);
	if (rpc_time_parse(s, 1700000000, &id))
		need(id > -(INT64_C(1) << 40) && id < INT64_C(1) << 40);
	near = rpc_nearest(s);
	rpc_nearest_try(&near, "send_message");
	rpc_nearest_try(&near, "@");
	need(!near.best || near.distance <= 4);
	free(copy);
	return 0;
}
