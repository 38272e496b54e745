#ifndef CRIB_LIBCRIB_JOB_REPLY_H
#define CRIB_LIBCRIB_JOB_REPLY_H

#include <stddef.h>
#include <stdint.h>

/* Grows as the job writes to it; a failed growth is kept in `failed`. */
struct job_reply {
	uint8_t *bytes;
	size_t length, capacity;
	int failed;
};

/* Appends; 0 or -ENOMEM. */
int job_reply_add(struct job_reply *reply, const void *bytes, size_t length);
/* Room for `length` more bytes, or NULL; `length` grows by what is then used. */
uint8_t *job_reply_room(struct job_reply *reply, size_t length);

#endif
