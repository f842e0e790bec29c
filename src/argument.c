#include "argument.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

static bool parse_number(const char *text, uint64_t least, uint64_t most, uint64_t *v) {
    char *end;
    if (*text < '0' || *text > '9')
        return false;
    errno = 0;
    unsigned long long n = strtoull(text, &end, 10);
    *v = n;
    return !errno && !*end && n >= least && n <= most;
}

int argument_number(const char *option, const char *text, uint64_t least, uint64_t most, uint64_t *v,
                    struct error *e) {
    if (parse_number(text, least, most, v))
        return 0;
    return error_set(e, EX_USAGE, "%s: '%s' is not a whole number from %llu to %llu", option, text,
                     (unsigned long long)least, (unsigned long long)most);
}

int argument_size(const char *option, const char *text, uint64_t least, uint64_t most, uint64_t *v,
                  struct error *e) {
    static const char units[] = "KMG";
    char digits[32];
    size_t n = strspn(text, "0123456789");
    const char *unit = text[n] ? strchr(units, text[n]) : NULL;
    int shift = unit ? 10 * (int)(unit - units + 1) : 0;
    bool good = n > 0 && n < sizeof digits && (!text[n] || (unit && !text[n + 1]));
    if (good) {
        memcpy(digits, text, n);
        digits[n] = 0;
        good = parse_number(digits, 0, UINT64_MAX >> shift, v);
        *v <<= shift;
    }
    if (good && *v >= least && *v <= most)
        return 0;
    return error_set(e, EX_USAGE, "%s: '%s' is not a size from %lluK to %lluM (such as 256M)", option, text,
                     (unsigned long long)least >> 10, (unsigned long long)most >> 20);
}
