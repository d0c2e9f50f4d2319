/* Methods about the way to Telegram. */
#include "daemon/accounts.h"
#include "daemon/daemon.h"
#include "daemon/js.h"
#include "daemon/methods/groups.h"

#include <stddef.h>

struct address_args {
	int64_t dc;
};
static const struct rpc_param address_params[] = {
	{"dc_id", RPC_K_INT, false, NULL, offsetof(struct address_args, dc), NULL,
	 "number of the data centre; left out: the account's own"},
};

static struct rpc_result media_address(struct rpc_call *c)
{
	const struct address_args *a = c->args;
	int64_t dc = a->dc == RPC_NONE ? 0 : a->dc;
	struct mt_address x;
	struct tl_buf *b;

	if (dc < 0 || dc > INT32_MAX || !tg_account_address(c->account->tg, (int)dc, true, &x)) {
		rpc_problem(c, -TG_E_INVALID_PARAMS, "dc_id", "no data centre has this number");
		return rpc_refuse(c);
	}
	b = rpc_begin(c);
	rpc_js_open(b, NULL, '{');
	rpc_js_int(b, "dc_id", x.dc);
	rpc_js_text(b, "host", x.host);
	rpc_js_int(b, "port", x.port);
	rpc_js_bool(b, "media_only", x.media_only);
	rpc_js_close(b, '}');
	return rpc_end(c);
}

const struct rpc_method rpc_methods_network[] = {
	{.name = "media_dc_addr",
	 .flags = RPC_ACCOUNT,
	 .run = media_address,
	 RPC_ROWS(address_params, struct address_args),
	 .doc = "Where files of a data centre are fetched.",
	 .result = "{\"dc_id\":int,\"host\":string,\"port\":int,\"media_only\":bool}"},
};
RPC_GROUP_COUNT(network);
