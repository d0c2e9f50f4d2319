/* account.*: one's own profile, name, status and sessions. */
#include "tests/sandbox/world.h"

static void update_status(struct sb_world *w, struct sb_call *c, struct sb_user *me)
{
	const struct tl_account_updateStatus *in = (const void *)c->request;

	sb_status(w, me, !in->offline);
	sb_reply_bool(c, true);
}

static void reply_self(struct sb_world *w, struct sb_call *c, struct sb_user *me)
{
	struct sb_view v = sb_view(w, me, c->arena);

	sb_reply(c, sb_tl_user(&v, me));
}

/* Whoever talks with the user learns of the new name. */
static void tell_name(struct sb_world *w, struct sb_call *c, struct sb_user *me)
{
	struct sb_act t;
	struct tl_updateUserName *u;
	struct tl_username *name;

	sb_act_begin(&t, w, me, c);
	u = SB_NEW(&t.arena, updateUserName);
	u->user_id = me->id;
	u->first_name = sb_str(me->first ? me->first : "");
	u->last_name = sb_str(me->last ? me->last : "");
	if (me->username) {
		name = SB_NEW(&t.arena, username);
		name->username = tl_str(me->username);
		name->editable = name->active = true;
		u->usernames = sb_vec_of(&t.arena, &name->obj);
	}
	sb_act_update(&t, me, NULL, &u->obj)->about[0] = me->id;
	for (struct sb_dialog *d = me->dialog_list; d; d = d->next)
		if (sb_user(w, d->peer) && d->peer != me->id && !sb_user(w, d->peer)->bot)
			sb_act_update(&t, sb_user(w, d->peer), NULL, &u->obj)->about[0] = me->id;
	sb_act_end(&t);
}

static void update_profile(struct sb_world *w, struct sb_call *c, struct sb_user *me)
{
	const struct tl_account_updateProfile *in = (const void *)c->request;

	if (in->first_name.data && !in->first_name.len) {
		sb_fail(c, "FIRSTNAME_INVALID");
		return;
	}
	if (in->first_name.data)
		me->first = sb_text(&w->store, in->first_name);
	if (in->last_name.data)
		me->last = in->last_name.len ? sb_text(&w->store, in->last_name) : NULL;
	if (in->about.data)
		me->about = in->about.len ? sb_text(&w->store, in->about) : NULL;
	tell_name(w, c, me);
	reply_self(w, c, me);
}

static const char *name_wrong(struct sb_world *w, int64_t peer, const char *name)
{
	int64_t owner = sb_username_find(w, tl_str(name));

	if (*name && !sb_username_ok(name))
		return "USERNAME_INVALID";
	return *name && owner && owner != peer ? "USERNAME_OCCUPIED" : NULL;
}

static void update_username(struct sb_world *w, struct sb_call *c, struct sb_user *me)
{
	const struct tl_account_updateUsername *in = (const void *)c->request;
	const char *name = sb_text(c->arena, in->username);
	const char *err = name_wrong(w, me->id, name ? name : "");

	if (!err && tl_str_eq(in->username, me->username ? me->username : ""))
		err = "USERNAME_NOT_MODIFIED";
	if (err) {
		sb_fail(c, err);
		return;
	}
	sb_username_set(w, me->id, name ? name : "");
	tell_name(w, c, me);
	reply_self(w, c, me);
}

static void check_username(struct sb_world *w, struct sb_call *c, struct sb_user *me)
{
	const struct tl_account_checkUsername *in = (const void *)c->request;
	const char *name = sb_text(c->arena, in->username);
	const char *err = name_wrong(w, me->id, name ? name : "");

	if (err && !strcmp(err, "USERNAME_INVALID"))
		sb_fail(c, err);
	else
		sb_reply_bool(c, !err);
}

/* ---- sessions -------------------------------------------------------------------------------- */
static struct tl_obj *session(struct tl_arena *a, const struct sb_auth *auth, bool current)
{
	struct tl_authorization *o = SB_NEW(a, authorization);

	o->current = current;
	o->hash = current ? 0 : (int64_t)auth->hash;
	o->device_model = tl_str(auth->device);
	o->platform = tl_str("");
	o->system_version = tl_str("");
	o->api_id = auth->api_id;
	o->app_name = tl_str("sandbox");
	o->app_version = tl_str(auth->app);
	o->date_created = (int)auth->created;
	o->date_active = (int)auth->active;
	o->ip = tl_str(auth->ip);
	o->country = tl_str("Loopback");
	o->region = tl_str("");
	return &o->obj;
}

static void get_authorizations(struct sb_world *w, struct sb_call *c, struct sb_user *me)
{
	struct tl_account_authorizations *o = SB_NEW(c->arena, account_authorizations);
	struct sb_list list = {0};

	(void)w;
	sb_add(c->arena, &list, session(c->arena, c->auth, true));
	for (unsigned i = 0; i < me->auth_count; i++)
		if (me->auths[i] != c->auth && !me->auths[i]->revoked &&
		    !sb_login(me->auths[i])->imported)
			sb_add(c->arena, &list, session(c->arena, me->auths[i], false));
	o->authorization_ttl_days = me->auth_ttl;
	o->authorizations = sb_vec(&list);
	sb_reply(c, &o->obj);
}

static void reset_authorization(struct sb_world *w, struct sb_call *c, struct sb_user *me)
{
	const struct tl_account_resetAuthorization *in = (const void *)c->request;

	(void)w;
	for (unsigned i = 0; i < me->auth_count; i++)
		if (in->hash && (int64_t)me->auths[i]->hash == in->hash) {
			me->auths[i]->revoked = true;
			sb_reply_bool(c, true);
			return;
		}
	sb_fail(c, "HASH_INVALID");
}

static void get_account_ttl(struct sb_world *w, struct sb_call *c, struct sb_user *me)
{
	struct tl_accountDaysTTL *o = SB_NEW(c->arena, accountDaysTTL);

	(void)w;
	o->days = me->account_ttl ? me->account_ttl : 365;
	sb_reply(c, &o->obj);
}

static void set_account_ttl(struct sb_world *w, struct sb_call *c, struct sb_user *me)
{
	const struct tl_account_setAccountTTL *in = (const void *)c->request;
	int days = ((const struct tl_accountDaysTTL *)in->ttl)->days;

	(void)w;
	if (days < 30 || days > 730) {
		sb_fail(c, "TTL_DAYS_INVALID");
		return;
	}
	me->account_ttl = days;
	sb_reply_bool(c, true);
}

static void set_authorization_ttl(struct sb_world *w, struct sb_call *c, struct sb_user *me)
{
	const struct tl_account_setAuthorizationTTL *in = (const void *)c->request;

	(void)w;
	me->auth_ttl = in->authorization_ttl_days;
	sb_reply_bool(c, true);
}

const struct sb_method sb_methods_account[] = {
	{TL_account_updateStatus, SB_PEOPLE, update_status, NULL},
	{TL_account_updateProfile, SB_PEOPLE, update_profile, NULL},
	{TL_account_updateUsername, SB_PEOPLE, update_username, NULL},
	{TL_account_checkUsername, SB_PEOPLE, check_username, NULL},
	{TL_account_getAuthorizations, SB_PEOPLE, get_authorizations, NULL},
	{TL_account_resetAuthorization, SB_PEOPLE, reset_authorization, NULL},
	{TL_account_getAccountTTL, SB_PEOPLE, get_account_ttl, NULL},
	{TL_account_setAccountTTL, SB_PEOPLE, set_account_ttl, NULL},
	{TL_account_setAuthorizationTTL, SB_PEOPLE, set_authorization_ttl, NULL},
	SB_METHOD_END,
};
