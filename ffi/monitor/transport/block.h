#ifndef CRIB_MONITOR_BLOCK_H
#define CRIB_MONITOR_BLOCK_H

#include <stddef.h>
#include <stdint.h>

/* Memory of payloads. One is kept: a stream has one payload under way, and the next one comes when that is written. */
struct blocks {
	uint8_t *spare;
};

/* At least `*size` bytes, or NULL; `*size` becomes what there is. */
uint8_t *block_take(struct blocks *blocks, size_t *size);
void block_give(struct blocks *blocks, uint8_t *block, size_t size);
/* No client streams any more: what was kept for the next payload is given back. */
void block_forget(struct blocks *blocks);

#endif
