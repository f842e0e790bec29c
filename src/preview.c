#include "lshjoin/preview.h"

#include <stdlib.h>

#include "lshjoin/base.h"

struct making {
    struct preview *preview;
    const struct records *rows;
};

static struct coarse_image make(const struct coarse *c, const void *row, int8_t *out) {
    float *image = mem_alloc(c->sieve.width, sizeof *image);
    sieve_image(&c->sieve, row, image, 1);
    struct coarse_image told = coarse_image(c, image, out, PRODUCT8_QUAD);
    free(image);
    return told;
}

static void make_some(void *ctx, uint64_t lo, uint64_t hi, int thread) {
    (void)thread;
    const struct making *job = ctx;
    struct preview *p = job->preview;
    for (uint64_t row = lo; row < hi; row++) {
        struct coarse_image x = make(p->coarse, records_row(job->rows, row), p->image + row * p->bytes);
        p->start[row] = coarse_start(x, p->limit);
        coarse_offsets(&x, 1, (float)p->limit.reach, &p->offset[row]);
    }
}

struct preview preview_create(struct pool *pool, const struct coarse *coarse, double threshold,
                              const struct records *rows) {
    struct preview p = {
        .coarse = coarse, .limit = coarse_limit(coarse, threshold), .bytes = coarse->quads * PRODUCT8_QUAD};
    p.image = mem_alloc(rows->n, p.bytes);
    p.start = mem_alloc(rows->n, sizeof *p.start);
    p.offset = mem_alloc(rows->n, sizeof *p.offset);
    pool_for(pool, rows->n, 256, make_some, &(struct making){&p, rows});
    return p;
}

void preview_free(struct preview *p) {
    free(p->image);
    free(p->start);
    free(p->offset);
    *p = (struct preview){0};
}

struct preview_image preview_row(const struct preview *p, uint64_t row) {
    return (struct preview_image){p->image + row * p->bytes, p->start[row]};
}

struct preview_image preview_make(const struct preview *p, const void *row, int8_t *room) {
    return (struct preview_image){room, coarse_start(make(p->coarse, row, room), p->limit)};
}

bool preview_reaches(const struct preview *p, uint64_t row, struct preview_image other) {
    int32_t least = -(other.start + p->offset[row]);
    return product8_pair(p->coarse->sieve.simd, p->image + row * p->bytes, other.image, p->bytes) >= least;
}
