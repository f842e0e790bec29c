#!/usr/bin/python3
"""Breaks jobs on purpose, one fault after another, and prints a line for each: what was broken, what happened, what was lost.

usage: faults.py [WORD]...     only faults whose description has one of these words

LSHJOIN_FAULTS and LSHPACK name the programs. What needs root, or several hosts, is skipped aloud where it cannot be had."""
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "e2e"))
import h5py  # noqa: E402
import numpy as np  # noqa: E402

import joins  # noqa: E402
from joins import FAULTS, ROOT, read_h5, wait_for  # noqa: E402
from oracle import families, write_sets  # noqa: E402

LSHPACK = Path(os.environ.get("LSHPACK", ROOT / "build" / "lshpack")).absolute()
HOSTS = Path(__file__).resolve().parent / "hosts.sh"
STAGES = ["read", "plan", "sign", "exchange", "group", "candidates", "verify", "write", "keep", "commit", "report"]
OPTIONS = ["--threshold", "0.5", "--round", "64K", "--quiet"]
LIMIT = 60  # seconds in which whatever is broken must have ended
faults = []


class Skipped(Exception):
    pass


def fault(description):
    def register(function):
        faults.append((description, function))
        return function
    return register


def need_root():
    if os.geteuid() != 0:
        raise Skipped("needs root")


# ---- the job that is broken ----------------------------------------------------------------------------------------

class Place:
    """A directory of its own, with the inputs, the pairs of an uninterrupted run, and what is left afterwards."""

    def __init__(self, directory):
        self.dir = Path(directory)
        self.input = write_sets(self.dir / "sets.h5", families(5, 2000))
        self.out, self.kept = self.dir / "out", self.dir / "kept"
        whole = self.dir / "whole"
        joins.run([*OPTIONS, "-o", whole, self.input], program=FAULTS).ok()
        self.pairs = read_h5(whole)
        assert len(self.pairs) > 1000

    def args(self, *more, out=None, kept=None, file=None):
        kept = self.kept if kept is None else kept
        return [*OPTIONS, "-o", out or self.out, *(["--checkpoint", kept, "--checkpoint-every", 0] if kept else []), *more,
                file or self.input]

    def clear(self):
        for directory in (self.out, self.kept):
            shutil.rmtree(directory, ignore_errors=True)

    def start(self, fault=None, ranks=3, **how):
        return joins.start(self.args(**how), ranks, program=FAULTS, env={"LSHJOIN_FAULT": fault or ""})

    def run(self, fault=None, ranks=3, **how):
        return end(self.start(fault, ranks, **how))

    def resume(self, ranks=2):
        joins.run(self.args("--resume"), ranks, program=FAULTS).ok()
        assert read_h5(self.out).tobytes() == self.pairs.tobytes(), "the resumed run's pairs differ"

    def no_orphans(self):
        """Nothing runs that has this directory in its command line; what was told to end has a moment for it."""
        for _ in range(50):
            left = [p for p in Path("/proc").glob("[0-9]*/cmdline") if str(self.dir).encode() in read(p)
                    and int(p.parent.name) != os.getpid()]
            if not left:
                return
            time.sleep(0.1)
        raise AssertionError(f"still running: {[p.parent.name for p in left]}")


def read(path):
    try:
        return path.read_bytes()
    except OSError:
        return b""


def end(process, limit=LIMIT):
    """Its status and its messages, within the limit."""
    try:
        _, err = process.communicate(timeout=limit)
    except subprocess.TimeoutExpired:
        joins.kill(process)
        raise AssertionError(f"hangs: not done after {limit} s") from None
    return joins.Run(process.returncode, "", joins.strip_banners(err.decode(errors="replace")))


def check_broken(place, run, *says, status=None, out=None):
    """What all broken jobs have in common."""
    assert run.rc != 0, "the job has not noticed"
    assert status is None or run.rc == status, f"status {run.rc}\n{run.err}"
    if says:
        assert len(run.messages) == 1, run.err
        for word in says:
            assert str(word) in run.messages[0], run.err
    out = out or place.out
    looks = [f.name for f in out.glob("*") if f.name == "run.json"] if out.exists() else []
    assert looks == [], f"looks finished: {looks}"
    place.no_orphans()


def status_of(run):
    return f"status {run.rc}" if run.rc < 128 else "mpirun ends the others"


# ---- processes and hosts -------------------------------------------------------------------------------------------

def kill_at(stage):
    @fault(f"kill -9 of a rank at its stage {stage}")
    def break_it(place):
        rank, time_of = (0, 1) if stage in ("commit", "report") else (1, 2 if stage not in ("read", "plan", "sign") else 1)
        broken = place.run(f"{stage}:{rank}:{time_of}:kill")
        check_broken(place, broken)
        place.resume()
        return status_of(broken) + "; resumed on 2 ranks"


for each in STAGES:
    kill_at(each)


@fault("a rank stands still for ever (SIGSTOP)")
def stop(place):
    broken = end(joins.start(place.args("--stall-timeout", 3), 3, program=FAULTS,
                             env={"LSHJOIN_FAULT": "verify:1:3:stop"}))
    check_broken(place, broken, "no exchange has finished", status=os.EX_TEMPFAIL)
    place.resume()
    return "--stall-timeout ends the job, status 75; resumed"


@fault("SIGUSR1 to mpirun in the middle of a batch")
def interrupt(place):
    held = place.dir / "held"
    process = place.start(f"verify:1:2:hold={held}")
    wait_for(held)
    process.send_signal(signal.SIGUSR1)
    time.sleep(0.5)
    held.unlink()
    broken = end(process, 30)
    check_broken(place, broken, "interrupted by SIGUSR1", status=os.EX_TEMPFAIL)
    place.resume()
    return "checkpoint, status 75; resumed"


@fault("SIGUSR1 while a rank is deaf in a long piece of work")
def deaf(place):
    held = place.dir / "held"
    process = place.start(f"verify:1:3:hold={held}")
    wait_for(held)
    begun = time.monotonic()
    process.send_signal(signal.SIGUSR1)
    broken = end(process, 30)
    seconds = time.monotonic() - begun
    held.unlink()
    check_broken(place, broken, "interrupted by SIGUSR1", status=os.EX_TEMPFAIL)
    assert seconds < 30
    place.resume()
    return "status 75 within 30 s; resumed"


@fault("SIGTERM to mpirun, which kills its ranks")
def terminated(place):
    held = place.dir / "held"
    process = place.start(f"verify:1:3:hold={held}")
    wait_for(held)
    process.terminate()
    broken = end(process)
    held.unlink(missing_ok=True)
    check_broken(place, broken)
    place.resume()
    return "ends within 2 s; resumed from the last checkpoint"


class Hosts:
    """Two hosts with two ranks each."""

    def __init__(self):
        need_root()
        if not shutil.which("ip") or subprocess.run([HOSTS, "up"], capture_output=True).returncode:
            raise Skipped("needs network namespaces (ip netns)")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.do("down")

    def do(self, what):
        subprocess.run([HOSTS, what], check=True, capture_output=True)

    def start(self, place, fault, *more):
        """mpirun within a limit of time, as batch scripts have it."""
        self.err = place.dir / "err"
        command = ["timeout", "-k", "5", "30", HOSTS, "mpirun", "-n", 4, "-x", f"LSHJOIN_FAULT={fault}", FAULTS,
                   *place.args(*more)]
        with open(self.err, "wb") as err:  # no pipe: a daemon of MPI on a host that is cut off would keep it open
            return subprocess.Popen(list(map(str, command)), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                    stderr=err, env={**os.environ, **joins.MPI}, start_new_session=True)

    def end(self, process):
        rc = process.wait(LIMIT)
        return joins.Run(rc, "", joins.strip_banners(self.err.read_text(errors="replace")))


@fault("kill -9 of all that runs on one of two hosts")
def host(place):
    held = place.dir / "held"
    with Hosts() as hosts:
        process = hosts.start(place, f"verify:3:3:hold={held}")
        wait_for(held)
        hosts.do("kill")
        broken = hosts.end(process)
        held.unlink()
        check_broken(place, broken)
        place.resume()
    return "mpirun ends the others; resumed on the host that is left"


@fault("a cable cut for 5 s")
def short_cut(place):
    held = place.dir / "held"
    with Hosts() as hosts:
        process = hosts.start(place, f"verify:3:3:hold={held}", "--stall-timeout", 20)
        wait_for(held)
        hosts.do("cut")
        held.unlink()
        time.sleep(5)
        hosts.do("mend")
        whole = hosts.end(process)
        assert whole.rc == 0, whole.err
        assert read_h5(place.out).tobytes() == place.pairs.tobytes()
        place.no_orphans()
    return "the job waits and goes on"


@fault("a cable cut for ever")
def cut(place):
    held = place.dir / "held"
    with Hosts() as hosts:
        process = hosts.start(place, f"verify:3:3:hold={held}", "--stall-timeout", 5)
        wait_for(held)
        hosts.do("cut")
        held.unlink()
        broken = hosts.end(process)
        assert "no exchange has finished" in broken.err
        check_broken(place, broken)
        place.resume()
    return "--stall-timeout ends the ranks, a limit of time mpirun; resumed"


# ---- disks ---------------------------------------------------------------------------------------------------------

class Disk:
    """A small disk of its own."""

    def __init__(self, directory, size):
        need_root()
        self.dir = directory
        directory.mkdir()
        if subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "none", directory], capture_output=True).returncode:
            raise Skipped("needs mount -t tmpfs")

    def __enter__(self):
        return self.dir

    def __exit__(self, *_):
        subprocess.run(["umount", self.dir], check=True)
        self.dir.rmdir()

    def make_read_only(self):
        subprocess.run(["mount", "-o", "remount,ro", self.dir], check=True)


def full_output(form):
    @fault(f"disk full in the output ({form})")
    def break_it(place):
        with Disk(place.dir / "small", "64k") as disk:
            broken = end(joins.start(place.args("--format", form, out=disk / "out"), 3, program=FAULTS))
            check_broken(place, broken, disk / "out", "No space left", status=os.EX_IOERR, out=disk / "out")
        place.resume()
        return "status 74; resumed into another directory"


for each in ("h5", "tsv"):
    full_output(each)


@fault("disk full in the checkpoint")
def full_checkpoint(place):
    with Disk(place.dir / "small", "64k") as disk:
        broken = place.run(kept=disk / "kept")
        check_broken(place, broken, disk / "kept", "No space left", status=os.EX_IOERR)
        joins.run(["-h"], program=FAULTS).ok()
    place.run(kept=False, ranks=2).ok()
    assert read_h5(place.out).tobytes() == place.pairs.tobytes()
    return "status 74; the same without a checkpoint runs through"


@fault("disk full in the scratch directory")
def full_scratch(place):
    options = ["-b", 40, "-r", 2, "--quiet", write_sets(place.dir / "many.h5", families(6, 8000))]
    joins.run([*options, "-o", place.dir / "unlimited"], program=FAULTS).ok()
    little = [*options, "--memory", "15M", "--force", "-o", place.out, "--scratch"]
    with Disk(place.dir / "small", "64k") as disk:
        broken = end(joins.start([*little, disk], 3, program=FAULTS))
        check_broken(place, broken, disk, "No space left", status=os.EX_IOERR)
    joins.run([*little, place.dir], 3, program=FAULTS).ok()
    assert read_h5(place.out).tobytes() == read_h5(place.dir / "unlimited").tobytes()
    return "status 74; the same with another one runs through"


@fault("disk full in the scratch directory (lshpack)")
def full_scratch_of_lshpack(place):
    lines = place.dir / "lines.txt"
    lines.write_text("".join(f"{k} {k * 7919 % 1000003} {' '.join(str(k * j) for j in range(2, 40))}\n"
                             for k in range(60000)))
    with Disk(place.dir / "small", "1m") as disk:
        broken = end(joins.start(["--words", 1, "--memory", "4M", "--scratch", disk, "-o", place.out, lines], 3,
                                 program=LSHPACK))
        check_broken(place, broken, disk, "No space left", status=os.EX_IOERR)
    return f"status {broken.rc}"


@fault("the output directory becomes read-only")
def read_only(place):
    held = place.dir / "held"
    disk = Disk(place.dir / "small", "64m")
    with disk as directory:
        process = joins.start(place.args(out=directory / "out"), 3, program=FAULTS,
                              env={"LSHJOIN_FAULT": f"read:0:1:hold={held}"})
        wait_for(held)
        disk.make_read_only()
        held.unlink()
        broken = end(process)
        check_broken(place, broken, directory / "out", "Read-only", out=directory / "out")
    return f"status {broken.rc}"


@fault("the output directory is removed midway")
def removed(place):
    held = place.dir / "held"
    process = place.start(f"verify:0:2:hold={held}")
    wait_for(held)
    shutil.rmtree(place.out)
    held.unlink()
    broken = end(process)
    check_broken(place, broken, place.out, "No such file", status=os.EX_IOERR)
    place.resume()
    return "status 74; resumed"


@fault("two jobs told to write the same output")
def same_output(place):
    held = place.dir / "held"
    first = place.start(f"verify:0:2:hold={held}")
    wait_for(held)
    second = joins.run(place.args("--force", kept=False), 2, program=FAULTS)
    assert second.rc == os.EX_CANTCREAT and "another run is writing there" in second.err
    held.unlink()
    assert end(first).rc == 0
    assert read_h5(place.out).tobytes() == place.pairs.tobytes()
    return "the second is refused, status 73; the first goes on"


# ---- inputs --------------------------------------------------------------------------------------------------------

@fault("the input is cut short while it is read")
def truncated(place):
    held, copy = place.dir / "held", place.dir / "copy.h5"
    shutil.copy(place.input, copy)
    process = place.start(f"slice:1:1:hold={held}", file=copy)
    wait_for(held)
    os.truncate(copy, copy.stat().st_size // 3)
    held.unlink()
    broken = end(process)
    check_broken(place, broken, copy)
    assert broken.rc in (os.EX_DATAERR, os.EX_IOERR, os.EX_NOINPUT)
    return f"status {broken.rc}"


@fault("a chunk of the input is corrupt (fletcher32)")
def corrupt(place):
    file = place.dir / "corrupt.h5"
    with h5py.File(place.input) as f, h5py.File(file, "w") as g:
        for name in ("indptr", "indices"):
            g.create_dataset(f"sets/{name}", data=f[f"sets/{name}"][:], chunks=(4096,), fletcher32=True)
        at = g["sets/indices"].id.get_chunk_info(3).byte_offset
    content = bytearray(file.read_bytes())
    content[at + 100] ^= 4
    file.write_bytes(content)
    broken = place.run(file=file)
    check_broken(place, broken, file, "sets", status=os.EX_DATAERR)
    return "status 65"


def main(words):
    print("| broken | what happens | lost |\n| --- | --- | --- |", flush=True)
    failed = 0
    for description, break_it in faults:
        if words and not any(word in description for word in words):
            continue
        with tempfile.TemporaryDirectory(prefix="lshjoin-faults-") as directory:
            try:
                print(f"| {description} | {break_it(Place(directory))} | nothing |", flush=True)
            except Skipped as why:
                print(f"| {description} | SKIPPED: {why} | |", flush=True)
            except Exception as why:  # noqa: BLE001: whatever it is, the next fault's turn comes
                failed += 1
                print(f"| {description} | FAILED: {why} | |", flush=True)
    return failed > 0


sys.exit(main(sys.argv[1:]))
