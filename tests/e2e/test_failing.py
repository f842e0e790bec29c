"""Every call of the system, of HDF5 and for memory that a run makes is made to fail, one at a time: then the run either
ends with one message, a status that is not 0 and nothing that looks finished, or was right to do without it and its
pairs are the same. On 1 rank, and on one of 3, which must not leave the others waiting.

Which calls there are a run itself tells (tests/faults/failing.c), and through which functions each was made. With
LSHJOIN_FAILING_ALL=1, as tests/run.sh --all does, all kinds of jobs are tried, and all their calls, but of those that were
made through the same functions the first and the last, on 3 ranks the last, of the first job that makes such a call. Else one
call of each function.
"""
import os
import signal
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

import joins
from failing import ALL, KINDS, PRELOADED, Job, failing

WRONG = {65, 66, 70, 71, 73, 74}  # of sysexits.h; whatever goes wrong while it runs
SHAPES = [(name, ranks) for name in (KINDS if ALL else ["sets", "pack"]) for ranks in KINDS[name].ranks]


def list_calls(job, whose=None):
    """{function: the path of each of its calls}"""
    place = job.good({"LSHJOIN_FAILING_CALLS": str(job.folder / "calls"), **(failing(f"malloc:0:0:{whose}") if whose else {})})
    assert job.left_over(place) == []
    calls = {}
    for line in (job.folder / "calls").read_text().splitlines():
        function, path = line.split()
        calls.setdefault(function, []).append(path)
    return calls


def check(job, may_crash=False):
    """A function that checks a run in which something was made to fail, and tells its status."""
    def of(env, done, place):
        what = env["LSHJOIN_FAILING"]
        if done.rc == 0:
            assert job.kind.shows or job.made(place, done) == job.result, f"{what}: other pairs"
            assert done.messages == [], f"{what}: {done.err}"
        elif may_crash and done.rc in (-signal.SIGSEGV, 255):
            assert not (place / "out" if job.packs else place / "out" / "run.json").exists(), f"{what}: looks finished"
        else:
            out = place / "out"
            assert done.rc in WRONG, f"{what}: exit status {done.rc}\n{done.err}"
            assert len(done.messages) == 1, f"{what}: {done.err}"
            finished = out.exists() and (job.packs or (out / "run.json").exists())
            # A rank may yet fail when rank 0 has finished all, and so may the trace; what is there then is whole.
            later = job.ranks > 1 or "--trace" in job.kind.options
            assert not finished or (later and job.made(place, done) == job.result), f"{what}: looks finished"
            died = done.rc == 71  # at once, without tidying up
            assert died or job.left_over(place) == [], f"{what}: left {job.left_over(place)}"
        return done.rc
    return of


TRIED = {1: set(), 3: set()}


def calls_to_try(calls, ranks):
    """(function, rank, which of its calls), now of the first rank, now of the last."""
    for at, (function, paths) in enumerate(calls.items()):
        numbers = range(1, len(paths) + 1)
        last = set(dict(zip(paths, numbers)).values())
        first = set(dict(zip(paths[::-1], numbers[::-1])).values())
        new = [nth for nth in sorted(last | first if ranks == 1 else last) if (function, paths[nth - 1]) not in TRIED[ranks]]
        for nth in new if ALL else [1 + (7 * at) % len(paths)]:
            yield function, [0, ranks - 1][(at + nth) % 2], nth
        TRIED[ranks].update((function, path) for path in paths)


@pytest.mark.parametrize("name, ranks", SHAPES)
def test_one_call_fails(tmp_path, name, ranks):
    job = Job(name, tmp_path, ranks, wrap=PRELOADED)
    calls = list_calls(job)
    assert len(calls["malloc"]) > 20 and len(calls) > 5
    tried = list(calls_to_try(calls, ranks))
    statuses = job.try_all([failing(f"{f}:{r}:{n}") for f, r, n in tried], check(job))
    print(f"{name} on {ranks}: of {sum(map(len, calls.values()))} calls of {len(calls)} functions {len(tried)} made to fail,",
          f"{sum(f == 'malloc' for f, *_ in tried)} of them for memory; runs by status {dict(sorted(Counter(statuses).items()))}")
    assert sum(rc != 0 for rc in statuses) >= len(tried) / 5


def test_what_has_a_name_is_on_disk(tmp_path):
    """A crash of the machine leaves no file that is less than its name says: the report's comes when all others are safe."""
    job = Job("sets", tmp_path, 1, wrap=PRELOADED)
    job.good({"LSHJOIN_FAILING_CALLS": str(tmp_path / "calls")})
    calls = [line.split()[0] for line in (tmp_path / "calls").read_text().splitlines()]
    file, directory = ["fsync", "rename"], ["fsync"]
    assert [f for f in calls if f in file] == file + file + directory + file + directory


@pytest.mark.skipif(not ALL, reason="some minutes")
@pytest.mark.parametrize("name, library", [("planned", "libhdf5"), ("sets", "libhdf5"), ("pack compressed", "libzstd"),
                                           ("pack compressed", "libhdf5")])
def test_libraries_without_memory(tmp_path, name, library):
    """What HDF5 cannot do without memory is told as any of its errors, but where it ends the program itself: HDF5 1.10 crashes in H5CX_pop and
    calls exit(-1) in H5I_register."""
    job = Job(name, tmp_path, 1, wrap=PRELOADED)
    n = len(list_calls(job, library)["malloc"])
    job.try_all([failing(f"malloc:0:{nth}:{library}") for nth in np.unique(np.geomspace(1, n, 60).astype(int))],
                check(job, library == "libhdf5"))


@pytest.mark.parametrize("rank", [0, 2])
@pytest.mark.parametrize("name", ["groups", "saved", "pack"])
def test_rows_that_mpi_io_cannot_write(tmp_path, name, rank):
    """Of clusters.h5, an index and a corpus. When it is told to write those of all ranks together, Open MPI says nothing."""
    job = Job(name, tmp_path, 3, wrap=PRELOADED)
    job.good({})
    assert job.try_all([failing(f"pwrite:{rank}:1:fbtl")], check(job)) == [os.EX_IOERR]
