#ifndef CRIB_MONITOR_SEND_H
#define CRIB_MONITOR_SEND_H

#include "monitor/transport/server.h"
#include "wire/frame.h"

/* Queues the frame and frees it. A client that lets too much pile up is cut off; it finds out and lists again. */
void connection_send(struct connection *connection, struct frame *frame);
/* The same for a frame that is complete and stays the caller's. */
void connection_send_bytes(struct connection *connection, const uint8_t *bytes, size_t length);
/* The same to everyone who said HELLO. */
void connection_broadcast(struct server *server, struct frame *frame);
/* Whether output may be queued; when not, on_room is called as soon as it may. */
bool connection_has_room(struct connection *connection);
/* Gives the socket what it takes of the queue; false when it is broken. */
bool connection_push(struct connection *connection);
void connection_forget_queue(struct connection *connection);
/* After connection_push: whether it has caught up since it paused, which is told once. */
bool connection_caught_up(struct connection *connection);
/*
 * Waits, bounded, until the sockets have taken everything; only for the last words of a shutdown. `first`, or NULL,
 * has the first of the time.
 */
void connections_flush(struct server *server, struct connection *first);

#endif
