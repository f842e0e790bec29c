#include "text_write.h"

#include <inttypes.h>
#include <string.h>

void text_write_header(FILE *f, const struct pair_columns *c) {
    fprintf(f, "%s\t%s%s%s%s\n", c->left, c->right, c->value ? "\t" : "", c->value ? c->value : "",
            c->ranked ? "\trank" : "");
}

void text_write_pairs(FILE *f, const struct pair *pairs, uint64_t n, const struct pair_columns *columns) {
    for (uint64_t i = 0; i < n; i++) {
        const struct pair *p = &pairs[i];
        fprintf(f, "%" PRIu64 "\t%" PRIu64, p->left, p->right);
        text_write_value(f, p, columns);
    }
}

void text_write_id(FILE *f, const char *id, uint64_t bytes) {
    static const char special[] = "\t\n\r\\", letter[] = "tnr\\0";
    for (uint64_t i = 0; i < bytes; i++) {
        const char *found = strchr(special, id[i]); /* the zero at its end, too */
        if (found)
            putc('\\', f);
        putc(found ? letter[found - special] : id[i], f);
    }
}

void text_write_value(FILE *f, const struct pair *p, const struct pair_columns *columns) {
    if (columns->value)
        fprintf(f, "\t%.9g", (double)(float)p->value);
    if (columns->ranked)
        fprintf(f, "\t%" PRIu64, p->rank);
    putc('\n', f);
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
