/*
 * Writes a tree as an EROFS image that holds names and metadata only: files are one chunk each, in the archive, which
 * is the image's second device. Blocks are 512 bytes, as the archive's are (fs/erofs, Linux 6.4 and later).
 */
#ifndef CRIB_EROFS_H
#define CRIB_EROFS_H

#include <stdint.h>

#include "sha256.h"
#include "tree.h"

struct index_facts {
	uint64_t bytes;
	uint64_t inodes;
	uint8_t digest[SHA256_BYTES];
};

/* Writes to the file descriptor from its start; `id` tells this image from others to overlayfs. */
void erofs_write(struct tree *tree, int fd, uint64_t archive_bytes, const uint8_t id[16], struct index_facts *facts);

#endif
