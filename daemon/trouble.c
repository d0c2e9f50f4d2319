/* See trouble.h. The list belongs to its account, the latest first. */
#include "daemon/trouble.h"
#include "daemon/daemon.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The record of a data centre, now the first. */
static struct rpc_trouble *of_dc(struct rpc_account *a, int dc)
{
	struct rpc_trouble **p = &a->troubles, *t;

	while (*p && (*p)->dc != dc)
		p = &(*p)->next;
	t = *p ? *p : calloc(1, sizeof *t);
	if (!t)
		return NULL;
	if (*p)
		*p = t->next;
	t->dc = dc;
	t->next = a->troubles;
	a->troubles = t;
	return t;
}

/* Takes the reason; true: the log has to say it now. */
static bool is_due(struct rpc_trouble *t, const char *text)
{
	int64_t now = rpc_now().boot;
	bool same = strcmp(text, t->reason) == 0;

	snprintf(t->reason, sizeof t->reason, "%s", text);
	if (t->told && now - t->told < (same ? RPC_TROUBLE_AGAIN : RPC_TROUBLE_OTHER))
		return false;
	t->told = now;
	return true;
}

void rpc_trouble_note(struct rpc_account *a, int dc, const char *host, unsigned port,
		      const char *reason)
{
	struct rpc_trouble *t = of_dc(a, dc);
	char text[sizeof t->reason];

	if (!t)
		return;
	a->in_trouble = true;
	t->is_of_talk = false;
	snprintf(text, sizeof text, "data centre %d, %.64s:%u: %s", dc, host, port, reason);
	if (is_due(t, text))
		rpc_log(&a->d->log, RPC_WARNING, "connect_failed",
			"account=%s dc=%d address=%s:%u reason=\"%s\"", a->name, dc, host, port,
			reason);
}

void rpc_trouble_barred(struct rpc_account *a, const struct tg_event *e)
{
	const char *reason = tg_error_row(e->error)->text;

	if (e->error == -TG_E_NOT_FOUND)
		reason = "none of the server's keys is known; --rsa-key names one";
	else if (e->error == -TG_E_TIMEOUT)
		reason = "it does not answer";
	else if (e->error == -404)
		reason = "the server does not know our key (-404)";
	else if (e->error == -429)
		reason = "too many connections (-429)";
	else if (e->error == -444)
		reason = "no such data centre there (-444)";
	else if (e->error == -TG_E_WIRE || e->error <= -TG_E_COUNT)
		reason = "it does not speak MTProto";
	rpc_trouble_note(a, e->address.dc, e->address.host, e->address.port, reason);
	if (a->in_trouble)
		a->troubles->is_of_talk = true;
}

void rpc_trouble_proxy(struct rpc_account *a, struct tl_str reason)
{
	int shown = a->in_trouble ? a->troubles->dc : 0; /* what the system said is more */
	struct rpc_trouble *t = of_dc(a, 0);
	char text[sizeof t->reason];

	if (!t)
		return;
	a->in_trouble = true;
	snprintf(text, sizeof text, "the proxy: %.*s", (int)reason.len, reason.data);
	if (is_due(t, text))
		rpc_log(&a->d->log, RPC_WARNING, "proxy_failed", "account=%s reason=\"%.*s\"",
			a->name, (int)reason.len, reason.data);
	(void)of_dc(a, shown);
}

void rpc_trouble_connected(struct rpc_account *a, int dc)
{
	if (a->troubles && a->troubles->dc == dc && !a->troubles->is_of_talk)
		a->in_trouble = false;
}

void rpc_trouble_free(struct rpc_account *a)
{
	while (a->troubles) {
		struct rpc_trouble *t = a->troubles;

		a->troubles = t->next;
		free(t);
	}
}

const char *rpc_trouble_text(const struct rpc_account *a)
{
	return a->in_trouble && !tg_account_online(a->tg) ? a->troubles->reason : NULL;
}

void rpc_trouble_hint(struct rpc_call *c)
{
	const char *text = c->account ? rpc_trouble_text(c->account) : NULL;
	int store = c->d->accounts->store_error;

	if (c->problem.hint[0])
		return;
	if (store)
		rpc_hint(c, "the store in %s: %s", c->d->config->state, tg_error_row(store)->text);
	else if (text)
		rpc_hint(c, "no connection: %s", text);
}
