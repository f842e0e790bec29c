/* What a run keeps of its records so that later ones can join theirs with them: one file, index.h5, which any
 * number of ranks can read.
 *
 *   /about                 JSON: the plan, the metric, whose records they are, of what file
 *   /hash                  u64 [rows][2]: of each record's content (records.h)
 *   /sketch                u64 [rows][words], where bands read sketches
 *   /band/00017/stored/    of the keys that records store in a band, rising, and the rows that they are of:
 *       row                u32 [keys]
 *       rest               u16 or u64 [keys]: of sketches, whose symbols tell true collisions, the 16 bits of
 *                          a key behind the cell's; else all of it
 *       cell               u32 [cells + 1]: where the keys of each cell begin, a cell being their first bits
 *   /band/00017/asked/     the same of those that records ask for, where any do
 *
 * All lists are sealed (h5_sealed.h). Old records are held by no rank: who meets one looks it up. */
#ifndef INDEX_H
#define INDEX_H

#include "h5_sealed.h"
#include "input.h"
#include "lshjoin/plan.h"

enum { INDEX_FORMAT = 2 };

/* Of the keys of one role in one band. */
struct index_table {
    struct h5_sealed cell, rest, row;
};

struct index {
    char file[4096]; /* DIR/index.h5 */
    struct h5_map map;
    struct input data;         /* whose records they are: an absolute name */
    uint64_t data_bytes, base; /* of that file; the first record's number among all old ones */
    size_t item;               /* bytes of an item of a record whose content was hashed */
    uint64_t about;            /* a checksum of what it says of itself, and of all contents */
    struct h5_sealed hash, sketch;
    struct index_table *stored, *asked; /* [bands]; asked: or NULL */
};

/* All that were given; they are of one plan. */
struct indexes {
    int n;
    struct index *of;
    uint64_t rows, elements;
    const struct family *family;
    uint64_t columns; /* of vectors */
    struct plan plan;
    uint64_t n_deleted, *deleted;   /* rows, rising, that pair with nothing any more */
    char threshold[64], radius[64]; /* as given when the first one was made; or empty */
};

/* Bits of a cell's number for so many keys. */
uint32_t index_cell_bits(uint64_t keys);

/* Where a key would stand: its cell, and what is compared within it. */
struct index_place {
    uint64_t cell, rest;
};
struct index_place index_place(uint64_t key, uint32_t cell_bits, bool is_short);

/* The path of a list. */
void index_path(char path[64], uint32_t band, bool asked, const char *list);

/* Collective. Open what --index names, check it, and fill in what *o leaves open: metric and threshold. Ends
 * in comm_failed. NULL without --index, or with *e set. */
struct indexes *indexes_open(struct comm *c, struct options *o, struct error *e);
void indexes_close(struct indexes *x);

/* Whether new records can be joined with them: their coordinates are no finer; of inner products none is
 * longer than the longest that all old ones were made ready for; in tiers sets are of sizes that there are.
 * Returns e->status. Not collective. */
int indexes_admit(const struct indexes *x, const struct inputs *in, struct error *e);

/* Bytes of one of so many ranks on a node that stay in memory, if all sketches and hashes are looked at; the
 * most keys of a band, in all roles, and bytes of their lists. */
void indexes_bytes(const struct indexes *x, uint64_t ranks_here, double *kept, double *keys, double *lists);

/* The index that has an old record, by its number among all of them. */
const struct index *indexes_find(const struct indexes *x, uint64_t row);

#endif
