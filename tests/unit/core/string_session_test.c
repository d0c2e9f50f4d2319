/* Session strings: those that other libraries wrote, the own form there and back, and every way to
 * damage one. */
#include "core/string_session.h"
#include "tests/harness.h"

#include <jansson.h>

static int parse(struct tl_str text, struct tg_string_session *s)
{
	const char *why = NULL;
	int r = tg_string_session_parse(text, s, &why);

	CHECK((r == 0) == (why == NULL));
	CHECK(r == 0 || r == -TG_E_INVALID_PARAMS);
	return r;
}

static const char *text_of(const json_t *v, const char *key)
{
	return json_string_value(json_object_get(v, key));
}

static int64_t number_of(const json_t *v, const char *key)
{
	return json_integer_value(json_object_get(v, key));
}

static void check_peers(const json_t *v, const struct tg_string_session *s)
{
	const struct tg_string_session_channel *ch = (const void *)s->channels.data;
	const struct tg_string_session_peer *p = (const void *)s->peers.data;
	json_t *channels = json_object_get(v, "channels"), *peers = json_object_get(v, "peers"), *x;
	size_t i;

	CHECK_INT(s->channels.len / sizeof *ch, json_array_size(channels));
	CHECK_INT(s->peers.len / sizeof *p, json_array_size(peers));
	json_array_foreach(channels, i, x)
	{
		CHECK_INT(ch[i].id, json_integer_value(json_array_get(x, 0)));
		CHECK_INT(ch[i].pts, json_integer_value(json_array_get(x, 1)));
	}
	json_array_foreach(peers, i, x)
	{
		bool user = strcmp(json_string_value(json_array_get(x, 0)), "user") == 0;

		CHECK_INT(p[i].kind, user ? TG_PEER_USER : TG_PEER_CHANNEL);
		CHECK_INT(p[i].id, json_integer_value(json_array_get(x, 1)));
		CHECK_INT(p[i].access_hash, json_integer_value(json_array_get(x, 2)));
	}
}

static void check_vector(const json_t *v)
{
	struct tg_string_session s;
	int dc = (int)number_of(v, "dc");
	json_t *test = json_object_get(v, "test"), *bot = json_object_get(v, "bot");
	const struct tg_string_session_dc *main = NULL;

	CHECK_INT(parse(tl_str(text_of(v, "text")), &s), 0);
	CHECK_STR(s.origin, text_of(v, "origin"));
	CHECK_INT(s.main_dc, dc);
	for (unsigned i = 0; i < s.dc_count; i++)
		main = s.dcs[i].id == dc ? &s.dcs[i] : main;
	CHECK(main && main->has_key);
	for (unsigned i = 0; i < 256; i++)
		CHECK_INT(main->key[i], (uint8_t)(i * 7 + 1));
	CHECK_INT(s.self, number_of(v, "user"));
	if (test)
		CHECK(s.test_known && s.test == json_is_true(test));
	if (bot)
		CHECK(s.bot_known && s.bot == json_is_true(bot));
	CHECK_INT(s.has_state, json_object_get(v, "pts") != NULL);
	CHECK_INT(s.pts, number_of(v, "pts"));
	CHECK_INT(s.qts, number_of(v, "qts"));
	CHECK_INT(s.date, number_of(v, "date"));
	CHECK_INT(s.seq, number_of(v, "seq"));
	check_peers(v, &s);
	tg_string_session_free(&s);
}

static json_t *load(void)
{
	json_t *file = json_load_file(test_vectors("session_strings.json"), 0, NULL);

	CHECK(file);
	return file;
}

TEST(strings_that_other_libraries_wrote)
{
	json_t *file = load(), *v;
	size_t i;

	json_array_foreach(json_object_get(file, "vectors"), i, v) check_vector(v);
	CHECK_INT(i, 9);
	json_decref(file);
}

static void own(struct tl_buf *out, bool full)
{
	static struct tg_string_session s;
	struct tg_string_session_channel ch = {.id = 1234567890, .pts = 7};
	struct tg_string_session_peer p = {
		.kind = TG_PEER_USER, .id = 999999999999, .access_hash = -1};

	memset(&s, 0, sizeof s);
	s.main_dc = 2;
	s.self = 42;
	s.bot = true;
	s.dc_count = 2;
	for (int i = 0; i < 2; i++) {
		s.dcs[i].id = 2 + 2 * i;
		s.dcs[i].has_key = true;
		memset(s.dcs[i].key, 5 + i, 256);
	}
	s.dcs[1].has_key = false;
	s.has_state = full;
	s.pts = full ? 100 : 0;
	for (int i = 0; full && i < 3; i++) {
		tl_put(&s.channels, &ch, sizeof ch);
		tl_put(&s.peers, &p, sizeof p);
	}
	CHECK_INT(tg_string_session_print(&s, out), 0);
	tg_string_session_free(&s);
}

TEST(the_own_form_there_and_back)
{
	for (int full = 0; full < 2; full++) {
		struct tl_buf text = {0}, again = {0};
		struct tg_string_session s;

		own(&text, full);
		CHECK(text.len > 350 && memcmp(text.data, "layerd1:", 8) == 0);
		for (size_t i = 8; i < text.len; i++)
			CHECK(strchr(
				"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_",
				text.data[i]));
		CHECK_INT(parse((struct tl_str){(const char *)text.data, (uint32_t)text.len}, &s),
			  0);
		CHECK_STR(s.origin, "layerd");
		CHECK_INT(s.dc_count, 2);
		CHECK(s.dcs[0].has_key && !s.dcs[1].has_key && s.bot && s.bot_known);
		CHECK_INT(s.peers.len / sizeof(struct tg_string_session_peer), full ? 3 : 0);
		CHECK_INT(tg_string_session_print(&s, &again), 0);
		CHECK(again.len == text.len && memcmp(again.data, text.data, text.len) == 0);
		tg_string_session_free(&s);
		tl_buf_free(&text);
		tl_buf_free(&again);
	}
}

TEST(one_wrong_character_is_noticed)
{
	struct tl_buf text = {0};
	struct tg_string_session s;
	unsigned refused = 0;

	own(&text, true);
	for (size_t i = 8; i < text.len; i++) {
		uint8_t was = text.data[i];

		text.data[i] = was == 'A' ? 'B' : 'A';
		/* The last character holds unused bits, which say nothing. */
		if (parse((struct tl_str){(const char *)text.data, (uint32_t)text.len}, &s) == 0)
			tg_string_session_free(&s);
		else
			refused++;
		text.data[i] = was;
	}
	CHECK(refused >= text.len - 9);
	tl_buf_free(&text);
}

/* Cut anywhere, with bytes changed at random: an answer, never a fault. */
TEST(damaged_strings_are_refused_or_read)
{
	json_t *file = load(), *v;
	uint64_t seed = 5;
	size_t i;

	json_array_foreach(json_object_get(file, "vectors"), i, v)
	{
		char text[1024];
		size_t n = strlen(text_of(v, "text"));
		struct tg_string_session s;

		CHECK(n < sizeof text);
		for (size_t cut = 0; cut < n; cut++) {
			const char *why = NULL;

			if (tg_string_session_parse(
				    (struct tl_str){text_of(v, "text"), (uint32_t)cut}, &s, &why) ==
			    0)
				tg_string_session_free(&s);
			else
				CHECK(why && *why);
		}
		for (int round = 0; round < 2000; round++) {
			memcpy(text, text_of(v, "text"), n);
			for (int j = 0; j < 3; j++) {
				seed = seed * 6364136223846793005u + 1442695040888963407u;
				text[(seed >> 33) % n] = (char)(seed >> 20);
			}
			if (parse((struct tl_str){text, (uint32_t)n}, &s) == 0)
				tg_string_session_free(&s);
		}
	}
	json_decref(file);
}
