"""lshpack on genomes: FASTA and FASTQ as sets of canonical k-mers, against a counter of strings."""
import gzip
import random

import numpy as np
import pytest

from packing import (BOM, COMPRESSED, TINY, kmers, kmers_quick, pack, random_sequence, same, same_everywhere, write,
                     zstd)

R = random.Random(1)
READS = [random_sequence(R, n) for n in [0, 1, 20, 21, 22, 31, 32, 33, 61, *[R.randrange(400) for _ in range(150)]]]
NAMES = [f"read{k}" if k % 7 else f"s{k}|x;size={k}" for k in range(len(READS))]


def fasta(names, reads, width=60, end="\n"):
    """Sequences over several lines, names with a description behind them."""
    lines = []
    for k, (name, read) in enumerate(zip(names, reads)):
        lines.append(f">{name} a > description" if k % 2 else f">{name}\tof {k}" if k % 3 else f">{name}")
        lines += [read[i:i + width] for i in range(0, len(read), width)]
    return end.join(lines) + end


def fastq(names, reads, end="\n", quality="@+>!~I"):
    """Qualities in whose lines '@', '+' and '>' come first as often as others."""
    r = random.Random(2)
    return "".join(f"@{name} {k}{end}{read}{end}+{name * (k % 2)}{end}{''.join(r.choices(quality, k=len(read)))}{end}"
                   for k, (name, read) in enumerate(zip(names, reads)))


# ---- k-mers --------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("k", range(1, 33))
def test_every_k(tmp_path, k):
    path = write(tmp_path / "in.fasta", fasta(NAMES[:60], READS[:60]))
    packed = pack(tmp_path, path, f"--kmers {k}")
    packed.holds((kmers(read, k) for read in READS[:60]), np.uint32 if k <= 16 else np.uint64)
    assert packed.attrs["from"] == "fasta" and packed.attrs["k"] == k and "shingle" not in packed.attrs


def test_the_oracles_agree():
    for k in (1, 2, 5, 16, 21, 31):
        for read in READS[:40]:
            assert kmers(read, k) == kmers_quick(read, k)


def test_by_hand(tmp_path):
    """AACC is 0011 in base 4, its reverse complement GGTT is 2233; palindromes are their own."""
    path = write(tmp_path / "in.fa", ">a\nAACC\n>b\nggtt\n>c\nACGT\n>d\nUUUU\n>e\nAACNCC\n>f\nTTTTA\n")
    pack(tmp_path, path, "--kmers 4").holds([[5], [5], [27], [0], [], [0, 4 ** 3 * 3]], np.uint32)


def test_by_default_21(tmp_path):
    packed = pack(tmp_path, write(tmp_path / "in.fna", fasta(NAMES, READS)))
    packed.holds(kmers(read, 21) for read in READS)
    assert packed.attrs["k"] == 21


def test_greatest_element(tmp_path):
    """All G of 32: canonical is all C, 0x5555...; nothing is lost in the 64th bit."""
    sequence = "TTTTTTTTTTTTTTTTTTTTTTTTTTTTTTTA" + "C" * 32
    pack(tmp_path, write(tmp_path / "in.fa", f">x\n{sequence}\n>y\n{'G' * 40}\n"), "--kmers 32").holds(
        [kmers(sequence, 32), [0x5555555555555555]], np.uint64)


# ---- FASTA ---------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("width", [1, 7, 60, 1000])
@pytest.mark.parametrize("end", ["\n", "\r\n"], ids=["LF", "CRLF"])
def test_fasta_lines(tmp_path, width, end):
    text = fasta(NAMES, READS, width, end)
    packed = pack(tmp_path, write(tmp_path / "in.fa", text), "--kmers 9")
    packed.holds((kmers(read, 9) for read in READS), np.uint32)
    same(packed, pack(tmp_path, write(tmp_path / "in.fa", text.rstrip()), "--kmers 9"))


def test_fasta_everywhere(tmp_path):
    files = [write(tmp_path / "0.fa", fasta(NAMES[:90], READS[:90])), write(tmp_path / "1.fasta", ""),
             write(tmp_path / "2.fna.gz", gzip.compress(fasta(NAMES[90:120], READS[90:120]).encode())),
             write(tmp_path / "3.ffn", fasta(NAMES[120:], READS[120:], 17, "\r\n").rstrip())]
    packed = same_everywhere(tmp_path, files, "--ids --source", [
        (1, [*TINY, "-t", 4]), (2, ["-t", 4]), (3, []), (5, [*TINY, "-t", 4])])
    packed.holds((kmers(read, 21) for read in READS), np.uint64)
    assert packed.ids == [name.encode() for name in NAMES]
    for name, read, (file, offset, length) in zip(NAMES, READS, packed.source):
        content = (tmp_path / file).read_bytes()
        text = (gzip.decompress(content) if file.endswith("gz") else content)[offset:offset + length].decode()
        head, *lines = text.splitlines()
        assert head.split()[0] == f">{name}" and "".join(lines) == read


def test_fasta_cut_at_every_byte(tmp_path):
    """'>' begins a record at the start of a line only; a record that spans ranks belongs to one."""
    for pad in range(5):
        text = ">" + "p" * pad + " >x\nACGTTACG\nGATT\n\n>\nAC\n>>\r\nGATTACA\r\nACA\n>c >d\n>e\nA\nC\nG\nT\nTTT"
        packed = same_everywhere(tmp_path, write(tmp_path / "in.fa", text), "--kmers 3 --ids", [(16, [])])
        packed.holds(kmers(read, 3) for read in ["ACGTTACGGATT", "AC", "GATTACAACA", "", "ACGTTTT"])
        assert packed.ids == [b"p" * pad, b"", b">", b"c", b"e"]


def test_long_sequences(tmp_path):
    """Longer than a piece: k-mers across all its ends; the share of some ranks holds no record's start."""
    r = random.Random(5)
    known = random_sequence(r, 30011, "ACGT")
    reads = [known * 350, random_sequence(r, 5000), known[:200] * 30000]
    path = write(tmp_path / "in.fa", fasta("abc", reads, 80))
    assert path.stat().st_size > 16e6
    packed = same_everywhere(tmp_path, path, "--kmers 21", [(1, ["-t", 4, *TINY]), (3, ["-t", 2]), (5, [])])
    shorter = [known * 2, reads[1], known[:200] * 2]  # periodic: the rest repeats
    packed.holds((kmers_quick(read, 21) for read in shorter), np.uint64)


def test_fasta_begins_with_a_bom(tmp_path):
    path = write(tmp_path / "in.fa", BOM + b">a\nACGTT\n")
    packed = pack(tmp_path, path, "--kmers 3 --ids")
    packed.holds([kmers("ACGTT", 3)])
    assert packed.ids == [b"a"]


def test_one_set_a_file(tmp_path):
    """All records of a file are one set, but no k-mer spans two of them."""
    files = [write(tmp_path / "0.fa", fasta(NAMES[:50], READS[:50])), write(tmp_path / "1.fa", ""),
             write(tmp_path / "2.fa.gz", gzip.compress(fasta(NAMES[50:], READS[50:]).encode())),
             write(tmp_path / "3.fa", ">a\nAACC\n>b\nGGAA\n")]
    packed = same_everywhere(tmp_path, files, "--per-file --kmers 8 --ids --source")
    packed.holds([set().union(*(kmers(read, 8) for read in part)) for part in (READS[:50], [], READS[50:], [])])
    assert packed.ids == [str(f).encode() for f in files]
    sizes = [len(fasta(NAMES[50:], READS[50:])) if f.suffix == ".gz" else f.stat().st_size for f in files]
    assert packed.source == [(str(f), 0, size) for f, size in zip(files, sizes)]


# ---- FASTQ ---------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("end", ["\n", "\r\n"], ids=["LF", "CRLF"])
def test_fastq(tmp_path, end):
    text = fastq(NAMES, READS, end)
    packed = same_everywhere(tmp_path, write(tmp_path / "in.fastq", text), "--kmers 15 --ids --source",
                             [(2, ["-t", 4]), (3, [*TINY]), (5, ["-t", 4])])
    packed.holds((kmers(read, 15) for read in READS), np.uint32)
    assert packed.attrs["from"] == "fastq" and packed.ids == [name.encode() for name in NAMES]
    for name, read, (_, offset, length) in zip(NAMES, READS, packed.source):
        lines = text.encode()[offset:offset + length].decode().rstrip("\r\n").split(end)
        assert lines[0].split()[0] == f"@{name}" and lines[1] == read


def test_fastq_without_last_newline(tmp_path):
    packed = same_everywhere(tmp_path, write(tmp_path / "in.fq", fastq(NAMES[5:], READS[5:]).rstrip()), "", [(3, [])])
    packed.holds(kmers(read, 21) for read in READS[5:])


def test_fastq_cut_at_every_byte(tmp_path):
    """16 ranks, and one more byte in front from run to run; every line that may begins with '@' or '+'."""
    reads = ["ACG", "TTGCA", "A", "GGCC", "ACGTACGTTT", "CA", "AAC"]
    for pad in range(9):
        names = ["p" * pad, *"@+bc@+"]
        path = write(tmp_path / "in.fq", fastq(names, reads, quality=["@", "@+"][pad % 2]))
        assert path.stat().st_size <= 16 * 9, "a cut moves over all bytes between two"
        packed = same_everywhere(tmp_path, path, "--kmers 2 --ids", [(16, [])])
        packed.holds(kmers(read, 2) for read in reads)
        assert packed.ids == [name.encode() for name in names]


def test_large_fastq(tmp_path):
    """More than a piece; the pieces too are cut where '@' may mislead."""
    r = random.Random(6)
    pool = [random_sequence(r, r.randrange(10, 200)) for _ in range(300)]
    reads = r.choices(pool, k=40000)
    path = write(tmp_path / "in.fq", fastq([f"r{k}" for k in range(len(reads))], reads, quality="@@@+"))
    assert path.stat().st_size > 8e6
    packed = same_everywhere(tmp_path, path, "", [(1, ["-t", 4, *TINY]), (3, ["-t", 2])])
    known = {read: kmers_quick(read, 21) for read in pool}
    packed.holds((known[read] for read in reads), np.uint64)


@pytest.mark.parametrize("kind, make", [("fasta", fasta), ("fastq", fastq)])
@pytest.mark.parametrize("how", COMPRESSED)
def test_compressed(tmp_path, kind, make, how):
    plain = write(tmp_path / f"in.{kind}", make(NAMES, READS))
    ending, compress = COMPRESSED[how]
    packed = pack(tmp_path, write(tmp_path / f"in.{kind}{ending}", compress(plain.read_bytes())), "--ids")
    same(packed, pack(tmp_path, plain, "--ids"))
    packed.holds(kmers(read, 21) for read in READS)


@pytest.mark.parametrize("compress", [bytes, gzip.compress, zstd])
def test_standard_input(tmp_path, compress):
    content = compress(fastq(NAMES, READS).encode())
    pack(tmp_path, "-", "--from fastq", 3, stdin=content).holds(kmers(read, 21) for read in READS)
