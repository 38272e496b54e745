#ifndef CRIB_MONITOR_REPLY_H
#define CRIB_MONITOR_REPLY_H

#include "monitor/transport/server.h"
#include "wire/failure.h"

/* Answers to a request; a connection that is gone (NULL) gets none. */
void reply_ok(struct connection *connection, uint32_t request);
void reply_failure(struct connection *connection, uint32_t request, const struct failure *failure);
void reply_errno(struct connection *connection, uint32_t request, int code, const char *call, const char *path);

#endif
