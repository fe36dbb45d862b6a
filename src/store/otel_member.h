/*
 * The names of the stored format: the one member of tags that is no attribute,
 * and what lies in it.  A name that is changed here is changed for rows that
 * are there already: docs/storage.md says what each holds, in which form.
 */
#ifndef STORE_OTEL_MEMBER_H
#define STORE_OTEL_MEMBER_H

/* The version of the format, which docs/storage.md tells. */
#define OTEL_FORMAT_VERSION 1

#define OTEL "otel" /* the reserved member of tags, and of a resource's too */

/*
 * Its members, of a span
 */

#define OTEL_KIND "kind"					 /* text; a number without a name */
#define OTEL_STATUS "status"				 /* "ok" or "error"; a number too */
#define OTEL_STATUS_MESSAGE "status_message" /* what was said of an error */
#define OTEL_FLAGS "flags"			   /* W3C trace flags; also a link's */
#define OTEL_TRACE_STATE "trace_state" /* W3C; also a link's */
#define OTEL_RESOURCE "resource"	   /* number of the resource */
#define OTEL_SCOPE "scope"			   /* object: what recorded it */
#define OTEL_LINKS "links"			   /* array of objects */
#define OTEL_START_NS "start_ns"	   /* of the start, below the microsecond */
#define OTEL_END_NS "end_ns"		   /* likewise of the end */
#define OTEL_REPORTED "reported" /* object: what the row's columns changed */

/* Of spans, resources, scopes, links and events. */
#define OTEL_EXACT "exact" /* object: attributes as OTLP's JSON */
#define OTEL_DROPPED_ATTRIBUTES "dropped_attributes_count"

/* Of spans. */
#define OTEL_DROPPED_EVENTS "dropped_events_count"
#define OTEL_DROPPED_LINKS "dropped_links_count"

/* Of resources and scopes, and of the former alone. */
#define OTEL_SCHEMA_URL "schema_url"
#define OTEL_ENTITY_REFS "entity_refs" /* array of objects */

/*
 * Members of those objects, and of events
 */

#define OTEL_ATTRIBUTES "attributes" /* of a scope, a link or an event */
#define OTEL_NAME "name"			 /* of a scope or an event */
#define OTEL_VERSION "version"		 /* of a scope */
#define OTEL_TIME "time"			 /* of an event */

#define OTEL_TRACE_ID "trace_id"			 /* of a link */
#define OTEL_SPAN_ID "span_id"				 /* of a link, or as reported */
#define OTEL_PARENT_SPAN_ID "parent_span_id" /* as reported */
#define OTEL_START_US "start_us"			 /* as reported: us since 1970 */
#define OTEL_END_US "end_us"				 /* likewise */

#define OTEL_ENTITY_TYPE "type"							/* of an entity */
#define OTEL_ENTITY_ID_KEYS "id_keys"					/* array of text */
#define OTEL_ENTITY_DESCRIPTION_KEYS "description_keys" /* likewise */

/* A path to a member as jsonb's operators take it: OTEL_PATH(OTEL_KIND). */
#define OTEL_PATH(members) "'{" OTEL "," members "}'"

#endif
