/* A look in bytes loses no pair that verify keeps, is worth having, and says the same at every level and of
 * images made twice. */
#include "near_rows.h"

#include <string.h>

#include "lshjoin/preview.h"

static struct coarse coarse_of(const struct sieve *s, const struct records *r) {
    double *box = mem_alloc(2 * r->width, sizeof *box);
    coarse_box(s, r, box);
    struct coarse c = coarse_create(s, box, cpu_vnni());
    free(box);
    return c;
}

/* Which rows may reach row number `at`. */
static uint64_t reaching(const struct preview *p, const struct records *r, uint64_t at) {
    struct preview_image own = preview_row(p, at);
    int8_t *room = mem_alloc(p->bytes, sizeof *room);
    struct preview_image made = preview_make(p, records_row(r, at), room);
    assert_int_equal(own.start, made.start);
    assert_memory_equal(own.image, made.image, p->bytes);
    uint64_t reached = 0;
    for (uint64_t k = 0; k < ROWS; k++)
        reached |= (uint64_t)preview_reaches(p, k, made) << k;
    free(room);
    return reached;
}

/* With the values of some pairs as limits. Takes the records. Returns the share of pairs that pass
 * needlessly. */
static double check(const struct family *f, struct records r) {
    struct sieve sieve = sieve_of(f, &r);
    struct coarse coarse = coarse_of(&sieve, &r);
    struct pool *pool = pool_create(2);
    uint64_t needless = 0, n = 0;
    for (uint64_t j = 1; j < ROWS; j += 5) {
        double limit[ROWS], value[ROWS];
        for (uint64_t k = 0; k < ROWS; k++)
            limit[k] = value_of(f, &r, j / 7, j);
        struct preview p = preview_create(pool, &coarse, limit[0], &r);
        for (uint64_t i = 0; i < ROWS; i++, n += ROWS) {
            for (uint64_t k = 0; k < ROWS; k++)
                value[k] = value_of(f, &r, k, i);
            uint64_t reached = reaching(&p, &r, i);
            needless += count_needless(f, reached, limit, value);
            for (int level = SIMD_SCALAR; level <= (int)cpu_simd(); level++) {
                coarse.sieve.simd = (enum simd)level;
                assert_true(reaching(&p, &r, i) == reached);
            }
        }
        preview_free(&p);
    }
    pool_destroy(pool);
    coarse_free(&coarse);
    sieve_free(&sieve);
    records_free(&r);
    return (double)needless / (double)n;
}

static void test_no_pair_is_lost(void **state) {
    (void)state;
    static const double scales[] = {1, 1e-12, 1e12}, shifts[] = {0, 1, 1e4};
    static const uint64_t widths[] = {1, 7, 64, 301};
    uint64_t seed = 1;
    for (size_t f = 0; f < LENGTH(families); f++)
        for (size_t w = 0; w < LENGTH(widths); w++)
            for (size_t k = 0; k < LENGTH(scales); k++) {
                size_t item = (w + k) % 2 ? sizeof(float) : sizeof(double);
                check(families[f], draw(widths[w], item, scales[k], scales[k] * shifts[(w + k) % 3], &seed));
            }
}

static void test_few_pass_needlessly(void **state) {
    (void)state;
    uint64_t seed = 2;
    for (size_t f = 0; f < LENGTH(families); f++)
        assert_true(check(families[f], draw(200, sizeof(float), 1, 0, &seed)) < 0.15);
}

static void test_a_row_left_out_reaches_nothing(void **state) {
    (void)state;
    uint64_t seed = 3;
    for (size_t f = 0; f < LENGTH(families); f++) {
        struct records r = draw(20, sizeof(float), 1, 0, &seed);
        for (uint64_t i = 0; i < 20; i++)
            set(&r, 3 * 20 + i, NAN);
        struct sieve sieve = sieve_of(families[f], &r);
        struct coarse coarse = coarse_of(&sieve, &r);
        struct pool *pool = pool_create(1);
        struct preview p =
            preview_create(pool, &coarse, families[f]->smaller_is_nearer ? INFINITY : -INFINITY, &r);
        for (uint64_t i = 0; i < ROWS; i++)
            assert_true(reaching(&p, &r, i) == (i == 3 ? 0 : ~((uint64_t)1 << 3)));
        preview_free(&p);
        pool_destroy(pool);
        coarse_free(&coarse);
        sieve_free(&sieve);
        records_free(&r);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_no_pair_is_lost),
        cmocka_unit_test(test_few_pass_needlessly),
        cmocka_unit_test(test_a_row_left_out_reaches_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
