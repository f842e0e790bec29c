"""Runs lshpack, reads what it wrote, and works out independently what it should have written.

Nothing here knows how lshpack works: texts are decoded and folded by Python and unicodedata and hashed by the xxhash
module, k-mers are counted on strings, files are compressed by Python's gzip and by the tool zstd.
"""
import codecs
import gzip
import itertools
import os
import random
import re
import subprocess
import tempfile
import unicodedata
from functools import lru_cache
from pathlib import Path

import h5py
import numpy as np
import xxhash

import joins

BINARY = Path(os.environ.get("LSHPACK", joins.ROOT / "build" / "lshpack")).absolute()
TINY = ["--memory", "1K"]  # makes all columns spill, after every batch of pieces
# When there is but one rank it needs no daemon either: half a second less a start.
# Without the daemon all such processes share one directory of Open MPI's, unless they are given one each.
SESSIONS = tempfile.TemporaryDirectory(prefix="lshpack-test-")
QUICK = {**joins.NEAR, "OMPI_MCA_ess_singleton_isolated": "1", "OMPI_MCA_orte_tmpdir_base": SESSIONS.name}
MIB = 1 << 20


def run(args, ranks=1, **how):
    return joins.run(args, ranks, program=BINARY, env=QUICK, **how)


def words(options):
    return options.split() if isinstance(options, str) else list(options)


_numbers = itertools.count()


def pack(folder, inputs, options="", ranks=1, **how):
    """Pack `inputs` (a path, or a list of arguments) into a new file in `folder`; it must succeed."""
    out = folder / f"packed{next(_numbers)}.h5"
    given = inputs if isinstance(inputs, list) else [inputs]
    said = run([*words(options), "-o", out, *given], ranks, **how).ok()
    assert said.out == "", "only --info and --show print"
    assert [f.name for f in folder.iterdir() if ".part" in f.name] == [], "a temporary file is left"
    return Packed(out, said)


def same(first, *others):
    """The files are equal by h5diff, and in their layout, of which h5diff says nothing."""
    for other in others:
        diff = subprocess.run(["h5diff", "-c", first.path, other.path], capture_output=True, text=True)
        said = [line for line in diff.stdout.splitlines() if not line.endswith("is an empty dataset")]
        assert (diff.returncode, said, diff.stderr) == (0, [], ""), f"{diff.stdout}{diff.stderr}"
        assert first.layout() == other.layout()


def same_everywhere(folder, inputs, options="", runs=((2, [*TINY, "-t", 4]), (3, []), (5, [*TINY, "-t", 4])), **how):
    """Pack on one rank and in each of `runs` (ranks, more options); all are equal, and the first is returned."""
    one = pack(folder, inputs, options, **how)
    for ranks, more in runs:
        other = pack(folder, inputs, [*words(options), *more], ranks, **how)
        same(one, other)
        other.path.unlink()
    return one


# ---- what it wrote -------------------------------------------------------------------------------------------------

def check_chunks(dataset):
    """1 MiB of a column, of a matrix whole rows that make about 1 MiB, and never more than the dataset holds."""
    if dataset.size == 0:
        return  # HDF5 has no chunk of nothing
    assert dataset.chunks, f"{dataset.name} is not chunked"
    row = dataset.dtype.itemsize * int(np.prod(dataset.shape[1:], dtype="i8"))
    if dataset.ndim == 1:
        assert dataset.chunks == (max(1, min(len(dataset), MIB // row)),), f"{dataset.name}: {dataset.chunks}"
    elif dataset.ndim == 2 and dataset.shape[1]:
        rows, columns = dataset.chunks
        assert columns == dataset.shape[1], f"{dataset.name}: {dataset.chunks}"
        least = 1 if row > MIB // 2 else MIB // row // 2
        assert max(1, min(least, len(dataset))) <= rows <= max(1, min(len(dataset), 2 * MIB // row))


class Packed:
    """A file that lshpack wrote. What the contract says of every such file is checked when it is opened."""

    def __init__(self, path, said=None):
        self.path, self.said = Path(path), said
        with h5py.File(path, "r") as f:
            self.data, self.attrs = {}, {k: plain(v) for k, v in f.attrs.items()}
            f.visititems(self._take)
        assert isinstance(self.attrs["lshpack"], str) and re.search(r"\d\.\d", self.attrs["lshpack"])
        for name in ("rows", "skipped", "invalid_utf8"):
            assert self.attrs[name].dtype == np.uint64 and self.attrs[name].shape == ()
        top = {name.split("/")[0] for name in self.data}
        assert top & {"sets", "vectors"} in ({"sets"}, {"vectors"}) and top <= {"sets", "vectors", "ids", "source"}
        self._check()
        assert self.attrs["rows"] == len(self)

    def _take(self, name, item):
        if isinstance(item, h5py.Dataset):
            check_chunks(item)
            self.data[name] = item[()]

    def layout(self):
        with h5py.File(self.path, "r") as f:
            found = [(k, plain(v), getattr(v, "dtype", None)) for k, v in f.attrs.items()]
            f.visititems(lambda name, d: found.append(
                (name, isinstance(d, h5py.Dataset) and
                 (d.dtype, d.shape, d.chunks, d.compression, d.compression_opts, d.shuffle))))
        return found

    def _check(self):
        if "vectors" in self.data:
            assert self.data["vectors"].ndim == 2
        else:
            assert self.data["sets/indptr"].dtype == np.int64
            assert self.data["sets/indices"].dtype in (np.uint32, np.uint64)
            check_indptr(self.data["sets/indptr"], self.data["sets/indices"])
            self._check_rising()
        for where in ("ids", "source/names"):
            if f"{where}/indptr" in self.data:
                assert self.data[f"{where}/indptr"].dtype == np.uint64 and self.data[f"{where}/bytes"].dtype == np.uint8
                check_indptr(self.data[f"{where}/indptr"], self.data[f"{where}/bytes"])
        if "ids/indptr" in self.data:
            assert len(self.ids) == len(self)
        if "source/file" in self.data:
            types = [self.data[f"source/{c}"].dtype for c in ("file", "offset", "length")]
            assert types == [np.uint32, np.uint64, np.uint64]
            assert {len(self.data[f"source/{c}"]) for c in ("file", "offset", "length")} == {len(self)}

    def _check_rising(self):
        indptr, v = self.data["sets/indptr"], self.data["sets/indices"]
        rising = np.r_[v[:-1] < v[1:], True] if len(v) else np.zeros(0, bool)
        rising[indptr[1:-1][indptr[1:-1] > 0] - 1] = True  # the last of a row may be anything
        assert rising.all(), "a set is not strictly rising"

    def __len__(self):
        return len(self.data["vectors"]) if "vectors" in self.data else len(self.data["sets/indptr"]) - 1

    @property
    def indices(self):
        return self.data["sets/indices"]

    @property
    def vectors(self):
        return self.data["vectors"]

    @property
    def sets(self):
        return [row.tolist() for row in np.split(self.indices, self.data["sets/indptr"][1:-1])][:len(self)]

    @property
    def weights(self):
        assert self.data["sets/data"].dtype == np.float32 and self.data["sets/data"].shape == self.indices.shape
        return [row.tolist() for row in np.split(self.data["sets/data"], self.data["sets/indptr"][1:-1])][:len(self)]

    def _strings(self, where):
        at, flat = self.data[f"{where}/indptr"].astype("i8"), self.data[f"{where}/bytes"].tobytes()
        return [flat[a:b] for a, b in zip(at, at[1:])]

    @property
    def ids(self):
        return self._strings("ids")

    @property
    def source(self):
        """[(name, offset, length)] of all records."""
        names = [name.decode() for name in self._strings("source/names")]
        return [(names[f], int(at), int(n)) for f, at, n in
                zip(*(self.data[f"source/{c}"] for c in ("file", "offset", "length")))]

    def holds(self, sets, dtype=None):
        """The sets (anything that has elements) are what is in the file."""
        expected = [sorted(set(row)) for row in sets]
        indptr = np.cumsum([0, *map(len, expected)])
        flat = np.array(list(itertools.chain.from_iterable(expected)), "u8")
        np.testing.assert_array_equal(self.data["sets/indptr"], indptr)
        np.testing.assert_array_equal(self.indices, flat)
        assert dtype is None or self.indices.dtype == dtype
        return self


def check_indptr(indptr, values):
    assert indptr[0] == 0 and indptr[-1] == len(values) and (indptr[:-1] <= indptr[1:]).all()


def plain(value):
    """An attribute as Python has it: strings of any kind become str."""
    if isinstance(value, (bytes, np.bytes_)):
        return bytes(value).decode()
    return value


# ---- texts ---------------------------------------------------------------------------------------------------------

def decode(text):
    """What the bytes say, and how many sequences of them had to be replaced."""
    invalid = []
    codecs.register_error("count", lambda error: invalid.append(error) or ("\ufffd", error.end))
    return text.decode("utf-8", "count"), len(invalid)


class Folding(dict):
    """For str.translate: what becomes of each code point."""

    def __init__(self, case, punctuation, space):
        self.case, self.punctuation, self.space = case, punctuation, space

    def __missing__(self, code):
        c = chr(code)
        if self.case:
            lower = c.lower()
            c = lower if len(lower) == 1 else "i"  # only of U+0130 the full mapping has two; its simple one is i
        category = unicodedata.category(c)
        if self.punctuation and category[0] in "PS" or self.space and (category[0] == "Z" or category == "Cc"):
            c = " "
        self[code] = c
        return c


@lru_cache(None)
def folding(*how):
    return Folding(*how)


def shingles(text, words=3, chars=None, keep_case=False, keep_punctuation=False, keep_space=False, hash_bits=64):
    """The set of hashes of a text (str)."""
    spaced = not (chars and keep_space)
    text = text.translate(folding(not keep_case, not keep_punctuation, spaced))
    parts = [w for w in text.split(" ") if w] if spaced else None
    if chars:
        units, n, glue = " ".join(parts) if spaced else text, chars, ""
    else:
        units, n, glue = parts, words, " "
    grams = {glue.join(units[k:k + n]) for k in range(max(1, len(units) - n + 1))} - {""}
    return {xxhash.xxh3_64_intdigest(g.encode()) & (1 << hash_bits) - 1 for g in grams}


BOM = b"\xef\xbb\xbf"


def lines_of(content):
    """[(offset, bytes)] of the lines of a file, without their ends and without the byte order mark."""
    start = len(BOM) if content.startswith(BOM) else 0
    found = []
    while start < len(content):
        end = content.find(b"\n", start)
        end = len(content) if end < 0 else end
        line = content[start:end]
        found.append((start, line[:-1] if line.endswith(b"\r") else line))
        start = end + 1
    return found


def line_sets(content, **how):
    """The sets of the lines of a file, and the number of invalid sequences. Equal lines are worked out once."""
    known, invalid, sets = {}, 0, []
    for _, line in lines_of(content):
        if line not in known:
            text, bad = decode(line)
            known[line] = shingles(text, **how), bad
        sets.append(known[line][0])
        invalid += known[line][1]
    return sets, invalid


LETTERS = "abcdefghijklmnopqrstuvwxyz" * 3 + "ABCXYZ" + "äßéÖñçøŁşİıΣςДжшאبहक日本語ｗ𝔸𐐀ǅﬁ0123456789"
BETWEEN = [" "] * 30 + [", ", ". ", "-", "  ", "\t", "\u00a0", "\u2003", " - ", "€", "\u3000", "'", "\u0301", " (", ") "]


def random_lines(seed, count, longest=40, vocabulary=3000):
    """Lines (str) of random words, some of them empty, short, or equal to another."""
    r = random.Random(seed)
    known = ["".join(r.choices(LETTERS, k=1 + int(r.expovariate(.25)))) for _ in range(vocabulary)]
    made = []
    for k in range(count):
        length = r.choice([0, 1, 2, 3, 4, *[r.randrange(longest)] * 15])
        made.append("".join(r.choice(known) + r.choice(BETWEEN) for _ in range(length)))
        if k % 11 == 7:
            made[k] = made[r.randrange(k)]
    return made


# ---- genomes -------------------------------------------------------------------------------------------------------

CODE = {"A": 0, "C": 1, "G": 2, "T": 3, "U": 3}
COMPLEMENT = str.maketrans("ACGTU", "TGCAA")


def kmers(sequence, k):
    """By the definition: every window, read on both strands; windows with another letter do not count."""
    sequence = sequence.upper()
    found = set()
    for at in range(len(sequence) - k + 1):
        window = sequence[at:at + k]
        if set(window) <= set(CODE):
            strands = window, window.translate(COMPLEMENT)[::-1]
            found.add(min(int("".join(str(CODE[c]) for c in s), 4) for s in strands))
    return found


def kmers_quick(sequence, k):
    """The same by rolling numbers, for many sequences; k at most 31."""
    codes = np.array([CODE.get(c, 4) for c in sequence.upper()], "u8")
    if len(codes) < k:
        return set()
    windows = np.lib.stride_tricks.sliding_window_view(codes, k)
    windows = windows[(windows < 4).all(1)]
    powers = np.uint64(4) ** np.arange(k, dtype="u8")
    return set(np.minimum(windows @ powers[::-1], (np.uint64(3) - windows) @ powers).tolist())


def random_sequence(r, length, letters="ACGT" * 40 + "acgt" * 10 + "NnUuRy-"):
    return "".join(r.choices(letters, k=length))


# ---- files ---------------------------------------------------------------------------------------------------------

def zstd(content):
    return subprocess.run(["zstd", "-q", "-c"], input=content, stdout=subprocess.PIPE, check=True).stdout


def in_pieces(compress):
    """Several members or frames after one another, one of them empty, cut without regard to lines."""
    def pieces(content):
        third = len(content) // 3
        return b"".join(map(compress, [content[:third], b"", content[third:third + 1], content[third + 1:]]))
    return pieces


COMPRESSED = {"gz": (".gz", gzip.compress), "zst": (".zst", zstd),
              "gz of members": (".gz", in_pieces(gzip.compress)), "zst of frames": (".zst", in_pieces(zstd))}


def write(path, content):
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path
