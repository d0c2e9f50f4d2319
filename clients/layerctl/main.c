/* layerctl: the command line of layerd. Flags, the table of commands, and those commands that are
 * one call. It knows nothing of Telegram: it speaks JSON-RPC on the daemon's socket. */
#include "clients/layerctl/layerctl.h"

#include <stdlib.h>
#include <string.h>

/* Calls unless something went wrong before; the parameters are gone afterwards. */
static int finish(const struct ctl_options *o, int code, const char *method, struct ctl_params *p)
{
	if (code == CTL_OK)
		code = ctl_call(o, method, p);
	tl_buf_free(&p->text);
	return code;
}

static int command_call(const struct ctl_options *o, char **args)
{
	struct ctl_params p = {0};
	int code;

	if (!args[0])
		return ctl_fail(CTL_USAGE, "call METHOD [PARAMETERS]");
	code = ctl_params_arguments(&p, args + 1);
	return finish(o, code, args[0], &p);
}

static int command_send(const struct ctl_options *o, char **args)
{
	struct ctl_params p = {0};
	struct tl_buf text = {0};
	int code;

	if (!args[0] || !args[1])
		return ctl_fail(CTL_USAGE, "send PEER TEXT [PARAMETERS]");
	code = ctl_params_string(&p, "peer", args[0]);
	if (code == CTL_OK && strcmp(args[1], "-") == 0) {
		code = ctl_read_file("-", &text);
		tl_put_u8(&text, 0);
		if (code == CTL_OK && text.err)
			code = ctl_fail(CTL_INTERNAL, "out of memory");
	}
	if (code == CTL_OK)
		code = ctl_params_string(&p, "text", text.data ? (char *)text.data : args[1]);
	tl_buf_free(&text);
	if (code == CTL_OK)
		code = ctl_params_arguments(&p, args + 2);
	return finish(o, code, "send_message", &p);
}

static int command_accounts(const struct ctl_options *o, char **args)
{
	struct ctl_params p = {0};
	int code = ctl_params_arguments(&p, args);

	return finish(o, code, "list_accounts", &p);
}

static int command_consumers(const struct ctl_options *o, char **args)
{
	struct ctl_params p = {0};
	const char *method = "list_consumers";
	int code = CTL_OK;

	if (args[0] && args[1] && strcmp(args[0], "remove") == 0 && !args[2]) {
		method = "remove_consumer";
	} else if (args[0] && args[1] && args[2] && strcmp(args[0], "seek") == 0 && !args[3]) {
		method = "seek_consumer";
		code = ctl_params_string(&p, "to", args[2]);
	} else if (args[0]) {
		return ctl_fail(CTL_USAGE, "consumers [remove NAME | seek NAME now|oldest|SEQ]");
	}
	if (code == CTL_OK && args[0])
		code = ctl_params_string(&p, "consumer", args[1]);
	return finish(o, code, method, &p);
}

static int command_status(const struct ctl_options *o, char **args)
{
	struct ctl_params p = {0};
	int code = ctl_params_arguments(&p, args);

	return finish(o, code, "status", &p);
}

static int command_help(const struct ctl_options *o, char **args)
{
	struct ctl_params p = {0};
	int code;

	if (!args[0]) {
		ctl_usage(stdout);
		return CTL_OK;
	}
	code = ctl_params_string(&p, "name", args[0]);
	return finish(o, code, "help", &p);
}

static const struct {
	const char *name;
	int (*run)(const struct ctl_options *o, char **args);
} commands[] = {
	{"call", command_call},         {"send", command_send},
	{"watch", ctl_command_watch},   {"wait", ctl_command_wait},
	{"login", ctl_command_login},   {"logout", ctl_command_logout},
	{"accounts", command_accounts}, {"status", command_status},
	{"help", command_help},         {"consumers", command_consumers},
};

/* ---- flags: anywhere before --, and -5 is a number, not a flag ----------------------------------
 */
enum { /* control characters, which nobody types */
       NO_INPUT = 1,
       TOKEN_FILE,
       PASSWORD_FILE,
       CODE_FD,
       PHONE,
       EMAIL,
       FIRST_NAME,
       LAST_NAME,
       ACCEPT_TERMS
};
static const struct flag {
	const char *name;
	char letter;
	bool value;
} flags[] = {
	{"socket", 's', true},
	{"account", 'a', true},
	{"timeout", 't', true},
	{"count", 'n', true},
	{"raw", 'r', false},
	{"help", 'h', false},
	{"version", 'V', false},
	{"consumer", 'c', true},
	{"exec", 'x', true},
	{"tries", 'T', true},
	/* of login: no letters */
	{"no-input", NO_INPUT, false},
	{"token-file", TOKEN_FILE, true},
	{"password-file", PASSWORD_FILE, true},
	{"code-fd", CODE_FD, true},
	{"phone", PHONE, true},
	{"email", EMAIL, true},
	{"first-name", FIRST_NAME, true},
	{"last-name", LAST_NAME, true},
	{"accept-terms", ACCEPT_TERMS, false},
};

/* The flag that arg names; *ret_value is what follows its = sign. */
static const struct flag *find_flag(const char *arg, const char **ret_value)
{
	*ret_value = NULL;
	for (size_t i = 0; i < sizeof flags / sizeof flags[0]; i++) {
		size_t n = strlen(flags[i].name);

		if (arg[1] == flags[i].letter && !arg[2])
			return &flags[i];
		if (arg[1] != '-' || strncmp(arg + 2, flags[i].name, n) != 0)
			continue;
		if (!arg[2 + n])
			return &flags[i];
		if (arg[2 + n] == '=' && flags[i].value) {
			*ret_value = arg + 3 + n;
			return &flags[i];
		}
	}
	return NULL;
}

static int set_login_flag(struct ctl_login *l, char letter, const char *value)
{
	char *end = NULL;

	switch (letter) {
	case NO_INPUT:
		l->no_input = true;
		break;
	case TOKEN_FILE:
		l->token_file = value;
		break;
	case PASSWORD_FILE:
		l->password_file = value;
		break;
	case CODE_FD:
		l->code_fd = (int)strtol(value, &end, 10);
		if (end == value || *end || l->code_fd < 0)
			return ctl_fail(CTL_USAGE, "--code-fd takes a descriptor, not %s", value);
		break;
	case PHONE:
		l->phone = value;
		break;
	case EMAIL:
		l->email = value;
		break;
	case FIRST_NAME:
		l->first_name = value;
		break;
	case LAST_NAME:
		l->last_name = value;
		break;
	case ACCEPT_TERMS:
		l->accept_terms = true;
		break;
	}
	return CTL_OK;
}

static int set_flag(struct ctl_options *o, char letter, const char *value)
{
	char *end = NULL;

	switch (letter) {
	case 's':
		o->socket = value;
		break;
	case 'a':
		o->account = value;
		break;
	case 'r':
		o->raw = true;
		break;
	case 't':
		o->timeout = strtod(value, &end);
		if (end == value || *end || !(o->timeout > 0 && o->timeout < 1e9))
			return ctl_fail(CTL_USAGE, "--timeout takes seconds, not %s", value);
		break;
	case 'n':
		o->count = strtol(value, &end, 10);
		if (end == value || *end || o->count < 1)
			return ctl_fail(CTL_USAGE, "--count takes a number, not %s", value);
		break;
	case 'c':
		o->consumer = value;
		break;
	case 'x':
		o->exec = value;
		break;
	case 'T':
		o->tries = strtol(value, &end, 10);
		if (end == value || *end || o->tries < 1)
			return ctl_fail(CTL_USAGE, "--tries takes a number, not %s", value);
		break;
	case 'h':
		ctl_usage(stdout);
		exit(CTL_OK);
	case 'V':
		printf("layerctl %s\n", LAYERD_VERSION);
		exit(CTL_OK);
	}
	return set_login_flag(&o->login, letter, value);
}

/* Takes the flags out of argv; what stays is ended by NULL. */
static int take_flags(char **argv, struct ctl_options *o)
{
	char **out = argv + 1;
	int code = CTL_OK;

	for (char **in = argv + 1; *in && code == CTL_OK; in++) {
		const char *arg = *in, *value;
		const struct flag *flag;

		if (strcmp(arg, "--") == 0) {
			while (*++in)
				*out++ = *in;
			break;
		}
		if (arg[0] != '-' || !arg[1] || (arg[1] >= '0' && arg[1] <= '9')) {
			*out++ = *in;
			continue;
		}
		flag = find_flag(arg, &value);
		if (!flag)
			return ctl_fail(CTL_USAGE, "no such flag: %s (layerctl --help)", arg);
		if (flag->value && !value && !(value = *++in))
			return ctl_fail(CTL_USAGE, "%s wants a value", arg);
		code = set_flag(o, flag->letter, value);
	}
	*out = NULL;
	return code;
}

int main(int argc, char **argv)
{
	struct ctl_options o = {.login.code_fd = -1};
	int code;

	if (argc < 2) {
		ctl_usage(stderr);
		return CTL_USAGE;
	}
	code = take_flags(argv, &o);
	if (code != CTL_OK)
		return code;
	if (!argv[1]) {
		ctl_usage(stderr);
		return CTL_USAGE;
	}
	for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++)
		if (strcmp(commands[i].name, argv[1]) == 0)
			return commands[i].run(&o, argv + 2);
	return ctl_fail(CTL_USAGE,
			"no such command: %s (layerctl --help); methods are called with: call %s",
			argv[1], argv[1]);
}
