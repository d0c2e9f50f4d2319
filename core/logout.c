/* The way out: auth.logOut, then the keys of all data centres are destroyed, then everything the
 * account knew is erased; its name and the log-out token stay (core.telegram.org/api/auth; E.45).
 */
#include "core/machine.h"

static void clean(struct tg_account *a)
{
	tg_login_drop(a);
	a->signing_out = false;
	a->authorized = false;
	a->self = 0;
	a->is_bot = false;
	a->keys_left = 0;
	for (unsigned i = 0; i < TG_MAX_DCS; i++)
		if (a->dcs[i])
			tg_dc_free(a, a->dcs[i]);
	tg_erase_all(a, TG_TABLE_KEY, 0);
	tg_erase_all(a, TG_TABLE_STATE, 0);
	tg_updates_reset(a);
	tg_erase_all(a, TG_TABLE_PEER, 0);
	tg_erase_all(a, TG_TABLE_NAME, 0);
	tg_account_set_state(a, TG_SIGNED_OUT, NULL);
}

/* Each answer counts, also a refusal or a silence: the keys are forgotten in any case. */
static void destroyed(struct tg_account *a, struct tg_call *c, const struct tg_answer *r)
{
	(void)c;
	(void)r;
	if (--a->keys_left == 0)
		clean(a);
}

static void destroy_keys(struct tg_account *a)
{
	struct tl_destroy_auth_key m = {{TL_destroy_auth_key}};
	int ids[TG_MAX_DCS];
	unsigned n = tg_dc_keys(a, ids);

	for (unsigned i = 0; i < n; i++) {
		struct tg_call_options o = {.dc = ids[i],
					    .deadline = a->now.boot + TG_DESTROY_WAIT,
					    .flags = MT_QUERY_NO_INIT,
					    .any_state = true};

		struct tg_call *c = tg_call_own(a, &m.obj, &o, destroyed, NULL);

		if (!c)
			continue;
		if (a->s.pfs) /* over the key that is meant, not over a temporary one */
			c->purpose = TG_FOR_CHECK;
		a->keys_left++;
	}
	if (!a->keys_left)
		clean(a);
}

static void left(struct tg_account *a, struct tg_call *c, const struct tg_answer *r)
{
	const struct tl_auth_loggedOut *out;
	struct tl_arena arena;

	if (!a->wanted || (r->error && r->error != -TG_E_TELEGRAM)) {
		clean(a);
		return;
	}
	tl_arena_init(&arena, TG_ARENA_CAP);
	out = r->error ? NULL : (const struct tl_auth_loggedOut *)tg_answer_decode(c, r, &arena);
	if (out)
		tg_logout_token_add(a, out->future_auth_token);
	tl_arena_free(&arena);
	destroy_keys(a);
}

int tg_sign_out(struct tg_account *a, struct mt_time now)
{
	struct tl_auth_logOut m = {.obj = {TL_auth_logOut}};
	struct tg_call_options o = {.deadline = now.boot + TG_LOGOUT_WAIT, .any_state = true};

	a->now = now;
	if (!a->authorized)
		return a->state == TG_REVOKED ? -TG_E_SESSION_REVOKED : -TG_E_UNAUTHORIZED;
	if (a->signing_out)
		return -TG_E_AGAIN;
	a->wanted = true;
	a->signing_out = true;
	tg_calls_fail(a, -TG_E_UNAUTHORIZED);
	if (!tg_call_own(a, &m.obj, &o, left, NULL)) {
		a->signing_out = false;
		return -TG_E_NOMEM;
	}
	return 0;
}

bool tg_account_leaving(const struct tg_account *a)
{
	return a->signing_out;
}
