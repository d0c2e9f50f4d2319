/* The slow steps of the key exchange, as jobs that own what they work on. */
#include "proto/handshake_jobs.h"
#include "proto/bignum.h"
#include "proto/pq.h"
#include "proto/secret.h"

#include <stdlib.h>

struct split_job {
	struct mt_job job; /* first, so that the pointers are the same */
	struct mt_split split;
};
struct power_job { /* in the vault */
	struct mt_job job;
	struct mt_env env;
	struct mt_power power;
};

/* ---- factorisation
 * -------------------------------------------------------------------------------- */

static void split_run(struct mt_job *job)
{
	struct mt_split *s = &((struct split_job *)job)->split;

	s->err = mt_pq_split(s->pq, &s->p, &s->q);
}

static void split_free(struct mt_job *job)
{
	mt_wipe(job, sizeof(struct split_job));
	free(job);
}

struct mt_job *mt_split_job(uint64_t pq)
{
	struct split_job *j = calloc(1, sizeof *j);

	if (!j)
		return NULL;
	j->job = (struct mt_job){.run = split_run, .free = split_free};
	j->split = (struct mt_split){.pq = pq, .err = -TG_E_INTERNAL};
	return &j->job;
}

const struct mt_split *mt_split_of(const struct mt_job *job)
{
	return &((const struct split_job *)job)->split;
}

/* ---- powers
 * --------------------------------------------------------------------------------------- */

/* base^b with an exponent that is masked anew (B.44). */
static int blinded(const struct mt_power *p, struct mt_num base, const uint8_t mask[8],
		   uint8_t ret[256])
{
	uint8_t exponent[264];
	int err = mt_blind_exponent(exponent, p->b, mask, p->prime);

	if (!err)
		err = mt_modexp(ret, base, MT_NUM(exponent), MT_NUM(p->prime));
	mt_wipe(exponent, sizeof exponent);
	return err;
}

static void power_run(struct mt_job *job)
{
	struct mt_power *p = &((struct power_job *)job)->power;
	uint8_t g[1] = {(uint8_t)p->g};

	p->err = p->check_group ? mt_dh_check_group(p->prime, p->g) : 0;
	if (!p->err)
		p->err = blinded(p, MT_NUM(g), p->mask[0], p->gb);
	if (!p->err && mt_dh_check_public(p->prime, p->gb) != 0)
		p->err = -TG_E_AGAIN;
	if (!p->err)
		p->err = blinded(p, MT_NUM(p->ga), p->mask[1], p->key);
	mt_wipe(p->b, sizeof p->b);
}

static void power_free(struct mt_job *job)
{
	struct mt_env env = ((struct power_job *)job)->env;

	mt_secret_free(&env, job, sizeof(struct power_job));
}

struct mt_job *mt_power_job(const struct mt_power *in, const struct mt_env *env)
{
	struct power_job *j = mt_secret_new(env, sizeof *j);

	if (!j)
		return NULL;
	j->job = (struct mt_job){.run = power_run, .free = power_free};
	j->power = *in;
	j->env = *env;
	j->power.err = -TG_E_INTERNAL;
	return &j->job;
}

const struct mt_power *mt_power_of(const struct mt_job *job)
{
	return &((const struct power_job *)job)->power;
}
