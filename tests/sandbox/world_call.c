/* Every RPC passes here: log, faults, login, rights, then its handler or its empty answer. */
#include "tests/sandbox/world.h"

static const struct sb_method *const all_methods[] = {
	sb_methods_help,     sb_methods_auth,     sb_methods_phone,    sb_methods_qr,
	sb_methods_password, sb_methods_recovery, sb_methods_account,  sb_methods_users,
	sb_methods_contacts, sb_methods_updates,  sb_methods_messages, sb_methods_history,
	sb_methods_dialogs,  sb_methods_groups,   sb_methods_channels, sb_methods_bots,
	sb_methods_upload,   sb_methods_cdn,      sb_methods_media,    sb_methods_empty,
};

const struct sb_method **sb_method_table(void)
{
	const struct sb_method **table = calloc(tl_ctor_count(&tl_api) + 1, sizeof(*table));

	if (!table)
		abort();
	for (size_t i = 0; i < sizeof(all_methods) / sizeof(*all_methods); i++)
		for (const struct sb_method *m = all_methods[i]; m->ctor; m++)
			table[m->ctor] = m;
	return table;
}

void sb_fail(struct sb_call *c, const char *text)
{
	char *end;
	long code = strtol(text, &end, 10);

	/* "2FA_CONFIRM_WAIT_5" begins with a digit too; behind a code comes a blank. */
	if (end == text || *end != ' ')
		code = 400;
	else
		text = end + 1;
	sb_log_error(c->s->world, c, text);
	sb_reply_error(c, (int)code, text);
}

struct tl_obj *sb_from_json(struct tl_arena *a, unsigned ctor, const char *json)
{
	json_t *value = json_loads(json, 0, NULL);
	struct tl_buf buf = {0};
	struct tl_refusal why;
	struct tl_obj *o = NULL;
	struct tl_cursor cur;

	if (!value || tl_from_json(&tl_api, ctor, value, &buf, &why) < 0) {
		fprintf(stderr, "layerd-sandbox: bad answer template: %s\n", json);
		abort();
	}
	json_decref(value);
	cur = tl_cursor(tl_arena_copy(a, buf.data, buf.len), buf.len);
	tl_buf_free(&buf);
	return tl_decode(&tl_api, a, &cur, &o, NULL) < 0 ? NULL : o;
}

static void empty_answer(struct sb_call *c, const struct sb_method *m)
{
	struct tl_vec none = {NULL, 0};

	if (!strcmp(m->empty, "[]"))
		sb_reply_vector(c, m->ctor, &none);
	else if (!strcmp(m->empty, "true") || !strcmp(m->empty, "false"))
		sb_reply_bool(c, *m->empty == 't');
	else if (!strcmp(m->empty, "updates"))
		sb_reply(c, &SB_NEW(c->arena, updates)->obj);
	else
		sb_reply(c, sb_from_json(c->arena, 0, m->empty));
}

void sb_world_call(struct sb_world *w, struct sb_call *c)
{
	struct sandbox *s = w->s;
	char text[64];
	const char *err;

	sb_log_call(w, c);
	err = sb_rpc_fault(w, c, text);
	if (err) {
		sb_fail(c, err);
		return;
	}
	sb_keep_call(s, c);
	sb_world_execute(w, c);
	sb_keep_end(s);
}

void sb_world_execute(struct sb_world *w, struct sb_call *c)
{
	const struct sb_method *m = w->methods[c->request->ctor];
	struct sb_user *me = sb_user(w, c->auth->user_id);

	c->auth->active = sb_time(w);
	if (c->auth->dc == SB_CDN && c->request->ctor != TL_upload_getCdnFile)
		sb_fail(c, "METHOD_INVALID"); /* a CDN knows nobody */
	else if (c->auth->revoked)
		sb_fail(c, "401 SESSION_REVOKED");
	else if (!me && !(m && m->flags & SB_ANYONE))
		sb_fail(c, sb_login(c->auth) && sb_login(c->auth)->pending
				   ? "401 SESSION_PASSWORD_NEEDED"
				   : "401 AUTH_KEY_UNREGISTERED");
	else if (!m)
		sb_fail(c, "METHOD_INVALID");
	else if (me && me->bot && m->flags & SB_PEOPLE)
		sb_fail(c, "BOT_METHOD_INVALID");
	else if (me && !me->bot && m->flags & SB_BOTS)
		sb_fail(c, "USER_BOT_REQUIRED");
	else if (m->fn)
		m->fn(w, c, me);
	else
		empty_answer(c, m);
}

void sb_world_unknown(struct sb_world *w, struct sb_auth *a, uint32_t id)
{
	sb_log_unknown(w, a, id);
}
