/* Every form of input of lshpack: bytes that pick form and options, then the file. What is parsed in one
 * piece must be the same as in two. */
#include "fuzz.h"

#include "form.h"
#include "parser.h"
#include "piece.h"

/* A copy of exactly these bytes and the 0 that follows pieces, so that who reads further is seen. */
static char *copy_of(const uint8_t *data, uint64_t bytes) {
    char *copy = mem_alloc(bytes + 1, 1);
    if (bytes)
        memcpy(copy, data, bytes);
    copy[bytes] = 0;
    return copy;
}

static void parse(const struct settings *s, const struct head *h, const uint8_t *data, uint64_t bytes,
                  bool is_first, struct rows *rows) {
    struct parser p = {.settings = s};
    char *text = copy_of(data, bytes);
    struct piece_text piece = {text, bytes, h, "file", is_first};
    parser_run(&p, &piece, rows);
    parser_free(&p);
    piece_count(s->form, h, text, bytes);
    free(text);
}

static void check(const struct settings *s, const struct head *h, const struct rows *r) {
    const uint64_t *length = (const uint64_t *)r->lengths.data, *items = (const uint64_t *)r->items.data;
    uint64_t item = s->form->vectors ? number_bytes(h->type) : sizeof *items, at = 0;
    for (uint64_t i = 0; i < r->n; at += length[i++])
        for (uint64_t k = 1; !s->form->vectors && k < length[i]; k++)
            MUST(items[at + k - 1] < items[at + k]);
    if (s->per_file && r->error.status)
        return; /* items of a record that was not ended */
    MUST(at * item == r->items.bytes && r->lengths.bytes == r->n * sizeof *length);
    MUST(!s->weights || r->weights.bytes == at * sizeof(float));
}

static bool same(const struct buffer *whole, const struct buffer *a, const struct buffer *b) {
    return whole->bytes == a->bytes + b->bytes &&
           (a->bytes == 0 || memcmp(whole->data, a->data, a->bytes) == 0) &&
           (b->bytes == 0 || memcmp(whole->data + a->bytes, b->data, b->bytes) == 0);
}

/* As ranks and readers cut: at the last start before `at`, which must be one of those that are found from the
 * left. */
static void parse_in_two(const struct settings *s, const struct head *h, const uint8_t *data, uint64_t bytes,
                         uint64_t at, const struct rows *whole) {
    struct rows a = {0}, b = {0};
    char *text = copy_of(data, at);
    uint64_t cut = at ? cut_last(s->form->cut, h, text, at) : 0;
    free(text);
    MUST(cut <= at);
    parse(s, h, data, cut, true, &a);
    if (!a.error.status) {
        parse(s, h, data + cut, bytes - cut, cut == 0, &b);
        if (!whole->error.status && !b.error.status)
            MUST(a.n + b.n == whole->n && a.bad + b.bad == whole->bad &&
                 same(&whole->items, &a.items, &b.items) && same(&whole->lengths, &a.lengths, &b.lengths) &&
                 same(&whole->ids, &a.ids, &b.ids));
        else
            MUST(!whole->error.status == !b.error.status);
    } else
        MUST(whole->error.status);
    rows_free(&a);
    rows_free(&b);
}

static const char *const names[] = {"lines", "jsonl", "ints",  "mhash", "libsvm", "npy",
                                    "fvecs", "bvecs", "ivecs", "csv",   "fasta",  "fastq"};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct bytes b = {data, size};
    struct error e = {0};
    struct settings s = {.hash_bits = 64, .threads = 1};
    struct head h;
    struct rows rows = {0};
    s.form = form_find(names[next_byte(&b) % (sizeof names / sizeof *names)]);
    uint8_t how = next_byte(&b), n = next_byte(&b), where = next_byte(&b);
    s.ids = how & 1 && s.form->bears & GIVEN_IDS;
    s.skip_bad = how & 2;
    s.weights = how & 4 && s.form->bears & GIVEN_WEIGHTS;
    s.per_file = how & 8 && s.form->bears & GIVEN_PER_FILE;
    s.hash_bits = how & 16 ? 32 : 64;
    s.shingling = (struct shingling){how & 32, 1 + n % 40, n & 64, n & 128, how & 64};
    s.kmers = 1 + n % 32;
    s.text_field = how & 128 ? "a.b" : NULL;
    s.id_field = s.ids && s.form->bears & GIVEN_FIELDS ? "id" : NULL;
    if (s.per_file && s.form->whole)
        s.form = s.form->whole;
    char *head = copy_of(b.at, min_u64(b.left, HEAD_BYTES));
    bool good = s.form->head(&h, head, min_u64(b.left, HEAD_BYTES), &e);
    free(head);
    MUST(good || e.status);
    if (!good)
        return 0;
    uint64_t skip = min_u64(h.bytes, b.left), bytes = b.left - skip;
    parse(&s, &h, b.at + skip, bytes, true, &rows);
    check(&s, &h, &rows);
    if (!s.per_file)
        parse_in_two(&s, &h, b.at + skip, bytes, bytes * where / 255, &rows);
    rows_free(&rows);
    return 0;
}
