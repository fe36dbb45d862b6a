/*
 * CRC-32C, 8 bytes a step ("slicing by 8").
 *
 * tables[k][n] is the checksum of the byte n with k zero bytes behind it.  A
 * checksum is linear, so each entry is put together by the compiler from those
 * of n's bits.
 */
#include "crc32c.h"

#include "bytes.h"

#define ENTRY(n, a, b, c, d, e, f, g, h)                                       \
	(((n) &1 ? a : 0u) ^ ((n) &2 ? b : 0u) ^ ((n) &4 ? c : 0u) ^               \
	 ((n) &8 ? d : 0u) ^ ((n) &16 ? e : 0u) ^ ((n) &32 ? f : 0u) ^             \
	 ((n) &64 ? g : 0u) ^ ((n) &128 ? h : 0u))
#define ENTRIES4(n, ...)                                                       \
	ENTRY(n, __VA_ARGS__), ENTRY((n) + 1, __VA_ARGS__),                        \
		ENTRY((n) + 2, __VA_ARGS__), ENTRY((n) + 3, __VA_ARGS__)
#define ENTRIES16(n, ...)                                                      \
	ENTRIES4(n, __VA_ARGS__), ENTRIES4((n) + 4, __VA_ARGS__),                  \
		ENTRIES4((n) + 8, __VA_ARGS__), ENTRIES4((n) + 12, __VA_ARGS__)
#define ENTRIES64(n, ...)                                                      \
	ENTRIES16(n, __VA_ARGS__), ENTRIES16((n) + 16, __VA_ARGS__),               \
		ENTRIES16((n) + 32, __VA_ARGS__), ENTRIES16((n) + 48, __VA_ARGS__)
#define TABLE(...)                                                             \
	{                                                                          \
		ENTRIES64(0, __VA_ARGS__), ENTRIES64(64, __VA_ARGS__),                 \
			ENTRIES64(128, __VA_ARGS__), ENTRIES64(192, __VA_ARGS__)           \
	}

/* the checksums of the bytes 1, 2, 4, ... 128 */
static const uint32_t tables[8][256] = {
	TABLE(0xf26b8303u, 0xe13b70f7u, 0xc79a971fu, 0x8ad958cfu, 0x105ec76fu,
		  0x20bd8edeu, 0x417b1dbcu, 0x82f63b78u),
	TABLE(0x13a29877u, 0x274530eeu, 0x4e8a61dcu, 0x9d14c3b8u, 0x3fc5f181u,
		  0x7f8be302u, 0xff17c604u, 0xfbc3faf9u),
	TABLE(0xa541927eu, 0x4f6f520du, 0x9edea41au, 0x38513ec5u, 0x70a27d8au,
		  0xe144fb14u, 0xc76580d9u, 0x8b277743u),
	TABLE(0xdd45aab8u, 0xbf672381u, 0x7b2231f3u, 0xf64463e6u, 0xe964b13du,
		  0xd725148bu, 0xaba65fe7u, 0x52a0c93fu),
	TABLE(0x38116facu, 0x7022df58u, 0xe045beb0u, 0xc5670b91u, 0x8f2261d3u,
		  0x1ba8b557u, 0x37516aaeu, 0x6ea2d55cu),
	TABLE(0xef306b19u, 0xdb8ca0c3u, 0xb2f53777u, 0x6006181fu, 0xc00c303eu,
		  0x85f4168du, 0x0e045bebu, 0x1c08b7d6u),
	TABLE(0x68032cc8u, 0xd0065990u, 0xa5e0c5d1u, 0x4e2dfd53u, 0x9c5bfaa6u,
		  0x3d5b83bdu, 0x7ab7077au, 0xf56e0ef4u),
	TABLE(0x493c7d27u, 0x9278fa4eu, 0x211d826du, 0x423b04dau, 0x847609b4u,
		  0x0d006599u, 0x1a00cb32u, 0x34019664u),
};

static uint32_t
add_word(uint32_t crc, uint64_t word)
{
	word ^= crc;
	return tables[7][word & 0xff] ^ tables[6][word >> 8 & 0xff] ^
		   tables[5][word >> 16 & 0xff] ^ tables[4][word >> 24 & 0xff] ^
		   tables[3][word >> 32 & 0xff] ^ tables[2][word >> 40 & 0xff] ^
		   tables[1][word >> 48 & 0xff] ^ tables[0][word >> 56];
}

uint32_t
crc32c(uint32_t before, const uint8_t *data, size_t length)
{
	uint32_t crc = ~before;

	for (; length >= 8; data += 8, length -= 8)
		crc = add_word(crc, load_u64(data));
	for (; length > 0; data++, length--)
		crc = crc >> 8 ^ tables[0][(crc ^ *data) & 0xff];
	return ~crc;
}
