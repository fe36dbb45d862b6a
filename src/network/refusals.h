/*
 * What was refused, for whoever runs the server: counted by kind, a kind being
 * a protocol and a reason, and told to the worker once a second.
 */
#ifndef NETWORK_REFUSALS_H
#define NETWORK_REFUSALS_H

#include <sys/socket.h>

struct Receiver;

/* Both texts must stay; from a peer.  Of kinds beyond a number that no program
 * without a fault reaches only the sum is told. */
extern void note_refusal(const char *protocol, const char *reason,
						 const struct sockaddr *peer);

/* Tells the worker what was noted since the last call. */
extern void send_refusals(struct Receiver *receiver);

#endif
