"""lshjoin --format tsv --ids: pairs told by the ids that the inputs hold, which this test looks up itself."""
import h5py
import numpy as np
import pytest

import joins
from oracle import Sets, families, write_sets
from packing import pack, random_lines, run, write

JOIN = ["-b", 20, "-r", 3, "--threshold", "0.5"]
AWKWARD = ["", "plain", "a\tb", "two\nlines", "cr\r", "back\\slash", "nul\0", "日本", "x" * 70_000]


def escaped(name):
    for plain, told in ("\\", "\\\\"), ("\t", "\\t"), ("\n", "\\n"), ("\r", "\\r"), ("\0", "\\0"):
        name = name.replace(plain, told)
    return name


def with_ids(path, ids, group="ids"):
    """Adds ids to a file of records."""
    flat = [name.encode() for name in ids]
    with h5py.File(path, "a") as f:
        f[f"{group}/indptr"] = np.cumsum([0, *map(len, flat)], dtype="u8")
        f[f"{group}/bytes"] = np.frombuffer(b"".join(flat), "u1")
    return path


def many_ids(n, seed=0):
    """All awkward ones, and others of any length."""
    lengths = np.random.default_rng(seed).integers(0, 40, n)
    return [AWKWARD[k] if k < len(AWKWARD) else f"{seed}/{k}/" + "y" * int(lengths[k]) for k in range(n)]


def lines_of(directory):
    texts = [f.read_bytes().decode().split("\n") for f in joins.parts(directory, "tsv")]
    assert {t[0] for t in texts} == {texts[0][0]} and all(t[-1] == "" for t in texts)
    return texts[0][0], sorted(line for t in texts for line in t[1:-1])


def expected(rows_directory, left, right):
    header, rows = lines_of(rows_directory)
    cells = [line.split("\t") for line in rows]
    assert len(cells) > 10
    return header, sorted("\t".join([escaped(left[int(a)]), escaped(right[int(b)]), *more]) for a, b, *more in cells)


def check(folder, inputs, left, right, options=(), ranks=(1, 2, 5)):
    args = [*JOIN, "--quiet", "--format", "tsv", *options, *inputs]
    joins.run(["-o", folder / "rows", *args]).ok()
    told = expected(folder / "rows", left, right)
    for k, n in enumerate(ranks):
        # small rounds part the ids of a batch into many portions
        more = [[], ["--round", "64K"], ["--round", "4K", "--files", 2]][k % 3]
        joins.run(["-o", folder / f"ids{n}", "--ids", *more, *args], n).ok()
        assert lines_of(folder / f"ids{n}") == told
    assert joins.read_json(folder / f"ids{ranks[0]}")["parameters"]["ids"] is True


def test_one_input(tmp_path):
    sets = families(3, 150)
    ids = many_ids(len(sets.rows()))
    check(tmp_path, [with_ids(write_sets(tmp_path / "in.h5", sets), ids)], ids, ids)


def test_two_inputs_of_which_one_is_small(tmp_path):
    rows = families(4, 150).rows()
    few, sets = Sets.of(rows[:12]), Sets.of(rows)
    left, right = many_ids(12, 1), many_ids(len(rows), 2)
    files = [with_ids(write_sets(tmp_path / "few.h5", few), left), with_ids(write_sets(tmp_path / "in.h5", sets), right)]
    check(tmp_path, files, left, right)


def test_ranked(tmp_path):
    sets = families(5, 150)
    ids = many_ids(len(sets.rows()))
    check(tmp_path, [with_ids(write_sets(tmp_path / "in.h5", sets), ids)], ids, ids, ["--top-k", 3], (1, 3))


def test_more_ranks_than_records_and_standard_output(tmp_path):
    path = with_ids(write_sets(tmp_path / "in.h5", Sets.of([[1, 2], [1, 2]])), ["one", "other"])
    args = [*JOIN, "--quiet", "--format", "tsv", "--ids"]
    assert joins.run([*args, path]).ok().out == "left\tright\tsimilarity\none\tother\t1\n"
    joins.run([*args, "-o", tmp_path / "out", path], 5).ok()
    assert lines_of(tmp_path / "out") == ("left\tright\tsimilarity", ["one\tother\t1"])


def test_ids_lie_beside_the_object(tmp_path):
    path = tmp_path / "in.h5"
    with h5py.File(path, "w") as f:
        for name in "one", "two":
            f[f"{name}/sets/indptr"], f[f"{name}/sets/indices"] = [0, 2, 4], [1, 2, 1, 2]
    with_ids(with_ids(path, ["a", "b"], "one/ids"), ["c", "d"], "two/ids")
    for name, line in ("one", "a\tb\t1"), ("two", "c\td\t1"):
        out = joins.run([*JOIN, "--quiet", "--format", "tsv", "--ids", f"{path}:/{name}/sets"]).ok().out
        assert out.splitlines()[1:] == [line]


def test_ids_that_lshpack_kept(tmp_path):
    lines = random_lines(9, 200)
    path = write(tmp_path / "in.txt", "".join(f"id {k}\t{line}\n" for k, line in enumerate(lines)))
    ids = [f"id {k}" for k in range(200)]
    packed = pack(tmp_path, path, "--ids", 2).path
    check(tmp_path, [packed], ids, ids)


TSV = [*JOIN, "--format", "tsv", "--ids"]


def test_an_input_without_ids(tmp_path, fails):
    bare = write_sets(tmp_path / "bare.h5", Sets.of([[1, 2], [1, 2]]))
    named = with_ids(write_sets(tmp_path / "named.h5", Sets.of([[1, 2], [1, 2]])), ["a", "b"])
    fails([*TSV, bare], 65, "bare.h5", "no ids")
    fails([*TSV, named, bare], 65, "bare.h5", "no ids")
    fails([*TSV, "-E", "-"], 65, "standard input", "no ids", stdin="2,4,9\n2,1,2\n2,1,2\n")


@pytest.mark.parametrize("indptr, said", [([0, 1], "1 ids of 2 records"), ([0, 5, 2], "rise"), ([0, 1, 9], "rise"),
                                          ([0.0, 1, 2], "integers")])
def test_broken_ids(tmp_path, fails, indptr, said):
    path = write_sets(tmp_path / "in.h5", Sets.of([[1, 2], [1, 2]]))
    with h5py.File(path, "a") as f:
        f["ids/indptr"], f["ids/bytes"] = indptr, np.zeros(2, "u1")
    fails([*TSV, path], 65, "in.h5", "/ids", said)


def test_texts_are_not_looked_up_by_ids(tmp_path):
    """Ids may be numbers, too, but not those of rows."""
    packed = pack(tmp_path, write(tmp_path / "in.txt", "1\ta b c\n0\ta b c\n"), "--ids --source").path
    joins.run([*TSV, "--quiet", "-o", tmp_path / "out", packed]).ok()
    for pairs in tmp_path / "out", joins.parts(tmp_path / "out")[0]:
        shown = run(["--show", packed, pairs])
        assert shown.rc == 65 and "--ids" in shown.err and shown.out == ""


@pytest.mark.parametrize("format", ["h5", "mhash", None])
def test_only_tsv_tells_ids(tmp_path, fails, format):
    path = with_ids(write_sets(tmp_path / "in.h5", Sets.of([[1, 2], [1, 2]])), ["a", "b"])
    fails([*JOIN, "--ids", *(["--format", format] if format else []), path], 64, "--ids", "--format tsv")
