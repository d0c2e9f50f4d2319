/* Logging in by QR code. core.telegram.org/api/qr-login. A token is for one key and for once, and
 * lives half a minute; accepted for an account of another data centre it is exchanged for one that
 * is to be imported there. */
#include "tests/sandbox/world.h"

#define TOKEN 32 /* bytes */

static struct sb_login *login(struct sb_world *w, struct sb_auth *a)
{
	if (!a->world)
		a->world = sb_alloc(&w->store, sizeof(struct sb_login));
	return a->world;
}

static struct tl_str token_new(struct sb_world *w, struct sb_call *c, struct sb_token **ret)
{
	uint64_t *bytes = sb_alloc(c->arena, TOKEN);

	for (unsigned i = 0; i < TOKEN / sizeof(*bytes); i++)
		bytes[i] = sb_draw(w);
	*ret = sb_alloc(&w->store, sizeof(**ret));
	(*ret)->expires = sb_time(w) + (w->qr_life ? w->qr_life : SB_QR_LIFE);
	sb_map_put(&w->store, &w->login_tokens, sb_key((const char *)bytes, TOKEN), *ret);
	return (struct tl_str){(const char *)bytes, TOKEN};
}

static struct sb_token *token_find(struct sb_world *w, struct tl_str s)
{
	return sb_map_get(&w->login_tokens, sb_key(s.data ? s.data : "", s.len));
}

/* ---- the app that scans ---------------------------------------------------------------------- */
/* The bytes of "tg://login?token=…" or of its token alone; what is no base64url is left as it is.
 */
static struct tl_str token_bytes(struct tl_buf *out, struct tl_str s)
{
	static const char link[] = "tg://login?token=";
	char text[128];
	uint32_t n = 0;

	if (s.len > sizeof(link) - 1 && !memcmp(s.data, link, sizeof(link) - 1)) {
		s.data += sizeof(link) - 1;
		s.len -= sizeof(link) - 1;
	}
	if (s.len > sizeof(text) - 4)
		return s;
	for (; n < s.len; n++)
		text[n] = (char)(s.data[n] == '-' ? '+' : s.data[n] == '_' ? '/' : s.data[n]);
	while (n % 4)
		text[n++] = '=';
	if (tl_base64_decode(text, n, out))
		return s;
	return (struct tl_str){(const char *)out->data, (uint32_t)out->len};
}

static const char *accept(struct sb_world *w, struct sb_user *u, struct tl_str s,
			  struct sb_token **ret)
{
	struct tl_updateLoginToken token = {.obj = {TL_updateLoginToken}};
	struct tl_updateShort update = {.obj = {TL_updateShort}, .update = &token.obj};
	struct sb_token *t = token_find(w, s);

	if (!t || !t->auth)
		return "AUTH_TOKEN_INVALID";
	if (t->used)
		return "AUTH_TOKEN_ALREADY_ACCEPTED";
	if (sb_time(w) >= t->expires)
		return "AUTH_TOKEN_EXPIRED";
	t->used = true;
	login(w, t->auth)->qr_user = u->id;
	update.date = sb_time(w);
	sb_push(w->s, t->auth, &update.obj, 0);
	*ret = t;
	return NULL;
}

const char *sb_qr_accept(struct sb_world *w, struct sb_user *u, struct tl_str token)
{
	struct tl_buf bytes = {0};
	struct sb_token *t;
	const char *err = accept(w, u, token_bytes(&bytes, token), &t);

	tl_buf_free(&bytes);
	return err;
}

static void accept_token(struct sb_world *w, struct sb_call *c, struct sb_user *me)
{
	const struct tl_auth_acceptLoginToken *in = (const void *)c->request;
	struct tl_authorization *o = SB_NEW(c->arena, authorization);
	struct sb_token *t = NULL;
	const char *err = accept(w, me, in->token, &t);

	if (err) {
		sb_fail(c, err);
		return;
	}
	o->device_model = tl_str(t->auth->device);
	o->platform = o->system_version = o->country = o->region = tl_str("");
	o->api_id = t->auth->api_id;
	o->app_name = tl_str("sandbox");
	o->app_version = tl_str(t->auth->app);
	o->date_created = o->date_active = sb_time(w);
	o->ip = tl_str(t->auth->ip);
	sb_reply(c, &o->obj);
}

/* ---- the one that logs in -------------------------------------------------------------------- */
static void succeed(struct sb_world *w, struct sb_call *c, struct sb_user *u)
{
	struct tl_auth_loginTokenSuccess *o;

	if (u->password) {
		sb_first_step_done(w, c, u);
		return;
	}
	o = SB_NEW(c->arena, auth_loginTokenSuccess);
	o->authorization = sb_auth_done(w, c, u);
	sb_reply(c, &o->obj);
}

static void migrate(struct sb_world *w, struct sb_call *c, struct sb_user *u)
{
	struct tl_auth_loginTokenMigrateTo *o = SB_NEW(c->arena, auth_loginTokenMigrateTo);
	struct sb_token *t;

	o->dc_id = u->dc;
	o->token = token_new(w, c, &t);
	t->user = u->id;
	t->dc = u->dc;
	sb_reply(c, &o->obj);
}

static void export_token(struct sb_world *w, struct sb_call *c, struct sb_user *me)
{
	const struct tl_auth_exportLoginToken *in = (const void *)c->request;
	struct sb_login *l = login(w, c->auth);
	struct sb_user *u = sb_user(w, l->qr_user);
	struct tl_auth_loginToken *o;
	struct sb_token *t;

	(void)me;
	l->qr_user = 0;
	if (!in->api_id) {
		sb_fail(c, "API_ID_INVALID");
	} else if (u && u->dc && u->dc != c->auth->dc) {
		migrate(w, c, u);
	} else if (u) {
		succeed(w, c, u);
	} else {
		o = SB_NEW(c->arena, auth_loginToken);
		o->token = token_new(w, c, &t);
		t->auth = c->auth;
		o->expires = (int)t->expires;
		sb_reply(c, &o->obj);
	}
}

static void import_token(struct sb_world *w, struct sb_call *c, struct sb_user *me)
{
	const struct tl_auth_importLoginToken *in = (const void *)c->request;
	struct sb_token *t = token_find(w, in->token);
	struct sb_user *u = t ? sb_user(w, t->user) : NULL;

	(void)me;
	if (!u || t->dc != c->auth->dc) {
		sb_fail(c, "AUTH_TOKEN_INVALID");
	} else if (t->used || sb_time(w) >= t->expires) {
		sb_fail(c, t->used ? "AUTH_TOKEN_ALREADY_ACCEPTED" : "AUTH_TOKEN_EXPIRED");
	} else {
		t->used = true;
		succeed(w, c, u);
	}
}

const struct sb_method sb_methods_qr[] = {
	{TL_auth_exportLoginToken, SB_ANYONE, export_token, NULL},
	{TL_auth_importLoginToken, SB_ANYONE, import_token, NULL},
	{TL_auth_acceptLoginToken, SB_PEOPLE, accept_token, NULL},
	SB_METHOD_END,
};
