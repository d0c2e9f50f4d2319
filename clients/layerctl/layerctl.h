/* layerctl's inner contract: one process, one command, one connection. The program owns nothing
 * that outlives it; what is allocated for the whole run is left to the kernel. */
#ifndef CLIENTS_LAYERCTL_H
#define CLIENTS_LAYERCTL_H

#include "tl/tl.h"

#include <stdio.h>

/* What the program ends with; the same for every command (RPC contract, section 5). */
enum ctl_exit {
	CTL_OK = 0,
	CTL_REFUSED = 1, /* by Telegram */
	CTL_USAGE = 2,
	CTL_UNREACHABLE = 3, /* no daemon at the other end */
	CTL_LOGIN_NEEDED = 4,
	CTL_RATE_LIMITED = 5,
	CTL_NOT_FOUND = 6,
	CTL_NOT_PERMITTED = 7,
	CTL_TIMEOUT = 8, /* or the outcome is unknown */
	CTL_PARTLY = 9,
	CTL_INPUT_NEEDED = 10,
	CTL_INTERNAL = 11
};

#define CTL_MAX_LINE (33u << 20) /* the daemon's lines end at 32 MiB */
#define CTL_MAX_INPUT                                                                              \
	(8u << 20) /* a parameter read from a file; the daemon takes no longer line                \
		    */

struct ctl_login { /* what a login is given in advance; NULL: asked for */
	const char *token_file, *password_file, *phone, *email, *first_name, *last_name;
	int code_fd; /* -1: none */
	bool no_input, accept_terms;
};
struct ctl_options {
	const char *socket;   /* --socket, else $LAYERD_SOCKET, else the places of the manual */
	const char *account;  /* NULL: the daemon decides */
	double timeout;       /* seconds; 0: not given */
	long count;           /* watch: updates until the end; 0: no end */
	const char *consumer; /* watch: under this name, acking what is done */
	const char *exec;     /* watch: a command for each update */
	long tries;           /* … and after so many it is skipped; 0: never */
	bool raw;             /* whole JSON-RPC lines, as they came */
	struct ctl_login login;
};

/* ---- messages.c: what a person reads on stderr ------------------------------------------------
 */
/* Says "layerctl: …" and returns the code, so that a caller can end with it. */
int ctl_fail(enum ctl_exit code, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void ctl_usage(FILE *to);

/* ---- slice.c: JSON as text, so that what the daemon wrote is shown unchanged
 * ---------------------- */
struct ctl_slice {
	const char *p;
	size_t n;
};
/* The value of a member of an object; false when the text is no object or has no such member. */
bool ctl_member(struct ctl_slice object, const char *key, struct ctl_slice *ret);
bool ctl_is(struct ctl_slice value, const char *json); /* is exactly this text */
/* The value as it came, and a newline; on a terminal indented. */
void ctl_print(struct ctl_slice value, bool indent);

/* ---- connection.c
 * --------------------------------------------------------------------------------- */
struct ctl_conn {
	int fd;
	struct tl_buf in;
	size_t taken;     /* bytes of in that were handed out */
	int64_t deadline; /* ms of the monotonic clock; 0: none */
};
/* Returns an exit code; what went wrong is said on stderr unless quiet. */
int ctl_connect(struct ctl_conn *c, const struct ctl_options *o, bool quiet) TL_MUST;
void ctl_disconnect(struct ctl_conn *c);
int ctl_write(struct ctl_conn *c, const struct tl_buf *data) TL_MUST;
/* The next line without its end; it lives until the next read. */
int ctl_read(struct ctl_conn *c, struct ctl_slice *ret_line) TL_MUST;
/* Waits until then, or until something came, which stays for ctl_read; no more than a mebibyte is
 * read ahead. What ctl_read gave is gone. */
int ctl_wait(struct ctl_conn *c, int64_t until) TL_MUST;
/* A whole line that ctl_read has not given yet, that many bytes further on; false: none yet. */
bool ctl_ahead(const struct ctl_conn *c, size_t at, struct ctl_slice *ret_line);
void ctl_start_clock(struct ctl_conn *c, double seconds); /* 0: no deadline */
int64_t ctl_now(void);

/* ---- params.c
 * --------------------------------------------------------------------------------------- */
/* Parameters of a request as JSON text in the making. */
struct ctl_params {
	struct tl_buf text; /* members, comma-separated, without the braces */
	const char *keys[64];
	size_t key_lengths[64];
	unsigned count;
	bool comma_lists; /* watch: types=a,b is a list */
};
bool ctl_params_have(const struct ctl_params *p, const char *key);
/* "k=text", "k:=JSON", "k:@FILE" (text of a file, - is stdin), "{…}" (an object, as it is). */
int ctl_params_argument(struct ctl_params *p, const char *arg) TL_MUST;
int ctl_params_arguments(struct ctl_params *p, char **args) TL_MUST; /* up to NULL */
int ctl_params_string(struct ctl_params *p, const char *key, const char *value) TL_MUST;
int ctl_params_number(struct ctl_params *p, const char *key, double value) TL_MUST;
/* Takes a member out, from an object as well; false: there was none. */
bool ctl_params_drop(struct ctl_params *p, const char *key);
int ctl_read_file(const char *path, struct tl_buf *out) TL_MUST; /* a last newline is dropped */

/* ---- answer.c
 * ----------------------------------------------------------------------------------------- */
/* Sends the request with the common flags among its parameters and reads up to its answer; updates
 * that come before are dropped. The line lives until the next read. An answer that is an error
 * counts as received: it is for ctl_finish or ctl_error to judge. */
int ctl_request(struct ctl_conn *c, const struct ctl_options *o, const char *method,
		struct ctl_params *p, struct ctl_slice *ret_line) TL_MUST;
/* Tells the error of an answer on stderr and gives its exit code; CTL_OK when it is a result. */
int ctl_error(struct ctl_slice answer) TL_MUST;
/* Prints an answer as the flags want it and gives the exit code. */
int ctl_finish(const struct ctl_options *o, const char *method, struct ctl_slice answer) TL_MUST;
/* Connects, requests, finishes. */
int ctl_call(const struct ctl_options *o, const char *method, struct ctl_params *p) TL_MUST;

/* ---- qr.c */
int ctl_qr_draw(FILE *to, const char *text); /* lines drawn, 0: none */
/* ---- exec.c -----------------------------------------------------------------------------------
 */
/* Runs o->exec with the update until it exits with 0, or until o->tries are over, which is told.
 * The connection is watched between two tries: not done are those that its end or its deadline cut
 * off, and with CTL_OK those of a subscription that is over, as the next line says. */
int ctl_exec(const struct ctl_options *o, struct ctl_conn *c, struct ctl_slice update,
	     bool *ret_done) TL_MUST;

/* ---- commands: args are what follows the command's name, ended by NULL
 * ------------------------------ */
int ctl_command_watch(const struct ctl_options *o, char **args) TL_MUST;
int ctl_command_wait(const struct ctl_options *o, char **args) TL_MUST;
int ctl_command_login(const struct ctl_options *o, char **args) TL_MUST;
int ctl_command_logout(const struct ctl_options *o, char **args) TL_MUST;

#endif
