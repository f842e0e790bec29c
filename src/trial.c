#include "lshjoin/trial.h"

#include <stdlib.h>
#include <string.h>

#include "lshjoin/base.h"

/* The words of one band in one variant. */
struct trial {
    const uint32_t *words[2]; /* of the two records */
    uint64_t bands, each;
};

static const uint32_t *band_words(const struct trial *t, int record, uint64_t variant, uint64_t band) {
    return t->words[record] + (variant * t->bands + band) * t->each;
}

static bool asks(const struct trial *t, int record, uint64_t variant, uint64_t band) {
    return memcmp(band_words(t, record, variant, band), band_words(t, !record, 0, band),
                  t->each * sizeof(uint32_t)) == 0;
}

/* The least number of probes with which the pair meets in a band, or d->probes + 1. */
static uint32_t probes_needed(const struct trial *t, const struct family *family, const struct drawing *d,
                              bool both, uint64_t band) {
    for (uint32_t probes = 0; probes <= d->probes; probes++) {
        uint32_t variant = probes + family->is_asymmetric;
        if (asks(t, 0, variant, band) || (both && asks(t, 1, variant, band)))
            return probes;
    }
    return d->probes + 1;
}

void trial_probes(const struct family *family, const struct drawing *d, double value, bool both,
                  uint32_t *met) {
    float pair[4];
    family->pair_at(value, d, pair);
    const struct records records = {.n = 2, .item = sizeof *pair, .width = 2, .data = pair};
    struct trial t = {.bands = d->bands, .each = family->words(d->rows)};
    uint64_t each = family_variants(family, d) * t.bands * t.each;
    uint32_t *words = mem_alloc(2 * each, sizeof *words);
    bool pairs[2];
    void *signer = family->create(d, &records);
    family->sign(signer, &records, 0, 2, 2, words, pairs);
    family->destroy(signer);
    t.words[0] = words;
    t.words[1] = words + each;
    for (uint64_t band = 0; band < t.bands; band++) {
        uint32_t probes = probes_needed(&t, family, d, both, band);
        if (probes <= d->probes)
            met[probes]++;
    }
    free(words);
}
