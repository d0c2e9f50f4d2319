/* Inside core: how one row of a sealed store looks, and the header that says how it was sealed.
 * Owner: seal_row.c. */
#ifndef CORE_SEAL_ROW_H
#define CORE_SEAL_ROW_H

#include "core/seal.h"

#define TG_SEAL_SALT 16u
#define TG_SEAL_CHECK 16u
/* What is written in clear below META: version, mode, salt, check. */
#define TG_SEAL_HEADER (2u + TG_SEAL_SALT + TG_SEAL_CHECK)

struct tg_sealer {
	enum tg_seal_mode mode; /* NONE: rows stay as they are */
	uint8_t salt[TG_SEAL_SALT];
	uint8_t keys[TG_TABLE_COUNT][32], names[32], check[TG_SEAL_CHECK];
	uint32_t epoch;
	uint64_t counter;
};
/* key NULL: mode NONE. */
void tg_sealer_init(struct tg_sealer *s, const uint8_t *key, enum tg_seal_mode mode,
		    const uint8_t salt[TG_SEAL_SALT]);
void tg_sealer_put_header(const struct tg_sealer *s, struct tl_buf *out);
/* From a header and a key. -TG_E_CRYPTO: not the key; -TG_E_STORE: no header. */
int tg_sealer_load(struct tg_sealer *s, const uint8_t *key, const uint8_t *header,
		   size_t n) TL_MUST;
void tg_sealer_wipe(struct tg_sealer *s);

bool tg_sealer_hides_key(const struct tg_sealer *s, enum tg_table t);
/* The key under which the row stands. */
void tg_sealer_key(const struct tg_sealer *s, enum tg_table t, const void *key, size_t nkey,
		   struct tl_buf *out);
/* Appends what is kept; stored is what tg_sealer_key gave. */
void tg_sealer_seal(struct tg_sealer *s, enum tg_table t, struct tl_str stored, struct tl_str key,
		    struct tl_str value, struct tl_buf *out);
/* Appends the value, and the key to ret_key unless it is NULL. -TG_E_CRYPTO. */
int tg_sealer_open(const struct tg_sealer *s, enum tg_table t, struct tl_str stored,
		   struct tl_str kept, struct tl_buf *ret_key, struct tl_buf *ret_value) TL_MUST;

#endif
