#ifndef CRIB_TAR_HEADER_H
#define CRIB_TAR_HEADER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TAR_BLOCK 512

struct header {
	uint8_t type;
	char name[257];
	size_t name_length;
	char link[100];
	size_t link_length;
	int64_t mode;
	int64_t uid;
	int64_t gid;
	int64_t size;
	int64_t mtime;
	int64_t device_major;
	int64_t device_minor;
};

/* False for a block of zeros. */
bool tar_parse_header(const uint8_t *block, struct header *into);

#endif
