#ifndef CRIB_MONITOR_SERVER_H
#define CRIB_MONITOR_SERVER_H

#include "monitor/loop/loop.h"
#include "monitor/transport/block.h"
#include "wire/protocol.h"

struct connection {
	struct connection *next;
	struct server *server;
	struct source source;
	int passed; /* a descriptor that came along and was not used yet, or -1 */
	bool greeted;
	/* one frame being received */
	uint8_t header_bytes[FRAME_HEADER_SIZE];
	struct frame_header header;
	uint32_t received;
	uint8_t *payload;
	size_t payload_size; /* of its memory, which is more than the frame's length */
	/* frames not yet taken by the socket: [sent, queued) of `queue` */
	uint8_t *queue;
	size_t sent;
	size_t queued;
	size_t capacity;
	bool paused;          /* output waits until the queue has room */
	uint64_t progress_ms; /* when it paused, or the socket last took something of the queue */
};

/* All connections. What they are for is known to who composes the monitor, and sets the callbacks. */
struct server {
	struct loop *loop;
	const char *sandbox_id; /* these two are told in the greeting */
	const char *build;
	void (*on_frame)(struct connection *connection, const struct request *request);
	/* It caught up after connection_has_room was false. */
	void (*on_room)(struct connection *connection);
	/* It is in no list any more and will be freed: no pointer to it may stay. */
	void (*on_gone)(struct connection *connection);
	struct source listener;
	struct connection *connections;
	unsigned connection_count;
	struct blocks blocks;
	bool held; /* what is sent stays in the sockets; see connections_hold */
};

#endif
