/*
 * Whom a span calls: see call_peer.h.
 *
 * The names are those of OpenTelemetry's semantic conventions, the present one
 * of each attribute first, then the ones before it.
 */
#include "postgres.h"

#include "map/call_peer.h"
#include "store/tag_readers.h"

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

/* Whether an address is a number, of IPv4 or IPv6, and no name. */
static bool
is_number(Slice address)
{
	bool is_ipv4 = true;

	for (uint32 i = 0; i < address.length; i++)
	{
		char c = address.data[i];

		if (c == ':')
			return true;
		is_ipv4 &= (c >= '0' && c <= '9') || c == '.';
	}
	return is_ipv4;
}

static Slice
address_peer(Jsonb *tags, PeerRank *rank)
{
	Slice address = first_text(tags, address_keys);

	*rank =
		address.data != NULL && is_number(address) ? PEER_ADDRESS : PEER_HOST;
	return address;
}

Slice
call_peer(Jsonb *tags, StringInfo buffer, CallType *type, PeerRank *rank)
{
	Slice database = first_text(tags, database_keys);
	Slice queue = first_text(tags, queue_keys);
	Slice service = first_text(tags, service_keys);

	*type = CALL_VIRTUAL;
	if (database.data != NULL)
		*type = CALL_DATABASE;
	else if (queue.data != NULL)
		*type = CALL_QUEUE;
	*rank = service.data != NULL ? PEER_SERVICE : PEER_SYSTEM;
	if (service.data != NULL)
		return service;
	if (database.data != NULL)
		return join_names(
			database, first_text(tags, database_name_keys), buffer);
	if (queue.data != NULL)
		return join_names(queue, first_text(tags, queue_name_keys), buffer);
	return address_peer(tags, rank);
}
