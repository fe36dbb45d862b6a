/*
 * Decoding OTLP trace requests (opentelemetry-proto, trace/v1) from protobuf,
 * without copies and without allocating anything.
 *
 * A request is first checked as a whole by otlp_validate(), so that a
 * malformed one is refused before anything is stored; after that it is read
 * top down: resource spans, scope spans, spans, and of a span the attributes,
 * events and links, each of which is a slice of the request until it is read.
 * Readers on a request that was not validated stop at a fault as at an end;
 * they never leave the slice.
 *
 * The rules of protobuf that real decoders forget hold here: fields come in
 * any order, the last of several scalars wins, several occurrences of a
 * singular sub-message are merged, of several members of a oneof the last one
 * counts, unknown fields are skipped.  Merging needs no copy: see OtlpItems.
 *
 * Times are nanoseconds since 1970, ids raw bytes, text what was sent: it may
 * be invalid UTF-8 and hold NUL.
 */
#ifndef CORE_OTLP_H
#define CORE_OTLP_H

#include "core/base/host.h"
#include "core/tree/span.h"
#include "core/wire/protobuf.h"

/* An attribute's value is at depth 1, what it holds at depth 2, and so on. */
#define OTLP_MAX_DEPTH 64

#define OTLP_TRACE_ID_LENGTH 16
#define OTLP_SPAN_ID_LENGTH 8

/*
 * The messages, for whoever has to know their fields by name.
 */
typedef enum OtlpMessage
{
	OTLP_REQUEST,
	OTLP_RESOURCE_SPANS,
	OTLP_RESOURCE,
	OTLP_ENTITY_REF,
	OTLP_SCOPE_SPANS,
	OTLP_SCOPE,
	OTLP_SPAN,
	OTLP_EVENT,
	OTLP_LINK,
	OTLP_STATUS,
	OTLP_KEY_VALUE,
	OTLP_ANY_VALUE,
	OTLP_ARRAY_VALUE,
	OTLP_KVLIST_VALUE,
	OTLP_MESSAGE_COUNT,
} OtlpMessage;

typedef enum OtlpFieldType
{
	OTLP_NO_FIELD, /* the number is not in use */
	OTLP_STRING,
	OTLP_BYTES,
	OTLP_ID, /* bytes, in JSON written in hex */
	OTLP_BOOL,
	OTLP_INT64,
	OTLP_DOUBLE,
	OTLP_UINT32,
	OTLP_FIXED32,
	OTLP_FIXED64,
	OTLP_KIND,		  /* the enum Span.SpanKind */
	OTLP_STATUS_CODE, /* the enum Status.StatusCode */
	OTLP_SUBMESSAGE,
} OtlpFieldType;

typedef struct OtlpFieldInfo
{
	const char *json_name;
	uint8_t type;	 /* OtlpFieldType */
	uint8_t message; /* OtlpMessage, of OTLP_SUBMESSAGE */
	bool repeated;
} OtlpFieldInfo;

#define OTLP_FIELD_LIMIT 17

/* By message and field number. */
extern const OtlpFieldInfo otlp_fields[OTLP_MESSAGE_COUNT][OTLP_FIELD_LIMIT];

/*
 * A field that no OTLP client sends: why what holds it cannot be stored.  The
 * transcoder from JSON leaves it where it met a value of the wrong type.  Its
 * reader ends up in `rejection`, to be heeded only from the transcoder.
 */
#define OTLP_REJECTION_FIELD 1000

/* Checks the wire format of all that may be read later.  At CORE_MALFORMED
 * `position` is the offset of the fault and `fault` what it is. */
extern CoreStatus otlp_validate(Host *host, Slice request, size_t *position,
								const char **fault);

/*
 * The occurrences of a repeated field, at the end of a path of up to three
 * keys.  Where a message on the path occurs several times, its occurrences
 * are gone through one after another, which is what merging them means.
 */
#define OTLP_PATH_MAX 3

typedef struct OtlpItems
{
	ProtobufReader reader[OTLP_PATH_MAX]; /* the innermost first */
	uint32_t key[OTLP_PATH_MAX];
	uint32_t length; /* of the path */
	uint32_t count;	 /* of the items, where the reader has counted them */
} OtlpItems;

/* The next one; false after the last. */
extern bool otlp_next(OtlpItems *items, Slice *item);

/* How many there are still to come. */
extern uint32_t otlp_count(OtlpItems items);

typedef struct OtlpResourceSpans
{
	Slice resource; /* raw, to tell equal ones; no data if it came in parts */
	OtlpItems attributes;
	OtlpItems entity_refs;
	uint32_t dropped_attributes_count;
	Slice schema_url;
	OtlpItems scope_spans;
	uint32_t size;	 /* bytes of the resource, with all that it holds */
	Slice rejection; /* of all its spans; see OTLP_REJECTION_FIELD */
} OtlpResourceSpans;

typedef struct OtlpEntityRef
{
	Slice schema_url;
	Slice type;
	OtlpItems id_keys;			/* strings */
	OtlpItems description_keys; /* strings */
} OtlpEntityRef;

typedef struct OtlpScopeSpans
{
	Slice name;
	Slice version;
	OtlpItems attributes;
	uint32_t dropped_attributes_count;
	Slice schema_url;
	OtlpItems spans;
	uint32_t scope_size; /* bytes, with all that it holds */
	Slice rejection;
} OtlpScopeSpans;

typedef struct OtlpSpan
{
	Slice trace_id;
	Slice span_id;
	Slice parent_span_id;
	Slice trace_state;
	Slice name;
	Slice status_message;
	uint64_t start_time;
	uint64_t end_time;
	int32_t kind;
	int32_t status_code;
	uint32_t flags;
	uint32_t dropped_attributes_count;
	uint32_t dropped_events_count;
	uint32_t dropped_links_count;
	uint32_t size; /* bytes, with all that it holds */
	OtlpItems attributes;
	OtlpItems events;
	OtlpItems links;
	Slice rejection;
} OtlpSpan;

typedef struct OtlpEvent
{
	uint64_t time;
	Slice name;
	OtlpItems attributes;
	uint32_t dropped_attributes_count;
} OtlpEvent;

typedef struct OtlpLink
{
	Slice trace_id;
	Slice span_id;
	Slice trace_state;
	OtlpItems attributes;
	uint32_t dropped_attributes_count;
	uint32_t flags;
} OtlpLink;

typedef enum OtlpValueType
{
	OTLP_VALUE_EMPTY,
	OTLP_VALUE_STRING,
	OTLP_VALUE_BOOL,
	OTLP_VALUE_INT,
	OTLP_VALUE_DOUBLE,
	OTLP_VALUE_BYTES,
	OTLP_VALUE_ARRAY,
	OTLP_VALUE_KVLIST,
} OtlpValueType;

typedef struct OtlpValue
{
	OtlpValueType type;
	union
	{
		Slice bytes; /* of STRING and BYTES */
		bool boolean;
		int64_t integer;
		double number;
		OtlpItems items; /* of ARRAY: values; of KVLIST: attributes */
	};
} OtlpValue;

typedef struct OtlpAttribute
{
	Slice key;
	OtlpValue value;
} OtlpAttribute;

/* ExportTraceServiceRequest.resource_spans */
extern OtlpItems otlp_resource_spans(Slice request);

extern void otlp_read_resource_spans(Slice item, OtlpResourceSpans *result);
extern void otlp_read_entity_ref(Slice item, OtlpEntityRef *result);
extern void otlp_read_scope_spans(Slice item, OtlpScopeSpans *result);
extern void otlp_read_span(Slice item, OtlpSpan *result);
extern void otlp_read_event(Slice item, OtlpEvent *result);
extern void otlp_read_link(Slice item, OtlpLink *result);
extern void otlp_read_attribute(Slice item, OtlpAttribute *result);

/* Why a span cannot be stored whatever it holds, as a lower-case phrase; NULL
 * if it can. */
extern const char *otlp_span_fault(const OtlpSpan *span);

/* Whether a parent span id says that there is a parent. */
extern bool otlp_has_parent(Slice parent_span_id);

/*
 * Going through a value that holds others, at any depth, without recursion.
 *
 *	otlp_walk_start(&walk, &value);
 *	while ((step = otlp_walk_next(&walk, &member)) != OTLP_WALK_DONE)
 *		...
 *
 * The walk starts inside `value`, an array or a list of attributes.
 */
typedef enum OtlpStep
{
	OTLP_WALK_SCALAR,	/* a member that holds no others */
	OTLP_WALK_OPEN,		/* one that does: its members come next */
	OTLP_WALK_CLOSE,	/* the innermost open one ends */
	OTLP_WALK_DONE,		/* `value` itself ends */
	OTLP_WALK_TOO_DEEP, /* a member is below OTLP_MAX_DEPTH: stop here */
} OtlpStep;

typedef struct OtlpWalk
{
	int depth; /* of what is open */
	bool is_list[OTLP_MAX_DEPTH];
	OtlpItems items[OTLP_MAX_DEPTH];
} OtlpWalk;

extern void otlp_walk_start(OtlpWalk *walk, const OtlpValue *value);

/* The key of `member` has no data in an array. */
extern OtlpStep otlp_walk_next(OtlpWalk *walk, OtlpAttribute *member);

#endif
