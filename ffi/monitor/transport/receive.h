#ifndef CRIB_MONITOR_RECEIVE_H
#define CRIB_MONITOR_RECEIVE_H

#include "monitor/transport/server.h"

/* Receives what there is of one frame and hands a whole one to on_frame. False at the end of the connection. */
bool connection_receive(struct connection *connection);

#endif
