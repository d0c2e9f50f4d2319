/* Memory for keys, in chunks that stay until the process ends. The loop thread's alone. */
#include "daemon/vault.h"

#include "daemon/limits.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#define CHUNK (64u << 10)
#define PAGE 4096u

/* Pages that are locked as far as the system lets us; that they stay out of cores it always does.
 */
static void *take_pages(struct rpc_vault *v, size_t n)
{
	void *p = mmap(NULL, n, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int err = v->locked + n > RPC_MAX_LOCKED ? ENOMEM : 0; /* our own limit */

	if (p == MAP_FAILED)
		return NULL;
	if (madvise(p, n, MADV_DONTDUMP) != 0 || madvise(p, n, MADV_WIPEONFORK) != 0 ||
	    (!err && mlock(p, n) != 0))
		err = errno;
	if (!err)
		v->locked += n;
	else if (!v->told) {
		v->told = true;
		rpc_log(v->log, RPC_WARNING, "keys_not_locked",
			"locked=%zu reason=\"%s\" hint=\"raise LimitMEMLOCK= (ulimit -l)\"",
			v->locked, strerror(err));
	}
	return p;
}

static size_t pages(size_t n)
{
	return (n + RPC_VAULT_STEP + PAGE - 1) / PAGE * PAGE;
}

/* Before it stands how much of it is locked. */
static void *take_large(struct rpc_vault *v, size_t n)
{
	size_t before = v->locked, locked;
	uint8_t *p = take_pages(v, pages(n));

	if (!p)
		return NULL;
	locked = v->locked - before;
	memcpy(p, &locked, sizeof locked);
	return p + RPC_VAULT_STEP;
}

static void give_large(struct rpc_vault *v, void *block, size_t n)
{
	uint8_t *p = (uint8_t *)block - RPC_VAULT_STEP;
	size_t locked;

	memcpy(&locked, p, sizeof locked);
	munmap(p, pages(n)); /* which unlocks it */
	v->locked -= locked;
}

static void *take(struct mt_vault *vault, size_t n)
{
	struct rpc_vault *v = (struct rpc_vault *)vault;
	size_t size = (n + RPC_VAULT_STEP - 1) / RPC_VAULT_STEP * RPC_VAULT_STEP;
	size_t class = size / RPC_VAULT_STEP;
	uint8_t *p;

	if (class >= RPC_VAULT_CLASSES)
		return take_large(v, n);
	p = v->spare[class];
	if (p) {
		memcpy(&v->spare[class], p, sizeof(void *));
		memset(p, 0, sizeof(void *));
		return p;
	}
	if (v->left < size) { /* the rest of the old one is lost: less than the largest class */
		v->chunk = take_pages(v, CHUNK);
		v->left = v->chunk ? CHUNK : 0;
	}
	if (!v->chunk)
		return NULL;
	p = v->chunk;
	v->chunk += size;
	v->left -= size;
	return p;
}

static void give(struct mt_vault *vault, void *p, size_t n)
{
	struct rpc_vault *v = (struct rpc_vault *)vault;
	size_t class = (n + RPC_VAULT_STEP - 1) / RPC_VAULT_STEP;

	if (class >= RPC_VAULT_CLASSES) {
		give_large(v, p, n);
		return;
	}
	memcpy(p, &v->spare[class], sizeof(void *));
	v->spare[class] = p;
}

void rpc_vault_init(struct rpc_vault *v, struct rpc_log *log)
{
	*v = (struct rpc_vault){.vault = {take, give}, .log = log};
}
