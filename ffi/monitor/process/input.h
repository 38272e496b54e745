#ifndef CRIB_MONITOR_INPUT_H
#define CRIB_MONITOR_INPUT_H

#include "monitor/process/process.h"

void input_write(struct process *process, struct connection *connection, const struct request *request);
void input_close(struct process *process);
/* Drops what waits to be written; those who asked are told. */
void input_end(struct process *process, int error);
void input_client_gone(struct process *process, const struct connection *connection);
/* Takes `fd`, or -1; what waits to be written, if anything, is. */
void input_open(struct process *process, int fd);

#endif
