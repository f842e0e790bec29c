/* Rounds, partition and grouping: several simulated ranks exchange their tuples, and the buckets that come
 * out are exactly the groups of equal keys. */
#include "unit.h"

#include <stdlib.h>
#include <string.h>

#include "lshjoin/band.h"
#include "lshjoin/bucket.h"

static void test_bins_choose(void **state) {
    (void)state;
    const uint32_t owners[] = {1, 2, 3, 64, 4096, 100000};
    const uint64_t rows[] = {0, 1, 1000, 63000, 100000000, (uint64_t)1 << 40};
    const uint64_t most[] = {0, 1, 1000, 1000000, (uint64_t)1 << 40};
    for (size_t o = 0; o < LENGTH(owners); o++)
        for (size_t r = 0; r < LENGTH(rows); r++)
            for (size_t m = 0; m < LENGTH(most); m++) {
                struct bins bins = bins_choose(owners[o], rows[r], most[m]);
                assert_int_equal(bins.owners, owners[o]);
                assert_in_range(bins.per_owner, 1, 1 << 16);
            }
    assert_int_equal(bins_choose(1, 1000, 1 << 20).per_owner, 1);
    assert_true(bins_choose(2, 10000000, 1 << 20).per_owner > 500);
    assert_true(bins_choose(2, 10000, 100).per_owner >= 100); /* a bin well below a small bound */
}

static uint64_t sum_of(const uint64_t *load, uint64_t n) {
    uint64_t sum = 0;
    for (uint64_t k = 0; k < n; k++)
        sum += load[k];
    return sum;
}

/* What would be the next to go into a round: a whole band, or a bin of the band that it is a part of. */
static uint64_t next_load(const struct round *r, const uint64_t *load, uint32_t bands, uint32_t per_owner) {
    if (round_is_whole(r, per_owner) && r->band_end < bands)
        return sum_of(load + (uint64_t)r->band_end * per_owner, per_owner);
    return r->bin_end < per_owner ? load[(uint64_t)r->band * per_owner + r->bin_end] : UINT64_MAX;
}

/* Every (band, bin) in one round, rounds in order, more than one band only with all bins, within the bound,
 * and no round ended while there was room. */
static void check_rounds(const struct round *rounds, uint64_t n, const uint64_t *load, uint32_t bands,
                         uint32_t per_owner, uint64_t most) {
    uint64_t next = 0;
    for (uint64_t i = 0; i < n; i++) {
        const struct round *r = &rounds[i];
        assert_true(r->band < r->band_end && r->band_end <= bands);
        assert_true(r->bin < r->bin_end && r->bin_end <= per_owner);
        assert_true(r->band_end == r->band + 1 || round_is_whole(r, per_owner));
        assert_int_equal((uint64_t)r->band * per_owner + r->bin, next);
        uint64_t held = sum_of(load + next, round_bins(r));
        uint64_t more = next_load(r, load, bands, per_owner);
        next += round_bins(r);
        if (more < UINT64_MAX && held + more <= most)
            fail_msg("a round holds %d, and has no more though %d would fit in %d", (int)held, (int)more,
                     (int)most);
        if (held > most && round_bins(r) > 1)
            fail_msg("a round of %d bins holds %d, more than %d", (int)round_bins(r), (int)held, (int)most);
    }
    assert_int_equal(next, (uint64_t)bands * per_owner);
}

static void test_rounds(void **state) {
    (void)state;
    uint64_t load[12 * 20], seed = 1;
    for (int again = 0; again < 2000; again++) {
        uint32_t bands = 1 + (uint32_t)random_below(&seed, 12),
                 per_owner = 1 + (uint32_t)random_below(&seed, 20);
        uint64_t largest = 1 + random_below(&seed, 30), total = 0, n;
        for (uint32_t k = 0; k < bands * per_owner; k++) {
            load[k] = random_below(&seed, 20) ? random_below(&seed, largest) : 300;
            total += load[k];
        }
        const uint64_t most[] = {
            0, 1, random_below(&seed, 50), random_below(&seed, 500), total ? total - 1 : 0, total};
        for (size_t m = 0; m < LENGTH(most); m++) {
            struct round *rounds = bucket_rounds(load, bands, (struct bins){3, per_owner}, most[m], &n);
            check_rounds(rounds, n, load, bands, per_owner, most[m]);
            if (most[m] == total)
                assert_int_equal(n, 1);
            free(rounds);
        }
    }
}

/* ---- a job of `ranks` ranks, without MPI ---- */

enum { MOST_RANKS = 17, MOST_BANDS = 5 };

struct simulation {
    int ranks;
    uint32_t bands;
    struct bins bins;
    struct pool *pool;
    uint64_t start[MOST_RANKS + 1];
    uint64_t *keys[MOST_RANKS];   /* [bands][local rows] */
    uint64_t *counts[MOST_RANKS]; /* [owner][band][bin], as each sent it */
    uint64_t *found;              /* [bands][rows] first row of a row's bucket + 1, 0 where it is in none */
};

static uint64_t rows_of(const struct simulation *s, int rank) {
    return s->start[rank + 1] - s->start[rank];
}

static uint64_t key_at(const struct simulation *s, uint32_t band, uint64_t row) {
    int rank = 0;
    while (row >= s->start[rank + 1])
        rank++;
    return s->keys[rank][band * rows_of(s, rank) + row - s->start[rank]];
}

static uint64_t count_at(const struct simulation *s, int from, int owner, uint32_t band, uint32_t bin) {
    return s->counts[from][((uint64_t)owner * s->bands + band) * s->bins.per_owner + bin];
}

static void check_counts(const struct simulation *s, int rank) {
    uint64_t bins = (uint64_t)s->bins.owners * s->bins.per_owner, n = rows_of(s, rank);
    uint64_t *expected = mem_zero(bins * s->bands, sizeof *expected);
    for (uint32_t band = 0; band < s->bands; band++)
        for (uint64_t i = 0; i < n; i++) {
            uint64_t key = s->keys[rank][band * n + i];
            uint64_t bin = (uint64_t)((unsigned __int128)key * bins >> 64);
            if (key != BAND_NO_KEY)
                expected[(bin / s->bins.per_owner * s->bands + band) * s->bins.per_owner +
                         bin % s->bins.per_owner]++;
        }
    assert_memory_equal(s->counts[rank], expected, bins * s->bands * sizeof *expected);
    free(expected);
}

/* The most that any rank sends or receives of each (band, bin). */
static uint64_t *loads(const struct simulation *s) {
    uint64_t *load = mem_zero((uint64_t)s->bands * s->bins.per_owner, sizeof *load);
    for (uint32_t band = 0; band < s->bands; band++)
        for (uint32_t bin = 0; bin < s->bins.per_owner; bin++)
            for (int rank = 0; rank < s->ranks; rank++) {
                uint64_t sent = 0, received = 0;
                for (int other = 0; other < s->ranks; other++) {
                    sent += count_at(s, rank, other, band, bin);
                    received += count_at(s, other, rank, band, bin);
                }
                uint64_t *here = &load[band * s->bins.per_owner + bin];
                *here = max_u64(*here, max_u64(sent, received));
            }
    return load;
}

static uint64_t round_count(const struct simulation *s, int from, int owner, const struct round *r) {
    uint64_t n = 0;
    for (uint32_t band = r->band; band < r->band_end; band++)
        for (uint32_t bin = r->bin; bin < r->bin_end; bin++)
            n += count_at(s, from, owner, band, bin);
    return n;
}

static struct band_keys keys_of(const struct simulation *s, int rank) {
    return (struct band_keys){rows_of(s, rank), 0, s->bands, 1, s->keys[rank]};
}

/* Note a bucket's rows, which must rise and not be in another bucket of the band. */
static void note_bucket(const struct simulation *s, const struct bucket_list *list, const struct bucket *b) {
    uint64_t rows = s->start[s->ranks];
    const uint64_t *row = list->row + b->first;
    assert_true(b->size >= 2 && b->first + b->size <= list->n_rows && b->band < s->bands);
    for (uint32_t k = 0; k < b->size; k++) {
        assert_true(row[k] >> 1 < rows && row[k] % 2 == 0 && (k == 0 || row[k - 1] < row[k]));
        uint64_t *found = &s->found[b->band * rows + (row[k] >> 1)];
        assert_int_equal(*found, 0);
        *found = (row[0] >> 1) + 1;
    }
}

/* What an owner receives, by sender: the owner's stretch of each sender's partition. */
static void run_round(struct simulation *s, const struct round *r, struct bucket_list *lists) {
    struct tuple *sent[MOST_RANKS];
    for (int from = 0; from < s->ranks; from++) {
        uint64_t n = 0;
        for (int owner = 0; owner < s->ranks; owner++)
            n += round_count(s, from, owner, r);
        sent[from] = mem_alloc(n, sizeof **sent);
        struct band_keys keys = keys_of(s, from);
        bucket_partition(s->pool, &keys, s->bins, s->counts[from], *r, sent[from]);
    }
    uint64_t each = (uint64_t)s->bands * s->bins.per_owner, sent_at[MOST_RANKS] = {0};
    uint64_t *counts = mem_alloc(each * (uint64_t)s->ranks, sizeof *counts);
    for (int owner = 0; owner < s->ranks; owner++) {
        uint64_t n = 0;
        for (int from = 0; from < s->ranks; from++)
            n += round_count(s, from, owner, r);
        struct tuple *received = mem_alloc(n, sizeof *received), *next = received;
        for (int from = 0; from < s->ranks; from++) {
            n = round_count(s, from, owner, r);
            memcpy(next, sent[from] + sent_at[from], n * sizeof *next);
            next += n;
            sent_at[from] += n;
            memcpy(counts + (uint64_t)from * each, s->counts[from] + (uint64_t)owner * each,
                   each * sizeof *counts);
        }
        bucket_group(s->pool,
                     &(struct arrived){.tuples = received,
                                       .counts = counts,
                                       .start = s->start,
                                       .senders = (uint32_t)s->ranks,
                                       .bands = s->bands,
                                       .bins = s->bins,
                                       .round = *r,
                                       .sides = {UINT64_MAX, 0}},
                     lists);
        for (int t = 0; t < pool_threads(s->pool); t++)
            for (uint64_t b = 0; b < lists[t].n; b++) {
                assert_in_range(lists[t].bucket[b].band, r->band, r->band_end - 1);
                note_bucket(s, &lists[t], &lists[t].bucket[b]);
            }
        free(received);
    }
    for (int from = 0; from < s->ranks; from++)
        free(sent[from]);
    free(counts);
}

struct row_key {
    uint64_t key, row;
};

static int compare_row_keys(const void *a, const void *b) {
    const struct row_key *x = a, *y = b;
    if (x->key != y->key)
        return x->key < y->key ? -1 : 1;
    return (x->row > y->row) - (x->row < y->row);
}

/* Rows of equal keys have the least of them noted; rows that are alone, or have no key, nothing. */
static void check_found(const struct simulation *s) {
    uint64_t rows = s->start[s->ranks];
    struct row_key *sorted = mem_alloc(rows, sizeof *sorted);
    for (uint32_t band = 0; band < s->bands; band++) {
        for (uint64_t row = 0; row < rows; row++)
            sorted[row] = (struct row_key){key_at(s, band, row), row};
        qsort(sorted, rows, sizeof *sorted, compare_row_keys);
        for (uint64_t first = 0, end; first < rows; first = end) {
            for (end = first; end < rows && sorted[end].key == sorted[first].key; end++)
                ;
            bool bucket = end - first >= 2 && sorted[first].key != BAND_NO_KEY;
            for (uint64_t i = first; i < end; i++)
                assert_int_equal(s->found[band * rows + sorted[i].row], bucket ? sorted[first].row + 1 : 0);
        }
    }
    free(sorted);
}

enum key_kind { PAIRS, FEW, HEAVY, NONE, RUN, HIGH, SAME, KINDS };

/* PAIRS: about two rows a key; FEW: ten different keys; HEAVY: nearly all rows have one; NONE: no keys; RUN:
 * keys that differ in their low bits only, and so share a bin; HIGH: in their high halves only; SAME: one
 * key, so that all bins but one are empty. */
static uint64_t draw_key(enum key_kind kind, uint64_t rows, uint64_t *seed) {
    uint64_t x = random_next(seed);
    if (kind == NONE || (x % 11 == 0 && kind != SAME))
        return BAND_NO_KEY;
    const uint64_t key[] = {mix64(x % (rows / 2 + 1) + 1),
                            mix64(x % 10 + 1),
                            x % 8 ? 77 : mix64(x % 100 + 1),
                            0,
                            UINT64_MAX - x % (rows + 1),
                            (x % (rows / 2 + 1)) << 32 | 9,
                            mix64(5)};
    return key[kind] & ~BAND_ASKS; /* of one role only */
}

static void simulate(const uint64_t *rows, int ranks, uint32_t bands, uint32_t per_owner, int threads,
                     enum key_kind kind, uint64_t most) {
    struct simulation s = {.ranks = ranks, .bands = bands, .bins = {(uint32_t)ranks, per_owner}};
    uint64_t seed = 5, n_rounds;
    s.pool = pool_create(threads);
    for (int r = 0; r < ranks; r++)
        s.start[r + 1] = s.start[r] + rows[r];
    for (int r = 0; r < ranks; r++) {
        s.keys[r] = mem_alloc(rows[r] * bands, sizeof **s.keys);
        for (uint64_t k = 0; k < rows[r] * bands; k++)
            s.keys[r][k] = draw_key(kind, s.start[ranks], &seed);
        s.counts[r] = mem_alloc((uint64_t)ranks * bands * per_owner, sizeof **s.counts);
        struct band_keys of_rank = keys_of(&s, r);
        bucket_count(s.pool, &of_rank, s.bins, s.counts[r]);
        check_counts(&s, r);
    }
    s.found = mem_zero(bands * s.start[ranks], sizeof *s.found);
    uint64_t *load = loads(&s);
    struct round *rounds = bucket_rounds(load, bands, s.bins, most, &n_rounds);
    check_rounds(rounds, n_rounds, load, bands, per_owner, most);
    struct bucket_list *lists = mem_zero((uint64_t)threads, sizeof *lists);
    for (uint64_t r = 0; r < n_rounds; r++)
        run_round(&s, &rounds[r], lists);
    check_found(&s);
    for (int t = 0; t < threads; t++)
        bucket_list_free(&lists[t]);
    for (int r = 0; r < ranks; r++) {
        free(s.keys[r]);
        free(s.counts[r]);
    }
    free(lists);
    free(rounds);
    free(load);
    free(s.found);
    pool_destroy(s.pool);
}

static void simulate_all(int ranks, const uint64_t *rows) {
    const uint32_t per_owner[] = {1, 7, 64};
    const uint64_t most[] = {1, 200, 100000000};
    for (enum key_kind kind = PAIRS; kind < KINDS; kind++)
        for (size_t p = 0; p < LENGTH(per_owner); p++)
            for (size_t m = 0; m < LENGTH(most); m++)
                for (int threads = 1; threads <= 3; threads += 2)
                    for (uint32_t bands = 1; bands <= MOST_BANDS; bands += 4)
                        simulate(rows, ranks, bands, per_owner[p], threads, kind, most[m]);
}

static void test_one_rank(void **state) {
    (void)state;
    simulate_all(1, (const uint64_t[]){700});
    simulate_all(1, (const uint64_t[]){2});
    simulate_all(1, (const uint64_t[]){0});
}

static void test_three_ranks(void **state) {
    (void)state;
    simulate_all(3, (const uint64_t[]){300, 1, 500});
    simulate_all(3, (const uint64_t[]){0, 400, 0});
}

static void test_many_ranks(void **state) {
    (void)state;
    const uint64_t rows[MOST_RANKS] = {30, 1, 0, 9, 50, 7, 8, 0, 0, 40, 2, 3, 16, 17, 64, 65, 20};
    for (enum key_kind kind = PAIRS; kind < KINDS; kind++)
        for (uint64_t most = 1; most < 1000000; most *= 30)
            simulate(rows, MOST_RANKS, 2, 5, 3, kind, most);
}

/* Bins of few tuples, and of as many as where the filter and the tables double. */
static void test_bin_sizes(void **state) {
    (void)state;
    const uint64_t rows[] = {1, 3, 7, 8, 9, 31, 32, 33, 63, 64, 65, 127, 128, 129, 1023, 1024, 1025};
    for (enum key_kind kind = PAIRS; kind < KINDS; kind++)
        for (size_t r = 0; r < LENGTH(rows); r++) {
            simulate(&rows[r], 1, 3, 1, 1, kind, 1000000);
            simulate((const uint64_t[]){rows[r], 1}, 2, 1, 1, 2, kind, 1000000);
        }
}

/* Enough that every list and scratch array grows several times. */
static void test_many_rows(void **state) {
    (void)state;
    simulate((const uint64_t[]){40000, 30000}, 2, 2, 16, 3, PAIRS, 20000);
    simulate((const uint64_t[]){40000, 30000}, 2, 2, 16, 3, HEAVY, 20000);
    simulate((const uint64_t[]){40000, 30000}, 2, 2, 16, 3, SAME, 20000);
    simulate((const uint64_t[]){40000, 30000}, 2, 2, 16, 1, RUN, 100000);
}

enum { SENDERS = 3, SENT_ROWS = 200, SENT_KEYS = 600, VARIANTS = 3, SENT = VARIANTS * SENT_ROWS };

/* Whether row number `row` of the senders together stores `key`, or asks for it. */
static bool has_key(uint64_t keys[SENDERS][SENT], uint64_t row, bool asks, uint64_t key) {
    const uint64_t *of_row = keys[row / SENT_ROWS] + row % SENT_ROWS;
    return asks ? of_row[SENT_ROWS] == (key | BAND_ASKS) || of_row[2 * SENT_ROWS] == (key | BAND_ASKS)
                : of_row[0] == key;
}

/* Whether any two of those that store and those that ask for a key meet. */
static bool has_pair(uint64_t left, uint64_t right, uint64_t stored, uint64_t asked_left, uint64_t asked) {
    for (uint64_t x = 0; x < left; x++)
        if (max_u64(right, x + 1) < stored)
            return true;
    return (stored > right && asked > 0) || (right > 0 && asked > asked_left);
}

/* The tuples of a sender, which does not send them: they are looked up. */
struct unsent {
    const struct tuple *tuples;
    uint32_t row[3][2][SENT]; /* [threads][lists] what was found */
};

static void find_unsent(void *ctx, int list, uint32_t band, const uint64_t *key, uint64_t n, int thread,
                        struct met *met) {
    struct unsent *u = ctx;
    uint32_t *row = u->row[thread][list];
    assert_int_equal(band, 0);
    for (uint64_t k = 0; k < n; k++) {
        met[k] = (struct met){row, 0};
        for (const struct tuple *t = u->tuples; t < u->tuples + SENT; t++)
            if (((uint64_t)t->key_high << 32 | t->key_low) == (key[k] | (list ? BAND_ASKS : 0)))
                row[met[k].n++] = t->row;
        row += met[k].n;
    }
}

/* What way the rows of a sender come: none of them is sent, but they are looked up. */
enum unsent_one { ALL_SENT, FIRST_UNSENT, LAST_UNSENT };

static void group_senders(struct pool *pool, struct tuple *tuples, uint64_t *counts, uint64_t *start,
                          struct sides sides, enum unsent_one unsent_one, struct bucket_list *lists) {
    const bool asks[] = {false, true}, is_first = unsent_one == FIRST_UNSENT;
    const uint64_t all = unsent_one != ALL_SENT, unsent_start = start[is_first ? 0 : SENDERS - 1];
    struct unsent unsent = {.tuples = tuples + (is_first ? 0 : (SENDERS - 1) * SENT)};
    const struct lookup lookup = {
        2, (const uint64_t[]){unsent_start, unsent_start}, asks, is_first, find_unsent, &unsent};
    bucket_group(pool,
                 &(struct arrived){.tuples = tuples + (is_first ? SENT : 0),
                                   .counts = counts + is_first,
                                   .start = start + is_first,
                                   .senders = (uint32_t)(SENDERS - all),
                                   .bands = 1,
                                   .bins = {SENDERS, 1}, /* all keys are small, and the first owner's */
                                   .round = {0, 1, 0, 1},
                                   .sides = sides,
                                   .lookup = all ? &lookup : NULL},
                 lists);
}

/* Records that store and records that ask, twice each, meet in a bucket by the same key: those that store
 * first and rising, whoever sent them, then those that ask, from the border on last. Who asks for what nobody
 * stores is nowhere, nor who stores alone; nor any other bucket without a pair. Among those that are not sent
 * nobody meets: the sides see to that. */
static void check_roles(struct pool *pool, uint64_t seed, struct sides sides, enum unsent_one unsent) {
    uint64_t keys[SENDERS][SENT], start[SENDERS], counts[SENDERS], met = 0, seen = 0;
    uint64_t stored_by[2 * SENT_KEYS + 1] = {0}, asked_by[2 * SENT_KEYS + 1] = {0},
                                       left_by[2 * SENT_KEYS + 1] = {0}, right_by[2 * SENT_KEYS + 1] = {0},
                                       asked_left_by[2 * SENT_KEYS + 1] = {0};
    const struct bins bins = {SENDERS, 1};
    const struct round whole = {0, 1, 0, 1};
    struct tuple tuples[SENDERS * SENT];
    struct bucket_list lists[3] = {{0}};
    for (uint64_t from = 0; from < SENDERS; from++) {
        for (uint64_t i = 0; i < SENT; i++) {
            uint64_t key = random_below(&seed, i < SENT_ROWS ? SENT_KEYS / 2 : SENT_KEYS) + 1;
            if (unsent == LAST_UNSENT && from == SENDERS - 1 && i >= SENT_ROWS)
                key += SENT_KEYS; /* who is on the right asks for nothing that is stored */
            keys[from][i] = key << 1 | (i >= SENT_ROWS);
            (i < SENT_ROWS ? stored_by : asked_by)[key]++;
            uint64_t row = 1000 + from * SENT_ROWS + i % SENT_ROWS;
            left_by[key] += i < SENT_ROWS && row < sides.left_end;
            right_by[key] += i < SENT_ROWS && row < sides.right;
            asked_left_by[key] += i >= SENT_ROWS && row < sides.right;
        }
        uint64_t of_owner[SENDERS];
        const struct band_keys all = {SENT_ROWS, SENT_ROWS, 1, VARIANTS, keys[from]};
        bucket_count(pool, &all, bins, of_owner);
        assert_int_equal(of_owner[0], SENT);
        bucket_partition(pool, &all, bins, of_owner, whole, tuples + from * SENT);
        counts[from] = of_owner[0];
        start[from] = 1000 + from * SENT_ROWS;
    }
    for (uint64_t key = 1; key <= SENT_KEYS; key++)
        if (has_pair(left_by[key], right_by[key], stored_by[key], asked_left_by[key], asked_by[key]))
            met += stored_by[key] + asked_by[key];
    group_senders(pool, tuples, counts, start, sides, unsent, lists);
    for (int t = 0; t < pool_threads(pool); t++) {
        for (uint64_t b = 0; b < lists[t].n; b++) {
            const struct bucket *bucket = &lists[t].bucket[b];
            const uint64_t *row = lists[t].row + bucket->first;
            uint64_t first = (row[0] >> 1) - 1000, key = keys[first / SENT_ROWS][first % SENT_ROWS];
            assert_int_equal(bucket->stored, stored_by[key >> 1]);
            assert_int_equal(bucket->left, left_by[key >> 1]);
            assert_int_equal(bucket->right, right_by[key >> 1]);
            assert_int_equal(bucket->asked_right, bucket->stored + asked_left_by[key >> 1]);
            assert_int_equal(bucket->size, stored_by[key >> 1] + asked_by[key >> 1]);
            for (uint32_t k = 0; k < bucket->size; k++, seen++) {
                assert_int_equal(row[k] & 1, k >= bucket->stored);
                assert_true(k == 0 || k >= bucket->stored || row[k - 1] < row[k]);
                if (k >= bucket->stored)
                    assert_int_equal(row[k] >> 1 >= sides.right, k >= bucket->asked_right);
                assert_true(has_key(keys, (row[k] >> 1) - 1000, row[k] & 1, key));
            }
        }
        bucket_list_free(&lists[t]);
    }
    assert_int_equal(seen, met);
}

static void test_roles(void **state) {
    (void)state;
    struct pool *pool = pool_create(3);
    const uint64_t border = 1000 + SENT_ROWS / 2;
    const struct sides sides[] = {{UINT64_MAX, 0},  {0, 0},
                                  {border, border}, {border + 2 * SENT_ROWS, border + 2 * SENT_ROWS},
                                  {0, border},      {UINT64_MAX, border}};
    for (uint64_t seed = 1; seed <= 40; seed++)
        check_roles(pool, seed, sides[seed % LENGTH(sides)], ALL_SENT);
    const uint64_t first_end = 1000 + SENT_ROWS, last = 1000 + (SENDERS - 1) * SENT_ROWS;
    for (uint64_t seed = 1; seed <= 40; seed++) {
        check_roles(pool, seed, (struct sides){UINT64_MAX, first_end}, FIRST_UNSENT);
        check_roles(pool, seed, (struct sides){0, first_end}, FIRST_UNSENT);
        check_roles(pool, seed, (struct sides){last, last}, LAST_UNSENT);
    }
    pool_destroy(pool);
}

static void find_row_7(void *ctx, int list, uint32_t band, const uint64_t *key, uint64_t n, int thread,
                       struct met *met) {
    static const uint32_t row = 7;
    (void)ctx, (void)list, (void)band, (void)thread;
    assert_int_equal(n, 1);
    assert_int_equal(key[0], 5 << 1);
    met[0] = (struct met){&row, 1};
}

/* A single record is sent, which stores a key or asks for it, and one that is not sent stores it. */
static void test_one_meets_what_is_looked_up(void **state) {
    (void)state;
    struct pool *pool = pool_create(1);
    const bool stores[] = {false};
    const uint64_t count = 1, start = 100, unsent_start = 20;
    const struct lookup lookup = {1, &unsent_start, stores, true, find_row_7, NULL};
    for (uint32_t asks = 0; asks < 2; asks++) {
        const struct tuple tuple = {0, 5 << 1 | asks, 3};
        struct bucket_list list = {0};
        bucket_group(pool,
                     &(struct arrived){.tuples = &tuple,
                                       .counts = &count,
                                       .start = &start,
                                       .senders = 1,
                                       .bands = 1,
                                       .bins = {1, 1},
                                       .round = {0, 1, 0, 1},
                                       .sides = {UINT64_MAX, start},
                                       .lookup = &lookup},
                     &list);
        assert_int_equal(list.n, 1);
        assert_int_equal(list.n_rows, 2);
        assert_int_equal(bucket_pairs(list.bucket), 1);
        assert_int_equal(list.bucket[0].stored, 2 - asks);
        assert_int_equal(list.row[0], 27 << 1);
        assert_int_equal(list.row[1], 103 << 1 | asks);
        bucket_list_free(&list);
    }
    pool_destroy(pool);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bins_choose),
        cmocka_unit_test(test_rounds),
        cmocka_unit_test(test_one_rank),
        cmocka_unit_test(test_three_ranks),
        cmocka_unit_test(test_many_ranks),
        cmocka_unit_test(test_bin_sizes),
        cmocka_unit_test(test_many_rows),
        cmocka_unit_test(test_roles),
        cmocka_unit_test(test_one_meets_what_is_looked_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
