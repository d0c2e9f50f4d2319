/* A server for the tests of the client: it opens what the client sends and seals what the test
 * wants to say. No socket, no clock: the test moves time and bytes. */
#ifndef TESTS_PROTO_MOCK_H
#define TESTS_PROTO_MOCK_H

#include "proto/client.h"
#include "tests/unit/proto/handshake_server.h"

#define MOCK_EPOCH 1700000000 /* server seconds when boot is 0 */
#define MOCK_MESSAGES 8192

struct mock_message {
	struct mt_header h; /* its own id and seqno */
	uint64_t outer;     /* the packet's id */
	unsigned packet;    /* which packet it came in, from 0 */
	uint32_t number;    /* of what stands behind gzip, invokeAfterMsg and the init header */
	uint64_t after;     /* msg_id of invokeAfterMsg */
	bool zipped, wrapped;
	uint8_t *body; /* from number on */
	size_t n;
};

struct mock {
	struct mt_client *c;
	struct mt_link *link;
	struct mt_client_options o;
	struct fixed_random random;
	struct mt_env env;
	struct mt_time now;
	int64_t skew; /* the server's clock is ahead of MOCK_EPOCH by this, ns */
	struct mt_key key;
	struct server server; /* for the key exchange */
	uint64_t session, salt, last_msg_id;
	bool quick_ack; /* the last packet asked for one … */
	uint32_t token; /* … which would be this */
	uint32_t content;
	size_t step;              /* bytes fed at a time; 0 = all */
	size_t out_left, in_left; /* bytes that still pass, then the line is dead */
	unsigned connections, packets, plain;
	bool stutter;   /* says each answer of the key exchange twice, under one id and under two */
	size_t n, seen; /* messages received; those a test has looked at */
	struct mock_message m[MOCK_MESSAGES];
};

/* A client with a key (has_key) or without, over the named transport, connected by mock_open. */
/* m->c is NULL only when the test let that allocation fail. */
struct mock *mock_new(const char *transport, bool has_key);
void mock_again(struct mock *m); /* another client, of m->o as it now is */
void mock_free(struct mock *m);
void mock_pass(struct mock *m, int64_t ns); /* time goes by, deadlines are kept */

/* Events. mock_event skips none: the next event must be of this kind. */
struct mt_event mock_event(struct mock *m, enum mt_event_kind kind);
void mock_quiet(struct mock *m); /* there is no event */
/* Pulls events until one of this kind; the others are dropped. */
struct mt_event mock_until(struct mock *m, enum mt_event_kind kind);

/* The client's doors, armed for tests/harness_alloc.c. */
bool mock_next(struct mock *m, struct mt_event *ret);
void mock_tick(struct mock *m);
void mock_accept(struct mock *m); /* a connection to the client is open */

void mock_connect(struct mock *m); /* expects CONNECT, opens */
void mock_open(struct mock *m);    /* mock_connect, first packet in, salts and pong out, ONLINE */
void mock_lose(struct mock *m);    /* the connection breaks */
void mock_reconnect_only(struct mock *m);                   /* says nothing yet */
void mock_hear(struct mock *m, const void *data, size_t n); /* bytes of the client */
void mock_reconnect(struct mock *m);                        /* waits for CONNECT, opens again */

/* One event of a key exchange: jobs are run, a key is taken over by the mock. */
void mock_handle(struct mock *m, const struct mt_event *ev);
void mock_exchange(struct mock *m); /* the whole, until the first message in a session */
void mock_clear(struct mock *m);    /* forgets the messages received */

/* Moves what the client has to say to the server; returns how many messages came. */
size_t mock_pump(struct mock *m);
/* The next message with this number that the test has not seen; NULL: none. */
struct mock_message *mock_find(struct mock *m, uint32_t number);
struct mock_message *mock_expect(struct mock *m, uint32_t number);
size_t mock_count(const struct mock *m, uint32_t number); /* among all */

/* Says something. answer: the id is ≡ 1 mod 4; content: odd seqno. Returns the msg_id. */
uint64_t mock_say(struct mock *m, bool answer, bool content, const struct tl_buf *body);
void mock_say_as(struct mock *m, const struct mt_header *h, const void *body, size_t n);
uint64_t mock_say_hex(struct mock *m, bool content, const char *hex);
uint64_t mock_msg_id(struct mock *m, bool answer);
void mock_pong_to(struct mock *m, const struct mock_message *ping);
void mock_word(struct mock *m, int32_t word); /* a transport error */

/* rpc_result with a body of 32-bit words. */
uint64_t mock_answer(struct mock *m, uint64_t msg_id, uint32_t word);
uint64_t mock_error(struct mock *m, uint64_t msg_id, int32_t code, const char *text);
uint64_t mock_bad_msg(struct mock *m, uint64_t about, uint32_t code);
uint64_t mock_bad_salt(struct mock *m, uint64_t about, uint64_t salt);
uint64_t mock_new_session(struct mock *m, uint64_t first, uint64_t unique);
uint64_t mock_states(struct mock *m, uint64_t asked, const char *info, size_t n);

/* A query of the form number | n words. */
uint64_t mock_query(struct mock *m, uint32_t number, size_t words, unsigned flags, uint64_t after);

#endif
