/* Proxies of every kind for the tests, written from the documents and apart from proto's own side:
 * bytes of a client come in, bytes for the data centre come out, and back. */
#ifndef TESTS_PROTO_PROXY_SERVER_H
#define TESTS_PROTO_PROXY_SERVER_H

#include "proto/proxy.h"
#include "tests/unit/proto/vectors.h"

struct proxy_server {
	const struct mt_proxy *is;
	int64_t unix_time; /* fake TLS: hellos further than five minutes off are not for us */
	unsigned extra_hellos;
	bool silent, flip; /* says nothing; spoils one bit of the ServerHello */
	bool old;          /* takes hellos of 517 bytes alone */
	/* what it saw */
	unsigned stage;
	char target[300]; /* host:port */
	int dc;           /* of the obfuscated header */
	uint32_t tag;
	unsigned changes; /* ChangeCipherSpecs */
	size_t longest;   /* record */
	struct tl_buf hello;

	struct tl_buf in, to_client, to_server;
	struct mt_ctr from, to; /* of obfuscated2 */
	bool keyed, refused;
};
void proxy_server_free(struct proxy_server *s);
/* Bytes of the client; what is for the data centre is appended to to_server: with MTProxy the
 * framing's tag and the frames in the clear. */
void proxy_server_hear(struct proxy_server *s, const void *data, size_t n);
/* Bytes of the data centre; what is for the client is appended to to_client, in records of size
 * bytes (0: one record) where there are records. */
void proxy_server_tell(struct proxy_server *s, const void *data, size_t n, size_t size);

#endif
