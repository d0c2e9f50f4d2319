/* The error table: one row for each TG_E_x, from errors.def. Owned by the program, never changes.
 */
#include "tl/tl.h"

static const struct tg_error_row rows[] = {
	{"ok", "ok", 0, false},
#define E(name, code, kind, retryable, text) {kind, text, code, retryable},
#include "errors.def"
#undef E
};

const struct tg_error_row *tg_error_row(int err)
{
	if (err < 0 && err > -TG_E_COUNT)
		err = -err;
	if (err < 0 || err >= TG_E_COUNT)
		err = TG_E_INTERNAL;
	return &rows[err];
}
