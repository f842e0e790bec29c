/* Lists in an HDF5 file that h5_new_sealed wrote: looked at in place, by any thread, a block of a list being
 * checked the first time that somebody comes to it. Not collective. */
#ifndef H5_SEALED_H
#define H5_SEALED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lshjoin/base.h"
#include "lshjoin/seal.h"

/* A file in the address space. What the system cannot read of it when it is touched, because the file was cut
 * off or a disk fails, ends the process (watch.h says so). */
struct h5_map {
    const char *file; /* not owned */
    int64_t file_id;  /* hid_t; 0: not open */
    const char *bytes;
    uint64_t n;
};

/* Returns e->status: EX_NOINPUT, or EX_DATAERR for what is no HDF5. End with h5_map_close in any case. */
int h5_map_open(struct h5_map *m, const char *file, struct error *e);
/* Does nothing where all is zero. Lists of the map are gone with it. */
void h5_map_close(struct h5_map *m);

/* A list of n items of `item` bytes each. */
struct h5_sealed {
    const char *data;
    const uint64_t *sum; /* of each block */
    uint64_t n;
    size_t item;
    uint64_t *seen; /* a bit for each block that was found whole */
};

/* The list at `path` of integers, `item` bytes an item, whether one number or a row of them. What is not so,
 * or was not written by h5_new_sealed, fills *e with EX_DATAERR. Returns e->status; end with h5_sealed_close
 * in any case. */
int h5_sealed_open(struct h5_sealed *s, const struct h5_map *m, const char *path, size_t item,
                   struct error *e);
/* Does nothing where all is zero. */
void h5_sealed_close(struct h5_sealed *s);

uint64_t h5_sealed_blocks(const struct h5_sealed *s);

/* Whether they lie in the list, and no block of them is damaged. */
bool h5_sealed_check(const struct h5_sealed *s, uint64_t first, uint64_t n);

/* Items [first, first + n), where they lie; NULL where a block of them is damaged. By any thread. Inline
 * because most of them lie in one block that was seen before. */
static inline const void *h5_sealed_at(const struct h5_sealed *s, uint64_t first, uint64_t n) {
    uint64_t block = first * s->item / SEAL_BLOCK;
    bool is_seen = n > 0 && n <= s->n && first <= s->n - n &&
                   block == ((first + n) * s->item - 1) / SEAL_BLOCK &&
                   __atomic_load_n(&s->seen[block / 64], __ATOMIC_RELAXED) >> block % 64 & 1;
    return is_seen || h5_sealed_check(s, first, n) ? s->data + first * s->item : NULL;
}

/* The list is not needed for now: its pages are the system's again. */
void h5_sealed_leave(const struct h5_sealed *s, const struct h5_map *m);

#endif
