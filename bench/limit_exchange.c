/* mpirun -n RANKS limit_exchange BYTES: seconds in which so many bytes in all go from each rank to each other
 * one, the same share to everybody, by MPI_Alltoallv in rounds of at most 256 MB a rank. */
#include "limit.h"

#include <mpi.h>

enum { ROUND = 256 << 20 };

static double exchange(uint64_t each, int ranks, char *from, char *to) {
    int *count = calloc((size_t)ranks, sizeof *count), *at = calloc((size_t)ranks, sizeof *at);
    if (!count || !at)
        limit_fail("memory");
    uint64_t most = ROUND / (uint64_t)ranks;
    MPI_Barrier(MPI_COMM_WORLD);
    double start = limit_clock();
    for (uint64_t done = 0; done < each; done += most) {
        int n = (int)(each - done < most ? each - done : most), me;
        MPI_Comm_rank(MPI_COMM_WORLD, &me);
        for (int r = 0; r < ranks; r++) {
            count[r] = r == me ? 0 : n;
            at[r] = r * n;
        }
        MPI_Alltoallv(from, count, at, MPI_BYTE, to, count, at, MPI_BYTE, MPI_COMM_WORLD);
    }
    double seconds = limit_clock() - start;
    MPI_Allreduce(MPI_IN_PLACE, &seconds, 1, MPI_DOUBLE, MPI_MAX, MPI_COMM_WORLD);
    free(count);
    free(at);
    return seconds;
}

int main(int argc, char **argv) {
    int ranks, me;
    MPI_Init(&argc, &argv);
    MPI_Comm_size(MPI_COMM_WORLD, &ranks);
    MPI_Comm_rank(MPI_COMM_WORLD, &me);
    if (argc != 2) {
        fprintf(stderr, "usage: %s BYTES\n", argv[0]);
        MPI_Abort(MPI_COMM_WORLD, EX_USAGE);
    }
    uint64_t pairs = (uint64_t)ranks * (uint64_t)(ranks > 1 ? ranks - 1 : 1);
    uint64_t each = strtoull(argv[1], NULL, 10) / pairs, largest = ROUND / (uint64_t)ranks;
    uint64_t room = (each < largest ? each : largest) * (uint64_t)ranks;
    char *from = limit_room(room), *to = limit_room(room);
    double best = 1e9;
    for (int turn = 0; turn < LIMIT_TURNS; turn++)
        best = limit_least(best, exchange(each, ranks, from, to));
    if (me == 0)
        printf("%.9f\n", best);
    free(from);
    free(to);
    MPI_Finalize();
    return 0;
}
