"""--exact: every pair that brute force finds and no other, at any number of ranks; the values of joins by hashing."""
import numpy as np
import pytest

import oracle
import vectors
from joins import SHARED, read_tsv, run
from oracle import Sets, families, mhash_text, write_sets
from vectors import all_values, brute_force, clusters, ids, top_k, write_vectors

RANKS = [1, 2, 3, 5]
USAGE = 64
METRICS = {"cosine": "--threshold 0.9", "l2": "--radius 0.5", "ip": "--metric ip --threshold 0.8"}
LIMITS = {"cosine": 0.9, "l2": 0.5, "ip": 0.8}


def check_sets(found, truth):
    assert ids(found) == ids(truth)
    assert (found["value"] == oracle.similarity(truth).astype("f4")).all()


def check_vectors(found, truth):
    assert ids(found) == ids(truth)
    np.testing.assert_allclose(found["value"], truth["value"], rtol=1e-6)


def whole(seed, n, dim=4, top=6):
    """Small whole numbers: products and squared distances are exact, and many of them equal."""
    x = np.random.default_rng(seed).integers(0, top, (n, dim))
    x[(x == 0).all(1)] = 1
    return x.astype("f4")


# ---- sets ----------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("ranks", RANKS)
@pytest.mark.parametrize("threshold", ["0.01", "0.35", "1"])
def test_sets(join, ranks, threshold):
    sets = families(1, 60)
    check_sets(join(sets, f"--exact --threshold {threshold}", ranks=ranks).pairs, oracle.brute_force(sets, None, threshold))


@pytest.mark.parametrize("ranks, exclusive", [(1, ""), (2, "-E"), (3, "-E"), (5, "")])
@pytest.mark.parametrize("swapped", [False, True])
def test_two_inputs_of_sets(join, ranks, swapped, exclusive):
    """The larger one stays, whichever it is."""
    rows = families(2, 60).rows()
    left, right = Sets.of(rows), Sets.of(rows[:90][::-1] + rows[90:120])
    if swapped:
        left, right = right, left
    truth = oracle.brute_force(left, right, "0.4", bool(exclusive))
    assert (truth["left"] == truth["right"]).any() == (not exclusive)
    check_sets(join([left, right], f"--exact --threshold 0.4 {exclusive}", ranks=ranks).pairs, truth)



@pytest.mark.parametrize("threshold, common, union, ranks", [("0.8", 4, 5, 3), ("0.5", 1, 2, 1), ("0.333333333", 1, 3, 1),
                                                             ("0.7", 7, 10, 2), ("0.75", 300, 400, 1)])
def test_ties_at_the_threshold_of_sets(join, threshold, common, union, ranks):
    """J is exactly the threshold (or hardly above), as a subset and as an overlap; one element less is below it."""
    def pair(shared, only_left, only_right, base):
        core = [base + k for k in range(shared)]
        return [core + [base + 10**4 + k for k in range(only_left)], core + [base + 2 * 10**4 + k for k in range(only_right)]]
    rest = union - common
    rows = [*pair(common, 0, rest, 0), *pair(common, rest // 2, rest - rest // 2, 10**5),
            *pair(common - 1, 1, rest, 2 * 10**5), *pair(common, 0, rest + 1, 3 * 10**5)]
    found = join(Sets.of(rows, "u4"), f"--exact --threshold {threshold}", ranks=ranks).pairs
    assert ids(found) == [(0, 1), (2, 3)]


@pytest.mark.parametrize("dtype, ranks", [("i4", 1), ("u4", 2), ("i8", 2), ("u8", 1), ("u8", 3)])
def test_types_order_and_repeats(join, dtype, ranks):
    sets = families(3, 40, dtype=dtype)
    truth = oracle.brute_force(sets, None, "0.5")
    check_sets(join(sets.shuffled(3, repeats=3), "--exact --threshold 0.5", ranks=ranks).pairs, truth)


@pytest.mark.parametrize("rows", [[], [[]], [[], []], [[5]], [[], [5], [], [5], []], [[7, 8]] * 30 + [[]] * 5])
@pytest.mark.parametrize("ranks", [1, 5])
def test_few_sets(join, rows, ranks):
    """None, empty ones, which pair with nothing, and equal ones."""
    truth = oracle.brute_force(Sets.of(rows), None, "0.5") if any(rows) else []
    done = join(Sets.of(rows), "--exact --threshold 0.5", ranks=ranks)
    assert ids(done.pairs) == (ids(truth) if len(truth) else [])
    assert done.report["counts"]["empty_records"] == sum(not row for row in rows)


def test_one_input_is_empty(join):
    sets, x = families(4, 10), clusters(4, 10)
    for inputs, options in [([sets, Sets.of([])], "--threshold 0.5"), ([Sets.of([]), sets], "--threshold 0.5"),
                            ([x, x[:0]], "--threshold 0.5"), ([x[:0], x], "--top-k 3")]:
        for ranks in 1, 3:
            assert len(join(inputs, f"--exact {options}", ranks=ranks).pairs) == 0


def test_sets_of_very_different_sizes(join):
    rng = np.random.default_rng(5)
    rows = [rng.choice(5000, size, replace=False) for size in [1, 2, 3, 5, 50, 4000, 4500, 5000] * 8]
    rows += [rng.permutation(row)[:max(1, len(row) * 9 // 10)] for row in rows]
    for threshold in "0.02", "0.5", "0.85":
        check_sets(join(Sets.of(rows), f"--exact --threshold {threshold} --round 4K -t 3", ranks=2).pairs,
                   oracle.brute_force(Sets.of(rows), None, threshold))


# ---- vectors -------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("ranks, dtype", [(1, "f4"), (1, "f8"), (2, "f8"), (3, "f4"), (5, "f8")])
@pytest.mark.parametrize("metric", METRICS)
def test_vectors(join, ranks, metric, dtype):
    x = clusters(6, 90, dim=37).astype(dtype)
    truth = brute_force(x, None, metric, LIMITS[metric])
    assert len(truth) > 100
    check_vectors(join(x, f"--exact {METRICS[metric]}", ranks=ranks).pairs, truth)


@pytest.mark.parametrize("ranks, swapped", [(1, False), (2, True), (3, False), (5, True)])
@pytest.mark.parametrize("metric", METRICS)
def test_two_inputs_of_vectors(join, ranks, metric, swapped):
    x = clusters(7, 60)
    left, right = (x[200:], x) if swapped else (x, x[200:])
    exclusive = ranks == 2
    truth = brute_force(left, right, metric, LIMITS[metric], exclusive)
    found = join([left, right], f"--exact {METRICS[metric]} {'-E' if exclusive else ''}", ranks=ranks).pairs
    check_vectors(found, truth)


@pytest.mark.parametrize("ranks, metric, limit", [(1, "l2", 1), (2, "l2", 3), (1, "ip", 12), (3, "ip", 50), (1, "cosine", "0.6"),
                                                  (3, "cosine", "1")])
def test_ties_at_the_limit_of_vectors(join, ranks, metric, limit):
    """Whole numbers, whose distances and products are exactly the limit; cosines as double precision has them."""
    x = whole(8, 300)
    if metric == "cosine":
        x[:6] = [[3, 4, 0, 0], [5, 0, 0, 0], [1, 0, 0, 0], [0, 0, 7, 0], [0, 0, 2, 0], [0, 0, 0, 3]]
    option = f"--metric {metric} --{'radius' if metric == 'l2' else 'threshold'} {limit}"
    truth = brute_force(x, None, metric, float(limit))
    assert metric == "cosine" or (truth["value"] == float(limit)).sum() > 100
    found = join(x, f"--exact {option}", ranks=ranks).pairs
    if metric == "cosine":
        first = [(i, j) for i, j in ids(found) if j < 6]
        assert first == ([(0, 1), (0, 2), (1, 2), (3, 4)] if limit == "0.6" else [(1, 2), (3, 4)])
        assert set(ids(truth)) ^ set(ids(found)) <= set(ids(near_ties(x, float(limit))))
    else:
        assert ids(found) == ids(truth)


def near_ties(x, limit):
    """Pairs whose cosine is the limit but for the last bits."""
    values = np.triu(abs(all_values(x, x, "cosine") - limit) < 1e-14, 1)
    i, j = np.nonzero(values)
    return {"left": i, "right": j}


@pytest.mark.parametrize("metric, option, shift, scale", [
    ("l2", "--radius {}", 1000, 1), ("l2", "--radius {}", 0, 1e-20), ("l2", "--radius {}", 0, 1e25),
    ("ip", "--metric ip --threshold {}", 0, 1e-15), ("ip", "--metric ip --threshold {}", 0, 1e14),
    ("cosine", "--threshold {}", 0, 1e-25), ("cosine", "--threshold {}", 0, 1e25)])
def test_numbers_large_small_and_far_away(join, metric, option, shift, scale):
    """Where single precision alone would lose pairs."""
    x = clusters(9, 60).astype("f8") * scale + shift
    limit = {"l2": 0.5 * scale, "ip": 0.8 * scale**2, "cosine": 0.9}[metric]
    found = join(x, f"--exact {option.format(limit)}", ranks=2).pairs
    assert ids(found) == ids(brute_force(x / scale, None, metric, limit / (scale if metric == "l2" else scale**2
                                                                         if metric == "ip" else 1)))


def test_lengths_that_differ_by_far(join):
    """A few long vectors make the others' images small."""
    x = clusters(10, 60)
    x[::40] *= 1e6
    for metric, option, limit in [("ip", "--metric ip --threshold 0.8", 0.8), ("l2", "--radius 0.5", 0.5)]:
        check_vectors(join(x, f"--exact {option}", ranks=2).pairs, brute_force(x, None, metric, limit))


def test_nearly_equal_vectors(join):
    """Differences that single precision does not see."""
    base = np.random.default_rng(11).standard_normal((1, 30))
    x = base + np.arange(200)[:, None] * 1e-12
    found = join(x, "--exact --radius 1e-10", ranks=3).pairs
    steps = 1e-10 / (1e-12 * np.sqrt(30))
    assert ids(found) == [(i, j) for i in range(200) for j in range(i + 1, min(200, i + int(steps) + 1))]


@pytest.mark.parametrize("rows, ranks", [(0, 1), (0, 3), (2, 5), (65, 3), (129, 1)])
@pytest.mark.parametrize("options", ["--threshold 0.5", "--metric l2 --top-k 3", "--metric ip --threshold 3"])
def test_few_vectors(join, rows, ranks, options):
    found = join(np.ones((rows, 3), "f4"), f"--exact {options}", ranks=ranks).pairs
    everyone = [(i, j) for i in range(rows) for j in range(i + 1, rows)]
    nearest = [(i, j) for i in range(rows) for j in sorted(set(range(min(rows, 4))) - {i})[:3]]
    assert ids(found) == (nearest if "top-k" in options else everyone)


def test_skipped_rows(join):
    x = clusters(12, 40)
    good = np.ones(len(x), bool)
    good[::7] = False
    bad = x.copy()
    bad[~good, 2] = np.nan
    for metric, option in METRICS.items():
        found = join(bad, f"--exact {option} --skip-bad-rows", ranks=2).pairs
        kept = [(i, j) for i, j in ids(brute_force(x, None, metric, LIMITS[metric])) if good[i] and good[j]]
        assert ids(found) == kept


# ---- top-k ---------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("metric", ["l2", "ip"])
@pytest.mark.parametrize("k, ranks, limit", [(1, 1, None), (7, 3, None), (7, 1, "4"), (1000, 2, None), (3, 5, "4")])
@pytest.mark.parametrize("two", [False, True])
def test_top_k_with_ties(join, metric, k, ranks, limit, two):
    x = whole(13, 150)
    left, right = (x[:110], x[60:]) if two else (x, None)
    limit = limit and {"l2": "4", "ip": "50"}[metric]
    option = f"--{'radius' if metric == 'l2' else 'threshold'} {limit}" if limit else ""
    found = join([left, right] if two else x, f"--exact --metric {metric} --top-k {k} {option}", ranks=ranks).pairs
    truth = top_k(left, right, metric, k, limit and float(limit))
    assert ids(found) == ids(truth) and (found["rank"] == truth["rank"]).all()
    assert (found["value"] == truth["value"].astype("f4")).all()


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("exclusive", ["", "-E"])
def test_top_k(join, metric, exclusive):
    """Many more rows than a strip of tiles has, so that limits become strict on the way."""
    x = np.unique(clusters(14, 900, dim=16), axis=0)
    right = np.random.default_rng(14).permutation(x)[:2500]
    left = np.concatenate([right[:40], x[:300]])
    for ranks in 1, 3:
        found = join([left, right], f"--exact --metric {metric} --top-k 9 {exclusive} --round 64K -t 2", ranks=ranks).pairs
        truth = top_k(left, right, metric, 9, exclusive=bool(exclusive))
        assert ids(found) == ids(truth) and (found["rank"] == truth["rank"]).all()


@pytest.mark.parametrize("k, ranks", [(1, 1), (4, 3), (1000, 2)])
@pytest.mark.parametrize("threshold", [None, "0.4"])
@pytest.mark.parametrize("two", [False, True])
def test_top_k_of_sets(join, k, ranks, threshold, two):
    rows = families(15, 40).rows()
    left, right = (Sets.of(rows[:100]), Sets.of(rows[::-1])) if two else (Sets.of(rows), None)
    pairs = oracle.overlaps(left, right)
    values = np.zeros((len(left), len(right or left)))
    values[pairs["left"].astype("i8"), pairs["right"].astype("i8")] = oracle.similarity(pairs)
    values = values if two else np.maximum(values, values.T)
    truth = vectors.first_k(values, k, True, values >= float(threshold) if threshold else values > 0)
    option = f"--threshold {threshold}" if threshold else ""
    found = join([left, right] if two else left, f"--exact --top-k {k} {option}", ranks=ranks).pairs
    assert ids(found) == ids(truth) and (found["rank"] == truth["rank"]).all()


# ---- beside a join by hashing --------------------------------------------------------------------------------------

@pytest.mark.parametrize("metric", METRICS)
def test_values_of_a_join_by_hashing(join, metric):
    """Bit for bit, where hashing finds nearly all."""
    x = clusters(16, 80).astype("f8") * (1 + 1e-9)
    exact = join(x, f"--exact {METRICS[metric]}", ranks=2).pairs
    hashed = join(x, f"-b 200 -r 2 {METRICS[metric]}").pairs
    assert len(hashed) > 0.9 * len(exact)
    assert set(map(bytes, hashed)) <= set(map(bytes, exact))


def test_values_of_sets_in_a_join_by_hashing(join):
    sets = families(17, 80)
    exact, hashed = (join(sets, f"{how} --threshold 0.3").pairs for how in ("--exact", "-b 200 -r 1"))
    assert exact.tobytes() == hashed.tobytes()


# ---- forms and reports ---------------------------------------------------------------------------------------------

def test_text_forms(join, tmp_path):
    sets = families(18, 40)
    sets.indices = np.unique(sets.indices, return_inverse=True)[1]
    truth = oracle.brute_force(sets, None, "0.5")
    check_sets(read_tsv(run(["--exact", "--threshold", "0.5", write_sets(tmp_path / "in.h5", sets)]).ok().out), truth)
    by_query = {row: [] for row in range(len(sets))}
    for i, j in ids(truth):
        by_query[i].append(j)
        by_query[j].append(i)
    said = run(["--exact", "--threshold", "0.5", "-E"], stdin=mhash_text(sets)).ok().out
    lines = [",".join(map(str, [row, *sorted(partners)])) for row, partners in by_query.items()]
    assert said.splitlines() == lines


def test_report(join):
    sets, x = families(19, 40), clusters(19, 40)
    for ranks in 1, 2:
        done = join(x, "--exact --threshold 0.9", ranks=ranks)
        assert done.report["parameters"]["exact"] is True
        assert done.report["counts"]["pairs"] == len(done.pairs)
        assert done.report["counts"]["candidates"] == len(x) * (len(x) - 1) // 2  # comparisons made
        done = join(sets, "--exact --threshold 0.5", ranks=ranks)
        assert 0 < done.report["counts"]["candidates"] < len(sets)**2 / 10  # of sets that differ
    assert join(sets, "-b 4 -r 2 --threshold 0.5").report["parameters"]["exact"] is False


def test_no_print(join, tmp_path):
    done = run(["--exact", "--threshold", "0.5", "--no-print", write_sets(tmp_path / "in.h5", families(20, 20))]).ok()
    assert done.out == "" and "pairs" in done.err


# ---- options -------------------------------------------------------------------------------------------------------

BAD_OPTIONS = {
    "bands": ["-b", 4, "--threshold", "0.5"], "rows": ["-r", 4, "--threshold", "0.5"],
    "probes": ["--probes", 3, "--threshold", "0.5"], "width": ["--width", 3, "--radius", 1],
    "threshold": [], "top-k": ["--metric", "jaccard"],
}


@pytest.mark.parametrize("word", BAD_OPTIONS)
def test_bad_options(fails, tmp_path, word):
    fails(["--exact", *BAD_OPTIONS[word], write_sets(tmp_path / "in.h5", families(21, 5))], USAGE, "exact", word)


# ---- data that others have joined ----------------------------------------------------------------------------------

FOREIGN = [("dev_text6k", "jaccard_0.5", "--threshold 0.5"), ("dev_text6k", "jaccard_0.8", "--threshold 0.8"),
           ("nmslib_ids5k", "jaccard_0.5", "--threshold 0.5"), ("sift5k", "cosine_0.9", "--threshold 0.9"),
           ("sift5k", "l2_227.0", "--radius 227"), ("digits", "cosine_0.9", "--threshold 0.9"),
           ("digits", "l2_21.1", "--radius 21.1")]


@pytest.mark.skipif(not SHARED.is_dir(), reason="no foreign data here")
@pytest.mark.parametrize("name, what, option", FOREIGN)
def test_foreign_data(join, name, what, option):
    truth = np.load(SHARED / name / f"pairs_{what}.npy")
    found = join(SHARED / name / "data.h5", f"--exact {option}", ranks=2).pairs
    assert ids(found) == sorted(map(tuple, truth[:, :2].tolist()))
