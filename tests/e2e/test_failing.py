"""Every call of the system, of HDF5 and for memory that a run makes is made to fail, one at a time: then the run either
ends with one message, a status that is not 0 and nothing that looks finished, or was right to do without it and its
pairs are the same. On 1 rank, and on one of 3, which must not leave the others waiting.

Which calls there are a run itself tells (tests/faults/failing.c). All of them, of all jobs, are tried with
LSHJOIN_FAILING_ALL=1, as tests/run.sh --all does, else one of each function.
"""
import os
from pathlib import Path

import h5py
import numpy as np
import pytest

import joins
import packing
from oracle import families, mhash_text, write_sets
from vectors import clusters, write_vectors

LIBRARY = Path(os.environ.get("LSHJOIN_FAILING_LIBRARY", joins.ROOT / "build" / "tests" / "libfailing.so")).absolute()
ALL = "LSHJOIN_FAILING_ALL" in os.environ
WRONG = {65, 66, 70, 71, 73, 74}  # of sysexits.h; whatever goes wrong while it runs


def texts(path):
    return packing.write(path, "".join(f"r{k}\ta b c {k // 2} d e\n" for k in range(400)))


JOBS = {  # the program, its options, what makes its input
    "sets": (joins.BINARY, "-b 8 -r 2 --threshold .5", lambda p: write_sets(p, families(1, 40))),
    "planned": (joins.BINARY, "--threshold .5", lambda p: write_sets(p, families(2, 40), chunks=(100,), compression="gzip")),
    "vectors": (joins.BINARY, "--exact --threshold .8 --format tsv", lambda p: write_vectors(p, clusters(1, 15, dim=8))),
    "nearest": (joins.BINARY, "-b 8 -r 2 --top-k 2", lambda p: write_vectors(p, clusters(1, 15, dim=8))),
    "text": (joins.BINARY, "-b 8 -r 2 -E --format mhash", lambda p: packing.write(p, mhash_text(families(1, 20, dtype="u4")))),
    "ids": (joins.BINARY, "-b 8 -r 2 --threshold .5 --format tsv --ids", lambda p: packing.pack(p.parent, texts(p), "--ids --from lines").path),
    "pack": (packing.BINARY, "--ids --source --from lines --memory 1K", texts),
    "pack compressed": (packing.BINARY, "--from csv --gzip 1", lambda p: packing.write(p, packing.zstd(b"1,2,3\n" * 500))),
}


class Job:
    """One of JOBS, with what it makes when nothing fails, and how often it calls what."""

    def __init__(self, name, folder, ranks):
        self.program, options, make = JOBS[name]
        self.packs, self.ranks, self.folder = self.program == packing.BINARY, ranks, folder
        self.args = [*options.split(), make(folder / "in.data")]
        counts = folder / "counts"
        self.run(folder / "good", {"LSHJOIN_FAILING_COUNTS": str(counts)}).ok()
        self.calls = {name: int(n) for name, n in map(str.split, counts.read_text().splitlines())}
        self.pairs = self.result(folder / "good")

    def run(self, out, env):
        how = {**packing.QUICK} if self.packs else {}
        return joins.run([*self.args, "--quiet", "-o", out], self.ranks, program=self.program, timeout=60,
                         wrap=["env", f"LD_PRELOAD={LIBRARY}"], env={**how, **env})

    def result(self, out):
        if self.packs:
            with h5py.File(out, "r") as f:
                found = []
                f.visititems(lambda name, d: isinstance(d, h5py.Dataset) and found.append((name, d[()].tolist())))
                return found
        if joins.parts(out, "h5"):
            return joins.read_h5(out).tolist()
        return sorted(line for f in joins.parts(out) for line in f.read_text().splitlines())

    def check(self, function, rank, nth, whose=""):
        out = self.folder / "out"
        what = f"{function}:{rank}:{nth}{whose and ':' + whose}"
        done = self.run(out, {"LSHJOIN_FAILING": what})
        if done.rc == 0:
            assert self.result(out) == self.pairs, f"{what}: other pairs"
            assert done.messages == [], f"{what}: {done.err}"
        else:
            assert done.rc in WRONG, f"{what}: exit status {done.rc}\n{done.err}"
            assert len(done.messages) == 1, f"{what}: {done.err}"
            finished = out.exists() and (self.packs or (out / "run.json").exists())
            # A rank may yet fail when rank 0 has finished all; what is there then is whole.
            assert not finished or (self.ranks > 1 and self.result(out) == self.pairs), f"{what}: looks finished"
            died = done.rc == 71  # at once, without tidying up
            left = [*out.glob(".*.part")] if out.is_dir() else [*self.folder.glob("*.part-*")]
            assert died or left == [], f"{what}: left {left}"
        remove(out)
        remove_parts(self.folder)
        return done


def remove(path):
    if path.is_dir():
        for f in path.iterdir():
            f.unlink()
        path.rmdir()
    elif path.exists():
        path.unlink()


def remove_parts(folder):
    for f in folder.glob("*.part-*"):
        f.unlink()


@pytest.mark.parametrize("ranks", [1, 3])
@pytest.mark.parametrize("name", JOBS if ALL else ["sets", "pack"])
def test_one_call_fails(tmp_path, name, ranks):
    job = Job(name, tmp_path, ranks)
    assert job.calls["malloc"] > 20 and len(job.calls) > 5
    failed = 0
    for at, (function, count) in enumerate(job.calls.items()):
        for nth in range(1, count + 1) if ALL else [1 + (7 * at) % count]:
            failed += job.check(function, [0, ranks - 1][(at + nth) % 2], nth).rc != 0
    assert failed > len(job.calls) / 2


@pytest.mark.skipif(not ALL, reason="some minutes")
@pytest.mark.parametrize("name, library", [("planned", "libhdf5"), ("sets", "libhdf5"), ("pack compressed", "libzstd"),
                                           ("pack compressed", "libhdf5")])
def test_libraries_without_memory(tmp_path, name, library):
    """What HDF5 cannot do without memory is told as any of its errors."""
    job = Job(name, tmp_path, 1)
    counts = tmp_path / "counts"
    job.run(tmp_path / "good2", {"LSHJOIN_FAILING_COUNTS": str(counts), "LSHJOIN_FAILING": f"malloc:0:0:{library}"}).ok()
    count = int(dict(map(str.split, counts.read_text().splitlines()))["malloc"])
    for nth in np.unique(np.geomspace(1, count, 60).astype(int)):
        job.check("malloc", 0, nth, library)
