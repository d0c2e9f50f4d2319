/* T40: gzip bombs from 1 MiB to 1 GiB, and gzip in gzip: dropped soon and cheaply, and the client
 * lives. LAYERD_BOMB_MIB is the largest. */
#include "tests/unit/proto/session_checks.h"

#include <sys/resource.h>
#include <time.h>
#include <zlib.h>

#define MIB (1u << 20)
#ifdef __SANITIZE_ADDRESS__
#define PEAK_KB (80 << 10) /* what is freed is kept for a while */
#else
#define PEAK_KB (16 << 10)
#endif

static void bomb(unsigned mib, struct tl_buf *out)
{
	static uint8_t zeros[MIB], piece[65536];
	z_stream z = {0};
	int status = Z_OK;

	CHECK(deflateInit2(&z, 9, Z_DEFLATED, 31, 8, Z_DEFAULT_STRATEGY) == Z_OK);
	for (unsigned fed = 0; status != Z_STREAM_END;) {
		if (!z.avail_in && fed < mib) {
			z.next_in = zeros;
			z.avail_in = MIB;
			fed++;
		}
		z.next_out = piece;
		z.avail_out = sizeof piece;
		status = deflate(&z, fed < mib ? Z_NO_FLUSH : Z_FINISH);
		tl_put(out, piece, sizeof piece - z.avail_out);
	}
	deflateEnd(&z);
}

static int64_t cpu_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static long peak_kb(void)
{
	struct rusage r;

	getrusage(RUSAGE_SELF, &r);
	return r.ru_maxrss;
}

static void put_packed(struct tl_buf *out, const struct tl_buf *zip)
{
	tl_put_u32(out, WIRE_GZIP_PACKED);
	tl_put_bytes(out, zip->data, zip->len);
}

static void still_lives(struct mock *m)
{
	mock_update(m, mock_msg_id(m, false), 1);
	mock_event(m, MT_EV_UPDATE);
	mock_quiet(m);
}

TEST_T(bombs_T40, 120)
{
	unsigned largest = (unsigned)test_count("LAYERD_BOMB_MIB", 64), bombs = 0;
	struct mock *m = mock_ready();
	int64_t worst = 0;
	long peak = 0;

	for (unsigned mib = 2; mib <= largest; mib *= 2, bombs++) {
		struct tl_buf zip = {.len = 0}, body = {.len = 0};
		long before;
		int64_t cpu;

		bomb(mib, &zip);
		put_packed(&body, &zip);
		tl_buf_free(&zip);
		before = peak_kb();
		cpu = cpu_ms();
		mock_say(m, false, true, &body);
		mock_event(m, MT_EV_UNREADABLE);
		cpu = cpu_ms() - cpu;
		worst = cpu > worst ? cpu : worst;
		peak = peak_kb() - before > peak ? peak_kb() - before : peak;
		still_lives(m);
		tl_buf_free(&body);
	}
	printf("T40: %u bombs of up to %u MiB dropped, at most %lld ms of CPU and %ld KiB more\n",
	       bombs, largest, (long long)worst, peak);
	CHECK(peak <= PEAK_KB);
	mock_free(m);
}

TEST(gzip_in_gzip_T40)
{
	struct mock *m = mock_ready();

	for (unsigned depth = 2; depth <= 50; depth++) {
		struct tl_buf body = {.len = 0};

		tl_put_u32(&body, AN_UPDATE);
		for (unsigned i = 0; i < depth; i++) {
			struct tl_buf zip = {.len = 0};

			CHECK(mt_gzip(body.data, body.len, &zip) == 0);
			tl_buf_clear(&body);
			put_packed(&body, &zip);
			tl_buf_free(&zip);
		}
		mock_say(m, false, true, &body);
		mock_event(m, MT_EV_UNREADABLE);
		still_lives(m);
		tl_buf_free(&body);
	}
	printf("T40: gzip in gzip, 2 to 50 deep: refused at the second\n");
	mock_free(m);
}
