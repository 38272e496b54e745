/*
 * A push parser for tar archives, the twin of src/layers/tar/tar-reader.ts: what one accepts the other does, and both
 * read ustar, star, PAX, GNU long names and base-256 numbers, and V7, as Go's archive/tar does. Holes are left to that
 * one.
 */
#ifndef CRIB_TAR_H
#define CRIB_TAR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "pax.h"
#include "tar-header.h"
#include "tree.h"

#define METADATA_BYTES_MAX (1024 * 1024)

enum member_kind {
	MEMBER_FILE,
	MEMBER_HARDLINK,
	MEMBER_SYMLINK,
	MEMBER_CHARACTER,
	MEMBER_BLOCK,
	MEMBER_DIRECTORY,
	MEMBER_FIFO,
};

struct member {
	enum member_kind kind;
	struct name name;
	struct name link;
	uint32_t mode;
	uint32_t uid;
	uint32_t gid;
	uint64_t size;
	uint64_t content; /* where in the archive */
	int64_t mtime;
	uint32_t mtime_ns;
	int64_t device_major;
	int64_t device_minor;
	const struct records *records; /* extended attributes are among them */
};

enum tar_phase { TAR_HEADER, TAR_METADATA, TAR_SKIP, TAR_ENDED };

struct tar {
	void (*member)(void *context, const struct member *member);
	void *context;
	uint64_t max_entries;
	uint64_t headers;
	uint64_t position;
	enum tar_phase phase;
	uint8_t block[TAR_BLOCK];
	size_t have;
	unsigned zero_blocks;
	uint8_t metadata_type;
	uint8_t *metadata;
	size_t metadata_length;
	uint64_t remaining;
	uint64_t padding;
	struct records local;
	char *long_name;
	size_t long_name_length;
	char *long_link;
	size_t long_link_length;
};

void tar_init(struct tar *tar, uint64_t max_entries, void (*member)(void *, const struct member *), void *context);
void tar_push(struct tar *tar, const uint8_t *bytes, size_t length);
/* After the last byte. An archive may end behind a member's last byte, without padding or closing zeros, as for Go. */
void tar_finish(struct tar *tar);
void tar_free(struct tar *tar);
/* Bytes from here on that mean nothing to the parser: the content of a file, mostly. */
uint64_t tar_skippable(const struct tar *tar);
void tar_skip(struct tar *tar, uint64_t count);

#endif
