#include "kmer.h"

#include "lshjoin/base.h"

/* One more than a base's number; 0: no base. */
static const uint8_t base_of[256] = {
    ['A'] = 1, ['C'] = 2, ['G'] = 3, ['T'] = 4, ['U'] = 4,
    ['a'] = 1, ['c'] = 2, ['g'] = 3, ['t'] = 4, ['u'] = 4,
};

uint64_t kmer_scan(uint32_t k, const char *bases, uint64_t bytes, struct buffer *out) {
    if (bytes < k)
        return 0;
    uint64_t *kmer = buffer_room(out, (bytes - k + 1) * sizeof *kmer), n = 0;
    uint64_t mask = UINT64_MAX >> (64 - 2 * k), forward = 0, backward = 0;
    uint32_t top = 2 * (k - 1), run = 0; /* bases since the last letter that is none */
    for (uint64_t i = 0; i < bytes; i++) {
        uint64_t base = base_of[(unsigned char)bases[i]];
        if (base == 0) {
            run = 0;
            continue;
        }
        forward = (forward << 2 | (base - 1)) & mask;
        backward = backward >> 2 | (4 - base) << top;
        run += run < k;
        if (run == k)
            kmer[n++] = min_u64(forward, backward);
    }
    out->bytes += n * sizeof *kmer;
    return n;
}
