"""lshpack's memory: about what --memory says, whatever it makes of the text."""
import re
import sys

import pytest

from packing import pack, random_lines

MIB = 1 << 20
BARE = 60  # MiB of libraries, of MPI, and of pieces that cannot be smaller
PEAK = [sys.executable, "-c", """
import resource, subprocess, sys
status = subprocess.run(sys.argv[1:]).returncode
print(f"peak {resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss >> 10};", file=sys.stderr)
sys.exit(status)"""]


@pytest.fixture(scope="module")
def text(tmp_path_factory):
    """40 MB of text, every line with an id."""
    path = tmp_path_factory.mktemp("in") / "in.txt"
    lines = random_lines(31, 5000)
    with open(path, "w") as f:
        while f.tell() < 40 * MIB:
            f.writelines(f"some id of a line\t{line}\n" for line in lines)
    return path


@pytest.mark.parametrize("options", ["--words 3", "--chars 5", "--chars 5 -t 4", "--chars 5 --ids --source -t 2"])
@pytest.mark.parametrize("ranks", [1, 3])
def test_memory_of_sets_that_do_not_fit(tmp_path, text, options, ranks):
    budget = 32
    said = pack(tmp_path, text, [*options.split(), "--memory", f"{budget}M"], ranks, wrap=PEAK).said
    peaks = [int(peak) for peak in re.findall(r"peak (\d+);", said.err)]  # mpirun may run lines of ranks together
    assert len(peaks) == ranks
    # of parallel writing by all ranks some of them hold two parts
    assert max(peaks) < BARE + budget + (ranks > 1) * budget / 4 * 3
