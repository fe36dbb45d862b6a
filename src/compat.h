/*
 * What differs between the supported versions of the server (15 to 18); the
 * only file that looks at PG_VERSION_NUM.
 */
#ifndef COMPAT_H
#define COMPAT_H

#if PG_VERSION_NUM >= 160000
#include "varatt.h"
#endif

#include "access/genam.h"
#include "catalog/dependency.h"
#include "common/jsonapi.h"
#include "libpq/pqformat.h"
#include "utils/rel.h"

/* The sequence behind an identity column. */
static inline Oid
compat_identity_sequence(Relation relation, int column)
{
#if PG_VERSION_NUM >= 170000
	return getIdentitySequence(relation, column, false);
#else
	return getIdentitySequence(RelationGetRelid(relation), column, false);
#endif
}

/* Likewise; InvalidOid if there is none. */
static inline Oid
compat_identity_sequence_if_any(Relation relation, int column)
{
#if PG_VERSION_NUM >= 170000
	return getIdentitySequence(relation, column, true);
#else
	return getIdentitySequence(RelationGetRelid(relation), column, true);
#endif
}

/* The index of a primary key that is not deferrable; InvalidOid without one. */
static inline Oid
compat_primary_key(Relation relation)
{
#if PG_VERSION_NUM >= 180000
	return RelationGetPrimaryKeyIndex(relation, false);
#else
	return RelationGetPrimaryKeyIndex(relation);
#endif
}

/* A scan of an index without keys. */
static inline IndexScanDesc
compat_index_beginscan(Relation table, Relation index, Snapshot snapshot)
{
#if PG_VERSION_NUM >= 180000
	return index_beginscan(table, index, snapshot, NULL, 0, 0);
#else
	return index_beginscan(table, index, snapshot, 0, 0);
#endif
}

/* The actions of a JSON parser return a status from 16 on, and nothing before. */
#if PG_VERSION_NUM >= 160000
typedef JsonParseErrorType JsonActionResult;
#define JSON_ACTION_DONE return JSON_SUCCESS
#else
typedef void JsonActionResult;
#define JSON_ACTION_DONE return
#endif

/* A lexer over text of the database's encoding that also unescapes strings. */
static inline JsonLexContext *
compat_json_lexer(char *json, int length, int encoding)
{
#if PG_VERSION_NUM >= 170000
	return makeJsonLexContextCstringLen(NULL, json, length, encoding, true);
#else
	return makeJsonLexContextCstringLen(json, length, encoding, true);
#endif
}

/* The mark of a function that does not return, before its declaration. */
#if PG_VERSION_NUM < 180000
#define pg_noreturn pg_attribute_noreturn()
#endif

/* a text with its length before it */
static inline void
compat_send_counted_text(StringInfo buffer, const char *text, int length)
{
#if PG_VERSION_NUM >= 170000
	pq_sendcountedtext(buffer, text, length);
#else
	pq_sendcountedtext(buffer, text, length, false);
#endif
}

#endif
