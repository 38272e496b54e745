#ifndef CRIB_MONITOR_SETUP_H
#define CRIB_MONITOR_SETUP_H

#include "monitor/sandbox/sandbox.h"
#include "monitor/transport/server.h"

/* The requests SETUP and UNSHARE. */
void sandbox_setup(struct sandbox *sandbox, struct connection *connection, const struct request *request);
void sandbox_unshare(struct sandbox *sandbox, struct connection *connection, const struct request *request);

#endif
