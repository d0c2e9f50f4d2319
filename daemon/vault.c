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

static void *take(struct mt_vault *vault, size_t n)
{
	struct rpc_vault *v = (struct rpc_vault *)vault;
	size_t size = (n + RPC_VAULT_STEP - 1) / RPC_VAULT_STEP * RPC_VAULT_STEP;
	size_t class = size / RPC_VAULT_STEP;
	uint8_t *p;

	if (class >= RPC_VAULT_CLASSES)
		return take_pages(v, (n + PAGE - 1) / PAGE * PAGE);
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
		n = (n + PAGE - 1) / PAGE * PAGE;
		munmap(p, n); /* which unlocks it */
		v->locked -= n < v->locked ? n : v->locked;
		return;
	}
	memcpy(p, &v->spare[class], sizeof(void *));
	v->spare[class] = p;
}

void rpc_vault_init(struct rpc_vault *v, struct rpc_log *log)
{
	*v = (struct rpc_vault){.vault = {take, give}, .log = log};
}
