/* Any bytes as a gzip_packed body: inside the limits or refused with nothing left behind; what we
 * pack ourselves comes back. */
#include "proto/proto.h"
#include "tests/fuzz/fuzz.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct tl_buf out = {0}, packed = {0};

	tl_put(&out, "keep", 4);
	if (mt_gunzip(data, size, &out) == 0)
		need(out.len - 4 <= (1u << 20) || out.len - 4 <= size * 200);
	else
		need(out.len == 4);
	need(memcmp(out.data, "keep", 4) == 0);
	tl_buf_clear(&out);
	need(mt_gzip(data, size, &packed) == 0);
	need(mt_gunzip(packed.data, packed.len, &out) == 0);
	need(out.len == size && (size == 0 || memcmp(out.data, data, size) == 0));
	tl_buf_free(&out);
	tl_buf_free(&packed);
	return 0;
}
