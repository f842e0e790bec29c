#include "h5_base.h"

#include <hdf5.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

struct reason {
    char text[300];
    bool from_system;
};

void h5_start(void) {
    H5dont_atexit();
    H5Eset_auto2(H5E_DEFAULT, NULL, NULL);
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

int h5_check_storage(int64_t dataset, const char *file, const char *path, struct error *e) {
    hid_t plist = H5Dget_create_plist(dataset);
    if (H5Pget_layout(plist) == H5D_VIRTUAL || H5Pget_external_count(plist) > 0)
        error_set(e, EX_DATAERR,
                  "%s: %s: its numbers are in other files, which may be missing without a sign; copy them "
                  "into one (h5repack)",
                  file, path);
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
    H5Pclose(plist);
    return e->status;
}

const char *h5_version(void) {
    static char text[64];
    unsigned major = 0, minor = 0, release = 0;
    H5get_libversion(&major, &minor, &release);
    snprintf(text, sizeof text, "HDF5 %u.%u.%u", major, minor, release);
    return text;
}
