/*
 * What is kept of sealed traces beside their blocks: core/archive/kept.c.
 */
#include "core/archive/kept.h"
#include "unit.h"

static const KeptTrace traces[] = {
	{.root_service = {"shop", 4},
	 .root_operation = {"GET /", 5},
	 .has_times = true,
	 .is_complete = true,
	 .start_time = INT64_C(800000000000000),
	 .end_time = INT64_C(800000000001234),
	 .critical = 1200,
	 .span_count = 25,
	 .error_count = 1,
	 .service_count = 3},
	/* names again; earlier than the one before; without times; odd times */
	{.root_service = {"shop", 4},
	 .root_operation = {"", 0},
	 .has_times = true,
	 .start_time = INT64_MIN,
	 .end_time = INT64_MAX,
	 .span_count = UINT32_MAX,
	 .orphan_count = 7},
	{.root_service = {"pay", 3},
	 .root_operation = {"GET /", 5},
	 .span_count = 1},
};

#define COUNT ((uint32_t) (sizeof(traces) / sizeof(traces[0])))

static bool
is_same(const KeptTrace *a, const KeptTrace *b)
{
	return slice_equal(a->root_service, b->root_service) &&
		   slice_equal(a->root_operation, b->root_operation) &&
		   a->has_times == b->has_times && a->is_complete == b->is_complete &&
		   a->start_time == b->start_time && a->end_time == b->end_time &&
		   a->critical == b->critical && a->span_count == b->span_count &&
		   a->error_count == b->error_count &&
		   a->service_count == b->service_count &&
		   a->orphan_count == b->orphan_count;
}

static void
test_round_trip(UnitHost *unit, ArchiveBytes bytes)
{
	KeptTrace *read;
	uint32_t count;
	bool same = true;

	CHECK(kept_read(&unit->host, bytes, &read, &count) == CORE_OK,
		  "kept traces can be read");
	for (uint32_t i = 0; i < COUNT && i < count; i++)
		same = same && is_same(&traces[i], &read[i]);
	CHECK(same && count == COUNT, "they are what was written");
}

static void
test_damage(UnitHost *unit, ArchiveBytes bytes)
{
	uint8_t *copy = unit->host.allocate(&unit->host, bytes.length);
	bool found = true;
	KeptTrace *read;
	uint32_t count;

	for (size_t i = 0; i < bytes.length; i++)
	{
		memcpy(copy, bytes.data, bytes.length);
		copy[i] ^= 0x10;
		found = found && kept_read(&unit->host,
								   (ArchiveBytes){copy, bytes.length},
								   &read,
								   &count) == CORE_MALFORMED;
	}
	CHECK(found, "every flipped byte is found");
	found = true;
	for (size_t length = 0; length < bytes.length; length++)
		found = found && kept_read(&unit->host,
								   (ArchiveBytes){bytes.data, length},
								   &read,
								   &count) == CORE_MALFORMED;
	CHECK(found, "so is every cut");
}

int
main(void)
{
	UnitHost unit;
	ArchiveBytes bytes;

	unit_host_init(&unit);
	CHECK(kept_write(&unit.host, traces, COUNT, &bytes) == CORE_OK,
		  "traces can be kept");
	test_round_trip(&unit, bytes);
	test_damage(&unit, bytes);
	unit_host_release(&unit);
	return unit_done();
}
