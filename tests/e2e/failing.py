"""Small jobs of all kinds, which are made to fail: in a call (test_failing.py), or where ranks agree on errors (test_agreeing.py)."""
import os
import shutil
import tempfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Callable

import h5py
import numpy as np

import joins
import packing
import weighted
from oracle import families, mhash_text, write_sets
from vectors import clusters, write_vectors

ALL = "LSHJOIN_FAILING_ALL" in os.environ
LIBRARY = Path(os.environ.get("LSHJOIN_FAILING_LIBRARY", joins.ROOT / "build" / "tests" / "libfailing.so")).absolute()
PRELOADED = ["env", f"LD_PRELOAD={LIBRARY}"]
AT_ONCE = 4 if ALL else 2  # a run waits for most of its time
FAULTS = {joins.BINARY: joins.FAULTS, packing.BINARY: joins.FAULTS.with_name("lshpack_faults")}


def failing(what):
    """The environment in which one call fails, of a program that is PRELOADED (tests/faults/failing.c)."""
    return {"LSHJOIN_FAILING": what}


@dataclass
class Kind:
    """What is run: {d} in the options is a directory of the run's own. `make` writes the inputs into a folder."""
    options: str
    make: Callable[[Path], list]
    program: Path = joins.BINARY
    resumes: bool = False  # a job that has died at its second checkpoint
    shows: bool = False  # what there is: for what cannot be read, it says so or shows less
    ranks: tuple = (1, 3)


def sets(seed, count=40, size=30, **storage):
    return lambda folder: [write_sets(folder / "in.h5", families(seed, count, size=size), **storage)]


def two_sets(folder):
    return [write_sets(folder / "left.h5", families(1, 40)), write_sets(folder / "right.h5", families(1, 40).shuffled(2))]


def old_sets(folder):
    return ["--against", write_sets(folder / "old.h5", families(1, 40)), *sets(2)(folder)]


def indexed_sets(folder):
    """New sets, the index of old ones, and which of these are no more."""
    joins.run(["--threshold", .5, "--save-index", folder / "index", "--no-print", old_sets(folder)[1]]).ok()
    return ["--index", folder / "index", "--deleted", packing.write(folder / "deleted.txt", "3\n7\n"), *sets(2)(folder)]


def scored_sets(folder):
    file, = sets(1)(folder)
    with h5py.File(file, "a") as f:
        f["score"] = np.arange(len(f["sets/indptr"]) - 1)[::-1].astype("f4")
    return ["--keep", f"{file}:/score", file]


def vectors(folder):
    return [write_vectors(folder / "in.h5", clusters(1, 15, dim=8))]


def weights(folder):
    return [weighted.write_weighted(folder / "in.h5", weighted.families(1, 30))]


def mhash(folder):
    return [packing.write(folder / "in.txt", mhash_text(families(1, 20, dtype="u4")))]


def texts(folder, count=400):
    return [packing.write(folder / "in.txt", "".join(f"r{k}\ta b c {k // 2} d e\n" for k in range(count)))]


def with_ids(folder):
    return [packing.pack(folder, texts(folder), "--ids --from lines").path]


def zstd(folder):
    return [packing.write(folder / "in.zst", packing.zstd(b"1,2,3\n" * 500))]


def joined_texts(folder):
    """For --show and --drop: a corpus, what it became, and what a join of that found."""
    corpus, = texts(folder, 40)
    packed = packing.pack(folder, corpus, "--ids --source --from lines").path
    joins.run(["--threshold", .5, "--clusters", "-o", folder / "joined", packed]).ok()
    return corpus, packed


KEPT = "--checkpoint {d}/kept --checkpoint-every 0 --round 4K"
KINDS = {
    "sets": Kind("-b 8 -r 2 --threshold .5", sets(1)),
    "planned": Kind("--threshold .5", sets(2, chunks=(100,), compression="gzip")),
    "two inputs": Kind("--threshold .5 --exclusive", two_sets),
    "vectors": Kind("--exact --threshold .8 --format tsv", vectors),
    "against": Kind("--threshold .5", old_sets),
    "saved": Kind("--threshold .5 --save-index {d}/index", sets(1)),
    "indexed": Kind("--threshold .5", indexed_sets),
    "containment": Kind("--metric containment --exact --threshold .5", two_sets),
    "exact sets": Kind("--exact --threshold .5 --trace {d}/trace", sets(1)),
    "nearest": Kind("-b 8 -r 2 --top-k 2", vectors),
    "exact nearest": Kind("--exact --top-k 2", vectors),
    "products": Kind("--metric ip --threshold .5", vectors),
    "weighted": Kind("--metric weighted-jaccard --threshold .5", weights),
    "contained": Kind("--metric containment --threshold .6 --recall .8", sets(1, size=12)),
    "text": Kind("-b 8 -r 2 -E --format mhash", mhash),
    "ids": Kind("-b 8 -r 2 --threshold .5 --format tsv --ids", with_ids),
    "groups": Kind("--threshold .5 --duplicates groups --clusters", sets(1)),
    "stars": Kind("--threshold .5 --clusters --cluster-method star", scored_sets),
    "dry run": Kind("--threshold .5 --dry-run --memory 64M", sets(1)),
    "checkpoint": Kind(f"-b 12 -r 3 --threshold .5 {KEPT}", sets(1)),
    "resumed": Kind(f"--threshold .5 {KEPT} --resume", sets(1), resumes=True),
    "resumed nearest": Kind(f"-b 12 -r 2 --top-k 3 {KEPT} --resume", sets(1), resumes=True),
    "resumed exact": Kind(f"--exact --threshold .9 {KEPT} --resume", sets(1, 1000), resumes=True),
    "scratch": Kind("-b 400 -r 8 --threshold .5 --memory 10M --scratch {d}", sets(3, 400, size=8)),
    "large buckets": Kind("-b 8 -r 2 --threshold .5 --max-bucket 3 --scratch {d}", sets(1)),
    "pack": Kind("--ids --source --from lines --memory 1K", texts, packing.BINARY),
    "pack compressed": Kind("--from csv --gzip 1", zstd, packing.BINARY),
    "info": Kind("--info", with_ids, packing.BINARY, shows=True),
    "show": Kind("--show", lambda f: [joined_texts(f)[1], f / "joined"], packing.BINARY, shows=True),
    "drop": Kind("--from lines --drop", lambda f: [f / "joined" / "clusters.h5", joined_texts(f)[0]], packing.BINARY, ranks=(1,)),
}


class Job:
    """One of KINDS on so many ranks, and what it makes when nothing fails."""

    def __init__(self, name, folder, ranks, program=None, wrap=()):
        self.kind, self.ranks, self.folder, self.wrap = KINDS[name], ranks, folder, wrap
        self.program = program or self.kind.program
        self.packs = self.kind.program == packing.BINARY
        self.inputs = self.kind.make(folder)
        self.state = self.result = None
        if self.kind.resumes:
            died = self.run(folder / "died", {"LSHJOIN_FAULT": "commit:0:2:kill"}, FAULTS[joins.BINARY])
            assert died.rc != 0 and (folder / "died" / "kept" / "state.json").exists()
            self.state = (folder / "died" / "kept").rename(folder / "state")

    def run(self, place, env, program=None):
        """In a directory of its own, which is made, and is {d} in the values of `env`."""
        place.mkdir()
        if self.state:
            shutil.copytree(self.state, place / "kept")
        prints = self.kind.shows or "--dry-run" in self.kind.options
        args = [*(word.format(d=place) for word in self.kind.options.split()), *self.inputs, *([] if prints else ["--quiet", "-o", place / "out"])]
        sessions = {"OMPI_MCA_orte_tmpdir_base": str(place)} if self.packs else {}
        return joins.run(args, self.ranks, program=program or self.program, timeout=60, wrap=self.wrap,
                         env={**(packing.QUICK if self.packs else {}), **sessions,
                              **{name: value.format(d=place) for name, value in env.items()}})

    def good(self, env):
        """Run without a failure and keep what comes of it."""
        place = self.folder / "good"
        done = self.run(place, env).ok()
        self.result = self.made(place, done)
        assert self.result
        return place

    def made(self, place, done):
        out = place / "out"
        if not out.exists():
            return done.out
        if self.packs:
            return contents(out) if h5py.is_hdf5(out) else out.read_bytes()
        if joins.parts(out, "h5"):
            return joins.read_h5(out).tolist(), [contents(f) for f in sorted(out.glob("[cd]*.h5"))]
        return sorted(line for f in joins.parts(out) for line in f.read_text().splitlines())

    def try_all(self, environments, check):
        """Run once for each, some at a time, in directories that are removed; check(environment, done, place) of each.
        Returns what it returns, in order."""
        def one(env):
            with tempfile.TemporaryDirectory(prefix="failing-") as directory:
                place = Path(directory) / "run"
                try:
                    done = self.run(place, env)
                except AssertionError as hangs:
                    raise AssertionError(f"{env}: {hangs}") from None
                return check(env, done, place)
        with ThreadPoolExecutor(AT_ONCE) as threads:
            return list(threads.map(one, environments))

    def left_over(self, place):
        """Files under temporary names."""
        return [f.name for f in place.rglob("*") if f.name.endswith(".part") or ".part-" in f.name]


def contents(file):
    """All datasets of an HDF5 file, in pairs of name and values."""
    found = []

    def visit(name, item):
        if isinstance(item, h5py.Dataset):
            found.append((name, item[()].tolist()))

    with h5py.File(file, "r") as f:
        f.visititems(visit)
    return found
