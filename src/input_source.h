/* One input: reading rows of it. Not collective. */
#ifndef INPUT_SOURCE_H
#define INPUT_SOURCE_H

#include <stdbool.h>
#include <stdint.h>

#include "h5_read.h"
#include "input.h"

/* One input while it is read: an HDF5 file, open on every rank, or a text, which rank 0 reads and all ranks
 * then hold whole (it is the form of mhash, whose users' data fits one machine; what doesn't belongs in
 * HDF5). */
struct source {
    struct input *input;
    bool is_text;
    uint64_t base; /* global number of its first row */
    struct h5_records h5;
    struct records text;
    const struct records *array; /* this rank's rows, in memory, from `base` and `first` on; or NULL */
    uint64_t first;
    struct metrics *metrics; /* to tell progress; or NULL */
};

/* Lengths of rows [first, first + n) of a source, refused where a set is too long. */
int source_lengths(struct source *s, uint64_t first, uint64_t n, uint64_t *length, struct error *e);

/* Where a row's items begin in a file's or a text's flat list, and how many there are; not for flat sets
 * (h5_records_place). */
int source_place(struct source *s, uint64_t row, uint64_t *begin, uint64_t *length, struct error *e);

/* Bytes of an item that holds those of all inputs. */
size_t sources_item(const struct inputs *in, const struct source *s);

/* Items [first, first + n) of a source's flat list (of vectors: whole rows) into `out`,
 * `item` bytes each, at least the source's own width; of weighted sets wide ones. *bad: the place of a
 * negative element, of which the caller complains, who knows its row; else UINT64_MAX. */
void source_items(struct source *s, uint64_t first, uint64_t n, size_t item, void *out, uint64_t *bad,
                  struct error *e);
void source_complain_negative(const struct source *s, uint64_t row, struct error *e);

/* What is wrong with a row of in->records, a vector or a weighted set as it was read, or NULL. A vector with
 * a fault becomes NaN, and pairs with nothing; of a good one in->largest_norm knows. */
const char *source_check_row(struct inputs *in, uint64_t row);

#endif
