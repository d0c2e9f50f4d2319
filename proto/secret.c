/* Memory for secrets, from the vault or the heap. Keeps nothing. */
#include "proto/secret.h"

#include <stdlib.h>

void *mt_secret_new(const struct mt_env *env, size_t n)
{
	return env->vault ? env->vault->take(env->vault, n) : calloc(1, n);
}

void mt_secret_free(const struct mt_env *env, void *p, size_t n)
{
	if (!p)
		return;
	mt_wipe(p, n);
	if (env->vault)
		env->vault->give(env->vault, p, n);
	else
		free(p);
}
