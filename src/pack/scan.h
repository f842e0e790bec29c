/* Numbers in text. */
#ifndef PACK_SCAN_H
#define PACK_SCAN_H

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

static inline bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

static inline bool is_space(char c) {
    return c == ' ' || c == '\t';
}

/* The digits at *at, as a number. False if there are none or if they are too many for 64 bits; *at is where
 * it ended. */
static inline bool scan_whole(const char **at, const char *end, uint64_t *value) {
    const char *first = *at;
    uint64_t v = 0;
    for (; *at < end && is_digit(**at); ++*at) {
        uint64_t digit = (uint64_t)(**at - '0');
        if (v > (UINT64_MAX - digit) / 10)
            return false;
        v = 10 * v + digit;
    }
    *value = v;
    return *at > first;
}

/* The decimal number at *at, which is nan or inf only where it is too large. What is behind the text must not
 * go on with a number: a line end or 0. False if there is none; *at is where it ended. */
static inline bool scan_decimal(const char **at, const char *end, double *value, float *as_float) {
    const char *p = *at;
    p += p < end && (*p == '-' || *p == '+');
    p += p < end && *p == '.';
    bool is_hex = p + 1 < end && p[0] == '0' && (p[1] | 0x20) == 'x';
    if (p == end || !is_digit(*p) || is_hex)
        return false;
    char *stop;
    *as_float = strtof(*at, &stop);
    *value =
        *as_float != 0 ? (double)*as_float : strtod(*at, &stop); /* what is too small for a float is not 0 */
    *at = stop;
    return true;
}

/* From `at` on to where `text` goes on with neither of these. */
static inline const char *scan_spaces(const char *at, const char *end) {
    while (at < end && is_space(*at))
        at++;
    return at;
}

#endif
