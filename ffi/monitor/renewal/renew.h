#ifndef CRIB_MONITOR_RENEW_H
#define CRIB_MONITOR_RENEW_H

#include "monitor/whole/monitor.h"

/*
 * A monitor goes on in another executable under a running pod: the same process with the same children and descriptors.
 * Whatever is in doubt before the execve leaves everything as it is, and the client is told why. An executable that
 * cannot read the state afterwards goes back to the one before it (restore.h).
 */
void renewal_ask(struct monitor *monitor, struct connection *connection, uint32_t request);
/* After each event, since one may have been what a renewal waits for. Returns, or goes on in the other executable. */
void renewal_step(struct monitor *monitor);
void renewal_client_gone(struct monitor *monitor, const struct connection *connection);
/* In the executable that goes on: `renewed`, or it is the one from before. */
void renewal_tell(struct monitor *monitor, bool renewed);

#endif
