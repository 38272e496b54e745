#ifndef CRIB_READER_H
#define CRIB_READER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * A cursor over foreign bytes, little endian. Every read is checked against the end; the first one that does not fit
 * makes the reader `bad`, and from then on all reads give zero or the empty string. So a decoder reads straight
 * through and asks once, at the end, reader_done().
 */
struct reader {
	const uint8_t *at;
	const uint8_t *end;
	bool bad;
};

struct bytes {
	const uint8_t *data;
	uint32_t length;
};

/* `count` strings that follow each other; checked when read, walked with string_list_next. */
struct string_list {
	uint32_t count;
	struct reader items;
};

struct reader reader_over(const void *data, size_t length);
/* Nothing left and nothing went wrong. */
bool reader_done(const struct reader *reader);

uint8_t read_u8(struct reader *reader);
uint16_t read_u16(struct reader *reader);
uint32_t read_u32(struct reader *reader);
uint64_t read_u64(struct reader *reader);
/* u32 length, then that many bytes. */
struct bytes read_bytes(struct reader *reader);
/* u32 length, the bytes, a NUL that the length does not count. A NUL inside makes the reader bad. Never NULL. */
const char *read_string(struct reader *reader);
/* u32 count, then strings. */
struct string_list read_string_list(struct reader *reader);
/* The next string, or NULL at the end. The list was checked, so this cannot fail. */
const char *string_list_next(struct string_list *list);

#endif
