#include "lshjoin.h"

#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "arrays.h"
#include "comm_mpi.h"
#include "job.h"
#include "options.h"

struct lshjoin {
    struct comm *comm;
    struct arrays arrays;
    int n_words;
    char **word; /* [n_words] a command line; owned */
    lshjoin_take *take;
    void *context;
    bool has_run;
    struct error error;
};

static void add_word(lshjoin *j, const char *before, const char *text) {
    j->word = mem_grow(j->word, (uint64_t)j->n_words + 1, sizeof *j->word);
    char *word = mem_alloc(strlen(before) + strlen(text) + 1, 1);
    strcat(strcpy(word, before), text);
    j->word[j->n_words++] = word;
}

lshjoin *lshjoin_create(MPI_Comm mpi) {
    lshjoin *j = mem_zero(1, sizeof *j);
    j->comm = comm_join(mpi);
    add_word(j, "", "lshjoin");
    add_word(j, "", "--quiet");
    return j;
}

void lshjoin_free(lshjoin *j) {
    if (!j)
        return;
    for (int i = 0; i < j->n_words; i++)
        free(j->word[i]);
    free(j->word);
    free(j->arrays.label);
    free(j->arrays.keep);
    comm_leave(j->comm);
    free(j);
}

int lshjoin_set(lshjoin *j, const char *option, const char *value) {
    static const char *const options[] = {"threshold",      "radius", "recall",  "bands",      "rows",
                                          "seed",           "metric", "top-k",   "pool",       "minhash",
                                          "no-sketch",      "exact",  "probes",  "width",      "exclusive",
                                          "skip-bad-rows",  "round",  "threads", "max-bucket", "clusters",
                                          "cluster-method", "keep"};
    bool is_known = false;
    for (size_t i = 0; i < sizeof options / sizeof *options; i++)
        is_known |= option && strcmp(option, options[i]) == 0;
    if (!is_known)
        return error_set(&j->error, EX_USAGE, "'%s' is no option of a join in memory",
                         option ? option : "(null)");
    add_word(j, "--", option);
    if (value)
        add_word(j, "", value);
    return j->error.status;
}

static int add(lshjoin *j, const struct records *r, bool are_vectors) {
    struct arrays *a = &j->arrays;
    if (a->n == 2)
        return error_set(&j->error, EX_USAGE, "at most two inputs");
    if (a->n == 1 && a->are_vectors != are_vectors)
        return error_set(&j->error, EX_USAGE, "sets and vectors are not joined with each other");
    a->are_vectors = are_vectors;
    a->of[a->n++] = *r;
    return j->error.status;
}

int lshjoin_add_sets(lshjoin *j, uint64_t n, const uint64_t *offset, const uint64_t *element) {
    static const uint64_t nothing[1] = {0};
    if (n > 0 && (!offset || (!element && offset[n] > 0)))
        return error_set(&j->error, EX_USAGE, "an array of sets is NULL");
    struct records r = {.n = n, .item = sizeof *element};
    r.offset = (uint64_t *)(n > 0 ? offset : nothing); /* neither is changed */
    r.data = (void *)element;
    return add(j, &r, false);
}

int lshjoin_add_vectors(lshjoin *j, uint64_t n, uint64_t width, const float *coordinate) {
    if (n > 0 && !coordinate)
        return error_set(&j->error, EX_USAGE, "an array of vectors is NULL");
    struct records r = {.n = n, .item = sizeof *coordinate, .width = width, .data = (void *)coordinate};
    return add(j, &r, true);
}

/* Pairs in the form that others see. */
static int hand_over(void *ctx, const struct pair *pairs, uint64_t n) {
    enum { BLOCK = 1024 };
    const lshjoin *j = ctx;
    lshjoin_pair block[BLOCK];
    int status = 0;
    for (uint64_t at = 0, m; at < n && j->take && !status; at += m) {
        m = min_u64(BLOCK, n - at);
        for (uint64_t i = 0; i < m; i++)
            block[i] = (lshjoin_pair){pairs[at + i].left, pairs[at + i].right, pairs[at + i].value,
                                      pairs[at + i].rank};
        status = j->take(j->context, block, m);
    }
    return status;
}

int lshjoin_run(lshjoin *j, lshjoin_take *take, void *context) {
    struct options o = {0};
    if (j->has_run)
        error_set(&j->error, EX_USAGE, "a join runs once");
    if (j->arrays.n == 0)
        error_set(&j->error, EX_USAGE, "no records: add sets or vectors first");
    j->has_run = true;
    j->take = take;
    j->context = context;
    j->arrays.take = hand_over;
    j->arrays.ctx = j;
    if (!j->error.status)
        options_parse(&o, j->n_words, j->word, &j->arrays, &j->error);
    if (!comm_failed(j->comm, &j->error))
        job_run(j->comm, &o, &j->error);
    options_free(&o);
    return j->error.status;
}

const uint64_t *lshjoin_labels(const lshjoin *j) {
    return j->arrays.label;
}

const uint8_t *lshjoin_kept(const lshjoin *j) {
    return j->arrays.keep;
}

const char *lshjoin_message(const lshjoin *j) {
    return j->error.text;
}

const char *lshjoin_version(void) {
    return LSHJOIN_VERSION;
}
