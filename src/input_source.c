#include "input_source.h"

#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "index.h"
#include "lshjoin/distance.h"
#include "lshjoin/fault.h"
#include "lshjoin/weighted.h"

static int check_length(const struct source *s, uint64_t row, uint64_t length, struct error *e) {
    if (length > INT_MAX)
        error_set(e, EX_DATAERR, "%s: row %llu: a set of %llu elements (at most 2^31-1)", s->input->file,
                  (unsigned long long)row, (unsigned long long)length);
    return e->status;
}

int source_lengths(struct source *s, uint64_t first, uint64_t n, uint64_t *length, struct error *e) {
    if (s->array)
        for (uint64_t i = 0; i < n; i++)
            length[i] = records_length(s->array, first - s->first + i);
    else if (s->is_text)
        for (uint64_t i = 0; i < n; i++)
            length[i] = records_length(&s->text, first + i);
    else
        h5_records_lengths(&s->h5, first, n, length, e);
    for (uint64_t i = 0; i < n && !e->status; i++)
        check_length(s, first + i, length[i], e);
    return e->status;
}

int source_place(struct source *s, uint64_t row, uint64_t *begin, uint64_t *length, struct error *e) {
    if (s->is_text) {
        *begin = s->text.offset[row];
        *length = records_length(&s->text, row);
    } else if (!h5_records_place(&s->h5, row, begin, length, e)) {
        check_length(s, row, *length, e);
    }
    return e->status;
}

size_t sources_item(const struct inputs *in, const struct source *s) {
    size_t item = in->family->is_weighted ? sizeof(struct weighted_wide) : sizeof(uint32_t);
    for (int i = 0; i < in->n; i++)
        if (!s[i].is_text && s[i].h5.width > item)
            item = s[i].h5.width;
    for (int i = 0; in->old && i < in->old->n; i++)
        item = max_u64(item, in->old->of[i].item);
    return item;
}

/* Elements [first, first + n) of a file, in slices, so that there is progress to tell. */
static void read_h5(struct source *s, uint64_t first, uint64_t n, void *out, uint64_t *bad, struct error *e) {
    uint64_t whole = max_u64(1, s->h5.columns), slice = max_u64(1, ((uint64_t)8 << 20) / whole) * whole;
    for (uint64_t at = 0; at < n && !e->status && *bad == UINT64_MAX; at += slice) {
        if (s->metrics)
            metrics_progress(s->metrics, (double)at / (double)n, at);
        fault_point("slice");
        h5_records_elements(&s->h5, first + at, min_u64(slice, n - at), (char *)out + at * s->h5.width, bad,
                            e);
    }
}

/* The same of weighted sets, whose elements and weights lie apart in the file. */
static void read_weighted(struct source *s, uint64_t first, uint64_t n, struct weighted_wide *out,
                          uint64_t *bad, struct error *e) {
    enum { SLICE = 1 << 20 };
    size_t width = s->h5.width;
    uint64_t room = min_u64(n, SLICE);
    void *element = mem_alloc(room, width);
    double *weight = mem_alloc(room, sizeof *weight);
    for (uint64_t at = 0; at < n && !e->status && *bad == UINT64_MAX; at += SLICE, out += SLICE) {
        uint64_t some = min_u64(SLICE, n - at);
        if (s->metrics)
            metrics_progress(s->metrics, (double)at / (double)n, at);
        h5_records_elements(&s->h5, first + at, some, element, bad, e);
        h5_records_weights(&s->h5, first + at, some, weight, e);
        for (uint64_t k = 0; k < some && !e->status; k++) {
            out[k].element = width == 4 ? ((uint32_t *)element)[k] : ((uint64_t *)element)[k];
            out[k].weight = weight[k];
        }
    }
    free(weight);
    free(element);
}

void source_items(struct source *s, uint64_t first, uint64_t n, size_t item, void *out, uint64_t *bad,
                  struct error *e) {
    *bad = UINT64_MAX;
    if (item == sizeof(struct weighted_wide)) {
        read_weighted(s, first, n, out, bad, e);
        return;
    }
    size_t width = s->is_text ? sizeof(uint32_t) : s->h5.width;
    void *own = width == item ? out : mem_alloc(n, width);
    if (s->is_text)
        memcpy(own, (const uint32_t *)s->text.data + first, n * width);
    else
        read_h5(s, first, n, own, bad, e);
    if (own == out)
        return;
    for (uint64_t k = 0; k < n; k++)
        if (s->h5.columns)
            ((double *)out)[k] = ((const float *)own)[k];
        else
            ((uint64_t *)out)[k] = ((const uint32_t *)own)[k];
    free(own);
}

void source_complain_negative(const struct source *s, uint64_t row, struct error *e) {
    error_set(e, EX_DATAERR, "%s: %s: row %llu holds a negative element (elements must be 0 or more)",
              s->input->file, s->input->object, (unsigned long long)row);
}

/* Larger coordinates could make a projection overflow. */
static const double most_norm = 1e30;

/* What is wrong with a vector, or NULL. */
static const char *fault(const struct records *r, uint64_t row, bool refuses_zero) {
    const void *x = records_row(r, row);
    double squares = 0, coordinate;
    for (uint64_t k = 0; k < r->width; k++) {
        coordinate = r->item == sizeof(float) ? (double)((const float *)x)[k] : ((const double *)x)[k];
        if (!isfinite(coordinate))
            return "holds a number that is not finite";
        squares += coordinate * coordinate;
    }
    if (squares > most_norm * most_norm)
        return "is longer than 1e30";
    if (refuses_zero && squares < 1e-60) /* below it, squares of single precision vanish too */
        return "is zero: it has no direction, and no cosine";
    return NULL;
}

const char *source_check_row(struct inputs *in, uint64_t row) {
    struct records *r = &in->records;
    if (in->family->is_weighted)
        return weighted_fault(r, row);
    const char *wrong = fault(r, row, in->family->refuses_zero);
    if (!wrong) {
        const void *x = records_row(r, row);
        double norm = sqrt(vector_moments(x, x, r->width, r->item, cpu_simd()).xx);
        in->largest_norm = norm > in->largest_norm ? norm : in->largest_norm;
    } else {
        records_leave_out(r, &row, 1);
    }
    return wrong;
}
