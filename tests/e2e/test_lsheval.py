"""lsheval: what it says of made-up outputs is known to the last pair; what it says of real ones is counted again."""
import io
import json
import math
import os
import runpy
import struct
import subprocess
import sys
import zlib
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from unittest.mock import patch

import h5py
import numpy as np
import pytest
from scipy.stats import binom

import joins
from oracle import Sets, brute_force, families, law, mhash_text, outside, similarity, write_flat, write_sets
from vectors import all_values, clusters, p_cosine, p_ip, p_l2, write_vectors

LSHEVAL = Path(os.environ.get("LSHEVAL", joins.ROOT / "src" / "lsheval")).absolute()
INPUT = {"file": "somewhere/corpus.h5", "object": "/sets", "kind": "csr", "rows": 1000, "elements": 9000}
LSHJOIN = ["--lshjoin", joins.BINARY]


@dataclass
class Said:
    rc: int
    out: str
    err: str

    def ok(self):
        assert (self.rc, self.err) == (0, "")
        return self


def lsheval(*args):
    """The script as it lies there, in this process: starting Python a hundred times would take most of the time."""
    out, err = io.StringIO(), io.StringIO()
    with patch.object(sys, "argv", [str(LSHEVAL), *map(str, args)]), redirect_stdout(out), redirect_stderr(err):
        with pytest.raises(SystemExit) as end:
            runpy.run_path(str(LSHEVAL), run_name="__main__")
    return Said(end.value.code, out.getvalue(), err.getvalue())


def numbers(folder, *args):
    """What it says, as numbers."""
    lsheval("--json", folder / "said.json", *args).ok()
    return json.loads((folder / "said.json").read_text())


# ---- made-up outputs -----------------------------------------------------------------------------------------------

def pairs_of(*pairs):
    left, right, value = zip(*pairs) if pairs else ((), (), ())
    return np.array(left, "u8"), np.array(right, "u8"), np.array(value, "f4")


def write_h5(path, left, right, value, column):
    with h5py.File(path, "w") as f:
        f["left"], f["right"], f[column] = left, right, value.astype(joins.VALUES[column])


def write_tsv(path, left, right, value, column):
    lines = [f"{i}\t{j}\t{v:.9g}\n" for i, j, v in zip(left.tolist(), right.tolist(), value.tolist())]
    path.write_text("".join([f"left\tright\t{column}\n", *lines]))


WRITERS = {"h5": write_h5, "tsv": write_tsv}


def output(folder, pairs, form="h5", parts=1, column="similarity", inputs=(INPUT,), **parameters):
    """A directory as lshjoin writes it."""
    folder.mkdir()
    names = [f"pairs-{k:05}-of-{parts:05}.{form}" for k in range(parts)]
    for name, columns in zip(names, zip(*(np.array_split(c, parts) for c in pairs))):
        WRITERS[form](folder / name, *columns, column)
    report = {"inputs": list(inputs), "files": names, "counts": {"pairs": len(pairs[0])},
              "parameters": {"metric": "jaccard", "bands": 6, "rows": 4, "seed": 0, "threshold": "0.8", "radius": None,
                             "width": 0.0, "probes": 0, "top_k": 0, "exclusive": False, **parameters}}
    (folder / "run.json").write_text(json.dumps(report))
    return folder


# some on the lower edge of a bin, in single precision below it (0.9) or above it (0.8), and one on the last upper edge
VALUES = [0.8, 0.81, 0.8499, 0.85, 0.86, 0.9, 0.91, 0.93, 0.97, 1.0]
TRUE = [(k, 2 * k + 1, v) for k, v in enumerate(VALUES)]
MISSED, FALSE = [1, 5, 8], [(500, 501, 0.8), (7, 8, 0.99)]
FOUND = [pair for k, pair in enumerate(TRUE) if k not in MISSED] + FALSE
COUNTS = [(3, 2), (2, 2), (3, 2), (2, 1)]  # true and found in the bins from 0.8, 0.85, 0.9 and 0.95


@pytest.fixture
def good(tmp_path):
    return output(tmp_path / "good", pairs_of(*TRUE))


@pytest.mark.parametrize("form, parts", [("h5", 1), ("h5", 3), ("tsv", 1), ("tsv", 3)])
def test_known_misses_and_false_pairs(tmp_path, form, parts):
    found = output(tmp_path / "found", pairs_of(*FOUND[::-1]), form, parts)
    truth = output(tmp_path / "truth", pairs_of(*TRUE), form, parts, seed=1)
    said = numbers(tmp_path, found, truth, "--bins", 4, "--misses", tmp_path / "misses.tsv")
    assert [(bin["true"], bin["found"]) for bin in said["bins"]] == COUNTS
    assert [said[name] for name in ("true", "pairs", "misses", "false")] == [10, 9, 3, 2]
    assert (said["recall"], said["precision"]) == (0.7, 7 / 9)
    np.testing.assert_allclose([bin["from"] for bin in said["bins"]], [0.8, 0.85, 0.9, 0.95])
    head, *rows = [line.split("\t") for line in (tmp_path / "misses.tsv").read_text().splitlines()]
    assert head == ["left", "right", "similarity", "chance"]
    np.testing.assert_allclose(np.array(rows, float), [[*TRUE[k], law(VALUES[k], 6, 4)] for k in MISSED], rtol=1e-6)


def test_law_and_interval_of_bins(tmp_path):
    value = np.random.default_rng(1).uniform(0.8, 1, 3000).astype("f4")
    pairs = np.arange(3000, dtype="u8"), np.arange(3000, 6000, dtype="u8"), value
    said = numbers(tmp_path, output(tmp_path / "found", pairs), output(tmp_path / "truth", pairs), "--bins", 5)
    for bin in [*said["bins"], said["all"]]:
        inside = value[(value >= bin["from"]) & (value <= bin["to"])]
        mean = law(inside.astype("f8"), 6, 4).mean()
        assert bin["true"] == bin["found"] == len(inside)
        np.testing.assert_allclose(bin["law"], mean, rtol=1e-9)
        interval = binom.ppf([0.0005, 0.9995], len(inside), mean) / len(inside)
        np.testing.assert_allclose([bin["low"], bin["high"]], interval)


def test_text_says_what_the_numbers_say(tmp_path):
    truth = output(tmp_path / "truth", pairs_of(*TRUE), seed=1)
    out = lsheval(output(tmp_path / "found", pairs_of(*FOUND)), truth, "--bins", 4).ok().out
    cells = [line.split(" | ")[1:4] for line in out.splitlines() if line.startswith(("| 0.", "| all"))]
    assert cells == [[str(t), str(f), f"{f / t:.4f}"] for t, f in [*COUNTS, (10, 7)]]
    assert "recall 0.7000, precision 0.7778: 10 true pairs, of which 3 missed; 9 pairs found, of which 2 false" in out


def test_as_a_program(good):
    """Started as a user does."""
    run = subprocess.run([LSHEVAL, good, good], capture_output=True, text=True)
    assert (run.returncode, run.stderr, run.stdout) == (0, "", lsheval(good, good).out)
    assert subprocess.run([LSHEVAL, good], capture_output=True).returncode == 64


def test_a_file_of_pairs_stands_for_its_run(tmp_path):
    """pairs.h5 or the only part; a truth from elsewhere has no run.json."""
    found = output(tmp_path / "found", pairs_of(*FOUND))
    (found / "pairs.h5").write_bytes(b"")  # not even looked at
    write_tsv(tmp_path / "truth.tsv", *pairs_of(*TRUE), "similarity")
    for name in ("pairs.h5", "pairs-00000-of-00001.h5"):
        said = numbers(tmp_path, found / name, tmp_path / "truth.tsv")
        assert (said["misses"], said["false"]) == (3, 2)


TWO = (INPUT, {**INPUT, "file": "other.h5"})


@pytest.mark.parametrize("found, truth, misses, false", [
    ({}, {}, 0, 0),  # unordered: 3-1 is 1-3
    ({"inputs": TWO}, {"inputs": TWO}, 1, 1),
    ({"top_k": 5}, {"top_k": 5}, 1, 1),
    ({"inputs": TWO, "exclusive": True}, {"inputs": TWO}, 1, 1),  # 4-4 counts no more
])
def test_which_pairs_are_the_same(tmp_path, found, truth, misses, false):
    left = pairs_of((3, 1, 0.9), (2, 1, 0.9), (1, 2, 0.9), (1, 2, 0.9))
    right = pairs_of((1, 3, 0.9), (1, 2, 0.9), (2, 1, 0.9), *[(4, 4, 1)] * ("exclusive" in found))
    said = numbers(tmp_path, output(tmp_path / "found", left, **found), output(tmp_path / "truth", right, **truth))
    assert (said["misses"], said["false"]) == (misses, false)
    assert said["true"] == (3 if found else 2)  # nothing counts twice


def test_the_stricter_threshold_counts(tmp_path):
    at = {limit: output(tmp_path / limit, pairs_of(*[p for p in TRUE if p[2] >= float(limit)]), threshold=limit)
          for limit in ("0.8", "0.9")}
    for found, truth in ("0.8", "0.9"), ("0.9", "0.8"):
        said = numbers(tmp_path, at[found], at[truth])
        assert (said["limit"], said["true"], said["pairs"], said["recall"]) == (0.9, 5, 5, 1)


def test_candidates_against_a_truth(tmp_path):
    found = output(tmp_path / "found", pairs_of(*[(i, j, 3) for i, j, _ in FOUND]), column="bands", threshold=None)
    said = numbers(tmp_path, found, output(tmp_path / "truth", pairs_of(*TRUE)))
    assert (said["misses"], said["false"]) == (3, 2)


def test_large_row_numbers(tmp_path):
    """Two of them fit no number of 64 bits: in that of the first two pairs here the left rows would be lost."""
    last = 2**40 - 1
    pairs = [(0, last, 0.9), (2**24, last, 0.9), (3, 4, 0.9)]
    for form in WRITERS:
        said = numbers(tmp_path, output(tmp_path / f"found-{form}", pairs_of(*pairs[1:], (4, last, 0.9)), form),
                       output(tmp_path / f"truth-{form}", pairs_of(*pairs), form))
        assert (said["true"], said["misses"], said["false"]) == (3, 1, 1)


def test_empty_outputs(tmp_path):
    none, some = pairs_of(), pairs_of(*TRUE)
    for form in WRITERS:
        empty, full = output(tmp_path / f"empty-{form}", none, form), output(tmp_path / f"full-{form}", some, form)
        said = numbers(tmp_path, empty, full, "--plot", tmp_path / "a.png", "--misses", tmp_path / "m")
        assert (said["recall"], said["precision"], said["misses"]) == (0, None, 10)
        said = numbers(tmp_path, full, empty, "--plot", tmp_path / "a.png", "--misses", tmp_path / "m")
        assert (said["recall"], said["precision"], said["false"], said["bins"]) == (None, 0, 10, [])


# ---- other laws ----------------------------------------------------------------------------------------------------

DISTANCES = [0, 0.5, 1, 2, 3]
PRODUCTS = [1, 2, 5, 8.9]
COSINES = [0.5, 0.8, 0.99, 1]


@pytest.mark.parametrize("column, values, p, parameters", [
    ("similarity", COSINES, p_cosine(np.array(COSINES)), {"metric": "cosine", "threshold": "0.5"}),
    ("distance", DISTANCES, p_l2(DISTANCES, 2.5), {"metric": "l2", "threshold": None, "radius": "3", "width": 2.5}),
    ("distance", DISTANCES, p_l2(DISTANCES, 12), {"metric": "l2", "threshold": None, "radius": "3"}),
    ("product", PRODUCTS, p_ip(np.array(PRODUCTS), 3), {"metric": "ip", "threshold": "1", "largest_norm": 3.0}),
    ("product", PRODUCTS, None, {"metric": "ip", "threshold": "1"}),
])
def test_laws_of_vectors(tmp_path, column, values, p, parameters):
    pairs = pairs_of(*[(k, k + 10, v) for k, v in enumerate(values)])
    folder = output(tmp_path / "out", pairs, column=column, **parameters)
    said = numbers(tmp_path, folder, folder, "--bins", 1000)
    assert said["recall"] == said["precision"] == 1
    if p is None:
        assert all(bin["law"] is None for bin in said["bins"]) and said["law_is"] is None
    else:
        np.testing.assert_allclose([bin["law"] for bin in said["bins"]], law(p, 6, 4), rtol=1e-5)


TIERS = [{"ratio": 1.5, "bands": 9, "rows": 2, "pool": 0}, {"ratio": 40, "bands": 60, "rows": 1, "pool": 0}]


@pytest.mark.parametrize("parameters, tiers", [({"tiers": TIERS, "ratio": 40}, [(1.5, 9, 2), (40, 60, 1)]),
                                               ({"tiers": [], "ratio": 40, "pool": 0}, [(40, 6, 4)])])
def test_the_law_of_containment_is_a_lower_bound(tmp_path, parameters, tiers):
    """That of the least likely sizes: and both orders of a pair of rows are pairs of their own."""
    shares = np.array([0.5, 0.8, 0.99, 1])
    pairs = pairs_of((1, 2, 0.5), (3, 4, 0.8), (4, 3, 0.99), (5, 6, 1))
    folder = output(tmp_path / "out", pairs, column="containment", metric="containment", threshold="0.5", **parameters)
    said = numbers(tmp_path, folder, folder, "--bins", 1000)
    assert (said["true"], said["law_is"]) == (4, "lower bound")
    expected = np.min([law(shares / (1 + ratio - shares), b, r) for ratio, b, r in tiers], axis=0)
    np.testing.assert_allclose([bin["law"] for bin in said["bins"]], expected, rtol=1e-5)
    assert "sizes of sets" in lsheval(folder, folder).ok().out


def test_probes_make_the_law_a_lower_bound(tmp_path):
    folder = output(tmp_path / "out", pairs_of(*TRUE), metric="cosine", probes=3)
    assert numbers(tmp_path, folder, folder)["law_is"] == "lower bound"
    assert "lower bound" in lsheval(folder, folder).ok().out


POOLED = {"bands": 12, "rows": 4, "pool": 20, "threshold": "0.1"}


def test_pooled_law_against_a_simulation(tmp_path):
    """Each trial draws the agreeing ones of the pool, and each band's subset, anew."""
    rng, s, trials = np.random.default_rng(2), np.arange(1, 10) / 10, 40000
    folder = output(tmp_path / "out", pairs_of(*[(k, k + 10, v) for k, v in enumerate(s)]), **POOLED)
    agrees = rng.random((trials, 20))
    found = np.zeros((trials, len(s)), bool)
    for _ in range(POOLED["bands"]):
        subset = rng.random((trials, 20)).argpartition(3, axis=1)[:, :4]
        found |= np.take_along_axis(agrees, subset, 1).max(1)[:, None] < s
    chance = [bin["law"] for bin in numbers(tmp_path, folder, folder, "--bins", 90)["bins"]]
    assert outside(s, found.sum(0), trials, chance, 1e-5) == []
    assert outside(s, found.sum(0), trials, law(s, 12, 4), 1e-5) != []  # the simulation tells the laws apart


def test_pooled_law_of_many_pairs(tmp_path):
    """So many that it is not worked out for each."""
    s = np.random.default_rng(3).uniform(0.1, 1, 40000).astype("f4")
    folder = output(tmp_path / "out", (np.arange(40000, dtype="u8"), np.arange(1, 40001, dtype="u8"), s), **POOLED)
    f = np.arange(21)
    hit = 1 - (1 - np.array([math.comb(k, 4) for k in f]) / math.comb(20, 4)) ** 12
    mean = (binom.pmf(f, 20, s[:, None].astype("f8")) @ hit).mean()
    assert abs(numbers(tmp_path, folder, folder)["all"]["law"] - mean) < 1e-6


# ---- real outputs --------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("form", WRITERS)
def test_a_run_against_brute_force(tmp_path, form):
    sets = families(1, 150)
    data, truth = write_sets(tmp_path / "in.h5", sets), brute_force(sets, threshold="0.3")
    write_tsv(tmp_path / "truth.tsv", truth["left"], truth["right"], similarity(truth), "similarity")
    joins.run(["-b", 4, "-r", 4, "--threshold", 0.3, "--format", form, "-o", tmp_path / "out", data], ranks=2).ok()
    count = joins.read_json(tmp_path / "out")["counts"]["pairs"]
    said = numbers(tmp_path, tmp_path / "out", tmp_path / "truth.tsv")
    assert 0 < count < len(truth)
    assert (said["true"], said["misses"], said["false"], said["precision"]) == (len(truth), len(truth) - count, 0, 1)
    np.testing.assert_allclose(said["all"]["law"], law(similarity(truth), 4, 4).mean(), rtol=1e-6)


def test_the_most_similar_of_each_record(tmp_path):
    """The candidates of many bands are the truth here; each pair may come from both sides."""
    data = write_vectors(tmp_path / "in.h5", clusters(1, 40))
    for name, bands in ("found", 3), ("truth", 200):
        joins.run(["-b", bands, "-r", 6, "-s", bands, "--top-k", 3, "-o", tmp_path / name, data]).ok()
    found, truth = ({(p["left"], p["right"]) for p in joins.read_h5(tmp_path / name)} for name in ("found", "truth"))
    said = numbers(tmp_path, tmp_path / "found", tmp_path / "truth")
    assert (said["true"], said["misses"], said["false"]) == (len(truth), len(truth - found), len(found - truth))
    assert said["misses"] and said["false"]


# ---- curves --------------------------------------------------------------------------------------------------------

UNION, EACH, SEEDS = 20, 16, 12


def planted_pairs():
    """EACH pairs of similarity c/20 for each c, of elements of their own: found independently of each other."""
    ids = np.random.default_rng(4).permutation(UNION * UNION * EACH).reshape(-1, UNION)
    rows = []
    for k, row in enumerate(ids):
        common = k % UNION + 1
        length = (UNION + common + 1) // 2
        rows += [row[:length], row[length - common:]]
    return Sets.of(rows)


def test_curve_of_sets_within_binomial_intervals(tmp_path):
    data = write_sets(tmp_path / "in.h5", planted_pairs())
    said = numbers(tmp_path, "--curve", data, "-b", 8, "-r", 3, "-b", 4, "-r", 6, "--bins", 40, "--seeds", SEEDS,
                   "--plot", tmp_path / "curve.png", *LSHJOIN)
    apart, *bins = said["bins"]
    n = 2 * EACH * UNION
    assert apart["from"] == 0 and apart["pairs"] == n * (n - 1) // 2 - EACH * UNION
    s = np.arange(1, UNION + 1) / UNION
    assert [bin["pairs"] for bin in bins] == [EACH] * UNION
    np.testing.assert_allclose([bin["mean"] for bin in bins], s)
    for setting, (b, r) in zip(said["settings"], [(8, 3), (4, 6)]):
        assert (setting["bands"], setting["rows"], setting["found"][0]) == (b, r, 0)
        np.testing.assert_allclose(setting["law"][1:], law(s, b, r))
        hits = np.round(np.array(setting["found"][1:]) * EACH * SEEDS)
        assert outside(s, hits, EACH * SEEDS, law(s, b, r), 0.001 / 40) == []
    check_png(tmp_path / "curve.png")


def small_sets():
    return Sets.of([[v % 60 for v in row] for row in families(2, 30, size=12, dtype="i8").rows()], "i8")


def set_values(sets):
    rows = [set(row.tolist()) for row in sets.rows()]
    return np.array([[len(a & b) / max(1, len(a | b)) for b in rows] for a in rows])


X = clusters(3, 40)
CURVES = {
    "sets": (write_sets, small_sets(), set_values, [], lambda s: s),
    "flat sets": (write_flat, small_sets(), set_values, [], lambda s: s),
    "cosine": (write_vectors, X, lambda x: all_values(x, x, "cosine"), [], p_cosine),
    "l2": (write_vectors, X, lambda x: all_values(x, x, "l2"), ["--metric", "l2", "--width", 1.5],
           lambda d: p_l2(d, 1.5)),
}


@pytest.mark.parametrize("kind", CURVES)
def test_curve_counts_what_was_found(tmp_path, kind):
    write, data, values, options, p = CURVES[kind]
    file = write(tmp_path / "in.h5", data)
    said = numbers(tmp_path, "--curve", file, "-b", 5, "-r", 2, "--seeds", 1, "--bins", 7, *LSHJOIN, "--", *options)
    joins.run(["-b", 5, "-r", 2, *options, "-o", tmp_path / "out", file]).ok()
    found = joins.read_h5(tmp_path / "out")
    every, upper = values(data), np.triu_indices(len(data), 1)
    hit = np.zeros(every.shape, bool)
    hit[found["left"].astype("i8"), found["right"].astype("i8")] = True
    value, hit, chance = every[upper], hit[upper], law(p(every[upper]), 5, 2)
    setting, = said["settings"]
    assert sum(bin["pairs"] for bin in said["bins"]) == len(value)
    for bin, share, by_law in zip(said["bins"], setting["found"], setting["law"]):
        last = bin is said["bins"][-1]
        inside = (value.astype("f4") >= np.float32(bin["from"])) & ((value.astype("f4") < np.float32(bin["to"])) | last)
        assert bin["pairs"] == inside.sum()
        np.testing.assert_allclose([bin["mean"], share, by_law],
                                   [x[inside].mean() for x in (value, hit, chance)], atol=1e-6)


# ---- pictures ------------------------------------------------------------------------------------------------------

def check_png(path):
    """Whole chunks with right sums from IHDR to IEND, and pixels of more than one colour."""
    data, at, kinds, pixels = path.read_bytes(), 8, [], b""
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    while at < len(data):
        length, kind = struct.unpack(">I4s", data[at:at + 8])
        body = data[at + 8:at + 8 + length]
        assert struct.unpack(">I", data[at + 8 + length:at + 12 + length])[0] == zlib.crc32(kind + body)
        kinds.append(kind)
        pixels += body if kind == b"IDAT" else b""
        at += 12 + length
    assert kinds[0] == b"IHDR" and kinds[-1] == b"IEND"
    assert len(set(zlib.decompress(pixels))) > 10


@pytest.mark.parametrize("parameters", [{}, {"metric": "cosine", "probes": 2}, {"metric": "unheard-of"}])
def test_pictures(tmp_path, parameters):
    folder = output(tmp_path / "out", pairs_of(*TRUE), **parameters)
    lsheval(folder, folder, "--plot", tmp_path / "recall").ok()  # whatever its name
    check_png(tmp_path / "recall")


# ---- bad input -----------------------------------------------------------------------------------------------------

def check_fails(said, status, *words):
    assert said.rc == status and said.out == ""
    assert said.err.startswith("lsheval: ") and said.err.count("\n") == 1, said.err
    for word in words:
        assert str(word) in said.err


@pytest.mark.parametrize("status, says, pairs, how", [
    (65, ["other.h5", "corpus.h5"], TRUE, {"inputs": [{**INPUT, "file": "other.h5"}]}),
    (65, ["1000 rows", "999 rows"], TRUE, {"inputs": [{**INPUT, "rows": 999}]}),
    (65, ["/sets", "/old"], TRUE, {"inputs": [{**INPUT, "object": "/old"}]}),
    (65, ["other.h5"], TRUE, {"inputs": TWO}),
    (65, ["jaccard", "cosine"], TRUE, {"metric": "cosine"}),
    (65, ["the 3 most similar", "all pairs"], TRUE, {"top_k": 3}),
    (65, ["similarity"], TRUE, {"column": "bands"}),
])
def test_a_truth_that_does_not_fit(good, tmp_path, status, says, pairs, how):
    check_fails(lsheval(good, output(tmp_path / "truth", pairs_of(*pairs), **how)), status, *says)


def test_same_data_elsewhere_fits(good, tmp_path):
    lsheval(good, output(tmp_path / "truth", pairs_of(*TRUE), inputs=[{**INPUT, "file": "/copy/corpus.h5"}])).ok()


def change_report(folder, **changes):
    report = joins.read_json(folder)
    (folder / "run.json").write_text(json.dumps({**report, **changes}))


PART = "pairs-00000-of-00001.h5"
HARM = {
    "no run.json": (66, ["run.json"], lambda d: (d / "run.json").unlink()),
    "no files": (65, ["no pairs"], lambda d: change_report(d, files=[])),
    "a file is gone": (66, [PART], lambda d: (d / PART).unlink()),
    "a file of another run": (65, ["10 pairs", "11"], lambda d: change_report(d, counts={"pairs": 11})),
    "half a run.json": (65, ["run.json"], lambda d: (d / "run.json").write_text('{"inputs": ')),
    "half a file": (65, [PART], lambda d: (d / PART).write_bytes((d / PART).read_bytes()[:1000])),
    "no table": (65, [PART], lambda d: (d / PART).write_text("0,316,330\n")),
    "no numbers": (65, [PART], lambda d: (d / PART).write_text("left\tright\tsimilarity\n1\tx\t0.9\n")),
}


@pytest.mark.parametrize("harm", HARM)
def test_a_broken_output(good, harm):
    status, says, do = HARM[harm]
    do(good)
    check_fails(lsheval(good, good), status, *says)


def test_pairs_without_a_run(good, tmp_path):
    write_tsv(tmp_path / "pairs.tsv", *pairs_of(*TRUE), "similarity")
    check_fails(lsheval(tmp_path / "pairs.tsv", good), 66, "run.json")
    check_fails(lsheval(tmp_path / "nothing", good), 66, tmp_path / "nothing", "no such file")


USAGE = [[], ["good"], ["good", "good", "good"], ["good", "good", "--bins", "0"], ["good", "good", "--colour"],
         ["good", "good", "--seeds", "3"], ["good", "good", "--", "-t", "2"], ["--curve", "in.h5", "good"],
         ["--curve", "in.h5", "-b", "3"], ["--curve", "in.h5", "--misses", "m"]]


@pytest.mark.parametrize("args", USAGE, ids=" ".join)
def test_usage(args):
    check_fails(lsheval(*args), 64)


def test_curves_of_what_is_no_data(tmp_path):
    data, text = write_sets(tmp_path / "in.h5", small_sets()), tmp_path / "in.txt"
    text.write_text(mhash_text(small_sets()))
    check_fails(lsheval("--curve", tmp_path / "nothing.h5", *LSHJOIN), 66, "lshjoin: ", "nothing.h5")
    check_fails(lsheval("--curve", data, *LSHJOIN, "--", "--threshold", 0.5), 64, "--threshold")
    check_fails(lsheval("--curve", text, *LSHJOIN, "--", "-E"), 65, "HDF5")
    check_fails(lsheval("--curve", data, "--lshjoin", tmp_path / "none"), 69, tmp_path / "none")


def test_what_cannot_be_written(good, tmp_path):
    for option in "--json", "--misses", "--plot":
        said = lsheval(good, good, option, tmp_path / "no" / "file")
        assert said.rc == 73 and said.err.startswith("lsheval: ") and "no/file" in said.err
