/* Regular expressions of filters: what they match, what is refused, and that none takes for ever.
 */
#include "daemon/pattern.h"

#include "daemon/filter.h"
#include "tests/harness.h"

#include <string.h>

static int match(const char *pattern, const char *text)
{
	struct rpc_pattern *p = NULL;
	char why[200] = "";
	int r;

	CHECK_INT(rpc_pattern_new(tl_str(pattern), &p, why, sizeof why), 0);
	r = rpc_pattern_match(p, text, strlen(text));
	rpc_pattern_free(p);
	return r;
}

TEST(patterns_match_anywhere)
{
	CHECK_INT(match("^/start( |$)", "/start now"), 1);
	CHECK_INT(match("^/start( |$)", "/started"), 0);
	CHECK_INT(match("(?i)straße", "Die STRAßE"), 1);
	CHECK_INT(match("^.$", "\xf0\x9f\x98\x80"), 1); /* one character */
	CHECK_INT(match("(a)(b)(c)(d)", "xabcdx"), 1);
	CHECK_INT(match("", ""), 1);
	CHECK_INT(match("b", "\xff\xfe b \x80"),
		  1); /* broken UTF-8 matches nothing, harms nothing */
}

TEST(bad_patterns_are_refused_with_a_reason)
{
	static const char *const bad[] = {"(", "a{2,1}", "[z-a]", "\\C", "(?<n>a)(?<n>b)", "*"};
	struct rpc_pattern *p = NULL;
	char why[200];

	for (unsigned i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		why[0] = '\0';
		CHECK_INT(rpc_pattern_new(tl_str(bad[i]), &p, why, sizeof why),
			  -TG_E_INVALID_PARAMS);
		CHECK(strstr(why, "at character"));
	}
	CHECK(!p);
}

TEST(patterns_have_a_limit_of_steps)
{
	char text[4096];

	memset(text, 'a', sizeof text - 1);
	text[sizeof text - 1] = '\0';
	CHECK_INT(match("^(a+)+$", text), 1);
	text[sizeof text - 2] = 'b';
	CHECK_INT(match("^(a+)+$", text), -TG_E_TOO_LARGE);
	CHECK_INT(match("^(?:(?R)|a)*b$", text), -TG_E_TOO_LARGE);
}

/* The limit is of the whole text, not of each place in it where a match may begin. */
TEST(no_pattern_takes_more_than_its_steps)
{
	static const char *const slow[] = {
		"(?:a|a){13}[bc]",       "[^x]*[xy]",       "(?:[ab]{3000}c|[ab])*?[cd]",
		"(?:\\X{900}b|a)*?[cd]", "(a+)\\1{50}[bc]", "(?:(?=a{900}b)x|a)*?[cd]"};
	static const char *const fine[] = {"[a-z]+ing", "(\\w+\\s){3}zzz", "(?i)LAZY\\s+CAT",
					   "^.*(sale|discount).*$"};
	char text[4096];

	memset(text, 'a', sizeof text - 1);
	text[sizeof text - 1] = '\0';
	for (size_t i = 0; i < sizeof slow / sizeof slow[0]; i++)
		CHECK_INT(match(slow[i], text), -TG_E_TOO_LARGE);
	for (size_t i = 0; i + 3 < sizeof text; i += 3) /* an item that runs over 999 in vain */
		memcpy(text + i, i / 3 % 1000 == 999 ? "\xe2\x98\x83" : "\xe6\xbc\xa2", 3);
	CHECK_INT(
		match("[\\pL\\pM]{1000}|[\\pL\\pM]{1001}|[\\pL\\pM]{1002}|[\\pL\\pM]{1003}", text),
		-TG_E_TOO_LARGE);
	for (size_t i = 0; i < sizeof text - 1; i++)
		text[i] = "the quick brown fox jumps over a lazy dog, and then sleeps. "[i % 60];
	CHECK_INT(match("[a-z](?:\\x{2014}|\\x{2013}|\\x{2026}) ", text), 0); /* no {2014} of x */
	CHECK_INT(match("[a-z]\\p{Greek}|\\x{2014}{2}|\\d{3,5}?[\\x{2014}-\\x{2015}]", text), 0);
	for (size_t i = 0; i < sizeof fine / sizeof fine[0]; i++)
		CHECK_INT(match(fine[i], text), 0);
}

TEST(a_filter_asks_its_pattern_last)
{
	struct rpc_event e = {.type = RPC_T_NEW_MESSAGE, .chat = 5, .from = 6, .has_text = true};
	struct rpc_filter f = {.direction = -1, .text_kind = RPC_TEXT_REGEX};
	int64_t peer = 5;
	char why[200];

	e.text = tl_str("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab");
	CHECK_INT(rpc_pattern_new(tl_str("^(a+)+$"), &f.regex, why, sizeof why), 0);
	f.peers = &peer;
	f.peer_count = 1;
	CHECK_INT(rpc_filter_match(&f, &e), -TG_E_TOO_LARGE);
	e.chat = 7; /* another chat: the text is not looked at */
	CHECK_INT(rpc_filter_match(&f, &e), 0);
	e.chat = 5;
	e.has_text = false;
	CHECK_INT(rpc_filter_match(&f, &e), 0);
	rpc_pattern_free(f.regex);
}
