import itertools
from dataclasses import dataclass
from pathlib import Path

import pytest

import joins
import oracle


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

    `inputs` is a path, Sets (written to a file first), or a list of up to two of these; `options` one string.
    """
    number = itertools.count()

    def call(inputs, options, **how):
        k = next(number)
        files = []
        for given in inputs if isinstance(inputs, list) else [inputs]:
            if isinstance(given, oracle.Sets):
                given = oracle.write_sets(tmp_path / f"in{k}-{len(files)}.h5", given)
            files.append(given)
        out = tmp_path / f"out{k}"
        return Output(joins.run([*options.split(), "-o", out, *files], **how).ok(), out)

    return call


@pytest.fixture(scope="session")
def shared():
    """The folder of foreign data beside the project, where there is one."""
    if not joins.SHARED.is_dir():
        pytest.skip(f"no foreign data here: {joins.SHARED} is missing")
    return joins.SHARED
