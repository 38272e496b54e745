#ifndef CRIB_MONITOR_LAUNCH_H
#define CRIB_MONITOR_LAUNCH_H

#include "monitor/process/process.h"

/* The requests START and EXEC. */
void launch(struct processes *processes, struct connection *connection, const struct request *request);

#endif
