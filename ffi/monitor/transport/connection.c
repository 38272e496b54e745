#include "monitor/transport/connection.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "cleanup.h"
#include "container-of.h"
#include "monitor/transport/receive.h"
#include "monitor/transport/send.h"

/* Every live exec and attachment has its own; the daemon opens fewer than this, so that its first always gets in. */
#define CONNECTIONS_MAX 512
#define SEND_BUFFER (512 << 10)

void connection_close(struct connection *connection)
{
	struct server *server = connection->server;
	struct connection **link = &server->connections;
	while (*link != connection)
		link = &(*link)->next;
	*link = connection->next;
	server->connection_count--;
	source_close(&connection->source);
	close_and_clear(&connection->passed);
	server->on_gone(connection);
	connection_forget_queue(connection);
	block_give(&server->blocks, connection->payload, connection->payload_size);
	block_forget(&server->blocks);
	free(connection);
	connections_accept_again(server);
}

static uint32_t wants_out(const struct connection *connection)
{
	return connection->queued > connection->sent ? EPOLLOUT : 0;
}

static void connection_ready(struct source *source, uint32_t events)
{
	struct connection *connection = container_of(source, struct connection, source);
	if ((events & EPOLLOUT) != 0) {
		if (!connection_push(connection)) {
			connection_close(connection);
			return;
		}
		if (connection->queued == 0)
			source_set(source, EPOLLIN);
		if (connection_caught_up(connection))
			connection->server->on_room(connection);
	}
	if ((events & (EPOLLIN | EPOLLHUP | EPOLLERR)) == 0)
		return;
	if (connection->server->held)
		source_set(source, wants_out(connection));
	else if (!connection_receive(connection))
		connection_close(connection);
}

void connections_hold(struct server *server)
{
	server->held = true;
}

void connections_take_requests(struct server *server)
{
	server->held = false;
	for (struct connection *connection = server->connections; connection != NULL; connection = connection->next)
		source_set(&connection->source, EPOLLIN | wants_out(connection));
}

int connection_watch(struct server *server, struct connection *connection)
{
	connection->server = server;
	return source_watch(server->loop, &connection->source, connection->source.fd, EPOLLIN | wants_out(connection),
			    connection_ready);
}

void connections_accept_again(struct server *server)
{
	source_set(&server->listener, EPOLLIN);
}

void connection_accept(struct source *listener, uint32_t events)
{
	(void)events;
	struct server *server = container_of(listener, struct server, listener);
	int fd = accept4(listener->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (fd < 0) {
		/* Out of descriptors or memory, the one waiting would be reported for ever: not before something is
		 * freed. */
		if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)
			source_set(listener, 0);
		return;
	}
	struct ucred peer;
	socklen_t size = sizeof(peer);
	bool trusted = getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0 && peer.uid == 0;
	struct connection *connection = NULL;
	if (trusted && server->connection_count < CONNECTIONS_MAX)
		connection = calloc(1, sizeof(*connection));
	if (connection != NULL)
		*connection = (struct connection){.source.fd = fd, .passed = -1};
	if (connection == NULL || connection_watch(server, connection) < 0) {
		free(connection);
		close(fd);
		return;
	}
	/* A whole read of output goes in at once, or as much of it as the host allows. */
	int send_buffer = SEND_BUFFER;
	setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &send_buffer, sizeof(send_buffer));
	connection->next = server->connections;
	server->connections = connection;
	server->connection_count++;
}
