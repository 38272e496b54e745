#ifndef CRIB_SHA256_H
#define CRIB_SHA256_H

#include <stddef.h>
#include <stdint.h>

#define SHA256_BYTES 32

struct sha256 {
	uint32_t state[8];
	uint64_t length;
	uint8_t block[64];
	void (*compress)(uint32_t *state, const uint8_t *blocks, size_t count);
};

/* Uses the processor's own instructions where it has them. */
void sha256_init(struct sha256 *hash);
void sha256_update(struct sha256 *hash, const void *bytes, size_t length);
void sha256_final(struct sha256 *hash, uint8_t digest[SHA256_BYTES]);

void sha256_compress_portable(uint32_t *state, const uint8_t *blocks, size_t count);
/* NULL where the processor has no instructions for it. */
void (*sha256_compress_native(void))(uint32_t *state, const uint8_t *blocks, size_t count);

extern const uint32_t sha256_constants[64];

#endif
