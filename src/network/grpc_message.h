/*
 * What a gRPC call is made of besides HTTP/2.
 */
#ifndef NETWORK_GRPC_MESSAGE_H
#define NETWORK_GRPC_MESSAGE_H

#include "core/tree/span.h"

/* Milliseconds of a grpc-timeout ("10S", "500m"); false if it is none. */
extern bool grpc_read_timeout(Slice value, uint64_t *timeout_ms);

/*
 * The one message that a body has to be: a byte that says whether it is
 * compressed, its length, and that many bytes.  False if it is anything else.
 */
extern bool grpc_read_message(Slice body, Slice *message, bool *is_compressed);

#endif
