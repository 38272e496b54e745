#include "index-writer.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "layers.h"

void write_whole(int fd, const uint8_t *bytes, size_t length)
{
	for (size_t at = 0; at < length;) {
		ssize_t wrote = write(fd, bytes + at, length - at);
		if (wrote < 0 && errno == EINTR)
			continue;
		if (wrote < 0)
			job_fail_errno(errno, "write");
		at += (size_t)wrote;
	}
}

void index_flush(struct index_writer *writer)
{
	sha256_update(&writer->hash, writer->buffer, writer->used);
	write_whole(writer->fd, writer->buffer, writer->used);
	writer->used = 0;
}

void index_put(struct index_writer *writer, const void *bytes, size_t length)
{
	const uint8_t *from = bytes;
	writer->position += length;
	while (length > 0) {
		if (writer->used == INDEX_BUFFER)
			index_flush(writer);
		size_t room = INDEX_BUFFER - writer->used, take = length < room ? length : room;
		memcpy(writer->buffer + writer->used, from, take);
		writer->used += take;
		from += take;
		length -= take;
	}
}

void index_pad(struct index_writer *writer, uint64_t position)
{
	static const uint8_t zeros[512];
	while (writer->position < position) {
		uint64_t left = position - writer->position;
		index_put(writer, zeros, left < sizeof(zeros) ? (size_t)left : sizeof(zeros));
	}
}
