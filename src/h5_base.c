#include "h5_base.h"

#include <hdf5.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sysexits.h>

struct reason {
    char text[300];
    bool from_system;
};

void h5_start(void) {
    H5dont_atexit();
    H5Eset_auto2(H5E_DEFAULT, NULL, NULL);
    H5Lunregister(H5L_TYPE_EXTERNAL);
    const char *plugins = getenv("HDF5_PLUGIN_PATH");
    if (!plugins || !*plugins)
        H5PLset_loading_state(0);
}

/* Keeps the innermost line of the stack: the cause; the others only tell who called whom. */
static herr_t keep_innermost(unsigned depth, const H5E_error2_t *line, void *ctx) {
    struct reason *reason = ctx;
    if (depth == 0 && line->desc)
        snprintf(reason->text, sizeof reason->text, "%s", line->desc);
    return 0;
}

/* A failed system call is told as "... errno = 28, error message = 'No space left on device', buf = 0x..." */
static void cut_system_message(struct reason *reason) {
    const char *const before = "error message = '";
    char *message = strstr(reason->text, before);
    if (!message)
        return;
    reason->from_system = true;
    message += strlen(before);
    message[strcspn(message, "'")] = '\0';
    memmove(reason->text, message, strlen(message) + 1);
}

int h5_fail(struct error *e, int status, const char *file, const char *what, ...) {
    struct reason reason = {"HDF5 does not say why", false};
    H5Ewalk2(H5E_DEFAULT, H5E_WALK_UPWARD, keep_innermost, &reason);
    cut_system_message(&reason);
    char text[700];
    va_list args;
    va_start(args, what);
    vsnprintf(text, sizeof text, what, args);
    va_end(args);
    if (status == EX_DATAERR && reason.from_system)
        status = EX_IOERR;
    return error_set(e, status, "%s: %s: %s", file, text, reason.text);
}

static herr_t find_unregistered(unsigned depth, const H5E_error2_t *line, void *ctx) {
    (void)depth;
    *(bool *)ctx |= line->min_num == H5E_NOTREGISTERED; /* as h5_start made links to other files */
    return 0;
}

bool h5_leads_elsewhere(void) {
    bool found = false;
    H5Ewalk2(H5E_DEFAULT, H5E_WALK_UPWARD, find_unregistered, &found);
    return found;
}

/* For filters whose name is not stored in the file. */
static const char *filter_name(H5Z_filter_t filter) {
    static const struct {
        H5Z_filter_t filter;
        const char *name;
    } known[] = {{4, "szip"},    {32000, "lzf"},        {32001, "blosc"},     {32004, "lz4"},
                 {307, "bzip2"}, {32008, "bitshuffle"}, {32015, "Zstandard"}, {32026, "blosc2"}};
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (known[i].filter == filter)
            return known[i].name;
    return "without a name";
}

/* Whether numbers are in other files, which HDF5 opens as soon as it is asked for their extent. */
static bool is_elsewhere(hid_t plist) {
    return H5Pget_layout(plist) == H5D_VIRTUAL || H5Pget_external_count(plist) > 0;
}

static int check_filters(hid_t plist, const char *file, const char *path, struct error *e) {
    int n = H5Pget_nfilters(plist);
    for (int i = 0; i < n && !e->status; i++) {
        char name[100] = "";
        unsigned flags;
        size_t values = 0;
        H5Z_filter_t filter =
            H5Pget_filter2(plist, (unsigned)i, &flags, &values, NULL, sizeof name, name, NULL);
        if (filter >= 0 && H5Zfilter_avail(filter) <= 0)
            error_set(
                e, EX_DATAERR,
                "%s: %s: compressed with filter %d (%s), which is not available here; point HDF5_PLUGIN_PATH "
                "to "
                "a plugin for it, or rewrite the file with gzip or without compression, for example with "
                "h5repack or h5py where the filter is known",
                file, path, (int)filter, name[0] ? name : filter_name(filter));
    }
    return e->status;
}

/* n *= m, up to the largest there is. */
static void multiply(uint64_t *n, uint64_t m) {
    if (__builtin_mul_overflow(*n, m, n))
        *n = UINT64_MAX;
}

/* Bytes of all items that a dataset claims to have. */
static uint64_t claimed_bytes(hid_t dataset, size_t item) {
    hsize_t extent[H5S_MAX_RANK];
    hid_t space = H5Dget_space(dataset);
    int dimensions = H5Sget_simple_extent_dims(space, extent, NULL);
    uint64_t bytes = item;
    for (int i = 0; i < dimensions; i++)
        multiply(&bytes, extent[i]);
    H5Sclose(space);
    return bytes;
}

/* Bytes of the items that were ever written: the others are read as zeros. */
static uint64_t written_bytes(hid_t dataset, hid_t plist, size_t item, uint64_t file_bytes) {
    hsize_t chunk[H5S_MAX_RANK], chunks = 0;
    int dimensions = H5Pget_layout(plist) == H5D_CHUNKED ? H5Pget_chunk(plist, H5S_MAX_RANK, chunk) : 0;
    if (dimensions <= 0)
        return min_u64(H5Dget_storage_size(dataset), file_bytes);
    hid_t space = H5Dget_space(dataset);
    H5Dget_num_chunks(dataset, space, &chunks);
    H5Sclose(space);
    uint64_t bytes = item;
    for (int i = 0; i < dimensions; i++)
        multiply(&bytes, chunk[i]);
    multiply(&bytes, chunks);
    return bytes;
}

/* Who claims to hold much more than the file has bytes must have written it: compressed, not left out. To
 * count the chunks of others would take longer than to read them. */
static int check_claim(hid_t dataset, hid_t plist, hid_t file_id, const char *file, const char *path,
                       struct error *e) {
    const uint64_t plausible = 64;
    hsize_t file_bytes = 0;
    hid_t type = H5Dget_type(dataset);
    size_t item = H5Tget_size(type);
    uint64_t claimed = claimed_bytes(dataset, item), written;
    H5Tclose(type);
    H5Fget_filesize(file_id, &file_bytes);
    if (claimed / plausible > file_bytes &&
        (written = written_bytes(dataset, plist, item, file_bytes)) < claimed)
        error_set(e, EX_DATAERR,
                  "%s: %s: claims to hold %s%" PRIu64 " bytes, of which %" PRIu64
                  " were written to this file of %" PRIu64,
                  file, path, claimed == UINT64_MAX ? "more than " : "", claimed, written,
                  (uint64_t)file_bytes);
    return e->status;
}

int64_t h5_dataset_open(int64_t file_id, const char *file, const char *path, struct error *e) {
    hid_t dataset = H5Dopen2(file_id, path, H5P_DEFAULT);
    if (dataset < 0) {
        h5_fail(e, EX_DATAERR, file, "%s: cannot be opened", path);
        return -1;
    }
    hid_t plist = H5Dget_create_plist(dataset);
    if (is_elsewhere(plist))
        error_set(e, EX_DATAERR,
                  "%s: %s: its numbers are in other files, which may be missing without a sign; copy them "
                  "into one (h5repack)",
                  file, path);
    else if (!check_filters(plist, file, path, e))
        check_claim(dataset, plist, file_id, file, path, e);
    H5Pclose(plist);
    if (!e->status)
        return dataset;
    H5Dclose(dataset);
    return -1;
}

int h5_check_length(int64_t dataset, const char *file, struct error *e) {
    struct stat now;
    hsize_t was;
    void *fd;
    hid_t id = H5Iget_file_id(dataset);
    if (H5Fget_filesize(id, &was) < 0 || H5Fget_vfd_handle(id, H5P_DEFAULT, &fd) < 0 ||
        fstat(*(const int *)fd, &now) != 0)
        h5_fail(e, EX_IOERR, file, "cannot be looked at");
    else if ((uint64_t)now.st_size < was)
        error_set(e, EX_DATAERR, "%s: has been cut short while it was read: %lld of %llu bytes are left",
                  file, (long long)now.st_size, (unsigned long long)was);
    H5Fclose(id);
    return e->status;
}

const char *h5_version(void) {
    static char text[64];
    unsigned major = 0, minor = 0, release = 0;
    H5get_libversion(&major, &minor, &release);
    snprintf(text, sizeof text, "HDF5 %u.%u.%u", major, minor, release);
    return text;
}
