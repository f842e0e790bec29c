/* limit_memory copy BYTES | partition TUPLES ROWS: seconds in which so many bytes are copied by memcpy, or so
 * many tuples of 12 bytes, as many runs of ROWS of them as there are, are counted and put in their bins. */
#include "limit.h"

#include <stdbool.h>

enum { COPIED = 256 << 20, BINS = 1024 }; /* more than caches hold; as many streams as memory likes */

struct tuple {
    uint32_t key_high, key_low, row;
};

static double copy(uint64_t bytes) {
    uint64_t room = bytes < COPIED ? bytes : COPIED;
    char *from = limit_room(room), *to = limit_room(room);
    double best = 1e9;
    for (int turn = 0; turn < LIMIT_TURNS; turn++) {
        double start = limit_clock();
        for (uint64_t done = 0; done < bytes; done += room)
            memcpy(to, from, bytes - done < room ? bytes - done : room);
        best = limit_least(best, limit_clock() - start);
    }
    free(from);
    free(to);
    return best;
}

static double partition_run(const uint64_t *key, uint64_t rows, struct tuple *out) {
    uint64_t end[BINS] = {0}, at = 0;
    double start = limit_clock();
    for (uint64_t i = 0; i < rows; i++)
        end[key[i] >> 54]++;
    for (int b = 0; b < BINS; b++) {
        uint64_t n = end[b];
        end[b] = at;
        at += n;
    }
    for (uint64_t i = 0; i < rows; i++)
        out[end[key[i] >> 54]++] = (struct tuple){(uint32_t)(key[i] >> 32), (uint32_t)key[i], (uint32_t)i};
    return limit_clock() - start;
}

static double partition(uint64_t tuples, uint64_t rows) {
    rows = rows ? rows : 1;
    uint64_t *key = limit_room(rows * sizeof *key), state = 1;
    struct tuple *out = limit_room(rows * sizeof *out);
    for (uint64_t i = 0; i < rows; i++) {
        state += 0x9e3779b97f4a7c15u;
        key[i] = (state ^ (state >> 29)) * 0xbf58476d1ce4e5b9u;
    }
    double best = 1e9;
    for (int turn = 0; turn < LIMIT_TURNS; turn++)
        best = limit_least(best, partition_run(key, rows, out));
    free(key);
    free(out);
    return best * (double)tuples / (double)rows;
}

int main(int argc, char **argv) {
    bool copies = argc == 3 && strcmp(argv[1], "copy") == 0;
    if (!copies && (argc != 4 || strcmp(argv[1], "partition") != 0)) {
        fprintf(stderr, "usage: %s copy BYTES | partition TUPLES ROWS\n", argv[0]);
        return EX_USAGE;
    }
    uint64_t n = strtoull(argv[2], NULL, 10);
    printf("%.9f\n", copies ? copy(n) : partition(n, strtoull(argv[3], NULL, 10)));
    return 0;
}
