/* A look at candidates in byte images of their rows (coarse.h), which are a quarter as long as the rows and
 * tell of most pairs that they miss the threshold. It says nothing that verify would not. */
#ifndef LSHJOIN_PREVIEW_H
#define LSHJOIN_PREVIEW_H

#include <stdbool.h>
#include <stdint.h>

#include "lshjoin/coarse.h"
#include "lshjoin/pool.h"
#include "lshjoin/records.h"

struct preview {
    const struct coarse *coarse; /* borrowed */
    struct coarse_limit limit;
    uint64_t bytes;          /* of an image */
    int8_t *image;           /* [n][bytes] */
    int32_t *start, *offset; /* [n] see coarse.h */
};

/* Images of those rows, for that threshold. The coarse sieve must be of all rows that are looked at. */
struct preview preview_create(struct pool *pool, const struct coarse *coarse, double threshold,
                              const struct records *rows);
void preview_free(struct preview *p);

/* The image of a row: one of the rows', or one made of any other row into `room`, [bytes]. */
struct preview_image {
    const int8_t *image;
    int32_t start; /* see coarse_start */
};

struct preview_image preview_row(const struct preview *p, uint64_t row);
struct preview_image preview_make(const struct preview *p, const void *row, int8_t *room);

/* Whether a row and that image may reach the threshold; else verify would not keep them. */
bool preview_reaches(const struct preview *p, uint64_t row, struct preview_image other);

#endif
