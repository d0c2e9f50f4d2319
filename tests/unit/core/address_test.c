/* Which address is next: what help.getConfig gave, what the settings allow, what failed before; and
 * where a new list comes from (E.1-E.4, C.18, C.29, C.70). */
#include "rig.h"

#define KEY "0123456789abcdef"

struct option {
	int id;
	const char *host;
	int port;
	const char *flags; /* m media, t tcpo, s static, 6 ipv6, p this port only, c cdn */
	const char *secret;
};
static const struct option options[] = {
	{2, "10.0.0.1", 443, "", ""},           {2, "10.0.0.2", 443, "m", ""},
	{2, "10.0.0.3", 443, "t", ""},          {2, "10.0.0.4", 443, "s", ""},
	{2, "fd00::5", 443, "6", ""},           {2, "10.0.0.6", 8443, "p", ""},
	{2, "10.0.0.7", 443, "c", ""},       /* of a CDN */
	{3, "10.0.0.8", 443, "", ""},        /* of another data centre */
	{2, "dc.telegram.org", 443, "", ""}, /* a name */
	{2, "10.0.0.10", 443, "6", ""},      /* no IPv6 */
	{2, "fd00::11", 443, "6m", ""},         {2, "10.0.0.12", 443, "pt", KEY},
	{2, "10.0.0.13", 443, "", "too short"}, {2, "10.0.0.14", 0, "", ""},
	{2, "fd00::15", 443, "6ps", ""},
};
#define OPTIONS (sizeof options / sizeof options[0])

static bool answers_config(struct rig *r, const struct rig_request *q)
{
	struct tl_dcOption o[OPTIONS];
	struct tl_obj *list[OPTIONS];
	struct tl_config c = {.obj = {TL_config},
			      .date = (int32_t)(r->now.real / TG_SECOND),
			      .dc_options = {list, OPTIONS},
			      .dc_txt_domain_name = tl_str(""),
			      .me_url_prefix = tl_str("")};

	if (q->method != TL_help_getConfig)
		return false;
	for (size_t i = 0; i < OPTIONS; i++) {
		const struct option *x = &options[i];

		o[i] = (struct tl_dcOption){.obj = {TL_dcOption},
					    .id = x->id,
					    .ip_address = tl_str(x->host),
					    .port = x->port,
					    .secret = tl_str(x->secret),
					    .media_only = strchr(x->flags, 'm'),
					    .tcpo_only = strchr(x->flags, 't'),
					    .static_ = strchr(x->flags, 's'),
					    .ipv6 = strchr(x->flags, '6'),
					    .this_port_only = strchr(x->flags, 'p'),
					    .cdn = strchr(x->flags, 'c')};
		list[i] = &o[i].obj;
	}
	c.expires = c.date + 3600;
	rig_answer(r, q, &c.obj);
	return true;
}

static struct rig *learnt(void)
{
	struct rig *r = rig_new();

	r->serve = answers_config;
	r->s.address_count = 0;
	rig_restart(r);
	rig_login(r);
	return r;
}

/* The order in which addresses come when each fails: "host:port host:port …", as far as want goes.
 */
static void comes(struct rig *r, bool media, const char *want)
{
	char got[1024] = "";
	size_t n = 0;

	while (n < strlen(want)) {
		struct mt_address x[TG_RACE];
		unsigned count = tg_address_pick(r->a, 2, media, x);

		CHECK(count > 0);
		for (unsigned i = 0; i < count; i++)
			for (unsigned j = 0; j < i; j++)
				CHECK(strcmp(x[i].host, x[j].host) || x[i].port != x[j].port);
		n += (size_t)snprintf(got + n, sizeof got - n, "%s%s:%u", n ? " " : "", x[0].host,
				      x[0].port);
		r->a->now.boot++;
		tg_address_failed(r->a, &x[0], false);
	}
	CHECK_STR(got, want);
}

TEST(addresses_by_purpose_and_setting)
{
	static const struct {
		const char *transport;
		enum tg_ipv6 ipv6;
		bool media, proxied;
		const char *want;
	} rows[] = {
		{"obfuscated-padded", TG_IPV6_ALLOW, false, false,
		 "10.0.0.1:443 10.0.0.3:443 10.0.0.6:8443 10.0.0.12:443 fd00::5:443 10.0.0.1:80 "
		 "10.0.0.3:80 fd00::5:80 10.0.0.1:5222 10.0.0.3:5222 fd00::5:5222 10.0.0.4:443 "
		 "fd00::15:443"},
		/* tcpo_only wants obfuscation, which a secret brings */
		{"intermediate", TG_IPV6_NEVER, false, false,
		 "10.0.0.1:443 10.0.0.6:8443 10.0.0.12:443 10.0.0.1:80 10.0.0.1:5222 10.0.0.4:443"},
		{"obfuscated-padded", TG_IPV6_PREFER, false, false,
		 "fd00::5:443 10.0.0.1:443 10.0.0.3:443 10.0.0.6:8443 10.0.0.12:443 fd00::5:80"},
		{"obfuscated-padded", TG_IPV6_ONLY, false, false,
		 "fd00::5:443 fd00::5:80 fd00::5:5222 fd00::15:443"},
		/* media: those for it first, the others behind */
		{"obfuscated-padded", TG_IPV6_ALLOW, true, false,
		 "10.0.0.2:443 fd00::11:443 10.0.0.2:80 fd00::11:80 10.0.0.2:5222 fd00::11:5222 "
		 "10.0.0.1:443"},
		/* a proxy: static ones first, none with a secret */
		{"obfuscated-padded", TG_IPV6_ALLOW, false, true,
		 "10.0.0.4:443 fd00::15:443 10.0.0.1:443 10.0.0.3:443 10.0.0.6:8443 fd00::5:443"},
	};
	struct mt_proxy socks = {.kind = MT_PROXY_SOCKS5, .host = "p.net", .port = 1080};

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct rig *r = learnt();

		CHECK_INT(mt_transport_parse(rows[i].transport, &r->a->s.transport), 0);
		r->a->s.ipv6 = rows[i].ipv6;
		r->a->s.proxy = rows[i].proxied ? &socks : NULL;
		comes(r, rows[i].media, rows[i].want);
		r->a->s.proxy = NULL;
		rig_free(r);
	}
}

/* E.4: what works comes first, what failed thrice in a row last, the oldest failure before others.
 */
TEST(addresses_that_failed)
{
	struct rig *r = learnt();
	struct mt_address x[TG_RACE], first,
		good = {.dc = 2, .host = "fd00::5", .port = 80, .ipv6 = true};

	tg_address_worked(r->a, &good);
	CHECK(tg_address_pick(r->a, 2, false, x) == TG_RACE);
	CHECK(strcmp(x[0].host, "fd00::5") == 0 && x[0].port == 80);
	CHECK_STR(x[1].host, "10.0.0.1");
	first = x[1];
	for (int i = 0; i < 3; i++) /* dead */
		tg_address_failed(r->a, &first, false);
	r->a->now.boot++;
	/* when nothing of the list is left: those that are built in; then what failed first */
	comes(r, false,
	      "fd00::5:80 10.0.0.6:8443 10.0.0.12:443 fd00::5:443 10.0.0.1:80 10.0.0.1:5222 "
	      "fd00::5:5222 10.0.0.4:443 fd00::15:443 149.154.167.40:443");
	r->a->s.ipv6 = TG_IPV6_NEVER;
	comes(r, false,
	      "149.154.167.40:80 149.154.167.40:5222 10.0.0.4:80 10.0.0.4:5222 149.154.167.40:443");
	tg_address_worked(r->a, &first);
	CHECK(tg_address_pick(r->a, 2, false, x) == TG_RACE);
	CHECK_STR(x[0].host, "10.0.0.1");
	CHECK_INT(x[0].port, 443);
	tg_address_failed(r->a, &first, true); /* C.18: not that data centre at all */
	CHECK(tg_address_pick(r->a, 2, false, x) == TG_RACE);
	CHECK(strcmp(x[0].host, "10.0.0.1") || x[0].port != 443);
	rig_free(r);
}

TEST(addresses_are_learnt_from_the_config)
{
	struct rig *r = rig_new();
	struct mt_address x[TG_RACE];

	r->serve = answers_config;
	r->s.address_count = 0;
	rig_restart(r);
	CHECK(tg_address_pick(r->a, 2, false, x));
	CHECK_STR(x[0].host, "149.154.167.40");
	rig_login(r);
	CHECK_INT(r->calls[TL_help_getConfig], 1);
	for (int i = 0; i < 2; i++) {
		CHECK(tg_address_pick(r->a, 2, false, x) == TG_RACE);
		CHECK_STR(x[0].host, "10.0.0.1");
		CHECK_STR(x[1].host, "fd00::5");
		CHECK(tg_address_pick(r->a, 3, false, x));
		CHECK_STR(x[0].host, "10.0.0.8");
		CHECK(tg_address_pick(r->a, 1, false, x)); /* the list does not know it */
		CHECK_STR(x[0].host, "149.154.175.10");
		CHECK(!tg_address_pick(r->a, 9, false, x));
		rig_restart(r);
	}
	rig_pass(r, 10);
	rig_pass(r, 3600);
	CHECK(r->calls[TL_help_getConfig] >= 3);
	CHECK(r->calls[TL_help_getConfig] <= 4);
	rig_free(r);
}

/* C.29: a dcOption's secret goes into the link; the server's end of it knows. */
TEST(addresses_with_a_secret)
{
	struct rig *r = learnt();
	struct mt_address x[TG_RACE] = {{.dc = 0}};

	do {
		CHECK(tg_address_pick(r->a, 2, false, x));
		tg_address_failed(r->a, &x[0], false);
	} while (strcmp(x[0].host, "10.0.0.12") != 0);
	CHECK_INT(x[0].secret_n, 16);
	CHECK_MEM(x[0].secret, KEY, 16);
	rig_free(r);
}

/* ---- a new list ------------------------------------------------------------------------------ */
static int asked_at;

static bool notes_dc(struct rig *r, const struct rig_request *q)
{
	if (q->method == TL_help_getConfig)
		asked_at = q->dc;
	return answers_config(r, q);
}

/* E.4: none of the main one's addresses works: the list is asked of another data centre, and not
 * again and again. */
TEST(addresses_lost_are_asked_of_another)
{
	struct rig *r = learnt();
	struct mt_address x[TG_RACE];
	unsigned before;

	rig_pass(r, 120);
	before = r->calls[TL_help_getConfig];
	r->serve = notes_dc;
	asked_at = 0;
	for (int i = 0; i < 40; i++) {
		CHECK(tg_address_pick(r->a, 2, false, x));
		r->a->now.boot++;
		tg_address_failed(r->a, &x[0], false);
	}
	rig_pass(r, 5);
	CHECK_INT(r->calls[TL_help_getConfig], before + 1);
	CHECK(asked_at != 2 && asked_at != 0);
	for (int i = 0; i < 5; i++) {
		CHECK(tg_address_pick(r->a, 2, false, x));
		tg_address_failed(r->a, &x[0], false);
		rig_pass(r, 5);
	}
	CHECK_INT(r->calls[TL_help_getConfig], before + 1);
	rig_free(r);
}
