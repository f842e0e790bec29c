"""End to end: lshpack, then lshjoin, against brute force over what the oracles make of the same texts."""
import importlib.util
import json
import os
import re
import subprocess

import h5py
import numpy as np
import pytest

import joins
import oracle
import vectors
from oracle import Sets, brute_force, check_recall, check_verified
from packing import BINARY, COMPRESSED, QUICK, pack, random_lines, run, same_everywhere, shingles, write
from test_pack_numbers import matrix, npy

SURE = ["-b", 64, "-r", 2, "--threshold", "0.7"]  # every pair at 0.7 is found (missed: 2e-19)


def join(path, options, out, ranks=2):
    joins.run([*options, "--quiet", "-o", out, path], ranks, env=QUICK).ok()
    return joins.read_h5(out)


def as_sets(rows):
    return Sets.of([sorted(row) for row in rows])


def only(sets, pairs):
    """The sets without the elements of those in no pair: as good for a simulation of what becomes of the pairs."""
    used = set(pairs["left"].tolist()) | set(pairs["right"].tolist())
    return Sets.of([row if k in used else [] for k, row in enumerate(sets.rows())])


def similar_texts():
    """Texts, and others that differ from them in a word, in case and in punctuation."""
    lines = random_lines(21, 300)
    for k in range(0, 300, 3):
        words = lines[k].split()
        lines[k + 1] = "; ".join(words).upper() if k % 2 else " ".join([*words[:-1], "other"])
    return lines


@pytest.mark.parametrize("options, how", [("", {}), ("--chars 5", {"chars": 5}), ("--hash-bits 32", {"hash_bits": 32})])
def test_texts(tmp_path, options, how):
    lines = similar_texts()
    packed = pack(tmp_path, write(tmp_path / "in.txt", "\n".join(lines)), options, 2)
    truth = brute_force(as_sets(shingles(line, **how) for line in lines), threshold="0.7")
    assert len(truth) > 50
    found = join(packed.path, SURE, tmp_path / "out", 3)
    check_verified(found, truth)
    assert len(found) == len(truth)


def test_weights_do_not_disturb(tmp_path):
    rows = [[5, 6, 7], [5, 6, 7], [8], [5, 6, 7, 9]]
    path = write(tmp_path / "in.svm", "\n".join("1 " + " ".join(f"{v}:0.5" for v in row) for row in rows))
    found = join(pack(tmp_path, path, "--weights").path, SURE, tmp_path / "out")
    assert found[["left", "right"]].tolist() == [(0, 1), (0, 3), (1, 3)]


@pytest.mark.parametrize("dtype", ["f2", "f4", "f8", "i1", "u1"])
def test_vectors(tmp_path, dtype):
    array = np.concatenate([matrix(dtype, 40, 16)] * 2)
    array[40:60, 0] = 1
    packed = pack(tmp_path, write(tmp_path / "in.npy", npy(array)), "", 3)
    truth = vectors.brute_force(array, metric="cosine", limit=0.95)
    assert len(truth) > 30
    found = join(packed.path, ["-b", 400, "-r", 4, "--threshold", "0.95"], tmp_path / "out")
    vectors.check_verified(found, truth)
    assert len(found) == len(truth)


# ---- descriptions of Debian's packages -----------------------------------------------------------------------------

DATA = joins.ROOT / "data"


def texts_of_apt():
    """{package: text} of the machine's lists, or of those that APT_LISTS names."""
    spec = importlib.util.spec_from_file_location("debian_descriptions", DATA / "debian_descriptions.py")
    descriptions = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(descriptions)
    try:
        indexes = descriptions.find_indexes(os.environ.get("APT_LISTS"))
    except (OSError, subprocess.CalledProcessError):
        indexes = []
    if not indexes:
        pytest.skip("no English package descriptions in apt's lists")
    texts = descriptions.read_texts(indexes)
    return {name: texts[name] for name in sorted(texts)[20000:25000]}


def texts_of_slice():
    """{package: text} of the slice that the repository holds."""
    with h5py.File(DATA / "debian-slice.h5", "r") as f:
        ids, texts = ([bytes(flat[a:b]).decode() for a, b in zip(at, at[1:])] for at, flat in
                      ((f[g]["indptr"][:].astype("i8"), f[g]["bytes"][:].tobytes()) for g in ("ids", "texts")))
    return dict(list(zip(ids, texts))[1000:6000])


@pytest.mark.parametrize("texts_of", [texts_of_slice, texts_of_apt], ids=["the slice", "apt's lists"])
def test_debian_descriptions(tmp_path, texts_of):
    texts = texts_of()
    assert len(texts) == 5000
    lines = write(tmp_path / "in.txt", "".join(f"{name}\t{' '.join(text.split())}\n" for name, text in texts.items()))
    packed = same_everywhere(tmp_path, lines, "--ids --source", [(3, ["-t", 2])])
    sets = [shingles(text) for text in texts.values()]
    packed.holds(sets, np.uint64)
    assert packed.ids == [name.encode() for name in texts]

    objects = write(tmp_path / "in.jsonl", "".join(json.dumps({"name": n, "text": t}) + "\n" for n, t in texts.items()))
    other = pack(tmp_path, objects, "--id-field name", 2)
    other.holds(sets)
    assert other.ids == packed.ids

    sets = as_sets(sets)
    truth = brute_force(sets, threshold="0.8")
    assert len(truth) > 100
    founds = [join(packed.path, ["-b", 8, "-r", 6, "--threshold", "0.8", "-s", seed], tmp_path / f"out{seed}")
              for seed in range(4)]
    for found in founds:
        check_verified(found, truth)
    check_recall(founds, only(sets, truth), None, truth, 8, 6)


# ---- --info --------------------------------------------------------------------------------------------------------

def numbers(text):
    """All numbers of a text, without commas in them."""
    return [float(n) for n in re.findall(r"(?<![\w.])\d+(?:\.\d+)?(?:e[+-]?\d+)?(?![\w])", text.replace(",", ""))]


@pytest.mark.parametrize("ranks", [1, 3])
def test_info_of_sets(tmp_path, ranks):
    sizes = [0] * 17 + [3] * 80 + [11] * 500 + [257] * 400 + [1009] * 30 + [4001]
    rows = [range(10**6, 10**6 + n) for n in sizes]
    path = write(tmp_path / "in", "\n".join(" ".join(map(str, row)) for row in rows))
    out = run(["--info", pack(tmp_path, path, "--from ints --gzip 3").path], ranks).ok().out
    for number in (len(rows), sum(sizes), 0, 11, 1009, 4001, 17):  # rows, elements, min, median, p99, max, empty
        assert number in numbers(out), f"no {number} in\n{out}"
    for word in ("sets", "uint32", "int64", r"gzip|deflate", "shuffle", "chunk", "empty"):
        assert re.search(word, out, re.I), f"no {word} in\n{out}"


def test_info_of_vectors(tmp_path):
    out = run(["--info", pack(tmp_path, write(tmp_path / "in.npy", npy(matrix("f2", 321, 13)))).path]).ok().out
    assert 321 in numbers(out) and 13 in numbers(out.replace("x", " "))
    assert re.search("vectors", out) and re.search("float16|f2|16-bit", out)


def test_info_of_files_of_others(tmp_path):
    sets = oracle.families(3, 60)
    sizes = np.diff(sets.indptr)
    oracle.write_sets(tmp_path / "in.h5", sets, "X", attrs={"encoding-type": "csr_matrix"}, data=True)
    oracle.write_sets(tmp_path / "in.h5", Sets.of([range(5)] * 7), "b/c", mode="a")
    out = run(["--info", tmp_path / "in.h5"]).ok().out
    assert {len(sets), int(sizes.sum()), int(sizes.max()), int((sizes == 0).sum())} <= set(numbers(out)), out
    out = run(["--info", f"{tmp_path}/in.h5:/b/c"]).ok().out
    assert {7, 35, 5} <= set(numbers(out)) and "/b/c" in out, out


# ---- --show --------------------------------------------------------------------------------------------------------

SHOWN = ["red fox runs by", "Red fox: runs by!", "a lone text", "blue owl sits up", "blue owl sits up", "nothing near"]


@pytest.fixture
def shown(tmp_path):
    """A packed file, and lshjoin's output on it: the pairs (0, 1) and (3, 4)."""
    path = write(tmp_path / "in.txt", "\n".join(f"id{k}\t{text}" for k, text in enumerate(SHOWN)))
    packed = pack(tmp_path, path, "--words 2 --ids --source")
    assert join(packed.path, SURE, tmp_path / "out")[["left", "right"]].tolist() == [(0, 1), (3, 4)]
    joins.run([*SURE, "--format", "tsv", "-o", tmp_path / "tsv", packed.path], env=QUICK).ok()
    return packed.path


def check_shown(out):
    assert "a lone text" not in out and "nothing near" not in out, out
    places = [out.find(SHOWN[0]), out.find(SHOWN[1]), out.find(SHOWN[3]), out.rfind(SHOWN[4])]
    assert -1 not in places and max(places[:2]) < min(places[2:]) and places[2] != places[3], out
    for k in (0, 1, 3, 4):
        assert f"id{k}" in out, out
    assert "id2" not in out and "id5" not in out


@pytest.mark.parametrize("form", ["directory", "h5", "directory of tsv", "tsv", "standard input"])
def test_show(tmp_path, shown, form):
    tsv = joins.parts(tmp_path / "tsv", "tsv")
    pairs = {"directory": tmp_path / "out", "directory of tsv": tmp_path / "tsv", "tsv": tsv[0], "standard input": "-",
             "h5": joins.parts(tmp_path / "out", "h5")[0]}[form]
    stdin = tsv[0].read_bytes() if form == "standard input" else None
    out = run(["--show", shown, pairs], stdin=stdin).ok().out
    if form != "h5":  # one of two files holds one of two pairs, or both
        check_shown(out)
    else:
        left = set(joins.columns(pairs)[0].tolist())
        assert [SHOWN[k] in out for k in (0, 3)] == [k in left for k in (0, 3)]


def test_show_on_ranks(tmp_path, shown):
    check_shown(run(["--show", f"{shown}:/sets", tmp_path / "out"], 3).ok().out)


@pytest.mark.parametrize("args", [["--show"], ["--info"], ["--help"]])
def test_full_standard_output(tmp_path, shown, args):
    with open("/dev/full", "wb") as full:
        done = run({"--show": ["--show", shown, tmp_path / "out"], "--info": ["--info", shown]}.get(args[0], args), stdout=full)
    assert done.rc == os.EX_IOERR and len(done.messages) == 1 and "standard output" in done.messages[0], done.err


def test_show_without_ids(tmp_path):
    path = write(tmp_path / "in.txt", "\n".join(SHOWN))
    packed = pack(tmp_path, path, "--words 2 --source")
    out = run(["--show", packed.path, "-"], stdin="left\tright\tsimilarity\n0\t1\t1\n3\t4\t1\n").ok().out
    assert SHOWN[0] in out and SHOWN[1] in out and out.count(SHOWN[3]) == 2 and "lone" not in out


@pytest.mark.parametrize("name", COMPRESSED)
def test_show_of_compressed_texts(tmp_path, name):
    """There and back in two files of some MB; and one that is not there any more."""
    ending, compress = COMPRESSED[name]
    lines = [f"{k} text number {k} of this file {k * k}" for k in range(40_000)]
    halves = ["\n".join(lines[:20_000]), "\n".join(lines[20_000:])]
    files = [write(tmp_path / f"{k}.txt{ending}", compress(half.encode())) for k, half in enumerate(halves)]
    packed = pack(tmp_path, files, "--source")
    pairs = [(39_999, 3), (5, 19_999), (19_998, 4), (20_000, 39_998)]
    stdin = "".join(f"{a}\t{b}\t1\n" for a, b in pairs)
    wide = {"COLUMNS": "200", **QUICK}
    out = joins.run(["--show", packed.path, "-"], stdin=stdin, program=BINARY, env=wide).ok().out
    for k in (k for pair in pairs for k in pair):
        assert lines[k] in out, out
    files[1].write_bytes(compress(b"short"))
    out = joins.run(["--show", packed.path, "-"], stdin=stdin, program=BINARY, env=wide).ok().out
    assert lines[5] in out and lines[19_999] in out and out.count("has changed") == 3
