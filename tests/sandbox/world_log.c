/* The call log: every RPC with its parameters, for tests that compare. A ring in memory. */
#include "tests/sandbox/world.h"

#define LOG_ROWS 65536
#define LOG_PARAMS 65536 /* longer parameters are left out */

struct log_row {
	uint64_t number, msg_id, session;
	int64_t user, time; /* ns */
	const char *method;
	char *params, *error; /* malloc */
	int layer, dc;
};
struct sb_log {
	struct log_row rows[LOG_ROWS];
	uint64_t next; /* number of the next row */
};

struct sb_log *sb_log_new(void)
{
	struct sb_log *l = calloc(1, sizeof(*l));

	if (!l)
		abort();
	return l;
}

void sb_log_free(struct sb_log *l)
{
	for (unsigned i = 0; l && i < LOG_ROWS; i++) {
		free(l->rows[i].params);
		free(l->rows[i].error);
	}
	free(l);
}

static char *text_of(struct tl_buf *b)
{
	char *s;

	tl_put_u8(b, 0);
	s = b->err ? NULL : strdup((char *)b->data);
	tl_buf_free(b);
	return s;
}

/* File parts are told by their size. */
static char *params_of(const struct tl_obj *o)
{
	struct tl_buf b = {.limit = LOG_PARAMS};
	char *s = NULL;

	if (o->ctor == TL_upload_saveFilePart) {
		const struct tl_upload_saveFilePart *p = (const void *)o;

		return asprintf(&s,
				"{\"_\":\"upload.saveFilePart\",\"file_id\":\"%lld\","
				"\"file_part\":%d,\"size\":%u}",
				(long long)p->file_id, p->file_part, p->bytes.len) < 0
			       ? NULL
			       : s;
	}
	if (o->ctor == TL_upload_saveBigFilePart) {
		const struct tl_upload_saveBigFilePart *p = (const void *)o;

		return asprintf(&s,
				"{\"_\":\"upload.saveBigFilePart\",\"file_id\":\"%lld\","
				"\"file_part\":%d,\"file_total_parts\":%d,\"size\":%u}",
				(long long)p->file_id, p->file_part, p->file_total_parts,
				p->bytes.len) < 0
			       ? NULL
			       : s;
	}
	if (tl_obj_to_json(&tl_api, o, &b) < 0) {
		tl_buf_free(&b);
		return NULL;
	}
	return text_of(&b);
}

static struct log_row *row_new(struct sb_world *w, const struct sb_auth *a)
{
	struct sb_log *l = w->log;
	struct log_row *r = &l->rows[l->next % LOG_ROWS];

	free(r->params);
	free(r->error);
	memset(r, 0, sizeof(*r));
	r->number = ++l->next;
	r->time = sb_now(w->s);
	r->user = a->user_id;
	r->dc = a->dc;
	r->layer = a->layer;
	return r;
}

void sb_log_call(struct sb_world *w, const struct sb_call *c)
{
	struct log_row *r = row_new(w, c->auth);

	r->method = tl_name(&tl_api, c->request->ctor);
	r->params = params_of(c->request);
	r->msg_id = c->msg_id;
	r->session = c->session;
	r->layer = c->layer;
}

void sb_log_unknown(struct sb_world *w, const struct sb_auth *a, uint32_t id)
{
	struct log_row *r = row_new(w, a);

	r->method = "unknown";
	if (asprintf(&r->params, "{\"id\":\"#%x\"}", id) < 0)
		r->params = NULL;
	r->error = strdup("INPUT_METHOD_INVALID");
}

void sb_log_error(struct sb_world *w, const struct sb_call *c, const char *text)
{
	struct sb_log *l = w->log;

	for (uint64_t n = l->next; n && n + 4096 > l->next && n + LOG_ROWS > l->next; n--) {
		struct log_row *r = &l->rows[(n - 1) % LOG_ROWS];

		if (r->msg_id != c->msg_id || r->session != c->session)
			continue;
		free(r->error);
		r->error = strdup(text);
		return;
	}
}

static json_t *row_json(const struct log_row *r)
{
	json_t *params = r->params ? json_loads(r->params, JSON_DECODE_ANY, NULL) : NULL;
	json_t *o = json_pack("{s:I,s:s,s:o,s:I,s:i,s:i,s:f}", "n", (json_int_t)r->number, "method",
			      r->method, "params", params ? params : json_null(), "user",
			      (json_int_t)r->user, "layer", r->layer, "dc", r->dc, "time",
			      (double)r->time / 1e9);
	char id[24];

	snprintf(id, sizeof(id), "%lld", (long long)r->session);
	json_object_set_new(o, "session", json_string(id));
	snprintf(id, sizeof(id), "%llu", (unsigned long long)r->msg_id);
	json_object_set_new(o, "msg_id", json_string(id));
	if (r->error)
		json_object_set_new(o, "error", json_string(r->error));
	return o;
}

json_t *sb_log_list(struct sb_world *w, int64_t user, const char *method, uint64_t since)
{
	struct sb_log *l = w->log;
	uint64_t first = l->next > LOG_ROWS ? l->next - LOG_ROWS : 0, count = 0;
	json_t *list = json_array();

	if (first < since)
		first = since;
	for (uint64_t n = first; n < l->next; n++) {
		const struct log_row *r = &l->rows[n % LOG_ROWS];

		if ((user && r->user != user) || (method && strcmp(r->method, method)))
			continue;
		json_array_append_new(list, row_json(r));
		count++;
	}
	return json_pack("{s:o,s:I,s:I}", "calls", list, "count", (json_int_t)count, "last",
			 (json_int_t)l->next);
}

uint64_t sb_log_total(const struct sb_world *w)
{
	return w->log->next;
}
