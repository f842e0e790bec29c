/* Past 2^31 bytes in one exchange and one broadcast. Needs two ranks and about 10 GB. */
#include <stdio.h>
#include <stdlib.h>

#include "check.h"

/* 2.4 GB from rank 0 to rank 1, and nothing else. */
static void test_exchange(struct comm *c) {
    const uint64_t n = 200000000;
    struct item {
        uint32_t a, b, c;
    };
    uint64_t n_sent[2] = {0}, n_received[2] = {0};
    if (comm_rank(c) == 0)
        n_sent[1] = n;
    else
        n_received[0] = n;
    struct item *sent = mem_alloc(n_sent[1], sizeof *sent);
    for (uint64_t k = 0; k < n_sent[1]; k++)
        sent[k] = (struct item){(uint32_t)k, (uint32_t)mix64(k), 7};
    struct item *received = comm_exchange(c, sizeof *sent, sent, n_sent, n_received);
    for (uint64_t k = 0; k < n_received[0]; k++)
        CHECK(received[k].a == (uint32_t)k && received[k].b == (uint32_t)mix64(k) && received[k].c == 7);
    free(received);
}

static void test_broadcast(struct comm *c) {
    const uint64_t n = ((uint64_t)1 << 28) + 5;
    uint64_t *data = mem_alloc(n, sizeof *data);
    for (uint64_t k = 0; k < n; k++)
        data[k] = comm_rank(c) == 0 ? mix64(k) : 0;
    comm_broadcast(c, data, n * sizeof *data);
    for (uint64_t k = 0; k < n; k++)
        CHECK(data[k] == mix64(k));
    free(data);
}

int main(int argc, char **argv) {
    struct comm *c = comm_start(&argc, &argv);
    CHECK(comm_size(c) == 2);
    RUN(test_exchange, c);
    RUN(test_broadcast, c);
    comm_finish(c);
    return 0;
}
