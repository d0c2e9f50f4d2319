/* The harness's main: forks each test, kills it after its time, counts, cleans up. */
#include "tests/harness.h"

#include <errno.h>
#include <ftw.h>
#include <signal.h>
#include <stdarg.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static struct test_case *cases;
static struct test_case **tail = &cases;
static char dir[64];

void test_register(struct test_case *t)
{
	*tail = t;
	tail = &t->next;
}

void test_fail(const char *file, int line, const char *fmt, ...)
{
	va_list ap;

	fflush(stdout);
	fprintf(stderr, "%s:%d: ", file, line);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
	_exit(1);
}

const char *test_dir(void)
{
	return dir;
}

const char *test_vectors(const char *file)
{
	static char path[256];
	const char *root = getenv("LAYERD_ROOT");

	snprintf(path, sizeof path, "%s/tests/vectors/%s", root ? root : ".", file);
	return path;
}

static int nibble(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

size_t test_unhex(const char *hex, void *out, size_t max)
{
	uint8_t *p = out;
	size_t n = 0;

	for (; hex[0]; hex += 2, n++) {
		int hi = nibble(hex[0]), lo = hi < 0 ? -1 : nibble(hex[1]);

		if (lo < 0 || n == max)
			test_fail(__FILE__, __LINE__, "bad hex or more than %zu bytes: %.40s", max,
				  hex);
		p[n] = (uint8_t)(hi << 4 | lo);
	}
	return n;
}

void test_hex_eq(const char *file, int line, const void *got, size_t n, const char *want_hex)
{
	size_t want_n = strlen(want_hex) / 2;
	uint8_t *want = malloc(want_n + 1);
	const uint8_t *p = got;

	test_unhex(want_hex, want, want_n);
	if (n != want_n)
		test_fail(file, line, "%zu bytes, want %zu", n, want_n);
	for (size_t i = 0; i < n; i++)
		if (p[i] != want[i])
			test_fail(file, line, "byte %zu is %02x, want %02x", i, p[i], want[i]);
	free(want);
}

static int remove_one(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
	(void)st, (void)flag, (void)ftw;
	return remove(path);
}

static int run_one(const struct test_case *t)
{
	const char *tmp = getenv("TMPDIR");
	int status = 0;
	pid_t pid;

	snprintf(dir, sizeof dir, "%.40s/layerd-test-XXXXXX", tmp ? tmp : "/tmp");
	if (!mkdtemp(dir)) {
		perror(dir);
		return -1;
	}
	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		setpgid(0, 0);
		alarm(t->seconds * (getenv("LAYERD_SLOW") ? 10 : 1));
		t->run();
		fflush(stdout);
		exit(0); /* so that the leak check runs */
	}
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	kill(-pid, SIGKILL);
	nftw(dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	if (WIFSIGNALED(status))
		fprintf(stderr, "%s: killed by signal %d%s\n", t->name, WTERMSIG(status),
			WTERMSIG(status) == SIGALRM ? " (time limit)" : "");
	return status;
}

int main(int argc, char **argv)
{
	unsigned passed = 0, failed = 0;

	for (struct test_case *t = cases; t; t = t->next) {
		if (argc > 1 && !strstr(t->name, argv[1]))
			continue;
		if (run_one(t) == 0) {
			passed++;
			continue;
		}
		failed++;
		fprintf(stderr, "FAILED %s\n", t->name);
	}
	printf("%u passed, %u failed\n", passed, failed);
	return failed || !passed;
}
