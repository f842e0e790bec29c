/* What the files parse_*.c give to the table of forms. */
#ifndef PACK_FORMS_H
#define PACK_FORMS_H

#include "form.h"

/* Texts. */
bool text_head(struct head *h, const char *text, uint64_t bytes,
               struct error *e); /* a byte-order mark is left out */
enum outcome lines_record(struct parser *p, const char *text, uint64_t bytes);
enum outcome jsonl_record(struct parser *p, const char *text, uint64_t bytes);

/* Sets of numbers. */
enum outcome ints_record(struct parser *p, const char *text, uint64_t bytes);
bool mhash_head(struct head *h, const char *text, uint64_t bytes, struct error *e);
enum outcome mhash_record(struct parser *p, const char *text, uint64_t bytes);
enum outcome libsvm_record(struct parser *p, const char *text, uint64_t bytes);

/* Vectors, and sets in the form of vectors. */
enum outcome csv_record(struct parser *p, const char *text, uint64_t bytes);
bool npy_head(struct head *h, const char *text, uint64_t bytes, struct error *e);
uint64_t fixed_extent(const struct head *h, const char *text, uint64_t bytes); /* what the head tells */
enum outcome npy_record(struct parser *p, const char *text, uint64_t bytes);
bool fvecs_head(struct head *h, const char *text, uint64_t bytes, struct error *e);
bool bvecs_head(struct head *h, const char *text, uint64_t bytes, struct error *e);
enum outcome vecs_record(struct parser *p, const char *text, uint64_t bytes);
enum outcome ivecs_record(struct parser *p, const char *text, uint64_t bytes);

/* Genomes. */
bool fasta_starts(const char *text, uint64_t bytes, uint64_t at);
uint64_t fasta_extent(const struct head *h, const char *text, uint64_t bytes);
enum outcome fasta_record(struct parser *p, const char *text, uint64_t bytes);
bool fastq_starts(const char *text, uint64_t bytes, uint64_t at);
uint64_t fastq_extent(const struct head *h, const char *text, uint64_t bytes);
enum outcome fastq_record(struct parser *p, const char *text, uint64_t bytes);

#endif
