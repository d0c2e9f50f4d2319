/* The password check: what account.getPassword gives is used once, the sums are a job for a thread,
 * and the proof goes with auth.checkPassword or account.updatePasswordSettings
 * (core.telegram.org/api/srp; B.70-B.75, E.40, E.41). A check belongs to its account; its job may
 * come back after it is gone. */
#include "core/machine.h"

#include <stdlib.h>
#include <string.h>

#define DRAWS 5      /* of a secret exponent (B.73) */
#define FRESH 32     /* random bytes behind a new salt (B.74) */
#define TRIES 2      /* with a fresh srp_id (B.75) */
#define EMAIL_CODE 6 /* digits, when it does not say */
#define NUMBER 256   /* bytes of p and of what is mod p */

/* ---- the sums ---- */
struct sums {
	struct mt_job job; /* first, so that the pointers are the same */
	struct mt_env env;
	struct mt_srp srp;
	bool prove, make; /* a proof of the current one; the hash of a new one */
	struct tl_str fresh, salt1, salt2, p;
	int g, err;
	uint8_t v[NUMBER];
	size_t size;
	char texts[]; /* what the others point into */
};

static void run(struct mt_job *job)
{
	struct sums *s = (struct sums *)job;

	s->err = s->prove ? mt_srp_answer(&s->srp) : 0;
	if (!s->err && s->make)
		s->err = mt_srp_hash(s->fresh, s->salt1, s->salt2, s->g, s->p, s->v);
}

static void sums_free(struct mt_job *job)
{
	struct sums *s = (struct sums *)job;
	struct mt_env env = s->env;

	mt_secret_free(&env, s, s->size);
}

/* ---- a check ---- */
struct tg_check {
	struct tg_check *next;
	struct tg_call *call;
	struct sums *sums; /* out with a thread, or done */
	tg_check_then *then;
	uint64_t number;
	int64_t deadline, srp_id;
	unsigned draws, tries;
	bool login, remove;
	char *current, *fresh, *hint, *email, *code;
};

static struct tl_str text(const char *s)
{
	return s ? tl_str(s) : (struct tl_str){NULL, 0};
}

static void check_free(struct tg_account *a, struct tg_check *k)
{
	struct tg_check **at = &a->checks;
	char **const texts[] = {&k->current, &k->fresh, &k->hint, &k->email, &k->code};

	while (*at != k)
		at = &(*at)->next;
	*at = k->next;
	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
		tg_text_set(texts[i], (struct tl_str){NULL, 0});
	free(k);
}

void tg_check_drop(struct tg_account *a, struct tg_check *k)
{
	if (k->call)
		tg_call_drop(a, k->call, NULL);
	check_free(a, k); /* a job that is out is freed when it comes back */
}

void tg_checks_free(struct tg_account *a)
{
	while (a->checks) {
		a->checks->call = NULL; /* freed with the others */
		check_free(a, a->checks);
	}
}

static void end(struct tg_account *a, struct tg_check *k, struct tg_call *c,
		const struct tg_answer *r)
{
	tg_check_then *then = k->then;

	then(a, k, c, r);
	check_free(a, k);
}

static void fail(struct tg_account *a, struct tg_check *k, int error)
{
	struct tg_answer r = {.error = error};

	end(a, k, NULL, &r);
}

/* What Telegram says to clients that are too old for an account. */
static void fail_unknown(struct tg_account *a, struct tg_check *k)
{
	static const char name[] = "UPDATE_APP_TO_LOGIN";
	struct tg_answer r = {.error = -TG_E_TELEGRAM,
			      .code = 406,
			      .data = (const uint8_t *)name,
			      .n = sizeof name - 1};

	end(a, k, NULL, &r);
}

static bool call(struct tg_account *a, struct tg_check *k, const struct tl_obj *m,
		 void (*done)(struct tg_account *, struct tg_call *, const struct tg_answer *))
{
	struct tg_call_options o = {
		.deadline = k->deadline, .flood_wait = TG_LOGIN_FLOOD, .any_state = k->login};

	k->call = tg_call_own(a, m, &o, done, k);
	if (!k->call)
		fail(a, k, -TG_E_NOMEM);
	return k->call;
}

/* ---- third: the method that wanted the proof ---- */
static void ask(struct tg_account *a, struct tg_check *k);

static void answered(struct tg_account *a, struct tg_call *c, const struct tg_answer *r)
{
	static const char used[] = "SRP_ID_INVALID";
	struct tg_check *k = c->ctx;

	k->call = NULL;
	if (r->error == -TG_E_TELEGRAM && r->n == sizeof used - 1 &&
	    memcmp(r->data, used, r->n) == 0 && ++k->tries < TRIES)
		ask(a, k);
	else
		end(a, k, c, r);
}

static void send_proof(struct tg_account *a, struct tg_check *k)
{
	struct sums *s = k->sums;
	struct tl_inputCheckPasswordEmpty none = {{TL_inputCheckPasswordEmpty}};
	struct tl_inputCheckPasswordSRP proof = {
		.obj = {TL_inputCheckPasswordSRP},
		.srp_id = k->srp_id,
		.A = {(const char *)s->srp.ga, sizeof s->srp.ga},
		.M1 = {(const char *)s->srp.m1, sizeof s->srp.m1},
	};
	struct tl_passwordKdfAlgoSHA256SHA256PBKDF2HMACSHA512iter100000SHA256ModPow algo = {
		.obj = {TL_passwordKdfAlgoSHA256SHA256PBKDF2HMACSHA512iter100000SHA256ModPow},
		.salt1 = s->salt1,
		.salt2 = s->salt2,
		.g = s->g,
		.p = s->p,
	};
	struct tl_passwordKdfAlgoUnknown no_algo = {{TL_passwordKdfAlgoUnknown}};
	struct tl_account_passwordInputSettings settings = {
		.obj = {TL_account_passwordInputSettings}, .email = text(k->email)};
	struct tl_obj *password = s->prove ? &proof.obj : &none.obj;
	struct tl_auth_checkPassword login = {{TL_auth_checkPassword}, password};
	struct tl_account_updatePasswordSettings change = {
		{TL_account_updatePasswordSettings}, password, &settings.obj};
	struct tl_auth_recoverPassword recovery = {.obj = {TL_auth_recoverPassword},
						   .code = text(k->code),
						   .new_settings = &settings.obj};
	struct tl_obj *m = k->code ? &recovery.obj : k->login ? &login.obj : &change.obj;

	if (k->remove) {
		settings.new_algo = &no_algo.obj;
		settings.new_password_hash = settings.hint = tl_str("");
	} else if (s->make) {
		settings.new_algo = &algo.obj;
		settings.new_password_hash = (struct tl_str){(const char *)s->v, sizeof s->v};
		settings.hint = k->hint ? text(k->hint) : tl_str("");
	}
	k->sums = NULL;
	call(a, k, m, answered);
	sums_free(&s->job);
}

/* ---- second: the sums ---- */
static void work(struct tg_account *a, struct tg_check *k)
{
	struct sums *s = k->sums;
	struct tg_node *n;

	if (!s->prove && !s->make) {
		send_proof(a, k);
		return;
	}
	if (s->prove)
		a->env.random.random(a->env.random.ctx, s->srp.a, sizeof s->srp.a);
	n = tg_event_new(a, TG_EV_JOB);
	if (n) {
		n->ev.job = &s->job;
		return;
	}
	k->sums = NULL;
	sums_free(&s->job);
	fail(a, k, -TG_E_NOMEM);
}

bool tg_check_job_done(struct tg_account *a, struct mt_job *job)
{
	struct tg_check *k = a->checks;
	struct sums *s = (struct sums *)job;

	while (k && k->sums != s)
		k = k->next;
	if (!k)
		return false;
	if (s->err == -TG_E_AGAIN && ++k->draws < DRAWS) {
		work(a, k);
	} else if (s->err) {
		int err = s->err;

		k->sums = NULL;
		sums_free(job);
		fail(a, k, err);
	} else {
		send_proof(a, k);
	}
	return true;
}

static void copy(struct tl_str *to, struct tl_str from, const char *more, size_t more_n, char **at)
{
	to->data = *at;
	to->len = from.len + (uint32_t)more_n;
	if (from.len)
		memcpy(*at, from.data, from.len);
	if (more_n)
		memcpy(*at + from.len, more, more_n);
	*at += to->len;
}

typedef const struct tl_passwordKdfAlgoSHA256SHA256PBKDF2HMACSHA512iter100000SHA256ModPow algo;

/* B.70: the one algorithm there is; anything newer is for a newer client. */
static algo *algo_of(const struct tl_obj *o)
{
	return o && o->ctor == TL_passwordKdfAlgoSHA256SHA256PBKDF2HMACSHA512iter100000SHA256ModPow
		       ? (algo *)o
		       : NULL;
}

static struct sums *sums_new(struct tg_account *a, const struct tg_check *k,
			     const struct tl_account_password *p)
{
	algo *old = algo_of(p->current_algo), *fresh = algo_of(p->new_algo);
	size_t size = sizeof(struct sums) + FRESH + (k->current ? strlen(k->current) : 0) +
		      (k->fresh ? strlen(k->fresh) : 0);
	char more[FRESH], *at;
	struct sums *s;

	if (old)
		size += old->salt1.len + old->salt2.len + old->p.len + p->srp_B.len;
	if (fresh)
		size += fresh->salt1.len + fresh->salt2.len + fresh->p.len;
	s = mt_secret_new(&a->env.random, size);
	if (!s)
		return NULL;
	*s = (struct sums){.job = {.run = run, .free = sums_free},
			   .env = a->env.random,
			   .prove = p->has_password && !k->code,
			   .make = k->fresh != NULL,
			   .size = size};
	at = s->texts;
	if (s->prove && old) {
		copy(&s->srp.password, text(k->current), NULL, 0, &at);
		copy(&s->srp.salt1, old->salt1, NULL, 0, &at);
		copy(&s->srp.salt2, old->salt2, NULL, 0, &at);
		copy(&s->srp.p, old->p, NULL, 0, &at);
		copy(&s->srp.srp_b, p->srp_B, NULL, 0, &at);
		s->srp.g = old->g;
	}
	if (s->make && fresh) {
		a->env.random.random(a->env.random.ctx, more, sizeof more);
		copy(&s->fresh, text(k->fresh), NULL, 0, &at);
		copy(&s->salt1, fresh->salt1, more, sizeof more, &at);
		copy(&s->salt2, fresh->salt2, NULL, 0, &at);
		copy(&s->p, fresh->p, NULL, 0, &at);
		s->g = fresh->g;
	}
	return s;
}

/* ---- first: what the server knows ---- */
static void got_password(struct tg_account *a, struct tg_call *c, const struct tg_answer *r)
{
	struct tg_check *k = c->ctx;
	const struct tl_account_password *p;
	struct tl_arena arena;
	bool known = false;

	k->call = NULL;
	if (r->error) {
		end(a, k, c, r);
		return;
	}
	tl_arena_init(&arena, TG_ARENA_CAP);
	p = (const struct tl_account_password *)tg_answer_decode(c, r, &arena);
	known = p && (!p->has_password || algo_of(p->current_algo)) &&
		(!k->fresh || algo_of(p->new_algo));
	if (known) {
		k->srp_id = p->srp_id;
		k->sums = sums_new(a, k, p);
	}
	tl_arena_free(&arena);
	if (k->sums)
		work(a, k);
	else if (known)
		fail(a, k, -TG_E_NOMEM);
	else
		fail_unknown(a, k); /* B.70 */
}

static void ask(struct tg_account *a, struct tg_check *k)
{
	struct tl_account_getPassword m = {{TL_account_getPassword}};

	call(a, k, &m.obj, got_password);
}

struct tg_check *tg_check_new(struct tg_account *a, const struct tg_password_change *p, bool login,
			      int64_t deadline, tg_check_then *then)
{
	struct tl_account_getPassword m = {{TL_account_getPassword}};
	struct tg_call_options o = {
		.deadline = deadline, .flood_wait = TG_LOGIN_FLOOD, .any_state = login};
	struct tg_check *k = calloc(1, sizeof *k);

	if (!k)
		return NULL;
	k->login = login;
	k->remove = p->remove;
	k->deadline = deadline;
	k->then = then;
	k->next = a->checks;
	a->checks = k;
	tg_text_set(&k->current, p->current);
	tg_text_set(&k->fresh, p->fresh);
	tg_text_set(&k->hint, p->hint);
	tg_text_set(&k->email, p->email);
	tg_text_set(&k->code, p->code);
	k->call = tg_call_own(a, &m.obj, &o, got_password, k);
	if (k->call)
		return k;
	check_free(a, k);
	return NULL;
}

/* ---- changing it, for the account's owner ---- */
/* EMAIL_UNCONFIRMED_6: done, but for the new e-mail, which was sent a code of that length (E.41).
 */
static int64_t unconfirmed(const struct tg_answer *r)
{
	static const char name[] = "EMAIL_UNCONFIRMED";
	int64_t n = 0;

	if (r->error != -TG_E_TELEGRAM || r->n < sizeof name - 1 ||
	    memcmp(r->data, name, sizeof name - 1) != 0)
		return 0;
	for (size_t i = sizeof name; i < r->n && n < 100; i++)
		n = r->data[i] >= '0' && r->data[i] <= '9' ? n * 10 + r->data[i] - '0' : n;
	return n ? n : EMAIL_CODE;
}

static void changed(struct tg_account *a, struct tg_check *k, struct tg_call *c,
		    const struct tg_answer *r)
{
	int64_t pending = unconfirmed(r);
	struct tg_node *n = tg_event_new(a, r->error && !pending ? TG_EV_ERROR : TG_EV_ANSWER);

	(void)c;
	if (!n)
		return;
	n->owned = malloc(r->n + !r->n);
	if (n->owned && r->n)
		memcpy(n->owned, r->data, r->n);
	n->ev.call = k->number;
	n->ev.method = TL_account_updatePasswordSettings;
	n->ev.value = pending;
	n->ev.error = pending ? 0 : r->error;
	n->ev.code = r->code;
	n->ev.retry_after = r->retry_after;
	n->ev.sent = r->sent;
	n->ev.data = n->owned;
	n->ev.n = n->owned ? r->n : 0;
}

int tg_password_change(struct tg_account *a, const struct tg_password_change *p, int64_t deadline,
		       uint64_t *ret_call, struct mt_time now)
{
	struct tg_check *k;

	a->now = now;
	if (!a->authorized || a->signing_out)
		return a->state == TG_REVOKED ? -TG_E_SESSION_REVOKED : -TG_E_UNAUTHORIZED;
	if (!a->wanted)
		return -TG_E_OFFLINE;
	k = tg_check_new(a, p, false, deadline, changed);
	if (!k)
		return -TG_E_NOMEM;
	*ret_call = k->number = ++a->calls.last;
	return 0;
}
