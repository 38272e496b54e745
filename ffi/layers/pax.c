#include "pax.h"

#include <stdlib.h>
#include <string.h>

#include "layers.h"

#define RECORDS_MAX 4096
#define SPARSE "GNU.sparse."
#define SAFE_INTEGER ((INT64_C(1) << 53) - 1)

const char *record_value(const struct record *record)
{
	return record->text + record->key_length;
}

static struct record **place_of(struct records *records, const char *key, size_t key_length)
{
	struct record **at = &records->first;
	while (*at != NULL && ((*at)->key_length != key_length || memcmp((*at)->text, key, key_length) != 0))
		at = &(*at)->next;
	return at;
}

const struct record *pax_find(const struct records *records, const char *key, size_t key_length)
{
	return *place_of((struct records *)records, key, key_length);
}

static void set(struct records *into, const char *key, size_t key_length, const char *value, size_t value_length)
{
	struct record **place = place_of(into, key, key_length), *old = *place;
	struct record *record = malloc(sizeof(*record) + key_length + value_length);
	if (record == NULL)
		job_fail(FAILED_INTERNAL, "there is no memory for an extended header");
	record->next = old == NULL ? NULL : old->next;
	record->key_length = key_length;
	record->value_length = value_length;
	memcpy(record->text, key, key_length);
	memcpy(record->text + key_length, value, value_length);
	*place = record;
	free(old);
	if (old == NULL && ++into->count > RECORDS_MAX)
		job_fail(FAILED_REFUSED, "a PAX header has more than %d records", RECORDS_MAX);
}

void pax_clear(struct records *records)
{
	while (records->first != NULL) {
		struct record *next = records->first->next;
		free(records->first);
		records->first = next;
	}
	records->count = 0;
}

/* `<length> <keyword>=<value>\n`, the length in decimal and including itself (POSIX.1-2001, pax "Extended Header"). */
static size_t parse_one(struct records *into, const char *body, size_t length)
{
	const char *blank = memchr(body, ' ', length);
	if (blank == NULL || blank - body > 8 || blank == body)
		job_fail(FAILED_DAMAGED, "PAX record has no length");
	size_t digits = (size_t)(blank - body), claimed = 0;
	for (size_t i = 0; i < digits; i++) {
		if (body[i] < '0' || body[i] > '9')
			job_fail(FAILED_DAMAGED, "PAX record length is not a decimal number");
		claimed = claimed * 10 + (size_t)(body[i] - '0');
	}
	if (claimed < digits + 4 || claimed > length || body[claimed - 1] != '\n')
		job_fail(FAILED_DAMAGED, "PAX record length does not fit the header");
	const char *key = blank + 1, *end = body + claimed;
	const char *equals = memchr(key, '=', (size_t)(end - key));
	if (equals == NULL)
		job_fail(FAILED_DAMAGED, "PAX record has no value");
	size_t key_length = (size_t)(equals - key);
	if (key_length >= strlen(SPARSE) && memcmp(key, SPARSE, strlen(SPARSE)) == 0)
		job_fail(FAILED_UNSUPPORTED, "it holds sparse files");
	set(into, key, key_length, equals + 1, (size_t)(end - 1 - (equals + 1)));
	return claimed;
}

void pax_parse(struct records *into, const uint8_t *body, size_t length)
{
	for (size_t at = 0; at < length;)
		at += parse_one(into, (const char *)body + at, length - at);
}

int64_t pax_integer(const struct record *record)
{
	const char *value = record_value(record);
	int64_t result = 0;
	bool good = record->value_length >= 1 && record->value_length <= 16;
	for (size_t i = 0; good && i < record->value_length; i++) {
		good = value[i] >= '0' && value[i] <= '9';
		result = result * 10 + (value[i] - '0');
	}
	if (!good || result > SAFE_INTEGER)
		job_fail(FAILED_DAMAGED, "PAX number %s is not a number in range", quoted(value, record->value_length));
	return result;
}

/* Seconds with an optional fraction, possibly negative; digits past the ninth are dropped. */
void pax_time(const struct record *record, int64_t *seconds, uint32_t *nanoseconds)
{
	const char *at = record_value(record), *end = at + record->value_length;
	bool negative = at < end && *at == '-';
	at += negative;
	const char *whole_start = at;
	int64_t whole = 0, fraction = 0;
	for (; at < end && *at >= '0' && *at <= '9' && at - whole_start < 18; at++)
		whole = whole * 10 + (*at - '0');
	bool good = at > whole_start;
	if (at < end && *at == '.') {
		const char *fraction_start = ++at;
		int64_t unit = 100000000;
		for (; at < end && *at >= '0' && *at <= '9' && at - fraction_start < 64; at++, unit /= 10)
			fraction += unit * (*at - '0');
	}
	if (!good || at != end)
		job_fail(FAILED_DAMAGED, "PAX time %s is not a time",
			 quoted(record_value(record), record->value_length));
	*seconds = negative ? -whole - (fraction > 0) : whole;
	*nanoseconds = (uint32_t)(negative && fraction > 0 ? 1000000000 - fraction : fraction);
}
