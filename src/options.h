/* The command line. */
#ifndef OPTIONS_H
#define OPTIONS_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "arrays.h"
#include "lshjoin/base.h"
#include "lshjoin/family.h"

enum format { FORMAT_DEFAULT, FORMAT_H5, FORMAT_TSV, FORMAT_MHASH };

/* Hash values of sets: of 32 bits; of 8 in sketches; or as the plan sees fit. */
enum minhash_kind { MINHASH_AUTO, MINHASH_CLASSIC, MINHASH_FAST };

enum cluster_method { CLUSTER_COMPONENTS, CLUSTER_STAR };

/* Which record of a group stays. */
enum keep { KEEP_DEFAULT, KEEP_FIRST, KEEP_LONGEST, KEEP_SCORE };

/* Identical records: told as the pairs that they are in, or as groups, of which the pairs name the first. */
enum duplicates_as { DUPLICATES_PAIRS, DUPLICATES_GROUPS };

struct options {
    int argc; /* the command as given, for the report */
    char **command;
    const char *inputs[2]; /* "-" is standard input */
    int n_inputs;
    const char *against;    /* one of them, which the other one's new records join; NULL: none */
    const char *save_index; /* directory, or NULL */
    const char **indexes;   /* [n_indexes] directories of old records */
    int n_indexes;
    const char *deleted;   /* file that tells which of the old records are, or NULL */
    struct arrays *arrays; /* of another program, in the place of files; NULL: of none; not owned */
    bool exact;
    uint32_t bands, rows;
    uint32_t pool; /* 0: none */
    enum minhash_kind minhash;
    bool no_sketch;                     /* candidates need not agree in more symbols than those of a band */
    double recall;                      /* to plan bands and rows for; 0: they are given */
    bool dry_run;                       /* tell the plan and stop */
    uint64_t assume_ranks, assume_rows; /* of a dry run, instead of what is here; 0: not given */
    uint64_t seed;
    int threads;
    bool exclusive;
    const struct family *family; /* NULL: by the kind of data */
    const char *threshold_text;  /* as given, or NULL; of similarity */
    const char *radius_text;     /* the same, of distance */
    uint64_t top_k;              /* 0: not asked for */
    bool clusters;
    enum cluster_method cluster_method;
    enum keep keep;
    const char *keep_score; /* file.h5:/path of KEEP_SCORE */
    bool verify;            /* one of these is given; else candidates are the result */
    struct threshold threshold;
    uint32_t probes;
    double width; /* of p-stable buckets; 0: not given */
    bool skip_bad_rows;
    const char *output; /* directory, or NULL */
    const char *trace;  /* file, or NULL */
    enum format format;
    uint64_t max_bucket; /* larger buckets are skipped; 0: none */
    bool ids;            /* in the place of row numbers */
    enum duplicates_as duplicates;
    bool force, no_print, progress, quiet, verbose;
    const char *checkpoint;  /* directory, or NULL */
    double checkpoint_every; /* seconds; below 0: as seems fit */
    bool resume;
    double stall_timeout;  /* seconds; 0: none */
    uint64_t memory_bytes; /* what a rank may hold; 0: not given. See budget.h, which settles these two. */
    uint64_t round_bytes;  /* bound of what a rank sends or receives at once */
    const char *scratch;   /* directory for what does not fit */
    uint64_t files;        /* most pairs files */
    bool help, version;
};

/* Reads the command line; of arrays (or NULL) it has no inputs. Returns e->status: 0 or EX_USAGE with a
 * message that says what was expected. End with options_free in any case. */
int options_parse(struct options *o, int argc, char **argv, struct arrays *arrays, struct error *e);
void options_free(struct options *o);

/* The threshold that is given as text, by what it means to the metric. Returns e->status: 0 or EX_USAGE. */
int options_take_threshold(struct options *o, struct error *e);

void options_help(FILE *f);

#endif
