#include "sha256.h"

#if defined(__x86_64__)
#include <cpuid.h>
#include <immintrin.h>
#include <stdbool.h>

#define SHA_BIT (1u << 29)   /* CPUID.7.0:EBX */
#define SSE41_BIT (1u << 19) /* CPUID.1:ECX */
#define SSSE3_BIT (1u << 9)

/* Four rounds with the message words `w`. */
#define ROUNDS(w, at)                                                                                                  \
	do {                                                                                                           \
		__m128i wk = _mm_add_epi32(w, _mm_load_si128((const __m128i *)(sha256_constants + (at))));             \
		cdgh = _mm_sha256rnds2_epu32(cdgh, abef, wk);                                                          \
		abef = _mm_sha256rnds2_epu32(abef, cdgh, _mm_shuffle_epi32(wk, 0x0e));                                 \
	} while (0)

/* The message words that follow a, b, c, d, into a. */
#define EXTEND(a, b, c, d)                                                                                             \
	(a = _mm_sha256msg2_epu32(_mm_add_epi32(_mm_sha256msg1_epu32(a, b), _mm_alignr_epi8(d, c, 4)), d))

__attribute__((target("sha,sse4.1,ssse3"))) static void compress(uint32_t *state, const uint8_t *blocks, size_t count)
{
	const __m128i swap = _mm_set_epi64x(0x0c0d0e0f08090a0bLL, 0x0405060700010203LL);
	/* The instructions keep the state as two rows, ABEF and CDGH. */
	__m128i low = _mm_shuffle_epi32(_mm_loadu_si128((const __m128i *)state), 0xb1);
	__m128i high = _mm_shuffle_epi32(_mm_loadu_si128((const __m128i *)(state + 4)), 0x1b);
	__m128i abef = _mm_alignr_epi8(low, high, 8);
	__m128i cdgh = _mm_blend_epi16(high, low, 0xf0);

	for (; count > 0; count--, blocks += 64) {
		__m128i abef_before = abef, cdgh_before = cdgh;
		__m128i w0 = _mm_shuffle_epi8(_mm_loadu_si128((const __m128i *)blocks), swap);
		__m128i w1 = _mm_shuffle_epi8(_mm_loadu_si128((const __m128i *)(blocks + 16)), swap);
		__m128i w2 = _mm_shuffle_epi8(_mm_loadu_si128((const __m128i *)(blocks + 32)), swap);
		__m128i w3 = _mm_shuffle_epi8(_mm_loadu_si128((const __m128i *)(blocks + 48)), swap);
		for (int at = 0; at < 64; at += 16) {
			ROUNDS(w0, at);
			ROUNDS(w1, at + 4);
			ROUNDS(w2, at + 8);
			ROUNDS(w3, at + 12);
			if (at == 48)
				break;
			EXTEND(w0, w1, w2, w3);
			EXTEND(w1, w2, w3, w0);
			EXTEND(w2, w3, w0, w1);
			EXTEND(w3, w0, w1, w2);
		}
		abef = _mm_add_epi32(abef, abef_before);
		cdgh = _mm_add_epi32(cdgh, cdgh_before);
	}

	__m128i feba = _mm_shuffle_epi32(abef, 0x1b);
	__m128i dchg = _mm_shuffle_epi32(cdgh, 0xb1);
	_mm_storeu_si128((__m128i *)state, _mm_blend_epi16(feba, dchg, 0xf0));
	_mm_storeu_si128((__m128i *)(state + 4), _mm_alignr_epi8(dchg, feba, 8));
}

void (*sha256_compress_native(void))(uint32_t *, const uint8_t *, size_t)
{
	unsigned eax, ebx, ecx, edx;
	if (!__get_cpuid(1, &eax, &ebx, &ecx, &edx) || (ecx & SSE41_BIT) == 0 || (ecx & SSSE3_BIT) == 0)
		return NULL;
	if (!__get_cpuid_count(7, 0, &eax, &ebx, &ecx, &edx) || (ebx & SHA_BIT) == 0)
		return NULL;
	return compress;
}

#else

void (*sha256_compress_native(void))(uint32_t *, const uint8_t *, size_t)
{
	return NULL;
}

#endif
