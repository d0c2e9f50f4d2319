/* Faults at the level of RPCs: errors, flood waits, migrations, differences that are too long.
 * Those of the wire belong to net. */
#include "tests/sandbox/world.h"

enum fault_kind { RPC_ERROR, FLOOD_WAIT, MIGRATE, TOO_LONG };
static const char *const kind_names[] = {"rpc_error", "flood_wait", "migrate", "too_long"};

struct sb_fault {
	uint64_t id;
	enum fault_kind kind;
	int64_t user; /* 0: any */
	int dc, after, times, code, seconds, to_dc;
	uint64_t hits;
	double probability;
	bool endless;
	char method[64], text[48];
	struct sb_fault *next;
};

static bool is_world_kind(const char *name, enum fault_kind *ret)
{
	for (size_t i = 0; name && i < sizeof(kind_names) / sizeof(*kind_names); i++)
		if (!strcmp(name, kind_names[i])) {
			*ret = (enum fault_kind)i;
			return true;
		}
	return false;
}

static int number(json_t *params, const char *name, int otherwise)
{
	json_t *v = json_object_get(params, name);

	return json_is_integer(v) ? (int)json_integer_value(v) : otherwise;
}

static void text(json_t *params, const char *name, char *out, size_t size)
{
	const char *s = json_string_value(json_object_get(params, name));

	snprintf(out, size, "%s", s ? s : "");
}

const char *sb_fault_add(struct sb_world *w, json_t *params, int64_t user, uint64_t *ret_id)
{
	enum fault_kind kind;
	json_t *p = json_object_get(params, "probability");
	struct sb_fault *f;

	if (!is_world_kind(json_string_value(json_object_get(params, "kind")), &kind)) {
		const char *err = sb_net_fault(w->s->net, params, ret_id);

		*ret_id |= 1ULL << 32; /* the net's numbers, kept apart from ours */
		return err;
	}
	f = calloc(1, sizeof(*f));
	if (!f)
		abort();
	f->id = ++w->next_fault;
	f->kind = kind;
	f->user = user;
	f->dc = number(params, "dc", 0);
	f->after = number(params, "after", 0);
	f->times = number(params, "times", 0);
	f->endless = f->times <= 0;
	f->code = number(params, "code", 400);
	f->seconds = number(params, "seconds", 3);
	f->to_dc = number(params, "to", 0);
	f->probability = p ? json_number_value(p) : 1;
	text(params, "method", f->method, sizeof(f->method));
	text(params, "text", f->text, sizeof(f->text));
	f->next = w->faults;
	w->faults = f;
	*ret_id = f->id;
	return NULL;
}

uint64_t sb_fault_clear(struct sb_world *w, uint64_t id)
{
	uint64_t hits = 0;

	if (!id || id >> 32)
		hits = sb_net_clear_fault(w->s->net, id & 0xffffffffu);
	for (struct sb_fault **f = &w->faults; *f;) {
		struct sb_fault *gone = *f;

		if (id && gone->id != id) {
			f = &gone->next;
			continue;
		}
		*f = gone->next;
		hits += gone->hits;
		free(gone);
	}
	return hits;
}

uint64_t sb_fault_hits(const struct sb_world *w)
{
	uint64_t hits = sb_net_fault_hits(w->s->net);

	for (const struct sb_fault *f = w->faults; f; f = f->next)
		hits += f->hits;
	return hits;
}

/* Counts a match; true when it strikes. */
static bool strikes(struct sb_world *w, struct sb_fault *f, const struct sb_call *c)
{
	const char *method = tl_name(&tl_api, c->request->ctor);

	if ((f->user && f->user != c->auth->user_id) || (f->dc && f->dc != c->auth->dc) ||
	    (*f->method && strcmp(f->method, method)) || (!f->endless && !f->times))
		return false;
	if (f->after > 0) {
		f->after--;
		return false;
	}
	if (f->probability < 1 &&
	    (double)(sb_rand(w->s) >> 11) / 9007199254740992.0 >= f->probability)
		return false;
	f->times -= !f->endless;
	f->hits++;
	return true;
}

static void migrate_text(const struct sb_world *w, const struct sb_fault *f,
			 const struct sb_call *c, char out[64])
{
	unsigned m = c->request->ctor;
	const char *kind = m == TL_auth_sendCode    ? "PHONE"
			   : m == TL_upload_getFile ? "FILE"
						    : "USER";

	snprintf(out, 64, "303 %s_MIGRATE_%d", kind,
		 f->to_dc ? f->to_dc : c->auth->dc % w->s->dc_count + 1);
}

const char *sb_rpc_fault(struct sb_world *w, const struct sb_call *c, char out[64])
{
	for (struct sb_fault *f = w->faults; f; f = f->next) {
		if (f->kind == TOO_LONG || !strikes(w, f, c))
			continue;
		if (f->kind == FLOOD_WAIT)
			snprintf(out, 64, "420 FLOOD_WAIT_%d", f->seconds);
		else if (f->kind == MIGRATE && !*f->text)
			migrate_text(w, f, c, out);
		else
			snprintf(out, 64, "%d %s", f->kind == MIGRATE ? 303 : f->code,
				 *f->text ? f->text : "INTERNAL");
		return out;
	}
	return NULL;
}

bool sb_fault_too_long(struct sb_world *w, const struct sb_call *c)
{
	for (struct sb_fault *f = w->faults; f; f = f->next)
		if (f->kind == TOO_LONG && strikes(w, f, c))
			return true;
	return false;
}
