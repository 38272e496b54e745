#include "reader.h"

#include <string.h>

struct reader reader_over(const void *data, size_t length)
{
	const uint8_t *start = data;
	return (struct reader){.at = start, .end = start == NULL ? start : start + length, .bad = false};
}

bool reader_done(const struct reader *reader)
{
	return !reader->bad && reader->at == reader->end;
}

/* The next `length` bytes, or NULL; compares lengths, never pointers past the end, so no sum can overflow. */
static const uint8_t *take(struct reader *reader, size_t length)
{
	if (reader->bad || (size_t)(reader->end - reader->at) < length) {
		reader->bad = true;
		return NULL;
	}
	const uint8_t *taken = reader->at;
	reader->at += length;
	return taken;
}

static uint64_t read_little_endian(struct reader *reader, size_t size)
{
	const uint8_t *bytes = take(reader, size);
	uint64_t value = 0;
	if (bytes == NULL)
		return 0;
	for (size_t i = 0; i < size; i++)
		value |= (uint64_t)bytes[i] << (8 * i);
	return value;
}

uint8_t read_u8(struct reader *reader)
{
	return (uint8_t)read_little_endian(reader, 1);
}

uint16_t read_u16(struct reader *reader)
{
	return (uint16_t)read_little_endian(reader, 2);
}

uint32_t read_u32(struct reader *reader)
{
	return (uint32_t)read_little_endian(reader, 4);
}

uint64_t read_u64(struct reader *reader)
{
	return read_little_endian(reader, 8);
}

struct bytes read_bytes(struct reader *reader)
{
	uint32_t length = read_u32(reader);
	const uint8_t *data = take(reader, length);
	return (struct bytes){.data = data, .length = data == NULL ? 0 : length};
}

const char *read_string(struct reader *reader)
{
	uint32_t length = read_u32(reader);
	const uint8_t *data = take(reader, (size_t)length + 1);
	if (data == NULL)
		return "";
	if (data[length] != '\0' || memchr(data, '\0', length) != NULL) {
		reader->bad = true;
		return "";
	}
	return (const char *)data;
}

struct string_list read_string_list(struct reader *reader)
{
	struct string_list list = {.count = read_u32(reader), .items = *reader};
	for (uint32_t i = 0; i < list.count && !reader->bad; i++)
		read_string(reader);
	if (reader->bad)
		list.count = 0;
	return list;
}

const char *string_list_next(struct string_list *list)
{
	if (list->count == 0)
		return NULL;
	list->count--;
	return read_string(&list->items);
}
