"""The same input and seed give the same bytes, whatever the number of ranks, threads, rounds and the SIMD level."""
import itertools

import numpy as np
import pytest

from joins import parts, read_json, run
from oracle import Sets, families, write_sets
from vectors import clusters, write_vectors
import weighted

JOBS = {  # what is joined, and how
    "candidates": ("sets", "-b 8 -r 3"),
    "verified": ("sets", "-b 8 -r 3 --threshold 0.4"),
    "nearest sets": ("sets", "-b 8 -r 3 --top-k 3"),
    "cosine": ("vectors", "-b 8 -r 9"),
    "cosine, doubles": ("doubles", "-b 8 -r 9 --threshold 0.9"),
    "l2": ("vectors", "-b 8 -r 10 --radius 0.5"),
    "l2, candidates": ("doubles", "-b 8 -r 4 --metric l2 --width 1.5"),
    "ip": ("vectors", "-b 8 -r 8 --metric ip --threshold 0.8"),
    "ip, candidates": ("vectors", "-b 8 -r 8 --metric ip"),
    "nearest by cosine": ("vectors", "-b 8 -r 5 --top-k 4"),
    "nearest by distance": ("vectors", "-b 8 -r 10 --top-k 4 --radius 0.5"),
    "probes of signs": ("vectors", "-b 5 -r 40 --probes 9"),
    "probes of buckets": ("vectors", "-b 5 -r 5 --metric l2 --width 1 --probes 9"),
    "probes and nearest": ("vectors", "-b 2 -r 20 --probes 5 --top-k 4 --threshold 0.7"),
    "probes by product": ("vectors", "-b 5 -r 9 --metric ip --probes 5"),
    "nearest by product": ("vectors", "-b 8 -r 5 --metric ip --top-k 4"),
    "sketches of sets": ("sets", "--threshold 0.3 --recall 0.7"),
    "sketches without a cut": ("sets", "--minhash fast -b 20 -r 4 --threshold 0.3"),
    "sketches of signs": ("vectors", "--threshold 0.7 --recall 0.7"),
    "sketches of parities": ("doubles", "--radius 0.7 --recall 0.7"),
    "compared often": ("doubles", "-b 3 -r 1 --threshold 0.3"),
    "weighted sets": ("weighted", "-b 8 -r 3 --threshold 0.3"),
    "weighted sets, candidates": ("weights of doubles", "-b 8 -r 3 --pool 20"),
    "sketches of weighted sets": ("weights of doubles", "--threshold 0.3 --recall 0.7"),
    "nearest weighted sets": ("weighted", "--threshold 0.2 --recall 0.6 --top-k 3"),
    "containment": ("sets", "--metric containment --threshold 0.5 --recall 0.7"),
    "containment, bands given": ("sets", "--metric containment -b 8 -r 3 --threshold 0.4"),
    "nearest containment": ("sets", "--metric containment -b 8 -r 3 --top-k 3"),
    "sketches and nearest": ("vectors", "--threshold 0.5 --recall 0.6 --top-k 3"),
}
EXACT = {  # the same answer for every seed, too
    "exact sets": ("sets", "--exact --threshold 0.4"),
    "exact nearest sets": ("sets", "--exact --top-k 3"),
    "exact containment": ("sets", "--exact --metric containment --threshold 0.5"),
    "exact weighted sets": ("weighted", "--exact --threshold 0.3"),
    "exact nearest weighted sets": ("weights of doubles", "--exact --top-k 3"),
    "exact cosine": ("doubles", "--exact --threshold 0.9"),
    "exact l2": ("vectors", "--exact --radius 0.5"),
    "exact ip": ("vectors", "--exact --metric ip --threshold 0.8"),
    "exact nearest by cosine": ("vectors", "--exact --top-k 4"),
    "exact nearest by distance": ("doubles", "--exact --metric l2 --top-k 4 --radius 0.9"),
}
KINDS = ["self-join", "two inputs"]
THOROUGH = ["candidates", "verified", "sketches of sets", "exact sets"]  # in every shape; the others, which share their code, in some
TINY = ["--round", "4K"]
LEVELS = ["scalar", "avx2", "avx512"]
BEST = None  # the level that the processor has
SHAPES = [(*shape, BEST) for shape in itertools.product([1, 2, 3, 5], [1, 4], [[], TINY])]
THOROUGH_SHAPES = [*SHAPES, *[(2, 2, [], level) for level in LEVELS]]
SOME_SHAPES = [(1, 4, TINY, "scalar"), (3, 1, TINY, BEST), (5, 4, [], "avx2")]


def spread_equal(rows, alike):
    """A bucket of 40 records that are alike and 20 that are equal among the others."""
    return [*rows[:90], *[alike(rows[1], k) for k in range(40)], *[rows[1]] * 20, *rows[90:]]


@pytest.fixture(scope="module")
def inputs(tmp_path_factory):
    """Some 250 records, and a second input that shares families or clusters with them."""
    folder = tmp_path_factory.mktemp("in")

    def both(name, write, of, rows):
        left, right = write(folder / f"{name}.h5", of(rows)), write(folder / f"{name}-2.h5", of(rows[::-3]))
        return {"self-join": [left], "two inputs": [left, right]}

    rows = spread_equal(families(1, 50).rows(), lambda row, k: np.append(row, np.uint64(k)))
    x = spread_equal(clusters(1, 50, dim=37), lambda row, k: row * np.float32(1 + k / 1e4))
    w = spread_equal(weighted.families(1, 50), lambda row, k: row * (1 + k / 1e4))
    return {"sets": both("sets", write_sets, Sets.of, rows), "vectors": both("vectors", write_vectors, np.array, x),
            "weighted": both("weighted", weighted.write_weighted, np.array, w),
            "weights of doubles": both("weights", lambda p, v: weighted.write_weighted(p, v, weights="f8"), np.array, w),
            "doubles": both("doubles", write_vectors, lambda v: np.array(v, "f8") * (1 + 1e-10), x)}


@pytest.fixture(scope="module")
def answer(inputs, tmp_path_factory):
    """The sorted lines of a job's TSV files, and the counts that may not depend on its shape either."""

    def run_job(job, kind, options=(), **how):
        out = tmp_path_factory.mktemp("out") / "out"
        data, how_joined = {**JOBS, **EXACT}[job]
        if data.startswith("weight"):
            how_joined += " --metric weighted-jaccard"
        run([*how_joined.split(), "--format", "tsv", *options, "-o", out, *inputs[data][kind]], **how).ok()
        lines = b"".join(f.read_bytes() for f in parts(out, "tsv")).splitlines()
        header = lines[0]
        report = read_json(out)
        counts = {what: report["counts"][what] for what in ("records", "elements", "candidates", "pairs")}
        return sorted(line for line in lines if line != header), counts, report["buckets"]

    return run_job


@pytest.fixture(scope="module")
def plain(request, answer):
    """What one rank and one thread say to a job."""
    said = answer(*request.param)
    assert len(said[0]) > 100
    return request.param, said


def name_of(job, kind, shape):
    ranks, threads, bound, level = shape
    rounds = "tiny" if bound else "default"
    return f"{job}, {kind}: {ranks} ranks, {threads} threads, {rounds} rounds, {level or 'best'} level"


CASES = [pytest.param((job, kind), shape, id=name_of(job, kind, shape))
         for job, kind in itertools.product({**JOBS, **EXACT}, KINDS)
         for shape in (THOROUGH_SHAPES if job in THOROUGH else SOME_SHAPES)]


@pytest.mark.parametrize("plain, shape", CASES, indirect=["plain"], scope="module")
def test_any_shape(answer, plain, shape):
    ranks, threads, bound, level = shape
    job, said = plain
    env = {"LSHJOIN_SIMD": level} if level else {}
    assert answer(*job, ["-t", threads, *bound], ranks=ranks, env=env) == said


@pytest.mark.parametrize("plain", itertools.product(JOBS, KINDS), ids=", ".join, indirect=True, scope="module")
def test_another_seed_is_another_answer(answer, plain):
    """Else the test above would compare nothing of worth."""
    job, said = plain
    assert answer(*job, ["-s", 1])[0] != said[0]
