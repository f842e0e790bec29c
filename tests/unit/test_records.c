/* Rows of items: sorting sets and narrowing them. */
#include "unit.h"

#include <stdlib.h>
#include <string.h>

#include "lshjoin/records.h"

/* Sets of 8-byte elements with repeats and empty rows; owned by the caller. */
static struct records random_sets(uint64_t rows, uint64_t most_length, uint64_t universe, uint64_t seed) {
    struct records r = {.n = rows, .item = 8};
    r.offset = mem_alloc(rows + 1, sizeof *r.offset);
    r.offset[0] = 0;
    for (uint64_t i = 0; i < rows; i++) {
        uint64_t length = random_below(&seed, 3) ? random_below(&seed, most_length + 1) : 0;
        r.offset[i + 1] = r.offset[i] + length;
    }
    uint64_t *data = mem_alloc(records_items(&r), sizeof *data);
    for (uint64_t k = 0; k < records_items(&r); k++)
        data[k] = random_below(&seed, universe);
    r.data = data;
    return r;
}

static struct records copy_of(const struct records *r, size_t item) {
    struct records copy = *r;
    copy.item = item;
    copy.offset = mem_alloc(r->n + 1, sizeof *copy.offset);
    memcpy(copy.offset, r->offset, (r->n + 1) * sizeof *copy.offset);
    copy.data = mem_alloc(records_items(r), item);
    for (uint64_t k = 0; k < records_items(r); k++) {
        uint64_t x = ((const uint64_t *)r->data)[k];
        if (item == 8)
            ((uint64_t *)copy.data)[k] = x;
        else
            ((uint32_t *)copy.data)[k] = (uint32_t)x;
    }
    return copy;
}

static uint64_t element(const struct records *r, uint64_t row, uint64_t k) {
    const void *p = records_row(r, row);
    return r->item == 4 ? ((const uint32_t *)p)[k] : ((const uint64_t *)p)[k];
}

static bool row_has(const struct records *r, uint64_t row, uint64_t x) {
    for (uint64_t k = 0; k < records_length(r, row); k++)
        if (element(r, row, k) == x)
            return true;
    return false;
}

/* Row by row the same elements, but strictly rising. */
static void check_sorted(const struct records *before, const struct records *after) {
    assert_int_equal(after->offset[0], 0);
    for (uint64_t row = 0; row < before->n; row++) {
        for (uint64_t k = 1; k < records_length(after, row); k++)
            assert_true(element(after, row, k - 1) < element(after, row, k));
        for (uint64_t k = 0; k < records_length(before, row); k++)
            assert_true(row_has(after, row, element(before, row, k)));
        for (uint64_t k = 0; k < records_length(after, row); k++)
            assert_true(row_has(before, row, element(after, row, k)));
    }
}

static void test_sort_sets(void **state) {
    (void)state;
    const struct {
        size_t item;
        uint64_t universe;
    } cases[] = {{4, 1}, {8, 1}, {4, 30}, {8, 30}, {4, 1000}, {4, UINT32_MAX}, {8, UINT64_MAX}};
    for (int threads = 1; threads <= 3; threads += 2) {
        struct pool *pool = pool_create(threads);
        for (size_t i = 0; i < LENGTH(cases); i++) {
            struct records before = random_sets(700, 40, cases[i].universe, i);
            struct records after = copy_of(&before, cases[i].item);
            records_sort_sets(&after, pool, NULL);
            check_sorted(&before, &after);
            records_free(&before);
            records_free(&after);
        }
        pool_destroy(pool);
    }
}

static void test_sort_known(void **state) {
    (void)state;
    struct pool *pool = pool_create(1);
    uint64_t offset[] = {0, 0, 4, 4, 7, 8}, elements[] = {3, 1, 3, 1, 1, 2, 9, 5};
    const uint64_t new_offset[] = {0, 0, 2, 2, 5, 6}, new_elements[] = {1, 3, 1, 2, 9, 5};
    struct records r = {.n = 5, .item = 8, .offset = offset, .data = elements};
    records_sort_sets(&r, pool, NULL);
    assert_memory_equal(offset, new_offset, sizeof offset);
    assert_memory_equal(elements, new_elements, sizeof new_elements);
    struct records none = {.item = 4, .offset = (uint64_t[]){0}};
    records_sort_sets(&none, pool, NULL);
    assert_int_equal(records_items(&none), 0);
    pool_destroy(pool);
}

static void test_narrow(void **state) {
    (void)state;
    struct records wide = random_sets(50, 20, (uint64_t)1 << 32, 3), narrow = copy_of(&wide, 8);
    ((uint64_t *)narrow.data)[0] = ((uint64_t *)wide.data)[0] = UINT32_MAX;
    records_narrow(&narrow);
    assert_int_equal(narrow.item, 4);
    for (uint64_t row = 0; row < wide.n; row++) {
        assert_int_equal(records_length(&narrow, row), records_length(&wide, row));
        for (uint64_t k = 0; k < records_length(&wide, row); k++)
            assert_int_equal(element(&narrow, row, k), element(&wide, row, k));
    }
    records_free(&wide);
    records_free(&narrow);
}

static void test_max_element(void **state) {
    (void)state;
    uint64_t wide[] = {4, UINT64_MAX - 1, 7};
    uint32_t narrow[] = {4, 7, UINT32_MAX};
    struct records r = {.n = 3, .item = 8, .offset = (uint64_t[]){0, 1, 1, 3}, .data = wide};
    assert_true(records_max_element(&r, r.item) == UINT64_MAX - 1);
    r.item = 4;
    r.data = narrow;
    assert_int_equal(records_max_element(&r, r.item), UINT32_MAX);
    r.n = 0;
    assert_int_equal(records_max_element(&r, r.item), 0);
}

/* Rows with offsets, and rows of equal width, in items of several sizes. */
static void test_rows(void **state) {
    (void)state;
    const size_t items[] = {1, 4, 8, 12};
    char data[100 * 12];
    for (size_t i = 0; i < LENGTH(items); i++) {
        struct records sets = {.n = 3, .item = items[i], .offset = (uint64_t[]){0, 2, 2, 6}, .data = data};
        struct records fixed = {.n = 7, .item = items[i], .width = 11, .data = data};
        const uint64_t length[] = {2, 0, 4}, first[] = {0, 2, 2};
        for (uint64_t row = 0; row < 3; row++) {
            assert_int_equal(records_length(&sets, row), length[row]);
            assert_ptr_equal(records_row(&sets, row), data + first[row] * items[i]);
        }
        for (uint64_t row = 0; row < 7; row++) {
            assert_int_equal(records_length(&fixed, row), 11);
            assert_ptr_equal(records_row(&fixed, row), data + row * 11 * items[i]);
        }
        assert_int_equal(records_items(&sets), 6);
        assert_int_equal(records_items(&fixed), 77);
    }
}

static void test_free_clears(void **state) {
    (void)state;
    struct records r = random_sets(10, 10, 10, 1), none = {0};
    records_free(&r);
    assert_memory_equal(&r, &none, sizeof r);
    records_free(&r);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sort_sets), cmocka_unit_test(test_sort_known),
        cmocka_unit_test(test_narrow),    cmocka_unit_test(test_max_element),
        cmocka_unit_test(test_rows),      cmocka_unit_test(test_free_clears),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
