#ifndef CRIB_MONITOR_DISPATCH_H
#define CRIB_MONITOR_DISPATCH_H

#include "monitor/whole/monitor.h"

/* A request of a connection of `monitor`'s server. */
void dispatch(struct monitor *monitor, struct connection *connection, const struct request *request);

#endif
