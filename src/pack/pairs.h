/* Pairs that lshjoin wrote, one after the other, whatever the form. */
#ifndef PACK_PAIRS_H
#define PACK_PAIRS_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "h5_pairs.h"
#include "lshjoin/base.h"
#include "pair.h"

struct pairs {
    char value[32]; /* what a pair's number is called, once there is a pair */
    /* what the run's report tells of its inputs; 0 where there is none */
    uint64_t inputs, rows; /* rows of the first */
    bool by_id;            /* and whether it told ids instead of rows */

    char **files;
    uint64_t n_files, file; /* the next */
    struct h5_pairs_file h5;
    FILE *text;
    const char *name; /* of the one that is open, for messages */
    char *line;
    size_t line_size;
    uint64_t at;         /* pairs read of an HDF5 file; lines of a text */
    struct pair *buffer; /* of HDF5 */
    uint64_t buffered, next;
};

/* `name`: a directory that lshjoin -o wrote, one of its files, or "-", tsv on standard input. What is none of
 * them fills *e. Returns e->status; end with pairs_close in any case. */
int pairs_open(struct pairs *p, const char *name, struct error *e);
void pairs_close(struct pairs *p);

/* The next pair. False at the end, and where *e is filled. */
bool pairs_next(struct pairs *p, struct pair *pair, struct error *e);

#endif
