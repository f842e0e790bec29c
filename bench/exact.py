#!/usr/bin/python3
"""exact.py: lshjoin --exact and brute force side by side. Called by exact.sh, which says more.

Sets: elements by Zipf's law out of 100,000, 64 in the mean; vectors: 128 coordinates, in clusters of 100. A tenth of the records
are altered copies of others. Brute force of sets is scipy's sparse product, of vectors numpy's matrix product in single precision,
block by block, which leaves pairs at the threshold to the rounding: pairs closer to it than 1e-4 are not compared."""
import argparse
import os
import time

import h5py
import numpy as np
from scipy.sparse import csr_matrix

from machine import describe, join, print_table

OUT = "build/bench/exact"
UNIVERSE, MEAN, DIMENSION = 100000, 64, 128


def make_sets(n, rng):
    share = np.cumsum(1 / np.arange(1, UNIVERSE + 1))
    name = rng.permutation(UNIVERSE).astype(np.uint32)
    rows = []
    for size in np.clip(rng.lognormal(np.log(MEAN) - 0.18, 0.6, n), 6, 600).astype(int):
        if rows and rng.random() < 0.1:
            row = rows[rng.integers(len(rows))].copy()
            altered = rng.random(len(row)) < rng.uniform(0, 0.3)
            row[altered] = rng.integers(0, UNIVERSE, altered.sum())
        else:
            row = name[np.searchsorted(share, rng.random(size) * share[-1])]
        rows.append(np.unique(row))
    return rows


def make_vectors(n, rng):
    centres = rng.standard_normal((max(1, n // 100), DIMENSION))
    x = centres[rng.integers(0, len(centres), n)] + rng.standard_normal((n, DIMENSION)) * rng.uniform(0.5, 1.5, (n, 1))
    copies = rng.random(n) < 0.1
    x[copies] = x[rng.integers(0, n, copies.sum())] + rng.standard_normal((copies.sum(), DIMENSION)) * 0.2
    return x.astype(np.float32)


def similar_sets(rows, threshold, block=1000):
    """(pairs [p, 2], similarities) of all pairs, by products of sparse matrices."""
    indptr = np.cumsum([0] + [len(row) for row in rows])
    a = csr_matrix((np.ones(indptr[-1], np.int32), np.concatenate(rows), indptr), shape=(len(rows), UNIVERSE))
    size, b, pairs, values = np.diff(indptr), a.T.tocsr(), [], []
    for first in range(0, len(rows), block):
        both = (a[first:first + block] @ b).tocoo()
        left, right = both.row + first, both.col
        jaccard = both.data / (size[left] + size[right] - both.data)
        keep = (left < right) & (jaccard >= threshold)
        pairs.append(np.stack([left[keep], right[keep]], 1))
        values.append(jaccard[keep])
    return np.concatenate(pairs), np.concatenate(values)


def near_vectors(x, metric, limit, block=1000):
    """The same by matrix products; values are cosines, products, or distances."""
    y = x / np.linalg.norm(x, axis=1, keepdims=True) if metric == "cosine" else x
    square, pairs, values = np.einsum("ij,ij->i", y, y), [], []
    for first in range(0, len(y), block):
        value = y[first:first + block] @ y[first:].T
        if metric == "l2":
            value = np.sqrt(np.maximum(square[first:first + block, None] - 2 * value + square[first:], 0))
        left, right = np.nonzero(value <= limit if metric == "l2" else value >= limit)
        keep = left < right
        pairs.append(np.stack([left[keep], right[keep]], 1) + first)
        values.append(value[left[keep], right[keep]])
    return np.concatenate(pairs), np.concatenate(values)


def found_pairs(out):
    with h5py.File(f"{out}/pairs.h5") as file:
        value = next(file[name][:] for name in file if name not in ("left", "right"))
        return np.stack([file["left"][:], file["right"][:]], 1), value


def same(ours, theirs, limit):
    """Whether the pairs are the same but for those at the limit."""
    clear = []
    for pairs, values in ours, theirs:
        far = abs(values - limit) > 1e-4 * limit
        clear.append(set(map(tuple, pairs[far].tolist())))
    both = [set(map(tuple, pairs.tolist())) for pairs, _ in (ours, theirs)]
    return clear[0] <= both[1] and clear[1] <= both[0]


def measure(what, path, option, limit, brute_force, args):
    start = time.monotonic()
    theirs = brute_force()
    seconds = time.monotonic() - start
    out = f"{OUT}/pairs"
    report = join("build/lshjoin", ["--exact", *option.split(), "-t", str(args.threads)], [path], out)
    ours = found_pairs(out)
    return [what, option, f"{len(ours[0]):,}", f"{report['elapsed']:.2f}", f"{report['cpu']:.2f}", f"{seconds:.2f}",
            "yes" if same(ours, theirs, limit) else "NO"]


def main():
    parser = argparse.ArgumentParser()
    for name in "sets", "vectors", "threads":
        parser.add_argument(f"--{name}", type=int, required=True)
    args = parser.parse_args()
    os.makedirs(OUT, exist_ok=True)
    rows, x = make_sets(args.sets, np.random.default_rng(1)), make_vectors(args.vectors, np.random.default_rng(2))
    with h5py.File(f"{OUT}/data.h5", "w") as file:
        file["sets/indptr"] = np.cumsum([0] + [len(row) for row in rows])
        file["sets/indices"] = np.concatenate(rows)
        file["vectors"] = x
    table = [measure(f"{args.sets:,} sets", f"{OUT}/data.h5:/sets", f"--threshold {t}", t, lambda: similar_sets(rows, t), args)
             for t in (0.8, 0.5)]
    for metric, name, limit in ("cosine", "threshold", 0.9), ("l2", "radius", 6), ("ip", "threshold", 250):
        option = f"--metric {metric} --{name} {limit}"
        table.append(measure(f"{args.vectors:,} vectors", f"{OUT}/data.h5:/vectors", option, limit,
                             lambda: near_vectors(x, metric, limit), args))
    print(describe() + f"; {args.threads} thread{'s'[:args.threads > 1]}\n")
    print_table(["data", "options", "pairs", "--exact, s", "of CPU", "brute force, s", "the same pairs"], table)


if __name__ == "__main__":
    main()
