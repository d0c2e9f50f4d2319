/* Short forms into TL's JSON. Trees belong to the caller. */
#include "daemon/keyboard.h"

#include "tl/tl.h"

#include <jansson.h>
#include <string.h>

/* ---- keyboards ------------------------------------------------------------------------------- */
static json_t *base64(const json_t *text)
{
	struct tl_buf b = {0};
	json_t *out;

	tl_js_base64(&b, json_string_value(text), json_string_length(text));
	out = b.err || b.len < 2 ? NULL : json_stringn((char *)b.data + 1, b.len - 2);
	tl_buf_free(&b);
	return out;
}

/* ret NULL: text alone, a button of a reply keyboard. */
static const char *button_type(const json_t *button, json_t **ret)
{
	const json_t *callback = json_object_get(button, "callback");
	json_t *raw = json_object_get(button, "callback_base64"),
	       *url = json_object_get(button, "url"), *copy = json_object_get(button, "copy_text"),
	       *query = json_object_get(button, "switch_inline");
	const char *key;
	json_t *v;

	*ret = NULL;
	json_object_foreach((json_t *)(uintptr_t)button, key, v)
	{
		if (!json_is_string(v))
			return "every member of a button is a string";
		if (strcmp(key, "text") != 0 && v != callback && v != raw && v != url &&
		    v != copy && v != query)
			return "a button has text and one of callback, callback_base64, url, "
			       "copy_text, switch_inline";
	}
	if (json_object_size(button) > 2)
		return "a button does one thing";
	if (callback)
		*ret = json_pack("{s:s,s:o}", "_", "inlineButtonTypeCallback", "data",
				 base64(callback));
	else if (raw)
		*ret = json_pack("{s:s,s:O}", "_", "inlineButtonTypeCallback", "data", raw);
	else if (url)
		*ret = json_pack("{s:s,s:O}", "_", "inlineButtonTypeUrl", "url", url);
	else if (copy)
		*ret = json_pack("{s:s,s:O}", "_", "inlineButtonTypeCopy", "copy_text", copy);
	else if (query)
		*ret = json_pack("{s:s,s:O}", "_", "inlineButtonTypeSwitchInline", "query", query);
	return NULL;
}

/* kind: -1 unknown yet, 0 reply, 1 inline; all buttons are of one kind. */
static const char *put_button(const json_t *button, int *kind, json_t *to)
{
	json_t *type, *text = json_object_get(button, "text"), *out;
	const char *why;

	if (!json_is_object(button) || !json_is_string(text))
		return "a button is an object with text";
	why = button_type(button, &type);
	if (why)
		return why;
	if (*kind >= 0 && *kind != (type != NULL)) {
		json_decref(type);
		return "buttons with and without an action do not mix";
	}
	*kind = type != NULL;
	if (type)
		out = json_pack("{s:s,s:O,s:o}", "_", "keyboardInlineButton", "text", text, "type",
				type);
	else
		out = json_pack("{s:s,s:O,s:{s:s}}", "_", "keyboardButton", "text", text, "type",
				"_", "buttonTypeDefault");
	return json_array_append_new(to, out) == 0 ? NULL : "out of memory";
}

static const char *put_row(const json_t *row, int *kind, json_t *rows)
{
	json_t *buttons = json_array(), *v, *out;
	const char *why = json_is_array(row) ? NULL : "a keyboard is an array of rows of buttons";
	size_t i;

	json_array_foreach(row, i, v)
	{
		why = put_button(v, kind, buttons);
		if (why)
			break;
	}
	if (why) {
		json_decref(buttons);
		return why;
	}
	out = json_pack("{s:s,s:o}", "_",
			*kind == 1 ? "keyboardInlineButtonRow" : "keyboardButtonRow", "buttons",
			buttons);
	return json_array_append_new(rows, out) == 0 ? NULL : "out of memory";
}

const char *rpc_keyboard(const struct json_t *rows, struct json_t **ret)
{
	json_t *out = json_array(), *v;
	const char *why = NULL;
	int kind = -1;
	size_t i;

	json_array_foreach(rows, i, v)
	{
		why = put_row(v, &kind, out);
		if (why) {
			json_decref(out);
			return why;
		}
	}
	if (kind < 0) { /* an empty one takes the keyboard away */
		json_decref(out);
		*ret = json_pack("{s:s}", "_", "replyKeyboardHide");
	} else if (kind == 1) {
		*ret = json_pack("{s:s,s:o}", "_", "replyInlineMarkup", "rows", out);
	} else {
		*ret = json_pack("{s:s,s:b,s:o}", "_", "replyKeyboardMarkup", "resize", 1, "rows",
				 out);
	}
	return *ret ? NULL : "out of memory";
}

/* ---- entities -------------------------------------------------------------------------------- */
/* text_url → messageEntityTextUrl; a mention by id is another constructor on the way in. */
static bool entity_name(const char *type, char *out, size_t size)
{
	size_t n;
	bool upper = true;

	if (strcmp(type, "mention_name") == 0)
		n = strlen(strncpy(out, "inputMessageEntityMentionName", size));
	else
		n = strlen(strncpy(out, "messageEntity", size));
	if (out[0] == 'i')
		return true;
	for (; *type && n + 1 < size; type++) {
		if (*type == '_') {
			upper = true;
			continue;
		}
		if (*type < 'a' || *type > 'z')
			return false;
		out[n++] = upper ? (char)(*type - 32) : *type;
		upper = false;
	}
	out[n] = '\0';
	return !*type && tl_by_name(&tl_api, tl_str(out)) != TL_NONE;
}

static const char *one_entity(const json_t *e, json_t **ret)
{
	static const struct {
		const char *ours, *tl;
	} names[] = {
		{"offset", "offset"},       {"length", "length"}, {"url", "url"},
		{"language", "language"},   {"user", "user_id"},  {"custom_emoji", "document_id"},
		{"expandable", "collapsed"}};
	const char *type = json_string_value(json_object_get(e, "type")), *key;
	char name[64];
	json_t *out, *v;

	if (!type || !entity_name(type, name, sizeof name))
		return "an entity has a type: bold, italic, underline, strike, spoiler, code, pre, "
		       "text_url, mention_name, custom_emoji, blockquote …";
	out = json_pack("{s:s}", "_", name);
	json_object_foreach((json_t *)(uintptr_t)e, key, v)
	{
		const char *tl = NULL;

		for (unsigned i = 0; i < sizeof names / sizeof names[0]; i++)
			if (strcmp(names[i].ours, key) == 0)
				tl = names[i].tl;
		if (tl)
			json_object_set(out, tl, v);
		else if (strcmp(key, "type") != 0) {
			json_decref(out);
			return "an entity has type, offset, length, url, language, user, "
			       "custom_emoji, expandable";
		}
	}
	if (strcmp(type, "pre") == 0 && !json_object_get(out, "language"))
		json_object_set_new(out, "language", json_string(""));
	*ret = out;
	return out ? NULL : "out of memory";
}

const char *rpc_entities(const struct json_t *entities, struct json_t **ret)
{
	json_t *list = json_array(), *v, *one;
	size_t i;

	json_array_foreach(entities, i, v)
	{
		const char *why = one_entity(v, &one);

		if (why) {
			json_decref(list);
			return why;
		}
		json_array_append_new(list, one);
	}
	*ret = list;
	return NULL;
}
