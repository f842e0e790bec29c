"""How much of one set is in another: sets of many sizes, and an independent answer to what lshjoin says of them."""
from fractions import Fraction

import numpy as np

from oracle import Sets, common_elements

PAIR = np.dtype([("left", "u8"), ("right", "u8"), ("common", "i8"), ("size", "i8")])  # of the left one


def nested(seed, count=60, universe=4000, sizes=(1, 3, 8, 20, 50, 120, 300), dtype="u8"):
    """Rows of many sizes, in which smaller ones are more or less, some of them equal, and every 17th empty."""
    rng = np.random.default_rng(seed)
    ids = rng.permutation(np.unique(rng.integers(0, np.iinfo(dtype).max, 2 * universe, dtype=np.dtype(dtype))))[:universe]
    rows = []
    for _ in range(count):
        large = rng.choice(universe, rng.choice(sizes[3:]), replace=False)
        rows.append(large)
        for _ in range(3):
            size = min(rng.choice(sizes), len(large))
            kept = rng.choice([0.4, 0.75, 0.9, 1])
            part = rng.choice(large, size, replace=False)
            strange = rng.choice(universe, size, replace=False)
            rows.append(np.unique(np.where(rng.random(size) < kept, part, strange)))
    rows += [rows[k][::-1] for k in range(0, len(rows), 9)]
    rows = [ids[rows[k]] for k in rng.permutation(len(rows))]
    for at in range(0, len(rows), 17):
        rows.insert(at, [])
    return Sets.of(rows, dtype)


def overlaps(left, right=None):
    """Every ordered pair of rows with something in common, but none of one input's row with itself."""
    common, sizes, _ = common_elements(left, right)
    keep = np.ones(common.nnz, bool) if right is not None else common.row != common.col
    pairs = np.zeros(keep.sum(), PAIR)
    pairs["left"], pairs["right"], pairs["common"] = common.row[keep], common.col[keep], common.data[keep]
    pairs["size"] = sizes[common.row[keep]]
    return pairs[np.lexsort((pairs["right"], pairs["left"]))]


def brute_force(left, right=None, threshold="0.5", exclusive=False):
    """Decided in whole numbers."""
    pairs, t = overlaps(left, right), Fraction(threshold)
    keep = np.array([int(c) * t.denominator >= t.numerator * int(n) for c, n in zip(pairs["common"], pairs["size"])], bool)
    if right is not None and exclusive:
        keep &= pairs["left"] != pairs["right"]
    return pairs[keep]


def values(pairs):
    return pairs["common"] / pairs["size"]


def size_class(n):
    """Sizes 1, 2, 3, 4, 5-6, 7-8, 9-12, 13-16 ...: two classes for each power of two."""
    return next(k for k, most in enumerate([1, *(x << k for k in range(31) for x in (2, 3))]) if n <= most)


def planted(size, common, ratios, each):
    """Left sets of `size` and right ones `ratio` times as large: `common` elements of left set k are in right set k, and no
    other sets share any. `each` of a ratio."""
    left, right, first = [], [], 10**6
    for ratio in np.repeat(ratios, each).tolist():
        left.append(np.arange(first, first + size))
        right.append(np.r_[left[-1][:common], first + size:first + size + size * ratio - common])
        first += size + size * ratio
    return left, right
