/* json_in.c: what is taken, what is refused and how, the walk, defaults. */
#include "tests/harness.h"
#include "tl_schema.h"

#include <jansson.h>

static struct tl_refusal why;
static struct tl_buf out;

static int encode(unsigned ctor, const char *text)
{
	json_error_t error;
	json_t *v =
		json_loads(text, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL | JSON_DECODE_ANY, &error);
	int err;

	if (!v)
		test_fail(__FILE__, __LINE__, "%s: %s", text, error.text);
	tl_buf_clear(&out);
	err = tl_from_json(&tl_api, ctor, v, &out, &why);
	json_decref(v);
	return err;
}

/* The wire as JSON again. */
static const char *back(void)
{
	static struct tl_buf text;
	struct tl_cursor c = tl_cursor(out.data, out.len);

	tl_buf_clear(&text);
	CHECK_INT(tl_to_json(&tl_api, 0, &c, &text, NULL, NULL), 0);
	CHECK_INT(tl_left(&c), 0);
	tl_put_u8(&text, 0);
	return (const char *)text.data;
}

#define TAKES(ctor, json_, want)                                                                   \
	do {                                                                                       \
		if (encode(ctor, json_))                                                           \
			test_fail(__FILE__, __LINE__, "%s: %s", why.path, why.text);               \
		CHECK_STR(back(), want);                                                           \
	} while (0)
#define REFUSES(ctor, json_, path_, text_, hint_)                                                  \
	do {                                                                                       \
		CHECK_INT(encode(ctor, json_), -TG_E_INVALID_PARAMS);                              \
		CHECK_INT(out.len, 0);                                                             \
		CHECK_STR(why.path, path_);                                                        \
		CHECK_STR(why.text, text_);                                                        \
		CHECK_STR(why.hint, hint_);                                                        \
	} while (0)

TEST(taken)
{
	TAKES(TL_inputPeerSelf, "{}", "{\"_\":\"inputPeerSelf\"}");
	TAKES(0, "{\"_\":\"inputPeerUser\",\"user_id\":\"12\",\"access_hash\":-5}",
	      "{\"_\":\"inputPeerUser\",\"user_id\":12,\"access_hash\":\"-5\"}");
	TAKES(TL_messages_sendMessage,
	      "{\"peer\":{\"_\":\"inputPeerSelf\"},\"message\":\"hi\",\"random_id\":\"1\","
	      "\"silent\":true,"
	      "\"noforwards\":false,\"schedule_date\":null}",
	      "{\"_\":\"messages.sendMessage\",\"silent\":true,\"peer\":{\"_\":\"inputPeerSelf\"},"
	      "\"message\":\"hi\",\"random_id\":\"1\"}");
	/* "_" may be left out where a type has one constructor */
	TAKES(TL_inputMediaGeoPoint,
	      "{\"geo_point\":{\"_\":\"inputGeoPoint\",\"lat\":1.5,\"long\":2}}",
	      "{\"_\":\"inputMediaGeoPoint\",\"geo_point\":{\"_\":\"inputGeoPoint\",\"lat\":1.5,"
	      "\"long\":2}}");
	TAKES(TL_textWithEntities, "{\"text\":\"a\\u0000b\",\"entities\":[]}",
	      "{\"_\":\"textWithEntities\",\"text\":\"a\\u0000b\",\"entities\":[]}");
	TAKES(TL_inputPhoneContact,
	      "{\"client_id\":\"9223372036854775807\",\"phone\":\"\",\"first_name\":\"\",\"last_"
	      "name\":\"\","
	      "\"note\":{\"text\":\"x\",\"entities\":[]}}",
	      "{\"_\":\"inputPhoneContact\",\"client_id\":\"9223372036854775807\",\"phone\":\"\","
	      "\"first_name\":\"\",\"last_name\":\"\",\"note\":{\"_\":\"textWithEntities\","
	      "\"text\":\"x\","
	      "\"entities\":[]}}");
	TAKES(TL_invokeWithLayer, "{\"layer\":1,\"query\":{\"_\":\"help.getConfig\"}}",
	      "{\"_\":\"invokeWithLayer\",\"layer\":1,\"query\":{\"_\":\"help.getConfig\"}}");
	TAKES(TL_req_pq_multi, "{\"nonce\":\"3E0549828cca27e966b301a48fece2fc\"}",
	      "{\"_\":\"req_pq_multi\",\"nonce\":\"3e0549828cca27e966b301a48fece2fc\"}");
	TAKES(TL_account_updateStatus, "{\"offline\":false}",
	      "{\"_\":\"account.updateStatus\",\"offline\":false}");
	TAKES(TL_upload_saveFilePart, "{\"file_id\":1,\"file_part\":\"2\",\"bytes\":\"AAE=\"}",
	      "{\"_\":\"upload.saveFilePart\",\"file_id\":\"1\",\"file_part\":2,\"bytes\":\"AAE="
	      "\"}");
	tl_buf_free(&out);
}

TEST(refused)
{
	REFUSES(TL_messages_sendMessage, "{\"peer\":{\"_\":\"inputPeerSelf\"},\"random_id\":1}",
		"message", "required by messages.sendMessage", "");
	REFUSES(TL_messages_sendMessage, "{\"pear\":1}", "pear",
		"messages.sendMessage has no such field", "did you mean peer?");
	REFUSES(TL_messages_sendMessage, "{\"randomId\":1}", "randomId",
		"messages.sendMessage has no such field", "did you mean random_id?");
	REFUSES(TL_messages_sendMessage, "{\"flags\":1}", "flags",
		"flags are computed from the fields that are there", "");
	REFUSES(TL_messages_sendMessage, "{\"xyzzy\":1}", "xyzzy",
		"messages.sendMessage has no such field", "");
	REFUSES(TL_contacts_getLocated,
		"{\"geo_point\":{\"_\":\"inputGeoPoint\",\"lat\":\"1\",\"long\":2}}",
		"geo_point.lat", "a number expected, not a string", "");
	REFUSES(TL_messages_getMessages, "{\"id\":[{\"_\":\"inputMessageID\",\"id\":1.0}]}",
		"id[0].id", "a 32-bit integer expected, not a number with a fraction or exponent",
		"");
	REFUSES(TL_messages_getMessages,
		"{\"id\":[{\"_\":\"inputMessageID\",\"id\":1},{\"_\":\"inputMessageID\",\"id\":"
		"2147483648}]}",
		"id[1].id", "out of the range of a 32-bit integer", "");
	REFUSES(TL_inputPeerChat, "{\"chat_id\":\"9223372036854775808\"}", "chat_id",
		"out of the range of a 64-bit integer", "");
	REFUSES(TL_inputPeerChat, "{\"chat_id\":\"1e3\"}", "chat_id",
		"a 64-bit integer expected: a JSON integer or a decimal string", "");
	REFUSES(TL_inputPeerChat, "{\"chat_id\":\"\"}", "chat_id",
		"a 64-bit integer expected: a JSON integer or a decimal string", "");
	REFUSES(TL_inputPeerChat, "{\"chat_id\":\" 1\"}", "chat_id",
		"a 64-bit integer expected: a JSON integer or a decimal string", "");
	REFUSES(TL_inputPeerChat, "{\"chat_id\":null}", "chat_id", "required by inputPeerChat", "");
	REFUSES(TL_messages_getDialogs, "{\"offset_peer\":{\"_\":\"inputPeerUsr\"}}", "offset_date",
		"required by messages.getDialogs", "");
}

TEST(refused_shapes)
{
	REFUSES(0, "{}", "", "\"_\" is missing", "");
	REFUSES(0, "[]", "", "an object (Object) expected, not an array", "");
	REFUSES(0, "{\"_\":5}", "", "\"_\" must be a constructor's name", "");
	REFUSES(0, "{\"_\":\"nonsense\"}", "", "\"nonsense\" is not in the schema", "");
	REFUSES(TL_inputPeerChat, "{\"_\":\"inputPeerUser\",\"chat_id\":1}", "",
		"\"inputPeerChat\" expected, not \"inputPeerUser\"", "");
	REFUSES(TL_messages_deleteHistory, "{\"peer\":{\"_\":\"inputPeerSlef\"},\"max_id\":1}",
		"peer", "\"inputPeerSlef\" is not of the type InputPeer",
		"did you mean inputPeerSelf?");
	REFUSES(TL_messages_deleteHistory, "{\"peer\":{},\"max_id\":1}", "peer",
		"\"_\" is missing: inputPeerEmpty, inputPeerSelf, inputPeerChat, …", "");
	REFUSES(TL_messages_deleteHistory, "{\"peer\":\"me\",\"max_id\":1}", "peer",
		"an object (InputPeer) expected, not a string", "");
	REFUSES(TL_messages_deleteHistory, "{\"peer\":{\"_\":\"help.getConfig\"},\"max_id\":1}",
		"peer", "\"help.getConfig\" is not of the type InputPeer", "");
	REFUSES(TL_invokeWithLayer, "{\"layer\":1,\"query\":{\"_\":\"user\"}}", "query",
		"\"user\" is not a method", "");
	REFUSES(TL_messages_receivedMessages, "{\"max_id\":true}", "max_id",
		"a 32-bit integer expected, not a boolean", "");
	REFUSES(TL_account_updateStatus, "{\"offline\":1}", "offline",
		"true or false expected, not an integer", "");
	REFUSES(TL_upload_saveFilePart, "{\"file_id\":1,\"file_part\":2,\"bytes\":\"AAE\"}",
		"bytes", "not base64 with padding", "");
	REFUSES(TL_req_pq_multi, "{\"nonce\":\"3e05\"}", "nonce", "32 hexadecimal digits expected",
		"");
	REFUSES(TL_messages_getMessages, "{\"id\":5}", "id", "an array expected, not an integer",
		"");
	REFUSES(TL_messages_sendMessage,
		"{\"peer\":{\"_\":\"inputPeerSelf\"},\"message\":\"\",\"random_id\":1,\"silent\":"
		"1}",
		"silent", "true or false expected, not an integer", "");
	CHECK_INT(tl_from_json(&tl_api, 60000, NULL, &out, &why), -TG_E_NOT_FOUND);
	CHECK_INT(tl_from_json(&tl_api, 0, NULL, &out, &why), -TG_E_INVALID_PARAMS);
}

static json_t *nested(int depth)
{
	json_t *v = json_pack("{s:s}", "_", "textEmpty");

	for (int i = 0; i < depth; i++)
		v = json_pack("{s:s,s:o}", "_", "textBold", "text", v);
	return v;
}

TEST(nesting_is_bounded)
{
	json_t *v = nested(63);

	CHECK_INT(tl_from_json(&tl_api, 0, v, &out, &why), 0);
	json_decref(v);
	v = nested(64);
	CHECK_INT(tl_from_json(&tl_api, 0, v, &out, &why), -TG_E_INVALID_PARAMS);
	CHECK_STR(why.text, "nested too deeply");
	CHECK_INT(strlen(why.path), sizeof why.path - 1);
	json_decref(v);
	tl_buf_free(&out);
}

/* What was called, in order; always ended by a NUL. */
static void note(struct tl_buf *seen, const char *a, const char *b, const char *c)
{
	tl_put_text(seen, a);
	tl_put_text(seen, b);
	tl_put_text(seen, c);
	tl_put(seen, " ", 2);
	seen->len--;
}

static json_t *visit(void *ctx, const char *type, json_t *value, const char *path, int *err)
{
	note(ctx, type, "@", path);
	if (json_is_string(value) && strcmp(json_string_value(value), "bad") == 0)
		*err = -TG_E_PEER_SYNTAX;
	if (json_is_string(value))
		return json_pack("{s:s}", "_", "inputPeerSelf");
	return NULL;
}

TEST(walk_replaces_at_any_depth)
{
	struct tl_buf seen = {0};
	struct tl_visitor v = {visit, &seen};
	json_t *call = json_pack("{s:i,s:{s:s,s:s,s:[i],s:[i],s:s}}", "layer", 5, "query", "_",
				 "messages.forwardMessages", "from_peer", "x", "id", 1, "random_id",
				 2, "to_peer", "y");
	char *text;

	CHECK_INT(tl_json_walk(&tl_api, TL_invokeWithLayer, call, &v), 0);
	CHECK_STR((char *)seen.data, "InputPeer@query.from_peer InputPeer@query.to_peer ");
	text = json_dumps(json_object_get(json_object_get(call, "query"), "to_peer"), JSON_COMPACT);
	CHECK_STR(text, "{\"_\":\"inputPeerSelf\"}");
	free(text);
	CHECK_INT(tl_from_json(&tl_api, TL_invokeWithLayer, call, &out, &why), 0);
	json_decref(call);
	tl_buf_clear(&seen);
	call = json_pack("{s:[s,{s:s,s:s},s]}", "id", "a", "_", "inputUserFromMessage", "peer", "p",
			 "bad");
	CHECK_INT(tl_json_walk(&tl_api, TL_users_getUsers, call, &v), -TG_E_PEER_SYNTAX);
	CHECK_STR((char *)seen.data,
		  "InputUser@id[0] InputUser@id[1] InputPeer@id[1].peer InputUser@id[2] ");
	json_decref(call);
	tl_buf_free(&seen);
	tl_buf_free(&out);
}

static json_t *fill(void *ctx, const char *field, const char *type)
{
	note(ctx, field, ":", type);
	return strcmp(type, "long") == 0 ? json_integer(7) : NULL;
}

TEST(defaults_fill_what_is_required)
{
	struct tl_buf seen = {0};
	json_t *call = json_pack("{s:s}", "message", "x");

	CHECK_INT(tl_json_defaults(&tl_api, TL_messages_sendMessage, call, fill, &seen), 0);
	CHECK_STR((char *)seen.data, "peer:InputPeer random_id:long ");
	CHECK_INT(json_integer_value(json_object_get(call, "random_id")), 7);
	CHECK_INT(json_object_size(call), 2);
	CHECK_INT(tl_json_defaults(&tl_api, 0, call, fill, &seen), -TG_E_NOT_FOUND);
	json_decref(call);
	tl_buf_free(&seen);
}
