/* What the filters of exact set joins promise: the order by rarity, the lists of the index, overlaps, sizes
 * and parities that lose no pair. */
#include "unit.h"

#include <stdlib.h>
#include <string.h>

#include "lshjoin/parity.h"
#include "lshjoin/prefix.h"

enum { SETS = 400, UNIVERSE = 300, MOST = 60 };

static const struct fraction thresholds[] = {{0, 1}, {1, 1000000000},         {1, 3}, {1, 2},
                                             {4, 5}, {999999999, 1000000000}, {1, 1}};

/* Sets of frequent (low) and rare elements, some of them empty. */
static struct records draw(size_t item, uint64_t seed) {
    struct records r = {.n = SETS, .item = item, .offset = mem_zero(SETS + 1, sizeof(uint64_t))};
    r.data = mem_alloc(SETS * MOST, item);
    for (uint64_t row = 0; row < SETS; row++) {
        uint64_t end = r.offset[row];
        for (uint64_t x = 0, size = random_below(&seed, MOST + 1); x < UNIVERSE && end - r.offset[row] < size;
             x++)
            if (random_below(&seed, 3 + x / 8) == 0) {
                if (item == 4)
                    ((uint32_t *)r.data)[end++] = (uint32_t)(x * 10);
                else
                    ((uint64_t *)r.data)[end++] = x << 40;
            }
        r.offset[row + 1] = end;
    }
    return r;
}

/* Narrow elements have places of their own; wide ones are hashed to so few that some share theirs. */
static struct rarity rarity_of(struct pool *pool, const struct records *r) {
    struct rarity rarity = rarity_create(1, records_max_element(r, r->item));
    assert_true((rarity.shift == 0) == (r->item == 4 || r->n == 0));
    rarity_count(&rarity, pool, r, r->item);
    rarity_sort(&rarity);
    return rarity;
}

static uint32_t *prefix_of(const struct rarity *rarity, const struct records *r, uint64_t row,
                           uint64_t wanted) {
    uint64_t n = records_length(r, row);
    uint32_t *prefix = mem_alloc(wanted, sizeof *prefix), *room = mem_alloc(n, sizeof *room);
    rarity_prefix(rarity, records_row(r, row), n, r->item, wanted, prefix, room);
    free(room);
    return prefix;
}

/* A prefix is the beginning of the whole, which rises, and equal elements have equal numbers. */
static void check_order(const struct rarity *rarity, const struct records *r) {
    uint64_t shared = 0;
    for (uint64_t row = 0; row < r->n; row++) {
        uint64_t n = records_length(r, row);
        uint32_t *whole = prefix_of(rarity, r, row, n);
        for (uint64_t k = 0; k < n; k++) {
            const char *element = (const char *)records_row(r, row) + k * r->item;
            uint32_t *number = mem_alloc(1, sizeof *number), room, times = 0;
            rarity_prefix(rarity, element, 1, r->item, 1, number, &room);
            for (uint64_t i = 0; i < n; i++)
                times += whole[i] == *number;
            assert_true(times > 0 && *number < rarity->used);
            assert_true(k == 0 || whole[k - 1] <= whole[k]);
            assert_true(times == 1 || rarity->shift);
            shared += times > 1;
            free(number);
        }
        for (uint64_t wanted = 0; wanted <= n; wanted += 1 + n / 5) {
            uint32_t *prefix = prefix_of(rarity, r, row, wanted);
            assert_memory_equal(prefix, whole, wanted * sizeof *prefix);
            free(prefix);
        }
        free(whole);
    }
    assert_true((shared > 0) == (rarity->shift > 0));
}

static void test_order(void **state) {
    (void)state;
    struct pool *pool = pool_create(3);
    for (size_t item = 4; item <= 8; item += 4) {
        struct records r = draw(item, item);
        struct rarity rarity = rarity_of(pool, &r);
        check_order(&rarity, &r);
        rarity_free(&rarity);
        records_free(&r);
    }
    pool_destroy(pool);
}

/* Of two elements the rarer one comes first, of two as rare the smaller one; with any number of threads. */
static void test_rare_first(void **state) {
    (void)state;
    for (int threads = 1; threads <= 3; threads += 2) {
        struct pool *pool = pool_create(threads);
        struct records r = draw(4, 1);
        struct rarity rarity = rarity_of(pool, &r);
        uint64_t times[UNIVERSE] = {0}, used = 0;
        for (uint64_t i = 0; i < records_items(&r); i++)
            times[((const uint32_t *)r.data)[i] / 10]++;
        for (uint64_t x = 0; x < UNIVERSE; x++) {
            used += times[x] > 0;
            for (uint64_t y = x + 1; times[x] && y < UNIVERSE; y++)
                assert_true(!times[y] ||
                            (rarity.order[10 * x] < rarity.order[10 * y]) == (times[x] <= times[y]));
        }
        assert_true(rarity.used == used);
        rarity_free(&rarity);
        records_free(&r);
        pool_destroy(pool);
    }
}

/* Counts of any size, and none. */
static void test_many_times(void **state) {
    (void)state;
    enum { PLACES = 128 };
    struct rarity rarity = rarity_create(1, PLACES - 1);
    for (uint64_t k = 0; k < PLACES; k++)
        rarity.count[k] = k % 2 ? (uint64_t)1 << k / 2 : 0;
    rarity_sort(&rarity);
    assert_true(rarity.used == PLACES / 2);
    for (uint32_t k = 0; k < PLACES; k++)
        assert_true(rarity.order[k] == (k % 2 ? k / 2 : PLACES / 2 + k / 2));
    rarity_free(&rarity);
}

/* A long row, whose numbers are sorted in another way. */
static void test_long_row(void **state) {
    (void)state;
    enum { N = 100000 };
    uint32_t *set = mem_alloc(N, sizeof *set), *prefix = mem_alloc(N, sizeof *prefix),
             *room = mem_alloc(N, sizeof *room);
    for (uint32_t k = 0; k < N; k++)
        set[k] = k;
    struct rarity rarity = rarity_create(N, N - 1);
    for (uint64_t k = 0; k < rarity.places; k++)
        rarity.count[k] = 5;
    rarity_sort(&rarity);
    for (uint64_t wanted = 0; wanted <= N; wanted += N / 7) { /* all are as rare: by their numbers */
        rarity_prefix(&rarity, set, N, 4, wanted, prefix, room);
        for (uint64_t k = 0; k < wanted; k++)
            assert_true(prefix[k] == k);
    }
    rarity_free(&rarity);
    free(room);
    free(prefix);
    free(set);
}

enum { ROLES = PREFIX_CONTAINING + 1 };

/* Of sets that share `both`. */
static void check_bounds(struct fraction t, enum prefix_role role, uint64_t na, uint64_t nb, uint64_t both) {
    const uint64_t whole[ROLES] = {na + nb - both, na, nb};
    struct prefix_rule r = prefix_rule(t, role), mirror = prefix_mirror(r);
    bool similar = both * t.q >= t.p * whole[role];
    uint64_t least, most;
    assert_true(similar == (both >= prefix_overlap(r, na, nb)));
    assert_true(prefix_overlap(r, na, nb) == prefix_overlap(mirror, nb, na));
    assert_true(prefix_reaches(r, both, na, nb) == similar &&
                prefix_reaches(mirror, both, nb, na) == similar);
    prefix_sizes(r, na, &least, &most);
    assert_true(!similar || (nb >= least && nb <= most));
    assert_true(!similar || na - both + 1 <= prefix_length(r, na));
    assert_true(!similar || nb < na || both >= prefix_overlap(r, na, na));
}

/* The bounds hold for all sizes and overlaps, by the definition of J >= p/q, and of containment. */
static void test_bounds(void **state) {
    (void)state;
    for (size_t k = 0; k < LENGTH(thresholds); k++)
        for (int role = 0; role < ROLES; role++)
            for (uint64_t na = 1; na < 40; na++)
                for (uint64_t nb = 1; nb < 40; nb++)
                    for (uint64_t both = 1; both <= min_u64(na, nb); both++)
                        check_bounds(thresholds[k], (enum prefix_role)role, na, nb, both);
    const struct prefix_rule all = prefix_rule(thresholds[0], PREFIX_ALIKE),
                             most = prefix_rule(thresholds[4], PREFIX_ALIKE),
                             equal = prefix_rule(thresholds[6], PREFIX_CONTAINED);
    assert_true(prefix_length(most, 0) == 0 && prefix_length(all, 9) == 9);
    assert_true(prefix_length(most, 10) == 3 && prefix_length(equal, 10) == 1);
    assert_true(prefix_length(prefix_mirror(equal), 10) == 10);
}

/* How often a list has the posting; it must rise. */
static uint64_t times_in(const struct prefix_index *x, uint32_t number, bool later, uint32_t rank,
                         uint64_t place) {
    uint64_t n, times = 0;
    const struct posting *p = prefix_index_find(x, number, later, &n);
    for (uint64_t k = 0; k < n; k++) {
        assert_true(k == 0 || p[k - 1].rank < p[k].rank ||
                    (p[k - 1].rank == p[k].rank && p[k - 1].place < p[k].place));
        times += p[k].rank == rank && p[k].place == place;
    }
    return times;
}

/* Every prefix element of every row stands in its list, once, unless that is a second one and these are not
 * made, and nothing else does. */
static void check_index(struct pool *pool, const struct records *r, struct prefix_rule t, bool both) {
    struct rarity rarity = rarity_of(pool, r);
    struct prefix_index x = prefix_index_create(pool, &rarity, t, r, both);
    uint64_t postings = 0;
    for (uint64_t row = 0; row < r->n; row++) {
        uint64_t size = records_length(r, row), wanted = prefix_length(t, size);
        uint32_t *prefix = prefix_of(&rarity, r, row, wanted), rank = x.rank[row];
        assert_true(x.row[rank] == row && x.size[rank] == size);
        assert_true(rank == 0 || x.size[rank - 1] <= x.size[rank]);
        assert_true(x.at[rank + 1] - x.at[rank] == wanted);
        assert_memory_equal(x.prefix + x.at[rank], prefix, wanted * sizeof *prefix);
        for (uint64_t i = 0; i < wanted; i++) {
            bool later = i + prefix_overlap(t, size, size) > size;
            assert_true(times_in(&x, prefix[i], later, rank, i) == (both || !later));
            assert_true(times_in(&x, prefix[i], !later, rank, i) == 0);
            postings += both || !later;
        }
        free(prefix);
    }
    assert_true(x.first[2 * rarity.used] == postings);
    prefix_index_free(&x);
    rarity_free(&rarity);
}

static void test_index(void **state) {
    (void)state;
    struct pool *pool = pool_create(2);
    for (size_t item = 4; item <= 8; item += 4)
        for (size_t k = 0; k < LENGTH(thresholds); k++) {
            struct records r = draw(item, 10 + k);
            uint64_t n = r.n;
            for (int role = 0; role < ROLES; role++, r.n = n) {
                struct prefix_rule rule = prefix_rule(thresholds[k], (enum prefix_role)role);
                check_index(pool, &r, rule, true);
                check_index(pool, &r, rule, false);
                r.n = 0;
                check_index(pool, &r, rule, true);
            }
            records_free(&r);
        }
    pool_destroy(pool);
}

static void test_ranks_by_size(void **state) {
    (void)state;
    struct pool *pool = pool_create(1);
    struct records r = draw(4, 3);
    struct rarity rarity = rarity_of(pool, &r);
    struct prefix_index x =
        prefix_index_create(pool, &rarity, prefix_rule(thresholds[3], PREFIX_ALIKE), &r, true);
    for (uint64_t size = 0; size < MOST + 5; size++) {
        uint64_t rank = prefix_index_rank(&x, size);
        assert_true(rank == x.n || x.size[rank] >= size);
        assert_true(rank == 0 || x.size[rank - 1] < size);
    }
    prefix_index_free(&x);
    rarity_free(&rarity);
    records_free(&r);
    pool_destroy(pool);
}

/* The bits never differ in more places than the sets in elements, and are the same in both widths. */
static void test_parity(void **state) {
    (void)state;
    struct records r = draw(4, 4);
    uint64_t *bits = mem_alloc(SETS * PARITY_WORDS, sizeof *bits), wide[MOST], same[PARITY_WORDS], far = 0;
    for (uint64_t row = 0; row < SETS; row++) {
        uint64_t n = records_length(&r, row);
        parity_of(records_row(&r, row), n, 4, bits + row * PARITY_WORDS);
        for (uint64_t k = 0; k < n; k++)
            wide[k] = ((const uint32_t *)records_row(&r, row))[k];
        parity_of(wide, n, 8, same);
        assert_memory_equal(same, bits + row * PARITY_WORDS, sizeof same);
    }
    for (uint64_t i = 0; i < SETS; i++)
        for (uint64_t j = 0; j < SETS; j++) {
            uint64_t na = records_length(&r, i), nb = records_length(&r, j);
            uint64_t differ =
                na + nb - 2 * set_intersection(records_row(&r, i), na, records_row(&r, j), nb, 4, 0);
            uint32_t distance = parity_distance(bits + i * PARITY_WORDS, bits + j * PARITY_WORDS, cpu_simd());
            assert_true(distance <= differ && distance % 2 == differ % 2);
            assert_true(distance ==
                        parity_distance(bits + i * PARITY_WORDS, bits + j * PARITY_WORDS, SIMD_SCALAR));
            far += distance * 2 > differ;
        }
    assert_true(far > SETS * SETS / 2);
    free(bits);
    records_free(&r);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_order),         cmocka_unit_test(test_rare_first),
        cmocka_unit_test(test_long_row),      cmocka_unit_test(test_bounds),
        cmocka_unit_test(test_many_times),    cmocka_unit_test(test_index),
        cmocka_unit_test(test_ranks_by_size), cmocka_unit_test(test_parity),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
