/*
 * Resources, each stored once.
 */
#ifndef STORE_RESOURCE_H
#define STORE_RESOURCE_H

#include "postgres.h"

#include "common/sha2.h"
#include "utils/hsearch.h"
#include "utils/jsonb.h"

typedef struct Resource
{
	uint8 digest[PG_SHA256_DIGEST_LENGTH]; /* the key */
	Jsonb *attributes; /* as distributed_trace_resource holds them */
	int64 id;		   /* 0 until resource_set_store */
} Resource;

/* The different resources of one batch. */
typedef struct ResourceSet
{
	MemoryContext context;
	HTAB *resources;
	Size size; /* of their attributes */
} ResourceSet;

/* An empty set in the current memory context. */
extern ResourceSet *resource_set_create(void);

/* The resource with these attributes, which are copied if it is new.  It stays
 * where it is as long as the set. */
extern Resource *resource_set_add(ResourceSet *set, Jsonb *attributes);

/* Gives every resource its id; those that are new are stored now. */
extern void resource_set_store(ResourceSet *set, Oid schema);

#endif
