/*
 * Whom a span calls: see call_peer.h.
 *
 * The names are those of OpenTelemetry's semantic conventions, the present one
 * of each attribute first, then the ones before it.
 */
#include "postgres.h"

#include "record/tag_readers.h"
#include "report/call_peer.h"

#define KEY(literal) SLICE_LITERAL(literal)

#define MAX_KEYS 5

static const Slice service_keys[MAX_KEYS] = {KEY("peer.service")};
static const Slice database_keys[MAX_KEYS] = {KEY("db.system.name"),
											  KEY("db.system")};
static const Slice database_name_keys[MAX_KEYS] = {KEY("db.namespace"),
												   KEY("db.name")};
static const Slice queue_keys[MAX_KEYS] = {KEY("messaging.system")};
static const Slice queue_name_keys[MAX_KEYS] = {
	KEY("messaging.destination.name"), KEY("messaging.destination")};
static const Slice address_keys[MAX_KEYS] = {KEY("server.address"),
											 KEY("net.peer.name"),
											 KEY("network.peer.address"),
											 KEY("net.peer.ip"),
											 KEY("peer.hostname")};

/* The first of some attributes that is there. */
static Slice
first_text(Jsonb *tags, const Slice *keys)
{
	Slice text = {NULL, 0};

	for (int i = 0; i < MAX_KEYS && keys[i].data != NULL; i++)
	{
		if (tags_find_text(&tags->root, keys[i], &text))
			break;
	}
	return text;
}

/* "system/name", or the system alone. */
static Slice
join_names(Slice system, Slice name, StringInfo buffer)
{
	if (name.data == NULL)
		return system;
	resetStringInfo(buffer);
	appendBinaryStringInfo(buffer, system.data, system.length);
	appendStringInfoChar(buffer, '/');
	appendBinaryStringInfo(buffer, name.data, name.length);
	return (Slice){buffer->data, buffer->len};
}

Slice
call_peer(Jsonb *tags, StringInfo buffer, CallType *type)
{
	Slice database = first_text(tags, database_keys);
	Slice queue = first_text(tags, queue_keys);
	Slice service = first_text(tags, service_keys);

	*type = CALL_VIRTUAL;
	if (database.data != NULL)
		*type = CALL_DATABASE;
	else if (queue.data != NULL)
		*type = CALL_QUEUE;
	if (service.data != NULL)
		return service;
	if (database.data != NULL)
		return join_names(
			database, first_text(tags, database_name_keys), buffer);
	if (queue.data != NULL)
		return join_names(queue, first_text(tags, queue_name_keys), buffer);
	return first_text(tags, address_keys);
}
