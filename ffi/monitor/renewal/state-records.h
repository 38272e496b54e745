#ifndef CRIB_MONITOR_STATE_RECORDS_H
#define CRIB_MONITOR_STATE_RECORDS_H

#include "monitor/process/process.h"
#include "monitor/renewal/state-io.h"

/* One record each, for writing and for reading. Fields are added at the end (state-io.h). */
void io_connection(struct state_io *io, struct connection *connection);
/* `connections`: those that it may name. Who is attached to it is read into `attachments`, or written from there. */
void io_process(struct state_io *io, struct connection *connections, struct attachment **attachments,
		struct process *process);

/* Connections are named by their position in the list; UINT32_MAX is none. */
uint32_t connection_position(const struct connection *list, const struct connection *wanted);
struct connection *connection_at(struct connection *list, uint32_t position);

#endif
