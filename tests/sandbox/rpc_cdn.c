/* The CDN data centre (--cdn): its key is told by help.getCdnConfig, files are to be had there by a
 * token, encrypted (core.telegram.org/cdn). It keeps nothing: token and keys follow from the file.
 */
#include "tests/sandbox/world.h"

#define BLOCK 131072
#define MOST 1048576
#define TOKEN 16

static void get_cdn_config(struct sb_world *w, struct sb_call *c, struct sb_user *me)
{
	struct tl_cdnConfig *o = SB_NEW(c->arena, cdnConfig);
	struct tl_cdnPublicKey *k = SB_NEW(c->arena, cdnPublicKey);
	char pem[SB_PEM];

	(void)me;
	if (sb_net_cdn_key(w->s->net, pem)) {
		k->dc_id = SB_CDN;
		k->public_key = tl_str(sb_copy(c->arena, pem));
		o->public_keys = sb_vec_of(c->arena, &k->obj);
	}
	sb_reply(c, &o->obj);
}

static void secrets(const struct sb_file *f, uint8_t key[32], uint8_t iv[32])
{
	mt_sha256(key, "cdn key", 7, &f->access, sizeof f->access);
	mt_sha256(iv, "cdn iv", 6, &f->access, sizeof f->access);
}

/* Bytes at..at+n as the CDN has them; at is a multiple of 16. */
static uint8_t *sealed(struct tl_arena *a, const struct sb_file *f, size_t at, size_t n)
{
	uint8_t key[32], iv[32], *out = sb_alloc(a, n + 1);
	struct mt_ctr ctr;

	secrets(f, key, iv);
	for (int i = 0; i < 4; i++) /* the block's number, most significant byte first */
		iv[12 + i] = (uint8_t)(at / 16 >> 8 * (3 - i));
	mt_ctr_init(&ctr, key, iv);
	mt_ctr_xor(&ctr, f->data + at, out, n);
	return out;
}

static size_t part(const struct sb_file *f, size_t at, size_t most)
{
	size_t left = at < f->size ? f->size - at : 0;

	return left < most ? left : most;
}

bool sb_cdn_redirect(struct sb_world *w, struct sb_call *c, const struct sb_file *f)
{
	struct tl_upload_fileCdnRedirect *o = SB_NEW(c->arena, upload_fileCdnRedirect);
	uint8_t *secret = sb_alloc(c->arena, 64 + TOKEN), *hash;
	struct sb_list hashes = {0};
	char pem[SB_PEM];

	if (!sb_net_cdn_key(w->s->net, pem))
		return false;
	secrets(f, secret, secret + 32);
	memcpy(secret + 64, &f->id, 8);
	memcpy(secret + 72, &f->access, 8);
	for (size_t at = 0; at < f->size && hashes.count < 16; at += BLOCK) {
		struct tl_fileHash *h = SB_NEW(c->arena, fileHash);

		h->offset = (int64_t)at;
		h->limit = (int)part(f, at, BLOCK);
		hash = sb_alloc(c->arena, 32);
		mt_sha256(hash, sealed(c->arena, f, at, (size_t)h->limit), (size_t)h->limit, NULL,
			  0);
		h->hash = (struct tl_str){(const char *)hash, 32};
		sb_add(c->arena, &hashes, &h->obj);
	}
	o->dc_id = SB_CDN;
	o->encryption_key = (struct tl_str){(const char *)secret, 32};
	o->encryption_iv = (struct tl_str){(const char *)secret + 32, 16};
	o->file_token = (struct tl_str){(const char *)secret + 64, TOKEN};
	o->file_hashes = sb_vec(&hashes);
	sb_reply(c, &o->obj);
	return true;
}

static void get_cdn_file(struct sb_world *w, struct sb_call *c, struct sb_user *me)
{
	const struct tl_upload_getCdnFile *in = (const void *)c->request;
	struct tl_upload_cdnFile *o = SB_NEW(c->arena, upload_cdnFile);
	const struct sb_file *f = NULL;
	int64_t id, access;
	size_t n;

	(void)me;
	if (c->auth->dc != SB_CDN) {
		sb_fail(c, "METHOD_INVALID");
		return;
	}
	if (in->file_token.len == TOKEN) {
		memcpy(&id, in->file_token.data, 8);
		memcpy(&access, in->file_token.data + 8, 8);
		f = sb_map_get(&w->files, id);
	}
	if (!f || f->access != access) {
		sb_fail(c, "FILE_TOKEN_INVALID");
		return;
	}
	if (in->offset < 0 || in->offset % 4096 || in->limit < 1 || in->limit > MOST ||
	    in->limit % 4096) {
		sb_fail(c, "LIMIT_INVALID");
		return;
	}
	n = part(f, (size_t)in->offset, (size_t)in->limit);
	o->bytes = (struct tl_str){(const char *)sealed(c->arena, f, (size_t)in->offset, n),
				   (uint32_t)n};
	sb_reply(c, &o->obj);
}

const struct sb_method sb_methods_cdn[] = {
	{TL_help_getCdnConfig, SB_ANYONE, get_cdn_config, NULL},
	{TL_upload_getCdnFile, SB_ANYONE, get_cdn_file, NULL},
	SB_METHOD_END,
};
