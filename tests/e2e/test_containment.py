"""--metric containment: how much of a set is in another, against brute force, at any number of ranks."""
import h5py
import numpy as np
import pytest

import joins
from test_clusters import components
from containment import brute_force, nested, overlaps, planted, size_class, values
from joins import read_h5, read_json, read_tsv, run, with_least_memory
from oracle import Sets, law, law_pooled, mhash_text, outside, write_sets
from vectors import ids

METRIC = "--metric containment"
USAGE = 64
RANKS = [1, 2, 3, 5]
THRESHOLDS = ["0.01", "0.333333333", "0.333333334", "0.7", "0.75", "0.999999999", "1"]


def check(found, truth):
    assert ids(found) == ids(truth)
    assert (found["value"] == values(truth).astype("f4")).all()


# ---- without hashing -----------------------------------------------------------------------------------------------

@pytest.mark.parametrize("ranks, threshold", zip(RANKS * 2, THRESHOLDS))
def test_one_input(join, ranks, threshold):
    """Pairs are ordered: the contained one left."""
    sets = nested(1)
    truth = brute_force(sets, None, threshold)
    assert (truth["left"] > truth["right"]).sum() > 100
    check(join(sets, f"{METRIC} --exact --threshold {threshold}", ranks=ranks).pairs, truth)


@pytest.mark.parametrize("ranks, exclusive, swapped", [(1, "", False), (2, "-E", True), (3, "", True), (5, "-E", False)])
def test_two_inputs(join, ranks, swapped, exclusive):
    """The larger input stays, whichever it is."""
    rows = nested(2).rows()
    left, right = Sets.of(rows), Sets.of(rows[:90][::-1] + rows[90:120])
    if swapped:
        left, right = right, left
    truth = brute_force(left, right, "0.4", bool(exclusive))
    assert (truth["left"] == truth["right"]).any() == (not exclusive)
    check(join([left, right], f"{METRIC} --exact --threshold 0.4 {exclusive} -t 2 --round 4K", ranks=ranks).pairs, truth)


@pytest.mark.parametrize("threshold, common, size, ranks", [
    ("0.333333333", 1, 3, 1), ("0.333333333", 3_333, 9_999, 2), ("0.8", 4, 5, 2), ("0.8", 8_000, 10_000, 1),
    ("0.999999999", 200, 200, 1), ("1", 7, 7, 3), ("0.142857143", 1, 6, 1)])
def test_threshold_is_a_fraction(join, threshold, common, size, ranks):
    """Containment is exactly the threshold (or hardly above); one element less is below it. Sizes are unlike."""
    large = list(range(100_000, 100_000 + 20 * size))
    rows = [large[:common] + list(range(size - common)), large[3:common + 2] + list(range(10**6, 10**6 + size - common + 1)),
            large]
    found = join(Sets.of(rows, "u4"), f"{METRIC} --exact --threshold {threshold}", ranks=ranks).pairs
    assert [pair for pair in ids(found) if pair[1] == 2] == [(0, 2)]


@pytest.mark.parametrize("dtype, ranks", [("i4", 1), ("u4", 2), ("i8", 3), ("u8", 1)])
def test_types_order_and_repeats(join, dtype, ranks):
    sets = nested(3, 40, dtype=dtype)
    check(join(sets.shuffled(3, repeats=3), f"{METRIC} --exact --threshold 0.6", ranks=ranks).pairs,
          brute_force(sets, None, "0.6"))


@pytest.mark.parametrize("rows, ranks", [([], 1), ([[]], 3), ([[5]], 1), ([[], [5], [], [5, 6], []], 5), ([[7, 8]] * 30 + [[]] * 5, 3)])
def test_few_sets(join, rows, ranks):
    truth = brute_force(Sets.of(rows), None, "0.5") if any(rows) else []
    done = join(Sets.of(rows), f"{METRIC} --exact --threshold 0.5", ranks=ranks)
    assert ids(done.pairs) == (ids(truth) if len(truth) else [])
    assert done.report["counts"]["empty_records"] == sum(not row for row in rows)


def nearest(pairs, k):
    """Of each left row the k right ones that hold most of it, ties by row number."""
    order = np.lexsort((pairs["right"], -values(pairs), pairs["left"]))
    pairs = pairs[order]
    first = np.searchsorted(pairs["left"], pairs["left"])
    rank = np.arange(len(pairs)) - first + 1
    kept = rank <= k
    return joins.table(pairs["left"][kept], pairs["right"][kept], values(pairs)[kept].astype("f4"), rank[kept])


@pytest.mark.parametrize("ranks, kind, threshold", [(1, "one", ""), (3, "one", "0.5"), (2, "two", ""), (5, "two", "0.3")])
def test_nearest(join, ranks, kind, threshold):
    left, right = nested(4), nested(4, 30) if kind == "two" else None
    pairs = brute_force(left, right, threshold) if threshold else overlaps(left, right)
    options = f"{METRIC} --exact --top-k 3" + (f" --threshold {threshold}" if threshold else "")
    found = join([left] if right is None else [left, right], options, ranks=ranks).pairs
    assert (found == nearest(pairs, 3)).all()


# ---- by hashing ----------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("ranks, kind", [(1, "one input"), (5, "one input"), (2, "two inputs"), (3, "exclusive")])
def test_planned(join, ranks, kind):
    """No pair is false, and more are found than is promised of one at the threshold."""
    left = nested(7, sizes=(3, 8, 20, 50, 120))
    right = None if kind == "one input" else Sets.of(left.rows()[::-3])
    exclusive = kind == "exclusive"
    truth = brute_force(left, right, "0.7", exclusive)
    done = join([left] if right is None else [left, right],
                f"{METRIC} --threshold 0.7 --recall 0.9 -t 2 {'-E' if exclusive else ''}", ranks=ranks)
    kept = np.isin(truth["left"] << np.uint64(32) | truth["right"], done.pairs["left"] << np.uint64(32) | done.pairs["right"])
    check(done.pairs, truth[kept])
    assert 0.93 * len(truth) < kept.sum() < len(truth)
    assert done.report["plan"]["recall_at_threshold"] >= 0.9


def chance_of(parameters, left, right, common):
    """The law of a pair of sets of these sizes: of the bands of its tier, by their Jaccard similarity."""
    step = size_class(right) - size_class(left)
    tier, = [t for t in parameters["tiers"] if t["step"] == step] or [parameters]
    s = common / (left + right - common)
    if tier["pool"] and tier["bands"] * tier["rows"] > tier["pool"]:
        return float(law_pooled(s, tier["bands"], tier["rows"], tier["pool"]))
    return float(law(s, tier["bands"], tier["rows"]))


RATIOS = [1, 2, 3, 10, 32, 100, 316, 1000]


@pytest.mark.parametrize("how, size, common, each, background", [
    ("--threshold 0.75 --recall 0.9", 8, 6, 40, 0), ("--threshold 0.5 --recall 0.8", 6, 3, 40, 1500),
    ("--threshold 0.75 -b 200 -r 1", 8, 6, 40, 0)])
def test_law(tmp_path, how, size, common, each, background):
    """Pairs exactly at the threshold, of sizes in any ratio, are found as often as the law says: and that is what was
    promised, or more. Sets that share a little with all make the plan take bands of several rows."""
    rng, ratios = np.random.default_rng(1), RATIOS[:5] if background else RATIOS
    left, right = planted(size, common, ratios, each)
    more = [rng.choice(300, rng.integers(6, 40), replace=False) for _ in range(background)]
    files = [write_sets(tmp_path / "l.h5", Sets.of(left + more, "u4")), write_sets(tmp_path / "r.h5", Sets.of(right + more[::-1], "u4"))]
    hits, chances, seeds = np.zeros(len(ratios), int), np.zeros(len(ratios)), 4
    for seed in range(seeds):
        run([*METRIC.split(), *how.split(), "-s", seed, "--force", "--quiet", "-o", tmp_path / "out", *files]).ok()
        report, pairs = read_json(tmp_path / "out"), joins.read_h5(tmp_path / "out")
        own = pairs["left"][(pairs["left"] == pairs["right"]) & (pairs["left"] < len(left))]
        hits += np.bincount(own.astype(int) // each, minlength=len(ratios))
        chances += [chance_of(report["parameters"], size, size * r, common) for r in ratios]
        assert min(chances) / (seed + 1) >= report["plan"]["recall_at_threshold"] - 1e-6
    rows = {tier["rows"] for tier in report["parameters"].get("tiers", [])}
    assert not background or max(rows) > 1
    assert outside(ratios, hits, seeds * each, chances / seeds, 0.001) == []
    if "--recall" in how:
        assert report["plan"]["recall_at_threshold"] >= float(how.split()[-1]) > min(chances) / seeds - 0.02


@pytest.mark.parametrize("kind", ["one", "two"])
def test_nearest_by_hashing(join, kind):
    sizes = (3, 8, 20, 50)
    left, right = nested(4, sizes=sizes), nested(4, 30, sizes=sizes) if kind == "two" else None
    found = join([left] if right is None else [left, right], f"{METRIC} --threshold 0.5 --recall 0.99999 --top-k 3", ranks=3).pairs
    assert (found == nearest(brute_force(left, right, "0.5"), 3)).all()
    some = join([left] if right is None else [left, right], f"{METRIC} -b 300 -r 1 --top-k 2", ranks=2).pairs
    assert len(some) > 300 and some["rank"].max() == 2


def test_little_memory(join, tmp_path):
    """Bands are signed in groups, and pairs that meet in several become one."""
    sets = nested(8, 200, sizes=(3, 8, 20, 50, 120))
    whole = join(sets, f"{METRIC} --threshold 0.6 --recall 0.9", ranks=2)
    with_least_memory([*METRIC.split(), "--threshold", 0.6, "--recall", 0.9, "-o", tmp_path / "cut", tmp_path / "in0-0.h5"], 2).ok()
    bands = whole.report["parameters"]["bands"]
    assert read_json(tmp_path / "cut")["memory"]["bands_together"] < bands == whole.report["memory"]["bands_together"]
    assert (read_h5(tmp_path / "cut") == whole.pairs).all()


def test_forecast(join, tmp_path):
    """A dry run tells the tiers, and about what comes."""
    sets = nested(9, 150)
    done = join(sets, f"{METRIC} --threshold 0.6")
    said = run([*METRIC.split(), "--threshold", "0.6", "--dry-run", tmp_path / "in0-0.h5"]).ok().out
    tiers = [line for line in said.splitlines() if line.startswith("  right sets of up to")]
    assert len(tiers) == len(done.report["parameters"]["tiers"]) > 5 and "tiers" in said
    counts, plan = done.report["counts"], done.report["plan"]
    for what in "candidates", "candidate_copies", "pairs":
        assert 0.5 * counts[what] < plan[what] < 2 * counts[what]


# ---- what comes out ------------------------------------------------------------------------------------------------

HOW = ["--exact", "--recall 0.99999"]  # which misses none of these pairs


@pytest.fixture(scope="module")
def sets():
    """With many that are equal."""
    rows = nested(5, 30, sizes=(3, 8, 20, 50, 120)).rows()
    rng = np.random.default_rng(5)
    rows += [rows[k] for k in rng.integers(0, len(rows) // 3, len(rows))]
    return Sets.of([rows[k] for k in rng.permutation(len(rows))])


@pytest.mark.parametrize("how", HOW)
def test_identical_sets_contain_each_other(join, sets, how):
    truth = brute_force(sets, None, "0.6")
    same = {(i, j) for i, j in ids(truth) if (j, i) in set(ids(truth))}
    assert len(same) > 500
    found = join(sets, f"{METRIC} {how} --threshold 0.6 -t 2 --round 4K", ranks=3)
    assert found.report["counts"]["duplicates"] > 100
    check(found.pairs, truth)


@pytest.mark.parametrize("how", HOW)
def test_groups_of_identical_sets(join, sets, how):
    done = join(sets, f"{METRIC} {how} --threshold 0.6 --duplicates groups", ranks=2)
    seen = {}
    first = [seen.setdefault(tuple(np.unique(row)) or k, k) for k, row in enumerate(sets.rows())]
    truth = brute_force(sets, None, "0.6")
    check(done.pairs, truth[[first[i] == i and first[j] == j for i, j in ids(truth)]])
    with h5py.File(done.dir / "duplicates.h5") as f:
        rows, firsts = f["row"][:], f["first"][:]
    assert sorted(zip(rows.tolist(), firsts.tolist())) == [(k, f) for k, f in enumerate(first) if f != k]


@pytest.mark.parametrize("how", HOW)
def test_groups(join, sets, how):
    """What hangs together, whichever contains the other."""
    done = join(sets, f"{METRIC} {how} --threshold 0.9 --clusters", ranks=3)
    label, keep = components(len(sets), brute_force(sets, None, "0.9"))
    with h5py.File(done.dir / "clusters.h5") as f:
        assert (f["label"][:] == label).all() and (f["keep"][:] == keep).all()


@pytest.mark.parametrize("how", HOW)
def test_text(tmp_path, sets, how):
    """Rows as TSV by one rank; the form of mhash lists for each query what contains it."""
    truth = brute_force(sets, None, "0.6")
    args = [*METRIC.split(), *how.split(), "--threshold", "0.6", "--quiet"]
    check(read_tsv(run([*args, write_sets(tmp_path / "in.h5", sets)]).ok().out), truth)
    small = sets.astype("u4")
    small.indices %= 1 << 20
    listed = run([*args, "-E", "--format", "mhash"], stdin=mhash_text(small)).ok().out
    lines = [list(map(int, line.split(","))) for line in listed.splitlines()]
    expected = {}
    for i, j in ids(brute_force(small, None, "0.6")):
        expected.setdefault(i, []).append(j)
    assert {query: partners for query, *partners in lines if partners} == expected


# ---- mistakes ------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("options, says", [
    (["--exact", "--threshold", "0.5", "--clusters", "--cluster-method", "star"], ["star", "containment"]),
    (["--threshold", "0.5", "--minhash", "fast"], ["--minhash fast", "containment"]),
    (["--threshold", "0.5", "--no-sketch"], ["--no-sketch"]),
    (["-b", "8", "-r", "2"], ["containment", "--threshold", "--top-k"]),
    (["-b", "8", "-r", "2", "--threshold", "0.5", "--probes", "2"], ["--probes", "containment"]),
    (["--threshold", "0.5", "--recall", "1"], ["--recall", "--exact"])])
def test_mistakes(fails, tmp_path, options, says):
    fails([*METRIC.split(), *options, write_sets(tmp_path / "in.h5", nested(6, 5))], USAGE, *says)
