#include "pack.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "corpus.h"
#include "harvest.h"
#include "parsing.h"
#include "store.h"
#include "target.h"

struct pack {
    struct comm *c;
    const struct settings *s;
    struct corpus in;
    struct parsing parsing;
    struct harvest harvest;
};

/* Whether a batch, if there is one, tells the length of vectors. */
static bool holds_rows(const struct batch *b) {
    for (uint64_t i = 0; b && i < b->n; i++)
        if (b->piece[i].rows.n > 0 || b->piece[i].rows.error.status)
            return true;
    return false;
}

static void append_batch(struct pack *k, struct batch *b, struct error *e) {
    for (uint64_t i = 0; b && i < b->n && !e->status; i++)
        harvest_append(&k->harvest, &b->piece[i], e);
}

/* Collective. Length and type of vectors are those of the first of all input, whichever rank holds it; where
 * there are none, those that some file's head tells. */
static void agree_on_vectors(struct pack *k, const struct batch *b) {
    uint64_t rank = (uint64_t)comm_rank(k->c), first = UINT64_MAX, told[2] = {0};
    for (uint64_t i = 0; b && i < b->n && first == UINT64_MAX; i++)
        if (b->piece[i].rows.n > 0) {
            first = rank;
            told[0] = *(const uint64_t *)b->piece[i].rows.lengths.data;
            told[1] = b->piece[i].head.type;
        }
    uint64_t holder = first;
    comm_min(k->c, &holder, 1);
    if (holder == UINT64_MAX) {
        told[0] = reader_head(k->parsing.reader)->width;
        told[1] = reader_head(k->parsing.reader)->type;
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
    uint64_t files = k->in.n, *told = reader_told(k->parsing.reader);
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
    struct batch *b = parsing_next(&k->parsing, e);
    for (; b && !holds_rows(b); b = parsing_next(&k->parsing, e))
        append_batch(k, b, e);
    if (k->s->form->vectors)
        agree_on_vectors(k, b);
    for (; b; b = parsing_next(&k->parsing, e))
        append_batch(k, b, e);
    parsing_end(&k->parsing);
    if (comm_failed(k->c, e) || (check_counts(k, e), comm_failed(k->c, e)))
        return e->status;
    k->harvest.bad += reader_bad(k->parsing.reader);
    return 0;
}

static void print_summary(const struct pack *k, const struct totals *t, double read_seconds) {
    const bool vectors = k->s->form->vectors;
    double seconds = seconds_now() - k->parsing.metrics.begin, megabytes = (double)t->bytes / 1e6;
    fprintf(stderr,
            "lshpack: %" PRIu64 " %s%s, %" PRIu64
            " %s%s, of %.1f MB in %.2f s (reading %.2f, writing %.2f): %.0f MB/s\n",
            t->rows, vectors ? "vector" : "set", plural(t->rows), t->items, vectors ? "number" : "element",
            plural(t->items), megabytes, seconds, read_seconds, seconds - read_seconds, megabytes / seconds);
    if (t->bad)
        fprintf(stderr, "lshpack: %" PRIu64 " bad record%s skipped\n", t->bad,
                t->bad > 1 ? "s were" : " was");
    if (t->invalid)
        fprintf(stderr, "lshpack: %" PRIu64 " invalid sequence%s of UTF-8 %s replaced\n", t->invalid,
                plural(t->invalid), t->invalid > 1 ? "were" : "was");
}

static void run(struct pack *k, struct target *t, struct error *e) {
    parsing_open(&k->parsing, k->s, &k->in, comm_rank(k->c));
    k->harvest = harvest_make(k->s, &k->in, t->directory);
    double begin = seconds_now();
    if (!read_all(k, e)) {
        double read_seconds = seconds_now() - begin;
        struct totals totals = store_totals(k->c, &k->harvest);
        store_write(k->c, &k->harvest, &totals, t->part, e);
        if (!target_finish(t, k->c, e) && comm_rank(k->c) == 0 && !k->s->quiet)
            print_summary(k, &totals, read_seconds);
    }
    harvest_free(&k->harvest);
    parsing_close(&k->parsing);
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
