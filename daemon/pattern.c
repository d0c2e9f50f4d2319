/* The only door to PCRE2. The interpreter, not its JIT: the service may not make code at run time.
 * A pattern owns its memory for matching. PCRE2's own limit of steps holds for each place where a
 * match may begin, and a text has thousands; so the steps are counted here, over the whole of it,
 * by a callout at each item of the pattern. */
#include "daemon/pattern.h"

#include "daemon/limits.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DEPTH 1000u  /* of backtracking that is remembered */
#define HEAP_KB 256u /* for it */
#define RUN 16u      /* bytes that one item may run over within a step */

struct rpc_pattern {
	pcre2_code *code;
	pcre2_match_context *context;
	pcre2_match_data *data;
	/* Of this match: how many steps, the last one's place in the text, and how much of it the
	 * item there may run over in vain. */
	PCRE2_SIZE steps, at, vain;
	char text[RPC_MAX_REGEX + 1];
};

/* An item {n} fails only behind n - 1 characters, of up to four bytes. \x{n} and the like are no
 * such items, and what ends with a bracket has no {n}. */
static PCRE2_SIZE in_vain(const char *item, PCRE2_SIZE n, PCRE2_SIZE left)
{
	const char *brace;
	PCRE2_SIZE bytes;

	if (n && (item[n - 1] == '?' || item[n - 1] == '+'))
		n--;
	brace = n && item[n - 1] == '}' ? memrchr(item, '{', n) : NULL;
	if (!brace || (brace == item + 2 && item[0] == '\\' && strchr("xopPNgk", item[1])))
		return 0;
	bytes = 4 * strtoul(brace + 1, NULL, 10);
	return bytes < left ? bytes : left;
}

static int step(pcre2_callout_block *b, void *ctx)
{
	struct rpc_pattern *p = ctx;
	PCRE2_SIZE at = b->current_position, run = at > p->at ? at - p->at : p->at - at;

	if (at <= p->at && run < p->vain)
		run = p->vain;
	p->steps += 1 + run / RUN;
	p->at = at;
	p->vain =
		in_vain(p->text + b->pattern_position, b->next_item_length, b->subject_length - at);
	return p->steps > RPC_MAX_REGEX_STEPS ? PCRE2_ERROR_MATCHLIMIT : 0;
}

int rpc_pattern_new(struct tl_str text, struct rpc_pattern **ret, char *why, size_t size)
{
	uint32_t options =
		PCRE2_UTF | PCRE2_MATCH_INVALID_UTF | PCRE2_NEVER_BACKSLASH_C | PCRE2_AUTO_CALLOUT;
	struct rpc_pattern *p = calloc(1, sizeof *p);
	PCRE2_SIZE at = 0;
	int error = 0;

	if (!p)
		return -TG_E_NOMEM;
	if (text.len >= sizeof p->text) {
		snprintf(why, size, "at most %u bytes", RPC_MAX_REGEX);
		rpc_pattern_free(p);
		return -TG_E_INVALID_PARAMS;
	}
	memcpy(p->text, text.data, text.len);
	p->code = pcre2_compile((PCRE2_SPTR)text.data, text.len, options, &error, &at, NULL);
	if (!p->code) {
		char reason[160] = "";

		pcre2_get_error_message(error, (PCRE2_UCHAR *)reason, sizeof reason);
		snprintf(why, size, "at character %zu: %s", (size_t)at, reason);
		rpc_pattern_free(p);
		return -TG_E_INVALID_PARAMS;
	}
	p->context = pcre2_match_context_create(NULL);
	p->data = pcre2_match_data_create(1, NULL);
	if (!p->context || !p->data) {
		rpc_pattern_free(p);
		return -TG_E_NOMEM;
	}
	pcre2_set_callout(p->context, step, p);
	pcre2_set_depth_limit(p->context, DEPTH);
	pcre2_set_heap_limit(p->context, HEAP_KB);
	*ret = p;
	return 0;
}

int rpc_pattern_match(struct rpc_pattern *p, const void *text, size_t n)
{
	int rc;

	p->steps = p->at = p->vain = 0;
	rc = pcre2_match(p->code, text ? text : "", n, 0, 0, p->data, p->context);
	if (rc >= 0) /* 0: more groups than the one that was asked for */
		return 1;
	return rc == PCRE2_ERROR_NOMATCH ? 0 : -TG_E_TOO_LARGE;
}

void rpc_pattern_free(struct rpc_pattern *p)
{
	if (!p)
		return;
	pcre2_match_data_free(p->data);
	pcre2_match_context_free(p->context);
	pcre2_code_free(p->code);
	free(p);
}
