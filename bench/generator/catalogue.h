/*
 * The made-up system whose traces are generated: 40 services, 300 operations,
 * 3 instances of each service.
 */
#ifndef GENERATOR_CATALOGUE_H
#define GENERATOR_CATALOGUE_H

#include "buffer.h"

#define SERVICE_COUNT 40
#define OPERATION_COUNT 300
#define INSTANCES_PER_SERVICE 3
#define INSTANCE_COUNT (SERVICE_COUNT * INSTANCES_PER_SERVICE)

typedef enum Shape
{
	SHAPE_SERVER,
	SHAPE_INTERNAL,
	SHAPE_CLIENT,
	SHAPE_DATABASE,
	SHAPE_PRODUCER,
	SHAPE_CONSUMER,
} Shape;

typedef struct Operation
{
	char name[64];
	uint8_t service;
	uint8_t shape;	 /* Shape */
	uint8_t variant; /* which of the service's operations of this shape */
} Operation;

typedef struct Language
{
	const char *name;
	const char *sdk_version;
	/* what a nanosecond time stamp of this SDK is a multiple of */
	uint32_t clock_step;
	/* instrumentation scopes: of servers, clients, databases, messages, own */
	const char *scopes[5];
	const char *scope_version;
} Language;

typedef struct Service
{
	const char *name;
	const char *noun;
	const Language *language;
	uint16_t first_operation;
	uint16_t operation_count;
} Service;

extern Service services[SERVICE_COUNT];
extern Operation operations[OPERATION_COUNT];

extern void catalogue_build(void);

/* One of the service's operations of this shape. */
extern uint16_t catalogue_operation(Random *random, int service, Shape shape);

/* A service to be called, the front ones much more often than the last. */
extern int catalogue_target(Random *random);

/* Which of its language's scopes a span of this shape comes from. */
extern int catalogue_scope(Shape shape);

#endif
