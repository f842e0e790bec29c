"""The same input and seed give the same bytes, whatever the number of ranks, threads, rounds and the SIMD level."""
import itertools

import pytest

from joins import parts, read_json, run
from oracle import Sets, families, write_sets

JOBS = {
    "candidates": ["-b", 8, "-r", 3],
    "verified": ["-b", 8, "-r", 3, "--threshold", "0.4"],
}
TINY = ["--round", "4K"]
SHAPES = list(itertools.product([1, 2, 3, 5], [1, 4], [[], TINY]))


@pytest.fixture(scope="module")
def inputs(tmp_path_factory):
    """Some 250 sets with a bucket of 40 equal ones among them, and a second input that shares families with them."""
    folder = tmp_path_factory.mktemp("in")
    rows = families(1, 50).rows()
    rows = rows[:90] + [rows[1]] * 40 + rows[90:]
    left = write_sets(folder / "left.h5", Sets.of(rows))
    right = write_sets(folder / "right.h5", Sets.of(rows[::-3]))
    return {"self-join": [left], "two inputs": [left, right]}


@pytest.fixture(scope="module")
def answer(inputs, tmp_path_factory):
    """The sorted lines of a job's TSV files, and the counts that may not depend on its shape either."""

    def run_job(job, kind, options=(), **how):
        out = tmp_path_factory.mktemp("out") / "out"
        run([*JOBS[job], "--format", "tsv", *options, "-o", out, *inputs[kind]], **how).ok()
        lines = b"".join(f.read_bytes() for f in parts(out, "tsv")).splitlines()
        header = lines[0]
        report = read_json(out)
        counts = {what: report["counts"][what] for what in ("records", "elements", "candidates", "pairs")}
        return sorted(line for line in lines if line != header), counts, report["buckets"]

    return run_job


@pytest.fixture(scope="module", params=list(itertools.product(JOBS, ["self-join", "two inputs"])), ids="-".join)
def plain(request, answer):
    """What one rank and one thread say to a job."""
    said = answer(*request.param)
    assert len(said[0]) > 100
    return request.param, said


def shape_name(shape):
    return f"{shape[0]} ranks, {shape[1]} threads, {'tiny' if shape[2] else 'default'} rounds"


@pytest.mark.parametrize("shape", SHAPES, ids=shape_name)
def test_any_shape(answer, plain, shape):
    ranks, threads, bound = shape
    job, said = plain
    assert answer(*job, ["-t", threads, *bound], ranks=ranks) == said


@pytest.mark.parametrize("level", ["scalar", "avx2", "avx512"])
def test_any_simd_level(answer, plain, level):
    job, said = plain
    assert answer(*job, ["-t", 2], ranks=2, env={"LSHJOIN_SIMD": level}) == said


def test_another_seed_is_another_answer(answer, plain):
    """Else the tests above would compare nothing of worth."""
    job, said = plain
    assert answer(*job, ["-s", 1])[0] != said[0]
