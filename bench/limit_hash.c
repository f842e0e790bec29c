/* limit_hash METRIC RECORDS ITEMS ITEM_BYTES BANDS ROWS POOL PROBES SYMBOL_BITS MOST_ITEMS WIDTH: seconds in
 * which the signer of that metric, on one core, signs so many records of ITEMS elements or coordinates, the
 * same few again and again, which stay in cache. The numbers are those of run.json. */
#include "limit.h"

#include "lshjoin/base.h"
#include "lshjoin/family.h"
#include "lshjoin/project.h"

enum { FEW = 64, ARGUMENTS = 12 };

static void fill(struct records *r, const struct family *f) {
    struct random random = {1};
    uint64_t items = records_items(r);
    for (uint64_t i = 0; i < items; i++)
        if (f->is_of_vectors && r->item == sizeof(float))
            ((float *)r->data)[i] = (float)random_normal(&random);
        else if (f->is_of_vectors)
            ((double *)r->data)[i] = random_normal(&random);
        else if (r->item == sizeof(uint32_t))
            ((uint32_t *)r->data)[i] = (uint32_t)mix64(i);
        else
            ((uint64_t *)r->data)[i] = mix64(i);
}

static struct records make_records(const struct family *f, uint64_t items, size_t item) {
    struct records r = {.n = FEW, .item = item, .width = items, .data = mem_zero(FEW * items, item)};
    if (!f->is_of_vectors) {
        r.offset = mem_alloc(FEW + 1, sizeof *r.offset);
        for (uint64_t i = 0; i <= FEW; i++)
            r.offset[i] = i * items;
    }
    fill(&r, f);
    return r;
}

static double sign(const struct family *f, const struct drawing *d, const struct records *r, uint64_t n) {
    void *signer = f->create(d, r);
    bool pairs[FEW];
    uint64_t words = (uint64_t)family_variants(f, d) * d->bands * f->words(d->rows) + d->pool;
    uint64_t *out = mem_zero(FEW * words, sizeof *out);
    double start = limit_clock();
    for (uint64_t done = 0; done < n; done += FEW)
        if (d->symbol_bits)
            f->sketch(signer, r, 0, min_u64(FEW, n - done), out, pairs);
        else
            f->sign(signer, r, 0, min_u64(FEW, n - done), UINT64_MAX, (uint32_t *)out, pairs);
    double seconds = limit_clock() - start;
    free(out);
    f->destroy(signer);
    return seconds;
}

int main(int argc, char **argv) {
    const struct family *f = argc == ARGUMENTS ? family_find(argv[1]) : NULL;
    if (!f) {
        fprintf(
            stderr,
            "usage: %s METRIC RECORDS ITEMS ITEM_BYTES BANDS ROWS POOL PROBES SYMBOL_BITS MOST_ITEMS WIDTH\n",
            argv[0]);
        return EX_USAGE;
    }
    uint64_t number[ARGUMENTS - 3];
    for (int i = 2; i < ARGUMENTS - 1; i++)
        number[i - 2] = strtoull(argv[i], NULL, 10);
    struct drawing d = {.bands = (uint32_t)number[3],
                        .rows = (uint32_t)number[4],
                        .pool = (uint32_t)number[5],
                        .probes = (uint32_t)number[6],
                        .symbol_bits = (uint32_t)number[7],
                        .width = atof(argv[ARGUMENTS - 1]),
                        .norm = 1e30, /* beyond any record's */
                        .most_items = number[8]};
    struct records r = make_records(f, number[1], (size_t)number[2]);
    double best = 1e9;
    for (int turn = 0; turn < LIMIT_TURNS; turn++)
        best = limit_least(best, sign(f, &d, &r, number[0]));
    printf("%.9f\n", best);
    records_free(&r);
    return 0;
}
