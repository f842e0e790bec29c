"""Bad input: one clear message, the right exit status, nothing that looks finished, and no hang, on 1 and 3 ranks."""
import h5py
import numpy as np
import pytest

from oracle import Sets, mhash_text, write_flat, write_sets

USAGE, DATA, NO_INPUT, NOT_CREATED = 64, 65, 66, 73
LAST = 59  # the last row of GOOD: the last rank's
GOOD = Sets.of([range(k, k + 6) for k in range(LAST + 1)], "i8")
JOIN = ["-b", 4, "-r", 2]


# ---- HDF5 ----------------------------------------------------------------------------------------------------------

def edit(path, name, change):
    """Write GOOD with one dataset replaced by change(its values)."""
    write_sets(path, GOOD)
    with h5py.File(path, "a") as f:
        values = change(f["sets"][name][:])
        del f["sets"][name]
        f["sets"][name] = values


def put(at, value):
    def change(values):
        values[at] = value
        return values
    return change


BROKEN_SETS = {  # dataset, what is done to it, words of the message
    "falling indptr": ("indptr", put(31, 3), ["indptr", 30]),  # row 30 ends at 3, before its start
    "falling indptr in the last row": ("indptr", put(-1, 353), ["indptr", LAST]),  # it starts at 354
    "negative indptr": ("indptr", put(0, -6), ["indptr"]),
    "indptr starts late": ("indptr", put(0, 3), ["indptr", "row 0", "must start at 0"]),
    "indptr ends beyond indices": ("indptr", put(-1, 361), ["indptr", 361, 360]),
    "indptr far beyond indices": ("indptr", put(-1, 2**62), ["indptr", 2**62, 360]),
    "empty indptr": ("indptr", lambda v: v[:0], ["indptr"]),
    "indptr of floats": ("indptr", lambda v: v.astype("f8"), ["indptr", "integer"]),
    "indptr of two dimensions": ("indptr", lambda v: v[:60].reshape(2, 30), ["indptr", "dimension"]),
    "negative element": ("indices", put(6 * 20 + 3, -5), ["row 20"]),
    "negative element in the last row": ("indices", put(-1, -1), [f"row {LAST}"]),
    "indices of floats": ("indices", lambda v: v.astype("f4"), ["indices", "integer"]),
    "indices of strings": ("indices", lambda v: v.astype("S4"), ["indices", "integer"]),
    "indices of two dimensions": ("indices", lambda v: v.reshape(-1, 2), ["indices", "dimension"]),
    "scalar indices": ("indices", lambda v: v[0], ["indices", "dimension"]),
}


@pytest.mark.parametrize("name", BROKEN_SETS)
def test_broken_sets(fails, tmp_path, name):
    dataset, change, says = BROKEN_SETS[name]
    edit(tmp_path / "in.h5", dataset, change)
    fails([*JOIN, tmp_path / "in.h5"], DATA, "in.h5", "/sets", *says)


@pytest.mark.parametrize("name", ["indptr starts late", "negative indptr", "falling indptr", "indptr far beyond indices"])
def test_dry_run_of_broken_sets(fails, tmp_path, name):
    """A sample is read row by row."""
    dataset, change, says = BROKEN_SETS[name]
    edit(tmp_path / "in.h5", dataset, change)
    fails(["--dry-run", "--threshold", 0.5, tmp_path / "in.h5"], DATA, "in.h5", "/sets", *says)


def test_broken_second_input(fails, tmp_path):
    write_sets(tmp_path / "good.h5", GOOD)
    edit(tmp_path / "bad.h5", "indices", put(7, -1))
    fails([*JOIN, tmp_path / "good.h5", tmp_path / "bad.h5"], DATA, "bad.h5", "row 1")


def flat(path, name, values):
    write_flat(path, GOOD)
    with h5py.File(path, "a") as f:
        del f[name]
        f[name] = values


@pytest.mark.parametrize("name, values", [
    ("size_train", [6] * 59 + [7]), ("size_train", [7, -1] * 30), ("size_train", [6.0] * 60),
    ("train", np.arange(360.0)), ("train", np.r_[np.arange(359), -1])],
    ids=["sum beyond the elements", "negative size", "float sizes", "float elements", "negative element"])
def test_broken_flat_sets(fails, tmp_path, name, values):
    flat(tmp_path / "in.h5", name, values)
    fails([*JOIN, tmp_path / "in.h5"], DATA, "in.h5", name)


def no_set(path):
    with h5py.File(path, "w") as f:
        f["counts"] = np.zeros((5, 4), "i4")
        f["alone/indptr"] = [0, 1]


def junk(path):
    path.write_bytes(bytes(range(256)) * 16)


def cut_short(path):
    write_sets(path, Sets.of([np.arange(20000)]))
    with open(path, "r+b") as f:
        f.truncate(path.stat().st_size // 2)


@pytest.mark.parametrize("make, says", [
    (no_set, ["set"]), (junk, []), (cut_short, []), (lambda path: path.write_bytes(b""), []),
    (lambda path: path.write_text("left right\n"), [])],
    ids=["no set", "not HDF5", "half an HDF5 file", "empty file", "other text"])
def test_not_an_input(fails, tmp_path, make, says):
    make(tmp_path / "in.h5")
    fails([*JOIN, tmp_path / "in.h5"], DATA, "in.h5", *says)


def test_broken_chunk(fails, tmp_path):
    """The last chunk cannot be inflated; only the last rank reads it."""
    path = tmp_path / "in.h5"
    write_sets(path, GOOD, chunks=(20,), compression="gzip")
    with h5py.File(path, "r") as f:
        indices = f["sets/indices"]
        chunk = indices.id.get_chunk_info(indices.id.get_num_chunks() - 1)
    with open(path, "r+b") as f:
        f.seek(chunk.byte_offset)
        f.write(b"\xff" * chunk.size)
    fails([*JOIN, path], (DATA, 74), "in.h5", "indices")


def test_no_such_file(fails, tmp_path):
    fails([*JOIN, tmp_path / "nothing.h5"], NO_INPUT, "nothing.h5")


def test_no_such_second_file(fails, tmp_path):
    write_sets(tmp_path / "good.h5", GOOD)
    fails([*JOIN, tmp_path / "good.h5", tmp_path / "nothing.h5"], NO_INPUT, "nothing.h5")


def test_a_directory_is_no_input(fails, tmp_path):
    (tmp_path / "folder").mkdir()
    fails([*JOIN, tmp_path / "folder"], (DATA, NO_INPUT), "folder")


@pytest.mark.parametrize("inside", ["/nothing", "/sets/indices", "/sets/nothing"])
def test_no_such_object(fails, tmp_path, inside):
    write_sets(tmp_path / "in.h5", GOOD)
    fails([*JOIN, f"{tmp_path}/in.h5:{inside}"], DATA, "in.h5", inside)


# ---- mhash text ----------------------------------------------------------------------------------------------------

BROKEN_TEXT = {  # the text, options, words of the message; line numbers count from 1
    "count too large": ("2,4,9\n3,1,2\n2,1,2\n", ["-E"], ["line 2"]),
    "count too small": ("2,4,9\n1,1,2\n2,1,2\n", ["-E"], ["line 2"]),
    "negative count": ("2,4,9\n2,1,2\n-2,1,2\n", ["-E"], ["line 3"]),
    "wrong total": ("2,5,9\n2,1,2\n2,1,2\n", ["-E"], [5]),
    "more than one database": ("1,2,9\n2,1,2\n1,2,9\n2,1,2\n", ["-E"], ["line 3"]),
    "more than two databases": ("1,2,9\n2,1,2\n" * 3, [], ["line 5"]),
    "too few lines": ("3,4,9\n2,1,2\n2,1,2\n", ["-E"], ["3"]),
    "ends within a line": ("2,4,9\n2,1,2\n2,1", ["-E"], ["line 3"]),
    "no second database": ("2,4,9\n2,1,2\n2,1,2\n", [], ["database"]),
    "broken second database": ("1,2,9\n2,1,2\n1,2,9\n2,1,9\n", [], ["line 4", 9]),
    "feature not below d": ("2,4,9\n2,1,2\n2,1,9\n", ["-E"], ["line 3", 9]),
    "negative feature": ("2,4,9\n2,1,2\n2,-1,2\n", ["-E"], ["line 3"]),
    "not a number": ("2,4,9\n2,1,x\n2,1,2\n", ["-E"], ["line 2", "x"]),
    "a fraction": ("2,4,9\n2,1,2.5\n2,1,2\n", ["-E"], ["line 2"]),
    "empty field": ("2,4,9\n2,1,\n2,1,2\n", ["-E"], ["line 2"]),
    "beyond 64 bits": (f"1,1,{2**64 - 1}\n1,{2**64 + 1}\n", ["-E"], ["line 2"]),
    "header of two": ("2,4\n2,1,2\n2,1,2\n", ["-E"], []),
    "header of words": ("N,D,d\n2,1,2\n", ["-E"], []),
    "negative header": ("-2,4,9\n2,1,2\n", ["-E"], []),
    "rows without end": ("99999999999999,99999999999999,9\n2,1,2\n", ["-E"], []),
    "nothing": ("", ["-E"], []),
}


@pytest.mark.parametrize("name", BROKEN_TEXT)
def test_broken_text(fails, name):
    text, options, says = BROKEN_TEXT[name]
    fails([*JOIN, *options], DATA, *says, stdin=text)


def test_broken_text_in_a_file(fails, tmp_path):
    (tmp_path / "in.csv").write_text(BROKEN_TEXT["not a number"][0])
    fails([*JOIN, "-E", tmp_path / "in.csv"], DATA, "in.csv", "line 2")


# ---- the command line ----------------------------------------------------------------------------------------------

BAD_OPTIONS = {
    **{f"bands {v!r}": (["-b", v, "-r", 2], ["bands", v])
       for v in ("0", "-1", "x", "1.5", "3x", "", "65536", "9" * 30)},
    **{f"rows {v!r}": (["-b", 2, "-r", v], ["rows", v]) for v in ("0", "-1", "x", "1.5", "", "1025")},
    **{f"threshold {v!r}": ([*JOIN, "--threshold", v], ["threshold", v])
       for v in ("0", "-0.5", "1.000001", "2", "nan", "x", "0.5x", "")},
    **{f"{name} {v!r}": ([*JOIN, f"--{name}", v], [name, v])
       for name, v in [("seed", "-1"), ("seed", "x"), ("seed", str(2**64)), ("threads", "0"), ("threads", "x"),
                       ("round", "4095"), ("round", "x"), ("round", "1Q"), ("files", "0"), ("format", "xml")]},
    "no bands": (["-r", 2], ["bands"]),
    "no rows": (["-b", 2], ["rows"]),
    "unknown long option": ([*JOIN, "--frobnicate"], ["frobnicate"]),
    "unknown short option": ([*JOIN, "-Z"], ["Z"]),
    "value for a flag": ([*JOIN, "--force=1"], ["force"]),
}


@pytest.mark.parametrize("name", BAD_OPTIONS)
def test_bad_option(fails, tmp_path, name):
    args, says = BAD_OPTIONS[name]
    fails([*args, write_sets(tmp_path / "in.h5", GOOD)], USAGE, *says)


@pytest.mark.parametrize("option", ["-b", "--bands", "--rows", "-s", "--threshold", "--round", "-o"])
def test_option_without_its_value(fails, tmp_path, option):
    fails([*JOIN, write_sets(tmp_path / "in.h5", GOOD), option], USAGE, option.lstrip("-"), out=None)


def test_three_inputs(fails, tmp_path):
    fails([*JOIN, *[write_sets(tmp_path / "in.h5", GOOD)] * 3], USAGE)


def test_h5_needs_a_directory(fails, tmp_path):
    fails([*JOIN, "--format", "h5", write_sets(tmp_path / "in.h5", GOOD)], USAGE, "-o", out=None)


def test_only_a_single_rank_prints(fails, tmp_path):
    fails([*JOIN, write_sets(tmp_path / "in.h5", GOOD)], USAGE, "-o", out=None, ranks=3)


# ---- the output ----------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("below", ["", "out"])
def test_output_is_a_file(fails, tmp_path, below):
    (tmp_path / "file").write_text("mine")
    fails([*JOIN, write_sets(tmp_path / "in.h5", GOOD)], NOT_CREATED, "file", out=tmp_path / "file" / below)
    assert (tmp_path / "file").read_text() == "mine"


def test_output_cannot_be_made(fails, tmp_path):
    fails([*JOIN, write_sets(tmp_path / "in.h5", GOOD)], NOT_CREATED, "/proc/out", out="/proc/out")
