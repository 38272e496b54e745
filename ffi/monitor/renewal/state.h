#ifndef CRIB_MONITOR_STATE_H
#define CRIB_MONITOR_STATE_H

#include "monitor/process/process.h"

/*
 * What a monitor knows, as bytes that another version of it can read (decision 0132):
 *
 *   u32 magic   u16 format   u16 zero   records: u16 kind, u32 length, that many bytes   the end record
 *
 * The format changes when an older reader could not understand what is there; a record grows at its end, and a kind
 * that a reader does not know is left out unless STATE_MUST is set in it.
 */
#define STATE_MAGIC 0x54534d43u /* "CMST" */
#define STATE_FORMAT 1
#define STATE_MUST 0x8000u

enum state_record {
	STATE_CONNECTION = 1 | STATE_MUST,
	STATE_PROCESS = 2 | STATE_MUST, /* after all connections, which it names by their position */
	STATE_RENEWAL = 3,              /* who is to be told of it */
	STATE_END = 4 | STATE_MUST,     /* u32 number of the other records */
};

/* What was read: it has no owner yet, and no descriptor of it was touched. */
struct state {
	struct connection *connections;
	struct process *processes;
	struct attachment *attachments;
	struct connection *asker; /* of the renewal, or NULL */
	uint32_t request;
	unsigned lost; /* records that could not be read and were left out */
};

/* All that another process cannot find out again. Check frame->out_of_memory. */
void state_write(struct frame *into, struct connection *connections, const struct processes *processes,
		 const struct connection *asker, uint32_t request);

/*
 * 0, or -EPROTO when it is of a version that cannot be read or is damaged; nothing is left in `state` then.
 * `leave_out`: a record that cannot be read is left out instead, and whatever there is comes back.
 */
int state_read(const void *bytes, size_t length, bool leave_out, struct state *state);
/* The memory alone. */
void state_free(struct state *state);

/* Calls `visit` for the place of every descriptor of these connections and processes, -1 included. */
void state_each_fd(struct connection *connections, struct process *processes, void (*visit)(int *fd, void *with),
		   void *with);

#endif
