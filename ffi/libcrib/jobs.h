/*
 * Jobs: system calls that may wait, made on a few threads beside the daemon's event loop.
 *
 *   event loop ── crib_jobs_start ──▶ queue ──▶ thread: job_files, job_netlink, job_spawn
 *        ▲                                         │
 *        └──────── one stream of replies ◀─────────┘   struct job_reply_head, then its bytes
 *
 * A thread that hangs in the kernel is one fewer and does not hold up the others: all take from one queue.
 */
#ifndef CRIB_LIBCRIB_JOBS_H
#define CRIB_LIBCRIB_JOBS_H

#include "internal.h"

/* What goes back for one job. Read from TypeScript by offset. */
struct job_reply_head {
	uint32_t id;
	int32_t result; /* >= 0 or -errno */
	uint32_t length;
};

/* Grows as the job writes to it; a failed growth is kept in `failed`. */
struct job_reply {
	uint8_t *bytes;
	size_t length, capacity;
	int failed;
};

/* `descriptors` are copies of the caller's, which may be closed at once; -1 where there is none. */
struct job {
	struct job *next;
	uint32_t id, kind;
	int32_t descriptors[CRIB_JOB_FDS];
	size_t length;
	uint8_t request[];
};

/* Appends; 0 or -ENOMEM. */
int job_reply_add(struct job_reply *reply, const void *bytes, size_t length);
/* Room for `length` more bytes, or NULL; `length` grows by what is then used. */
uint8_t *job_reply_room(struct job_reply *reply, size_t length);

/* Each does its whole job and returns >= 0 or -errno. */
int job_files(const struct job *job, struct job_reply *reply);
int job_netlink(const struct job *job, struct job_reply *reply);
int job_socket(const struct job *job, struct job_reply *reply);
int job_spawn(const struct job *job, struct job_reply *reply);

#endif
