/*
 * Going through all that an OTLP request holds, for the unit test and the
 * fuzzer: counts it, and touches every byte of every string, so that a slice
 * beyond the request is noticed.
 */
#ifndef OTLP_TOTALS_H
#define OTLP_TOTALS_H

#include "core/wire/otlp.h"
#include "core/wire/utf8.h"

typedef struct OtlpTotals
{
	long resources;
	long scopes;
	long spans;
	long faulty_spans;
	long events;
	long links;
	long attributes;
	long values; /* with those inside of others */
	long too_deep;
	long entity_refs;
	size_t valid_bytes;
} OtlpTotals;

static inline void
touch(OtlpTotals *totals, Slice string)
{
	totals->valid_bytes += utf8_valid_length(string.data, string.length);
}

static inline void
total_value(OtlpTotals *totals, const OtlpAttribute *member)
{
	totals->values++;
	touch(totals, member->key);
	if (member->value.type == OTLP_VALUE_STRING ||
		member->value.type == OTLP_VALUE_BYTES)
		touch(totals, member->value.bytes);
}

static inline void
total_container(OtlpTotals *totals, const OtlpValue *value)
{
	OtlpWalk walk;
	OtlpAttribute member;
	OtlpStep step;

	otlp_walk_start(&walk, value);
	while ((step = otlp_walk_next(&walk, &member)) != OTLP_WALK_DONE)
	{
		if (step == OTLP_WALK_TOO_DEEP)
		{
			totals->too_deep++;
			return;
		}
		if (step != OTLP_WALK_CLOSE)
			total_value(totals, &member);
	}
}

static inline void
total_attributes(OtlpTotals *totals, OtlpItems items)
{
	OtlpAttribute attribute;
	Slice item;

	while (otlp_next(&items, &item))
	{
		otlp_read_attribute(item, &attribute);
		totals->attributes++;
		total_value(totals, &attribute);
		if (attribute.value.type == OTLP_VALUE_ARRAY ||
			attribute.value.type == OTLP_VALUE_KVLIST)
			total_container(totals, &attribute.value);
	}
}

static inline void
total_strings(OtlpTotals *totals, OtlpItems items)
{
	Slice item;

	while (otlp_next(&items, &item))
		touch(totals, item);
}

static inline void
total_events_and_links(OtlpTotals *totals, const OtlpSpan *span)
{
	OtlpItems events = span->events;
	OtlpItems links = span->links;
	OtlpEvent event;
	OtlpLink link;
	Slice item;

	while (otlp_next(&events, &item))
	{
		otlp_read_event(item, &event);
		totals->events++;
		touch(totals, event.name);
		total_attributes(totals, event.attributes);
	}
	while (otlp_next(&links, &item))
	{
		otlp_read_link(item, &link);
		totals->links++;
		touch(totals, link.trace_id);
		touch(totals, link.span_id);
		touch(totals, link.trace_state);
		total_attributes(totals, link.attributes);
	}
}

static inline void
total_span(OtlpTotals *totals, Slice item)
{
	OtlpSpan span;

	otlp_read_span(item, &span);
	totals->spans++;
	totals->faulty_spans += otlp_span_fault(&span) != NULL;
	touch(totals, span.trace_id);
	touch(totals, span.span_id);
	touch(totals, span.parent_span_id);
	touch(totals, span.trace_state);
	touch(totals, span.name);
	touch(totals, span.status_message);
	touch(totals, span.rejection);
	total_attributes(totals, span.attributes);
	total_events_and_links(totals, &span);
}

static inline void
total_resource(OtlpTotals *totals, const OtlpResourceSpans *resource)
{
	OtlpItems refs = resource->entity_refs;
	OtlpEntityRef ref;
	Slice item;

	totals->resources++;
	touch(totals, resource->resource);
	touch(totals, resource->schema_url);
	total_attributes(totals, resource->attributes);
	while (otlp_next(&refs, &item))
	{
		otlp_read_entity_ref(item, &ref);
		totals->entity_refs++;
		touch(totals, ref.type);
		touch(totals, ref.schema_url);
		total_strings(totals, ref.id_keys);
		total_strings(totals, ref.description_keys);
	}
}

static inline OtlpTotals
otlp_totals(Slice request)
{
	OtlpTotals totals = {0};
	OtlpItems resources = otlp_resource_spans(request);
	OtlpResourceSpans resource;
	OtlpScopeSpans scope;
	Slice item;

	while (otlp_next(&resources, &item))
	{
		otlp_read_resource_spans(item, &resource);
		total_resource(&totals, &resource);
		while (otlp_next(&resource.scope_spans, &item))
		{
			otlp_read_scope_spans(item, &scope);
			totals.scopes++;
			touch(&totals, scope.name);
			touch(&totals, scope.version);
			touch(&totals, scope.schema_url);
			total_attributes(&totals, scope.attributes);
			while (otlp_next(&scope.spans, &item))
				total_span(&totals, item);
		}
	}
	return totals;
}

#endif
