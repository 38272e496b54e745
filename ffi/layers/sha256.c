#include "sha256.h"

#include <string.h>

/* FIPS 180-4, section 4.2.2. */
const uint32_t sha256_constants[64] __attribute__((aligned(16))) = {
	0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
	0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
	0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
	0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
	0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
	0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
	0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
	0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
};

static uint32_t rotate(uint32_t value, unsigned count)
{
	return value >> count | value << (32 - count);
}

static uint32_t big_endian(const uint8_t *bytes)
{
	return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 | bytes[3];
}

static void schedule(uint32_t *w, const uint8_t *block)
{
	for (int i = 0; i < 16; i++)
		w[i] = big_endian(block + (size_t)i * 4);
	for (int i = 16; i < 64; i++) {
		uint32_t early = w[i - 15], late = w[i - 2];
		uint32_t sigma0 = rotate(early, 7) ^ rotate(early, 18) ^ early >> 3;
		uint32_t sigma1 = rotate(late, 17) ^ rotate(late, 19) ^ late >> 10;
		w[i] = w[i - 16] + sigma0 + w[i - 7] + sigma1;
	}
}

void sha256_compress_portable(uint32_t *state, const uint8_t *blocks, size_t count)
{
	for (; count > 0; count--, blocks += 64) {
		uint32_t w[64], s[8];
		schedule(w, blocks);
		memcpy(s, state, sizeof(s));
		for (int i = 0; i < 64; i++) {
			uint32_t choice = (s[4] & s[5]) ^ (~s[4] & s[6]);
			uint32_t majority = (s[0] & s[1]) ^ (s[0] & s[2]) ^ (s[1] & s[2]);
			uint32_t sum1 = rotate(s[4], 6) ^ rotate(s[4], 11) ^ rotate(s[4], 25);
			uint32_t sum0 = rotate(s[0], 2) ^ rotate(s[0], 13) ^ rotate(s[0], 22);
			uint32_t first = s[7] + sum1 + choice + sha256_constants[i] + w[i];
			memmove(s + 1, s, 7 * sizeof(*s));
			s[4] += first;
			s[0] = first + sum0 + majority;
		}
		for (int i = 0; i < 8; i++)
			state[i] += s[i];
	}
}

void sha256_init(struct sha256 *hash)
{
	static const uint32_t initial[8] = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
					    0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
	memcpy(hash->state, initial, sizeof(initial));
	hash->length = 0;
	hash->compress = sha256_compress_native();
	if (hash->compress == NULL)
		hash->compress = sha256_compress_portable;
}

void sha256_update(struct sha256 *hash, const void *data, size_t length)
{
	const uint8_t *bytes = data;
	size_t held = hash->length % 64;
	hash->length += length;
	if (held > 0) {
		size_t take = length < 64 - held ? length : 64 - held;
		memcpy(hash->block + held, bytes, take);
		bytes += take;
		length -= take;
		if (held + take < 64)
			return;
		hash->compress(hash->state, hash->block, 1);
	}
	hash->compress(hash->state, bytes, length / 64);
	memcpy(hash->block, bytes + length / 64 * 64, length % 64);
}

void sha256_final(struct sha256 *hash, uint8_t digest[SHA256_BYTES])
{
	uint64_t bits = hash->length * 8;
	uint8_t padding[72] = {0x80};
	size_t held = hash->length % 64;
	size_t zeros = (held < 56 ? 56 : 120) - held;
	for (int i = 0; i < 8; i++)
		padding[zeros + (size_t)i] = (uint8_t)(bits >> (56 - 8 * i));
	sha256_update(hash, padding, zeros + 8);
	for (int i = 0; i < 32; i++)
		digest[i] = (uint8_t)(hash->state[i / 4] >> (24 - 8 * (i % 4)));
}
