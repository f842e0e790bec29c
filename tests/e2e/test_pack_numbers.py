"""lshpack on numbers: sets of integers, weighted sets and vectors, in the forms that other tools write."""
import gzip
import random
from io import BytesIO

import numpy as np
import pytest

from oracle import mhash_text, Sets
from packing import COMPRESSED, TINY, pack, same, same_everywhere, write, zstd

TOP = 2**64 - 1


def random_sets(seed, count, below):
    """Unsorted lists with repeats; some are empty."""
    r = random.Random(seed)
    pool = [r.randrange(below) for _ in range(5000)]
    return [r.choices(pool, k=r.choice([0, 1, 2, r.randrange(40)])) for _ in range(count)]


SMALL, BIG = random_sets(1, 3000, 2**32), random_sets(2, 3000, 2**64)


# ---- whole numbers -------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("sets, dtype", [(SMALL, np.uint32), (BIG, np.uint64)], ids=["uint32", "uint64"])
@pytest.mark.parametrize("separator", [" ", ",", "\t"], ids=["spaces", "commas", "tabs"])
def test_ints(tmp_path, sets, dtype, separator):
    text = "\n".join(separator.join(map(str, s)) for s in sets) + "\n"
    packed = pack(tmp_path, write(tmp_path / "in", text), "--from ints")
    packed.holds(sets, dtype)
    assert packed.attrs["from"] == "ints" and "shingle" not in packed.attrs and packed.attrs["rows"] == len(sets)


def test_ints_everywhere(tmp_path):
    files = []
    for k, sets in enumerate([SMALL, BIG[:500], SMALL]):
        text = "\r\n".join(f"row {i}\t{','.join(map(str, s))}" for i, s in enumerate(sets))
        files.append(write(tmp_path / f"{k}", text))
    files[1] = write(tmp_path / "1.gz", gzip.compress(files[1].read_bytes()))
    packed = same_everywhere(tmp_path, files, "--from ints --ids --source", [
        (1, ["-t", 4, *TINY]), (2, ["-t", 4]), (3, []), (5, ["-t", 4, *TINY])])
    packed.holds(SMALL + BIG[:500] + SMALL, np.uint64)
    assert packed.ids == [f"row {k}".encode() for n in (3000, 500, 3000) for k in range(n)]


def test_large_ints(tmp_path):
    """More than a piece, and more than a chunk."""
    rows = random_sets(3, 500, 2**40)
    picked = random.Random(4).choices(rows, k=150000)
    path = write(tmp_path / "in", "".join(" ".join(map(str, s)) + "\n" for s in picked))
    assert path.stat().st_size > 9e6
    packed = same_everywhere(tmp_path, path, "--from ints", [(1, ["-t", 4, *TINY]), (3, ["-t", 2, "--memory", "1M"])])
    packed.holds(picked, np.uint64)


@pytest.mark.parametrize("greatest, dtype", [
    (2**31, np.uint32), (2**32 - 1, np.uint32), (2**32, np.uint64), (2**63, np.uint64), (TOP, np.uint64)])
@pytest.mark.parametrize("ranks", [1, 3])
def test_range_of_ints(tmp_path, greatest, dtype, ranks):
    """The type is one for all ranks, whichever of them has the greatest."""
    for where in (0, 30, 59):
        sets = [[0, k, k, 7] + [greatest] * (k == where) for k in range(60)]
        path = write(tmp_path / "in", "\n".join(" ".join(map(str, s)) for s in sets))
        pack(tmp_path, path, "--from ints", ranks).holds(sets, dtype)


def test_ints_as_people_write_them(tmp_path):
    text = "3,1,2\n\n7\n007 0 00\n  5  \t 4 \n1, 2, 3\n9,9,9\n18446744073709551615"
    expected = [[1, 2, 3], [], [7], [7, 0], [5, 4], [1, 2, 3], [9], [TOP]]
    pack(tmp_path, write(tmp_path / "in", text), "--from ints").holds(expected, np.uint64)


def test_no_ints(tmp_path):
    pack(tmp_path, write(tmp_path / "in", "\n\n\n"), "--from ints").holds([[], [], []], np.uint32)


# ---- the form of mhash ---------------------------------------------------------------------------------------------

def test_mhash(tmp_path):
    sets = [[v % 1000 for v in s] for s in SMALL]
    path = write(tmp_path / "in", mhash_text(Sets.of(sets, "i8")))
    packed = same_everywhere(tmp_path, path, "--from mhash --ids --source")
    packed.holds(sets, np.uint32)
    assert packed.ids == [str(len(s)).encode() for s in sets]
    content = path.read_bytes()
    for s, (_, offset, length) in zip(sets, packed.source):
        assert content[offset:offset + length].rstrip() == ",".join(map(str, [len(s), *s])).encode()


def test_mhash_of_several_files(tmp_path):
    texts = ["2,3,5\n2,4,0\r\n1,3", "0,0,0\n", "3,2,4294967296\n0\n1,4294967295\n1,7\n"]
    files = [write(tmp_path / f"{k}", text) for k, text in enumerate(texts)]
    packed = same_everywhere(tmp_path, files, "--from mhash")
    packed.holds([[4, 0], [3], [], [2**32 - 1], [7]], np.uint32)


# ---- libsvm --------------------------------------------------------------------------------------------------------

LIBSVM = [  # the line, what it holds
    ("+1 1:0.5 3:2 7:-1.25", {1: .5, 3: 2, 7: -1.25}),
    ("-1 9:1 3:1e3 0:1e-3", {9: 1, 3: 1000, 0: .001}),
    ("0.5 5:0 6:0.0 8:1 9:-0", {8: 1}),
    ("2 qid:17 4:1 2:.5", {4: 1, 2: .5}),
    ("1 1:1 2:2 # a comment 3:3 with 4:4", {1: 1, 2: 2}),
    ("1 1:1 2:2#tight", {1: 1, 2: 2}),
    ("1:4 2:5", {1: 4, 2: 5}),
    ("1", {}),
    ("-1 # nothing", {}),
    ("3\t4:1\t 5:+2 ", {4: 1, 5: 2}),
    ("1 4294967295:3", {2**32 - 1: 3}),
]


@pytest.mark.parametrize("weights", [[], ["--weights"]], ids=["sets", "weights"])
def test_libsvm(tmp_path, weights):
    path = write(tmp_path / "in.svm", "\r\n".join(line for line, _ in LIBSVM))
    packed = pack(tmp_path, path, weights)
    packed.holds((row for _, row in LIBSVM), np.uint32)
    assert packed.attrs["from"] == "libsvm" and ("sets/data" in packed.data) == bool(weights)
    if weights:
        assert packed.weights == [[float(np.float32(row[k])) for k in sorted(row)] for _, row in LIBSVM]


def test_libsvm_everywhere(tmp_path):
    """0- and 1-based files alike; weights in the order of the elements."""
    rng = np.random.default_rng(7)
    rows = [dict(zip(rng.integers(0, 10**6, n).tolist(), rng.normal(size=n).astype("f4").tolist()))
            for n in rng.integers(0, 40, 800)]
    rows = [{k: v for k, v in row.items() if v} for row in rows]
    files = []
    for base, part in enumerate([rows[:500], rows[500:]]):
        lines = [f"x{k}\t{k % 2} " + " ".join(f"{i + base}:{v!r}" for i, v in row.items())
                 for k, row in enumerate(part)]
        files.append(write(tmp_path / f"{base}.libsvm", "\n".join(lines) + "\n"))
    packed = same_everywhere(tmp_path, files, "--weights --ids --source --gzip 2")
    shifted = rows[:500] + [{i + 1: v for i, v in row.items()} for row in rows[500:]]
    packed.holds(shifted, np.uint32)
    assert packed.weights == [[row[k] for k in sorted(row)] for row in shifted]
    assert packed.ids == [f"x{k}".encode() for k in [*range(500), *range(300)]]
    pack(tmp_path, files, "--ids", 3).holds(shifted)


def test_libsvm_of_64_bits_and_repeats(tmp_path):
    path = write(tmp_path / "in.svmlight", f"1 {TOP}:1 5:1 5:2 5:1 4294967296:1\n")
    pack(tmp_path, path).holds([[TOP, 5, 2**32]], np.uint64)


# ---- .npy ----------------------------------------------------------------------------------------------------------

TYPES = ["<f2", "<f4", "<f8", "|i1", "|u1"]


def matrix(dtype, rows=257, columns=13, seed=1):
    rng = np.random.default_rng(seed)
    dtype = np.dtype(dtype)
    if dtype.kind == "f":
        return rng.normal(size=(rows, columns)).astype(dtype)
    return rng.integers(*np.iinfo(dtype).min + np.array([0, 256]), (rows, columns)).astype(dtype)


def npy(array, version=None):
    out = BytesIO()
    np.lib.format.write_array(out, array, version)
    return out.getvalue()


def check_vectors(packed, expected):
    assert packed.vectors.dtype == expected.dtype and packed.vectors.shape == expected.shape
    assert packed.vectors.tobytes() == np.ascontiguousarray(expected).tobytes()


@pytest.mark.parametrize("version", [(1, 0), (2, 0), (3, 0)], ids=str)
@pytest.mark.parametrize("dtype", TYPES)
def test_npy(tmp_path, dtype, version):
    packed = pack(tmp_path, write(tmp_path / "in.npy", npy(matrix(dtype), version)))
    check_vectors(packed, matrix(dtype))
    assert packed.attrs["from"] == "npy"


@pytest.mark.parametrize("dtype", TYPES)
def test_npy_everywhere(tmp_path, dtype):
    parts = [matrix(dtype, rows, seed=rows) for rows in (700, 0, 1, 64)]
    files = [write(tmp_path / f"{k}.npy", npy(part)) for k, part in enumerate(parts)]
    files[3] = write(tmp_path / "3.npy.gz", gzip.compress(files[3].read_bytes()))
    packed = same_everywhere(tmp_path, files, "--source")
    check_vectors(packed, np.concatenate(parts))
    for row, (name, offset, length) in zip(packed.vectors, packed.source):
        content = (tmp_path / name).read_bytes()
        content = gzip.decompress(content) if name.endswith("gz") else content
        assert content[offset:offset + length] == row.tobytes()


def test_npy_large(tmp_path):
    """Several chunks of whole rows, and more than a piece."""
    array = matrix("f4", 20000, 200)
    packed = same_everywhere(tmp_path, write(tmp_path / "in.npy", npy(array)), "", [(1, [*TINY, "-t", 4]), (3, TINY)])
    check_vectors(packed, array)


def test_npy_of_nothing(tmp_path):
    packed = same_everywhere(tmp_path, write(tmp_path / "in.npy", npy(matrix("f4", 0))), "", [(3, [])])
    assert packed.vectors.shape == (0, 13)


def test_npy_not_finite(tmp_path):
    """.npy comes as it is."""
    array = np.array([[np.nan, np.inf], [-np.inf, -0.0]], "f8")
    check_vectors(pack(tmp_path, write(tmp_path / "in.npy", npy(array))), array)


@pytest.mark.parametrize("how", COMPRESSED)
def test_npy_compressed(tmp_path, how):
    ending, compress = COMPRESSED[how]
    path = write(tmp_path / f"in.npy{ending}", compress(npy(matrix("f8"))))
    check_vectors(pack(tmp_path, path), matrix("f8"))


# ---- fvecs, bvecs, ivecs -------------------------------------------------------------------------------------------

def vecs(array):
    head = np.full((len(array), 1), array.shape[1], "<i4").view("u1").reshape(-1, 4)
    return np.hstack([head, array.view("u1").reshape(len(array), -1)]).tobytes()


@pytest.mark.parametrize("kind, dtype", [("fvecs", "<f4"), ("bvecs", "u1")])
def test_vecs(tmp_path, kind, dtype):
    parts = [matrix(dtype, rows, seed=rows) for rows in (600, 1, 33)]
    files = [write(tmp_path / f"{k}.{kind}", vecs(part)) for k, part in enumerate(parts)]
    files[2] = write(tmp_path / f"2.{kind}.zst", zstd(files[2].read_bytes()))
    packed = same_everywhere(tmp_path, files, "--source")
    check_vectors(packed, np.concatenate(parts))
    assert packed.attrs["from"] == kind
    size = 4 + parts[0][0].nbytes
    assert [s[0] for s in packed.source] == [str(f) for f, part in zip(files, parts) for _ in part]
    for row, (name, offset, length) in zip(packed.vectors, packed.source):  # with its number of components or without
        content = vecs(parts[2]) if name.endswith("zst") else (tmp_path / name).read_bytes()
        assert offset // size == (offset + length - 1) // size
        assert content[offset:offset + length].endswith(row.tobytes())


@pytest.mark.parametrize("below, dtype", [(2**31 - 1, np.uint32), (5, np.uint32)])
def test_ivecs(tmp_path, below, dtype):
    rows = np.random.default_rng(3).integers(0, below, (500, 9), endpoint=True).astype("<i4")
    path = write(tmp_path / "in.ivecs", vecs(rows))
    packed = same_everywhere(tmp_path, path, "")
    packed.holds(rows.tolist(), dtype)


@pytest.mark.parametrize("kind", ["fvecs", "bvecs", "ivecs"])
def test_empty_vecs(tmp_path, kind):
    assert len(same_everywhere(tmp_path, write(tmp_path / f"in.{kind}", b""), "", [(3, [])])) == 0


def test_vecs_cut_at_every_byte(tmp_path):
    """As many ranks as there are bytes in two records, and numbers that look like a number of components."""
    rows = np.full((3, 2), 2, "<i4").view("<f4")
    packed = same_everywhere(tmp_path, write(tmp_path / "in.fvecs", vecs(rows)), "", [(16, []), (7, [])])
    check_vectors(packed, rows)


# ---- csv -----------------------------------------------------------------------------------------------------------

VALUES = np.random.default_rng(5).normal(size=(400, 7)).astype("f4") * 10 ** np.arange(-3, 4, dtype="f4")


def csv(array, separator):
    return "\n".join(separator.join(map(repr, row)) for row in array.tolist()) + "\n"


@pytest.mark.parametrize("header", ["", "one{0}two{0}3{0}x4{0}5{0}6{0}7\n"], ids=["bare", "header"])
@pytest.mark.parametrize("separator", [",", ";", "\t", " ", "   "],
                         ids=["comma", "semicolon", "tab", "space", "spaces"])
def test_csv(tmp_path, separator, header):
    path = write(tmp_path / "in.csv", header.format(separator) + csv(VALUES, separator))
    packed = pack(tmp_path, path)
    check_vectors(packed, VALUES)
    assert packed.attrs["from"] == "csv"


def test_csv_everywhere(tmp_path):
    """A header in some files, ids in a first column, no last newline, CRLF."""
    parts = VALUES[:250], VALUES[250:251], VALUES[251:]
    files = []
    for k, (part, head) in enumerate(zip(parts, ["name\ta,b,c,d,e,f,g\r\n", "", "x\ta,1,2,3,4,5,6\r\n"])):
        rows = [f"no. {i}\t{','.join(map(repr, row))}" for i, row in enumerate(part.tolist())]
        files.append(write(tmp_path / f"{k}.csv", head + "\r\n".join(rows)))
    files[1] = write(tmp_path / "1.csv.gz", gzip.compress(files[1].read_bytes()))
    packed = same_everywhere(tmp_path, files, "--ids --source")
    check_vectors(packed, VALUES)
    assert packed.ids == [f"no. {k}".encode() for part in parts for k in range(len(part))]
    for row, (name, offset, length) in zip(packed.vectors.tolist(), packed.source):
        content = gzip.decompress(files[1].read_bytes()) if name.endswith("gz") else (tmp_path / name).read_bytes()
        assert content[offset:offset + length].decode().rstrip().endswith(",".join(map(repr, row)))


def test_csv_numbers(tmp_path):
    text = "0,-1,1e3\n+2.5,.5,1E-3\n-0.0,16777217,3.4e38\n1,1.00000001,123456789012\n"
    expected = np.array([[float(v) for v in line.split(",")] for line in text.split()], "f4")
    check_vectors(pack(tmp_path, write(tmp_path / "in.csv", text)), expected)


def test_csv_header_alone(tmp_path):
    assert len(pack(tmp_path, write(tmp_path / "in.csv", "a,b,c\n"))) == 0


def test_csv_cut_at_every_byte(tmp_path):
    for pad in range(3):
        text = "h" * (pad + 1) + ",b\n1,2\n33,44\n5e0,.6\n-7,8\n9,10\n"
        packed = same_everywhere(tmp_path, write(tmp_path / "in.csv", text), "", [(16, [])])
        check_vectors(packed, np.array([[1, 2], [33, 44], [5, .6], [-7, 8], [9, 10]], "f4"))


def test_large_csv(tmp_path):
    """More than a piece."""
    picked = VALUES[np.random.default_rng(6).integers(0, len(VALUES), 60000)]
    packed = same_everywhere(tmp_path, write(tmp_path / "in.csv", "a;b;c;d;e;f;g\n" + csv(picked, ";")), "",
                             [(1, ["-t", 4, *TINY]), (3, ["-t", 2])])
    check_vectors(packed, picked)


# ---- in common -----------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("how", COMPRESSED)
@pytest.mark.parametrize("kind, content", [
    ("ints", "1 2 3\n4 5\n\n6\n" * 40), ("mhash", "40,80,9\n" + "2,3,5\n" * 40),
    ("libsvm", "1 5:1 3:1 # x\n" * 40), ("csv", "a,b\n" + "1,2\n" * 40),
    ("fvecs", vecs(VALUES[:40])), ("ivecs", vecs(np.arange(80, dtype="<i4").reshape(40, 2)))], ids=lambda v: str(v)[:6])
def test_compressed(tmp_path, kind, content, how):
    plain = write(tmp_path / "in", content)
    ending, compress = COMPRESSED[how]
    packed = pack(tmp_path, write(tmp_path / f"in{ending}", compress(plain.read_bytes())), f"--from {kind}")
    same(packed, pack(tmp_path, plain, f"--from {kind}"),
         pack(tmp_path, "-", f"--from {kind}", stdin=plain.read_bytes()))
