/* The vector reader of proto's unit tests, and repeatable randomness. */
#include "tests/unit/proto/vectors.h"

/* jansson refuses integers over 63 bits; such a number (20 digits) becomes a text. */
static json_t *load_wide(const char *path, json_error_t *err)
{
	struct tl_buf text = {0};
	char line[65536];
	FILE *f = fopen(path, "rb");
	json_t *root;

	CHECK(f);
	while (fgets(line, sizeof line, f)) {
		char *value = strstr(line, "\": ");
		size_t n = value ? strspn(value + 3, "0123456789") : 0;

		if (n < 20) {
			tl_put_text(&text, line);
			continue;
		}
		tl_put(&text, line, (size_t)(value + 3 - line));
		tl_put_u8(&text, '"');
		tl_put(&text, value + 3, n);
		tl_put_u8(&text, '"');
		tl_put_text(&text, value + 3 + n);
	}
	fclose(f);
	CHECK(!text.err);
	root = json_loadb((const char *)text.data, text.len, 0, err);
	tl_buf_free(&text);
	return root;
}

json_t *vectors_load(const char *file)
{
	static struct {
		char name[32];
		json_t *root;
	} kept[16];
	json_error_t err;
	json_t *list;
	size_t i = 0;

	while (kept[i].root && strcmp(kept[i].name, file) != 0)
		CHECK(++i < 16);
	if (!kept[i].root) {
		CHECK(strlen(file) < sizeof kept[i].name);
		memcpy(kept[i].name, file, strlen(file));
		kept[i].root = load_wide(test_vectors(file), &err);
	}
	if (!kept[i].root)
		test_fail(__FILE__, __LINE__, "%s: %s", file, err.text);
	list = json_incref(json_object_get(kept[i].root, "vectors"));
	CHECK(json_is_array(list));
	return list;
}

const char *vector_text(const json_t *v, const char *name)
{
	const json_t *m = json_object_get(v, name);

	if (!json_is_string(m))
		test_fail(__FILE__, __LINE__, "no text %s", name);
	return json_string_value(m);
}

long long vector_int(const json_t *v, const char *name)
{
	const json_t *m = json_object_get(v, name);

	if (!json_is_integer(m))
		test_fail(__FILE__, __LINE__, "no number %s", name);
	return json_integer_value(m);
}

uint64_t vector_hex64(const json_t *v, const char *name)
{
	return strtoull(vector_text(v, name), NULL, 16);
}

bool vector_has(const json_t *v, const char *name)
{
	const json_t *m = json_object_get(v, name);

	return m && !json_is_null(m);
}

size_t vector_hex(const json_t *v, const char *name, void *out, size_t max)
{
	const char *hex = vector_text(v, name);
	char digit[3] = {'0', hex[0], 0};

	if (strlen(hex) % 2 == 0)
		return test_unhex(hex, out, max);
	CHECK(max >= 1);
	return test_unhex(digit, out, 1) + test_unhex(hex + 1, (uint8_t *)out + 1, max - 1);
}

void vector_number(const json_t *v, const char *name, uint8_t *out, size_t n)
{
	uint8_t raw[512];
	size_t got = vector_hex(v, name, raw, sizeof raw);

	CHECK(got <= n);
	memset(out, 0, n - got);
	memcpy(out + n - got, raw, got);
}

uint8_t *vector_bytes(const json_t *v, const char *name, size_t *ret_n)
{
	const char *hex = vector_text(v, name);
	size_t n = strlen(hex) / 2;
	uint8_t *p = malloc(n + 1);

	*ret_n = test_unhex(hex, p, n);
	return p;
}

const json_t *vectors_find(const json_t *list, const char *id)
{
	size_t i;
	json_t *v;

	json_array_foreach(list, i, v) if (strcmp(vector_text(v, "id"), id) == 0) return v;
	test_fail(__FILE__, __LINE__, "no vector %s", id);
}

static bool fits(const char *pattern, const char *id)
{
	size_t n = strlen(pattern);

	if (n && pattern[n - 1] == '*')
		return strncmp(pattern, id, n - 1) == 0;
	return strcmp(pattern, id) == 0;
}

unsigned vectors_run(const char *file, const struct vector_row *rows, unsigned *ret_elsewhere)
{
	json_t *list = vectors_load(file), *v;
	unsigned checked = 0;
	size_t i;

	*ret_elsewhere = 0;
	json_array_foreach(list, i, v)
	{
		const char *id = vector_text(v, "id");
		const struct vector_row *r = rows;

		while (r->id && !fits(r->id, id))
			r++;
		if (!r->id)
			test_fail(__FILE__, __LINE__, "%s: %s has no row", file, id);
		if (r->check) {
			if (getenv("V"))
				printf("%s\n", id);
			r->check(v);
			checked++;
		} else {
			CHECK(r->elsewhere);
			(*ret_elsewhere)++;
		}
	}
	json_decref(list);
	return checked;
}

uint64_t splitmix(uint64_t *state)
{
	uint64_t z = *state += 0x9e3779b97f4a7c15u;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
	z = (z ^ z >> 27) * 0x94d049bb133111ebu;
	return z ^ z >> 31;
}

void fixed_random(void *ctx, void *out, size_t n)
{
	struct fixed_random *r = ctx;
	uint8_t *p = out;

	for (; n; n--)
		*p++ = r->at < r->n ? r->data[r->at++] : (uint8_t)splitmix(&r->state);
}

struct mt_env fixed_env(struct fixed_random *r)
{
	return (struct mt_env){.random = fixed_random, .ctx = r};
}
