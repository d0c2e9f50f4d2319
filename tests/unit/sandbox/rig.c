/* See rig.h. */
#include "rig.h"

#include <arpa/inet.h>
#include <libgen.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static void draw(void *ctx, void *out, size_t n)
{
	(void)ctx;
	CHECK(getrandom(out, n, 0) == (ssize_t)n);
}

static struct mt_time now(void)
{
	struct timespec real, boot;

	clock_gettime(CLOCK_REALTIME, &real);
	clock_gettime(CLOCK_BOOTTIME, &boot);
	return (struct mt_time){boot.tv_sec * 1000000000ll + boot.tv_nsec,
				real.tv_sec * 1000000000ll + real.tv_nsec};
}

/* ---- the sandbox -------------------------------------------------------------------------------
 */
static void run_sandbox(int out, const char *key, const char *control)
{
	char self[PATH_MAX], path[PATH_MAX + 32];
	ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);

	CHECK(n > 0);
	self[n] = 0;
	snprintf(path, sizeof path, "%s/../layerd-sandbox", dirname(self));
	dup2(out, 1);
	execl(path, path, "--dcs", "2", "--write-key", key, "--control", control, RIG_DOORS,
	      (char *)NULL);
	_exit(127);
}

static void read_key(struct rig *r, const char *path)
{
	char pem[1024];
	FILE *f = fopen(path, "r");
	size_t n;

	CHECK(f);
	n = fread(pem, 1, sizeof pem, f);
	fclose(f);
	CHECK_INT(mt_rsa_from_pem(pem, n, &r->rsa), 0);
}

static void start(struct rig *r)
{
	char key[PATH_MAX], control[PATH_MAX], line[4096];
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	const char *dc;
	int fds[2];
	FILE *f;

	snprintf(key, sizeof key, "%s/key.pem", test_dir());
	snprintf(control, sizeof control, "%s/control", test_dir());
	CHECK_INT(pipe(fds), 0);
	r->pid = fork();
	if (r->pid == 0) {
		close(fds[0]);
		run_sandbox(fds[1], key, control);
	}
	close(fds[1]);
	r->out = fds[0];
	f = fdopen(dup(r->out), "r");
	CHECK(fgets(line, sizeof line, f));
	fclose(f);
	dc = line;
	for (int i = 1; i <= 2; i++) {
		dc = strstr(dc + 1, "\"port\":");
		CHECK(dc);
		r->ports[i] = (uint16_t)atoi(dc + 7);
	}
	dc = strstr(line, "\"proxies\"");
	for (int i = 0; i < 4; i++) {
		dc = dc ? strstr(dc + 1, "\"port\":") : NULL;
		CHECK(dc);
		r->doors[i] = (uint16_t)atoi(dc + 7);
	}
	read_key(r, key);
	CHECK(strlen(control) < sizeof a.sun_path);
	memcpy(a.sun_path, control, strlen(control));
	r->control = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	CHECK_INT(connect(r->control, (struct sockaddr *)&a, sizeof a), 0);
}

const char *rig_ask(struct rig *r, const char *text)
{
	size_t n = 0;

	CHECK(write(r->control, text, strlen(text)) == (ssize_t)strlen(text));
	CHECK(write(r->control, "\n", 1) == 1);
	do {
		CHECK(n < sizeof r->answer - 1 && read(r->control, r->answer + n, 1) == 1);
	} while (r->answer[n++] != '\n');
	r->answer[n] = 0;
	return r->answer;
}

void rig_control(struct rig *r, const char *text, const char *want)
{
	if (!strstr(rig_ask(r, text), want))
		test_fail(__FILE__, __LINE__, "%s is answered with %s", text, r->answer);
}

/* ---- bytes -------------------------------------------------------------------------------------
 */
int rig_dial(uint16_t port)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(port)};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	CHECK_INT(connect(fd, (struct sockaddr *)&a, sizeof a), 0);
	return fd;
}

int64_t rig_now(void)
{
	return now().real / 1000000000;
}

struct mt_time rig_time(void)
{
	return now();
}

void rig_put(int fd, struct tl_buf *b)
{
	while (b && b->len) {
		ssize_t n = send(fd, b->data, b->len, MSG_NOSIGNAL);

		if (n <= 0)
			return; /* the other side is gone: the read will tell */
		tl_buf_drop(b, (size_t)n);
	}
}

/* A key by the real client; what follows is done by hand. */
static void make_key(struct rig *r)
{
	struct mt_client_options o = {.dc = 2, .rsa = &r->rsa, .rsa_count = 1};
	struct mt_client *c;
	bool have = false;
	int fd = -1;

	CHECK_INT(mt_transport_parse("obfuscated-padded", &o.transport), 0);
	c = mt_client_new(&o, &r->env, now());
	CHECK(c);
	while (!have || !r->salt) {
		struct mt_event e;
		struct pollfd p = {.events = POLLIN};
		uint8_t bytes[4096];

		while (mt_client_next(c, &e)) {
			if (e.kind == MT_EV_CONNECT) {
				fd = rig_dial(r->ports[2]);
				mt_client_opened(c, now());
			} else if (e.kind == MT_EV_JOB) {
				e.job->run(e.job);
				mt_client_job_done(c, e.job, now());
			} else if (e.kind == MT_EV_KEY) {
				CHECK_INT(mt_key_init(&r->key, e.data), 0);
				have = true;
			} else if (e.kind == MT_EV_SALTS) {
				r->salt = ((const struct mt_salt *)(const void *)e.data)->salt;
			}
		}
		rig_put(fd, mt_client_out(c, now()));
		p.fd = fd;
		if (!have && poll(&p, 1, 20) == 1) {
			ssize_t n = read(fd, bytes, sizeof bytes);

			CHECK(n > 0);
			CHECK_INT(mt_client_feed(c, bytes, (size_t)n, now()), 0);
		}
	}
	close(fd);
	mt_client_free(c);
}

static void forget(struct rig *r)
{
	for (unsigned i = 0; i < r->in_count; i++)
		free(r->in[i].body);
	r->in_count = r->in_read = 0;
}

void rig_connect(struct rig *r, enum mt_framing framing, bool obfuscated)
{
	struct mt_transport t = {.framing = framing, .obfuscated = obfuscated};

	if (r->fd >= 0)
		close(r->fd);
	mt_link_free(r->link);
	r->link = mt_link_new(&t, 2, &r->env);
	CHECK(r->link);
	r->fd = rig_dial(r->ports[2]);
	r->closed = false;
	r->error = 0;
	r->quick_ack = 0;
	forget(r);
}

void rig_open(struct rig *r)
{
	*r = (struct rig){.fd = -1, .env = {.random = draw}};
	start(r);
	make_key(r);
	draw(NULL, &r->session, sizeof r->session);
	rig_connect(r, MT_INTERMEDIATE, false);
}

void rig_close(struct rig *r)
{
	int status;

	forget(r);
	close(r->fd);
	close(r->control);
	mt_link_free(r->link);
	kill(r->pid, SIGTERM);
	CHECK_INT(waitpid(r->pid, &status, 0), r->pid);
	CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	close(r->out);
}

/* ---- messages out ------------------------------------------------------------------------------
 */
uint64_t rig_msg_id(struct rig *r)
{
	uint64_t t = (uint64_t)now().real;
	uint64_t id = (t / 1000000000) << 32 | ((t % 1000000000 << 32) / 1000000000 & ~3ull);

	r->last = id > r->last ? id : r->last + 4;
	return r->last;
}

void rig_packet(struct rig *r, const void *data, size_t n, bool quick_ack)
{
	CHECK_INT(mt_link_send(r->link, data, n, quick_ack), 0);
	rig_put(r->fd, mt_link_out(r->link));
}

void rig_send_as(struct rig *r, uint64_t msg_id, uint32_t seqno, const void *body, size_t n)
{
	struct mt_header h = {r->salt, r->session, msg_id, seqno};
	struct tl_buf b = {0};

	CHECK_INT(mt_seal(&r->key, MT_TO_SERVER, &h, body, n, &r->env, &b, NULL), 0);
	rig_packet(r, b.data, b.len, false);
	tl_buf_free(&b);
}

uint64_t rig_send(struct rig *r, const void *body, size_t n)
{
	uint64_t id = rig_msg_id(r);

	rig_send_as(r, id, 2 * r->seq++ + 1, body, n);
	return id;
}

uint64_t rig_send_id(struct rig *r, uint32_t id)
{
	return rig_send(r, &id, sizeof id);
}

void rig_init(struct rig *r, int layer)
{
	struct tl_buf b = {0};
	const struct rig_message *m;

	tl_put_u32(&b, 0xda9b0d0du);
	tl_put_u32(&b, (uint32_t)layer);
	tl_put_u32(&b, 0xc1cd5ea9u);
	tl_put_u32(&b, 0);
	tl_put_u32(&b, 1);
	for (int i = 0; i < 6; i++)
		tl_put_bytes(&b, "x", 1);
	tl_put_u32(&b, RIG_NEAREST_DC);
	m = rig_answer(r, rig_send(r, b.data, b.len));
	CHECK_INT(rig_u32(m, 12), RIG_NEAREST_ANSWER);
	tl_buf_free(&b);
}

/* ---- messages in -------------------------------------------------------------------------------
 */
uint32_t rig_u32(const struct rig_message *m, size_t at)
{
	uint32_t x;

	CHECK(at + 4 <= m->n);
	memcpy(&x, m->body + at, 4);
	return x;
}

uint64_t rig_u64(const struct rig_message *m, size_t at)
{
	uint64_t x;

	CHECK(at + 8 <= m->n);
	memcpy(&x, m->body + at, 8);
	return x;
}

static void take(struct rig *r, uint64_t msg_id, uint32_t seqno, const uint8_t *body, size_t n)
{
	struct tl_cursor c = tl_cursor(body, n);
	struct rig_message *m = &r->in[r->in_count];
	uint32_t id = tl_get_u32(&c), count;

	if (id != RIG_CONTAINER) {
		CHECK(r->in_count < 256);
		*m = (struct rig_message){msg_id, seqno, id, malloc(n), n};
		memcpy(m->body, body, n);
		r->in_count++;
		return;
	}
	CHECK_INT(seqno % 2, 0);
	count = tl_get_u32(&c);
	for (uint32_t i = 0; i < count; i++) {
		uint64_t inner = tl_get_u64(&c);
		uint32_t inner_seqno = tl_get_u32(&c), bytes = tl_get_u32(&c);
		const uint8_t *p = tl_get(&c, bytes);

		CHECK(p && inner < msg_id && inner % 2 == 1);
		take(r, inner, inner_seqno, p, bytes);
	}
	CHECK_INT(tl_left(&c), 0);
}

static void packet(struct rig *r, const struct mt_packet *p)
{
	struct tl_buf plain = {0};
	struct mt_header h;
	const uint8_t *body;
	size_t n;

	if (p->kind == MT_PACKET_ERROR) {
		r->error = p->code;
	} else if (p->kind == MT_PACKET_QUICK_ACK) {
		r->quick_ack = p->token;
	} else {
		CHECK_INT(mt_open(&r->key, MT_TO_CLIENT, p->data, p->n, &plain, &h, &body, &n), 0);
		CHECK(h.session == r->session && h.msg_id % 2 == 1);
		take(r, h.msg_id, h.seqno, body, n);
	}
	tl_buf_free(&plain);
}

static void receive(struct rig *r, int ms)
{
	struct pollfd p = {.fd = r->fd, .events = POLLIN};
	struct mt_packet got;
	uint8_t bytes[65536];
	ssize_t n;

	if (r->closed || poll(&p, 1, ms) != 1)
		return;
	n = read(r->fd, bytes, sizeof bytes);
	if (n <= 0) {
		r->closed = true;
		return;
	}
	CHECK_INT(mt_link_feed(r->link, bytes, (size_t)n), 0);
	do {
		CHECK_INT(mt_link_next(r->link, &got), 0);
		if (got.kind != MT_PACKET_NONE)
			packet(r, &got);
	} while (got.kind != MT_PACKET_NONE);
}

const struct rig_message *rig_next(struct rig *r, uint32_t id, int ms)
{
	int64_t end = now().boot + ms * 1000000ll, left;

	for (;;) {
		while (r->in_read < r->in_count)
			if (r->in[r->in_read++].id == id)
				return &r->in[r->in_read - 1];
		left = (end - now().boot) / 1000000;
		if (left <= 0 || r->closed)
			return NULL;
		receive(r, (int)left);
	}
}

const struct rig_message *rig_answer(struct rig *r, uint64_t msg_id)
{
	const struct rig_message *m;

	do {
		m = rig_next(r, RIG_RPC_RESULT, 5000);
		CHECK(m);
	} while (rig_u64(m, 4) != msg_id);
	return m;
}
