/* A server for the tests of the key exchange, written from the documentation and apart from both
 * the client and the sandbox; it can bend each of its answers. */
#ifndef TESTS_PROTO_HANDSHAKE_SERVER_H
#define TESTS_PROTO_HANDSHAKE_SERVER_H

#include "tests/unit/proto/vectors.h"

enum bend { /* what is wrong; BEND_NONE: nothing */
	    BEND_NONE,
	    /* resPQ */
	    PQ_ID,
	    PQ_NONCE,
	    PQ_PRIME,
	    PQ_ZERO,
	    PQ_ONE,
	    PQ_SQUARE,
	    PQ_THREE_FACTORS,
	    PQ_NINE_BYTES,
	    PQ_EMPTY,
	    PQ_NO_FINGERPRINT,
	    PQ_STRANGE_FINGERPRINTS,
	    PQ_VECTOR_ID,
	    PQ_VECTOR_HUGE,
	    /* server_DH_params */
	    DH_ID,
	    DH_NONCE,
	    DH_SERVER_NONCE,
	    DH_ANSWER_FIRST_BIT,
	    DH_ANSWER_LAST_BLOCK,
	    DH_ANSWER_NOT_BLOCKS,
	    DH_ANSWER_EMPTY,
	    DH_ANSWER_ONE_BLOCK,
	    DH_ANSWER_HUGE,
	    DH_INNER_ID,
	    DH_INNER_NONCE,
	    DH_INNER_SERVER_NONCE,
	    DH_SHA1,
	    DH_PAD_SIXTEEN,
	    DH_FAIL,
	    DH_FAIL_WRONG_HASH,
	    DH_FAIL_NONCE,
	    DH_G_TWO,
	    DH_G_ONE,
	    DH_G_NEGATIVE,
	    DH_PRIME_COMPOSITE,
	    DH_PRIME_NOT_SAFE,
	    DH_PRIME_SHORT,
	    DH_PRIME_LONG,
	    DH_GA_ZERO,
	    DH_GA_ONE,
	    DH_GA_P_MINUS_ONE,
	    DH_GA_P,
	    DH_GA_SMALL,
	    DH_GA_LARGE,
	    DH_GA_LONG,
	    DH_GA_EMPTY,
	    /* dh_gen */
	    GEN_ID,
	    GEN_NONCE,
	    GEN_SERVER_NONCE,
	    GEN_HASH,
	    GEN_HASH_OF_RETRY,
	    GEN_OTHER_KEY,
	    GEN_RETRY,
	    GEN_RETRY_FOR_EVER,
	    GEN_RETRY_WRONG_HASH,
	    GEN_FAIL,
	    GEN_FAIL_WRONG_HASH,
	    BEND_COUNT
};

struct server {
	enum bend bend;
	unsigned tail; /* random bytes behind each answer */
	unsigned retries_left;
	struct fixed_random random;
	int32_t time;
	/* what it saw and made */
	uint8_t nonce[16], server_nonce[16], new_nonce[32], a[256], ga[256], key[256];
	uint8_t last_aux[8];
	int32_t dc, expires_in;
	bool temp;
	unsigned retries_seen;
};
void server_init(struct server *s, uint64_t seed, enum bend bend);
/* Answers a request into out; fails the test when the client breaks a rule. */
void server_answer(struct server *s, const uint8_t *body, size_t n, struct tl_buf *out);
const struct mt_rsa *server_rsa(void);
void good_prime(uint8_t p[256]);

#endif
