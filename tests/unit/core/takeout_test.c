/* Exports: calls inside them, over ranges of messages and with files' data centres; the number
 * outlives the process and ends with the export (PROTOCOL D.61, E.50, E.51). */
#include "tests/unit/core/rig.h"

#define SECOND INT64_C(1000000000)
#define EXPORT 77777

static const char *refusal;
static struct rig_request got;
static bool serve(struct rig *r, const struct rig_request *q)
{
	struct tl_account_takeout t = {{TL_account_takeout}, EXPORT};
	struct tl_boolTrue yes = {{TL_boolTrue}};
	struct tl_storage_filePng type = {{TL_storage_filePng}};
	struct tl_upload_file f = {{TL_upload_file}, &type.obj, 1, tl_str("x")};
	struct tl_nearestDc n = {
		.obj = {TL_nearestDc}, .country = tl_str("XX"), .this_dc = 2, .nearest_dc = 2};

	if (q->method == TL_account_initTakeoutSession && !refusal)
		rig_answer(r, q, &t.obj);
	else if (q->method == TL_account_finishTakeoutSession)
		rig_answer(r, q, &yes.obj);
	else if (q->method == TL_upload_getFile)
		rig_answer(r, q, &f.obj);
	else if (q->method == TL_help_getNearestDc && !refusal)
		rig_answer(r, q, &n.obj);
	else if (q->method == TL_account_initTakeoutSession || q->method == TL_help_getNearestDc)
		rig_refuse(r, q, 420, refusal);
	else
		return false;
	got = *q;
	return true;
}

static uint64_t inside(struct rig *r, const struct tl_obj *method, int dc, int from, int to)
{
	struct tg_call_options o = {.deadline = r->now.boot + 50 * SECOND,
				    .flood_wait = 20,
				    .dc = dc,
				    .takeout = true,
				    .range_from = from,
				    .range_to = to};
	uint64_t call = rig_call(r, method, &o);

	rig_pass(r, 2);
	return call;
}

static int may_begin(struct rig *r)
{
	struct tg_call_options o = {.deadline = r->now.boot + 50 * SECOND, .takeout = true};
	uint64_t call;

	return tg_call(r->a, TL_help_getNearestDc, "", 0, &o, &call, r->now);
}

TEST(takeout_wraps_its_calls)
{
	struct rig *r = rig_new();
	struct tl_account_initTakeoutSession init = {.obj = {TL_account_initTakeoutSession}};
	struct tl_account_finishTakeoutSession finish = {.obj = {TL_account_finishTakeoutSession},
							 .success = true};
	struct tl_help_getNearestDc nearest = {{TL_help_getNearestDc}};
	struct tl_inputTakeoutFileLocation contacts = {{TL_inputTakeoutFileLocation}};
	struct tl_upload_getFile file = {
		.obj = {TL_upload_getFile}, .location = &contacts.obj, .limit = 4096};
	uint64_t call;

	refusal = NULL;
	rig_login(r);
	r->serve = serve;
	CHECK_INT(may_begin(r), -TG_E_INVALID_PARAMS); /* none runs */
	rig_call(r, &init.obj, NULL);
	rig_pass(r, 1);
	CHECK_INT(got.takeout, 0);
	call = inside(r, &nearest.obj, 0, 0, 0);
	CHECK_INT(rig_result_of(r, call)->error, 0);
	CHECK_INT(got.takeout, EXPORT);
	CHECK_INT(got.range_to, 0);
	inside(r, &nearest.obj, 0, 5, 9);
	CHECK_INT(got.takeout, EXPORT);
	CHECK_INT(got.range_from, 5);
	CHECK_INT(got.range_to, 9);
	/* files: without updates outside, the takeout inside, on their own data centre */
	inside(r, &file.obj, 4, 0, 0);
	CHECK_INT(got.method, TL_upload_getFile);
	CHECK_INT(got.dc, 4);
	CHECK(got.without_updates);
	CHECK_INT(got.takeout, EXPORT);
	/* it goes on after a restart, with the header around all */
	rig_restart(r);
	r->results_n = 0;
	rig_pass(r, 1);
	call = inside(r, &nearest.obj, 3, 1, 2);
	CHECK_INT(rig_result_of(r, call)->error, 0);
	CHECK_INT(got.takeout, EXPORT);
	/* and a call outside is outside */
	rig_call(r, &nearest.obj, NULL);
	rig_pass(r, 1);
	CHECK_INT(got.takeout, 0);
	inside(r, &finish.obj, 0, 0, 0);
	CHECK_INT(got.takeout, EXPORT);
	CHECK_INT(may_begin(r), -TG_E_INVALID_PARAMS);
	rig_free(r);
}

TEST(takeout_that_is_refused)
{
	struct rig *r = rig_new();
	struct tl_account_initTakeoutSession init = {.obj = {TL_account_initTakeoutSession}};
	struct tl_help_getNearestDc nearest = {{TL_help_getNearestDc}};
	uint64_t call;

	refusal = "TAKEOUT_INIT_DELAY_86400";
	rig_login(r);
	r->serve = serve;
	call = rig_call(r, &init.obj, NULL);
	rig_pass(r, 1);
	CHECK_STR(rig_result_of(r, call)->text, refusal); /* told, with the time; not waited out */
	CHECK_INT(rig_result_of(r, call)->retry_after, 86400);
	CHECK_INT(r->calls[TL_account_initTakeoutSession], 1);
	refusal = NULL;
	rig_call(r, &init.obj, NULL);
	rig_pass(r, 1);
	CHECK_INT(may_begin(r), 0);
	refusal = "TAKEOUT_INVALID"; /* it is over there: begin again */
	call = inside(r, &nearest.obj, 0, 0, 0);
	CHECK_STR(rig_result_of(r, call)->text, refusal);
	CHECK_INT(may_begin(r), -TG_E_INVALID_PARAMS);
	rig_free(r);
}
