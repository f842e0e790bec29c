#include "lshjoin/sketch_plan.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "lshjoin/law.h"
#include "lshjoin/meeting.h"

enum {
    MOST_BANDS = 4096, /* of which each pair that passes the cut may look at half */
    MOST_ROWS = 64,
    MOST_EXAMINED = 1 << 20, /* pairs of the sample: bands with more of them cost too much anyway */
    FORMS = 2
};

/* Numbers of symbols that are tried: 64 bytes, of bits half as many, too. */
static const uint32_t forms_of_bytes[FORMS] = {64, 0}, forms_of_bits[FORMS] = {512, 256};

/* Bands that tell what bands of so many rows meet with: of bytes some more, for a few values that many rows
 * share make bands differ; bits are evener, and have more numbers of rows to try. */
static uint32_t bands_to_draw(const struct drawing *d) {
    return d->symbol_bits == 8 ? 12 : 4;
}

static const uint32_t *forms(const struct family *family) {
    return family->symbol_bits == 8 ? forms_of_bytes : forms_of_bits;
}

uint32_t sketch_plan_symbols(const struct family *family) {
    return forms(family)[0];
}

/* The most symbols that a pair at the threshold fails to agree in with no more than that probability. */
static uint32_t choose_cut(uint32_t symbols, double agreement, double missed) {
    double *pmf = mem_alloc((uint64_t)symbols + 1, sizeof *pmf), fewer = 0;
    uint32_t cut = 0;
    if (agreement < 1) {
        law_agreeing(symbols, agreement, pmf);
        while (cut < symbols && (fewer += pmf[cut]) <= missed)
            cut++;
    } else {
        cut = symbols;
    }
    free(pmf);
    return cut;
}

/* What a few bands of the sample met with, but for dear ones, which will be left out. */
struct meetings {
    uint32_t bands;
    double pairs;       /* in all of them */
    uint64_t *agreeing; /* [symbols + 1] of these, by how many symbols agree; NULL where they are too many */
};

static void count_agreeing(uint64_t *agreeing, const struct meeting *m, const struct bucket_list *list,
                           const struct records *words) {
    for (uint64_t k = 0; k < list->n; k++) {
        const struct bucket *b = &list->bucket[k];
        const uint64_t *row = list->row + b->first;
        for (uint32_t x = 0; x < b->left && m->pairs[b->band] <= m->dear; x++)
            for (uint32_t y = (uint32_t)max_u64((uint64_t)x + 1, b->right); y < b->size; y++)
                agreeing[sketch_agreeing(&m->sketching, records_row(words, row[x] >> 1),
                                         records_row(words, row[y] >> 1))]++;
    }
}

/* The first words of every sketch: those of fewer symbols. */
static struct sketches shorten(const struct sketches *sample, uint64_t width) {
    struct sketches s = {.words = {.n = sample->words.n, .item = sizeof(uint64_t), .width = width},
                         .pairs = mem_alloc(sample->words.n, sizeof *s.pairs)};
    s.words.data = mem_alloc(records_items(&s.words), s.words.item);
    for (uint64_t row = 0; row < s.words.n; row++)
        memcpy((uint64_t *)s.words.data + row * width, records_row(&sample->words, row),
               width * sizeof(uint64_t));
    memcpy(s.pairs, sample->pairs, s.words.n * sizeof *s.pairs);
    return s;
}

/* How many pairs will meet and be candidates, by those that met in the drawn bands. A pair of f agreeing
 * symbols meets in a band with probability q = C(f, rows) / C(m, rows): so many such pairs there are, and so
 * many of them are candidates. */
static void expect(struct plan *p, const struct survey *s, const struct meetings *met, double scale) {
    const struct drawing *d = &p->drawing;
    uint32_t m = d->pool;
    double q = 1, per_band = scale / met->bands;
    p->copies = (met->pairs + 1) * per_band * d->bands; /* where none met, it need not be none */
    p->candidates = p->pairs = p->masks = 0;
    for (uint32_t f = m; met->agreeing && f >= max_u64(d->rows, d->cut); f--) {
        double candidates = (double)met->agreeing[f] * per_band / q * law_any(q, d->bands);
        p->candidates += candidates;
        p->masks += (double)met->agreeing[f] * per_band * d->bands * fmin(d->bands / 2.0, 1 / q);
        if (f >= p->agreement * m)
            p->pairs += candidates;
        q *= (double)(f - d->rows) / f;
    }
    if (!met->agreeing)
        p->candidates = p->copies;
    p->copies = fmin(p->copies, s->pairs * d->bands);
    p->candidates = fmin(p->candidates, s->pairs);
}

/* Draw a few bands like those of d and look who meets in them. */
static struct meetings meet(const struct drawing *d, const struct survey *s, struct pool *pool,
                            const struct sketches *sample, uint64_t left) {
    struct drawing drawn = *d;
    drawn.bands = bands_to_draw(d);
    struct meeting m = meeting_create(sample, &drawn, pool, s->self_join, left);
    struct meetings met = {0, 0, NULL};
    for (uint32_t band = 0; band < drawn.bands; band++)
        if (m.pairs[band] <= m.dear) {
            met.bands++;
            met.pairs += m.pairs[band];
        }
    if (met.pairs <= MOST_EXAMINED)
        met.agreeing = mem_zero((uint64_t)d->pool + 1, sizeof *met.agreeing);
    for (int t = 0; t < m.n_lists && met.agreeing; t++)
        count_agreeing(met.agreeing, &m, &m.lists[t], &sample->words);
    meeting_free(&m);
    return met;
}

static void forecast(struct plan *p, const struct family *family, const struct survey *s,
                     const struct meetings *met) {
    expect(p, s, met, s->pairs / fmax(1, (double)s->sampled));
    plan_seconds(p, family, s);
}

/* A search: what is given, and the best so far. */
struct search {
    const struct family *family;
    const struct survey *survey;
    struct pool *pool;
    double recall;
    bool filter, any;
    struct plan best;
};

/* Try bands of p's symbols and rows. The more of what may be missed is left to the cut, the fewer candidates
 * there are, and the more bands. False where there are no such bands, or their keys alone cost more than the
 * best plan. */
static bool search_cuts(struct search *s, struct plan p, const struct sketches *sample, uint64_t left) {
    static const double shares[] = {1. / 8, 1. / 2};
    struct meetings met = {0};
    bool drawn = false;
    for (int k = 0; k < (s->filter ? 2 : 1); k++) {
        struct drawing *d = &p.drawing;
        d->cut = s->filter ? choose_cut(d->pool, p.agreement, (1 - s->recall) * shares[k]) : 0;
        d->bands = 1;
        d->bands = law_least_bands(*d, p.agreement, s->recall, MOST_BANDS);
        p.copies = p.candidates = p.pairs = p.masks = 0;
        p.recall = law_found(d, p.agreement);
        plan_seconds(&p, s->family, s->survey);
        if (!d->bands || (s->any && plan_work(&p) > plan_work(&s->best)))
            continue;
        if (!drawn)
            met = meet(d, s->survey, s->pool, sample, left);
        drawn = true;
        forecast(&p, s->family, s->survey, &met);
        if (!s->any || plan_work(&p) < plan_work(&s->best))
            s->best = p;
        s->any = true;
    }
    free(met.agreeing);
    return drawn;
}

static void search_rows(struct search *s, const struct plan *given, const struct sketches *sample,
                        uint64_t left, uint32_t symbols) {
    struct plan p = *given;
    p.drawing.pool = symbols;
    for (p.drawing.rows = 1; p.drawing.rows <= MOST_ROWS && search_cuts(s, p, sample, left);)
        p.drawing.rows++;
}

/* Pairs of the sample, and all, without rows that pair with nothing. */
static void count_pairs(struct survey *s, const struct sketches *sample, uint64_t left) {
    double good[2] = {0, 0}, rows[2] = {(double)left, (double)(sample->words.n - left)};
    for (uint64_t row = 0; row < sample->words.n; row++)
        good[row >= left] += sample->pairs[row];
    double l = good[0] / fmax(1, rows[0]), r = good[1] / fmax(1, rows[1]);
    s->pairs *= s->self_join ? l * l : l * r;
    s->sampled = (uint64_t)(s->self_join ? good[0] * (good[0] - 1) / 2 : good[0] * good[1]);
}

bool sketch_plan_choose(struct plan *p, const struct family *family, struct survey *survey, struct pool *pool,
                        const struct sketches *sample, uint64_t left, bool filter, double recall) {
    struct search s = {.family = family, .survey = survey, .pool = pool, .recall = recall, .filter = filter};
    count_pairs(survey, sample, left);
    bool possible = recall < 1 || p->agreement >= 1; /* what is nearly 1 is rounded to it */
    for (int form = 0; possible && form < FORMS && forms(family)[form]; form++) {
        uint32_t symbols = forms(family)[form];
        struct sketches shorter = shorten(sample, (uint64_t)symbols * family->symbol_bits / 64);
        search_rows(&s, p, &shorter, left, symbols);
        sketches_free(&shorter);
    }
    if (!s.any)
        return false;
    s.best.recall_above = s.best.recall;
    *p = s.best;
    return true;
}

void sketch_plan_forecast(struct plan *p, const struct family *family, struct survey *s, struct pool *pool,
                          const struct sketches *sample, uint64_t left) {
    count_pairs(s, sample, left);
    p->recall = p->recall_above = law_found(&p->drawing, p->agreement);
    struct meetings met = meet(&p->drawing, s, pool, sample, left);
    forecast(p, family, s, &met);
    free(met.agreeing);
}

/* Bands to choose from: where they share no symbols, all that there are; else some more than are needed. */
static uint32_t bands_to_try(const struct drawing *d) {
    return drawing_is_plain(d) ? d->pool / d->rows : d->bands + d->bands / 4 + 8;
}

void sketch_plan_leave_out(struct plan *p, const struct survey *s, struct pool *pool,
                           const struct sketches *sample, uint64_t left, double recall) {
    struct drawing tried = p->drawing, *d = &p->drawing;
    const struct plan chosen = *p;
    bool plain = drawing_is_plain(d);
    tried.bands = bands_to_try(d);
    struct meeting m = meeting_create(sample, &tried, pool, s->self_join, left);
    uint32_t most = plain ? tried.bands - d->bands : DRAWING_MOST_LEFT_OUT;
    meeting_leave_out(&m, (uint32_t)min_u64(most, DRAWING_MOST_LEFT_OUT), d);
    while (d->n_left_out && (p->recall = law_found(d, p->agreement)) < recall) {
        d->bands += 1 + d->bands / 32;
        meeting_leave_out(&m, DRAWING_MOST_LEFT_OUT, d);
        if (d->bands > MOST_BANDS) /* the promise hung by a hair */
            *p = chosen;
    }
    p->recall_above = p->recall;
    meeting_free(&m);
}
