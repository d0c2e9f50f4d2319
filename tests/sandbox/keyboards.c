/* Keyboards of older clients. Up to layer 228 a button was one constructor for each kind; since
 * then it is a wrapper around its kind, and inline keyboards have rows of their own. That is no
 * change of fields, so compat.tl cannot say it: here the serialised rows are rewritten, both ways.
 */
#include "tests/sandbox/net.h"

#include <string.h>

#define VECTOR 0x1cb5c415u
#define OLD_INLINE 0x48a30254u /* replyInlineMarkup rows */
#define NEW_INLINE 0xb2b15770u /* replyInlineMarkup flags rows */
#define ROW 0x77608b83u        /* keyboardButtonRow */
#define INLINE_ROW 0x19420af6u /* keyboardInlineButtonRow */
#define BUTTON 0x2f67a72fu     /* keyboardButton flags [style] text type */
#define INLINE_BUTTON 0x11c1a322u
#define STYLE (1u << 10)
#define STYLE_LAYER 220 /* about where buttons got colours */
#define MAX_BUTTONS 1000

/* rest: the fields behind the text: s string, i int, l long, o object, v vector of objects; a digit
 * before it: only with that flag. */
struct kind {
	uint32_t plain, styled, type;
	bool in_line, flagged; /* in an inline keyboard; has flags of its own in the old form … */
	bool type_flags;       /* … and in the new one */
	bool rest_first;       /* the old form has the rest before the text */
	const char *rest;
};
static const struct kind kinds[] = {
	{0xa2fa4880, 0x7d170cff, 0xc9dd90e9, false, false, false, false, ""},
	{0xb16a6c29, 0x417efd8f, 0xdf3d36f9, false, false, false, false, ""},
	{0xfc796b3f, 0xaa40f94d, 0x9beee140, false, false, false, false, ""},
	{0xbbc7515d, 0x7a11d782, 0xaacfff84, false, true, true, true, "0i"},
	{0xa0c0505c, 0xe15c4370, 0xc01a597a, false, false, false, false, "s"},
	{0x53d7bfd8, 0x5b0f15f5, 0x4f58a237, false, false, true, false, "ioi"},
	{0xc9662d05, 0x02b78156, 0x3fe268fe, false, true, true, false, "ioi"},
	{0x35bbdb6b, 0xe62bc960, 0x2955bc38, true, true, true, false, "s"},
	{0x258aff05, 0xd80c25ec, 0xeca4f8d4, true, false, false, false, "s"},
	{0x93b9fbb5, 0x991399fc, 0x93773ff5, true, true, true, false, "s1v"},
	{0x0568a748, 0x991399fc, 0x93773ff5, true, true, true, false, "s"},
	{0x50f41ccf, 0x89c590f9, 0x5cd3709d, true, false, false, false, ""},
	{0xafd93fbb, 0x3fa53905, 0x48bad7a5, true, false, false, false, ""},
	{0x10b78d29, 0xf51006f9, 0xbfd02da2, true, true, true, false, "0ssi"},
	{0x308660c1, 0xc0fd5d09, 0x3fa33fcf, true, false, false, false, "l"},
	{0xe988037b, 0x7d5e07c7, 0x53f3ce5a, true, false, false, false, "o"},
	{0x13767230, 0xe846b1a0, 0x3bcab5b4, true, false, false, false, "s"},
	{0x75d2698e, 0xbcc4af10, 0xb41d3272, true, false, false, false, "s"},
};
#define KINDS (sizeof(kinds) / sizeof(*kinds))

struct rewrite {
	struct tl_arena *arena;
	struct tl_cursor in;
	struct tl_buf *out;
	int layer; /* of the client when lowering */
};

static void copy_object(struct rewrite *r, struct tl_buf *out)
{
	const uint8_t *start = r->in.p;
	struct tl_obj *o;
	bool cut = false;

	if (tl_decode(&tl_api, r->arena, &r->in, &o, &cut) < 0 || cut)
		tl_fail(&r->in, -TG_E_WIRE);
	else
		tl_put(out, start, (size_t)(r->in.p - start));
}

static void copy_vector(struct rewrite *r, struct tl_buf *out)
{
	uint32_t n;

	if (tl_get_u32(&r->in) != VECTOR)
		tl_fail(&r->in, -TG_E_WIRE);
	n = tl_get_u32(&r->in);
	if (n > MAX_BUTTONS)
		tl_fail(&r->in, -TG_E_WIRE);
	tl_put_u32(out, VECTOR);
	tl_put_u32(out, n);
	while (n-- && !r->in.err)
		copy_object(r, out);
}

static void copy_string(struct rewrite *r, struct tl_buf *out)
{
	struct tl_str s = tl_get_bytes(&r->in);

	tl_put_bytes(out, s.data, s.len);
}

static void copy_rest(struct rewrite *r, struct tl_buf *out, const char *rest, uint32_t flags)
{
	for (; *rest && !r->in.err; rest++) {
		if (*rest >= '0' && *rest <= '9') {
			if (!(flags >> (*rest - '0') & 1))
				rest++;
			continue;
		}
		if (*rest == 's')
			copy_string(r, out);
		else if (*rest == 'i')
			tl_put_u32(out, tl_get_u32(&r->in));
		else if (*rest == 'l')
			tl_put_u64(out, tl_get_u64(&r->in));
		else if (*rest == 'o')
			copy_object(r, out);
		else
			copy_vector(r, out);
	}
}

/* ---- one button ----------------------------------------------------------------------------- */
static void raise_button(struct rewrite *r, bool in_line)
{
	uint32_t id = tl_get_u32(&r->in), flags = 0;
	const struct kind *k = kinds, *end = kinds + KINDS;
	struct tl_buf rest = {0};

	while (k < end && (k->in_line != in_line || (k->plain != id && k->styled != id)))
		k++;
	if (k == end) {
		tl_fail(&r->in, -TG_E_WIRE);
		return;
	}
	if (k->flagged || id == k->styled)
		flags = tl_get_u32(&r->in);
	tl_put_u32(r->out, in_line ? INLINE_BUTTON : BUTTON);
	tl_put_u32(r->out, flags & STYLE);
	if (flags & STYLE)
		copy_object(r, r->out);
	if (k->rest_first)
		copy_rest(r, &rest, k->rest, flags);
	copy_string(r, r->out);
	if (!k->rest_first)
		copy_rest(r, &rest, k->rest, flags);
	tl_put_u32(r->out, k->type);
	if (k->type_flags)
		tl_put_u32(r->out, flags & ~STYLE);
	tl_put(r->out, rest.data, rest.len);
	tl_buf_free(&rest);
}

static void lower_button(struct rewrite *r, bool in_line)
{
	uint32_t flags, own = 0, type;
	const struct kind *k = kinds, *end = kinds + KINDS;
	struct tl_buf style = {0}, text = {0}, rest = {0};
	bool styled = r->layer >= STYLE_LAYER;

	if (tl_get_u32(&r->in) != (in_line ? INLINE_BUTTON : BUTTON))
		tl_fail(&r->in, -TG_E_WIRE);
	flags = tl_get_u32(&r->in);
	if (flags & STYLE)
		copy_object(r, &style);
	copy_string(r, &text);
	type = tl_get_u32(&r->in);
	while (k < end && (k->in_line != in_line || k->type != type))
		k++;
	if (k == end) {
		tl_fail(&r->in, -TG_E_WIRE);
	} else {
		if (k->type_flags)
			own = tl_get_u32(&r->in);
		copy_rest(r, &rest, k->rest, own);
		tl_put_u32(r->out, styled ? k->styled : k->plain);
		if (styled || k->flagged)
			tl_put_u32(r->out, (styled ? flags & STYLE : 0) | (k->flagged ? own : 0));
		if (styled)
			tl_put(r->out, style.data, style.len);
		if (k->rest_first)
			tl_put(r->out, rest.data, rest.len);
		tl_put(r->out, text.data, text.len);
		if (!k->rest_first)
			tl_put(r->out, rest.data, rest.len);
	}
	tl_buf_free(&style);
	tl_buf_free(&text);
	tl_buf_free(&rest);
}

/* ---- rows ------------------------------------------------------------------------------------ */
/* Behind the row's own number. */
static void buttons(struct rewrite *r, bool in_line, bool raise)
{
	uint32_t n;

	if (tl_get_u32(&r->in) != VECTOR)
		tl_fail(&r->in, -TG_E_WIRE);
	n = tl_get_u32(&r->in);
	if (n > MAX_BUTTONS)
		tl_fail(&r->in, -TG_E_WIRE);
	tl_put_u32(r->out, raise && in_line ? INLINE_ROW : ROW);
	tl_put_u32(r->out, VECTOR);
	tl_put_u32(r->out, n);
	while (n-- && !r->in.err)
		if (raise)
			raise_button(r, in_line);
		else
			lower_button(r, in_line);
}

/* An inline keyboard, behind its number (and flags). */
static void inline_rows(struct rewrite *r, bool raise)
{
	uint32_t n;

	if (tl_get_u32(&r->in) != VECTOR)
		tl_fail(&r->in, -TG_E_WIRE);
	n = tl_get_u32(&r->in);
	if (n > MAX_BUTTONS)
		tl_fail(&r->in, -TG_E_WIRE);
	tl_put_u32(r->out, raise ? NEW_INLINE : OLD_INLINE);
	if (raise)
		tl_put_u32(r->out, 0);
	tl_put_u32(r->out, VECTOR);
	tl_put_u32(r->out, n);
	while (n-- && !r->in.err) {
		if (tl_get_u32(&r->in) != (raise ? ROW : INLINE_ROW))
			tl_fail(&r->in, -TG_E_WIRE);
		buttons(r, true, raise);
	}
}

/* ---- the whole --------------------------------------------------------------------------------
 */
/* Tries to rewrite what begins here; what only looked like a keyboard stays as it is. */
static bool step(struct rewrite *r, bool raise)
{
	struct tl_cursor start = r->in;
	size_t mark = r->out->len;
	uint32_t id = tl_get_u32(&r->in);

	if (id == OLD_INLINE) {
		inline_rows(r, raise);
	} else if (id == NEW_INLINE && !raise) {
		tl_get_u32(&r->in);
		inline_rows(r, raise);
	} else if (id == ROW) {
		buttons(r, false, raise);
	} else {
		tl_put_u32(r->out, id);
		return false;
	}
	if (!r->in.err)
		return true;
	r->in = start;
	r->out->len = mark;
	tl_put_u32(r->out, tl_get_u32(&r->in));
	return false;
}

static bool looks(const uint8_t *p, size_t n)
{
	for (size_t i = 0; i + 4 <= n; i += 4) {
		uint32_t id = (uint32_t)p[i] | (uint32_t)p[i + 1] << 8 | (uint32_t)p[i + 2] << 16 |
			      (uint32_t)p[i + 3] << 24;

		if (id == OLD_INLINE || id == NEW_INLINE || id == ROW)
			return true;
	}
	return false;
}

bool sb_keyboards_rewrite(struct tl_arena *a, int layer, bool raise, const uint8_t *p, size_t n,
			  struct tl_buf *out)
{
	struct rewrite r = {.arena = a, .in = tl_cursor(p, n), .out = out, .layer = layer};
	bool any = false;

	if (!looks(p, n))
		return false;
	while (tl_left(&r.in) >= 4)
		any |= step(&r, raise);
	return any && !out->err;
}
