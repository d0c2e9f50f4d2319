/* Files and media as the world keeps them, and as TL objects. A file reference carries the epoch it
 * was handed out in; core.telegram.org/api/file_reference. */
#include "tests/sandbox/world.h"

#define REFERENCE_SECONDS 86400

struct reference {
	int32_t epoch, date;
	uint64_t proof;
};

static uint64_t proof(const struct sb_world *w, const struct sb_file *f, const struct reference *r)
{
	return sb_mix(w->salt ^ (uint64_t)f->id,
		      ((uint64_t)(uint32_t)r->epoch << 32) ^ (uint32_t)r->date);
}

static struct tl_str reference(struct sb_view *v, const struct sb_file *f)
{
	struct reference *r = sb_alloc(v->arena, sizeof(*r));

	r->epoch = v->w->reference_epoch;
	r->date = sb_time(v->w);
	r->proof = proof(v->w, f, r);
	return (struct tl_str){(const char *)r, sizeof(*r)};
}

const char *sb_reference_wrong(struct sb_world *w, const struct sb_file *f, struct tl_str s)
{
	struct reference r;

	if (!s.len)
		return "FILE_REFERENCE_EMPTY";
	if (s.len != sizeof(r))
		return "FILE_REFERENCE_INVALID";
	memcpy(&r, s.data, sizeof(r));
	if (r.proof != proof(w, f, &r))
		return "FILE_REFERENCE_INVALID";
	if (r.epoch != w->reference_epoch || sb_time(w) - r.date > REFERENCE_SECONDS)
		return "FILE_REFERENCE_EXPIRED";
	return NULL;
}

static struct tl_obj *tl_photo(struct sb_view *v, const struct sb_file *f)
{
	struct tl_photo *o = SB_NEW(v->arena, photo);
	struct tl_photoSize *s = SB_NEW(v->arena, photoSize);

	s->type = tl_str("x");
	s->w = f->w;
	s->h = f->h;
	s->size = (int)f->size;
	o->id = f->id;
	o->access_hash = f->access;
	o->file_reference = reference(v, f);
	o->date = f->date;
	o->sizes = sb_vec_of(v->arena, &s->obj);
	o->dc_id = f->dc;
	return &o->obj;
}

struct tl_obj *sb_tl_file(struct sb_view *v, const struct sb_file *f)
{
	struct tl_document *o;

	if (f->photo)
		return tl_photo(v, f);
	o = SB_NEW(v->arena, document);
	o->id = f->id;
	o->access_hash = f->access;
	o->file_reference = reference(v, f);
	o->date = f->date;
	o->mime_type = tl_str(f->mime);
	o->size = (int64_t)f->size;
	o->dc_id = f->dc;
	o->attributes = f->attributes;
	return &o->obj;
}

struct tl_obj *sb_tl_media(struct sb_view *v, const struct sb_media *m)
{
	struct tl_messageMediaDocument *d;
	struct tl_messageMediaPhoto *p;

	if (!m->file)
		return (struct tl_obj *)m->obj;
	if (m->file->photo) {
		p = SB_NEW(v->arena, messageMediaPhoto);
		p->photo = sb_tl_file(v, m->file);
		p->spoiler = m->spoiler;
		if (m->ttl)
			SB_SET(p, ttl_seconds, m->ttl);
		return &p->obj;
	}
	d = SB_NEW(v->arena, messageMediaDocument);
	d->document = sb_tl_file(v, m->file);
	d->spoiler = m->spoiler;
	for (unsigned i = 0; i < m->file->attributes.count; i++) {
		const struct tl_obj *a = sb_item(&m->file->attributes, i);

		if (a->ctor == TL_documentAttributeVideo) {
			d->video = true;
			d->round = ((const struct tl_documentAttributeVideo *)a)->round_message;
		} else if (a->ctor == TL_documentAttributeAudio) {
			d->voice = ((const struct tl_documentAttributeAudio *)a)->voice;
		}
	}
	if (m->ttl)
		SB_SET(d, ttl_seconds, m->ttl);
	return &d->obj;
}

/* Takes over data, which came from malloc. */
struct sb_file *sb_file_take(struct sb_world *w, int dc, uint8_t *data, size_t n)
{
	struct sb_file *f = sb_alloc(&w->store, sizeof(*f));

	f->id = (int64_t)(sb_draw(w) >> 2) | 1;
	f->access = (int64_t)sb_draw(w);
	f->dc = dc;
	f->date = sb_time(w);
	f->data = data;
	f->size = n;
	f->mime = "application/octet-stream";
	f->next = w->first_file;
	w->first_file = f;
	sb_map_put(&w->store, &w->files, f->id, f);
	return f;
}

struct sb_file *sb_file_new(struct sb_world *w, int dc, const void *data, size_t n,
			    const char *name, const char *mime)
{
	uint8_t *copy = malloc(n + 1);
	struct tl_documentAttributeFilename *a = SB_NEW(&w->store, documentAttributeFilename);
	struct sb_file *f;

	if (!copy)
		abort();
	f = sb_file_take(w, dc, memcpy(copy, data, n), n);
	f->name = sb_copy(&w->store, name);
	f->mime = sb_copy(&w->store, mime);
	a->file_name = tl_str(f->name);
	f->attributes = sb_vec_of(&w->store, &a->obj);
	return f;
}

void sb_files_free(struct sb_world *w)
{
	for (struct sb_file *f = w->first_file; f; f = f->next)
		free(f->data);
	w->first_file = NULL;
}
