/* What a daemon that starts again says first: the layer's header with the settings in it, with the
 * salts that it kept, and the question what it missed (D.23, D.63, D.65). */
#include "tests/unit/core/rig.h"

static uint64_t ask(struct rig *r)
{
	struct tl_help_getNearestDc m = {{TL_help_getNearestDc}};
	struct tg_call_options o = {.deadline = r->now.boot + 50 * TG_SECOND};

	return rig_call(r, &m.obj, &o);
}

TEST(salts_outlive_a_restart)
{
	struct rig *r = rig_new();
	uint64_t kept;

	r->dc[2].salt = 4711;
	rig_login(r);
	rig_pass(r, 5);
	kept = r->dc[r->a->main_dc].salt_heard;
	CHECK(kept == r->dc[r->a->main_dc].salt);
	r->dc[r->a->main_dc].salt_heard = 0;
	rig_restart(r);
	rig_pass(r, 0.01); /* the first packet, before anything was heard */
	CHECK(r->dc[r->a->main_dc].salt_heard == kept);
	rig_free(r);
}

TEST(settings_go_into_the_header)
{
	static const char *const texts[] = {"a machine", "its system 3", "layerd 9.8", "eo", "",
					    "nb"};
	struct rig *r = rig_new();

	rig_login(r);
	CHECK_STR(r->init[0], "PC"); /* what stands for nothing set */
	CHECK_STR(r->init[4], "");   /* no language pack: that is for others (D.63) */
	r->s.device_model = texts[0];
	r->s.system_version = texts[1];
	r->s.app_version = texts[2];
	r->s.system_lang_code = texts[3];
	r->s.lang_pack = texts[4];
	r->s.lang_code = texts[5];
	rig_restart(r);
	rig_pass(r, 1);
	for (int i = 0; i < 6; i++)
		CHECK_STR(r->init[i], texts[i]);
	rig_free(r);
}

/* A start may be one of another layer: the header and the difference come each time. */
TEST(each_start_says_the_layer_and_asks_for_the_difference)
{
	struct rig *r = rig_new();

	rig_login(r);
	rig_pass(r, 5);
	for (int i = 0; i < 3; i++) {
		unsigned before = r->calls[TL_updates_getDifference];
		uint64_t call;

		memset(r->init, 'x', sizeof r->init);
		rig_restart(r);
		rig_pass(r, 2);
		CHECK(r->init[0][0] != 'x');
		rig_pass(r, 30);
		CHECK_INT(r->calls[TL_updates_getDifference], before + 1); /* once is enough */
		r->results_n = 0; /* numbers of calls begin anew */
		call = ask(r);
		rig_pass(r, 1);
		CHECK_INT(rig_result_of(r, call)->error, 0);
		CHECK(!r->last.wrapped); /* one answer was enough (D.60) */
	}
	rig_free(r);
}
