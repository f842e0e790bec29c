"""How much work a join does, counted: what makes it slow shows here on any machine, however busy that is.

The counts follow from the data and the seed. Where a change makes one of them larger, it had better have a reason."""
import h5py
import numpy as np
import pytest

from joins import ROOT, read_json, run

SLICE = ROOT / "data" / "debian-slice.h5"
with h5py.File(SLICE) as f:
    ROWS = np.split(f["sets/indices"][:], f["sets/indptr"][1:-1])
FIRSTS = {}
for number, elements in enumerate(ROWS):
    FIRSTS.setdefault(tuple(elements), number)


@pytest.fixture(scope="module")
def counts(tmp_path_factory):
    """Of a planned join on so many ranks."""
    def of(ranks, *options):
        out = tmp_path_factory.mktemp("out") / "out"
        run(["--threshold", 0.8, *options, "--quiet", "-o", out, SLICE], ranks).ok()
        return read_json(out)
    return {ranks: of(ranks) for ranks in (1, 2, 5)} | {"classic": of(1, "--minhash", "classic")}


def test_nothing_is_done_twice(counts):
    report = counts[1]
    n, parameters = report["counts"], report["parameters"]
    left_out = sum(len(row) for k, row in enumerate(ROWS) if FIRSTS[tuple(row)] != k)
    assert n["duplicates"] == len(ROWS) - len(FIRSTS) > 100
    assert n["hash_values"] == (n["elements"] - left_out) * parameters["pool"]  # each element meets each function once
    assert n["tuples"] == (n["records"] - n["duplicates"]) * parameters["bands"]
    assert n["pairs"] <= n["candidates"] < n["candidate_copies"]
    assert n["bytes_sent"] == 0  # to oneself


def test_work_is_the_same_on_any_number_of_ranks(counts):
    for ranks in (2, 5):
        for what in ("hash_values", "tuples", "candidate_copies", "candidates", "pairs"):
            assert counts[ranks]["counts"][what] == counts[1]["counts"][what]


def test_little_is_looked_at_and_sent(counts):
    n = counts[1]["counts"]
    assert n["candidates"] < 30_000 and n["candidate_copies"] < 450_000 and n["tuples"] <= 70_000
    assert counts["classic"]["counts"]["candidates"] > 4 * n["candidates"]  # which the filter spares us
    assert counts[2]["counts"]["bytes_sent"] < 1_500_000 and counts[5]["counts"]["bytes_sent"] < 2_300_000
    for ranks in (2, 5):
        assert counts[ranks]["plan"]["bytes_sent"] > counts[ranks]["counts"]["bytes_sent"] / 2  # mostly more: rows are shared
    assert {(r["rounds"], r["batches"]) for r in counts.values()} == {(1, 1)}


def test_ranks_are_told_one_by_one(counts):
    for ranks in (1, 2, 5):
        report = counts[ranks]
        of_ranks = report["by_rank"]
        assert set(of_ranks["counts"]) == set(report["counts"])
        for what, numbers in of_ranks["counts"].items():
            assert len(numbers) == ranks and sum(numbers) == report["counts"][what], what
        for stage, seconds in of_ranks["seconds"].items():
            assert len(seconds) == ranks and max(seconds) == report["seconds"][stage], stage
        sent = of_ranks["bytes_sent"]
        assert [sum(stage) for stage in zip(*sent.values())] == of_ranks["counts"]["bytes_sent"]
        assert max(of_ranks["peak_memory_bytes"]) == report["peak_memory_bytes"]
        assert max(of_ranks["largest_bucket"]) == report["buckets"]["largest"]
    assert any(counts[5]["by_rank"]["bytes_sent"]["exchange"]) and any(counts[5]["by_rank"]["bytes_sent"]["verify"])
