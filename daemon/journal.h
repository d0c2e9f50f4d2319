/* The journal: every event that has a seq, as a row of the store, written in the transaction that
 * gives it its number. A row holds finished JSON and a head for the filters, so that it stays
 * readable under any later schema. */
#ifndef DAEMON_JOURNAL_H
#define DAEMON_JOURNAL_H

#include "daemon/config.h"
#include "daemon/event.h"
#include "daemon/filter.h"

/* Store thread: the row goes into the batch, and e stays until it is committed; at: Unix seconds.
 * Returns its size in the store. */
size_t rpc_journal_put(struct tg_batch *b, uint64_t seq, const struct rpc_event *e, int64_t at);
/* Loop thread: the first row behind a seq, into *ret (its buffers are used again); an unreadable
 * one comes as a gap. Of what the filter cannot want (NULL: wants all) only the head is read.
 * -TG_E_NOT_FOUND: none. ret_at and ret_size may be NULL. */
int rpc_journal_next(struct tg_store *s, uint64_t after, const struct rpc_filter *want,
		     uint64_t *ret_seq, struct rpc_event *ret, int64_t *ret_at,
		     size_t *ret_size) TL_MUST;
/* Frees the buffers of an event that rows were read into. */
void rpc_journal_row_free(struct rpc_event *e);
/* Deletes rows that are too old, or too many, some thousand at a time (batch); returns their size.
 */
size_t rpc_journal_trim(struct tg_store *s, const struct rpc_journal_limits *limits, uint64_t bytes,
			int64_t now, struct tg_batch *batch);

#endif
