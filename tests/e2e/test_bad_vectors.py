"""Bad vectors and bad combinations of options: one clear message and the right exit status, on 1 and 3 ranks; and what
--skip-bad-rows makes of the rows."""
import h5py
import numpy as np
import pytest

from oracle import Sets, write_sets
from vectors import brute_force, clusters, ids, write_vectors

USAGE, DATA = 64, 65
GOOD = clusters(1, 15, dim=8)
LAST = len(GOOD) - 1  # the last rank's
JOIN = ["-b", 4, "-r", 2]
METRICS = {"cosine": ["--metric", "cosine"], "l2": ["--metric", "l2", "--radius", 1], "ip": ["--metric", "ip"]}


def spoiled(*changes, dtype="f4"):
    """GOOD with changes (row, column or slice of columns, number)."""
    x = GOOD.astype(dtype)
    for row, column, number in changes:
        x[row, column] = number
    return x


# ---- rows ----------------------------------------------------------------------------------------------------------

BAD_ROWS = {  # what is wrong, and words of the message
    "NaN": (np.nan, 0, ["not finite"]), "infinity": (np.inf, 3, ["not finite"]),
    "minus infinity": (-np.inf, 7, ["not finite"]), "1e31": (1e31, 7, ["1e30"]),
}


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("name", BAD_ROWS)
@pytest.mark.parametrize("row, dtype", [(0, "f4"), (LAST, "f8")])
def test_bad_row(fails, tmp_path, metric, name, row, dtype):
    number, column, says = BAD_ROWS[name]
    write_vectors(tmp_path / "in.h5", spoiled((row, column, number), dtype=dtype))
    fails([*JOIN, *METRICS[metric], tmp_path / "in.h5"], DATA, "in.h5", "/vectors", f"row {row} ", *says)


def test_halves_may_be_infinite(fails, tmp_path):
    write_vectors(tmp_path / "in.h5", spoiled((5, 2, np.inf), dtype="f2"))
    fails([*JOIN, tmp_path / "in.h5"], DATA, "in.h5", "row 5 ")


@pytest.mark.parametrize("row", [0, LAST])
@pytest.mark.parametrize("zero", [0.0, -0.0])
def test_zero_vector_under_cosine(fails, tmp_path, row, zero):
    write_vectors(tmp_path / "in.h5", spoiled((row, slice(None), zero)))
    fails([*JOIN, tmp_path / "in.h5"], DATA, "in.h5", "/vectors", f"row {row} ", "zero")


@pytest.mark.parametrize("metric", ["l2", "ip"])
def test_zero_vector_elsewhere(join, metric):
    x = spoiled((3, slice(None), 0), (9, slice(None), 0))
    found = join(x, " ".join(map(str, [*JOIN, *METRICS[metric]])))
    assert found.report["counts"]["records"] == len(x)
    if metric == "l2":  # of inner products 0 is one like another
        assert (3, 9) in ids(found.pairs)


def test_bad_row_of_the_second_input(fails, tmp_path):
    write_vectors(tmp_path / "good.h5", GOOD)
    write_vectors(tmp_path / "bad.h5", spoiled((7, 1, np.nan)))
    fails([*JOIN, tmp_path / "good.h5", tmp_path / "bad.h5"], DATA, "bad.h5", "row 7 ")


def test_several_bad_rows(fails, tmp_path):
    """One message, whichever rank sees which row."""
    write_vectors(tmp_path / "in.h5", spoiled((2, 1, np.nan), (30, 1, np.nan), (LAST, 1, np.nan)))
    fails([*JOIN, tmp_path / "in.h5"], DATA, "in.h5", "row ")


# ---- --skip-bad-rows -----------------------------------------------------------------------------------------------

SPOILED = [(0, 0, np.nan), (11, 7, np.inf), (12, 3, -np.inf), (40, slice(None), np.nan), (41, slice(None), 0),
           (LAST, 5, np.nan)]


@pytest.mark.parametrize("ranks", [1, 3])
@pytest.mark.parametrize("dtype", ["f4", "f8"])
@pytest.mark.parametrize("metric, limit", [("cosine", 0.8), ("l2", 0.4), ("ip", 0.8)])
def test_skipped_rows(join, metric, limit, ranks, dtype):
    """They pair with nothing and are counted; the others keep their numbers."""
    x = spoiled(*SPOILED, dtype=dtype)
    bad = [row for row, _, _ in SPOILED if row != 41 or metric == "cosine"]
    good = np.setdiff1d(np.arange(len(x)), bad)
    limit_option = f"--{'radius' if metric == 'l2' else 'threshold'} {limit}"
    done = join(x, f"-b 200 -r 3 --metric {metric} {limit_option} --skip-bad-rows", ranks=ranks)
    truth = brute_force(x[good], None, metric, limit)
    assert len(truth) and ids(done.pairs) == [(good[i], good[j]) for i, j in ids(truth)]
    assert done.report["counts"]["skipped_records"] == len(bad)
    assert done.report["counts"]["records"] == len(x)
    assert any(str(len(bad)) in line and "skipped" in line for line in done.run.messages), done.run.err


@pytest.mark.parametrize("ranks", [1, 3])
def test_skipped_rows_of_two_inputs(join, ranks):
    """Candidates, too: none of a bad row."""
    x = spoiled(*SPOILED)
    done = join([GOOD, x], "-b 1 -r 1 --skip-bad-rows", ranks=ranks)
    plain = join([GOOD, GOOD], "-b 1 -r 1")
    bad = {row for row, _, _ in SPOILED}
    assert ids(done.pairs) == [(i, j) for i, j in ids(plain.pairs) if j not in bad]
    assert done.report["counts"]["skipped_records"] == len(bad)
    assert plain.report["counts"].get("skipped_records", 0) == 0


@pytest.mark.parametrize("options", ["--threshold 0.5", "", "--metric ip", "--radius 1"])
def test_nothing_but_bad_rows(join, options):
    done = join(np.full((7, 3), np.nan, "f4"), f"-b 4 -r 2 --skip-bad-rows {options}", ranks=2)
    assert ids(done.pairs) == [] and done.report["counts"]["skipped_records"] == 7


def test_skipped_rows_in_top_k(join):
    x = spoiled(*SPOILED)
    bad = {row for row, _, _ in SPOILED}
    pairs = join(x, "-b 60 -r 2 --skip-bad-rows --top-k 500", ranks=2).pairs
    assert len(pairs) > len(x)
    assert not bad & ({i for i, _ in ids(pairs)} | {j for _, j in ids(pairs)})


# ---- shapes --------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("options", [[], *METRICS.values()])
def test_unequal_dimensions(fails, tmp_path, options):
    write_vectors(tmp_path / "a.h5", GOOD)
    write_vectors(tmp_path / "b.h5", GOOD[:, :7])
    fails([*JOIN, *options, tmp_path / "a.h5", tmp_path / "b.h5"], DATA, "a.h5", "b.h5", 8, 7)


@pytest.mark.parametrize("shape", [(len(GOOD) * 8,), (len(GOOD), 2, 4), ()])
@pytest.mark.parametrize("named", [False, True])
def test_other_dimensions(fails, tmp_path, shape, named):
    write_vectors(tmp_path / "in.h5", GOOD.reshape(shape) if shape else GOOD[0, 0])
    inside = ":/vectors" if named else ""
    fails([*JOIN, "--metric", "cosine", f"{tmp_path}/in.h5{inside}"], DATA, "in.h5")


@pytest.mark.parametrize("dtype", ["i2", "i4", "u8", "S4", "c8"])
def test_other_types(fails, tmp_path, dtype):
    write_vectors(tmp_path / "in.h5", GOOD.astype(dtype))
    fails([*JOIN, f"{tmp_path}/in.h5:/vectors"], DATA, "in.h5", "/vectors")


def test_no_columns(fails, tmp_path):
    write_vectors(tmp_path / "in.h5", np.zeros((5, 0), "f4"))
    fails([*JOIN, f"{tmp_path}/in.h5"], DATA, "in.h5", "column")


def test_broken_chunk(fails, tmp_path):
    """The last chunk cannot be inflated; only the last rank reads it."""
    path = write_vectors(tmp_path / "in.h5", GOOD, chunks=(4, 8), compression="gzip")
    with h5py.File(path, "r") as f:
        x = f["vectors"]
        chunk = x.id.get_chunk_info(x.id.get_num_chunks() - 1)
    with open(path, "r+b") as f:
        f.seek(chunk.byte_offset)
        f.write(b"\xff" * chunk.size)
    fails([*JOIN, path], (DATA, 74), "in.h5", "vectors")


def test_missing_filter_is_named(fails, tmp_path):
    fails([*JOIN, write_vectors(tmp_path / "in.h5", GOOD, compression="lzf")], DATA, "in.h5", "lzf")


# ---- what does not go together -------------------------------------------------------------------------------------

BAD_OPTIONS = {
    **{f"{name} {v!r}": [f"--{name}", v] for name, values in {
        "width": ("0", "-1", "x", "nan", "inf", ""), "radius": ("-1", "x", "nan", "inf", "1x", "0x10", ""),
        "metric": ("hamming", "", "L2"), "top-k": ("0", "-1", "x", "65536", "2.5"),
        "probes": ("-1", "x", "1.5", "", "65536")}.items()
       for v in values},
    "radius with cosine": ["--metric", "cosine", "--radius", 1],
    "radius with ip": ["--metric", "ip", "--radius", 1],
    "threshold with l2": ["--metric", "l2", "--threshold", "0.5"],
    "threshold with l2 and a width": ["--metric", "l2", "--threshold", "0.5", "--width", 1],
    "threshold and radius": ["--threshold", "0.5", "--radius", 1],
    "l2 without radius and width": ["--metric", "l2"],
    "top-k by l2 without radius and width": ["--metric", "l2", "--top-k", 3],
    **{f"threshold {v!r} with cosine": ["--metric", "cosine", "--threshold", v] for v in ("0", "-0.5", "1.5", "x", "nan")},
    **{f"threshold {v!r} with ip": ["--metric", "ip", "--threshold", v] for v in ("0", "-3", "x", "nan", "inf", "0x10")},
}


@pytest.mark.parametrize("name", BAD_OPTIONS)
def test_bad_option(fails, tmp_path, name):
    option = next(word for word in name.split() if word in ("width", "radius", "metric", "top-k", "probes", "threshold"))
    fails([*JOIN, *BAD_OPTIONS[name], write_vectors(tmp_path / "in.h5", GOOD)], USAGE, option)


def test_threshold_with_euclidean_data(fails, tmp_path):
    path = write_vectors(tmp_path / "in.h5", GOOD, "train", attrs={"distance": "euclidean"})
    fails([*JOIN, "--threshold", "0.5", path], USAGE, "l2", "radius")


@pytest.mark.parametrize("options", [["--metric", "jaccard", "--threshold", "1.5"], ["--probes", "3"]])
def test_bad_option_for_sets(fails, tmp_path, options):
    sets = Sets.of([range(k, k + 6) for k in range(20)], "i8")
    fails([*JOIN, *options, write_sets(tmp_path / "in.h5", sets)], USAGE, options[-2].strip("-"))


@pytest.mark.parametrize("options", [["--metric", "cosine"], ["--metric", "ip"], ["--radius", 1]])
def test_vectors_are_wanted(fails, tmp_path, options):
    sets = Sets.of([range(k, k + 6) for k in range(20)], "i8")
    fails([*JOIN, *options, write_sets(tmp_path / "in.h5", sets)], DATA, "in.h5")


def test_sets_are_wanted(fails, tmp_path):
    fails([*JOIN, "--metric", "jaccard", write_vectors(tmp_path / "in.h5", GOOD)], DATA, "in.h5")


def test_sets_and_vectors(fails, tmp_path):
    write_vectors(tmp_path / "a.h5", GOOD)
    write_sets(tmp_path / "b.h5", Sets.of([range(k, k + 6) for k in range(20)], "i8"))
    fails([*JOIN, tmp_path / "a.h5", tmp_path / "b.h5"], DATA, "b.h5")
    fails([*JOIN, tmp_path / "b.h5", tmp_path / "a.h5"], DATA, "a.h5")
