/* Both ways to the same digest, at every length about a block's end; against the vectors of FIPS 180-4. */
#include <stdio.h>
#include <string.h>

#include "../../tests/check.h"
#include "../sha256.h"

static void digest_of(const uint8_t *bytes, size_t length, size_t piece, int portable, char *hex)
{
	struct sha256 hash;
	uint8_t digest[SHA256_BYTES];
	sha256_init(&hash);
	if (portable)
		hash.compress = sha256_compress_portable;
	for (size_t at = 0; at < length; at += piece)
		sha256_update(&hash, bytes + at, length - at < piece ? length - at : piece);
	sha256_final(&hash, digest);
	for (int i = 0; i < SHA256_BYTES; i++)
		sprintf(hex + (size_t)i * 2, "%02x", digest[i]);
}

int main(void)
{
	char one[65], two[65];
	digest_of((const uint8_t *)"abc", 3, 3, 0, one);
	CHECK(strcmp(one, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad") == 0);
	digest_of((const uint8_t *)"", 0, 1, 1, one);
	CHECK(strcmp(one, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855") == 0);
	uint8_t bytes[400];
	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t)(i * 37);
	for (size_t length = 0; length < sizeof(bytes); length++) {
		digest_of(bytes, length, 1 + length % 70, 0, one);
		digest_of(bytes, length, sizeof(bytes), 1, two);
		CHECK(strcmp(one, two) == 0);
	}
	puts("ok sha256");
	return 0;
}
