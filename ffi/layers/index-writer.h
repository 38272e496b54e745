/* Writes the index in order, hashing as it goes. */
#ifndef CRIB_INDEX_WRITER_H
#define CRIB_INDEX_WRITER_H

#include <stddef.h>
#include <stdint.h>

#include "sha256.h"

#define INDEX_BUFFER (256 * 1024)

struct index_writer {
	int fd;
	uint64_t position;
	size_t used;
	struct sha256 hash;
	uint8_t buffer[INDEX_BUFFER];
};

void index_put(struct index_writer *writer, const void *bytes, size_t length);
/* Zeros up to `position`, which is not before the end of what was put. */
void index_pad(struct index_writer *writer, uint64_t position);
void index_flush(struct index_writer *writer);

/* All of it, whatever the kernel takes at once. */
void write_whole(int fd, const uint8_t *bytes, size_t length);

#endif
