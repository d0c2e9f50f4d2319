/* A Telegram of a few lines for the tests of the login machine: what it says next stands in struct
 * script, which belongs to the test that runs. */
#ifndef TESTS_CORE_SCRIPT_H
#define TESTS_CORE_SCRIPT_H

#include "tests/unit/core/rig.h"

#define CODE "31337"
#define PASSWORD "the password"

struct script {
	const struct tl_obj *type, *next; /* of codes */
	int timeout;
	const char *refuse; /* this method, once, with this text */
	unsigned method;
	int code;
	bool signup, password, no_algo, small_b, no_password;
	bool success, payment; /* instead of a code */
	int token_life;
	unsigned accepted; /* the QR code was: 1 here, else the data centre */
	bool flags;        /* of E.46 */
	/* seen */
	int hashes;
	int64_t srp_id;
	uint32_t tokens;
	char first_token[32];
	char hash[16];
};
extern struct script script;

bool script_serve(struct rig *r, const struct rig_request *q);
bool script_silent(struct rig *r, const struct rig_request *q); /* never answers */
const struct tl_obj *script_sent_code(struct rig *r, int dc);

void fresh_script(void); /* as machine() sets it */
/* The client: a fresh one, one that waits for its code, steps of it. */
struct rig *machine(void);
struct rig *waiting(void);
void phone(struct rig *r);
int submit(struct rig *r, struct tg_login_input in);
void code(struct rig *r, const char *s);
void password(struct rig *r, const char *s);
void is_state(struct rig *r, enum tg_state s);
const char *text(struct rig *r, enum tg_login_text which);
int64_t number(struct rig *r, enum tg_login_number which);
bool on_disk(struct rig *r, const char *secret);

#endif
