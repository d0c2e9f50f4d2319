/* A bot's way in and out, restarts and lost authorizations, without a file descriptor. */
#include "tests/unit/core/rig.h"

TEST(login_bot_to_ready)
{
	struct rig *r = rig_new();

	CHECK_INT(tg_account_state(r->a), TG_SIGNED_OUT);
	rig_login(r);
	CHECK_INT(r->calls[TL_auth_importBotAuthorization], 1);
	CHECK_INT(r->calls[TL_updates_getState], 1);
	CHECK_INT(r->states, 2); /* connecting, ready */
	CHECK_INT(tg_account_self(r->a), RIG_SELF);
	CHECK(tg_account_is_bot(r->a));
	CHECK(tg_account_online(r->a));
	CHECK_INT(tg_login_bot(r->a, tl_str("7000:token"), r->now), -TG_E_NOT_PERMITTED);
	rig_free(r);
}

TEST(login_bot_byte_by_byte)
{
	struct rig *r = rig_new();

	r->bytewise = true;
	rig_login(r);
	rig_free(r);
}

TEST(login_is_told_when_it_is_on_the_disk)
{
	struct rig *r = rig_new();

	CHECK_INT(tg_login_bot(r->a, tl_str("7000:token"), r->now), 0);
	r->hold_commit = true;
	rig_pass(r, 5);
	CHECK(r->held && r->commits == 0);
	CHECK_INT(r->states, 1); /* connecting needs no disk */
	while (r->held) {
		struct tg_batch *b = r->held;
		const struct tg_batch *one = b;
		unsigned before = r->states;

		r->held = NULL;
		b->result = r->store->ops->commit(r->store, &one, 1);
		r->commits++;
		tg_account_stored(r->a, b, r->now);
		CHECK_INT(r->states, before);
		rig_run(r);
	}
	CHECK(r->commits >= 2); /* the batch with the state came after the one that was under way */
	CHECK_INT(r->states, 2);
	CHECK_INT(tg_account_state(r->a), TG_READY);
	rig_free(r);
}

static bool bad_token(struct rig *r, const struct rig_request *q)
{
	if (q->method == TL_auth_importBotAuthorization)
		rig_refuse(r, q, 400, "ACCESS_TOKEN_INVALID");
	return q->method == TL_auth_importBotAuthorization;
}

TEST(login_bad_token)
{
	struct rig *r = rig_new();

	r->serve = bad_token;
	CHECK_INT(tg_login_bot(r->a, tl_str("7000:bad"), r->now), 0);
	rig_pass(r, 1);
	CHECK_INT(tg_account_state(r->a), TG_FAILED);
	CHECK_STR(tg_account_reason(r->a), "ACCESS_TOKEN_INVALID");
	CHECK_INT(r->state.error, -TG_E_TELEGRAM);
	CHECK_INT(r->state.code, 400);
	CHECK_STR(r->state_text, "ACCESS_TOKEN_INVALID");
	rig_restart(r);
	CHECK_INT(tg_account_state(r->a), TG_FAILED);
	CHECK_STR(tg_account_reason(r->a), "ACCESS_TOKEN_INVALID");
	r->serve = NULL;
	rig_login(r); /* with a better one it goes on, with the same key */
	rig_free(r);
}

static bool move_to_four(struct rig *r, const struct rig_request *q)
{
	if (q->method != TL_auth_importBotAuthorization || q->dc == 4)
		return false;
	rig_refuse(r, q, 303, "USER_MIGRATE_4");
	return true;
}

TEST(login_moves_to_another_dc)
{
	struct rig *r = rig_new();

	r->serve = move_to_four;
	rig_login(r);
	CHECK_INT(r->a->main_dc, 4);
	CHECK_INT(r->authorized, 1 << 4);
	rig_restart(r);
	rig_pass(r, 1);
	CHECK_INT(tg_account_state(r->a), TG_READY);
	CHECK_INT(r->a->main_dc, 4);
	CHECK_INT(r->calls[TL_auth_importBotAuthorization], 2);
	CHECK_INT(r->calls[TL_updates_getDifference] > 0, 1);
	rig_free(r);
}

static bool move_nowhere(struct rig *r, const struct rig_request *q)
{
	if (q->method == TL_auth_importBotAuthorization)
		rig_refuse(r, q, 303, "USER_MIGRATE_9");
	return q->method == TL_auth_importBotAuthorization;
}

TEST(login_moves_nowhere)
{
	struct rig *r = rig_new();

	r->serve = move_nowhere;
	CHECK_INT(tg_login_bot(r->a, tl_str("7000:token"), r->now), 0);
	rig_pass(r, 1);
	CHECK_INT(tg_account_state(r->a), TG_FAILED);
	CHECK_STR(tg_account_reason(r->a), "USER_MIGRATE_9");
	rig_free(r);
}

TEST(login_survives_kills)
{
	struct rig *r = rig_new();

	rig_login(r);
	for (int i = 0; i < 20; i++) {
		rig_restart(r);
		rig_pass(r, i % 3 ? 0.1 : 2);
		CHECK_INT(tg_account_state(r->a), TG_READY);
		CHECK_INT(tg_account_self(r->a), RIG_SELF);
	}
	CHECK_INT(r->calls[TL_auth_importBotAuthorization], 1);
	CHECK_INT(r->calls[TL_updates_getState], 1);
	rig_free(r);
}

static size_t rows(struct rig *r, enum tg_table t)
{
	struct tl_buf key = {0}, value = {0};
	struct tg_store *s = r->store;
	size_t n = 0;

	for (int e = s->ops->seek(s, t, "", 0, "", 0, &key, &value); e == 0; n++) {
		tl_put_u8(&key, 0);
		e = s->ops->seek(s, t, "", 0, key.data, key.len, &key, &value);
	}
	tl_buf_free(&key);
	tl_buf_free(&value);
	return n;
}

TEST(sign_out_leaves_nothing)
{
	struct rig *r = rig_new();

	rig_login(r);
	rig_message(r, "m1");
	rig_pass(r, 1);
	CHECK(rows(r, TG_TABLE_KEY) && rows(r, TG_TABLE_STATE) && rows(r, TG_TABLE_PEER));
	CHECK_INT(tg_sign_out(r->a, r->now), 0);
	rig_pass(r, 1);
	CHECK_INT(tg_account_state(r->a), TG_SIGNED_OUT);
	CHECK_INT(r->calls[TL_auth_logOut], 1);
	CHECK_INT(r->states, 3);
	CHECK_INT(rows(r, TG_TABLE_KEY), 0);
	CHECK_INT(rows(r, TG_TABLE_STATE), 0);
	CHECK_INT(rows(r, TG_TABLE_PEER), 0);
	CHECK_INT(rows(r, TG_TABLE_NAME), 0);
	CHECK_INT(rows(r, TG_TABLE_ACCOUNT), 1);
	CHECK_INT(r->dc[2].slot, -1);
	CHECK_INT(tg_sign_out(r->a, r->now), -TG_E_UNAUTHORIZED);
	rig_free(r);
}

TEST(sign_out_without_a_network)
{
	struct rig *r = rig_new();

	rig_login(r);
	r->refuse_connection = true;
	rig_lose(r, 2);
	rig_pass(r, 1);
	CHECK_INT(tg_sign_out(r->a, r->now), 0);
	rig_pass(r, 11);
	CHECK_INT(tg_account_state(r->a), TG_SIGNED_OUT);
	CHECK_INT(rows(r, TG_TABLE_KEY), 0);
	rig_free(r);
}

static const char *refusal;
static int refusal_code;
static bool refuse_everything(struct rig *r, const struct rig_request *q)
{
	rig_refuse(r, q, refusal_code, refusal);
	return true;
}

static void revoked_by(int code, const char *text)
{
	struct rig *r = rig_new();
	struct tl_help_getNearestDc m = {{TL_help_getNearestDc}};
	uint64_t call;
	size_t keys;

	rig_login(r);
	keys = rows(r, TG_TABLE_KEY);
	refusal = text;
	refusal_code = code;
	r->serve = refuse_everything;
	call = rig_call(r, &m.obj, NULL);
	rig_pass(r, 1);
	CHECK_INT(tg_account_state(r->a), TG_REVOKED);
	CHECK_STR(tg_account_reason(r->a), text);
	CHECK_INT(rig_result_of(r, call)->error, -TG_E_SESSION_REVOKED);
	CHECK_INT(rows(r, TG_TABLE_KEY), keys); /* kept */
	CHECK_INT(r->dc[2].slot, -1);
	CHECK_INT(tg_call(r->a, TL_help_getNearestDc, "", 0, &(struct tg_call_options){0}, &call,
			  r->now),
		  -TG_E_SESSION_REVOKED);
	rig_restart(r);
	rig_pass(r, 1);
	CHECK_INT(tg_account_state(r->a), TG_REVOKED);
	CHECK_STR(tg_account_reason(r->a), text);
	CHECK_INT(r->dc[2].slot, -1); /* it does not even connect */
	rig_free(r);
}

TEST(revoked_after_a_try_that_may_have_been_done)
{
	struct rig *r = rig_new();
	struct tl_help_getNearestDc m = {{TL_help_getNearestDc}};
	uint64_t call;

	rig_login(r);
	refusal = "INTERNAL";
	refusal_code = 500;
	r->serve = refuse_everything;
	call = rig_call(r, &m.obj, NULL);
	rig_pass(r, 0);
	CHECK(!rig_result_of(r, call));
	refusal = "SESSION_REVOKED";
	refusal_code = 401;
	rig_pass(r, 2);
	CHECK_INT(rig_result_of(r, call)->error, -TG_E_SESSION_REVOKED);
	CHECK(rig_result_of(r, call)->sent);
	rig_free(r);
}

TEST(revoked_by_each_kind)
{
	revoked_by(401, "AUTH_KEY_UNREGISTERED");
	revoked_by(401, "SESSION_REVOKED");
	revoked_by(401, "USER_DEACTIVATED");
	revoked_by(406, "AUTH_KEY_DUPLICATED");
}

TEST(disconnect_and_connect)
{
	struct rig *r = rig_new();
	struct tl_help_getNearestDc m = {{TL_help_getNearestDc}};
	uint64_t call;

	rig_login(r);
	tg_account_disconnect(r->a, r->now);
	rig_pass(r, 1);
	CHECK(!tg_account_online(r->a));
	CHECK_INT(r->dc[2].slot, -1);
	CHECK_INT(tg_call(r->a, TL_help_getNearestDc, "", 0, &(struct tg_call_options){0}, &call,
			  r->now),
		  -TG_E_OFFLINE);
	tg_account_connect(r->a, r->now);
	rig_pass(r, 1);
	CHECK(tg_account_online(r->a));
	call = rig_call(r, &m.obj, NULL);
	rig_pass(r, 1);
	CHECK_INT(rig_result_of(r, call)->error, 0);
	rig_free(r);
}

TEST(login_interrupted)
{
	struct rig *r = rig_new();

	r->refuse_connection = true;
	CHECK_INT(tg_login_bot(r->a, tl_str("7000:token"), r->now), 0);
	rig_pass(r, 30);
	CHECK_INT(tg_account_state(r->a), TG_CONNECTING);
	tg_account_disconnect(r->a, r->now);
	rig_pass(r, 1);
	CHECK_INT(tg_account_state(r->a), TG_SIGNED_OUT);
	r->refuse_connection = false;
	rig_login(r);
	rig_free(r);
}

TEST(worlds_never_mix)
{
	struct rig *r = rig_new();
	struct tg_account *other;
	struct tg_settings s;

	rig_login(r);
	s = r->s;
	s.test = false;
	other = tg_account_new("main", &s, &r->env, r->now);
	CHECK_INT(tg_account_state(other), TG_FAILED);
	CHECK_STR(tg_account_reason(other), "WORLD_MISMATCH");
	CHECK_INT(tg_login_bot(other, tl_str("1:x"), r->now), -TG_E_NOT_PERMITTED);
	tg_account_free(other);
	rig_free(r);
}

/* After a revocation the next login makes new keys; the old ones stay in quarantine. */
TEST(login_after_a_revocation)
{
	struct rig *r = rig_new_without_keys();
	struct tl_help_getNearestDc m = {{TL_help_getNearestDc}};
	uint8_t first[8];

	rig_login(r);
	rig_pass(r, 1);
	memcpy(first, r->dc[2].key.id, 8);
	refusal = "AUTH_KEY_DUPLICATED";
	refusal_code = 406;
	r->serve = refuse_everything;
	rig_call(r, &m.obj, NULL);
	rig_pass(r, 1);
	CHECK_INT(tg_account_state(r->a), TG_REVOKED);
	CHECK_INT(r->handshakes, 3);
	r->serve = NULL;
	rig_login(r);
	CHECK_INT(r->handshakes, 6);
	CHECK(memcmp(first, r->dc[2].key.id, 8) != 0);
	rig_restart(r);
	rig_pass(r, 1);
	CHECK_INT(tg_account_state(r->a), TG_READY);
	CHECK_INT(r->handshakes, 6);
	rig_free(r);
}

/* B.49: no byte under a new key leaves before the key is on the disk; a kill at any moment between
 * loses nothing that was used. */
TEST_T(key_is_stored_before_it_is_used, 60)
{
	struct rig *r = rig_new_without_keys();

	CHECK_INT(tg_login_bot(r->a, tl_str("7000:token"), r->now), 0);
	r->hold_commit = true;
	for (int i = 0; i < 100 && r->handshakes < 3; i++)
		rig_pass(r, 0.1);
	rig_pass(r, 5);
	CHECK_INT(r->handshakes, 3);
	CHECK(r->held);
	CHECK_INT(r->packets, 0);
	tg_account_disconnect(r->a, r->now); /* it waits over another connection, too */
	rig_run(r);
	CHECK_INT(tg_login_bot(r->a, tl_str("7000:token"), r->now), 0);
	rig_pass(r, 5);
	CHECK_INT(r->handshakes, 3);
	CHECK_INT(r->packets, 0);
	rig_restart(r); /* the key was never used, and is gone */
	CHECK_INT(tg_account_state(r->a), TG_SIGNED_OUT);
	r->hold_commit = false;
	rig_login(r);
	CHECK_INT(r->handshakes, 6);
	CHECK(r->packets > 0);
	for (int i = 0; i < 3; i++) {
		rig_restart(r);
		rig_pass(r, 1);
		CHECK_INT(tg_account_state(r->a), TG_READY);
	}
	CHECK_INT(r->handshakes, 6);
	CHECK_INT(r->calls[TL_auth_importBotAuthorization], 1);
	rig_free(r);
}
