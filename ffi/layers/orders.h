/* What crib tells crib-layer to do: a length, a kind and a payload each, written by src/layers/native/orders.ts. */
#ifndef CRIB_ORDERS_H
#define CRIB_ORDERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "numbers.h"
#include "tree.h"

struct order {
	uint8_t kind;
	const uint8_t *at;
	size_t left;
	uint8_t *bytes;
};

/* Waits for the next; false when there will be none. Frees the one before. */
bool order_next(struct order *order);
uint16_t order_u16(struct order *order);
uint32_t order_u32(struct order *order);
uint64_t order_u64(struct order *order);
const uint8_t *order_bytes(struct order *order, size_t length);
struct name order_name(struct order *order);

#endif
