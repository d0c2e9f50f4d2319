/* Load for a line server on a Unix socket: load SOCKET REQUEST COUNT DEPTH sends COUNT times the
 * line REQUEST with DEPTH in flight and prints {"rate":requests/s,"p50":us,"p99":us} (latencies
 * only with DEPTH 1). */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

static int64_t now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000ll + t.tv_nsec;
}

static int by_value(const void *a, const void *b)
{
	const int64_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

static int dial(const char *path)
{
	struct sockaddr_un sa = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	snprintf(sa.sun_path, sizeof sa.sun_path, "%s", path);
	if (fd < 0 || connect(fd, (struct sockaddr *)&sa, sizeof sa) != 0) {
		perror(path);
		exit(1);
	}
	return fd;
}

static void send_lines(int fd, const char *line, size_t n, long count)
{
	static char block[1 << 20];
	size_t used = 0;

	while (count-- > 0 && used + n <= sizeof block) {
		memcpy(block + used, line, n);
		used += n;
	}
	for (size_t done = 0; done < used;) {
		ssize_t w = write(fd, block + done, used - done);

		if (w <= 0) {
			perror("write");
			exit(1);
		}
		done += (size_t)w;
	}
}

static long read_lines(int fd)
{
	char in[1 << 16];
	ssize_t r = read(fd, in, sizeof in);
	long lines = 0;

	if (r <= 0) {
		fprintf(stderr, "the server closed the connection\n");
		exit(1);
	}
	for (ssize_t i = 0; i < r; i++)
		lines += in[i] == '\n';
	return lines;
}

int main(int argc, char **argv)
{
	char line[4096];
	long count, depth, sent = 0, got = 0;
	int64_t *taken, start, last;
	size_t n;
	int fd;

	if (argc != 5) {
		fprintf(stderr, "usage: load SOCKET REQUEST COUNT DEPTH\n");
		return 2;
	}
	n = (size_t)snprintf(line, sizeof line, "%s\n", argv[2]);
	count = atol(argv[3]);
	depth = atol(argv[4]);
	taken = calloc((size_t)count + 1, sizeof *taken);
	fd = dial(argv[1]);
	start = last = now();
	while (got < count) {
		long room = depth - (sent - got), more = count - sent < room ? count - sent : room;

		if (more > 0) {
			send_lines(fd, line, n, more);
			sent += more;
		}
		got += read_lines(fd);
		if (depth == 1) {
			int64_t t = now();

			taken[got - 1] = t - last;
			last = t;
		}
	}
	start = now() - start;
	qsort(taken, (size_t)count, sizeof *taken, by_value);
	printf("{\"rate\":%.0f,\"p50\":%.1f,\"p99\":%.1f}\n", (double)count * 1e9 / (double)start,
	       (double)taken[count / 2] / 1e3, (double)taken[count * 99 / 100] / 1e3);
	free(taken);
	close(fd);
	return 0;
}
