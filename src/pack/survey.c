#include "survey.h"

#include <inttypes.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sysexits.h>

enum {
    ROWS = 1 << 16,  /* whose lengths are read at once */
    ITEMS = 1 << 20, /* elements or coordinates that are */
    SMALL = 1 << 16  /* sizes of sets below it are counted, others kept: there cannot be many */
};

struct sizes {
    uint64_t count[SMALL], n, n_large, capacity;
    uint64_t *large;
};

static void sizes_add(struct sizes *sizes, uint64_t size) {
    sizes->n++;
    if (size < SMALL) {
        sizes->count[size]++;
        return;
    }
    if (sizes->n_large == sizes->capacity) {
        sizes->capacity = max_u64(2 * sizes->capacity, 64);
        sizes->large = mem_grow(sizes->large, sizes->capacity, sizeof *sizes->large);
    }
    sizes->large[sizes->n_large++] = size;
}

static int compare(const void *a, const void *b) {
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

/* The k-th smallest, from 1. */
static uint64_t kth(const struct sizes *sizes, uint64_t k) {
    uint64_t before = 0;
    for (uint64_t size = 0; size < SMALL; size++)
        if ((before += sizes->count[size]) >= k)
            return size;
    return sizes->large[k - before - 1];
}

static void sum_up(struct survey *survey, struct sizes *sizes) {
    if (sizes->n == 0)
        return;
    if (sizes->n_large > 0)
        qsort(sizes->large, sizes->n_large, sizeof *sizes->large, compare);
    survey->empty = sizes->count[0];
    survey->shortest = kth(sizes, 1);
    survey->median = kth(sizes, (sizes->n + 1) / 2);
    survey->p99 = kth(sizes, sizes->n - sizes->n / 100);
    survey->longest = kth(sizes, sizes->n);
}

/* Where the pass over sets stands. */
struct pass {
    struct survey *survey;
    struct h5_records *records;
    uint64_t *length;          /* [ROWS] of the rows that are looked at, the first of which is: */
    uint64_t first, row, left; /* the row, counted from the first, and what is left of it */
    uint64_t last;             /* element of it, where `begun` */
    bool begun, falls, repeats;
};

static void end_row(struct pass *p) {
    p->survey->unsorted += p->falls;
    p->survey->repeating += p->repeats && !p->falls;
    p->begun = p->falls = p->repeats = false;
}

/* The next element of the row, of which something is left. */
static void look_at(struct pass *p, uint64_t element) {
    struct survey *survey = p->survey;
    survey->least = min_u64(survey->least, element);
    survey->greatest = max_u64(survey->greatest, element);
    p->falls |= p->begun && element < p->last;
    p->repeats |= p->begun && element == p->last;
    p->last = element;
    p->begun = true;
    p->left--;
}

static void look_at_piece(struct pass *p, const void *items, uint64_t n, size_t width) {
    for (uint64_t i = 0; i < n; i++) {
        while (p->left == 0) {
            end_row(p);
            p->left = p->length[++p->row];
        }
        look_at(p, width == 4 ? ((const uint32_t *)items)[i] : ((const uint64_t *)items)[i]);
    }
}

/* In the words of lshjoin. `ahead`: elements from the row that is looked at to the bad one. */
static void complain_of_negative(const struct pass *p, uint64_t ahead, struct error *e) {
    uint64_t row = p->row;
    for (uint64_t left = p->left; ahead >= left; left = p->length[++row])
        ahead -= left;
    error_set(e, EX_DATAERR, "%s: %s: row %" PRIu64 " holds a negative element (elements must be 0 or more)",
              p->records->file, p->records->object, p->first + row);
}

/* The elements of rows p->first and on, which are numbers [at, at+n) of all. */
static int look_at_elements(struct pass *p, uint64_t at, uint64_t n, void *items, struct error *e) {
    struct h5_records *s = p->records;
    p->row = 0;
    p->left = p->length[0];
    for (uint64_t done = 0, some; done < n; done += some) {
        uint64_t bad;
        some = min_u64(n - done, ITEMS);
        int status = h5_records_elements(s, at + done, some, items, &bad, e);
        if (status && bad != UINT64_MAX)
            complain_of_negative(p, bad - at - done, e);
        if (status)
            return e->status;
        look_at_piece(p, items, some, s->width);
    }
    end_row(p);
    return 0;
}

static int survey_sets(struct survey *survey, struct h5_records *s, struct sizes *sizes, struct error *e) {
    struct pass p = {.survey = survey, .records = s, .length = mem_alloc(ROWS, sizeof *p.length)};
    void *items = mem_alloc(ITEMS, s->width);
    survey->least = UINT64_MAX;
    for (uint64_t n; p.first < s->rows && !e->status; p.first += n) {
        uint64_t items_of_these = 0;
        n = min_u64(ROWS, s->rows - p.first);
        if (h5_records_lengths(s, p.first, n, p.length, e))
            break;
        for (uint64_t i = 0; i < n; i++) {
            sizes_add(sizes, p.length[i]);
            items_of_these += p.length[i];
        }
        look_at_elements(&p, survey->elements, items_of_these, items, e);
        survey->elements += items_of_these;
    }
    free(items);
    free(p.length);
    return e->status ? e->status : h5_records_check_total(s, survey->elements, e);
}

/* As lshjoin has it, which takes shorter ones for zero under cosine. */
static const double most_norm = 1e30;

static void look_at_vector(struct survey *survey, const void *x, uint64_t n, size_t width) {
    double squares = 0;
    for (uint64_t i = 0; i < n; i++) {
        double coordinate = width == sizeof(float) ? ((const float *)x)[i] : ((const double *)x)[i];
        squares += coordinate * coordinate;
    }
    if (!(squares <= most_norm * most_norm)) {
        survey->refused++;
        return;
    }
    survey->zero += squares < 1e-60;
    survey->least_norm = fmin(survey->least_norm, sqrt(squares));
    survey->greatest_norm = fmax(survey->greatest_norm, sqrt(squares));
}

static int survey_vectors(struct survey *survey, struct h5_records *s, struct error *e) {
    uint64_t piece = max_u64(1, ITEMS / s->columns), row = s->columns * s->width, bad;
    char *items = mem_alloc(piece, row);
    survey->least_norm = INFINITY;
    for (uint64_t first = 0, n; first < s->rows; first += n) {
        n = min_u64(piece, s->rows - first);
        if (h5_records_elements(s, first * s->columns, n * s->columns, items, &bad, e))
            break;
        for (uint64_t i = 0; i < n; i++)
            look_at_vector(survey, items + i * row, s->columns, s->width);
    }
    free(items);
    return e->status;
}

int survey_rows(struct survey *survey, struct h5_records *s, struct error *e) {
    *survey = (struct survey){0};
    if (s->columns > 0)
        return survey_vectors(survey, s, e);
    struct sizes *sizes = mem_zero(1, sizeof *sizes);
    survey_sets(survey, s, sizes, e);
    sum_up(survey, sizes);
    free(sizes->large);
    free(sizes);
    return e->status;
}
