/* Any parameters of a two-step password: what Telegram says is checked before a secret is used, and
 * an answer is made only for a sound group (B.73). The first byte asks for a new password's hash as
 * well. */
#include "proto/proto.h"
#include "proto/srp.h"
#include "tests/fuzz/fuzz.h"

#include <string.h>

static struct tl_str part(const uint8_t **p, const uint8_t *end)
{
	size_t left = (size_t)(end - *p), n = left ? *(*p)++ : 0;
	struct tl_str s;

	left -= left > 0;
	n = n == 255 ? 256 : n; /* the length of a sound number */
	n = n < left ? n : left;
	s = (struct tl_str){(const char *)*p, (uint32_t)n};
	*p += n;
	return s;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	const uint8_t *p = data + 2, *end = data + n;
	struct mt_srp s = {.password = {"secret", 6}};
	uint8_t v[256];
	int err;

	if (n < 2)
		return 0;
	s.g = (int)(int8_t)data[1];
	s.salt1 = part(&p, end);
	s.salt2 = part(&p, end);
	s.srp_b = part(&p, end);
	s.p = part(&p, end);
	memset(s.a, 0x5a, sizeof s.a);
	err = mt_srp_answer(&s);
	need(err == 0 || err == -TG_E_CRYPTO || err == -TG_E_AGAIN || err == -TG_E_NOMEM);
	need(err || (s.p.len == 256 && s.g >= 2 && s.g <= 7));
	if (data[0] & 1)
		need(mt_srp_hash(s.password, s.salt1, s.salt2, s.g, s.p, v) <= 0);
	return 0;
}
