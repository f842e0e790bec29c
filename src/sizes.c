#include "lshjoin/sizes.h"

#include <string.h>

#include "lshjoin/base.h"

uint32_t size_class(uint64_t n) {
    if (n <= 2)
        return (uint32_t)n - 1;
    uint32_t power = 64 - (uint32_t)__builtin_clzll(n - 1); /* 2^(power-1) < n <= 2^power */
    return 2 * power - (n <= (uint64_t)3 << (power - 2) ? 2 : 1);
}

uint64_t size_class_most(uint32_t class) {
    return class == 0 ? 1 : class % 2 ? (uint64_t)1 << (class + 1) / 2 : (uint64_t)3 << (class / 2 - 1);
}

struct sizes sizes_create(void) {
    struct sizes s;
    memset(&s, 0, sizeof s);
    memset(s.least, 0xff, sizeof s.least);
    return s;
}

void sizes_add(struct sizes *s, int side, uint64_t n) {
    if (n == 0)
        return;
    uint32_t class = size_class(n);
    s->rows[side][class]++;
    s->items[side][class] += n;
    s->least[side][class] = min_u64(s->least[side][class], n);
    s->most[side][class] = max_u64(s->most[side][class], n);
}
