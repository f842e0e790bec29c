/* What lshjoin.h promises: statuses and messages instead of a dead program, on every rank; joins one after
 * the other; records wherever they lie. Built against what is installed. */
#include <lshjoin.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int rank, ranks;

#define CHECK(holds)                                                                                         \
    do {                                                                                                     \
        if (!(holds)) {                                                                                      \
            fprintf(stderr, "rank %d: line %d: %s\n", rank, __LINE__, #holds);                               \
            MPI_Abort(MPI_COMM_WORLD, 1);                                                                    \
        }                                                                                                    \
    } while (0)

struct found {
    uint64_t n, sum;
    int status; /* to return */
};

static int take(void *context, const lshjoin_pair *pairs, uint64_t n) {
    struct found *f = context;
    for (uint64_t i = 0; i < n; i++)
        f->sum += pairs[i].left * 1000 + pairs[i].right;
    f->n += n;
    return n > 0 ? f->status : 0;
}

static const uint64_t offsets[] = {0, 3, 6, 8}, elements[] = {9, 7, 8, 7, 8, 9, 1, UINT64_MAX};

/* All three sets on rank `holder`; the others have none. Returns the status of a run with these options. */
static int run_on(int holder, const char *options[][2], struct found *f, char message[1000]) {
    lshjoin *join = lshjoin_create(MPI_COMM_WORLD);
    for (int i = 0; options[i][0]; i++)
        lshjoin_set(join, options[i][0], options[i][1]);
    lshjoin_add_sets(join, rank == holder ? 3 : 0, offsets, elements);
    int status = lshjoin_run(join, take, f);
    snprintf(message, 1000, "%s", lshjoin_message(join));
    CHECK(lshjoin_run(join, take, f) == (status ? status : 64));
    lshjoin_free(join);
    uint64_t sums[2] = {f->n, f->sum};
    MPI_Allreduce(MPI_IN_PLACE, sums, 2, MPI_UINT64_T, MPI_SUM, MPI_COMM_WORLD);
    f->n = sums[0], f->sum = sums[1];
    return status;
}

static void test_wherever_they_lie(void) {
    const char *options[][2] = {{"threshold", "1"}, {"exact", NULL}, {NULL, NULL}};
    char message[1000];
    for (int holder = 0; holder < ranks; holder++) {
        struct found f = {0, 0, 0};
        CHECK(run_on(holder, options, &f, message) == 0 && !*message);
        CHECK(f.n == 1 && f.sum == 1); /* rows 0 and 1 */
    }
}

/* Sets that contain each other are two pairs. */
static void test_ordered_pairs(void) {
    const char *options[][2] = {{"threshold", "1"}, {"metric", "containment"}, {NULL, NULL}};
    char message[1000];
    struct found f = {0, 0, 0};
    CHECK(run_on(ranks - 1, options, &f, message) == 0 && !*message);
    CHECK(f.n == 2 && f.sum == 1001);
}

static void test_mistakes(void) {
    static const struct {
        const char *options[3][2];
        int status;
        const char *word;
    } wrong[] = {{{{"moon", "1"}}, 64, "moon"},
                 {{{"output", "somewhere"}}, 64, "output"},
                 {{{"threshold", "much"}}, 64, "much"},
                 {{{"exact", "yes"}, {"threshold", "1"}}, 64, "yes"},
                 {{{"threshold", NULL}}, 64, "threshold"},
                 {{{"threshold", "1"}, {"metric", "cosine"}}, 65, "vectors"},
                 {{{"bands", "4"}}, 64, "--rows"}};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        struct found f = {0, 0, 0};
        char message[1000];
        const char *options[4][2] = {{NULL, NULL}};
        memcpy(options, wrong[i].options, sizeof wrong[i].options);
        CHECK(run_on(0, options, &f, message) == wrong[i].status);
        CHECK(strstr(message, wrong[i].word));
    }
}

/* One rank's data are wrong, or its taker has enough: all ranks know. */
static void test_failures_are_everybodys(void) {
    static const uint64_t falling[] = {0, 3, 2};
    lshjoin *join = lshjoin_create(MPI_COMM_WORLD);
    lshjoin_set(join, "threshold", "1");
    lshjoin_add_sets(join, 2, rank == ranks - 1 ? falling : offsets, elements);
    CHECK(lshjoin_run(join, NULL, NULL) == 65 && strstr(lshjoin_message(join), "fall"));
    lshjoin_free(join);
    const char *options[][2] = {{"threshold", "1"}, {NULL, NULL}};
    struct found f = {0, 0, 42};
    char message[1000];
    CHECK(run_on(0, options, &f, message) == 42 && strstr(message, "42"));
    join = lshjoin_create(MPI_COMM_WORLD);
    CHECK(lshjoin_run(join, NULL, NULL) == 64 && strstr(lshjoin_message(join), "records"));
    CHECK(lshjoin_labels(join) == NULL && lshjoin_kept(join) == NULL);
    lshjoin_free(join);
    lshjoin_free(NULL);
}

static void test_two_inputs_and_groups(void) {
    lshjoin *join = lshjoin_create(MPI_COMM_WORLD);
    struct found f = {0, 0, 0};
    lshjoin_set(join, "threshold", "0.9");
    lshjoin_set(join, "exact", NULL);
    lshjoin_set(join, "clusters", NULL);
    lshjoin_add_sets(join, 3, offsets, elements);
    CHECK(lshjoin_add_sets(join, rank == 0 ? 2 : 0, offsets + 0, elements) == 0);
    CHECK(lshjoin_run(join, take, &f) == 0);
    uint64_t n = f.n, left = 3 * (uint64_t)ranks;
    MPI_Allreduce(MPI_IN_PLACE, &n, 1, MPI_UINT64_T, MPI_SUM, MPI_COMM_WORLD);
    CHECK(n == 4 * (uint64_t)ranks); /* two of each three left ones with both right ones */
    const uint64_t *label = lshjoin_labels(join);
    const uint8_t *kept = lshjoin_kept(join);
    for (uint64_t i = 0; i < 3; i++) {
        uint64_t row = 3 * (uint64_t)rank + i;
        CHECK(label[i] == (i < 2 ? 0 : row) && kept[i] == (row == 0 || i == 2));
    }
    for (uint64_t i = 3; i < 5 && rank == 0; i++)
        CHECK(label[i] == 0 && kept[i] == 0 && left > 0);
    lshjoin_free(join);
}

int main(int argc, char **argv) {
    int provided;
    MPI_Init_thread(&argc, &argv, MPI_THREAD_FUNNELED, &provided);
    MPI_Comm_rank(MPI_COMM_WORLD, &rank);
    MPI_Comm_size(MPI_COMM_WORLD, &ranks);
    CHECK(strcmp(lshjoin_version(), "0.1.0") == 0);
    test_wherever_they_lie();
    test_ordered_pairs();
    test_mistakes();
    test_failures_are_everybodys();
    test_two_inputs_and_groups();
    MPI_Finalize();
    if (rank == 0)
        puts("good");
    return 0;
}
