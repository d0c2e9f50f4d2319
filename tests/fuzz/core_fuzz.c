/* A hostile Telegram behind an account that is logged in: the input is a list of steps, and what is
 * answered to the account's own and its callers' requests comes from it, as bytes or as objects
 * drawn from a seed. No call may be answered twice or not at all, and the account may not spin. */
#include "tests/fuzz/fuzz.h"
#include "tests/unit/core/rig.h"

#define MAX_CALLS 200
#define MAX_STEPS 400

struct input {
	const uint8_t *p, *end;
	uint64_t seed;
	uint64_t calls[MAX_CALLS];
	bool cancelled[MAX_CALLS];
	unsigned call_count;
};
static struct input in; /* the rig's server has no place for it */

static uint8_t byte(void)
{
	return in.p < in.end ? *in.p++ : 0;
}

static const uint8_t *bytes(size_t *n)
{
	const uint8_t *p = in.p;
	size_t left = (size_t)(in.end - in.p);

	*n = *n < left ? *n : left;
	in.p += *n;
	return p;
}

static uint64_t draw(void *ctx)
{
	(void)ctx;
	in.seed = in.seed * 6364136223846793005u + 1442695040888963407u;
	return in.seed ^ in.seed >> 29;
}

/* ---- what Telegram says -----------------------------------------------------------------------
 */
/* Any constructor of the type, by number. */
static unsigned ctor_of(const char *type, unsigned number)
{
	unsigned found[512], n = 0;

	for (unsigned i = 1; i <= tl_ctor_count(&tl_api) && n < 512; i++)
		if (!tl_is_method(&tl_api, i) && strcmp(tl_type_name(&tl_api, i), type) == 0)
			found[n++] = i;
	return n ? found[number % n] : 0;
}

static struct tl_obj *drawn(struct rig *r, unsigned ctor)
{
	struct tl_obj *o = NULL;

	in.seed = (uint64_t)byte() << 8 | byte();
	if (!ctor || tl_is_method(&tl_api, ctor) ||
	    tl_random(&tl_api, ctor, draw, NULL, &r->arena, &o) != 0)
		return NULL;
	return o;
}

static bool serve(struct rig *r, const struct rig_request *q)
{
	static const char *const texts[] = {"FLOOD_WAIT_3",          "USER_MIGRATE_4",
					    "AUTH_KEY_UNREGISTERED", "PERSISTENT_TIMESTAMP_INVALID",
					    "CHANNEL_PRIVATE",       "Timeout",
					    "FILE_MIGRATE_99999999", "FLOOD_WAIT_-1",
					    "SESSION_REVOKED",       ""};
	static const int codes[] = {420, 303, 401, 400, 406, -503, 303, 420, 401, 0};
	struct tl_obj *o = NULL;
	const uint8_t *p;
	uint8_t how;
	size_t n;

	if (in.p == in.end)
		return false;
	how = byte();
	switch (how % 5) {
	case 0:
		return false;
	case 1:
		n = byte() * (size_t)4;
		p = bytes(&n);
		rig_answer_bytes(r, q, p, n);
		return true;
	case 2:
		o = drawn(r, ctor_of(tl_type_name(&tl_api, q->method), how / 5));
		break;
	case 3:
		rig_refuse(r, q, codes[how / 5 % 10], texts[how / 5 % 10]);
		return true;
	case 4:
		o = drawn(r, (byte() | (unsigned)byte() << 8) % tl_ctor_count(&tl_api) + 1);
		break;
	}
	if (o)
		rig_answer(r, q, o);
	return o != NULL;
}

/* Only the run counts here, not what it wrote. */
static void saw(struct rig *r, const struct tg_event *ev)
{
	(void)r, (void)ev;
}

/* ---- steps ------------------------------------------------------------------------------------
 */
static void call(struct rig *r)
{
	static const unsigned methods[] = {TL_help_getNearestDc,   TL_messages_sendMessage,
					   TL_messages_getHistory, TL_upload_getFile,
					   TL_help_getConfig,      TL_messages_readHistory,
					   TL_updates_getState,    TL_channels_deleteMessages};
	uint8_t how = byte();
	struct tg_call_options o = {.deadline = r->now.boot + (how & 8 ? 2 : 20) * TG_SECOND,
				    .flood_wait = how & 16 ? 5 : 0,
				    .chain = how >> 6,
				    .dc = how & 32 ? 3 : 0};
	struct tl_obj *m = NULL;
	struct tl_buf b = {0};
	uint64_t id;

	in.seed = how;
	if (in.call_count == MAX_CALLS ||
	    tl_random(&tl_api, methods[how % 8], draw, NULL, &r->arena, &m) != 0)
		return;
	need(tl_encode(&tl_api, m, &b) == 0);
	if (tg_call(r->a, m->ctor, b.data, b.len, &o, &id, r->now) == 0)
		in.calls[in.call_count++] = id;
	tl_buf_free(&b);
}

static void resolve(struct rig *r)
{
	struct tg_peer_query q = {.form = (enum tg_peer_form)(TG_FORM_USERNAME + byte() % 4),
				  .text = "some_name"};
	uint64_t number;

	(void)!tg_resolve(r->a, &q, r->now.boot + 5 * TG_SECOND, &number, r->now);
}

static void cancel(struct rig *r)
{
	unsigned i = in.call_count ? byte() % in.call_count : 0;
	bool sent;

	if (!in.call_count || in.cancelled[i] || rig_result_of(r, in.calls[i]))
		return;
	tg_cancel(r->a, in.calls[i], &sent, r->now);
	in.cancelled[i] = true;
}

static void say(struct rig *r, bool as_bytes)
{
	int dc = r->a->main_dc;
	struct tl_obj *o;
	const uint8_t *p;
	size_t n;

	if (dc < 1 || dc > RIG_DCS)
		return;
	if (as_bytes) {
		n = byte() * (size_t)4;
		p = bytes(&n);
		rig_say_bytes(r, dc, p, n);
		return;
	}
	o = drawn(r, ctor_of("Updates", byte()));
	if (o)
		rig_say(r, dc, o);
}

static void step(struct rig *r)
{
	switch (byte() % 10) {
	case 0:
		call(r);
		break;
	case 1:
		say(r, true);
		break;
	case 2:
		say(r, false);
		break;
	case 3:
		rig_message(r, "m");
		break;
	case 4:
		rig_channel_message(r, "c");
		break;
	case 5:
		rig_pass(r, byte() / 4.0);
		break;
	case 6:
		rig_lose(r, r->a->main_dc % (RIG_DCS + 1));
		break;
	case 7:
		resolve(r);
		break;
	case 8:
		cancel(r);
		break;
	case 9:
		r->fail_commit = byte() % 4 == 0 ? -TG_E_STORE : 0;
		break;
	}
	rig_run(r);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct rig *r = rig_new();

	in = (struct input){.p = data, .end = data + n};
	rig_login(r);
	r->serve = serve;
	r->saw = saw;
	for (int i = 0; i < MAX_STEPS && in.p < in.end; i++)
		step(r);
	in.p = in.end; /* sane from here on */
	r->fail_commit = 0;
	rig_pass(r, 30);
	tg_account_disconnect(r->a, r->now);
	rig_run(r);
	for (unsigned i = 0; i < in.call_count; i++)
		need(!rig_result_of(r, in.calls[i]) == in.cancelled[i]);
	rig_free(r);
	return 0;
}
