#include "job-reply.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

uint8_t *job_reply_room(struct job_reply *reply, size_t length)
{
	if (reply->length + length > reply->capacity) {
		size_t capacity = (reply->length + length) * 2;
		uint8_t *bytes = realloc(reply->bytes, capacity);
		if (bytes == NULL) {
			reply->failed = -ENOMEM;
			return NULL;
		}
		reply->bytes = bytes;
		reply->capacity = capacity;
	}
	return reply->bytes + reply->length;
}

int job_reply_add(struct job_reply *reply, const void *bytes, size_t length)
{
	uint8_t *room = job_reply_room(reply, length);
	if (room == NULL)
		return reply->failed;
	if (length > 0)
		memcpy(room, bytes, length);
	reply->length += length;
	return 0;
}
