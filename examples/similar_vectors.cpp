// Groups of near-identical vectors in memory, and which one of each to keep: half the ranks join, by a
// communicator of their own, while the others have something else to do.
//
//     c++ similar_vectors.cpp $(pkg-config --cflags --libs lshjoin mpi-cxx) -o similar_vectors
//     mpirun -n 4 ./similar_vectors 1000
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <vector>

#include <lshjoin.h>

constexpr std::uint64_t width = 16;

// Vector g points where its five neighbours do, nearly.
static void make_vector(std::uint64_t g, float *x) {
    std::uint64_t state = g / 5;
    for (std::uint64_t k = 0; k < width; k++) {
        state = state * 6364136223846793005u + 1442695040888963407u;
        x[k] = static_cast<float>(static_cast<double>(state >> 40) / (1 << 24) - 0.5);
    }
    x[g % 5] += 0.01f;
}

struct Free {
    void operator()(lshjoin *join) const { lshjoin_free(join); }
};

static int join_vectors(MPI_Comm comm, std::uint64_t all) {
    int rank, ranks;
    MPI_Comm_rank(comm, &rank);
    MPI_Comm_size(comm, &ranks);
    std::uint64_t first = all * rank / ranks, n = all * (rank + 1) / ranks - first;
    std::vector<float> x(n * width);
    for (std::uint64_t i = 0; i < n; i++)
        make_vector(first + i, &x[i * width]);

    std::unique_ptr<lshjoin, Free> join(lshjoin_create(comm));
    lshjoin_set(join.get(), "metric", "cosine");
    lshjoin_set(join.get(), "threshold", "0.95");
    lshjoin_set(join.get(), "clusters", nullptr);
    lshjoin_set(join.get(), "cluster-method", "star");
    lshjoin_add_vectors(join.get(), n, width, x.data());
    auto count = [](void *context, const lshjoin_pair *, std::uint64_t pairs) {
        *static_cast<std::uint64_t *>(context) += pairs;
        return 0;
    };
    std::uint64_t sums[2] = {0, 0};
    if (int status = lshjoin_run(join.get(), count, &sums[0])) {
        std::fprintf(stderr, "%s\n", lshjoin_message(join.get()));
        return status;
    }
    for (std::uint64_t i = 0; i < n; i++)
        sums[1] += lshjoin_kept(join.get())[i];
    MPI_Allreduce(MPI_IN_PLACE, sums, 2, MPI_UINT64_T, MPI_SUM, comm);
    if (rank == 0)
        std::printf("%llu pairs, %llu of %llu vectors are kept\n", static_cast<unsigned long long>(sums[0]),
                    static_cast<unsigned long long>(sums[1]), static_cast<unsigned long long>(all));
    return 0;
}

int main(int argc, char **argv) {
    int provided, rank, status = 0;
    MPI_Init_thread(&argc, &argv, MPI_THREAD_FUNNELED, &provided);
    MPI_Comm_rank(MPI_COMM_WORLD, &rank);
    MPI_Comm half;
    MPI_Comm_split(MPI_COMM_WORLD, rank % 2, rank, &half);
    if (rank % 2 == 0)
        status = join_vectors(half, argc > 1 ? std::strtoull(argv[1], nullptr, 10) : 1000);
    MPI_Comm_free(&half);
    MPI_Finalize();
    return status;
}
