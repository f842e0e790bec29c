#include "comm.h"

#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "comm_mpi.h"

static pthread_t main_thread;

static void abort_job(int status) {
    if (!pthread_equal(pthread_self(), main_thread))
        _exit(status); /* a worker must not call MPI; the launcher sees the death and ends the job */
    int size = 0;
    if (MPI_Comm_size(MPI_COMM_WORLD, &size) == MPI_SUCCESS && size == 1)
        _exit(status); /* nobody else to take down, and no banner */
    MPI_Abort(MPI_COMM_WORLD,
              status); /* takes the launcher's whole job down, also from an unfinished start */
    exit(status);
}

void comm_check(int rc, const char *call) {
    watch_goes_on();
    if (rc == MPI_SUCCESS)
        return;
    char text[MPI_MAX_ERROR_STRING];
    int length = 0;
    MPI_Error_string(rc, text, &length);
    die(EX_OSERR, "%s failed: %.*s", call, length, text);
}

int comm_int(uint64_t v, const char *what) {
    if (v > INT_MAX)
        die(EX_SOFTWARE,
            "%llu %s in one exchange, and MPI 3.1 takes 2^31-1: too many records are alike, or too many for "
            "these ranks",
            (unsigned long long)v, what);
    return (int)v;
}

MPI_Datatype comm_type(size_t item) {
    MPI_Datatype type;
    comm_call(MPI_Type_contiguous, (int)item, MPI_BYTE, &type);
    comm_call(MPI_Type_commit, &type);
    return type;
}

void comm_expect_alone(void) {
    static const char *const launched[] = {"OMPI_COMM_WORLD_SIZE", "PMIX_RANK", "PMI_RANK", "PMI_SIZE"};
    for (size_t i = 0; i < sizeof launched / sizeof *launched; i++)
        if (getenv(launched[i]))
            return;
    /* Whom it stands beside on the machine does not matter: to find that out takes half of MPI's start, and
     * plugins that ask for displays. */
    setenv("HWLOC_PLUGINS_PATH", "/nonexistent", 0);
    setenv("HWLOC_SYNTHETIC", "pu:1", 0);
    setenv("OMPI_MCA_ess_singleton_isolated", "1", 0);
    setenv("OMPI_MCA_orte_create_session_dirs", "0", 0); /* all such processes would share one */
    setenv("OMPI_MCA_pml", "ob1", 0);
    setenv("OMPI_MCA_btl", "self", 0);
}

static struct comm *duplicate(MPI_Comm mpi) {
    main_thread = pthread_self();
    struct comm *c = mem_zero(1, sizeof *c);
    MPI_Comm_dup(mpi, &c->mpi);
    MPI_Comm_set_errhandler(c->mpi, MPI_ERRORS_RETURN);
    MPI_Comm_rank(c->mpi, &c->rank);
    MPI_Comm_size(c->mpi, &c->size);
    comm_name(c, "lshjoin");
    return c;
}

struct comm *comm_start(int *argc, char ***argv) {
    int provided;
    if (MPI_Init_thread(argc, argv, MPI_THREAD_FUNNELED, &provided) != MPI_SUCCESS ||
        provided < MPI_THREAD_FUNNELED)
        die(EX_OSERR, "MPI_Init_thread failed: this MPI does not bear threads");
    return duplicate(MPI_COMM_WORLD);
}

struct comm *comm_join(MPI_Comm mpi) {
    struct comm *c = duplicate(mpi);
    c->is_guest = true;
    return c;
}

void comm_leave(struct comm *c) {
    MPI_Comm_free(&c->mpi);
    free(c);
}

/* "program: rank 3", or the program alone. */
static void name_rank(const struct comm *c, bool alone, char who[64]) {
    if (alone)
        snprintf(who, 64, "%s", c->program);
    else
        snprintf(who, 64, "%s: rank %d", c->program, c->rank);
}

void comm_name(struct comm *c, const char *program) {
    char who[64];
    c->program = program;
    name_rank(c, c->size == 1, who);
    die_hook(who, abort_job);
}

void comm_finish(struct comm *c) {
    comm_leave(c);
    comm_call(MPI_Finalize);
}

int comm_rank(const struct comm *c) {
    return c->rank;
}

int comm_size(const struct comm *c) {
    return c->size;
}

int comm_size_here(struct comm *c) {
    MPI_Comm here;
    int size;
    comm_check(MPI_Comm_split_type(c->mpi, MPI_COMM_TYPE_SHARED, 0, MPI_INFO_NULL, &here),
               "MPI_Comm_split_type");
    comm_check(MPI_Comm_size(here, &size), "MPI_Comm_size");
    MPI_Comm_free(&here);
    return size;
}

void comm_greet(struct comm *c) {
    enum { WORDS = 512 }; /* more than what travels with its envelope */
    uint64_t size = (uint64_t)c->size, *sent = mem_zero(2 * size * WORDS, sizeof *sent);
    comm_counts(c, sent, sent + size * WORDS, WORDS);
    free(sent);
}

const char *comm_version(void) {
    static char text[MPI_MAX_LIBRARY_VERSION_STRING];
    int length;
    MPI_Get_library_version(text, &length);
    text[strcspn(text, ",")] = 0; /* Open MPI goes on with how it was built */
    return text;
}

const uint64_t *comm_bytes_sent(const struct comm *c) {
    return &c->bytes_sent;
}

bool comm_failed(struct comm *c, struct error *e) {
    if (e->told)
        return true;
    if (watch_must_leave())
        error_set(e, EX_TEMPFAIL, "interrupted by %s%s", watch_must_leave(), watch_advice());
    struct {
        int failed, rank;
    } mine = {!e->status, c->rank}, first;
    int n = e->status != 0, of_all;
    comm_call(MPI_Allreduce, &n, &of_all, 1, MPI_INT, MPI_SUM, c->mpi);
    if (of_all == 0)
        return false;
    comm_call(MPI_Allreduce, &mine, &first, 1, MPI_2INT, MPI_MINLOC, c->mpi);
    if (c->is_guest) {
        comm_call(MPI_Bcast, e->text, sizeof e->text, MPI_CHAR, first.rank, c->mpi);
    } else if (first.rank == c->rank) {
        char who[64];
        name_rank(c, of_all == c->size,
                  who); /* of an error that all have seen it is of no interest who tells it */
        message(who, e->text);
    }
    comm_call(MPI_Bcast, &e->status, 1, MPI_INT, first.rank, c->mpi);
    e->told = true;
    return true;
}

static void reduce(struct comm *c, void *v, uint64_t n, MPI_Datatype type, MPI_Op op) {
    if (c->size > 1)
        comm_call(MPI_Allreduce, MPI_IN_PLACE, v, comm_int(n, "numbers"), type, op, c->mpi);
}

void comm_sum(struct comm *c, uint64_t *v, uint64_t n) {
    reduce(c, v, n, MPI_UINT64_T, MPI_SUM);
}

void comm_min(struct comm *c, uint64_t *v, uint64_t n) {
    reduce(c, v, n, MPI_UINT64_T, MPI_MIN);
}

void comm_max(struct comm *c, uint64_t *v, uint64_t n) {
    reduce(c, v, n, MPI_UINT64_T, MPI_MAX);
}

void comm_max_double(struct comm *c, double *v, uint64_t n) {
    reduce(c, v, n, MPI_DOUBLE, MPI_MAX);
}

uint64_t comm_sum_before(struct comm *c, uint64_t v) {
    uint64_t before = 0;
    comm_call(MPI_Exscan, &v, &before, 1, MPI_UINT64_T, MPI_SUM, c->mpi);
    return c->rank ? before : 0; /* MPI leaves rank 0's undefined */
}

static void *gather(struct comm *c, size_t item, const void *mine, uint64_t n, uint64_t *total) {
    uint64_t size = (uint64_t)c->size, *of_rank = mem_alloc(2 * size, sizeof *of_rank), *at = of_rank + size;
    int *count = mem_alloc(2 * size, sizeof *count), *place = count + size;
    comm_call(MPI_Allgather, &n, 1, MPI_UINT64_T, of_rank, 1, MPI_UINT64_T, c->mpi);
    *total = comm_places(of_rank, c->size, at);
    comm_int(*total, "items");
    for (uint64_t r = 0; r < size; r++) {
        count[r] = (int)of_rank[r];
        place[r] = (int)at[r];
    }
    void *all = mem_alloc(*total, item);
    MPI_Datatype type = comm_type(item);
    comm_call(MPI_Allgatherv, mine, (int)n, type, all, count, place, type, c->mpi);
    MPI_Type_free(&type);
    free(count);
    free(of_rank);
    return all;
}

void *comm_gather(struct comm *c, size_t item, const void *mine, uint64_t left, uint64_t right,
                  uint64_t *all_left, uint64_t *all) {
    uint64_t all_right;
    char *lefts = gather(c, item, mine, left, all_left);
    char *rights = gather(c, item, (const char *)mine + left * item, right, &all_right);
    *all = *all_left + all_right;
    lefts = mem_grow(lefts, *all, item);
    memcpy(lefts + *all_left * item, rights, all_right * item);
    free(rights);
    return lefts;
}

void comm_broadcast_from(struct comm *c, int rank, void *data, uint64_t bytes) {
    const uint64_t piece_bytes = (uint64_t)1 << 30; /* of one call, whose count is an int */
    for (uint64_t at = 0; at < bytes; at += piece_bytes)
        comm_call(MPI_Bcast, (char *)data + at, (int)min_u64(piece_bytes, bytes - at), MPI_BYTE, rank,
                  c->mpi);
}

void comm_broadcast(struct comm *c, void *data, uint64_t bytes) {
    comm_broadcast_from(c, 0, data, bytes);
}
