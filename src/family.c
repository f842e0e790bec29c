#include "lshjoin/family.h"

#include <stdlib.h>
#include <string.h>

#include "lshjoin/base.h"
#include "lshjoin/minhash.h"

static uint32_t one_word_each(uint32_t rows) {
    return rows;
}

static void *jaccard_create(const struct drawing *d, const struct records *like) {
    (void)like;
    struct minhash *h = mem_alloc(1, sizeof *h);
    *h = minhash_create(d->bands * d->rows, d->seed, cpu_simd());
    return h;
}

static void jaccard_destroy(void *signer) {
    minhash_free(signer);
    free(signer);
}

static void jaccard_sign(const void *signer, const struct records *r, uint64_t lo, uint64_t hi,
                         uint64_t asking, uint32_t *words, bool *pairs) {
    (void)asking;
    const struct minhash *h = signer;
    for (uint64_t row = lo; row < hi; row++, words += h->m) {
        uint64_t n = records_length(r, row);
        pairs[row - lo] = n > 0;
        if (n > 0)
            minhash_sign(h, records_row(r, row), r->item, n, words);
    }
}

static bool jaccard_verify(const struct threshold *t, const void *a, uint64_t na, const void *b, uint64_t nb,
                           size_t item, double *value) {
    return jaccard_at_least(t->exact, a, na, b, nb, item, value);
}

const struct family family_jaccard = {
    .metric = "jaccard",
    .value = "similarity",
    .words = one_word_each,
    .create = jaccard_create,
    .destroy = jaccard_destroy,
    .sign = jaccard_sign,
    .verify = jaccard_verify,
};

const struct family *family_find(const char *metric) {
    static const struct family *const all[] = {&family_jaccard, &family_cosine, &family_l2, &family_ip};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        if (strcmp(metric, all[i]->metric) == 0)
            return all[i];
    return NULL;
}
