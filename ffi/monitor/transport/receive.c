#include "monitor/transport/receive.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "cleanup.h"
#include "monitor/transport/reply.h"
#include "monitor/transport/send.h"

#define TEXT_OF(number) #number
#define RANGE_OF(oldest, newest) TEXT_OF(oldest) "-" TEXT_OF(newest)
#define PROTOCOL_RANGE RANGE_OF(PROTOCOL_OLDEST, PROTOCOL_NEWEST)

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
	frame_string(&frame, connection->server->sandbox_id);
	if (version >= 3)
		frame_string(&frame, connection->server->build);
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
	connection->server->on_frame(connection, &request);
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

bool connection_receive(struct connection *connection)
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
		connection->payload = block_take(&connection->server->blocks, &connection->payload_size);
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
	block_give(&connection->server->blocks, connection->payload, connection->payload_size);
	connection->payload = NULL;
	connection->received = 0;
	return fine;
}
