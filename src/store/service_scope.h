/*
 * What tells services of one name apart: the namespace and the environment of
 * the resource that a span was recorded by.
 */
#ifndef STORE_SERVICE_SCOPE_H
#define STORE_SERVICE_SCOPE_H

#include "postgres.h"

#include "core/tree/span.h"
#include "utils/jsonb.h"

/* Slices without data: there is none, or distributed_trace.service_dimensions
 * leaves it out. */
typedef struct ServiceScope
{
	Slice service_namespace;
	Slice environment;
} ServiceScope;

/* Whose rights a resource is read with. */
typedef enum ScopeReader
{
	SCOPE_OF_CALLER, /* and what the snapshot of the calling query shows */
	SCOPE_OF_OWNER,	 /* the table's owner; and what has been committed since */
} ScopeReader;

/*
 * The scope of a span, by its tags (NULL: none).  What it points to stays
 * until the next call.  A resource is read once a session: it never changes.
 */
extern ServiceScope tags_service_scope(Jsonb *tags, Oid schema,
									   ScopeReader reader);

/* Whether two spans are of one resource, or it does not matter. */
extern bool tags_same_scope(Jsonb *a, Jsonb *b);

/* A scope without what the setting leaves out. */
extern ServiceScope service_scope_shown(ServiceScope scope);

/* The setting; call once, when the module is loaded. */
extern void define_service_scope_settings(void);

#endif
