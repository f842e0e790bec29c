"""Joins of vectors against brute force: nothing false, nothing twice, nothing lost beyond the law."""
import gzip
from pathlib import Path

import h5py
import numpy as np
import pytest

import vectors
from joins import read_tsv, run
from oracle import check_mean, law, write_flat, families
from vectors import (all_values, brute_force, check_recall, check_verified, clusters, ids, largest_norm, pair_values,
                     p_of, simulate, write_vectors)

FASHION = Path("/usr/share/datasets/fashion-mnist")  # where Debian's dataset-fashion-mnist has it


def bound(metric, limit):
    return f"--metric {metric} --{'radius' if metric == 'l2' else 'threshold'} {limit}"


def scale_of(metric, limit, *inputs):
    """What the law needs beside the value: the default width, or the largest norm."""
    return 4 * float(limit) if metric == "l2" else largest_norm(*inputs) if metric == "ip" else None


# ---- random data ---------------------------------------------------------------------------------------------------

JOINS = [("cosine", "0.9", 20, 12, 1), ("cosine", "0.5", 12, 5, 3), ("cosine", "0.99", 8, 20, 2),
         ("l2", "0.3", 20, 6, 1), ("l2", "0.6", 12, 4, 3), ("l2", "0.05", 2, 6, 2)]


@pytest.mark.parametrize("metric, limit, bands, rows, ranks", JOINS)
def test_self_join(join, metric, limit, bands, rows, ranks):
    x = clusters(1, 300)
    truth = brute_force(x, None, metric, float(limit))
    founds = [join(x, f"-b {bands} -r {rows} -s {seed} {bound(metric, limit)}", ranks=ranks).pairs for seed in range(3)]
    for found in founds:
        assert (found["left"] < found["right"]).all()
        check_verified(found, truth)
    check_recall(founds, x, None, truth, bands, rows, metric, scale_of(metric, limit))


@pytest.mark.parametrize("exclusive", ["", "-E"])
@pytest.mark.parametrize("metric, limit, bands, rows", [("cosine", "0.8", 15, 8), ("l2", "0.5", 12, 4), ("ip", "0.8", 15, 8)])
def test_two_inputs(join, metric, limit, bands, rows, exclusive):
    """Of different lengths; many pairs have the same row number on both sides."""
    x = clusters(2, 250)
    left, right = x[:700], x[np.arange(900) ^ 1]
    right[::3] = x[:900:3]
    truth = brute_force(left, right, metric, float(limit), bool(exclusive))
    assert (truth["left"] == truth["right"]).any() == (not exclusive)
    founds = [join([left, right], f"-b {bands} -r {rows} -s {seed} {bound(metric, limit)} {exclusive}",
                   ranks=1 + seed).pairs for seed in range(3)]
    for found in founds:
        check_verified(found, truth)
    check_recall(founds, left, right, truth, bands, rows, metric, scale_of(metric, limit, left, right))


@pytest.mark.parametrize("dtype, dim", [("f4", 100), ("f8", 37)])
@pytest.mark.parametrize("metric, limit, ranks", [("cosine", "0.9", 1), ("l2", "0.5", 3), ("ip", "0.9", 3)])
def test_wide_vectors_that_all_meet(join, metric, limit, ranks, dtype, dim):
    """So many candidates are looked at in bytes first, here those of rows of other ranks, too: none is lost."""
    x = clusters(7, 100, dim=dim, dtype=dtype)
    truth = brute_force(x, None, metric, float(limit))
    assert 200 < len(truth) < 20_000
    out = join(x, f"-b 60 -r 1 {bound(metric, limit)}", ranks=ranks)
    assert out.report["counts"]["candidates"] > 20 * len(x)
    assert ids(out.pairs) == ids(truth)
    check_verified(out.pairs, truth)


@pytest.mark.parametrize("metric, limit", [("cosine", "0.7"), ("l2", "0.7"), ("ip", "0.7")])
def test_the_two_inputs_may_be_one_file(join, metric, limit):
    x = clusters(3, 40)
    sure = f"-b 200 -r 3 {bound(metric, limit)}"
    found = join([x, x], sure).pairs
    assert ids(found) == ids(brute_force(x, x, metric, float(limit)))
    assert ids(join([x, x], f"{sure} -E").pairs) == [(i, j) for i, j in ids(found) if i != j]
    assert ids(join(x, sure).pairs) == [(i, j) for i, j in ids(found) if i < j]


@pytest.mark.parametrize("limit, bands, rows, ranks", [("1.2", 20, 6, 1), ("0.6", 12, 3, 3), ("2500", 30, 8, 2)])
def test_self_join_by_inner_product(join, limit, bands, rows, ranks):
    """Vectors of very different lengths. A pair has a chance both ways round, so the law is the least there is."""
    x = clusters(4, 250) * np.random.default_rng(4).choice([0.3, 1, 1.5], (1100, 1)).astype("f4")
    x *= np.float32(50 if float(limit) > 10 else 1)
    truth = brute_force(x, None, "ip", float(limit))
    assert len(truth) > 100
    founds = [join(x, f"-b {bands} -r {rows} -s {seed} {bound('ip', limit)}", ranks=ranks).pairs for seed in range(3)]
    for found in founds:
        assert (found["left"] < found["right"]).all()
        check_verified(found, truth)
    most = largest_norm(x)
    simulated = (simulate(x, None, truth, bands, rows, "ip", most) > 0).sum(1)
    least = law(p_of("ip", truth["value"], most), bands, rows).sum() - 5 * np.std(simulated, ddof=1) / np.sqrt(3)
    assert np.mean([len(found) for found in founds]) >= least


@pytest.mark.parametrize("metric, width", [("cosine", None), ("l2", 1.5), ("ip", None)])
@pytest.mark.parametrize("two", [False, True])
def test_candidates_and_their_bands(join, metric, width, two):
    """Without a threshold: each candidate once, with the number of bands in which it collided."""
    bands, rows = 30, 9 if metric != "l2" else 5
    x = clusters(5, 100, dim=300)
    left, right = (x, x[::-2].copy()) if two else (x, None)
    options = f"-b {bands} -r {rows} --metric {metric}" + (f" --width {width}" if width else "")
    found = join([left, right] if two else left, options).pairs
    assert found["value"].dtype == np.uint16
    assert found["value"].min() >= 1 and found["value"].max() <= bands
    assert len(set(ids(found))) == len(found)
    assert two or (found["left"] < found["right"]).all()

    other = right if two else left
    values = all_values(left, other, metric)
    i, j = np.divmod(np.arange(values.size), values.shape[1])
    keep = (values.ravel() <= 0.9 if metric == "l2" else values.ravel() >= 0.5) & (two | (i < j))
    every = np.zeros(keep.sum(), vectors.PAIR)
    every["left"], every["right"], every["value"] = i[keep], j[keep], values.ravel()[keep]
    count = dict(zip(ids(found), found["value"].tolist()))
    collided = np.array([count.get(pair, 0) for pair in ids(every)])
    equal = (left[every["left"].astype("i8")] == other[every["right"].astype("i8")]).all(1)
    assert equal.any() and (metric == "ip" or (collided[equal] == bands).all())
    if metric == "ip" and not two:
        return  # has two chances in a band: test_vector_law.py
    scale = width or scale_of(metric, 0, left, other)
    simulated = simulate(left, right, every, bands, rows, metric, scale).sum(1)
    check_mean([collided.sum()], (bands * p_of(metric, every["value"], scale) ** rows).sum(), simulated)


@pytest.mark.parametrize("metric, options", [("cosine", "--threshold 0.9"), ("l2", "--radius 0.4"), ("ip", "--threshold 0.9")])
def test_threshold_filters_the_candidates(join, metric, options):
    """A verified join is its candidates without those that are too far away."""
    x = clusters(6, 150)
    width = "--width 1.6" if metric == "l2" else ""
    candidates = join(x, f"-b 10 -r 4 --metric {metric} {width}").pairs
    i, j = candidates["left"].astype("i8"), candidates["right"].astype("i8")
    keep = vectors.nearer(metric, pair_values(x, x, i, j, metric), float(options.split()[1]))
    assert 0 < keep.sum() < len(keep)
    assert ids(join(x, f"-b 10 -r 4 --metric {metric} {options}").pairs) == ids(candidates[keep])


# ---- ties ----------------------------------------------------------------------------------------------------------

GRID = np.stack(np.meshgrid(np.arange(-7, 8), np.arange(-6, 7)), -1).reshape(-1, 2).astype("f4")


@pytest.mark.parametrize("radius", ["5", "4.999999999999999", "5.000000000000001", "5.0", "13", "1", "0.999999999",
                                    "1.4142135623730951", "1.414213562373095", "2.23606797749979"])
def test_ties_at_the_radius(join, radius):
    """3-4-5 and the like: a distance of just R is kept. sqrt(2) as a double lies above 1.414213562373095."""
    truth = brute_force(GRID, None, "l2", float(radius))
    width = 40  # 13 apart, a pair is missed with probability 1e-50
    found = join(GRID, f"-b 200 -r 2 --radius {radius} --width {width}").pairs
    assert ids(found) == ids(truth)
    assert (found["value"] == truth["value"].astype("f4")).all()


def test_the_ties_are_there():
    for radius in (5, 13, 1, 2**0.5):
        assert (brute_force(GRID, None, "l2", radius)["value"] == radius).sum() > 10


@pytest.mark.parametrize("dtype", ["f4", "f8"])
def test_radius_is_compared_in_double_precision(join, dtype):
    """As a float32, each of these distances is 8192."""
    x = np.array([[0, 0, 0], [8192, 0, 0], [8192, 1, 0], [0, 8192, -1], [0, 0, 8191.9999]], dtype)
    found = join(x, "-b 100 -r 1 --radius 8192").pairs
    assert [pair for pair in ids(found) if pair[0] == 0] == [(0, 1), (0, 4)]


@pytest.mark.parametrize("threshold", ["0.6", "0.600000001", "0.599999999", "0.8", "0.800000001", "0.28", "0.96", "1", "1.0"])
def test_ties_at_the_threshold(join, threshold):
    x = GRID[(GRID != 0).any(1)]
    truth = brute_force(x, None, "cosine", float(threshold))
    found = join(x, f"-b 400 -r 2 --threshold {threshold}").pairs  # 0.28 is missed with probability 1e-74
    sure = abs(truth["value"] - float(threshold)) > 1e-12
    assert set(ids(truth[sure])) <= set(ids(found))
    others = set(ids(found)) - set(ids(truth[sure]))
    for i, j in others:  # a cosine that is no double: either side is right
        assert abs(float(x[i] @ x[j]) / np.sqrt(float(x[i] @ x[i]) * float(x[j] @ x[j])) - float(threshold)) < 1e-12
    whole = [(i, j) for i, j in ids(truth[~sure]) if is_square(x[i] @ x[i]) and is_square(x[j] @ x[j])]
    assert set(whole) <= others  # such as 3/5: exact as it is computed
    assert whole or len(threshold) > 4


def is_square(n):
    return round(np.sqrt(float(n))) ** 2 == n


@pytest.mark.parametrize("threshold", ["12", "11.999999", "12.000001", "85", "0.5"])
def test_ties_at_the_product(join, threshold):
    truth = brute_force(GRID, None, "ip", float(threshold))
    found = join(GRID, f"-b 100 -r 1 --metric ip --threshold {threshold}").pairs
    assert ids(found) == ids(truth)
    assert (found["value"] == truth["value"].astype("f4")).all()


@pytest.mark.parametrize("dtype", ["f4", "f8"])
def test_equal_vectors_have_cosine_1(join, dtype):
    """Far more rows than are signed together: each finds its own copy, in one band or more (no ids mixed up)."""
    x = np.random.default_rng(7).standard_normal((4000, 11)).astype(dtype)
    n = len(x)
    for options in ("-b 1 -r 60", "-b 7 -r 30"):
        found = join(np.concatenate([x, x * dtype_of(dtype, 4)]), f"{options} --threshold 1", ranks=2).pairs
        assert ids(found) == [(k, n + k) for k in range(n)] and (found["value"] == 1).all()


def dtype_of(dtype, number):
    return np.dtype(dtype).type(number)


@pytest.mark.parametrize("options", ["--metric cosine -r 8", "--metric l2 --width 1 -r 3"])
def test_one_band(join, options):
    """What collides in one and the same band is an equivalence: groups of which all pairs are found."""
    x = clusters(8, 200)
    found = join(x, f"-b 1 {options}").pairs
    assert len(found) > 1000 and (found["value"] == 1).all()
    group = np.arange(len(x))
    for i, j in ids(found):
        group[j] = min(group[j], group[i])  # pairs come in order, so the smallest of a group comes first
    sizes = np.unique(group, return_counts=True)[1]
    assert (sizes * (sizes - 1) // 2).sum() == len(found)
    assert all(group[i] == group[j] for i, j in ids(found))


@pytest.mark.parametrize("power", [-60, 60])
@pytest.mark.parametrize("metric, bound, width", [("cosine", 0.9, None), ("l2", 0.4, 1.1), ("ip", 0.9, None)])
@pytest.mark.parametrize("verify", [False, True])
def test_units_do_not_matter(join, power, metric, bound, width, verify):
    """Data times a power of two, and what is measured in its units too: the same pairs."""
    x, factor = clusters(9, 60), 2.0**power
    answers = []
    for times in (1, factor):
        options = [f"--width {width * times!r}"] if width else []
        if verify:
            limit = bound * {"cosine": 1, "l2": times, "ip": times * times}[metric]
            options.append(f"--{'radius' if metric == 'l2' else 'threshold'} {limit!r}")
        found = join(x * np.float32(times), f"-b 8 -r 4 --metric {metric} {' '.join(options)}").pairs
        answers.append((ids(found), found["value"].tolist()))
    assert len(answers[0][0]) > 50 and answers[0][0] == answers[1][0]
    if metric == "cosine" or not verify:
        assert answers[0][1] == answers[1][1]


@pytest.mark.parametrize("rows, ranks", [(0, 1), (0, 3), (1, 1), (1, 3), (2, 5)])
@pytest.mark.parametrize("options", ["", "--radius 1", "--metric ip"])
def test_more_ranks_than_rows(join, rows, ranks, options):
    output = join(np.ones((rows, 3), "f4"), f"-b 4 -r 2 {options}", ranks=ranks)
    assert ids(output.pairs) == ([(0, 1)] if rows == 2 else [])
    assert output.report["counts"]["records"] == rows


@pytest.mark.parametrize("rows", [(0, 3), (3, 0), (1, 2)])
def test_two_inputs_of_few_rows(join, rows):
    left, right = (np.ones((n, 3), "f4") for n in rows)
    assert ids(join([left, right], "-b 4 -r 2", ranks=3).pairs) == [(i, j) for i in range(rows[0]) for j in range(rows[1])]


@pytest.mark.parametrize("dim", [1, 2, 3, 17, 5000])
@pytest.mark.parametrize("metric, limit, options", [("cosine", "0.9", ""), ("l2", "1", "--width 30"), ("ip", "0.5", "")])
def test_any_dimension(join, dim, metric, limit, options):
    x = np.abs(np.random.default_rng(10).standard_normal((60, dim)) / np.sqrt(dim)).astype("f4")
    x = np.concatenate([x, x + np.float32(1e-3)])
    found = join(x, f"-b 100 -r 2 {options} {bound(metric, limit)}", ranks=2).pairs
    truth = brute_force(x, None, metric, float(limit))
    assert len(truth) and ids(found) == ids(truth)
    check_verified(found, truth)


# ---- types and layouts ---------------------------------------------------------------------------------------------

WHOLE = np.random.default_rng(11).integers(0, 100, (40, 9)).repeat(5, 0) + np.arange(200)[:, None] % 5  # up to 103


@pytest.mark.parametrize("options", ["-b 8 -r 4", "-b 8 -r 4 --threshold 0.99", "-b 8 -r 4 --radius 12"])
def test_types_agree(join, tmp_path, options):
    """The same numbers give the same bytes, whichever type holds them."""
    said = join(WHOLE.astype("f4"), options).pairs
    assert len(said) > 100
    for dtype in ("f2", "f8", "i1", "u1", ">f2", ">f4", ">f8"):
        path = write_vectors(tmp_path / f"{dtype.strip('>')}{dtype[0]}.h5", WHOLE.astype(dtype))
        assert join(path, options, ranks=2).pairs.tobytes() == said.tobytes(), dtype


def test_types_go_together(join):
    """Inputs of different types: of 8 bits and of 64."""
    said = join([WHOLE.astype("f4"), WHOLE[::-1].astype("f4")], "-b 8 -r 4 --threshold 0.99").pairs
    for left, right in [("u1", "f8"), ("f8", "i1"), ("f2", "f4")]:
        mixed = join([WHOLE.astype(left), WHOLE[::-1].astype(right)], "-b 8 -r 4 --threshold 0.99", ranks=2).pairs
        assert mixed.tobytes() == said.tobytes()


def test_signs_and_unsigned(join, tmp_path):
    """200 is 200 as uint8, and -56 is -56 as int8."""
    x = np.array([[200, 3], [-56, 3], [-56, 4], [200, 4]])
    for dtype, keep in [("i1", slice(1, 3)), ("u1", slice(0, 4, 3))]:
        found = join(write_vectors(tmp_path / f"{dtype}.h5", x[keep].astype(dtype)), "-b 9 -r 1 --radius 2 --width 99").pairs
        assert ids(found) == [(0, 1)] and found["value"][0] == 1
    assert ids(join([x[1:3].astype("i1"), x[:1].astype("u1")], "-b 9 -r 1 --radius 300").pairs) == [(0, 0), (1, 0)]


def test_doubles_are_verified_as_doubles(join):
    """Differences that single precision does not hold."""
    x = np.zeros((3, 4))
    x[:, 0] = [1, 1 + 1e-12, 1 + 3e-12]
    found = join(x, "-b 50 -r 1 --radius 2.5e-12 --width 1").pairs
    assert ids(found) == [(0, 1), (1, 2)]
    np.testing.assert_allclose(found["value"], [1e-12, 2e-12], rtol=1e-3)


LAYOUTS = {
    "gzip": dict(chunks=(7, 5), compression="gzip", shuffle=True),
    "chunks of whole rows": dict(chunks=(64, 9), fletcher32=True),
    "one chunk": dict(chunks=(200, 9), compression="gzip"),
    "resizable": dict(chunks=(3, 2), maxshape=(None, None)),
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_layout(join, tmp_path, layout):
    said = join(WHOLE.astype("f4"), "-b 8 -r 4 --radius 12").pairs
    path = write_vectors(tmp_path / "stored.h5", WHOLE.astype("f4"), **LAYOUTS[layout])
    assert join(path, "-b 8 -r 4 --radius 12", ranks=3).pairs.tobytes() == said.tobytes()


# ---- files of others -----------------------------------------------------------------------------------------------

TRAIN, TEST = clusters(12, 60), clusters(13, 20)


def annbenchmarks(path, distance, dtype=None):
    write_vectors(path, TRAIN, "train", attrs={"type": "dense", "distance": np.bytes_(distance) if dtype else distance})
    with h5py.File(path, "a") as f:
        f["test"] = TEST
        f["neighbors"], f["distances"] = np.zeros((len(TEST), 10), "i4"), np.zeros((len(TEST), 10), "f4")
    return path


@pytest.mark.parametrize("kind_of_text", [None, "fixed"])
@pytest.mark.parametrize("distance, options, metric", [
    ("angular", "--threshold 0.8", "cosine"), ("euclidean", "--radius 0.4", "l2"), ("euclidean", "--width 1.2", "l2"),
    ("angular", "--metric l2 --radius 0.4", "l2"), ("euclidean", "--metric cosine --threshold 0.8", "cosine"),
    ("angular", "--radius 0.4", "l2"), ("angular", "", "cosine")])
def test_annbenchmarks(join, tmp_path, distance, options, metric, kind_of_text):
    """The attribute `distance` is the default; /train is what is joined."""
    path = annbenchmarks(tmp_path / "in.h5", distance, kind_of_text)
    done = join(path, f"-b 6 -r 5 {options}", ranks=2)
    assert done.report["parameters"]["metric"] == metric
    assert done.report["inputs"][0]["object"] == "/train" and done.report["inputs"][0]["rows"] == len(TRAIN)
    explicit = options if "--metric" in options else f"{options} --metric {metric}"
    assert done.pairs.tobytes() == join(TRAIN, f"-b 6 -r 5 {explicit}").pairs.tobytes() and len(done.pairs)


def test_train_against_test(join, tmp_path):
    path = annbenchmarks(tmp_path / "in.h5", "euclidean")
    found = join([f"{path}:/test", f"{path}:/train"], "-b 100 -r 2 --radius 1.3", ranks=3).pairs
    truth = brute_force(TEST, TRAIN, "l2", 1.3)
    assert len(truth) and ids(found) == ids(truth)


def test_anndata(join, tmp_path):
    """A dense X, beside it other matrices of cells and genes."""
    with h5py.File(tmp_path / "in.h5ad", "w") as f:
        f.attrs["encoding-type"] = "anndata"
        f["X"] = TRAIN
        f["X"].attrs["encoding-type"] = "array"
        f["layers/counts"], f["obsm/X_pca"] = TEST, TRAIN[:, :5]
        f["obs/_index"] = np.arange(len(TRAIN))
    done = join(tmp_path / "in.h5ad", "-b 6 -r 5")
    assert done.report["inputs"][0]["object"] == "/X"
    assert done.pairs.tobytes() == join(TRAIN, "-b 6 -r 5").pairs.tobytes()
    named = join(f"{tmp_path}/in.h5ad:/layers/counts", "-b 6 -r 5")
    assert named.pairs.tobytes() == join(TEST, "-b 6 -r 5").pairs.tobytes()


@pytest.mark.parametrize("name", ["X", "matrix", "vectors", "train"])
def test_one_of_several(join, tmp_path, name):
    path = write_vectors(tmp_path / "in.h5", TRAIN, name)
    write_vectors(path, TEST, "aside", mode="a")
    assert join(path, "-b 6 -r 5").report["inputs"][0]["object"] == f"/{name}"


def test_sets_and_vectors_in_one_file(join, tmp_path):
    """The metric tells which of them is meant."""
    path = write_vectors(tmp_path / "in.h5", TRAIN, "points")
    write_flat(path, families(14, 20), "words", mode="a")
    for metric, meant in [("jaccard", "/words"), ("cosine", "/points"), ("ip", "/points")]:
        assert join(path, f"-b 6 -r 3 --metric {metric}").report["inputs"][0]["object"] == meant
    assert join(path, "-b 6 -r 3 --radius 1").report["inputs"][0]["object"] == "/points"
    failed = run(["-b", 6, "-r", 3, path])
    assert failed.rc == 65 and "/points" in failed.err and "/words" in failed.err


@pytest.mark.parametrize("metric, limit, column", [("cosine", "0.9", "similarity"), ("l2", "0.4", "distance"), ("ip", "0.9", "product")])
def test_tsv(join, tmp_path, metric, limit, column):
    options = f"-b 20 -r 6 {bound(metric, limit)}"
    said = run([*options.split(), write_vectors(tmp_path / "in.h5", TRAIN)]).ok()
    assert said.out.startswith(f"left\tright\t{column}\n")
    assert read_tsv(said.out).tobytes() == join(TRAIN, options).pairs.tobytes()


# ---- real data -----------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("name, metric, limit, bands, rows", [
    ("digits", "cosine", "0.9", 20, 12), ("digits", "l2", "21.1", 20, 6),
    ("sift5k", "cosine", "0.9", 15, 12), ("sift5k", "l2", "227.0", 20, 8)])
def test_exact_pairs_of_others(shared, join, name, metric, limit, bands, rows):
    folder = shared / name
    known = np.load(folder / f"pairs_{metric}_{limit}.npy")
    values = np.load(folder / f"values_{metric}_{limit}.npy")
    order = np.lexsort((known[:, 1], known[:, 0]))
    truth = np.zeros(len(known), vectors.PAIR)
    truth["left"], truth["right"], truth["value"] = known[order, 0], known[order, 1], values[order]
    x = vectors.read_vectors(folder / "data.h5")
    if name == "digits":  # our own oracle, held against theirs
        assert ids(brute_force(x, None, metric, float(limit))) == ids(truth)
    founds = [join(folder / "data.h5", f"-b {bands} -r {rows} -s {seed} {bound(metric, limit)}",
                   ranks=1 + seed % 2).pairs for seed in range(3)]
    for found in founds:
        check_verified(found, truth)
    check_recall(founds, x, None, truth, bands, rows, metric, scale_of(metric, limit))


@pytest.fixture(scope="module")
def fashion():
    """1,500 pictures of clothes as they are stored: 28 x 28 pixels of 8 bits."""
    path = FASHION / "t10k-images-idx3-ubyte.gz"
    if not path.exists():
        pytest.skip(f"no pictures here: {path} is missing (Debian's package dataset-fashion-mnist has it)")
    with gzip.open(path) as f:
        return np.frombuffer(f.read(16 + 1500 * 784), "u1", offset=16).reshape(-1, 784)


def test_pictures_by_distance(fashion, join):
    """The radius is a whole number that some pair is apart, to the last bit."""
    squares = np.round(all_values(fashion, fashion, "l2")[np.triu_indices(len(fashion), 1)] ** 2).astype("i8")
    roots = np.round(np.sqrt(squares)).astype("i8")
    ties = np.sort(roots[roots**2 == squares])
    radius = ties[ties >= np.quantile(roots, 0.003)][0]
    truth = brute_force(fashion, None, "l2", float(radius))
    assert (truth["value"] == radius).any() and len(truth) > 2000
    founds = [join(fashion, f"-b 15 -r 5 --radius {radius} -s {seed}", ranks=1 + seed).pairs for seed in range(3)]
    for found in founds:
        check_verified(found, truth)
    check_recall(founds, fashion, None, truth, 15, 5, "l2", 4.0 * radius)
    sure = join(fashion, f"-b 60 -r 2 --radius {radius}").pairs  # a pair is missed with probability 2e-26
    assert ids(sure) == ids(truth)


@pytest.mark.parametrize("metric, limit, bands, rows", [("cosine", "0.95", 15, 14), ("ip", "9000000", 15, 6)])
def test_pictures_by_angle(fashion, join, metric, limit, bands, rows):
    left, right = fashion[:500], fashion[500:]
    truth = brute_force(left, right, metric, float(limit))
    assert len(truth) > 500
    founds = [join([left, right], f"-b {bands} -r {rows} {bound(metric, limit)} -s {seed}", ranks=1 + seed).pairs
              for seed in range(3)]
    for found in founds:
        check_verified(found, truth)
    check_recall(founds, left, right, truth, bands, rows, metric, scale_of(metric, limit, left, right))
