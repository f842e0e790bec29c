"""A giant bucket of near records does not keep one rank busy alone; and it can be skipped, in which case that is told."""
import numpy as np
import pytest

from joins import read_h5, read_json, run
from oracle import Sets, write_sets
from vectors import write_vectors

RECORDS, ALIKE = 12_000, 1_200  # a tenth of all falls in one bucket
RANKS = 4


def near_sets(rng, n, alike, elements=60):
    """Sets of which `alike` differ from each other in two or so of their elements, shuffled among random ones."""
    base = rng.choice(2**31, elements, replace=False)
    rows = []
    for row in range(n):
        if row < alike:
            mine = base.copy()
            mine[rng.integers(elements)] = rng.integers(2**31)
            rows.append(mine)
        else:
            rows.append(rng.choice(2**31, rng.integers(10, elements), replace=False))
    return [rows[i] for i in rng.permutation(n)]


@pytest.fixture(scope="module")
def inputs(tmp_path_factory):
    directory, rng = tmp_path_factory.mktemp("skew"), np.random.default_rng(3)
    rows = near_sets(rng, RECORDS, ALIKE)
    centre = rng.standard_normal(24)
    vectors = rng.standard_normal((RECORDS, 24))
    vectors[rng.choice(RECORDS, ALIKE, replace=False)] = centre
    vectors += 0.01 * rng.standard_normal(vectors.shape)
    write_sets(directory / "one.h5", Sets.of(rows))
    write_sets(directory / "left.h5", Sets.of(rows[:RECORDS // 2]))
    write_sets(directory / "right.h5", Sets.of(rows[RECORDS // 2:]))
    write_vectors(directory / "vectors.h5", vectors.astype("f4"))
    return directory


JOBS = {  # one band, so that nothing else evens the load out
    "verified": ("one.h5", "-b 1 -r 2 --threshold 0.9"),
    "candidates": ("one.h5", "-b 1 -r 2"),
    "two inputs": ("left.h5 right.h5", "-b 1 -r 2 --threshold 0.9"),
    "sketches": ("one.h5", "--minhash fast -b 1 -r 2 --threshold 0.9"),
    "sketches of two inputs": ("left.h5 right.h5", "--minhash fast -b 1 -r 2 --threshold 0.9"),
    "probes": ("vectors.h5", "-b 1 -r 12 --probes 3 --threshold 0.99"),
    "products": ("vectors.h5", "-b 1 -r 4 --metric ip --threshold 20"),
}


@pytest.mark.parametrize("job", JOBS)
def test_a_giant_bucket_is_everybodys(job, inputs, tmp_path):
    files, options = JOBS[job]
    args = [*options.split(), "--quiet", "-o"]
    paths = [inputs / file for file in files.split()]
    run([*args, tmp_path / "alone", *paths]).ok()
    run([*args, tmp_path / "together", *paths], RANKS).ok()
    alone, together = read_json(tmp_path / "alone"), read_json(tmp_path / "together")
    assert alone["buckets"]["largest"] > ALIKE / 4
    assert together["buckets"] == alone["buckets"]
    looked_at = together["by_rank"]["counts"]["candidate_copies"]
    assert sum(looked_at) == alone["counts"]["candidate_copies"]
    assert max(looked_at) <= 1.5 * np.mean(looked_at), looked_at
    assert np.array_equal(read_h5(tmp_path / "together"), read_h5(tmp_path / "alone"))


@pytest.mark.parametrize("ranks", [1, 3])
@pytest.mark.parametrize("sketched", [False, True])
def test_buckets_that_are_skipped(ranks, sketched, inputs, tmp_path):
    args = ["--minhash", "fast"] * sketched + ["-b", 1, "-r", 2, "--threshold", 0.1, inputs / "one.h5", "-o"]
    run([*args, tmp_path / "all"]).ok()
    done = run(["--max-bucket", 100, *args, tmp_path / "some"], ranks).ok()
    every, some = read_json(tmp_path / "all"), read_json(tmp_path / "some")
    assert some["parameters"]["max_bucket"] == 100 and every["counts"]["skipped_buckets"] == 0
    assert some["buckets"] == every["buckets"]  # it is told what there was
    n = some["counts"]
    assert n["skipped_buckets"] == 1  # of the near ones that agree in both symbols; single ones hold few
    assert n["skipped_pairs"] == every["buckets"]["largest"] * (every["buckets"]["largest"] - 1) // 2
    assert n["candidate_copies"] + n["skipped_pairs"] == every["counts"]["candidate_copies"]
    assert f"warning: 1 bucket of more than 100 records was skipped, and {n['skipped_pairs']} pairs" in done.err
    left = {(p["left"], p["right"]) for p in read_h5(tmp_path / "some")}
    assert left < {(p["left"], p["right"]) for p in read_h5(tmp_path / "all")}


@pytest.mark.parametrize("job", ["-b 12 -r 2 --threshold 0.5", "--minhash fast -b 12 -r 2 --threshold 0.5", "-b 12 -r 2 --top-k 3"])
def test_what_is_skipped_does_not_depend_on_batches(job, inputs, tmp_path):
    """The copy of a pair's lowest band, which stands for all where there are several batches, may be one of those skipped."""
    args = [*job.split(), "--max-bucket", 900, "--quiet", inputs / "one.h5", "-o"]
    run([*args, tmp_path / "whole"]).ok()
    whole, n = read_h5(tmp_path / "whole"), read_json(tmp_path / "whole")["counts"]
    assert n["skipped_buckets"] > 0 and len(whole) > 100
    for ranks, more in (1, ["--round", "64K"]), (3, []), (3, ["--round", "64K", "-t", 2]), (2, ["--memory", "40M"]):
        run([*args, tmp_path / "cut", "--force", *more], ranks).ok()
        assert np.array_equal(read_h5(tmp_path / "cut"), whole), (ranks, more)


def test_max_bucket_is_for_hashing(inputs, tmp_path):
    done = run(["--max-bucket", 100, "--exact", "--threshold", 0.9, inputs / "one.h5"])
    assert done.rc == 64 and "--max-bucket" in done.err
    done = run(["--max-bucket", 1, "--threshold", 0.9, inputs / "one.h5"])
    assert done.rc == 64 and "--max-bucket" in done.err
    done = run(["--max-bucket", 100, "-b", 4, "-r", 2, inputs / "one.h5"])
    assert done.rc == 64 and "--max-bucket needs" in done.err
    for ranks in 1, 3:
        done = run(["--max-bucket", 100, "-b", 4, "-r", 2, "--threshold", 0.9, "--checkpoint", tmp_path / "kept",
                    "-o", tmp_path / "out", inputs / "one.h5"], ranks)
        assert done.rc == 64 and len(done.messages) == 1 and "sketches" in done.messages[0]
