#include "buffer.h"

#include <stdlib.h>
#include <string.h>

#include "lshjoin/base.h"

void *buffer_room(struct buffer *b, uint64_t n) {
    if (n > b->capacity - b->bytes || !b->data) {
        b->capacity = max_u64(max_u64(b->bytes + n, 2 * b->capacity), 64);
        b->data = mem_grow(b->data, b->capacity, 1);
    }
    return b->data + b->bytes;
}

void buffer_append(struct buffer *b, const void *p, uint64_t n) {
    if (n == 0)
        return;
    memcpy(buffer_room(b, n), p, n);
    b->bytes += n;
}

void buffer_free(struct buffer *b) {
    free(b->data);
    *b = (struct buffer){0};
}
