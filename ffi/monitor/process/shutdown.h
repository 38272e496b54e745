#ifndef CRIB_MONITOR_SHUTDOWN_H
#define CRIB_MONITOR_SHUTDOWN_H

#include "monitor/process/process.h"

/* The end of a pod: nothing is started any more, and everything is killed. */
struct shutdown {
	struct processes *processes;
	bool begun;
	struct connection *client; /* who asked last, or NULL when it is gone */
	uint32_t request;
	struct source deadline; /* timerfd */
};

void shutdown_begin(struct shutdown *shutdown, struct connection *connection, uint32_t request);
/* After a death: kills those it orphaned, and ends the loop when no child is left. */
void shutdown_check(struct shutdown *shutdown);
void shutdown_client_gone(struct shutdown *shutdown, const struct connection *connection);
/* `source` is the `deadline`. */
void shutdown_deadline(struct source *source, uint32_t events);
/* The last words, once the loop has ended. */
void shutdown_finish(struct shutdown *shutdown);

#endif
