/* Records of PAX extended headers. */
#ifndef CRIB_PAX_H
#define CRIB_PAX_H

#include <stddef.h>
#include <stdint.h>

struct record {
	struct record *next;
	size_t key_length;
	size_t value_length;
	char text[]; /* the key, then the value */
};

struct records {
	struct record *first;
	unsigned count;
};

void pax_parse(struct records *into, const uint8_t *body, size_t length);
void pax_clear(struct records *records);
const struct record *pax_find(const struct records *records, const char *key, size_t key_length);
const char *record_value(const struct record *record);
int64_t pax_integer(const struct record *record);
void pax_time(const struct record *record, int64_t *seconds, uint32_t *nanoseconds);

#endif
