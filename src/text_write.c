#include "text_write.h"

#include <inttypes.h>

void text_write_header(FILE *f, const char *value, bool ranked) {
    fprintf(f, "left\tright\t%s%s\n", value, ranked ? "\trank" : "");
}

void text_write_pairs(FILE *f, const struct pair *pairs, uint64_t n, bool ranked) {
    for (uint64_t i = 0; i < n; i++) {
        const struct pair *p = &pairs[i];
        fprintf(f, "%" PRIu64 "\t%" PRIu64 "\t%.9g", p->left, p->right, (double)(float)p->value);
        if (ranked)
            fprintf(f, "\t%" PRIu64, p->rank);
        putc('\n', f);
    }
}

void text_write_queries(FILE *f, uint64_t first, uint64_t end, const struct u64_pair *entries, uint64_t n) {
    uint64_t at = 0;
    for (uint64_t query = first; query < end; query++) {
        fprintf(f, "%" PRIu64, query);
        for (; at < n && entries[at].first == query; at++)
            fprintf(f, ",%" PRIu64, entries[at].second);
        putc('\n', f);
    }
}
