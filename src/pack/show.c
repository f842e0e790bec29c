#include "show.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sysexits.h>

#include "beside.h"
#include "h5_read.h"
#include "h5_strings.h"
#include "input.h"
#include "pairs.h"
#include "texts.h"

enum { HEAD = 4200, ID_MOST = 4000 };

struct show {
    const char *file;
    struct h5_records records;
    struct h5_strings ids;
    struct texts texts;
    struct pairs pairs;
    struct buffer text[2];
    char head[2][HEAD]; /* number and id of a record */
    unsigned width;
    uint64_t shown;
};

/* Whether the pairs are of this file's records, as far as can be told. */
static int check_run(const struct show *s, struct error *e) {
    if (s->pairs.by_id)
        return error_set(e, EX_DATAERR, "the run told ids (--ids); --show looks records up by row numbers");
    if (s->pairs.inputs > 1)
        return error_set(e, EX_DATAERR, "the run joined two files; --show shows pairs within one");
    if (s->pairs.inputs == 1 && s->pairs.rows != s->records.rows)
        return error_set(e, EX_DATAERR,
                         "%s: has %" PRIu64 " records, but the run joined %" PRIu64 ": another file", s->file,
                         s->records.rows, s->pairs.rows);
    if (s->ids.n > 0 && s->ids.n != s->records.rows)
        return error_set(e, EX_DATAERR, "%s: /ids: %" PRIu64 " ids of %" PRIu64 " records", s->file, s->ids.n,
                         s->records.rows);
    return 0;
}

static int load_record(struct show *s, uint64_t row, int side, struct error *e) {
    uint64_t length;
    if (row >= s->records.rows)
        return error_set(e, EX_DATAERR, "%s: a pair tells of row %" PRIu64 ", but %s has %" PRIu64 " records",
                         s->pairs.name, row, s->file, s->records.rows);
    if (s->ids.n > 0) {
        char *id = h5_strings_read(&s->ids, row, ID_MOST, &length, e);
        snprintf(s->head[side], HEAD, "%" PRIu64 ": %s", row, id ? id : "");
        free(id);
    } else
        snprintf(s->head[side], HEAD, "%" PRIu64, row);
    return e->status ? e->status : texts_read(&s->texts, row, &s->text[side], e);
}

static int show_pair(struct show *s, const struct pair *p, struct error *e) {
    if (load_record(s, p->left, 0, e) || load_record(s, p->right, 1, e))
        return e->status;
    printf("%s%" PRIu64 " and %" PRIu64 ": %s %.9g", s->shown++ ? "\n" : "", p->left, p->right,
           s->pairs.value, (double)(float)p->value);
    if (p->rank)
        printf(", rank %" PRIu64, p->rank);
    putchar('\n');
    beside_print(stdout, (const char *const[]){s->head[0], s->head[1]}, s->text, s->width);
    return 0;
}

static int open_all(struct show *s, const char *object, const char *pairs, struct error *e) {
    if (h5_records_open(&s->records, s->file, object, H5_EITHER, e) ||
        h5_strings_open(&s->ids, s->records.file_id, s->file, "/ids", e) ||
        texts_open(&s->texts, s->records.file_id, s->file, s->records.rows, e) ||
        pairs_open(&s->pairs, pairs, e))
        return e->status;
    return check_run(s, e);
}

/* Standard output that is gone, as `head` goes, ends it; main tells if that is an error. */
static void show_all(struct show *s, const char *object, const char *pairs, struct error *e) {
    struct pair pair;
    s->width = beside_width();
    if (!open_all(s, object, pairs, e))
        while (!ferror(stdout) && pairs_next(&s->pairs, &pair, e) && !show_pair(s, &pair, e))
            ;
    fflush(stdout); /* before a message on standard error */
    pairs_close(&s->pairs);
    texts_close(&s->texts);
    h5_strings_close(&s->ids);
    h5_records_close(&s->records);
    buffer_free(&s->text[0]);
    buffer_free(&s->text[1]);
}

int show_run(struct comm *c, const char *input, const char *pairs, struct error *e) {
    struct input in;
    if (comm_rank(c) == 0 && !input_split_name(input, &in, e)) {
        struct show *s = mem_zero(1, sizeof *s);
        s->file = in.file;
        s->texts.fd = -1;
        show_all(s, in.object[0] ? in.object : NULL, pairs, e);
        free(s);
    }
    comm_failed(c, e);
    return e->status;
}
