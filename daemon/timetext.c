/* Times in text. Pure functions. */
#include "daemon/timetext.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#define MAX_AHEAD (100ll * 366 * 86400)

static bool relative(const char *p, int64_t now, int64_t *ret)
{
	static const char units[] = "smhdw";
	static const int64_t seconds[] = {1, 60, 3600, 86400, 604800};
	int64_t n = 0;
	const char *unit;

	if (*p < '0' || *p > '9')
		return false;
	while (*p >= '0' && *p <= '9' && n < MAX_AHEAD)
		n = n * 10 + (*p++ - '0');
	if (*p) {
		unit = strchr(units, *p);
		if (!unit || p[1])
			return false;
		n *= seconds[unit - units];
	}
	if (n > MAX_AHEAD)
		return false;
	*ret = now + n;
	return true;
}

/* The zone behind the time: Z, +hh:mm or -hh:mm. */
static bool zone(const char *p, int64_t *ret_seconds)
{
	int h, m, n = 0;
	char sign;

	if ((p[0] == 'Z' || p[0] == 'z') && !p[1]) {
		*ret_seconds = 0;
		return true;
	}
	if (sscanf(p, "%c%2d:%2d%n", &sign, &h, &m, &n) != 3 || p[n] || n != 6 ||
	    (sign != '+' && sign != '-') || h < 0 || h > 23 || m < 0 || m > 59)
		return false;
	*ret_seconds = (sign == '-' ? -1 : 1) * (h * 3600 + m * 60);
	return true;
}

bool rpc_time_parse(struct tl_str text, int64_t now, int64_t *ret)
{
	char t[48];
	struct tm tm = {0};
	int64_t offset;
	int n = 0;
	const char *p;

	if (!text.len || text.len >= sizeof t)
		return false;
	memcpy(t, text.data, text.len);
	t[text.len] = '\0';
	if (t[0] == '+')
		return relative(t + 1, now, ret);
	if (sscanf(t, "%4d-%2d-%2d%*1[Tt ]%2d:%2d:%2d%n", &tm.tm_year, &tm.tm_mon, &tm.tm_mday,
		   &tm.tm_hour, &tm.tm_min, &tm.tm_sec, &n) != 6 ||
	    n != 19)
		return false;
	if (tm.tm_mon < 1 || tm.tm_mon > 12 || tm.tm_mday < 1 || tm.tm_mday > 31 ||
	    tm.tm_hour < 0 || tm.tm_hour > 23 || tm.tm_min < 0 || tm.tm_min > 59 || tm.tm_sec < 0 ||
	    tm.tm_sec > 60)
		return false;
	p = t + n;
	if (*p == '.')
		p += 1 + strspn(p + 1, "0123456789");
	if (!zone(p, &offset))
		return false;
	tm.tm_year -= 1900;
	tm.tm_mon--;
	*ret = (int64_t)timegm(&tm) - offset;
	return true;
}
