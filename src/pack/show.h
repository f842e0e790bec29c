/* lshpack --show: the texts of pairs that lshjoin found. */
#ifndef PACK_SHOW_H
#define PACK_SHOW_H

#include "comm.h"
#include "lshjoin/base.h"

/* Collective. Rank 0 prints each of `pairs` on standard output: its numbers, its ids, and its texts side by
 * side, or one under the other where the terminal is narrow. `input` is the packed file (file.h5 or
 * file.h5:/path) that was joined with itself; `pairs` a directory written by lshjoin -o, one of its files of
 * pairs (HDF5 or tsv), or "-", tsv on standard input. Texts are read from /texts (indptr and bytes), where
 * the file has it, else from the files that /source names; of one that is gone or compressed it says so in
 * the place of the text. Returns e->status, agreed and printed. */
int show_run(struct comm *c, const char *input, const char *pairs, struct error *e);

#endif
