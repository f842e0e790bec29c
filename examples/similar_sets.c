/* Which of some sets in memory are similar? Each rank makes its own; rank 0 prints what was found.
 *
 *     cc similar_sets.c $(pkg-config --cflags --libs lshjoin) -o similar_sets
 *     mpirun -n 3 ./similar_sets 1000 0.6 */
#include <lshjoin.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ELEMENTS = 20 };

/* Set g has most of its elements in common with three others, and up to two of its own. */
static void make_set(uint64_t g, uint64_t *element) {
    for (uint64_t k = 0; k < ELEMENTS; k++)
        element[k] = g / 4 * 1000 + k;
    for (uint64_t k = 0; k < g % 3; k++)
        element[k] = 1000000000 + g * 10 + k;
}

struct list {
    lshjoin_pair *pair;
    uint64_t n;
};

static int take(void *context, const lshjoin_pair *pairs, uint64_t n) {
    struct list *list = context;
    list->pair = realloc(list->pair, (list->n + n + 1) * sizeof *pairs);
    memcpy(list->pair + list->n, pairs, n * sizeof *pairs);
    list->n += n;
    return 0;
}

/* Those of all ranks, by rank 0. */
static void print_pairs(const struct list *list, int rank, int ranks) {
    int bytes = (int)(list->n * sizeof *list->pair), all = 0;
    int *count = calloc(2 * (size_t)ranks, sizeof *count), *place = count + ranks;
    MPI_Gather(&bytes, 1, MPI_INT, count, 1, MPI_INT, 0, MPI_COMM_WORLD);
    for (int r = 0; r < ranks; all += count[r++])
        place[r] = all;
    lshjoin_pair *pair = malloc((size_t)all + 1);
    MPI_Gatherv(list->pair, bytes, MPI_BYTE, pair, count, place, MPI_BYTE, 0, MPI_COMM_WORLD);
    for (size_t i = 0; rank == 0 && i < (size_t)all / sizeof *pair; i++)
        printf("%llu\t%llu\t%.6f\n", (unsigned long long)pair[i].left, (unsigned long long)pair[i].right,
               pair[i].value);
    free(pair);
    free(count);
}

int main(int argc, char **argv) {
    int provided, rank, ranks;
    MPI_Init_thread(&argc, &argv, MPI_THREAD_FUNNELED, &provided);
    MPI_Comm_rank(MPI_COMM_WORLD, &rank);
    MPI_Comm_size(MPI_COMM_WORLD, &ranks);
    if (argc != 3) {
        fprintf(stderr, "usage: %s SETS THRESHOLD\n", argv[0]);
        MPI_Abort(MPI_COMM_WORLD, 64);
    }
    uint64_t all = strtoull(argv[1], NULL, 10);
    struct list list = {NULL, 0};
    uint64_t first = all * (uint64_t)rank / (uint64_t)ranks,
             n = all * (uint64_t)(rank + 1) / (uint64_t)ranks - first;
    uint64_t *offset = calloc(n + 1, sizeof *offset), *element = calloc(n * ELEMENTS + 1, sizeof *element);
    for (uint64_t i = 0; i < n; i++) {
        make_set(first + i, element + i * ELEMENTS);
        offset[i + 1] = (i + 1) * ELEMENTS;
    }

    lshjoin *join = lshjoin_create(MPI_COMM_WORLD);
    lshjoin_set(join, "threshold", argv[2]);
    lshjoin_set(join, "recall", "0.999");
    lshjoin_add_sets(join, n, offset, element);
    int status = lshjoin_run(join, take, &list);
    if (status && rank == 0)
        fprintf(stderr, "%s: %s\n", argv[0], lshjoin_message(join));
    lshjoin_free(join);
    if (!status)
        print_pairs(&list, rank, ranks);

    free(list.pair);
    free(element);
    free(offset);
    MPI_Finalize();
    return status;
}
