/* The projection that the common parameter "fields" asks for. */
#ifndef DAEMON_PROJECT_H
#define DAEMON_PROJECT_H

#include "tl/tl.h"

/* Copies those members of a JSON text of our own that the dotted paths name; an array is gone
 * through element by element. */
void rpc_project(const char *json, size_t n, const struct tl_str *paths, unsigned count,
		 struct tl_buf *out);

#endif
