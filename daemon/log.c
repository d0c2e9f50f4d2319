/* The log. One struct, owned by the daemon; written from the loop thread. */
#include "daemon/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static const struct {
	const char *name;
	int priority; /* sd-daemon(3) */
} levels[] = {
	[RPC_ERROR] = {"error", 3}, [RPC_WARNING] = {"warning", 4}, [RPC_NOTICE] = {"notice", 5},
	[RPC_INFO] = {"info", 6},   [RPC_DEBUG] = {"debug", 7},
};

const char *rpc_level_name(enum rpc_level l)
{
	return levels[l].name;
}

int rpc_level_parse(const char *name, enum rpc_level *ret)
{
	for (unsigned i = 0; i < sizeof levels / sizeof levels[0]; i++) {
		if (strcmp(levels[i].name, name) == 0) {
			*ret = (enum rpc_level)i;
			return 0;
		}
	}
	return -TG_E_INVALID_PARAMS;
}

/* $JOURNAL_STREAM names device and inode of the stream that the journal reads (systemd.exec(5)). */
static bool journal_reads(int fd)
{
	const char *stream = getenv("JOURNAL_STREAM");
	unsigned long long dev, ino;
	struct stat st;

	return stream && sscanf(stream, "%llu:%llu", &dev, &ino) == 2 && fstat(fd, &st) == 0 &&
	       st.st_dev == dev && st.st_ino == ino;
}

void rpc_log_init(struct rpc_log *l)
{
	*l = (struct rpc_log){.level = RPC_INFO, .fd = 2, .journal = journal_reads(2)};
}

static void put(struct rpc_log *l, enum rpc_level level, const char *event, const char *rest)
{
	char line[1024], stamp[32] = "";
	struct timespec t;
	struct tm tm;
	int n;

	if (l->journal) {
		n = snprintf(line, sizeof line, "<%d>event=%s%s%s\n", levels[level].priority, event,
			     *rest ? " " : "", rest);
	} else {
		clock_gettime(CLOCK_REALTIME, &t);
		gmtime_r(&t.tv_sec, &tm);
		strftime(stamp, sizeof stamp, "%Y-%m-%dT%H:%M:%S", &tm);
		n = snprintf(line, sizeof line, "time=%s.%03ldZ level=%s event=%s%s%s\n", stamp,
			     t.tv_nsec / 1000000, levels[level].name, event, *rest ? " " : "",
			     rest);
	}
	if (n >= (int)sizeof line) {
		n = sizeof line;
		line[n - 1] = '\n';
	}
	for (int i = 0; i < n - 1; i++)
		if ((unsigned char)line[i] < 0x20 || line[i] == 0x7f)
			line[i] = '?';
	if (write(l->fd, line, (size_t)n) < 0)
		l->withheld++;
}

/* Below error at most RPC_LOG_RATE lines a second; how many were withheld is said afterwards. */
static bool may_write(struct rpc_log *l, enum rpc_level level)
{
	int64_t second = time(NULL);
	char text[48];

	if (second != l->second) {
		unsigned withheld = l->withheld;

		l->second = second;
		l->written = l->withheld = 0;
		if (withheld) {
			snprintf(text, sizeof text, "lines=%u", withheld);
			put(l, RPC_WARNING, "log_withheld", text);
		}
	}
	if (level == RPC_ERROR || l->written++ < RPC_LOG_RATE)
		return true;
	l->withheld++;
	return false;
}

void rpc_log(struct rpc_log *l, enum rpc_level level, const char *event, const char *fmt, ...)
{
	char rest[800] = "";
	va_list ap;

	if (level > l->level || !may_write(l, level))
		return;
	if (fmt) {
		va_start(ap, fmt);
		vsnprintf(rest, sizeof rest, fmt, ap);
		va_end(ap);
	}
	put(l, level, event, rest);
}
