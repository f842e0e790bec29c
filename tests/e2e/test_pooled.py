"""Bands that share a pool of hash values: a pair that agrees in each value with probability p is found with probability
sum over f of Binom(f; m, p) * (1 - (1 - C(f,r)/C(m,r))^b).

All pairs of a run share the draw of its bands, so the trials are the seeds: a pair of each kind is found in so many of
many runs; what is compared is the mean over a run's pairs, whose spread is seen between the runs."""
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from scipy.stats import norm

from joins import read_h5, run
from oracle import Sets, bands_of_planted, law, law_pooled, write_sets
from vectors import p_cosine, p_l2, write_vectors

SEEDS, PAIRS, UNION = 32, 100, 20
SIMILARITIES = np.array([0.2, 0.4, 0.5, 0.6, 0.7, 0.8, 0.85, 0.9, 0.95])
DISTANCES = np.array([0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.6, 0.8, 1.2])
CONFIGS = [(10, 4, 16), (40, 5, 60), (30, 8, 30), (12, 3, 36), (200, 6, 40)]  # bands, rows, pool
ALPHA = 0.001 / (2 * 3 * len(CONFIGS) * len(SIMILARITIES))


def sets_at(similarities):
    """PAIRS pairs of disjoint elements at each similarity, sets of a union of UNION elements."""
    rng = np.random.default_rng(1)
    ids = rng.permutation(np.unique(rng.integers(0, 2**63, PAIRS * len(similarities) * UNION + 1000)))
    left, right = [], []
    for k, row in enumerate(ids[:PAIRS * len(similarities) * UNION].reshape(-1, UNION)):
        common = round(similarities[k % len(similarities)] * UNION)
        length = (UNION + common + 1) // 2
        left.append(row[:length])
        right.append(row[length - common:])
    return [Sets.of(left, "u8"), Sets.of(right, "u8")]


def vectors_at(values, metric):
    """Pairs in orthogonal planes."""
    n = PAIRS * len(values)
    value = np.tile(values, PAIRS)
    left, right = np.zeros((2, n, 2 * (n // 8 + 1)), "f4")  # eight pairs share a plane: they are turned in it
    turn = np.random.default_rng(2).uniform(0, 2 * np.pi, n)
    plane = 2 * (np.arange(n) // 8)
    length, angle = (1, np.arccos(value)) if metric == "cosine" else (20, 0)
    for x, at in ((left, turn), (right, turn + angle)):
        x[np.arange(n), plane], x[np.arange(n), plane + 1] = np.cos(at) * length, np.sin(at) * length
    if metric == "l2":
        right[np.arange(n), plane] += value
    return left, right


@pytest.fixture(scope="module", params=["jaccard", "cosine", "l2"])
def planted(request, tmp_path_factory):
    """(inputs, options, probability that one value agrees)"""
    folder, metric = tmp_path_factory.mktemp("in"), request.param
    names = [folder / "left.h5", folder / "right.h5"]
    if metric == "jaccard":
        return [write_sets(name, sets) for name, sets in zip(names, sets_at(SIMILARITIES))], [], SIMILARITIES
    values = SIMILARITIES if metric == "cosine" else DISTANCES
    inputs = [write_vectors(name, x) for name, x in zip(names, vectors_at(values, metric))]
    if metric == "cosine":
        return inputs, ["--metric", metric], p_cosine(SIMILARITIES)
    return inputs, ["--metric", metric, "--width", 1], p_l2(DISTANCES, 1)


def collisions(planted, folder, bands, rows, pool):
    """[seed][pair][similarity]: in how many bands."""
    inputs, options, _ = planted

    def one(seed):
        out = folder / f"out{seed}"
        run(["-b", bands, "-r", rows, "--pool", pool, *options, "-s", seed, "--quiet", "-o", out, *inputs]).ok()
        return bands_of_planted(read_h5(out), PAIRS * len(SIMILARITIES)).reshape(PAIRS, -1)

    with ThreadPoolExecutor(4) as workers:
        return np.array(list(workers.map(one, range(SEEDS))))


def check(shares, expected):
    """shares: [seed][point]. Spread is that between the seeds, and at least that of independent pairs."""
    spread = np.sqrt(np.maximum(shares.var(0, ddof=1), expected * (1 - expected) / PAIRS) / SEEDS)
    far = np.abs(shares.mean(0) - expected) / np.maximum(spread, 1e-12)
    assert (far < norm.isf(ALPHA / 2) * 1.1).all(), np.c_[shares.mean(0), expected, far]  # the variance is estimated


@pytest.mark.parametrize("bands, rows, pool", CONFIGS)
def test_law(planted, tmp_path, bands, rows, pool):
    collided = collisions(planted, tmp_path, bands, rows, pool)
    p = planted[2]
    expected = law_pooled(p, bands, rows, pool) if pool < bands * rows else law(p, bands, rows)
    check((collided > 0).mean(1), expected)
    check(collided.mean(1) / bands, p**rows)
    assert abs(law_pooled(p, 1, rows, pool) - p**rows).max() < 1e-9
    if pool < bands * rows:  # and it is not the plain law
        with pytest.raises(AssertionError):
            check((collided > 0).mean(1), law(p, bands, rows))


@pytest.mark.parametrize("pool", ["4", "0", "x", "2000000"])
def test_bad_pool(fails, tmp_path, pool):
    fails(["-b", 3, "-r", 5, "--pool", pool, write_sets(tmp_path / "in.h5", sets_at(SIMILARITIES)[0])], 64, "pool")
