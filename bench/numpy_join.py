#!/usr/bin/python3
"""numpy_join.py FILE.h5 COSINE: pairs of rows of that cosine or more by numpy: blocks of float32 X @ X.T, each with the rows
from its own first on, compared with the threshold. Prints, as JSON, the CPU seconds (reading is not counted), the pairs, and the
share of the products that were made (after a minute the rest is extrapolated), and whether numpy's BLAS is OpenBLAS: with the
reference BLAS numpy is some ten times slower, and no measure."""
import json
import sys
import time

import h5py
import numpy as np

BLOCK, PATIENCE = 1000, 60


def main():
    with h5py.File(sys.argv[1]) as file:
        x = file["vectors"][:].astype(np.float32)
    limit, n, pairs, done = np.float32(sys.argv[2]), len(x), 0, 0
    start = time.process_time()
    x /= np.linalg.norm(x, axis=1, keepdims=True)
    for first in range(0, n, BLOCK):
        left, right = np.nonzero(x[first:first + BLOCK] @ x[first:].T >= limit)
        pairs += np.count_nonzero(left < right)
        done += min(BLOCK, n - first) * (n - first)
        if time.process_time() - start > PATIENCE:
            break
    share = done / sum(min(BLOCK, n - first) * (n - first) for first in range(0, n, BLOCK))
    seconds = time.process_time() - start
    with open("/proc/self/maps") as maps:
        is_openblas = "openblas" in maps.read()
    print(json.dumps({"cpu": seconds / share, "pairs": pairs, "share": share, "openblas": is_openblas}))


if __name__ == "__main__":
    main()
