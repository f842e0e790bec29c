"""A pair of similarity s is a candidate with probability 1-(1-s^r)^b, whatever the ids look like.

Pairs are planted at 20 similarities, the pair k in row k of two inputs, and counted as (k, k) in the output. Within a
point (a similarity, a form of ids, b and r) the trials are independent if hash functions are truly random: either their
elements are disjoint, or each has a seed or a band of its own. Between points they need not be, because the intervals
are Bonferroni's.
"""
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from joins import read_h5, read_tsv, run
from oracle import Sets, bands_of_planted, law, outside, write_sets

CONFIGS = [(24, 5), (20, 6), (15, 8), (12, 10), (10, 12), (8, 15), (6, 20), (5, 24)]
UNION = 20  # elements of both sets of a pair together
COMMON = np.arange(1, UNION + 1)
TRIALS = 2000  # pairs at each similarity
SEEDS = 32
MANY_BANDS = 10000
TESTS = 8  # statements about 20 points for each of CONFIGS: 3 of candidates and 3 of bands, 2 below 100
ALPHA = 0.001 / (TESTS * len(CONFIGS) * UNION)  # 99.9% over all points together: 4.9 sigma a point


def planted(ids):
    """Pairs out of ids [pairs, UNION]: both sets are stretches of their pair's ids that overlap in COMMON of them.

    The common number goes round: pair k has COMMON[k % 20]. The order of ids stays, so that where ids have a structure
    the sets have it too (consecutive ids make intervals)."""
    left, right = [], []
    for k, row in enumerate(ids):
        common = COMMON[k % UNION]
        length = (UNION + common + 1) // 2
        left.append(row[:length])
        right.append(row[length - common:])
    return Sets.of(left, ids.dtype), Sets.of(right, ids.dtype)


def outliers(hits, trials, probabilities):
    return outside([f"J={c}/{UNION}" for c in COMMON], hits, trials, probabilities, ALPHA)


# ---- pairs of disjoint elements, many in a run ---------------------------------------------------------------------

def random_ids(n):
    ids = np.unique(np.random.default_rng(1).integers(0, 2**64, n + 100, dtype="u8"))
    return np.random.default_rng(2).permutation(ids)[:n]


IDS = {
    "random": random_ids,
    "consecutive": lambda n: np.arange(n, dtype="u4"),
    "multiples of 4096": lambda n: np.arange(n, dtype="i8") * 4096,
}


@pytest.fixture(scope="module", params=IDS)
def inputs(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp("in")
    ids = IDS[request.param](TRIALS * UNION * UNION).reshape(-1, UNION)
    return [write_sets(folder / f"{k}.h5", sets) for k, sets in enumerate(planted(ids))]


@pytest.mark.parametrize("bands, rows", CONFIGS)
def test_law(inputs, tmp_path, bands, rows):
    run(["-b", bands, "-r", rows, "-s", 7, "-o", tmp_path / "out", *inputs]).ok()
    found = read_h5(tmp_path / "out")
    assert (found["left"] == found["right"]).all()  # other pairs have nothing in common
    collided = bands_of_planted(found, TRIALS * UNION).reshape(TRIALS, UNION)
    s = COMMON / UNION
    assert outliers((collided > 0).sum(0), TRIALS, law(s, bands, rows)) == []
    assert outliers(collided.sum(0), TRIALS * bands, s ** rows) == []  # a stronger statement on the same run


# ---- all ids below 100: no room for disjoint pairs -----------------------------------------------------------------

def ids_below_100():
    """For one pair at each similarity, in order, so that its sets are lower and upper ids."""
    rng = np.random.default_rng(3)
    return np.sort([rng.permutation(100)[:UNION] for _ in COMMON]).astype("u8")


@pytest.fixture(scope="module")
def below_100(tmp_path_factory):
    folder = tmp_path_factory.mktemp("in")
    return [write_sets(folder / f"{k}.h5", sets) for k, sets in enumerate(planted(ids_below_100()))]


@pytest.mark.parametrize("bands, rows", CONFIGS)
def test_law_below_100(below_100, bands, rows):
    """The trials are seeds."""

    def hits(seed):
        said = run(["-b", bands, "-r", rows, "-s", seed, "--quiet", *below_100]).ok()
        return bands_of_planted(read_tsv(said.out), UNION) > 0

    with ThreadPoolExecutor(4) as pool:
        assert outliers(sum(pool.map(hits, range(SEEDS))), SEEDS, law(COMMON / UNION, bands, rows)) == []


@pytest.mark.parametrize("rows", [rows for _, rows in CONFIGS])
def test_bands_below_100(below_100, rows):
    """The trials are bands: a pair collides in each with probability s^r. So many of them see a small bias."""
    said = run(["-b", MANY_BANDS, "-r", rows, *below_100]).ok()
    collided = bands_of_planted(read_tsv(said.out), UNION)
    assert outliers(collided, MANY_BANDS, (COMMON / UNION) ** rows) == []


# ---- the check can tell a biased hash ------------------------------------------------------------------------------

def linear(rng):
    """h(x) = (a*x + b) mod 2^32, which many take for random enough."""
    a, b = rng.integers(0, 2**32, 2, dtype="u8")
    return lambda x: ((a | np.uint64(1)) * x + b) & np.uint64(0xFFFFFFFF)


def mixed(rng):
    """The finaliser of splitmix64 on x plus a random key."""
    key = rng.integers(0, 2**64, dtype="u8")

    def h(x):
        x = (x + key) * np.uint64(0x9E3779B97F4A7C15)
        x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        return x ^ (x >> np.uint64(31))

    return h


def simulated_bands(draw_hash, ids, bands, rows):
    """In how many bands each pair that planted(ids) makes collides, by MinHash in numpy."""
    rng = np.random.default_rng(4)
    left, right = planted(ids)
    collided = np.zeros(len(ids), "i8")
    for _ in range(bands):
        equal = np.ones(len(ids), bool)
        for _ in range(rows):
            h = draw_hash(rng)
            equal &= (np.minimum.reduceat(h(left.indices), left.indptr[:-1])
                      == np.minimum.reduceat(h(right.indices), right.indptr[:-1]))
        collided += equal
    return collided


@pytest.mark.parametrize("bands, rows", [CONFIGS[0], CONFIGS[-1]])
@pytest.mark.parametrize("draw_hash, passes", [(linear, False), (mixed, True)])
def test_the_check_tells_a_biased_hash(draw_hash, passes, bands, rows):
    ids = np.arange(TRIALS * UNION * UNION, dtype="u8").reshape(-1, UNION)
    collided = simulated_bands(draw_hash, ids, bands, rows).reshape(TRIALS, UNION)
    s = COMMON / UNION
    assert (outliers((collided > 0).sum(0), TRIALS, law(s, bands, rows)) == []) == passes
    assert (outliers(collided.sum(0), TRIALS * bands, s ** rows) == []) == passes


@pytest.mark.parametrize("draw_hash, passes", [(linear, False), (mixed, True)])
def test_the_check_tells_a_biased_hash_below_100(draw_hash, passes):
    collided = simulated_bands(draw_hash, ids_below_100(), MANY_BANDS, 5)
    assert (outliers(collided, MANY_BANDS, (COMMON / UNION) ** 5) == []) == passes
