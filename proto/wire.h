/* Numbers of the service constructors that proto reads and writes by hand (schema/mtproto.tl).
 * Internal to the room. */
#ifndef PROTO_WIRE_H
#define PROTO_WIRE_H

/* ---- key exchange (core.telegram.org/mtproto/auth_key) ----------------------------------------
 */
#define WIRE_REQ_PQ_MULTI 0xbe7e8ef1u
#define WIRE_RES_PQ 0x05162463u
#define WIRE_P_Q_INNER_DATA_DC 0xa9f55f95u
#define WIRE_P_Q_INNER_DATA_TEMP_DC 0x56fddf88u
#define WIRE_REQ_DH_PARAMS 0xd712e4beu
#define WIRE_SERVER_DH_PARAMS_OK 0xd0e8075cu
#define WIRE_SERVER_DH_PARAMS_FAIL 0x79cb045du
#define WIRE_SERVER_DH_INNER_DATA 0xb5890dbau
#define WIRE_CLIENT_DH_INNER_DATA 0x6643b654u
#define WIRE_SET_CLIENT_DH_PARAMS 0xf5045f1fu
#define WIRE_DH_GEN_OK 0x3bcbf734u
#define WIRE_DH_GEN_RETRY 0x46dc1fb9u
#define WIRE_DH_GEN_FAIL 0xa69dae02u
#define WIRE_BIND_AUTH_KEY_INNER 0x75a3f765u

#define WIRE_VECTOR 0x1cb5c415u

/* ---- session (core.telegram.org/mtproto/service_messages) -------------------------------------
 */
#define WIRE_MSG_CONTAINER 0x73f1f8dcu
#define WIRE_MSG_COPY 0xe06046b2u
#define WIRE_GZIP_PACKED 0x3072cfa1u
#define WIRE_RPC_RESULT 0xf35c6d01u
#define WIRE_RPC_ERROR 0x2144ca19u
#define WIRE_MSGS_ACK 0x62d6b459u
#define WIRE_BAD_MSG_NOTIFICATION 0xa7eff811u
#define WIRE_BAD_SERVER_SALT 0xedab447bu
#define WIRE_MSGS_STATE_REQ 0xda69fb52u
#define WIRE_MSGS_STATE_INFO 0x04deb57du
#define WIRE_MSGS_ALL_INFO 0x8cc0d131u
#define WIRE_MSG_DETAILED_INFO 0x276d3ec6u
#define WIRE_MSG_NEW_DETAILED_INFO 0x809db6dfu
#define WIRE_MSG_RESEND_REQ 0x7d861a08u
#define WIRE_NEW_SESSION_CREATED 0x9ec20908u
#define WIRE_PING_DELAY_DISCONNECT 0xf3427b8cu
#define WIRE_PONG 0x347773c5u
#define WIRE_GET_FUTURE_SALTS 0xb921bd04u
#define WIRE_FUTURE_SALTS 0xae500895u
#define WIRE_RPC_DROP_ANSWER 0x58e4a740u
#define WIRE_RPC_ANSWER_UNKNOWN 0x5e2ad36eu
#define WIRE_RPC_ANSWER_DROPPED_RUNNING 0xcd78e586u
#define WIRE_RPC_ANSWER_DROPPED 0xa43ad8b7u
#define WIRE_DESTROY_SESSION 0xe7512126u
#define WIRE_DESTROY_SESSION_OK 0xe22045fcu
#define WIRE_DESTROY_SESSION_NONE 0x62d350c9u
#define WIRE_DESTROY_AUTH_KEY 0xd1435160u
#define WIRE_DESTROY_AUTH_KEY_OK 0xf660e1d4u
#define WIRE_DESTROY_AUTH_KEY_NONE 0x0a9f2259u
#define WIRE_DESTROY_AUTH_KEY_FAIL 0xea109b13u
#define WIRE_INVOKE_AFTER_MSG 0xcb9f372du

#endif
