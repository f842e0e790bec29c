"""Weighted sets, and an independent answer to what lshjoin says of them: similarities by numpy, of dense matrices."""
import h5py
import numpy as np
from scipy.sparse import csr_matrix

from vectors import first_k

PAIR = np.dtype([("left", "u8"), ("right", "u8"), ("value", "f8")])


def families(seed, count=60, members=4, size=30, whole=False):
    """Dense rows of weights; rows of one family are alike, more or less, in elements and weights. Every 17th is empty."""
    rng = np.random.default_rng(seed)
    x = np.zeros((count * members, 500))
    for family in range(count):
        elements, weights = rng.choice(500, size, replace=False), rng.gamma(1, 3, size) + 0.1
        for k in range(members):
            spread = rng.choice([0, 0.05, 0.2, 0.5])
            kept = rng.random(size) < 1 - spread / 2
            x[family * members + k, elements[kept]] = (weights * np.exp(rng.normal(0, spread, size)))[kept]
    if whole:
        x = np.ceil(x)
    x[::17] = 0
    return x[rng.permutation(len(x))]


def write_weighted(path, x, group="sets", elements="i4", weights="f4", names=None, mode="w", shuffled=None, attrs=()):
    """Dense rows as CSR. `names`: numbers of the elements. `shuffled`: entries in any order, some of them in two parts."""
    m = csr_matrix(np.asarray(x))
    indptr, indices, data = m.indptr, m.indices, m.data
    if shuffled is not None:
        rng, rows, indptr = np.random.default_rng(shuffled), [], [0]
        for a, b in zip(m.indptr, m.indptr[1:]):
            part = np.where(data[a:b] > 1, np.floor(data[a:b] / 2), 0)
            entries = np.concatenate([np.c_[indices[a:b], data[a:b] - part], np.c_[indices[a:b], part][part > 0]])
            rows.append(rng.permutation(entries))
            indptr.append(indptr[-1] + len(entries))
        indices, data = np.concatenate(rows)[:, 0].astype("i8"), np.concatenate(rows)[:, 1]
    if names is not None:
        indices = np.asarray(names)[indices]
    with h5py.File(path, mode) as f:
        g = f.require_group(group)
        g["indptr"], g["indices"], g["data"] = indptr, indices.astype(elements), data.astype(weights)
        for name, value in dict(attrs).items():
            g.attrs[name] = value
    return path


def all_values(left, right=None):
    """The similarities of every left row with every right one; 0 of empty ones."""
    right = left if right is None else right
    least = np.array([np.minimum(a, right).sum(1) for a in left])
    most = np.array([np.maximum(a, right).sum(1) for a in left])
    return np.divide(least, most, out=np.zeros_like(least), where=most > 0)


def brute_force(left, right=None, threshold=0.5, exclusive=False):
    values = all_values(left, right)
    keep = values >= threshold
    if right is None:
        keep &= np.triu(np.ones(values.shape, bool), 1)
    elif exclusive:
        np.fill_diagonal(keep, False)
    pairs = np.zeros(keep.sum(), PAIR)
    pairs["left"], pairs["right"] = np.nonzero(keep)
    pairs["value"] = values[keep]
    return pairs


def top_k(left, right, k, limit=0):
    values = all_values(left, right)
    allowed = (values >= limit) & (values > 0)
    if right is None:
        np.fill_diagonal(allowed, False)
    return first_k(values, k, True, allowed)
