/*
 * Bytes as text: hex and base64.
 */
#ifndef CORE_ENCODING_H
#define CORE_ENCODING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* 0 to 15; -1 for what is no hex digit of either case. */
extern int hex_digit_value(char c);

/* Writes 2 * length lower-case digits, without a NUL. */
extern void bytes_to_hex(const char *from, size_t length, char *to);

/* Reads `length` digits, of either case, into length / 2 bytes; false if they
 * are not hex or of an odd number. */
extern bool hex_to_bytes(const char *from, size_t length, char *to);

#define BASE64_SIZE(length) (((length) + 2) / 3 * 4)

/* Writes BASE64_SIZE(length) characters of the standard alphabet, padded. */
extern void bytes_to_base64(const char *from, size_t length, char *to);

/* Reads either alphabet (standard or URL-safe), padded or not, into at most
 * length / 4 * 3 + 2 bytes; false if it is none. */
extern bool base64_to_bytes(const char *from, size_t length, char *to,
							size_t *decoded);

#endif
