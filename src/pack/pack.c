#include "pack.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "column.h"
#include "corpus.h"
#include "lshjoin/metrics.h"
#include "lshjoin/pool.h"
#include "reader.h"
#include "store.h"
#include "target.h"

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
    struct columns columns;
    struct harvest harvest;
    uint64_t *counted; /* [2 * files]: records, and items of them, that were found in a file */
    uint64_t bytes;    /* of text parsed */
    struct metrics metrics;
};

static void start(struct pack *k, const char *directory) {
    const struct settings *s = k->s;
    /* Twice a batch, its text and what becomes of it, is in memory beside the columns. */
    uint64_t piece = min_u64(max_u64(s->memory / 16 / (uint64_t)s->threads, 1 << 16), 1 << 21);
    k->batch_bytes = piece * (s->threads > 1 ? 4 * (uint64_t)s->threads : 1);
    k->reader = reader_open(&k->in, s, piece);
    k->pool = pool_create(s->threads);
    k->parser = mem_zero((uint64_t)s->threads, sizeof *k->parser);
    for (int t = 0; t < s->threads; t++)
        k->parser[t].settings = s;
    k->columns = columns_make(s->scratch ? s->scratch : directory, s->memory);
    k->counted = mem_zero(2 * k->in.n, sizeof *k->counted);
    bool tells = comm_rank(k->c) == 0 && !s->quiet && (s->progress || metrics_on_terminal());
    metrics_begin(&k->metrics, !tells ? PROGRESS_NONE : s->progress ? PROGRESS_LOG : PROGRESS_TERMINAL);
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
    columns_free(&k->columns);
    free(k->counted);
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
    pool_for(k->pool, b->n + 1, 1, work, k);
    metrics_progress(&k->metrics, reader_share(k->reader), k->bytes);
    return true;
}

static bool holds_rows(const struct batch *b) {
    for (uint64_t i = 0; i < b->n; i++)
        if (b->piece[i].rows.n > 0 || b->piece[i].rows.error.status)
            return true;
    return false;
}

static void complain(struct pack *k, const struct piece *p, uint64_t offset, const char *what,
                     struct error *e) {
    char place[PLACE];
    piece_place(p, &k->in, k->s->form, offset, place);
    error_set(e, EX_DATAERR, "%s: %s", place, what);
}

/* Vectors that don't have the length of the first of all. */
static int check_widths(struct pack *k, struct piece *p, struct error *e) {
    const uint64_t *length = (const uint64_t *)p->rows.lengths.data,
                   *offset = (const uint64_t *)p->rows.offsets.data;
    char text[200];
    uint64_t misfit = 0;
    while (misfit < p->rows.n && length[misfit] == k->harvest.width && p->head.type == k->harvest.type)
        misfit++;
    if (misfit == p->rows.n)
        return 0;
    if (p->head.type != k->harvest.type)
        complain(k, p, offset[misfit], "its numbers are of another type than those of the first input", e);
    snprintf(text, sizeof text, "holds %" PRIu64 " numbers, and the first vector holds %" PRIu64,
             length[misfit], k->harvest.width);
    if (!k->s->skip_bad)
        complain(k, p, offset[misfit], text, e);
    else
        rows_keep_width(&p->rows, k->harvest.width, number_bytes(p->head.type));
    return e->status;
}

static void append_buffer(struct pack *k, enum column_name name, const struct buffer *b) {
    column_append(&k->columns, name, b->data, b->bytes);
}

static void append_source(struct pack *k, struct piece *p) {
    uint64_t *offset = (uint64_t *)p->rows.offsets.data, n = p->rows.n;
    uint32_t file = (uint32_t)p->file;
    for (uint64_t i = 0; i < n; i++) {
        offset[i] = k->s->per_file ? 0 : offset[i] + p->at;
        column_append(&k->columns, COLUMN_FILE, &file, sizeof file);
    }
    append_buffer(k, COLUMN_OFFSET, &p->rows.offsets);
    append_buffer(k, COLUMN_LENGTH, &p->rows.spans);
}

static void note_largest(struct pack *k, const struct rows *r) {
    const uint64_t *items = (const uint64_t *)r->items.data;
    for (uint64_t i = 0; i < r->items.bytes / sizeof *items; i++)
        k->harvest.largest = max_u64(k->harvest.largest, items[i]);
}

static void append_piece(struct pack *k, struct piece *p, struct error *e) {
    struct harvest *h = &k->harvest;
    struct rows *r = &p->rows;
    bool vectors = k->s->form->vectors;
    k->bytes += p->text.bytes;
    if (vectors && check_widths(k, p, e))
        return;
    if (r->error.status) {
        complain(k, p, r->error_at, r->error.text, e);
        return;
    }
    k->counted[2 * p->file] += r->n + r->bad;
    k->counted[2 * p->file + 1] += r->given;
    h->rows += r->n;
    h->items += r->items.bytes / (vectors ? number_bytes(p->head.type) : sizeof(uint64_t));
    h->id_bytes += r->ids.bytes;
    h->bad += r->bad;
    h->invalid += r->invalid;
    append_buffer(k, COLUMN_ITEMS, &r->items);
    append_buffer(k, COLUMN_WEIGHTS, &r->weights);
    append_buffer(k, COLUMN_IDS, &r->ids);
    append_buffer(k, COLUMN_ID_LENGTHS, &r->id_lengths);
    if (!vectors) {
        append_buffer(k, COLUMN_LENGTHS, &r->lengths);
        note_largest(k, r);
    }
    if (k->s->source)
        append_source(k, p);
    columns_settle(&k->columns, e);
}

static void append_batch(struct pack *k, struct error *e) {
    struct batch *b = &k->batch[k->now];
    for (uint64_t i = 0; i < b->n && !e->status; i++)
        append_piece(k, &b->piece[i], e);
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
    comm_sum(k->c, k->counted, 2 * files);
    comm_sum(k->c, told, 2 * files);
    for (uint64_t i = 0; i < files && !e->status; i++) {
        const uint64_t *t = told + 2 * i, *found = k->counted + 2 * i;
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
    if (comm_failed(k->c, e) || (check_counts(k, e), comm_failed(k->c, e)))
        return e->status;
    struct harvest *h = &k->harvest;
    h->bad += reader_bad(k->reader);
    uint64_t sums[] = {h->bad, h->invalid, h->rows, h->items, k->bytes};
    comm_sum(k->c, sums, 5);
    h->bad = sums[0];
    h->invalid = sums[1];
    h->all_rows = sums[2];
    h->all_items = sums[3];
    k->bytes = sums[4];
    return 0;
}

static void print_summary(const struct pack *k, double read_seconds) {
    const struct harvest *h = &k->harvest;
    double seconds = seconds_now() - k->metrics.begin;
    fprintf(stderr,
            "lshpack: %" PRIu64 " %s, %" PRIu64
            " %s, of %.1f MB in %.2f s (reading %.2f, writing %.2f): %.0f MB/s\n",
            h->all_rows, k->s->form->vectors ? "vectors" : "sets", h->all_items,
            k->s->form->vectors ? "numbers" : "elements", (double)k->bytes / 1e6, seconds, read_seconds,
            seconds - read_seconds, (double)k->bytes / 1e6 / seconds);
    if (h->bad)
        fprintf(stderr, "lshpack: %" PRIu64 " bad records were skipped\n", h->bad);
    if (h->invalid)
        fprintf(stderr, "lshpack: %" PRIu64 " invalid sequences of UTF-8 were replaced\n", h->invalid);
}

static void run(struct pack *k, struct target *t, struct error *e) {
    start(k, t->directory);
    double begin = seconds_now();
    if (!read_all(k, e)) {
        double read_seconds = seconds_now() - begin;
        store_write(k->c, k->s, &k->in, &k->columns, &k->harvest, t->part, e);
        if (!target_finish(t, k->c, e) && comm_rank(k->c) == 0 && !k->s->quiet)
            print_summary(k, read_seconds);
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
        if (!comm_failed(c, e) && !target_prepare(&target, c, s->output, s->force, e)) {
            corpus_weigh(&k.in, c);
            run(&k, &target, e);
        }
    }
    corpus_free(&k.in);
    return e->status;
}
