/* Inside proto: what one MTProto session remembers: clock, message ids, sequence numbers, the ids
 * that came in, salts. Owner: session.c; the client holds one. */
#ifndef PROTO_SESSION_H
#define PROTO_SESSION_H

#include "proto/proto.h"

#define NS INT64_C(1000000000)

#define MT_WINDOW_IDS 1024              /* received ids that are remembered (D.12) */
#define MT_INBOUND_PAST 300             /* s; older messages are dropped (D.11) */
#define MT_INBOUND_FUTURE 30            /* s; newer ones too */
#define MT_OUTBOUND_PAST 150            /* s; an own id outside this is not sent (D.5) */
#define MT_OUTBOUND_FUTURE 30           /* s */
#define MT_TIME_MAX INT64_C(4102444800) /* s, the year 2100: later clocks are not believed */
#define MT_SALT_MARGIN 60               /* s; a salt so near its end is not taken (D.21) */
#define MT_SALTS 64                     /* kept and asked for (D.20) */
#define MT_SEQNO_LAST (1u << 30)        /* content messages; then a new session */

/* ---- the server's clock (D.15) --------------------------------------------------------------- */
struct mt_clock {
	int64_t offset; /* known: server minus boot; else server minus real, a guess */
	bool known;
};
int64_t mt_clock_now(const struct mt_clock *c, struct mt_time now); /* ns since 1970 */
/* Sets it; a time past MT_TIME_MAX is passed over. */
void mt_clock_set(struct mt_clock *c, struct mt_time now, int64_t server);
/* An authenticated moment: sets an unknown clock, only ever advances a known one. */
void mt_clock_seen(struct mt_clock *c, struct mt_time now, int64_t server);

/* ---- message ids (D.1-D.5, D.11) ------------------------------------------------------------- */
uint64_t mt_msgid_of(int64_t server);   /* scaled, two low bits 0 */
int64_t mt_msgid_time(uint64_t msg_id); /* ns since 1970 */
uint64_t mt_msgid_next(uint64_t *last, int64_t server);
bool mt_msgid_fresh(uint64_t msg_id, int64_t server);   /* may be sent */
bool mt_msgid_in_time(uint64_t msg_id, int64_t server); /* may be received */

/* ---- ids received (D.12) --------------------------------------------------------------------- */
enum mt_verdict { MT_NEW, MT_DUPLICATE, MT_TOO_OLD };
struct mt_window {
	uint64_t *ids; /* ascending */
	size_t n, cap;
};
void mt_window_free(struct mt_window *w);
enum mt_verdict mt_window_look(const struct mt_window *w, size_t max, uint64_t id);
/* Puts a new id in and drops the lowest beyond max. Without memory it is not remembered. */
void mt_window_put(struct mt_window *w, size_t max, uint64_t id);

/* ---- salts (D.20-D.25) ----------------------------------------------------------------------- */
struct mt_salts {
	struct mt_salt v[MT_SALTS];
	unsigned n;
};
/* The newest that is valid at server seconds now, margin seconds before its end; NULL: none. */
const struct mt_salt *mt_salts_pick(const struct mt_salts *s, int64_t now, int margin);
/* What to send with: a picked one, else the last known, else 0. */
uint64_t mt_salts_now(const struct mt_salts *s, int64_t now);
unsigned mt_salts_left(const struct mt_salts *s, int64_t now); /* with a useful rest of life */
void mt_salts_only(struct mt_salts *s, uint64_t salt);         /* one of unknown life */

/* ---- the session ----------------------------------------------------------------------------- */
struct mt_session {
	uint64_t id, previous; /* previous: its stragglers are dropped without a grudge */
	uint64_t last_msg_id;
	uint32_t content; /* content-related messages sent (D.6) */
	struct mt_window window;
};
void mt_session_start(struct mt_session *s, const struct mt_env *env); /* a new id, all forgotten */
uint32_t mt_session_seqno(struct mt_session *s, bool content);

#endif
