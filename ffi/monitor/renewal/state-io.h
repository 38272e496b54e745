#ifndef CRIB_MONITOR_STATE_IO_H
#define CRIB_MONITOR_STATE_IO_H

#include <sys/types.h>

#include "wire/frame.h"
#include "wire/protocol.h"
#include "wire/reader.h"

/*
 * One description of the state serves its writer and its reader, so that the two cannot part: each call below writes
 * `*value` when there is an `out`, and otherwise reads it. Whatever does not fit makes the reader bad.
 *
 * A record may grow at its end only. A reader that comes to the end of a record sooner keeps the rest as it was (ask
 * io_more); one that does not know what follows leaves it.
 */
struct state_io {
	struct frame *out; /* NULL: reading */
	struct reader in;
};

bool io_writing(const struct state_io *io);
/* Reading: something is left of the record. Writing: always. */
bool io_more(const struct state_io *io);
void io_bad(struct state_io *io);

void io_bool(struct state_io *io, bool *value);
void io_u8(struct state_io *io, uint8_t *value);
void io_u32(struct state_io *io, uint32_t *value);
void io_u64(struct state_io *io, uint64_t *value);
void io_pid(struct state_io *io, pid_t *value);
/* A descriptor by its number, or -1. Whether it is open is not looked at here. */
void io_fd(struct state_io *io, int *value);
/* At most ID_SIZE with its NUL: lower-case hex digits, or nothing. */
void io_id(struct state_io *io, char *value);
/* A string on the heap, or NULL. */
void io_text(struct state_io *io, char **value);
/* At most `limit` bytes, on the heap when they are read; none is NULL. */
void io_blob(struct state_io *io, uint8_t **data, size_t *length, size_t limit);

#endif
