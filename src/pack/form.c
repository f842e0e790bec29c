#include "form.h"

#include <string.h>

#include "forms.h"
#include "source.h"

static const struct cut lines_cut = {NULL, cut_line, true, false};
static const struct cut whole_cut = {NULL, cut_nowhere, false, true};
static const struct cut fixed_cut = {NULL, fixed_extent, false, false};
static const struct cut fasta_cut = {fasta_starts, fasta_extent, true, false};
static const struct cut fastq_cut = {fastq_starts, fastq_extent, true, false};

static const struct form whole_texts = {.name = "lines",
                                        .bears = GIVEN_TEXT | GIVEN_PER_FILE | GIVEN_IDS,
                                        .cut = &whole_cut,
                                        .head = text_head,
                                        .record = lines_record};

#define GENOMES (GIVEN_KMERS | GIVEN_PER_FILE | GIVEN_IDS)

/* name, endings, vectors or not, options, variant for whole files, cut, head, record, tells */
static const struct form forms[] = {
    {"lines", ".txt.", false, GIVEN_TEXT | GIVEN_PER_FILE | GIVEN_IDS, &whole_texts, &lines_cut, text_head,
     lines_record, false},
    {"jsonl", ".jsonl.ndjson.", false, GIVEN_TEXT | GIVEN_FIELDS | GIVEN_IDS, NULL, &lines_cut, text_head,
     jsonl_record, false},
    {"ints", ".", false, GIVEN_IDS, NULL, &lines_cut, text_head, ints_record, false},
    {"mhash", ".", false, GIVEN_IDS, NULL, &lines_cut, mhash_head, mhash_record, true},
    {"libsvm", ".svm.libsvm.svmlight.", false, GIVEN_WEIGHTS | GIVEN_IDS, NULL, &lines_cut, text_head,
     libsvm_record, false},
    {"npy", ".npy.", true, 0, NULL, &fixed_cut, npy_head, npy_record, true},
    {"fvecs", ".fvecs.", true, 0, NULL, &fixed_cut, fvecs_head, vecs_record, false},
    {"bvecs", ".bvecs.", true, 0, NULL, &fixed_cut, bvecs_head, vecs_record, false},
    {"ivecs", ".ivecs.", false, 0, NULL, &fixed_cut, fvecs_head, ivecs_record, false},
    {"csv", ".csv.", true, GIVEN_IDS, NULL, &lines_cut, text_head, csv_record, false},
    {"fasta", ".fa.fasta.fna.ffn.", false, GENOMES, NULL, &fasta_cut, text_head, fasta_record, false},
    {"fastq", ".fq.fastq.", false, GENOMES, NULL, &fastq_cut, text_head, fastq_record, false},
};
enum { FORMS = sizeof forms / sizeof *forms };

uint64_t number_bytes(enum number type) {
    static const uint8_t bytes[] = {[NUMBER_NONE] = 1, [NUMBER_F16] = 2, [NUMBER_F32] = 4,
                                    [NUMBER_F64] = 8,  [NUMBER_I8] = 1,  [NUMBER_U8] = 1};
    return bytes[type];
}

const struct form *form_find(const char *name) {
    for (int i = 0; i < FORMS; i++)
        if (strcmp(forms[i].name, name) == 0)
            return &forms[i];
    return NULL;
}

const struct form *form_of_file(const char *file) {
    uint64_t n = source_stem(file), last;
    n = n ? n : strlen(file);
    for (last = n; last > 0 && file[last - 1] != '.' && file[last - 1] != '/'; last--)
        ;
    if (last == 0 || file[last - 1] != '.' || n == last)
        return NULL;
    char ending[16];
    uint64_t length = n - last + 2; /* with a dot at both ends */
    if (length >= sizeof ending)
        return NULL;
    memcpy(ending, file + last - 1, length - 1);
    ending[length - 1] = '.';
    ending[length] = 0;
    for (int i = 0; i < FORMS; i++)
        if (strstr(forms[i].endings, ending))
            return &forms[i];
    return NULL;
}

const char *form_names(void) {
    return "lines, jsonl, ints, mhash, libsvm, npy, fvecs, bvecs, ivecs, csv, fasta, fastq";
}
