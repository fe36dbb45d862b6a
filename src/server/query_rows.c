/*
 * Rows of a query for a set-returning function: see query_rows.h.
 */
#include "postgres.h"

#include "server/query_rows.h"

#include "compat.h"

#include "executor/spi.h"
#include "executor/tstoreReceiver.h"
#include "funcapi.h"

Datum
query_return_rows(FunctionCallInfo fcinfo, SavedQuery *query, const Datum *args)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	DestReceiver *receiver;

	InitMaterializedSRF(fcinfo, 0);
	SPI_connect();
	receiver = CreateTuplestoreDestReceiver();
	SetTuplestoreDestReceiverParams(
		receiver, result->setResult, CurrentMemoryContext, false, NULL, NULL);
	query_run(query, calling_schema(fcinfo), args, true, receiver);
	SPI_finish();
	return (Datum) 0;
}
