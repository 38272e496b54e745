#include "frame.h"

#include <stdlib.h>
#include <string.h>

#include "protocol.h"

#define FIRST_CAPACITY 128

void frame_raw(struct frame *frame, const void *bytes, size_t length)
{
	if (frame->out_of_memory || length == 0)
		return;
	if (frame->capacity - frame->length < length) {
		size_t capacity = frame->capacity == 0 ? FIRST_CAPACITY : frame->capacity;
		while (capacity - frame->length < length)
			capacity *= 2;
		uint8_t *grown = realloc(frame->data, capacity);
		if (grown == NULL) {
			frame->out_of_memory = true;
			return;
		}
		frame->data = grown;
		frame->capacity = capacity;
	}
	memcpy(frame->data + frame->length, bytes, length);
	frame->length += length;
}

static void little_endian(struct frame *frame, uint64_t value, size_t size)
{
	uint8_t bytes[8];
	for (size_t i = 0; i < size; i++)
		bytes[i] = (uint8_t)(value >> (8 * i));
	frame_raw(frame, bytes, size);
}

void frame_u8(struct frame *frame, uint8_t value)
{
	little_endian(frame, value, 1);
}

void frame_u16(struct frame *frame, uint16_t value)
{
	little_endian(frame, value, 2);
}

void frame_u32(struct frame *frame, uint32_t value)
{
	little_endian(frame, value, 4);
}

void frame_u64(struct frame *frame, uint64_t value)
{
	little_endian(frame, value, 8);
}

void frame_bytes(struct frame *frame, const void *bytes, size_t length)
{
	frame_u32(frame, (uint32_t)length);
	frame_raw(frame, bytes, length);
}

void frame_string(struct frame *frame, const char *text)
{
	frame_bytes(frame, text, strlen(text));
	frame_u8(frame, 0);
}

void frame_begin(struct frame *frame, uint16_t kind, uint32_t request)
{
	*frame = (struct frame){0};
	frame_u32(frame, 0);
	frame_u16(frame, kind);
	frame_u16(frame, 0);
	frame_u32(frame, request);
}

void frame_finish(struct frame *frame)
{
	if (frame->out_of_memory)
		return;
	uint32_t payload = (uint32_t)(frame->length - FRAME_HEADER_SIZE);
	for (size_t i = 0; i < 4; i++)
		frame->data[i] = (uint8_t)(payload >> (8 * i));
}

void frame_free(struct frame *frame)
{
	free(frame->data);
	*frame = (struct frame){0};
}
