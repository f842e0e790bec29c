"""A job that is ended in the middle goes on from its checkpoint, with any number of ranks, and finds what it would have found."""
import os
import shutil
import signal
import time
from pathlib import Path

import numpy as np
import pytest

import joins
from joins import FAULTS, read_h5, read_json, run, wait_for
from oracle import families, write_sets
from vectors import clusters, write_vectors

FAMILIES, CLUSTERS = families(5, 150), clusters(6, 150)
MANY, MANY_CLUSTERS = families(7, 1500), clusters(8, 1450)  # exact joins' steps are of 2,048 rows

# name: inputs, options. Rounds are small, so that steps are.
JOBS = {
    "sketches": ([FAMILIES], "--threshold 0.5 --round 4K"),
    "sketches of vectors, two inputs": ([CLUSTERS[:400], CLUSTERS[300:]], "--threshold 0.9 --round 4K"),
    "words": ([FAMILIES], "-b 12 -r 3 --threshold 0.5 --round 4K"),
    "words of many bands": ([FAMILIES], "-b 300 -r 4 --threshold 0.5 --round 64K"),  # of which digests tell copies apart here alone
    "words without a threshold": ([FAMILIES], "-b 12 -r 3 --round 4K"),
    "groups of identical sets": ([FAMILIES], "-b 12 -r 3 --threshold 0.5 --duplicates groups --round 4K"),
    "probes": ([CLUSTERS], "-b 6 -r 10 --probes 5 --threshold 0.8 --round 4K"),
    "containment": ([FAMILIES], "--metric containment --threshold 0.5 --recall 0.8 --round 16K"),
    "top-k": ([FAMILIES], "-b 12 -r 2 --top-k 3 --round 4K"),
    "exact": ([MANY], "--exact --threshold 0.5"),
    "exact, containment": ([MANY], "--exact --metric containment --threshold 0.5"),
    "exact, two inputs": ([MANY_CLUSTERS, MANY_CLUSTERS[::-1]], "--exact --threshold 0.9"),
    "exact, nearest": ([MANY_CLUSTERS], "--exact --top-k 3 --threshold 0.7"),
    "new against old": ([FAMILIES, FAMILIES.shuffled(1)], "--threshold 0.5 --round 4K --against"),
    "exact, new against old": ([MANY, MANY.shuffled(1)], "--exact --threshold 0.5 --against"),
    "products": ([CLUSTERS[:300], CLUSTERS[200:]], "-b 12 -r 6 --metric ip --threshold 0.5 --round 4K"),
}


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    directory = tmp_path_factory.mktemp("inputs")

    def write(inputs):
        names = []
        for k, data in enumerate(inputs):
            name = directory / f"{id(data)}-{k}.h5"
            if not name.exists():
                (write_vectors if isinstance(data, np.ndarray) else write_sets)(name, data)
            names.append(name)
        return names

    return write


class Job:
    """A job with a checkpoint; `fault` is PLACE:RANK:NTH:ACTION."""

    def __init__(self, tmp_path, names, options):
        self.out, self.kept = tmp_path / "out", tmp_path / "kept"
        self.args = ["-o", self.out, "--checkpoint", self.kept, *options.split(), *names]

    def run(self, *more, ranks=1, fault=None, timeout=60):
        how = dict(program=FAULTS, env={"LSHJOIN_FAULT": fault}) if fault else {}
        return run([*self.args, *more], ranks, timeout=timeout, **how)

    def start(self, *more, ranks=1, fault=None):
        return joins.start([*self.args, *more], ranks, program=FAULTS, env={"LSHJOIN_FAULT": fault})


@pytest.fixture
def job(tmp_path, files):
    return lambda inputs, options: Job(tmp_path, files(inputs), options)


def looks_finished(directory):
    return [f.name for f in directory.glob("*") if f.name == "run.json" or f.name.startswith("pairs")]


def counts(directory):
    return {k: v for k, v in read_json(directory)["counts"].items() if k in ("candidates", "pairs", "records", "tuples")}


def check_same(join, inputs, options, out):
    """What an uninterrupted run finds and counts."""
    whole = join(inputs, options)
    assert len(whole.pairs) > 100
    assert whole.pairs.tobytes() == read_h5(out).tobytes()
    assert counts(whole.dir) == counts(out)


@pytest.mark.parametrize("name", JOBS)
def test_resumed_pairs_equal_an_uninterrupted_runs(join, job, name):
    """Killed at the second checkpoint, with other ranks once more, and then let through, all the rest in one round and batch."""
    inputs, options = JOBS[name]
    j = job(inputs, options)
    died = j.run("--checkpoint-every", 0, fault="commit:0:2:kill")
    assert died.rc != 0 and looks_finished(j.out) == []
    died = j.run("--checkpoint-every", 0, "--resume", ranks=3, fault="keep:2:2:kill")
    assert died.rc != 0 and looks_finished(j.out) == []
    j.run("--resume", "--round", "16M").ok()
    assert read_json(j.out)["checkpoint"]["resumed_at_step"] >= 2
    check_same(join, inputs, options, j.out)
    assert list(j.kept.iterdir()) == []


def test_killed_at_every_step(join, job):
    """One step a run, on 1, 2, 3 and 5 ranks in turns."""
    inputs, options = [FAMILIES], "-b 8 -r 3 --threshold 0.5 --round 4K"
    j, shapes = job(inputs, options), [1, 2, 3, 5]
    for k in range(40):
        done = j.run("--checkpoint-every", 0, *["--resume"] * (k > 0), ranks=shapes[k % 4], fault="commit:0:2:kill")
        if done.rc == 0:
            break
    assert k >= 5 and read_json(j.out)["checkpoint"]["resumed_at_step"] >= 5
    check_same(join, inputs, options, j.out)


def test_a_kill_before_the_report_is_resumed(join, job):
    """Files of pairs that have their names, but belong to a run that never got its run.json, are in nobody's way."""
    inputs, options = JOBS["sketches"]
    j = job(inputs, options)
    assert j.run("--checkpoint-every", 0, ranks=2, fault="report:0:1:kill").rc != 0
    assert (j.out / "pairs.h5").exists() and not (j.out / "run.json").exists()
    assert "earlier run" in j.run().err
    j.run("--resume", ranks=2).ok()
    check_same(join, inputs, options, j.out)
    assert "holds a finished run" in j.run("--resume").err


# ---- states that do not fit ----------------------------------------------------------------------------------------

@pytest.fixture(scope="module")
def remains(tmp_path_factory, files):
    """What a job leaves that dies on 2 ranks with two steps done."""
    inputs, options = JOBS["sketches"]
    j = Job(tmp_path_factory.mktemp("died"), files(inputs), options)
    assert j.run("--checkpoint-every", 0, ranks=2, fault="commit:0:3:kill").rc != 0
    return j.kept


@pytest.fixture
def died(job, remains):
    j = job(*JOBS["sketches"])
    shutil.copytree(remains, j.kept)
    return j


def refused(j, ranks, *more, status, says):
    failed = j.run(*more, ranks=ranks)
    assert failed.rc == status and len(failed.messages) == 1, failed.err
    for word in says:
        assert word in failed.messages[0]
    assert looks_finished(j.out) == []


@pytest.mark.parametrize("ranks", [1, 3])
def test_another_jobs_state_is_refused(died, ranks, tmp_path):
    refused(died, ranks, status=os.EX_CANTCREAT, says=["--resume", "--force", str(died.kept)])
    args = died.args
    died.args = [{"0.5": "0.6"}.get(a, a) for a in args]
    refused(died, ranks, "--resume", "--quiet", status=os.EX_USAGE, says=["--threshold", "0.5", "0.6"])
    died.args = [*args, "-E", "--quiet"]
    refused(died, ranks, "--resume", status=os.EX_USAGE, says=["--exclusive"])
    died.args = [*args[:-1], write_sets(tmp_path / "other.h5", families(7, 150)), "--quiet"]
    refused(died, ranks, "--resume", status=os.EX_DATAERR, says=["another job"])
    same = write_sets(tmp_path / "same.h5", FAMILIES.shuffled(1), indptr="i4")  # the same sets, written otherwise
    died.args = [*args[:-1], same, "--quiet"]
    died.kept.chmod(0o755)
    died.run("--resume", ranks=ranks).ok()
    assert died.kept.stat().st_mode & 0o777 == 0o700


def test_force_starts_anew_and_nothing_to_resume_is_said(died):
    anew = died.run("--force").ok()
    assert read_json(died.out)["checkpoint"]["resumed_at_step"] == 0 and "going on" not in anew.err
    again = died.run("--resume", "--force").ok()
    assert "nothing to resume" in again.err
    assert died.kept.stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize("ranks", [1, 3])
def test_a_job_that_cannot_begin_leaves_the_state(died, ranks):
    before = {f.name: f.read_bytes() for f in died.kept.iterdir()}
    whole = list(died.args)
    for more, status in (["--memory", "1M"], os.EX_UNAVAILABLE), (["--metric", "cosine"], os.EX_DATAERR):
        died.args = [*whole, *more]
        refused(died, ranks, "--force", "--quiet", status=status, says=[])
    died.args = [*whole, "-b", "12", "-r", "3", "--max-bucket", "9"]
    refused(died, ranks, "--force", "--quiet", status=os.EX_USAGE, says=["--max-bucket"])
    died.args = [*whole[:-1], "nowhere.h5"]
    refused(died, ranks, "--force", "--quiet", status=os.EX_NOINPUT, says=["nowhere.h5"])
    assert {f.name: f.read_bytes() for f in died.kept.iterdir()} == before


@pytest.mark.parametrize("ranks", [1, 3])
def test_the_output_is_no_place_for_a_checkpoint(job, ranks):
    j = job(*JOBS["sketches"])
    j.args[j.args.index(j.kept)] = j.out
    refused(j, ranks, status=os.EX_CANTCREAT, says=["a directory of their own"])


@pytest.mark.parametrize("ranks", [1, 3])
@pytest.mark.parametrize("harm", ["flip", "cut", "gone", "head", "state", "cut state"])
def test_a_damaged_checkpoint_is_told(died, ranks, harm):
    state = "state" in harm
    file = died.kept / "state.json" if state else sorted(died.kept.glob("step-*.pairs"))[0]
    content = bytearray(file.read_bytes())
    if harm == "gone":
        file.unlink()
    elif "cut" in harm:
        file.write_bytes(content[:-24])
    else:
        at = {"flip": len(content) - 5, "head": 9, "state": content.find(b'"next": ') + 8}[harm]
        content[at] ^= 1
        file.write_bytes(content)
    status = os.EX_NOINPUT if harm == "gone" else os.EX_DATAERR
    refused(died, ranks, "--resume", "--quiet", status=status, says=[str(file), "cannot be read" if harm == "gone" else "damaged"])


def test_what_is_not_committed_is_ignored_and_removed(join, died):
    for name in ("step-000000099-rank-00000.pairs", ".rank-00007.pairs.part", ".state.json.part"):
        (died.kept / name).write_bytes(b"rubbish")
    (died.kept / "mine.txt").write_text("not the job's")
    died.run("--resume", ranks=2).ok()
    assert [f.name for f in died.kept.iterdir()] == ["mine.txt"]


def test_two_jobs_do_not_share_a_checkpoint(job, tmp_path):
    j, held = job(*JOBS["sketches"]), tmp_path / "held"
    first = j.start(fault=f"verify:0:1:hold={held}")
    wait_for(held)
    j.args[j.args.index(j.out)] = tmp_path / "elsewhere"
    assert "another job keeps its checkpoints there" in j.run().err
    held.unlink()
    assert first.wait(60) == 0
    first.communicate()


def test_bands_that_do_not_fit_at_once_are_refused(tmp_path, files):
    """Without a checkpoint they would be worked on in groups."""
    j = Job(tmp_path, files([families(9, 2500)]), "-b 40 -r 3 --threshold 0.5 --scratch .")
    refused = j.run("--memory", "10M")
    assert refused.rc == os.EX_UNAVAILABLE and "it would take --memory" in refused.err
    assert looks_finished(j.out) == []


# ---- signals -------------------------------------------------------------------------------------------------------

def ranks_of(process):
    children = [int(p) for t in Path(f"/proc/{process.pid}/task").glob("*/children") for p in t.read_text().split()]
    return children or [process.pid]


def interrupt(j, ranks, number, held, more=(), to_ranks=False):
    """Start, wait for the first comparison of the last rank, send the signal, let it go on. Returns status and messages."""
    process = j.start(*more, ranks=ranks, fault=f"verify:{ranks - 1}:2:hold={held}")
    try:
        wait_for(held)
        for pid in ranks_of(process) if to_ranks else [process.pid]:
            os.kill(pid, number)
        time.sleep(0.3)  # mpirun passes it on
        held.unlink()
        _, err = process.communicate(timeout=30)
    finally:
        joins.kill(process)
    return process.returncode, [line for line in joins.strip_banners(err.decode()).splitlines() if "interrupted" in line]


@pytest.mark.parametrize("ranks,number,to_ranks", [(1, signal.SIGUSR1, False), (3, signal.SIGUSR1, False),
                                                   (3, signal.SIGUSR1, True), (1, signal.SIGINT, False),
                                                   (3, signal.SIGTERM, True)])
def test_a_signal_ends_a_job_that_can_be_resumed(join, job, tmp_path, ranks, number, to_ranks):
    inputs, options = JOBS["sketches"]
    j = job(inputs, options)
    rc, said = interrupt(j, ranks, number, tmp_path / "held", to_ranks=to_ranks)
    assert rc == os.EX_TEMPFAIL and len(said) == 1
    assert number.name in said[0] and "--resume" in said[0]
    assert looks_finished(j.out) == [] and (j.kept / "state.json").exists()
    j.run("--resume", ranks=2).ok()
    assert read_json(j.out)["checkpoint"]["resumed_at_step"] > 0
    check_same(join, inputs, options, j.out)


@pytest.mark.parametrize("ranks,number", [(1, signal.SIGTERM), (3, signal.SIGUSR1)])
def test_a_signal_without_a_checkpoint(job, tmp_path, ranks, number):
    j = job(*JOBS["sketches"])
    at = j.args.index("--checkpoint")
    del j.args[at:at + 2]
    rc, said = interrupt(j, ranks, number, tmp_path / "held")
    assert rc == os.EX_TEMPFAIL and len(said) == 1 and "--resume" not in said[0]
    assert list(j.out.iterdir()) == []


@pytest.mark.parametrize("ranks", [1, 3])
def test_a_signal_before_the_job_has_begun(job, tmp_path, ranks):
    """It comes before MPI has started, to one rank, and is heard when ranks agree for the first time."""
    j, held = job(*JOBS["sketches"]), tmp_path / "held"
    process = j.start(ranks=ranks, fault=f"start:{ranks - 1}:1:hold={held}")
    wait_for(held)
    os.kill(ranks_of(process)[-1], signal.SIGUSR1)
    held.unlink()
    _, err = process.communicate(timeout=30)
    assert process.returncode == os.EX_TEMPFAIL
    assert err.decode().count("interrupted by SIGUSR1") == 1
    assert not j.out.exists() and not j.kept.exists()


def test_a_network_that_stands_still(job):
    """A rank that stops is to the others what a cut cable is."""
    j = job(*JOBS["sketches"])
    stalled = j.run("--stall-timeout", 2, ranks=3, fault="verify:1:2:stop", timeout=30)
    assert stalled.rc == os.EX_TEMPFAIL
    assert "no exchange has finished for" in stalled.messages[0] and "--stall-timeout" in stalled.messages[0]
    assert looks_finished(j.out) == []


@pytest.mark.parametrize("args,says", [(["--resume"], "--checkpoint"), (["--checkpoint-every", 1], "--checkpoint"),
                                       (["--checkpoint", ""], "directory"), (["--stall-timeout", 0], "--stall-timeout")])
def test_options(args, says, tmp_path):
    failed = run([*args, "--threshold", "0.5", "nothing.h5"])
    assert failed.rc == os.EX_USAGE and says in failed.messages[0]
