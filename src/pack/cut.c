#define _GNU_SOURCE /* memrchr */
#include "cut.h"

#include <string.h>

uint64_t cut_next(const struct cut *cut, const char *text, uint64_t bytes, uint64_t from) {
    for (uint64_t at = from; at <= bytes;) {
        const char *end = memchr(text + at - 1, '\n', bytes - at + 1);
        if (!end)
            break;
        at = (uint64_t)(end - text) + 1;
        if (!cut->starts || cut->starts(text, bytes, at))
            return at;
        at++;
    }
    return UINT64_MAX;
}

static uint64_t last_of_extents(const struct cut *cut, const struct head *h, const char *text,
                                uint64_t bytes) {
    uint64_t at = 0, n;
    while (at < bytes && (n = cut->extent(h, text + at, bytes - at)) <= bytes - at)
        at += n;
    return at;
}

uint64_t cut_last(const struct cut *cut, const struct head *h, const char *text, uint64_t bytes) {
    if (!cut->by_lines)
        return last_of_extents(cut, h, text, bytes);
    for (uint64_t left = bytes; left > 0;) {
        const char *end = memrchr(text, '\n', left);
        if (!end)
            break;
        uint64_t at = (uint64_t)(end - text) + 1;
        if (!cut->starts || cut->starts(text, bytes, at))
            return at;
        left = at - 1;
    }
    return 0;
}

uint64_t cut_line(const struct head *h, const char *text, uint64_t bytes) {
    (void)h;
    const char *end = memchr(text, '\n', bytes);
    return end ? (uint64_t)(end - text) + 1 : bytes;
}

uint64_t cut_nowhere(const struct head *h, const char *text, uint64_t bytes) {
    (void)h;
    (void)text;
    (void)bytes;
    return UINT64_MAX;
}
