#ifndef CRIB_MONITOR_ATTACH_H
#define CRIB_MONITOR_ATTACH_H

#include "monitor/process/process.h"

/* Connections join a container's stdio, and leave it. */
void attach(struct process *process, struct connection *connection, const struct request *request);
/* Whether the end of this connection's input is the end of the process's. */
bool attach_ends_input(const struct process *process, const struct connection *connection);
/* Tells those attached, once, that no output follows. */
void attach_tell_drained(const struct process *process);
/* The connection ends: what it held up goes on, and an input that was for one attacher only is closed. */
void attach_client_gone(struct processes *processes, const struct connection *connection);
/* The process is being freed. */
void attach_process_gone(const struct process *process);

#endif
