/* The vault: zeros, memory that comes again, and an end to what is locked. */
#include "daemon/daemon.h"
#include "tests/harness.h"

static void all(const uint8_t *p, size_t n, uint8_t want)
{
	for (size_t i = 0; i < n; i++)
		CHECK_INT(p[i], want);
}

TEST(vault_gives_zeros_again_and_again)
{
	static const size_t sizes[] = {1, 63, 64, 65, 840, 4000, 4033, 9000, 70000};
	struct rpc_log log = {.level = RPC_ERROR};
	struct rpc_vault v;
	struct mt_env env = {.vault = &v.vault};

	rpc_vault_init(&v, &log);
	for (int round = 0; round < 3; round++) {
		uint8_t *p[200];

		for (size_t i = 0; i < 200; i++) {
			size_t n = sizes[i % (sizeof sizes / sizeof *sizes)];

			p[i] = mt_secret_new(&env, n);
			CHECK(p[i] && (uintptr_t)p[i] % 16 == 0);
			all(p[i], n, 0);
			memset(p[i], (int)i, n);
		}
		for (size_t i = 0; i < 200; i++) {
			size_t n = sizes[i % (sizeof sizes / sizeof *sizes)];

			all(p[i], n, (uint8_t)i);
			mt_secret_free(&env, p[i], n);
		}
		mt_secret_free(&env, NULL, 10);
	}
}

TEST(vault_locks_up_to_its_limit_and_gives_beyond_it)
{
	struct rpc_log log = {.level = RPC_ERROR};
	struct rpc_vault v;
	size_t piece = 1u << 20, most;
	void *p[1 + (RPC_MAX_LOCKED >> 20)];
	unsigned n = sizeof p / sizeof *p;

	rpc_vault_init(&v, &log);
	for (unsigned i = 0; i < n; i++) {
		p[i] = v.vault.take(&v.vault, piece);
		CHECK(p[i] != NULL);
		CHECK(v.locked <= RPC_MAX_LOCKED);
	}
	CHECK(v.told);
	most = v.locked;
	v.vault.give(&v.vault, p[n - 1], piece); /* was never locked */
	CHECK_INT(v.locked, most);
	for (unsigned i = 0; i < n - 1; i++)
		v.vault.give(&v.vault, p[i], piece);
	CHECK_INT(v.locked, 0);
}
