/* Small text helpers of the JSON reader: paths, joined words, near misses, numbers. Internal to tl.
 */
#ifndef TL_JSON_PATH_H
#define TL_JSON_PATH_H

#include "tl/tl.h"

/* Where in a JSON value the reader is: a chain on its stack. */
struct tl_path {
	const struct tl_path *up;
	const char *key; /* NULL: an index */
	size_t index;
};

#define TL_NEAR 2u /* a hint is given up to this many slips */

/* "media.sizes[3].type"; cut at size. */
void tl_path_print(const struct tl_path *path, char *to, size_t size);
/* Words one behind the other, up to NULL; cut at size, on a character's edge. */
void tl_join(char *to, size_t size, const char *const *words);
/* Slips between two names: letters added, left out, changed, swapped; case and underscores are
 * free. */
unsigned tl_distance(const char *a, const char *b);
/* A decimal integer, nothing around it: 0, -TG_E_INVALID_PARAMS, or -TG_E_TOO_LARGE past 64 bits.
 */
int tl_parse_integer(const char *text, size_t n, int64_t *ret) TL_MUST;
int tl_parse_hex(const char *text, uint8_t *to, size_t bytes) TL_MUST;

#endif
