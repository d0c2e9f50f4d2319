/* Edit distance (insert, delete, replace, swap of neighbours), case ignored. Pure functions. */
#include "daemon/nearest.h"

#include <string.h>

#define MAX_WORD 48u

struct rpc_nearest rpc_nearest(struct tl_str word)
{
	unsigned limit = word.len / 4 + 1;

	if (word.len && memchr(word.data, '\0', word.len))
		word = (struct tl_str){NULL, 0}; /* in print it would be what is near */

	return (struct rpc_nearest){word, NULL, (limit > 4 ? 4 : limit) + 1};
}

static char lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
}

static unsigned min3(unsigned a, unsigned b, unsigned c)
{
	a = a < b ? a : b;
	return a < c ? a : c;
}

/* Stops at bound: a row whose least value reaches it cannot get better. */
static unsigned distance(const char *a, size_t na, const char *b, size_t nb, unsigned bound)
{
	unsigned rows[3][MAX_WORD + 1];

	for (size_t j = 0; j <= nb; j++)
		rows[0][j] = (unsigned)j;
	for (size_t i = 1; i <= na; i++) {
		unsigned *row = rows[i % 3], *above = rows[(i + 2) % 3], *two = rows[(i + 1) % 3];
		unsigned least = row[0] = (unsigned)i;

		for (size_t j = 1; j <= nb; j++) {
			bool same = lower(a[i - 1]) == lower(b[j - 1]);

			row[j] = min3(above[j] + 1, row[j - 1] + 1, above[j - 1] + !same);
			if (i > 1 && j > 1 && lower(a[i - 1]) == lower(b[j - 2]) &&
			    lower(a[i - 2]) == lower(b[j - 1]) && two[j - 2] + 1 < row[j])
				row[j] = two[j - 2] + 1;
			if (row[j] < least)
				least = row[j];
		}
		if (least > bound)
			return bound + 1;
	}
	return rows[na % 3][nb];
}

void rpc_nearest_try(struct rpc_nearest *n, const char *candidate)
{
	size_t len = strlen(candidate), word = n->word.len;
	size_t apart = len > word ? len - word : word - len;
	unsigned d;

	if (!word || word > MAX_WORD || len > MAX_WORD || apart >= n->distance)
		return;
	d = distance(n->word.data, word, candidate, len, n->distance);
	if (d < n->distance) {
		n->distance = d;
		n->best = candidate;
	}
}
