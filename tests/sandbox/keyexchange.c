/* The server's RSA key and Diffie-Hellman (core.telegram.org/mtproto/auth_key). Owned by net; the
 * only file of the sandbox with bignums, on mbedTLS directly and without proto's client code: two
 * implementations that check each other. */
#include "net.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <mbedtls/base64.h>
#include <mbedtls/bignum.h>

struct sb_rsa {
	mbedtls_mpi n, e, d;
	uint64_t fingerprint;
};

/* core.telegram.org/mtproto/security_guidelines: the prime in use since 2013, a safe one */
const uint8_t sb_dh_prime[256] = {
	0xc7, 0x1c, 0xae, 0xb9, 0xc6, 0xb1, 0xc9, 0x04, 0x8e, 0x6c, 0x52, 0x2f, 0x70, 0xf1, 0x3f,
	0x73, 0x98, 0x0d, 0x40, 0x23, 0x8e, 0x3e, 0x21, 0xc1, 0x49, 0x34, 0xd0, 0x37, 0x56, 0x3d,
	0x93, 0x0f, 0x48, 0x19, 0x8a, 0x0a, 0xa7, 0xc1, 0x40, 0x58, 0x22, 0x94, 0x93, 0xd2, 0x25,
	0x30, 0xf4, 0xdb, 0xfa, 0x33, 0x6f, 0x6e, 0x0a, 0xc9, 0x25, 0x13, 0x95, 0x43, 0xae, 0xd4,
	0x4c, 0xce, 0x7c, 0x37, 0x20, 0xfd, 0x51, 0xf6, 0x94, 0x58, 0x70, 0x5a, 0xc6, 0x8c, 0xd4,
	0xfe, 0x6b, 0x6b, 0x13, 0xab, 0xdc, 0x97, 0x46, 0x51, 0x29, 0x69, 0x32, 0x84, 0x54, 0xf1,
	0x8f, 0xaf, 0x8c, 0x59, 0x5f, 0x64, 0x24, 0x77, 0xfe, 0x96, 0xbb, 0x2a, 0x94, 0x1d, 0x5b,
	0xcd, 0x1d, 0x4a, 0xc8, 0xcc, 0x49, 0x88, 0x07, 0x08, 0xfa, 0x9b, 0x37, 0x8e, 0x3c, 0x4f,
	0x3a, 0x90, 0x60, 0xbe, 0xe6, 0x7c, 0xf9, 0xa4, 0xa4, 0xa6, 0x95, 0x81, 0x10, 0x51, 0x90,
	0x7e, 0x16, 0x27, 0x53, 0xb5, 0x6b, 0x0f, 0x6b, 0x41, 0x0d, 0xba, 0x74, 0xd8, 0xa8, 0x4b,
	0x2a, 0x14, 0xb3, 0x14, 0x4e, 0x0e, 0xf1, 0x28, 0x47, 0x54, 0xfd, 0x17, 0xed, 0x95, 0x0d,
	0x59, 0x65, 0xb4, 0xb9, 0xdd, 0x46, 0x58, 0x2d, 0xb1, 0x17, 0x8d, 0x16, 0x9c, 0x6b, 0xc4,
	0x65, 0xb0, 0xd6, 0xff, 0x9c, 0xa3, 0x92, 0x8f, 0xef, 0x5b, 0x9a, 0xe4, 0xe4, 0x18, 0xfc,
	0x15, 0xe8, 0x3e, 0xbe, 0xa0, 0xf8, 0x7f, 0xa9, 0xff, 0x5e, 0xed, 0x70, 0x05, 0x0d, 0xed,
	0x28, 0x49, 0xf4, 0x7b, 0xf9, 0x59, 0xd9, 0x56, 0x85, 0x0c, 0xe9, 0x29, 0x85, 0x1f, 0x0d,
	0x81, 0x15, 0xf6, 0x35, 0xb1, 0x05, 0xee, 0x2e, 0x4e, 0x15, 0xd0, 0x4b, 0x24, 0x54, 0xbf,
	0x6f, 0x4f, 0xad, 0xf0, 0x34, 0xb1, 0x04, 0x03, 0x11, 0x9c, 0xd8, 0xe3, 0xb9, 0x2f, 0xcc,
	0x5b,
};

static int rng(void *ctx, unsigned char *out, size_t n)
{
	const struct mt_env *env = ctx;
	env->random(env->ctx, out, n);
	return 0;
}

static int make(struct sb_rsa *r, struct mt_env *env)
{
	mbedtls_mpi p, q, phi;
	int err = 0;

	mbedtls_mpi_init(&p);
	mbedtls_mpi_init(&q);
	mbedtls_mpi_init(&phi);
	do {
		err = mbedtls_mpi_gen_prime(&p, 1024, 0, rng, env);
		err = err ? err : mbedtls_mpi_gen_prime(&q, 1024, 0, rng, env);
		err = err ? err : mbedtls_mpi_mul_mpi(&r->n, &p, &q);
		err = err ? err : mbedtls_mpi_sub_int(&p, &p, 1);
		err = err ? err : mbedtls_mpi_sub_int(&q, &q, 1);
		err = err ? err : mbedtls_mpi_mul_mpi(&phi, &p, &q);
		err = err ? err : mbedtls_mpi_lset(&r->e, 65537);
		if (!err &&
		    mbedtls_mpi_inv_mod(&r->d, &r->e, &phi) == MBEDTLS_ERR_MPI_NOT_ACCEPTABLE)
			continue; /* 65537 divides phi: draw again */
	} while (!err && mbedtls_mpi_bitlen(&r->n) != 2048);
	mbedtls_mpi_free(&p);
	mbedtls_mpi_free(&q);
	mbedtls_mpi_free(&phi);
	return err ? -TG_E_NOMEM : 0;
}

static int read_data(struct sb_rsa *r, const char *path)
{
	char line[1200], *d;
	FILE *f = fopen(path, "r");

	if (!f)
		return -TG_E_NOT_FOUND;
	if (!fgets(line, sizeof line, f))
		line[0] = 0;
	fclose(f);
	line[strcspn(line, "\n")] = 0;
	d = strchr(line, ' ');
	if (!d)
		return -TG_E_STORE;
	*d++ = 0;
	if (mbedtls_mpi_read_string(&r->n, 16, line) || mbedtls_mpi_read_string(&r->d, 16, d) ||
	    mbedtls_mpi_lset(&r->e, 65537) || mbedtls_mpi_bitlen(&r->n) != 2048)
		return -TG_E_STORE;
	return 0;
}

static int write_data(const struct sb_rsa *r, const char *path)
{
	char text[2][600];
	size_t n;
	FILE *f;
	int fd;

	if (mbedtls_mpi_write_string(&r->n, 16, text[0], sizeof text[0], &n) ||
	    mbedtls_mpi_write_string(&r->d, 16, text[1], sizeof text[1], &n))
		return -TG_E_NOMEM;
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	f = fd < 0 ? NULL : fdopen(fd, "w");
	if (!f)
		return -TG_E_STORE;
	fprintf(f, "%s %s\n", text[0], text[1]);
	return fclose(f) ? -TG_E_STORE : 0;
}

/* SHA1(n as TL bytes | e as TL bytes)[12:20] (B.25) */
static int fingerprint(struct sb_rsa *r)
{
	struct tl_buf b = {0};
	uint8_t raw[256], hash[20];
	int err = mbedtls_mpi_write_binary(&r->n, raw, 256);

	tl_put_bytes(&b, raw, 256);
	tl_put_bytes(&b, "\1\0\1", 3);
	if (!err && !b.err) {
		mt_sha1(hash, b.data, b.len, NULL, 0);
		memcpy(&r->fingerprint, hash + 12, 8);
	}
	err = err || b.err ? -TG_E_NOMEM : 0;
	tl_buf_free(&b);
	return err;
}

struct sb_rsa *sb_rsa_new(struct sb_net *n, const char *data_dir, const char *file)
{
	struct sb_rsa *r = calloc(1, sizeof *r);
	char path[4096] = "";
	int err = -TG_E_NOT_FOUND;

	if (!r)
		return NULL;
	mbedtls_mpi_init(&r->n);
	mbedtls_mpi_init(&r->e);
	mbedtls_mpi_init(&r->d);
	if (data_dir) {
		snprintf(path, sizeof path, "%s/%s", data_dir, file);
		err = read_data(r, path);
	}
	if (err == -TG_E_NOT_FOUND) {
		/* mtcute does not find a key whose fingerprint begins with a zero in hex */
		do {
			err = make(r, &n->env);
			err = err ? err : fingerprint(r);
		} while (!err && r->fingerprint >> 60 == 0);
		if (!err && data_dir)
			err = write_data(r, path);
	}
	if (!err)
		err = fingerprint(r);
	if (err) {
		fprintf(stderr, "layerd-sandbox: no RSA key: %s\n", tg_error_row(err)->text);
		sb_rsa_free(r);
		return NULL;
	}
	return r;
}

void sb_rsa_free(struct sb_rsa *r)
{
	if (!r)
		return;
	mbedtls_mpi_free(&r->n);
	mbedtls_mpi_free(&r->e);
	mbedtls_mpi_free(&r->d);
	free(r);
}

uint64_t sb_rsa_fingerprint(const struct sb_rsa *r)
{
	return r->fingerprint;
}

int sb_rsa_pem(const struct sb_rsa *r, char out[SB_PEM])
{
	/* SEQUENCE { INTEGER n, INTEGER e } (RFC 8017, A.1.1) */
	uint8_t der[270] = {0x30, 0x82, 0x01, 0x0a, 0x02, 0x82, 0x01, 0x01, 0x00};
	static const uint8_t exponent[5] = {0x02, 0x03, 0x01, 0x00, 0x01};
	unsigned char text[512];
	size_t n, at;

	if (mbedtls_mpi_write_binary(&r->n, der + 9, 256))
		return -TG_E_NOMEM;
	memcpy(der + 265, exponent, 5);
	if (mbedtls_base64_encode(text, sizeof text, &n, der, sizeof der))
		return -TG_E_NOMEM;
	at = (size_t)snprintf(out, SB_PEM, "-----BEGIN RSA PUBLIC KEY-----\n");
	for (size_t i = 0; i < n; i += 64)
		at += (size_t)snprintf(out + at, SB_PEM - at, "%.*s\n",
				       (int)(n - i < 64 ? n - i : 64), text + i);
	snprintf(out + at, SB_PEM - at, "-----END RSA PUBLIC KEY-----\n");
	return 0;
}

int sb_rsa_write(const struct sb_rsa *r, const char *path)
{
	char pem[SB_PEM];
	int err = sb_rsa_pem(r, pem);
	FILE *f = err ? NULL : fopen(path, "we");

	if (err || !f)
		return err ? err : -TG_E_FILE_ACCESS;
	fputs(pem, f);
	return fclose(f) ? -TG_E_FILE_ACCESS : 0;
}

int sb_rsa_private(const struct sb_rsa *r, const uint8_t in[256], uint8_t out[256])
{
	mbedtls_mpi x, y;
	int err;

	mbedtls_mpi_init(&x);
	mbedtls_mpi_init(&y);
	err = mbedtls_mpi_read_binary(&x, in, 256);
	if (!err && mbedtls_mpi_cmp_mpi(&x, &r->n) >= 0)
		err = 1;
	err = err ? err : mbedtls_mpi_exp_mod(&y, &x, &r->d, &r->n, NULL);
	err = err ? err : mbedtls_mpi_write_binary(&y, out, 256);
	mbedtls_mpi_free(&x);
	mbedtls_mpi_free(&y);
	return err ? -TG_E_CRYPTO : 0;
}

/* out = base^exponent mod p */
static int power(const uint8_t *base, size_t nb, const uint8_t exponent[256], uint8_t out[256])
{
	mbedtls_mpi b, e, p, x;
	int err;

	mbedtls_mpi_init(&b);
	mbedtls_mpi_init(&e);
	mbedtls_mpi_init(&p);
	mbedtls_mpi_init(&x);
	err = mbedtls_mpi_read_binary(&b, base, nb);
	err = err ? err : mbedtls_mpi_read_binary(&e, exponent, 256);
	err = err ? err : mbedtls_mpi_read_binary(&p, sb_dh_prime, 256);
	err = err ? err : mbedtls_mpi_exp_mod(&x, &b, &e, &p, NULL);
	err = err ? err : mbedtls_mpi_write_binary(&x, out, 256);
	mbedtls_mpi_free(&b);
	mbedtls_mpi_free(&e);
	mbedtls_mpi_free(&p);
	mbedtls_mpi_free(&x);
	return err ? -TG_E_CRYPTO : 0;
}

/* 2^1984 <= x <= p - 2^1984 (B.58): neither x nor p - x has its eight highest bytes at 0 */
static bool in_range(const uint8_t *data, size_t n)
{
	mbedtls_mpi x, p, bound;
	bool ok = false;

	mbedtls_mpi_init(&x);
	mbedtls_mpi_init(&p);
	mbedtls_mpi_init(&bound);
	if (n <= 256 && !mbedtls_mpi_read_binary(&x, data, n) &&
	    !mbedtls_mpi_read_binary(&p, sb_dh_prime, 256) && !mbedtls_mpi_lset(&bound, 1) &&
	    !mbedtls_mpi_shift_l(&bound, 1984) && mbedtls_mpi_cmp_mpi(&x, &bound) >= 0 &&
	    !mbedtls_mpi_sub_mpi(&p, &p, &bound))
		ok = mbedtls_mpi_cmp_mpi(&x, &p) <= 0;
	mbedtls_mpi_free(&x);
	mbedtls_mpi_free(&p);
	mbedtls_mpi_free(&bound);
	return ok;
}

int sb_dh_draw(struct sb_net *n, struct sb_dh *d)
{
	const uint8_t g = SB_DH_G;
	int err;

	do {
		n->env.random(n->env.ctx, d->a, sizeof d->a);
		err = power(&g, 1, d->a, d->ga);
	} while (!err && !in_range(d->ga, sizeof d->ga));
	return err;
}

int sb_dh_key(const struct sb_dh *d, const uint8_t *gb, size_t n, uint8_t key[256])
{
	if (!in_range(gb, n))
		return -TG_E_CRYPTO;
	return power(gb, n, d->a, key);
}
