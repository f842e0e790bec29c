/* Weighted sets as rows: faults, sorting, widths; and their similarity. */
#include "unit.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "lshjoin/weighted.h"

static struct records rows_of(const struct weighted_wide *items, const uint64_t *length, uint64_t n) {
    struct records r = {.n = n, .item = sizeof *items, .offset = mem_zero(n + 1, sizeof(uint64_t))};
    for (uint64_t i = 0; i < n; i++)
        r.offset[i + 1] = r.offset[i] + length[i];
    r.data = mem_alloc(records_items(&r), r.item);
    memcpy(r.data, items, records_items(&r) * r.item);
    return r;
}

static void test_faults(void **state) {
    (void)state;
    const struct {
        double weight;
        bool good;
    } cases[] = {{1, true},         {DBL_TRUE_MIN, true}, {1e100, true},    {0, false},
                 {-0.0, false},     {-1, false},          {NAN, false},     {-NAN, false},
                 {INFINITY, false}, {-INFINITY, false},   {1.1e100, false}, {DBL_MAX, false}};
    for (size_t i = 0; i < LENGTH(cases); i++) {
        const struct weighted_wide items[] = {{1, 1e-5}, {2, cases[i].weight}};
        struct records r = rows_of(items, (const uint64_t[]){0, 2}, 2);
        assert_null(weighted_fault(&r, 0));
        assert_int_equal(weighted_fault(&r, 1) == NULL, cases[i].good);
        records_free(&r);
    }
}

/* Any order is the same set, of repeats too; bad rows come out empty. */
static void test_sort(void **state) {
    (void)state;
    enum { N = 60, ORDERS = 20 };
    struct pool *pool = pool_create(2);
    struct weighted_wide items[N], first[N];
    uint64_t stream = 1, length = 0;
    for (uint64_t i = 0; i < N; i++)
        items[i] = (struct weighted_wide){random_below(&stream, 25) << 30,
                                          (double)(1 + random_below(&stream, 1000)) * 0.1};
    for (int order = 0; order < ORDERS; order++) {
        for (uint64_t i = N - 1; i > 0; i--) {
            uint64_t k = random_below(&stream, i + 1);
            struct weighted_wide item = items[i];
            items[i] = items[k];
            items[k] = item;
        }
        struct weighted_wide all[2 * N];
        memcpy(all, items, sizeof items);
        memcpy(all + N, items, sizeof items);
        all[2 * N - 1].weight = NAN;
        struct records r = rows_of(all, (const uint64_t[]){N, 0, N - 1, 1}, 4);
        weighted_sort(&r, pool, NULL);
        uint64_t n = records_length(&r, 0);
        const struct weighted_wide *set = records_row(&r, 0);
        assert_int_equal(records_length(&r, 1), 0);
        assert_int_equal(records_length(&r, 3), 0);
        assert_true(records_length(&r, 2) > 0);
        for (uint64_t k = 0; k < n; k++) {
            double sum = 0;
            for (uint64_t i = 0; i < N; i++)
                sum += items[i].element == set[k].element ? items[i].weight : 0;
            assert_true(fabs(sum - set[k].weight) < 1e-12 * sum);
            assert_true(k == 0 || set[k - 1].element < set[k].element);
        }
        if (order == 0)
            memcpy(first, set, (length = n) * sizeof *set);
        assert_int_equal(n, length);
        assert_memory_equal(set, first, n * sizeof *set); /* to the last bit */
        records_free(&r);
    }
    pool_destroy(pool);
}

static void test_widths(void **state) {
    (void)state;
    const struct {
        struct weighted_wide item;
        bool fits;
    } cases[] = {{{UINT32_MAX, 0.1f}, true},
                 {{1, 0.1}, false},
                 {{(uint64_t)UINT32_MAX + 1, 1}, false},
                 {{0, FLT_MAX}, true},
                 {{0, 2 * (double)FLT_MAX}, false},
                 {{0, 0x1p-149}, true},
                 {{0, 0x1p-150}, false},
                 {{5, 16777217}, false}};
    for (size_t i = 0; i < LENGTH(cases); i++) {
        const struct weighted_wide items[] = {{3, 2.5}, cases[i].item};
        struct records r = rows_of(items, (const uint64_t[]){2}, 1);
        assert_int_equal(weighted_fits_narrow(&r), cases[i].fits);
        if (cases[i].fits) {
            weighted_make_narrow(&r);
            assert_int_equal(r.item, sizeof(struct weighted_narrow));
            for (uint64_t k = 0; k < 2; k++) {
                struct weighted_wide item = weighted_item(r.data, k, r.item);
                assert_memory_equal(&item, &items[k], sizeof item);
            }
        }
        records_free(&r);
    }
}

/* Against sums over all elements there are; the same in both widths and whichever comes first. */
static void test_similarity(void **state) {
    (void)state;
    enum { ELEMENTS = 40 };
    uint64_t stream = 9;
    for (int draw = 0; draw < 500; draw++) {
        struct weighted_narrow narrow[2][ELEMENTS];
        struct weighted_wide wide[2][ELEMENTS];
        uint64_t n[2] = {0, 0};
        double least = 0, most = 0, value[4];
        for (uint32_t x = 0; x < ELEMENTS; x++) {
            double weight[2];
            for (int side = 0; side < 2; side++) {
                weight[side] = random_below(&stream, 3) ? (double)random_below(&stream, 4) : 0;
                if (weight[side] > 0) {
                    narrow[side][n[side]] = (struct weighted_narrow){x, (float)weight[side]};
                    wide[side][n[side]++] = (struct weighted_wide){x, weight[side]};
                }
            }
            least += fmin(weight[0], weight[1]);
            most += fmax(weight[0], weight[1]);
        }
        struct fraction none = {0, 1}, at = {(uint64_t)least, (uint64_t)most};
        struct fraction above = {1000 * at.p + 1, 1000 * at.q};
        if (n[0] + n[1] == 0)
            continue;
        assert_true(weighted_at_least(none, narrow[0], n[0], narrow[1], n[1], sizeof **narrow, &value[0]));
        assert_true(weighted_at_least(none, narrow[1], n[1], narrow[0], n[0], sizeof **narrow, &value[1]));
        assert_true(weighted_at_least(at, wide[0], n[0], wide[1], n[1], sizeof **wide, &value[2]));
        assert_false(weighted_at_least(above, wide[0], n[0], wide[1], n[1], sizeof **wide, &value[3]));
        assert_true(value[0] == least / most && value[1] == value[0] && value[2] == value[0]);
    }
}

/* Sums whose products with the threshold differ in bits that a double has lost. */
static void test_threshold_is_exact(void **state) {
    (void)state;
    const double large = 0x1p53 - 1; /* 2^53 - 1 of 2^53 */
    const struct weighted_wide a[] = {{1, large}}, b[] = {{1, large + 1}}, c[] = {{1, 0.1}, {2, 0.7}};
    const struct fraction close[] = {{999999999, 1000000000}, {1, 1}};
    double value;
    assert_true(weighted_at_least(close[0], a, 1, b, 1, sizeof *a, &value));
    assert_false(weighted_at_least(close[1], a, 1, b, 1, sizeof *a, &value));
    assert_true(weighted_at_least(close[1], b, 1, b, 1, sizeof *a, &value));
    assert_true(weighted_at_least(close[1], c, 2, c, 2, sizeof *a, &value) && value == 1);
    /* a threshold with which the two products need 83 bits */
    const struct fraction t = {750000003, 1000000004};
    const double most = 1000000004. * 4503599, exact = 750000003. * 4503599;
    const struct weighted_wide whole[] = {{1, most}}, at[] = {{1, exact}},
                               below[] = {{1, nextafter(exact, 0)}};
    assert_true(weighted_at_least(t, whole, 1, at, 1, sizeof *a, &value));
    assert_false(weighted_at_least(t, whole, 1, below, 1, sizeof *a, &value));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_faults),
        cmocka_unit_test(test_sort),
        cmocka_unit_test(test_widths),
        cmocka_unit_test(test_similarity),
        cmocka_unit_test(test_threshold_is_exact),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
