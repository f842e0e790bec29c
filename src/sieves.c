#include "sieves.h"

#include <stdlib.h>

#include "lshjoin/base.h"

struct sieves sieves_create(struct comm *c, const struct family *family, const struct records *rows,
                            double norm) {
    struct sieves s;
    double *box = mem_alloc(2 * rows->width, sizeof *box);
    sieve_box(rows, box);
    comm_max_double(c, box, 2 * rows->width);
    s.sieve = sieve_create(family, rows, norm, box, cpu_simd());
    if (s.sieve.kind == SIEVE_COSINE) {
        coarse_box(&s.sieve, rows, box);
        comm_max_double(c, box, 2 * rows->width);
    } else {
        coarse_box_of(&s.sieve, box);
    }
    s.coarse = coarse_create(&s.sieve, box, cpu_vnni());
    free(box);
    return s;
}

void sieves_free(struct sieves *s) {
    coarse_free(&s->coarse);
    sieve_free(&s->sieve);
}
