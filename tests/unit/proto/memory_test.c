/* A client that runs out of memory: each allocation of its life fails once (RELIABILITY T66 in
 * small). It may drop what it was doing, but it lives on, answers each query it took exactly once,
 * and leaks nothing. And what it gives back holds no key (B.3). */
#include "tests/unit/proto/strict.h"

#include <sys/wait.h>
#include <unistd.h>

#define STEP (NS / 10)

/* Everybody has heard about everything, some minutes later. */
static void settle(struct strict *s)
{
	for (int i = 0; i < 4 && s->answered + s->failed < s->asked; i++)
		strict_run(s, 60 * NS, STEP);
	CHECK_INT(s->answered + s->failed, s->asked);
	CHECK(!s->failed || test_alloc_failed());
	strict_ask(s); /* and it works */
	strict_run(s, 60 * NS, STEP);
	CHECK_INT(s->answered + s->failed, s->asked);
}

static void end(struct strict *s)
{
	if (s->m->c)
		mt_client_stop(s->m->c, s->m->now);
	strict_free(s);
}

/* Runs what until every allocation in it has failed, alone and with the next ones; returns how many
 * there were. */
static size_t each_allocation(void (*what)(void))
{
	size_t at = 0;

	for (size_t n = 1; n <= 4; n += 3) {
		for (at = 1;; at++) {
			test_alloc_fail(at, n);
			what();
			if (!test_alloc_failed())
				break;
		}
	}
	test_alloc_fail(0, 0);
	printf("%zu allocations\n", at - 1);
	return at - 1;
}

static void exchange(void)
{
	struct strict *s = strict_new(false, 0);

	if (s->m->c) {
		strict_ask(s);
		strict_run(s, 20 * NS, STEP);
		settle(s);
	}
	end(s);
}

TEST_T(memory_for_a_key_exchange, 120)
{
	CHECK(each_allocation(exchange) > 30);
}

static void say_container(struct mock *m)
{
	struct tl_buf b = {.len = 0}, zeros = {.len = 0}, zip = {.len = 0};

	memset(tl_buf_extend(&zeros, 9000), 5, 9000);
	CHECK(mt_gzip(zeros.data, zeros.len, &zip) == 0);
	tl_put_u32(&b, WIRE_GZIP_PACKED);
	tl_put_bytes(&b, zip.data, zip.len);
	mock_say(m, false, true, &b);
	tl_buf_clear(&zip);
	tl_put(&zip, b.data, b.len);
	tl_buf_clear(&b);
	tl_put_u32(&b, WIRE_MSG_CONTAINER);
	tl_put_u32(&b, 1);
	tl_put_u64(&b, mock_msg_id(m, false));
	tl_put_u32(&b, 1);
	tl_put_u32(&b, (uint32_t)zip.len);
	tl_put(&b, zip.data, zip.len);
	mock_say(m, false, false, &b);
	mock_say(m, false, true, &zeros); /* a large update */
	tl_buf_free(&b);
	tl_buf_free(&zeros);
	tl_buf_free(&zip);
}

static void work(void)
{
	static const char text[1024] = "a text that can be packed";
	struct strict *s = strict_new(true, 0);
	struct mock *m = s->m;
	uint64_t handle = 0;
	int err;

	s->zips = true;
	if (m->c) {
		for (int i = 0; i < 20; i++)
			strict_ask(s);
		strict_run(s, 3 * NS, STEP);
		if (m->link && m->session && m->c->phase == MT_OPEN) {
			say_container(m);
			mock_say_hex(m, false, "dfb69d800100000001f153652800000000000000");
			mock_say_hex(m, false, "52fb69da15c4b51c010000000100000000000000");
			mock_new_session(m, 4, 4);
			mock_bad_msg(m, m->c->session.last_msg_id, 32);
		}
		strict_pull(s);
		strict_ask(s);
		test_alloc_arm(true);
		err = mt_client_send(m->c, text, sizeof text, MT_QUERY_READ | MT_QUERY_QUICK, 0,
				     &handle, m->now);
		test_alloc_arm(false);
		strict_run(s, NS, STEP);
		test_alloc_arm(true);
		if (!err)
			mt_client_cancel(m->c, handle, NULL, m->now);
		test_alloc_arm(false);
		strict_ask(s);
		(void)mt_client_out(m->c, m->now); /* on its way when the line breaks */
		mock_lose(m);
		strict_run(s, 10 * NS, STEP);
		settle(s);
	}
	end(s);
}

TEST_T(memory_for_a_session, 120)
{
	CHECK(each_allocation(work) > 60);
}

static void with_temporary_keys(void)
{
	struct strict *s = strict_new(true, 0);

	s->m->o.pfs = true;
	if (s->m->c)
		mock_again(s->m);
	if (s->m->c) {
		strict_ask(s);
		strict_run(s, 20 * NS, STEP);
		settle(s);
	}
	end(s);
}

TEST_T(memory_for_temporary_keys, 120)
{
	CHECK(each_allocation(with_temporary_keys) > 30);
}

/* The same exchange twice: the second time its key is looked for in all that is given back, from
 * the first byte on. */
TEST(secrets_are_wiped)
{
	uint8_t key[32];

	for (int round = 0; round < 2; round++) {
		struct strict *s = strict_new(false, 0);

		strict_ask(s);
		strict_run(s, 20 * NS, STEP);
		CHECK_INT(s->answered, 1);
		if (round)
			CHECK_MEM(key, s->m->server.key, sizeof key);
		memcpy(key, s->m->server.key, sizeof key);
		strict_free(s);
		test_alloc_watch(key, sizeof key);
	}
	test_alloc_watch(NULL, 0);
}

/* And the search does find one. */
TEST(secrets_that_are_left_are_found)
{
	int status = 0;
	pid_t pid = fork();

	if (pid == 0) {
		char *p = malloc(100);

		if (!freopen("/dev/null", "w", stderr))
			_exit(0);
		for (volatile char *v = p + 50; v < p + 56; v++) /* no store is left out */
			*v = "secret"[v - (p + 50)];
		test_alloc_watch("secret", 6);
		test_alloc_arm(true);
		free(p);
		_exit(0);
	}
	CHECK(pid > 0 && waitpid(pid, &status, 0) == pid);
	CHECK(status != 0);
}
