/* The second step: account.getPassword, auth.checkPassword and changing it.
 * core.telegram.org/api/srp; the server's half of PROTOCOL B9. */
#include "tests/sandbox/world.h"

#include <mbedtls/bignum.h>

#define SRP_G 3
#define NUMBER 256

/* ---- arithmetic ------------------------------------------------------------------------------ */
struct numbers {
	mbedtls_mpi p, a, b, c;
};

static void numbers_init(struct numbers *n)
{
	mbedtls_mpi_init(&n->p);
	mbedtls_mpi_init(&n->a);
	mbedtls_mpi_init(&n->b);
	mbedtls_mpi_init(&n->c);
}

static void numbers_free(struct numbers *n)
{
	mbedtls_mpi_free(&n->p);
	mbedtls_mpi_free(&n->a);
	mbedtls_mpi_free(&n->b);
	mbedtls_mpi_free(&n->c);
}

/* g padded to the width of the others */
static void generator(uint8_t out[NUMBER])
{
	memset(out, 0, NUMBER);
	out[NUMBER - 1] = SRP_G;
}

/* B = k v + g^b mod p */
static int server_public(uint8_t out[NUMBER], const uint8_t v[NUMBER], const uint8_t b[NUMBER])
{
	struct numbers n;
	uint8_t k[32], g[NUMBER];
	int err;

	generator(g);
	mt_sha256(k, sb_dh_prime, NUMBER, g, NUMBER);
	numbers_init(&n);
	err = mbedtls_mpi_read_binary(&n.p, sb_dh_prime, NUMBER);
	err = err ? err : mbedtls_mpi_read_binary(&n.a, b, NUMBER);
	err = err ? err : mbedtls_mpi_lset(&n.b, SRP_G);
	err = err ? err : mbedtls_mpi_exp_mod(&n.c, &n.b, &n.a, &n.p, NULL);
	err = err ? err : mbedtls_mpi_read_binary(&n.a, k, sizeof(k));
	err = err ? err : mbedtls_mpi_read_binary(&n.b, v, NUMBER);
	err = err ? err : mbedtls_mpi_mul_mpi(&n.a, &n.a, &n.b);
	err = err ? err : mbedtls_mpi_add_mpi(&n.c, &n.c, &n.a);
	err = err ? err : mbedtls_mpi_mod_mpi(&n.c, &n.c, &n.p);
	err = err ? err : mbedtls_mpi_write_binary(&n.c, out, NUMBER);
	numbers_free(&n);
	return err;
}

/* S = (A v^u)^b mod p */
static int shared_secret(uint8_t out[NUMBER], const uint8_t ga[NUMBER],
			 const struct sb_password *pw)
{
	struct numbers n;
	uint8_t u[32];
	int err;

	mt_sha256(u, ga, NUMBER, pw->gb, NUMBER);
	numbers_init(&n);
	err = mbedtls_mpi_read_binary(&n.p, sb_dh_prime, NUMBER);
	err = err ? err : mbedtls_mpi_read_binary(&n.a, pw->v, NUMBER);
	err = err ? err : mbedtls_mpi_read_binary(&n.b, u, sizeof(u));
	err = err ? err : mbedtls_mpi_exp_mod(&n.c, &n.a, &n.b, &n.p, NULL);
	err = err ? err : mbedtls_mpi_read_binary(&n.a, ga, NUMBER);
	err = err ? err : mbedtls_mpi_mul_mpi(&n.c, &n.c, &n.a);
	err = err ? err : mbedtls_mpi_mod_mpi(&n.c, &n.c, &n.p);
	err = err ? err : mbedtls_mpi_read_binary(&n.a, pw->b, NUMBER);
	err = err ? err : mbedtls_mpi_exp_mod(&n.b, &n.c, &n.a, &n.p, NULL);
	err = err ? err : mbedtls_mpi_write_binary(&n.b, out, NUMBER);
	numbers_free(&n);
	return err;
}

/* M1 = H(H(p) ^ H(g) | H(salt1) | H(salt2) | A | B | H(S)) */
static void expected_proof(uint8_t out[32], const uint8_t ga[NUMBER], const uint8_t s[NUMBER],
			   const struct sb_password *pw)
{
	uint8_t text[32 * 4 + NUMBER * 2], hg[32], g[NUMBER];

	generator(g);
	mt_sha256(text, sb_dh_prime, NUMBER, NULL, 0);
	mt_sha256(hg, g, NUMBER, NULL, 0);
	for (unsigned i = 0; i < sizeof(hg); i++)
		text[i] ^= hg[i];
	mt_sha256(text + 32, pw->salt1, pw->salt1_len, NULL, 0);
	mt_sha256(text + 64, pw->salt2, sizeof(pw->salt2), NULL, 0);
	memcpy(text + 96, ga, NUMBER);
	memcpy(text + 96 + NUMBER, pw->gb, NUMBER);
	mt_sha256(text + 96 + 2 * NUMBER, s, NUMBER, NULL, 0);
	mt_sha256(out, text, sizeof(text), NULL, 0);
}

/* ---- checking -------------------------------------------------------------------------------- */
static void draw_bytes(struct sb_world *w, uint8_t *out, size_t n)
{
	for (size_t i = 0; i < n; i++)
		out[i] = (uint8_t)(sb_draw(w) >> 24);
}

/* NULL, or what is wrong with an InputCheckPasswordSRP. A proof is good for once. */
static const char *check(struct sb_user *u, const struct tl_obj *o)
{
	const struct tl_inputCheckPasswordSRP *in = (const void *)o;
	struct sb_password *pw = u->password;
	uint8_t ga[NUMBER] = {0}, s[NUMBER], m1[32];

	if (!pw)
		return o && o->ctor == TL_inputCheckPasswordEmpty ? NULL : "PASSWORD_HASH_INVALID";
	if (!o || o->ctor != TL_inputCheckPasswordSRP)
		return "PASSWORD_HASH_INVALID";
	if (!pw->srp_id || in->srp_id != pw->srp_id)
		return "SRP_ID_INVALID";
	pw->srp_id = 0;
	if (!in->A.len || in->A.len > NUMBER)
		return "SRP_A_INVALID";
	memcpy(ga + NUMBER - in->A.len, in->A.data, in->A.len);
	if (mt_dh_check_public(sb_dh_prime, ga) || shared_secret(s, ga, pw))
		return "SRP_A_INVALID";
	expected_proof(m1, ga, s, pw);
	if (in->M1.len != sizeof(m1) || !mt_equal(m1, in->M1.data, sizeof(m1)))
		return "PASSWORD_HASH_INVALID";
	return NULL;
}

static struct tl_obj *algo(struct tl_arena *a, const void *salt1, size_t n, const uint8_t *salt2)
{
	struct tl_passwordKdfAlgoSHA256SHA256PBKDF2HMACSHA512iter100000SHA256ModPow *o =
		SB_NEW(a, passwordKdfAlgoSHA256SHA256PBKDF2HMACSHA512iter100000SHA256ModPow);

	o->salt1 = (struct tl_str){salt1, (uint32_t)n};
	o->salt2 = (struct tl_str){(const char *)salt2, 16};
	o->g = SRP_G;
	o->p = (struct tl_str){(const char *)sb_dh_prime, NUMBER};
	return &o->obj;
}

static struct sb_user *asked(struct sb_world *w, struct sb_call *c, struct sb_user *me)
{
	return me ? me : sb_login(c->auth) ? sb_user(w, sb_login(c->auth)->pending) : NULL;
}

static void get_password(struct sb_world *w, struct sb_call *c, struct sb_user *me)
{
	struct sb_user *u = asked(w, c, me);
	struct tl_account_password *o = SB_NEW(c->arena, account_password);
	uint8_t *fresh = sb_alloc(c->arena, 8 + 16 + 64);
	struct sb_password *pw;

	if (!u) {
		sb_fail(c, "401 AUTH_KEY_UNREGISTERED");
		return;
	}
	pw = u->password;
	draw_bytes(w, fresh, 8 + 16 + 64);
	if (pw) {
		draw_bytes(w, pw->b, NUMBER);
		server_public(pw->gb, pw->v, pw->b);
		pw->srp_id = (int64_t)(sb_draw(w) | 1);
		o->has_password = true;
		o->current_algo = algo(c->arena, pw->salt1, pw->salt1_len, pw->salt2);
		o->srp_B = (struct tl_str){(const char *)pw->gb, NUMBER};
		SB_SET(o, srp_id, pw->srp_id);
		sb_password_asked(w, u, o);
	}
	o->new_algo = algo(c->arena, fresh, 8, fresh + 8);
	o->new_secure_algo = &SB_NEW(c->arena, securePasswordKdfAlgoUnknown)->obj;
	o->secure_random = (struct tl_str){(const char *)fresh + 24, 64};
	sb_reply(c, &o->obj);
}

static void check_password(struct sb_world *w, struct sb_call *c, struct sb_user *me)
{
	const struct tl_auth_checkPassword *in = (const void *)c->request;
	struct sb_user *u = asked(w, c, me);
	const char *err = u ? check(u, in->password) : "401 AUTH_KEY_UNREGISTERED";

	if (err)
		sb_fail(c, err);
	else
		sb_reply(c, sb_auth_done(w, c, u));
}

/* ---- changing -------------------------------------------------------------------------------- */
bool sb_password_set(struct sb_world *w, struct sb_user *u, const char *password)
{
	struct sb_password *pw;

	if (!password || !*password) {
		u->password = NULL;
		return true;
	}
	pw = sb_alloc(&w->store, sizeof(*pw));
	pw->salt1_len = 40;
	draw_bytes(w, pw->salt1, pw->salt1_len);
	draw_bytes(w, pw->salt2, sizeof(pw->salt2));
	if (mt_srp_hash(tl_str(password), (struct tl_str){(const char *)pw->salt1, pw->salt1_len},
			(struct tl_str){(const char *)pw->salt2, sizeof(pw->salt2)}, SRP_G,
			(struct tl_str){(const char *)sb_dh_prime, NUMBER}, pw->v) < 0)
		return false;
	u->password = pw;
	return true;
}

/* A new password as its owner computed it; NULL, or what is wrong with it. */
static const char *take_password(struct sb_world *w, struct sb_user *me,
				 const struct tl_account_passwordInputSettings *set)
{
	const struct tl_passwordKdfAlgoSHA256SHA256PBKDF2HMACSHA512iter100000SHA256ModPow *a =
		(const void *)set->new_algo;
	struct sb_password *pw;

	if (a->salt1.len > sizeof(pw->salt1) || a->salt2.len != sizeof(pw->salt2) ||
	    set->new_password_hash.len != NUMBER)
		return "NEW_SALT_INVALID";
	pw = sb_alloc(&w->store, sizeof(*pw));
	pw->salt1_len = a->salt1.len;
	memcpy(pw->salt1, a->salt1.data, a->salt1.len);
	memcpy(pw->salt2, a->salt2.data, a->salt2.len);
	memcpy(pw->v, set->new_password_hash.data, NUMBER);
	pw->hint = set->hint.len ? sb_text(&w->store, set->hint) : NULL;
	pw->email = me->password ? me->password->email : NULL;
	me->password = pw;
	return NULL;
}

/* Of auth.recoverPassword: a new one, or none any more. */
const char *sb_password_recovered(struct sb_world *w, struct sb_user *u,
				  const struct tl_obj *settings)
{
	const struct tl_account_passwordInputSettings *set = (const void *)settings;

	if (set && set->new_algo && set->new_algo->ctor != TL_passwordKdfAlgoUnknown)
		return take_password(w, u, set);
	u->password = NULL;
	return NULL;
}

static void update_password(struct sb_world *w, struct sb_call *c, struct sb_user *me)
{
	const struct tl_account_updatePasswordSettings *in = (const void *)c->request;
	const struct tl_account_passwordInputSettings *set = (const void *)in->new_settings;
	const char *err = check(me, in->password);

	if (!err && set->new_algo && set->new_algo->ctor == TL_passwordKdfAlgoUnknown)
		me->password = NULL;
	else if (!err && set->new_algo)
		err = take_password(w, me, set);
	if (!err && set->email.data && !me->password)
		err = "PASSWORD_REQUIRED";
	if (!err && set->email.data)
		err = sb_password_mail(w, me, set->email);
	if (err)
		sb_fail(c, err);
	else
		sb_reply_bool(c, true);
}

const struct sb_method sb_methods_password[] = {
	{TL_account_getPassword, SB_ANYONE, get_password, NULL},
	{TL_auth_checkPassword, SB_ANYONE, check_password, NULL},
	{TL_account_updatePasswordSettings, SB_PEOPLE, update_password, NULL},
	SB_METHOD_END,
};
