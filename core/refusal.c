/* What Telegram's errors mean: the rows of refusal.def, found by the text. Pure functions. */
#include "core/account.h"

#include <string.h>

static const struct {
	const char *text;
	enum tg_refusal_kind kind;
	int value;
	const char *done;
} rows[] = {
#define REFUSAL(text, kind, value, done) {text, TG_REFUSED_##kind, value, done},
#include "core/refusal.def"
#undef REFUSAL
};
#define ROWS (sizeof rows / sizeof *rows)

/* The number at the beginning: digits, too many of them, or something below zero. */
static size_t number_at(struct tl_str s, int *ret)
{
	int64_t v = 0;
	uint32_t n = 0, digits;
	bool minus = s.len && s.data[0] == '-';

	n = digits = minus;
	while (n < s.len && s.data[n] >= '0' && s.data[n] <= '9') {
		v = v * 10 + (s.data[n++] - '0');
		v = v > INT32_MAX ? INT32_MAX : v;
	}
	*ret = minus ? 0 : (int)v;
	return n > digits ? n : 0;
}

static bool match(struct tl_str text, const char *row, int *ret_value)
{
	for (; *row; row++) {
		size_t n = 1;

		if (*row == '*')
			return true;
		if (*row == '#')
			n = number_at(text, ret_value);
		else if (!text.len || *text.data != *row)
			return false;
		if (!n)
			return false;
		text.data += n;
		text.len -= (uint32_t)n;
	}
	return !text.len;
}

static int clamp_wait(int seconds)
{
	return seconds < 1 ? 1 : seconds > TG_HOLD_MAX ? TG_HOLD_MAX : seconds;
}

bool tg_refusal_waits(const struct tg_refusal *r)
{
	return r->kind == TG_REFUSED_WAIT || r->kind == TG_REFUSED_SLOW ||
	       r->kind == TG_REFUSED_LIMITED;
}

struct tg_refusal tg_refusal_of(int code, struct tl_str text)
{
	struct tg_refusal r = {.kind = TG_REFUSED_TELL};

	for (size_t i = 0; text.data && i < ROWS; i++) {
		int value = rows[i].value;

		if (!match(text, rows[i].text, &value))
			continue;
		r.kind = rows[i].kind;
		r.name = rows[i].text;
		r.value = value;
		if (tg_refusal_waits(&r) || r.kind == TG_REFUSED_LATER)
			r.value = r.retry_after = clamp_wait(value);
		return r;
	}
	if (code == 500 || code <= 0 || code > 10000)
		r.kind = TG_REFUSED_AGAIN;
	return r;
}

bool tg_refusal_passes(int code, struct tl_str text)
{
	switch (tg_refusal_of(code, text).kind) {
	case TG_REFUSED_WAIT:
	case TG_REFUSED_SLOW:
	case TG_REFUSED_LIMITED:
	case TG_REFUSED_LATER:
	case TG_REFUSED_MOVE:
	case TG_REFUSED_THERE:
	case TG_REFUSED_AGAIN:
	case TG_REFUSED_KEY:
	case TG_REFUSED_TWICE:
	case TG_REFUSED_VERIFY:
		return true;
	case TG_REFUSED_TELL:
		break;
	}
	/* the caller is to mend that, and to repeat */
	return text.len > 5 && memcmp(text.data, "FILE_", 5) == 0;
}

/* Methods that change nothing: nobody misses the answer of one that is cancelled (D.52). */
bool tg_call_is_read(unsigned method)
{
	static const char *const acts[] = {"getBotCallbackAnswer", "getMessagesViews"};
	const char *name = tl_name(&tl_api, method), *dot = strchr(name, '.');

	name = dot ? dot + 1 : name;
	for (size_t i = 0; i < sizeof acts / sizeof *acts; i++)
		if (strcmp(name, acts[i]) == 0)
			return false;
	return strncmp(name, "get", 3) == 0 || strncmp(name, "search", 6) == 0;
}

const char *tg_refusal_named(struct tl_str row)
{
	for (size_t i = 0; i < ROWS; i++)
		if (tl_str_eq(row, rows[i].text))
			return rows[i].text;
	return NULL;
}

const char *tg_refusal_row(unsigned i, const char **ret_done)
{
	if (i >= ROWS)
		return NULL;
	*ret_done = rows[i].done;
	return rows[i].text;
}

const char *tg_refusal_done(int code, struct tl_str text)
{
	int value;

	for (size_t i = 0; text.data && i < ROWS; i++)
		if (match(text, rows[i].text, &value))
			return rows[i].done;
	if (code == 406) /* D.74: Telegram tells the user itself, in a service notification */
		return "not for showing to a person: Telegram tells him by itself";
	return NULL;
}

/* Methods that make something anew each time and have no random_id to tell a repeat by
 * (D.79). */
bool tg_call_is_once(unsigned method)
{
	static const char *const verbs[] = {"create",   "send",     "export",  "start",   "upgrade",
					    "transfer", "buy",      "convert", "apply",   "launch",
					    "request",  "generate", "assign",  "fulfill", "refund"};
	static const char *const harmless[] = {"sendReaction", "sendVote", "sendPaidReaction"};
	const char *name = tl_name(&tl_api, method), *dot = strchr(name, '.');

	if (tl_has_field(&tl_api, method, "random_id") || strncmp(name, "auth.", 5) == 0)
		return false;
	name = dot ? dot + 1 : name;
	for (size_t i = 0; i < sizeof harmless / sizeof *harmless; i++)
		if (strcmp(name, harmless[i]) == 0)
			return false;
	for (size_t i = 0; i < sizeof verbs / sizeof *verbs; i++)
		if (strncmp(name, verbs[i], strlen(verbs[i])) == 0)
			return true;
	return false;
}
