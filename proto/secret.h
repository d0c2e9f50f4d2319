/* proto: memory for secrets. Another front door. The world may give a vault, whose memory is locked
 * and in no core file; else it is the heap's. It comes zeroed and is wiped when it goes. */
#ifndef PROTO_SECRET_H
#define PROTO_SECRET_H

#include "proto/proto.h"

struct mt_vault { /* take gives zeros, or NULL; what is given back was wiped */
	void *(*take)(struct mt_vault *v, size_t n);
	void (*give)(struct mt_vault *v, void *p, size_t n);
};
void *mt_secret_new(const struct mt_env *env, size_t n);
void mt_secret_free(const struct mt_env *env, void *p, size_t n); /* NULL is fine */

#endif
