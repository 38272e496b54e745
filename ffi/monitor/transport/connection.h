#ifndef CRIB_MONITOR_CONNECTION_H
#define CRIB_MONITOR_CONNECTION_H

#include "monitor/transport/server.h"

/* `listener` is a server's. */
void connection_accept(struct source *listener, uint32_t events);
/* Something that a new connection may have lacked was freed. */
void connections_accept_again(struct server *server);
void connection_close(struct connection *connection);
/* Begins to watch a connection that is open, which becomes the server's. */
int connection_watch(struct server *server, struct connection *connection);
/* No requests are taken any more; answers and events still go out. */
void connections_hold(struct server *server);
/* What was sent meanwhile is taken. */
void connections_take_requests(struct server *server);

#endif
