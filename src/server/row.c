/*
 * The rows of a function's result: see row.h.
 */
#include "postgres.h"

#include "compat.h"
#include "server/row.h"

#include "access/htup_details.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/tuplestore.h"

void
row_begin(Row *row, FunctionCallInfo fcinfo, int flags)
{
	InitMaterializedSRF(fcinfo, flags);
	row->count = 0;
	row->used = 0;
	row->result = (ReturnSetInfo *) fcinfo->resultinfo;
	row->context = AllocSetContextCreate(
		CurrentMemoryContext, "distributed_trace row", ALLOCSET_SMALL_SIZES);
	row->caller = NULL;
}

void
row_start(Row *row)
{
	row->caller = MemoryContextSwitchTo(row->context);
}

void
row_emit(Row *row)
{
	Assert(row->count == row->result->setDesc->natts);
	tuplestore_putvalues(
		row->result->setResult, row->result->setDesc, row->values, row->nulls);
	row_drop(row);
}

void
row_drop(Row *row)
{
	CHECK_FOR_INTERRUPTS();
	row->count = 0;
	row->used = 0;
	if (row->caller != NULL)
		MemoryContextSwitchTo(row->caller);
	row->caller = NULL;
	MemoryContextReset(row->context);
}

Datum
row_composite(Row *row, FunctionCallInfo fcinfo)
{
	TupleDesc desc;

	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	Assert(row->count == desc->natts);
	return HeapTupleGetDatum(
		heap_form_tuple(BlessTupleDesc(desc), row->values, row->nulls));
}

static Datum
long_text(const Row *row, Slice slice)
{
	MemoryContext context =
		row->context == NULL ? CurrentMemoryContext : row->context;
	MemoryContext caller = MemoryContextSwitchTo(context);
	text *value = cstring_to_text_with_len(slice.data, slice.length);

	MemoryContextSwitchTo(caller);
	return PointerGetDatum(value);
}

void
row_put_slice(Row *row, Slice slice)
{
	uint32 size = slice.length + VARHDRSZ_SHORT;
	char *value = row->shorts + row->used;

	if (slice.data == NULL)
	{
		row_put_null(row);
		return;
	}
	if (size > VARATT_SHORT_MAX || size > ROW_SHORT_BYTES - row->used)
	{
		row_put(row, long_text(row, slice));
		return;
	}
	SET_VARSIZE_SHORT(value, size);
	memcpy(VARDATA_SHORT(value), slice.data, slice.length);
	row->used += size;
	row_put(row, PointerGetDatum(value));
}

void
row_put_text(Row *row, const char *text)
{
	row_put_slice(row, (Slice){text, text == NULL ? 0 : strlen(text)});
}
