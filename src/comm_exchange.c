#include <stdlib.h>
#include <string.h>

#include "comm_mpi.h"

void comm_counts(struct comm *c, const uint64_t *sent, uint64_t *received, uint64_t n) {
    int count = comm_int(n, "counts a rank");
    comm_call(MPI_Alltoall, sent, count, MPI_UINT64_T, received, count, MPI_UINT64_T, c->mpi);
}

void comm_alltoallv(struct comm *c, size_t item, const void *sent, const uint64_t *n_sent,
                    const uint64_t *sent_at, void *received, const uint64_t *n_received,
                    const uint64_t *received_at) {
    int *four = mem_alloc(4 * (uint64_t)c->size, sizeof *four);
    int *sn = four, *sd = sn + c->size, *rn = sd + c->size, *rd = rn + c->size;
    for (int r = 0; r < c->size; r++) {
        sn[r] = comm_int(n_sent[r], "items to a rank");
        sd[r] = comm_int(sent_at[r], "items to send");
        rn[r] = comm_int(n_received[r], "items from a rank");
        rd[r] = comm_int(received_at[r], "items to receive");
        c->bytes_sent += r == c->rank ? 0 : n_sent[r] * item;
    }
    MPI_Datatype type = comm_type(item);
    comm_call(MPI_Alltoallv, sent, sn, sd, type, received, rn, rd, type, c->mpi);
    MPI_Type_free(&type);
    free(four);
}

uint64_t comm_places(const uint64_t *n, int size, uint64_t *at) {
    uint64_t sum = 0;
    for (int r = 0; r < size; r++) {
        at[r] = sum;
        sum += n[r];
    }
    return sum;
}

void *comm_exchange(struct comm *c, size_t item, void *sent, const uint64_t *n_sent,
                    const uint64_t *n_received) {
    if (c->size == 1)
        return sent;
    uint64_t *sent_at = mem_alloc(2 * (uint64_t)c->size, sizeof *sent_at), *received_at = sent_at + c->size;
    comm_places(n_sent, c->size, sent_at);
    void *received = mem_alloc(comm_places(n_received, c->size, received_at), item);
    comm_alltoallv(c, item, sent, n_sent, sent_at, received, n_received, received_at);
    free(sent_at);
    free(sent);
    return received;
}

uint64_t comm_exchange_slots(struct comm *c, size_t item, const void *sent, uint64_t slot_size,
                             const uint64_t *n_sent, void *received) {
    if (c->size == 1) {
        memcpy(received, sent, n_sent[0] * item);
        return n_sent[0];
    }
    uint64_t size = (uint64_t)c->size, *three = mem_alloc(3 * size, sizeof *three);
    uint64_t *n_received = three, *sent_at = three + size, *received_at = sent_at + size;
    comm_counts(c, n_sent, n_received, 1);
    for (uint64_t r = 0; r < size; r++)
        sent_at[r] = r * slot_size;
    uint64_t came = comm_places(n_received, c->size, received_at);
    comm_alltoallv(c, item, sent, n_sent, sent_at, received, n_received, received_at);
    free(three);
    return came;
}
