/* Giant buckets dealt out: no pair is lost or comes twice, and nobody has much more to do than the others. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "deal.h"

enum { LISTS = 3, MOST_GIANT = 3000 };

/* A sum over pairs that tells which there are, and whether once. */
static uint64_t digest(const struct bucket *b, const uint64_t *row) {
    uint64_t sum = 0;
    bool all = b->left == b->stored;
    for (uint64_t x = 0; x < b->left; x++)
        for (uint64_t y = all ? x + 1 : b->left; y < b->stored; y++)
            sum += mix64(row[x] << 32 ^ row[y] << 8 ^ b->band);
    for (uint64_t x = all ? 0 : b->left; x < b->stored; x++)
        for (uint64_t y = b->stored; y < b->size; y++)
            sum += mix64(row[x] << 32 ^ row[y] << 8 ^ b->band);
    return sum;
}

struct tally {
    uint64_t pairs, digest;
};

static struct tally count(const struct bucket_list *lists) {
    struct tally t = {0, 0};
    for (int k = 0; k < LISTS; k++)
        for (uint64_t b = 0; b < lists[k].n; b++) {
            t.pairs += bucket_pairs(&lists[k].bucket[b]);
            t.digest += digest(&lists[k].bucket[b], lists[k].row + lists[k].bucket[b].first);
        }
    return t;
}

static void add_bucket(struct bucket_list *l, uint64_t *next_row, uint32_t size, uint32_t stored,
                       uint32_t left, uint32_t band) {
    bucket_list_reserve(l, 1, size);
    l->bucket[l->n++] = (struct bucket){
        l->n_rows, size, stored, left, left == stored ? 0 : left, left == stored ? stored : size, band};
    for (uint32_t i = 0; i < size; i++)
        l->row[l->n_rows++] = (*next_row)++ << 1 | (i >= stored);
}

/* Many small buckets on every rank; on every `apart`-th rank giant ones of all kinds as well. */
static void check_deal(struct comm *c, int apart, uint32_t giant, uint64_t most) {
    struct bucket_list lists[LISTS] = {{0}};
    uint64_t ranks = (uint64_t)comm_size(c), row = (uint64_t)comm_rank(c) << 20;
    for (uint32_t k = 0; k < 2000; k++)
        add_bucket(&lists[k % LISTS], &row, 2 + k % 5, 2 + k % 5, 2 + k % 5, k);
    if (comm_rank(c) % apart == 0 && giant) {
        add_bucket(&lists[0], &row, giant, giant, giant, 1);
        add_bucket(&lists[0], &row, giant, giant, giant / 3, 2);
        add_bucket(&lists[2], &row, giant, giant / 2, giant / 2, 3);
        add_bucket(&lists[2], &row, giant, giant / 2, 0, 4);
    }
    struct tally before = count(lists), all = before, after;
    uint64_t told = deal_buckets(c, lists, LISTS, before.pairs, most);
    after = count(lists);
    CHECK(told == after.pairs);
    comm_sum(c, &all.pairs, 1);
    comm_sum(c, &all.digest, 1);
    CHECK(giant || after.pairs == before.pairs);
    CHECK(after.pairs < 50000 || after.pairs * ranks <= all.pairs * 5 / 4);
    struct tally sum = after;
    comm_sum(c, &sum.pairs, 1);
    comm_sum(c, &sum.digest, 1);
    CHECK(sum.pairs == all.pairs && sum.digest == all.digest);
    for (int k = 0; k < LISTS; k++)
        bucket_list_free(&lists[k]);
}

static void test_giants(struct comm *c) {
    for (int apart = 1; apart < 4; apart++)
        for (uint32_t giant = 300; giant <= MOST_GIANT; giant *= 3)
            check_deal(c, apart, giant, (uint64_t)1 << 20);
}

/* Few rows at a time, down to a part. */
static void test_portions(struct comm *c) {
    check_deal(c, 100, MOST_GIANT, 4096);
    check_deal(c, 1, 1000, 8);
}

static void test_nothing_to_do(struct comm *c) {
    check_deal(c, 1, 0, (uint64_t)1 << 20);
}

int main(int argc, char **argv) {
    struct comm *c = comm_start(&argc, &argv);
    RUN(test_giants, c);
    RUN(test_portions, c);
    RUN(test_nothing_to_do, c);
    comm_finish(c);
    return 0;
}
