"""--metric containment: how much of a set is in another, against brute force, at any number of ranks."""
import h5py
import numpy as np
import pytest

import joins
from test_clusters import components
from containment import brute_force, nested, overlaps, values
from joins import read_json, read_tsv, run
from oracle import Sets, mhash_text, write_sets
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


# ---- what comes out ------------------------------------------------------------------------------------------------

HOW = ["--exact"]


@pytest.fixture(scope="module")
def sets():
    """With many that are equal."""
    rows = nested(5, 30).rows()
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
    (["--exact", "--threshold", "1.5"], ["--threshold"])])
def test_mistakes(fails, tmp_path, options, says):
    fails([*METRIC.split(), *options, write_sets(tmp_path / "in.h5", nested(6, 5))], USAGE, *says)
