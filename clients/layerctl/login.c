/* layerctl login: starts the daemon's login machine, or finds it waiting, and gives it what it asks
 * for: from flags, files and descriptors, from a person at the terminal, or from lines on stdin,
 * until the account is ready. Secrets never come from the command line, are not echoed, and are
 * wiped. */
#include "clients/layerctl/layerctl.h"

#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#define MAX_ANSWER 512
#define POLL_MS 300 /* how often a QR code's fate is looked at */

/* What a state of the login asks for; the field is login_submit's parameter. */
static const struct question {
	const char *state, *field, *prompt;
	bool secret;
} questions[] = {
	{"wait_phone", "phone", "Phone number: ", false},
	{"wait_code", "code", "Code: ", true},
	{"wait_password", "password", "Password: ", true},
	{"wait_email", "email", "E-mail: ", false},
	{"wait_email_code", "email_code", "Code from the e-mail: ", true},
	{"wait_signup", "first_name", "First name of the new account: ", false},
};
static const struct question recovery = {"wait_password", "email_code",
					 "Code from the e-mail: ", true};

struct login {
	const struct ctl_options *o;
	struct ctl_conn conn;
	const char *account;
	json_t *state;  /* the last result */
	char url[256];  /* of the QR code that is shown */
	int lines;      /* it takes on the terminal */
	bool used_file; /* --password-file has been given: not twice */
};

/* ---- where answers come from ----------------------------------------------------------------- */
/* One line of a descriptor, byte by byte, so that what follows stays for others. */
static bool read_line(int fd, char answer[MAX_ANSWER])
{
	size_t n = 0;
	ssize_t got;
	char c;

	while ((got = read(fd, &c, 1)) == 1 || (got < 0 && errno == EINTR)) {
		if (got < 0)
			continue;
		if (c == '\n')
			break;
		if (c != '\r' && n < MAX_ANSWER - 1)
			answer[n++] = c;
	}
	answer[n] = '\0';
	return n || got == 1;
}

/* From the terminal or a line of stdin; false at its end. */
static bool ask(const struct login *l, const char *prompt, bool secret, char answer[MAX_ANSWER])
{
	struct termios before, quiet;
	bool person = isatty(STDIN_FILENO) == 1, hide, got;

	if (l->o->login.no_input)
		return false;
	if (person)
		fputs(prompt, stderr);
	hide = person && secret && tcgetattr(STDIN_FILENO, &before) == 0;
	if (hide) {
		quiet = before;
		quiet.c_lflag &= ~(tcflag_t)ECHO;
		tcsetattr(STDIN_FILENO, TCSAFLUSH, &quiet);
	}
	got = read_line(STDIN_FILENO, answer);
	if (hide) {
		tcsetattr(STDIN_FILENO, TCSAFLUSH, &before);
		fputc('\n', stderr);
	}
	return got;
}

static int from_file(const char *path, char answer[MAX_ANSWER])
{
	struct tl_buf b = {0};
	int code = ctl_read_file(path, &b);

	if (code == CTL_OK && b.len >= MAX_ANSWER)
		code = ctl_fail(CTL_USAGE, "%s: too long", path);
	if (code == CTL_OK) {
		memcpy(answer, b.data ? (char *)b.data : "", b.len);
		answer[b.len] = '\0';
	}
	if (b.data)
		explicit_bzero(b.data, b.cap);
	tl_buf_free(&b);
	return code;
}

static int needed(const struct login *l, const char *what)
{
	char *text = l->state ? json_dumps(l->state, JSON_COMPACT) : NULL;

	if (text)
		puts(text);
	free(text);
	return ctl_fail(CTL_INPUT_NEEDED, "the login waits for input: %s", what);
}

/* The answer to a question: what a flag names comes first. */
static int answer_to(struct login *l, const struct question *q, char answer[MAX_ANSWER])
{
	const struct ctl_login *f = &l->o->login;
	const char *given = strcmp(q->field, "phone") == 0        ? f->phone
			    : strcmp(q->field, "email") == 0      ? f->email
			    : strcmp(q->field, "first_name") == 0 ? f->first_name
								  : NULL;
	bool code = strcmp(q->field, "code") == 0 || strcmp(q->field, "email_code") == 0;

	if (given && strlen(given) < MAX_ANSWER) {
		snprintf(answer, MAX_ANSWER, "%s", given);
		return CTL_OK;
	}
	if (code && f->code_fd >= 0)
		return read_line(f->code_fd, answer) ? CTL_OK : needed(l, q->field);
	if (strcmp(q->field, "password") == 0 && f->password_file) {
		if (l->used_file)
			return ctl_fail(CTL_REFUSED, "the password of the file was refused");
		l->used_file = true;
		return from_file(f->password_file, answer);
	}
	return ask(l, q->prompt, q->secret, answer) ? CTL_OK : needed(l, q->field);
}

/* ---- requests -------------------------------------------------------------------------------- */
static void wipe(struct ctl_params *p)
{
	if (p->text.data)
		explicit_bzero(p->text.data, p->text.cap);
	tl_buf_free(&p->text);
	*p = (struct ctl_params){0};
}

/* CTL_OK: there is a new state. The parameters are gone afterwards. */
static int request(struct login *l, const char *method, struct ctl_params *p)
{
	struct ctl_options plain = *l->o;
	struct ctl_slice answer, result;
	int code = ctl_params_string(p, "account", l->account);

	plain.account = NULL; /* it is among the parameters */
	if (code == CTL_OK)
		code = ctl_request(&l->conn, &plain, method, p, &answer);
	wipe(p);
	if (code != CTL_OK)
		return code;
	if (!ctl_member(answer, "result", &result)) {
		code = ctl_error(answer);
		return code != CTL_OK ? code : CTL_INTERNAL;
	}
	json_decref(l->state);
	l->state = json_loadb(result.p, result.n, 0, NULL);
	return l->state ? CTL_OK : ctl_fail(CTL_INTERNAL, "an answer that is no object");
}

static const char *text_of(const struct login *l, const char *key)
{
	const char *text = json_string_value(json_object_get(l->state, key));

	return text ? text : "";
}

static bool is(const struct login *l, const char *state)
{
	return strcmp(text_of(l, "state"), state) == 0;
}

/* ---- what a person should know --------------------------------------------------------------- */
static void explain(const struct login *l)
{
	static const char *const keys[] = {"via",   "beginning", "pattern", "prefix",        "url",
					   "email", "next",      "hint",    "recovery_email"};
	const char *gap = "";

	if (isatty(STDIN_FILENO) != 1)
		return;
	if (*text_of(l, "terms"))
		fprintf(stderr, "%s\n", text_of(l, "terms"));
	for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
		if (!*text_of(l, keys[i]))
			continue;
		fprintf(stderr, "%s%s: %s", gap, keys[i], text_of(l, keys[i]));
		gap = ", ";
	}
	if (*gap)
		fputc('\n', stderr);
}

/* Over the one before, when that is still on the screen. */
static void show_qr(struct login *l)
{
	const char *url = text_of(l, "url");

	if (strcmp(url, l->url) == 0)
		return;
	snprintf(l->url, sizeof l->url, "%s", url);
	if (isatty(STDERR_FILENO) != 1) {
		fprintf(stderr, "%s\n", url);
		return;
	}
	if (l->lines)
		fprintf(stderr, "\033[%dA", l->lines + 1);
	l->lines = ctl_qr_draw(stderr, url);
	fprintf(stderr, "Scan it in a Telegram app: Settings, Devices, Link Desktop Device.\n");
}

/* ---- the conversation ------------------------------------------------------------------------ */
static int put_names(struct login *l, struct ctl_params *p)
{
	const struct ctl_login *f = &l->o->login;
	char answer[MAX_ANSWER];
	int code = CTL_OK;

	if (f->last_name)
		code = ctl_params_string(p, "last_name", f->last_name);
	if (code != CTL_OK || !*text_of(l, "terms"))
		return code;
	if (!f->accept_terms && (!ask(l, "Do you accept these terms? (yes) ", false, answer) ||
				 (*answer && strcmp(answer, "yes") != 0)))
		return needed(l, "--accept-terms");
	return ctl_params_argument(p, "terms:=true");
}

/* What a person who answers nothing may have meant; NULL: nothing. */
static const char *instead(const struct login *l)
{
	if (is(l, "wait_code") && *text_of(l, "next"))
		return "resend_code";
	if (is(l, "wait_password") && json_is_true(json_object_get(l->state, "has_recovery")))
		return "recover_password";
	return NULL;
}

/* A refused step keeps the state: a person is asked again, a script is told. */
static int submit(struct login *l, const struct question *q)
{
	bool person = isatty(STDIN_FILENO) == 1 && !l->o->login.no_input;
	const char *method = "login_submit";
	char answer[MAX_ANSWER];
	struct ctl_params p = {0};
	int code;

	explain(l);
	if (q != &recovery && person && instead(l))
		fputs(is(l, "wait_code") ? "(nothing: send it by the next way)\n"
					 : "(nothing: recover it by e-mail)\n",
		      stderr);
	code = answer_to(l, q, answer);
	if (code != CTL_OK)
		return code;
	if (!*answer && q != &recovery && person && instead(l)) {
		method = instead(l);
	} else {
		code = ctl_params_string(&p, q->field, answer);
	}
	explicit_bzero(answer, sizeof answer);
	if (code == CTL_OK && strcmp(q->state, "wait_signup") == 0)
		code = put_names(l, &p);
	if (code != CTL_OK) {
		wipe(&p);
		return code;
	}
	code = request(l, method, &p);
	if (code == CTL_OK && strcmp(method, "resend_code") == 0)
		code = request(l, "login_state", &p); /* it answers in words of its own */
	if ((code == CTL_REFUSED || code == CTL_NOT_PERMITTED || code == CTL_RATE_LIMITED) &&
	    person) {
		int now = request(l, "login_state", &p);

		return now == CTL_OK && strncmp(text_of(l, "state"), "wait_", 5) == 0 ? CTL_OK
										      : code;
	}
	return code;
}

static int finish(const struct login *l, int code)
{
	char *text =
		json_dumps(l->state, isatty(STDOUT_FILENO) == 1 ? JSON_INDENT(2) : JSON_COMPACT);

	if (text)
		puts(text);
	free(text);
	return code;
}

static int converse(struct login *l)
{
	const struct question *end = questions + sizeof questions / sizeof questions[0], *q;
	struct ctl_params p = {0};
	int code = CTL_OK;

	while (code == CTL_OK) {
		if (is(l, "ready"))
			return finish(l, CTL_OK);
		for (q = questions; q < end && !is(l, q->state); q++)
			;
		if (q < end) {
			bool recovers = is(l, "wait_password") && *text_of(l, "recovery_email");

			code = submit(l, recovers ? &recovery : q);
			continue;
		}
		if (is(l, "wait_qr"))
			show_qr(l);
		else if (is(l, "wait_payment"))
			return needed(l, "a payment, in an app of Telegram's");
		else if (!is(l, "connecting"))
			return finish(l, CTL_REFUSED);
		usleep(POLL_MS * 1000);
		code = request(l, "login_state", &p);
	}
	return code;
}

/* The method's own secret or name, before the machine is started. */
static int put_start(struct login *l, const char *method, struct ctl_params *p)
{
	static const struct question token = {"", "token", "Bot token: ", true},
				     phone = {"", "phone", "Phone number: ", false};
	const char *file = l->o->login.token_file;
	char answer[MAX_ANSWER];
	int code;

	if (strcmp(method, "qr") == 0)
		return CTL_OK;
	if (strcmp(method, "phone") == 0)
		code = answer_to(l, &phone, answer);
	else
		code = file ? from_file(file, answer) : answer_to(l, &token, answer);
	if (code != CTL_OK)
		return code;
	code = ctl_params_string(p, strcmp(method, "phone") == 0 ? "phone" : "token", answer);
	explicit_bzero(answer, sizeof answer);
	return code;
}

static bool waits(const struct login *l)
{
	return strncmp(text_of(l, "state"), "wait_", 5) == 0 || is(l, "connecting");
}

/* method NULL: a login is under way, perhaps since before a restart of the daemon. */
static int begin(struct login *l, const char *method)
{
	struct ctl_params p = {0};
	int code;

	if (!method) {
		code = request(l, "login_state", &p);
		return code != CTL_OK || waits(l)
			       ? code
			       : ctl_fail(CTL_USAGE, "no login waits there: login [ACCOUNT] "
						     "bot|phone|qr begins one");
	}
	code = ctl_params_string(&p, "method", method);
	if (code == CTL_OK)
		code = put_start(l, method, &p);
	if (code == CTL_OK)
		code = request(l, "login", &p);
	wipe(&p);
	return code;
}

static bool is_method(const char *word)
{
	return strcmp(word, "bot") == 0 || strcmp(word, "phone") == 0 || strcmp(word, "qr") == 0;
}

int ctl_command_login(const struct ctl_options *o, char **args)
{
	struct login l = {.o = o, .account = o->account ? o->account : "main", .conn = {.fd = -1}};
	int code;

	if (args[0] && (args[1] || !is_method(args[0])))
		l.account = *args++;
	if (args[0] && (!is_method(args[0]) || args[1]))
		return ctl_fail(CTL_USAGE, "login [ACCOUNT] [bot|phone|qr]");
	code = ctl_connect(&l.conn, o, false);
	if (code == CTL_OK)
		code = begin(&l, args[0]);
	if (code == CTL_OK)
		code = converse(&l);
	if (code == CTL_UNREACHABLE && l.state)
		fprintf(stderr, "When layerd runs again: layerctl login %s goes on here.\n",
			l.account);
	json_decref(l.state);
	ctl_disconnect(&l.conn);
	return code;
}

int ctl_command_logout(const struct ctl_options *o, char **args)
{
	struct ctl_options plain = *o;
	struct ctl_params p = {0};
	int code;

	if (args[0])
		plain.account = *args++;
	if (args[0])
		return ctl_fail(CTL_USAGE, "logout [ACCOUNT]");
	code = ctl_call(&plain, "sign_out", &p);
	tl_buf_free(&p.text);
	return code;
}
