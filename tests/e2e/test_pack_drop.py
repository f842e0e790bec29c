"""lshpack --drop: the corpus without the records that a run did not keep."""
import gzip
import json
import random

import h5py
import numpy as np
import pytest

import joins
import packing
from packing import pack


def write_keep(path, keep):
    with h5py.File(path, "w") as f:
        f["label"] = np.arange(len(keep), dtype=np.uint64)
        f["keep"] = np.array(keep, np.uint8)
    return path


def drop(keep, inputs, *options):
    return packing.run(["--drop", keep, *options, *inputs])


def texts(n, seed=1):
    rng = random.Random(seed)
    return [" ".join(rng.choice(["ox", "elk", "gnu", "Käfer", "cat", "ant"]) for _ in range(rng.randint(0, 30)))
            for _ in range(n)]


def jsonl(n):
    return [json.dumps({"text": text, "n": k}) + "\n" for k, text in enumerate(texts(n))]


FORMS = {  # records as they stand in a file
    "lines": lambda n: [text + ("\r\n" if k % 3 else "\n") for k, text in enumerate(texts(n)) if text.strip()],
    "jsonl": jsonl,
    "ints": lambda n: [f"{k} {k + 1} {k * 7}\n" for k in range(n)],
    "libsvm": lambda n: [f"1 {k + 1}:0.5 {k + 9}:2\n" for k in range(n)],
    "csv": lambda n: [f"{k},{k / 2},-1\n" for k in range(n)],
    "fasta": lambda n: [f">{k} name\n{'ACGTTGCA' * 8}\n{'GATTACA' * (k % 9 + 1)}\n" for k in range(n)],
    "fastq": lambda n: [f"@{k}\n{'ACGTTGCA' * 8}\n+\n{'@' * 64}\n" for k in range(n)],
}


def random_keep(n, seed=5):
    rng = random.Random(seed)
    return [int(rng.random() < 0.6) for _ in range(n)]


@pytest.mark.parametrize("form", FORMS)
def test_what_is_dropped_is_gone_and_all_else_is_there(tmp_path, form):
    """Of two files, one of which ends within a line, one compressed: byte by byte, however they are cut."""
    records = FORMS[form](4000)
    half = len(records) // 2
    first, second = tmp_path / "a.txt", tmp_path / "b.txt.gz"
    first.write_bytes("".join(records[:half]).encode().removesuffix(b"\n"))
    second.write_bytes(gzip.compress("".join(records[half:]).encode(), 1))
    keep = random_keep(len(records))
    expected = "".join(r for r, k in zip(records, keep) if k)
    clusters = write_keep(tmp_path / "clusters.h5", keep)
    for options in ([], ["-t", "3", "--memory", "1K"]):
        said = drop(clusters, [first, second], "--from", form, *options).ok()
        assert said.out == expected
        assert f"{len(records)} records, of which {keep.count(0)} were dropped" in said.err
    out = tmp_path / "out.txt"
    drop(clusters, [first, second], "--from", form, "-o", out).ok()
    assert out.read_bytes() == expected.encode()


def test_rows_of_bytes(tmp_path):
    """Vectors in the form fvecs."""
    vectors = np.random.default_rng(2).normal(size=(3000, 7)).astype(np.float32)
    keep = np.array(random_keep(3000), bool)

    def bytes_of(rows):
        return np.column_stack([np.full(len(rows), 7, np.int32).view(np.float32), rows]).tobytes()

    (tmp_path / "v.fvecs").write_bytes(bytes_of(vectors))
    out = tmp_path / "out.fvecs"
    drop(write_keep(tmp_path / "clusters.h5", keep), [tmp_path / "v.fvecs"], "-o", out, "--quiet").ok()
    assert out.read_bytes() == bytes_of(vectors[keep])


def test_what_is_no_record_is_copied(tmp_path):
    """A header, empty lines and bad records, which --skip-bad did not count as rows when it packed."""
    (tmp_path / "v.csv").write_text("a,b\n1,2\n\nbad,3\n4,5\n6\n7,8\n")
    keep = write_keep(tmp_path / "clusters.h5", [1, 0, 1])
    packed = pack(tmp_path, tmp_path / "v.csv", "--skip-bad")
    with h5py.File(packed.path) as f:
        assert len(f["vectors"]) == 3
    assert drop(keep, [tmp_path / "v.csv"], "--skip-bad").ok().out == "a,b\n1,2\n\nbad,3\n6\n7,8\n"


def test_a_corpus_deduplicated(tmp_path):
    """From text to text, by the commands of the manual; with bad lines on the way."""
    rng = random.Random(8)
    words = [f"w{k}" for k in range(3000)]
    originals = [[rng.choice(words) for _ in range(60)] for _ in range(150)]
    lines, family = [], []
    for k in range(600):
        source = rng.randrange(150)
        text = list(originals[source])
        text[rng.randrange(60)] = rng.choice(words)
        lines.append(json.dumps({"text": " ".join(text)}))
        family.append(source)
        if k % 50 == 7:
            lines.append("{broken")
    corpus = tmp_path / "corpus.jsonl"
    corpus.write_text("\n".join(lines) + "\n")
    packed = tmp_path / "corpus.h5"
    packing.run(["--skip-bad", "-o", packed, corpus], 3).ok()
    joins.run(["--threshold", 0.6, "--exact", "--clusters", "--no-print", "-o", tmp_path / "out", packed], 2).ok()
    kept = drop(tmp_path / "out" / "clusters.h5", [corpus], "--skip-bad").ok().out.splitlines()
    good = [line for line in kept if line != "{broken"]
    rows = [line for line in lines if line != "{broken"]
    assert len(good) == len(set(family)) and len(kept) - len(good) == 12
    assert sorted(family[rows.index(line)] for line in good) == sorted(set(family))


def test_both_inputs_of_a_join(tmp_path):
    """The rows of two inputs are numbered through, as those of both corpora are."""
    old, new = tmp_path / "old.txt", tmp_path / "new.txt"
    old.write_text("one two three four five\nsix seven eight nine ten\n")
    new.write_text("six seven eight nine ten\nanother text that is new here\n")
    files = [pack(tmp_path, name).path for name in (old, new)]
    joins.run(["--exact", "--threshold", 0.9, "--clusters", "--no-print", "-o", tmp_path / "out", *files]).ok()
    said = drop(tmp_path / "out" / "clusters.h5", [old, new]).ok()
    assert said.out == old.read_text() + "another text that is new here\n"


def corpus_of_ten(tmp_path):
    (tmp_path / "c.txt").write_text("".join(f"text number {k} of ten\n" for k in range(10)))
    return tmp_path / "c.txt"


def refused(said, status, *words):
    assert said.rc == status and len(said.messages) == 1, said.err
    assert all(word in said.messages[0] for word in words), said.err


@pytest.mark.parametrize("n", [9, 11])
def test_another_number_of_records(tmp_path, n):
    keep, out = write_keep(tmp_path / "clusters.h5", [1] * n), tmp_path / "out.txt"
    said = drop(keep, [corpus_of_ten(tmp_path)], "-o", out)
    refused(said, 65, f"tells of {n} records", "there are 10")
    assert sorted(f.name for f in tmp_path.iterdir()) == ["c.txt", "clusters.h5"]


def test_mistakes_are_told(tmp_path):
    corpus, keep = corpus_of_ten(tmp_path), write_keep(tmp_path / "clusters.h5", [1] * 10)
    refused(drop(tmp_path / "none.h5", [corpus]), 66, "none.h5")
    with h5py.File(tmp_path / "other.h5", "w") as f:
        f["label"] = np.arange(10)
    refused(drop(tmp_path / "other.h5", [corpus]), 65, "/keep")
    refused(drop(keep, [corpus], "--per-file"), 64, "--per-file")
    refused(drop(keep, [corpus], "--from", "mhash"), 64, "mhash")
    refused(drop(keep, [corpus], "--gzip", "3"), 64, "--gzip")
    refused(drop(keep, [corpus], "--info", keep), 64, "exclude")
    refused(drop(keep, [corpus], "-o", corpus, "--force"), 73, "is an input")
    refused(packing.run(["--drop", keep, corpus], 2), 64, "one rank")
    assert corpus.read_text().count("\n") == 10
