/* CDN data centres: keys of their own, asked for once more when they changed, no login, nothing but
 * their one method (PROTOCOL E.13, D.63, G.31). */
#include "tests/unit/core/rig.h"

#define SECOND INT64_C(1000000000)
#define CDN 5

static char pem[2][800];
static int right_from; /* help.getCdnConfig names the right key from this answer on */
static bool named;     /* at all */

/* PKCS#1: SEQUENCE { INTEGER n, INTEGER e }. */
static void write_pem(const struct mt_rsa *k, char out[800])
{
	static const uint8_t head[] = {0x30, 0x82, 0x01, 0x0a, 0x02, 0x82, 0x01, 0x01, 0x00};
	uint8_t e[5] = {0x02, 0x03, (uint8_t)(k->e >> 16), (uint8_t)(k->e >> 8), (uint8_t)k->e};
	struct tl_buf der = {0}, text = {0};

	tl_put(&der, head, sizeof head);
	tl_put(&der, k->n, 256);
	tl_put(&der, e, sizeof e);
	tl_js_base64(&text, der.data, der.len);
	snprintf(out, 800, "-----BEGIN RSA PUBLIC KEY-----\n%.*s\n-----END RSA PUBLIC KEY-----\n",
		 (int)text.len - 2, (const char *)text.data + 1);
	tl_buf_free(&der);
	tl_buf_free(&text);
}

static void config(struct rig *r, const struct rig_request *q)
{
	bool right = (int)r->calls[TL_help_getCdnConfig] >= right_from;
	struct tl_cdnPublicKey k = {{TL_cdnPublicKey}, CDN, tl_str(pem[right])},
			       nonsense = {{TL_cdnPublicKey}, CDN, tl_str("no key")};
	struct tl_obj *list[] = {&nonsense.obj, &k.obj};
	struct tl_cdnConfig c = {{TL_cdnConfig}, {list, named ? 2 : 0}};

	rig_answer(r, q, &c.obj);
}

static unsigned files, imports;
static bool serve(struct rig *r, const struct rig_request *q)
{
	struct tl_upload_cdnFile f = {{TL_upload_cdnFile}, tl_str("part")};

	imports += q->dc == CDN && q->method == TL_auth_importAuthorization;
	if (q->method == TL_help_getCdnConfig) {
		CHECK_INT(q->dc, 2);
		config(r, q);
		return true;
	}
	if (q->method != TL_upload_getCdnFile)
		return false;
	CHECK_INT(q->dc, CDN);
	CHECK(!q->without_updates);
	if (!files++)
		CHECK(q->wrapped);
	rig_answer(r, q, &f.obj);
	return true;
}

/* A rig that knows no key of the CDN, and whose other data centres have another RSA key. */
static struct rig *begin(int right)
{
	struct rig *r = rig_new();
	struct tg_key k;

	right_from = right;
	named = true;
	files = imports = 0;
	write_pem(mt_rsa_builtin(false), pem[0]);
	write_pem(server_rsa(), pem[1]);
	r->s.device_model = "Secret";
	r->s.rsa = mt_rsa_builtin(false);
	rig_restart(r);
	k = tg_key(r->a, 'k');
	tg_key_number(&k, 10000 + CDN);
	tg_erase(r->a, TG_TABLE_KEY, k.bytes, k.n);
	r->serve = serve;
	return r;
}

static uint64_t get(struct rig *r, int dc)
{
	struct tl_upload_getCdnFile m = {
		.obj = {TL_upload_getCdnFile}, .file_token = tl_str("token"), .limit = 4096};
	struct tg_call_options o = {.dc = dc, .deadline = r->now.boot + 50 * SECOND};

	return rig_call(r, &m.obj, &o);
}

TEST(cdn_has_its_own_key_and_knows_nobody)
{
	struct rig *r = begin(1);
	struct tl_help_getNearestDc m = {{TL_help_getNearestDc}};
	struct tg_call_options there = {.dc = CDN, .deadline = r->now.boot + 50 * SECOND};
	uint64_t calls[20], other;

	rig_login(r);
	CHECK_STR(r->init[0], "Secret");
	for (int i = 0; i < 20; i++)
		calls[i] = get(r, CDN);
	rig_pass(r, 3);
	for (int i = 0; i < 20; i++)
		CHECK_INT(rig_result_of(r, calls[i])->error, 0);
	CHECK_INT(r->calls[TL_help_getCdnConfig], 1);
	CHECK_INT(r->handshakes, 3);
	CHECK_INT(imports + r->calls[TL_auth_exportAuthorization], 0);
	CHECK_STR(r->init[0], "PC");
	CHECK_STR(r->init[1], "Linux");
	CHECK(rig_open(r, CDN) <= TG_DOWNLOADS);
	other = rig_call(r, &m.obj, &there);
	rig_pass(r, 1);
	CHECK_INT(rig_result_of(r, other)->error, -TG_E_INVALID_PARAMS);
	CHECK_INT(r->calls[TL_help_getNearestDc], 0);
	other = get(r, 0);
	rig_pass(r, 1);
	CHECK_INT(rig_result_of(r, other)->error, -TG_E_INVALID_PARAMS);
	rig_free(r);
}

TEST(cdn_keys_are_asked_for_again_once)
{
	for (int right = 2; right < 10; right += 7) {
		struct rig *r = begin(right);
		uint64_t call;

		rig_login(r);
		call = get(r, CDN);
		rig_pass(r, 60);
		CHECK_INT(r->calls[TL_help_getCdnConfig], 2);
		CHECK_INT(rig_result_of(r, call)->error, right == 2 ? 0 : -TG_E_TIMEOUT);
		CHECK_INT(files, right == 2);
		CHECK_INT(tg_account_state(r->a), TG_READY);
		rig_free(r);
	}
}

/* Keys that were not new enough are no reason to ask no more. */
TEST(cdn_keys_that_come_late)
{
	struct rig *r = begin(3);
	uint64_t call;

	rig_login(r);
	get(r, CDN);
	rig_pass(r, 600);
	call = get(r, CDN);
	rig_pass(r, 50);
	CHECK_INT(r->calls[TL_help_getCdnConfig], 3);
	CHECK_INT(rig_result_of(r, call)->error, 0);
	rig_free(r);
}

TEST(cdn_that_nobody_names)
{
	struct rig *r = begin(1);
	uint64_t call;

	named = false;
	rig_login(r);
	call = get(r, CDN);
	rig_pass(r, 2);
	CHECK_INT(rig_result_of(r, call)->error, -TG_E_INVALID_PARAMS);
	CHECK_INT(r->dc[CDN].connections, 0);
	rig_free(r);
}

TEST(cdn_key_that_is_lost_is_made_anew)
{
	struct rig *r = begin(1);
	uint64_t call;

	rig_login(r);
	get(r, CDN);
	rig_pass(r, 2);
	r->dc[CDN].unknown_key = true;
	call = get(r, CDN);
	rig_pass(r, 10);
	CHECK_INT(rig_result_of(r, call)->error, 0);
	CHECK_INT(r->handshakes, 6);
	CHECK_INT(r->calls[TL_help_getNearestDc], 0); /* nobody to ask there */
	CHECK_INT(tg_account_state(r->a), TG_READY);
	rig_free(r);
}
