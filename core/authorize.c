/* Authorization of other data centres than the main one: exported here, imported there, once for
 * all calls that wait for it (core.telegram.org/api/datacenter; E.9-E.12). */
#include "core/account.h"

#include <string.h>

void tg_dc_set_authorized(struct tg_account *a, struct tg_dc *dc, bool yes)
{
	if (dc->authorized == yes)
		return;
	dc->authorized = yes;
	tg_authorized_save(a, dc->id, yes);
}

static struct tg_dc *dc_of_call(const struct tg_account *a, const struct tg_call *c)
{
	return tg_dc_find(a, (int)(intptr_t)c->ctx);
}

static void failed(struct tg_account *a, struct tg_dc *dc, const struct tg_answer *r)
{
	dc->importing = false;
	a->moving_to = a->moving_to == dc->id ? 0 : a->moving_to;
	tg_calls_fail_at(a, dc->id, r);
}

static void succeeded(struct tg_account *a, struct tg_dc *dc)
{
	dc->importing = false;
	tg_dc_set_authorized(a, dc, true);
	if (a->moving_to == dc->id)
		tg_dc_become_main(a, dc);
	tg_calls_retry(a);
}

static void ask(struct tg_account *a, struct tg_dc *dc);

static void imported(struct tg_account *a, struct tg_call *c, const struct tg_answer *r)
{
	struct tg_dc *dc = dc_of_call(a, c);

	if (!dc)
		return;
	if (!r->error) {
		succeeded(a, dc);
	} else if (r->error == -TG_E_TELEGRAM && !dc->exported_twice) {
		dc->exported_twice = true; /* the bytes are good for one try, and not for long */
		ask(a, dc);
	} else {
		failed(a, dc, r);
	}
}

static bool import(struct tg_account *a, struct tg_dc *dc,
		   const struct tl_auth_exportedAuthorization *e)
{
	struct tl_auth_importAuthorization m = {{TL_auth_importAuthorization}, e->id, e->bytes};
	struct tg_call_options o = {.dc = dc->id,
				    .deadline = a->now.boot + TG_LOGIN_FLOOD * TG_SECOND,
				    .any_state = true};
	struct tg_call *c = tg_call_own(a, &m.obj, &o, imported, (void *)(intptr_t)dc->id);

	if (c)
		c->purpose = dc->wanted_for; /* it needs no session of its own */
	return c;
}

static void exported(struct tg_account *a, struct tg_call *c, const struct tg_answer *r)
{
	struct tg_dc *dc = dc_of_call(a, c);
	struct tl_str text = {(const char *)r->data, (uint32_t)r->n};
	struct tl_arena arena;
	const struct tl_auth_exportedAuthorization *e;
	struct tg_answer unreadable = {.error = -TG_E_WIRE};

	if (!dc)
		return;
	if (r->error == -TG_E_TELEGRAM && tl_str_eq(text, "DC_ID_INVALID")) {
		succeeded(a, dc); /* it is the account's own: used as it is (E.12) */
		return;
	}
	if (r->error) {
		failed(a, dc, r);
		return;
	}
	tl_arena_init(&arena, TG_ARENA_CAP);
	e = (const struct tl_auth_exportedAuthorization *)tg_answer_decode(c, r, &arena);
	if (!e || !import(a, dc, e))
		failed(a, dc, &unreadable);
	tl_arena_free(&arena);
}

static void ask(struct tg_account *a, struct tg_dc *dc)
{
	struct tl_auth_exportAuthorization m = {{TL_auth_exportAuthorization}, dc->id};
	struct tg_call_options o = {.deadline = a->now.boot + TG_LOGIN_FLOOD * TG_SECOND};

	dc->importing = tg_call_own(a, &m.obj, &o, exported, (void *)(intptr_t)dc->id);
}

void tg_dc_authorize(struct tg_account *a, struct tg_dc *dc, enum tg_purpose purpose)
{
	if (dc->importing)
		return;
	dc->exported_twice = false;
	dc->wanted_for = purpose;
	ask(a, dc);
}
