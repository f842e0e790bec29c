#include "source.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

enum { IN_BYTES = 1 << 18, MAGIC_BYTES = 4 };

struct source {
    int fd;
    bool is_stdin, at_end; /* of the file */
    const struct decoder *decoder;
    uint8_t *in; /* [IN_BYTES] as the file has it, taken up to in_at */
    size_t in_at, in_bytes;
    uint64_t left, taken; /* in the file: bytes that may be read yet, and that were */
    bool inside;          /* a compressed member has begun that has not ended */
    z_stream gz;
    ZSTD_DStream *zst;
};

struct decoder {
    const char *ending;
    bool (*is_magic)(const uint8_t b[MAGIC_BYTES]);
    void (*open)(struct source *s);
    /* Up to n bytes; 0 at the end, or with *e filled. Called with input there, but at the end. */
    uint64_t (*decode)(struct source *s, uint8_t *out, uint64_t n, struct error *e);
    void (*close)(struct source *s);
};

/* From the file itself. */
static uint64_t fetch(struct source *s, void *out, uint64_t n, struct error *e) {
    n = min_u64(min_u64(n, s->left), (uint64_t)1 << 30); /* Linux reads no more than 2 GiB at once */
    ssize_t got = 0;
    do
        got = n ? read(s->fd, out, n) : 0;
    while (got < 0 && errno == EINTR);
    if (got < 0)
        error_set(e, EX_IOERR, "cannot be read: %s", strerror(errno));
    if (got <= 0) {
        s->at_end = true;
        return 0;
    }
    s->left -= (uint64_t)got;
    s->taken += (uint64_t)got;
    return (uint64_t)got;
}

static void refill(struct source *s, struct error *e) {
    s->in_at = 0;
    s->in_bytes = fetch(s, s->in, IN_BYTES, e);
}

static uint64_t copy_plain(struct source *s, uint8_t *out, uint64_t n, struct error *e) {
    uint64_t held = min_u64(n, s->in_bytes - s->in_at);
    if (held == 0)
        return fetch(s, out, n, e);
    memcpy(out, s->in + s->in_at, held);
    s->in_at += held;
    return held;
}

static bool gz_magic(const uint8_t b[MAGIC_BYTES]) {
    return b[0] == 0x1f && b[1] == 0x8b && b[2] == 8;
}

static void gz_open(struct source *s) {
    const int only_gzip = 16 + MAX_WBITS;
    if (inflateInit2(&s->gz, only_gzip) != Z_OK)
        die(EX_OSERR, "zlib could not be started");
}

static uint64_t gz_decode(struct source *s, uint8_t *out, uint64_t n, struct error *e) {
    if (!s->inside)
        inflateReset(&s->gz);
    s->inside = true;
    s->gz.next_in = s->in + s->in_at;
    s->gz.avail_in = (uInt)(s->in_bytes - s->in_at);
    s->gz.next_out = out;
    s->gz.avail_out = (uInt)min_u64(n, 1 << 30);
    uint64_t room = s->gz.avail_out;
    int state = inflate(&s->gz, Z_NO_FLUSH);
    s->in_at = s->in_bytes - s->gz.avail_in;
    if (state == Z_STREAM_END)
        s->inside = false;
    else if (state != Z_OK && state != Z_BUF_ERROR)
        error_set(e, EX_DATAERR, "the gzip data are damaged: %s",
                  s->gz.msg ? s->gz.msg : "zlib does not say how");
    return room - s->gz.avail_out;
}

static void gz_close(struct source *s) {
    inflateEnd(&s->gz);
}

static bool zst_magic(const uint8_t b[MAGIC_BYTES]) {
    bool is_frame = b[0] == 0x28 && b[1] == 0xb5 && b[2] == 0x2f && b[3] == 0xfd;
    bool is_skippable = (b[0] & 0xf0) == 0x50 && b[1] == 0x2a && b[2] == 0x4d && b[3] == 0x18;
    return is_frame || is_skippable;
}

static void zst_open(struct source *s) {
    s->zst = ZSTD_createDStream();
    if (!s->zst)
        die(EX_OSERR, "zstd could not be started");
    int most = ZSTD_dParam_getBounds(ZSTD_d_windowLogMax).upperBound;
    ZSTD_DCtx_setParameter(s->zst, ZSTD_d_windowLogMax, most); /* whatever --ultra --long made */
}

static uint64_t zst_decode(struct source *s, uint8_t *out, uint64_t n, struct error *e) {
    ZSTD_inBuffer in = {s->in, s->in_bytes, s->in_at};
    ZSTD_outBuffer to = {out, n, 0};
    size_t state = ZSTD_decompressStream(s->zst, &to, &in);
    s->in_at = in.pos;
    s->inside = state != 0;
    if (ZSTD_isError(state))
        error_set(e, EX_DATAERR, "the zstd data are damaged: %s", ZSTD_getErrorName(state));
    return to.pos;
}

static void zst_close(struct source *s) {
    ZSTD_freeDStream(s->zst);
}

static bool no_magic(const uint8_t b[MAGIC_BYTES]) {
    (void)b;
    return false;
}

static void nothing(struct source *s) {
    (void)s;
}

static const struct decoder decoders[] = {
    [PACKING_NONE] = {"", no_magic, nothing, copy_plain, nothing},
    [PACKING_GZ] = {".gz", gz_magic, gz_open, gz_decode, gz_close},
    [PACKING_ZST] = {".zst", zst_magic, zst_open, zst_decode, zst_close},
};

static bool ends_in(const char *name, const char *ending) {
    size_t n = strlen(name), m = strlen(ending);
    return n > m && strcmp(name + n - m, ending) == 0;
}

uint64_t source_stem(const char *file) {
    for (int k = PACKING_GZ; k <= PACKING_ZST; k++)
        if (ends_in(file, decoders[k].ending))
            return strlen(file) - strlen(decoders[k].ending);
    return 0;
}

/* The packing of a source whose first bytes are in its buffer. */
static enum packing packing_of(const struct source *s, const char *file) {
    uint8_t first[MAGIC_BYTES] = {0};
    memcpy(first, s->in, min_u64(s->in_bytes, MAGIC_BYTES));
    for (int k = PACKING_GZ; k <= PACKING_ZST; k++)
        if (decoders[k].is_magic(first))
            return (enum packing)k;
    for (int k = PACKING_GZ; k <= PACKING_ZST; k++)
        if (ends_in(file, decoders[k].ending)) /* which will be told to be damaged */
            return (enum packing)k;
    return PACKING_NONE;
}

/* So many of the first bytes as tell the packing; a pipe may give them one by one. */
static void read_magic(struct source *s, struct error *e) {
    while (s->in_bytes < MAGIC_BYTES && !s->at_end)
        s->in_bytes += fetch(s, s->in + s->in_bytes, IN_BYTES - s->in_bytes, e);
}

struct source *source_open(const char *file, struct error *e) {
    bool is_stdin = strcmp(file, "-") == 0;
    int fd = is_stdin ? STDIN_FILENO : open(file, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        error_set(e, EX_NOINPUT, "%s: cannot be opened: %s", file, strerror(errno));
        return NULL;
    }
    struct source *s = mem_zero(1, sizeof *s);
    *s = (struct source){.fd = fd, .is_stdin = is_stdin, .in = mem_alloc(IN_BYTES, 1), .left = UINT64_MAX};
    struct error why = {0};
    read_magic(s, &why);
    if (why.status)
        error_set(e, why.status, "%s: %s", file, why.text);
    s->decoder = &decoders[packing_of(s, file)];
    s->decoder->open(s);
    s->inside = s->decoder != decoders; /* nothing at all is no compressed file */
    if (!e->status)
        return s;
    source_close(s);
    return NULL;
}

enum packing source_packing(const char *file, struct error *e) {
    struct source *s = source_open(file, e);
    enum packing packing = s ? (enum packing)(s->decoder - decoders) : PACKING_NONE;
    source_close(s);
    return packing;
}

void source_seek(struct source *s, uint64_t at, uint64_t end) {
    s->in_at = s->in_bytes = 0;
    s->left = end - at;
    s->at_end = lseek(s->fd, (off_t)at, SEEK_SET) < 0; /* which a regular file bears */
}

/* Behind the end of a member zeros may fill up a block. */
static void skip_padding(struct source *s) {
    while (s->in_at < s->in_bytes && s->in[s->in_at] == 0)
        s->in_at++;
}

/* Input for the decoder, unless there is none left. */
static void supply(struct source *s, struct error *e) {
    for (;;) {
        if (!s->inside)
            skip_padding(s);
        if (s->in_at < s->in_bytes || s->at_end || e->status)
            return;
        refill(s, e);
    }
}

uint64_t source_read(struct source *s, void *out, uint64_t n, struct error *e) {
    bool is_packed = s->decoder != decoders;
    uint64_t got = 0;
    while (got < n && !e->status) {
        if (is_packed)
            supply(s, e);
        bool is_last = s->in_at == s->in_bytes && s->at_end;
        if (e->status || (is_last && !s->inside))
            break;
        uint64_t more = s->decoder->decode(s, (uint8_t *)out + got, n - got, e);
        got += more;
        if (more == 0 && is_last && s->inside)
            error_set(e, EX_DATAERR, "the %s data end too early", s->decoder->ending + 1);
    }
    return got;
}

uint64_t source_taken(const struct source *s) {
    return s->taken;
}

void source_close(struct source *s) {
    if (!s)
        return;
    if (s->decoder)
        s->decoder->close(s);
    if (!s->is_stdin)
        close(s->fd);
    free(s->in);
    free(s);
}
