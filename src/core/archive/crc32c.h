/*
 * CRC-32C (Castagnoli), as iSCSI, ext4 and PostgreSQL have it: finds every
 * damage of up to 32 neighbouring bits.
 */
#ifndef CORE_ARCHIVE_CRC32C_H
#define CORE_ARCHIVE_CRC32C_H

#include <stddef.h>
#include <stdint.h>

/* Of `length` bytes, going on from the checksum of what lies before them (0
 * at the start). */
extern uint32_t crc32c(uint32_t before, const uint8_t *data, size_t length);

#endif
