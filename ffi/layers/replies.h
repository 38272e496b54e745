/* What crib-layer says: a length, a kind and a payload each, read by src/layers/native/replies.ts. */
#ifndef CRIB_LAYER_REPLIES_H
#define CRIB_LAYER_REPLIES_H

#include <stddef.h>
#include <stdint.h>

#include "numbers.h"

struct reply {
	uint8_t *bytes;
	size_t used;
	size_t capacity;
};

void reply_begin(struct reply *reply, enum reply_kind kind);
void reply_bytes(struct reply *reply, const void *bytes, size_t length);
void reply_u16(struct reply *reply, uint16_t value);
void reply_u32(struct reply *reply, uint32_t value);
void reply_u64(struct reply *reply, uint64_t value);
/* Writes it out and frees it. */
void reply_send(struct reply *reply);

#endif
