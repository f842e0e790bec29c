"""Identical records are hashed once, and told as the pairs that they are in or as groups: the answer is the one that
all of them give, one by one.

Vectors have a second way to say the same number, the other zero: those that differ only there are equal in every
comparison, but not identical, and so are joined one by one."""
import h5py
import numpy as np
import pytest

import joins
import oracle
from joins import read_json, read_tsv, run
from oracle import Sets, families, write_sets
from vectors import clusters, write_vectors

SHAPES = [(1, ""), (2, "-t 2"), (3, "--round 4K"), (5, "--round 4K -t 3")]


def repeat(rows, seed):
    """The rows in disorder, many of them twice or more, one 40 times."""
    rng = np.random.default_rng(seed)
    rows = [*rows, *(rows[k] for k in rng.integers(0, len(rows) // 2, len(rows) // 2)), *[rows[1]] * 40]
    return [rows[k] for k in rng.permutation(len(rows))]


def firsts(rows):
    """Of each row the first that holds the same; an empty one is its own."""
    seen = {}
    return np.array([seen.setdefault(tuple(np.unique(row)) or k, k) for k, row in enumerate(rows)])


def expand(pairs, first, other=None, itself=None):
    """All pairs of rows whose firsts are a pair; in a self-join the mates too, with the value `itself`."""
    right_first = first if other is None else other
    found = {}
    for i, j, value in pairs[["left", "right", "value"]].tolist():
        for a in np.flatnonzero(first == i):
            for b in np.flatnonzero(right_first == j):
                found[(a, b) if other is not None else (min(a, b), max(a, b))] = value
    for k in np.unique(first) if other is None else []:
        mates = np.flatnonzero(first == k)
        found.update(((a, b), itself) for a in mates for b in mates if a < b)
    return found


def as_dict(pairs):
    found = {(i, j): value for i, j, value in pairs[["left", "right", "value"]].tolist()}
    assert len(found) == len(pairs)
    return found


@pytest.fixture(scope="module")
def rows():
    return repeat(families(1, 30).rows(), 2)


@pytest.fixture(scope="module")
def sets(rows):
    return Sets.of(rows).shuffled(3, repeats=1)


def check_count(report, *inputs):
    first = [firsts(rows) for rows in inputs]
    stood_for = [f[f != np.arange(len(f))] for f in first]
    assert report["counts"]["duplicates"] == sum(map(len, stood_for)) > 100
    assert report["counts"]["duplicate_groups"] == sum(len(np.unique(f)) for f in stood_for) > 20


# ---- as pairs ------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("how", ["-b 60 -r 1", "--exact"])
@pytest.mark.parametrize("kind", ["self-join", "two inputs", "exclusive"])
def test_every_pair_by_brute_force(join, rows, sets, how, kind):
    """A pair at 0.4 is missed by 60 bands of one row with probability 5e-14."""
    other = None if kind == "self-join" else Sets.of(rows[::-3])
    exclusive = kind == "exclusive"
    truth = oracle.brute_force(sets, other, "0.4", exclusive)
    truth = joins.table(truth["left"], truth["right"], oracle.similarity(truth).astype("f4"))
    for ranks, shape in SHAPES:
        done = join(sets if other is None else [sets, other],
                    f"{how} --threshold 0.4 {shape} {'-E' if exclusive else ''}", ranks=ranks)
        assert done.pairs.tobytes() == truth.tobytes()
        assert done.report["counts"]["pairs"] == len(truth)
        check_count(done.report, rows, *([] if other is None else [rows[::-3]]))


@pytest.mark.parametrize("options", ["-b 8 -r 3", "-b 9 -r 4 --pool 12"])
def test_candidates(join, rows, options):
    """Those of one of each, told for all; mates meet in every band."""
    first = firsts(rows)
    alone = [row if first[k] == k else [] for k, row in enumerate(rows)]
    found = join(Sets.of(rows), options, ranks=2)
    bands = found.report["parameters"]["bands"]
    assert as_dict(found.pairs) == expand(join(Sets.of(alone), options).pairs, first, itself=bands)
    other, other_first = rows[::-2], firsts(rows[::-2])
    other_alone = [row if other_first[k] == k else [] for k, row in enumerate(other)]
    found = join([Sets.of(rows), Sets.of(other)], options, ranks=3).pairs
    assert as_dict(found) == expand(join([Sets.of(alone), Sets.of(other_alone)], options).pairs, first, other_first)


def test_planned(join, rows, sets):
    """Sketches too find all or none of a group; and what a plan promises holds for pairs, however often told."""
    first = firsts(rows)
    found = as_dict(join(sets, "--threshold 0.6 --recall 0.8", ranks=3).pairs)
    truth = oracle.brute_force(sets, None, "0.6")
    truth = dict(zip(zip(truth["left"].tolist(), truth["right"].tolist()), oracle.similarity(truth).astype("f4").tolist()))
    assert found.items() <= truth.items() and len(found) > 0.9 * len(truth)
    of_firsts = {(min(first[i], first[j]), max(first[i], first[j])) for i, j in found}
    assert all(((min(first[i], first[j]), max(first[i], first[j])) in of_firsts) == ((i, j) in found) for i, j in truth)


def signed(x, count):
    """x with eight coordinates of nothing, in which no two of equal rows have the same zeros."""
    zeros = np.zeros((len(x), 8), x.dtype)
    seen = {}
    for k, row in enumerate(x):
        n = seen[row.tobytes()] = seen.get(row.tobytes(), -1) + 1
        zeros[k] = [-0.0 if count and n >> bit & 1 else 0.0 for bit in range(8)]
    return np.concatenate([x, zeros], 1)


@pytest.mark.parametrize("options", [
    "-b 8 -r 9", "-b 8 -r 9 --threshold 0.9", "--exact --threshold 0.9", "-b 8 -r 5 --top-k 4",
    "--exact --top-k 4", "--exact --top-k 1000", "-b 5 -r 30 --probes 9", "-b 8 -r 4 --metric l2 --width 1.5",
    "-b 8 -r 6 --metric l2 --radius 0.5 --top-k 1", "--exact --metric l2 --radius 0.5", "-b 8 -r 8 --metric ip",
    "-b 8 -r 8 --metric ip --threshold 0.8", "-b 5 -r 9 --metric ip --probes 5", "-b 8 -r 5 --metric ip --top-k 40",
    "--exact --metric ip --top-k 3"])
@pytest.mark.parametrize("kind", ["self-join", "two inputs", "exclusive"])
def test_identical_is_as_good_as_equal(join, options, kind):
    x = np.array(repeat(clusters(4, 30, dim=9), 5), "f8" if "l2" in options else "f4")
    y = x[::-3]
    one_by_one, at_once = [[signed(v, count) for v in ([x] if kind == "self-join" else [x, y])] for count in (1, 0)]
    options += " -E" if kind == "exclusive" else ""
    truth = join(one_by_one, options)
    assert truth.report["counts"]["duplicates"] == 0 and len(truth.pairs) > 200
    found = join(at_once, f"{options} --round 4K -t 2", ranks=1 if kind == "exclusive" else 3)
    assert found.report["counts"]["duplicates"] > 100
    assert found.pairs.tobytes() == truth.pairs.tobytes()


def test_ties_with_mates(join):
    """Of the nearest, as near as a row's mates, the lower numbers come first: before the mates, if need be."""
    x = np.array([[1, 1], [2, 2], [3, 3], [1, 1], [4, 4], [1, 1]], "f4")
    for k in (1, 2, 3, 5):
        found = join(x, f"--exact --top-k {k}", ranks=2).pairs
        ordered = found[np.lexsort((found["rank"], found["left"]))]
        assert ordered["right"].tolist() == [j for i in range(6) for j in [j for j in range(6) if j != i][:k]]


@pytest.mark.parametrize("options", ["-b 4 -r 2", "-b 8 -r 2 --top-k 3", "-b 8 -r 2 --threshold 0.5"])
@pytest.mark.parametrize("exclusive", ["", "-E"])
def test_form_of_mhash(rows, options, exclusive):
    """Text has the same answer as HDF5 of it."""
    sets = Sets.of([np.unique(row) % 10_007 for row in rows])
    text = oracle.mhash_text(sets, 10_007) * (1 if exclusive else 2)
    said = run([*options.split(), "--format", "tsv", *exclusive.split()], stdin=text).ok().out
    lines = run([*options.split(), *exclusive.split()], ranks=1, stdin=text).ok().out.splitlines()
    pairs = {(i, j) for i, j in read_tsv(said)[["left", "right"]].tolist()}
    if exclusive and "top-k" not in options:
        pairs |= {(j, i) for i, j in pairs}
    assert {(int(line.split(",")[0]), int(j)) for line in lines for j in line.split(",")[1:]} == pairs
    assert len(lines) == len(rows)


# ---- as groups -----------------------------------------------------------------------------------------------------

def read_groups(directory):
    """(input, row): first, of all files, which the virtual one agrees with."""
    columns = []
    for file in [*sorted(directory.glob("duplicates-*.h5")), directory / "duplicates.h5"]:
        with h5py.File(file) as f:
            assert f["row"].dtype == f["first"].dtype == np.uint64
            columns.append((f["input"][:] if "input" in f else np.zeros(len(f["row"]), "u2"), f["row"][:], f["first"][:]))
    groups = {(int(i), int(r)): int(f) for column in columns[:-1] for i, r, f in zip(*column)}
    assert groups == {(int(i), int(r)): int(f) for i, r, f in zip(*columns[-1])}
    assert len(groups) == sum(len(c[1]) for c in columns[:-1])
    return groups


def groups_of(*inputs):
    return {(i, k): f for i, rows in enumerate(inputs) for k, f in enumerate(firsts(rows)) if f != k}


@pytest.mark.parametrize("how", ["-b 60 -r 1", "--exact"])
@pytest.mark.parametrize("ranks, shape", [(1, ""), (3, "--round 4K"), (5, "--files 2")])
def test_groups(join, rows, sets, how, ranks, shape):
    done = join(sets, f"{how} --threshold 0.4 --duplicates groups {shape}", ranks=ranks)
    assert read_groups(done.dir) == groups_of(rows)
    report, first = done.report, firsts(rows)
    assert report["parameters"]["duplicates"] == "groups"
    assert report["duplicate_files"] == sorted(f.name for f in done.dir.glob("duplicates-*"))
    assert set(first[done.pairs["left"]]) == set(done.pairs["left"])  # the first of their groups only
    truth = oracle.brute_force(sets, None, "0.4")
    assert expand(done.pairs, first, itself=1.0) == dict(
        zip(zip(truth["left"], truth["right"]), oracle.similarity(truth).astype("f4").tolist()))
    check_count(report, rows)


def test_groups_of_two_inputs(join, rows):
    done = join([Sets.of(rows), Sets.of(rows[::-2])], "-b 60 -r 1 --threshold 0.4 --duplicates groups", ranks=3)
    assert read_groups(done.dir) == groups_of(rows, rows[::-2])
    truth = as_dict(join([Sets.of(rows), Sets.of(rows[::-2])], "-b 60 -r 1 --threshold 0.4").pairs)
    assert expand(done.pairs, firsts(rows), firsts(rows[::-2])) == truth


def test_the_nearest_of_groups(join):
    """One of each is compared with one of each."""
    x = np.array([[1, 0], [1, 1], [1, 0], [0, 1], [1, 1], [1, 0]], "f4")
    done = join(x, "--exact --top-k 1 --duplicates groups")
    assert read_groups(done.dir) == {(0, 2): 0, (0, 4): 1, (0, 5): 0}
    assert done.pairs[["left", "right"]].tolist() == [(0, 1), (1, 0), (3, 1)]


@pytest.mark.parametrize("ids", ["", "--ids"])
@pytest.mark.parametrize("two", [False, True])
def test_groups_as_text(tmp_path, rows, ids, two):
    files = []
    for k, part in enumerate([rows, rows[::-2]][:1 + two]):
        files.append(write_sets(tmp_path / f"{k}.h5", Sets.of(part)))
        names = [f"{'ab'[k]}{row}".encode() for row in range(len(part))]
        with h5py.File(files[-1], "r+") as f:
            f["ids/indptr"] = np.cumsum([0] + [len(name) for name in names])
            f["ids/bytes"] = np.frombuffer(b"".join(names), "u1")
    run(["-b", 9, "-r", 1, "--duplicates", "groups", "--format", "tsv", *ids.split(), "-o", tmp_path / "out", *files], 3).ok()
    lines = [line.split("\t") for f in sorted((tmp_path / "out").glob("duplicates-*.tsv")) for line in f.read_text().splitlines()]
    assert lines[0] == ["row", "first", "input"][:2 + two]
    number = lambda text, k: int(text.removeprefix("ab"[k]) if ids else text)
    found = {(k, number(line[0], k)): number(line[1], k)
             for line in lines if line != lines[0] for k in [int(line[2]) if two else 0]}
    assert found == groups_of(rows, *([rows[::-2]] if two else []))
    assert not (tmp_path / "out" / "duplicates.h5").exists()


def test_an_output_of_groups_is_replaced(join, rows, tmp_path):
    """By --force, all of it; and nothing stays of one that is not finished."""
    file = write_sets(tmp_path / "in.h5", Sets.of(rows))
    command = ["-b", 3, "-r", 2, "-o", tmp_path / "out", file]
    run([*command, "--duplicates", "groups"]).ok()
    assert run(command).rc == 73
    run([*command, "--force"]).ok()
    assert not list((tmp_path / "out").glob("duplicates*"))
    run([*command, "--duplicates", "groups", "--no-print", "--force"]).ok()
    assert [f.name for f in (tmp_path / "out").iterdir()] == ["run.json"]


@pytest.mark.parametrize("options, says", [
    ("--duplicates some", "neither pairs nor groups"), ("--duplicates groups --format mhash", "mhash"),
    ("--duplicates groups -E", "--exclusive")])
def test_refused(fails, tmp_path, rows, options, says):
    file = write_sets(tmp_path / "in.h5", Sets.of(rows))
    fails(["-b", 3, "-r", 2, *options.split(), file, file], 64, says)


@pytest.mark.parametrize("fails", [1], indirect=True)
def test_groups_need_a_place(fails, tmp_path, rows):
    fails(["-b", 3, "-r", 2, "--duplicates", "groups", write_sets(tmp_path / "in.h5", Sets.of(rows))], 64, "--output", out=None)


# ---- what is identical, and what it costs --------------------------------------------------------------------------

def test_what_is_not_identical(join):
    """Empty sets, bad vectors, and the two zeros."""
    done = join(Sets.of([[], [1, 2], [], [1, 2, 3], []]), "-b 3 -r 2 --duplicates groups")
    assert read_groups(done.dir) == {} and done.report["counts"]["empty_records"] == 3
    x = np.array([[np.nan, 1], [0.0, 1], [np.nan, 1], [-0.0, 1], [0.0, 1]], "f4")
    done = join(x, "-b 3 -r 2 --skip-bad-rows --duplicates groups", ranks=2)
    assert read_groups(done.dir) == {(0, 4): 1} and done.pairs[["left", "right"]].tolist() == [(1, 3)]
    assert join(x, "-b 3 -r 2 --skip-bad-rows").pairs[["left", "right"]].tolist() == [(1, 3), (1, 4), (3, 4)]


@pytest.mark.parametrize("options", ["--threshold 0.5", "-b 6 -r 3 --threshold 0.5", "-b 6 -r 3", "--exact --threshold 0.5"])
@pytest.mark.parametrize("ranks", [1, 3])
def test_work_is_that_of_one_of_each(join, options, ranks):
    """A tenth of all are identical: with them no more is hashed, met or compared than without."""
    rows = families(7, 500).rows()
    most = [np.arange(5_000_000, 5_000_040)] * 200
    given = Sets.of([*rows[:300], *most, *rows[300:]])
    counts = [join(s, f"{options} --duplicates groups", ranks=ranks).report["counts"]
              for s in (given, Sets.of([*rows[:300], most[0], *rows[300:]]))]
    for what in ["hash_values", "tuples", "candidate_copies", "candidates", "pairs"]:
        if options == "--threshold 0.5":  # a plan knows of all rows, and may be another
            assert counts[0][what] < 1.5 * counts[1][what], what
        else:
            assert counts[0][what] == counts[1][what], what
    assert counts[0]["duplicates"] - counts[1]["duplicates"] == 199


def test_vectors_are_hashed_once(join):
    x = clusters(8, 100)
    x = x[np.sort(np.unique(x, axis=0, return_index=True)[1])]
    counts = [join(v, "-b 4 -r 9 --duplicates groups", ranks=2).report["counts"] for v in (np.concatenate([x, x, x[:7]]), x)]
    for what in ["hash_values", "tuples", "candidates", "pairs"]:
        assert counts[0][what] == counts[1][what], what


# ---- with what else there is ---------------------------------------------------------------------------------------

@pytest.mark.parametrize("options", ["", "--duplicates groups"])
def test_clusters(join, rows, options):
    """Identical records are of one group of similar ones, however they are told."""
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import connected_components
    done = join(Sets.of(rows), f"-b 60 -r 1 --threshold 0.4 --clusters {options}", ranks=3)
    truth = oracle.brute_force(Sets.of(rows), None, "0.4")
    edges = coo_matrix((np.ones(len(truth)), (truth["left"].astype("i8"), truth["right"].astype("i8"))), shape=(len(rows),) * 2)
    label = connected_components(edges, directed=False)[1]
    with h5py.File(done.dir / "clusters.h5") as f:
        found = f["label"][:]
    assert (found == np.array([np.flatnonzero(label == label[k])[0] for k in range(len(rows))])).all()
