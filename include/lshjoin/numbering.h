/* Small numbers for rows that come in no order: the first gets 0, the next new one 1, and so on. A hash
 * table; some 20 bytes a row. */
#ifndef LSHJOIN_NUMBERING_H
#define LSHJOIN_NUMBERING_H

#include <stdint.h>

/* All zero at first. */
struct numbering {
    uint64_t n, capacity;
    uint64_t *row;  /* [n] by number */
    uint64_t slots; /* a power of two, at least twice n; or 0 */
    uint32_t *slot; /* [slots] a number and 1, or 0 */
};

/* The number of a row, a new one where it has none. Dies past 2^32-2 rows. */
uint32_t numbering_of(struct numbering *n, uint64_t row);
void numbering_free(struct numbering *n);

#endif
