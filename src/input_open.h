/* Opening the inputs: what is in them, and which metric it is for. */
#ifndef INPUT_OPEN_H
#define INPUT_OPEN_H

#include <stdbool.h>
#include <stdint.h>

#include "comm.h"
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
    struct metrics *metrics; /* to tell progress */
};

/* Collective. Open the inputs of o into s[2] and tell in->n, in->of, in->family; whether they go with each
 * other and with the options. Returns e->status, agreed and printed; close in any case. */
int sources_open(struct inputs *in, struct source *s, struct comm *c, const struct options *o,
                 struct error *e);
void sources_close(struct source *s);

/* Not collective. Lengths of rows [first, first + n) of a source, refused where a set is too long. */
int source_lengths(struct source *s, uint64_t first, uint64_t n, uint64_t *length, struct error *e);

#endif
