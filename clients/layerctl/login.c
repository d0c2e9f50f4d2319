/* layerctl login: starts the daemon's login machine and gives it what it asks for, from a person at
 * the terminal or from lines on stdin, until the account is ready. Secrets never come from the
 * command line, are not echoed, and are wiped. */
#include "clients/layerctl/layerctl.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <termios.h>
#include <unistd.h>

#define MAX_ANSWER 512

/* What a state of the login asks for; the field is login_submit's parameter. */
static const struct question {
	const char *state, *field, *prompt;
	bool secret;
} questions[] = {
	{"\"wait_code\"", "code", "Code: ", false},
	{"\"wait_password\"", "password", "Password: ", true},
	{"\"wait_email\"", "email", "E-mail: ", false},
	{"\"wait_email_code\"", "email_code", "Code from the e-mail: ", false},
	{"\"wait_phone\"", "phone", "Phone number: ", false},
	{"\"wait_signup\"", "first_name", "First name of the new account: ", false},
};

/* One line from the terminal or stdin; false at its end. */
static bool ask(const char *prompt, bool secret, char answer[MAX_ANSWER])
{
	struct termios before, quiet;
	bool person = isatty(STDIN_FILENO) == 1, got;

	if (person)
		fputs(prompt, stderr);
	if (person && secret && tcgetattr(STDIN_FILENO, &before) == 0) {
		quiet = before;
		quiet.c_lflag &= ~(tcflag_t)ECHO;
		tcsetattr(STDIN_FILENO, TCSAFLUSH, &quiet);
		got = fgets(answer, MAX_ANSWER, stdin) != NULL;
		tcsetattr(STDIN_FILENO, TCSAFLUSH, &before);
		fputc('\n', stderr);
	} else {
		got = fgets(answer, MAX_ANSWER, stdin) != NULL;
	}
	if (got)
		answer[strcspn(answer, "\r\n")] = '\0';
	return got;
}

static void wipe(struct ctl_params *p)
{
	if (p->text.data)
		explicit_bzero(p->text.data, p->text.cap);
	tl_buf_free(&p->text);
	*p = (struct ctl_params){0};
}

/* The answer to the state of the login, sent; CTL_INPUT_NEEDED when there is none. */
static int submit(struct ctl_conn *c, const struct ctl_options *o, const char *account,
		  struct ctl_slice state, struct ctl_slice *ret_answer)
{
	char text[MAX_ANSWER];
	struct ctl_params p = {0};
	int code = CTL_INPUT_NEEDED;

	for (size_t i = 0; i < sizeof questions / sizeof questions[0]; i++) {
		const struct question *q = &questions[i];

		if (!ctl_is(state, q->state))
			continue;
		if (!ask(q->prompt, q->secret, text))
			break;
		code = ctl_params_string(&p, q->field, text);
		explicit_bzero(text, sizeof text);
		if (code == CTL_OK)
			code = ctl_params_string(&p, "account", account);
		if (code == CTL_OK)
			code = ctl_request(c, o, "login_submit", &p, ret_answer);
	}
	wipe(&p);
	return code;
}

/* Asks for the state until the machine waits for a person or has ended. */
static int follow(struct ctl_conn *c, const struct ctl_options *o, const char *account,
		  struct ctl_slice *answer)
{
	struct ctl_slice result, state;
	struct ctl_params p = {0};
	int code = CTL_OK;

	while (code == CTL_OK && ctl_member(*answer, "result", &result) &&
	       ctl_member(result, "state", &state) && ctl_is(state, "\"connecting\"")) {
		usleep(100 * 1000);
		code = ctl_params_string(&p, "account", account);
		if (code == CTL_OK)
			code = ctl_request(c, o, "login_state", &p, answer);
		wipe(&p);
	}
	return code;
}

static int converse(struct ctl_conn *c, const struct ctl_options *o, const char *account,
		    struct ctl_slice answer)
{
	struct ctl_slice result, state;
	int code;

	for (;;) {
		code = follow(c, o, account, &answer);
		if (code != CTL_OK)
			return code;
		if (!ctl_member(answer, "result", &result)) {
			code = ctl_error(answer);
			return code != CTL_OK ? code : CTL_INTERNAL;
		}
		if (!ctl_member(result, "state", &state) || ctl_is(state, "\"ready\""))
			return ctl_finish(o, "login_state", answer);
		if (ctl_is(state, "\"failed\"") || ctl_is(state, "\"revoked\"") ||
		    ctl_is(state, "\"signed_out\"")) {
			code = ctl_finish(o, "login_state", answer);
			return code != CTL_OK ? code : CTL_REFUSED;
		}
		code = submit(c, o, account, state, &answer);
		if (code == CTL_INPUT_NEEDED) {
			ctl_print(result, false);
			return ctl_fail(CTL_INPUT_NEEDED, "the login waits for input");
		}
		if (code != CTL_OK)
			return code;
		if (!ctl_member(answer, "result", &result) && isatty(STDIN_FILENO) != 1)
			return ctl_error(answer);
	}
}

int ctl_command_login(const struct ctl_options *o, char **args)
{
	const char *account = o->account ? o->account : "main", *method;
	struct ctl_conn c = {.fd = -1};
	struct ctl_params p = {0};
	struct ctl_options plain = *o;
	char text[MAX_ANSWER];
	struct ctl_slice answer;
	bool bot;
	int code;

	if (args[0] && args[1])
		account = *args++;
	method = args[0] ? args[0] : "";
	bot = strcmp(method, "bot") == 0;
	if ((!bot && strcmp(method, "phone") != 0) || args[1])
		return ctl_fail(CTL_USAGE, "login [ACCOUNT] bot|phone");
	plain.account = NULL; /* it is among the parameters already */
	code = ctl_connect(&c, o, false);
	if (code != CTL_OK)
		return code;
	if (!ask(bot ? "Bot token: " : "Phone number: ", bot, text))
		code = ctl_fail(CTL_INPUT_NEEDED, "the login waits for input");
	if (code == CTL_OK)
		code = ctl_params_string(&p, "account", account);
	if (code == CTL_OK)
		code = ctl_params_string(&p, "method", method);
	if (code == CTL_OK)
		code = ctl_params_string(&p, bot ? "token" : "phone", text);
	explicit_bzero(text, sizeof text);
	if (code == CTL_OK)
		code = ctl_request(&c, &plain, "login", &p, &answer);
	wipe(&p);
	if (code == CTL_OK)
		code = converse(&c, &plain, account, answer);
	ctl_disconnect(&c);
	return code;
}
