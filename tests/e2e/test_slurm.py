"""The batch scripts of jobs/, submitted to a real Slurm of three pretended nodes, which tests/slurm/cluster.sh starts here."""
import json
import os
import re
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

import h5py
import numpy as np
import pytest

import joins
import oracle

CLUSTER = joins.ROOT / "tests" / "slurm" / "cluster.sh"
SIZE = ["--nodes=2", "--ntasks-per-node=2", "--cpus-per-task=2", "--mem-per-cpu=100", "--time=5"]
ENDED = {"COMPLETED", "FAILED", "TIMEOUT", "CANCELLED", "NODE_FAIL", "OUT_OF_MEMORY"}
# Nodes that are one machine would take each other's shared memory for their own, and Open MPI's own TCP crashes now and then where
# both sides of a connection open it at once, from one address.
ONE_MACHINE = {"OMPI_MCA_pml": "cm", "OMPI_MCA_mtl": "ofi", "OMPI_MCA_mtl_ofi_provider_include": "tcp;ofi_rxm",
               "OMPI_MCA_mpi_yield_when_idle": "1"}


@pytest.fixture(scope="session")
def slurm():
    """The environment of a user of the cluster."""
    missing = [name for name in ("slurmctld", "slurmd", "munged") if not shutil.which(name, path="/usr/sbin")]
    if missing:
        pytest.skip(f"no {', '.join(missing)} here: jobs/install-packages.sh --slurm")
    directory = tempfile.mkdtemp(prefix="slurm-", dir="/tmp")  # a short name: there are sockets in it
    try:
        up = subprocess.run([CLUSTER, "up", directory, "3", "4"], capture_output=True, text=True, timeout=120)
        assert up.returncode == 0, up.stderr
        yield {**{name: value for name, value in os.environ.items() if not name.startswith(("SLURM", "OMPI"))}, **ONE_MACHINE,
               "SLURM_CONF": up.stdout.strip()}
    finally:
        subprocess.run([CLUSTER, "down", directory], timeout=120)
        shutil.rmtree(directory, ignore_errors=True)


class Clone:
    """A clone of the project whose user edits two lines of a script and submits it."""

    def __init__(self, path, environment):
        self.path, self.environment = path, environment
        shutil.copytree(joins.ROOT / "jobs", path / "jobs")
        (path / "build").mkdir()
        self.program("lshjoin", "LSHJOIN")
        self.program("lshpack", "LSHPACK")

    def program(self, name, variable):
        link = self.path / "build" / name
        link.unlink(missing_ok=True)
        link.symlink_to(os.environ.get(variable, joins.ROOT / "build" / name))

    def edit(self, script, *lines):
        path = self.path / "jobs" / script
        for line in lines:
            name = line.partition("=")[0]
            text, n = re.subn(rf"^{name}=.*$", lambda _: line, path.read_text(), flags=re.M)
            assert n == 1, f"{script} has {n} lines {name}="
            path.write_text(text)

    def submit(self, script, *options, **environment):
        """The number of the job."""
        sbatch = subprocess.run(["sbatch", "--parsable", *SIZE, *options, f"jobs/{script}"], cwd=self.path, capture_output=True,
                                text=True, timeout=60, env={**self.environment, **environment})
        assert sbatch.returncode == 0, sbatch.stderr
        return sbatch.stdout.strip()

    def shown(self, job, field):
        show = subprocess.run(["scontrol", "show", "job", job], env=self.environment, capture_output=True, text=True, check=True, timeout=60)
        return re.findall(rf"\b{field}=(\S+)", show.stdout)

    def wait_for(self, what, timeout=240):
        end = time.monotonic() + timeout
        while not (seen := what()):
            assert time.monotonic() < end, f"nothing after {timeout} s\n{self.logs()}"
            time.sleep(0.2)
        return seen

    def wait(self, job):
        """Its exit statuses: one, or of an array those of its tasks."""
        self.wait_for(lambda: ENDED.issuperset(self.shown(job, "JobState")))
        return [int(code.partition(":")[0]) for code in self.shown(job, "ExitCode")]

    def run(self, script, *options, **environment):
        status, = self.wait(self.submit(script, *options, **environment))
        return status

    def logs(self):
        return "\n".join(log.read_text() for log in sorted(self.path.glob("*.log")))

    def pairs(self, directory):
        return joins.read_h5(self.path / directory)

    def report(self, directory):
        return joins.read_json(self.path / directory)


@pytest.fixture
def clone(slurm, tmp_path):
    return Clone(tmp_path, slurm)


def exact(found, left, right=None, threshold="0.5"):
    truth = oracle.brute_force(left, right, threshold)
    assert len(found) == len(truth) > 0
    oracle.check_verified(found, truth)


@pytest.fixture
def corpus(clone):
    sets = oracle.families(3, 60)
    oracle.write_sets(clone.path / "corpus.h5", sets)
    return sets


def test_join(clone, corpus):
    clone.edit("join.sbatch", "input=corpus.h5", "options=(--exact --threshold 0.5 -o found)")
    assert clone.run("join.sbatch") == 0
    exact(clone.pairs("found"), corpus)
    assert (clone.report("found")["ranks"], clone.report("found")["threads"]) == (4, 2)
    assert "on 2 nodes, by srun --mpi=pmix" in clone.logs() and clone.logs().endswith(": done\n")


def test_without_pmix_mpirun_starts_the_ranks(clone, corpus):
    (clone.path / "bin").mkdir()
    srun = clone.path / "bin" / "srun"  # one that knows no PMIx; mpirun needs the true one
    srun.write_text(f'#!/bin/sh\ncase "$*" in --mpi=list) echo none ;; *) exec {shutil.which("srun")} "$@" ;; esac\n')
    srun.chmod(0o755)
    others = oracle.families(4, 60)
    oracle.write_sets(clone.path / "others.h5", oracle.Sets.of(others.rows() + corpus.rows()[:40]))
    clone.edit("join-two.sbatch", "inputs=(corpus.h5 others.h5)", "options=(--exact --threshold 0.5 -o found)")
    assert clone.run("join-two.sbatch", PATH=f"{srun.parent}:{os.environ['PATH']}") == 0
    exact(clone.pairs("found"), corpus, oracle.Sets.of(others.rows() + corpus.rows()[:40]))
    assert (clone.report("found")["ranks"], clone.report("found")["threads"]) == (4, 2)
    assert "by mpirun" in clone.logs()


def test_a_launcher_can_be_given(clone, corpus):
    clone.edit("join.sbatch", "options=(--exact --threshold 0.5 -o found)")
    assert clone.run("join.sbatch", LSHJOIN_LAUNCHER="mpirun --bind-to none --report-pid -") == 0
    exact(clone.pairs("found"), corpus)
    assert "by mpirun --bind-to none --report-pid -" in clone.logs()


def test_failures_are_loud(clone):
    clone.edit("join.sbatch", "input=missing.h5")
    assert clone.run("join.sbatch") == 66
    assert "FAILED with status 66: an input that cannot be read" in clone.logs()
    (clone.path / "build" / "lshjoin").unlink()
    assert clone.run("join.sbatch", PATH="/usr/bin:/bin") == 127
    assert "no program lshjoin" in clone.logs()


def test_no_success_without_output(clone, corpus):
    """srun has been seen to start no rank and say 0."""
    clone.edit("join.sbatch", "options=(--threshold 0.5 -o found)")
    assert clone.run("join.sbatch", LSHJOIN_LAUNCHER="true") == 70
    clone.edit("join.sbatch", "options=(--threshold 0.5)")
    assert clone.run("join.sbatch") == 64
    assert "found/run.json was not written" in clone.logs() and "no output is named" in clone.logs()


def test_out_of_time(clone, corpus):
    clone.program("lshjoin", "LSHJOIN_FAULTS")
    clone.edit("join.sbatch", "options=(-b 4 -r 2 --threshold 0.5 -o found)")
    assert clone.run("join.sbatch", "--time=2", LSHJOIN_FAULT=f"exchange:0:1:hold={clone.path}/held") == 124
    assert (clone.path / "held").exists() and "FAILED with status 124: out of time" in clone.logs()
    assert not (clone.path / "found" / "run.json").exists()


def test_array(clone, corpus):
    shards = [oracle.Sets.of(corpus.rows()[k::3]) for k in range(3)]
    (clone.path / "shards").mkdir()
    for k, shard in enumerate(shards):
        oracle.write_sets(clone.path / "shards" / f"part-{k}.h5", shard)
    clone.edit("array.sbatch", "reference=corpus.h5 shards=(shards/*.h5)", "options=(--exact --threshold 0.5)")
    assert sorted(clone.wait(clone.submit("array.sbatch", "--array=0-3"))) == [0, 0, 0, 64]
    for k, shard in enumerate(shards):
        exact(clone.pairs(f"pairs/part-{k}"), shard, corpus)
    assert "no shard for task 3" in clone.logs() and "WARNING" not in clone.logs()


def test_array_with_too_few_tasks(clone, corpus):
    (clone.path / "shards").mkdir()
    for k in range(3):
        oracle.write_sets(clone.path / "shards" / f"part-{k}.h5", corpus)
    clone.edit("array.sbatch", "reference=corpus.h5 shards=(shards/*.h5)")
    assert clone.wait(clone.submit("array.sbatch", "--array=1")) == [0]
    assert [found.name for found in (clone.path / "pairs").iterdir()] == ["part-1"]
    assert "WARNING: no task for shards 2 to 2" in clone.logs()


def test_scaling(clone, corpus):
    clone.edit("scaling.sbatch", "options=(--exact --threshold 0.5)")
    clone.edit("scaling.sbatch", "out=scaling repeats=2")
    assert clone.run("scaling.sbatch", "--nodes=3", "--ntasks-per-node=1") == 0, clone.logs()
    tables = (clone.path / "scaling" / "scaling.md").read_text().split("Weak scaling")
    cells = [[row.strip("|\n ").split(" | ") for row in table.splitlines() if re.match(r"\| \d", row)] for table in tables]
    part = oracle.Sets.of(corpus.rows()[:len(corpus) // 3])
    pairs, of_part = len(oracle.brute_force(corpus)), len(oracle.brute_force(part))
    assert [row[:5] for row in cells[0]] == [[f"{n}", f"{n}", "2", f"{len(corpus)}", f"{pairs}"] for n in (1, 2, 3)]
    assert [row[:5] for row in cells[1]] == [[f"{n}", f"{n}", "2", f"{n * len(part)}", f"{n * of_part}"] for n in (1, 2, 3)]
    assert (clone.path / "scaling" / "scaling.png").read_bytes().startswith(b"\x89PNG")


def test_resume(clone, corpus):
    """Slurm's signal before the time limit ends a run that is held while it keeps a third step; the job goes back into the queue, and on, by itself."""
    clone.program("lshjoin", "LSHJOIN_FAULTS")
    clone.edit("resume.sbatch", "options=(-b 12 -r 2 --threshold 0.5 --round 4K -o found --checkpoint kept --checkpoint-every 0)")
    held = clone.path / "held"
    job = clone.submit("resume.sbatch", "--time=3", "--signal=B:USR1@100", LSHJOIN_FAULT=f"keep:0:3:hold={held}")
    clone.wait_for(held.exists)
    kept = clone.wait_for(lambda: list((clone.path / "kept").iterdir()))
    clone.wait_for(lambda: "USR1: passed on to the ranks" in clone.logs())
    held.unlink()
    clone.wait_for(lambda: "not done yet: back into the queue" in clone.logs())
    clone.wait_for(lambda: held.unlink(missing_ok=True) or ENDED.issuperset(clone.shown(job, "JobState")))  # should it be held again
    assert clone.wait(job) == [0], clone.logs()
    assert clone.shown(job, "Restarts") == ["1"] and clone.logs().count("by srun --mpi=pmix: lshjoin") == 2
    assert "lshjoin: going on from kept" in clone.logs()
    found = joins.run(["-b", "12", "-r", "2", "--threshold", "0.5", "-o", clone.path / "whole", clone.path / "corpus.h5"]).ok()
    np.testing.assert_array_equal(clone.pairs("found"), clone.pairs("whole"))
    assert kept and not list((clone.path / "kept").iterdir())


def test_dedup(clone):
    """Of texts of which many are equal but for a word at their end, one of each family is kept, as it stood."""
    rng = np.random.default_rng(8)
    families = [rng.integers(0, 10**6, 40).astype(str).tolist() for _ in range(50)]
    texts = [" ".join([*words, f"v{k}"]) for k in range(4) for words in families]
    lines = [json.dumps({"id": k, "text": texts[k]}) + "\n" for k in rng.permutation(len(texts)).tolist()]
    (clone.path / "corpus").mkdir()
    for part in range(2):
        (clone.path / "corpus" / f"{part}.jsonl").write_text("".join(lines[part * 100:part * 100 + 100]))
    clone.edit("dedup.sbatch", "corpus=(--words 3 --text-field text corpus/*.jsonl)", "options=(--exact --threshold 0.8)")
    job = clone.submit("dedup.sbatch")
    assert clone.wait(job) == [0], clone.logs()
    out = clone.path / f"dedup-{job}"
    first = {}
    for line in lines:
        first.setdefault(json.loads(line)["id"] % 50, line)
    assert (out / "kept").read_text() == "".join(line for line in lines if line in first.values())
    with h5py.File(out / "groups" / "clusters.h5") as file:
        assert file["keep"][:].sum() == 50
    assert "--memory 150M" in clone.logs()
