/* What sets share by their differences from leaders, against a plain count; and that near-copies are known
 * so. */
#include "unit.h"

#include <stdlib.h>
#include <string.h>

#include "lshjoin/delta.h"

enum { MOST = 300, GROUPS = 3, SETS = 60 };

/* Sets of one width, in groups of near-copies: the first of a group, and of the others one element in
 * `changed` is another. */
struct crowd {
    size_t width;
    uint64_t n, length[GROUPS * SETS];
    uint32_t narrow[GROUPS * SETS][MOST];
    uint64_t wide[GROUPS * SETS][MOST];
};

static int compare(const void *a, const void *b) {
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

/* A set of up to n elements below 2^32, or, where they are wide, with equal low halves below it. */
static void finish(struct crowd *c, uint64_t k, uint64_t n) {
    uint64_t *set = c->wide[k], kept = 0;
    qsort(set, n, sizeof *set, compare);
    for (uint64_t i = 0; i < n; i++)
        if (kept == 0 || set[i] != set[kept - 1])
            set[kept++] = set[i];
    for (uint64_t i = 0; i < kept; i++)
        c->narrow[k][i] = (uint32_t)set[i];
    c->length[k] = kept;
}

static uint64_t draw(uint64_t *state, size_t width) {
    uint64_t low = random_below(state, 400);
    return width == 4 ? low : (uint64_t)random_below(state, 3) << 32 | low;
}

static void make(struct crowd *c, size_t width, uint64_t size, uint32_t changed, uint64_t seed) {
    static uint64_t core[MOST];
    uint64_t state = seed;
    c->width = width;
    c->n = GROUPS * SETS;
    for (uint64_t k = 0; k < c->n; k++) {
        for (uint64_t i = 0; i < size && k % SETS == 0; i++)
            core[i] = draw(&state, width);
        for (uint64_t i = 0; i < size; i++)
            c->wide[k][i] = k % SETS && random_below(&state, changed) == 0 ? draw(&state, width) : core[i];
        finish(c, k, size);
    }
}

static const void *set_of(const struct crowd *c, uint64_t k) {
    return c->width == 4 ? (const void *)c->narrow[k] : c->wide[k];
}

static uint64_t shared(const struct crowd *c, uint64_t a, uint64_t b) {
    uint64_t n = 0;
    for (uint64_t i = 0; i < c->length[a]; i++)
        for (uint64_t k = 0; k < c->length[b]; k++)
            n += c->wide[a][i] == c->wide[b][k];
    return n;
}

/* All sets meet all, those of a group or of all groups by turns, under numbers from `base` on. Returns how
 * many of the meetings were not known. */
static uint64_t meet(struct deltas *d, const struct crowd *c, uint64_t base, uint64_t step) {
    uint64_t row[GROUPS * SETS], unknown = 0;
    for (uint64_t turn = 0; turn < c->n; turn++) {
        uint64_t a = turn * step % c->n, n = 0;
        for (uint64_t b = 0; b < c->n; b++)
            if (b != a && (step == 1 || b / SETS == a / SETS))
                row[n++] = b;
        bool turned = deltas_turn_to(d, base + a, set_of(c, a), c->length[a], base, row, n);
        for (uint64_t i = 0; i < n; i++) {
            uint64_t got = turned ? deltas_shared(d, base + row[i], set_of(c, row[i]), c->length[row[i]])
                                  : DELTAS_UNKNOWN;
            unknown += got == DELTAS_UNKNOWN;
            if (got != DELTAS_UNKNOWN)
                assert_int_equal(got, shared(c, a, row[i]));
        }
    }
    return unknown;
}

static struct crowd crowd;

/* Groups by turns, which must not disturb each other; and with so many numbers that the first are forgotten.
 */
static void test_near_copies(void **state) {
    (void)state;
    for (size_t width = 4; width <= 8; width += 4)
        for (int simd = SIMD_SCALAR; simd <= (int)cpu_simd(); simd++) {
            struct deltas *d = deltas_create(width, (enum simd)simd);
            make(&crowd, width, 70, 40, 5);
            for (uint64_t again = 0; again < 60; again++)
                assert_true(meet(d, &crowd, again * crowd.n, SETS + 1) < GROUPS * SETS * 6);
            deltas_free(d);
        }
}

/* Sets of all kinds: those that are unlike, very short, or too long to lead. */
static void test_all_kinds(void **state) {
    (void)state;
    const uint64_t size[] = {0, 1, 2, 9, 64, 256, MOST};
    for (size_t i = 0; i < LENGTH(size); i++)
        for (uint32_t changed = 1; changed < 60; changed += 9)
            for (size_t width = 4; width <= 8; width += 4) {
                struct deltas *d = deltas_create(width, cpu_simd());
                make(&crowd, width, size[i], changed, i);
                meet(d, &crowd, (uint64_t)1 << 62, 1);
                deltas_free(d);
            }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_near_copies),
        cmocka_unit_test(test_all_kinds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
