/*
 * What the unit tests share: counted checks printed as TAP, and a Host whose
 * memory is a list of blocks.
 *
 *	int
 *	main(void)
 *	{
 *		CHECK(add(1, 2) == 3, "adds");
 *		CHECK(add(i, 0) == i, "adds nothing to %d", i);
 *		return unit_done();
 *	}
 *
 * A check never stops the program.  One that is repeated thousands of times
 * belongs into a flag that is checked once, with the seed in its name.
 */
#ifndef UNIT_H
#define UNIT_H

#include <inttypes.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/host.h"

static int unit_checks;
static int unit_failures;

/* Gives back the condition, so that what depends on it can be left out. */
#define CHECK(condition, ...)                                                  \
	unit_check((condition), #condition, __FILE__, __LINE__, __VA_ARGS__)

__attribute__((format(printf, 5, 6))) static inline bool
unit_check(bool holds, const char *condition, const char *file, int line,
		   const char *name, ...)
{
	va_list arguments;

	printf("%sok %d - ", holds ? "" : "not ", ++unit_checks);
	va_start(arguments, name);
	vprintf(name, arguments);
	va_end(arguments);
	printf("\n");
	if (!holds)
	{
		unit_failures++;
		printf("# %s:%d: %s\n", file, line, condition);
	}
	fflush(stdout);
	return holds;
}

/* Prints the plan; what main() returns. */
static inline int
unit_done(void)
{
	printf("1..%d\n", unit_checks);
	return unit_failures == 0 ? 0 : 1;
}

typedef struct UnitBlock
{
	struct UnitBlock *next;
	max_align_t data[];
} UnitBlock;

/* The Host comes first: a Host * is a UnitHost *. */
typedef struct UnitHost
{
	Host host;
	UnitBlock *blocks;
	size_t allocated;	   /* bytes asked for since the last release */
	long allocations;	   /* and how often */
	long polls;			   /* calls of poll */
	long allocations_left; /* fails after so many; negative: never */
} UnitHost;

static inline void *
unit_allocate(Host *host, size_t size)
{
	UnitHost *unit = (UnitHost *) host;
	UnitBlock *block;

	if (unit->allocations_left == 0)
		return NULL;
	if (unit->allocations_left > 0)
		unit->allocations_left--;
	block = malloc(sizeof(UnitBlock) + size);
	if (block == NULL)
		return NULL;
	/* nobody may count on zeroed memory */
	memset(block->data, 0x5a, size);
	block->next = unit->blocks;
	unit->blocks = block;
	unit->allocated += size;
	unit->allocations++;
	return block->data;
}

static inline void
unit_poll(Host *host)
{
	((UnitHost *) host)->polls++;
}

static inline void
unit_host_init(UnitHost *unit)
{
	memset(unit, 0, sizeof(*unit));
	unit->host.allocate = unit_allocate;
	unit->host.poll = unit_poll;
	unit->allocations_left = -1;
}

/* Frees all that was allocated. */
static inline void
unit_host_release(UnitHost *unit)
{
	while (unit->blocks != NULL)
	{
		UnitBlock *block = unit->blocks;

		unit->blocks = block->next;
		free(block);
	}
	unit->allocated = 0;
	unit->allocations = 0;
}

/* A whole file, to be freed, with a NUL behind it; NULL if there is none. */
static inline char *
unit_read_file(const char *path, size_t *length)
{
	FILE *file = fopen(path, "rb");
	size_t capacity = 1 << 16;
	char *data;

	*length = 0;
	if (file == NULL)
		return NULL;
	data = malloc(capacity + 1);
	for (;;)
	{
		*length += fread(data + *length, 1, capacity - *length, file);
		if (*length < capacity)
			break;
		capacity *= 2;
		data = realloc(data, capacity + 1);
	}
	data[*length] = '\0';
	fclose(file);
	return data;
}

#endif
