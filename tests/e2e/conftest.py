import itertools
import subprocess
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

import joins
import oracle
import vectors


@dataclass
class Output:
    run: joins.Run
    dir: Path

    @property
    def pairs(self):
        return joins.read_h5(self.dir)

    @property
    def report(self):
        return joins.read_json(self.dir)


@pytest.fixture
def join(tmp_path):
    """join(inputs, options, ...) runs lshjoin into a new directory and expects it to succeed.

    `inputs` is a path, Sets or an array of vectors (written to a file first), or a list of up to two of these;
    `options` one string; where it ends with --against, the first input is what that names.
    """
    number = itertools.count()

    def call(inputs, options, **how):
        k = next(number)
        files = []
        for given in inputs if isinstance(inputs, list) else [inputs]:
            if isinstance(given, oracle.Sets):
                given = oracle.write_sets(tmp_path / f"in{k}-{len(files)}.h5", given)
            elif isinstance(given, np.ndarray):
                given = vectors.write_vectors(tmp_path / f"in{k}-{len(files)}.h5", given)
            files.append(given)
        out = tmp_path / f"out{k}"
        return Output(joins.run(["-o", out, *options.split(), *files], **how).ok(), out)

    return call


@pytest.fixture(scope="session")
def shared():
    """The folder of foreign data beside the project, where there is one."""
    if not joins.SHARED.is_dir():
        pytest.skip(f"no foreign data here: {joins.SHARED} is missing")
    return joins.SHARED


@pytest.fixture(params=[1, 3], ids=["1 rank", "3 ranks"])
def fails(request, tmp_path):
    """Run and check what every failing run has in common; `says` are words of the message."""

    def check(args, status, *says, stdin=None, out=tmp_path / "out", ranks=request.param):
        where = ["-o", out] if out else []
        failed = joins.run([*args, *where], ranks, stdin=stdin, timeout=60)
        statuses = status if isinstance(status, tuple) else (status,)
        assert failed.rc in statuses, f"exit status {failed.rc}\n{failed.err}"
        assert len(failed.messages) == 1, failed.err
        more = [line for line in failed.err.splitlines() if line != failed.messages[0]]
        assert all(line.lower().startswith(("try", "usage")) for line in more), failed.err
        for word in says:
            assert str(word).lower() in failed.messages[0].lower()
        assert failed.out == ""
        looks = [f.name for f in tmp_path.rglob("*") if f.name == "run.json" or f.name.startswith("pairs")]
        assert looks == []

    return check


@pytest.fixture
def small(tmp_path):
    """small(size): a directory that has room for so much, where root may mount one."""
    place = tmp_path / "small"
    place.mkdir()

    def mount(size):
        if subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", place], stderr=subprocess.DEVNULL).returncode:
            pytest.skip("no file system can be mounted here")
        return place

    yield mount
    subprocess.run(["umount", place], stderr=subprocess.DEVNULL)
