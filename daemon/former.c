/* Names that accounts had before they were renamed, each up to the last row of the journal that was
 * written under it. Whoever reads a row sees the name of today, and filters know no other. */
#include "daemon/accounts.h"

#include "daemon/daemon.h"
#include "daemon/event.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NAMES_MOST 16u  /* of one account; the oldest goes */
#define OPEN UINT64_MAX /* the last row is not known yet */

struct rpc_former {
	struct rpc_former *next; /* older, of the same account */
	const struct rpc_account *account;
	uint64_t until; /* seq */
	char name[33];
};

static void drop_oldest(struct rpc_accounts *all, const struct rpc_account *a)
{
	struct rpc_former **oldest = NULL, *f;
	unsigned n = 0;

	for (struct rpc_former **p = &all->former; *p; p = &(*p)->next)
		if ((*p)->account == a) {
			oldest = p;
			n++;
		}
	if (n <= NAMES_MOST)
		return;
	f = *oldest;
	*oldest = f->next;
	free(f);
}

static bool add(struct rpc_account *a, struct rpc_former **at, const char *name, uint64_t until)
{
	struct rpc_former *f = calloc(1, sizeof *f);

	if (!f)
		return false;
	snprintf(f->name, sizeof f->name, "%s", name);
	f->account = a;
	f->until = until;
	f->next = *at;
	*at = f;
	return true;
}

bool rpc_former_add(struct rpc_account *a, const char *name)
{
	struct rpc_accounts *all = a->d->accounts;

	if (!add(a, &all->former, name, OPEN))
		return false;
	drop_oldest(all, a);
	return true;
}

void rpc_former_renamed(struct rpc_account *a)
{
	struct rpc_commit *again = a->failed;

	for (struct rpc_event *e = a->events; e; e = e->next)
		memcpy(e->account, a->name, sizeof e->account);
	for (struct rpc_event *e = again ? again->events : NULL; e; e = e->next)
		memcpy(e->account, a->name, sizeof e->account);
}

/* The last rows of one that had it may not be known: a rename that the disk has not taken. */
void rpc_former_taken(struct rpc_daemon *d, const char *name)
{
	for (struct rpc_former *f = d->accounts->former; f; f = f->next)
		if (f->until == OPEN && strcmp(f->name, name) == 0)
			f->until = rpc_committer_seq(d->accounts->committer);
}

void rpc_former_close(const struct rpc_account *a)
{
	uint64_t last = rpc_committer_seq(a->d->accounts->committer);

	for (struct rpc_former *f = a->d->accounts->former; f; f = f->next)
		if (f->account == a && f->until == OPEN)
			f->until = last;
}

void rpc_former_forget(const struct rpc_account *a)
{
	struct rpc_former **p = &a->d->accounts->former, *f;

	while ((f = *p) != NULL)
		if (f->account == a) {
			*p = f->next;
			free(f);
		} else {
			p = &f->next;
		}
}

void rpc_former_name(const struct rpc_former *list, char name[33], uint64_t seq)
{
	const struct rpc_former *best = NULL;

	for (const struct rpc_former *f = list; f; f = f->next)
		if (f->until >= seq && (!best || f->until < best->until) &&
		    strcmp(f->name, name) == 0)
			best = f;
	if (best)
		memcpy(name, best->account->name, sizeof best->account->name);
}

/* The latest first: a name with its NUL, and the seq. */
void rpc_former_save(const struct rpc_account *a, struct tl_buf *b)
{
	for (const struct rpc_former *f = a->d->accounts->former; f; f = f->next)
		if (f->account == a) {
			tl_put(b, f->name, strlen(f->name) + 1);
			tl_put_u64(b, f->until);
		}
}

bool rpc_former_load(struct rpc_account *a, struct tl_str names)
{
	struct rpc_former **end = &a->d->accounts->former;

	while (*end)
		end = &(*end)->next;
	while (names.len) {
		size_t n = strnlen(names.data, names.len) + 1;
		struct tl_cursor c = tl_cursor((const uint8_t *)names.data, names.len);
		uint64_t until;

		if (n > sizeof(*end)->name || !tl_get(&c, n))
			return false;
		until = tl_get_u64(&c);
		if (c.err || !add(a, end, names.data, until))
			return false;
		end = &(*end)->next;
		names.data += n + sizeof until;
		names.len -= (uint32_t)(n + sizeof until);
	}
	rpc_former_close(a); /* nothing was written since */
	return true;
}
