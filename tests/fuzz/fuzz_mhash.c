/* mhash text, as lshjoin reads it: one database or two, and what follows them. */
#include "fuzz.h"

#include "lshjoin/text_read.h"

/* Whole rows of ascending offsets, and no element beyond what there is. */
static void check(const struct records *sets) {
    uint64_t sum = 0;
    MUST(sets->offset[0] == 0);
    for (uint64_t i = 0; i < sets->n; i++)
        MUST(sets->offset[i] <= sets->offset[i + 1]);
    for (uint64_t k = 0; k < sets->offset[sets->n]; k++)
        sum += ((const uint32_t *)sets->data)[k];
    MUST(sum <= UINT64_MAX - 1);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct error e = {0};
    uint64_t line = 0;
    if (size == 0)
        return 0;
    FILE *f = fmemopen((void *)(uintptr_t)data, size, "r");
    for (int i = 0; i < 2 && !e.status; i++) {
        struct records sets;
        if (!text_read_sets(f, "text", &line, &sets, &e))
            check(&sets);
        records_free(&sets);
    }
    if (!e.status)
        text_read_end(f, "text", &line, &e);
    fclose(f);
    char *first = strndup((const char *)data, size);
    text_is_header(first);
    free(first);
    return 0;
}
