#include "monitor/renewal/state-io.h"

#include <stdlib.h>
#include <string.h>

bool io_writing(const struct state_io *io)
{
	return io->out != NULL;
}

bool io_more(const struct state_io *io)
{
	return io->out != NULL || (!io->in.bad && io->in.at != io->in.end);
}

void io_bad(struct state_io *io)
{
	io->in.bad = true;
}

void io_u8(struct state_io *io, uint8_t *value)
{
	if (io->out != NULL)
		frame_u8(io->out, *value);
	else
		*value = read_u8(&io->in);
}

void io_bool(struct state_io *io, bool *value)
{
	uint8_t byte = *value ? 1 : 0;
	io_u8(io, &byte);
	if (byte > 1)
		io_bad(io);
	*value = byte == 1;
}

void io_u32(struct state_io *io, uint32_t *value)
{
	if (io->out != NULL)
		frame_u32(io->out, *value);
	else
		*value = read_u32(&io->in);
}

void io_u64(struct state_io *io, uint64_t *value)
{
	if (io->out != NULL)
		frame_u64(io->out, *value);
	else
		*value = read_u64(&io->in);
}

void io_pid(struct state_io *io, pid_t *value)
{
	uint32_t number = (uint32_t)*value;
	io_u32(io, &number);
	if (number > INT32_MAX)
		io_bad(io);
	*value = io->in.bad ? 0 : (pid_t)number;
}

void io_fd(struct state_io *io, int *value)
{
	uint32_t number = (uint32_t)*value;
	io_u32(io, &number);
	/* 0 to 2 are the null device, and the listener has a place of its own. */
	if (number != UINT32_MAX && (number <= 3 || number > INT32_MAX))
		io_bad(io);
	*value = io->in.bad ? -1 : (int)number;
}

void io_id(struct state_io *io, char *value)
{
	if (io->out != NULL) {
		frame_string(io->out, value);
		return;
	}
	const char *text = read_string(&io->in);
	size_t length = strlen(text);
	if (length >= ID_SIZE || strspn(text, "0123456789abcdef") != length) {
		io_bad(io);
		return;
	}
	memcpy(value, text, length + 1);
}

void io_text(struct state_io *io, char **value)
{
	bool present = *value != NULL;
	io_bool(io, &present);
	if (!present)
		return;
	if (io->out != NULL) {
		frame_string(io->out, *value);
		return;
	}
	const char *text = read_string(&io->in);
	*value = io->in.bad ? NULL : strdup(text);
	if (*value == NULL)
		io_bad(io);
}

void io_blob(struct state_io *io, uint8_t **data, size_t *length, size_t limit)
{
	if (io->out != NULL) {
		frame_bytes(io->out, *data, *length);
		return;
	}
	struct bytes read = read_bytes(&io->in);
	*data = NULL;
	*length = 0;
	if (read.length > limit)
		io_bad(io);
	if (io->in.bad || read.length == 0)
		return;
	*data = malloc(read.length);
	if (*data == NULL) {
		io_bad(io);
		return;
	}
	memcpy(*data, read.data, read.length);
	*length = read.length;
}
