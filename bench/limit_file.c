/* limit_file read|write FILE BYTES: seconds in which so many bytes are read from the file (again from its
 * start where it is shorter), or written to it, in pieces of 16 MB. */
#include "limit.h"

#include <fcntl.h>
#include <stdbool.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PIECE = 16 << 20 };

static double pass(const char *path, bool writes, char *piece, uint64_t bytes) {
    struct stat status;
    double start = limit_clock();
    int file = writes ? open(path, O_WRONLY | O_CREAT | O_TRUNC, 0666) : open(path, O_RDONLY);
    if (file < 0 || fstat(file, &status) != 0)
        limit_fail(path);
    uint64_t length = writes ? bytes : (uint64_t)status.st_size, at = 0;
    for (uint64_t done = 0; done < bytes;) {
        size_t n = bytes - done < PIECE ? (size_t)(bytes - done) : PIECE;
        ssize_t moved = writes ? pwrite(file, piece, n, (off_t)at) : pread(file, piece, n, (off_t)at);
        if (moved < 0 || length == 0)
            limit_fail(path);
        done += (uint64_t)moved;
        at = at + (uint64_t)moved < length ? at + (uint64_t)moved : 0;
    }
    if (close(file) != 0)
        limit_fail(path);
    return limit_clock() - start;
}

int main(int argc, char **argv) {
    bool writes = argc == 4 && strcmp(argv[1], "write") == 0;
    if (argc != 4 || (!writes && strcmp(argv[1], "read") != 0)) {
        fprintf(stderr, "usage: %s read|write FILE BYTES\n", argv[0]);
        return EX_USAGE;
    }
    char *piece = limit_room(PIECE);
    double best = 1e9;
    for (int i = 0; i < LIMIT_TURNS; i++) {
        best = limit_least(best, pass(argv[2], writes, piece, strtoull(argv[3], NULL, 10)));
        if (writes)
            unlink(argv[2]);
    }
    printf("%.9f\n", best);
    free(piece);
    return 0;
}
