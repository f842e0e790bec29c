#include "kept.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>
#include <xxhash.h>

enum { PATH = 4096 + 64 };

/* A pair as it lies in the file, after the head: one of these. */
struct wide {
    uint64_t left, right;
    double value;
};
struct narrow {
    uint32_t left, right;
    float value;
};

struct head {
    char magic[8];
    uint64_t job, next, rank, n, narrow;
    uint64_t sum;  /* of all records */
    uint64_t head; /* of the members above */
};

static const char magic[8] = "lshpairs";

static uint64_t sum_of_head(const struct head *h) {
    return XXH3_64bits(h, offsetof(struct head, head));
}

static void path_of(struct kept_name n, char path[PATH]) {
    snprintf(path, PATH, "%s/step-%09llu-rank-%05llu.pairs", n.directory, (unsigned long long)n.next,
             (unsigned long long)n.rank);
}

bool kept_is_name(const char *file) {
    int length = 0;
    if (sscanf(file, "step-%*9[0-9]-rank-%*5[0-9].pairs%n", &length) >= 0 && length > 0)
        return file[length] == 0;
    return sscanf(file, ".rank-%*5[0-9].pairs.part%n", &length) >= 0 && length > 0 && file[length] == 0;
}

/* ---- writing ---- */

static size_t item_of(bool narrow) {
    return narrow ? sizeof(struct narrow) : sizeof(struct wide);
}

/* n pairs into records, and back. */
static void put(const struct pair *pairs, uint64_t n, bool narrow, void *records) {
    struct narrow *small = records;
    struct wide *large = records;
    if (narrow)
        for (uint64_t i = 0; i < n; i++)
            small[i] =
                (struct narrow){(uint32_t)pairs[i].left, (uint32_t)pairs[i].right, (float)pairs[i].value};
    else
        for (uint64_t i = 0; i < n; i++)
            large[i] = (struct wide){pairs[i].left, pairs[i].right, pairs[i].value};
}

static void get(struct pair *pairs, uint64_t n, bool narrow, const void *records) {
    const struct narrow *small = records;
    const struct wide *large = records;
    for (uint64_t i = 0; i < n; i++)
        pairs[i] = narrow ? (struct pair){small[i].left, small[i].right, small[i].value, 0}
                          : (struct pair){large[i].left, large[i].right, large[i].value, 0};
}

struct kept_writer {
    char path[PATH]; /* the temporary one */
    int fd;          /* -1: nothing has been written since the last was finished */
    bool narrow;
    uint64_t n, buffered;
    char *buffer; /* [KEPT_BUFFERED] records */
    XXH3_state_t *sum;
};

struct kept_writer *kept_writer_create(const char *directory, uint64_t rank, bool narrow) {
    struct kept_writer *w = mem_zero(1, sizeof *w);
    snprintf(w->path, sizeof w->path, "%s/.rank-%05llu.pairs.part", directory, (unsigned long long)rank);
    w->fd = -1;
    w->narrow = narrow;
    w->buffer = mem_alloc(KEPT_BUFFERED, item_of(narrow));
    w->sum = XXH3_createState();
    if (!w->sum)
        die(EX_OSERR, "out of memory: the state of a checksum could not be had");
    XXH3_64bits_reset(w->sum);
    return w;
}

static int complain(const struct kept_writer *w, struct error *e) {
    return error_set(e, EX_IOERR, "%s: cannot be written: %s", w->path, strerror(errno));
}

static int write_all(const struct kept_writer *w, const void *data, size_t bytes, struct error *e) {
    for (size_t at = 0; at < bytes;) {
        ssize_t n = write(w->fd, (const char *)data + at, bytes - at);
        if (n < 0 && errno != EINTR)
            return complain(w, e);
        at += n > 0 ? (size_t)n : 0;
    }
    return 0;
}

static int flush(struct kept_writer *w, struct error *e) {
    static const struct head room;
    if (w->fd < 0) {
        w->fd = open(w->path, O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC, 0600);
        if (w->fd < 0)
            return error_set(e, EX_CANTCREAT, "%s: cannot be made: %s", w->path, strerror(errno));
        if (write_all(w, &room, sizeof room, e))
            return e->status;
    }
    XXH3_64bits_update(w->sum, w->buffer, w->buffered * item_of(w->narrow));
    write_all(w, w->buffer, w->buffered * item_of(w->narrow), e);
    w->buffered = 0;
    return e->status;
}

int kept_write(struct kept_writer *w, const struct pair *pairs, uint64_t n, struct error *e) {
    w->n += n;
    while (n > 0 && !e->status) {
        uint64_t some = min_u64(n, KEPT_BUFFERED - w->buffered);
        put(pairs, some, w->narrow, w->buffer + w->buffered * item_of(w->narrow));
        w->buffered += some;
        pairs += some;
        n -= some;
        if (w->buffered == KEPT_BUFFERED)
            flush(w, e);
    }
    return e->status;
}

uint64_t kept_written(const struct kept_writer *w) {
    return w->n;
}

int kept_finish(struct kept_writer *w, struct kept_name name, struct error *e) {
    if (w->n == 0 || flush(w, e))
        return e->status;
    char path[PATH];
    struct head h = {.job = name.job,
                     .next = name.next,
                     .rank = name.rank,
                     .n = w->n,
                     .narrow = w->narrow,
                     .sum = XXH3_64bits_digest(w->sum)};
    memcpy(h.magic, magic, sizeof magic);
    h.head = sum_of_head(&h);
    path_of(name, path);
    bool good = pwrite(w->fd, &h, sizeof h, 0) == sizeof h && fsync(w->fd) == 0;
    good = close(w->fd) == 0 && good;
    w->fd = -1;
    if (!good || rename(w->path, path) != 0) {
        complain(w, e);
        unlink(w->path);
        return e->status;
    }
    w->n = 0;
    XXH3_64bits_reset(w->sum);
    return 0;
}

void kept_writer_free(struct kept_writer *w) {
    if (w->fd >= 0) {
        close(w->fd);
        unlink(w->path);
    }
    XXH3_freeState(w->sum);
    free(w->buffer);
    free(w);
}

/* ---- reading ---- */

struct kept_reader {
    char path[PATH];
    FILE *file;
    struct head head;
    uint64_t left;
    XXH3_state_t *state;
};

static int check_head(struct kept_reader *r, struct kept_name name, uint64_t n, struct error *e) {
    struct head *h = &r->head;
    struct stat info;
    if (fread(h, sizeof *h, 1, r->file) != 1 || memcmp(h->magic, magic, sizeof magic) != 0 ||
        sum_of_head(h) != h->head)
        return error_set(e, EX_DATAERR, "%s: is damaged: its head is not one of a checkpoint", r->path);
    if (h->job != name.job || h->next != name.next || h->rank != name.rank || h->n != n)
        return error_set(e, EX_DATAERR, "%s: is of another job or step than state.json", r->path);
    uint64_t bytes = sizeof *h + n * item_of(h->narrow);
    if (fstat(fileno(r->file), &info) != 0 || (uint64_t)info.st_size != bytes)
        return error_set(e, EX_DATAERR, "%s: is damaged: it has %lld bytes, and should have %llu", r->path,
                         (long long)info.st_size, (unsigned long long)bytes);
    return 0;
}

struct kept_reader *kept_open(struct kept_name name, uint64_t n, struct error *e) {
    struct kept_reader *r = mem_zero(1, sizeof *r);
    path_of(name, r->path);
    r->left = n;
    r->state = XXH3_createState();
    if (!r->state)
        die(EX_OSERR, "out of memory: the state of a checksum could not be had");
    XXH3_64bits_reset(r->state);
    r->file = fopen(r->path, "rb");
    if (!r->file)
        error_set(e, EX_NOINPUT, "%s: cannot be read: %s", r->path, strerror(errno));
    else if (!check_head(r, name, n, e))
        return r;
    kept_close(r);
    return NULL;
}

uint64_t kept_read(struct kept_reader *r, struct pair *pairs, uint64_t most, struct error *e) {
    uint64_t n = min_u64(most, r->left);
    size_t item = item_of(r->head.narrow);
    if (n == 0)
        return 0;
    void *records = mem_alloc(n, item);
    bool whole = fread(records, item, n, r->file) == n;
    XXH3_64bits_update(r->state, records, n * item);
    r->left -= n;
    if (!whole)
        error_set(e, EX_IOERR, "%s: cannot be read: %s", r->path, strerror(errno));
    else if (r->left == 0 && XXH3_64bits_digest(r->state) != r->head.sum)
        error_set(e, EX_DATAERR, "%s: is damaged: its checksum is wrong", r->path);
    get(pairs, n, r->head.narrow, records);
    free(records);
    return e->status ? 0 : n;
}

void kept_close(struct kept_reader *r) {
    if (r->file)
        fclose(r->file);
    XXH3_freeState(r->state);
    free(r);
}
