/* The scan of a line: what is JSON and what is not, limits, and the places of a request's parts. */
#include "daemon/scan.h"
#include "tests/harness.h"

static struct rpc_scan *scan(const char *line, size_t n)
{
	static struct rpc_scan s;
	char *copy = malloc(n ? n : 1); /* so that a sanitizer sees every byte too far */

	memcpy(copy, line, n);
	rpc_scan(copy, n, &s);
	free(copy);
	return &s;
}

static int err(const char *line)
{
	return scan(line, strlen(line))->err;
}

TEST(values_that_are_json)
{
	static const char *const good[] = {
		"{}",
		"[]",
		"1",
		"-0",
		"-0.0e+1",
		"1E22",
		"0.5",
		"\"\"",
		"true",
		"false",
		"null",
		" [ 1 , 2 ] ",
		"\t{\"a\":\t[]}\r",
		"\"\\u0000\\uD834\\uDD1E\\\"\\\\\\/\\b\\f\\n\\r\\t\"",
		"\"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\xf4\x8f\xbf\xbf\x7f\"",
		"[[[[{}]]]]",
		"{\"a\":1,\"b\":{\"c\":[{}]}}",
		"1234567890123456789012345678901234567890",
		"[1,\"\",null,[{}],{\"\":0}]"};

	for (size_t i = 0; i < sizeof good / sizeof good[0]; i++)
		if (err(good[i]) != 0)
			test_fail(__FILE__, __LINE__, "refused: %s", good[i]);
}

TEST(values_that_are_not_json)
{
	static const char *const bad[] = {"",
					  " ",
					  "{",
					  "}",
					  "[",
					  "]",
					  "{]",
					  "[}",
					  "[1,]",
					  "[,1]",
					  "[1 2]",
					  "[1,,2]",
					  "{,}",
					  "{\"a\"}",
					  "{\"a\":}",
					  "{\"a\":1,}",
					  "{\"a\" 1}",
					  "{a:1}",
					  "{'a':1}",
					  "{1:1}",
					  "{\"a\":1 \"b\":2}",
					  "01",
					  "-",
					  "+1",
					  ".5",
					  "1.",
					  "1.e1",
					  "1e",
					  "1e+",
					  "0x1",
					  "--1",
					  "NaN",
					  "Infinity",
					  "-Infinity",
					  "tru",
					  "True",
					  "nul",
					  "nullx",
					  "\"",
					  "\"a",
					  "\"\\\"",
					  "\"\\x\"",
					  "\"\\u12\"",
					  "\"\\u12g4\"",
					  "\"\\ud800\"",
					  "\"\\udc00\"",
					  "\"\\ud800\\u0041\"",
					  "\"\\ud800x\"",
					  "\"a\tb\"",
					  "\"a\x01\"",
					  "\xef\xbb\xbf{}",
					  "\"\xff\"",
					  "\"\xc0\x80\"",
					  "\"\xe0\x80\x80\"",
					  "\"\xed\xa0\x80\"",
					  "\"\xf5\x80\x80\x80\"",
					  "\"\xf0\x80\x80\x80\"",
					  "\"\xc3\"",
					  "\"\xe2\x82\"",
					  "1 2",
					  "{} {}",
					  "[]x",
					  "// a\n1",
					  "/**/1",
					  "[1]#",
					  ("\xc2\xa0"
					   "1"),
					  "12345678901234567890123456789012345678901",
					  "{\"id\":1,\"id\":2}",
					  "{\"method\":\"a\",\"method\":\"a\"}",
					  "[1}",
					  "{\"a\":1]"};

	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		if (err(bad[i]) != -TG_E_PARSE)
			test_fail(__FILE__, __LINE__, "not refused: %s", bad[i]);
	CHECK_INT(scan("\"a\0b\"", 5)->err, -TG_E_PARSE);
	CHECK_INT(scan("\0", 1)->err, -TG_E_PARSE);
}

TEST(limits)
{
	char line[4096];
	char *big = malloc(1100000);

	memset(line, '[', 64);
	memset(line + 64, ']', 64);
	CHECK_INT(scan(line, 128)->err, 0);
	memset(line, '[', 65);
	CHECK_INT(scan(line, 65)->err, -TG_E_TOO_LARGE);
	CHECK_STR(scan(line, 65)->limit, "json_nesting");
	memset(big, '[', 1000000);
	CHECK_INT(scan(big, 1000000)->err, -TG_E_TOO_LARGE);
	memset(big, '1', 100000);
	CHECK_INT(scan(big, 100000)->err, -TG_E_PARSE);
	big[0] = '[';
	for (int i = 0; i < 200001; i++)
		memcpy(big + 1 + 2 * i, "1,", 2);
	big[2 * 200001] = ']';
	CHECK_INT(scan(big, 2 * 200001 + 1)->err, -TG_E_TOO_LARGE);
	memset(line, 'k', 600);
	memcpy(line, "{\"", 2);
	memcpy(line + 2 + 256, "\":1}", 4);
	CHECK_INT(scan(line, 2 + 256 + 4)->err, 0);
	memset(line, 'k', 600);
	memcpy(line, "{\"", 2);
	memcpy(line + 2 + 257, "\":1}", 4);
	CHECK_INT(scan(line, 2 + 257 + 4)->err, -TG_E_TOO_LARGE);
	CHECK_STR(scan(line, 2 + 257 + 4)->limit, "json_key");
	free(big);
}

TEST(batches)
{
	char line[4096] = "[";
	const struct rpc_scan *s;

	for (int i = 0; i < 100; i++)
		strncat(line, i ? ",{}" : "{}", sizeof line - strlen(line) - 1);
	strncat(line, "]", sizeof line - strlen(line) - 1);
	s = scan(line, strlen(line));
	CHECK_INT(s->err, 0);
	CHECK(s->batch);
	CHECK_INT(s->count, 100);
	line[strlen(line) - 1] = '\0';
	strncat(line, ",{}]", sizeof line - strlen(line) - 1);
	s = scan(line, strlen(line));
	CHECK_INT(s->err, -TG_E_TOO_LARGE);
	CHECK_STR(s->limit, "batch");
	s = scan("[1,{\"method\":\"a\",\"id\":7},[{\"method\":\"b\"}]]", 42);
	CHECK_INT(s->err, 0);
	CHECK_INT(s->count, 3);
	CHECK(s->spans[0].fault && !s->spans[1].fault && s->spans[2].fault);
	s = scan("[]", 2);
	CHECK(s->batch && s->count == 0);
}

static void part(const char *line, const char *id, const char *method, const char *params)
{
	struct rpc_scan s;
	const struct rpc_span *p = &s.spans[0];

	rpc_scan(line, strlen(line), &s);
	CHECK_INT(s.err, 0);
	CHECK_INT(s.count, 1);
	CHECK(!p->fault);
	CHECK(id ? tl_str_eq(p->id, id) : !p->id.data);
	CHECK(tl_str_eq(p->method, method));
	CHECK(params ? tl_str_eq(p->params, params) : !p->params.data);
}

TEST(parts)
{
	part("{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\"}", "1", "\"ping\"", NULL);
	part("{ \"method\" : \"p\" , \"params\" : { \"id\" : [ 1 ] } , \"id\" : 1.50e3 }", "1.50e3",
	     "\"p\"", "{ \"id\" : [ 1 ] }");
	part("{\"id\":\"a\\u0041\\n\",\"method\":\"\",\"params\":[]}", "\"a\\u0041\\n\"", "\"\"",
	     "[]");
	part("{\"method\":\"x\",\"id\":null}", "null", "\"x\"", NULL);
	part("{\"method\":\"x\",\"params\":{\"method\":\"y\",\"id\":3,\"p\":{\"id\":4}}}", NULL,
	     "\"x\"", "{\"method\":\"y\",\"id\":3,\"p\":{\"id\":4}}");
}

TEST(members_written_with_escapes)
{
	part("{\"\\u0069d\":1,\"m\\u0065thod\":\"x\",\"jsonrpc\":\"\\u0032.0\"}", "1", "\"x\"",
	     NULL);
	CHECK_INT(err("{\"id\":1,\"i\\u0064\":2}"), -TG_E_PARSE);
}

TEST(a_long_id_is_over_a_limit)
{
	char line[400];
	int n = snprintf(line, sizeof line, "{\"method\":\"a\",\"id\":\"%0255d\"}", 0);
	const struct rpc_scan *s = scan(line, (size_t)n);

	CHECK(s->spans[0].fault && strcmp(s->spans[0].limit, "id") == 0);
	CHECK(!s->spans[0].id.data);
	n = snprintf(line, sizeof line, "{\"method\":\"a\",\"id\":\"%0254d\"}", 0);
	CHECK(!scan(line, (size_t)n)->spans[0].fault);
}

TEST(requests_that_are_none)
{
	static const char *const none[] = {"1",
					   "\"ping\"",
					   "null",
					   "{}",
					   "{\"id\":1}",
					   "{\"method\":1}",
					   "{\"method\":null}",
					   "{\"id\":{},\"method\":\"a\"}",
					   "{\"id\":[],\"method\":\"a\"}",
					   "{\"id\":true,\"method\":\"a\"}",
					   "{\"jsonrpc\":\"1.0\",\"method\":\"a\"}",
					   "{\"jsonrpc\":2.0,\"method\":\"a\"}",
					   "{\"method\":\"a\",\"params\":1}",
					   "{\"method\":\"a\",\"params\":\"x\"}",
					   "{\"method\":\"a\",\"parms\":{}}",
					   "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{}}",
					   "{\"METHOD\":\"a\"}"};

	for (size_t i = 0; i < sizeof none / sizeof none[0]; i++) {
		const struct rpc_scan *s = scan(none[i], strlen(none[i]));

		if (s->err || s->count != 1 || !s->spans[0].fault)
			test_fail(__FILE__, __LINE__, "taken for a request: %s", none[i]);
	}
}

/* Every prefix of a valid line is refused, and no byte behind it is looked at. */
TEST(every_cut)
{
	static const char line[] = "[{\"jsonrpc\":\"2.0\",\"id\":-1.5e-7,\"method\":"
				   "\"\\ud83d\\ude00\xf0\x9f\x98\x80\","
				   "\"params\":{\"a\":[true,false,null,{\"b\":\"\\\\\"}]}}]";

	for (size_t n = 0; n < sizeof line - 1; n++)
		CHECK_INT(scan(line, n)->err, -TG_E_PARSE);
	CHECK_INT(scan(line, sizeof line - 1)->err, 0);
}

TEST(offset_of_the_error)
{
	CHECK_INT(scan("{\"a\":tru}", 9)->offset, 5);
	CHECK_INT(scan("[1,2,]", 6)->offset, 5);
	CHECK_INT(scan("{\"id\":1,\"id\":2}", 15)->offset, 9);
	CHECK_INT(scan("", 0)->offset, 0);
}
