/* The harness's main: forks each test, kills it after its time, counts, cleans up. */
#include "tests/harness.h"

#include <errno.h>
#include <ftw.h>
#include <signal.h>
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

const char *test_dir(void)
{
	return dir;
}

static int remove_one(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
	(void)st, (void)flag, (void)ftw;
	return remove(path);
}

unsigned long test_count(const char *name, unsigned long usual)
{
	const char *text = getenv(name);

	if (text)
		alarm(4 * 3600);
	return text ? strtoul(text, NULL, 10) : usual;
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
