#include "replies.h"

#include <endian.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "layers.h"

#define MESSAGE_BYTES 1024
#define QUOTED_BYTES 200

void reply_bytes(struct reply *reply, const void *bytes, size_t length)
{
	if (reply->capacity - reply->used < length) {
		reply->capacity = (reply->used + length) * 2;
		reply->bytes = realloc(reply->bytes, reply->capacity);
		if (reply->bytes == NULL)
			_exit(1); /* what cannot even be told ends the job all the same */
	}
	memcpy(reply->bytes + reply->used, bytes, length);
	reply->used += length;
}

void reply_u16(struct reply *reply, uint16_t value)
{
	value = htole16(value);
	reply_bytes(reply, &value, sizeof(value));
}

void reply_u32(struct reply *reply, uint32_t value)
{
	value = htole32(value);
	reply_bytes(reply, &value, sizeof(value));
}

void reply_u64(struct reply *reply, uint64_t value)
{
	value = htole64(value);
	reply_bytes(reply, &value, sizeof(value));
}

void reply_begin(struct reply *reply, enum reply_kind kind)
{
	uint8_t byte = (uint8_t)kind;
	*reply = (struct reply){0};
	reply_u32(reply, 0);
	reply_bytes(reply, &byte, 1);
}

void reply_send(struct reply *reply)
{
	uint32_t length = htole32((uint32_t)(reply->used - sizeof(uint32_t)));
	memcpy(reply->bytes, &length, sizeof(length));
	for (size_t at = 0; at < reply->used;) {
		ssize_t wrote = write(FD_REPLIES, reply->bytes + at, reply->used - at);
		if (wrote < 0 && errno != EINTR)
			_exit(1); /* the daemon is gone */
		at += wrote > 0 ? (size_t)wrote : 0;
	}
	free(reply->bytes);
}

void job_fail(enum failure_kind kind, const char *format, ...)
{
	char message[MESSAGE_BYTES];
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(message, sizeof(message), format, arguments);
	va_end(arguments);
	uint8_t byte = (uint8_t)kind;
	struct reply reply;
	reply_begin(&reply, REPLY_FAILED);
	reply_bytes(&reply, &byte, 1);
	reply_bytes(&reply, message, strlen(message));
	reply_send(&reply);
	_exit(0);
}

void job_fail_errno(int errnum, const char *call)
{
	bool full = errnum == ENOSPC || errnum == EDQUOT;
	job_fail(full ? FAILED_FULL : FAILED_INTERNAL, "%s: %s", call, strerror(errnum));
}

const char *quoted(const char *name, size_t length)
{
	static _Thread_local char texts[4][QUOTED_BYTES * 4 + 3];
	static _Thread_local unsigned turn;
	char *text = texts[turn++ % 4], *at = text;
	*at++ = '"';
	for (size_t i = 0; i < length && i < QUOTED_BYTES; i++) {
		uint8_t byte = (uint8_t)name[i];
		if (byte >= 0x20 && byte < 0x7f && byte != '"' && byte != '\\')
			*at++ = (char)byte;
		else
			at += sprintf(at, "\\x%02x", byte);
	}
	*at++ = '"';
	*at = '\0';
	return text;
}
