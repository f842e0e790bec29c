#include "lshjoin/family.h"

#include <stdlib.h>

#include "lshjoin/base.h"
#include "lshjoin/minhash.h"

static void *jaccard_create(uint32_t m, uint64_t seed) {
    struct minhash *h = mem_alloc(1, sizeof *h);
    *h = minhash_create(m, seed, cpu_simd());
    return h;
}

static void jaccard_destroy(void *signer) {
    minhash_free(signer);
    free(signer);
}

static bool jaccard_sign(const void *signer, const struct records *r, uint64_t row, uint32_t *symbols) {
    uint64_t n = records_length(r, row);
    if (n == 0)
        return false;
    minhash_sign(signer, records_row(r, row), r->item, n, symbols);
    return true;
}

const struct family family_jaccard = {
    .metric = "jaccard",
    .value = "similarity",
    .create = jaccard_create,
    .destroy = jaccard_destroy,
    .sign = jaccard_sign,
    .verify = jaccard_at_least,
};
