/* auth.*: logging in by bot token, logging out, moving between data centres.
 * core.telegram.org/api/auth, /api/datacenter, /api/bots. */
#include "tests/sandbox/world.h"

#define EXPORT_BYTES 128

static const char *migrate(struct sb_call *c, const char *kind, int dc)
{
	return sb_format(c->arena, "303 %s_MIGRATE_%d", kind, dc);
}

static struct tl_obj *authorization(struct sb_world *w, struct sb_call *c, struct sb_user *u)
{
	struct sb_view v = sb_view(w, u, c->arena);
	struct tl_auth_authorization *o = SB_NEW(c->arena, auth_authorization);

	o->user = sb_tl_user(&v, u);
	return &o->obj;
}

struct tl_obj *sb_auth_done(struct sb_world *w, struct sb_call *c, struct sb_user *u)
{
	sb_login_as(w, c->auth, u, false);
	return authorization(w, c, u);
}

/* ---- bots ------------------------------------------------------------------------------------ */
static void import_bot(struct sb_world *w, struct sb_call *c, struct sb_user *me)
{
	const struct tl_auth_importBotAuthorization *in = (const void *)c->request;
	struct sb_user *bot = sb_token_find(w, in->bot_auth_token);

	(void)me;
	if (!in->api_id)
		sb_fail(c, "API_ID_INVALID");
	else if (!bot)
		sb_fail(c, "ACCESS_TOKEN_INVALID");
	else if (bot->deleted)
		sb_fail(c, "ACCESS_TOKEN_EXPIRED");
	else if (bot->dc && bot->dc != c->auth->dc)
		sb_fail(c, migrate(c, "USER", bot->dc));
	else
		sb_reply(c, sb_auth_done(w, c, bot));
}

/* ---- out, and elsewhere ---------------------------------------------------------------------- */
static void log_out(struct sb_world *w, struct sb_call *c, struct sb_user *me)
{
	struct tl_auth_loggedOut *o = SB_NEW(c->arena, auth_loggedOut);

	if (me->password) { /* core.telegram.org/api/auth, "Future auth tokens" */
		const char *token =
			sb_format(c->arena, "%016llx%016llx", (unsigned long long)sb_draw(w),
				  (unsigned long long)sb_draw(w));

		sb_map_put(&w->store, &w->logout_tokens, sb_key(token, strlen(token)), me);
		o->future_auth_token = tl_str(token);
	}
	sb_logout(w, c->auth);
	sb_reply(c, &o->obj);
}

static void export_authorization(struct sb_world *w, struct sb_call *c, struct sb_user *me)
{
	const struct tl_auth_exportAuthorization *in = (const void *)c->request;
	struct tl_auth_exportedAuthorization *o = SB_NEW(c->arena, auth_exportedAuthorization);
	uint64_t *bytes = sb_alloc(c->arena, EXPORT_BYTES);

	if (in->dc_id < 1 || in->dc_id > w->s->dc_count || in->dc_id == c->auth->dc) {
		sb_fail(c, "DC_ID_INVALID");
		return;
	}
	for (unsigned i = 0; i < EXPORT_BYTES / sizeof(*bytes); i++)
		bytes[i] = sb_draw(w);
	o->id = me->id;
	o->bytes = (struct tl_str){(const char *)bytes, EXPORT_BYTES};
	sb_map_put(&w->store, &w->exports, (int64_t)bytes[0], me);
	sb_reply(c, &o->obj);
}

static void import_authorization(struct sb_world *w, struct sb_call *c, struct sb_user *me)
{
	const struct tl_auth_importAuthorization *in = (const void *)c->request;
	struct sb_user *u = NULL;
	int64_t key = 0;

	(void)me;
	if (in->bytes.len == EXPORT_BYTES) {
		memcpy(&key, in->bytes.data, sizeof(key));
		u = sb_map_get(&w->exports, key);
	}
	if (!u || u->id != in->id) {
		sb_fail(c, "AUTH_BYTES_INVALID");
		return;
	}
	sb_map_put(&w->store, &w->exports, key, NULL); /* good for once */
	sb_login_as(w, c->auth, u, c->auth->dc != u->dc);
	sb_reply(c, authorization(w, c, u));
}

static void reset_authorizations(struct sb_world *w, struct sb_call *c, struct sb_user *me)
{
	for (unsigned i = 0; i < me->auth_count; i++)
		if (me->auths[i] != c->auth)
			me->auths[i]->revoked = true;
	(void)w;
	sb_reply_bool(c, true);
}

const struct sb_method sb_methods_auth[] = {
	{TL_auth_importBotAuthorization, SB_ANYONE, import_bot, NULL},
	{TL_auth_logOut, 0, log_out, NULL},
	{TL_auth_exportAuthorization, 0, export_authorization, NULL},
	{TL_auth_importAuthorization, SB_ANYONE, import_authorization, NULL},
	{TL_auth_resetAuthorizations, SB_PEOPLE, reset_authorizations, NULL},
	{TL_auth_dropTempAuthKeys, SB_ANYONE, NULL, "true"},
	SB_METHOD_END,
};
