/*
 * What was refused: see refusals.h.
 */
#include "network/refusals.h"

#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>

#include "network/receiver.h"

#define MAX_KINDS 64

typedef struct RefusalKind
{
	const char *protocol;
	const char *reason;
	uint64_t count; /* not yet told */
	struct sockaddr_storage peer;
} RefusalKind;

static RefusalKind kinds[MAX_KINDS];
static int kind_count;

static RefusalKind *
find_kind(const char *protocol, const char *reason)
{
	for (int i = 0; i < kind_count; i++)
	{
		if (strcmp(kinds[i].protocol, protocol) == 0 &&
			strcmp(kinds[i].reason, reason) == 0)
			return &kinds[i];
	}
	if (kind_count == MAX_KINDS)
		return &kinds[MAX_KINDS - 1];
	kinds[kind_count] = kind_count < MAX_KINDS - 1
							? (RefusalKind){protocol, reason, 0, {0}}
							: (RefusalKind){"any", "other reasons", 0, {0}};
	return &kinds[kind_count++];
}

void
note_refusal(const char *protocol, const char *reason,
			 const struct sockaddr *peer)
{
	RefusalKind *kind = find_kind(protocol, reason);

	kind->count++;
	if (peer->sa_family == AF_INET)
		memcpy(&kind->peer, peer, sizeof(struct sockaddr_in));
	else if (peer->sa_family == AF_INET6)
		memcpy(&kind->peer, peer, sizeof(struct sockaddr_in6));
}

/* "protocol\nreason\naddress" */
static void
send_kind(Receiver *receiver, const RefusalKind *kind)
{
	char address[NI_MAXHOST] = "";
	char text[NI_MAXHOST + 512];
	Frame frame = {.type = FRAME_REFUSED, .value = kind->count};
	socklen_t length = kind->peer.ss_family == AF_INET6
						   ? sizeof(struct sockaddr_in6)
						   : sizeof(struct sockaddr_in);
	int written;

	(void) getnameinfo((const struct sockaddr *) &kind->peer,
					   length,
					   address,
					   sizeof(address),
					   NULL,
					   0,
					   NI_NUMERICHOST);
	written = snprintf(text,
					   sizeof(text),
					   "%s\n%s\n%s",
					   kind->protocol,
					   kind->reason,
					   address);
	frame.length = written < (int) sizeof(text) ? (uint32_t) written
												: (uint32_t) sizeof(text) - 1;
	link_send(receiver, &frame, text);
}

void
send_refusals(Receiver *receiver)
{
	for (int i = 0; i < kind_count; i++)
	{
		if (kinds[i].count > 0)
			send_kind(receiver, &kinds[i]);
		kinds[i].count = 0;
	}
}
