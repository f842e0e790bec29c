"""The memory of a rank: what it may be, what it is, and that it changes no pair. Peaks are what the kernel tells of each
process while it runs."""
import fcntl
import os
import re
import subprocess
import time
from pathlib import Path

import numpy as np
import pytest

from joins import BINARY, MPI, ROOT, command, read_h5, read_json, run, start, with_least_memory
from oracle import Sets, write_sets
from vectors import write_vectors

NODES = Path(os.environ.get("LSHJOIN_NODES_LIBRARY", ROOT / "build" / "tests" / "libnodes.so")).absolute()
EX_USAGE, EX_UNAVAILABLE, EX_CANTCREAT, EX_IOERR = 64, 69, 73, 74


def families(n, members=4, length=60, change=0.08, seed=1):
    rng = np.random.default_rng(seed)
    rows = np.repeat(rng.integers(0, 10**7, (n, length)), members, 0)
    rows = np.where(rng.random(rows.shape) < change, rng.integers(0, 10**7, rows.shape), rows)
    return Sets(np.arange(0, rows.size + 1, length), rows.ravel().astype("u4"))


def clusters(n, members=5, width=32, seed=2):
    rng = np.random.default_rng(seed)
    centres = np.repeat(rng.normal(size=(n, width)), members, 0)
    return (centres + 0.15 * rng.normal(size=centres.shape)).astype("f4")


# ---- the same pairs ------------------------------------------------------------------------------------------------

WORDS = ["-b 40 -r 3 --threshold 0.5", "-b 40 -r 3", "-b 40 -r 3 --pool 60 -E", "-b 40 -r 3 --threshold 0.5 --top-k 2",
         "--metric cosine -b 20 -r 16 --threshold 0.8 --probes 2", "--metric ip -b 20 -r 14 --threshold 25 --probes 2 -E",
         "--metric l2 -b 20 -r 8 --radius 1.5", "--metric l2 -b 20 -r 8 --width 6"]


@pytest.mark.parametrize("options", WORDS)
def test_bands_in_groups_find_the_same(tmp_path, options):
    """Where keys of all bands do not fit, some are signed at a time, and candidates wait in scratch files."""
    is_of_vectors = "metric" in options
    file = (write_vectors if is_of_vectors else write_sets)(
        tmp_path / "in.h5", clusters(2000) if is_of_vectors else families(2500))
    files = [file] * (2 if "-E" in options else 1)

    def join(name, ranks, run):
        run([*options.split(), "--quiet", "--scratch", tmp_path, "-o", tmp_path / name, *files], ranks).ok()
        return read_json(tmp_path / name), read_h5(tmp_path / name)

    whole, expected = join("whole", 1, run)
    assert len(expected) > 100 and whole["memory"]["bands_together"] == whole["parameters"]["bands"]
    for ranks in 1, 3:
        parts, pairs = join(f"out{ranks}", ranks, with_least_memory)
        assert parts["memory"]["bands_together"] < parts["parameters"]["bands"], "it was not in groups"
        assert pairs.tobytes() == expected.tobytes()
        assert parts["counts"]["candidates"] == whole["counts"]["candidates"]
        assert parts["counts"]["candidate_copies"] == whole["counts"]["candidate_copies"]
    assert sorted(f.name for f in tmp_path.iterdir()) == ["in.h5", "out1", "out3", "whole"], "something is left"


# ---- what does not fit ---------------------------------------------------------------------------------------------

def suggested(message):
    """The --memory, in MB, and the number of ranks that a message says would do."""
    found = re.search(r"it would take --memory (\d+)M(?:, or (\d+) ranks)?$", message)
    assert found, message
    return int(found[1]), int(found[2] or 0)


@pytest.mark.parametrize("options, memory, what", [
    ("-b 40 -r 3 --threshold 0.5", 2, "the records alone"), ("-b 40 -r 3 --threshold 0.5", 6, "records"),
    ("--threshold 0.7", 6, "records"), ("--exact --threshold 0.7", 15, "records, and what it takes"),
    ("--exact --threshold 0.7 --top-k 1000", 30, "records, and what it takes"), ("--dry-run --threshold 0.7", 6, "records")])
def test_too_little(tmp_path, fails, options, memory, what):
    """It ends before the work begins and says what would do; that does."""
    file = write_sets(tmp_path / "in.h5", families(8000))
    args = [*options.split(), "--quiet" if "dry" not in options else "--dry-run"]
    fails([*args, "--memory", f"{memory}M", file], EX_UNAVAILABLE, what)
    failed = run([*args, "--memory", f"{memory}M", "-o", tmp_path / "out", file])
    more, ranks = suggested(failed.messages[0])
    assert more > memory
    if what != "the records alone":
        if "the records alone" in failed.messages[0]:  # then comes what it takes to join them
            again = run([*args, "--force", "--memory", f"{more}M", "-o", tmp_path / "out", file])
            more, ranks = suggested(again.messages[0]) if again.rc else (more, ranks)
        run([*args, "--force", "--memory", f"{more}M", "-o", tmp_path / "out", file]).ok()
        assert failed.rc == EX_UNAVAILABLE and (ranks == 0 or 1 < ranks < 20)


def test_dry_run_of_other_ranks(tmp_path):
    """As many as a message says would do, and no fewer."""
    file = write_sets(tmp_path / "in.h5", families(8000))
    args = ["--dry-run", "--threshold", 0.7, "--memory", "8M", file]
    _, ranks = suggested(run(args).messages[0])
    assert run([*args, "--assume-ranks", ranks]).ok()
    assert run([*args, "--assume-ranks", ranks - 1]).rc == EX_UNAVAILABLE
    assert run(["--dry-run", "--threshold", 0.7, "--assume-ranks", 2, "--assume-rows", 10**12, file]).ok()


@pytest.mark.parametrize("size", ["99999999999G", "18446744073709551615K", "1e9", "-1", "0", "12Q", "1023K"])
def test_sizes_that_are_none(size):
    failed = run(["--memory", size, "-b", 1, "-r", 1, "in.h5"])
    assert failed.rc == EX_USAGE and failed.messages == [
        f"lshjoin: --memory: '{size}' is not a size from 1024K to 1073741824M (such as 256M)"]


@pytest.mark.parametrize("option, value", [("-b", "1e30"), ("-r", "99999999999"), ("--assume-rows", "99999999999999999999"),
                                           ("--assume-ranks", "4294967297"), ("--top-k", "18446744073709551617"),
                                           ("--seed", "9223372036854775808"), ("--round", "2G"), ("--files", "-1"),
                                           ("--threads", "4294967297"), ("--probes", "4294967296"), ("--pool", "1e3")])
def test_numbers_that_overflow(option, value):
    failed = run([option, value, "in.h5"])
    assert failed.rc == EX_USAGE and len(failed.messages) == 1 and f"'{value}'" in failed.messages[0]


def test_no_scratch(tmp_path, fails):
    file = write_sets(tmp_path / "in.h5", families(2500))
    fails(["-b", 40, "-r", 3, "--memory", "12M", "--quiet", "--scratch", tmp_path / "none", file], EX_CANTCREAT, "--scratch",
          "none")


def test_full_scratch(tmp_path, fails, small):
    file, scratch = write_sets(tmp_path / "in.h5", families(5000)), small("64k")
    fails(["-b", 40, "-r", 2, "--memory", "15M", "--quiet", "--scratch", scratch, file], EX_IOERR, scratch, "--scratch",
          "no space left")


# ---- peaks ---------------------------------------------------------------------------------------------------------

def peaks(process):
    """The most that each process of the job was seen to hold (Pss), by its number, while it runs."""
    most = {}
    while process.poll() is None:
        for entry in Path("/proc").glob("[0-9]*"):
            try:
                if os.readlink(entry / "exe") == str(BINARY):
                    held = int(re.search(r"^Pss: +(\d+)", (entry / "smaps_rollup").read_text(), re.M)[1]) << 10
                    if int((entry / "stat").read_text().rpartition(")")[2].split()[3]) == process.pid:
                        most[entry.name] = max(most.get(entry.name, 0), held)
            except (OSError, TypeError):
                pass  # gone meanwhile
        time.sleep(0.005)
    return list(most.values())


def check_peak(tmp_path, options, file, ranks, memory):
    """Within 110% of the budget, beside what MPI holds after its first exchange: as told, and as seen."""
    out = tmp_path / f"out-{ranks}-{memory}"
    process = start([*options.split(), "--quiet", "--memory", f"{memory}M", "--scratch", tmp_path, "-o", out, file], ranks)
    seen = peaks(process)
    assert process.wait() == 0, process.stderr.read().decode()
    process.communicate()
    told = read_json(out)["memory"]
    assert len(seen) == ranks and told["budget"] == memory << 20
    bound = 1.1 * told["budget"] + told["held_by_mpi"]
    assert told["forecast"] <= told["budget"] and told["held_by_mpi"] < 100 << 20
    assert told["peak_pss"] <= bound, f"{told}, and {max(seen)} was seen"
    assert max(seen) <= told["peak_pss"] + (4 << 20), f"{told}, and {max(seen)} was seen"
    return read_h5(out)


@pytest.mark.parametrize("options, memory", [("--threshold 0.6", 40), ("-b 60 -r 3 --threshold 0.6", 40),
                                             ("--exact --threshold 0.6", 140)])
def test_peak_of_sets(tmp_path, options, memory):
    file = write_sets(tmp_path / "in.h5", families(15000))
    assert len(check_peak(tmp_path, options, file, 2, memory)) > 10000


def check_least_peak(tmp_path, options, file):
    """With as little memory as there must be."""
    with_least_memory([*options.split(), "--force", "--quiet", "--scratch", tmp_path, "-o", tmp_path / "least", file], 2).ok()
    least = read_json(tmp_path / "least")["memory"]["budget"] >> 20
    return check_peak(tmp_path, f"{options} --force", file, 2, least)


@pytest.mark.parametrize("options", ["--threshold 0.6", "--exact --threshold 0.6", "-b 20 -r 3 --threshold 0.6 --duplicates groups"])
def test_peak_where_few_records_give_many_pairs(tmp_path, options):
    """What is held back of these, to be written, is most of it."""
    row = np.arange(60)
    sets = Sets.of([row[:59 - k % 3] for k in range(1500)])
    assert len(check_least_peak(tmp_path, options, write_sets(tmp_path / "in.h5", sets))) > (1 if "groups" in options else 10**6)


@pytest.mark.parametrize("plan", ["--threshold 0.5 --recall 0.99", "-b 20 -r 3 --threshold 0.5",
                                  "--metric containment --threshold 0.7 --recall 0.9"])
def test_peak_with_an_index(tmp_path, plan):
    """Whose lists are larger than what there must be."""
    rows = np.random.default_rng(3).permutation(families(40000).indices.reshape(-1, 60))
    old, new = (write_sets(tmp_path / f"{len(part)}.h5", Sets(np.arange(0, part.size + 1, 60), part.ravel()))
                for part in (rows[:150000], rows[150000:]))
    run([*plan.split(), "--save-index", tmp_path / "index", "--no-print", "--quiet", old], 2).ok()
    assert len(check_least_peak(tmp_path, f"--index {tmp_path / 'index'}", new)) > 10000


def test_nodes_of_unequal_numbers_of_ranks(tmp_path):
    """What ranks of a node share of an index is another part of it for each, and all cut the join alike."""
    rows = np.random.default_rng(4).permutation(families(20000).indices.reshape(-1, 60))
    old, new = (write_sets(tmp_path / f"{len(part)}.h5", Sets(np.arange(0, part.size + 1, 60), part.ravel()))
                for part in (rows[:66666], rows[66666:]))
    run(["-b", 20, "-r", 3, "--threshold", 0.5, "--save-index", tmp_path / "index", "--no-print", "--quiet", old]).ok()
    args = ["--index", tmp_path / "index", "--quiet", "-o"]
    run([*args, tmp_path / "one", new]).ok()
    wrap = ["env", f"LD_PRELOAD={NODES}"]
    with_least_memory([*args, tmp_path / "out", "--force", new], 3, wrap=wrap).ok()
    assert read_h5(tmp_path / "out").tobytes() == read_h5(tmp_path / "one").tobytes()


def test_peak_while_an_index_is_saved(tmp_path):
    """Of so small records that a band's keys are most of it."""
    file = write_sets(tmp_path / "in.h5", families(150000, length=3))
    check_least_peak(tmp_path, f"--threshold 0.9 --save-index {tmp_path / 'index'}", file)


# ---- what MPI and HDF5 need ----------------------------------------------------------------------------------------

def mounted(mount, wrapped):
    """A command line in a name space of mounts of its own, after `mount` there."""
    return ["unshare", "-m", "bash", "-c", f"{mount} && exec \"$@\"", "bash", *map(str, wrapped)]


def run_mounted(mount, args, ranks=1):
    if subprocess.run(mounted(mount, ["true"]), stderr=subprocess.DEVNULL).returncode:
        pytest.skip("no file system can be mounted here")
    return subprocess.run(mounted(mount, command(args, ranks)), env={**os.environ, **MPI}, timeout=120, capture_output=True)


def test_little_shared_memory(tmp_path):
    """Where /dev/shm has no room for its segments, MPI sends through sockets."""
    file = write_sets(tmp_path / "in.h5", families(2500))
    args = ["-b", 10, "-r", 3, "--threshold", 0.5, "--quiet", "-o"]
    run([*args, tmp_path / "out", file], 3).ok()
    done = run_mounted("mount -t tmpfs -o size=64k tmpfs /dev/shm", [*args, tmp_path / "little", file], 3)
    assert done.returncode == 0, done.stderr.decode()
    assert read_h5(tmp_path / "little").tobytes() == read_h5(tmp_path / "out").tobytes()


def test_input_that_another_holds(tmp_path):
    """Inputs are opened without locks."""
    file = write_sets(tmp_path / "in.h5", families(100))
    with open(file, "rb") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        for ranks in 1, 3:
            run(["-b", 5, "-r", 3, "--quiet", "-o", tmp_path / f"out{ranks}", file], ranks).ok()


def test_input_in_a_read_only_place(tmp_path):
    place = tmp_path / "place"
    place.mkdir()
    file = write_sets(place / "in.h5", families(100))
    done = run_mounted(f"mount --bind {place} {place} && mount -o remount,ro,bind {place}",
                       ["-b", 5, "-r", 3, "--quiet", "-o", tmp_path / "out", file])
    assert done.returncode == 0, done.stderr.decode()
