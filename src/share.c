#include "lshjoin/share.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "lshjoin/base.h"

static void append(struct bucket_list *l, struct bucket bucket, const uint64_t *row) {
    bucket_list_reserve(l, 1, bucket.size);
    memcpy(l->row + l->n_rows, row, bucket.size * sizeof *row);
    bucket.first = l->n_rows;
    l->bucket[l->n++] = bucket;
    l->n_rows += bucket.size;
}

/* The others move up. */
static void take_from(struct bucket_list *l, uint64_t rows, uint64_t pairs, struct bucket_list *taken) {
    uint64_t n = 0, n_rows = 0;
    for (uint64_t k = 0; k < l->n; k++) {
        struct bucket b = l->bucket[k];
        if (b.size > rows || bucket_pairs(&b) > pairs) {
            append(taken, b, l->row + b.first);
            continue;
        }
        if (n_rows < b.first)
            memmove(l->row + n_rows, l->row + b.first, b.size * sizeof *l->row);
        b.first = n_rows;
        n_rows += b.size;
        l->bucket[n++] = b;
    }
    l->n = n;
    l->n_rows = n_rows;
}

struct bucket_list share_take(struct bucket_list *lists, int n_lists, uint64_t rows, uint64_t pairs) {
    struct bucket_list taken = {0};
    for (int k = 0; k < n_lists; k++)
        take_from(&lists[k], rows, pairs, &taken);
    return taken;
}

struct cutting {
    uint64_t n, capacity;
    struct share_part *part;
    uint64_t bucket, pairs, side; /* of a square part */
};

static void add_part(struct cutting *c, uint64_t x, uint64_t x_end, uint64_t y, uint64_t y_end) {
    if (c->n == c->capacity) {
        c->capacity = 2 * c->capacity + 64;
        c->part = mem_grow(c->part, c->capacity, sizeof *c->part);
    }
    c->part[c->n++] =
        (struct share_part){c->bucket, (uint32_t)x, (uint32_t)x_end, (uint32_t)y, (uint32_t)y_end};
}

/* All of [x, x_end) with all of [y, y_end): squares, or longer where the other side is short. */
static void cut_rectangle(struct cutting *c, uint64_t x, uint64_t x_end, uint64_t y, uint64_t y_end) {
    if (x == x_end || y == y_end)
        return;
    uint64_t width = max_u64(c->side, c->pairs / (y_end - y));
    uint64_t height = max_u64(c->side, c->pairs / min_u64(width, x_end - x));
    for (; x < x_end; x += width)
        for (uint64_t at = y; at < y_end; at += height)
            add_part(c, x, min_u64(x_end, x + width), at, min_u64(y_end, at + height));
}

static void cut_triangle(struct cutting *c, uint64_t x, uint64_t end) {
    for (; x < end; x += c->side) {
        uint64_t x_end = min_u64(end, x + c->side);
        if (x_end - x > 1)
            add_part(c, x, x_end, x, x_end);
        cut_rectangle(c, x, x_end, x_end, end);
    }
}

struct share_part *share_cut(const struct bucket_list *list, uint64_t pairs, uint64_t *n) {
    struct cutting c = {.pairs = pairs, .side = max_u64(1, (uint64_t)sqrt((double)pairs))};
    for (; c.bucket < list->n; c.bucket++) {
        const struct bucket *b = &list->bucket[c.bucket];
        cut_rectangle(&c, 0, min_u64(b->left, b->right), b->right, b->stored);
        if (b->left > b->right)
            cut_triangle(&c, b->right, b->stored);
        cut_rectangle(&c, b->right, b->stored, b->stored, b->size);
        cut_rectangle(&c, 0, b->right, b->asked_right, b->size);
    }
    *n = c.n;
    return c.part;
}

struct bucket share_bucket(const struct bucket_list *list, const struct share_part *p) {
    const struct bucket *whole = &list->bucket[p->bucket];
    uint32_t x = p->x_end - p->x, y = p->y_end - p->y;
    struct bucket part = {.size = x + y, .stored = x + y, .left = x, .right = x, .band = whole->band};
    if (p->x == p->y) {
        part.size = part.stored = x;
        part.right = 0;
    } else if (p->y >= whole->stored) { /* these ask */
        part.stored = x;
        part.left = part.right = 0;
    }
    part.asked_right = part.stored;
    return part;
}

void share_rows(const struct bucket_list *list, const struct share_part *p, uint64_t *row) {
    const uint64_t *from = list->row + list->bucket[p->bucket].first;
    memcpy(row, from + p->x, (p->x_end - p->x) * sizeof *row);
    if (p->y != p->x)
        memcpy(row + (p->x_end - p->x), from + p->y, (p->y_end - p->y) * sizeof *row);
}

void share_edges(const struct share_load *load, uint64_t ranks, uint64_t *edge) {
    uint64_t all = 0;
    for (uint64_t r = 0; r < ranks; r++)
        all += load[r].kept + load[r].dealt;
    uint64_t each = all / ranks + 1;
    edge[0] = 0;
    for (uint64_t r = 0; r < ranks; r++)
        edge[r + 1] = edge[r] + (load[r].kept < each ? each - load[r].kept : 0);
}
