/*
 * Turning what OTLP says of spans into what the log's columns hold: tags,
 * logs, and the attributes of resources.  docs/storage.md describes both.
 *
 * Everything is allocated in the current memory context, and may point into
 * the request.  What a function returns is NULL, or why the span (or all spans
 * of that resource or scope) cannot be stored.
 */
#ifndef FORMATS_TAG_WRITER_H
#define FORMATS_TAG_WRITER_H

#include "postgres.h"

#include "core/wire/otlp.h"
#include "utils/jsonb.h"

/* A resource as distributed_trace_resource.attributes, and its service. */
extern const char *write_resource(const OtlpResourceSpans *resource,
								  Jsonb **attributes, text **service_name);

/* The member "scope" of "otel"; null if there is nothing in it. */
extern const char *write_scope(const OtlpScopeSpans *scope, JsonbValue *value);

/* The resource and scope come from the functions above. */
extern const char *write_tags(const OtlpSpan *span, int64 resource_id,
							  const JsonbValue *scope, Jsonb **tags);

/* The events; NULL in *logs if there are none. */
extern const char *write_logs(const OtlpSpan *span, text **logs);

/* Any text of a request as the database can hold it. */
extern text *write_text(Slice string);

#endif
