#!/usr/bin/python3
"""make_data.py: the made data sets of the benchmark, the same every time.

    make_data.py sets N SEED OUT.h5 [--near-copies K]   sets whose elements follow Zipf's law, 64 in the mean of 100,000; a tenth are
                                                        copies of others, of a Jaccard similarity uniform in 0.5 to 1; K near-copies of
                                                        one more set take the places of others
    make_data.py vectors N WIDTH SEED OUT.h5            unit vectors in clusters of a hundred; a tenth are copies of others, of a
                                                        cosine uniform in 0.7 to 1
    make_data.py binary IN.h5 OUT.bin                   sets as the peers read them: int64 rows, int64 elements, int64 begin[rows + 1],
                                                        uint32 elements, numbered by rarity, rising in a row

The order of the draws is a part of the recipe: numbers of one version can be compared with those of another."""
import argparse

import h5py
import numpy as np

UNIVERSE, MEAN, SPREAD = 100_000, 64, 0.6
COPIES = 0.1
BATCH = 4_000_000
PER_CLUSTER = 100


class Zipf:
    """Elements by their frequency, 0 the most frequent; runs of them come from batches drawn ahead."""

    def __init__(self, rng):
        weight = 1 / np.arange(1, UNIVERSE + 1)
        self.rng, self.below = rng, np.cumsum(weight / weight.sum())
        self.batch, self.at = np.empty(0, np.int64), 0

    def draw(self, n):
        return np.minimum(np.searchsorted(self.below, self.rng.random(n)), UNIVERSE - 1)

    def run(self, n):
        if self.at + n >= self.batch.size:
            self.batch, self.at = self.draw(BATCH), 0
        self.at += n
        return self.batch[self.at - n:self.at]


def original(zipf, size):
    """`size` different elements, in the order in which they were drawn."""
    have = np.empty(0, np.int64)
    while have.size < size:
        drawn = np.concatenate([have, zipf.run(2 * size)])
        have = drawn[np.sort(np.unique(drawn, return_index=True)[1])][:size]
    return have


def altered(zipf, row, similarity):
    """As many elements, so many of them the row's that the similarity is as asked."""
    kept = round(2 * row.size * similarity / (1 + similarity))
    copy = zipf.rng.permutation(row)[:kept].tolist()
    taken = set(row.tolist())
    while len(copy) < row.size:
        for element in zipf.draw(2 * (row.size - kept) + 2).tolist():
            if element not in taken and len(copy) < row.size:
                copy.append(element)
                taken.add(element)
    return np.array(copy, np.int64)


def make_sets(n, seed):
    rng = np.random.default_rng(seed)
    zipf, originals = Zipf(rng), int(n * (1 - COPIES))
    sizes = np.exp(rng.normal(np.log(MEAN) - SPREAD**2 / 2, SPREAD, originals))
    sizes = np.clip(np.round(sizes), 6, 600).astype(int)
    name = rng.permutation(UNIVERSE)  # elements are not numbered by frequency
    zipf.batch = zipf.draw(int(sizes.sum() * 2.2) + 1000)
    rows = [original(zipf, size) for size in sizes]
    sources, similarities = rng.integers(0, originals, n - originals), rng.uniform(0.5, 1, n - originals)
    rows += [altered(zipf, rows[source], similarity) for source, similarity in zip(sources, similarities)]
    return [np.sort(name[rows[k]]).astype(np.uint32) for k in rng.permutation(n)]


def plant(rows, n, seed=9, size=64, changed=0.03):
    """Put near-copies of one set, each element changed with that probability, in the places of n rows."""
    rng = np.random.default_rng(seed)
    one = rng.choice(UNIVERSE, size, replace=False).astype(np.uint32)
    for k in rng.choice(len(rows), n, replace=False):
        copy, change = one.copy(), rng.random(size) < changed
        copy[change] = rng.integers(0, UNIVERSE, change.sum())
        rows[k] = np.unique(copy).astype(np.uint32)


def write_sets(path, rows):
    with h5py.File(path, "w") as file:
        file["sets/indptr"] = np.cumsum([0] + [row.size for row in rows], dtype=np.int64)
        file["sets/indices"] = np.concatenate(rows)
        file["sets"].attrs["shape"] = np.array([len(rows), UNIVERSE], np.uint64)


def unit(x):
    return x / np.linalg.norm(x, axis=1, keepdims=True)


def make_vectors(n, width, seed):
    rng = np.random.default_rng(seed)
    originals, clusters = int(n * (1 - COPIES)), max(1, n // PER_CLUSTER)
    normal = lambda rows: rng.standard_normal((rows, width)).astype(np.float32)
    mix = lambda share, a, b: np.sqrt(share)[:, None] * a + np.sqrt(1 - share)[:, None] * b
    centre, share = unit(normal(clusters)), rng.uniform(0.3, 0.85, clusters).astype(np.float32)
    at = rng.integers(0, clusters, originals)
    x = np.empty((n, width), np.float32)
    x[:originals] = unit(mix(share[at], centre[at], unit(normal(originals))))
    source = x[rng.integers(0, originals, n - originals)]
    cosine = rng.uniform(0.7, 1, n - originals).astype(np.float32)
    aside = normal(n - originals)
    aside -= (aside * source).sum(1, keepdims=True) * source
    x[originals:] = unit(cosine[:, None] * source + np.sqrt(1 - cosine * cosine)[:, None] * unit(aside))
    return x[rng.permutation(n)]


def write_binary(source, path):
    with h5py.File(source) as file:
        indptr, elements = file["sets/indptr"][:].astype(np.int64), file["sets/indices"][:]
    frequency = np.bincount(elements)
    rarity = np.empty(frequency.size, np.uint32)
    rarity[np.argsort(frequency, kind="stable")] = np.arange(frequency.size)
    row = np.repeat(np.arange(indptr.size - 1, dtype=np.uint64), np.diff(indptr))
    ordered = np.sort(row << np.uint64(32) | rarity[elements])
    with open(path, "wb") as file:
        np.array([indptr.size - 1, elements.size], np.int64).tofile(file)
        indptr.tofile(file)
        (ordered & np.uint64(0xffffffff)).astype(np.uint32).tofile(file)


def main():
    parser = argparse.ArgumentParser(description="Makes the data sets of the benchmark.")
    kinds = parser.add_subparsers(dest="kind", required=True)
    for kind, arguments in ("sets", ("n", "seed")), ("vectors", ("n", "width", "seed")):
        of_kind = kinds.add_parser(kind)
        for name in arguments:
            of_kind.add_argument(name, type=int)
        of_kind.add_argument("out")
    kinds.choices["sets"].add_argument("--near-copies", type=int, default=0)
    binary = kinds.add_parser("binary")
    binary.add_argument("source")
    binary.add_argument("out")
    args = parser.parse_args()
    if args.kind == "binary":
        write_binary(args.source, args.out)
    elif args.kind == "sets":
        rows = make_sets(args.n, args.seed)
        if args.near_copies:
            plant(rows, args.near_copies)
        write_sets(args.out, rows)
    else:
        with h5py.File(args.out, "w") as file:
            file["vectors"] = make_vectors(args.n, args.width, args.seed)


if __name__ == "__main__":
    main()
