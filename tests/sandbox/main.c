/* layerd-sandbox: a Telegram in a box. Switches, the line that says ready, the loop. */
#include "net.h"
#include "proto/proxy.h"

#include <errno.h>
#include <getopt.h>
#include <jansson.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#define DEFAULT_DCS 3

static const char usage[] =
	"usage: layerd-sandbox [--listen HOST:PORT] [--listen6 HOST:PORT] [--control PATH]\n"
	"                      [--write-key FILE] [--dcs N] [--seed N] [--data DIR]\n"
	"                      [--also ID=HOST:PORT]… [--cdn]\n"
	"                      [--proxy KIND=HOST:PORT[,SECRET]]… [--log-level L]\n"
	"A Telegram in a box: several data centres on loopback, in memory. Prints one line of "
	"JSON\n"
	"when it is ready. DC k listens on PORT + k - 1; port 0 picks free ports.\n"
	"  --listen HOST:PORT   default 127.0.0.1:0\n"
	"  --listen6 HOST:PORT  IPv6 as well, e.g. [::1]:0\n"
	"  --control PATH       JSON-RPC 2.0 socket to create users, send, look, make faults\n"
	"  --write-key FILE     the server's RSA key (PKCS#1, PEM) for its clients\n"
	"  --dcs N              data centres, 1 to 16; default 3\n"
	"  --seed N             repeatable keys and ids\n"
	"  --also ID=HOST:PORT  one more address of a data centre\n"
	"  --data DIR           keeps the world there, over restarts and kill -9, and the RSA key\n"
	"  --cdn                one more data centre, 203, which caches files, with its own key\n"
	"  --proxy KIND=HOST:PORT[,SECRET]  a proxy before the data centres: socks5 and http "
	"(SECRET is\n"
	"                       then USER:PASSWORD, or none), mtproxy (hex or base64, dd and ee "
	"too)\n"
	"  --log-level L        0 quiet, 1 calls, 2 more\n"
	"  --version, --help\n";

struct switches {
	struct sb_net_options net;
	const char *control;
	char host4[64], host6[64];
	struct mt_proxy doors[SB_MAX_DOORS];
	struct sb_address more[SB_MAX_MORE];
	int dcs, log_level;
	uint64_t seed;
};

/* HOST:PORT or [HOST]:PORT */
static bool read_address(const char *text, char host[64], int *ret_port)
{
	const char *colon = strrchr(text, ':');
	size_t n = colon ? (size_t)(colon - text) : 0;
	char *end;
	long port;

	if (!colon || n >= 64)
		return false;
	if (n >= 2 && text[0] == '[' && text[n - 1] == ']') {
		text++;
		n -= 2;
	}
	memcpy(host, text, n);
	host[n] = 0;
	port = strtol(colon + 1, &end, 10);
	if (!n || *end || end == colon + 1 || port < 0 || port > 65535 - SB_MAX_DCS)
		return false;
	*ret_port = (int)port;
	return true;
}

/* ID=HOST:PORT, behind --dcs */
static bool read_more(const char *text, int dcs, struct sb_address *ret)
{
	char *end;
	long dc = strtol(text, &end, 10);
	int port;

	if (dc < 1 || dc > dcs || *end != '=' || !read_address(end + 1, ret->host, &port))
		return false;
	ret->dc = (int)dc;
	ret->port = (uint16_t)port;
	ret->ipv6 = strchr(ret->host, ':') != NULL;
	return true;
}

static bool read_login(const char *text, struct mt_proxy *p)
{
	const char *colon = strchr(text, ':');

	if (!*text)
		return true;
	if (!colon || colon == text || colon - text > MT_PROXY_TEXT_MAX ||
	    strlen(colon + 1) > MT_PROXY_TEXT_MAX)
		return false;
	memcpy(p->user, text, (size_t)(colon - text));
	memcpy(p->password, colon + 1, strlen(colon + 1) + 1);
	return true;
}

/* KIND=HOST:PORT[,SECRET] */
static bool read_proxy(const char *text, struct mt_proxy *ret)
{
	const char *equals = strchr(text, '='), *comma = strchr(text, ','), *secret, *reason;
	char kind[16], address[80];
	int port = 0;

	if (sscanf(text, "%15[^=]=%79[^,]", kind, address) != 2 || !equals ||
	    !read_address(address, ret->host, &port))
		return false;
	ret->port = (uint16_t)port;
	secret = comma ? comma + 1 : "";
	for (ret->kind = MT_PROXY_MTPROXY; ret->kind <= MT_PROXY_HTTP; ret->kind++) {
		if (strcmp(kind, mt_proxy_kind_name(ret->kind)) != 0)
			continue;
		if (ret->kind == MT_PROXY_MTPROXY)
			return mt_proxy_parse_secret(secret, strlen(secret), ret, &reason) == 0;
		return read_login(secret, ret);
	}
	return false;
}

static bool read_number(const char *text, uint64_t max, uint64_t *ret)
{
	char *end;
	unsigned long long x;

	errno = 0;
	x = strtoull(text, &end, 0);
	if (errno || *end || end == text || *text == '-' || x > max)
		return false;
	*ret = x;
	return true;
}

static bool read_switch(int c, const char *arg, struct switches *w)
{
	uint64_t x;

	switch (c) {
	case 'l':
		return read_address(arg, w->host4, &w->net.port4);
	case '6':
		w->net.host6 = w->host6;
		return read_address(arg, w->host6, &w->net.port6);
	case 'c':
		w->control = arg;
		return true;
	case 'k':
		w->net.write_key = arg;
		return true;
	case 'd':
		if (!read_number(arg, SB_MAX_DCS, &x) || !x)
			return false;
		w->dcs = (int)x;
		return true;
	case 's':
		w->net.seeded = true;
		return read_number(arg, UINT64_MAX, &w->seed);
	case 'D':
		w->net.data = arg;
		return true;
	case 'a':
		return w->net.more_count < SB_MAX_MORE &&
		       read_more(arg, w->dcs, &w->more[w->net.more_count++]);
	case 'P':
		return w->net.door_count < SB_MAX_DOORS &&
		       read_proxy(arg, &w->doors[w->net.door_count++]);
	case 'C':
		return w->net.cdn = true;
	case 'L':
		if (!read_number(arg, 9, &x))
			return false;
		w->log_level = (int)x;
		return true;
	default:
		return false;
	}
}

/* What the switch takes. */
static const char *wanted(int c)
{
	switch (c) {
	case 'l':
		return "HOST:PORT, as 127.0.0.1:4430; the port at most 65519";
	case '6':
		return "HOST:PORT, as [::1]:4430; the port at most 65519";
	case 'd':
		return "a number from 1 to 16";
	case 's':
		return "a number";
	case 'a':
		return "ID=HOST:PORT, ID a data centre (--dcs goes before); 32 times at most";
	case 'P':
		return "KIND=HOST:PORT[,SECRET], KIND socks5, http or mtproxy; 16 times at most";
	default:
		return "a number from 0 to 9";
	}
}
_Static_assert(SB_MAX_DCS == 16 && SB_MAX_MORE == 32 && SB_MAX_DOORS == 16, "said above");

/* 0 = go on, 1 = done, 2 = wrong usage */
static int read_switches(int argc, char **argv, struct switches *w)
{
	static const struct option options[] = {
		{"listen", required_argument, NULL, 'l'},
		{"listen6", required_argument, NULL, '6'},
		{"control", required_argument, NULL, 'c'},
		{"write-key", required_argument, NULL, 'k'},
		{"dcs", required_argument, NULL, 'd'},
		{"seed", required_argument, NULL, 's'},
		{"data", required_argument, NULL, 'D'},
		{"also", required_argument, NULL, 'a'},
		{"proxy", required_argument, NULL, 'P'},
		{"cdn", no_argument, NULL, 'C'},
		{"log-level", required_argument, NULL, 'L'},
		{"version", no_argument, NULL, 'V'},
		{"help", no_argument, NULL, 'h'},
		{NULL, 0, NULL, 0},
	};
	int c, which = 0;

	while ((c = getopt_long(argc, argv, "", options, &which)) != -1) {
		if (c == 'V') {
			printf("layerd-sandbox %s, layer %u\n", LAYERD_VERSION, tl_layer(&tl_api));
			return 1;
		}
		if (c == 'h') {
			fputs(usage, stdout);
			return 1;
		}
		if (c == '?')
			return 2;
		if (!read_switch(c, optarg, w)) {
			fprintf(stderr, "layerd-sandbox: --%s %s: %s is wanted\n",
				options[which].name, optarg, wanted(c));
			return 2;
		}
	}
	if (optind == argc)
		return 0;
	fprintf(stderr, "layerd-sandbox: %s is no option; see --help\n", argv[optind]);
	return 2;
}

static void say_ready(const struct sandbox *s, const struct switches *w)
{
	unsigned count;
	const struct sb_address *a = sb_net_addresses(s->net, &count);
	json_t *dcs = json_array(), *line;
	char fingerprint[17];
	char *text;

	for (unsigned i = 0; i < count; i++)
		json_array_append_new(dcs, json_pack("{s:i,s:s,s:i}", "id", a[i].dc, "host",
						     a[i].host, "port", a[i].port));
	snprintf(fingerprint, sizeof fingerprint, "%016llx",
		 (unsigned long long)sb_net_fingerprint(s->net));
	line = json_pack("{s:b,s:o,s:o,s:s?,s:s,s:s?,s:i}", "ready", 1, "dcs", dcs, "proxies",
			 sb_net_doors(s->net), "rsa_key", w->net.write_key, "fingerprint",
			 fingerprint, "control", w->control, "layer", (int)tl_layer(&tl_api));
	text = json_dumps(line, JSON_COMPACT);
	puts(text ? text : "");
	fflush(stdout);
	free(text);
	json_decref(line);
}

static void stop(struct ev_loop *loop, ev_signal *w, int events)
{
	(void)w;
	(void)events;
	ev_break(loop, EVBREAK_ALL);
}

static int serve(struct switches *w)
{
	struct sandbox s = {.seed = w->seed, .dc_count = w->dcs, .log_level = w->log_level};
	ev_signal term, interrupt;
	int err = 1;

	s.loop = ev_default_loop(0);
	if (!w->net.seeded && getrandom(&s.seed, sizeof s.seed, 0) != sizeof s.seed)
		return 1;
	if (w->net.data && mkdir(w->net.data, 0700) && errno != EEXIST) {
		fprintf(stderr, "layerd-sandbox: %s: %s\n", w->net.data, strerror(errno));
		return 1;
	}
	ev_signal_init(&term, stop, SIGTERM);
	ev_signal_init(&interrupt, stop, SIGINT);
	ev_signal_start(s.loop, &term);
	ev_signal_start(s.loop, &interrupt);
	if ((!w->net.data || sb_keep_open(&s, w->net.data)) &&
	    (!w->control || sb_control_clear(w->control)))
		s.net = sb_net_new(&s, &w->net);
	if (s.net)
		s.world = sb_world_new(&s, w->control);
	if (s.world) {
		sb_keep_play(&s);
		say_ready(&s, w);
		ev_run(s.loop, 0);
		err = 0;
	}
	sb_keep_close(&s);
	/* connections first: they tell the world that they are gone */
	if (s.net)
		sb_net_stop(s.net);
	if (s.world)
		sb_world_free(s.world);
	s.world = NULL;
	sb_net_free(s.net);
	ev_loop_destroy(s.loop);
	return err;
}

int main(int argc, char **argv)
{
	struct switches w = {.net = {.host4 = w.host4}, .host4 = "127.0.0.1", .dcs = DEFAULT_DCS};
	int code;

	w.net.doors = w.doors;
	w.net.more = w.more;
	code = read_switches(argc, argv, &w);

	signal(SIGPIPE, SIG_IGN);
	return code ? code - 1 : serve(&w);
}
