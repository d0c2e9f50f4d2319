/* See network.h. Owned by the daemon; without it everything works, a little later. */
#include "daemon/network.h"

#include "daemon/accounts.h"
#include "daemon/daemon.h"

#include <errno.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define CALM (200 * RPC_MS)    /* behind the first word of a swarm */
#define APART (5 * RPC_SECOND) /* a network that flaps is no reason to hammer at Telegram */

static bool is_good_news(const struct nlmsghdr *h)
{
	switch (h->nlmsg_type) {
	case RTM_NEWADDR:
	case RTM_NEWROUTE:
		return true;
	case RTM_NEWLINK:
		return h->nlmsg_len >= NLMSG_LENGTH(sizeof(struct ifinfomsg)) &&
		       (((const struct ifinfomsg *)NLMSG_DATA(h))->ifi_flags & IFF_RUNNING);
	}
	return false;
}

static void on_news(struct ev_loop *ev, struct ev_io *w, int events)
{
	struct rpc_network *n = w->data;
	union {
		struct nlmsghdr head;
		char bytes[8192];
	} in;
	int64_t now = rpc_now().boot, at = n->acted + APART;
	bool good = false;
	ssize_t got;

	(void)ev, (void)events;
	while ((got = recv(n->fd, &in, sizeof in, MSG_DONTWAIT)) > 0) {
		unsigned left = (unsigned)got;

		for (struct nlmsghdr *h = &in.head; NLMSG_OK(h, left); h = NLMSG_NEXT(h, left))
			good |= is_good_news(h);
	}
	good |= got < 0 && errno == ENOBUFS; /* more than fits was said */
	if (good && !n->calm.index)
		rpc_timer_set(&n->d->loop, &n->calm, n->acted && at > now + CALM ? at : now + CALM);
}

static void act(struct rpc_timer *t, struct mt_time now)
{
	struct rpc_network *n =
		(struct rpc_network *)((char *)t - offsetof(struct rpc_network, calm));

	n->acted = now.boot;
	rpc_log(&n->d->log, RPC_INFO, "network_changed", NULL);
	rpc_accounts_hurry(n->d);
}

void rpc_network_init(struct rpc_network *n, struct rpc_daemon *d)
{
	struct sockaddr_nl all = {.nl_family = AF_NETLINK,
				  .nl_groups = RTMGRP_LINK | RTMGRP_IPV4_IFADDR |
					       RTMGRP_IPV6_IFADDR | RTMGRP_IPV4_ROUTE |
					       RTMGRP_IPV6_ROUTE};

	n->d = d;
	n->calm.fire = act;
	n->fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE);
	if (n->fd >= 0 && bind(n->fd, (const struct sockaddr *)&all, sizeof all) != 0) {
		close(n->fd);
		n->fd = -1;
	}
	if (n->fd < 0) {
		rpc_log(&d->log, RPC_DEBUG, "no_netlink", "reason=\"%s\"", strerror(errno));
		return;
	}
	ev_io_init(&n->watch, on_news, n->fd, EV_READ);
	n->watch.data = n;
	ev_io_start(d->loop.ev, &n->watch);
}

void rpc_network_free(struct rpc_network *n)
{
	if (!n->d)
		return;
	rpc_timer_clear(&n->d->loop, &n->calm);
	if (n->fd < 0)
		return;
	ev_io_stop(n->d->loop.ev, &n->watch);
	close(n->fd);
}
