/* Sessions as text: taken along, and brought from elsewhere. Whoever has the text is the account.
 */
#include "core/string_session.h"

#include "daemon/accounts.h"
#include "daemon/daemon.h"
#include "daemon/js.h"
#include "daemon/methods/groups.h"

#include <stddef.h>
#include <stdlib.h>

struct export_args {
	bool confirm;
};
static const struct rpc_param export_params[] = {
	{"confirm", RPC_K_BOOL, false, "false", offsetof(struct export_args, confirm), NULL,
	 "true: whoever gets the text gets the account"},
};

static struct rpc_result export_session_string(struct rpc_call *c)
{
	const struct export_args *a = c->args;
	struct tg_string_session *s;
	struct tl_buf text = {0}, *b;
	int err;

	if (!a->confirm) {
		rpc_hint(c, "the text is the account: say \"confirm\":true, and keep it safe");
		rpc_problem(c, -TG_E_INVALID_PARAMS, "confirm", "confirm:true is wanted");
		return rpc_refuse(c);
	}
	s = malloc(sizeof *s);
	err = s ? tg_string_session_export(c->account->tg, s) : -TG_E_NOMEM;
	if (!err) {
		err = tg_string_session_print(s, &text);
		tg_string_session_free(s);
	}
	free(s);
	if (!err) {
		rpc_log(&c->d->log, RPC_NOTICE, "session_exported", "account=%s", c->account->name);
		b = rpc_begin(c);
		rpc_js_open(b, NULL, '{');
		rpc_js_str(b, "session", (struct tl_str){(char *)text.data, (uint32_t)text.len});
		rpc_js_close(b, '}');
	}
	if (text.data)
		mt_wipe(text.data, text.cap);
	tl_buf_free(&text);
	return err ? rpc_fail(c, err, NULL) : rpc_end(c);
}

struct import_args {
	struct tl_str session;
};
static const struct rpc_param import_params[] = {
	{"session", RPC_K_STRING, true, NULL, offsetof(struct import_args, session), NULL,
	 "of layerd, Telethon, Pyrogram, GramJS, mtcute, ferogram or layer"},
};

static struct rpc_result import_session_string(struct rpc_call *c)
{
	const struct import_args *a = c->args;
	struct tg_string_session *s = calloc(1, sizeof *s);
	const char *why = NULL;
	int err;

	if (!s)
		return rpc_fail(c, -TG_E_NOMEM, NULL);
	if (tg_string_session_parse(a->session, s, &why) != 0) {
		free(s);
		rpc_problem(c, -TG_E_INVALID_PARAMS, "session", "%s", why);
		return rpc_refuse(c);
	}
	err = rpc_account_login(c);
	if (err) {
		tg_string_session_free(s);
		free(s);
		return rpc_refuse(c);
	}
	err = tg_login_string_session(c->account->tg, s, rpc_now());
	if (!err)
		rpc_log(&c->d->log, RPC_NOTICE, "session_imported", "account=%s origin=%s",
			c->account->name, s->origin);
	tg_string_session_free(s);
	free(s);
	if (err == -TG_E_INVALID_PARAMS) {
		rpc_problem(
			c, err, "session",
			"the session is of another world (test or production) than the account");
		return rpc_refuse(c);
	}
	if (err) {
		rpc_hint(c, "sign_out first, or import it under another account name");
		return rpc_fail(c, err, "the account is logged in already");
	}
	return rpc_login_wait(c);
}

const struct rpc_method rpc_methods_string_session[] = {
	{.name = "export_session_string",
	 .role = RPC_ADMIN,
	 .flags = RPC_ACCOUNT | RPC_LOGGED_IN,
	 .run = export_session_string,
	 RPC_ROWS(export_params, struct export_args),
	 .doc = "The account as one line of text: keys, update state, known peers. Two that use it "
		"at the same time lose it.",
	 .result = "{\"session\":string}"},
	{.name = "import_session_string",
	 .role = RPC_ADMIN,
	 .flags = RPC_WAITS | RPC_SENDS | RPC_ANY_NAME,
	 .run = import_session_string,
	 RPC_ROWS(import_params, struct import_args),
	 .doc = "Goes on with a session that was made elsewhere, without a login.",
	 .result = "{\"account\":string,\"state\":string,\"name\":string?,\"user\":{…}?}"},
};
RPC_GROUP_COUNT(string_session);
