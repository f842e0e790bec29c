"""lshpack where it takes long: a line of 100 MB, and k-mers of real reads joined."""
import gzip
import random
import subprocess
from pathlib import Path

import numpy as np
import pytest
import xxhash

from oracle import brute_force, check_mean, check_verified, law, similarity, simulate
from packing import TINY, kmers_quick, pack, run, same_everywhere, shingles, write
from test_pack_join import as_sets, join, only

READS = Path("/usr/share/doc/vsearch-examples/BioMarKs50k.fsa.gz")


@pytest.fixture(scope="module")
def long_line(tmp_path_factory):
    """Lines around one of 100 MB, and the number of the words that it repeats."""
    r = random.Random(1)
    known = [f"{r.randrange(16**9):09x}" for _ in range(2_000_000)]
    line = " ".join(known * 5)
    assert len(line) > 99e6
    path = tmp_path_factory.mktemp("long") / "in.txt"
    path.write_text(f"the first line\n{line}\nthe last line\n")
    return path, known


@pytest.mark.parametrize("name", ["plain", "gz"])
def test_a_line_of_100_MB(tmp_path, long_line, name):
    path, known = long_line
    if name == "gz":
        subprocess.run(f"gzip -1 < {path} > {tmp_path}/in.txt.gz", shell=True, check=True)
        path = tmp_path / "in.txt.gz"
    packed = same_everywhere(tmp_path, path, "--source", [(1, [*TINY, "-t", 4]), (3, ["-t", 2]), (5, [])])
    ring = known + known[:2]  # it repeats, so that its shingles are those of a ring
    expected = np.array([xxhash.xxh3_64_intdigest(" ".join(ring[k:k + 3])) for k in range(len(known))], "u8")
    at = packed.data["sets/indptr"].tolist()
    assert len(packed) == 3 and at[1] == 1 and at[3] - at[2] == 1
    np.testing.assert_array_equal(packed.indices[at[1]:at[2]], np.unique(expected))
    assert packed.sets[0] == sorted(shingles("the first line")) and packed.sets[2] == sorted(shingles("the last line"))
    assert [s[1] for s in packed.source] == [0, 15, 15 + 10 * len(known) * 5]


def test_a_mistake_behind_a_long_line(tmp_path):
    """The share of the last rank is but the end of the line."""
    path = write(tmp_path / "in", "1\n" + "12345678 " * 11_000_000 + "\nx\n")
    failed = run(["--from", "ints", "-o", tmp_path / "out.h5", path], 3)
    assert failed.rc == 65 and f"{path}:3: " in failed.err and len(failed.messages) == 1
    assert list(tmp_path.iterdir()) == [path]


def read_fasta(path, count):
    sequences = []
    for line in gzip.open(path, "rt"):
        if line.startswith(">"):
            if len(sequences) == count:
                break
            sequences.append("")
        else:
            sequences[-1] += line.strip()
    return sequences


def test_rrna_reads(tmp_path):
    """The first 10,000 reads of vsearch's example: 94,562 pairs of canonical 21-mer sets at J >= 0.8."""
    if not READS.exists():
        pytest.skip("vsearch-examples is not installed")
    reads = read_fasta(READS, 10000)
    head = write(tmp_path / "in.fa", "".join(f">{k}\n{read}\n" for k, read in enumerate(reads)))
    packed = same_everywhere(tmp_path, head, "", [(3, ["-t", 2])])
    sets = [kmers_quick(read, 21) for read in reads]
    packed.holds(sets, np.uint64)
    whole = pack(tmp_path, READS, "--from fasta --ids", 2)
    assert len(whole) == 50000 and whole.sets[:10000] == packed.sets

    sets = as_sets(sets)
    truth = brute_force(sets, threshold="0.8")
    assert len(truth) == 94562
    bands, rows = 8, 10
    founds = [join(packed.path, ["-b", bands, "-r", rows, "--threshold", "0.8", "-s", seed], tmp_path / f"out{seed}")
              for seed in range(4)]
    for found in founds:
        check_verified(found, truth)
    simulated = (simulate(only(sets, truth), None, truth, bands, rows, trials=12) > 0).sum(1)
    check_mean([len(found) for found in founds], law(similarity(truth), bands, rows).sum(), simulated)
