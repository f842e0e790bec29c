#include "lshjoin/runs.h"

#include <stdlib.h>

#include "lshjoin/scratch.h"

enum { LEAST_BUFFER = 1 << 12 }; /* pairs of a run that are read at once: less would be slow */

/* Pairs [next, end) of the file. */
struct run {
    uint64_t next, end;
};

/* A run while it is merged. */
struct stream {
    struct run rest; /* in the file */
    struct u64_pair *buffer;
    uint64_t at, held; /* in the buffer */
};

struct runs {
    const char *directory;
    uint64_t sum; /* mask of the bits that add up */
    struct scratch file;
    uint64_t n, capacity;
    struct run *run;

    /* While they are merged: */
    uint64_t n_streams, each; /* pairs of a buffer */
    struct stream *stream;    /* [n_streams] a heap: the first has the least pair */
    struct u64_pair *buffer;  /* [n_streams][each] */
};

struct runs *runs_create(const char *directory, uint32_t sum_bits) {
    struct runs *r = mem_zero(1, sizeof *r);
    *r = (struct runs){directory, ((uint64_t)1 << sum_bits) - 1, scratch_make(directory), .n = 0};
    return r;
}

static void end_merge(struct runs *r) {
    free(r->stream);
    free(r->buffer);
    r->stream = NULL;
    r->buffer = NULL;
    r->n_streams = 0;
}

void runs_free(struct runs *r) {
    end_merge(r);
    scratch_close(&r->file);
    free(r->run);
    free(r);
}

/* Pairs at the end of `file`, which continue its last run or are a new one. */
static void note_run(struct runs *r, uint64_t begin, uint64_t end) {
    if (begin == end)
        return;
    if (r->n == r->capacity) {
        r->capacity = 2 * r->capacity + 16;
        r->run = mem_grow(r->run, r->capacity, sizeof *r->run);
    }
    r->run[r->n++] = (struct run){begin, end};
}

static uint64_t pairs_in(const struct scratch *file) {
    return file->bytes / sizeof(struct u64_pair);
}

int runs_add(struct runs *r, const struct u64_pair *sorted, uint64_t n, struct error *e) {
    uint64_t begin = pairs_in(&r->file);
    if (!scratch_append(&r->file, sorted, n * sizeof *sorted, e))
        note_run(r, begin, begin + n);
    return e->status;
}

static bool is_less(struct u64_pair a, struct u64_pair b) {
    return a.first != b.first ? a.first < b.first : a.second < b.second;
}

static struct u64_pair head(const struct stream *s) {
    return s->buffer[s->at];
}

/* Let the stream at `at` sink to where nothing below it is less. */
static void sift(struct runs *r, uint64_t at) {
    for (uint64_t child; (child = 2 * at + 1) < r->n_streams; at = child) {
        if (child + 1 < r->n_streams && is_less(head(&r->stream[child + 1]), head(&r->stream[child])))
            child++;
        if (!is_less(head(&r->stream[child]), head(&r->stream[at])))
            return;
        struct stream moved = r->stream[at];
        r->stream[at] = r->stream[child];
        r->stream[child] = moved;
    }
}

/* The next pairs of a stream into its buffer. */
static int fill(const struct runs *r, struct stream *s, struct error *e) {
    s->at = 0;
    s->held = min_u64(r->each, s->rest.end - s->rest.next);
    uint64_t from = s->rest.next * sizeof *s->buffer;
    s->rest.next += s->held;
    return scratch_read(&r->file, from, s->buffer, s->held * sizeof *s->buffer, e);
}

/* Open n runs from number `first` on, with buffers of `each` pairs. */
static int open_streams(struct runs *r, uint64_t first, uint64_t n, uint64_t each, struct error *e) {
    end_merge(r);
    r->each = each;
    r->n_streams = n;
    r->stream = mem_alloc(n, sizeof *r->stream);
    r->buffer = mem_alloc(n * each, sizeof *r->buffer);
    for (uint64_t k = 0; k < n && !e->status; k++) {
        r->stream[k] = (struct stream){.rest = r->run[first + k], .buffer = r->buffer + k * each};
        fill(r, &r->stream[k], e);
    }
    for (uint64_t k = n / 2; k-- > 0 && !e->status;)
        sift(r, k);
    return e->status;
}

/* Drop the least pair. */
static int advance(struct runs *r, struct error *e) {
    struct stream *s = r->stream;
    if (++s->at == s->held && s->rest.next < s->rest.end)
        fill(r, s, e);
    if (s->at == s->held)
        *s = r->stream[--r->n_streams];
    sift(r, 0);
    return e->status;
}

int runs_next(struct runs *r, struct u64_pair *out, uint64_t most, uint64_t *n, struct error *e) {
    *n = 0;
    while (r->n_streams > 0 && !e->status) {
        struct u64_pair next = head(r->stream), *last = out + *n - 1;
        if (*n > 0 && last->first == next.first && ((last->second ^ next.second) & ~r->sum) == 0)
            last->second += next.second & r->sum;
        else if (*n == most)
            return 0;
        else
            out[(*n)++] = next;
        advance(r, e);
    }
    return e->status;
}

/* Merge `each` runs at a time into one. */
static int merge_some(struct runs *r, uint64_t fan, struct error *e) {
    struct runs merged = {r->directory, r->sum, scratch_make(r->directory), .n = 0};
    struct u64_pair *out = mem_alloc(LEAST_BUFFER, sizeof *out);
    for (uint64_t first = 0; first < r->n && !e->status; first += fan) {
        uint64_t begin = pairs_in(&merged.file), n = 1;
        open_streams(r, first, min_u64(fan, r->n - first), LEAST_BUFFER, e);
        while (!e->status && n > 0 && !runs_next(r, out, LEAST_BUFFER, &n, e))
            scratch_append(&merged.file, out, n * sizeof *out, e);
        note_run(&merged, begin, pairs_in(&merged.file));
    }
    free(out);
    end_merge(r);
    scratch_close(&r->file);
    free(r->run);
    *r = merged;
    return e->status;
}

int runs_begin(struct runs *r, uint64_t bytes, struct error *e) {
    uint64_t pairs = bytes / sizeof(struct u64_pair), fan = max_u64(2, pairs / LEAST_BUFFER);
    while (r->n > fan && !e->status)
        merge_some(r, fan, e);
    return e->status ? e->status
                     : open_streams(r, 0, r->n, max_u64(LEAST_BUFFER, pairs / max_u64(1, r->n)), e);
}
