/* A server that says anything: random objects of every kind as updates and as answers. Nothing may
 * crash, hang, or complete a call twice. */
#include "tests/unit/core/rig.h"

static uint64_t draw64(void *ctx)
{
	return (uint64_t)rig_draw(ctx, 1u << 31) << 33 ^ (uint64_t)rig_draw(ctx, 1u << 31) << 2 ^
	       rig_draw(ctx, 4);
}

static struct tl_obj *random_of(struct rig *r, unsigned ctor)
{
	struct tl_obj *o;

	CHECK_INT(tl_random(&tl_api, ctor, draw64, r, &r->arena, &o), 0);
	return o;
}

/* Any constructor of a type. */
static unsigned ctor_of(struct rig *r, const char *type)
{
	static unsigned found[512];
	unsigned n = 0;

	for (unsigned i = 1; i <= tl_ctor_count(&tl_api) && n < 512; i++)
		if (!tl_is_method(&tl_api, i) && strcmp(tl_type_name(&tl_api, i), type) == 0)
			found[n++] = i;
	return n ? found[rig_draw(r, n)] : 0;
}

/* Numbers near the account's own, so that the boxes have something to think about. */
static void tame(struct rig *r, struct tl_obj *o)
{
	switch (o->ctor) {
	case TL_updates: {
		struct tl_updates *u = (struct tl_updates *)o;
		struct tl_obj **list = u->updates.items;

		u->seq = (int32_t)rig_draw(r, 5);
		for (uint32_t i = 0; i < u->updates.count; i++)
			tame(r, list[i]);
		return;
	}
	case TL_updateDeleteMessages:
		((struct tl_updateDeleteMessages *)o)->pts =
			r->a->up.box[TG_BOX_COMMON].pts + (int32_t)rig_draw(r, 4) - 1;
		((struct tl_updateDeleteMessages *)o)->pts_count = (int32_t)rig_draw(r, 3);
		return;
	case TL_updateDeleteChannelMessages:
		((struct tl_updateDeleteChannelMessages *)o)->channel_id = RIG_CHANNEL;
		((struct tl_updateDeleteChannelMessages *)o)->pts = (int32_t)rig_draw(r, 20);
		((struct tl_updateDeleteChannelMessages *)o)->pts_count = (int32_t)rig_draw(r, 3);
		return;
	}
}

static struct tl_obj *some_updates(struct rig *r)
{
	struct tl_obj *o = random_of(r, ctor_of(r, "Updates"));
	struct tl_updateShort *s;

	if (rig_draw(r, 3) == 0) {
		s = rig_alloc(r, sizeof *s);
		*s = (struct tl_updateShort){{TL_updateShort},
					     random_of(r, ctor_of(r, "Update")),
					     (int32_t)rig_draw(r, 1u << 31)};
		tame(r, s->update);
		o = &s->obj;
	}
	tame(r, o);
	return o;
}

static bool mad(struct rig *r, const struct rig_request *q)
{
	static const char *const texts[] = {"FLOOD_WAIT_1",    "PERSISTENT_TIMESTAMP_INVALID",
					    "CHANNEL_PRIVATE", "Timeout",
					    "FILE_MIGRATE_3",  ""};
	static const int codes[] = {420, 400, 406, -503, 303, 0};
	const char *type = tl_type_name(&tl_api, q->method);
	unsigned ctor = ctor_of(r, type);
	uint32_t n = rig_draw(r, 12);

	if (q->method == TL_auth_importBotAuthorization || q->method == TL_auth_importAuthorization)
		return false;
	if (n < 6 && rig_draw(r, 3) == 0)
		rig_refuse(r, q, codes[n], texts[n]);
	else if (n == 6)
		rig_answer(r, q, some_updates(r)); /* of another type than asked for */
	else if (n == 7 || !ctor)
		return false;
	else
		rig_answer(r, q, random_of(r, ctor));
	return true;
}

TEST_T(hostile_server, 120)
{
	static const unsigned methods[] = {TL_help_getNearestDc,       TL_messages_sendMessage,
					   TL_messages_deleteMessages, TL_channels_deleteMessages,
					   TL_messages_getHistory,     TL_upload_getFile,
					   TL_payments_sendStarsForm,  TL_messages_readHistory};

	for (uint64_t seed = 1; seed <= 12; seed++) {
		struct rig *r = rig_new();
		unsigned made = 0;

		r->seed = seed;
		rig_login(r);
		r->serve = mad;
		for (int round = 0; round < 150; round++) {
			struct tg_call_options o = {.deadline = r->now.boot + 10 * TG_SECOND,
						    .flood_wait = 5,
						    .chain = rig_draw(r, 3)};

			rig_say(r, r->a->main_dc, some_updates(r));
			if (rig_draw(r, 2) && made < 200 && tg_account_state(r->a) == TG_READY) {
				rig_call(r, random_of(r, methods[rig_draw(r, 8)]), &o);
				made++;
			}
			if (rig_draw(r, 5) == 0) {
				struct tg_peer_query q = {
					.form = (enum tg_peer_form)(TG_FORM_USERNAME +
								    rig_draw(r, 4)),
					.text = "some_name"};
				uint64_t number;

				(void)!tg_resolve(r->a, &q, r->now.boot + 5 * TG_SECOND, &number,
						  r->now);
			}
			if (rig_draw(r, 20) == 0)
				rig_lose(r, r->a->main_dc);
			if (rig_draw(r, 40) == 0)
				rig_restart(r);
			rig_pass(r, rig_draw(r, 20) / 10.0);
			r->pending_n = r->journal_n = 0; /* only the run counts here */
		}
		rig_pass(r, 30);
		for (size_t i = 0; i < r->results_n && i < 256; i++)
			for (size_t k = 0; k < i; k++)
				CHECK(r->results[i].call != r->results[k].call ||
				      r->results[i].method != r->results[k].method ||
				      r->results[i].at != r->results[k].at);
		rig_free(r);
	}
}
