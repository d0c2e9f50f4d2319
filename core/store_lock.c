/* The file "lock" of a state folder: one process at a time holds it, and its number stands there.
 * Who ends cleanly leaves size and date of data.mdb instead: a store that is not as that says has
 * to be looked through. Keeps nothing; the descriptor is the store's. */
#include "core/store_spare.h"

#include "core/core.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define HOLDER_TRIES 50
#define MARK 64

static int read_pid(int fd)
{
	char text[16];
	ssize_t n = pread(fd, text, sizeof text, 0);
	int pid = 0;

	for (ssize_t i = 0; i < n && text[i] >= '0' && text[i] <= '9' && pid < 1 << 26; i++)
		pid = pid * 10 + (text[i] - '0');
	return pid;
}

static bool is_gone(int pid)
{
	return !pid || (kill(pid, 0) != 0 && errno == ESRCH);
}

/* A lock whose holder is gone: whoever has just taken it writes his number in the next moment, and
 * a child that looks through a store lets go of it in the moment after its parent was killed. */
static bool take(int fd, int *ret_pid)
{
	static const struct timespec moment = {.tv_nsec = 10000000};

	for (int i = 0; flock(fd, LOCK_EX | LOCK_NB) != 0; i++) {
		int e = errno;

		*ret_pid = read_pid(fd);
		if (e != EWOULDBLOCK || !is_gone(*ret_pid) || i == HOLDER_TRIES) {
			errno = e;
			return false;
		}
		nanosleep(&moment, NULL);
	}
	return true;
}

static int write_pid(int fd)
{
	char text[16];
	size_t at = sizeof text;
	unsigned pid = (unsigned)getpid();

	text[--at] = '\n';
	for (; pid; pid /= 10)
		text[--at] = (char)('0' + pid % 10);
	if (ftruncate(fd, 0) != 0)
		return tg_spare_error(errno);
	return pwrite(fd, text + at, sizeof text - at, 0) < 0 ? tg_spare_error(errno) : 0;
}

/* What a clean end leaves in the lock: size and date of data.mdb. Nothing: there is no such file.
 */
static void make_mark(const char *dir, char out[MARK])
{
	char path[TG_MAX_PATH + 32], *p = out;
	struct stat st;
	uint64_t words[3];

	memset(out, 0, MARK);
	tg_spare_path(path, dir, "data.mdb");
	if (stat(path, &st) != 0)
		return;
	words[0] = (uint64_t)st.st_size;
	words[1] = (uint64_t)st.st_mtim.tv_sec;
	words[2] = (uint64_t)st.st_mtim.tv_nsec;
	memcpy(p, "clean", 5);
	p += 5;
	for (int i = 0; i < 3; i++) {
		*p++ = ' ';
		for (int shift = 60; shift >= 0; shift -= 4)
			*p++ = "0123456789abcdef"[words[i] >> shift & 15];
	}
	*p = '\n';
}

void tg_lock_leave(int fd, const char *dir)
{
	char mark[MARK];

	make_mark(dir, mark);
	if (ftruncate(fd, 0) == 0)
		(void)!pwrite(fd, mark, strlen(mark), 0); /* without it: a check */
}

static bool is_as_left(int fd, const char *dir)
{
	char was[MARK] = "", is[MARK];
	ssize_t n = pread(fd, was, sizeof was - 1, 0);

	make_mark(dir, is);
	return n >= 0 && strcmp(was, is) == 0;
}

int tg_lock_take(const char *dir, int *ret_fd, int *ret_pid, bool *ret_as_left)
{
	char path[TG_MAX_PATH + 32];
	int fd, r;

	if (mkdir(dir, 0700) != 0 && errno != EEXIST)
		return tg_spare_error(errno);
	tg_spare_path(path, dir, "lock");
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return tg_spare_error(errno);
	tg_spare_own(dir, "lock");
	if (take(fd, ret_pid)) {
		*ret_as_left = is_as_left(fd, dir);
		r = write_pid(fd);
	} else if (errno == EWOULDBLOCK) {
		r = -TG_E_NOT_PERMITTED;
	} else {
		r = tg_spare_error(errno);
	}
	if (r)
		close(fd);
	else
		*ret_fd = fd;
	return r;
}
