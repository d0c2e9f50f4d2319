/* What hangs on a message: photo, document, any other medium, and the action of a service message.
 * Writes into the caller's buffer; keeps nothing. */
#include "daemon/js.h"
#include "daemon/shape.h"
#include "tl_schema.h"

#include <string.h>

/* ---- photos and documents -------------------------------------------------------------------- */
struct size {
	int32_t width, height, bytes;
};

static struct size size_of(const struct tl_obj *o)
{
	const struct tl_photoSize *s = (const struct tl_photoSize *)o;
	const struct tl_photoSizeProgressive *p = (const struct tl_photoSizeProgressive *)o;

	if (o->ctor == TL_photoSize)
		return (struct size){s->w, s->h, s->size};
	if (o->ctor == TL_photoSizeProgressive)
		return (struct size){
			p->w, p->h,
			p->sizes.count ? ((const int32_t *)p->sizes.items)[p->sizes.count - 1] : 0};
	return (struct size){0}; /* a thumbnail inside the message, or of no known size */
}

static void write_size(struct tl_buf *b, struct size s)
{
	if (s.width > 0 && s.height > 0) {
		rpc_js_int(b, "width", s.width);
		rpc_js_int(b, "height", s.height);
	}
}

static void write_photo(struct tl_buf *b, const struct tl_obj *photo)
{
	const struct tl_photo *p = (const struct tl_photo *)photo;
	struct tl_obj *const *list;
	struct size best = {0}, s;

	if (!photo || photo->ctor != TL_photo)
		return;
	list = p->sizes.items;
	for (uint32_t i = 0; i < p->sizes.count; i++) {
		s = size_of(list[i]);
		if ((int64_t)s.width * s.height > (int64_t)best.width * best.height)
			best = s;
	}
	rpc_js_open(b, "photo", '{');
	rpc_js_long(b, "id", p->id);
	rpc_js_int(b, "date", p->date);
	write_size(b, best);
	if (best.bytes > 0)
		rpc_js_int(b, "size", best.bytes);
	rpc_js_close(b, '}');
}

struct facts {
	const struct tl_documentAttributeVideo *video;
	const struct tl_documentAttributeAudio *audio;
	const struct tl_documentAttributeSticker *sticker;
	const struct tl_documentAttributeImageSize *image;
	const struct tl_documentAttributeFilename *file;
	bool animated;
};

static struct facts facts_of(const struct tl_document *d)
{
	struct tl_obj *const *list = d->attributes.items;
	struct facts f = {0};

	for (uint32_t i = 0; i < d->attributes.count; i++) {
		const void *o = list[i];

		f.animated |= list[i]->ctor == TL_documentAttributeAnimated;
		if (list[i]->ctor == TL_documentAttributeVideo)
			f.video = o;
		else if (list[i]->ctor == TL_documentAttributeAudio)
			f.audio = o;
		else if (list[i]->ctor == TL_documentAttributeSticker)
			f.sticker = o;
		else if (list[i]->ctor == TL_documentAttributeImageSize)
			f.image = o;
		else if (list[i]->ctor == TL_documentAttributeFilename)
			f.file = o;
	}
	return f;
}

static const char *kind_of(const struct facts *f)
{
	if (f->sticker)
		return "sticker";
	if (f->animated)
		return "animation";
	if (f->video)
		return f->video->round_message ? "video_note" : "video";
	if (f->audio)
		return f->audio->voice ? "voice" : "audio";
	return "document";
}

static void write_document(struct tl_buf *b, const struct tl_obj *document)
{
	const struct tl_document *d = (const struct tl_document *)document;
	struct facts f;

	if (!document || document->ctor != TL_document)
		return;
	f = facts_of(d);
	rpc_js_open(b, "document", '{');
	rpc_js_text(b, "kind", kind_of(&f));
	rpc_js_long(b, "id", d->id);
	rpc_js_int(b, "date", d->date);
	rpc_js_int(b, "size", d->size);
	rpc_js_filled(b, "mime", d->mime_type);
	if (f.file)
		rpc_js_filled(b, "name", f.file->file_name);
	if (f.video)
		write_size(b, (struct size){f.video->w, f.video->h, 0});
	else if (f.image)
		write_size(b, (struct size){f.image->w, f.image->h, 0});
	if (f.video)
		rpc_js_double(b, "duration", f.video->duration);
	else if (f.audio)
		rpc_js_int(b, "duration", f.audio->duration);
	if (f.audio) {
		rpc_js_filled(b, "title", f.audio->title);
		rpc_js_filled(b, "performer", f.audio->performer);
	}
	if (f.sticker)
		rpc_js_filled(b, "emoji", f.sticker->alt);
	rpc_js_int(b, "thumbs", d->thumbs.count);
	rpc_js_close(b, '}');
}

/* ---- everything else: its type, and its members as the schema has them -------------------------
 */
static void write_members(struct tl_buf *b, const struct tl_obj *o)
{
	struct tl_buf whole = {0};
	const char *name = tl_name(&tl_api, o->ctor);
	size_t head = strlen("{\"_\":\"\"") + (name ? strlen(name) : 0);

	if (name && tl_obj_to_json(&tl_api, o, &whole) == 0 && !whole.err && whole.len > head + 2)
		tl_put(b, whole.data + head, whole.len - head - 1); /* ,"a":1 */
	tl_buf_free(&whole);
}

void rpc_shape_typed(struct tl_buf *b, const char *key, const struct tl_obj *o, const char *prefix)
{
	if (!o || o->ctor == TL_UNKNOWN)
		return;
	rpc_js_open(b, key, '{');
	rpc_snake(b, "type", o->ctor, prefix, "");
	write_members(b, o);
	rpc_js_close(b, '}');
}

void rpc_shape_media(struct tl_buf *b, const struct tl_obj *media)
{
	const struct tl_messageMediaPhoto *p = (const struct tl_messageMediaPhoto *)media;
	const struct tl_messageMediaDocument *d = (const struct tl_messageMediaDocument *)media;
	bool photo = media && media->ctor == TL_messageMediaPhoto;

	if (!photo && (!media || media->ctor != TL_messageMediaDocument)) {
		rpc_shape_typed(b, "media", media, "messageMedia");
		return;
	}
	rpc_js_open(b, "media", '{');
	rpc_snake(b, "type", media->ctor, "messageMedia", "");
	rpc_js_true(b, "spoiler", photo ? p->spoiler : d->spoiler);
	if (photo ? p->has_ttl_seconds : d->has_ttl_seconds)
		rpc_js_int(b, "ttl", photo ? p->ttl_seconds : d->ttl_seconds);
	rpc_js_close(b, '}');
	if (photo)
		write_photo(b, p->photo);
	else
		write_document(b, d->document);
}
