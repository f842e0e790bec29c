/* A library to preload: rank 0 believes itself on a node of its own, the others on another. */
#include <mpi.h>

int MPI_Comm_split_type(MPI_Comm all, int type, int key, MPI_Info info, MPI_Comm *node) {
    int rank;
    (void)type, (void)info;
    PMPI_Comm_rank(all, &rank);
    return PMPI_Comm_split(all, rank > 0, key, node);
}
