"""The same as oracle.py for vectors: a writer, joins and nearest neighbours by brute force, the laws, a simulation.

Nothing here knows how lshjoin works. All is computed in double precision; of small integers it is exact.
"""
import h5py
import numpy as np
from scipy.stats import norm

import oracle
from joins import table

PAIR = np.dtype([("left", "u8"), ("right", "u8"), ("value", "f8")])


def write_vectors(path, x, name="vectors", mode="w", attrs=(), **storage):
    """One dataset; `attrs` are the root's; storage is chunks, compression and such."""
    with h5py.File(path, mode) as f:
        f.create_dataset(name, data=x, **storage)
        for key, value in dict(attrs).items():
            f.attrs[key] = value
    return path


def read_vectors(path, name="vectors"):
    with h5py.File(path, "r") as f:
        return f[name][:]


def clusters(seed, count, members=4, dim=24, spread=0.3, dtype="f4"):
    """`count` clusters of vectors of length about 1, in random order; every tenth vector comes twice."""
    rng = np.random.default_rng(seed)
    centres = rng.standard_normal((count, 1, dim))
    noise = rng.standard_normal((count, members, dim)) * rng.uniform(0, spread, (count, members, 1))
    x = ((centres + noise) / np.sqrt(dim)).reshape(-1, dim)
    return rng.permutation(np.concatenate([x, x[::10]])).astype(dtype)


# ---- brute force ---------------------------------------------------------------------------------------------------

def nearer(metric, values, limit):
    return values <= limit if metric == "l2" else values >= limit


def pair_values(left, right, i, j, metric):
    """The values of the pairs (left[i], right[j]), from the differences and products of coordinates themselves."""
    values = np.empty(len(i))
    for at in range(0, len(i), 20000):
        to = slice(at, at + 20000)
        x, y = left[i[to]].astype("f8"), right[j[to]].astype("f8")
        if metric == "l2":
            values[to] = np.sqrt(((x - y) ** 2).sum(1))
        else:
            product = (x * y).sum(1)
            values[to] = product if metric == "ip" else product / np.sqrt((x * x).sum(1) * (y * y).sum(1))
    return values


def all_values(left, right, metric):
    """The matrix of values; distances of vectors that are no integers lose a few digits here."""
    x, y = left.astype("f8"), right.astype("f8")
    product, xx, yy = x @ y.T, (x * x).sum(1)[:, None], (y * y).sum(1)
    if metric == "l2":
        return np.sqrt(np.maximum(xx + yy - 2 * product, 0))
    return product if metric == "ip" else product / np.sqrt(xx * yy)


def brute_force(left, right=None, metric="cosine", limit=0.9, exclusive=False):
    """The pairs that reach the limit, as a PAIR array in order: for one input left < right, for two all."""
    other = left if right is None else right
    rough = all_values(left, other, metric)
    slack = 1e-9 * abs(limit) + 1e-6 * (metric == "l2")
    near = nearer(metric, rough, limit + slack if metric == "l2" else limit - slack)
    if right is None:
        near = np.triu(near, 1)
    elif exclusive:
        np.fill_diagonal(near, False)
    i, j = np.nonzero(near)
    pairs = np.zeros(len(i), PAIR)
    pairs["left"], pairs["right"], pairs["value"] = i, j, pair_values(left, other, i, j, metric)
    return pairs[nearer(metric, pairs["value"], limit)]


def first_k(values, k, descending, allowed=None):
    """The table of every row's k best columns (of those allowed), ties by column, with their ranks from 1."""
    allowed = np.ones(values.shape, bool) if allowed is None else allowed
    rows = []
    for left, (row, may) in enumerate(zip(values, allowed)):
        columns = np.flatnonzero(may)
        best = columns[np.lexsort((columns, -row[columns] if descending else row[columns]))][:k]
        rows.append([np.full(len(best), left), best, row[best], np.arange(1, len(best) + 1)])
    return table(*(np.concatenate(c) for c in zip(*rows)))


def top_k(left, right, metric, k, limit=None, exclusive=False):
    other = left if right is None else right
    values = all_values(left, other, metric)
    allowed = np.ones(values.shape, bool) if limit is None else nearer(metric, values, limit)
    if right is None or exclusive:
        np.fill_diagonal(allowed, False)
    return first_k(values, k, metric != "l2", allowed)


def check_verified(found, truth):
    oracle.check_verified(found, truth, truth["value"], rtol=1e-6, atol=0)


def ids(pairs):
    return list(zip(pairs["left"].tolist(), pairs["right"].tolist()))


# ---- the laws: the probability that one row collides ---------------------------------------------------------------

def p_cosine(s):
    """Charikar 2002."""
    return 1 - np.arccos(np.clip(s, -1, 1)) / np.pi


def p_l2(distance, width):
    """Datar, Immorlica, Indyk and Mirrokni 2004."""
    with np.errstate(divide="ignore", invalid="ignore"):
        t = width / np.asarray(distance, "f8")
        p = 1 - 2 * norm.cdf(-t) - 2 / (np.sqrt(2 * np.pi) * t) * -np.expm1(-t * t / 2)
    return np.where(np.isinf(t), 1, p)


def p_parity(distance, width):
    """Of the last bit of a p-stable bucket: the correlation of two square waves whose phases differ by a normal number."""
    k = np.arange(1, 4001, 2)[:, None]
    c = np.atleast_1d(np.asarray(distance, "f8") / width)
    return (0.5 + 4 / np.pi**2 * (np.exp(-(np.pi * k * c) ** 2 / 2) / k**2).sum(0)).reshape(np.shape(distance))


def p_ip(product, most):
    """The symmetric-range transform, `most` being the largest norm there is."""
    return p_cosine(product / most**2)


def largest_norm(*inputs):
    return max(np.sqrt((x.astype("f8") ** 2).sum(1).max()) for x in inputs)


def p_of(metric, values, scale):
    """scale: the width for l2, the largest norm for ip."""
    return p_cosine(values) if metric == "cosine" else p_l2(values, scale) if metric == "l2" else p_ip(values, scale)


def extended(x, most, side):
    """Q (side 0) or P (side 1) of the symmetric-range transform: all of length 1, with the products of x / most."""
    y = np.zeros((len(x), x.shape[1] + 2))
    y[:, :-2] = x / most
    y[:, x.shape[1] + side] = np.sqrt(np.maximum(0, 1 - (y * y).sum(1)))
    return y


def simulate(left, right, pairs, bands, rows, metric="cosine", scale=None, trials=20, seed=1):
    """The number of colliding bands of each pair (columns) in each of `trials` runs by numpy.

    All pairs of a run share its projections, so that what it finds spreads wider than a binomial number: how far a
    right answer may be from the law's mean is seen here."""
    rng = np.random.default_rng(seed)
    sides = [left.astype("f8"), (left if right is None else right).astype("f8")]
    if metric == "ip":
        sides = [extended(x, scale, side) for side, x in enumerate(sides)]
    i, j = pairs["left"].astype("i8"), pairs["right"].astype("i8")
    mix = rng.integers(1, 2**63, rows, dtype="i8")
    hits = np.zeros((trials, len(pairs)), "i4")
    for trial in range(trials):
        for _ in range(bands):
            a, shift = rng.standard_normal((sides[0].shape[1], rows)), rng.uniform(0, 1, rows)
            keys = []
            for x in sides:
                symbols = np.floor(x @ a / scale + shift) if metric == "l2" else x @ a >= 0
                keys.append((symbols.astype("i8") * mix).sum(1))
            hits[trial] += keys[0][i] == keys[1][j]
    return hits


def check_recall(founds, left, right, truth, bands, rows, metric="cosine", scale=None):
    """As many of the true pairs are found (in one run or each of several seeds) as the law says."""
    simulated = (simulate(left, right, truth, bands, rows, metric, scale) > 0).sum(1)
    expected = oracle.law(p_of(metric, truth["value"], scale), bands, rows).sum()
    oracle.check_mean([len(found) for found in founds], expected, simulated)
