/* upload.*: parts that make a file, and pieces of it back. core.telegram.org/api/files. */
#include "tests/sandbox/world.h"

#define PART_MAX 524288
#define PARTS_MAX 4000
#define SMALL_MAX 10485760 /* above: saveBigFilePart */
#define PIECE 1048576
#define HASH_BLOCK 131072
#define KEEP_SECONDS 3600
#define KEEP_BYTES ((size_t)4 << 30) /* of all that is not yet a file */

struct part {
	uint8_t *data;
	uint32_t size;
};
struct sb_upload {
	int64_t key;
	struct part *parts; /* PARTS_MAX, malloc as all here */
	int date, first;    /* size of the parts but the last; 0 = not known */
	struct sb_upload *next;
};

/* ---- parts ----------------------------------------------------------------------------------- */
static void upload_free(struct sb_world *w, struct sb_upload *u)
{
	struct sb_upload **p = &w->first_upload;

	while (*p != u)
		p = &(*p)->next;
	*p = u->next;
	sb_map_put(&w->store, &w->uploads, u->key, NULL);
	for (unsigned i = 0; i < PARTS_MAX; i++) {
		w->upload_bytes -= u->parts[i].size;
		free(u->parts[i].data);
	}
	free(u->parts);
	free(u);
}

void sb_uploads_free(struct sb_world *w)
{
	while (w->first_upload)
		upload_free(w, w->first_upload);
}

static struct sb_upload *upload(struct sb_world *w, const struct sb_user *me, int64_t file_id,
				bool make)
{
	int64_t key = (int64_t)sb_mix((uint64_t)me->id, (uint64_t)file_id);
	struct sb_upload *u = sb_map_get(&w->uploads, key);

	if (u || !make)
		return u;
	for (struct sb_upload *old = w->first_upload, *next; old; old = next) {
		next = old->next;
		if (sb_time(w) - old->date > KEEP_SECONDS)
			upload_free(w, old);
	}
	u = calloc(1, sizeof(*u));
	if (u)
		u->parts = calloc(PARTS_MAX, sizeof(*u->parts));
	if (!u || !u->parts)
		abort();
	u->key = key;
	u->date = sb_time(w);
	u->next = w->first_upload;
	w->first_upload = u;
	sb_map_put(&w->store, &w->uploads, key, u);
	return u;
}

static const char *part_wrong(struct sb_world *w, int part, struct tl_str bytes)
{
	if (part < 0 || part >= PARTS_MAX)
		return "FILE_PART_INVALID";
	if (!bytes.len)
		return "FILE_PART_EMPTY";
	if (bytes.len > PART_MAX)
		return "FILE_PART_TOO_BIG";
	if (w->upload_bytes + bytes.len > KEEP_BYTES)
		return "420 FLOOD_WAIT_10";
	return NULL;
}

static void save_part(struct sb_world *w, struct sb_call *c, struct sb_user *me, int64_t file_id,
		      int number, int total, struct tl_str bytes)
{
	const char *err = part_wrong(w, number, bytes);
	bool last = total > 0 && number == total - 1;
	struct sb_upload *u = err ? NULL : upload(w, me, file_id, true);
	struct part *p = u ? &u->parts[number] : NULL;

	if (!err && total > 0 && !last && (bytes.len % 1024 || PART_MAX % bytes.len))
		err = "FILE_PART_SIZE_INVALID";
	if (!err && total > 0 && !last && u->first && (uint32_t)u->first != bytes.len)
		err = "FILE_PART_SIZE_CHANGED";
	if (err) {
		sb_fail(c, err);
		return;
	}
	if (total > 0 && !last)
		u->first = (int)bytes.len;
	w->upload_bytes -= p->size;
	free(p->data);
	p->data = malloc(bytes.len);
	if (!p->data)
		abort();
	memcpy(p->data, bytes.data, bytes.len);
	p->size = bytes.len;
	w->upload_bytes += p->size;
	u->date = sb_time(w);
	sb_reply_bool(c, true);
}

static void save_file_part(struct sb_world *w, struct sb_call *c, struct sb_user *me)
{
	const struct tl_upload_saveFilePart *in = (const void *)c->request;

	save_part(w, c, me, in->file_id, in->file_part, 0, in->bytes);
}

static void save_big_part(struct sb_world *w, struct sb_call *c, struct sb_user *me)
{
	const struct tl_upload_saveBigFilePart *in = (const void *)c->request;

	if (in->file_total_parts > PARTS_MAX || !in->file_total_parts || in->file_total_parts < -1)
		sb_fail(c, "FILE_PARTS_INVALID");
	else
		save_part(w, c, me, in->file_id, in->file_part, in->file_total_parts, in->bytes);
}

/* ---- a file of its parts --------------------------------------------------------------------- */
static const char *parts_wrong(struct sb_call *c, const struct sb_upload *u, int parts, bool big,
			       size_t *ret_size)
{
	size_t size = 0;

	for (int i = 0; i < parts; i++) {
		const struct part *p = &u->parts[i];

		if (!p->data)
			return sb_format(c->arena, "FILE_PART_%d_MISSING", i);
		if (i < parts - 1 &&
		    (p->size % 1024 || PART_MAX % p->size || p->size != u->parts[0].size))
			return "FILE_PART_SIZE_INVALID";
		size += p->size;
	}
	if (parts > 1 && u->parts[parts - 1].size > u->parts[0].size)
		return "FILE_PART_SIZE_INVALID";
	if (!big && size > SMALL_MAX)
		return "FILE_PARTS_INVALID";
	*ret_size = size;
	return NULL;
}

static bool md5_right(struct tl_str want, const uint8_t *data, size_t n)
{
	uint8_t md5[16];
	char hex[33];

	if (!want.len)
		return true;
	mt_md5(md5, data, n);
	for (unsigned i = 0; i < 16; i++)
		snprintf(hex + 2 * i, 3, "%02x", md5[i]);
	return want.len == 32 && !strncasecmp(want.data, hex, 32);
}

const char *sb_upload_take(struct sb_world *w, struct sb_call *c, struct sb_user *me,
			   const struct tl_obj *input, struct sb_file **ret)
{
	const struct tl_inputFile *in =
		(const void *)input; /* inputFileBig has no md5 at the end */
	bool big = input && input->ctor == TL_inputFileBig;
	struct sb_upload *u;
	size_t size = 0, at = 0;
	uint8_t *data;
	const char *err;

	if (!input || (input->ctor != TL_inputFile && !big))
		return "FILE_ID_INVALID";
	u = upload(w, me, in->id, false);
	if (in->parts < 1 || in->parts > PARTS_MAX)
		return "FILE_PARTS_INVALID";
	if (!u)
		return "FILE_PART_0_MISSING";
	err = parts_wrong(c, u, in->parts, big, &size);
	if (err)
		return err;
	data = malloc(size);
	if (!data)
		abort();
	for (int i = 0; i < in->parts; i++) {
		memcpy(data + at, u->parts[i].data, u->parts[i].size);
		at += u->parts[i].size;
	}
	if (!big && !md5_right(in->md5_checksum, data, size)) {
		free(data);
		return "MD5_CHECKSUM_INVALID";
	}
	upload_free(w, u);
	*ret = sb_file_take(w, me->dc ? me->dc : c->auth->dc, data, size);
	(*ret)->name = in->name.len ? sb_text(&w->store, in->name) : NULL;
	return NULL;
}

/* ---- pieces back ----------------------------------------------------------------------------- */
/* Both locations have the same fields. */
static const char *located(struct sb_world *w, struct sb_call *c, const struct tl_obj *location,
			   struct sb_file **ret)
{
	const struct tl_inputDocumentFileLocation *l = (const void *)location;
	bool photo = location->ctor == TL_inputPhotoFileLocation;
	struct sb_file *f;
	const char *err;

	if (!photo && location->ctor != TL_inputDocumentFileLocation)
		return "LOCATION_INVALID";
	f = sb_map_get(&w->files, l->id);
	if (!f || f->photo != photo || f->access != l->access_hash)
		return "FILE_ID_INVALID";
	err = sb_reference_wrong(w, f, l->file_reference);
	if (err)
		return err;
	if (photo ? !tl_str_eq(l->thumb_size, "x") : l->thumb_size.len > 0)
		return "LOCATION_INVALID";
	if (f->dc != c->auth->dc)
		return sb_format(c->arena, "303 FILE_MIGRATE_%d", f->dc);
	*ret = f;
	return NULL;
}

static const char *range_wrong(const struct tl_upload_getFile *in)
{
	int step = in->precise ? 1024 : 4096;

	if (in->offset < 0 || in->offset % step)
		return "OFFSET_INVALID";
	if (in->limit < 1 || in->limit > PIECE || in->limit % step ||
	    (!in->precise && PIECE % in->limit) ||
	    in->offset / PIECE != (in->offset + in->limit - 1) / PIECE)
		return "LIMIT_INVALID";
	return NULL;
}

static struct tl_obj *file_type(struct tl_arena *a, const char *mime)
{
	if (!strcmp(mime, "image/jpeg"))
		return &SB_NEW(a, storage_fileJpeg)->obj;
	if (!strcmp(mime, "image/png"))
		return &SB_NEW(a, storage_filePng)->obj;
	if (!strcmp(mime, "image/gif"))
		return &SB_NEW(a, storage_fileGif)->obj;
	if (!strcmp(mime, "image/webp"))
		return &SB_NEW(a, storage_fileWebp)->obj;
	if (!strcmp(mime, "application/pdf"))
		return &SB_NEW(a, storage_filePdf)->obj;
	return &SB_NEW(a, storage_fileUnknown)->obj;
}

static void get_file(struct sb_world *w, struct sb_call *c, struct sb_user *me)
{
	const struct tl_upload_getFile *in = (const void *)c->request;
	struct tl_upload_file *o = SB_NEW(c->arena, upload_file);
	struct sb_file *f = NULL;
	const char *err = located(w, c, in->location, &f);
	size_t left;

	(void)me;
	if (!err)
		err = range_wrong(in);
	if (err) {
		sb_fail(c, err);
		return;
	}
	if (in->cdn_supported && sb_cdn_redirect(w, c, f))
		return;
	left = (uint64_t)in->offset < f->size ? f->size - (size_t)in->offset : 0;
	o->type = file_type(c->arena, f->mime);
	o->mtime = f->date;
	o->bytes = tl_str("");
	if (left)
		o->bytes = (struct tl_str){(const char *)f->data + in->offset,
					   left < (size_t)in->limit ? (uint32_t)left
								    : (uint32_t)in->limit};
	sb_reply(c, &o->obj);
}

static void get_hashes(struct sb_world *w, struct sb_call *c, struct sb_user *me)
{
	const struct tl_upload_getFileHashes *in = (const void *)c->request;
	struct sb_file *f = NULL;
	const char *err = located(w, c, in->location, &f);
	struct sb_list list = {0};
	struct tl_vec vec;

	(void)me;
	if (!err && in->offset < 0)
		err = "OFFSET_INVALID";
	if (err) {
		sb_fail(c, err);
		return;
	}
	for (size_t at = (size_t)in->offset / HASH_BLOCK * HASH_BLOCK;
	     at < f->size && list.count < 16; at += HASH_BLOCK) {
		struct tl_fileHash *h = SB_NEW(c->arena, fileHash);
		uint8_t *hash = sb_alloc(c->arena, 32);

		h->offset = (int64_t)at;
		h->limit = f->size - at < HASH_BLOCK ? (int)(f->size - at) : HASH_BLOCK;
		mt_sha256(hash, f->data + at, (size_t)h->limit, NULL, 0);
		h->hash = (struct tl_str){(const char *)hash, 32};
		sb_add(c->arena, &list, &h->obj);
	}
	vec = sb_vec(&list);
	sb_reply_vector(c, c->request->ctor, &vec);
}

const struct sb_method sb_methods_upload[] = {
	{TL_upload_saveFilePart, 0, save_file_part, NULL},
	{TL_upload_saveBigFilePart, 0, save_big_part, NULL},
	{TL_upload_getFile, 0, get_file, NULL},
	{TL_upload_getFileHashes, 0, get_hashes, NULL},
	SB_METHOD_END,
};
