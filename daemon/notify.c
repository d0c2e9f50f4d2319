/* systemd's notification socket and socket activation, straight from sd_notify(3) and
 * sd_listen_fds(3). Keeps nothing. */
#include "daemon/notify.h"

#include <fcntl.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define FIRST_FD 3
#define MAX_FDS 16

void rpc_notify(const char *state)
{
	const char *path = getenv("NOTIFY_SOCKET");
	struct sockaddr_un to = {.sun_family = AF_UNIX};
	size_t n = path ? strlen(path) : 0;
	int fd;

	if (!n || n >= sizeof to.sun_path || (path[0] != '/' && path[0] != '@'))
		return;
	memcpy(to.sun_path, path, n);
	if (path[0] == '@')
		to.sun_path[0] = '\0';
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return;
	(void)!sendto(fd, state, strlen(state), MSG_NOSIGNAL, (struct sockaddr *)&to,
		      (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n));
	close(fd);
}

int64_t rpc_notify_watchdog(void)
{
	const char *usec = getenv("WATCHDOG_USEC"), *pid = getenv("WATCHDOG_PID");

	if (!usec || (pid && atoi(pid) != getpid()))
		return 0;
	return strtoll(usec, NULL, 10) * 1000 / 2;
}

int rpc_notify_listen(void)
{
	const char *pid = getenv("LISTEN_PID"), *fds = getenv("LISTEN_FDS");
	int n;

	if (!pid || !fds || atoi(pid) != getpid())
		return 0;
	n = atoi(fds);
	if (n < 0)
		n = 0;
	if (n > MAX_FDS)
		n = MAX_FDS;
	for (int i = 0; i < n; i++)
		fcntl(FIRST_FD + i, F_SETFD, FD_CLOEXEC);
	return n;
}

void rpc_notify_name(int n, char *out, unsigned size)
{
	const char *p = getenv("LISTEN_FDNAMES");
	size_t len;

	out[0] = '\0';
	while (p && n-- > 0) {
		p = strchr(p, ':');
		p = p ? p + 1 : NULL;
	}
	if (!p)
		return;
	len = strcspn(p, ":");
	if (len >= size)
		len = size - 1;
	memcpy(out, p, len);
	out[len] = '\0';
}
