/* Data centres: sessions by purpose, one key each, import of the authorization, moves, keys that a
 * server does not know. PROTOCOL B.52, C.16, C.72, D.62, D.70, E.1, E.8-E.12, E.24. */
#include "tests/unit/core/rig.h"

#define SECOND INT64_C(1000000000)
#define MANY 60

static struct rig_request kept[2 * MANY];
static unsigned kept_n, bare, wrong;

/* Keeps what asks for files until the test lets it go. */
static bool keep(struct rig *r, const struct rig_request *q)
{
	if (tg_purpose_of(q->method) == TG_FOR_MAIN)
		return false;
	CHECK(kept_n < 2 * MANY);
	kept[kept_n++] = *q;
	bare += !q->without_updates;
	wrong += q->on == &r->dc[q->dc];
	return true;
}

static void let_go(struct rig *r)
{
	struct tl_boolTrue yes = {{TL_boolTrue}};
	struct tl_storage_filePng type = {{TL_storage_filePng}};
	struct tl_upload_file f = {{TL_upload_file}, &type.obj, 1, tl_str("x")};

	for (unsigned i = 0; i < kept_n; i++)
		rig_answer(r, &kept[i],
			   tg_purpose_of(kept[i].method) == TG_FOR_UPLOAD ? &yes.obj : &f.obj);
	kept_n = 0;
}

static uint64_t put(struct rig *r)
{
	struct tl_upload_saveFilePart m = {
		.obj = {TL_upload_saveFilePart}, .file_id = 1, .bytes = tl_str("x")};

	return rig_call(r, &m.obj, NULL);
}

static uint64_t get(struct rig *r, int dc)
{
	struct tl_inputTakeoutFileLocation where = {{TL_inputTakeoutFileLocation}};
	struct tl_upload_getFile m = {
		.obj = {TL_upload_getFile}, .location = &where.obj, .limit = 4096};
	struct tg_call_options o = {.dc = dc, .deadline = r->now.boot + 50 * SECOND};

	return rig_call(r, &m.obj, &o);
}

static unsigned all_succeeded(struct rig *r, const uint64_t *calls, unsigned n)
{
	unsigned good = 0;

	for (unsigned i = 0; i < n; i++)
		good += rig_result_of(r, calls[i]) && !rig_result_of(r, calls[i])->error;
	return good;
}

static void uploads(int dc, unsigned sessions)
{
	struct rig *r = rig_new();
	uint64_t calls[MANY];

	kept_n = bare = wrong = 0;
	r->s.dc = dc;
	rig_restart(r);
	rig_login(r);
	r->serve = keep;
	for (int i = 0; i < MANY; i++)
		calls[i] = put(r);
	rig_pass(r, 1);
	CHECK_INT(rig_open(r, dc), 1 + sessions);
	CHECK_INT(kept_n, MANY);
	let_go(r);
	rig_pass(r, 1);
	CHECK_INT(all_succeeded(r, calls, MANY), MANY);
	CHECK_INT(bare, 0);
	CHECK_INT(wrong, 0);
	/* an update comes over the main one, and the others are closed when nothing is to be done
	 */
	rig_message(r, "hello");
	rig_pass(r, 1);
	rig_journal_is(r, "hello");
	rig_pass(r, 130);
	CHECK_INT(rig_open(r, dc), 1);
	CHECK_INT(r->handshakes, 0);
	rig_free(r);
}

TEST(uploads_have_sessions_of_their_own)
{
	uploads(2, TG_UPLOADS_LARGE);
	uploads(4, TG_UPLOADS_LARGE);
	uploads(1, TG_UPLOADS);
}

/* What is known of one that rests (its temporary key, too) stays while there is room. */
TEST(a_data_centre_at_rest_is_not_forgotten)
{
	struct tl_help_getNearestDc m = {{TL_help_getNearestDc}};
	struct rig *r = rig_new();

	rig_login(r);
	for (int dc = 1; dc <= RIG_DCS; dc++) {
		struct tg_call_options o = {
			.dc = dc, .deadline = r->now.boot + 9 * TG_SECOND, .any_state = true};

		rig_call(r, &m.obj, &o);
		rig_pass(r, 2.0 * TG_DC_IDLE / TG_SECOND);
	}
	for (int dc = 1; dc <= RIG_DCS; dc++)
		CHECK(tg_dc_find(r->a, dc));
	rig_free(r);
}

TEST(a_lone_upload_needs_one_more_session)
{
	struct rig *r = rig_new();
	uint64_t call;

	kept_n = 0;
	rig_login(r);
	r->serve = keep;
	call = put(r);
	rig_pass(r, 1);
	CHECK_INT(rig_open(r, 2), 2);
	let_go(r);
	rig_pass(r, 1);
	CHECK_INT(all_succeeded(r, &call, 1), 1);
	rig_free(r);
}

TEST(downloads_at_home_and_elsewhere)
{
	for (int dc = 2; dc <= 4; dc += 2) {
		struct rig *r = rig_new();
		uint64_t calls[MANY];

		kept_n = bare = wrong = 0;
		rig_login(r);
		r->serve = keep;
		for (int i = 0; i < MANY; i++)
			calls[i] = get(r, dc);
		rig_pass(r, 1);
		/* elsewhere the import needs no session of its own */
		CHECK_INT(rig_open(r, dc), TG_DOWNLOADS + (dc == 2));
		CHECK_INT(r->calls[TL_auth_exportAuthorization], dc != 2);
		CHECK_INT(r->calls[TL_auth_importAuthorization], dc != 2);
		rig_lose(r, dc);
		let_go(r); /* into the void */
		rig_pass(r, 10);
		let_go(r);
		rig_pass(r, 1);
		CHECK_INT(all_succeeded(r, calls, MANY), MANY);
		CHECK_INT(bare, 0);
		CHECK_INT(wrong, 0);
		CHECK(r->dc[dc].most <= 1 + TG_DOWNLOADS);
		rig_free(r);
	}
}

TEST(one_makes_the_key_and_the_others_wait)
{
	struct rig *r = rig_new_without_keys();
	uint64_t calls[2 * MANY];
	unsigned before;

	kept_n = 0;
	rig_login(r);
	before = r->handshakes;
	r->serve = keep;
	for (int i = 0; i < MANY; i++)
		calls[i] = get(r, 4);
	rig_pass(r, 2);
	CHECK_INT(r->handshakes - before, 3); /* one exchange has three questions */
	CHECK_INT(rig_open(r, 4), TG_DOWNLOADS);
	let_go(r);
	rig_pass(r, 1);
	CHECK_INT(all_succeeded(r, calls, MANY), MANY);
	/* a connection that dies halfway leaves the work to another */
	before = r->handshakes;
	r->refuse_connection = true;
	for (int i = 0; i < MANY; i++)
		calls[i] = get(r, 5);
	rig_pass(r, 5);
	CHECK_INT(r->handshakes, before);
	r->refuse_connection = false;
	rig_pass(r, 10);
	let_go(r);
	rig_pass(r, 1);
	CHECK_INT(all_succeeded(r, calls, MANY), MANY);
	CHECK_INT(r->handshakes - before, 3);
	rig_free(r);
}

/* ---- import ---- */
static const char *import_error, *export_error;
static int bad_imports;
static bool import_badly(struct rig *r, const struct rig_request *q)
{
	CHECK(q->method != TL_auth_importAuthorization || q->wrapped || r->calls[q->method] > 1);
	if (q->method == TL_auth_importAuthorization && bad_imports > 0) {
		bad_imports--;
		rig_refuse(r, q, 400, import_error);
		return true;
	}
	if (q->method == TL_auth_exportAuthorization && export_error) {
		rig_refuse(r, q, 400, export_error);
		return true;
	}
	if (q->method != TL_upload_getFile)
		return false;
	kept[0] = *q;
	kept_n = 1;
	let_go(r);
	return true;
}

static struct rig *import_rig(int bad, const char *on_import, const char *on_export)
{
	struct rig *r = rig_new();

	rig_login(r);
	import_error = on_import;
	export_error = on_export;
	bad_imports = bad;
	r->serve = import_badly;
	return r;
}

TEST(a_failed_import_is_exported_again_once)
{
	struct rig *r = import_rig(1, "AUTH_BYTES_INVALID", NULL);
	uint64_t call = get(r, 4);

	rig_pass(r, 2);
	CHECK_INT(rig_result_of(r, call)->error, 0);
	CHECK_INT(r->calls[TL_auth_exportAuthorization], 2);
	CHECK_INT(r->calls[TL_auth_importAuthorization], 2);
	rig_free(r);
	r = import_rig(5, "AUTH_BYTES_INVALID", NULL);
	call = get(r, 4);
	rig_pass(r, 5);
	CHECK_INT(rig_result_of(r, call)->code, 400);
	CHECK_STR(rig_result_of(r, call)->text, "AUTH_BYTES_INVALID");
	CHECK_INT(r->calls[TL_auth_exportAuthorization], 2);
	rig_free(r);
}

TEST(an_own_data_centre_needs_no_import)
{
	struct rig *r = import_rig(0, "", "DC_ID_INVALID");
	uint64_t call = get(r, 4);

	rig_pass(r, 2);
	CHECK_INT(rig_result_of(r, call)->error, 0);
	CHECK_INT(r->calls[TL_auth_importAuthorization], 0);
	rig_free(r);
}

/* ---- what is said and kept ---- */
static unsigned keys_in_store(struct rig *r)
{
	struct tl_buf key = {0}, value = {0};
	unsigned n = 0;
	int err = r->store->ops->seek(r->store, TG_TABLE_KEY, "", 0, "", 0, &key, &value);

	while (err == 0) {
		n += value.len == 256;
		tl_put_u8(&key, 0);
		err = r->store->ops->seek(r->store, TG_TABLE_KEY, "", 0, key.data, key.len, &key,
					  &value);
	}
	tl_buf_free(&key);
	tl_buf_free(&value);
	return n;
}

TEST(each_account_and_data_centre_has_its_key)
{
	struct rig *r = rig_new_without_keys();
	struct tg_account *other;

	rig_login(r);
	CHECK_INT(keys_in_store(r), 1);
	get(r, 4);
	rig_pass(r, 2);
	CHECK_INT(keys_in_store(r), 2);
	CHECK(memcmp(r->dc[2].key.key, r->dc[4].key.key, 256) != 0);
	/* another account on the same store, and then the other world, find none of these */
	other = tg_account_new("other", &r->s, &r->env, r->now);
	for (int dc = 2; dc <= 4; dc += 2) {
		struct mt_client_options o = {0};

		tg_key_load(other, dc, &o);
		CHECK(!o.has_key);
		tg_key_load(r->a, dc, &o);
		CHECK(o.has_key);
		CHECK_MEM(o.key, r->dc[dc].key.key, 256);
		o.has_key = false;
		r->a->s.test = false;
		tg_key_load(r->a, dc, &o);
		CHECK(!o.has_key);
		r->a->s.test = true;
	}
	tg_account_free(other);
	rig_free(r);
}

/* ---- moves ---- */
static const char *move_text;
static unsigned asked_there[RIG_DCS + 1];
static bool send_away(struct rig *r, const struct rig_request *q)
{
	char text[40];

	if (q->method != TL_help_getNearestDc)
		return false;
	asked_there[q->dc]++;
	/* round and round */
	snprintf(text, sizeof text, "%s%d", move_text, q->dc % 3 + 1);
	rig_refuse(r, q, 303, text);
	return true;
}

static uint64_t ask(struct rig *r, int dc)
{
	struct tl_help_getNearestDc m = {{TL_help_getNearestDc}};
	struct tg_call_options o = {.dc = dc, .deadline = r->now.boot + 50 * SECOND};

	return rig_call(r, &m.obj, &o);
}

TEST(a_redirect_loop_ends_after_three_hops)
{
	static const char *const kinds[] = {"PHONE_MIGRATE_", "NETWORK_MIGRATE_", "USER_MIGRATE_",
					    "FILE_MIGRATE_", "STATS_MIGRATE_"};

	for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
		struct rig *r = rig_new();
		uint64_t call;
		unsigned asked = 0;

		memset(asked_there, 0, sizeof asked_there);
		rig_login(r);
		move_text = kinds[i];
		r->serve = send_away;
		call = ask(r, 0);
		rig_pass(r, 5);
		CHECK_INT(rig_result_of(r, call)->code, 303);
		for (int dc = 1; dc <= RIG_DCS; dc++)
			asked += asked_there[dc];
		CHECK_INT(asked, 4);         /* the first, and three hops */
		CHECK_INT(r->a->main_dc, 2); /* as if nothing had been said */
		CHECK_INT(tg_account_state(r->a), TG_READY);
		rig_free(r);
	}
	printf("T47: %zu kinds of redirects in circles: given up after 3 hops\n",
	       sizeof kinds / sizeof *kinds);
}

static bool move_once(struct rig *r, const struct rig_request *q)
{
	if (q->method != TL_help_getNearestDc || q->dc == 4)
		return false;
	rig_refuse(r, q, 303, move_text);
	return true;
}

TEST(which_moves_move_the_account)
{
	static const struct {
		const char *text;
		int main;
	} rows[] = {{"PHONE_MIGRATE_4", 4},
		    {"NETWORK_MIGRATE_4", 4},
		    {"USER_MIGRATE_4", 4},
		    {"FILE_MIGRATE_4", 2},
		    {"STATS_MIGRATE_4", 2}};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		for (int known = 0; known < 2; known++) {
			struct rig *r = rig_new();
			uint64_t call;

			rig_login(r);
			if (known) { /* it has been there before, for a file */
				ask(r, 4);
				rig_pass(r, 2);
			}
			move_text = rows[i].text;
			r->serve = move_once;
			call = ask(r, 0);
			rig_pass(r, 2);
			CHECK_INT(rig_result_of(r, call)->error, 0);
			CHECK_INT(r->a->main_dc, rows[i].main);
			CHECK_INT(r->calls[TL_auth_exportAuthorization], 1);
			CHECK(tg_account_online(r->a));
			rig_message(r, "here");
			rig_pass(r, 1);
			rig_journal_is(r, "here");
			rig_free(r);
		}
}

TEST(a_call_sent_elsewhere_does_not_move_the_account)
{
	struct rig *r = rig_new();
	uint64_t call;

	rig_login(r);
	move_text = "USER_MIGRATE_4";
	r->serve = move_once;
	call = ask(r, 3);
	rig_pass(r, 2);
	CHECK_INT(rig_result_of(r, call)->error, 0);
	CHECK_INT(r->a->main_dc, 2);
	rig_free(r);
}

static int fifth; /* the config's list names it from this question on */
static bool config_later(struct rig *r, const struct rig_request *q)
{
	struct tl_dcOption options[2] = {
		{.obj = {TL_dcOption}, .id = 2, .ip_address = tl_str("127.0.0.1"), .port = 443},
		{.obj = {TL_dcOption}, .id = 5, .ip_address = tl_str("127.0.0.1"), .port = 443}};
	struct tl_obj *list[2] = {&options[0].obj, &options[1].obj};
	struct tl_config c = {.obj = {TL_config},
			      .date = (int32_t)(r->now.real / SECOND),
			      .dc_txt_domain_name = tl_str(""),
			      .me_url_prefix = tl_str("")};

	if (q->method != TL_help_getConfig)
		return import_badly(r, q);
	c.expires = c.date + 3600;
	c.dc_options = (struct tl_vec){list, (int)r->calls[TL_help_getConfig] >= fifth ? 2 : 1};
	rig_answer(r, q, &c.obj);
	return true;
}

TEST(an_unknown_data_centre_is_looked_up_once)
{
	for (fifth = 2; fifth <= 9; fifth += 7) {
		struct rig *r = rig_new();
		uint64_t call;

		bad_imports = 0;
		export_error = NULL;
		r->s.address_count = 0;
		r->serve = config_later;
		rig_restart(r);
		rig_login(r);
		CHECK_INT(r->calls[TL_help_getConfig], 1);
		call = get(r, 5);
		rig_pass(r, 2);
		CHECK_INT(r->calls[TL_help_getConfig], 2);
		CHECK_INT(rig_result_of(r, call)->error, fifth == 2 ? 0 : -TG_E_INVALID_PARAMS);
		rig_free(r);
	}
}

static bool move_to_nine(struct rig *r, const struct rig_request *q)
{
	if (q->method == TL_help_getNearestDc)
		rig_refuse(r, q, 303, "USER_MIGRATE_9");
	return q->method == TL_help_getNearestDc || config_later(r, q);
}

TEST(a_move_to_an_unknown_data_centre_is_refused)
{
	for (int by_hand = 0; by_hand < 2; by_hand++) {
		struct rig *r = rig_new();
		uint64_t call;

		fifth = 9;
		if (!by_hand)
			r->s.address_count = 0;
		r->serve = move_to_nine;
		rig_restart(r);
		rig_login(r);
		call = ask(r, 0);
		rig_pass(r, 2);
		CHECK_INT(rig_result_of(r, call)->code, 303);
		CHECK_STR(rig_result_of(r, call)->text, "USER_MIGRATE_9");
		/* addresses given by hand are not looked up anywhere else */
		CHECK_INT(r->calls[TL_help_getConfig], by_hand ? 0 : 2);
		CHECK_INT(r->a->main_dc, 2);
		rig_free(r);
	}
}

/* ---- keys that a server does not know ---- */
static bool key_is(struct rig *r, int dc, const uint8_t key[256])
{
	struct tg_key k = tg_key(r->a, 'k');
	struct tl_buf b = {0};
	bool there;

	tg_key_number(&k, (uint64_t)dc + 10000);
	there = tg_read(r->a, TG_TABLE_KEY, k.bytes, k.n, &b) == 0 && b.len == 256 &&
		memcmp(b.data, key, 256) == 0;
	tl_buf_free(&b);
	return there;
}

TEST(one_404_is_not_believed)
{
	struct rig *r = rig_new();
	unsigned before;

	rig_login(r);
	before = r->dc[2].connections;
	r->dc[2].error = -404;
	r->dc[2].refusals = 1;
	ask(r, 0);
	rig_pass(r, 10);
	CHECK(tg_account_online(r->a));
	CHECK_INT(r->dc[2].connections, before + 1);
	CHECK_INT(tg_account_state(r->a), TG_READY);
	CHECK(key_is(r, 2, r->dc[2].key.key));
	rig_free(r);
}

TEST(the_main_key_is_checked_before_it_is_believed_lost)
{
	struct rig *r = rig_new();
	uint64_t call;
	unsigned before;

	rig_login(r);
	before = r->dc[2].connections;
	r->dc[2].unknown_key = true;
	call = ask(r, 0);
	rig_pass(r, 20);
	CHECK_INT(tg_account_state(r->a), TG_REVOKED);
	CHECK_STR(tg_account_reason(r->a), "AUTH_KEY_LOST");
	CHECK_INT(rig_result_of(r, call)->error, -TG_E_SESSION_REVOKED);
	/* two connections said it, then two of a fresh session over the same key */
	CHECK(r->dc[2].connections - before >= 3);
	CHECK(r->dc[2].connections - before <= 5);
	CHECK(key_is(r, 2, r->dc[2].key.key));
	rig_free(r);
}

static unsigned checks;
static bool count_checks(struct rig *r, const struct rig_request *q)
{
	if (q->method == TL_help_getNearestDc && q->on != &r->dc[q->dc])
		checks++;
	return false;
}

TEST(a_key_that_a_fresh_session_knows_is_kept)
{
	struct rig *r = rig_new();
	uint64_t call;

	checks = 0;
	rig_login(r);
	r->serve = count_checks;
	call = ask(r, 0);
	r->dc[2].error = -404; /* each connection of the main session, and no other */
	r->dc[2].refusals = 3;
	rig_pass(r, 60);
	CHECK(checks >= 1);
	CHECK_INT(tg_account_state(r->a), TG_READY);
	CHECK(tg_account_online(r->a));
	CHECK(rig_result_of(r, call) && !rig_result_of(r, call)->error);
	CHECK_INT(rig_open(r, 2), 1); /* the check leaves nothing behind */
	rig_free(r);
}

TEST(a_lost_key_of_another_data_centre_is_replaced)
{
	struct rig *r = rig_new();
	uint8_t first[256];
	uint64_t call;

	rig_login(r);
	call = ask(r, 4);
	rig_pass(r, 2);
	CHECK(rig_result_of(r, call) && !rig_result_of(r, call)->error);
	memcpy(first, r->dc[4].key.key, sizeof first);
	r->dc[4].unknown_key = true;
	call = ask(r, 4);
	rig_pass(r, 1);
	CHECK(key_is(r, 4, first)); /* not yet */
	rig_pass(r, 15);
	CHECK(!key_is(r, 4, first));
	CHECK(key_is(r, 4, r->dc[4].key.key));
	CHECK(rig_result_of(r, call) && !rig_result_of(r, call)->error);
	CHECK_INT(r->calls[TL_auth_exportAuthorization], 2);
	CHECK_INT(tg_account_state(r->a), TG_READY);
	rig_free(r);
}

TEST(where_a_data_centre_is_reached)
{
	struct rig *r = rig_new();
	struct mt_address x;

	rig_login(r);
	CHECK(tg_account_address(r->a, 0, true, &x));
	CHECK_INT(x.dc, 2);
	CHECK(tg_account_address(r->a, 4, false, &x));
	CHECK_INT(x.dc, 4);
	CHECK(!tg_account_address(r->a, 77, true, &x));
	rig_free(r);
}
