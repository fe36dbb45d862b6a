/*
 * Whom a CLIENT or PRODUCER span calls, as its attributes tell.
 */
#ifndef MAP_CALL_PEER_H
#define MAP_CALL_PEER_H

#include "postgres.h"

#include "core/map/service_graph.h"
#include "lib/stringinfo.h"
#include "utils/jsonb.h"

/*
 * The name of the peer, how it is called and how well that is known; data NULL
 * if nothing tells it.
 * The first of: peer.service; database system and database; messaging system
 * and destination; the server's address.  The name lies in the tags or in
 * `buffer`.
 */
extern Slice call_peer(Jsonb *tags, StringInfo buffer, CallType *type,
					   PeerRank *rank);

#endif
