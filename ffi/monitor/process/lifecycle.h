#ifndef CRIB_MONITOR_LIFECYCLE_H
#define CRIB_MONITOR_LIFECYCLE_H

#include "monitor/process/process.h"

/* In the table's list, or NULL. */
struct process *process_new(struct processes *processes, const char *id);
void process_free(struct process *process);
/* execve worked: output flows, and the client is told. */
void process_started(struct process *process);
/* The connection is gone: its execs end with it, its starts go on without an answer. */
void process_client_gone(struct processes *processes, const struct connection *connection);
/* Called when an output has ended, or is not wanted any more. What has also exited is let go: may free an exec. */
void process_output_ended(struct process *process);
/* The process was reaped; `signal_number` is 0 when it exited by itself. May free it. */
void process_exited(struct process *process, int code, int signal_number);

#endif
