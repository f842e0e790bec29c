#include "h5_create.h"

#include <errno.h>
#include <fcntl.h>
#include <hdf5.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "comm_mpi.h"
#include "disk.h"
#include "h5_base.h"
#include "lshjoin/seal.h"

enum { CHUNK_BYTES = 1 << 20, MOST_AT_ONCE = 1 << 26, CACHE_LINE = 64 };

/* What HDF5 adds to data: so much for each chunk, each dataset, and all else; and one part in so many, as
 * chunks are not always side by side. */
enum { CHUNK_ENTRY = 256, DATASET_BYTES = 1 << 12, OTHER_BYTES = 1 << 16, GAPS = 32 };

struct h5_new {
    struct comm *c;
    char *name;
    hid_t file;
    uint64_t least, alignment; /* what has so many bytes begins where so many divide */
    int place;                 /* rank 0 of several: the file again, to reserve room for it; or -1 */
    uint64_t reserved;         /* bytes */
};

uint64_t h5_type_bytes(enum h5_type type) {
    static const uint8_t bytes[] = {
        [H5_UINT8] = 1, [H5_INT8] = 1,    [H5_UINT16] = 2,  [H5_UINT32] = 4, [H5_UINT64] = 8,
        [H5_INT64] = 8, [H5_FLOAT16] = 2, [H5_FLOAT32] = 4, [H5_FLOAT64] = 8};
    return bytes[type];
}

/* IEEE 754's binary16, which HDF5 1.10 has no name for. */
static hid_t make_half(void) {
    hid_t type = H5Tcopy(H5T_IEEE_F32LE);
    H5Tset_fields(type, 15, 10, 5, 0, 10);
    H5Tset_size(type, 2);
    H5Tset_ebias(type, 15);
    return type;
}

/* To be closed. */
static hid_t make_type(enum h5_type type) {
    switch (type) {
    case H5_UINT8:
        return H5Tcopy(H5T_STD_U8LE);
    case H5_INT8:
        return H5Tcopy(H5T_STD_I8LE);
    case H5_UINT16:
        return H5Tcopy(H5T_STD_U16LE);
    case H5_UINT32:
        return H5Tcopy(H5T_STD_U32LE);
    case H5_UINT64:
        return H5Tcopy(H5T_STD_U64LE);
    case H5_INT64:
        return H5Tcopy(H5T_STD_I64LE);
    case H5_FLOAT16:
        return make_half();
    case H5_FLOAT32:
        return H5Tcopy(H5T_IEEE_F32LE);
    case H5_FLOAT64:
        return H5Tcopy(H5T_IEEE_F64LE);
    }
    return -1;
}

/* Whether an error is any rank's. Asked before each call that HDF5 makes on all ranks together: one that does
 * not come there leaves the others waiting. */
static int agree(struct h5_new *f, struct error *e) {
    comm_failed(f->c, e);
    return e->status;
}

/* How the file is opened, to be closed. A rank alone need not wait for MPI-IO, which wants more of MPI than
 * that has. */
static hid_t prepare(struct h5_new *f, struct error *e) {
    hid_t access = H5Pcreate(H5P_FILE_ACCESS);
    if (access < 0)
        h5_fail(e, EX_OSERR, f->name, "cannot be prepared");
    if (agree(f, e)) /* MPI-IO has a communicator of its own, which all ranks make */
        return access;
    if ((comm_size(f->c) > 1 && H5Pset_fapl_mpio(access, f->c->mpi, MPI_INFO_NULL) < 0) ||
        H5Pset_alignment(access, f->least, f->alignment) < 0)
        h5_fail(e, EX_OSERR, f->name, "cannot be prepared");
    return access;
}

static uint64_t row_bytes(const struct h5_part *p) {
    return (p->rank == 2 ? p->width : 1) * h5_type_bytes(p->type);
}

/* Rows of a chunk. */
static uint64_t chunk_rows(const struct h5_part *p) {
    return max_u64(1, min_u64(p->rows, CHUNK_BYTES / max_u64(1, row_bytes(p))));
}

/* Collective. Room on disk for a dataset, compressed or not. Where MPI-IO finds the disk full, Open MPI 4
 * takes no note of data that it could not write, and HDF5 1.10 waits for ever as it closes: it must not be
 * full there. */
static int reserve(struct h5_new *f, const struct h5_part *p, struct error *e) {
    uint64_t in_chunk = p->in_one ? 1 : chunk_rows(p), chunks = (p->rows + in_chunk - 1) / in_chunk;
    uint64_t bytes = chunks * in_chunk * row_bytes(p);
    f->reserved += bytes + DATASET_BYTES + (bytes >= f->least ? f->alignment : 0);
    if (!p->in_one)
        f->reserved += bytes / GAPS + chunks * CHUNK_ENTRY;
    if (f->place >= 0 && disk_reserve(f->place, f->reserved + OTHER_BYTES) != 0)
        error_set(e, EX_IOERR, "%s: cannot be written: %s", f->name, strerror(errno));
    return agree(f, e);
}

static struct h5_new *create(struct comm *c, const char *file, uint64_t least, uint64_t alignment,
                             struct error *e) {
    h5_start();
    struct h5_new *f = mem_zero(1, sizeof *f);
    *f = (struct h5_new){
        .c = c, .name = mem_alloc(strlen(file) + 1, 1), .least = least, .alignment = alignment, .place = -1};
    strcpy(f->name, file);
    hid_t access = prepare(f, e);
    if (!agree(f, e) && (f->file = H5Fcreate(file, H5F_ACC_EXCL, H5P_DEFAULT, access)) < 0)
        h5_fail(e, EX_CANTCREAT, file, "cannot be created");
    H5Pclose(access);
    if (!agree(f, e) && comm_size(c) > 1 && comm_rank(c) == 0 &&
        (f->place = open(file, O_WRONLY | O_NOFOLLOW | O_CLOEXEC)) < 0)
        error_set(e, EX_CANTCREAT, "%s: cannot be opened: %s", file, strerror(errno));
    if (!agree(f, e))
        return f;
    h5_new_close(f, e);
    return NULL;
}

struct h5_new *h5_new_create(struct comm *c, const char *file, struct error *e) {
    return create(c, file, CHUNK_BYTES, CHUNK_BYTES, e);
}

struct h5_new *h5_new_create_aligned(struct comm *c, const char *file, struct error *e) {
    return create(c, file, 1, CACHE_LINE, e);
}

static int add_attribute(struct h5_new *f, const char *name, hid_t type, const void *value, struct error *e) {
    hid_t space = H5Screate(H5S_SCALAR), id;
    if (space < 0 || type < 0)
        h5_fail(e, EX_OSERR, f->name, "the attribute %s cannot be prepared", name);
    if (!agree(f, e) && ((id = H5Acreate2(f->file, name, type, space, H5P_DEFAULT, H5P_DEFAULT)) < 0 ||
                         H5Awrite(id, type, value) < 0 || H5Aclose(id) < 0))
        h5_fail(e, EX_IOERR, f->name, "the attribute %s cannot be written", name);
    H5Sclose(space);
    return agree(f, e);
}

int h5_new_text(struct h5_new *f, const char *name, const char *value, struct error *e) {
    hid_t type = H5Tcopy(H5T_C_S1);
    H5Tset_size(type, strlen(value) + 1);
    H5Tset_cset(type, H5T_CSET_UTF8);
    add_attribute(f, name, type, value, e);
    H5Tclose(type);
    return e->status;
}

int h5_new_number(struct h5_new *f, const char *name, uint64_t value, struct error *e) {
    return add_attribute(f, name, H5T_STD_U64LE, &value, e);
}

static hid_t create_dataset(struct h5_new *f, const struct h5_part *p, struct error *e) {
    hsize_t size[2] = {p->rows, p->width}, chunk[2] = {chunk_rows(p), p->width};
    hid_t plist = H5Pcreate(H5P_DATASET_CREATE), links = H5Pcreate(H5P_LINK_CREATE);
    H5Pset_obj_track_times(plist, false);         /* equal input gives equal files */
    H5Pset_fill_time(plist, H5D_FILL_TIME_NEVER); /* all is written */
    H5Pset_create_intermediate_group(links, 1);
    if (p->rows > 0 && !p->in_one) { /* HDF5 has no chunks of nothing */
        H5Pset_chunk(plist, p->rank, chunk);
        if (p->gzip) {
            H5Pset_shuffle(plist);
            H5Pset_deflate(plist, (unsigned)p->gzip);
        }
    }
    hid_t space = H5Screate_simple(p->rank, size, NULL), type = make_type(p->type), id = -1;
    if (plist < 0 || links < 0 || space < 0 || type < 0)
        h5_fail(e, EX_OSERR, f->name, "%s: cannot be prepared", p->path);
    if (!agree(f, e) && (id = H5Dcreate2(f->file, p->path, type, space, links, plist, H5P_DEFAULT)) < 0)
        h5_fail(e, EX_IOERR, f->name, "%s: cannot be created", p->path);
    H5Tclose(type);
    H5Sclose(space);
    H5Pclose(links);
    H5Pclose(plist);
    return id;
}

/* How data is written. Compressed chunks are shared out over the ranks, which takes all of them; else each
 * writes what it has: of that, Open MPI tells when it fails. */
static hid_t make_transfer(const struct h5_new *f, const struct h5_part *p) {
    hid_t transfer = H5Pcreate(H5P_DATASET_XFER);
    if (comm_size(f->c) > 1 &&
        H5Pset_dxpl_mpio(transfer, p->gzip ? H5FD_MPIO_COLLECTIVE : H5FD_MPIO_INDEPENDENT) < 0) {
        H5Pclose(transfer);
        return -1;
    }
    return transfer;
}

/* Rows [first, first+n) of the dataset, by way of `data`, which has room for them. n may be 0, but every rank
 * must come here. */
static void write_rows(struct h5_new *f, hid_t id, const struct h5_part *p, uint64_t first, uint64_t n,
                       void *data, struct error *e) {
    hsize_t start[2] = {first, 0}, count[2] = {n, p->width};
    hid_t from = H5Screate_simple(p->rank, count, NULL), to = H5Dget_space(id), type = make_type(p->type),
          transfer = make_transfer(f, p);
    if (type < 0 || from < 0 || transfer < 0 || (n == 0 && H5Sselect_none(from) < 0) ||
        (n ? H5Sselect_hyperslab(to, H5S_SELECT_SET, start, NULL, count, NULL) : H5Sselect_none(to)) < 0)
        h5_fail(e, EX_OSERR, f->name, "%s: its rows cannot be chosen", p->path);
    else if (n > 0)
        p->fill(p->ctx, first - p->first, n, data, e);
    if (!agree(f, e) && H5Dwrite(id, type, from, to, transfer, data) < 0)
        h5_fail(e, EX_IOERR, f->name, "%s: cannot be written", p->path);
    H5Pclose(transfer);
    H5Tclose(type);
    H5Sclose(to);
    H5Sclose(from);
}

/* The windows of `step` rows, counted from the dataset's begin, that hold rows of this rank. */
static uint64_t count_windows(const struct h5_part *p, uint64_t step) {
    return p->n ? (p->first + p->n - 1) / step - p->first / step + 1 : 0;
}

/* Write part by part: each ends where a chunk does, so that two parts share no chunk. */
static void write_parts(struct h5_new *f, hid_t id, const struct h5_part *p, struct error *e) {
    uint64_t chunk = chunk_rows(p), row = row_bytes(p);
    uint64_t step = chunk * max_u64(1, min_u64(p->memory, MOST_AT_ONCE) / (chunk * row));
    uint64_t calls = count_windows(p, step), at = p->first, end = p->first + p->n;
    comm_max(f->c, &calls, 1);
    void *data = mem_alloc(min_u64(step, p->n), row);
    for (uint64_t i = 0; i < calls && !e->status; i++) {
        uint64_t next = min_u64(end, (at / step + 1) * step);
        write_rows(f, id, p, at, next - at, data, e);
        agree(f, e);
        at = next;
    }
    free(data);
}

int h5_new_dataset(struct h5_new *f, const struct h5_part *p, struct error *e) {
    if (reserve(f, p, e))
        return e->status;
    hid_t id = create_dataset(f, p, e);
    if (!agree(f, e) && p->rows > 0)
        write_parts(f, id, p, e);
    if (!e->status && H5Dclose(id) < 0)
        h5_fail(e, EX_IOERR, f->name, "%s: cannot be finished", p->path);
    return agree(f, e);
}

/* What a rank knows of the sums of the blocks that its rows are in, the first of which is number `block`. */
struct sealing {
    const struct h5_part *part;
    uint64_t block, n, *sum;
};

/* Fills, and adds up what it has filled. */
static int fill_and_seal(void *ctx, uint64_t at, uint64_t n, void *out, struct error *e) {
    struct sealing *s = ctx;
    uint64_t row = row_bytes(s->part), from = (s->part->first + at) * row, end = from + n * row;
    if (s->part->fill(s->part->ctx, at, n, out, e))
        return e->status;
    for (uint64_t place = from, next; place < end; place = next) {
        next = min_u64(end, (place / SEAL_BLOCK + 1) * SEAL_BLOCK);
        s->sum[place / SEAL_BLOCK - s->block] +=
            seal_part((const char *)out + (place - from), place % SEAL_BLOCK, next - place);
    }
    return 0;
}

/* Collective. To the sums of the blocks that a rank begins, others add what they have of them: of each rank
 * at most its first block and its last one are shared. */
static void add_shared(struct comm *c, struct sealing *s, uint64_t begun) {
    uint64_t shared[2][2] = {{s->block}, {s->block + s->n - 1}}, none, n;
    for (int i = 0; i < 2 && s->n > 0; i++)
        shared[i][1] = s->sum[shared[i][0] - s->block];
    uint64_t mine = min_u64(s->n, 2), before = comm_sum_before(c, mine);
    uint64_t(*all)[2] = comm_gather(c, sizeof *shared, shared, mine, 0, &none, &n);
    for (uint64_t k = 0; k < n; k++) {
        bool is_mine = k >= before && k < before + mine;
        if (!is_mine && all[k][0] >= begun && all[k][0] < s->block + s->n)
            s->sum[all[k][0] - s->block] += all[k][1];
    }
    free(all);
}

static int fill_sums(void *ctx, uint64_t at, uint64_t n, void *out, struct error *e) {
    memcpy(out, (const uint64_t *)ctx + at, n * sizeof(uint64_t));
    return e->status;
}

int h5_new_sealed(struct h5_new *f, const struct h5_part *part, struct error *e) {
    uint64_t row = row_bytes(part), from = part->first * row, end = from + part->n * row;
    struct sealing s = {part, from / SEAL_BLOCK, (end + SEAL_BLOCK - 1) / SEAL_BLOCK - from / SEAL_BLOCK,
                        NULL};
    if (part->n == 0)
        s.n = 0;
    s.sum = mem_zero(s.n, sizeof *s.sum);
    struct h5_part data = *part;
    data.in_one = true;
    data.fill = fill_and_seal;
    data.ctx = &s;
    if (!h5_new_dataset(f, &data, e)) {
        char path[256];
        uint64_t begun = (from + SEAL_BLOCK - 1) / SEAL_BLOCK, past = s.block + s.n;
        snprintf(path, sizeof path, "%s.sums", part->path);
        add_shared(f->c, &s, begun);
        struct h5_part sums = {.path = path,
                               .type = H5_UINT64,
                               .rank = 1,
                               .rows = (part->rows * row + SEAL_BLOCK - 1) / SEAL_BLOCK,
                               .first = begun,
                               .n = past > begun ? past - begun : 0,
                               .in_one = true,
                               .memory = part->memory,
                               .fill = fill_sums,
                               .ctx = s.sum + (begun - s.block)};
        h5_new_dataset(f, &sums, e);
    }
    free(s.sum);
    return e->status;
}

/* After an error ranks may differ in what they have told HDF5, and would wait for each other as it closes. */
int h5_new_close(struct h5_new *f, struct error *e) {
    if (!e->status && H5Fclose(f->file) < 0)
        h5_fail(e, EX_IOERR, f->name, "cannot be finished");
    if (f->place >= 0) {
        if (!e->status && disk_unreserve(f->place) != 0)
            error_set(e, EX_IOERR, "%s: cannot be finished: %s", f->name, strerror(errno));
        close(f->place);
    }
    agree(f, e);
    free(f->name);
    free(f);
    return e->status;
}
