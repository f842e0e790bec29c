"""--top-k gives each left record its best right records: against brute force, where (almost) all pairs are candidates.

Data has no negative coordinate, so that all pairs have p of 1/2 and more: of 100 bands of one row, every pair meets in
one but with probability 1e-30. What is compared as a whole is whole numbers, whose ties are exact."""
import numpy as np
import pytest

import oracle
from joins import read_tsv, run
from oracle import Sets, families, write_sets
from vectors import clusters, first_k, ids, top_k, write_vectors

SURE = {"cosine": "-b 100 -r 1", "l2": "-b 100 -r 1 --metric l2 --width 100", "ip": "-b 100 -r 1 --metric ip"}
LIMITS = {"cosine": "0.95", "l2": "6", "ip": "60"}


def whole(seed, n, dim=4, top=6):
    """Small whole numbers: many distances and products are equal, and many vectors are."""
    x = np.random.default_rng(seed).integers(0, top, (n, dim))
    x[(x == 0).all(1)] = 1
    return x.astype("f4")


def check(found, truth, metric):
    """Bit for bit by distance and product; cosines of whole numbers may be equal and differ in their last bit."""
    if metric != "cosine":
        assert found.tobytes() == truth_as_written(truth).tobytes()
        return
    check_ranks(found)
    found, truth = (t[np.lexsort((t["rank"], t["left"]))] for t in (found, truth))
    assert (found["left"] == truth["left"]).all()  # as many for each
    np.testing.assert_allclose(found["value"], truth["value"], rtol=1e-6)
    differ = found["right"] != truth["right"]
    assert differ.mean() < 0.1
    following = abs(np.diff(truth["value"], prepend=2, append=2)) < 1e-12
    last = np.append(np.diff(truth["left"].astype("i8")) > 0, True)  # where a tie may go on beyond the k-th
    assert (following[:-1] | following[1:] | last)[differ].all()


def truth_as_written(truth):
    written = np.zeros(len(truth), [("left", "u8"), ("right", "u8"), ("value", "f4"), ("rank", "u4")])
    for name in truth.dtype.names:
        written[name] = truth[name]
    return written


def check_ranks(found):
    """Each left record's ranks are 1 to n."""
    ordered = found[np.lexsort((found["rank"], found["left"]))]
    first = np.searchsorted(ordered["left"], ordered["left"])
    assert (ordered["rank"] == np.arange(len(ordered)) - first + 1).all()
    assert len(set(ids(found))) == len(found)


@pytest.mark.parametrize("metric", SURE)
@pytest.mark.parametrize("k", [1, 7, 65535])
@pytest.mark.parametrize("limited", [False, True])
def test_self_join(join, metric, k, limited):
    """k beyond what there is gives all others; a record is not its own neighbour, its copies are."""
    x = whole(1, 150)
    limit = f"--{'radius' if metric == 'l2' else 'threshold'} {LIMITS[metric]}" if limited else ""
    found = join(x, f"{SURE[metric]} --top-k {k} {limit}", ranks=1 if k == 7 else 2).pairs
    assert (found["left"] > found["right"]).any() and (found["left"] != found["right"]).all()
    truth = top_k(x, None, metric, k, float(LIMITS[metric]) if limited else None)
    assert limited or k < 200 or len(found) == 150 * 149
    check(found, truth, metric)


@pytest.mark.parametrize("metric", SURE)
@pytest.mark.parametrize("k, exclusive", [(1, ""), (5, "-E"), (300, "")])
@pytest.mark.parametrize("limited", [False, True])
def test_two_inputs(join, metric, k, exclusive, limited):
    left, right = whole(2, 120), whole(3, 200)
    right[:60] = left[:60]
    limit = f"--{'radius' if metric == 'l2' else 'threshold'} {LIMITS[metric]}" if limited else ""
    found = join([left, right], f"{SURE[metric]} --top-k {k} {limit} {exclusive}", ranks=3 if k == 5 else 1).pairs
    truth = top_k(left, right, metric, k, float(LIMITS[metric]) if limited else None, bool(exclusive))
    check(found, truth, metric)


@pytest.mark.parametrize("metric", ["cosine", "ip", "l2"])
@pytest.mark.parametrize("dtype", ["f4", "f8"])
def test_numbers_that_are_not_whole(join, metric, dtype):
    """No ties, so that cosines can be compared as a whole too."""
    x = abs(clusters(4, 40, dim=20)).astype(dtype)
    x = np.unique(x, axis=0)
    found = join([x, x[:90]], f"{SURE[metric]} --top-k 6", ranks=2).pairs
    truth = top_k(x, x[:90], metric, 6)
    assert ids(found) == ids(truth) and (found["rank"] == truth["rank"]).all()
    np.testing.assert_allclose(found["value"], truth["value"], rtol=1e-6, atol=3e-7 if metric == "l2" else 0)


@pytest.mark.parametrize("metric, values", [("cosine", [1, 1, 1]), ("ip", [4, 2, 2]), ("l2", [1, 0, 0])])
def test_ties_go_by_row(join, metric, values):
    """Rows that are equal (or point the same way), in an order that nothing else suggests."""
    rows = {"cosine": [[1, 2], [2, 4], [1, 2]], "ip": [[0, 2], [0, 1], [1, 1]], "l2": [[0, 1], [0, 2], [0, 2]]}[metric]
    x = np.array(rows, "f4")
    query = np.array([[1, 2] if metric == "cosine" else [0, 2]], "f4")
    found = join([query, np.tile(x, (50, 1))], f"{SURE[metric]} --top-k 150").pairs
    by_rank = found[np.argsort(found["rank"])]
    kept = np.tile(values, 50)
    order = np.lexsort((np.arange(150), kept if metric == "l2" else -kept))
    assert by_rank["right"].tolist() == order.tolist() and by_rank["value"].tolist() == kept[order].tolist()
    few = join([query, np.tile(x, (50, 1))], f"{SURE[metric]} --top-k 60", ranks=3).pairs
    assert ids(few) == sorted((0, row) for row in order[:60])


def test_the_exact_value_decides(join):
    """As a float32, all these distances are 8192; only two of them are equal. Products and cosines likewise."""
    x = np.array([[8192, 1, 0], [8192, 0, 0], [0, 8192, 0], [0, 8191.9999, 0], [8192, 0, 0.5]], "f8")
    found = join([np.zeros((1, 3)), x], "-b 100 -r 1 --metric l2 --width 1e6 --top-k 5").pairs
    assert found["right"][np.argsort(found["rank"])].tolist() == [3, 1, 2, 4, 0]
    assert (found["value"] == 8192).all()
    y = np.array([[1, 1e-5], [1, 3e-5], [1, 0], [1, 2e-5]], "f8")
    found = join([np.array([[1.0, 0]]), y], "-b 100 -r 1 --top-k 4").pairs
    assert found["right"][np.argsort(found["rank"])].tolist() == [2, 0, 3, 1]
    z = np.array([[1, 0], [1 + 1e-10, 0], [1 - 1e-10, 0], [1 + 1e-10, 0]], "f8")
    found = join([np.array([[1.0, 0]]), z], "-b 100 -r 1 --metric ip --top-k 4").pairs
    assert found["right"][np.argsort(found["rank"])].tolist() == [1, 3, 0, 2]


@pytest.mark.parametrize("metric, bands, rows", [("cosine", 8, 12), ("l2", 8, 5), ("ip", 8, 9)])
@pytest.mark.parametrize("two", [False, True])
@pytest.mark.parametrize("limited", [False, True])
def test_best_of_the_candidates(join, metric, bands, rows, two, limited):
    """With few bands, too: the k best of just the candidates that the same bands give without --top-k."""
    x = clusters(5, 120)
    left, right = (x[:250], x[200:]) if two else (x, x)
    given = [left, right] if two else x
    common = f"-b {bands} -r {rows} --metric {metric} " + ("--width 0.8" if metric == "l2" else "")
    limit = 0.15 if metric == "l2" else 0.95
    option = f"--{'radius' if metric == 'l2' else 'threshold'} {limit}" if limited else ""
    allowed = np.zeros((len(left), len(right)), bool)
    for i, j in ids(join(given, f"{common} {option}").pairs):
        allowed[i, j] = True
        if not two:
            allowed[j, i] = True
    values = top_values(left, right, metric)
    truth = first_k(values, 2, metric != "l2", allowed)
    assert len(truth) > 50 and allowed.mean() < 0.9
    found = join(given, f"{common} {option} --top-k 2", ranks=2).pairs
    assert ids(found) == ids(truth) and (found["rank"] == truth["rank"]).all()
    np.testing.assert_allclose(found["value"], truth["value"], rtol=1e-6)


def top_values(left, right, metric):
    """From differences and products themselves, so that equal vectors are at equal distances."""
    x, y = left.astype("f8")[:, None], right.astype("f8")[None]
    if metric == "l2":
        return np.sqrt(((x - y) ** 2).sum(2))
    product = (x * y).sum(2)
    return product if metric == "ip" else product / np.sqrt((x * x).sum(2) * (y * y).sum(2))


@pytest.mark.parametrize("k", [1, 4, 1000])
@pytest.mark.parametrize("two", [False, True])
@pytest.mark.parametrize("threshold", [None, "0.4"])
def test_sets(join, k, two, threshold):
    """Jaccard similarities, whose ties are many. What has nothing in common is no candidate."""
    rows = families(6, 40).rows()
    left, right = (Sets.of(rows[:100]), Sets.of(rows[::-1])) if two else (Sets.of(rows), None)
    pairs = oracle.overlaps(left, right)
    other = right or left
    values = np.zeros((len(left), len(other)))
    values[pairs["left"].astype("i8"), pairs["right"].astype("i8")] = oracle.similarity(pairs)
    if not two:
        values = np.maximum(values, values.T)
    truth = first_k(values, k, True, values >= float(threshold) if threshold else values > 0)
    limit = f"--threshold {threshold}" if threshold else ""
    found = join([left, right] if two else left, f"-b 2500 -r 1 {limit} --top-k {k}", ranks=1 + two).pairs
    assert found.tobytes() == truth_as_written(truth).tobytes()  # 1/60 is missed with probability 1e-18


@pytest.mark.parametrize("limit", ["", "--threshold 0.9"])
def test_tsv(join, tmp_path, limit):
    """The same numbers, with a fourth column."""
    x = whole(7, 60)
    options = f"-b 100 -r 1 {limit} --top-k 3"
    said = run([*options.split(), write_vectors(tmp_path / "in.h5", x)]).ok()
    assert said.out.startswith("left\tright\tsimilarity\trank\n")
    assert read_tsv(said.out).tobytes() == join(x, options).pairs.tobytes()


def test_whole_file(join):
    """The virtual dataset over all files has the ranks too."""
    import h5py
    done = join(whole(8, 90), "-b 100 -r 1 --top-k 4", ranks=3)
    with h5py.File(done.dir / "pairs.h5") as f:
        order = np.lexsort((f["right"][:], f["left"][:]))
        for name, column in [("left", "left"), ("right", "right"), ("similarity", "value"), ("rank", "rank")]:
            assert (f[name][:][order] == done.pairs[column]).all()
    assert done.report["counts"]["pairs"] == len(done.pairs) == 360


@pytest.mark.parametrize("rows, ranks", [(0, 1), (0, 3), (1, 3), (2, 5)])
def test_few_rows(join, rows, ranks):
    found = join(np.ones((rows, 3), "f4"), "-b 4 -r 2 --top-k 5", ranks=ranks).pairs
    assert ids(found) == ([(0, 1), (1, 0)] if rows == 2 else []) and "rank" in found.dtype.names


@pytest.mark.parametrize("k", [1, 3])
def test_a_giant_bucket(join, k):
    """1,500 vectors of one direction pass the bound of a round many times; of each the first others are kept, by row."""
    n = 1500
    found = join(np.outer(np.arange(1, n + 1), [1, 0, 0]).astype("f4"), f"-b 3 -r 2 --round 64K --top-k {k}", ranks=2, timeout=300).pairs
    expected = [(i, j) for i in range(n) for j in [j for j in range(k + 1) if j != i][:k]]
    assert ids(found) == expected and (found["value"] == 1).all()


@pytest.mark.parametrize("options", ["", "--threshold 0.5"])
def test_sets_from_text(tmp_path, options):
    """The same as from HDF5."""
    sets = families(9, 40)
    sets.indices = np.unique(sets.indices, return_inverse=True)[1]
    command = ["-b", 50, "-r", 2, "--top-k", 2, "--format", "tsv", *options.split()]
    said = run([*command, write_sets(tmp_path / "in.h5", sets)]).ok().out
    assert len(said.splitlines()) > 100
    text = run([*command, "-E"], stdin=oracle.mhash_text(sets)).ok().out
    check_ranks(read_tsv(text))
    assert read_tsv(text).tobytes() == read_tsv(said).tobytes()
