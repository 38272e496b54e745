#ifndef CRIB_MONITOR_STATE_RECORDS_H
#define CRIB_MONITOR_STATE_RECORDS_H

#include "monitor/monitor.h"
#include "state-io.h"

/* One record each, for writing and for reading. Fields are added at the end (state-io.h). */
void io_connection(struct state_io *io, struct connection *connection);
/* `connections`: those that it may name. */
void io_process(struct state_io *io, struct connection *connections, struct process *process);

/* Connections are named by their position in the list; UINT32_MAX is none. */
uint32_t connection_position(const struct connection *list, const struct connection *wanted);
struct connection *connection_at(struct connection *list, uint32_t position);

#endif
