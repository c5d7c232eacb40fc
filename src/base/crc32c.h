/* CRC-32C (Castagnoli, polynomial 0x1edc6f41 reflected, as in iSCSI, RFC 3720): checks what was written to disk. */
#ifndef PL_BASE_CRC32C_H
#define PL_BASE_CRC32C_H

#include <stddef.h>
#include <stdint.h>

/* The checksum of the bytes that gave `crc` (0: of none) followed by these. By the processor's own instruction where it has one.
 */
uint32_t pl_crc32c(uint32_t crc, const void *p, size_t n);

uint32_t pl_crc32c_plain(uint32_t crc, const void *p, size_t n); /* the same by table, on any processor */

#endif
