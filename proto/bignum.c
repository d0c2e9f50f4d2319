/* Big-number arithmetic on mbedTLS. Everything is freed, and so wiped, before a function ends. */
#include "proto/bignum.h"

#include <mbedtls/bignum.h>
#include <mbedtls/ecp.h>
#include <string.h>

/* Error of 2^-128 for the one prime that has to be tested (B.55 asks for 2^-80). */
#define PRIME_ROUNDS 64

static int error_of(int status)
{
	if (status == 0)
		return 0;
	return status == MBEDTLS_ERR_MPI_ALLOC_FAILED ? -TG_E_NOMEM : -TG_E_CRYPTO;
}

static int load(mbedtls_mpi *x, struct mt_num from)
{
	return mbedtls_mpi_read_binary(x, from.data, from.n);
}

#define BEGIN(array)                                                                               \
	for (size_t i_ = 0; i_ < sizeof(array) / sizeof *(array); i_++)                            \
	mbedtls_mpi_init(&(array)[i_])
#define END(array)                                                                                 \
	for (size_t i_ = 0; i_ < sizeof(array) / sizeof *(array); i_++)                            \
	mbedtls_mpi_free(&(array)[i_])
/* Runs a step unless one before it failed. */
#define STEP(call)                                                                                 \
	do {                                                                                       \
		if (status == 0)                                                                   \
			status = (call);                                                           \
	} while (0)

int mt_modexp(uint8_t ret[256], struct mt_num base, struct mt_num exponent, struct mt_num modulus)
{
	mbedtls_mpi m[4];
	int status = 0;

	BEGIN(m);
	STEP(load(&m[1], base));
	STEP(load(&m[2], exponent));
	STEP(load(&m[3], modulus));
	STEP(mbedtls_mpi_exp_mod(&m[0], &m[1], &m[2], &m[3], NULL));
	STEP(mbedtls_mpi_write_binary(&m[0], ret, 256));
	END(m);
	return error_of(status);
}

int mt_blind_exponent(uint8_t ret[264], const uint8_t exponent[256], const uint8_t r[8],
		      const uint8_t modulus[256])
{
	mbedtls_mpi m[3];
	int status = 0;

	BEGIN(m);
	STEP(load(&m[0], (struct mt_num){exponent, 256}));
	STEP(load(&m[1], (struct mt_num){r, 8}));
	STEP(load(&m[2], (struct mt_num){modulus, 256}));
	STEP(mbedtls_mpi_sub_int(&m[2], &m[2], 1));
	STEP(mbedtls_mpi_mul_mpi(&m[1], &m[1], &m[2]));
	STEP(mbedtls_mpi_add_mpi(&m[0], &m[0], &m[1]));
	STEP(mbedtls_mpi_write_binary(&m[0], ret, 264));
	END(m);
	return error_of(status);
}

/* Bases for Miller-Rabin drawn from the number itself: no randomness comes into these functions,
 * and with 64 rounds nobody finds a composite that suits its own bases. */
struct bases {
	struct mt_num p;
	uint64_t count;
};

static int draw_base(void *ctx, unsigned char *out, size_t n)
{
	struct bases *b = ctx;
	uint8_t hash[32];

	for (size_t part; n; n -= part, out += part) {
		mt_sha256(hash, b->p.data, b->p.n, &b->count, sizeof b->count);
		b->count++;
		part = n < sizeof hash ? n : sizeof hash;
		memcpy(out, hash, part);
	}
	return 0;
}

/* With q = (p - 1) / 2 prime, 2^(p - 1) = 1 (mod p) and p % 3 != 0, p is prime (Pocklington): one
 * power in place of a second series of tests. */
int mt_safe_prime(struct mt_num p)
{
	struct bases bases = {.p = p};
	mbedtls_mpi m[4];
	mbedtls_mpi_uint rest = 0;
	int status = 0;
	bool safe;

	if (p.n == 0 || p.data[p.n - 1] % 4 != 3)
		return -TG_E_CRYPTO;
	BEGIN(m);
	STEP(load(&m[0], p));
	STEP(mbedtls_mpi_mod_int(&rest, &m[0], 3));
	STEP(mbedtls_mpi_sub_int(&m[1], &m[0], 1));
	STEP(mbedtls_mpi_lset(&m[2], 2));
	STEP(mbedtls_mpi_exp_mod(&m[3], &m[2], &m[1], &m[0], NULL));
	safe = status == 0 && rest != 0 && mbedtls_mpi_cmp_int(&m[3], 1) == 0;
	if (safe) {
		STEP(mbedtls_mpi_shift_r(&m[1], 1));
		STEP(mbedtls_mpi_is_prime_ext(&m[1], PRIME_ROUNDS, draw_base, &bases));
	}
	END(m);
	return status == 0 && !safe ? -TG_E_CRYPTO : error_of(status);
}

int mt_sub_mul(uint8_t ret[256], struct mt_num b, struct mt_num k, struct mt_num v, struct mt_num p)
{
	mbedtls_mpi m[4];
	int status = 0;

	BEGIN(m);
	STEP(load(&m[0], b));
	STEP(load(&m[1], k));
	STEP(load(&m[2], v));
	STEP(load(&m[3], p));
	STEP(mbedtls_mpi_mul_mpi(&m[1], &m[1], &m[2]));
	STEP(mbedtls_mpi_sub_mpi(&m[0], &m[0], &m[1]));
	STEP(mbedtls_mpi_mod_mpi(&m[0], &m[0], &m[3]));
	STEP(mbedtls_mpi_write_binary(&m[0], ret, 256));
	END(m);
	return error_of(status);
}

int mt_add_mul(uint8_t ret[264], struct mt_num a, struct mt_num u, struct mt_num x)
{
	mbedtls_mpi m[3];
	int status = 0;

	BEGIN(m);
	STEP(load(&m[0], a));
	STEP(load(&m[1], u));
	STEP(load(&m[2], x));
	STEP(mbedtls_mpi_mul_mpi(&m[1], &m[1], &m[2]));
	STEP(mbedtls_mpi_add_mpi(&m[0], &m[0], &m[1]));
	STEP(mbedtls_mpi_write_binary(&m[0], ret, 264));
	END(m);
	return error_of(status);
}

int mt_num_cmp(struct mt_num a, struct mt_num b)
{
	for (; a.n && !*a.data; a.data++)
		a.n--;
	for (; b.n && !*b.data; b.data++)
		b.n--;
	if (a.n != b.n)
		return a.n < b.n ? -1 : 1;
	return a.n ? memcmp(a.data, b.data, a.n) : 0;
}

static int draw(void *env, unsigned char *out, size_t n)
{
	const struct mt_env *e = env;

	e->random(e->ctx, out, n);
	return 0;
}

int mt_x25519_public(uint8_t ret[32], const struct mt_env *env)
{
	struct mt_env copy = *env;
	mbedtls_ecp_group group;
	mbedtls_ecp_point point;
	mbedtls_mpi private;
	size_t n = 0;
	int status;

	mbedtls_ecp_group_init(&group);
	mbedtls_ecp_point_init(&point);
	mbedtls_mpi_init(&private);
	status = mbedtls_ecp_group_load(&group, MBEDTLS_ECP_DP_CURVE25519);
	STEP(mbedtls_ecp_gen_keypair(&group, &private, &point, draw, &copy));
	STEP(mbedtls_ecp_point_write_binary(&group, &point, MBEDTLS_ECP_PF_UNCOMPRESSED, &n, ret,
					    32));
	mbedtls_mpi_free(&private);
	mbedtls_ecp_point_free(&point);
	mbedtls_ecp_group_free(&group);
	return status == 0 && n == 32 ? 0 : -TG_E_NOMEM;
}
