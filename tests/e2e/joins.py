"""Runs the real programs, lshjoin or another, with mpirun where there is more than one rank, and reads what it wrote."""
import json
import os
import re
import signal
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

import h5py
import numpy as np

ROOT = Path(__file__).resolve().parents[2]
SHARED = ROOT.parent / "shared" / "data"
BINARY = Path(os.environ.get("LSHJOIN", ROOT / "build" / "lshjoin")).absolute()
# lshjoin that kills or holds a rank where it is told to (tests/faults/fault_point.c)
FAULTS = Path(os.environ.get("LSHJOIN_FAULTS", ROOT / "build" / "tests" / "lshjoin_faults")).absolute()
MPI = {"OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1", "OMPI_MCA_rmaps_base_oversubscribe": "1",
       "OMPI_MCA_hwloc_base_binding_policy": "none", "OMPI_MCA_mpi_yield_when_idle": "1",
       "OMPI_MCA_odls_base_sigkill_timeout": "0"}  # after a failure mpirun would wait for 2 s
# Ranks of one machine need no network, and take longer to look for one than for a test's join. One rank looks for none by itself.
NEAR = {"OMPI_MCA_pml": "ob1", "OMPI_MCA_btl": "^openib,usnic,ofi,uct,tcp"}
NO_ROW = 2**64 - 1
PATIENCE = int(os.environ.get("LSHJOIN_TEST_PATIENCE", 1))  # programs are slower by that under sanitizers
SPEAKERS = ("lshjoin:", "lshpack:")  # how a message begins


@dataclass
class Run:
    rc: int
    out: str
    err: str  # without mpirun's own banners

    @property
    def messages(self):
        return [line for line in self.err.splitlines() if line.startswith(SPEAKERS)]

    def ok(self):
        assert self.rc == 0, f"exit status {self.rc}\n{self.err}"
        return self


def with_least_memory(args, ranks=1, memory=3, wrap=()):
    """A run with as little --memory, in MB, as it says that it takes: about as many bands in a group as there must be."""
    done = run([*args, "--memory", f"{memory}M"], ranks, wrap=wrap)
    least = done.rc == os.EX_UNAVAILABLE and re.search(r"take at least (\d+)M", done.err)
    return with_least_memory(args, ranks, int(least[1]) + 1, wrap) if least else done


def strip_banners(text):
    """What is left of stderr without mpirun's framed notes, its `[host:pid]` lines and its `[warn]` of libevent."""
    kept, framed = [], False
    for line in re.sub(r"(-{60,})", r"\n\1\n", text).splitlines():
        if re.fullmatch(r"-{60,}", line):
            framed = not framed
        elif line.startswith(SPEAKERS) or line and not (framed or re.match(r"\[([^\]]+:\d+|warn)\] ", line)):
            kept.append(line)
    return "\n".join(kept)


def command(args, ranks=1, wrap=(), program=BINARY):
    """The command line; `wrap` is a command that starts each rank (`wrap... lshjoin args...`)."""
    assert program.exists(), f"no program at {program}: build it first, or set {program.name.upper()}"
    mpirun = ["mpirun", "-n", str(ranks)] if ranks > 1 else []
    return [*mpirun, *wrap, str(program), *map(str, args)]


def start(args, ranks=1, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=None, wrap=(),
          program=BINARY, cwd=None):
    env = {**os.environ, **MPI, **(NEAR if ranks > 1 else {}), **(env or {})}
    return subprocess.Popen(command(args, ranks, wrap, program), stdin=stdin, stdout=stdout, stderr=stderr, cwd=cwd, env=env,
                            start_new_session=True)


def kill(process):
    """End the whole job, mpirun and its ranks, at once: they are what runs in the session that start() opened."""
    for entry in Path("/proc").glob("[0-9]*/stat"):
        try:
            session = int(entry.read_text().rpartition(")")[2].split()[3])
            if session == process.pid:
                os.kill(int(entry.parent.name), signal.SIGKILL)
        except (OSError, ValueError):
            pass  # gone meanwhile
    process.communicate()


def wait_for(file, seconds=60):
    """Until a file is there."""
    deadline = time.monotonic() + seconds
    while not Path(file).exists():
        assert time.monotonic() < deadline, f"{file} never came"
        time.sleep(0.02)


def run(args, ranks=1, stdin=None, timeout=120, **how):
    """Run to the end, within a hard limit of time. `stdin` is text or bytes for the program (none: an empty one)."""
    timeout *= PATIENCE
    given = stdin.encode() if isinstance(stdin, str) else stdin
    for _ in range(2):
        process = start(args, ranks, subprocess.DEVNULL if stdin is None else subprocess.PIPE, **how)
        try:
            out, err = process.communicate(given, timeout)
        except subprocess.TimeoutExpired:
            kill(process)
            raise AssertionError(f"hangs: not done after {timeout} s: {' '.join(map(str, process.args))}") from None
        # Where a job ends just when mpirun passes standard input on, mpirun itself may crash; of a rank that crashes it
        # tells in its own exit status.
        if ranks == 1 or stdin is None or process.returncode != -signal.SIGSEGV:
            break
    return Run(process.returncode, (out or b"").decode(), strip_banners(err.decode(errors="replace")))


# ---- what it wrote -------------------------------------------------------------------------------------------------

def parts(directory, suffix="*"):
    return sorted(Path(directory).glob(f"pairs-*.{suffix}"))


VALUES = {"similarity": np.float32, "containment": np.float32, "distance": np.float32, "product": np.float32, "bands": np.uint16}


def columns(file):
    """left, right, value (similarity, bands, ...) of a pairs file as it lies there, and the name of the third."""
    with h5py.File(file, "r") as f:
        third, = set(f) - {"left", "right", "rank"}
        assert f["left"].shape == f["right"].shape == f[third].shape and f["left"].ndim == 1
        assert f["left"].dtype == f["right"].dtype == np.uint64
        assert f[third].dtype == VALUES[third]
        return f["left"][:], f["right"][:], f[third][:], third


def ranks(file):
    """The rank column of a pairs file, in a list; none where it has no such column."""
    with h5py.File(file, "r") as f:
        if "rank" not in f:
            return []
        assert f["rank"].shape == f["left"].shape and f["rank"].dtype == np.uint32
        return [f["rank"][:]]


def table(left, right, value, rank=None):
    """One sorted array of pairs."""
    names = [("left", "u8"), ("right", "u8"), ("value", value.dtype)] + [("rank", "u4")] * (rank is not None)
    t = np.zeros(len(left), names)
    t["left"], t["right"], t["value"] = left, right, value
    if rank is not None:
        t["rank"] = rank
    return t[np.lexsort((t["right"], t["left"]))]


def read_h5(directory):
    """The pairs of all files of a finished run, sorted."""
    files = [[*columns(f)[:3], *ranks(f)] for f in parts(directory, "h5")]
    assert files, f"no pairs files in {directory}"
    return table(*(np.concatenate(c) for c in zip(*files)))


def read_tsv(text):
    """The pairs of a TSV with its header line (or of several after one another), sorted."""
    lines = text.splitlines()
    header = lines[0].split("\t")
    assert header[:2] == ["left", "right"] and header[2] in VALUES and header[3:] in ([], ["rank"])
    types = ["u8", "u8", VALUES[header[2]], "u4"]
    cells = [line.split("\t") for line in lines if line != lines[0]]
    return table(*(np.array([c[k] for c in cells], types[k]) for k in range(len(header))))


def read_json(directory):
    return json.loads((Path(directory) / "run.json").read_text())
