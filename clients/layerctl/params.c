/* Parameters from the command line: k=text, k:=JSON, k:@FILE and whole objects, written as JSON
 * text. Keys point into the arguments, which live as long as the program. */
#include "clients/layerctl/layerctl.h"

#include <ctype.h>
#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

static bool have(const struct ctl_params *p, const char *key, size_t n)
{
	for (unsigned i = 0; i < p->count; i++)
		if (p->key_lengths[i] == n && memcmp(p->keys[i], key, n) == 0)
			return true;
	return false;
}

bool ctl_params_have(const struct ctl_params *p, const char *key)
{
	return have(p, key, strlen(key));
}

/* Writes "key": and remembers it; what follows is the caller's. */
static int begin(struct ctl_params *p, const char *key, size_t n)
{
	if (have(p, key, n))
		return ctl_fail(CTL_USAGE, "parameter %.*s is given twice", (int)n, key);
	if (p->count == sizeof p->keys / sizeof p->keys[0])
		return ctl_fail(CTL_USAGE, "more than %u parameters", p->count);
	p->keys[p->count] = key;
	p->key_lengths[p->count++] = n;
	if (p->text.len > 0)
		tl_put_u8(&p->text, ',');
	tl_js_string(&p->text, key, n);
	tl_put_u8(&p->text, ':');
	return CTL_OK;
}

int ctl_params_string(struct ctl_params *p, const char *key, const char *value)
{
	int code = begin(p, key, strlen(key));

	if (code == CTL_OK)
		tl_js_string(&p->text, value, strlen(value));
	return code;
}

bool ctl_params_drop(struct ctl_params *p, const char *key)
{
	struct tl_buf object = {0};
	json_t *value;
	char *text = NULL;

	tl_put_u8(&object, '{');
	tl_put(&object, p->text.data, p->text.len);
	tl_put_u8(&object, '}');
	value = json_loadb((const char *)object.data, object.len, JSON_ALLOW_NUL, NULL);
	tl_buf_free(&object);
	if (json_object_del(value, key) == 0)
		text = json_dumps(value, JSON_COMPACT);
	json_decref(value);
	if (!text)
		return false;
	tl_buf_clear(&p->text);
	tl_put(&p->text, text + 1, strlen(text) - 2);
	free(text);
	return true;
}

int ctl_params_number(struct ctl_params *p, const char *key, double value)
{
	int code = begin(p, key, strlen(key));

	if (code == CTL_OK && value == (double)(int64_t)value)
		tl_js_int(&p->text, (int64_t)value);
	else if (code == CTL_OK)
		tl_js_double(&p->text, value);
	return code;
}

int ctl_read_file(const char *path, struct tl_buf *out)
{
	FILE *f = strcmp(path, "-") == 0 ? stdin : fopen(path, "rbe");
	size_t n = 1;
	bool bad;

	if (!f)
		return ctl_fail(CTL_USAGE, "%s: %s", path, strerror(errno));
	out->limit = CTL_MAX_INPUT;
	while (n > 0) {
		uint8_t *room = tl_buf_extend(out, 4096);

		if (!room)
			break;
		n = fread(room, 1, 4096, f);
		out->len -= 4096 - n;
	}
	bad = ferror(f);
	if (f != stdin)
		fclose(f);
	if (out->err)
		return ctl_fail(CTL_USAGE, "%s: more than %u bytes", path, CTL_MAX_INPUT);
	if (bad)
		return ctl_fail(CTL_USAGE, "%s: cannot be read", path);
	if (out->len > 0 && out->data[out->len - 1] == '\n')
		out->len--;
	if (out->len > 0 && out->data[out->len - 1] == '\r')
		out->len--;
	return CTL_OK;
}

/* Checks the text and leaves it as it is: the daemon sees what the user wrote. */
static int put_json(struct ctl_params *p, const char *key, size_t key_length, const char *text,
		    size_t n)
{
	json_error_t why;
	json_t *value = json_loadb(text, n, JSON_DECODE_ANY | JSON_ALLOW_NUL, &why);

	if (!value)
		return ctl_fail(CTL_USAGE, "%.*s: not JSON at character %d: %s", (int)key_length,
				key, why.position, why.text);
	json_decref(value);
	for (size_t i = 0; i < n; i++) /* a line is a line */
		tl_put_u8(&p->text, text[i] == '\n' || text[i] == '\r' ? ' ' : (uint8_t)text[i]);
	return CTL_OK;
}

static int put_object(struct ctl_params *p, const char *text, size_t n)
{
	const char *end = text + n;
	size_t mark = p->text.len;
	int code;

	if (mark > 0)
		tl_put_u8(&p->text, ',');
	mark = p->text.len;
	code = put_json(p, "parameters", strlen("parameters"), text, n);
	if (code != CTL_OK || p->text.err)
		return code;
	while (end > text && end[-1] != '}')
		end--, p->text.len--;
	p->text.len--;
	p->text.data[mark] = ' '; /* the brace: what stays are the members */
	for (size_t i = mark; i < p->text.len; i++)
		if (!isspace(p->text.data[i]))
			return CTL_OK;
	p->text.len = mark > 0 ? mark - 1 : 0; /* it was empty */
	return CTL_OK;
}

static void put_list(struct ctl_params *p, const char *value)
{
	char open = '[';

	for (;;) {
		size_t n = strcspn(value, ",");

		tl_put_u8(&p->text, (uint8_t)open);
		tl_js_string(&p->text, value, n);
		open = ',';
		if (!value[n])
			break;
		value += n + 1;
	}
	tl_put_u8(&p->text, ']');
}

static bool is_list(const struct ctl_params *p, const char *key, size_t n, const char *value)
{
	static const char *const names[] = {"types", "peers", "from", "accounts"};

	if (!p->comma_lists || strcmp(value, "*") == 0)
		return false;
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
		if (strlen(names[i]) == n && memcmp(key, names[i], n) == 0)
			return true;
	return false;
}

static int put_file(struct ctl_params *p, const char *key, size_t n, const char *path, bool json)
{
	struct tl_buf text = {0};
	int code = ctl_read_file(path, &text);

	if (code == CTL_OK)
		code = begin(p, key, n);
	if (code == CTL_OK && json)
		code = put_json(p, key, n, (const char *)text.data, text.len);
	else if (code == CTL_OK)
		tl_js_string(&p->text, text.len ? (const char *)text.data : "", text.len);
	tl_buf_free(&text);
	return code;
}

int ctl_params_argument(struct ctl_params *p, const char *arg)
{
	size_t n = 0;
	int code;

	if (arg[0] == '{')
		return put_object(p, arg, strlen(arg));
	while (isalnum((unsigned char)arg[n]) || arg[n] == '_' || arg[n] == '.' || arg[n] == '-')
		n++;
	if (n > 0 && strncmp(arg + n, ":=@", 3) == 0)
		return put_file(p, arg, n, arg + n + 3, true);
	if (n > 0 && strncmp(arg + n, ":@", 2) == 0)
		return put_file(p, arg, n, arg + n + 2, false);
	if (n == 0 || (arg[n] != '=' && strncmp(arg + n, ":=", 2) != 0))
		return ctl_fail(CTL_USAGE,
				"%s: parameters look like k=text, k:=JSON, k:@FILE or {\"k\":…}",
				arg);
	code = begin(p, arg, n);
	if (code != CTL_OK)
		return code;
	if (arg[n] == ':')
		return put_json(p, arg, n, arg + n + 2, strlen(arg + n + 2));
	if (is_list(p, arg, n, arg + n + 1))
		put_list(p, arg + n + 1);
	else
		tl_js_string(&p->text, arg + n + 1, strlen(arg + n + 1));
	return CTL_OK;
}

int ctl_params_arguments(struct ctl_params *p, char **args)
{
	for (; *args; args++) {
		int code = ctl_params_argument(p, *args);

		if (code != CTL_OK)
			return code;
	}
	return CTL_OK;
}
