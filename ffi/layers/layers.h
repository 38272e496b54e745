/*
 * crib-layer: turns one compressed layer blob into its uncompressed tar and an EROFS index of that tar.
 *
 *   blob file ──▶ reader ──ring──▶ inflater ──ring──▶ consumer ──▶ tar file, tree in memory ──▶ index file
 *                                  gzip, zstd         hashes, parses, writes
 *
 * One process a layer. It is handed three open files and a socket, gives up every right it could use for anything else
 * (confine.c) before it reads a foreign byte, and ends when its orders end. What it refuses and why is told in one
 * reply.
 */
#ifndef CRIB_LAYERS_H
#define CRIB_LAYERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "numbers.h"

/* Descriptors, as crib hands them over. */
enum { FD_ORDERS = 3, FD_REPLIES = FD_ORDERS, FD_BLOB, FD_TAR, FD_INDEX };

/* In the order of the command line; what they mean is told in src/layers/layer-limits.ts. */
struct limits {
	uint64_t max_entries;
	uint64_t max_archive_bytes;
	uint64_t max_ratio;
	uint64_t ratio_free_bytes;
	uint64_t max_directory_name_bytes;
	uint64_t min_free_bytes;
};

/*
 * How a job ends badly. FAILED_UNSUPPORTED is well-formed, and nothing that an index can say: the layer becomes a
 * directory. Those from FAILED_UNREACHED on are of a server: it could not be reached, said nothing, said too little, or
 * broke the connection.
 */

/* Tells the failure to crib and ends the process: no thread needs to unwind what the kernel is about to take anyway. */
_Noreturn void job_fail(enum failure_kind kind, const char *format, ...) __attribute__((format(printf, 2, 3)));
_Noreturn void job_fail_errno(int errnum, const char *call);

/* Printable, cut to 200 bytes: at most four of these in one message. */
const char *quoted(const char *name, size_t length);

/* confine.c: 0 or -errno; the first step gives up the file system and all capabilities, the second most system calls.
 */
int confine_rights(void);
int confine_calls(void);

/* job.c */
void job_run(const struct limits *limits);

#endif
