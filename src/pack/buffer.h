/* Growing bytes: what parsers append rows to. A buffer that is all zero is empty. */
#ifndef PACK_BUFFER_H
#define PACK_BUFFER_H

#include <stdint.h>

struct buffer {
    char *data;
    uint64_t bytes, capacity;
};

/* Room for n more bytes behind those that are there; whoever writes to it adds what it wrote to b->bytes.
 * Aligned for any item whose size divides b->bytes. Never NULL; holds until the next call for the same
 * buffer. */
void *buffer_room(struct buffer *b, uint64_t n);
/* n bytes of p (which may be NULL where n is 0) behind those that are there. */
void buffer_append(struct buffer *b, const void *p, uint64_t n);
/* Free what the buffer owns and leave it empty. */
void buffer_free(struct buffer *b);

#endif
