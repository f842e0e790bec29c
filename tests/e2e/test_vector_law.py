"""A pair of vectors is a candidate with probability 1-(1-p^r)^b: p is 1-acos(s)/pi for sign random projections, Datar
et al.'s p(d) for p-stable ones, and 1-acos(x.y/M^2)/pi for inner products, M being the largest norm.

Pairs are planted, the pair k in row k of two inputs, and counted as (k, k) in the output. All pairs of a run share its
projections. Their hits are not independent, and a binomial interval over them is wrong, unless one of these is so:

- The planes that the pairs span are orthogonal to each other. The coordinates of a normal vector in orthogonal planes
  are independent numbers, so what happens to one pair says nothing about another: 1,024 independent trials in each run
  of 2,048 dimensions. (A p-stable function's shift is common to all pairs too. But its sum with a projection of
  standard deviation 20 W is uniform modulo W to within e^-8000, whatever the shift, so that where a pair lies in its
  bucket is independent as well.)
- There is one pair of a kind in a run, and the trials are the bands, or the seeds: each has projections of its own.

Points, statements about one pair or sort of pairs, need not be independent of each other: the intervals are Bonferroni's.
"""
import itertools
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from scipy.linalg import hadamard
from scipy.stats import binom

from joins import read_h5, read_tsv, run
from oracle import bands_of_planted, law, outside
from vectors import largest_norm, p_cosine, p_ip, p_l2, read_vectors, write_vectors

ALPHA = 0.001 / 2000  # 99.9% over the points of all tests here, which are fewer than 2,000: 5 sigma a point

DIM, SEEDS = 2048, 16
COSINES = np.cos(np.radians([0, 0.5, 1, 2, 4, 7, 10, 13, 17, 22, 28, 35, 45, 60, 75, 90]))
DISTANCES = np.array([0, 0.02, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.4, 0.5, 0.7, 1, 1.5, 2, 3, 5])  # in units of W
PAIRS = DIM // 2 // len(COSINES)  # of each sort in a run: pair k is of sort k % 16
TRIALS = PAIRS * SEEDS


@pytest.fixture(scope="module")
def planes():
    """Orthonormal vectors with no coordinate near zero: first and second of every plane."""
    basis = hadamard(DIM) * np.random.default_rng(1).choice([-1, 1], DIM) / np.sqrt(DIM)
    return basis[::2], basis[1::2]


def write_pairs(folder, left, right):
    folder.mkdir(exist_ok=True)
    return [write_vectors(folder / f"{k}.h5", x.astype("f4")) for k, x in enumerate([left, right])]


def collisions(inputs, count, folder, seeds, options):
    """The number of colliding bands of the first `count` planted pairs, for each seed."""

    def one(seed):
        out = folder / f"out{seed}"
        run([*options, "-s", seed, "--quiet", "-o", out, *inputs]).ok()
        return bands_of_planted(read_h5(out), count)

    with ThreadPoolExecutor(4) as pool:
        return np.array(list(pool.map(one, range(seeds))))


def check_points(points, collided, p, bands, rows):
    """collided: [trials, points]. How often a pair is found, and, a stronger statement, in how many bands."""
    trials = len(collided)
    assert outside(points, (collided > 0).sum(0), trials, law(p, bands, rows), ALPHA) == []
    assert outside(points, collided.sum(0), trials * bands, p**rows, ALPHA) == []


# ---- orthogonal pairs, many in a run -------------------------------------------------------------------------------

def by_sort(collided):
    return collided.reshape(-1, len(COSINES))


@pytest.mark.parametrize("bands, rows", [(6, 6), (12, 10), (20, 16), (10, 40)])
def test_cosine(planes, tmp_path, bands, rows):
    """The vectors have lengths between 0.01 and 100, which must not matter."""
    first, second = planes
    c = np.tile(COSINES, PAIRS)[:, None]
    length = 10 ** np.random.default_rng(2).uniform(-2, 2, (2, len(c), 1))
    inputs = write_pairs(tmp_path / "in", length[0] * first, length[1] * (c * first + np.sqrt(1 - c * c) * second))
    collided = collisions(inputs, len(c), tmp_path, SEEDS, ["-b", bands, "-r", rows])
    check_points(COSINES, by_sort(collided), p_cosine(COSINES), bands, rows)


@pytest.mark.parametrize("bands, rows, width", [(4, 2, 1), (10, 4, 0.37), (16, 8, 25), (12, 24, 3000)])
def test_l2(planes, tmp_path, bands, rows, width):
    first, second = planes
    left = 20 * width * first
    right = left + width * np.tile(DISTANCES, PAIRS)[:, None] * second
    inputs = write_pairs(tmp_path / "in", left, right)
    collided = collisions(inputs, len(left), tmp_path, SEEDS,
                          ["-b", bands, "-r", rows, "--metric", "l2", "--width", width])
    check_points(DISTANCES, by_sort(collided), p_l2(DISTANCES, 1), bands, rows)


# ---- one pair of a kind in a run: the trials are bands, then seeds -------------------------------------------------

MANY_BANDS, MANY_SEEDS = 1000, 16


def check_many_bands(points, inputs, folder, p, rows, options=()):
    """So many trials see a small bias."""
    collided = collisions(inputs, len(p), folder, MANY_SEEDS, ["-b", MANY_BANDS, "-r", rows, *options])
    assert outside(points, collided.sum(0), MANY_SEEDS * MANY_BANDS, p**rows, ALPHA) == []


def turned(x, w, cosine):
    """Vectors as long as x, at that cosine from it, in its plane with w."""
    length = np.linalg.norm(x, axis=1, keepdims=True)
    w = w - x * (x * w).sum(1, keepdims=True) / length**2
    w *= length / np.linalg.norm(w, axis=1, keepdims=True)
    cosine = np.asarray(cosine)[:, None]
    return cosine * x + np.sqrt(1 - cosine**2) * w


def shapes():
    """Rows of some kind: normal numbers (few of them, many of them), and with three coordinates 50 times the rest, as
    embeddings of language models have them; there the difference of a pair has such coordinates too, or it has not."""

    def normal(dim):
        return lambda rng, n: (rng.standard_normal((n, dim)), rng.standard_normal((n, dim)))

    def outlying(of_difference):
        def draw(rng, n):
            x, w = rng.standard_normal((2, n, 768))
            x[:, [100, 101, 700]] *= 50
            if of_difference:
                w[:, [100, 101, 700]] *= 50
            return x, w
        return draw

    return {"2 dimensions": normal(2), "30 dimensions": normal(30), "outlier coordinates": outlying(False),
            "outlier coordinates differ": outlying(True)}


SHAPES = shapes()
MORE_COSINES = np.array([0.9999, 0.999, 0.995, 0.99, 0.97, 0.95, 0.9, 0.8, 0.6, 0.3, 0, -0.3, -0.7])


def cosine_pairs(shape, folder):
    x, w = SHAPES[shape](np.random.default_rng(3), len(MORE_COSINES))
    return write_pairs(folder, x, turned(x, w, MORE_COSINES))


@pytest.mark.parametrize("shape, rows", [*itertools.product(SHAPES, [2]), ("30 dimensions", 1)])
def test_cosine_in_many_bands(tmp_path, shape, rows):
    check_many_bands(MORE_COSINES, cosine_pairs(shape, tmp_path / "in"), tmp_path, p_cosine(MORE_COSINES), rows)


def test_cosine_by_seeds(tmp_path):
    inputs = cosine_pairs("outlier coordinates", tmp_path / "in")
    collided = collisions(inputs, len(MORE_COSINES), tmp_path, 32, ["-b", 16, "-r", 14])
    check_points(MORE_COSINES, collided, p_cosine(MORE_COSINES), 16, 14)


def eight_bits(x):
    """Rows as whole numbers up to 127: what a faster projection would take."""
    return np.round(127 * x / abs(x).max(1, keepdims=True))


@pytest.mark.parametrize("rounded, passes", [(lambda x: x, True), (eight_bits, False)])
def test_the_check_tells_rounded_data(rounded, passes):
    """Data with outlier coordinates keeps few bits of the others; the law is not that of the data any more."""
    rng = np.random.default_rng(6)
    x, w = SHAPES["outlier coordinates"](rng, len(MORE_COSINES))
    y = turned(x, w, MORE_COSINES)
    collided = np.zeros(len(MORE_COSINES), "i8")
    for _ in range(MANY_SEEDS):
        a = rng.standard_normal((768, 2 * MANY_BANDS))
        equal = (rounded(x) @ a >= 0) == (rounded(y) @ a >= 0)
        collided += (equal[:, ::2] & equal[:, 1::2]).sum(1)
    wrong = outside(MORE_COSINES, collided, MANY_SEEDS * MANY_BANDS, p_cosine(MORE_COSINES) ** 2, ALPHA)
    assert (wrong == []) == passes


MORE_DISTANCES = np.array([0.01, 0.03, 0.1, 0.2, 0.35, 0.5, 0.75, 1, 1.4, 2, 3, 6, 12])  # in units of W


def l2_pairs(shape, folder, width):
    """Of outlier coordinates the data is far from zero; other data is close to it, so that the shift matters."""
    x, w = SHAPES[shape](np.random.default_rng(4), len(MORE_DISTANCES))
    left = width * (x if "outlier" in shape else 0.1 * x)
    step = width * w / np.linalg.norm(w, axis=1, keepdims=True)
    return write_pairs(folder, left, left + MORE_DISTANCES[:, None] * step)


@pytest.mark.parametrize("shape, rows", [*itertools.product(SHAPES, [2]), ("30 dimensions", 1)])
def test_l2_in_many_bands(tmp_path, shape, rows):
    width = 7.5
    check_many_bands(MORE_DISTANCES, l2_pairs(shape, tmp_path / "in", width), tmp_path, p_l2(MORE_DISTANCES, 1), rows,
                     ["--metric", "l2", "--width", width])


def test_l2_by_seeds(tmp_path):
    inputs = l2_pairs("outlier coordinates", tmp_path / "in", 0.5)
    collided = collisions(inputs, len(MORE_DISTANCES), tmp_path, 32,
                          ["-b", 10, "-r", 5, "--metric", "l2", "--width", 0.5])
    check_points(MORE_DISTANCES, collided, p_l2(MORE_DISTANCES, 1), 10, 5)


# ---- inner products: one common coordinate holds what a vector lacks in length, so no two pairs are independent -----

LENGTHS = np.array([(1, 1), (1, 0.6), (0.4, 0.9), (0.7, 0.7), (0.01, 0.9)])
ANGLES = np.radians([0, 20, 60, 120])


def ip_pairs(folder, dim, most, longest_in):
    """A pair of each of LENGTHS at each of ANGLES; the one record of the largest norm is in either input."""
    rng = np.random.default_rng(5)
    lengths, angles = np.repeat(LENGTHS, len(ANGLES), 0) * 0.8 * most, np.tile(ANGLES, len(LENGTHS))
    x, w = rng.standard_normal((2, len(angles), dim))
    y = turned(x, w, np.cos(angles))
    sides = [v / np.linalg.norm(v, axis=1, keepdims=True) * length[:, None] for v, length in zip([x, y], lengths.T)]
    longest = rng.standard_normal((1, dim))
    sides[longest_in] = np.concatenate([sides[longest_in], most * longest / np.linalg.norm(longest)])
    left, right = (side.astype("f4") for side in sides)
    products = (left[:len(angles)].astype("f8") * right[:len(angles)]).sum(1)
    names = [f"{a:.2f} x {b:.2f} at {np.degrees(angle):.0f}" for (a, b), angle in zip(lengths, angles)]
    return write_pairs(folder, left, right), names, p_ip(products, largest_norm(left, right))


@pytest.mark.parametrize("dim, most, longest_in, rows", [(20, 1, 0, 1), (20, 300, 1, 2), (300, 0.01, 1, 4)])
def test_ip_in_many_bands(tmp_path, dim, most, longest_in, rows):
    inputs, names, p = ip_pairs(tmp_path / "in", dim, most, longest_in)
    check_many_bands(names, inputs, tmp_path, p, rows, ["--metric", "ip"])


def test_ip_by_seeds(tmp_path):
    inputs, names, p = ip_pairs(tmp_path / "in", 50, 10, 1)
    collided = collisions(inputs, len(p), tmp_path, 32, ["-b", 8, "-r", 7, "--metric", "ip"])
    check_points(names, collided, p, 8, 7)


def test_ip_of_one_input(tmp_path):
    """Each record has both signatures, so a pair has two chances in a band: never less than the law promises."""
    inputs, names, p = ip_pairs(tmp_path / "in", 20, 5, 0)
    left, right = (read_vectors(path) for path in inputs)  # left holds one more
    both = write_vectors(tmp_path / "both.h5", np.concatenate([right, left]))
    bands, rows, seeds = 500, 3, 20

    def one(seed):
        found = read_tsv(run(["-b", bands, "-r", rows, "--metric", "ip", "-s", seed, "--quiet", both]).ok().out)
        planted = found[(found["right"] == found["left"] + len(p)) & (found["left"] < len(p))]
        count = np.zeros(len(p), "i8")
        count[planted["left"].astype("i8")] = planted["value"]
        return count

    collided = sum(map(one, range(seeds)))
    assert (collided <= seeds * bands).all()
    least, most = (binom.ppf(q, seeds * bands, share) for q, share in [(ALPHA, p**rows), (1 - ALPHA, 2 * p**rows)])
    assert [name for name, c, lo, hi in zip(names, collided, least, most) if not lo <= c <= hi] == []
