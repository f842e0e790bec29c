#include "pack.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "corpus.h"
#include "harvest.h"
#include "lshjoin/metrics.h"
#include "lshjoin/pool.h"
#include "reader.h"
#include "store.h"
#include "target.h"

/* Of the memory the columns have what these leave: batches, which are the texts of two and the rows of one,
 * for all threads some times the text of one; later the parts that the columns are written in. */
enum { BATCH_SHARE = 4, BATCH_TIMES = 12 };

struct pack {
    struct comm *c;
    const struct settings *s;
    struct corpus in;
    struct reader *reader;
    struct pool *pool;
    struct parser *parser; /* [threads] */
    struct batch batch[2]; /* one is parsed while the other is read */
    int now;               /* which one is parsed */
    bool is_over;          /* all are */
    uint64_t batch_bytes;
    struct harvest harvest;
    struct metrics metrics;
};

static void start(struct pack *k, const char *directory) {
    const struct settings *s = k->s;
    uint64_t pieces = s->threads > 1 ? 4 * (uint64_t)s->threads : 1;
    uint64_t piece = min_u64(max_u64(s->memory / BATCH_SHARE / BATCH_TIMES / pieces, 1 << 16), 1 << 21);
    k->batch_bytes = pieces * piece;
    k->reader = reader_open(&k->in, s, piece);
    k->pool = pool_create(s->threads);
    k->parser = mem_zero((uint64_t)s->threads, sizeof *k->parser);
    for (int t = 0; t < s->threads; t++)
        k->parser[t].settings = s;
    k->harvest = harvest_make(s, &k->in, directory);
    bool tells = comm_rank(k->c) == 0 && !s->quiet && (s->progress || metrics_on_terminal());
    metrics_begin(&k->metrics, !tells ? PROGRESS_NONE : s->progress ? PROGRESS_LOG : PROGRESS_TERMINAL, NULL);
    k->metrics.program = "lshpack";
    metrics_phase(&k->metrics, "reading", "bytes");
}

static void stop(struct pack *k) {
    for (int t = 0; t < k->s->threads; t++)
        parser_free(&k->parser[t]);
    free(k->parser);
    batch_free(&k->batch[0]);
    batch_free(&k->batch[1]);
    pool_destroy(k->pool);
    reader_close(k->reader);
    harvest_free(&k->harvest);
}

/* Item 0 reads the next batch; the others are the pieces of this one. */
static void work(void *ctx, uint64_t lo, uint64_t hi, int thread) {
    struct pack *k = ctx;
    for (uint64_t i = lo; i < hi; i++) {
        if (i == 0) {
            reader_fill(k->reader, &k->batch[!k->now], k->batch_bytes);
            continue;
        }
        struct piece *p = &k->batch[k->now].piece[i - 1];
        struct piece_text text = {p->text.data, p->text.bytes, &p->head, k->in.file[p->file].name,
                                  p->at == p->head.bytes};
        parser_run(&k->parser[thread], &text, &p->rows);
    }
}

/* The batch that is parsed now takes over the memory of the other's rows, which are in the columns. */
static void take_rows(struct batch *b, struct batch *other) {
    for (uint64_t i = 0; i < min_u64(b->capacity, other->capacity); i++) {
        struct rows rows = b->piece[i].rows;
        b->piece[i].rows = other->piece[i].rows;
        other->piece[i].rows = rows;
    }
}

/* Parse the next batch. False if there is none, or *e is filled. */
static bool step(struct pack *k, struct error *e) {
    k->now = !k->now;
    struct batch *b = &k->batch[k->now];
    k->is_over = k->is_over || b->n == 0;
    if (e->status)
        return false;
    if (k->is_over) {
        const struct error *why = reader_error(k->reader);
        if (why->status)
            error_set(e, why->status, "%s", why->text);
        return false;
    }
    take_rows(b, &k->batch[!k->now]);
    pool_for(k->pool, b->n + 1, 1, work, k);
    metrics_progress(&k->metrics, reader_share(k->reader), k->harvest.bytes);
    return true;
}

static bool holds_rows(const struct batch *b) {
    for (uint64_t i = 0; i < b->n; i++)
        if (b->piece[i].rows.n > 0 || b->piece[i].rows.error.status)
            return true;
    return false;
}

static void append_batch(struct pack *k, struct error *e) {
    struct batch *b = &k->batch[k->now];
    for (uint64_t i = 0; i < b->n && !e->status; i++)
        harvest_append(&k->harvest, &b->piece[i], e);
}

/* Collective. Length and type of vectors are those of the first of all input, whichever rank holds it; where
 * there are none, those that some file's head tells. */
static void agree_on_vectors(struct pack *k) {
    const struct batch *b = &k->batch[k->now];
    uint64_t rank = (uint64_t)comm_rank(k->c), first = UINT64_MAX, told[2] = {0};
    for (uint64_t i = 0; i < b->n && first == UINT64_MAX; i++)
        if (b->piece[i].rows.n > 0) {
            first = rank;
            told[0] = *(const uint64_t *)b->piece[i].rows.lengths.data;
            told[1] = b->piece[i].head.type;
        }
    uint64_t holder = first;
    comm_min(k->c, &holder, 1);
    if (holder == UINT64_MAX) {
        told[0] = reader_head(k->reader)->width;
        told[1] = reader_head(k->reader)->type;
        comm_max(k->c, told, 2);
    } else {
        if (holder != rank)
            told[0] = told[1] = 0;
        comm_sum(k->c, told, 2);
    }
    k->harvest.width = told[0];
    k->harvest.type = (enum number)told[1];
}

/* Collective. Where files say how much they hold, whether they do. */
static int check_counts(struct pack *k, struct error *e) {
    uint64_t files = k->in.n, *told = reader_told(k->reader);
    if (!k->s->form->tells)
        return 0;
    comm_sum(k->c, k->harvest.counted, 2 * files);
    comm_sum(k->c, told, 2 * files);
    for (uint64_t i = 0; i < files && !e->status; i++) {
        const uint64_t *t = told + 2 * i, *found = k->harvest.counted + 2 * i;
        bool same = t[0] == found[0] && (t[1] == found[1] || k->s->skip_bad);
        if (!same && k->s->skip_bad)
            k->harvest.bad += comm_rank(k->c) == 0;
        else if (!same)
            error_set(e, EX_DATAERR,
                      "%s%s: tells of %" PRIu64 " records with %" PRIu64 " numbers, and there are %" PRIu64
                      " with %" PRIu64,
                      k->in.file[i].name, k->s->form->cut->by_lines ? ":1" : "", t[0], t[1], found[0],
                      found[1]);
    }
    return e->status;
}

/* Collective. All input to the columns. */
static int read_all(struct pack *k, struct error *e) {
    reader_fill(k->reader, &k->batch[!k->now], k->batch_bytes);
    while (step(k, e) && !holds_rows(&k->batch[k->now]))
        append_batch(k, e);
    if (k->s->form->vectors)
        agree_on_vectors(k);
    do
        append_batch(k, e);
    while (step(k, e));
    metrics_end(&k->metrics);
    batch_free(&k->batch[0]);
    batch_free(&k->batch[1]);
    if (comm_failed(k->c, e) || (check_counts(k, e), comm_failed(k->c, e)))
        return e->status;
    k->harvest.bad += reader_bad(k->reader);
    return 0;
}

static void print_summary(const struct pack *k, const struct totals *t, double read_seconds) {
    const bool vectors = k->s->form->vectors;
    double seconds = seconds_now() - k->metrics.begin, megabytes = (double)t->bytes / 1e6;
    fprintf(stderr,
            "lshpack: %" PRIu64 " %s, %" PRIu64
            " %s, of %.1f MB in %.2f s (reading %.2f, writing %.2f): %.0f MB/s\n",
            t->rows, vectors ? "vectors" : "sets", t->items, vectors ? "numbers" : "elements", megabytes,
            seconds, read_seconds, seconds - read_seconds, megabytes / seconds);
    if (t->bad)
        fprintf(stderr, "lshpack: %" PRIu64 " bad records were skipped\n", t->bad);
    if (t->invalid)
        fprintf(stderr, "lshpack: %" PRIu64 " invalid sequences of UTF-8 were replaced\n", t->invalid);
}

static void run(struct pack *k, struct target *t, struct error *e) {
    start(k, t->directory);
    double begin = seconds_now();
    if (!read_all(k, e)) {
        double read_seconds = seconds_now() - begin;
        struct totals totals = store_totals(k->c, &k->harvest);
        store_write(k->c, &k->harvest, &totals, t->part, e);
        if (!target_finish(t, k->c, e) && comm_rank(k->c) == 0 && !k->s->quiet)
            print_summary(k, &totals, read_seconds);
    }
    stop(k);
}

int pack_run(struct comm *c, struct settings *s, struct error *e) {
    struct pack k = {.c = c, .s = s};
    struct target target;
    if (!corpus_gather(&k.in, c, s, e)) {
        if (!s->form)
            corpus_form(&k.in, &s->form, e);
        if (!e->status)
            settings_suit(s, e);
        if (!comm_failed(c, e) && !target_prepare(&target, c, s, &k.in, e)) {
            corpus_weigh(&k.in, c);
            run(&k, &target, e);
        }
    }
    corpus_free(&k.in);
    return e->status;
}
