/* Entities that the server finds by itself: commands, mentions, hashtags, addresses.
 * core.telegram.org/api/entities: offsets and lengths in UTF-16 units. */
#include "tests/sandbox/world.h"

#include <ctype.h>

static bool word(char ch)
{
	return isalnum((unsigned char)ch) || ch == '_' || (unsigned char)ch >= 0x80;
}

/* UTF-16 units of n bytes of text. */
static int units(const char *p, size_t n)
{
	int count = 0;

	for (size_t i = 0; i < n; i++) {
		unsigned char ch = (unsigned char)p[i];

		count += (ch & 0xc0) == 0x80 ? 0 : ch >= 0xf0 ? 2 : 1;
	}
	return count;
}

/* Length of what begins at p and its constructor; 0 when nothing does. */
static size_t found_at(const char *text, const char *p, unsigned *ret_ctor)
{
	bool start = p == text || !word(p[-1]);
	size_t n = 1;

	if (*p == '/' && start && (p == text || p[-1] != '/')) {
		while (isalnum((unsigned char)p[n]) || p[n] == '_')
			n++;
		*ret_ctor = TL_messageEntityBotCommand;
		if (n > 1 && p[n] == '@')
			for (n++; isalnum((unsigned char)p[n]) || p[n] == '_';)
				n++;
		return n > 1 && p[n] != '/' ? n : 0;
	}
	if ((*p == '@' || *p == '#') && start) {
		while (*p == '@' ? isalnum((unsigned char)p[n]) || p[n] == '_' : word(p[n]))
			n++;
		*ret_ctor = *p == '@' ? TL_messageEntityMention : TL_messageEntityHashtag;
		return n > (*p == '@' ? 3 : 1) ? n : 0;
	}
	if (start && (!strncmp(p, "http://", 7) || !strncmp(p, "https://", 8))) {
		n = strcspn(p, " \t\r\n<>\"");
		while (n && strchr(".,;:!?)", p[n - 1]))
			n--;
		*ret_ctor = TL_messageEntityUrl;
		return n > 8 ? n : 0;
	}
	return 0;
}

/* Offset, with the length behind it: in nearly all entities at the place they have in a mention. */
static const int32_t *span(const struct tl_obj *o)
{
	return o->ctor == TL_messageEntityFormattedDate
		       ? &((const struct tl_messageEntityFormattedDate *)o)->offset
		       : &((const struct tl_messageEntityMention *)o)->offset;
}

static struct tl_obj *entity(struct tl_arena *a, unsigned ctor, int offset, int length)
{
	struct tl_messageEntityMention *e = SB_NEW(a, messageEntityMention);

	e->obj.ctor = (uint16_t)ctor;
	e->offset = offset;
	e->length = length;
	return &e->obj;
}

/* A named mention as it is read back; others stay what they are. */
static struct tl_obj *as_read(struct sb_world *w, struct tl_obj *o)
{
	const struct tl_inputMessageEntityMentionName *in = (const void *)o;
	struct tl_messageEntityMentionName *e;

	if (o->ctor != TL_inputMessageEntityMentionName)
		return o;
	if (!in->user_id || in->user_id->ctor != TL_inputUser)
		return NULL;
	e = SB_NEW(&w->store, messageEntityMentionName);
	e->offset = in->offset;
	e->length = in->length;
	e->user_id = ((const struct tl_inputUser *)in->user_id)->user_id;
	return &e->obj;
}

/* Inserts by offset, behind those that begin at the same place. */
static void add_sorted(struct tl_arena *a, struct sb_list *l, struct tl_obj *e)
{
	unsigned i;

	sb_add(a, l, e);
	for (i = l->count - 1; i && *span(l->items[i - 1]) > *span(e); i--)
		l->items[i] = l->items[i - 1];
	l->items[i] = e;
}

static bool covered(const struct sb_list *l, int offset, int length)
{
	for (unsigned i = 0; i < l->count; i++) {
		const int32_t *e = span(l->items[i]);

		if (e[0] < offset + length && offset < e[0] + e[1])
			return true;
	}
	return false;
}

struct tl_vec sb_text_entities(struct sb_world *w, const char *text, const struct tl_vec *given)
{
	struct tl_vec kept = sb_keep_vec(w, &w->store, given);
	struct sb_list list = {0};

	for (unsigned i = 0; i < kept.count; i++) {
		struct tl_obj *e = as_read(w, sb_item(&kept, i));

		if (e)
			add_sorted(&w->store, &list, e);
	}
	for (const char *p = text; p && *p;) {
		unsigned ctor = 0;
		size_t n = found_at(text, p, &ctor);
		int offset = n ? units(text, (size_t)(p - text)) : 0, length = units(p, n);

		if (n && !covered(&list, offset, length))
			add_sorted(&w->store, &list, entity(&w->store, ctor, offset, length));
		p += n ? n : 1;
	}
	return list.count ? sb_vec(&list) : (struct tl_vec){NULL, 0};
}
