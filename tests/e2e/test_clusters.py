"""Groups of similar records: against scipy's connected components and a plain greedy star, on any number of ranks."""
import h5py
import numpy as np
import pytest
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

import joins
from joins import ROOT, parts, read_h5, read_json
from oracle import Sets

SLICE = ROOT / "data" / "debian-slice.h5"
RANKS = [1, 2, 3, 5]
MASK = 2**64 - 1


def mix64(x):
    """The finaliser of splitmix64: the order in which a star's centres are chosen."""
    x = ((x ^ (x >> 30)) * 0xbf58476d1ce4e5b9) & MASK
    x = ((x ^ (x >> 27)) * 0x94d049bb133111eb) & MASK
    return x ^ (x >> 31)


def components(n, pairs, score=None):
    """Label and keep of each record: the smallest row of what hangs together, and the best row."""
    ones = np.ones(len(pairs))
    _, group = connected_components(coo_matrix((ones, (pairs["left"], pairs["right"])), shape=(n, n)), directed=False)
    label, best = {}, {}
    for row in range(n):
        label.setdefault(group[row], row)
        key = (-(score[row] if score is not None else 0), row)
        best[group[row]] = min(best.get(group[row], key), key)
    return np.array([label[g] for g in group]), np.array([best[group[row]][1] == row for row in range(n)])


def star(n, pairs, score=None):
    """Records in order of score and hash: kept unless a neighbour is; the others go to their first kept neighbour."""
    near = [[] for _ in range(n)]
    for a, b in zip(pairs["left"].tolist(), pairs["right"].tolist()):
        near[a].append(b)
        near[b].append(a)
    place, kept, centre = {}, set(), {}
    for k, row in enumerate(sorted(range(n), key=lambda r: (-(score[r] if score is not None else 0), mix64(r)))):
        place[row] = k
        if not any(other in kept for other in near[row]):
            kept.add(row)
    for row in range(n):
        centre[row] = row if row in kept else min((o for o in near[row] if o in kept), key=place.get)
    label = {}
    for row in range(n):
        label.setdefault(centre[row], row)
    return np.array([label[centre[row]] for row in range(n)]), np.array([row in kept for row in range(n)])


ORACLES = {"components": components, "star": star}


def read_clusters(directory):
    with h5py.File(directory / "clusters.h5") as f:
        assert set(f) == {"label", "keep"} and f["label"].dtype == np.uint64 and f["keep"].dtype == np.uint8
        return f["label"][:].astype(np.int64), f["keep"][:], dict(f.attrs)


def check(output, method, n, score=None, pairs=None):
    label, keep, _ = read_clusters(output.dir)
    expected_label, expected_keep = ORACLES[method](n, output.pairs if pairs is None else pairs, score)
    assert np.array_equal(label, expected_label) and np.array_equal(keep, expected_keep)
    report = output.report
    sizes = np.unique(label, return_counts=True)[1]
    assert report["counts"]["dropped_records"] == (keep == 0).sum() == n - len(sizes)
    groups = report["clusters"]
    assert (groups["method"], groups["count"], groups["largest"]) == (method, len(sizes), sizes.max())
    assert groups["histogram"] == np.bincount(np.log2(sizes).astype(int)).tolist()
    return label, keep


@pytest.mark.parametrize("ranks", RANKS)
@pytest.mark.parametrize("method", ORACLES)
def test_real_texts(join, method, ranks):
    output = join(SLICE, f"--threshold 0.6 --clusters --cluster-method {method} --round 64K", ranks=ranks)
    label, keep = check(output, method, 7000)
    assert (keep == 0).sum() > 1000
    if method == "star":  # each record of a group is similar to the one that is kept
        similar = {(a, b) for a, b in zip(output.pairs["left"].tolist(), output.pairs["right"].tolist())}
        centre = {label[row]: row for row in np.flatnonzero(keep)}
        for row in np.flatnonzero(keep == 0):
            a, b = sorted((row, centre[label[row]]))
            assert (a, b) in similar


def chain(n, order):
    """Sets each of which is similar to the next only, in an order of rows: one component, as long as can be."""
    rows = np.empty((n, 10), np.int64)
    rows[order] = 3 * np.arange(n)[:, None] + np.arange(10)
    return Sets.of(rows)


ORDERS = {"rising": np.arange, "falling": lambda n: np.arange(n)[::-1],
          "shuffled": lambda n: np.random.default_rng(1).permutation(n),
          "zigzag": lambda n: np.argsort(np.arange(n) % 2 * n + np.arange(n), kind="stable")}


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("method", ORACLES)
def test_chains(join, method, order):
    """However the rows lie, few rounds are enough."""
    n = 3000
    output = join(chain(n, ORDERS[order](n)), f"--exact --threshold 0.5 --clusters --cluster-method {method}", ranks=3)
    assert len(output.pairs) == n - 1
    label, keep = check(output, method, n)
    assert output.report["clusters"]["rounds"] <= 24  # 2 log2(n)
    if method == "components":
        assert not label.any() and keep.sum() == 1


def random_sets(n=600, seed=3):
    """Changed copies of few sets, of different lengths."""
    rng = np.random.default_rng(seed)
    base = [rng.choice(10**6, 40, replace=False) for _ in range(n // 12)]
    return Sets.of([rng.choice(base[rng.integers(len(base))], rng.integers(28, 41), replace=False) for _ in range(n)])


@pytest.mark.parametrize("ranks", RANKS)
@pytest.mark.parametrize("method", ORACLES)
def test_the_longest_is_kept(join, method, ranks):
    sets = random_sets()
    score = np.diff(sets.indptr)
    check(join(sets, f"--exact --threshold 0.7 --clusters --keep longest --cluster-method {method}", ranks=ranks),
          method, len(sets), score)


SCORES = {"float32": np.float32([1.5, -2, 0, -0.0, np.inf, -np.inf, 7]),
          "int64": np.array([3, -2, 2**62, 2**62 + 1, -2**62, 0, 3]), "uint8": np.uint8([0, 255, 7, 3, 3, 1, 200]),
          "uint64": np.uint64([2**64 - 1, 2**64 - 2, 5, 2**63, 0, 1, 5])}


@pytest.mark.parametrize("kind", SCORES)
@pytest.mark.parametrize("method", ORACLES)
def test_the_best_score_is_kept(join, tmp_path, method, kind):
    sets = random_sets()
    values = SCORES[kind][np.random.default_rng(4).integers(0, 7, len(sets))]
    with h5py.File(tmp_path / "scores.h5", "w") as f:
        f["some/score"] = values
    output = join(sets, f"--exact --threshold 0.7 --clusters --cluster-method {method} --keep {tmp_path}/scores.h5:/some/score",
                  ranks=3)
    order = np.unique(values, return_inverse=True)[1]  # exact, whatever the type
    check(output, method, len(sets), order)


@pytest.mark.parametrize("ranks", [1, 3])
@pytest.mark.parametrize("method", ORACLES)
def test_two_inputs_are_numbered_through(join, method, ranks):
    left, right = random_sets(200, 5), random_sets(300, 5)
    output = join([left, right], f"--exact --threshold 0.7 --clusters --cluster-method {method}", ranks=ranks)
    pairs = output.pairs
    assert len(pairs) > 100
    pairs["right"] += 200
    check(output, method, 500, pairs=pairs)
    assert read_clusters(output.dir)[2]["left_rows"] == 200


@pytest.mark.parametrize("ranks", [1, 3])
def test_groups_alone(join, ranks):
    """--no-print writes groups and the report, and nothing else."""
    alone = join(SLICE, "--threshold 0.8 --clusters --no-print", ranks=ranks)
    both = join(SLICE, "--threshold 0.8 --clusters", ranks=1)
    assert sorted(f.name for f in alone.dir.iterdir()) == ["clusters.h5", "run.json"]
    for mine, other in zip(read_clusters(alone.dir)[:2], read_clusters(both.dir)[:2]):
        assert np.array_equal(mine, other)
    assert (alone.dir / "clusters.h5").read_bytes()[:4] == b"\x89HDF"


def test_vectors(join):
    rng = np.random.default_rng(6)
    vectors = np.repeat(rng.normal(size=(40, 16)), 5, axis=0) + rng.normal(size=(200, 16)) * 0.05
    for method in ORACLES:
        check(join(vectors.astype(np.float32), f"--metric l2 --radius 0.35 --exact --clusters --cluster-method {method}",
                   ranks=2), method, 200)


def test_a_directory_with_groups_holds_a_run(join, tmp_path):
    out = join(SLICE, "--threshold 0.8 --clusters").dir
    (out / "run.json").unlink()
    refused = joins.run(["--threshold", 0.8, "-o", out, SLICE])
    assert refused.rc == 73 and "earlier run" in refused.err
    joins.run(["--threshold", 0.8, "-o", out, "--force", SLICE]).ok()
    assert not (out / "clusters.h5").exists()


@pytest.mark.parametrize("options, status, says", [
    ("--threshold 0.8 --cluster-method star", 64, "--clusters"),
    ("--threshold 0.8 --keep first", 64, "--clusters"),
    ("-b 20 -r 5 --clusters", 64, "--threshold"),
    ("--threshold 0.8 --top-k 3 --clusters", 64, "--top-k"),
    ("--threshold 0.8 --clusters --cluster-method moon", 64, "moon"),
    ("--threshold 0.8 --clusters --keep shortest", 64, "shortest"),
    ("--threshold 0.8 --clusters --cluster-method star --keep first", 64, "rounds"),
    ("--threshold 0.8 --clusters --keep {}:/short", 65, "5 numbers for 7000 records"),
    ("--threshold 0.8 --clusters --keep {}:/nan", 65, "NaN"),
    ("--threshold 0.8 --clusters --keep {}:/words", 65, "strings"),
    ("--threshold 0.8 --clusters --keep {}:/none", 65, "/none"),
    ("--threshold 0.8 --clusters --keep {}.gone:/none", 66, "gone"),
])
def test_mistakes_are_told(fails, tmp_path, options, status, says):
    with h5py.File(tmp_path / "scores.h5", "w") as f:
        f["short"], f["words"] = np.arange(5), [b"a"] * 7000
        f["nan"] = np.where(np.arange(7000) == 6999, np.nan, 1)
    fails([*options.format(tmp_path / "scores.h5").split(), SLICE], status, says)


def test_groups_need_a_directory():
    assert "--output" in joins.run(["--threshold", 0.8, "--clusters", SLICE]).err


def test_longest_is_not_for_vectors(fails, tmp_path):
    with h5py.File(tmp_path / "v.h5", "w") as f:
        f["train"] = np.eye(4, dtype=np.float32)
    fails(["--exact", "--threshold", 0.9, "--clusters", "--keep", "longest", tmp_path / "v.h5"], 64, "vectors")


def test_a_dry_run_tells_what_groups_will_take(tmp_path):
    def said(*options):
        return joins.run(["--threshold", 0.6, "--dry-run", "--assume-rows", 2_000_000, *options, "-o", tmp_path / "out", SLICE]).ok().out

    def megabytes(text):
        return int(next(line.split()[1] for line in text.splitlines() if line.startswith("  groups ")))

    assert "groups" not in said()
    assert megabytes(said("--clusters")) >= 40 * 2  # of two million rows
    assert megabytes(said("--clusters", "--cluster-method", "star")) > 2 * megabytes(said("--clusters"))
