/*
 * Requests that the receiver's worker has to record.
 */
#ifndef WORKER_QUEUE_H
#define WORKER_QUEUE_H

#include "postgres.h"

#include "core/wire/frame.h"
#include "formats/otlp/otlp_ingest.h"
#include "lib/ilist.h"

/* Spans of a request that are recorded at one time. */
#define SLICE_SPANS 8192

/* A request in the queue.  Times are monotonic_us(). */
typedef struct QueuedRequest
{
	dlist_node node;
	uint64 number; /* the program's */
	FrameEncoding encoding;
	int64 arrived;
	int64 deadline; /* to be answered by then */
	int64 retry_at; /* not before */
	int retry_nap;	/* ms before it, the last time */
	int64 served;	/* us that it took so far */
	bool is_bulk;	/* large, or it failed once: see queue.c */
	Size length;	/* of the body, as it came */
	char *body;		/* that, or, once it is open, the bytes of `otlp` */
	bool is_open;
	OtlpRequest otlp; /* what lies before its cursor is recorded */
	int64 slice;	  /* spans to be recorded at one time */
	int tries;		  /* that failed */
	RecordResult result;
	uint64 rejected;
	char *message; /* why those were, or NULL */
	char *fault;   /* what the last try failed at, or NULL */
} QueuedRequest;

typedef struct RequestQueue
{
	MemoryContext context; /* of all that it holds */
	dlist_head small;	   /* in the order they came */
	dlist_head bulk;
	int count; /* of both */
	Size small_bytes;
	Size bulk_bytes;
	int64 small_until; /* small requests are about until then */
	int64 bulk_after;  /* no bulk before, while they are */
} RequestQueue;

extern void queue_init(RequestQueue *queue, MemoryContext context);

/* Puts a request into the queue: a copy of the body. */
extern QueuedRequest *queue_add(RequestQueue *queue, const Frame *frame,
								Slice body, int64 now);

/* Takes it out, as it is, and puts it back. */
extern void queue_take_out(RequestQueue *queue, QueuedRequest *request);
extern void queue_put_back(RequestQueue *queue, QueuedRequest *request);

/* Frees one that was taken out, and all that were not. */
extern void queue_free(QueuedRequest *request);
extern void queue_clear(RequestQueue *queue);

/* Puts it behind the others, with so many milliseconds before it is tried. */
extern void queue_defer(RequestQueue *queue, QueuedRequest *request, int nap,
						int64 now);

/* Counts it among bulk. */
extern void queue_make_bulk(RequestQueue *queue, QueuedRequest *request);

/* Recording a part of it took this long, up to now. */
extern void queue_charge(RequestQueue *queue, QueuedRequest *request, int64 us,
						 int64 now);

/* The one whose turn it is; NULL if that is nobody's. */
extern QueuedRequest *queue_next(RequestQueue *queue, int64 now);

/* When it will be somebody's; PG_INT64_MAX if nothing is queued. */
extern int64 queue_wake_time(RequestQueue *queue, int64 now);

/* Whether no more is to be read. */
extern bool queue_is_full(const RequestQueue *queue, int64 now);

/* One that should make room for others: they could not come in otherwise. */
extern QueuedRequest *queue_find_surplus(RequestQueue *queue, int64 now);

/* The next one whose deadline has passed, or NULL. */
extern QueuedRequest *queue_find_late(RequestQueue *queue, int64 now);

#endif
