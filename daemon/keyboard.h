/* Short forms of keyboards and entities, as people write them, into TL's JSON. */
#ifndef DAEMON_KEYBOARD_H
#define DAEMON_KEYBOARD_H

struct json_t;

/* [[{"text":"Yes","callback":"y"},{"text":"Site","url":"…"}]] → a ReplyMarkup; a button with text
 * alone makes a reply keyboard. NULL, or why not. */
const char *rpc_keyboard(const struct json_t *rows, struct json_t **ret);
/* [{"type":"text_url","offset":0,"length":4,"url":"…"}] → a vector of MessageEntity. */
const char *rpc_entities(const struct json_t *entities, struct json_t **ret);

#endif
