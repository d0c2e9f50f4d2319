/* Looking up names of proxies. A lookup is a job: it belongs to the workers until it is done, and
 * finds its link by a serial number, so that a link may go first. */
#include "daemon/lookup.h"
#include "daemon/daemon.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct lookup {
	struct mt_job job;
	uint64_t serial;
	char host[256], port[8];
	struct rpc_found found[RPC_LOOKUP_MAX];
	unsigned n;
};

bool rpc_lookup_numeric(const char *host, uint16_t port, struct rpc_found *ret)
{
	struct rpc_found f = {.size = 0};
	struct sockaddr_in *v4 = (struct sockaddr_in *)&f.address;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)&f.address;

	if (inet_pton(AF_INET, host, &v4->sin_addr) == 1) {
		v4->sin_family = AF_INET;
		v4->sin_port = htons(port);
		f.size = sizeof *v4;
	} else if (inet_pton(AF_INET6, host, &v6->sin6_addr) == 1) {
		v6->sin6_family = AF_INET6;
		v6->sin6_port = htons(port);
		f.size = sizeof *v6;
	} else {
		return false;
	}
	*ret = f;
	return true;
}

static void run(struct mt_job *job)
{
	struct lookup *l = (struct lookup *)job;
	struct addrinfo hints = {.ai_family = AF_UNSPEC,
				 .ai_socktype = SOCK_STREAM,
				 .ai_flags = AI_NUMERICSERV | AI_ADDRCONFIG};
	struct addrinfo *list = NULL;

	if (getaddrinfo(l->host, l->port, &hints, &list) != 0)
		return;
	for (struct addrinfo *i = list; i && l->n < RPC_LOOKUP_MAX; i = i->ai_next) {
		if (i->ai_addrlen > sizeof l->found[0].address)
			continue;
		memcpy(&l->found[l->n].address, i->ai_addr, i->ai_addrlen);
		l->found[l->n++].size = i->ai_addrlen;
	}
	freeaddrinfo(list);
}

static void free_lookup(struct mt_job *job)
{
	free(job);
}

int rpc_lookup_start(struct rpc_account *a, uint64_t serial, const char *host, uint16_t port)
{
	struct lookup *l = calloc(1, sizeof *l);

	if (!l)
		return -TG_E_NOMEM;
	l->job = (struct mt_job){.run = run, .free = free_lookup, .owner = a};
	l->serial = serial;
	snprintf(l->host, sizeof l->host, "%s", host);
	snprintf(l->port, sizeof l->port, "%u", port);
	rpc_workers_put(a->d->accounts->workers, &l->job);
	return 0;
}

bool rpc_lookup_done(struct rpc_account *a, struct mt_job *job)
{
	struct lookup *l = (struct lookup *)job;

	if (job->run != run)
		return false;
	rpc_link_found(a, l->serial, l->found, l->n);
	free(l);
	return true;
}
