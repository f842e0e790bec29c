"""An independent answer to what lshjoin computes: sets and their writers, a brute-force join, the law of LSH.

Nothing here knows how lshjoin works. Similarities are compared as whole numbers (i*q >= p*u), never as floats.
"""
from fractions import Fraction
from math import comb

import h5py
import numpy as np
from scipy.sparse import csr_matrix
from scipy.special import gammaln
from scipy.stats import binom

PAIR = np.dtype([("left", "u8"), ("right", "u8"), ("common", "i8"), ("union", "i8")])


class Sets:
    """Rows of elements: row k is indices[indptr[k]:indptr[k + 1]]; order and repeats are kept as given."""

    def __init__(self, indptr, indices):
        self.indptr, self.indices = np.asarray(indptr, "i8"), np.asarray(indices)

    @classmethod
    def of(cls, rows, dtype="u8"):
        indptr = np.cumsum([0] + [len(row) for row in rows])
        flat = [np.asarray(row, dtype) for row in rows if len(row)]
        return cls(indptr, np.concatenate(flat) if flat else np.zeros(0, dtype))

    def __len__(self):
        return len(self.indptr) - 1

    def rows(self):
        return np.split(self.indices, self.indptr[1:-1]) if len(self) else []

    def astype(self, dtype):
        return Sets(self.indptr, self.indices.astype(dtype))

    def shuffled(self, seed, repeats=0):
        """The same sets with their elements in another order and each element up to `repeats` more times."""
        rng = np.random.default_rng(seed)
        return Sets.of([rng.permutation(np.repeat(row, rng.integers(1, repeats + 2, len(row)))) for row in self.rows()],
                       self.indices.dtype)


def families(seed, count, members=4, size=30, dtype="u8"):
    """Sets in `count` families; sets of one family overlap more or less, those of two families never.

    A family's first two members are equal in every fifth family. Every 17th row is empty. Elements are random over
    the whole range of `dtype` (for signed types, over what is not negative).
    """
    rng = np.random.default_rng(seed)
    top = np.iinfo(dtype).max
    ids = np.unique(rng.integers(0, top, count * size * 3, dtype=np.dtype(dtype), endpoint=True))
    ids = rng.permutation(ids)[:count * size * 2].reshape(count, 2, size)
    rows = []
    for family, (shared, own) in enumerate(ids):
        keep = rng.choice([0.5, 0.7, 0.85, 0.95])
        sets = [np.concatenate([shared[rng.random(size) < keep], own[rng.random(size) < (1 - keep) / 2]])
                for _ in range(members)]
        if family % 5 == 0:
            sets[1] = sets[0][::-1]
        rows += sets
    rows = [rows[k] for k in rng.permutation(len(rows))]
    for at in range(0, len(rows), 17):
        rows.insert(at, [])
    return Sets.of(rows, dtype)


def common_elements(left, right=None):
    """How many elements each row of the left has in common with each of the right, sparse; and the sizes of both."""
    inputs = [left] if right is None else [left, right]
    tokens, columns = np.unique(np.concatenate([s.indices.astype("u8") for s in inputs]), return_inverse=True)
    matrices, start = [], 0
    for s in inputs:
        flat = columns[start:start + len(s.indices)]
        m = csr_matrix((np.ones(len(flat), "i4"), flat, s.indptr), shape=(len(s), max(1, len(tokens))))
        m.sum_duplicates()
        m.data[:] = 1
        matrices.append(m)
        start += len(flat)
    a, b = matrices[0], matrices[-1]
    return (a @ b.T).tocoo(), np.diff(a.indptr), np.diff(b.indptr)


def overlaps(left, right=None):
    """Every pair with a common element as a PAIR array in order: for one input left < right, for two all."""
    common, sizes, right_sizes = common_elements(left, right)
    keep = np.ones(common.nnz, bool) if right is not None else common.row < common.col
    i, j, both = common.row[keep], common.col[keep], common.data[keep].astype("i8")
    pairs = np.zeros(len(i), PAIR)
    pairs["left"], pairs["right"], pairs["common"] = i, j, both
    pairs["union"] = sizes[i] + right_sizes[j] - both
    return pairs[np.lexsort((pairs["right"], pairs["left"]))]


def reach(pairs, threshold):
    """Which of the pairs have common/union >= threshold, decided in whole numbers where it is close."""
    t, s = Fraction(threshold), similarity(pairs)
    keep = s > float(t)
    for k in np.flatnonzero(abs(s - float(t)) < 1e-9):
        keep[k] = Fraction(int(pairs["common"][k]), int(pairs["union"][k])) >= t
    return keep


def brute_force(left, right=None, threshold="0.5", exclusive=False):
    pairs = overlaps(left, right)
    keep = reach(pairs, threshold)
    if right is not None and exclusive:
        keep &= pairs["left"] != pairs["right"]
    return pairs[keep]


def similarity(pairs):
    return pairs["common"] / pairs["union"]


def law(s, bands, rows):
    """The probability that a pair of Jaccard similarity s is a candidate: 1-(1-s^r)^b, exact near 0 and 1 too."""
    with np.errstate(divide="ignore"):
        return -np.expm1(bands * np.log1p(-np.asarray(s, "f8") ** rows))


def law_pooled(s, bands, rows, pool):
    """The same where each band is a random subset of `pool` hash values: the mean over the number f that agree."""
    f = np.arange(pool + 1)
    meets = np.exp(gammaln(f + 1) - gammaln(np.maximum(f - rows, 0) + 1) - gammaln(pool + 1) + gammaln(pool - rows + 1))
    found = law(np.where(f < rows, 0, meets), bands, 1)
    return (binom.pmf(f, pool, np.asarray(s, "f8")[..., None]) * found).sum(-1)


def law_sketch(p, bands, rows, symbols, cut):
    """Of sketches: a pair must agree in `cut` symbols besides. Bands that fit side by side share none: of f agreeing
    symbols no band is whole in as many ways as x^f has in ((1+x)^rows - x^rows)^bands (1+x)^rest, of comb(symbols, f)."""
    f = np.arange(symbols + 1)
    if bands * rows <= symbols:
        power = lambda n: np.array([comb(n, k) for k in range(n + 1)], object)
        ways, band = power(symbols - bands * rows), power(rows)
        band[rows] -= 1
        for _ in range(bands):
            ways = np.convolve(ways, band)
        found = np.array([1 - float(Fraction(int(w), comb(symbols, k))) for k, w in enumerate(ways)])
    else:
        meets = np.exp(gammaln(f + 1) - gammaln(np.maximum(f - rows, 0) + 1) - gammaln(symbols + 1) +
                       gammaln(symbols - rows + 1))
        found = law(np.where(f < rows, 0, meets), bands, 1)
    return (binom.pmf(f, symbols, np.asarray(p, "f8")[..., None]) * np.where(f < cut, 0, found)).sum(-1)


def law_drawn(p, bands, symbols, cut, trials=20_000):
    """The same of these very bands, lists of symbols: a pair agrees in a random set of them."""
    agrees = np.random.default_rng(0).random((trials, symbols)) < p
    found = np.any([agrees[:, band].all(axis=1) for band in bands], axis=0) & (agrees.sum(1) >= cut)
    return found.mean()


def zipf_pairs(seed, pairs, background):
    """Rows of elements that follow Zipf's law, some of which nearly all rows have: `pairs` pairs of Jaccard similarity 1/3
    exactly, in rows 2k and 2k+1, and so many others."""
    rng = np.random.default_rng(seed)
    below = np.cumsum(1 / np.arange(1, 20_001))

    def more(row, size):
        row = dict.fromkeys(row)
        while len(row) < size:
            row.update(dict.fromkeys(np.searchsorted(below / below[-1], rng.random(size)).tolist()))
        return list(row)[:size]

    rows = []
    for k in range(pairs + background):
        size = 2 * int(rng.integers(15, 45))
        row = more([], size)
        rows.append(row)
        if k < pairs:
            shared, others = rng.permutation(row)[:size // 2].tolist(), set(row)
            while len(shared) < size:
                shared += [x for x in dict.fromkeys(more([], size)) if x not in others][:size - len(shared)]
                others.update(shared)
            rows.append(shared)
    return Sets.of(rows, "u4")


def simulate(left, right, pairs, bands, rows, trials=40, seed=1):
    """The number of colliding bands of each pair (columns) in each of `trials` runs with truly random hash functions.

    What a run finds has the law's mean, but not the binomial's deviation: its pairs share the hash functions, and where
    they share elements they are found together or not at all. How far a right answer may be from the mean is seen here.
    """
    inputs = [left] if right is None else [left, right]
    tokens, columns = np.unique(np.concatenate([s.indices.astype("u8") for s in inputs]), return_inverse=True)
    sizes = np.concatenate([np.diff(s.indptr) for s in inputs])
    starts = (np.cumsum(sizes) - sizes)[sizes > 0]  # empty sets have no minimum, and no pairs
    at = np.cumsum(sizes > 0) - 1
    i, j = at[pairs["left"].astype("i8")], at[pairs["right"].astype("i8") + (0 if right is None else len(left))]
    rng = np.random.default_rng(seed)
    hits = np.zeros((trials, len(pairs)), "i4")
    for trial in range(trials):
        for _ in range(bands):
            equal = np.ones(len(pairs), bool)
            for _ in range(rows):
                least = np.minimum.reduceat(rng.random(len(tokens))[columns], starts)
                equal &= least[i] == least[j]
            hits[trial] += equal
    return hits


def check_mean(sums, mean, simulated, sigmas=5):
    """The mean of sums over pairs, one from each seed, is the law's mean within what the simulation spreads."""
    allowed = sigmas * np.std(simulated, ddof=1) / np.sqrt(len(sums)) + 1e-6
    assert abs(np.mean(sums) - mean) <= allowed, f"{sums}: the law wants {mean:.1f} +- {allowed:.1f} in the mean"


def check_recall(founds, left, right, truth, bands, rows):
    """As many of the true pairs are found (in one run or each of several seeds) as the law says."""
    simulated = (simulate(left, right, truth, bands, rows) > 0).sum(1)
    check_mean([len(found) for found in founds], law(similarity(truth), bands, rows).sum(), simulated)


def check_verified(found, truth, values=None, rtol=0, atol=1e-6):
    """Nothing is false, nothing comes twice, and every similarity (or what `values` holds for the truth) is right."""
    ours, true = ((t["left"].astype("u8") << np.uint64(32)) | t["right"].astype("u8") for t in (found, truth))
    assert len(np.unique(ours)) == len(ours), "a pair comes twice"
    assert np.isin(ours, true).all(), "a pair is false"
    right = (similarity(truth) if values is None else values)[np.searchsorted(true, ours)]
    np.testing.assert_allclose(found["value"], right, rtol, atol)


def bands_of_planted(pairs, count):
    """The number of colliding bands of each of the first `count` planted pairs, the pair k being (k, k)."""
    own = pairs[(pairs["left"] == pairs["right"]) & (pairs["left"] < count)]
    bands = np.zeros(count, "i8")
    bands[own["left"].astype("i8")] = own["value"]
    return bands


def outside(points, hits, trials, probabilities, alpha):
    """The points whose hits lie outside of the binomial interval that holds all but `alpha` of what may happen."""
    low, high = binom.ppf(alpha / 2, trials, probabilities), binom.isf(alpha / 2, trials, probabilities)
    return [f"{point}: {h} of {trials}, not {lo:.0f} to {hi:.0f}"
            for point, h, lo, hi in zip(points, hits, low, high) if not lo <= h <= hi]


# ---- writers -------------------------------------------------------------------------------------------------------

def write_sets(path, sets, group="sets", mode="w", indptr="i8", indices=None, attrs=(), data=False, shape=False,
               **storage):
    """A group with indptr and indices; `data`, a `shape` dataset, attributes and storage (chunks, gzip) on demand."""
    with h5py.File(path, mode) as f:
        g = f.require_group(group)
        g.create_dataset("indptr", data=sets.indptr.astype(indptr), **storage)
        g.create_dataset("indices", data=sets.indices.astype(indices or sets.indices.dtype), **storage)
        if data:
            g.create_dataset("data", data=np.ones(len(sets.indices), "f4"), **storage)
        if shape:
            universe = int(sets.indices.max()) + 1 if len(sets.indices) else 0
            g.create_dataset("shape", data=np.array([universe, len(sets)], "i4"))
        for name, value in dict(attrs).items():
            g.attrs[name] = value
    return path


def write_flat(path, sets, name="train", mode="w"):
    """The flat form of ann-benchmarks: all elements in one dataset, the sets' sizes in another."""
    with h5py.File(path, mode) as f:
        f[name] = sets.indices
        f["size_" + name] = np.diff(sets.indptr)
        f.attrs["type"], f.attrs["distance"] = "sparse", "jaccard"
    return path


def mhash_text(sets, dimension=None):
    """The text form of mhash: `N,D,d`, then `m,f1,...,fm` for each set."""
    dimension = dimension or int(sets.indices.max()) + 1
    lines = [f"{len(sets)},{len(sets.indices)},{dimension}"]
    return "\n".join(lines + [",".join(map(str, [len(row), *row])) for row in sets.rows()]) + "\n"
