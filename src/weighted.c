#include "lshjoin/weighted.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "lshjoin/base.h"

static const double most_weight = 1e100;

enum { STEPS = 8 };

const char *weighted_fault(const struct records *r, uint64_t row) {
    const struct weighted_wide *set = records_row(r, row);
    double sum = 0;
    for (uint64_t k = 0; k < records_length(r, row); k++) {
        if (!(set[k].weight > 0 && isfinite(set[k].weight)))
            return "holds a weight that is not above 0 and finite";
        sum += set[k].weight;
    }
    return sum <= most_weight ? NULL : "has weights that add up to more than 1e100";
}

static int compare(const void *a, const void *b) {
    const struct weighted_wide *x = a, *y = b;
    if (x->element != y->element)
        return x->element > y->element ? 1 : -1;
    return (x->weight > y->weight) - (x->weight < y->weight);
}

static uint64_t sort_row(const struct records *r, uint64_t row) {
    struct weighted_wide *set = (struct weighted_wide *)r->data + r->offset[row];
    uint64_t n = records_length(r, row), rising = 1, kept = 1;
    if (n == 0 || weighted_fault(r, row))
        return 0;
    while (rising < n && set[rising - 1].element < set[rising].element)
        rising++;
    if (rising == n)
        return n;
    qsort(set, n, sizeof *set, compare);
    for (uint64_t k = 1; k < n; k++)
        if (set[k].element == set[kept - 1].element)
            set[kept - 1].weight += set[k].weight;
        else
            set[kept++] = set[k];
    return kept;
}

void weighted_sort(struct records *r, struct pool *pool, struct row_hash *hash) {
    records_shorten(r, pool, sort_row, hash);
}

bool weighted_fits_narrow(const struct records *r) {
    const struct weighted_wide *wide = r->data;
    for (uint64_t i = 0; i < records_items(r); i++) {
        double weight = wide[i].weight;
        if (wide[i].element > UINT32_MAX || weight > (double)FLT_MAX || (double)(float)weight != weight)
            return false;
    }
    return true;
}

void weighted_make_narrow(struct records *r) {
    uint64_t n = records_items(r);
    for (uint64_t i = 0; i < n; i++) { /* in place: there may be no room for both */
        struct weighted_wide wide = weighted_item(r->data, i, sizeof wide);
        struct weighted_narrow narrow = {(uint32_t)wide.element, (float)wide.weight};
        memcpy((char *)r->data + i * sizeof narrow, &narrow, sizeof narrow);
    }
    r->item = sizeof(struct weighted_narrow);
    r->data = mem_grow(r->data, n, r->item);
}

double weighted_total(const void *set, uint64_t n, size_t item) {
    double sum = 0;
    for (uint64_t k = 0; k < n; k++)
        sum += weighted_item(set, k, item).weight;
    return sum;
}

/* What is summed of two sets. */
struct sums {
    double least, most; /* minima, maxima */
};

/* A merge without branches on the data; both widths by one text. */
#define DEFINE_SUMS(name, type)                                                                              \
    static struct sums name(const type *a, uint64_t na, const type *b, uint64_t nb) {                        \
        struct sums s = {0, 0};                                                                              \
        uint64_t i = 0, j = 0;                                                                               \
        while (i < na && j < nb) {                                                                           \
            bool has_a = a[i].element <= b[j].element, has_b = b[j].element <= a[i].element;                 \
            double x = has_a ? (double)a[i].weight : 0, y = has_b ? (double)b[j].weight : 0;                 \
            s.least += x < y ? x : y;                                                                        \
            s.most += x < y ? y : x;                                                                         \
            i += has_a;                                                                                      \
            j += has_b;                                                                                      \
        }                                                                                                    \
        for (; i < na; i++)                                                                                  \
            s.most += (double)a[i].weight;                                                                   \
        for (; j < nb; j++)                                                                                  \
            s.most += (double)b[j].weight;                                                                   \
        return s;                                                                                            \
    }
DEFINE_SUMS(sum_narrow, struct weighted_narrow)
DEFINE_SUMS(sum_wide, struct weighted_wide)

/* In the same way; every few steps it looks whether that is too much. */
#define DEFINE_WITHIN(name, type)                                                                            \
    static bool name(const type *a, uint64_t na, const type *b, uint64_t nb, double most) {                  \
        double sum = 0;                                                                                      \
        uint64_t i = 0, j = 0, steps;                                                                        \
        while ((steps = min_u64(min_u64(na - i, nb - j), STEPS)) > 0) {                                      \
            for (; steps > 0; steps--) {                                                                     \
                bool has_a = a[i].element <= b[j].element, has_b = b[j].element <= a[i].element;             \
                sum += fabs((has_a ? (double)a[i].weight : 0) - (has_b ? (double)b[j].weight : 0));          \
                i += has_a;                                                                                  \
                j += has_b;                                                                                  \
            }                                                                                                \
            if (sum > most)                                                                                  \
                return false;                                                                                \
        }                                                                                                    \
        for (; i < na; i++)                                                                                  \
            sum += (double)a[i].weight;                                                                      \
        for (; j < nb; j++)                                                                                  \
            sum += (double)b[j].weight;                                                                      \
        return sum <= most;                                                                                  \
    }
DEFINE_WITHIN(within_narrow, struct weighted_narrow)
DEFINE_WITHIN(within_wide, struct weighted_wide)

bool weighted_within(const void *a, uint64_t na, const void *b, uint64_t nb, size_t item, double most) {
    return item == sizeof(struct weighted_wide) ? within_wide(a, na, b, nb, most)
                                                : within_narrow(a, na, b, nb, most);
}

/* Whether least q >= most p, by the products with what their rounding has lost. */
static bool reaches(struct sums s, struct fraction t) {
    double p = (double)t.p, q = (double)t.q, left = s.least * q, right = s.most * p;
    if (left != right)
        return left > right;
    return fma(s.least, q, -left) >= fma(s.most, p, -right);
}

bool weighted_at_least(struct fraction threshold, const void *a, uint64_t na, const void *b, uint64_t nb,
                       size_t item, double *similarity) {
    struct sums s = item == sizeof(struct weighted_wide) ? sum_wide(a, na, b, nb) : sum_narrow(a, na, b, nb);
    *similarity = s.least / s.most;
    return reaches(s, threshold);
}
