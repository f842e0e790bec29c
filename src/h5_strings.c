#include "h5_strings.h"

#include <hdf5.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sysexits.h>

#include "h5_base.h"

/* H5Oexists_by_name fails where a part of the way is missing; a probe that fails says no. */
bool h5_exists(int64_t file_id, const char *path) {
    return H5Oexists_by_name(file_id, path, H5P_DEFAULT) > 0;
}

int h5_strings_open(struct h5_strings *s, int64_t file_id, const char *file, const char *group,
                    struct error *e) {
    char path[H5_PATH + 8];
    *s = (struct h5_strings){0};
    if (!h5_exists(file_id, group))
        return 0;
    snprintf(path, sizeof path, "%s/indptr", group);
    if (h5_list_open(&s->indptr, file_id, file, path, e))
        return e->status;
    snprintf(path, sizeof path, "%s/bytes", group);
    if (h5_list_open(&s->bytes, file_id, file, path, e))
        return e->status;
    if (s->indptr.length == 0 || s->bytes.size != 1)
        return error_set(e, EX_DATAERR,
                         "%s: %s: no strings: expected indptr, one more than there are, and bytes", file,
                         group);
    s->n = s->indptr.length - 1;
    return 0;
}

void h5_strings_close(struct h5_strings *s) {
    h5_list_close(&s->indptr);
    h5_list_close(&s->bytes);
    s->n = 0;
}

char *h5_strings_read(const struct h5_strings *s, uint64_t i, uint64_t most, uint64_t *length,
                      struct error *e) {
    uint64_t ends[2];
    if (h5_list_read(&s->indptr, i, 2, sizeof *ends, ends, e))
        return NULL;
    if (ends[1] < ends[0] || ends[1] > s->bytes.length) {
        error_set(e, EX_DATAERR, "%s: %s: string %" PRIu64 " reaches from %" PRIu64 " to %" PRIu64,
                  s->indptr.file, s->indptr.path, i, ends[0], ends[1]);
        return NULL;
    }
    *length = ends[1] - ends[0];
    uint64_t n = min_u64(*length, most);
    char *string = mem_alloc(n + 1, 1);
    string[n] = 0;
    if (n == 0 || !h5_list_read(&s->bytes, ends[0], n, 1, string, e))
        return string;
    free(string);
    return NULL;
}
