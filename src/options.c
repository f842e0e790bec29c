#include "options.h"

#include <float.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "argument.h"

enum {
    MOST_BANDS = UINT16_MAX,
    MOST_ROWS = 1024,
    MOST_PROBES = UINT16_MAX,
    MOST_POOL = 1 << 20,
    MOST_FAST_ROWS = 64,
    MOST_THREADS = 4096,
    MOST_SECONDS = 1000000
};

/* Options without a short form. */
enum {
    THRESHOLD = 256,
    AGAINST,
    SAVE_INDEX,
    INDEX,
    DELETED,
    METRIC,
    RADIUS,
    WIDTH,
    PROBES,
    POOL,
    MINHASH,
    NO_SKETCH,
    RECALL,
    DRY_RUN,
    ASSUME_RANKS,
    ASSUME_ROWS,
    SKIP_BAD_ROWS,
    TOP_K,
    CLUSTERS,
    CLUSTER_METHOD,
    KEEP,
    EXACT,
    MAX_BUCKET,
    FORMAT,
    IDS,
    DUPLICATES,
    FORCE,
    NO_PRINT,
    ROUND,
    MEMORY,
    SCRATCH,
    CHECKPOINT,
    CHECKPOINT_EVERY,
    RESUME,
    STALL_TIMEOUT,
    FILES,
    PROGRESS,
    TRACE,
    QUIET,
    VERBOSE,
    VERSION
};

static const struct option long_options[] = {
    {"bands", required_argument, NULL, 'b'},
    {"rows", required_argument, NULL, 'r'},
    {"seed", required_argument, NULL, 's'},
    {"threads", required_argument, NULL, 't'},
    {"exclusive", no_argument, NULL, 'E'},
    {"threshold", required_argument, NULL, THRESHOLD},
    {"against", required_argument, NULL, AGAINST},
    {"save-index", required_argument, NULL, SAVE_INDEX},
    {"index", required_argument, NULL, INDEX},
    {"deleted", required_argument, NULL, DELETED},
    {"metric", required_argument, NULL, METRIC},
    {"radius", required_argument, NULL, RADIUS},
    {"width", required_argument, NULL, WIDTH},
    {"pool", required_argument, NULL, POOL},
    {"minhash", required_argument, NULL, MINHASH},
    {"no-sketch", no_argument, NULL, NO_SKETCH},
    {"recall", required_argument, NULL, RECALL},
    {"dry-run", no_argument, NULL, DRY_RUN},
    {"assume-ranks", required_argument, NULL, ASSUME_RANKS},
    {"assume-rows", required_argument, NULL, ASSUME_ROWS},
    {"probes", required_argument, NULL, PROBES},
    {"top-k", required_argument, NULL, TOP_K},
    {"max-bucket", required_argument, NULL, MAX_BUCKET},
    {"clusters", no_argument, NULL, CLUSTERS},
    {"cluster-method", required_argument, NULL, CLUSTER_METHOD},
    {"keep", required_argument, NULL, KEEP},
    {"skip-bad-rows", no_argument, NULL, SKIP_BAD_ROWS},
    {"output", required_argument, NULL, 'o'},
    {"format", required_argument, NULL, FORMAT},
    {"ids", no_argument, NULL, IDS},
    {"duplicates", required_argument, NULL, DUPLICATES},
    {"force", no_argument, NULL, FORCE},
    {"no-print", no_argument, NULL, NO_PRINT},
    {"round", required_argument, NULL, ROUND},
    {"memory", required_argument, NULL, MEMORY},
    {"scratch", required_argument, NULL, SCRATCH},
    {"checkpoint", required_argument, NULL, CHECKPOINT},
    {"checkpoint-every", required_argument, NULL, CHECKPOINT_EVERY},
    {"resume", no_argument, NULL, RESUME},
    {"stall-timeout", required_argument, NULL, STALL_TIMEOUT},
    {"files", required_argument, NULL, FILES},
    {"progress", no_argument, NULL, PROGRESS},
    {"trace", required_argument, NULL, TRACE},
    {"quiet", no_argument, NULL, QUIET},
    {"verbose", no_argument, NULL, VERBOSE},
    {"help", no_argument, NULL, 'h'},
    {"version", no_argument, NULL, VERSION},
    {"exact", no_argument, NULL, EXACT},
    {0},
};

void options_help(FILE *f) {
    fputs(
        "usage: lshjoin --threshold S [--recall P | --exact] [options] [INPUT [INPUT]]\n"
        "       lshjoin -b BANDS -r ROWS [options] [INPUT [INPUT]]\n"
        "\n"
        "Finds the pairs of similar sets or vectors in one input (each pair once), or between two, by\n"
        "locality-sensitive hashing: a pair that agrees in one hash value with probability p is a candidate\n"
        "with probability 1-(1-p^ROWS)^BANDS. Of sets p is their Jaccard similarity.\n"
        "\n"
        "INPUT is file.h5 or file.h5:/path: sets as CSR (AnnData, 10x Genomics, scipy) or flat (as in\n"
        "ann-benchmarks), or vectors (two-dimensional, floating-point or 8-bit); or text in the form of "
        "mhash\n"
        "(N,D,d, then a line m,f1,...,fm per set). None, or -, is such text on standard input: with -E one\n"
        "database joined with itself, without it two, queries and targets.\n"
        "\n"
        "what is joined\n"
        "      --against OLD    INPUT has new records: join them with each other and with those of OLD, an "
        "input\n"
        "                       too, whose rows are numbered first; with --top-k, find the K nearest in OLD\n"
        "      --save-index DIR keep in DIR what later runs need of INPUT's records; with --no-print "
        "and\n"
        "                       without -o only that\n"
        "      --index DIR      in the place of --against: the records of that index, by its plan; several "
        "may "
        "be\n"
        "                       given, their rows are numbered on\n"
        "      --deleted FILE   old records that are no more: their numbers, or with --ids ids, a line each\n"
        "      --threshold S    verify every candidate exactly and keep those of similarity S or more\n"
        "      --radius R       the same for l2: keep those at most R apart\n"
        "      --recall P       find a pair at the threshold with probability P or more (default 0.95):\n"
        "                       chooses bands and rows, at the least work\n"
        "  -b, --bands N        bands per signature, instead\n"
        "  -r, --rows N         rows per band, instead\n"
        "  -s, --seed N         seed of the hash functions (default 0)\n"
        "      --metric M       jaccard, weighted-jaccard or containment (sets; of the left one in the right "
        "one),\n"
        "                       cosine, l2 or ip (vectors); default by the kind of data: jaccard, cosine, or "
        "what\n"
        "                       the file tells\n"
        "      --top-k K        keep for each left record its K most similar (self-join: K nearest others)\n"
        "      --pool M         draw the bands from M hash values (default: ROWS of its own for each)\n"
        "      --minhash KIND   of sets: fast (bytes of a 64-byte sketch), classic (hash values of 32 bits) "
        "or\n"
        "                       auto (default): fast where bands are planned, classic where they are given\n"
        "      --no-sketch      drop no candidate for agreeing in too few hash values: the pure law\n"
        "      --exact          no hashing: every pair that --threshold, --radius or --top-k asks for\n"
        "      --probes N       of vectors: look also into the N most promising other buckets of a band\n"
        "      --width W        of a bucket of l2's hash functions (default 4 R)\n"
        "      --max-bucket N   look at no pairs of a bucket of more than N records; tells how many that "
        "were\n"
        "  -E, --exclusive      never pair a record with the same row number of the other input\n"
        "      --skip-bad-rows  leave out, and count, vectors that are not finite, or zero under cosine,\n"
        "                       and sets with weights that are not above 0 and finite\n"
        "\n"
        "what comes out\n"
        "  -o, --output DIR     write the pairs to files in DIR; without it one rank prints them\n"
        "      --clusters       also write DIR/clusters.h5: of each record its group and whether it is kept\n"
        "      --cluster-method components (default: what hangs together) or star (each record similar to\n"
        "                       the one that is kept)\n"
        "      --keep WHICH     of a group: first (default of components), longest (most elements), or the\n"
        "                       highest number in a dataset file.h5:/path\n"
        "      --format F       h5 (default with -o), tsv (default without) or mhash (default for text on\n"
        "                       standard input): one line per query\n"
        "      --ids            of tsv: print the ids of records, which lshpack --ids kept, for row numbers\n"
        "      --duplicates W   of identical records: pairs (default), or groups: each in a table of its "
        "own, and\n"
        "                       in pairs only the first of them\n"
        "      --files N        at most N files of pairs, shared by ranks where there are more (default "
        "512)\n"
        "      --force          replace the finished run that DIR holds\n"
        "      --no-print       join, but write no pairs\n"
        "\n"
        "how it runs\n"
        "  -t, --threads N      threads per rank (default 1)\n"
        "      --memory SIZE    of a rank, beside program and MPI (default: its share of what the node, its "
        "cgroup\n"
        "                       and Slurm allow, less a tenth)\n"
        "      --round SIZE     most bytes that a rank sends or receives in one exchange (default 256M; less "
        "where\n"
        "                       --memory asks for it)\n"
        "      --scratch DIR    where candidates wait that do not fit (default: $TMPDIR, or /tmp)\n"
        "      --checkpoint DIR  keep in DIR what is done, to go on from when the job is ended; SIGUSR1 ends "
        "it\n"
        "                       so, with status 75\n"
        "      --checkpoint-every S  seconds between checkpoints (default 60 or more, so that they cost "
        "little)\n"
        "      --resume         go on from the checkpoint, with any number of ranks, if there is one\n"
        "      --stall-timeout S  end the job when an exchange has not finished for S seconds\n"
        "      --progress       where standard error is no terminal, tell each part of the job as it "
        "begins;\n"
        "                       without it a line a minute\n"
        "      --trace FILE     write when each rank was at what, for Perfetto\n"
        "      --quiet          no progress and no summary\n"
        "      --verbose        say more while running\n"
        "      --dry-run        tell the plan, what it will need and find, and stop\n"
        "      --assume-ranks N --assume-rows M\n"
        "                       of a dry run: for a cluster, and data, that are not here\n"
        "      --help           this text\n"
        "      --version        version and libraries\n"
        "\n"
        "On many ranks: mpirun -n 64 lshjoin --threshold 0.8 -o pairs/ corpus.h5\n",
        f);
}

/* A positive decimal number, nothing before or behind it. */
static int positive(const char *option, const char *text, double *v, struct error *e) {
    char *end;
    *v = strtod(text, &end);
    bool is_decimal = ((*text >= '0' && *text <= '9') || *text == '.') && !strpbrk(text, "xX");
    if (is_decimal && !*end && *v > 0 && *v <= DBL_MAX)
        return 0;
    return error_set(e, EX_USAGE, "%s: '%s' is not a number above 0", option, text);
}

/* A probability above 0 and up to 1. */
static int share_of_one(const char *option, const char *text, double *v, struct error *e) {
    if (!positive(option, text, v, e) && *v > 1)
        error_set(e, EX_USAGE, "%s: '%s' is not a probability above 0 and up to 1", option, text);
    return e->status;
}

static int metric(struct options *o, const char *text, struct error *e) {
    o->family = family_find(text);
    return o->family
               ? 0
               : error_set(e, EX_USAGE,
                           "--metric: '%s' is none of jaccard, weighted-jaccard, containment, cosine, l2, ip",
                           text);
}

static int format(struct options *o, const char *text, struct error *e) {
    static const char *const names[] = {"", "h5", "tsv", "mhash"};
    for (int i = FORMAT_H5; i <= FORMAT_MHASH; i++)
        if (strcmp(text, names[i]) == 0)
            o->format = (enum format)i;
    return o->format ? 0 : error_set(e, EX_USAGE, "--format: '%s' is none of h5, tsv, mhash", text);
}

static int duplicates(struct options *o, const char *text, struct error *e) {
    if (strcmp(text, "pairs") != 0 && strcmp(text, "groups") != 0)
        return error_set(e, EX_USAGE, "--duplicates: '%s' is neither pairs nor groups", text);
    o->duplicates = strcmp(text, "groups") == 0 ? DUPLICATES_GROUPS : DUPLICATES_PAIRS;
    return 0;
}

static int minhash(struct options *o, const char *text, struct error *e) {
    static const char *const names[] = {"auto", "classic", "fast"};
    for (int i = MINHASH_AUTO; i <= MINHASH_FAST; i++)
        if (strcmp(text, names[i]) == 0) {
            o->minhash = (enum minhash_kind)i;
            return 0;
        }
    return error_set(e, EX_USAGE, "--minhash: '%s' is none of classic, fast, auto", text);
}

static int cluster_method(struct options *o, const char *text, struct error *e) {
    if (strcmp(text, "components") != 0 && strcmp(text, "star") != 0)
        return error_set(e, EX_USAGE, "--cluster-method: '%s' is neither components nor star", text);
    o->cluster_method = *text == 's' ? CLUSTER_STAR : CLUSTER_COMPONENTS;
    return 0;
}

static int keep(struct options *o, const char *text, struct error *e) {
    o->keep_score = text;
    o->keep = strcmp(text, "first") == 0     ? KEEP_FIRST
              : strcmp(text, "longest") == 0 ? KEEP_LONGEST
              : strstr(text, ":/")           ? KEEP_SCORE
                                             : KEEP_DEFAULT;
    return o->keep ? 0
                   : error_set(e, EX_USAGE, "--keep: '%s' is none of first, longest, file.h5:/path", text);
}

/* The name of a file or directory. what: what was expected where it is empty. */
static int name(const char *option, const char *what, const char **out, struct error *e) {
    *out = optarg;
    return *optarg ? 0 : error_set(e, EX_USAGE, "%s: %s was expected", option, what);
}

static int take(struct options *o, int option, struct error *e) {
    uint64_t v = 0;
    switch (option) {
    case 'b':
        argument_number("--bands", optarg, 1, MOST_BANDS, &v, e);
        o->bands = (uint32_t)v;
        break;
    case 'r':
        argument_number("--rows", optarg, 1, MOST_ROWS, &v, e);
        o->rows = (uint32_t)v;
        break;
    case 's':
        return argument_number("--seed", optarg, 0, INT64_MAX, &o->seed, e);
    case 't':
        argument_number("--threads", optarg, 1, MOST_THREADS, &v, e);
        o->threads = (int)v;
        break;
    case 'E':
        o->exclusive = true;
        break;
    case THRESHOLD:
        o->threshold_text = optarg;
        break;
    case AGAINST:
        return name("--against", "the name of an input", &o->against, e);
    case SAVE_INDEX:
        return name("--save-index", "a directory", &o->save_index, e);
    case INDEX:
        o->indexes = mem_grow(o->indexes, (uint64_t)o->n_indexes + 1, sizeof *o->indexes);
        return name("--index", "a directory", &o->indexes[o->n_indexes++], e);
    case DELETED:
        return name("--deleted", "the name of a file", &o->deleted, e);
    case METRIC:
        return metric(o, optarg, e);
    case RADIUS:
        o->radius_text = optarg;
        return positive("--radius", optarg, &o->threshold.value, e);
    case WIDTH:
        if (!positive("--width", optarg, &o->width, e) && o->width < DBL_MIN)
            error_set(e, EX_USAGE, "--width: '%s' is too small to divide by", optarg);
        return e->status;
    case RECALL:
        return share_of_one("--recall", optarg, &o->recall, e);
    case MINHASH:
        return minhash(o, optarg, e);
    case NO_SKETCH:
        o->no_sketch = true;
        break;
    case DRY_RUN:
        o->dry_run = true;
        break;
    case ASSUME_RANKS:
        return argument_number("--assume-ranks", optarg, 1, INT32_MAX, &o->assume_ranks, e);
    case ASSUME_ROWS:
        return argument_number("--assume-rows", optarg, 1, (uint64_t)1 << 40, &o->assume_rows, e);
    case POOL:
        argument_number("--pool", optarg, 1, MOST_POOL, &v, e);
        o->pool = (uint32_t)v;
        break;
    case PROBES:
        argument_number("--probes", optarg, 0, MOST_PROBES, &v, e);
        o->probes = (uint32_t)v;
        break;
    case TOP_K:
        return argument_number("--top-k", optarg, 1, UINT16_MAX, &o->top_k, e);
    case CLUSTERS:
        o->clusters = true;
        break;
    case CLUSTER_METHOD:
        return cluster_method(o, optarg, e);
    case KEEP:
        return keep(o, optarg, e);
    case EXACT:
        o->exact = true;
        break;
    case MAX_BUCKET:
        return argument_number("--max-bucket", optarg, 2, UINT32_MAX, &o->max_bucket, e);
    case SKIP_BAD_ROWS:
        o->skip_bad_rows = true;
        break;
    case 'o':
        return name("--output", "a directory", &o->output, e);
    case FORMAT:
        return format(o, optarg, e);
    case IDS:
        o->ids = true;
        break;
    case DUPLICATES:
        return duplicates(o, optarg, e);
    case FORCE:
        o->force = true;
        break;
    case NO_PRINT:
        o->no_print = true;
        break;
    case ROUND:
        return argument_size("--round", optarg, 4096, (uint64_t)1 << 30, &o->round_bytes, e);
    case MEMORY:
        return argument_size("--memory", optarg, 1 << 20, (uint64_t)1 << 50, &o->memory_bytes, e);
    case SCRATCH:
        return name("--scratch", "a directory", &o->scratch, e);
    case CHECKPOINT:
        return name("--checkpoint", "a directory", &o->checkpoint, e);
    case CHECKPOINT_EVERY:
        argument_number("--checkpoint-every", optarg, 0, MOST_SECONDS, &v, e);
        o->checkpoint_every = (double)v;
        break;
    case RESUME:
        o->resume = true;
        break;
    case STALL_TIMEOUT:
        argument_number("--stall-timeout", optarg, 1, MOST_SECONDS, &v, e);
        o->stall_timeout = (double)v;
        break;
    case FILES:
        return argument_number("--files", optarg, 1, 512, &o->files, e);
    case TRACE:
        return name("--trace", "the name of a file", &o->trace, e);
    case PROGRESS:
        o->progress = true;
        break;
    case QUIET:
        o->quiet = true;
        break;
    case VERBOSE:
        o->verbose = true;
        break;
    case 'h':
        o->help = true;
        break;
    case VERSION:
        o->version = true;
        break;
    }
    return e->status;
}

/* A similarity up to 1, exact; of vectors it may be 0 or less, but who asks for that asks for all pairs. */
int options_take_threshold(struct options *o, struct error *e) {
    if (o->threshold_text && o->radius_text)
        return error_set(e, EX_USAGE,
                         "--threshold is a similarity and --radius a distance: give one of them");
    if (!o->threshold_text)
        return 0;
    if (o->family == &family_ip)
        return positive("--threshold", o->threshold_text, &o->threshold.value, e);
    struct fraction *f = &o->threshold.exact;
    if (!fraction_parse(o->threshold_text, f) || f->p == 0 || f->p > f->q)
        return error_set(
            e, EX_USAGE,
            "--threshold: '%s' is not a similarity above 0 and up to 1, as a decimal of at most 9 places",
            o->threshold_text);
    o->threshold.value = strtod(o->threshold_text, NULL);
    return 0;
}

/* Nothing is hashed, so nothing of hashing may be asked for. */
static int check_exact(const struct options *o, struct error *e) {
    if (o->bands || o->rows || o->probes || o->width || o->minhash)
        return error_set(e, EX_USAGE, "--exact does not hash: %s does not go with it",
                         o->minhash  ? "--minhash"
                         : o->bands  ? "--bands"
                         : o->rows   ? "--rows"
                         : o->probes ? "--probes"
                                     : "--width");
    if (o->recall > 0 || o->pool || o->max_bucket || o->dry_run)
        return error_set(e, EX_USAGE, "--exact finds all: there is no %s to it",
                         o->recall > 0   ? "--recall"
                         : o->pool       ? "--pool"
                         : o->max_bucket ? "--max-bucket"
                                         : "--dry-run");
    if (!o->verify)
        return error_set(e, EX_USAGE, "--exact needs --threshold, --radius or --top-k");
    return 0;
}

/* Bands and rows are given, or a threshold, for which they are planned. */
static int check_plan(struct options *o, struct error *e) {
    const double usual_recall = 0.95;
    bool planned = !o->bands && !o->rows && !o->exact;
    if (!planned && !o->exact && (!o->bands || !o->rows))
        return error_set(e, EX_USAGE, "%s is missing (see lshjoin --help)", o->bands ? "--rows" : "--bands");
    if (!planned && o->recall > 0)
        return error_set(e, EX_USAGE, "--recall plans bands and rows: give it, or --bands and --rows");
    if (planned && !o->threshold_text && !o->radius_text)
        return error_set(e, EX_USAGE,
                         "--bands and --rows are missing (or --threshold, or --radius, to plan them for)");
    if (planned && (o->pool || o->probes))
        return error_set(e, EX_USAGE, "%s goes with --bands and --rows", o->pool ? "--pool" : "--probes");
    if (!o->dry_run && (o->assume_ranks || o->assume_rows))
        return error_set(e, EX_USAGE, "--assume-ranks and --assume-rows go with --dry-run");
    if (planned && o->recall <= 0)
        o->recall = usual_recall;
    return 0;
}

/* Sketches are for candidates that are verified; their pool is their own. */
static int check_sketches(const struct options *o, struct error *e) {
    if (o->minhash == MINHASH_FAST && !o->verify)
        return error_set(
            e, EX_USAGE,
            "--minhash fast needs --threshold or --top-k: its values are too short to be trusted");
    if (o->minhash == MINHASH_FAST && (o->pool || o->rows > MOST_FAST_ROWS))
        return error_set(e, EX_USAGE, "--minhash fast draws its bands from 64 values: %s",
                         o->pool ? "--pool does not go with it" : "--rows can be no more");
    if (o->no_sketch && (o->minhash == MINHASH_CLASSIC || (o->family && !o->family->symbol_bits)))
        return error_set(e, EX_USAGE, "--no-sketch: without sketches there is no filter to leave out");
    if (o->no_sketch && (o->bands || o->exact))
        return error_set(e, EX_USAGE,
                         "--no-sketch is for planned bands: those that are given have no filter");
    return 0;
}

/* Pairs of one set in another. */
static int check_containment(const struct options *o, struct error *e) {
    if (!o->family || !o->family->is_directed)
        return 0;
    if (o->cluster_method == CLUSTER_STAR)
        return error_set(
            e, EX_USAGE,
            "--cluster-method star: a set in another is not as similar to it as that is to the set: "
            "--metric containment goes with components");
    if (o->minhash == MINHASH_FAST)
        return error_set(e, EX_USAGE, "--minhash fast: bands for --metric containment read no sketches");
    if (!o->verify && (o->bands || o->rows))
        return error_set(
            e, EX_USAGE,
            "--metric containment needs --threshold or --top-k: which of two sets is in the other "
            "candidates do not tell, and they are those of jaccard");
    return 0;
}

/* Groups are of pairs that are similar. */
static int check_clusters(const struct options *o, struct error *e) {
    if (!o->clusters && (o->keep || o->cluster_method))
        return error_set(e, EX_USAGE, "%s goes with --clusters", o->keep ? "--keep" : "--cluster-method");
    if (!o->clusters)
        return 0;
    if (o->top_k)
        return error_set(e, EX_USAGE, "--clusters: the K nearest are no groups: --top-k does not go with it");
    if (!o->threshold_text && !o->radius_text)
        return error_set(e, EX_USAGE,
                         "--clusters needs --threshold or --radius: groups are of similar records");
    if (!o->output && !o->arrays)
        return error_set(e, EX_USAGE, "--clusters writes a file: give its directory with --output");
    if (o->cluster_method == CLUSTER_STAR && o->keep == KEEP_FIRST)
        return error_set(e, EX_USAGE,
                         "--keep first: a star's centre does not go by row numbers, which would take as many "
                         "rounds as there are records in a chain");
    return 0;
}

/* Groups are tables of their own, and pairs name but one of a group. */
static int check_duplicates(const struct options *o, struct error *e) {
    if (o->duplicates != DUPLICATES_GROUPS)
        return 0;
    if (!o->output && !o->no_print)
        return error_set(e, EX_USAGE, "--duplicates groups writes files: give their directory with --output");
    if (o->format == FORMAT_MHASH)
        return error_set(e, EX_USAGE, "--duplicates groups: the format mhash has no place for them");
    if (o->exclusive && o->n_inputs == 2)
        return error_set(
            e, EX_USAGE,
            "--duplicates groups: with --exclusive each record has partners of its own, and none "
            "can stand for others");
    if (o->cluster_method == CLUSTER_STAR)
        return error_set(
            e, EX_USAGE,
            "--duplicates groups: stars are made of all pairs, and it tells those of one of each: "
            "it goes with --cluster-method components");
    return 0;
}

/* What is asked of an index, or of bands that the index has. */
static int check_index(const struct options *o, struct error *e) {
    const struct {
        bool is_given;
        const char *option;
    } others[] = {{o->against, "--against"},
                  {o->bands || o->rows, "--bands and --rows"},
                  {o->recall > 0, "--recall"},
                  {o->pool, "--pool"},
                  {o->probes, "--probes"},
                  {o->width > 0, "--width"},
                  {o->seed, "--seed"},
                  {o->minhash, "--minhash"},
                  {o->no_sketch, "--no-sketch"},
                  {o->exact, "--exact"},
                  {o->dry_run, "--dry-run"},
                  {o->exclusive, "--exclusive"},
                  {o->clusters, "--clusters"},
                  {o->duplicates == DUPLICATES_GROUPS, "--duplicates groups"},
                  {o->format == FORMAT_MHASH, "--format mhash"}};
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        if (others[i].is_given)
            return error_set(e, EX_USAGE, "--index: %s does not go with it", others[i].option);
    if (o->n_inputs == 2)
        return error_set(e, EX_USAGE, "--index names the old records: give one input, the new ones");
    return 0;
}

static int check_save_index(const struct options *o, struct error *e) {
    if (o->n_inputs == 2 || o->exact || o->dry_run || o->exclusive)
        return error_set(e, EX_USAGE, "--save-index is of the records of one input: %s does not go with it",
                         o->against         ? "--against"
                         : o->n_inputs == 2 ? "a second one"
                         : o->exact         ? "--exact"
                         : o->dry_run       ? "--dry-run"
                                            : "--exclusive");
    return 0;
}

/* New records, the one input that is named, join old ones: a self-join in which two old ones do not meet. For
 * the nearest of each new record this is a join of two inputs. */
static int check_against(struct options *o, struct error *e) {
    if (!o->against)
        return 0;
    if (o->n_inputs == 2)
        return error_set(e, EX_USAGE, "--against names the old records: give one input, the new ones");
    if (o->exclusive || o->clusters || o->duplicates == DUPLICATES_GROUPS)
        return error_set(e, EX_USAGE, "--against: %s does not go with it",
                         o->exclusive  ? "--exclusive"
                         : o->clusters ? "--clusters"
                                       : "--duplicates groups");
    o->n_inputs = 2;
    o->inputs[1] = o->top_k ? o->against : o->inputs[0];
    if (o->top_k)
        o->against = NULL;
    else
        o->inputs[0] = o->against;
    return 0;
}

static int check(struct options *o, struct error *e) {
    if (o->deleted && !o->n_indexes && !o->against)
        return error_set(e, EX_USAGE, "--deleted tells of old records: it goes with --against or --index");
    if ((o->n_indexes && check_index(o, e)) || check_against(o, e) ||
        (o->save_index && check_save_index(o, e)))
        return e->status;
    if (!o->n_indexes && options_take_threshold(o, e)) /* else when it is known what metric it is of */
        return e->status;
    o->verify = o->threshold_text || o->radius_text || o->top_k || o->n_indexes;
    if (o->max_bucket && !o->verify)
        return error_set(
            e, EX_USAGE,
            "--max-bucket needs --threshold, --radius or --top-k: where candidates are the result, their "
            "bands are counted in all buckets");
    if (o->exact && check_exact(o, e))
        return e->status;
    if (check_containment(o, e) || check_clusters(o, e) ||
        (!o->n_indexes && (check_plan(o, e) || check_sketches(o, e))))
        return e->status;
    if (o->pool && o->pool < o->rows)
        return error_set(e, EX_USAGE, "--pool: %u hash values are less than the %u rows of a band", o->pool,
                         o->rows);
    if (o->n_inputs == 2 && strcmp(o->inputs[0], "-") == 0 && strcmp(o->inputs[1], "-") == 0)
        return error_set(e, EX_USAGE, "standard input can be one input only");
    if (o->format == FORMAT_H5 && !o->output)
        return error_set(e, EX_USAGE, "--format h5 writes files: give their directory with --output");
    if (o->ids && o->format != FORMAT_TSV)
        return error_set(e, EX_USAGE, "--ids prints ids for row numbers: it goes with --format tsv only");
    if (!o->checkpoint && (o->resume || o->checkpoint_every >= 0))
        return error_set(e, EX_USAGE, "%s goes with --checkpoint",
                         o->resume ? "--resume" : "--checkpoint-every");
    if (o->trace && o->dry_run)
        return error_set(e, EX_USAGE, "--dry-run joins nothing: --trace does not go with it");
    if (check_duplicates(o, e))
        return e->status;
    if (o->quiet && o->verbose)
        return error_set(e, EX_USAGE, "--quiet and --verbose exclude each other");
    return 0;
}

int options_parse(struct options *o, int argc, char **argv, struct arrays *arrays, struct error *e) {
    const char *temporary = getenv("TMPDIR");
    *o = (struct options){.argc = argc,
                          .command = mem_alloc((uint64_t)argc, sizeof *argv),
                          .scratch = temporary && *temporary ? temporary : "/tmp",
                          .threads = 1,
                          .files = 512,
                          .checkpoint_every = -1,
                          .round_bytes = (uint64_t)256 << 20};
    memcpy(o->command, argv, (size_t)argc * sizeof *argv);
    o->arrays = arrays;
    opterr = 0;
    optind = 0; /* not the first command line of this process, maybe */
    int option;
    while ((option = getopt_long(argc, argv, ":b:r:s:t:Eo:h", long_options, NULL)) != -1) {
        const char *given = argv[optind - 1];
        if (option == '?' && optopt && strncmp(given, "--", 2) != 0)
            return error_set(e, EX_USAGE, "unknown option '-%c' (see lshjoin --help)", optopt);
        if (option == '?')
            return error_set(e, EX_USAGE,
                             "option '%s' is unknown, ambiguous or takes no value (see lshjoin --help)",
                             given);
        if (option == ':')
            return error_set(e, EX_USAGE, "option '%s' needs a value", given);
        if (take(o, option, e))
            return e->status;
    }
    if (o->help || o->version)
        return 0;
    if (arrays && optind < argc)
        return error_set(e, EX_USAGE, "'%s': a value of an option that takes none", argv[optind]);
    if (argc - optind > 2)
        return error_set(e, EX_USAGE, "'%s': at most two inputs", argv[optind + 2]);
    for (; optind < argc; optind++)
        o->inputs[o->n_inputs++] = argv[optind];
    if (o->n_inputs == 0 && !arrays) {
        if (isatty(STDIN_FILENO))
            return error_set(
                e, EX_USAGE,
                "no input: name a file, or give mhash text on standard input (see lshjoin --help)");
        o->inputs[o->n_inputs++] = "-";
    }
    return check(o, e);
}

void options_free(struct options *o) {
    free(o->command);
    free(o->indexes);
}
