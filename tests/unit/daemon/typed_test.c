/* The typed updates, member by member: each type of the contract's §6 from an update as the schema
 * has it. */
#include "daemon/event.h"
#include "tests/harness.h"
#include "tl_schema.h"
#include "world_test.h"

#include <jansson.h>

#define USER "{\"id\":7,\"type\":\"user\"}"
#define GROUP "{\"id\":-9,\"type\":\"group\"}"
#define CHANNEL "{\"id\":-1000000000500,\"type\":\"channel\"}"
#define HEAD(type) "\"account\":\"main\",\"type\":\"" type "\","

static const struct golden {
	const char *update, *body;
	int64_t chat, from;
	const char *text; /* for filters; NULL: none */
} goldens[] = {
	{"{'_':'updateNewMessage','message':{'_':'message','id':3,'peer_id':{'_':'peerUser','user_"
	 "id':7},"
	 "'date':100,'message':'hi','via_bot_id':7,'views':5,'forwards':6,'edit_date':101,'silent':"
	 "true,"
	 "'reply_to':{'_':'messageReplyHeader','reply_to_msg_id':2,'quote_text':'q'}},'pts':4,'pts_"
	 "count':1}",
	 HEAD("new_message") "\"date\":100,\"message\":{\"id\":3,\"chat\":" USER ",\"sender\":" USER
			     ",\"date\":100,\"edit_date\":101,\"text\":\"hi\",\"quote\":\"q\","
			     "\"reply_to\":{"
			     "\"message\":2,\"quote\":\"q\"},\"silent\":true,\"views\":5,"
			     "\"forwards\":6,\"via_"
			     "bot\":" USER "}",
	 7, 7, "hi"},
	{"{'_':'updateNewChannelMessage','message':{'_':'messageService','id':3,'peer_id':{'_':'"
	 "peerChannel',"
	 "'channel_id':500},'from_id':{'_':'peerUser','user_id':7},'date':100,'media_unread':true,"
	 "'action':{'_':"
	 "'messageActionChatEditTitle','title':'New'}},'pts':4,'pts_count':1}",
	 HEAD("new_message") "\"date\":100,\"message\":{\"id\":3,\"chat\":" CHANNEL
			     ",\"sender\":" USER ",\"date\":100,\"media_unread\":true,"
			     "\"action\":{\"type\":\"chat_edit_title\",\"title\":\"New\"}}",
	 -1000000000500, 7, ""},
	{"{'_':'updateEditMessage','message':{'_':'message','id':3,'peer_id':{'_':'peerChat','chat_"
	 "id':9},"
	 "'from_id':{'_':'peerUser','user_id':7},'date':100,'message':'','media':{'_':'"
	 "messageMediaPhoto',"
	 "'spoiler':true,'photo':{'_':'photo','id':'11','access_hash':'1','file_reference':'','"
	 "date':99,"
	 "'sizes':[{'_':'photoSize','type':'s','w':10,'h':10,'size':5},{'_':'photoSizeProgressive',"
	 "'type':'x',"
	 "'w':80,'h':60,'sizes':[1,2,30]}],'dc_id':2}}},'pts':4,'pts_count':1}",
	 HEAD("message_edited") "\"date\":100,\"message\":{\"id\":3,\"chat\":" GROUP
				",\"sender\":" USER ",\"date\":100,\"media\":{\"type\":\"photo\","
				"\"spoiler\":true},\"photo\":{"
				"\"id\":\"11\",\"date\":99,\"width\":80,\"height\":60,\"size\":30}"
				"}",
	 -9, 7, ""},
	{"{'_':'updateEditChannelMessage','message':{'_':'message','id':3,'peer_id':{'_':'"
	 "peerChannel',"
	 "'channel_id':500},'post':true,'date':100,'message':'see','media':{'_':'"
	 "messageMediaDocument','document':{"
	 "'_':'document','id':'12','access_hash':'1','file_reference':'','date':99,'mime_type':'"
	 "video/mp4',"
	 "'size':1000,'dc_id':2,'attributes':[{'_':'documentAttributeVideo','duration':2.5,'w':80,'"
	 "h':60},{'_':"
	 "'documentAttributeFilename','file_name':'a.mp4'}]}}},'pts':4,'pts_count':1}",
	 HEAD("message_edited") "\"date\":100,\"message\":{\"id\":3,\"chat\":" CHANNEL
				",\"date\":100,\"text\":\"see\",\"media\":{\"type\":\"document\"},"
				"\"document\":{"
				"\"kind\":\"video\",\"id\":\"12\",\"date\":99,\"size\":1000,"
				"\"mime\":"
				"\"video/"
				"mp4\",\"name\":\"a.mp4\",\"width\":80,\"height\":60,\"duration\":"
				"2.5,"
				"\"thumbs\":0},\"post\":true}",
	 -1000000000500, 0, "see"},
	{"{'_':'updateDeleteMessages','messages':[1,2],'pts':4,'pts_count':2}",
	 HEAD("message_deleted") "\"ids\":[1,2]", 0, 0, NULL},
	{"{'_':'updateDeleteChannelMessages','channel_id':500,'messages':[1],'pts':4,'pts_count':"
	 "1}",
	 HEAD("message_deleted") "\"chat\":" CHANNEL ",\"channel\":-1000000000500,\"ids\":[1]",
	 -1000000000500, 0, NULL},
	{"{'_':'updateBotCallbackQuery','query_id':'5','user_id':7,'peer':{'_':'peerUser','user_id'"
	 ":7},'msg_id':3,"
	 "'chat_instance':'1','data':'eQ=='}",
	 HEAD("callback_query") "\"query_id\":\"5\",\"user\":" USER ",\"chat\":" USER
				",\"message\":3,\"data\":\"y\",\"data_base64\":\"eQ==\"",
	 7, 7, NULL},
	{"{'_':'updateInlineBotCallbackQuery','query_id':'5','user_id':7,'msg_id':{'_':'"
	 "inputBotInlineMessageID',"
	 "'dc_id':2,'id':'6','access_hash':'8'},'chat_instance':'1','game_short_name':'g'}",
	 HEAD("callback_query") "\"query_id\":\"5\",\"user\":" USER ",\"inline_message_id\":{\"_\":"
				"\"inputBotInlineMessageID\",\"dc_id\":2,\"id\":\"6\",\"access_"
				"hash\":\"8\"},"
				"\"game\":\"g\"",
	 0, 7, NULL},
	{"{'_':'updateBotInlineQuery','query_id':'5','user_id':7,'query':'cats','geo':{'_':'"
	 "geoPoint','long':1.5,"
	 "'lat':2,'access_hash':'1'},'peer_type':{'_':'inlineQueryPeerTypePM'},'offset':'o'}",
	 HEAD("inline_query") "\"query_id\":\"5\",\"user\":" USER
			      ",\"query\":\"cats\",\"offset\":\"o\",\"geo\":{\"type\":\"point\","
			      "\"long\":1.5,"
			      "\"lat\":2,\"access_hash\":\"1\"},\"peer_type\":\"pm\"",
	 0, 7, "cats"},
	{"{'_':'updateBotInlineSend','user_id':7,'query':'cats','id':'r1'}",
	 HEAD("inline_send") "\"user\":" USER ",\"query\":\"cats\",\"result_id\":\"r1\"", 0, 7,
	 NULL},
	{"{'_':'updateUserStatus','user_id':7,'status':{'_':'userStatusOffline','was_online':50}}",
	 HEAD("user_status") "\"user\":" USER ",\"status\":\"offline\",\"last_seen\":50", 7, 7,
	 NULL},
	{"{'_':'updateUserTyping','user_id':7,'action':{'_':'sendMessageTypingAction'}}",
	 HEAD("user_typing") "\"user\":" USER ",\"chat\":" USER ",\"action\":\"typing\"", 7, 7,
	 NULL},
	{"{'_':'updateChannelUserTyping','channel_id':500,'from_id':{'_':'peerUser','user_id':7},'"
	 "action':{'_':"
	 "'sendMessageRecordVideoAction'}}",
	 HEAD("user_typing") "\"chat\":" CHANNEL ",\"user\":" USER ",\"action\":\"record_video\"",
	 -1000000000500, 7, NULL},
	{"{'_':'updateChatParticipant','chat_id':9,'date':100,'actor_id':7,'user_id':7,'new_"
	 "participant':{'_':"
	 "'chatParticipantAdmin','user_id':7,'inviter_id':7,'date':100},'qts':3}",
	 HEAD("participant") "\"date\":100,\"chat\":" GROUP ",\"user\":" USER ",\"actor\":" USER
			     ",\"before\":\"left\",\"after\":\"admin\"",
	 -9, 7, NULL},
	{"{'_':'updateChannelParticipant','channel_id':500,'date':100,'actor_id':7,'user_id':7,'"
	 "prev_participant':"
	 "{'_':'channelParticipant','user_id':7,'date':99},'new_participant':{'_':'"
	 "channelParticipantBanned',"
	 "'left':true,'peer':{'_':'peerUser','user_id':7},'kicked_by':7,'date':100,'banned_rights':"
	 "{'_':"
	 "'chatBannedRights','view_messages':true,'until_date':0}},'qts':3}",
	 HEAD("participant") "\"date\":100,\"chat\":" CHANNEL ",\"user\":" USER ",\"actor\":" USER
			     ",\"before\":\"member\",\"after\":\"banned\"",
	 -1000000000500, 7, NULL},
	{"{'_':'updateBotChatInviteRequester','peer':{'_':'peerChannel','channel_id':500},'date':"
	 "100,'user_id':7,"
	 "'about':'me','invite':{'_':'chatInviteExported','link':'https://t.me/"
	 "+x','admin_id':7,'date':1},'qts':3}",
	 HEAD("join_request") "\"date\":100,\"chat\":" CHANNEL ",\"user\":" USER
			      ",\"about\":\"me\",\"link\":\"https://t.me/+x\"",
	 -1000000000500, 7, NULL},
	{"{'_':'updateBotMessageReaction','peer':{'_':'peerChat','chat_id':9},'msg_id':3,'date':"
	 "100,'actor':{'_':"
	 "'peerUser','user_id':7},'old_reactions':[],'new_reactions':[{'_':'reactionEmoji','"
	 "emoticon':'x'}],'qts':3}",
	 HEAD("message_reaction") "\"date\":100,\"chat\":" GROUP ",\"message\":3,\"user\":" USER
				  ",\"before\":[],\"after\":[{\"emoji\":\"x\"}]",
	 -9, 7, NULL},
	{"{'_':'updateBotMessageReactions','peer':{'_':'peerChannel','channel_id':500},'msg_id':3,'"
	 "date':100,"
	 "'reactions':[{'_':'reactionCount','reaction':{'_':'reactionCustomEmoji','document_id':'4'"
	 "},'count':2}],"
	 "'qts':3}",
	 HEAD("message_reaction") "\"date\":100,\"chat\":" CHANNEL ",\"message\":3,\"reactions\":[{"
				  "\"custom_emoji\":\"4\",\"count\":2}]",
	 -1000000000500, 0, NULL},
	{"{'_':'updateMessagePollVote','poll_id':'5','peer':{'_':'peerUser','user_id':7},'options':"
	 "['MA=='],"
	 "'positions':[0],'qts':3}",
	 HEAD("poll_vote") "\"poll_id\":\"5\",\"user\":" USER ",\"options\":[\"MA==\"]", 0, 7,
	 NULL},
	{"{'_':'updateBotStopped','user_id':7,'date':100,'stopped':true,'qts':3}",
	 HEAD("bot_stopped") "\"date\":100,\"user\":" USER ",\"stopped\":true", 7, 7, NULL},
	{"{'_':'updateBotShippingQuery','query_id':'5','user_id':7,'payload':'cA==','shipping_"
	 "address':{'_':"
	 "'postAddress','street_line1':'a','street_line2':'b','city':'c','state':'d','country_iso2'"
	 ":'DE',"
	 "'post_code':'1'}}",
	 HEAD("shipping_query") "\"query_id\":\"5\",\"user\":" USER
				",\"payload\":\"p\",\"payload_base64\":\"cA==\",\"address\":{"
				"\"type\":"
				"\"address\",\"street_line1\":\"a\",\"street_line2\":\"b\","
				"\"city\":\"c\","
				"\"state\":\"d\",\"country_iso2\":\"DE\",\"post_code\":\"1\"}",
	 0, 7, NULL},
	{"{'_':'updateBotPrecheckoutQuery','query_id':'5','user_id':7,'payload':'cA==','currency':'"
	 "EUR',"
	 "'total_amount':250}",
	 HEAD("pre_checkout_query") "\"query_id\":\"5\",\"user\":" USER
				    ",\"payload\":\"p\",\"payload_base64\":\"cA==\",\"currency\":"
				    "\"EUR\","
				    "\"total_amount\":250",
	 0, 7, NULL},
	{"{'_':'updateBotChatBoost','peer':{'_':'peerChannel','channel_id':500},'boost':{'_':'"
	 "boost','id':'b',"
	 "'date':1,'expires':2},'qts':3}",
	 HEAD("chat_boost") "\"chat\":" CHANNEL
			    ",\"boost\":{\"_\":\"boost\",\"id\":\"b\",\"date\":1,"
			    "\"expires\":2}",
	 -1000000000500, 0, NULL},
	{"{'_':'updateReadHistoryInbox','peer':{'_':'peerUser','user_id':7},'max_id':3,'still_"
	 "unread_count':1,"
	 "'pts':4,'pts_count':1}",
	 HEAD("read") "\"chat\":" USER ",\"direction\":\"in\",\"max_id\":3,\"unread\":1", 7, 0,
	 NULL},
	{"{'_':'updateReadChannelOutbox','channel_id':500,'max_id':3}",
	 HEAD("read") "\"chat\":" CHANNEL ",\"direction\":\"out\",\"max_id\":3", -1000000000500, 0,
	 NULL},
	{"{'_':'updateConfig'}", "\"account\":\"main\",\"type\":\"raw\"", 0, 0, NULL},
};

static struct tl_obj *object(struct tl_arena *a, const char *text)
{
	char *quoted = strdup(text);
	struct tl_buf wire = {0};
	struct tl_cursor c;
	struct tl_obj *o;
	struct tl_refusal refusal;
	json_error_t why;
	json_t *v;

	for (char *p = quoted; *p; p++)
		if (*p == '\'')
			*p = '"';
	v = json_loads(quoted, 0, &why);
	if (!v)
		test_fail(__FILE__, __LINE__, "%s: %s", why.text, quoted);
	if (tl_from_json(&tl_api, 0, v, &wire, &refusal) != 0)
		test_fail(__FILE__, __LINE__, "%s: %s in %s", refusal.path, refusal.text, quoted);
	c = tl_cursor(tl_arena_copy(a, wire.data, wire.len), wire.len);
	CHECK_INT(tl_decode(&tl_api, a, &c, &o, NULL), 0);
	json_decref(v);
	tl_buf_free(&wire);
	free(quoted);
	return o;
}

/* The raw object stands beside it whole. */
static void check_raw(const struct rpc_event *e, const struct tl_obj *o)
{
	struct tl_buf b = {0};

	CHECK_INT(tl_obj_to_json(&tl_api, o, &b), 0);
	CHECK_INT(e->raw.len, b.len);
	CHECK_MEM(e->raw.data, b.data, b.len);
	tl_buf_free(&b);
}

TEST(typed_updates)
{
	struct test_world w;
	uint32_t types = 0;

	test_world_init(&w);
	for (size_t i = 0; i < sizeof goldens / sizeof *goldens; i++) {
		const struct golden *g = &goldens[i];
		struct tl_arena a;
		struct tl_obj *o;
		struct rpc_event *e;

		tl_arena_init(&a, 1 << 24);
		o = object(&a, g->update);
		e = rpc_event_update(&w.account, o, &w.room);
		CHECK(e);
		CHECK_INT(e->body.len, strlen(g->body));
		CHECK_MEM(e->body.data, g->body, e->body.len);
		CHECK_INT(e->chat, g->chat);
		CHECK_INT(e->from, g->from);
		CHECK_INT(e->has_text, g->text != NULL);
		CHECK_INT(e->out, strstr(g->body, "\"out\":true") ||
					  strstr(g->body, "\"direction\":\"out\""));
		if (g->text)
			CHECK(e->text.len == strlen(g->text) &&
			      memcmp(e->text.data ? (char *)e->text.data : "", g->text,
				     e->text.len) == 0);
		check_raw(e, o);
		types |= 1u << e->type;
		rpc_event_free(e);
		tl_arena_free(&a);
	}
	/* the rest is the daemon's own */
	types |= 1u << RPC_T_ACCOUNT_STATE | 1u << RPC_T_CONNECTION_STATE | 1u << RPC_T_GAP;
	CHECK_INT(types, (1u << RPC_T_COUNT) - 1);
	test_world_free(&w);
}

static void body_is(struct rpc_event *e, const char *want)
{
	char *text, *date;

	CHECK(e);
	text = strndup(e->body.data, e->body.len);
	date = strstr(text, "\"date\":"); /* of now */
	CHECK(date);
	memmove(date, strchr(date, ',') + 1, strlen(strchr(date, ',') + 1) + 1);
	CHECK_STR(text, want);
	free(text);
	rpc_event_free(e);
}

TEST(updates_of_the_daemons_own)
{
	struct tg_event gap = {
		.kind = TG_EV_GAP, .text = "too_long", .box = 500, .from = 3, .to = 90};
	struct test_world w;

	test_world_init(&w);
	body_is(rpc_event_gap(&w.account, &gap),
		HEAD("gap") "\"reason\":\"too_long\",\"chat\":" CHANNEL
			    ",\"box\":\"channel\",\"from\":3,\"to\":90");
	gap.box = 0;
	body_is(rpc_event_gap(&w.account, &gap), HEAD("gap") "\"reason\":\"too_long\",\"box\":"
							     "\"common\",\"from\":3,\"to\":90");
	w.account.state = TG_WAIT_CODE;
	body_is(rpc_event_state(&w.account), HEAD("account_state") "\"state\":\"wait_code\"");
	body_is(rpc_event_online(&w.account, "clock_offset", -31),
		HEAD("connection_state") "\"online\":false,\"clock_offset\":-31");
	test_world_free(&w);
}
