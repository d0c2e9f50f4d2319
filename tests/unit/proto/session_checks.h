/* The checkers of session.json: one table (session_test.c), several files. */
#ifndef TESTS_PROTO_SESSION_CHECKS_H
#define TESTS_PROTO_SESSION_CHECKS_H

#include "tests/unit/proto/mock.h"

#define QUERY_A 0xaaaa0001u
#define QUERY_B 0xbbbb0002u
#define QUERY_C 0xcccc0003u
#define AN_UPDATE 0x12345678u

/* session_test.c's table */
void check_wire_out(const json_t *v); /* wire_checks.c: what the client writes */
void check_wire_raw(const json_t *v); /* queries that pass unchanged */
void check_wire_in(const json_t *v);  /* what it reads */
void check_wire_container(const json_t *v);
void check_wire_rpc_error(const json_t *v);
void check_bad_msg(const json_t *v); /* correction_checks.c */
void check_bad_msg_time(const json_t *v);
void check_salts_script(const json_t *v);
void check_new_session(const json_t *v);
void check_chain(const json_t *v);
void check_reinit(const json_t *v);

/* A mock that is online, with a client whose first queries have been answered: no init header. */
struct mock *mock_ready(void);
struct mock_message *mock_sent(struct mock *m, uint32_t number);   /* pumps, then expects */
void mock_update(struct mock *m, uint64_t msg_id, uint32_t seqno); /* AN_UPDATE under that id */

#endif
