/* The command line of lshpack. */
#ifndef PACK_SETTINGS_H
#define PACK_SETTINGS_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "lshjoin/base.h"
#include "shingle.h"

struct form;

struct settings {
    char **inputs; /* of the command line, not owned; "-" is standard input */
    int n_inputs;
    const char *list;        /* a file of more of them, or NULL */
    const struct form *form; /* NULL: by the ending of the inputs */
    bool per_file;
    const char *text_field, *id_field; /* NULL: "text", and no id */
    bool ids, source;
    struct shingling shingling;
    uint32_t hash_bits, kmers;
    bool weights;
    const char *output;
    int gzip; /* 0: not compressed */
    bool force;
    int threads;
    uint64_t memory;
    const char *scratch; /* NULL: the directory of `output` */
    bool skip_bad, quiet, progress;
    const char *info, *show; /* a file to be looked at instead; not owned, or NULL */
    const char *drop;        /* a clusters.h5, to write the inputs again by; the same */
    bool help, version;
    unsigned given; /* which of the options below were */
};

/* Options that only some forms have, as bits of `given`. */
enum {
    GIVEN_TEXT = 1, /* how texts become sets */
    GIVEN_KMERS = 2,
    GIVEN_WEIGHTS = 4,
    GIVEN_FIELDS = 8, /* of jsonl */
    GIVEN_PER_FILE = 16,
    GIVEN_IDS = 32
};

/* Reads the command line. Returns e->status: 0 or EX_USAGE with a message that says what was expected. */
int settings_parse(struct settings *s, int argc, char **argv, struct error *e);

/* Whether the form that was found bears the options that were given; lets go of a form that has a variant for
 * --per-file. Returns e->status: 0 or EX_USAGE. */
int settings_suit(struct settings *s, struct error *e);

void settings_help(FILE *f);

#endif
