/* Names that accounts had before they were renamed. Rows of the journal were written under them:
 * filters take these names as well, and whoever reads a row sees the name of today. Each belongs to
 * the account that had it last, and is of no use while another one is called so. */
#include "daemon/accounts.h"

#include "daemon/daemon.h"
#include "daemon/subscription.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NAMES_MOST 16u /* of one account; the oldest goes */

struct rpc_former {
	struct rpc_former *next; /* older */
	struct rpc_account *account;
	char name[33];
};

static struct rpc_former **place_of(struct rpc_accounts *all, const char *name)
{
	struct rpc_former **p = &all->former;

	while (*p && strcmp((*p)->name, name) != 0)
		p = &(*p)->next;
	return p;
}

static void take_out(struct rpc_former **p)
{
	struct rpc_former *f = *p;

	if (!f)
		return;
	*p = f->next;
	free(f);
}

static void drop_oldest(struct rpc_accounts *all, const struct rpc_account *a)
{
	struct rpc_former **oldest = NULL;
	unsigned n = 0;

	for (struct rpc_former **p = &all->former; *p; p = &(*p)->next)
		if ((*p)->account == a) {
			oldest = p;
			n++;
		}
	if (n > NAMES_MOST)
		take_out(oldest);
}

static bool put_in(struct rpc_former **p, struct rpc_account *a, const char *name)
{
	struct rpc_former *f = calloc(1, sizeof *f);

	if (!f)
		return false;
	snprintf(f->name, sizeof f->name, "%s", name);
	f->account = a;
	f->next = *p;
	*p = f;
	return true;
}

bool rpc_former_add(struct rpc_account *a, const char *name)
{
	struct rpc_accounts *all = a->d->accounts;

	take_out(place_of(all, name));
	if (!put_in(&all->former, a, name))
		return false;
	drop_oldest(all, a);
	return true;
}

void rpc_former_forget(const struct rpc_account *a)
{
	struct rpc_former **p = &a->d->accounts->former;

	while (*p)
		if ((*p)->account == a)
			take_out(p);
		else
			p = &(*p)->next;
}

void rpc_former_taken(const struct rpc_account *a)
{
	const struct rpc_former *f = *place_of(a->d->accounts, a->name);

	for (struct rpc_conn *c = a->d->conns; f && f->account != a && c; c = c->next)
		rpc_subscriptions_forget(c, a->name);
}

const char *rpc_former_now(struct rpc_daemon *d, const char *name)
{
	const struct rpc_former *f = d->accounts->former ? *place_of(d->accounts, name) : NULL;

	return f && !rpc_account_by_alias(d, name) ? f->account->name : NULL;
}

bool rpc_former_filter(const struct rpc_account *a, struct rpc_filter *f)
{
	for (const struct rpc_former *k = a->d->accounts->former; k; k = k->next)
		if (k->account == a && rpc_former_now(a->d, k->name) &&
		    !rpc_filter_account(f, k->name))
			return false;
	return true;
}

/* The latest first, each with its NUL. */
void rpc_former_save(const struct rpc_account *a, struct tl_buf *b)
{
	for (const struct rpc_former *k = a->d->accounts->former; k; k = k->next)
		if (k->account == a)
			tl_put(b, k->name, strlen(k->name) + 1);
}

bool rpc_former_load(struct rpc_account *a, struct tl_str names)
{
	while (names.len) {
		size_t n = strnlen(names.data, names.len);
		struct rpc_former **p;

		if (n == names.len || n >= sizeof(*p)->name)
			return false;
		p = place_of(a->d->accounts, names.data);
		if (!*p && !put_in(p, a, names.data))
			return false;
		names.data += n + 1;
		names.len -= (uint32_t)n + 1;
	}
	return true;
}
