/* What of a login outlives a restart: its method, the phone, the hash, the kinds and the times, as
 * a part of the account's record, so that it is written together with the state (E.36). Codes,
 * passwords and bot tokens are not in it. Beside them the log-out tokens (E.35). */
#include "core/machine.h"

#include <stdlib.h>
#include <string.h>

static bool is_waiting(enum tg_state s)
{
	return tg_state_error(s) == -TG_E_ACCOUNT_NOT_READY;
}

static void put_text(struct tl_buf *b, const char *text)
{
	tl_put_bytes(b, text ? text : "", text ? strlen(text) : 0);
}

void tg_login_put(const struct tg_account *a, struct tl_buf *b)
{
	const struct tg_login *l = a->login;
	bool kept = l && is_waiting(a->state) && l->info.method != TG_LOGIN_BOT;

	tl_put_u32(b, kept ? (uint32_t)l->info.method : TG_LOGIN_NONE);
	for (int i = 0; kept && i < TG_LOGIN_TEXTS; i++)
		put_text(b, l->info.text[i]);
	for (int i = 0; kept && i < TG_LOGIN_NUMBERS; i++)
		tl_put_u64(b, (uint64_t)l->info.number[i]);
	tl_put_bytes(b, a->tokens.data ? (void *)a->tokens.data : "", a->tokens.len);
}

static struct tg_login *load_login(struct tl_cursor *c, uint32_t method)
{
	struct tg_login *l = calloc(1, sizeof *l);

	for (int i = 0; l && i < TG_LOGIN_TEXTS; i++) {
		struct tl_str s = tl_get_bytes(c);

		if (s.len)
			tg_text_set(&l->info.text[i], s);
	}
	for (int i = 0; l && i < TG_LOGIN_NUMBERS; i++)
		l->info.number[i] = (int64_t)tl_get_u64(c);
	if (l)
		l->info.method = (enum tg_login_method)method;
	return l;
}

/* Records of before end in front of this; what cannot be read is a login that has to begin anew. */
void tg_login_load(struct tg_account *a, enum tg_state state, struct tl_cursor *c)
{
	uint32_t method = tl_left(c) ? tl_get_u32(c) : TG_LOGIN_NONE;
	struct tl_str tokens;

	if (method == TG_LOGIN_PHONE || method == TG_LOGIN_QR)
		a->login = load_login(c, method);
	tokens = tl_left(c) ? tl_get_bytes(c) : (struct tl_str){NULL, 0};
	if (c->err || !is_waiting(state) || a->authorized ||
	    (a->login && (uint64_t)a->login->info.number[TG_LOGIN_VIA] >= TG_VIA_COUNT) ||
	    (a->login && (uint64_t)a->login->info.number[TG_LOGIN_NEXT] >= TG_VIA_COUNT))
		tg_login_drop(a);
	if (!c->err)
		tl_put(&a->tokens, tokens.data ? tokens.data : "", tokens.len);
	if (a->login)
		a->state = state;
}

/* ---- log-out tokens: the newest first ---- */
unsigned tg_logout_tokens(const struct tg_account *a, struct tl_str list[TG_LOGOUT_TOKENS])
{
	struct tl_cursor c = tl_cursor(a->tokens.data, a->tokens.len);
	unsigned n = 0;

	while (n < TG_LOGOUT_TOKENS && tl_left(&c)) {
		list[n] = tl_get_bytes(&c);
		if (c.err)
			break;
		n++;
	}
	return n;
}

void tg_logout_token_add(struct tg_account *a, struct tl_str token)
{
	struct tl_str list[TG_LOGOUT_TOKENS];
	unsigned n = tg_logout_tokens(a, list);
	struct tl_buf all = {0};

	if (!token.len || token.len > TG_LOGOUT_TOKEN_MAX)
		return;
	tl_put_bytes(&all, token.data, token.len);
	for (unsigned i = 0; i < n && i < TG_LOGOUT_TOKENS - 1; i++)
		tl_put_bytes(&all, list[i].data, list[i].len);
	if (all.err) {
		tl_buf_free(&all);
		return;
	}
	tl_buf_free(&a->tokens);
	a->tokens = all;
}
