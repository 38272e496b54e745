/*
 * Jobs: system calls that may wait, made on a few threads beside the daemon's event loop.
 *
 *   event loop ── crib_jobs_start ──▶ queue ──▶ thread: job_files, job_netlink, job_spawn
 *        ▲                                         │
 *        └──────── one stream of replies ◀─────────┘   struct job_reply_head, then its bytes
 *
 * A thread that hangs in the kernel is one fewer and does not hold up the others: all take from one queue.
 */
#ifndef CRIB_LIBCRIB_JOB_H
#define CRIB_LIBCRIB_JOB_H

#include "internal.h"
#include "job-reply.h"
#include "numbers.h"

/* What goes back for one job. Read from TypeScript by offset. */
struct job_reply_head {
	uint32_t id;
	int32_t result; /* >= 0 or -errno */
	uint32_t length;
};

/* `descriptors` are copies of the caller's, which may be closed at once; -1 where there is none. */
struct job {
	struct job *next;
	uint32_t id, kind;
	int32_t descriptors[CRIB_JOB_FDS];
	size_t length;
	uint8_t request[];
};

/* Each does its whole job and returns >= 0 or -errno. */
int job_files(const struct job *job, struct job_reply *reply);
int job_netlink(const struct job *job, struct job_reply *reply);
int job_socket(const struct job *job, struct job_reply *reply);
int job_spawn(const struct job *job, struct job_reply *reply);

#endif
