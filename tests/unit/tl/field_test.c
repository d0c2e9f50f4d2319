/* Fields by name. */
#include "tests/harness.h"
#include "tl_schema.h"

TEST(field_by_name)
{
	struct tl_peerUser peer = {.obj = {TL_peerUser}, .user_id = INT64_C(999999999999)};
	struct tl_message m = {.obj = {TL_message}, .id = -7, .peer_id = &peer.obj};
	struct tl_updateNewMessage u = {
		.obj = {TL_updateNewMessage}, .message = &m.obj, .pts = 5, .pts_count = 1};
	int64_t v = 77;

	CHECK(tl_field_int(&tl_api, &u.obj, "pts", &v) && v == 5);
	CHECK(tl_field_int(&tl_api, &u.obj, "pts_count", &v) && v == 1);
	CHECK(!tl_field_int(&tl_api, &u.obj, "qts", &v) && v == 1);
	CHECK(!tl_field_int(&tl_api, &u.obj, "message", &v));
	CHECK(!tl_field_int(&tl_api, &u.obj, "pt", &v));
	CHECK(tl_field_obj(&tl_api, &u.obj, "message") == &m.obj);
	CHECK(tl_field_obj(&tl_api, &u.obj, "pts") == NULL);
	CHECK(tl_field_int(&tl_api, &m.obj, "id", &v) && v == -7);
	CHECK(!tl_field_int(&tl_api, &m.obj, "via_bot_id", &v));
	m.has_via_bot_id = true;
	m.via_bot_id = 3;
	CHECK(tl_field_int(&tl_api, &m.obj, "via_bot_id", &v) && v == 3);
	CHECK(tl_field_int(&tl_api, &peer.obj, "user_id", &v) && v == 999999999999);
	CHECK(tl_field_obj(&tl_api, &m.obj, "from_id") == NULL);
	CHECK(tl_has_field(&tl_api, TL_messages_sendMessage, "random_id"));
	CHECK(!tl_has_field(&tl_api, TL_messages_sendMessage, "random"));
	CHECK(!tl_has_field(&tl_api, TL_UNKNOWN, "id"));
}
