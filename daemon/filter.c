/* What a subscription wants to see, decided on an event's head and its text. Owns what it was
 * given. */
#include "daemon/filter.h"

#include "daemon/pattern.h"

#include <stdlib.h>
#include <string.h>

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
	if (f->text_kind != RPC_TEXT_ANY && !e->has_text)
		return 0;
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

int rpc_filter_match(const struct rpc_filter *f, const struct rpc_event *e)
{
	bool own = e->type == RPC_T_ACCOUNT_STATE || e->type == RPC_T_CONNECTION_STATE ||
		   e->type == RPC_T_GAP;
	bool named = f->account_count == 0;

	if (f->types && !(f->types & 1u << e->type))
		return 0;
	for (unsigned i = 0; i < f->account_count && !named; i++)
		named = strcmp(f->accounts[i], e->account) == 0;
	if (!named)
		return 0;
	if (own) /* they are about no chat: only types and accounts choose them */
		return f->types || (!f->peer_count && !f->from_count && f->direction < 0 &&
				    f->text_kind == RPC_TEXT_ANY);
	if (!among(f->peers, f->peer_count, e->chat) || !among(f->from, f->from_count, e->from) ||
	    (f->direction >= 0 && f->direction != (int)e->out))
		return 0;
	return text_fits(f, e); /* the costly one last */
}
