/* Listening sockets: made by the rules that keep two instances apart and foreign files alive, or
 * handed over by systemd. Owned by the daemon. */
#include "daemon/daemon.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define BACKLOG 1024 /* a burst waits its turn; over it connect says EAGAIN */
#define BURST 16     /* accepted in one go */
#define PAUSE (1 * RPC_SECOND)
#define NOBODY 65534u /* what a user namespace shows for everybody else */

/* ---- accepting ---------------------------------------------------------------------------------
 */
/* One error line, and the end. */
static void refuse_client(struct rpc_daemon *d, int fd, const char *error)
{
	char line[320];
	int n = snprintf(line, sizeof line, "{\"jsonrpc\":\"2.0\",\"id\":null,\"error\":%s}\n",
			 error);

	(void)!send(fd, line, (size_t)n, MSG_NOSIGNAL | MSG_DONTWAIT);
	close(fd);
	d->count.refused++;
}

static void turn_away(struct rpc_daemon *d, int fd, const char *limit)
{
	char error[256];

	snprintf(error, sizeof error,
		 "{\"code\":-32002,\"message\":\"too many clients\",\"data\":{\"kind\":"
		 "\"overloaded\",\"retryable\":true,\"retry_after\":1,\"limit\":\"%s\"}}",
		 limit);
	refuse_client(d, fd, error);
	rpc_log(&d->log, RPC_WARNING, "client_refused", "limit=%s", limit);
}

static void shut_out(struct rpc_daemon *d, int fd, uid_t uid)
{
	refuse_client(d, fd,
		      "{\"code\":-32003,\"message\":\"not permitted\",\"data\":{\"kind\":"
		      "\"not_permitted\",\"hint\":\"[acl] in the daemon's configuration shuts this "
		      "user out\",\"retryable\":false}}");
	rpc_log(&d->log, RPC_WARNING, "client_refused", "uid=%d role=none", (int)uid);
}

static unsigned of_uid(const struct rpc_daemon *d, uid_t uid)
{
	unsigned n = 0;

	for (const struct rpc_conn *c = d->conns; c; c = c->next)
		n += c->uid == uid;
	return n;
}

/* With most slots taken, those who never said a word make room. */
static void drop_silent(struct rpc_daemon *d)
{
	int64_t oldest = rpc_now().real - RPC_MAX_FIRST_BYTE * RPC_SECOND;

	if (d->conn_count * 5 < RPC_MAX_CLIENTS * 4)
		return;
	for (struct rpc_conn *c = d->conns; c; c = c->next) {
		if (!c->heard && c->since < oldest) {
			c->closing = true;
			rpc_conn_flush(c);
		}
	}
}

static void admit(struct rpc_listener *l, int fd)
{
	struct rpc_daemon *d = l->d;
	struct ucred cred = {0, NOBODY, 0};
	socklen_t size = sizeof cred;

	getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &size);
	drop_silent(d);
	if (rpc_acl_role(d->config->acl, cred.uid, l->role) == RPC_SHUT_OUT)
		shut_out(d, fd, cred.uid);
	else if (d->conn_count >= RPC_MAX_CLIENTS)
		turn_away(d, fd, "clients");
	else if (cred.uid != NOBODY && of_uid(d, cred.uid) >= RPC_MAX_CLIENTS_UID)
		turn_away(d, fd, "clients_per_uid");
	else if (!rpc_conn_new(d, fd, l->role))
		close(fd);
}

static void on_pause_over(struct rpc_timer *t, struct mt_time now)
{
	struct rpc_listener *l =
		(struct rpc_listener *)((char *)t - offsetof(struct rpc_listener, pause));

	(void)now;
	ev_io_start(l->d->loop.ev, &l->io);
}

/* Descriptors or the rate are used up: the backlog waits, nothing spins. */
static void pause_listening(struct rpc_listener *l)
{
	ev_io_stop(l->d->loop.ev, &l->io);
	l->pause.fire = on_pause_over;
	rpc_timer_set(&l->d->loop, &l->pause, rpc_now().boot + PAUSE);
}

static void on_accept(struct ev_loop *ev, struct ev_io *w, int events)
{
	struct rpc_listener *l = w->data;
	int64_t second = rpc_now().boot / RPC_SECOND;

	(void)ev, (void)events;
	if (second != l->second) {
		l->second = second;
		l->accepted = 0;
	}
	for (unsigned i = 0; i < BURST; i++) {
		int fd;

		if (l->accepted >= RPC_MAX_ACCEPTS) {
			pause_listening(l);
			return;
		}
		fd = accept4(l->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
		if (fd < 0) {
			if (errno == EMFILE || errno == ENFILE || errno == ENOMEM) {
				rpc_log(&l->d->log, RPC_WARNING, "accept_failed", "errno=%d",
					errno);
				pause_listening(l);
			}
			return;
		}
		l->accepted++;
		admit(l, fd);
	}
}

/* ---- opening -----------------------------------------------------------------------------------
 */
static int refuse(char *why, size_t size, const char *path, const char *text)
{
	snprintf(why, size, "%s: %s", path, text);
	return -TG_E_FILE_ACCESS;
}

static struct rpc_listener *add(struct rpc_daemon *d, int fd, enum rpc_role role)
{
	struct rpc_listener *l = &d->listeners[d->listener_count++];

	*l = (struct rpc_listener){.d = d, .fd = fd, .lock_fd = -1, .role = role};
	ev_io_init(&l->io, on_accept, fd, EV_READ);
	l->io.data = l;
	ev_io_start(d->loop.ev, &l->io);
	return l;
}

/* The folder is made (0700 below a private parent) and must not be open to others. */
static int check_folder(const char *path, char *why, size_t size)
{
	char dir[108];
	char *slash;
	struct stat st;

	snprintf(dir, sizeof dir, "%s", path);
	slash = strrchr(dir, '/');
	if (!slash)
		snprintf(dir, sizeof dir, ".");
	else if (slash == dir)
		slash[1] = '\0';
	else
		*slash = '\0';
	if (mkdir(dir, 0700) != 0 && errno != EEXIST)
		return refuse(why, size, dir,
			      "the folder cannot be made; make it or name another "
			      "socket");
	if (stat(dir, &st) != 0 || !S_ISDIR(st.st_mode))
		return refuse(why, size, dir, "not a folder");
	if (st.st_mode & S_IWOTH && !(st.st_mode & S_ISVTX))
		return refuse(why, size, dir, "the folder is writable by everybody (chmod o-w it)");
	return 0;
}

/* *ret_there: an old socket, or that of another one. */
static int check_kind(const char *path, bool *ret_there, char *why, size_t size)
{
	struct stat st;

	*ret_there = lstat(path, &st) == 0;
	if (!*ret_there)
		return errno == ENOENT ? 0 : refuse(why, size, path, strerror(errno));
	if (!S_ISSOCK(st.st_mode))
		return refuse(why, size, path, "something that is no socket lies there; remove it");
	return 0;
}

/* ret: 0 = free to bind; NOT_PERMITTED = somebody lives there. */
static int check_stale(const char *path, const struct sockaddr_un *sa, char *why, size_t size)
{
	bool there;
	int fd, rc = check_kind(path, &there, why, size), e;

	if (rc || !there)
		return rc;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return refuse(why, size, path, strerror(errno));
	rc = connect(fd, (const struct sockaddr *)sa, sizeof *sa);
	e = errno;
	close(fd);
	if (rc == 0 || e == EAGAIN) {
		refuse(why, size, path, "another layerd answers there");
		return -TG_E_NOT_PERMITTED;
	}
	if (e != ECONNREFUSED)
		return refuse(why, size, path, strerror(e));
	return unlink(path) == 0 ? 0 : refuse(why, size, path, strerror(errno));
}

static int take_lock(const char *path, int *ret_fd, char *why, size_t size)
{
	char lock[128];
	bool locked = false;
	int fd;

	snprintf(lock, sizeof lock, "%s.lock", path);
	fd = open(lock, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return refuse(why, size, lock, strerror(errno));
	/* A child of one that was killed just now lets go of it in a moment. */
	for (int i = 0; i < 20 && !locked; i++) {
		locked = flock(fd, LOCK_EX | LOCK_NB) == 0;
		if (!locked)
			usleep(10000);
	}
	if (!locked) {
		close(fd);
		refuse(why, size, path, "another layerd holds this socket");
		return -TG_E_NOT_PERMITTED;
	}
	*ret_fd = fd;
	return 0;
}

static int set_access(const char *path, unsigned mode, const char *group, char *why, size_t size)
{
	struct group *g;

	if (group && *group) {
		g = getgrnam(group);
		if (!g)
			return refuse(why, size, group, "no such group (socket-group)");
		if (chown(path, (uid_t)-1, g->gr_gid) != 0)
			return refuse(why, size, path, strerror(errno));
	}
	return chmod(path, mode) == 0 ? 0 : refuse(why, size, path, strerror(errno));
}

static int bind_socket(const struct sockaddr_un *sa, unsigned mode, const char *group, int *ret_fd,
		       char *why, size_t size)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), rc;
	mode_t old;

	if (fd < 0)
		return refuse(why, size, sa->sun_path, strerror(errno));
	old = umask(0177);
	rc = bind(fd, (const struct sockaddr *)sa, sizeof *sa);
	umask(old);
	if (rc != 0)
		rc = refuse(why, size, sa->sun_path, strerror(errno));
	else
		rc = set_access(sa->sun_path, mode, group, why, size);
	if (rc == 0 && listen(fd, BACKLOG) != 0)
		rc = refuse(why, size, sa->sun_path, strerror(errno));
	if (rc != 0) {
		close(fd);
		return rc;
	}
	*ret_fd = fd;
	return 0;
}

int rpc_listen(struct rpc_daemon *d, const char *path, enum rpc_role role, unsigned mode,
	       const char *group, char *why, size_t size)
{
	struct sockaddr_un sa = {.sun_family = AF_UNIX};
	struct rpc_listener *l;
	struct stat st;
	bool there;
	int err, lock = -1, fd = -1;

	if (strlen(path) >= sizeof sa.sun_path)
		return refuse(why, size, path, "a socket's path has at most 107 characters");
	memcpy(sa.sun_path, path, strlen(path));
	if (d->listener_count == RPC_MAX_SOCKETS)
		return refuse(why, size, path, "at most 8 sockets");
	err = check_folder(path, why, size);
	if (!err) /* no lock is left beside what is not ours */
		err = check_kind(path, &there, why, size);
	if (!err)
		err = take_lock(path, &lock, why, size);
	if (!err)
		err = check_stale(path, &sa, why, size);
	if (!err)
		err = bind_socket(&sa, mode, group, &fd, why, size);
	if (err) {
		if (lock >= 0)
			close(lock);
		return err;
	}
	l = add(d, fd, role);
	l->lock_fd = lock;
	snprintf(l->path, sizeof l->path, "%s", path);
	if (lstat(path, &st) == 0) {
		l->dev = st.st_dev;
		l->ino = st.st_ino;
	}
	return 0;
}

/* FileDescriptorName= is the role; without one the file name tells. */
int rpc_listen_inherited(struct rpc_daemon *d, int fd, const char *name)
{
	struct sockaddr_un sa = {.sun_family = AF_UNIX};
	socklen_t n = sizeof sa;
	enum rpc_role role;
	struct rpc_listener *l;

	if (d->listener_count == RPC_MAX_SOCKETS ||
	    getsockname(fd, (struct sockaddr *)&sa, &n) != 0 || sa.sun_family != AF_UNIX)
		return -TG_E_FILE_ACCESS;
	if (rpc_role_parse(name, &role) != 0)
		role = strstr(sa.sun_path, "-admin.sock") ? RPC_ADMIN
		       : strstr(sa.sun_path, "-ro.sock")  ? RPC_READ
							  : RPC_SEND;
	fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
	l = add(d, fd, role);
	l->inherited = true;
	snprintf(l->path, sizeof l->path, "%.107s", sa.sun_path);
	return 0;
}

void rpc_listen_stop(struct rpc_daemon *d)
{
	struct stat st;

	for (unsigned i = 0; i < d->listener_count; i++) {
		struct rpc_listener *l = &d->listeners[i];

		ev_io_stop(d->loop.ev, &l->io);
		rpc_timer_clear(&d->loop, &l->pause);
		if (!l->inherited && lstat(l->path, &st) == 0 && st.st_dev == l->dev &&
		    st.st_ino == l->ino)
			unlink(l->path);
		close(l->fd);
		if (l->lock_fd >= 0)
			close(l->lock_fd);
	}
	d->listener_count = 0;
}
