/* help.*: configuration and what else clients ask for before anything. */
#include "tests/sandbox/world.h"

#define CONFIG_LIFE 3600
#define APP_CONFIG_LAYER 150 /* before it, the JSON value alone */
#define WEB_PAGE_LAYER 174   /* before it, the page or media alone */

static struct tl_vec dc_options(struct sb_world *w, struct tl_arena *a)
{
	unsigned n;
	const struct sb_address *list = sb_net_addresses(w->s->net, &n);
	struct sb_list options = {0};

	for (unsigned i = 0; i < n; i++) {
		struct tl_dcOption *o = SB_NEW(a, dcOption);

		o->id = list[i].dc;
		o->ipv6 = list[i].ipv6;
		o->cdn = list[i].dc == SB_CDN;
		o->ip_address = tl_str(list[i].host);
		o->port = list[i].port;
		sb_add(a, &options, &o->obj);
	}
	return sb_vec(&options);
}

static void get_config(struct sb_world *w, struct sb_call *c, struct sb_user *me)
{
	struct tl_config *o = SB_NEW(c->arena, config);

	(void)me;
	o->date = sb_time(w);
	o->expires = o->date + CONFIG_LIFE;
	o->this_dc = c->auth->dc;
	o->dc_options = dc_options(w, c->arena);
	o->dc_txt_domain_name = tl_str("localhost");
	o->chat_size_max = 200;
	o->megagroup_size_max = 200000;
	o->forwarded_count_max = 100;
	o->online_update_period_ms = 210000;
	o->offline_blur_timeout_ms = 5000;
	o->offline_idle_timeout_ms = 30000;
	o->online_cloud_timeout_ms = 300000;
	o->notify_cloud_delay_ms = 30000;
	o->notify_default_delay_ms = 1500;
	o->push_chat_period_ms = 60000;
	o->push_chat_limit = 2;
	o->edit_time_limit = 172800;
	o->revoke_time_limit = 2147483647;
	o->revoke_pm_time_limit = 2147483647;
	o->revoke_pm_inbox = true;
	o->rating_e_decay = 2419200;
	o->stickers_recent_limit = 200;
	o->channels_read_media_period = 604800;
	o->call_receive_timeout_ms = 20000;
	o->call_ring_timeout_ms = 90000;
	o->call_connect_timeout_ms = 30000;
	o->call_packet_timeout_ms = 10000;
	o->me_url_prefix = tl_str("https://t.me/");
	o->gif_search_username = tl_str("gif");
	o->venue_search_username = tl_str("foursquare");
	o->img_search_username = tl_str("bing");
	o->caption_length_max = 1024;
	o->message_length_max = SB_MAX_TEXT;
	o->webfile_dc_id = c->auth->dc;
	sb_reply(c, &o->obj);
}

static void get_nearest_dc(struct sb_world *w, struct sb_call *c, struct sb_user *me)
{
	struct tl_nearestDc *o = SB_NEW(c->arena, nearestDc);

	(void)w;
	(void)me;
	o->country = tl_str("AQ");
	o->this_dc = c->auth->dc;
	o->nearest_dc = c->auth->dc;
	sb_reply(c, &o->obj);
}

static void get_app_config(struct sb_world *w, struct sb_call *c, struct sb_user *me)
{
	static const char config[] =
		"{\"_\":\"help.appConfig\",\"hash\":1,\"config\":{\"_\":\"jsonObject\",\"value\":["
		"{\"_\":\"jsonObjectValue\",\"key\":\"upload_max_fileparts_default\","
		"\"value\":{\"_\":\"jsonNumber\",\"value\":4000}},"
		"{\"_\":\"jsonObjectValue\",\"key\":\"upload_max_fileparts_premium\","
		"\"value\":{\"_\":\"jsonNumber\",\"value\":8000}},"
		"{\"_\":\"jsonObjectValue\",\"key\":\"test\","
		"\"value\":{\"_\":\"jsonNumber\",\"value\":1}}]}}";
	const struct tl_help_getAppConfig *in = (const void *)c->request;

	struct tl_help_appConfig *o;

	(void)w;
	(void)me;
	if (in->hash == 1 && !sb_older(c, APP_CONFIG_LAYER)) {
		sb_reply(c, &SB_NEW(c->arena, help_appConfigNotModified)->obj);
		return;
	}
	o = (void *)sb_from_json(c->arena, 0, config);
	sb_reply(c, sb_older(c, APP_CONFIG_LAYER) ? o->config : &o->obj);
}

static void get_terms_update(struct sb_world *w, struct sb_call *c, struct sb_user *me)
{
	struct tl_help_termsOfServiceUpdateEmpty *o =
		SB_NEW(c->arena, help_termsOfServiceUpdateEmpty);

	(void)me;
	o->expires = sb_time(w) + CONFIG_LIFE;
	sb_reply(c, &o->obj);
}

static void get_promo_data(struct sb_world *w, struct sb_call *c, struct sb_user *me)
{
	struct tl_help_promoDataEmpty *o = SB_NEW(c->arena, help_promoDataEmpty);

	(void)me;
	o->expires = sb_time(w) + CONFIG_LIFE;
	sb_reply(c, &o->obj);
}

static void get_support(struct sb_world *w, struct sb_call *c, struct sb_user *me)
{
	struct sb_view v = sb_view(w, me, c->arena);
	struct tl_help_support *o = SB_NEW(c->arena, help_support);

	o->phone_number = tl_str("42777");
	o->user = sb_tl_user(&v, w->service);
	sb_reply(c, &o->obj);
}

/* There is no web in the box. */
static void get_web_page(struct sb_world *w, struct sb_call *c, struct sb_user *me)
{
	struct tl_messages_webPage *o = SB_NEW(c->arena, messages_webPage);

	(void)w;
	(void)me;
	o->webpage = &SB_NEW(c->arena, webPageEmpty)->obj;
	sb_reply(c, sb_older(c, WEB_PAGE_LAYER) ? o->webpage : &o->obj);
}

static void get_web_preview(struct sb_world *w, struct sb_call *c, struct sb_user *me)
{
	struct tl_messages_webPagePreview *o = SB_NEW(c->arena, messages_webPagePreview);

	(void)w;
	(void)me;
	o->media = &SB_NEW(c->arena, messageMediaEmpty)->obj;
	sb_reply(c, sb_older(c, WEB_PAGE_LAYER) ? o->media : &o->obj);
}

const struct sb_method sb_methods_help[] = {
	{TL_help_getConfig, SB_ANYONE, get_config, NULL},
	{TL_help_getNearestDc, SB_ANYONE, get_nearest_dc, NULL},
	{TL_help_getAppConfig, SB_ANYONE, get_app_config, NULL},
	{TL_help_getTermsOfServiceUpdate, SB_PEOPLE, get_terms_update, NULL},
	{TL_help_getPromoData, SB_PEOPLE, get_promo_data, NULL},
	{TL_help_getSupport, SB_PEOPLE, get_support, NULL},
	{TL_help_getCountriesList, SB_ANYONE, NULL,
	 "{\"_\":\"help.countriesList\",\"hash\":1,\"countries\":[{\"_\":\"help.country\","
	 "\"iso2\":\"AQ\",\"default_name\":\"Antarctica\",\"country_codes\":[{\"_\":"
	 "\"help.countryCode\",\"country_code\":\"999\"}]}]}"},
	{TL_help_getInviteText, SB_PEOPLE, NULL,
	 "{\"_\":\"help.inviteText\",\"message\":\"Join me in the sandbox.\"}"},
	{TL_help_getAppUpdate, SB_ANYONE, NULL, "{\"_\":\"help.noAppUpdate\"}"},
	{TL_help_getDeepLinkInfo, SB_ANYONE, NULL, "{\"_\":\"help.deepLinkInfoEmpty\"}"},
	{TL_help_getTimezonesList, SB_PEOPLE, NULL,
	 "{\"_\":\"help.timezonesList\",\"timezones\":[],\"hash\":1}"},
	{TL_help_getPeerColors, 0, NULL, "{\"_\":\"help.peerColors\",\"hash\":1,\"colors\":[]}"},
	{TL_help_getPeerProfileColors, 0, NULL,
	 "{\"_\":\"help.peerColors\",\"hash\":1,\"colors\":[]}"},
	{TL_messages_getWebPage, SB_PEOPLE, get_web_page, NULL},
	{TL_messages_getWebPagePreview, SB_PEOPLE, get_web_preview, NULL},
	{TL_help_dismissSuggestion, SB_PEOPLE, NULL, "true"},
	{TL_help_acceptTermsOfService, SB_PEOPLE, NULL, "true"},
	{TL_help_saveAppLog, SB_ANYONE, NULL, "true"},
	SB_METHOD_END,
};
