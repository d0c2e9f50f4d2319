/* B.7: a key whose id would be 0 is none. No such key can be found, so that SHA-1 itself is bent:
 * this room's tests are linked with --wrap=mt_sha1. */
#include "tests/unit/proto/session_checks.h"

void __real_mt_sha1(uint8_t out[20], const void *a, size_t na, const void *b, size_t nb);
void __wrap_mt_sha1(uint8_t out[20], const void *a, size_t na, const void *b, size_t nb);

static bool bent; /* the id of each key is 0 */

void __wrap_mt_sha1(uint8_t out[20], const void *a, size_t na, const void *b, size_t nb)
{
	__real_mt_sha1(out, a, na, b, nb);
	if (bent && na == 256 && !nb)
		memset(out + 12, 0, 8);
}

TEST(a_key_with_id_zero)
{
	struct mock *m = mock_new("intermediate", false);
	struct mt_key k;
	uint8_t raw[256] = {1};
	struct mt_event ev;

	CHECK(mt_key_init(&k, raw) == 0);
	bent = true;
	CHECK_INT(mt_key_init(&k, raw), -TG_E_CRYPTO);
	mock_query(m, QUERY_A, 1, 0, 0);
	mock_connect(m);
	for (int i = 0; i < 20 && m->c->phase == MT_EXCHANGE; i++) {
		mock_pump(m);
		while (mock_next(m, &ev)) {
			CHECK(ev.kind != MT_EV_KEY && ev.kind != MT_EV_ONLINE);
			mock_handle(m, &ev);
		}
	}
	CHECK(m->plain >= 3 && !m->n && !m->c->has_key); /* it went as far as the key */
	bent = false;
	mock_lose(m);
	mock_reconnect(m);
	mock_exchange(m);
	mock_answer(m, mock_expect(m, QUERY_A)->h.msg_id, 1);
	mock_until(m, MT_EV_RESULT);
	mock_free(m);
}
