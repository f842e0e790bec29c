"""--probes: more is found with the same bands; each pair once, with the number of bands in which it is found.

A pair is found if in some band the base key of one record is among the probes of the other: the left one's in a join of
two inputs, either's in a self-join."""
import numpy as np
import pytest

from joins import run
from oracle import check_mean
from vectors import brute_force, check_verified, clusters, ids, p_of, simulate, write_vectors

METRICS = {"cosine": "--metric cosine", "l2": "--metric l2 --width 1", "ip": "--metric ip"}


def counts(pairs):
    return dict(zip(ids(pairs), pairs["value"].tolist()))


@pytest.mark.parametrize("metric, rows", [("cosine", 10), ("l2", 6), ("ip", 10)])
@pytest.mark.parametrize("two", [False, True])
def test_never_less(join, metric, rows, two):
    """With every further probe, each pair is found in as many bands or more, and never in more than there are."""
    x = clusters(1, 120)
    given = [x[:300], x[200:]] if two else x
    before, more = {}, []
    for probes in (None, 0, 1, 4, 20):
        option = "" if probes is None else f"--probes {probes}"
        pairs = join(given, f"-b 6 -r {rows} {METRICS[metric]} {option}", ranks=1 + (probes == 4)).pairs
        count = counts(pairs)
        assert len(count) == len(pairs) and pairs["value"].dtype == np.uint16
        assert two or (pairs["left"] < pairs["right"]).all()
        assert 1 <= min(count.values()) and max(count.values()) <= 6
        assert all(count.get(pair, 0) >= bands for pair, bands in before.items())
        if probes == 0:
            assert count == before
        more.append(sum(count.values()))
        before = count
    assert more[0] == more[1] < more[2] < more[3] < more[4]


@pytest.mark.parametrize("metric", METRICS)
def test_only_the_left_one_probes(join, metric):
    """The two inputs exchanged: other pairs. A self-join finds what one of the two does, in every band of either."""
    x = clusters(2, 120)
    options = f"-b 1 -r 8 {METRICS[metric]} --probes 6"  # of one band, so that it's known which
    one_way = set(ids(join([x, x], options).pairs))
    other_way = {(j, i) for i, j in one_way}
    assert one_way != other_way
    halves = set(ids(join([x[:200], x[200:]], options).pairs))
    turned = {(j, i) for i, j in ids(join([x[200:], x[:200]], options).pairs)}
    assert halves != turned
    if metric != "ip":  # whose largest norm is another one in a part of the data
        assert halves == {(i, j - 200) for i, j in one_way if i < 200 <= j}
        assert turned == {(i, j - 200) for i, j in other_way if i < 200 <= j}
    assert set(ids(join(x, options).pairs)) == {(i, j) for i, j in one_way | other_way if i < j}


@pytest.mark.parametrize("metric", ["cosine", "l2"])
def test_bands_of_a_self_join(join, metric):
    """Bands in which either finds the other, no band twice: between the larger number and the sum of the two ways'."""
    x = clusters(3, 100)
    options = f"-b 7 -r 6 {METRICS[metric]} --probes 5"
    way = counts(join([x, x], options).pairs)
    found = counts(join(x, options, ranks=3).pairs)
    both = {pair for pair in way if pair[0] < pair[1]} | {(j, i) for i, j in way if j < i}
    assert set(found) == both
    for (i, j), bands in found.items():
        there, back = way.get((i, j), 0), way.get((j, i), 0)
        assert max(there, back) <= bands <= min(7, there + back)
    assert any(bands < way.get(pair, 0) + way.get(pair[::-1], 0) for pair, bands in found.items())
    equal = [pair for pair in found if (x[pair[0]] == x[pair[1]]).all()]
    assert equal and all(found[pair] == 7 for pair in equal)


@pytest.mark.parametrize("probes", [3, 4, 100, 1000])
@pytest.mark.parametrize("options", ["--metric cosine -r 2", "--metric ip -r 2"])
def test_all_sign_vectors(join, options, probes):
    """Two bits have three other values: three probes find every pair in every band, and more cannot do more."""
    x = clusters(4, 8)
    for given, pairs in ((x, len(x) * (len(x) - 1) // 2), ([x[:10], x], 10 * len(x))):
        found = join(given, f"-b 5 {options} --probes {probes}").pairs
        assert len(found) == pairs and (found["value"] == 5).all()


@pytest.mark.parametrize("rows", [1, 2, 3])
def test_all_neighbouring_buckets(join, rows):
    """Of r rows there are 3^r-1 perturbations: with all of them a pair is found where no row is more than 1 apart. Far
    more probes than that find the same; far fewer find less."""
    x = clusters(5, 60)
    options = f"-b 4 -r {rows} --metric l2 --width 0.4"
    every = join([x, x], f"{options} --probes {3**rows - 1}").pairs
    assert counts(join([x, x], f"{options} --probes 500").pairs) == counts(every)
    assert set(ids(every)) == {(j, i) for i, j in ids(every)}  # being next to each other knows no direction
    fewer = join([x, x], f"{options} --probes {3**rows - 2}").pairs
    assert sum(counts(fewer).values()) < sum(counts(every).values())


@pytest.mark.parametrize("metric, bound, rows", [("cosine", "--threshold 0.9", 14), ("l2", "--radius 0.3", 8),
                                                 ("ip", "--threshold 0.9", 14)])
def test_verified(join, metric, bound, rows):
    x = clusters(6, 200)
    truth = brute_force(x, None, metric, float(bound.split()[1]))
    base = join(x, f"-b 5 -r {rows} --metric {metric} {bound}").pairs
    found = join(x, f"-b 5 -r {rows} --metric {metric} {bound} --probes 10", ranks=2).pairs
    check_verified(found, truth)
    assert set(ids(base)) < set(ids(found))


FEWER = [("cosine", 0.9, 14, 24, 8, 30), ("cosine", 0.8, 10, 30, 10, 25), ("l2", 0.3, 10, 30, 10, 30),
         ("l2", 0.3, 16, 60, 12, 60)]  # rows, bands, a third of them or fewer, and the probes that do as well


@pytest.mark.parametrize("metric, limit, rows, bands, few_bands, probes", FEWER)
@pytest.mark.parametrize("two", [False, True])
def test_a_third_of_the_bands(join, metric, limit, rows, bands, few_bands, probes, two):
    """At equal recall or better, over some seeds."""
    x = clusters(7, 300, dim=100, spread=0.9 if metric == "cosine" else 0.4)
    left, right = (x[:500], x[500:]) if two else (x, None)
    given = [left, right] if two else x
    truth = brute_force(left, right, metric, limit)
    bound = f"--metric {metric} --{'radius' if metric == 'l2' else 'threshold'} {limit}"
    near = truth["value"] > limit * 0.7 if metric == "l2" else truth["value"] < 1 - (1 - limit) * 0.3
    hard = set(ids(truth[near]))  # pairs that are no copies
    assert few_bands <= bands / 3 and len(hard) > 100

    def recall(options):
        return np.mean([len(set(ids(join(given, f"{options} -r {rows} {bound} -s {seed}").pairs)) & hard)
                        for seed in range(3)]) / len(hard)

    base, fewer = recall(f"-b {bands}"), recall(f"-b {few_bands} --probes {probes}")
    assert 0.3 < base < 0.995
    assert fewer >= base - 0.01


def test_zero_probes_have_the_base_law(join):
    x = clusters(8, 150)
    truth = brute_force(x, None, "cosine", 0.8)
    found = join(x, "-b 8 -r 10 --probes 0 --threshold 0.8").pairs
    simulated = (simulate(x, None, truth, 8, 10) > 0).sum(1)
    check_mean([len(found)], (1 - (1 - p_of("cosine", truth["value"], None) ** 10) ** 8).sum(), simulated)


# ---- how much the probes find --------------------------------------------------------------------------------------

def best_sets(scores, probes, clash):
    """The first `probes` sets of perturbations by the sum of their scores (brute force: for few rows)."""
    sets = [((), 0.0)]
    for k, score in enumerate(scores):
        sets += [((*chosen, k), total + score) for chosen, total in sets if not any(clash(k, c) for c in chosen)]
    return [chosen for chosen, _ in sorted(sets[1:], key=lambda s: s[1])[:probes]]


def chance(metric, rows, probes, value, trials, rng):
    """How often a pair of that cosine, or distance in units of the width, meets in a band: by numpy.

    The score of a perturbation is the square of the distance to the boundary that it crosses (Lv et al. 2007)."""
    hits = 0
    for _ in range(trials):
        a = rng.standard_normal((2, rows))
        if metric == "cosine":
            x, y = a[0], value * a[0] + np.sqrt(1 - value**2) * a[1]
            step = (y >= 0).astype(int) - (x >= 0)
            scores, moves, which = x**2, -np.sign(x), np.arange(rows)
        else:
            place = rng.uniform(0, 1, rows)
            step = np.floor(place + value * a[0])
            scores, moves = np.concatenate([place**2, (1 - place) ** 2]), np.repeat([-1, 1], rows)
            which = np.tile(np.arange(rows), 2)
        wanted = {(k, step[k]) for k in np.flatnonzero(step)}
        for chosen in [(), *best_sets(scores, probes, lambda k, c: which[k] == which[c])]:
            hits += {(which[k], moves[k]) for k in chosen} == wanted
    return hits / trials


@pytest.mark.parametrize("metric, rows, probes, value", [
    ("cosine", 8, 5, 0.8), ("cosine", 8, 30, 0.6), ("l2", 4, 4, 0.5), ("l2", 5, 20, 0.7)])
def test_the_best_probes_are_taken(tmp_path, metric, rows, probes, value):
    """As often as with the best sets by score; the second, third, ... best would find less.

    Each band is a trial, as in test_vector_law.py; both numbers spread, and for signs the sum of the margins
    themselves would be as good a score as that of their squares, so the interval is a little wider."""
    rng = np.random.default_rng(9)
    trials, bands, seeds = 3000, 400, 10
    expected = chance(metric, rows, probes, value, trials, rng)
    x = rng.standard_normal((2, 40))
    x[1] -= x[0] * (x[0] @ x[1]) / (x[0] @ x[0])
    x /= np.linalg.norm(x, axis=1, keepdims=True)
    y = value * x[0] + np.sqrt(1 - value**2) * x[1] if metric == "cosine" else x[0] + value * x[1]
    left, right = (write_vectors(tmp_path / f"{k}.h5", v[None].astype("f4")) for k, v in enumerate([x[0], y]))
    found = 0
    for seed in range(seeds):
        said = run(["-b", bands, "-r", rows, *METRICS[metric].split(), "--probes", probes, "-s", seed, left, right]).ok()
        found += sum(int(line.split("\t")[2]) for line in said.out.splitlines()[1:])
    spread = np.sqrt(expected * (1 - expected) * (1 / trials + 1 / (bands * seeds)))
    assert abs(found / (bands * seeds) - expected) < 4 * spread + 0.01


@pytest.mark.parametrize("metric", METRICS)
def test_many_rows(join, metric):
    """A small budget costs little however many perturbations there are (2^200 or 3^200)."""
    x = clusters(10, 500, dim=30)
    base = set(ids(join(x, f"-b 3 -r 200 {METRICS[metric]}").pairs))
    found = set(ids(join(x, f"-b 3 -r 200 {METRICS[metric]} --probes 50", timeout=30).pairs))
    assert base <= found and len(base) >= 200 - 40 * (metric == "ip") - 200 * (metric == "ip")


def test_rows_beyond_a_word(join):
    """Flipped bits may lie in the second word of a band."""
    x = clusters(11, 150)
    base, found = (counts(join(x, f"-b 4 -r 45 --probes {probes}").pairs) for probes in (0, 40))
    assert set(base) < set(found) and len(found) > 1.2 * len(base)
