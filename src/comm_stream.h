/* Rows of one side come by: all of them, on every rank, in the order of their numbers, a portion at a time.
 */
#ifndef COMM_STREAM_H
#define COMM_STREAM_H

#include "comm.h"

struct stream;

/* Rank r has rows [start[r], start[r+1]); start is [ranks+1], and `rows` are this rank's, item and, of rows
 * without offsets, width the same everywhere. They come from number `from` on, in portions of about `most`
 * bytes and a row at most, none of which goes across a multiple of `step`. All is held until the end.
 * Collective. */
struct stream *comm_stream_begin(struct comm *c, const uint64_t *start, const struct records *rows,
                                 uint64_t from, uint64_t step, uint64_t most);

/* Rows from number `first` on. */
struct stream_portion {
    uint64_t first;
    struct records rows; /* the stream's own, or this rank's, until the next call */
};

/* Collective; the next portion, the same on all ranks. False at the end. *done: how much of it all had come
 * before, from 0 to 1, and *share: what this portion is of it. */
bool comm_stream_next(struct stream *s, struct stream_portion *p, double *done, double *share);

/* Not collective. */
void comm_stream_end(struct stream *s);

#endif
