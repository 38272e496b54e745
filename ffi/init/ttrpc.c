#include "ttrpc.h"

#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "cleanup.h"
#include "kernel.h"
#include "stage.h"

enum { HEADER_SIZE = 10, TYPE_REQUEST = 1, TYPE_RESPONSE = 2 };
/* What the reference implementation takes. */
#define LONGEST_MESSAGE (4u << 20)

static void put_u32(uint8_t *into, uint32_t value)
{
	for (int i = 0; i < 4; i++)
		into[i] = (uint8_t)(value >> (24 - 8 * i));
}

static uint32_t get_u32(const uint8_t *from)
{
	return (uint32_t)from[0] << 24 | (uint32_t)from[1] << 16 | (uint32_t)from[2] << 8 | from[3];
}

int ttrpc_connect(struct ttrpc *ttrpc, const char *address)
{
	struct sockaddr_un peer = {.sun_family = AF_UNIX};
	size_t length = strlen(address);
	if (length == 0 || length >= sizeof(peer.sun_path))
		return -ENAMETOOLONG;
	memcpy(peer.sun_path, address, length);
	if (address[0] == '@')
		peer.sun_path[0] = '\0';
	int fd cleanup_fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	socklen_t size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length + (address[0] == '@' ? 0 : 1));
	if (fd < 0 || connect(fd, (struct sockaddr *)&peer, size) < 0)
		return -errno;
	*ttrpc = (struct ttrpc){.socket = take_fd(&fd), .next_stream = 1};
	return 0;
}

static int wait_for(const struct ttrpc *ttrpc, short events, int64_t deadline)
{
	struct pollfd watched = {.fd = ttrpc->socket, .events = events};
	for (;;) {
		int64_t left = deadline - stage_now_ms();
		int ready = left <= 0 ? 0 : poll(&watched, 1, left > INT32_MAX ? INT32_MAX : (int)left);
		if (ready < 0 && errno == EINTR)
			continue;
		return ready > 0 ? 0 : ready < 0 ? -errno : -ETIMEDOUT;
	}
}

static int write_all(const struct ttrpc *ttrpc, const uint8_t *bytes, size_t length, int64_t deadline)
{
	while (length > 0) {
		ssize_t sent = send(ttrpc->socket, bytes, length, MSG_NOSIGNAL);
		if (sent < 0 && errno != EAGAIN && errno != EINTR)
			return -errno;
		int waited = sent < 0 ? wait_for(ttrpc, POLLOUT, deadline) : 0;
		if (waited < 0)
			return waited;
		bytes += sent < 0 ? 0 : sent;
		length -= sent < 0 ? 0 : (size_t)sent;
	}
	return 0;
}

static int read_all(const struct ttrpc *ttrpc, uint8_t *bytes, size_t length, int64_t deadline)
{
	while (length > 0) {
		ssize_t got = recv(ttrpc->socket, bytes, length, 0);
		if (got == 0)
			return -ECONNRESET;
		if (got < 0 && errno != EAGAIN && errno != EINTR)
			return -errno;
		int waited = got < 0 ? wait_for(ttrpc, POLLIN, deadline) : 0;
		if (waited < 0)
			return waited;
		bytes += got < 0 ? 0 : got;
		length -= got < 0 ? 0 : (size_t)got;
	}
	return 0;
}

int ttrpc_send(struct ttrpc *ttrpc, struct bytes request, int64_t deadline)
{
	uint8_t header[HEADER_SIZE] = {[8] = TYPE_REQUEST};
	uint32_t stream = ttrpc->next_stream;
	put_u32(header, request.length);
	put_u32(header + 4, stream);
	ttrpc->next_stream += 2;
	int sent = write_all(ttrpc, header, sizeof(header), deadline);
	if (sent == 0)
		sent = write_all(ttrpc, request.data, request.length, deadline);
	return sent < 0 ? sent : (int)stream;
}

/* A message of protocol buffers, read field by field. */
struct fields {
	const uint8_t *at;
	const uint8_t *end;
};

struct field {
	uint64_t number;
	uint64_t value;      /* of a varint */
	struct fields inner; /* of what has a length */
};

static bool read_varint(struct fields *fields, uint64_t *value)
{
	*value = 0;
	for (unsigned shift = 0; shift < 64 && fields->at < fields->end; shift += 7) {
		uint8_t byte = *fields->at++;
		*value |= (uint64_t)(byte & 0x7f) << shift;
		if (byte < 0x80)
			return true;
	}
	return false;
}

static bool skip(struct fields *fields, uint64_t length)
{
	if (length > (uint64_t)(fields->end - fields->at))
		return false;
	fields->at += length;
	return true;
}

/* 1: a field, 0: the end, -EPROTO. */
static int next_field(struct fields *fields, struct field *field)
{
	uint64_t tag = 0;
	*field = (struct field){0};
	if (fields->at == fields->end)
		return 0;
	if (!read_varint(fields, &tag))
		return -EPROTO;
	field->number = tag >> 3;
	uint64_t length = 0;
	bool whole = false;
	switch (tag & 7) {
	case 0:
		whole = read_varint(fields, &field->value);
		break;
	case 1:
		whole = skip(fields, 8);
		break;
	case 2:
		whole = read_varint(fields, &length);
		field->inner.at = fields->at;
		whole = whole && skip(fields, length);
		field->inner.end = fields->at;
		break;
	case 5:
		whole = skip(fields, 4);
		break;
	default:
		break;
	}
	return whole ? 1 : -EPROTO;
}

static int read_status(struct fields status, struct ttrpc_answer *answer)
{
	struct field field;
	int more;
	while ((more = next_field(&status, &field)) == 1) {
		if (field.number == 1)
			answer->code = (uint32_t)field.value;
		if (field.number != 2 || field.inner.at == NULL)
			continue;
		size_t length = (size_t)(field.inner.end - field.inner.at);
		if (length >= sizeof(answer->message))
			length = sizeof(answer->message) - 1;
		memcpy(answer->message, field.inner.at, length);
		answer->message[length] = '\0';
	}
	return more;
}

static int read_payload(struct fields payload, struct ttrpc_answer *answer)
{
	struct field field;
	int more;
	while ((more = next_field(&payload, &field)) == 1) {
		if (field.number == 1)
			answer->number = field.value;
	}
	return more;
}

static int read_answer(struct fields response, struct ttrpc_answer *answer)
{
	struct field field;
	int more;
	while ((more = next_field(&response, &field)) == 1) {
		int inner = 0;
		if (field.number == 1)
			inner = read_status(field.inner, answer);
		else if (field.number == 2)
			inner = read_payload(field.inner, answer);
		if (inner < 0)
			return inner;
	}
	return more;
}

int ttrpc_receive(struct ttrpc *ttrpc, struct ttrpc_answer *answer, int64_t deadline)
{
	static uint8_t message[4 * TTRPC_MESSAGE_MAX];
	uint8_t header[HEADER_SIZE];
	int got = read_all(ttrpc, header, sizeof(header), deadline);
	if (got < 0)
		return got;
	uint32_t length = get_u32(header);
	/* No answer that a stage asks for is so long, but for an error's words. */
	if (length > LONGEST_MESSAGE || length > sizeof(message))
		return -EPROTO;
	got = read_all(ttrpc, message, length, deadline);
	if (got < 0)
		return got;
	*answer = (struct ttrpc_answer){.stream = get_u32(header + 4)};
	if (header[8] != TYPE_RESPONSE)
		return -EPROTO;
	return read_answer((struct fields){.at = message, .end = message + length}, answer);
}

int ttrpc_call(struct ttrpc *ttrpc, struct bytes request, struct ttrpc_answer *answer, int64_t deadline)
{
	int stream = ttrpc_send(ttrpc, request, deadline);
	int got = stream < 0 ? stream : 0;
	do {
		if (got == 0)
			got = ttrpc_receive(ttrpc, answer, deadline);
	} while (got == 0 && answer->stream != (uint32_t)stream);
	return got;
}
