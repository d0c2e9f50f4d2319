/* The peer grammar as a table, and noise. */
#include "core/core.h"
#include "tests/harness.h"

static const struct {
	const char *text;
	int form; /* -1: refused */
	enum tg_peer_kind kind;
	int64_t id;
	const char *want;
} table[] = {
	{"me", TG_FORM_SELF, TG_PEER_SELF, 0, ""},
	{"self", TG_FORM_SELF, TG_PEER_SELF, 0, ""},
	{" Me\n", TG_FORM_SELF, TG_PEER_SELF, 0, ""},
	{"@durov", TG_FORM_USERNAME, 0, 0, "durov"},
	{"durov", TG_FORM_USERNAME, 0, 0, "durov"},
	{"@gif", TG_FORM_USERNAME, 0, 0, "gif"},
	{"Echo_2_bot", TG_FORM_USERNAME, 0, 0, "Echo_2_bot"},
	{"https://t.me/durov", TG_FORM_USERNAME, 0, 0, "durov"},
	{"http://www.t.me/durov/", TG_FORM_USERNAME, 0, 0, "durov"},
	{"t.me/durov", TG_FORM_USERNAME, 0, 0, "durov"},
	{"T.ME/Durov/42?single#x", TG_FORM_USERNAME, 0, 0, "Durov"},
	{"telegram.me/durov", TG_FORM_USERNAME, 0, 0, "durov"},
	{"https://telegram.dog/s/durov", TG_FORM_USERNAME, 0, 0, "durov"},
	{"durov.t.me", TG_FORM_USERNAME, 0, 0, "durov"},
	{"https://durov.t.me/7", TG_FORM_USERNAME, 0, 0, "durov"},
	{"tg://resolve?domain=durov&post=1", TG_FORM_USERNAME, 0, 0, "durov"},
	{"tg:resolve?start=x&domain=durov", TG_FORM_USERNAME, 0, 0, "durov"},
	{"tg://resolve?phone=15551234567", TG_FORM_PHONE, 0, 0, "15551234567"},
	{"https://t.me/+AbCdEfGh_-123456", TG_FORM_INVITE, 0, 0, "AbCdEfGh_-123456"},
	{"t.me/%2BAbCdEfGh12345678", TG_FORM_INVITE, 0, 0, "AbCdEfGh12345678"},
	{"t.me/joinchat/AAAAAEFKDqo123456", TG_FORM_INVITE, 0, 0, "AAAAAEFKDqo123456"},
	{"tg://join?invite=AAAAAEFKDqo123456", TG_FORM_INVITE, 0, 0, "AAAAAEFKDqo123456"},
	{"t.me/+15551234567", TG_FORM_PHONE, 0, 0, "15551234567"},
	{"+15551234567", TG_FORM_PHONE, 0, 0, "15551234567"},
	{"+1 (555) 123-45.67", TG_FORM_PHONE, 0, 0, "15551234567"},
	{"93372553", TG_FORM_ID, TG_PEER_NONE, 93372553, ""},
	{"999999999999", TG_FORM_ID, TG_PEER_NONE, 999999999999, ""},
	{"-123", TG_FORM_ID, TG_PEER_CHAT, 123, ""},
	{"-999999999999", TG_FORM_ID, TG_PEER_CHAT, 999999999999, ""},
	{"-1001234567890", TG_FORM_ID, TG_PEER_CHANNEL, 1234567890, ""},
	{"-1000000000001", TG_FORM_ID, TG_PEER_CHANNEL, 1, ""},
	{"-1997852516352", TG_FORM_ID, TG_PEER_CHANNEL, 997852516352, ""},
	{"user:93372553", TG_FORM_ID, TG_PEER_USER, 93372553, ""},
	{"chat:123", TG_FORM_ID, TG_PEER_CHAT, 123, ""},
	{"channel:1234567890", TG_FORM_ID, TG_PEER_CHANNEL, 1234567890, ""},
	{"https://t.me/c/1234567890/42", TG_FORM_ID, TG_PEER_CHANNEL, 1234567890, ""},
	{"tg://privatepost?channel=77&post=3", TG_FORM_ID, TG_PEER_CHANNEL, 77, ""},
	{"tg://user?id=5", TG_FORM_ID, TG_PEER_USER, 5, ""},
	{"tg://openmessage?user_id=5", TG_FORM_ID, TG_PEER_USER, 5, ""},
	{"tg://openmessage?chat_id=6", TG_FORM_ID, TG_PEER_CHAT, 6, ""},
	{"title:Family", TG_FORM_TITLE, 0, 0, "Family"},
	{"title: Two words ", TG_FORM_TITLE, 0, 0, " Two words "},
	{"", -1, 0, 0, ""},
	{"@", -1, 0, 0, ""},
	{"@1abc", -1, 0, 0, ""},
	{"_abc", -1, 0, 0, ""},
	{"ab", -1, 0, 0, ""},
	{"a b c", -1, 0, 0, ""},
	{"@abcdefghijabcdefghijabcdefghijabc", -1, 0, 0, ""},
	{"-", -1, 0, 0, ""},
	{"0", -1, 0, 0, ""},
	{"-0", -1, 0, 0, ""},
	{"-1000000000000", -1, 0, 0, ""},
	{"9999999999999999999", -1, 0, 0, ""},
	{"1.5", -1, 0, 0, ""},
	{"+12", -1, 0, 0, ""},
	{"+123x5678", -1, 0, 0, ""},
	{"+12345678901234567", -1, 0, 0, ""},
	{"user:", -1, 0, 0, ""},
	{"user:-5", -1, 0, 0, ""},
	{"user:0", -1, 0, 0, ""},
	{"user:abc", -1, 0, 0, ""},
	{"group:5", -1, 0, 0, ""},
	{"title:", -1, 0, 0, ""},
	{"https://example.org/durov", -1, 0, 0, ""},
	{"https://t.me/", -1, 0, 0, ""},
	{"https://t.me", -1, 0, 0, ""},
	{"t.me/addstickers/Cats", -1, 0, 0, ""},
	{"t.me/share/url?url=x", -1, 0, 0, ""},
	{"t.me/+short", -1, 0, 0, ""},
	{"t.me/joinchat/", -1, 0, 0, ""},
	{"t.me/%zz", -1, 0, 0, ""},
	{"t.me/%2", -1, 0, 0, ""},
	{"tg://join", -1, 0, 0, ""},
	{"tg://resolve?x=y", -1, 0, 0, ""},
	{"tg://settings?x=1", -1, 0, 0, ""},
	{"дуров", -1, 0, 0, ""},
};

TEST(peer_grammar_table)
{
	for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
		struct tg_peer_query q = {.id = -99};
		int r = tg_peer_parse(tl_str(table[i].text), &q);

		if (table[i].form < 0) {
			if (r != -TG_E_PEER_SYNTAX || q.id != -99)
				test_fail(__FILE__, __LINE__, "accepted: %s", table[i].text);
			continue;
		}
		if (r != 0 || (int)q.form != table[i].form || q.kind != table[i].kind ||
		    q.id != table[i].id || strcmp(q.text, table[i].want) != 0)
			test_fail(__FILE__, __LINE__, "%s: %d form %d kind %d id %lld text %s",
				  table[i].text, r, q.form, q.kind, (long long)q.id, q.text);
	}
}

TEST(peer_marked_ids_go_there_and_back)
{
	static const enum tg_peer_kind kinds[] = {TG_PEER_CHAT, TG_PEER_CHANNEL};
	static const int64_t ids[] = {1, 123, 2147483648, 999999999999};

	for (size_t k = 0; k < 2; k++)
		for (size_t i = 0; i < 4; i++) {
			struct tg_peer p = {.kind = kinds[k], .id = ids[i]};
			struct tg_peer_query q;

			CHECK_INT(tg_peer_parse_id(tg_peer_marked(&p), &q), 0);
			CHECK_INT(q.kind, kinds[k]);
			CHECK_INT(q.id, ids[i]);
		}
	CHECK_INT(tg_peer_parse_id(INT64_MIN, &(struct tg_peer_query){0}), -TG_E_PEER_SYNTAX);
	CHECK_INT(tg_peer_parse_id(INT64_MAX, &(struct tg_peer_query){0}), -TG_E_PEER_SYNTAX);
	CHECK_INT(tg_peer_parse_id(0, &(struct tg_peer_query){0}), -TG_E_PEER_SYNTAX);
}

/* Exact-sized copies, so that the sanitizer sees a byte read too far. */
TEST(peer_grammar_noise)
{
	static const char alphabet[] = "+-@/:.?&=%#_ tmegcsjoinhpusrlv0123456789A";
	uint64_t seed = 1;

	for (int round = 0; round < 200000; round++) {
		struct tg_peer_query q;
		char text[48] = {0};
		uint32_t n = 0;
		char *copy;

		if (round % 3 == 0) {
			const char *from =
				table[(size_t)round / 3 % (sizeof table / sizeof *table)].text;

			n = (uint32_t)strlen(from) < 40 ? (uint32_t)strlen(from) : 40;
			memcpy(text, from, n);
		}
		seed = seed * 6364136223846793005u + 1442695040888963407u;
		for (uint32_t i = (uint32_t)(seed >> 60) & 7; i; i--) {
			seed = seed * 6364136223846793005u + 1442695040888963407u;
			text[n ? (seed >> 40) % (n + 1) : 0] =
				alphabet[(seed >> 33) % (sizeof alphabet - 1)];
			n += n < 47 && (seed >> 50 & 1 || n == 0);
		}
		for (uint32_t i = 0; i < n; i++)
			text[i] = text[i] ? text[i] : 'x';
		copy = malloc(n + !n);
		memcpy(copy, text, n);
		if (tg_peer_parse((struct tl_str){copy, n}, &q) == 0)
			CHECK(q.form != TG_FORM_ID || q.id > 0);
		free(copy);
	}
}
