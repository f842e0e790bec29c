"""Bad input of lshpack: one message with file and line, the right exit status, no file left, no hang."""
import gzip
import json
import os
import random
import re
import signal
import subprocess
import time
import zlib
from contextlib import contextmanager

import numpy as np
import pytest

from joins import start
from packing import (BINARY, QUICK, TINY, Packed, line_sets, pack, random_lines, run, same, same_everywhere, shingles,
                     write, zstd)
from test_pack_numbers import matrix, npy, vecs

USAGE, DATA, NO_INPUT, NOT_CREATED, IO_ERROR = 64, 65, 66, 73, 74


@contextmanager
def untouched(folder):
    """Nothing comes, goes or changes in a folder."""
    def look():
        return {f: f.read_bytes() for f in folder.rglob("*") if f.is_file()}
    before = look()
    yield
    after = look()
    assert sorted(after) == sorted(before)
    assert after == before


@pytest.fixture(params=[1, 3], ids=["1 rank", "3 ranks"])
def refuses(request, tmp_path):
    """Run and check what every failing run has in common; `says` are regular expressions for the message."""

    def check(args, status, *says, stdin=None, out=tmp_path / "out.h5", ranks=request.param):
        where = ["-o", out] if out else []
        with untouched(tmp_path):
            failed = run([*args, *where], ranks, stdin=stdin, timeout=60)
        statuses = status if isinstance(status, tuple) else (status,)
        assert failed.rc in statuses, f"exit status {failed.rc}\n{failed.err}"
        assert len(failed.messages) == 1 and "(null)" not in failed.err, failed.err
        more = [line for line in failed.err.splitlines() if line != failed.messages[0]]
        assert all(line.lower().startswith(("try", "usage")) for line in more), failed.err
        for pattern in says:
            assert re.search(pattern, failed.messages[0], re.I), f"no {pattern} in: {failed.messages[0]}"
        assert failed.out == ""

    return check


def at(path, *lines):
    """A pattern: the message names this file and one of the lines."""
    return rf"{re.escape(str(path))}:({'|'.join(map(str, lines))}): \S"


def at_record(path, k):
    """A pattern: the message names record k of the file, counted from 0."""
    return rf"{re.escape(str(path))}: record {k}: \S"


# ---- bad lines -----------------------------------------------------------------------------------------------------

COUNT = 60  # records of a good file
GOOD = {  # one good line of each kind
    "jsonl": lambda k: json.dumps({"text": f"a b c {k}", "id": k, "meta": {"t": f"{k} d e f g"}}),
    "ints": lambda k: f"{k} {k + 1},{k + 2}",
    "mhash": lambda k: f"3,{k},{k + 1},{k + 2}",
    "libsvm": lambda k: f"1 {k}:1 {k + 3}:2.5 # good",
    "csv": lambda k: f"{k},.5,-{k}e1",
}
BAD_LINES = {
    "jsonl": [  # a bad line, options
        ('{"text": "a b', ""), ("nonsense", ""), ('{"text": "a"} x', ""), ('{"text": "a",}', ""), ("{'text': 'a'}", ""),
        ('["text"]', ""), ('"text"', ""), ('{"txet": "a"}', ""), ('{"text": 5}', ""), ('{"text": null}', ""),
        ('{"text": ["a"]}', ""), ('{"text": {"text": "a"}}', ""), ('{"text": "a"', ""),
        ('{"text": "a", "meta": {}}', "--text-field meta.t"), ('{"text": "a", "meta": "t"}', "--text-field meta.t"),
        ('{"text": "a", "meta.t": "a"}', "--text-field meta.t"),
        ('{"text": "a"}', "--id-field id"), ('{"text": "a", "id": 1.5}', "--id-field id"),
        ('{"text": "a", "id": null}', "--id-field id"), ('{"text": "a", "id": true}', "--id-field id"),
        ('{"text": "a", "id": [1]}', "--id-field id")],
    "ints": [("1 x 3", ""), ("-1", ""), ("1.5", ""), ("18446744073709551616", ""), ("1e3", ""), ("0x10", ""),
             ("1;2", ""), ("3 99999999999999999999999999", ""), ("name\t1 x", "--ids"), ("1 2\0", "")],
    "mhash": [("4,1,2,3", ""), ("2,1,2,3", ""), ("3,1,2,1000", ""), ("3,1,2,-2", ""), ("3,1,x,2", ""),
              ("3,1,2.5,1", ""), ("3,1,,2", ""), ("x", ""), (f"3,1,2,{2**64 + 1}", "")],
    "libsvm": [("1 a:1", ""), ("1 3", ""), ("1 3:", ""), ("1 3:x", ""), ("1 -3:1", ""), ("1 3.5:1", ""),
               ("1 3:1 x", ""), ("1 :1", ""), ("1 18446744073709551616:1", ""), ("1 3:1 4:1 3:2", "--weights"),
               ("1 3:1 4", "--weights")],
    "csv": [("1,2", ""), ("1,2,3,4", ""), ("1,x,3", ""), ("1,,3", ""), ("1,2,", ""), ("1,nan,3", ""), ("NaN,2,3", ""),
            ("1,2,inf", ""), ("1,-Infinity,3", ""), ("1,2,3x", ""), ("a,b,c", ""), ("1,0x10,3", ""),
            ("id\t1,2", "--ids"), ("1,5;2", ""), ("1;2,3", "")],
}
CASES = [(kind, line, options) for kind, cases in BAD_LINES.items() for line, options in cases]


def content(kind, bad=(), ids=False):
    """COUNT good lines and bad ones, given as (the number that it gets, the line)."""
    lines = [(f"n{k}\t" * ids) + GOOD[kind](k) for k in range(COUNT)]
    for number, line in bad:
        lines.insert(number - 1, line)
    if kind == "mhash":
        lines.insert(0, f"{COUNT + len(bad)},{3 * (COUNT + len(bad))},1000")
    return "\n".join(lines) + "\n"


@pytest.mark.parametrize("kind, line, options", CASES, ids=lambda v: repr(v)[1:-1])
def test_bad_line(refuses, tmp_path, kind, line, options):
    path = write(tmp_path / "in.data", content(kind, [(51, line)], "--ids" in options))
    refuses([*options.split(), "--from", kind, path], DATA, at(path, 51 + (kind == "mhash")))


@pytest.mark.parametrize("ranks", [1, 3])
@pytest.mark.parametrize("kind, options", list(dict.fromkeys((kind, options) for kind, _, options in CASES)))
def test_skip_bad_lines(tmp_path, kind, options, ranks):
    """What is left is what the good lines give alone; the number is told in the end and kept."""
    lines = [line for k, line, o in CASES if k == kind and (o == options or not o and options != "--ids")]
    first = 2 if kind == "csv" else 1  # which may have a header
    where = [first, *random.Random(1).sample(range(3, COUNT), len(lines) - 1), COUNT + len(lines) + 1]
    bad = list(zip(sorted(where), [*lines, lines[0]]))
    path = write(tmp_path / "in.data", content(kind, bad, "--ids" in options))
    options = [*options.split(), "--from", kind]
    packed = pack(tmp_path, path, ["--skip-bad", *options], ranks)
    good = pack(tmp_path, write(tmp_path / "good", content(kind, ids="--ids" in options)), options)
    assert packed.attrs["skipped"] == len(bad) and good.attrs["skipped"] == 0
    assert set(packed.data) == set(good.data)
    for name in good.data:
        np.testing.assert_array_equal(packed.data[name], good.data[name])
    assert re.search(rf"\b{len(bad)}\b", packed.said.err), f"the number left out is not told: {packed.said.err}"


def test_only_bad_lines(tmp_path):
    path = write(tmp_path / "in.jsonl", "x\n" * 7)
    packed = pack(tmp_path, path, "--skip-bad --source --id-field id", 3)
    assert len(packed) == 0 and packed.attrs["skipped"] == 7


def test_the_source_of_what_is_left(tmp_path):
    path = write(tmp_path / "in", "1 2\nbad\n\n3\n")
    packed = pack(tmp_path, path, "--from ints --skip-bad --source")
    packed.holds([[1, 2], [], [3]])
    assert [s[:2] for s in packed.source] == [(str(path), 0), (str(path), 8), (str(path), 9)]


def test_line_in_a_later_file(refuses, tmp_path):
    """Lines count from the start of their file; the last line without its end counts too."""
    good, packed = write(tmp_path / "a", "1 2\n" * 100), write(tmp_path / "b", gzip.compress(b"1 2\n" * 100))
    for name, text in [("c", b"3\n\n4\r\n5 x"), ("d", gzip.compress(b"3\n\n4\n5 x"))]:
        bad = write(tmp_path / name, text)
        refuses(["--from", "ints", good, packed, bad, good], DATA, at(bad, 4))


def test_line_of_standard_input(refuses):
    refuses(["--from", "ints", "-"], DATA, ":3: ", stdin="1\n2\nx\n")


@pytest.mark.parametrize("name", ["bad", "very good"])
def test_line_far_in_a_large_file(refuses, tmp_path, name):
    """Beyond pieces; the share of the last rank begins there."""
    lines = ["12345678 123456789"] * 600000
    lines[599000] = "x"
    path = write(tmp_path / name, "\n".join(lines))
    refuses(["--from", "ints", "-t", 2, path], DATA, at(path, 599001))


# ---- forms with lines of their own ---------------------------------------------------------------------------------

@pytest.mark.parametrize("text, lines", [
    ("2,4\n2,1,2\n2,1,2\n", [1]), ("N,D,d\n2,1,2\n", [1]), ("-2,4,9\n2,1,2\n", [1]),
    ("2,5,9\n2,1,2\n2,1,2\n", [1, 2, 3, 4]), ("3,4,9\n2,1,2\n2,1,2\n", [1, 3, 4]),
    ("1,2,9\n2,1,2\n1,2,9\n2,1,2\n", [1, 3, 4])],
    ids=["header of two", "header of words", "negative header", "wrong total", "too few lines", "two databases"])
def test_bad_mhash(refuses, tmp_path, text, lines):
    path = write(tmp_path / "in", text)
    refuses(["--from", "mhash", path], DATA, at(path, *lines))


def test_fasta_without_a_header(refuses, tmp_path):
    path = write(tmp_path / "in.fa", "ACGT\n>a\nACGT\n")
    refuses([path], DATA, at(path, 1))


READS = "".join(f"@r{k}\nACGTACGTACGTACGTACGTAC\n+\n{'@' * 22}\n" for k in range(40))
BROKEN_READS = {  # what comes behind 40 reads, the lines of theirs that a message may name
    "quality too short": ("@x\nACGT\n+\nIII\n", range(161, 165)),
    "quality too long": ("@x\nACGT\n+\nIIIII\n", range(161, 165)),
    "no plus": ("@x\nACGT\nIIII\nIIII\n", range(161, 165)),
    "ends after the plus": ("@x\nACGT\n+\n", range(161, 165)),
    "ends after the bases": ("@x\nACGT\n", range(161, 165)),
    "ends after the name": ("@x", range(161, 165)),
    "no name": ("x\nACGT\n+\nIIII\n", range(161, 165)),
}


@pytest.mark.parametrize("name", BROKEN_READS)
def test_bad_fastq(refuses, tmp_path, name):
    text, lines = BROKEN_READS[name]
    path = write(tmp_path / "in.fq", READS + text)
    refuses([path], DATA, at(path, *lines))


def test_fastq_begins_in_another_form(refuses, tmp_path):
    path = write(tmp_path / "in.fq", ">a\nACGT\n" * 20)
    refuses([path], DATA, at(path, 1))


@pytest.mark.parametrize("ranks", [1, 3])
@pytest.mark.parametrize("name", ["quality too short", "quality too long", "ends after the plus"])
def test_skip_bad_fastq(tmp_path, name, ranks):
    text, _ = BROKEN_READS[name]
    more = "@y\nGGGGGGGGGGGGGGGGGGGGGGGGG\n+\nIIIIIIIIIIIIIIIIIIIIIIIII\n" * (not name.startswith("ends"))
    packed = pack(tmp_path, write(tmp_path / "in.fq", READS + text + more), "--skip-bad --ids", ranks)
    assert packed.attrs["skipped"] == 1
    assert packed.ids == [f"r{k}".encode() for k in range(40)] + [b"y"] * bool(more)


@pytest.mark.parametrize("line", ["1,2,x", "1,2,", "1,,2", "1.5,2a,3"])
def test_a_first_row_with_a_mistake_is_no_header(refuses, tmp_path, line):
    path = write(tmp_path / "in.csv", line + "\n1,2,3\n4,5,6\n")
    refuses([path], DATA, at(path, 1))


LOST_LINES = {  # where a line is lost, a record seems to begin within another
    "quality": "@a\nACGTA\n+\n@bbbb\nACGTA\n+\nIIIII\n",
    "header": "@a\nACGTA\n+\nIIIII\nACGTA\n+\n@bbbb\n",
    "bases": "@a\n+\nIIIII\n@b\n+\n@IIII\n",
    "all but the header": "@a\n@b\n@c\nACGTA\n+\nIIIII\n",
    "a line too many": "@a\nACGTA\n+\n@@@@@\n@@@@@\n",
}


@pytest.mark.parametrize("name", LOST_LINES)
def test_lost_lines_of_fastq_cut_at_every_byte(tmp_path, name):
    """What is bad does not depend on where a file is cut."""
    good = "@x\nTTACG\n+\n@@@@@\n"
    path = write(tmp_path / "in.fq", good + LOST_LINES[name] + good)
    packed = same_everywhere(tmp_path, path, "--skip-bad --ids --kmers 3", [(k, []) for k in (3, 7, 16)])
    assert packed.attrs["skipped"] > 0 and packed.ids[0] == packed.ids[-1] == b"x"


# ---- binary forms --------------------------------------------------------------------------------------------------

ARRAY = matrix("f4", 40, 3)
WRONG_NPY = {
    "fortran order": (npy(np.asfortranarray(ARRAY)), ["fortran"]),
    "big-endian": (npy(ARRAY.astype(">f4")), [">f4|endian"]),
    "int32": (npy(ARRAY.astype("i4")), ["i4"]),
    "uint16": (npy(ARRAY.astype("u2")), ["u2"]),
    "complex": (npy(ARRAY.astype("c8")), ["c8"]),
    "bool": (npy(ARRAY > 0), ["b1"]),
    "strings": (npy(ARRAY.astype("S4")), []),
    "fields": (npy(np.zeros((4, 2), [("a", "f4"), ("b", "f4")])), []),
    "one dimension": (npy(ARRAY[0]), ["dimension|2-D|shape"]),
    "three dimensions": (npy(ARRAY.reshape(4, 10, 3)), ["dimension|2-D|shape"]),
    "no dimension": (npy(np.float32(1)), ["dimension|2-D|shape"]),
    "another file": (b"PK\3\4" + bytes(200), []),
    "half a header": (npy(ARRAY)[:40], []),
    "the magic alone": (npy(ARRAY)[:6], []),
    "nothing": (b"", []),
    "version 9": (b"\x93NUMPY\x09\x00" + npy(ARRAY)[8:], ["version"]),
    "too short": (npy(ARRAY)[:-1], []),
    "rows missing": (npy(ARRAY)[:-24], []),
    "far too short": (npy(ARRAY).replace(b"(40, 3)", b"(9999999999999999, 3)") + bytes(14), []),
    "header of no dictionary": (npy(ARRAY).replace(b"'descr'", b"'dxscr'"), []),
}


@pytest.mark.parametrize("name", WRONG_NPY)
def test_wrong_npy(refuses, tmp_path, name):
    bytes_of, says = WRONG_NPY[name]
    path = write(tmp_path / "in.npy", bytes_of)
    refuses([path], DATA, re.escape(str(path)), *says)


def with_head(array, row, d):
    raw = bytearray(vecs(array))
    size = len(raw) // len(array)
    raw[row * size:row * size + 4] = np.int32(d).tobytes()
    return bytes(raw)


@pytest.mark.parametrize("d", [2, 4, 0, -1, 2**31 - 1])
@pytest.mark.parametrize("kind", ["fvecs", "bvecs", "ivecs"])
def test_vector_of_another_length(refuses, tmp_path, kind, d):
    array = {"fvecs": ARRAY, "bvecs": matrix("u1", 40, 3), "ivecs": np.arange(120, dtype="<i4").reshape(40, 3)}[kind]
    path = write(tmp_path / f"in.{kind}", with_head(array, 35, d))
    refuses([path], DATA, at_record(path, 35))


@pytest.mark.parametrize("d", [0, -3, 2**31 - 1])
def test_first_vector_of_no_length(refuses, tmp_path, d):
    path = write(tmp_path / "in.fvecs", with_head(ARRAY, 0, d))
    refuses([path], DATA, at_record(path, 0))


@pytest.mark.parametrize("cut", [1, 13, 15])
def test_truncated_vectors(refuses, tmp_path, cut):
    path = write(tmp_path / "in.fvecs", vecs(ARRAY)[:-cut])
    refuses([path], DATA, at_record(path, 39))


def test_negative_integer_in_a_row(refuses, tmp_path):
    rows = np.arange(120, dtype="<i4").reshape(40, 3)
    rows[33, 1] = -1
    path = write(tmp_path / "in.ivecs", vecs(rows))
    refuses([path], DATA, at_record(path, 33))
    for ranks in (1, 3):
        packed = pack(tmp_path, path, "--skip-bad", ranks)
        packed.holds(np.delete(rows, 33, 0).tolist())
        assert packed.attrs["skipped"] == 1


@pytest.mark.parametrize("ranks", [1, 3])
@pytest.mark.parametrize("d", [2, 7, 0, -1, 2**31 - 1])
def test_skip_bad_vectors(tmp_path, d, ranks):
    """One that tells another length, and one cut short; records have one size, so that those behind are still there."""
    path = write(tmp_path / "in.fvecs", with_head(ARRAY, 20, d)[:-5])
    packed = pack(tmp_path, path, "--skip-bad", ranks)
    np.testing.assert_array_equal(packed.vectors, np.delete(ARRAY, [20, 39], 0))
    assert packed.attrs["skipped"] == 2


# ---- several files that do not fit ---------------------------------------------------------------------------------

def text_of(array):
    return "\n".join(",".join(map(str, row)) for row in array.tolist()) + "\n"


MISFITS = {
    "npy": (npy(ARRAY), npy(matrix("f4", 5, 4))),
    "npy of another type": (npy(ARRAY), npy(ARRAY.astype("f8"))),
    "fvecs": (vecs(ARRAY), vecs(matrix("f4", 5, 4))),
    "csv": (text_of(ARRAY), text_of(matrix("f4", 5, 4))),
}


@pytest.mark.parametrize("name", MISFITS)
def test_files_that_do_not_fit(refuses, tmp_path, name):
    kind = name.split()[0]
    files = [write(tmp_path / f"{k}.{kind}", text) for k, text in enumerate(MISFITS[name])]
    refuses(files, DATA, at(files[1], 1) if kind == "csv" else re.escape(str(files[1])))
    refuses([files[0], files[0], files[1]], DATA, re.escape(str(files[1])))


@pytest.mark.parametrize("ranks", [1, 3])
def test_length_is_that_of_the_first_good_row(tmp_path, ranks):
    """... of all input, not of a rank's share or of a file."""
    files = [write(tmp_path / "0.csv", "a,b\n1,x,3\n" + text_of(ARRAY[:2])),
             write(tmp_path / "1.csv", text_of(matrix("f4", 70, 4))), write(tmp_path / "2.csv", text_of(ARRAY[2:5]))]
    packed = pack(tmp_path, files, "--skip-bad", ranks)
    np.testing.assert_array_equal(packed.vectors, ARRAY[:5])
    assert packed.attrs["skipped"] == 71


def test_inputs_of_two_kinds(refuses, tmp_path):
    write(tmp_path / "a.txt", "a\n"), write(tmp_path / "b.csv", "1,2\n")
    refuses([tmp_path / "a.txt", tmp_path / "b.csv"], (USAGE, DATA), "--from")


# ---- compressed ----------------------------------------------------------------------------------------------------

LINES = "".join(f"{k} {line}\n" for k, line in enumerate(random_lines(3, 4000))).encode()
COMPRESS = {"gz": gzip.compress, "zst": zstd}


@pytest.mark.parametrize("keep", [.6, -1], ids=["in the middle", "at the end"])
@pytest.mark.parametrize("ending", COMPRESS)
def test_truncated(refuses, tmp_path, ending, keep):
    packed = COMPRESS[ending](LINES)
    path = write(tmp_path / f"in.txt.{ending}", packed[:int(keep * len(packed))] if keep > 0 else packed[:-1])
    refuses([path], DATA, re.escape(str(path)))


@pytest.mark.parametrize("keep", [1, 2, 3, 5, 10])
@pytest.mark.parametrize("ending", COMPRESS)
def test_truncated_early(refuses, tmp_path, ending, keep):
    path = write(tmp_path / f"in.txt.{ending}", COMPRESS[ending](LINES)[:keep])
    refuses([path], DATA, re.escape(str(path)))


@pytest.mark.parametrize("ending", COMPRESS)
def test_truncated_second_member(refuses, tmp_path, ending):
    member = COMPRESS[ending](LINES)
    path = write(tmp_path / f"in.txt.{ending}", member + member[:-9])
    refuses([path], DATA, re.escape(str(path)))


def test_truncated_standard_input(refuses):
    refuses(["--from", "lines", "-"], DATA, stdin=gzip.compress(LINES)[:-10])


@pytest.mark.parametrize("ranks", [1, 3])
@pytest.mark.parametrize("ending", COMPRESS)
def test_skip_bad_truncated(tmp_path, ending, ranks):
    """What came is kept, and the end is one bad record."""
    packed = COMPRESS[ending](LINES)
    path = write(tmp_path / f"in.txt.{ending}", packed[:len(packed) * 3 // 4])
    other = write(tmp_path / "other.txt", "one two three\n")
    found = pack(tmp_path, [path, other], "--skip-bad", ranks)
    assert found.attrs["skipped"] == 1
    all_sets = [sorted(s) for s in line_sets(LINES)[0]]
    came = found.sets[:-1]
    assert found.sets[-1] == sorted(shingles("one two three"))
    assert came[:-1] == all_sets[:len(came) - 1] and len(came) > 1000
    if ending == "gz":
        whole = zlib.decompressobj(31).decompress(path.read_bytes()).count(b"\n")
        assert len(came) in (whole, whole + 1)


@pytest.mark.parametrize("at_byte", [-6, -2], ids=["checksum", "length"])
def test_broken_gz(refuses, tmp_path, at_byte):
    raw = bytearray(gzip.compress(LINES))
    raw[at_byte] ^= 0x55
    path = write(tmp_path / "in.txt.gz", bytes(raw))
    refuses([path], DATA, re.escape(str(path)))


@pytest.mark.parametrize("ending", COMPRESS)
def test_broken_stream(refuses, tmp_path, ending):
    raw = bytearray(COMPRESS[ending](LINES))
    middle = len(raw) // 2
    raw[middle:middle + 200] = random.Random(1).randbytes(200)
    path = write(tmp_path / f"in.txt.{ending}", bytes(raw))
    refuses([path], DATA, re.escape(str(path)))


# ---- inputs that are not there -------------------------------------------------------------------------------------

@pytest.fixture
def good(tmp_path):
    return write(tmp_path / "good.txt", "a b c\nd e f\n" * 30)


def test_no_such_input(refuses, good, tmp_path):
    missing = tmp_path / "missing.txt"
    refuses([missing], NO_INPUT, re.escape(str(missing)))
    refuses([good, missing], NO_INPUT, re.escape(str(missing)))
    refuses(["--skip-bad", good, missing], NO_INPUT, re.escape(str(missing)))
    refuses(["--per-file", good, missing], NO_INPUT, re.escape(str(missing)))


def test_no_such_list(refuses, good, tmp_path):
    refuses(["--list", tmp_path / "missing", good], NO_INPUT, "missing")


def test_no_such_input_in_a_list(refuses, good, tmp_path):
    write(tmp_path / "list", f"{good}\n{tmp_path}/missing.txt\n{good}\n")
    refuses(["--list", tmp_path / "list"], NO_INPUT, "missing.txt")


def test_a_directory_is_no_input(refuses, tmp_path):
    (tmp_path / "folder").mkdir()
    refuses(["--from", "lines", tmp_path / "folder"], (DATA, NO_INPUT), "folder")


@pytest.mark.parametrize("name", ["in", "in.dat", "in.gz", "in.TXT.bz2", ".txt.gz.zst.x"])
def test_unknown_ending(refuses, tmp_path, name):
    refuses([write(tmp_path / name, "a b c\n")], (USAGE, DATA), "--from", re.escape(name))


def test_standard_input_has_no_ending(refuses):
    refuses(["-"], USAGE, "--from", stdin="a b c\n")


# ---- output --------------------------------------------------------------------------------------------------------

def test_existing_output(refuses, good, tmp_path):
    out = write(tmp_path / "out.h5", "mine")
    refuses([good], NOT_CREATED, re.escape(str(out)))


@pytest.mark.parametrize("ranks", [1, 3])
def test_force(good, tmp_path, ranks):
    out = write(tmp_path / "out.h5", "mine")
    run(["--force", "-o", out, good], ranks).ok()
    packed = pack(tmp_path, good)
    assert {f.name for f in tmp_path.iterdir()} == {"out.h5", "good.txt", packed.path.name}
    same(packed, Packed(out))


def test_force_keeps_the_old_file_on_a_mistake(refuses, tmp_path):
    write(tmp_path / "out.h5", "mine")
    path = write(tmp_path / "in", "1 2\nx\n")
    refuses(["--force", "--from", "ints", path], DATA, at(path, 2))  # and nothing changed


def test_output_cannot_be_made(refuses, good, tmp_path):
    (tmp_path / "folder").mkdir()
    refuses([good], NOT_CREATED, out=tmp_path / "nowhere" / "out.h5")
    refuses([good], NOT_CREATED, out="/proc/out.h5")
    refuses([good], NOT_CREATED, out=good / "out.h5")
    refuses(["--force", good], NOT_CREATED, out=tmp_path / "folder")


@pytest.mark.parametrize("force", [[], ["--force"]])
def test_an_input_is_no_output(refuses, good, tmp_path, force):
    """Not by another name, nor where it is the list of the inputs."""
    (tmp_path / "link.h5").symlink_to(good)
    os.link(good, tmp_path / "hard.h5")
    names = write(tmp_path / "names", f"{good}\n")
    for out in good, tmp_path / "link.h5", tmp_path / "hard.h5":
        refuses([*force, good], NOT_CREATED, re.escape(str(out)), out=out)
    refuses([*force, "--list", names], NOT_CREATED, "names", out=names)


def test_a_link_that_leads_nowhere(refuses, good, tmp_path):
    (tmp_path / "link.h5").symlink_to("nowhere")
    refuses([good], NOT_CREATED, "link.h5", out=tmp_path / "link.h5")
    run(["--force", "-o", tmp_path / "link.h5", good]).ok()
    assert not (tmp_path / "link.h5").is_symlink() and not (tmp_path / "nowhere").exists()


def test_a_file_that_comes_meanwhile(good, tmp_path):
    """Of two runs with one output the second to end is refused: nothing that it was not told to replace."""
    late = start(["--from", "lines", "-o", tmp_path / "out.h5", "-"], stdin=subprocess.PIPE, program=BINARY, env=QUICK)
    run(["-o", tmp_path / "other.h5", good]).ok()  # in this time the first has begun
    run(["-o", tmp_path / "out.h5", good]).ok()
    whole = (tmp_path / "out.h5").read_bytes()
    _, said = late.communicate(b"another text\n", timeout=60)
    assert late.returncode == NOT_CREATED and b"out.h5" in said
    assert (tmp_path / "out.h5").read_bytes() == whole
    assert {f.name for f in tmp_path.iterdir()} == {"good.txt", "other.h5", "out.h5"}


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGUSR1])
@pytest.mark.parametrize("ranks", [1, 3])
def test_a_run_that_is_ended_leaves_nothing(tmp_path, ranks, number):
    """At any time, by what says so, a batch system among others; the longest part of it is writing."""
    text = write(tmp_path / "in.txt", "".join(f"{k} {k * k} {k // 2}\n" * 5 for k in range(100_000)))
    met, patient = 0, {**QUICK, "OMPI_MCA_odls_base_sigkill_timeout": "5"}  # else mpirun lets nobody clean up
    for seconds in 1, 4, 9:
        process = start(["--gzip", 9, "--chars", 2, "-o", tmp_path / "out.h5", text], ranks, program=BINARY, env=patient)
        deadline = time.monotonic() + 60
        while process.poll() is None and time.monotonic() < deadline:
            if any(".part-" in f.name for f in tmp_path.iterdir()):
                time.sleep(seconds / 50)
                met += process.poll() is None
                process.send_signal(number)
                break
            time.sleep(.001)
        process.communicate(timeout=60)
        (tmp_path / "out.h5").unlink(missing_ok=True)
        assert [f.name for f in tmp_path.iterdir()] == ["in.txt"]
    assert met, "all runs were over before they could be ended: this tests nothing"


@pytest.mark.parametrize("what", ["output", "scratch"])
def test_disk_is_full(tmp_path, what):
    """A limit on the size of files is met while columns spill, or when the output is written."""
    path = write(tmp_path / "in.txt", "\n".join(random_lines(1, 20000)))
    limit = ["bash", "-c", 'trap "" XFSZ; ulimit -f 500; exec "$0" "$@"']
    with untouched(tmp_path):
        failed = run([*(TINY if what == "scratch" else []), "-o", tmp_path / "out.h5", path], wrap=limit)
    assert failed.rc == IO_ERROR and len(failed.messages) == 1, f"{failed.rc}\n{failed.err}"


@pytest.mark.parametrize("ranks", [1, 3])
def test_no_scratch_to_write_to(tmp_path, ranks):
    path = write(tmp_path / "in.txt", "\n".join(random_lines(1, 8000)))
    with untouched(tmp_path):
        failed = run([*TINY, "--scratch", tmp_path / "nowhere", "-o", tmp_path / "out.h5", path], ranks)
    assert failed.rc in (NOT_CREATED, NO_INPUT, IO_ERROR) and "nowhere" in failed.err and len(failed.messages) == 1


# ---- the command line ----------------------------------------------------------------------------------------------

BAD_OPTIONS = {
    **{f"{option} {value!r}": [option, value] for option, values in {
        "--words": ["0", "-1", "x", "", "1.5", "3x", "9" * 30], "--chars": ["0", "x", "-5", ""],
        "--hash-bits": ["16", "0", "x", "65"], "--gzip": ["0", "10", "x", ""], "--threads": ["0", "x", "-1"],
        "-t": ["0"], "--memory": ["x", "1Q", "", "-1", "1.5G", "9" * 30], "--from": ["pdf", "", "LINES"],
    }.items() for value in values},
    "words and chars": ["--words", "2", "--chars", "5"],
    "unknown long option": ["--frobnicate"],
    "unknown short option": ["-Z"],
    "value for a flag": ["--force=1"],
    "ids of jsonl without a field": ["--from", "jsonl", "--ids"],
    "one JSON record a file": ["--from", "jsonl", "--per-file"],
    "one row of numbers a file": ["--from", "csv", "--per-file"],
}


@pytest.mark.parametrize("name", BAD_OPTIONS)
def test_bad_option(refuses, good, name):
    option = BAD_OPTIONS[name]
    refuses([*option, good], USAGE, re.escape(option[0].split("=")[0].lstrip("-")))


@pytest.mark.parametrize("k", ["0", "33", "x", "-1"])
def test_bad_kmers(refuses, tmp_path, k):
    refuses(["--kmers", k, write(tmp_path / "in.fa", ">a\nA\n")], USAGE, "kmers")


@pytest.mark.parametrize("kind", ["npy", "fvecs", "bvecs", "ivecs"])
def test_no_ids_in_binary_forms(refuses, tmp_path, kind):
    content = {"npy": npy(ARRAY), "bvecs": vecs(matrix("u1"))}.get(kind, vecs(ARRAY))
    refuses(["--ids", write(tmp_path / f"in.{kind}", content)], USAGE, "ids")


@pytest.mark.parametrize("option", ["-o", "--output", "--from", "--list", "--words", "--memory", "--scratch", "--gzip"])
def test_option_without_its_value(refuses, good, option):
    refuses([good, option], USAGE, option.lstrip("-"), out=None)


def test_no_output(refuses, good):
    refuses([good], USAGE, "-o|output", out=None)


def test_no_input(refuses):
    refuses([], USAGE, "input")


@pytest.mark.parametrize("ranks", [1, 3])
def test_help_and_version(ranks):
    said = run(["--help"], ranks).ok().out
    for option in ("from list per-file text-field id-field ids source words chars keep-case keep-space keep-punctuation "
                   "hash-bits kmers weights output gzip force threads memory scratch skip-bad quiet progress help "
                   "version info show drop").split():
        assert re.search(rf"--{option}\b(?!-)", said), option
    assert said.count("usage:") == 1
    version = run(["--version"], ranks).ok().out
    assert version.startswith("lshpack ") and version.count("lshpack") == 1


def test_bad_file_for_info_and_show(refuses, good, tmp_path):
    missing, tsv = tmp_path / "missing.h5", write(tmp_path / "pairs.tsv", "left\tright\tsimilarity\n")
    refuses(["--info", missing], NO_INPUT, "missing.h5", out=None)
    refuses(["--info", good], DATA, "good.txt", out=None)
    refuses(["--show", missing, tsv], NO_INPUT, "missing.h5", out=None)
    packed = pack(tmp_path, good, "--source")
    refuses(["--show", packed.path, tmp_path / "no-pairs"], NO_INPUT, "no-pairs", out=None)
    refuses(["--show", packed.path], USAGE, out=None)
    refuses(["--info"], USAGE, "info", out=None)


@pytest.mark.parametrize("pairs", ["0\t60\t0.5\n", "0\tx\t0.5\n", "0\n"], ids=["no such row", "no number", "no pair"])
def test_pairs_that_are_none(refuses, good, tmp_path, pairs):
    packed = pack(tmp_path, good, "--source")
    write(tmp_path / "pairs.tsv", "left\tright\tsimilarity\n" + pairs)
    refuses(["--show", packed.path, tmp_path / "pairs.tsv"], DATA, "pairs.tsv", out=None)


def test_a_killed_run_leaves_no_whole_file(good, tmp_path):
    """Another file that happens to bear a temporary's name is nobody's business."""
    other = write(tmp_path / f"out.h5.part-{os.getpid()}", "of another")
    run(["-o", tmp_path / "out.h5", good]).ok()
    assert other.read_bytes() == b"of another"
