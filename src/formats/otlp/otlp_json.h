/*
 * OTLP's JSON encoding.
 */
#ifndef FORMATS_OTLP_JSON_H
#define FORMATS_OTLP_JSON_H

#include "postgres.h"

#include "core/tree/span.h"

/*
 * The same request in protobuf, in the current memory context, so that both
 * encodings share one decoder and one meaning.
 *
 * What is wrong with a single span, resource or scope is left in its
 * OTLP_REJECTION_FIELD (core/wire/otlp.h).  A document that is no JSON, or no
 * request, is an error with its position.  *note is what else there is to say
 * of the request, or NULL.
 *
 * The request is UTF-8: bytes that are none become U+FFFD, but in a database
 * of SQL_ASCII they stay.
 */
extern Slice otlp_json_to_protobuf(Slice request, const char **note);

#endif
