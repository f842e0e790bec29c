/* How large sets are. Sizes fall into classes, two for each power of two: 1, 2, 3, 4, 5-6, 7-8, 9-12, 13-16,
 * 17-24 ... */
#ifndef LSHJOIN_SIZES_H
#define LSHJOIN_SIZES_H

#include <stdint.h>

enum {
    SIZE_CLASSES = 62, /* up to 2^31 elements */
    /* How many classes the right set of a pair is above the left one, from -(SIZE_CLASSES-1) on: as an index.
     */
    SIZE_STEPS = 2 * SIZE_CLASSES - 1
};

/* The class of a set of n elements, 1 <= n <= 2^31, and the largest size in a class. */
uint32_t size_class(uint64_t n);
uint64_t size_class_most(uint32_t class);

/* Of the left sets and of the right ones, which may be the same, by class. */
struct sizes {
    uint64_t rows[2][SIZE_CLASSES], items[2][SIZE_CLASSES]; /* sets and their elements */
    uint64_t least[2][SIZE_CLASSES], most[2][SIZE_CLASSES]; /* sizes that there are; no class without rows has
                                                               any: UINT64_MAX and 0 */
};

struct sizes sizes_create(void);
/* A set of n elements; empty ones are of no class. side: 0 for the left, 1 for the right. */
void sizes_add(struct sizes *s, int side, uint64_t n);

#endif
