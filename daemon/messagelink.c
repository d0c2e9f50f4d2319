/* Message links (core.telegram.org/api/links, "Message links"). Pure functions. */
#include "daemon/messagelink.h"

#include <stdio.h>
#include <string.h>

static bool number(const char *p, size_t n, int64_t *ret)
{
	int64_t v = 0;

	if (!n || n > 18)
		return false;
	for (size_t i = 0; i < n; i++) {
		if (p[i] < '0' || p[i] > '9')
			return false;
		v = v * 10 + (p[i] - '0');
	}
	*ret = v;
	return true;
}

static const char *behind_host(const char *p)
{
	static const char *const schemes[] = {"https://", "http://"};
	static const char *const hosts[] = {"t.me/", "telegram.me/", "telegram.dog/"};

	for (unsigned i = 0; i < 2; i++) {
		if (strncmp(p, schemes[i], strlen(schemes[i])) == 0) {
			p += strlen(schemes[i]);
			break;
		}
	}
	for (unsigned i = 0; i < 3; i++)
		if (strncmp(p, hosts[i], strlen(hosts[i])) == 0)
			return p + strlen(hosts[i]);
	return NULL;
}

bool rpc_message_link(struct tl_str text, struct tl_arena *arena, struct tl_str *ret_chat,
		      int64_t *ret_id)
{
	char t[128], chat[64];
	const char *p, *parts[4];
	size_t lens[4], n = 0;
	bool private;
	int64_t id, channel;
	int len;

	if (text.len >= sizeof t || memchr(text.data, '\0', text.len))
		return false;
	memcpy(t, text.data, text.len);
	t[text.len] = '\0';
	t[strcspn(t, "?#")] = '\0';
	p = behind_host(t);
	while (p && *p && n < 4) {
		parts[n] = p;
		lens[n] = strcspn(p, "/");
		p += lens[n];
		n++;
		p += *p == '/';
	}
	if (!p || *p || n < 2)
		return false;
	private = lens[0] == 1 && parts[0][0] == 'c';
	/* name/42, name/topic/42, c/123/42, c/123/topic/42 */
	if (n < 2u + private || n > 3u + private || !number(parts[n - 1], lens[n - 1], &id))
		return false;
	if (id < 1 || id > INT32_MAX)
		return false;
	if (private && !number(parts[1], lens[1], &channel))
		return false;
	len = private ? snprintf(chat, sizeof chat, "channel:%lld", (long long)channel)
		      : snprintf(chat, sizeof chat, "@%.*s", (int)lens[0], parts[0]);
	if (len >= (int)sizeof chat)
		return false;
	ret_chat->data = tl_arena_copy(arena, chat, (size_t)len);
	ret_chat->len = (uint32_t)len;
	*ret_id = id;
	return ret_chat->data != NULL;
}
