/* Agreement on errors, reductions and exchanges, on any number of ranks. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "check.h"

/* What a call of comm_failed writes on this rank's stderr goes to text[size]. */
static bool failed_with_text(struct comm *c, struct error *e, char *text, size_t size) {
    FILE *f = tmpfile();
    CHECK(f);
    fflush(stderr);
    int saved = dup(STDERR_FILENO);
    dup2(fileno(f), STDERR_FILENO);
    bool failed = comm_failed(c, e);
    fflush(stderr);
    dup2(saved, STDERR_FILENO);
    close(saved);
    rewind(f);
    text[fread(text, 1, size - 1, f)] = 0;
    fclose(f);
    return failed;
}

/* Every set of ranks that fail, each with a status and a message of its own. */
static void test_failed(struct comm *c) {
    int rank = comm_rank(c), size = comm_size(c);
    for (unsigned mask = 0; mask < 1u << size; mask++) {
        struct error e = {0};
        char text[200], expected[200] = "";
        if (mask >> rank & 1)
            error_set(&e, EX__BASE + 1 + rank, "no luck on rank %d", rank);
        bool failed = failed_with_text(c, &e, text, sizeof text);
        CHECK(failed == (mask != 0));
        int lowest = mask ? __builtin_ctz(mask) : -1;
        CHECK(e.status == (mask ? EX__BASE + 1 + lowest : 0));
        if (rank == lowest && mask + 1 == 1u << size) /* all know it: no rank need be named */
            snprintf(expected, sizeof expected, "lshjoin: no luck on rank %d\n", rank);
        else if (rank == lowest)
            snprintf(expected, sizeof expected, "lshjoin: rank %d: no luck on rank %d\n", rank, rank);
        CHECK(strcmp(text, expected) == 0);
        CHECK(failed_with_text(c, &e, text, sizeof text) == failed && !*text); /* told once */
    }
}

static void test_reductions(struct comm *c) {
    enum { N = 1000 };
    uint64_t rank = (uint64_t)comm_rank(c), size = (uint64_t)comm_size(c), sum[N], least[N], most[N];
    const uint64_t middle = INT64_MAX;
    double most_double[N];
    for (uint64_t k = 0; k < N; k++) {
        sum[k] = (k + 1) * (rank + 1) << 40;
        least[k] = most[k] = middle + (rank + k) % size; /* negative, were they signed, for some */
        most_double[k] = -0.5 - (double)((rank + k) % size);
    }
    comm_sum(c, sum, N);
    comm_min(c, least, N);
    comm_max(c, most, N);
    comm_max_double(c, most_double, N);
    for (uint64_t k = 0; k < N; k++) {
        CHECK(sum[k] == (k + 1) * (size * (size + 1) / 2) << 40);
        CHECK(least[k] == middle);
        CHECK(most[k] == middle + size - 1);
        CHECK(most_double[k] == -0.5);
    }
    CHECK(comm_sum_before(c, (uint64_t)1 << 40 << rank) == (((uint64_t)1 << rank) - 1) << 40);
    comm_sum(c, sum, 0);
}

static void test_broadcast(struct comm *c) {
    for (uint64_t bytes = 0; bytes <= 100000; bytes = 3 * bytes + 1) {
        unsigned char *data = mem_alloc(bytes + 1, 1);
        for (uint64_t k = 0; k <= bytes; k++)
            data[k] = comm_rank(c) == 0 ? (unsigned char)(k * 7) : 99;
        data[bytes] = 98;
        comm_broadcast(c, data, bytes);
        for (uint64_t k = 0; k < bytes; k++)
            CHECK(data[k] == (unsigned char)(k * 7));
        CHECK(data[bytes] == 98);
        free(data);
    }
}

static void test_counts(struct comm *c) {
    uint64_t rank = (uint64_t)comm_rank(c), size = (uint64_t)comm_size(c), sent[64 * 5], received[64 * 5];
    CHECK(size <= 64);
    for (uint64_t n = 1; n <= 5; n += 2) {
        for (uint64_t to = 0; to < size; to++)
            for (uint64_t k = 0; k < n; k++)
                sent[to * n + k] = (rank << 40) + (to << 20) + k;
        comm_counts(c, sent, received, n);
        for (uint64_t from = 0; from < size; from++)
            for (uint64_t k = 0; k < n; k++)
                CHECK(received[from * n + k] == (from << 40) + (rank << 20) + k);
    }
}

/* How many items go from one rank to another: uneven, and none at all in every second case or where `empty`
 * says so. */
enum traffic { UNEVEN, ALL_TO_ONE, ONE_TO_ALL, NOTHING, TRAFFICS };

static uint64_t n_items(enum traffic traffic, uint64_t from, uint64_t to) {
    switch (traffic) {
    case UNEVEN:
        return (from + to) % 3 == 1 ? 0 : 1 + 1000 * from + 37 * to;
    case ALL_TO_ONE:
        return to == 0 ? 500 + from : 0;
    case ONE_TO_ALL:
        return from == 0 ? 500 + to : 0;
    default:
        return 0;
    }
}

static unsigned char byte_of(uint64_t from, uint64_t to, uint64_t k) {
    return (unsigned char)(mix64(from << 50 ^ to << 40 ^ k) >> 56);
}

static void fill(unsigned char *p, uint64_t from, uint64_t to, uint64_t bytes) {
    for (uint64_t k = 0; k < bytes; k++)
        p[k] = byte_of(from, to, k);
}

static void check_filled(const unsigned char *p, uint64_t from, uint64_t to, uint64_t bytes) {
    for (uint64_t k = 0; k < bytes; k++)
        CHECK(p[k] == byte_of(from, to, k));
}

static void check_exchange(struct comm *c, enum traffic traffic, size_t item) {
    uint64_t rank = (uint64_t)comm_rank(c), size = (uint64_t)comm_size(c), n_sent[64], n_received[64],
             all = 0;
    uint64_t before = *comm_bytes_sent(c);
    for (uint64_t r = 0; r < size; r++) {
        n_sent[r] = n_items(traffic, rank, r);
        n_received[r] = n_items(traffic, r, rank);
        all += n_sent[r];
    }
    unsigned char *sent = mem_alloc(all, item), *next = sent;
    for (uint64_t to = 0; to < size; next += n_sent[to++] * item)
        fill(next, rank, to, n_sent[to] * item);
    unsigned char *received = comm_exchange(c, item, sent, n_sent, n_received);
    next = received;
    for (uint64_t from = 0; from < size; next += n_received[from++] * item)
        check_filled(next, from, rank, n_received[from] * item);
    CHECK(*comm_bytes_sent(c) - before == (all - n_sent[rank]) * item);
    free(received);
}

/* The slot is larger than what is in it, and its rest must not travel. */
static void check_slots(struct comm *c, enum traffic traffic, size_t item) {
    uint64_t rank = (uint64_t)comm_rank(c), size = (uint64_t)comm_size(c), n_sent[64], slot_size = 0,
             came = 0;
    for (uint64_t from = 0; from < size; from++)
        for (uint64_t to = 0; to < size; to++)
            slot_size = max_u64(slot_size, n_items(traffic, from, to) + 1);
    unsigned char *sent = mem_zero(size * slot_size, item), *received = mem_zero(size * slot_size, item);
    for (uint64_t to = 0; to < size; to++) {
        n_sent[to] = n_items(traffic, rank, to);
        fill(sent + to * slot_size * item, rank, to, n_sent[to] * item);
        came += n_items(traffic, to, rank);
    }
    CHECK(comm_exchange_slots(c, item, sent, slot_size, n_sent, received) == came);
    const unsigned char *next = received;
    for (uint64_t from = 0; from < size; from++) {
        check_filled(next, from, rank, n_items(traffic, from, rank) * item);
        next += n_items(traffic, from, rank) * item;
    }
    for (; next < received + size * slot_size * item; next++)
        CHECK(*next == 0);
    free(sent);
    free(received);
}

static void test_exchanges(struct comm *c) {
    const size_t items[] = {1, 8, 12, 16, 100};
    for (size_t i = 0; i < sizeof items / sizeof *items; i++)
        for (enum traffic traffic = UNEVEN; traffic < TRAFFICS; traffic++) {
            check_exchange(c, traffic, items[i]);
            check_slots(c, traffic, items[i]);
        }
}

/* Rank r gives r of the one side and 3 - r (or none) of the other, so some give nothing. */
static void test_gather(struct comm *c) {
    uint64_t rank = (uint64_t)comm_rank(c), size = (uint64_t)comm_size(c), left = rank, all_left, all, at = 0;
    uint64_t right = rank < 3 ? 3 - rank : 0, mine[16];
    for (uint64_t k = 0; k < left + right; k++)
        mine[k] = rank << 8 | k;
    uint64_t *got = comm_gather(c, sizeof *got, mine, left, right, &all_left, &all);
    for (int side = 0; side < 2; side++) {
        for (uint64_t r = 0; r < size; r++)
            for (uint64_t k = side ? r : 0; k < (side ? r + (r < 3 ? 3 - r : 0) : r); k++)
                CHECK(at < all && got[at++] == (r << 8 | k));
        CHECK(side || at == all_left);
    }
    CHECK(at == all);
    free(got);
}

int main(int argc, char **argv) {
    struct comm *c = comm_start(&argc, &argv);
    CHECK(comm_rank(c) < comm_size(c));
    CHECK(strlen(comm_version()) > 0);
    RUN(test_failed, c);
    RUN(test_reductions, c);
    RUN(test_broadcast, c);
    RUN(test_counts, c);
    RUN(test_gather, c);
    RUN(test_exchanges, c);
    comm_finish(c);
    return 0;
}
