#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "cleanup.h"
#include "monitor/monitor.h"
#include "monitor/renewal/renew.h"

/* Every live exec and attachment has its own; the daemon opens fewer than this, so that its first always gets in. */
#define CONNECTIONS_MAX 512
/* Exec output stops being read above the first, so that only answers and exits can ever reach the second. */
#define QUEUE_OUTPUT_LIMIT (256u << 10)
#define QUEUE_LIMIT (4u << 20)
#define QUEUE_RESUME (64u << 10)
#define SEND_BUFFER (512 << 10)
/* For all connections together. */
#define FLUSH_MS 1000
#define TEXT_OF(number) #number
#define RANGE_OF(oldest, newest) TEXT_OF(oldest) "-" TEXT_OF(newest)
#define PROTOCOL_RANGE RANGE_OF(PROTOCOL_OLDEST, PROTOCOL_NEWEST)

static void forget_queue(struct connection *connection)
{
	free(connection->queue);
	connection->queue = NULL;
	connection->sent = connection->queued = connection->capacity = 0;
}

void connection_close(struct connection *connection)
{
	struct connection **link = &monitor.connections;
	while (*link != connection)
		link = &(*link)->next;
	*link = connection->next;
	monitor.connection_count--;
	if (monitor.shutdown_client == connection)
		monitor.shutdown_client = NULL;
	source_close(&connection->source);
	close_and_clear(&connection->passed);
	renewal_client_gone(connection);
	process_client_gone(connection);
	attach_client_gone(connection);
	forget_queue(connection);
	block_give(connection->payload, connection->payload_size);
	block_forget();
	free(connection);
	source_set(&monitor.listener, EPOLLIN);
	/* Nothing was made of it yet, and its daemon is gone: a monitor that no record names must not stay. */
	if (monitor.connections == NULL && !monitor.set_up)
		_exit(0);
}

/*
 * A connection that broke inside a handler is only marked here (by shutting the socket down) and closed when epoll
 * reports it: a function that is sending may still hold the pointer.
 */
static void doom(struct connection *connection)
{
	shutdown(connection->source.fd, SHUT_RDWR);
	forget_queue(connection);
}

static bool push(struct connection *connection)
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
	forget_queue(connection);
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

void connection_broadcast(struct frame *frame)
{
	frame_finish(frame);
	for (struct connection *connection = monitor.connections; connection != NULL; connection = connection->next) {
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
		if (connection->attached != NULL)
			attach_watch_stall();
	}
	return false;
}

static void flush(struct connection *connection, uint64_t deadline)
{
	while (connection->sent < connection->queued) {
		uint64_t now = monotonic_ms();
		struct pollfd wait = {.fd = connection->source.fd, .events = POLLOUT};
		if (poll(&wait, 1, now < deadline ? (int)(deadline - now) : 0) != 1 || !push(connection))
			return;
	}
}

void connections_flush(void)
{
	uint64_t deadline = monotonic_ms() + FLUSH_MS;
	if (monitor.shutdown_client != NULL)
		flush(monitor.shutdown_client, deadline);
	for (struct connection *connection = monitor.connections; connection != NULL; connection = connection->next)
		flush(connection, deadline);
}

static bool greet(struct connection *connection, const struct request *request)
{
	if (request->kind != FRAME_HELLO)
		return false;
	uint8_t version = protocol_choose(&request->hello);
	if (version == 0) {
		/* A daemon of version 1 reads "1" and nothing else here; later ones read the range. */
		reply_errno(connection, request->number, -EPROTONOSUPPORT, "monitor speaks protocol", PROTOCOL_RANGE);
		return false;
	}
	struct frame frame;
	frame_begin(&frame, FRAME_OK, request->number);
	frame_u32(&frame, PROTOCOL_MAGIC);
	frame_u16(&frame, version);
	frame_u8(&frame, version == 1 ? 0 : PROTOCOL_NEWEST);
	frame_u8(&frame, version == 1 ? 0 : PROTOCOL_OLDEST);
	frame_u32(&frame, (uint32_t)getpid());
	frame_string(&frame, monitor.sandbox_id);
	if (version >= 3)
		frame_string(&frame, monitor_build);
	connection_send(connection, &frame);
	connection->greeted = true;
	return true;
}

/* A whole frame is there. False: it cannot be trusted, the connection ends. */
static bool accept_frame(struct connection *connection)
{
	struct request request;
	int read = request_read(&connection->header, connection->payload, &request);
	if (read == -ENOSYS && connection->greeted) {
		reply_errno(connection, connection->header.request, -ENOSYS, "request", "unknown to this monitor");
		return true;
	}
	if (read < 0)
		return false;
	if (!connection->greeted)
		return greet(connection, &request);
	dispatch(connection, &request);
	return true;
}

/* A descriptor that comes along is kept for the request that wants it; of several the last. */
static void keep_passed(struct connection *connection, struct msghdr *message)
{
	struct cmsghdr *rights = CMSG_FIRSTHDR(message);
	if (rights == NULL || rights->cmsg_level != SOL_SOCKET || rights->cmsg_type != SCM_RIGHTS)
		return;
	close_and_clear(&connection->passed);
	memcpy(&connection->passed, CMSG_DATA(rights), sizeof(int));
}

static ssize_t receive_header(struct connection *connection)
{
	union {
		char space[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} control;
	struct iovec part = {.iov_base = connection->header_bytes + connection->received,
			     .iov_len = FRAME_HEADER_SIZE - connection->received};
	/* Not the control's space, which has room for a second descriptor: that one would never be closed. */
	struct msghdr message = {
		.msg_iov = &part, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = CMSG_LEN(sizeof(int))};
	ssize_t got = recvmsg(connection->source.fd, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	if (got > 0)
		keep_passed(connection, &message);
	return got;
}

/* Receives what there is of one frame. False at the end of the connection. */
static bool receive(struct connection *connection)
{
	if (connection->payload == NULL) {
		ssize_t got = receive_header(connection);
		if (got <= 0)
			return got < 0 && errno == EAGAIN;
		connection->received += (uint32_t)got;
		if (connection->received < FRAME_HEADER_SIZE)
			return true;
		if (frame_header_read(connection->header_bytes, &connection->header) < 0)
			return false;
		/* A client that has not said HELLO cannot make the monitor allocate. */
		if (!connection->greeted && connection->header.length > 64)
			return false;
		connection->payload_size = (size_t)connection->header.length + 1;
		connection->payload = block_take(&connection->payload_size);
		connection->received = 0;
		if (connection->payload == NULL)
			return false;
	}
	uint32_t missing = connection->header.length - connection->received;
	if (missing > 0) {
		ssize_t got =
			recv(connection->source.fd, connection->payload + connection->received, missing, MSG_DONTWAIT);
		if (got <= 0)
			return got < 0 && errno == EAGAIN;
		connection->received += (uint32_t)got;
		if ((uint32_t)got < missing)
			return true;
	}
	bool fine = accept_frame(connection);
	block_give(connection->payload, connection->payload_size);
	connection->payload = NULL;
	connection->received = 0;
	return fine;
}

static uint32_t wants_out(const struct connection *connection)
{
	return connection->queued > connection->sent ? EPOLLOUT : 0;
}

static void connection_ready(struct source *source, uint32_t events)
{
	struct connection *connection = container_of(source, struct connection, source);
	if ((events & EPOLLOUT) != 0) {
		if (!push(connection)) {
			connection_close(connection);
			return;
		}
		if (connection->queued == 0)
			source_set(source, EPOLLIN);
		if (connection->paused && connection->queued - connection->sent < QUEUE_RESUME) {
			connection->paused = false;
			output_resume(connection);
		}
	}
	if ((events & (EPOLLIN | EPOLLHUP | EPOLLERR)) == 0)
		return;
	if (monitor.renewal.pending)
		source_set(source, wants_out(connection));
	else if (!receive(connection))
		connection_close(connection);
}

void connections_take_requests(void)
{
	for (struct connection *connection = monitor.connections; connection != NULL; connection = connection->next)
		source_set(&connection->source, EPOLLIN | wants_out(connection));
}

int connection_watch(struct connection *connection)
{
	return source_watch(&connection->source, connection->source.fd, EPOLLIN | wants_out(connection),
			    connection_ready);
}

void connection_accept(struct source *listener, uint32_t events)
{
	(void)events;
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
	if (trusted && monitor.connection_count < CONNECTIONS_MAX)
		connection = calloc(1, sizeof(*connection));
	if (connection != NULL)
		connection->passed = -1;
	if (connection == NULL || source_watch(&connection->source, fd, EPOLLIN, connection_ready) < 0) {
		free(connection);
		close(fd);
		return;
	}
	/* A whole read of output goes in at once, or as much of it as the host allows. */
	int send_buffer = SEND_BUFFER;
	setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &send_buffer, sizeof(send_buffer));
	connection->next = monitor.connections;
	monitor.connections = connection;
	monitor.connection_count++;
}
