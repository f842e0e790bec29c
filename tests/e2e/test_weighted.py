"""--metric weighted-jaccard: every pair that numpy finds, at the recall that is planned and by the law; what files hold."""
import h5py
import numpy as np
import pytest
from scipy.sparse import csr_matrix

import oracle
from joins import read_tsv, run
from oracle import Sets, law, write_flat, write_sets
from vectors import ids
from weighted import all_values, brute_force, families, top_k, write_weighted

USAGE, DATA = 64, 65
METRIC = "--metric weighted-jaccard"


def rounded(seed, **how):
    """Rows whose weights single precision holds."""
    return families(seed, **how).astype("f4").astype("f8")


def check(found, truth):
    assert len(truth) > 20 and ids(found) == ids(truth)
    np.testing.assert_allclose(found["value"], truth["value"], rtol=1e-6)


# ---- exact ---------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("threshold, ranks", [(0.05, 2), (0.4, 1), (0.4, 3), (0.4, 5), (0.9, 2), (1, 3)])
def test_exact(join, tmp_path, threshold, ranks):
    x = rounded(1)
    found = join(write_weighted(tmp_path / "in.h5", x), f"{METRIC} --exact --threshold {threshold}", ranks=ranks)
    check(found.pairs, brute_force(x, None, threshold))


@pytest.mark.parametrize("ranks, exclusive", [(1, ""), (2, "-E"), (3, ""), (5, "-E")])
@pytest.mark.parametrize("swapped", [False, True])
def test_two_inputs(join, tmp_path, ranks, exclusive, swapped):
    x = rounded(2)
    left, right = (x[:100], x[50:]) if swapped else (x, x[200:120:-1])
    files = [write_weighted(tmp_path / "a.h5", left), write_weighted(tmp_path / "b.h5", right, elements="u8")]
    check(join(files, f"{METRIC} --exact --threshold 0.3 {exclusive}", ranks=ranks).pairs,
          brute_force(left, right, 0.3, bool(exclusive)))


@pytest.mark.parametrize("ranks", [1, 3])
@pytest.mark.parametrize("two, limit", [(False, ""), (True, ""), (False, "--threshold 0.3")])
def test_exact_top_k(join, tmp_path, ranks, two, limit):
    x = rounded(3)
    files = [write_weighted(tmp_path / "a.h5", x), write_weighted(tmp_path / "b.h5", x[::-1])][:1 + two]
    found = join(files, f"{METRIC} --exact --top-k 3 {limit}", ranks=ranks).pairs
    truth = top_k(x, x[::-1] if two else None, 3, 0.3 if limit else 0)
    assert ids(found) == ids(truth) and (found["rank"] == truth["rank"]).all()


@pytest.mark.parametrize("weights", ["i1", "u2", "i4", "u8", "f2", "f4", "f8"])
@pytest.mark.parametrize("elements, ranks", [("u4", 1), ("i8", 3)])
def test_types(join, tmp_path, weights, elements, ranks):
    """Whole weights of any type are multisets, and these are sets of (element, copy): their Jaccard is the same."""
    x = families(4, whole=True)
    names = np.arange(500) * (3 if elements == "u4" else 2**40)
    path = write_weighted(tmp_path / "in.h5", x, elements=elements, weights=weights, names=names, shuffled=4)
    copies = Sets.of([[e * 1000 + k for e in np.flatnonzero(row) for k in range(int(row[e]))] for row in x])
    truth = join(copies, "--exact --threshold 0.6").pairs
    found = join(path, f"{METRIC} --exact --threshold 0.6", ranks=ranks).pairs
    assert len(truth) > 50 and (found == truth).all()


def test_large_and_small(join, tmp_path):
    """Numbers that only double precision holds; weights are never brought to another scale."""
    x = families(5, whole=True)
    for scale in [2.0**-1000, 1e-30 / 3, 2.0**300]:
        scaled = x * scale
        path = write_weighted(tmp_path / "in.h5", scaled, weights="f8")
        truth = brute_force(scaled, None, 0.5000001)
        check(join(path, f"{METRIC} --exact --threshold 0.5000001").pairs, truth)
        found = join(path, f"{METRIC} -b 200 -r 1 --threshold 0.5000001").pairs
        assert len(found) > 0.99 * len(truth) and set(ids(found)) <= set(ids(truth))


@pytest.mark.parametrize("threshold, ranks", [("0.8", 1), ("0.333333333", 2), ("0.7", 3)])
def test_ties_at_the_threshold(join, tmp_path, threshold, ranks):
    """Sums that are exactly at the threshold (or hardly above), and one that is the least bit below."""
    p, q = {"0.8": (4, 5), "0.333333333": (1, 3), "0.7": (7, 10)}[threshold]
    x = np.zeros((6, 6))
    x[0, :2], x[1, :2] = [p, 1], [q - 1, 1] if p > 1 else [q, 0]
    x[0, :2] = [p - 1, 1] if p > 1 else [p, 0]
    x[2, 2], x[3, 2] = p, q
    x[4, 3], x[5, 3] = np.nextafter(p, 0) if p > 1 else 1 - 1e-8, q
    path = write_weighted(tmp_path / "in.h5", x, weights="f8")
    assert ids(join(path, f"{METRIC} --exact --threshold {threshold}", ranks=ranks).pairs) == [(0, 1), (2, 3)]


# ---- by hashing ----------------------------------------------------------------------------------------------------

def planted(seed, similarities, pairs=100):
    """Pairs of rows of those similarities, k with k, of elements and sizes of their own."""
    rng, left, right = np.random.default_rng(seed), [], []
    for k in range(pairs * len(similarities)):
        s, n = similarities[k % len(similarities)], rng.integers(3, 40)
        element = k * 40 + rng.choice(40, n, replace=False)
        w = np.exp(rng.normal(0, 2, n))
        both = rng.random(n)
        both *= s * w.sum() / (both * w).sum()  # minima of that sum where all are below their weights
        while (both > 1).any():
            over = both > 1
            both[over] = 1
            both[~over] *= (s * w.sum() - w[over].sum()) / (both * w)[~over].sum()
        turned = rng.random(n) < 0.5
        left.append((element, np.where(turned, w, w * both)))
        right.append((element, np.where(turned, w * both, w)))
    return left, right


def write_rows(path, rows):
    with h5py.File(path, "w") as f:
        f["X/indptr"] = np.cumsum([0] + [len(e) for e, _ in rows])
        f["X/indices"] = np.concatenate([e for e, _ in rows])
        f["X/data"] = np.concatenate([w for _, w in rows])
    return path


def test_law(join, tmp_path):
    """As many pairs of each similarity collide in a band as 1-(1-s^r)^b, over some seeds."""
    similarities, seeds, pairs = np.arange(0.05, 1, 0.1), 6, 200
    left, right = planted(1, similarities, pairs)
    files = [write_rows(tmp_path / "a.h5", left), write_rows(tmp_path / "b.h5", right)]
    hits = np.zeros(len(similarities))
    for seed in range(seeds):
        found = join(files, f"{METRIC} -b 8 -r 3 -s {seed} --threshold 0.000000001").pairs
        own = found[found["left"] == found["right"]]["left"].astype("i8")
        hits += np.bincount(own % len(similarities), minlength=len(similarities))
    assert oracle.outside(similarities, hits, seeds * pairs, law(similarities, 8, 3), 0.001 / len(similarities)) == []


@pytest.mark.parametrize("threshold, recall, how", [(0.3, 0.9, ""), (0.5, 0.95, ""), (0.8, 0.8, ""), (0.9, 0.99, ""),
                                                    (0.8, 0.9, "--no-sketch"), (0.7, 0.95, "--minhash classic")])
def test_recall(join, tmp_path, threshold, recall, how):
    """The planner keeps its promise to pairs just above the threshold, over some seeds."""
    seeds, pairs = 6, 300
    left, right = planted(2, [threshold + 1e-9], pairs)
    files = [write_rows(tmp_path / "a.h5", left), write_rows(tmp_path / "b.h5", right)]
    shares = []
    for seed in range(seeds):
        out = join(files, f"{METRIC} --threshold {threshold} --recall {recall} -s {seed} {how}")
        shares.append(len(out.pairs) / pairs)
        promised = out.report["plan"]["recall_at_threshold"]
        assert promised >= recall
        assert (out.report["parameters"].get("symbol_bits") == 8) == ("classic" not in how)
    error = np.std(shares, ddof=1) / np.sqrt(seeds) + 1 / pairs / seeds
    assert abs(np.mean(shares) - promised) < 5 * error, f"{shares}, not {promised}"


@pytest.mark.parametrize("how, ranks", [("--threshold 0.6", 3), ("-b 30 -r 3 --threshold 0.6", 2),
                                        ("--threshold 0.3 --recall 0.9 --top-k 2", 2)])
def test_values(join, tmp_path, how, ranks):
    x = rounded(6)
    path = write_weighted(tmp_path / "in.h5", x)
    found, exact = join(path, f"{METRIC} {how}", ranks=ranks).pairs, join(path, f"{METRIC} --exact --threshold 0.3").pairs
    value = dict(zip(ids(exact), exact["value"]))
    assert len(found) > 50 and all(value[tuple(sorted(pair))] == v for pair, v in zip(ids(found), found["value"]))


def test_dry_run(tmp_path):
    path = write_weighted(tmp_path / "in.h5", rounded(7))
    said = run([*METRIC.split(), "--threshold", 0.5, "--dry-run", path]).ok().out
    assert "sketches of 64 symbols of 8 bits" in said and "240 rows" in said


# ---- files of others -----------------------------------------------------------------------------------------------

def test_anndata(join, tmp_path):
    """X beside other CSR groups: the one with that name; its data are weights."""
    x = rounded(8)
    attrs = {"encoding-type": "csr_matrix", "encoding-version": "0.1.0", "shape": np.array(x.shape)}
    path = write_weighted(tmp_path / "cells.h5ad", x, group="X", attrs=attrs)
    write_weighted(path, x[::-1], group="layers/counts", mode="a", attrs=attrs)
    with h5py.File(path, "a") as f:
        f["obs/_index"] = np.array([f"cell{k}" for k in range(len(x))], dtype=h5py.string_dtype())
        f["obs"].attrs["_index"] = "_index"
    check(join(path, f"{METRIC} --exact --threshold 0.5").pairs, brute_force(x, None, 0.5))
    check(join(f"{path}:/layers/counts", f"{METRIC} --exact --threshold 0.5", ranks=2).pairs, brute_force(x[::-1], None, 0.5))
    named = read_tsv(run([*METRIC.split(), "--threshold", 0.5, path]).ok().out)
    assert set(ids(named)) <= set(ids(brute_force(x, None, 0.5)))


def test_10x_counts(join, tmp_path):
    """A matrix of counts, whose columns in 10x's words, cells, are what the offsets cut."""
    x = families(9, whole=True)
    m = csr_matrix(x.astype("i4"))
    path = tmp_path / "filtered_feature_bc_matrix.h5"
    with h5py.File(path, "w") as f:
        g = f.create_group("matrix")
        g["data"], g["indices"], g["indptr"] = m.data, m.indices.astype("i8"), m.indptr.astype("i8")
        g["shape"] = np.array(x.shape[::-1], "i4")
        g["barcodes"] = np.array([f"cell{k}".encode() for k in range(len(x))])
        g["features/id"] = np.array([f"gene{k}".encode() for k in range(x.shape[1])])
    truth = brute_force(x, None, 0.5)
    check(join(path, f"{METRIC} --exact --threshold 0.5", ranks=2).pairs, truth)
    found = join(path, f"{METRIC} --threshold 0.5 --recall 0.99").pairs
    assert set(ids(found)) <= set(ids(truth)) and len(found) > 0.9 * len(truth)


def test_entries_in_any_order(join, tmp_path):
    """Repeats of an element add up, as scipy has it, and the order says nothing: the bytes are the same."""
    x = families(10, whole=True)
    plain, mixed = write_weighted(tmp_path / "a.h5", x), write_weighted(tmp_path / "b.h5", x, shuffled=1)
    for how in ["-b 8 -r 3 --threshold 0.3", "--threshold 0.5"]:
        found = [join(path, f"{METRIC} {how}").pairs for path in (plain, mixed)]
        assert len(found[0]) > 50 and (found[0] == found[1]).all()


# ---- mistakes ------------------------------------------------------------------------------------------------------

GOOD = families(11, count=5)
BAD = {"zero": 0, "negative": -1, "NaN": np.nan, "infinity": np.inf, "minus infinity": -np.inf}


def spoiled(path, row, weight, dtype="f8"):
    """GOOD with one weight of a row changed; zeros are stored too."""
    m = csr_matrix(GOOD)
    m.data[m.indptr[row]] = weight
    with h5py.File(path, "w") as f:
        f["sets/indptr"], f["sets/indices"], f["sets/data"] = m.indptr, m.indices, m.data.astype(dtype)
    return path


def full_rows():
    return np.flatnonzero(GOOD.sum(1))


@pytest.mark.parametrize("name", BAD)
@pytest.mark.parametrize("last", [False, True])
def test_bad_weight(fails, tmp_path, name, last):
    row = full_rows()[-1 if last else 0]
    path = spoiled(tmp_path / "in.h5", row, BAD[name])
    how = ["--exact", "--threshold", 0.5] if last else ["-b", 4, "-r", 2]
    fails([*METRIC.split(), *how, path], DATA, "in.h5", "/sets", f"row {row} ", "above 0 and finite")


def test_weights_that_are_too_large(fails, tmp_path):
    row = full_rows()[3]
    fails([*METRIC.split(), "--threshold", 0.5, spoiled(tmp_path / "in.h5", row, 2e100)], DATA, f"row {row} ", "1e100")


def test_bad_row_of_the_second_input(fails, tmp_path):
    row = full_rows()[2]
    good = write_weighted(tmp_path / "good.h5", GOOD)
    fails([*METRIC.split(), "--threshold", 0.5, good, spoiled(tmp_path / "bad.h5", row, -2, "f4")], DATA, "bad.h5", f"row {row} ")


@pytest.mark.parametrize("ranks", [1, 3])
def test_skipped_rows(join, tmp_path, ranks):
    row = full_rows()[4]
    found = join(spoiled(tmp_path / "in.h5", row, np.nan), f"{METRIC} --exact --threshold 0.2 --skip-bad-rows", ranks=ranks)
    x = GOOD.copy()
    x[row] = 0
    assert ids(found.pairs) == ids(brute_force(x, None, 0.2)) and len(found.pairs) > 3
    assert found.report["counts"]["skipped_records"] == 1


def test_no_weights(fails, tmp_path):
    sets = Sets.of([[1, 2], [2, 3]], "u4")
    how = [*METRIC.split(), "--threshold", 0.5]
    fails([*how, write_sets(tmp_path / "in.h5", sets)], DATA, "in.h5", "weighted", "indptr, indices and data")
    fails([*how, f"{write_sets(tmp_path / 'in.h5', sets)}:/sets"], DATA, "in.h5", "/sets", "data")
    fails([*how, write_flat(tmp_path / "in.h5", sets)], DATA, "in.h5", "data")
    (tmp_path / "in.txt").write_text("2,4,4\n2,1,2\n2,2,3\n")
    fails([*how, tmp_path / "in.txt"], DATA, "in.txt", "weights")


def test_other_lists_of_weights(fails, tmp_path):
    how = [*METRIC.split(), "--threshold", 0.5, tmp_path / "in.h5"]
    for data, *says in [(np.ones(2), "2 numbers", "3 elements"), (np.ones((3, 1)), "dimensions"),
                        (np.array([b"a", b"b", b"c"]), "strings"), (np.array([True, True, False]), "booleans")]:
        with h5py.File(tmp_path / "in.h5", "w") as f:
            f["sets/indptr"], f["sets/indices"], f["sets/data"] = [0, 1, 3], [5, 6, 7], data
        fails(how, DATA, "in.h5", "/sets/data", *says)


def test_no_probes(fails, tmp_path):
    fails([*METRIC.split(), "-b", 2, "-r", 2, "--probes", 3, write_weighted(tmp_path / "in.h5", GOOD)], USAGE, "--probes")
