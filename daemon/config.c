/* Reading the configuration: file, then environment, then flags, later ones winning. */
#include "daemon/config.h"

#include "daemon/limits.h"
#include "daemon/options.h"

#include <errno.h>
#include <grp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MAX_FILE (1u << 20)
enum { FROM_DEFAULT, FROM_FILE, FROM_ENV, FROM_FLAG };

static int set_option(struct rpc_config *c, const char *where, const char *name, const char *value,
		      bool flag, char *why, size_t size)
{
	const struct rpc_option *o = rpc_option_find(name);
	char text[200];
	int err;

	if (!o || ((o->flags & RPC_O_FLAG) && !flag)) {
		rpc_option_hint(name, 0, flag ? 0 : RPC_O_FLAG, text, sizeof text);
		snprintf(why, size, "%s: unknown option %.40s%s", where, name, text);
		return -TG_E_INVALID_PARAMS;
	}
	if (o->value && (!value || !*value)) {
		snprintf(why, size, "%s: %s wants %s", where, name, o->value);
		return -TG_E_INVALID_PARAMS;
	}
	err = o->set(c, value ? value : "", text, sizeof text);
	if (err)
		snprintf(why, size, "%s: %s: %s", where, name, text);
	return err;
}

/* ---- the file -------------------------------------------------------------------------------- */
static bool name_ok(const char *name)
{
	size_t n = strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_-");

	return n && n <= 32 && !name[n] && name[0] >= 'a' && name[0] <= 'z';
}

/* What the lines below a [heading] are for; both NULL: options of the whole. */
struct section {
	struct rpc_account_config *account;
	struct rpc_acl **acl;
};

static int open_account(struct rpc_config *c, const char *name, struct rpc_account_config **ret)
{
	struct rpc_account_config *a, **end = &c->accounts;

	for (; *end; end = &(*end)->next) {
		if (strcmp((*end)->name, name) == 0) {
			*ret = *end;
			return 0;
		}
	}
	a = calloc(1, sizeof *a);
	if (!a)
		return -TG_E_NOMEM;
	memcpy(a->name, name, strlen(name) + 1);
	*ret = *end = a;
	return 0;
}

static int open_section(struct rpc_config *c, const char *where, char *line, struct section *ret,
			char *why, size_t size)
{
	char *stop = strchr(line, ']'), *name = line + 9;

	*ret = (struct section){NULL, NULL};
	if (strcmp(line, "[acl]") == 0) {
		ret->acl = &c->acl;
		return 0;
	}
	if (!stop || stop[1] || strncmp(line, "[account ", 9) != 0) {
		snprintf(why, size, "%s: a section is [account NAME] or [acl]", where);
		return -TG_E_INVALID_PARAMS;
	}
	*stop = '\0';
	if (!name_ok(name)) {
		snprintf(why, size, "%s: an account's name is a-z, then a-z 0-9 _ - (at most 32)",
			 where);
		return -TG_E_INVALID_PARAMS;
	}
	return open_account(c, name, &ret->account);
}

static int account_line(struct rpc_account_config *a, const char *where, const char *key,
			const char *value, char *why, size_t size)
{
	char text[200] = "";
	int err = rpc_option_account(a, key, value, text, sizeof text);

	if (err == -TG_E_NOT_FOUND) {
		rpc_option_hint(key, RPC_O_ACCOUNT, 0, text, sizeof text);
		snprintf(why, size, "%s: unknown key %.40s of an account%s", where, key, text);
	} else if (err) {
		snprintf(why, size, "%s: %s: %s", where, key, text);
	}
	return err;
}

static int acl_line(struct rpc_acl **acl, const char *where, const char *who, const char *role,
		    char *why, size_t size)
{
	char text[200] = "";
	int err = rpc_acl_add(acl, who, role, text, sizeof text);

	if (err)
		snprintf(why, size, "%s: [acl]: %s", where, text);
	return err;
}

/* key value, key=value or key = value; the key is cut off in place. */
static char *split(char *line)
{
	char *p = line + strcspn(line, " \t=");

	if (!*p)
		return p;
	*p++ = '\0';
	p += strspn(p, " \t=");
	if (*p == '"' && strlen(p) > 1 && p[strlen(p) - 1] == '"') {
		p[strlen(p) - 1] = '\0';
		p++;
	}
	return p;
}

int rpc_config_parse(struct rpc_config *c, const char *name, const char *text, char *why,
		     size_t size)
{
	struct section in = {NULL, NULL};
	char line[512], where[300];
	unsigned number = 0;
	int err = 0;

	c->rank = FROM_FILE;
	while (!err && *text) {
		size_t n = strcspn(text, "\n"), from = strspn(text, " \t"), end = n;

		snprintf(where, sizeof where, "%.250s:%u", name, ++number);
		while (end > from && strchr(" \t\r", text[end - 1]))
			end--;
		if (end > from && end - from >= sizeof line) {
			snprintf(why, size, "%s: the line is too long", where);
			return -TG_E_INVALID_PARAMS;
		}
		snprintf(line, sizeof line, "%.*s", end > from ? (int)(end - from) : 0,
			 text + from);
		text += n + (text[n] == '\n');
		if (!line[0] || line[0] == '#')
			continue;
		if (line[0] == '[') {
			err = open_section(c, where, line, &in, why, size);
		} else {
			char *value = split(line);

			err = in.acl       ? acl_line(in.acl, where, line, value, why, size)
			      : in.account ? account_line(in.account, where, line, value, why, size)
					   : set_option(c, where, line, value, false, why, size);
		}
	}
	return err;
}

static int read_file(struct rpc_config *c, bool must, char *why, size_t size)
{
	FILE *f = fopen(c->file, "re");
	char *text;
	size_t n;
	int err;

	if (!f) {
		if (!must && (errno == ENOENT || errno == ENOTDIR)) {
			c->no_file = true;
			return 0;
		}
		snprintf(why, size, "%s: %s", c->file, strerror(errno));
		return -TG_E_FILE_ACCESS;
	}
	text = malloc(MAX_FILE + 1);
	n = text ? fread(text, 1, MAX_FILE + 1, f) : 0;
	if (!text || ferror(f)) {
		snprintf(why, size, "%s: %s", c->file, strerror(errno)); /* a folder, say */
		err = -TG_E_FILE_ACCESS;
	} else if (n > MAX_FILE) {
		snprintf(why, size, "%s: larger than 1 MiB", c->file);
		err = -TG_E_TOO_LARGE;
	} else {
		text[n] = '\0';
		err = rpc_config_parse(c, c->file, text, why, size);
	}
	fclose(f);
	if (text)
		mt_wipe(text, n);
	free(text);
	return err;
}

/* ---- environment and flags ------------------------------------------------------------------- */
static const char *env_get(char **env, const char *name)
{
	size_t n = strlen(name);

	for (; env && *env; env++)
		if (strncmp(*env, name, n) == 0 && (*env)[n] == '=')
			return *env + n + 1;
	return NULL;
}

static int read_env(struct rpc_config *c, char **env, char *why, size_t size)
{
	char name[64] = "LAYERD_";
	const char *v;
	int err = 0;

	c->rank = FROM_ENV;
	for (unsigned i = 0; !err && i < rpc_option_count; i++) {
		const struct rpc_option *o = &rpc_options[i];
		size_t n = 7;

		if (o->flags & RPC_O_FLAG)
			continue;
		for (const char *p = o->name; *p; p++)
			name[n++] = *p == '-' ? '_' : (char)(*p - 'a' + 'A');
		name[n] = '\0';
		v = env_get(env, name);
		if (v && *v)
			err = set_option(c, name, o->name, v, false, why, size);
	}
	return err;
}

/* What counts before any file is read. */
static bool comes_first(const struct rpc_option *o)
{
	return o && (strcmp(o->name, "config") == 0 || strcmp(o->name, "help") == 0 ||
		     strcmp(o->name, "version") == 0);
}

/* --name VALUE, --name=VALUE, --switch, --no-switch. */
static int read_flags(struct rpc_config *c, int argc, char **argv, bool first, char *why,
		      size_t size)
{
	c->rank = FROM_FLAG;
	for (int i = 1; i < argc; i++) {
		char name[64], *eq = strchr(argv[i], '='), *value = eq ? eq + 1 : NULL,
			       no[] = "false";
		const struct rpc_option *o;
		int err;

		snprintf(name, sizeof name, "%.*s", eq ? (int)(eq - argv[i]) : 60, argv[i]);
		if (strncmp(name, "--", 2) != 0) {
			if (first)
				continue;
			snprintf(why, size, "%.40s: no such argument; layerd --help lists all",
				 name);
			return -TG_E_INVALID_PARAMS;
		}
		o = rpc_option_find(name + 2);
		if (!o && strncmp(name, "--no-", 5) == 0 && (o = rpc_option_find(name + 5)) &&
		    !o->value && !eq) {
			memmove(name + 2, name + 5, strlen(name + 5) + 1);
			value = no;
		}
		if (o && o->value && !value && i + 1 < argc) {
			if (strncmp(argv[i + 1], "--", 2) == 0) {
				snprintf(why, size, "%s needs a value (%s), not %.40s", name,
					 o->value, argv[i + 1]);
				return -TG_E_INVALID_PARAMS;
			}
			value = argv[++i];
		}
		if (first && !comes_first(o))
			continue;
		err = set_option(c, "command line", name + 2, value, true, why, size);
		if (o && (o->flags & RPC_O_SECRET) && value)
			memset(value, '0', strlen(value));
		if (err)
			return err;
	}
	return 0;
}

/* ---- defaults -------------------------------------------------------------------------------- */
static void default_path(char **env, const char *system, const char *xdg, const char *home,
			 const char *name, char *out, size_t size)
{
	const char *base = env_get(env, xdg), *h = env_get(env, "HOME");

	if (geteuid() == 0)
		snprintf(out, size, "%s/%s", system, name);
	else if (base && *base)
		snprintf(out, size, "%s/%s", base, name);
	else if (home && h && *h)
		snprintf(out, size, "%s/%s/%s", h, home, name);
	else
		out[0] = '\0';
}

/* It is wiped from where children and the curious could read it. */
static int take_session(struct rpc_config *c, char **env)
{
	char *text = (char *)env_get(env, "LAYERD_SESSION");

	if (!text || !*text)
		return 0;
	c->session = strdup(text);
	mt_wipe(text, strlen(text));
	return c->session ? 0 : -TG_E_NOMEM;
}

static int fill(struct rpc_config *c, char **env, char *why, size_t size)
{
	const char *dir = env_get(env, "CREDENTIALS_DIRECTORY"), *state;
	char path[300], text[200];

	if (!c->socket_count) {
		default_path(env, "/run", "XDG_RUNTIME_DIR", NULL, "layerd/layerd.sock",
			     c->sockets[0].path, sizeof c->sockets[0].path);
		c->sockets[0].role = -1;
		c->socket_count = c->sockets[0].path[0] != '\0';
	}
	state = env_get(env, "STATE_DIRECTORY");
	if (!c->state[0] && state)
		snprintf(c->state, sizeof c->state, "%s", state);
	if (!c->state[0])
		default_path(env, "/var/lib", "XDG_STATE_HOME", ".local/state", "layerd", c->state,
			     sizeof c->state);
	if (!c->state[0] && !c->memory) {
		snprintf(why, size, "no folder for the state: set --state or $HOME");
		return -TG_E_INVALID_PARAMS;
	}
	snprintf(path, sizeof path, "%s/db_key", dir ? dir : "");
	if (!c->key_file[0] && dir && access(path, R_OK) == 0)
		memcpy(c->key_file, path, sizeof path);
	snprintf(path, sizeof path, "%s/session", dir ? dir : "");
	if (!c->session_file[0] && dir && access(path, R_OK) == 0)
		memcpy(c->session_file, path, sizeof path);
	snprintf(path, sizeof path, "%s/api_hash", dir ? dir : "");
	if (!c->api_hash[0] && dir && access(path, R_OK) == 0) {
		struct rpc_config *to = c;

		if (rpc_option_find("api-hash-file")->set(to, path, text, sizeof text) != 0) {
			snprintf(why, size, "credential api_hash: %s", text);
			return -TG_E_INVALID_PARAMS;
		}
	}
	return 0;
}

/* A list that would take one user for another is no list. */
static int check_acl(const struct rpc_config *c, char *why, size_t size)
{
	char map[16384] = "", text[300]; /* 340 lines at most, of which the first are enough */
	FILE *f = c->acl ? fopen("/proc/self/uid_map", "re") : NULL;
	int err;

	if (f) {
		map[fread(map, 1, sizeof map - 1, f)] = '\0';
		fclose(f);
	}
	err = rpc_acl_check(c->acl, map, text, sizeof text);
	if (err)
		snprintf(why, size, "%s: %s", c->file, text);
	return err;
}

int rpc_config_read(int argc, char **argv, char **env, struct rpc_config **ret, char *why,
		    size_t size)
{
	struct rpc_config *c = calloc(1, sizeof *c);
	const char *v = env_get(env, "LAYERD_CONFIG");
	bool must;
	int err;

	if (!c)
		return -TG_E_NOMEM;
	c->log_level = RPC_INFO;
	c->catch_up = true;
	c->encryption = -1;
	c->journal = (struct rpc_journal_limits){RPC_MAX_JOURNAL_AGE, RPC_MAX_JOURNAL_BYTES};
	c->transport = (struct mt_transport){.framing = MT_PADDED, .obfuscated = true};
	err = read_flags(c, argc, argv, true, why, size);
	if (!err && (c->help || c->version))
		return *ret = c, 0;
	if (!err && !c->file[0] && v && *v)
		snprintf(c->file, sizeof c->file, "%s", v);
	must = c->file[0] != '\0';
	if (!must)
		default_path(env, "/etc", "XDG_CONFIG_HOME", ".config", "layerd/layerd.conf",
			     c->file, sizeof c->file);
	if (!err && c->file[0])
		err = read_file(c, must, why, size);
	if (!err)
		err = read_env(c, env, why, size);
	if (!err)
		err = read_flags(c, argc, argv, false, why, size);
	if (!err)
		err = check_acl(c, why, size);
	if (!err)
		err = take_session(c, env);
	if (!err)
		err = fill(c, env, why, size);
	if (err) {
		rpc_config_free(c);
		return err;
	}
	*ret = c;
	return 0;
}

/* Only an account that has never logged in needs it. */
static void check_readable(const char *what, const char *path)
{
	if (path[0] && access(path, R_OK) != 0)
		fprintf(stderr, "layerd: warning: %s %s: %s\n", what, path, strerror(errno));
}

int rpc_config_check_group(const struct rpc_config *c, char *why, size_t size)
{
	if (!c->socket_group[0] || getgrnam(c->socket_group))
		return 0;
	snprintf(why, size, "socket-group: there is no group %s", c->socket_group);
	return -TG_E_INVALID_PARAMS;
}

int rpc_config_check(const struct rpc_config *c, char *why, size_t size)
{
	check_readable("session-file", c->session_file);
	for (const struct rpc_account_config *a = c->accounts; a; a = a->next) {
		check_readable("token-file", a->token_file);
		check_readable("session-file", a->own.session_file);
	}
	return rpc_config_check_group(c, why, size);
}

void rpc_config_free(struct rpc_config *c)
{
	while (c && c->accounts) {
		struct rpc_account_config *a = c->accounts;

		c->accounts = a->next;
		mt_wipe(a, sizeof *a);
		free(a);
	}
	if (c)
		rpc_acl_free(c->acl);
	if (c && c->session)
		mt_wipe(c->session, strlen(c->session));
	if (c)
		free(c->session);
	if (c)
		mt_wipe(c, sizeof *c);
	free(c);
}

void rpc_config_help(struct tl_buf *out)
{
	char line[160];

	tl_put_text(out, "layerd: Telegram for any program, over JSON-RPC on a Unix socket.\n\n"
			 "Usage: layerd [OPTION]…\n\n");
	for (unsigned i = 0; i < rpc_option_count; i++) {
		const struct rpc_option *o = &rpc_options[i];

		snprintf(line, sizeof line, "  --%-17s %-14s%c%s\n", o->name,
			 o->value ? o->value : "", o->flags & RPC_O_ACCOUNT ? '*' : ' ', o->doc);
		tl_put_text(out, line);
	}
	tl_put_text(
		out,
		"\nA socket without a role: PATH-ro.sock is read, PATH-admin.sock admin; else a "
		"lone "
		"one of mode\n0600 is admin, any other send.\n"
		"A file holds the same options without dashes, one a line; [account NAME] "
		"begins what\nbelongs to one account: token-file, and those marked with *; [acl] "
		"what users may at most,\nwhatever the socket: lines USER = read|send|admin|none, "
		"USER a name, a uid, or * for all others.\nThe environment has options as "
		"LAYERD_API_ID and so on. Flags win over the environment, the\nenvironment over "
		"the file: that of --config or $LAYERD_CONFIG; else, as root,\n"
		"/etc/layerd/layerd.conf, and for all others "
		"$XDG_CONFIG_HOME/layerd/layerd.conf or\n~/.config/layerd/layerd.conf.\n");
}
