#include "orders.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "layers.h"

/* Crib writes them, so this is against its own mistakes. */
#define ORDER_BYTES_MAX ((uint32_t)256 * 1024 * 1024)

static bool read_whole(uint8_t *into, size_t length)
{
	for (size_t have = 0; have < length;) {
		ssize_t count = read(FD_ORDERS, into + have, length - have);
		if (count == 0 || (count < 0 && errno != EINTR))
			return false;
		have += count > 0 ? (size_t)count : 0;
	}
	return true;
}

static uint64_t little_endian(const uint8_t *bytes, size_t length)
{
	uint64_t value = 0;
	for (size_t i = 0; i < length; i++)
		value |= (uint64_t)bytes[i] << (8 * i);
	return value;
}

bool order_next(struct order *order)
{
	uint8_t head[4];
	free(order->bytes);
	order->bytes = NULL;
	if (!read_whole(head, sizeof(head)))
		return false;
	uint32_t length = (uint32_t)little_endian(head, sizeof(head));
	if (length == 0 || length > ORDER_BYTES_MAX)
		job_fail(FAILED_INTERNAL, "an order of %u bytes", length);
	order->bytes = malloc(length);
	if (order->bytes == NULL)
		job_fail(FAILED_INTERNAL, "there is no memory for an order of %u bytes", length);
	if (!read_whole(order->bytes, length))
		return false;
	order->kind = order->bytes[0];
	order->at = order->bytes + 1;
	order->left = length - 1;
	return true;
}

const uint8_t *order_bytes(struct order *order, size_t length)
{
	if (order->left < length)
		job_fail(FAILED_INTERNAL, "an order of kind %u is cut short", order->kind);
	const uint8_t *bytes = order->at;
	order->at += length;
	order->left -= length;
	return bytes;
}

uint16_t order_u16(struct order *order)
{
	return (uint16_t)little_endian(order_bytes(order, 2), 2);
}

uint32_t order_u32(struct order *order)
{
	return (uint32_t)little_endian(order_bytes(order, 4), 4);
}

uint64_t order_u64(struct order *order)
{
	return little_endian(order_bytes(order, 8), 8);
}

struct name order_name(struct order *order)
{
	size_t length = order_u16(order);
	return (struct name){.text = (const char *)order_bytes(order, length), .length = length};
}
