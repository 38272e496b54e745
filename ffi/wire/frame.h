#ifndef CRIB_MONITOR_FRAME_H
#define CRIB_MONITOR_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A frame being written. Out of memory is remembered, not reported: the sender drops the connection instead. */
struct frame {
	uint8_t *data;
	size_t length;
	size_t capacity;
	bool out_of_memory;
};

void frame_begin(struct frame *frame, uint16_t kind, uint32_t request);
void frame_u8(struct frame *frame, uint8_t value);
void frame_u16(struct frame *frame, uint16_t value);
void frame_u32(struct frame *frame, uint32_t value);
void frame_u64(struct frame *frame, uint64_t value);
/* The bytes alone, without a length. */
void frame_raw(struct frame *frame, const void *bytes, size_t length);
void frame_bytes(struct frame *frame, const void *bytes, size_t length);
void frame_string(struct frame *frame, const char *text);
/* Fills in the length of a frame that frame_begin opened. */
void frame_finish(struct frame *frame);
void frame_free(struct frame *frame);

#endif
