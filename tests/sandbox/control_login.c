/* Control methods about logging in: how codes travel, what was sent, QR codes, passwords, sessions.
 */
#include "tests/sandbox/world.h"

static void bad(struct sb_request *r, const char *text)
{
	sb_request_fail(r, -32602, text);
}

/* ---- codes ----------------------------------------------------------------------------------- */
static bool take_ways(struct sb_delivery *d, const json_t *list)
{
	const json_t *item;
	size_t i;

	json_array_foreach((json_t *)list, i, item)
	{
		if (d->count == SB_MAX_WAYS || !json_is_string(item) ||
		    !sb_way_parse(json_string_value(item), &d->ways[d->count]))
			return false;
		d->count++;
	}
	return true;
}

static void delivery(struct sb_world *w, struct sb_request *r, json_t *params)
{
	const char *phone = sb_param_text(params, "phone");
	const char *digits = phone ? sb_phone_clean(w, tl_str(phone)) : NULL;
	struct sb_delivery *d = sb_alloc(&w->store, sizeof(*d));

	d->timeout = (int)sb_param_int(params, "timeout", SB_CODE_TIMEOUT);
	d->life = (int)sb_param_int(params, "life", SB_CODE_LIFE);
	d->terms = sb_copy(&w->store, sb_param_text(params, "terms"));
	d->min_age = (int)sb_param_int(params, "min_age", 0);
	d->payment = sb_param_bool(params, "payment");
	if (!digits) {
		bad(r, "phone: 5 to 15 digits");
		return;
	}
	if (!take_ways(d, json_object_get(params, "ways"))) {
		bad(r, "ways: app sms sms_word sms_phrase call flash_call missed_call email "
		       "setup_email fragment_sms firebase_sms, at most 8");
		return;
	}
	sb_map_put(&w->store, &w->deliveries, sb_key(digits, strlen(digits)), d);
	sb_request_done(r, json_pack("{s:i}", "ways", (int)d->count));
}

static void email_code(struct sb_world *w, struct sb_request *r, json_t *params)
{
	const char *phone = sb_param_text(params, "phone");
	const char *digits = phone ? sb_phone_clean(w, tl_str(phone)) : NULL;
	struct sb_user *u = phone ? NULL : sb_param_user(w, r, params, "user");
	const char *code;

	if (!phone && !u)
		return;
	digits = u ? u->phone : digits;
	code = digits ? sb_map_get(&w->emails, sb_key(digits, strlen(digits))) : NULL;
	if (code)
		sb_request_done(r, json_pack("{s:s}", "code", code));
	else
		bad(r, "no e-mail was sent");
}

static void set_login_email(struct sb_world *w, struct sb_request *r, json_t *params)
{
	struct sb_user *u = sb_param_user(w, r, params, "user");

	if (!u)
		return;
	u->login_email = sb_copy(&w->store, sb_param_text(params, "email"));
	sb_request_done(r, NULL);
}

static void qr_life(struct sb_world *w, struct sb_request *r, json_t *params)
{
	w->qr_life = sb_param_int(params, "seconds", SB_QR_LIFE);
	sb_request_done(r, NULL);
}

static void accept_qr(struct sb_world *w, struct sb_request *r, json_t *params)
{
	struct sb_user *u = sb_param_user(w, r, params, "user");
	const char *token = sb_param_text(params, "token"), *err;

	if (!u)
		return;
	err = token ? sb_qr_accept(w, u, tl_str(token)) : "token: missing";
	if (err)
		bad(r, err);
	else
		sb_request_done(r, json_pack("{s:b}", "accepted", 1));
}

static void login_code(struct sb_world *w, struct sb_request *r, json_t *params)
{
	const char *phone = sb_param_text(params, "phone");
	const char *digits = phone ? sb_phone_clean(w, tl_str(phone)) : NULL;
	const char *code = digits ? sb_map_get(&w->codes, sb_key(digits, strlen(digits))) : NULL;

	if (code)
		sb_request_done(r, json_pack("{s:s}", "code", code));
	else
		bad(r, "phone: no code was sent");
}

static void set_password(struct sb_world *w, struct sb_request *r, json_t *params)
{
	struct sb_user *u = sb_param_user(w, r, params, "user");
	const char *hint = sb_param_text(params, "hint");

	if (!u)
		return;
	sb_password_set(w, u, sb_param_text(params, "password"));
	if (u->password && hint)
		u->password->hint = sb_copy(&w->store, hint);
	if (u->password)
		u->password->email = sb_copy(&w->store, sb_param_text(params, "email"));
	sb_request_done(r, json_pack("{s:b}", "has_password", u->password != NULL));
}

static void revoke_session(struct sb_world *w, struct sb_request *r, json_t *params)
{
	struct sb_user *u = sb_param_user(w, r, params, "user");
	const char *hash = sb_param_text(params, "hash");
	int n = 0;

	if (!u)
		return;
	for (unsigned i = 0; i < u->auth_count; i++) {
		struct sb_auth *a = u->auths[i];
		struct tl_updatesTooLong poke = {.obj.ctor = TL_updatesTooLong};

		if (a->revoked || (hash && strtoull(hash, NULL, 10) != a->hash))
			continue;
		a->revoked = true;
		sb_push(w->s, a, &poke.obj, 0); /* so that it asks, and learns */
		n++;
	}
	sb_request_done(r, json_pack("{s:i}", "revoked", n));
}

const struct sb_control_row sb_control_login[] = {
	{"delivery", "phone ways timeout life terms min_age payment",
	 "how the next login codes of a phone travel, and what they demand", delivery},
	{"login_code", "phone", "the code last sent to a phone", login_code},
	{"email_code", "user phone", "the code last sent by e-mail", email_code},
	{"set_login_email", "user email", "where an account's login codes go by e-mail",
	 set_login_email},
	{"qr_life", "seconds", "how long a QR code lasts", qr_life},
	{"accept_qr", "user token", "scans a QR code, with the app of that account", accept_qr},
	{"set_password", "user password hint email",
	 "the second step of a login; none: takes it away", set_password},
	{"revoke_session", "user hash", "ends one session of an account, or all", revoke_session},
	{NULL, NULL, NULL, NULL},
};
