#include "lshjoin/shard.h"

int shard_rank(const struct shard *s, uint64_t row) {
    int lo = 0, hi = s->ranks; /* start[lo] <= row < start[hi] */
    while (hi - lo > 1) {
        int mid = lo + (hi - lo) / 2;
        if (s->start[mid] <= row)
            lo = mid;
        else
            hi = mid;
    }
    return lo;
}
