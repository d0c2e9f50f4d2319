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

#endif
