/* The table of limits as JSON. Const data; nobody owns it. */
#include "daemon/limits.h"

#include "core/core.h"
#include "daemon/js.h"

_Static_assert(RPC_MAX_PACKET == MT_MAX_PACKET && RPC_MAX_TL_DEPTH == TL_MAX_DEPTH,
	       "the table shows what is kept");

struct row {
	const char *key;
	long value;
	const char *unit, *excess;
};

static const struct row rows[] = {
#define L(name, key, value, unit, excess) {key, value, unit, excess},
#include "daemon/limits.def"
#undef L
};

void rpc_limits_write(struct tl_buf *out)
{
	rpc_js_open(out, NULL, '{');
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		rpc_js_open(out, rows[i].key, '{');
		rpc_js_int(out, "value", rows[i].value);
		rpc_js_text(out, "unit", rows[i].unit);
		rpc_js_text(out, "on_excess", rows[i].excess);
		rpc_js_close(out, '}');
	}
	rpc_js_close(out, '}');
}
