#include "parsing.h"

#include <stdlib.h>

/* Of the memory the columns have what these leave: batches, which are the texts of two and the rows of one,
 * for all threads some times the text of one; later the parts that the columns are written in. */
enum { BATCH_SHARE = 4, BATCH_TIMES = 12 };

void parsing_open(struct parsing *k, const struct settings *s, const struct corpus *in, int rank) {
    uint64_t pieces = s->threads > 1 ? 4 * (uint64_t)s->threads : 1;
    uint64_t piece = min_u64(max_u64(s->memory / BATCH_SHARE / BATCH_TIMES / pieces, 1 << 16), 1 << 21);
    *k = (struct parsing){.s = s, .in = in, .batch_bytes = pieces * piece};
    k->reader = reader_open(in, s, piece);
    k->pool = pool_create(s->threads);
    k->parser = mem_zero((uint64_t)s->threads, sizeof *k->parser);
    for (int t = 0; t < s->threads; t++)
        k->parser[t].settings = s;
    metrics_begin(&k->metrics, metrics_choose(rank, s->quiet, s->progress), NULL);
    k->metrics.program = "lshpack";
    metrics_phase(&k->metrics, "reading", "bytes");
}

void parsing_end(struct parsing *k) {
    metrics_end(&k->metrics);
    batch_free(&k->batch[0]);
    batch_free(&k->batch[1]);
}

void parsing_close(struct parsing *k) {
    for (int t = 0; t < k->s->threads; t++)
        parser_free(&k->parser[t]);
    free(k->parser);
    batch_free(&k->batch[0]);
    batch_free(&k->batch[1]);
    pool_destroy(k->pool);
    reader_close(k->reader);
}

/* Item 0 reads the next batch; the others are the pieces of this one. */
static void work(void *ctx, uint64_t lo, uint64_t hi, int thread) {
    struct parsing *k = ctx;
    for (uint64_t i = lo; i < hi; i++) {
        if (i == 0) {
            reader_fill(k->reader, &k->batch[!k->now], k->batch_bytes);
            continue;
        }
        struct piece *p = &k->batch[k->now].piece[i - 1];
        struct piece_text text = {p->text.data, p->text.bytes, &p->head, k->in->file[p->file].name,
                                  p->at == p->head.bytes};
        parser_run(&k->parser[thread], &text, &p->rows);
    }
}

/* The batch that is parsed now takes over the memory of the other's rows, which have been taken. */
static void take_rows(struct batch *b, struct batch *other) {
    for (uint64_t i = 0; i < min_u64(b->capacity, other->capacity); i++) {
        struct rows rows = b->piece[i].rows;
        b->piece[i].rows = other->piece[i].rows;
        other->piece[i].rows = rows;
    }
}

struct batch *parsing_next(struct parsing *k, struct error *e) {
    if (!k->has_begun)
        reader_fill(k->reader, &k->batch[!k->now], k->batch_bytes);
    k->has_begun = true;
    k->now = !k->now;
    struct batch *b = &k->batch[k->now];
    k->is_over = k->is_over || b->n == 0;
    if (e->status)
        return NULL;
    if (k->is_over) {
        const struct error *why = reader_error(k->reader);
        if (why->status)
            error_set(e, why->status, "%s", why->text);
        return NULL;
    }
    take_rows(b, &k->batch[!k->now]);
    pool_for(k->pool, b->n + 1, 1, work, k);
    metrics_progress(&k->metrics, reader_share(k->reader), k->bytes);
    for (uint64_t i = 0; i < b->n; i++)
        k->bytes += b->piece[i].text.bytes;
    return b;
}
