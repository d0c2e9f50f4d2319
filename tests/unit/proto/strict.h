/* A caller and a server around the mock that do what is to be done by themselves: the server is
 * strict about times, answers QUERY_A, pings and state requests; the caller opens and closes
 * connections and counts. */
#ifndef TESTS_PROTO_STRICT_H
#define TESTS_PROTO_STRICT_H

#include "tests/unit/proto/session_checks.h"

struct strict {
	struct mock *m;
	size_t at;
	unsigned judged, asked, answered, refused, failed, losses, connects, updates, unreadable;
	bool bad;       /* the packet judged last */
	bool zips;      /* answers are large and packed */
	int64_t offset; /* told last */
};
struct strict *strict_new(bool has_key, int64_t skew);
void strict_free(struct strict *s);
void strict_ask(struct strict *s);
void strict_pull(struct strict *s); /* events */
/* ns go by, step at a time; everybody says what there is to say. */
void strict_run(struct strict *s, int64_t ns, int64_t step);

#endif
