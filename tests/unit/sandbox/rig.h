/* A client without manners: the real sandbox in a process of its own, a key made by proto's client,
 * then packets put together by hand, right ones and wrong ones. Owned by the test. */
#ifndef SANDBOX_RIG_H
#define SANDBOX_RIG_H

#include "proto/proto.h"
#include "tests/harness.h"

#define RIG_NEW_SESSION 0x9ec20908u
#define RIG_BAD_MSG 0xa7eff811u
#define RIG_BAD_SALT 0xedab447bu
#define RIG_RPC_RESULT 0xf35c6d01u
#define RIG_RPC_ERROR 0x2144ca19u
#define RIG_PONG 0x347773c5u
#define RIG_PING 0x7abe77ecu
#define RIG_ACKS 0x62d6b459u
#define RIG_VECTOR 0x1cb5c415u
#define RIG_CONTAINER 0x73f1f8dcu
#define RIG_GET_CONFIG 0xc4f9186bu
#define RIG_NEAREST_DC 0x1fb33026u
#define RIG_NEAREST_ANSWER 0x8e1a1775u

#define RIG_SECRET "00112233445566778899aabbccddeeff"
#define RIG_DOMAIN "612e6e6574" /* a.net */
enum { RIG_SOCKS, RIG_HTTP, RIG_DD, RIG_EE };
#define RIG_DOORS                                                                                  \
	"--proxy", "socks5=127.0.0.1:0,me:pw", "--proxy", "http=127.0.0.1:0,me:pw", "--proxy",     \
		"mtproxy=127.0.0.1:0,dd" RIG_SECRET, "--proxy",                                    \
		"mtproxy=127.0.0.1:0,ee" RIG_SECRET RIG_DOMAIN

struct rig_message {
	uint64_t msg_id;
	uint32_t seqno, id; /* id: its constructor number */
	uint8_t *body;
	size_t n;
};
struct rig {
	int pid, out, control; /* the sandbox */
	uint16_t ports[3];     /* of DC 1 and 2 */
	uint16_t doors[4];     /* of its proxies, as RIG_DOORS has them */
	struct mt_env env;
	struct mt_rsa rsa;
	/* the client */
	int fd;
	struct mt_link *link;
	struct mt_key key;
	uint64_t salt, session, last;
	uint32_t seq; /* content-related messages sent */
	struct rig_message in[256];
	unsigned in_count, in_read;
	int error; /* transport error that came, 0 = none */
	bool closed;
	uint32_t quick_ack;
	char answer[8192]; /* of the control socket */
};

/* Starts the sandbox, makes a key, connects with the right salt and a session of its own. */
void rig_open(struct rig *r);
void rig_close(struct rig *r); /* the sandbox must end with 0 */
int rig_dial(uint16_t port);
void rig_put(int fd, struct tl_buf *b); /* writes it all and empties it */
int64_t rig_now(void);                  /* Unix s */
struct mt_time rig_time(void);
void rig_connect(struct rig *r, enum mt_framing framing, bool obfuscated); /* a new socket */
uint64_t rig_msg_id(struct rig *r);
void rig_packet(struct rig *r, const void *data, size_t n, bool quick_ack);
/* Seals and sends one message just so. */
void rig_send_as(struct rig *r, uint64_t msg_id, uint32_t seqno, const void *body, size_t n);
/* The next good content-related message; gives its id. */
uint64_t rig_send(struct rig *r, const void *body, size_t n);
uint64_t rig_send_id(struct rig *r, uint32_t id); /* a call without arguments */
void rig_init(struct rig *r, int layer); /* invokeWithLayer(initConnection(getNearestDc)) */
/* Reads until a message with that number comes (others are passed over); NULL after ms. */
const struct rig_message *rig_next(struct rig *r, uint32_t id, int ms);
/* The answer to a call: its rpc_result, which must come. */
const struct rig_message *rig_answer(struct rig *r, uint64_t msg_id);
uint32_t rig_u32(const struct rig_message *m, size_t at);
uint64_t rig_u64(const struct rig_message *m, size_t at);
/* A line of JSON to the control socket; the answer lives until the next one. */
const char *rig_ask(struct rig *r, const char *line);
/* … and must hold want. */
void rig_control(struct rig *r, const char *line, const char *want);

#endif
