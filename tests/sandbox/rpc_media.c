/* Media: what an InputMedia becomes, and the methods that send it. core.telegram.org/api/files. */
#include "tests/sandbox/world.h"

#define ALBUM_MAX 10

/* ---- files ----------------------------------------------------------------------------------- */
static struct tl_vec with_name(struct sb_world *w, const struct tl_vec *given, const char *name)
{
	struct tl_vec kept = sb_keep_vec(w, &w->store, given);
	struct sb_list list = {0};
	bool named = false;

	for (unsigned i = 0; i < kept.count; i++) {
		named |= sb_item(&kept, i)->ctor == TL_documentAttributeFilename;
		sb_add(&w->store, &list, sb_item(&kept, i));
	}
	if (!named && name) {
		struct tl_documentAttributeFilename *a =
			SB_NEW(&w->store, documentAttributeFilename);

		a->file_name = tl_str(name);
		sb_add(&w->store, &list, &a->obj);
	}
	return sb_vec(&list);
}

static const char *uploaded_photo(struct sb_world *w, struct sb_call *c, struct sb_user *me,
				  const struct tl_obj *o, struct sb_media *m)
{
	const struct tl_inputMediaUploadedPhoto *in = (const void *)o;
	struct sb_file *f = NULL;
	const char *err = sb_upload_take(w, c, me, in->file, &f), *mime;

	if (err)
		return err;
	mime = sb_image(f->data, f->size, &f->w, &f->h);
	if (!mime)
		return "IMAGE_PROCESS_FAILED";
	f->photo = true;
	f->mime = mime;
	m->file = f;
	m->spoiler = in->spoiler;
	m->ttl = SB_OPT(in, ttl_seconds, 0);
	return NULL;
}

static const char *uploaded_document(struct sb_world *w, struct sb_call *c, struct sb_user *me,
				     const struct tl_obj *o, struct sb_media *m)
{
	const struct tl_inputMediaUploadedDocument *in = (const void *)o;
	struct sb_file *f = NULL, *thumb = NULL;
	const char *err = sb_upload_take(w, c, me, in->file, &f);

	if (!err && in->thumb)
		err = sb_upload_take(w, c, me, in->thumb, &thumb);
	if (err)
		return err;
	if (in->mime_type.len)
		f->mime = sb_text(&w->store, in->mime_type);
	f->attributes = with_name(w, &in->attributes, f->name);
	m->file = f;
	m->spoiler = in->spoiler;
	m->ttl = SB_OPT(in, ttl_seconds, 0);
	return NULL;
}

/* inputPhoto and inputDocument have the same fields. */
static const char *known_file(struct sb_world *w, const struct tl_obj *o, bool photo,
			      struct sb_media *m)
{
	const struct tl_inputDocument *in = (const void *)o;
	struct sb_file *f;

	if (!o || o->ctor != (photo ? TL_inputPhoto : TL_inputDocument))
		return "MEDIA_EMPTY";
	f = sb_map_get(&w->files, in->id);
	if (!f || f->photo != photo || f->access != in->access_hash)
		return "MEDIA_EMPTY";
	m->file = f;
	return sb_reference_wrong(w, f, in->file_reference);
}

/* ---- other media ----------------------------------------------------------------------------- */
static struct tl_obj *geo(struct tl_arena *a, const struct tl_obj *o)
{
	const struct tl_inputGeoPoint *in = (const void *)o;
	struct tl_geoPoint *g;

	if (!o || o->ctor != TL_inputGeoPoint)
		return &SB_NEW(a, geoPointEmpty)->obj;
	g = SB_NEW(a, geoPoint);
	g->lat = in->lat;
	g->long_ = in->long_;
	return &g->obj;
}

static struct tl_obj *contact(struct sb_world *w, struct tl_arena *a, const struct tl_obj *o)
{
	const struct tl_inputMediaContact *in = (const void *)o;
	struct tl_messageMediaContact *m = SB_NEW(a, messageMediaContact);
	const char *phone = sb_phone_clean(w, in->phone_number);
	struct sb_user *u = phone ? sb_phone_find(w, phone) : NULL;

	m->phone_number = in->phone_number;
	m->first_name = in->first_name;
	m->last_name = in->last_name;
	m->vcard = in->vcard;
	m->user_id = u ? u->id : 0;
	return &m->obj;
}

static struct tl_obj *venue(struct tl_arena *a, const struct tl_obj *o)
{
	const struct tl_inputMediaVenue *in = (const void *)o;
	struct tl_messageMediaVenue *m = SB_NEW(a, messageMediaVenue);

	m->geo = geo(a, in->geo_point);
	m->title = in->title;
	m->address = in->address;
	m->provider = in->provider;
	m->venue_id = in->venue_id;
	m->venue_type = in->venue_type;
	return &m->obj;
}

/* Answers that come without an option get the letter of their place. */
static struct tl_obj *poll(struct sb_world *w, struct tl_arena *a, const struct tl_obj *o)
{
	const struct tl_inputMediaPoll *in = (const void *)o;
	struct tl_messageMediaPoll *m = SB_NEW(a, messageMediaPoll);
	struct tl_poll *p = (void *)sb_keep(w, &w->store, in->poll);
	struct tl_pollResults *r = SB_NEW(a, pollResults);
	struct sb_list answers = {0};

	for (unsigned i = 0; i < p->answers.count; i++) {
		struct tl_obj *given = sb_item(&p->answers, i);

		if (given->ctor == TL_inputPollAnswer) {
			struct tl_pollAnswer *x = SB_NEW(a, pollAnswer);

			x->text = ((struct tl_inputPollAnswer *)given)->text;
			x->option = tl_str(sb_format(a, "%u", i));
			given = &x->obj;
		}
		sb_add(a, &answers, given);
	}
	p->answers = sb_vec(&answers);
	p->id = (int64_t)(sb_draw(w) >> 1);
	SB_SET(r, total_voters, 0);
	m->poll = &p->obj;
	m->results = &r->obj;
	return &m->obj;
}

static struct tl_obj *other(struct sb_world *w, struct tl_arena *a, const struct tl_obj *o)
{
	if (o->ctor == TL_inputMediaGeoPoint) {
		struct tl_messageMediaGeo *m = SB_NEW(a, messageMediaGeo);

		m->geo = geo(a, ((const struct tl_inputMediaGeoPoint *)o)->geo_point);
		return &m->obj;
	}
	if (o->ctor == TL_inputMediaDice) {
		struct tl_messageMediaDice *m = SB_NEW(a, messageMediaDice);

		m->value = (int)(sb_draw(w) % 6) + 1;
		m->emoticon = ((const struct tl_inputMediaDice *)o)->emoticon;
		return &m->obj;
	}
	if (o->ctor == TL_inputMediaContact)
		return contact(w, a, o);
	if (o->ctor == TL_inputMediaVenue)
		return venue(a, o);
	return o->ctor == TL_inputMediaPoll ? poll(w, a, o) : NULL;
}

const char *sb_media_in(struct sb_world *w, struct sb_call *c, struct sb_user *me,
			const struct tl_obj *o, struct sb_media **ret)
{
	struct sb_media *m = sb_alloc(&w->store, sizeof(*m));
	const char *err = NULL;

	switch (o->ctor) {
	case TL_inputMediaEmpty:
	case TL_inputMediaWebPage:
		*ret = NULL;
		return NULL;
	case TL_inputMediaUploadedPhoto:
		err = uploaded_photo(w, c, me, o, m);
		break;
	case TL_inputMediaUploadedDocument:
		err = uploaded_document(w, c, me, o, m);
		break;
	case TL_inputMediaPhoto:
		err = known_file(w, ((const struct tl_inputMediaPhoto *)o)->id, true, m);
		break;
	case TL_inputMediaDocument:
		err = known_file(w, ((const struct tl_inputMediaDocument *)o)->id, false, m);
		break;
	case TL_inputMediaPhotoExternal:
	case TL_inputMediaDocumentExternal:
		err = "WEBPAGE_CURL_FAILED"; /* there is no web in the box */
		break;
	default:
		m->obj = sb_keep(w, &w->store, other(w, c->arena, o));
		err = m->obj ? NULL : "MEDIA_INVALID";
	}
	if (!err)
		*ret = m;
	return err;
}

/* ---- methods --------------------------------------------------------------------------------- */
static void send_media(struct sb_world *w, struct sb_call *c, struct sb_user *me)
{
	const struct tl_messages_sendMedia *in = (const void *)c->request;
	const char *err;
	int64_t peer = sb_peer_in(w, me, in->peer, &err);
	struct sb_draft d = {
		.text = in->message,
		.entities = in->entities,
		.markup = me->bot ? in->reply_markup : NULL,
		.reply_to = sb_reply_id(in->reply_to),
		.random_id = in->random_id,
		.silent = in->silent,
		.noforwards = in->noforwards,
		.invert_media = in->invert_media,
	};
	struct sb_msg *m = NULL;
	struct sb_act t;

	if (peer)
		err = sb_map_get(&me->randoms, in->random_id) ? "500 RANDOM_ID_DUPLICATE"
							      : sb_may_write(w, me, peer);
	if (!err)
		err = sb_media_in(w, c, me, in->media, &d.media);
	if (!err && !d.media && !in->message.len)
		err = "MEDIA_EMPTY";
	sb_act_begin(&t, w, me, c);
	if (!err)
		err = sb_send(&t, peer, &d, &m);
	if (err)
		sb_act_fail(&t, c, err);
	else
		sb_reply_sent(c, &t, m, in->random_id);
	sb_act_end(&t);
}

static void send_album(struct sb_world *w, struct sb_call *c, struct sb_user *me)
{
	const struct tl_messages_sendMultiMedia *in = (const void *)c->request;
	struct sb_media *media[ALBUM_MAX] = {NULL};
	int64_t grouped = (int64_t)(sb_draw(w) >> 1);
	struct sb_list extra = {0};
	const char *err;
	int64_t peer = sb_peer_in(w, me, in->peer, &err);
	struct sb_act t;

	if (peer)
		err = sb_may_write(w, me, peer);
	if (!err && (!in->multi_media.count || in->multi_media.count > ALBUM_MAX))
		err = in->multi_media.count ? "MULTI_MEDIA_TOO_LONG" : "MEDIA_EMPTY";
	for (unsigned i = 0; !err && i < in->multi_media.count; i++) {
		const struct tl_inputSingleMedia *one = (const void *)sb_item(&in->multi_media, i);

		err = sb_media_in(w, c, me, one->media, &media[i]);
		if (!err && sb_map_get(&me->randoms, one->random_id))
			err = "500 RANDOM_ID_DUPLICATE";
	}
	sb_act_begin(&t, w, me, c);
	for (unsigned i = 0; !err && i < in->multi_media.count; i++) {
		const struct tl_inputSingleMedia *one = (const void *)sb_item(&in->multi_media, i);
		struct sb_draft d = {.text = one->message,
				     .entities = one->entities,
				     .media = media[i],
				     .random_id = one->random_id,
				     .grouped = grouped,
				     .reply_to = sb_reply_id(in->reply_to),
				     .silent = in->silent};
		struct sb_msg *m = NULL;

		err = sb_send(&t, peer, &d, &m);
		if (!err)
			sb_add(c->arena, &extra, sb_message_id(c->arena, m, one->random_id));
	}
	if (err)
		sb_act_fail(&t, c, err);
	else
		sb_act_reply(&t, c, sb_act_answer(&t, c, sb_vec(&extra)));
	sb_act_end(&t);
}

static void upload_media(struct sb_world *w, struct sb_call *c, struct sb_user *me)
{
	const struct tl_messages_uploadMedia *in = (const void *)c->request;
	struct sb_view v = sb_view(w, me, c->arena);
	struct sb_media *m = NULL;
	const char *err = sb_media_in(w, c, me, in->media, &m);

	if (err || !m)
		sb_fail(c, err ? err : "MEDIA_EMPTY");
	else
		sb_reply(c, sb_tl_media(&v, m));
}

const struct sb_method sb_methods_media[] = {
	{TL_messages_sendMedia, 0, send_media, NULL},
	{TL_messages_sendMultiMedia, 0, send_album, NULL},
	{TL_messages_uploadMedia, 0, upload_media, NULL},
	SB_METHOD_END,
};
