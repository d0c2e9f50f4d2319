/* Progress notifications of a request that gave a token (RPC contract §7). They go to its own
 * connection, before its answer; one that does not read gets none. Keeps nothing. */
#include "daemon/progress.h"

#include "daemon/conn.h"
#include "daemon/js.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#define UNREAD (64u << 10) /* so much waits for the peer: he misses some */

static struct tl_buf *begin(struct rpc_call *c, const char *stage)
{
	bool wanted = c->conn && c->common.progress && rpc_conn_queued(c->conn) < UNREAD;
	char *token =
		wanted ? json_dumps(c->common.progress, JSON_ENCODE_ANY | JSON_COMPACT) : NULL;
	struct tl_buf *b;

	if (!token)
		return NULL;
	b = &c->conn->out;
	tl_put_text(b, "{\"jsonrpc\":\"2.0\",\"method\":\"progress\",\"params\":{\"token\":");
	tl_put(b, token, strlen(token));
	rpc_js_text(b, "stage", stage);
	free(token);
	return b;
}

static void end(struct rpc_call *c, struct tl_buf *b)
{
	tl_put_text(b, "}}\n");
	rpc_conn_flush(c->conn);
}

void rpc_progress_wait(struct rpc_call *c, const struct tg_event *e)
{
	struct tl_buf *b = begin(c, e->text);

	if (!b)
		return;
	rpc_js_int(b, "done", e->value);
	rpc_js_int(b, "total", e->retry_after);
	if (e->place)
		rpc_js_int(b, "place", e->place);
	end(c, b);
}
