#include "settings.h"

#include <getopt.h>
#include <string.h>
#include <sysexits.h>

#include "argument.h"
#include "form.h"
#include "kmer.h"

enum { MOST_THREADS = 4096, MOST_SHINGLE = 1000000 };

/* Options without a short form. */
enum {
    FROM = 256,
    LIST,
    PER_FILE,
    TEXT_FIELD,
    ID_FIELD,
    IDS,
    SOURCE,
    WORDS,
    CHARS,
    KEEP_CASE,
    KEEP_SPACE,
    KEEP_PUNCTUATION,
    HASH_BITS,
    KMERS,
    WEIGHTS,
    GZIP,
    FORCE,
    MEMORY,
    SCRATCH,
    SKIP_BAD,
    QUIET,
    PROGRESS,
    INFO,
    SHOW,
    DROP,
    VERSION
};

static const struct option long_options[] = {
    {"from", required_argument, NULL, FROM},
    {"list", required_argument, NULL, LIST},
    {"per-file", no_argument, NULL, PER_FILE},
    {"text-field", required_argument, NULL, TEXT_FIELD},
    {"id-field", required_argument, NULL, ID_FIELD},
    {"ids", no_argument, NULL, IDS},
    {"source", no_argument, NULL, SOURCE},
    {"words", required_argument, NULL, WORDS},
    {"chars", required_argument, NULL, CHARS},
    {"keep-case", no_argument, NULL, KEEP_CASE},
    {"keep-space", no_argument, NULL, KEEP_SPACE},
    {"keep-punctuation", no_argument, NULL, KEEP_PUNCTUATION},
    {"hash-bits", required_argument, NULL, HASH_BITS},
    {"kmers", required_argument, NULL, KMERS},
    {"weights", no_argument, NULL, WEIGHTS},
    {"output", required_argument, NULL, 'o'},
    {"gzip", required_argument, NULL, GZIP},
    {"force", no_argument, NULL, FORCE},
    {"threads", required_argument, NULL, 't'},
    {"memory", required_argument, NULL, MEMORY},
    {"scratch", required_argument, NULL, SCRATCH},
    {"skip-bad", no_argument, NULL, SKIP_BAD},
    {"quiet", no_argument, NULL, QUIET},
    {"progress", no_argument, NULL, PROGRESS},
    {"info", required_argument, NULL, INFO},
    {"show", required_argument, NULL, SHOW},
    {"drop", required_argument, NULL, DROP},
    {"help", no_argument, NULL, 'h'},
    {"version", no_argument, NULL, VERSION},
    {0},
};

void settings_help(FILE *f) {
    fputs(
        "usage: lshpack [options] -o OUT.h5 INPUT...\n"
        "       lshpack --info FILE.h5[:/path]\n"
        "       lshpack --show FILE.h5[:/path] PAIRS\n"
        "       lshpack --drop CLUSTERS.h5 [options] [-o OUT] INPUT...\n"
        "\n"
        "Makes the HDF5 that lshjoin reads, sets or vectors, out of texts, numbers and genomes, plain, .gz "
        "or\n"
        ".zst. INPUT '-' is standard input. PAIRS is what lshjoin wrote: its directory, one of its files of\n"
        "pairs, or '-' for tsv on standard input. --drop writes the inputs again, without the records that\n"
        "lshjoin --clusters did not keep; give the inputs and options that were packed.\n"
        "\n"
        "what the input is\n"
        "      --from KIND      lines, jsonl, ints, mhash, libsvm, npy, fvecs, bvecs, ivecs, csv, fasta or\n"
        "                       fastq; by default as the ending says\n"
        "      --list FILE      more inputs, one a line ('-': standard input)\n"
        "      --per-file       one record a file (lines, fasta, fastq)\n"
        "      --text-field N   jsonl: the field that holds the text (default text); dots go into objects\n"
        "      --id-field N     jsonl: the field that holds the id\n"
        "      --ids            keep ids: the first column, up to a tab (lines, ints, libsvm, csv), the "
        "name\n"
        "                       (fasta, fastq), the name of the file (--per-file), m (mhash)\n"
        "      --source         keep the file, the offset and the length of each record\n"
        "\n"
        "how texts become sets\n"
        "      --words N        shingles of N words (default: of 3 words)\n"
        "      --chars N        shingles of N code points\n"
        "      --keep-case, --keep-space, --keep-punctuation\n"
        "                       don't fold these; by default all three are\n"
        "      --hash-bits N    64 (default) or 32, the low half\n"
        "      --kmers K        fasta, fastq: length of k-mers, 1 to 32 (default 21)\n"
        "      --weights        libsvm: keep the values\n"
        "\n"
        "what comes out\n"
        "  -o, --output FILE    the HDF5 file (required); of --drop, what is otherwise standard output\n"
        "      --gzip N         compress it, 1 (quick) to 9 (small)\n"
        "      --force          replace a file that is there\n"
        "\n"
        "how it runs\n"
        "  -t, --threads N      threads per rank (default 1)\n"
        "      --memory SIZE    about what a rank holds; more goes to a temporary file (default 1G)\n"
        "      --scratch DIR    where that file is (default: where OUT.h5 will be)\n"
        "      --skip-bad       leave out, and count, records with a mistake\n"
        "      --progress       where standard error is no terminal, tell each part of the job as it "
        "begins;\n"
        "                       without it a line a minute\n"
        "      --quiet          no progress and no summary\n"
        "      --help           this text\n"
        "      --version        version and libraries\n"
        "\n"
        "On many ranks: mpirun -n 64 lshpack --words 3 -o corpus.h5 corpus/*.jsonl.zst\n",
        f);
}

static int take_form(struct settings *s, const char *text, struct error *e) {
    s->form = form_find(text);
    return s->form ? 0 : error_set(e, EX_USAGE, "--from: '%s' is none of %s", text, form_names());
}

static int take_shingle(struct settings *s, bool words, struct error *e) {
    uint64_t n = 0;
    if (s->shingling.n && s->shingling.words != words)
        return error_set(e, EX_USAGE, "--words and --chars exclude each other");
    argument_number(words ? "--words" : "--chars", optarg, 1, MOST_SHINGLE, &n, e);
    s->shingling.words = words;
    s->shingling.n = (uint32_t)n;
    s->given |= GIVEN_TEXT;
    return e->status;
}

static int take_hash_bits(struct settings *s, struct error *e) {
    if (strcmp(optarg, "64") != 0 && strcmp(optarg, "32") != 0)
        return error_set(e, EX_USAGE, "--hash-bits: '%s' is neither 64 nor 32", optarg);
    s->hash_bits = *optarg == '6' ? 64 : 32;
    s->given |= GIVEN_TEXT;
    return 0;
}

/* Options that take no value. False if it is none of them. */
static bool take_flag(struct settings *s, int option) {
    const struct {
        int option;
        bool *flag;
        unsigned given;
    } flags[] = {{PER_FILE, &s->per_file, GIVEN_PER_FILE},
                 {IDS, &s->ids, GIVEN_IDS},
                 {SOURCE, &s->source, 0},
                 {KEEP_CASE, &s->shingling.keep_case, GIVEN_TEXT},
                 {KEEP_SPACE, &s->shingling.keep_space, GIVEN_TEXT},
                 {KEEP_PUNCTUATION, &s->shingling.keep_punctuation, GIVEN_TEXT},
                 {WEIGHTS, &s->weights, GIVEN_WEIGHTS},
                 {FORCE, &s->force, 0},
                 {SKIP_BAD, &s->skip_bad, 0},
                 {QUIET, &s->quiet, 0},
                 {PROGRESS, &s->progress, 0},
                 {'h', &s->help, 0},
                 {VERSION, &s->version, 0}};
    for (size_t i = 0; i < sizeof flags / sizeof *flags; i++)
        if (flags[i].option == option) {
            s->given |= flags[i].given;
            return *flags[i].flag = true;
        }
    return false;
}

/* Options whose value is a name. False if it is none of them. */
static bool take_name(struct settings *s, int option) {
    const struct {
        int option;
        const char **name;
        unsigned given;
    } names[] = {{LIST, &s->list, 0},
                 {TEXT_FIELD, &s->text_field, GIVEN_FIELDS},
                 {ID_FIELD, &s->id_field, GIVEN_FIELDS},
                 {'o', &s->output, 0},
                 {SCRATCH, &s->scratch, 0},
                 {INFO, &s->info, 0},
                 {SHOW, &s->show, 0},
                 {DROP, &s->drop, 0}};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (names[i].option == option) {
            *names[i].name = optarg;
            s->given |= names[i].given;
            return true;
        }
    return false;
}

static int take(struct settings *s, int option, struct error *e) {
    uint64_t v = 0;
    if (take_flag(s, option) || take_name(s, option))
        return 0;
    switch (option) {
    case FROM:
        return take_form(s, optarg, e);
    case WORDS:
    case CHARS:
        return take_shingle(s, option == WORDS, e);
    case HASH_BITS:
        return take_hash_bits(s, e);
    case KMERS:
        argument_number("--kmers", optarg, 1, KMER_LONGEST, &v, e);
        s->kmers = (uint32_t)v;
        s->given |= GIVEN_KMERS;
        break;
    case GZIP:
        argument_number("--gzip", optarg, 1, 9, &v, e);
        s->gzip = (int)v;
        break;
    case 't':
        argument_number("--threads", optarg, 1, MOST_THREADS, &v, e);
        s->threads = (int)v;
        break;
    case MEMORY:
        return argument_size("--memory", optarg, 1024, (uint64_t)1 << 50, &s->memory, e);
    }
    return e->status;
}

static int check(struct settings *s, struct error *e) {
    if (s->info || s->show) {
        int expected = s->show ? 1 : 0;
        if ((s->info && s->show) || s->drop)
            return error_set(e, EX_USAGE, "--info, --show and --drop exclude each other");
        if (s->n_inputs != expected)
            return error_set(e, EX_USAGE,
                             s->show ? "--show takes a file and the pairs that lshjoin found in it"
                                     : "--info takes one file and nothing else");
        return 0;
    }
    if (s->drop && s->gzip)
        return error_set(e, EX_USAGE, "--drop writes no HDF5: --gzip does not go with it");
    if (s->output ? !*s->output : !s->drop)
        return error_set(e, EX_USAGE, "--output: the name of a file was expected (see lshpack --help)");
    if (s->n_inputs == 0 && !s->list)
        return error_set(e, EX_USAGE, "no input: name files, '-' for standard input, or --list FILE");
    if (s->id_field)
        s->ids = true;
    if (!s->shingling.n) {
        s->shingling.words = true;
        s->shingling.n = 3;
    }
    return 0;
}

int settings_parse(struct settings *s, int argc, char **argv, struct error *e) {
    *s = (struct settings){.hash_bits = 64, .kmers = 21, .threads = 1, .memory = (uint64_t)1 << 30};
    opterr = 0;
    int option;
    while ((option = getopt_long(argc, argv, ":o:t:h", long_options, NULL)) != -1) {
        const char *given = argv[optind - 1];
        if (option == '?' && optopt && strncmp(given, "--", 2) != 0)
            return error_set(e, EX_USAGE, "unknown option '-%c' (see lshpack --help)", optopt);
        if (option == '?')
            return error_set(e, EX_USAGE,
                             "option '%s' is unknown, ambiguous or takes no value (see lshpack --help)",
                             given);
        if (option == ':')
            return error_set(e, EX_USAGE, "option '%s' needs a value", given);
        if (take(s, option, e))
            return e->status;
    }
    s->inputs = argv + optind;
    s->n_inputs = argc - optind;
    return s->help || s->version ? 0 : check(s, e);
}

int settings_suit(struct settings *s, struct error *e) {
    static const struct {
        unsigned given;
        const char *what;
    } options[] = {{GIVEN_TEXT, "--words, --chars, --keep-* and --hash-bits are for texts"},
                   {GIVEN_KMERS, "--kmers is for fasta and fastq"},
                   {GIVEN_WEIGHTS, "--weights is for libsvm"},
                   {GIVEN_FIELDS, "--text-field and --id-field are for jsonl"},
                   {GIVEN_PER_FILE, "--per-file is for lines, fasta and fastq"},
                   {GIVEN_IDS, "--ids: vectors in this form have none"}};
    for (size_t i = 0; i < sizeof options / sizeof *options; i++)
        if (s->given & options[i].given & ~s->form->bears)
            return error_set(e, EX_USAGE, "%s, and the input is %s (see --from)", options[i].what,
                             s->form->name);
    if (s->form->bears & GIVEN_FIELDS && s->ids && !s->id_field)
        return error_set(e, EX_USAGE,
                         "--ids: ids of jsonl (see --from) are in a field: name it with --id-field");
    if (s->per_file && s->form->whole)
        s->form = s->form->whole;
    return 0;
}
