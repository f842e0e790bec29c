/* What the comm_* files share; nobody else includes mpi.h, but h5_create, which hands the communicator to
 * HDF5. */
#ifndef COMM_MPI_H
#define COMM_MPI_H

#include <mpi.h>

#include "comm.h"
#include "watch.h"

struct comm {
    MPI_Comm mpi;
    int rank, size;
    const char *program; /* not owned */
    uint64_t bytes_sent;
    bool is_guest; /* in another program, which is told errors instead of its standard error */
};

/* Collective. The ranks of another program, which goes on when ours is done: its communicator is duplicated,
 * and MPI is not ended. comm_failed gives the text of an error to all ranks, and prints nothing. */
struct comm *comm_join(MPI_Comm mpi);
void comm_leave(struct comm *c);

/* A call of MPI: watched while it lasts; dies with MPI's own words unless it succeeds. */
#define comm_call(function, ...) comm_check((watch_waits(#function), function(__VA_ARGS__)), #function)
void comm_check(int rc, const char *call);

/* v as MPI takes it; dies when it does not fit. */
int comm_int(uint64_t v, const char *what);

/* A contiguous type of `item` bytes, committed; to be freed. */
MPI_Datatype comm_type(size_t item);

/* at[r]: the sum of n[0 .. r-1]. Returns the sum of all. */
uint64_t comm_places(const uint64_t *n, int size, uint64_t *at);

/* MPI_Alltoallv of items; counts and displacements in items, [size] each, totals below 2^31. */
void comm_alltoallv(struct comm *c, size_t item, const void *sent, const uint64_t *n_sent,
                    const uint64_t *sent_at, void *received, const uint64_t *n_received,
                    const uint64_t *received_at);

#endif
