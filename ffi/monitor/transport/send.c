#include "monitor/transport/send.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "monitor/loop/clock.h"

/* Exec output stops being read above the first, so that only answers and exits can ever reach the second. */
#define QUEUE_OUTPUT_LIMIT (256u << 10)
#define QUEUE_LIMIT (4u << 20)
#define QUEUE_RESUME (64u << 10)
/* For all connections together. */
#define FLUSH_MS 1000

void connection_forget_queue(struct connection *connection)
{
	free(connection->queue);
	connection->queue = NULL;
	connection->sent = connection->queued = connection->capacity = 0;
}

/*
 * A connection that broke inside a handler is only marked here (by shutting the socket down) and closed when epoll
 * reports it: a function that is sending may still hold the pointer.
 */
static void doom(struct connection *connection)
{
	shutdown(connection->source.fd, SHUT_RDWR);
	connection_forget_queue(connection);
}

bool connection_push(struct connection *connection)
{
	while (connection->sent < connection->queued) {
		ssize_t sent = send(connection->source.fd, connection->queue + connection->sent,
				    connection->queued - connection->sent, MSG_DONTWAIT | MSG_NOSIGNAL);
		if (sent < 0 && errno == EAGAIN)
			return true;
		if (sent < 0)
			return false;
		connection->sent += (size_t)sent;
		if (connection->paused)
			connection->progress_ms = monotonic_ms();
	}
	connection_forget_queue(connection);
	return true;
}

static bool enqueue(struct connection *connection, const uint8_t *bytes, size_t length)
{
	size_t waiting = connection->queued - connection->sent;
	if (waiting + length > QUEUE_LIMIT)
		return false;
	if (connection->capacity - connection->queued < length) {
		if (waiting > 0 && connection->sent > 0)
			memmove(connection->queue, connection->queue + connection->sent, waiting);
		connection->sent = 0;
		connection->queued = waiting;
		size_t capacity = connection->capacity == 0 ? length : connection->capacity;
		while (capacity - waiting < length)
			capacity *= 2;
		if (capacity != connection->capacity) {
			uint8_t *grown = realloc(connection->queue, capacity);
			if (grown == NULL)
				return false;
			connection->queue = grown;
			connection->capacity = capacity;
		}
	}
	memcpy(connection->queue + connection->queued, bytes, length);
	connection->queued += length;
	return true;
}

void connection_send_bytes(struct connection *connection, const uint8_t *bytes, size_t length)
{
	if (connection->queued == 0) {
		ssize_t sent = send(connection->source.fd, bytes, length, MSG_DONTWAIT | MSG_NOSIGNAL);
		if (sent < 0 && errno != EAGAIN) {
			doom(connection);
			return;
		}
		size_t done = sent < 0 ? 0 : (size_t)sent;
		bytes += done;
		length -= done;
	}
	if (length == 0)
		return;
	if (!enqueue(connection, bytes, length)) {
		doom(connection);
		return;
	}
	source_set(&connection->source, EPOLLIN | EPOLLOUT);
}

void connection_send(struct connection *connection, struct frame *frame)
{
	frame_finish(frame);
	if (frame->out_of_memory)
		doom(connection);
	else
		connection_send_bytes(connection, frame->data, frame->length);
	frame_free(frame);
}

void connection_broadcast(struct server *server, struct frame *frame)
{
	frame_finish(frame);
	for (struct connection *connection = server->connections; connection != NULL; connection = connection->next) {
		if (!connection->greeted)
			continue;
		if (frame->out_of_memory)
			doom(connection);
		else
			connection_send_bytes(connection, frame->data, frame->length);
	}
	frame_free(frame);
}

bool connection_has_room(struct connection *connection)
{
	if (connection->queued - connection->sent < QUEUE_OUTPUT_LIMIT)
		return true;
	if (!connection->paused) {
		connection->paused = true;
		connection->progress_ms = monotonic_ms();
	}
	return false;
}

bool connection_caught_up(struct connection *connection)
{
	if (!connection->paused || connection->queued - connection->sent >= QUEUE_RESUME)
		return false;
	connection->paused = false;
	return true;
}

static void flush(struct connection *connection, uint64_t deadline)
{
	while (connection->sent < connection->queued) {
		uint64_t now = monotonic_ms();
		struct pollfd wait = {.fd = connection->source.fd, .events = POLLOUT};
		if (poll(&wait, 1, now < deadline ? (int)(deadline - now) : 0) != 1 || !connection_push(connection))
			return;
	}
}

void connections_flush(struct server *server, struct connection *first)
{
	uint64_t deadline = monotonic_ms() + FLUSH_MS;
	if (first != NULL)
		flush(first, deadline);
	for (struct connection *connection = server->connections; connection != NULL; connection = connection->next)
		flush(connection, deadline);
}
