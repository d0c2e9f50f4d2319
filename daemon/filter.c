/* What a subscription wants to see, decided on an event's head and its text. Owns what it was
 * given. */
#include "daemon/filter.h"

#include "daemon/pattern.h"

#include <stdlib.h>
#include <string.h>

const struct rpc_filter rpc_filter_none = {.types = 1u << RPC_T_COUNT};

void rpc_filter_free(struct rpc_filter *f)
{
	free(f->accounts);
	free(f->peers);
	free(f->from);
	free(f->text);
	rpc_pattern_free(f->regex);
	memset(f, 0, sizeof *f);
}

static bool among(const int64_t *list, unsigned n, int64_t id)
{
	for (unsigned i = 0; i < n; i++)
		if (list[i] == id)
			return true;
	return n == 0;
}

static int text_fits(const struct rpc_filter *f, const struct rpc_event *e)
{
	switch (f->text_kind) {
	case RPC_TEXT_ANY:
		return 1;
	case RPC_TEXT_CONTAINS:
		return !f->text_len || memmem(e->text.data, e->text.len, f->text, f->text_len);
	case RPC_TEXT_PREFIX:
		return e->text.len >= f->text_len &&
		       (!f->text_len || memcmp(e->text.data, f->text, f->text_len) == 0);
	case RPC_TEXT_REGEX:
		return rpc_pattern_match(f->regex, e->text.data, e->text.len);
	}
	return 0;
}

/* About no chat: only types and accounts choose them. */
static bool is_own(const struct rpc_event *e)
{
	return e->type == RPC_T_ACCOUNT_STATE || e->type == RPC_T_CONNECTION_STATE;
}

#define NEVER_LOST /* types that no gap can hold */                                                \
	(1u << RPC_T_USER_STATUS | 1u << RPC_T_USER_TYPING | 1u << RPC_T_ACCOUNT_STATE |           \
	 1u << RPC_T_CONNECTION_STATE)
#define MAY_BE_LOST (((1u << RPC_T_COUNT) - 1) & ~NEVER_LOST)

/* A gap is for everybody whose update may have been in it: nobody knows its type, sender or text.
 * That of a channel has its chat, of any other box none. */
static bool may_have_lost(const struct rpc_filter *f, const struct rpc_event *gap)
{
	return (!f->types || f->types & MAY_BE_LOST) &&
	       (!gap->chat || among(f->peers, f->peer_count, gap->chat));
}

bool rpc_filter_head(const struct rpc_filter *f, const struct rpc_event *e)
{
	bool named = f->account_count == 0;

	for (unsigned i = 0; i < f->account_count && !named; i++)
		named = strcmp(f->accounts[i], e->account) == 0;
	if (e->type == RPC_T_GAP)
		return (named || !e->account[0]) && may_have_lost(f, e);
	if (!named || (f->types && !(f->types & 1u << e->type)))
		return false;
	if (is_own(e))
		return f->types || (!f->peer_count && !f->from_count && f->direction < 0 &&
				    f->text_kind == RPC_TEXT_ANY);
	if (f->text_kind != RPC_TEXT_ANY && !e->has_text)
		return false;
	return among(f->peers, f->peer_count, e->chat) && among(f->from, f->from_count, e->from) &&
	       (f->direction < 0 || f->direction == (int)e->out);
}

int rpc_filter_match(const struct rpc_filter *f, const struct rpc_event *e)
{
	if (!rpc_filter_head(f, e))
		return 0;
	return is_own(e) || e->type == RPC_T_GAP ? 1 : text_fits(f, e);
}
