/* The sieves of vectors (sieve.h, coarse.h), the same on all ranks. */
#ifndef SIEVES_H
#define SIEVES_H

#include "comm.h"
#include "lshjoin/coarse.h"
#include "lshjoin/family.h"

struct sieves {
    struct sieve sieve;
    struct coarse coarse;
};

/* Collective. Of all ranks' rows of a vector family; norm: the largest of them. Free with sieves_free. */
struct sieves sieves_create(struct comm *c, const struct family *family, const struct records *rows,
                            double norm);
void sieves_free(struct sieves *s);

#endif
