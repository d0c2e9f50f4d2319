/* Telegram's errors: what the client does about each (core.telegram.org/api/errors; D.70-D.78).
 * Pure functions. */
#include "core/account.h"

#include <string.h>

static const struct {
	const char *name; /* ending in _: a number follows */
	enum tg_refusal_kind kind;
	int value;
} rows[] = {
	{"FLOOD_WAIT_", TG_REFUSED_WAIT, 0},
	{"FLOOD_PREMIUM_WAIT_", TG_REFUSED_WAIT, 0},
	{"SLOWMODE_WAIT_", TG_REFUSED_WAIT, 0},
	{"PHONE_MIGRATE_", TG_REFUSED_MOVE, 0},
	{"NETWORK_MIGRATE_", TG_REFUSED_MOVE, 0},
	{"USER_MIGRATE_", TG_REFUSED_MOVE, 0},
	{"FILE_MIGRATE_", TG_REFUSED_THERE, 0},
	{"STATS_MIGRATE_", TG_REFUSED_THERE, 0},
	{"FLOOD_SKIP_FAILED_WAIT", TG_REFUSED_AGAIN, 1},
	{"WORKER_BUSY_TOO_LONG_RETRY", TG_REFUSED_AGAIN, 1},
	{"AUTH_KEY_UNREGISTERED", TG_REFUSED_KEY, 0},
	{"AUTH_KEY_INVALID", TG_REFUSED_KEY, 0},
	{"SESSION_REVOKED", TG_REFUSED_KEY, 0},
	{"SESSION_EXPIRED", TG_REFUSED_KEY, 0},
	{"USER_DEACTIVATED", TG_REFUSED_KEY, 0},
	{"USER_DEACTIVATED_BAN", TG_REFUSED_KEY, 0},
	{"AUTH_KEY_DUPLICATED", TG_REFUSED_TWICE, 0},
	{"RANDOM_ID_DUPLICATE", TG_REFUSED, 0}, /* the first one was taken (D.80) */
	{"AUTH_RESTART", TG_REFUSED, 0},        /* the login begins anew, not this call */
	{"CALL_OCCUPY_FAILED", TG_REFUSED, 0},
	{"TAKEOUT_INIT_DELAY_", TG_REFUSED, 0},
	{"2FA_CONFIRM_WAIT_", TG_REFUSED, 0},
	{"FLOOD_TEST_PHONE_WAIT_", TG_REFUSED, 0},
	{"PASSWORD_TOO_FRESH_", TG_REFUSED, 0},
	{"SESSION_TOO_FRESH_", TG_REFUSED, 0},
};

/* The number at the end: "FLOOD_WAIT_" and "37". */
static bool match(struct tl_str text, const char *name, int *ret_value)
{
	size_t n = strlen(name);
	int64_t v = 0;

	if (text.len < n || memcmp(text.data, name, n) != 0)
		return false;
	if (name[n - 1] != '_')
		return text.len == n;
	for (size_t i = n; i < text.len; i++) {
		if (text.data[i] < '0' || text.data[i] > '9' || v > INT32_MAX)
			return false;
		v = v * 10 + (text.data[i] - '0');
	}
	*ret_value = v > TG_HOLD_MAX ? TG_HOLD_MAX : (int)v;
	return text.len > n;
}

struct tg_refusal tg_refusal_of(int code, struct tl_str text)
{
	struct tg_refusal r = {TG_REFUSED, 0, 0, NULL};

	for (size_t i = 0; text.data && i < sizeof rows / sizeof *rows; i++) {
		int value = rows[i].value;

		if (!match(text, rows[i].name, &value))
			continue;
		r.kind = rows[i].kind;
		r.name = rows[i].name;
		if (r.kind == TG_REFUSED_WAIT && value < 1)
			value = 1;
		r.value = value;
		if (r.kind == TG_REFUSED_WAIT || r.kind == TG_REFUSED)
			r.retry_after = value;
		return r;
	}
	/* D.78: the server's own trouble */
	if (code == 500 || code <= 0 || code > 10000)
		r.kind = TG_REFUSED_AGAIN;
	return r;
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

/* Methods that make something anew each time and have no random_id to tell a repeat by (D.79). */
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
