/* schema.c: look-ups, and the tables give back the text they were made of. */
#include "tests/harness.h"
#include "tl_schema.h"

static const char *line_of(unsigned ctor, struct tl_buf *b)
{
	tl_buf_clear(b);
	CHECK_INT(tl_line(&tl_api, ctor, b), 0);
	tl_put_u8(b, 0);
	return (const char *)b->data;
}

static unsigned check_file(const char *path, bool service, unsigned ctor)
{
	char line[8192], full[256];
	struct tl_buf b = {0};
	bool methods = false;
	FILE *in;

	snprintf(full, sizeof full, "%s", test_vectors(path));
	in = fopen(full, "r");
	CHECK(in != NULL);
	while (fgets(line, sizeof line, in)) {
		line[strcspn(line, "\n")] = 0;
		if (strncmp(line, "---", 3) == 0)
			methods = strcmp(line, "---functions---") == 0;
		if (!*line || strncmp(line, "//", 2) == 0 || strncmp(line, "---", 3) == 0)
			continue;
		ctor++;
		CHECK_STR(line_of(ctor, &b), line);
		CHECK_INT(tl_is_method(&tl_api, ctor), methods);
		CHECK_INT(tl_is_service(&tl_api, ctor), service);
		CHECK_INT(tl_by_id(&tl_api, tl_id(&tl_api, ctor)), ctor);
		CHECK_INT(tl_by_name(&tl_api, tl_str(tl_name(&tl_api, ctor))), ctor);
	}
	fclose(in);
	tl_buf_free(&b);
	return ctor;
}

TEST(tables_give_back_the_schema_text)
{
	unsigned n = check_file("../../schema/api.tl", false, 0);

	n = check_file("../../schema/mtproto.tl", true, n);
	CHECK_INT(n, tl_ctor_count(&tl_api));
	CHECK(n > 2400 && tl_layer(&tl_api) >= 224);
}

TEST(what_is_not_there_is_not_found)
{
	struct tl_field_info info;
	struct tl_buf b = {0};

	CHECK_INT(tl_by_id(&tl_api, 0), 0);
	CHECK_INT(tl_by_id(&tl_api, 0x12345678), 0);
	CHECK_INT(tl_by_id(&tl_api, TL_ID_user ^ 1), 0);
	CHECK_INT(tl_by_name(&tl_api, tl_str("")), 0);
	CHECK_INT(tl_by_name(&tl_api, tl_str("messages.sendMessag")), 0);
	CHECK_INT(tl_by_name(&tl_api, tl_str("messages.sendMessagee")), 0);
	CHECK_INT(tl_by_name(&tl_api, tl_str("zzz")), 0);
	CHECK_INT(tl_by_name(&tl_api, (struct tl_str){"user\0x", 6}), 0);
	CHECK_INT(tl_by_name(&tl_api, (struct tl_str){NULL, 0}), 0);
	CHECK_STR(tl_name(&tl_api, 0), tl_name(&tl_api, 60000));
	CHECK_INT(tl_line(&tl_api, 0, &b), -TG_E_NOT_FOUND);
	CHECK_INT(tl_field_info(&tl_api, TL_inputPeerSelf, 0, &info), -TG_E_NOT_FOUND);
	CHECK(!tl_is_method(&tl_api, 0));
	tl_buf_free(&b);
}

TEST(fields_are_described)
{
	struct tl_field_info info;
	unsigned n = 0;

	CHECK_STR(tl_type_name(&tl_api, TL_messages_sendMessage), "Updates");
	CHECK_STR(tl_type_name(&tl_api, TL_messages_receivedQueue), "Vector<long>");
	CHECK_STR(tl_type_name(&tl_api, TL_contacts_resetSaved), "Bool");
	CHECK_STR(tl_type_name(&tl_api, TL_invokeWithLayer), "X");
	CHECK_STR(tl_type_name(&tl_api, TL_userEmpty), "User");
	while (tl_field_info(&tl_api, TL_messages_sendMessage, n, &info) == 0) {
		CHECK(strcmp(info.name, "flags") != 0);
		if (strcmp(info.name, "peer") == 0)
			CHECK(!info.optional && strcmp(info.type, "InputPeer") == 0);
		if (strcmp(info.name, "entities") == 0)
			CHECK(info.optional &&
			      strcmp(info.type, "flags.3?Vector<MessageEntity>") == 0);
		n++;
	}
	CHECK(n > 10);
}

TEST(classes_of_longs)
{
	struct tl_user u = {.obj.ctor = TL_user, .id = 93372553, .access_hash = 7};
	struct tl_buf b = {0};

	u.has_access_hash = true;
	CHECK_INT(tl_obj_to_json(&tl_api, &u.obj, &b), 0);
	tl_put_u8(&b, 0);
	CHECK_STR((char *)b.data, "{\"_\":\"user\",\"id\":93372553,\"access_hash\":\"7\"}");
	tl_buf_free(&b);
}
