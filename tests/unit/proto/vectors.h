/* Reading tests/vectors/<name>.json in proto's unit tests. Every vector of a file must find a row:
 * one without a checker names the part of the project it belongs to, so none passes in silence. */
#ifndef TESTS_PROTO_VECTORS_H
#define TESTS_PROTO_VECTORS_H

#include "proto/proto.h"
#include "tests/harness.h"

#include <jansson.h>
#include <stdbool.h>

struct vector_row {
	const char *id; /* exact, or a prefix when it ends in '*' */
	void (*check)(const json_t *v);
	const char *elsewhere; /* who checks it, when check is NULL */
};

json_t *vectors_load(const char *file); /* read once, kept until the test ends */
const json_t *vectors_find(const json_t *list, const char *id);
const char *vector_text(const json_t *v, const char *name);
long long vector_int(const json_t *v, const char *name);
uint64_t vector_hex64(const json_t *v, const char *name);
bool vector_has(const json_t *v, const char *name); /* present and not null */
/* Bytes of a hex member (an odd number of digits is a number's), at most max; returns how many. */
size_t vector_hex(const json_t *v, const char *name, void *out, size_t max);
/* The same, right-aligned in n bytes. */
void vector_number(const json_t *v, const char *name, uint8_t *out, size_t n);
#define VECTOR_EQ(v, name, got, n) CHECK_HEX(got, n, vector_text(v, name))
/* Bytes of a hex member; a freshly allocated array. */
uint8_t *vector_bytes(const json_t *v, const char *name, size_t *ret_n);
/* Runs each vector of the file through the first row that fits; returns how many were checked. */
unsigned vectors_run(const char *file, const struct vector_row *rows, unsigned *ret_elsewhere);

/* A fixed sequence of bytes in place of randomness, then a counter-like tail. */
struct fixed_random {
	const uint8_t *data;
	size_t n, at;
	uint64_t state;
};
void fixed_random(void *ctx, void *out, size_t n);
struct mt_env fixed_env(struct fixed_random *r);
uint64_t splitmix(uint64_t *state);

#endif
