"""lshpack on texts: lines, whole files and JSON as sets of hashed shingles, against a shingler in Python."""
import gzip
import itertools
import json
import random
import re
import unicodedata

import h5py
import numpy as np
import pytest

from packing import (BOM, COMPRESSED, TINY, decode, in_pieces, line_sets, lines_of, pack, random_lines, same,
                     same_everywhere, shingles, write, zstd)

MIXED = "\n".join(random_lines(1, 300)) + "\n"
SHINGLING = {  # options of lshpack, arguments of the oracle
    "default": ("", {}),
    "1 word": ("--words 1", {"words": 1}),
    "2 words, 32 bits": ("--words 2 --hash-bits 32", {"words": 2, "hash_bits": 32}),
    "40 words": ("--words 40", {"words": 40}),
    "5 chars": ("--chars 5", {"chars": 5}),
    "1 char, 32 bits": ("--chars 1 --hash-bits 32", {"chars": 1, "hash_bits": 32}),
    "200 chars": ("--chars 200", {"chars": 200}),
}
KEEP = ["keep-case", "keep-space", "keep-punctuation"]


def check_lines(folder, content, options="", **how):
    """One file of lines on one rank is what the oracle makes of it."""
    content = content if isinstance(content, bytes) else content.encode()
    packed = pack(folder, write(folder / "in.txt", content), options)
    sets, invalid = line_sets(content, **how)
    packed.holds(sets, np.uint32 if how.get("hash_bits") == 32 else np.uint64)
    assert packed.attrs["invalid_utf8"] == invalid and packed.attrs["skipped"] == 0
    return packed


# ---- shingles ------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("kept", itertools.product([False, True], repeat=3), ids=str)
@pytest.mark.parametrize("name", SHINGLING)
def test_shingling(tmp_path, name, kept):
    options, how = SHINGLING[name]
    keep = [k for k, on in zip(KEEP, kept) if on]
    packed = check_lines(tmp_path, MIXED, [*options.split(), *(f"--{k}" for k in keep)],
                         **how, **{k.replace("-", "_"): True for k in keep})
    n = how.get("chars", how.get("words", 3))
    assert {k: packed.attrs[k] for k in packed.attrs if k not in ("lshpack", "rows", "skipped", "invalid_utf8")} == {
        "from": "lines", "shingle": "chars" if "chars" in how else "words", "n": n, "lower_case": not kept[0],
        "fold_space": not kept[1], "fold_punctuation": not kept[2], "hash": "XXH3_64bits",
        "hash_bits": how.get("hash_bits", 64)}


def assigned():
    """All code points that a text may hold within a line, but for those which Unicode 14 leaves open."""
    return [c for c in map(chr, range(0x110000)) if unicodedata.category(c) not in ("Cn", "Cs") and c not in "\n\r"]


@pytest.mark.parametrize("options, how", [("--chars 1", {"chars": 1}), ("--words 1", {"words": 1}),
                                          ("--words 1 --keep-punctuation", {"words": 1, "keep_punctuation": True})])
def test_every_code_point(tmp_path, options, how):
    around = "x{}y " if "words" in how else "{}"
    points = assigned()
    lines = ["".join(map(around.format, points[k:k + 50])) for k in range(0, len(points), 50)]
    check_lines(tmp_path, "\n".join(lines), options, **how)


@pytest.mark.parametrize("options, how", [
    ("", {}), ("--keep-punctuation --words 1", {"keep_punctuation": True, "words": 1}),
    ("--keep-punctuation --chars 2", {"keep_punctuation": True, "chars": 2}), ("--chars 3", {"chars": 3})])
def test_invalid_utf8(tmp_path, options, how):
    """Every kind of broken sequence, between letters, at the end of a line, and random bytes."""
    broken = [b"\x80", b"\xbf\xbf", b"\xc0\x80", b"\xc1\xbf", b"\xc3", b"\xe2\x82", b"\xe0\x80\x80", b"\xed\xa0\x80",
              b"\xf0\x9f\x92", b"\xf0\x80\x80\x80", b"\xf4\x90\x80\x80", b"\xf5\x80\x80\x80", b"\xf8\x88\x80\x80\x80",
              b"\xfe\xff", b"\xe2\x28\xa1", b"\xf0\x9f\x28\x9f\x92\xa9", b"\xc3\xc3\xa9", b"\xe2\x82\xe2\x82\xac"]
    r = random.Random(5)
    noise = [bytes(r.choices([9, 32, 65, 97, *range(128, 256)], k=r.randrange(60))) for _ in range(300)]
    lines = [form % b for b in broken for form in (b"%b", b"a b%bc d e", b"one two thr%b", b"%bone")] + noise
    packed = check_lines(tmp_path, b"\n".join(lines), options, **how)
    assert packed.attrs["invalid_utf8"] > 1000


def test_a_replacement_character_in_the_text_is_not_counted(tmp_path):
    assert check_lines(tmp_path, "a\ufffdb \ufffd\n").attrs["invalid_utf8"] == 0


def test_short_records(tmp_path):
    texts = ["", " ", "\t \u3000", "...", "a", "a b", "a b c", "a b c d", "é", "日本", "- a -"]
    for options, how in [("--words 3", {}), ("--chars 4", {"chars": 4}),
                         ("--chars 2 --keep-space", {"chars": 2, "keep_space": True})]:
        packed = check_lines(tmp_path, "\n".join(texts), options, **how)
        sizes = [len(s) for s in packed.sets]
        if options == "--words 3":
            assert sizes == [0, 0, 0, 0, 1, 1, 1, 2, 1, 1, 1]


def test_repeated_shingles_count_once(tmp_path):
    assert [len(s) for s in check_lines(tmp_path, "a b a b a b a b\n" + "x " * 5000).sets] == [2, 1]


@pytest.mark.parametrize("size", [1, 2, 30, 31, 32, 33, 64, 65, 127, 1000, 5000, 70000])
def test_sets_of_many_sizes(tmp_path, size):
    text = " ".join(f"w{k * 7919 % size}" for k in range(size + size // 3))
    assert len(check_lines(tmp_path, text, "--words 1", words=1).sets[0]) == size


# ---- lines ---------------------------------------------------------------------------------------------------------

LINES = {  # content, number of records
    "empty file": (b"", 0),
    "one empty line": (b"\n", 1),
    "empty lines": (b"\n\n\na b c d\n\n", 5),
    "no last newline": (b"a b c d\ne f g h", 2),
    "CRLF": (b"a b c d\r\ne f g h\r\n\r\ni\r\n", 4),
    "a carriage return within": (b"a b\rc d\ne\r\r\nf\n", 3),
    "BOM": (BOM + b"a b c d\ne f\n", 2),
    "BOM alone": (BOM, 0),
    "BOM and an empty line": (BOM + b"\n", 1),
    "two BOM": (BOM + BOM + b"a b c d\n", 1),
    "BOM in another line": (b"a b c d\n" + BOM + b"a b c d\n", 2),
    "half a BOM": (BOM[:2] + b"a b\n", 1),
    "NUL bytes": (b"a\0b c\0\0d\n\0\n\0a b c d", 3),
    "NUL at the end": (b"a b c\0", 1),
    "other line ends": ("a\u2028b\vc\fd\u0085e f\n".encode(), 1),
}


@pytest.mark.parametrize("options, how", [
    ("", {}), ("--chars 2 --keep-space --keep-punctuation", {"chars": 2, "keep_space": True, "keep_punctuation": True})],
    ids=["words", "chars as they are"])
@pytest.mark.parametrize("name", LINES)
def test_lines(tmp_path, name, options, how):
    content, records = LINES[name]
    assert len(check_lines(tmp_path, content, options, **how)) == records


@pytest.fixture(scope="module")
def large(tmp_path_factory):
    """14 MB of lines: more than a piece, and more than --memory; CRLF, BOM, and bytes that are no UTF-8 among them."""
    r = random.Random(9)
    pool = [line.encode().replace(b"\xc3\xa4", b"\xe4") for line in random_lines(2, 3000)]
    pool = [line.replace(b"\t", b"\0") + (b"\r" if k % 5 == 0 else b"") for k, line in enumerate(pool)]
    body = b"\n".join(r.choice(pool) for _ in range(125000))
    return write(tmp_path_factory.mktemp("large") / "in.txt", BOM + body + b"\n" + BOM + b"the last line")


def test_large_file_on_any_number_of_ranks(tmp_path, large):
    one = same_everywhere(tmp_path, large, "--source", [
        (1, [*TINY, "-t", 4]), (2, ["-t", 4]), (3, [*TINY, "--progress"]), (5, ["--memory", "4M", "-t", 4, "--scratch", tmp_path])])
    content = large.read_bytes()
    sets, invalid = line_sets(content)
    one.holds(sets, np.uint64)
    assert one.attrs["invalid_utf8"] == invalid > 1000
    assert [at for _, at, _ in one.source][1:] == [at for at, _ in lines_of(content)][1:]
    assert len(one.indices) > 1 << 18, "a column of one chunk shows too little"


def test_cut_at_every_byte(tmp_path):
    """16 ranks share some 60 bytes; one more byte in front moves every cut against the lines."""
    for pad in range(4):
        content = b"p" * pad + b"\r\na b c\n\n\n d e\r\nf g h i j k l m n\n" + BOM + b"o\n\np q r s t u"
        path = write(tmp_path / "in.txt", content)
        same_everywhere(tmp_path, path, "--words 1 --source", [(16, [])]).holds(line_sets(content, words=1)[0])


def test_more_ranks_than_bytes(tmp_path):
    for content in (b"", b"\n", b"a", b"a\nb"):
        path = write(tmp_path / "in.txt", content)
        same_everywhere(tmp_path, path, "--source", [(5, ["-t", 4])]).holds(line_sets(content)[0])


@pytest.mark.parametrize("options", ["", "--ids --source"])
def test_no_record_at_all(tmp_path, options):
    packed = same_everywhere(tmp_path, write(tmp_path / "in.txt", ""), options, [(3, [])])
    assert len(packed) == 0 and packed.data["sets/indptr"].tolist() == [0] and packed.indices.shape == (0,)
    if options:
        assert packed.ids == [] and packed.source == [] and packed.data["ids/indptr"].tolist() == [0]


# ---- several inputs, compressed ones, standard input ---------------------------------------------------------------

CONTENT = {name: "\n".join(random_lines(seed, 120)).encode() + b"\n"[:seed % 2]
           for seed, name in enumerate(["a", "b", "c", "d", "e", "f"], 10)}


def all_sets(names="abcdef"):
    return [s for name in names for s in line_sets(CONTENT[name])[0]]


@pytest.mark.parametrize("name", COMPRESSED)
def test_compressed(tmp_path, name):
    ending, compress = COMPRESSED[name]
    packed = pack(tmp_path, write(tmp_path / f"in.txt{ending}", compress(CONTENT["a"])), "--source")
    packed.holds(all_sets("a"))
    unpacked = pack(tmp_path, write(tmp_path / "in.txt", CONTENT["a"]), "--source")
    assert [s[1:] for s in packed.source] == [s[1:] for s in unpacked.source]


@pytest.mark.parametrize("name", COMPRESSED)
def test_large_compressed(tmp_path, large, name):
    """Longer than a piece, and cut into members within lines."""
    ending, compress = COMPRESSED[name]
    content = large.read_bytes()[:9_000_000]
    path = write(tmp_path / f"in.txt{ending}", compress(content))
    same_everywhere(tmp_path, path, "--source -t 3", [(2, TINY)]).holds(line_sets(content)[0])


@pytest.mark.parametrize("compress", [bytes, gzip.compress, zstd, in_pieces(gzip.compress)],
                         ids=["plain", "gz", "zst", "gz of members"])
@pytest.mark.parametrize("ranks", [1, 3])
def test_standard_input(tmp_path, compress, ranks):
    pack(tmp_path, "-", "--from lines", ranks, stdin=compress(CONTENT["a"])).holds(all_sets("a"))


def test_compressed_is_told_by_its_bytes(tmp_path):
    for compress in (gzip.compress, zstd):
        pack(tmp_path, write(tmp_path / "in.txt", compress(CONTENT["a"]))).holds(all_sets("a"))


@pytest.mark.parametrize("compress", [gzip.compress, zstd])
def test_nothing_compressed(tmp_path, compress):
    assert len(pack(tmp_path, write(tmp_path / "in.txt", compress(b"")))) == 0


@pytest.mark.parametrize("zeros", [1, 512, 700_000])
@pytest.mark.parametrize("compress", [gzip.compress, zstd])
def test_zeros_behind_what_is_compressed(tmp_path, compress, zeros):
    """As tapes and block devices leave them; gzip takes no offence either."""
    content = compress(CONTENT["a"]) + bytes(zeros)
    pack(tmp_path, write(tmp_path / "in.txt", content)).holds(all_sets("a"))


@pytest.fixture
def many(tmp_path):
    """Inputs: plain, an empty one, compressed ones, one with a BOM, standard input; and a list of the last of them."""
    write(tmp_path / "a.txt", CONTENT["a"])
    write(tmp_path / "b.gz", gzip.compress(CONTENT["b"]))
    write(tmp_path / "nothing.txt", b"")
    write(tmp_path / "d.txt", BOM + CONTENT["d"])
    write(tmp_path / "e.zst", zstd(CONTENT["e"]))
    write(tmp_path / "f f.txt", CONTENT["f"])
    names = [tmp_path / name for name in ("a.txt", "b.gz", "nothing.txt", "-", "d.txt", "e.zst", "f f.txt")]
    names[3] = "-"
    write(tmp_path / "list", "\n".join(map(str, names[4:])))  # no newline at its end
    return names


def test_several_inputs_in_order(tmp_path, many):
    packed = same_everywhere(tmp_path, many, "--from lines --source", stdin=CONTENT["c"])
    packed.holds(all_sets())
    names = [name for name, _ in itertools.groupby(s[0] for s in packed.source)]
    assert names == [str(name) for k, name in enumerate(many) if k != 2]
    check_source(packed, {"-": CONTENT["c"], str(many[1]): CONTENT["b"], str(many[5]): CONTENT["e"]})


def test_list_of_inputs(tmp_path, many):
    whole = pack(tmp_path, many, "--from lines --source", stdin=CONTENT["c"])
    listed = same_everywhere(tmp_path, ["--list", tmp_path / "list", *many[:4]], "--from lines --source", [(3, [])],
                             stdin=CONTENT["c"])
    same(whole, listed)
    standard = pack(tmp_path, ["--list", "-"], "--from lines --source",
                    stdin="\n".join(map(str, [*many[:3], *many[4:]])) + "\n")
    standard.holds(all_sets("abdef"))


def test_the_same_file_twice(tmp_path, many):
    pack(tmp_path, [many[0], many[1], many[0]], "--from lines").holds(all_sets("aba"))


def test_ending_tells_the_kind(tmp_path):
    for name in ("x.txt", "x.txt.gz", "x.txt.zst"):
        ending = name.rpartition(".")[2]
        content = {"gz": gzip.compress, "zst": zstd}.get(ending, bytes)(CONTENT["a"])
        packed = pack(tmp_path, write(tmp_path / name, content))
        assert packed.attrs["from"] == "lines"
        packed.holds(all_sets("a"))


def test_from_beats_the_ending(tmp_path):
    packed = pack(tmp_path, write(tmp_path / "in.fasta", CONTENT["a"]), "--from lines")
    packed.holds(all_sets("a"))


# ---- ids and source ------------------------------------------------------------------------------------------------

def check_source(packed, contents=()):
    """Each record's bytes, read back from its source and packed by the oracle, are its set."""
    contents = dict(contents)
    for (name, offset, length), elements in zip(packed.source, packed.sets):
        if name not in contents:
            with open(name, "rb") as f:
                contents[name] = f.read()
        text = contents[name][offset:offset + length]
        line = text.rstrip(b"\r\n")
        assert len(text) == length and b"\n" not in line
        assert offset in (0, len(BOM)) or contents[name][offset - 1:offset] == b"\n"
        assert contents[name][offset + len(line):].lstrip(b"\r")[:1] in (b"", b"\n"), "a line is cut"
        assert sorted(shingles(decode(text.removeprefix(BOM))[0])) == elements


def test_source(tmp_path):
    content = BOM + MIXED.encode() + b"\r\nCR LF\r\n\xff\xfe broken\nNUL\0\nlast"
    packed = same_everywhere(tmp_path, write(tmp_path / "in.txt", content), "--source")
    packed.holds(line_sets(content)[0])
    assert {name for name, *_ in packed.source} == {str(tmp_path / "in.txt")}
    check_source(packed)


def test_source_keeps_names_as_given(tmp_path):
    (tmp_path / "sub").mkdir()
    write(tmp_path / "sub/ä.txt", "a\nb\n")
    packed = pack(tmp_path, ["sub/ä.txt", "./sub/../sub/ä.txt"], "--source", cwd=tmp_path)
    assert [s[:2] for s in packed.source] == [
        ("sub/ä.txt", 0), ("sub/ä.txt", 2), ("./sub/../sub/ä.txt", 0), ("./sub/../sub/ä.txt", 2)]


def test_ids_of_lines(tmp_path):
    r = random.Random(3)
    texts = [line.replace("\t", " ") for line in random_lines(4, 500)]
    ids = [r.choice(["", f"id{k}", f"ä {k}", "x" * r.randrange(300)]) for k in range(len(texts))]
    texts[7] += "\tmore\t columns"
    lines = [f"{i}\t{text}" for i, text in zip(ids, texts)]
    path = write(tmp_path / "in.txt", "\r\n".join(lines))
    packed = same_everywhere(tmp_path, path, "--ids --source")
    packed.holds(map(shingles, texts))
    assert packed.ids == [i.encode() for i in ids]
    content = path.read_bytes()
    for line, (_, offset, length) in zip(lines, packed.source):  # of the record, or of the text in it
        assert content[offset:offset + length].rstrip(b"\r\n").endswith(line.partition("\t")[2].encode())


def test_ids_are_bytes(tmp_path):
    packed = pack(tmp_path, write(tmp_path / "in.txt", b"\xff\0\xe4\ttext\n"), "--ids")
    assert packed.ids == [b"\xff\0\xe4"]


def test_no_ids_and_no_source_unless_asked(tmp_path):
    packed = pack(tmp_path, write(tmp_path / "in.txt", "id\ttext of a record\n"))
    assert set(packed.data) == {"sets/indptr", "sets/indices"}
    packed.holds([shingles("id text of a record")])


# ---- whole files ---------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("options, how", [("", {}), ("--chars 4 --keep-space", {"chars": 4, "keep_space": True})])
def test_one_record_a_file(tmp_path, options, how):
    texts = [BOM + b"a b\nc d\r\n\n e", b"", b"\n\n", MIXED.encode(), b"a\xffb c\0d e f", b"one", CONTENT["b"]] * 3
    files = [write(tmp_path / f"{k}.txt", text) for k, text in enumerate(texts)]
    files[6] = write(tmp_path / "6.gz", gzip.compress(texts[6]))
    write(tmp_path / "list", "".join(f"{f}\n" for f in files))
    packed = same_everywhere(tmp_path, ["--list", tmp_path / "list"],
                             f"--from lines --per-file --ids --source {options}")
    read = [decode(text.removeprefix(BOM)) for text in texts]
    packed.holds([shingles(text, **how) for text, _ in read])
    assert packed.attrs["invalid_utf8"] == sum(n for _, n in read) == 3
    assert packed.ids == [str(f).encode() for f in files]
    assert packed.source == [(str(f), 0, len(text)) for f, text in zip(files, texts)]


# ---- JSON lines ----------------------------------------------------------------------------------------------------

def jsonl(objects, **how):
    return "".join(json.dumps(o, **how) + "\n" for o in objects)


TEXTS = random_lines(6, 400)
RECORDS = [{"meta": {"id": k if k % 2 else f"n-{k}é", "x": [1, {"text": "no"}]}, "other": None,
            "text": text, "body": {"a": {"b": text[::-1]}}} for k, text in enumerate(TEXTS)]


@pytest.mark.parametrize("ascii", [True, False], ids=["escaped", "UTF-8"])
def test_jsonl(tmp_path, ascii):
    path = write(tmp_path / "in.jsonl", jsonl(RECORDS, ensure_ascii=ascii))
    packed = same_everywhere(tmp_path, path, "--source")
    packed.holds(map(shingles, TEXTS), np.uint64)
    assert packed.attrs["from"] == "jsonl" and "ids/bytes" not in packed.data
    content = path.read_bytes()
    assert [json.loads(content[at:at + n])["text"] for _, at, n in packed.source] == TEXTS


def test_jsonl_fields(tmp_path):
    path = write(tmp_path / "in.ndjson", jsonl(RECORDS))
    packed = same_everywhere(tmp_path, path, "--text-field body.a.b --id-field meta.id --chars 4")
    packed.holds(shingles(text[::-1], chars=4) for text in TEXTS)
    assert packed.ids == [str(r["meta"]["id"]).encode() for r in RECORDS]


def test_jsonl_escapes(tmp_path):
    lines = [r'{"text": "tab\tquote\"slash\/back\\ \u00e4\u00c4 \ud83d\ude00 \u2028x"}', ' { "text" :"a b"  } ',
             '{"id": -12, "text": ""}', r'{"\u0074ext": "escaped name"}']
    path = write(tmp_path / "in.jsonl", "\r\n".join(lines))
    packed = pack(tmp_path, path, "--keep-punctuation --words 1")
    packed.holds(shingles(json.loads(line)["text"], words=1, keep_punctuation=True) for line in lines)


def test_jsonl_with_a_nul(tmp_path):
    """A NUL is a character like others, in a text and in an id."""
    path = write(tmp_path / "in.jsonl", r'{"text": "a\u0000b c", "id": "x\u0000y"}' + "\n")
    packed = pack(tmp_path, path, "--words 1 --id-field id")
    packed.holds([shingles("a\0b c", words=1)])
    assert packed.ids == [b"x\0y"]


def test_jsonl_with_invalid_utf8(tmp_path):
    path = write(tmp_path / "in.jsonl", b'{"text": "a b\xff c\xe2\x82 d"}\n{"text": "good"}\n')
    packed = pack(tmp_path, path, "--keep-punctuation")
    packed.holds([shingles("a b\ufffd c\ufffd d", keep_punctuation=True), shingles("good")])
    assert packed.attrs["invalid_utf8"] == 2


def test_jsonl_begins_with_a_bom(tmp_path):
    pack(tmp_path, write(tmp_path / "in.jsonl", BOM + b'{"text": "a b"}')).holds([shingles("a b")])


def test_jsonl_numbers_as_ids(tmp_path):
    numbers = [0, -5, 2**63 - 1, -2**63, 10**15]
    path = write(tmp_path / "in.jsonl", jsonl({"text": "a", "n": n} for n in numbers))
    assert pack(tmp_path, path, "--id-field n").ids == [str(n).encode() for n in numbers]


def test_jsonl_large(tmp_path):
    """Records longer than others by far, and a file longer than a piece."""
    texts = [t for k in range(25) for t in TEXTS[:200] + [f"{k} " + " ".join(TEXTS)]]
    path = write(tmp_path / "in.jsonl.gz", gzip.compress(jsonl({"text": t} for t in texts).encode(), 1))
    plain = write(tmp_path / "in.jsonl", gzip.decompress(path.read_bytes()))
    known = {t: shingles(t) for t in set(texts)}
    one = pack(tmp_path, path, [*TINY, "-t", 3])
    one.holds(known[t] for t in texts)
    same_everywhere(tmp_path, plain, "", [(3, ["-t", 2])]).holds(known[t] for t in texts)


# ---- how it is stored ----------------------------------------------------------------------------------------------

@pytest.mark.parametrize("level", [1, 9])
def test_gzip(tmp_path, level):
    lines = "".join(f"{k}\t{text}\n" for k, text in enumerate(random_lines(8, 5000)))
    path = write(tmp_path / "in.txt", lines)
    bare = pack(tmp_path, path, "--ids --source")
    packed = same_everywhere(tmp_path, path, f"--ids --source --gzip {level}", [(3, TINY)])
    assert set(bare.data) == set(packed.data)
    for name in bare.data:
        np.testing.assert_array_equal(bare.data[name], packed.data[name])
    with h5py.File(packed.path, "r") as f, h5py.File(bare.path, "r") as g:
        for name in packed.data:
            assert g[name].compression is None and not g[name].shuffle
            assert (f[name].compression, f[name].compression_opts, f[name].shuffle) == ("gzip", level, True)


def test_what_is_said(tmp_path):
    path = write(tmp_path / "in.txt", b"a\nb\xff\xff\nc\n")
    said = pack(tmp_path, path).said.err
    assert re.search(r"\b3\b", said) and re.search(r"\b2\b", said), said  # rows, invalid sequences
    assert pack(tmp_path, path, "--quiet").said.err == ""


@pytest.mark.parametrize("ranks", [1, 3])
def test_scratch_is_left_empty(tmp_path, large, ranks):
    (tmp_path / "scratch").mkdir()
    pack(tmp_path, large, ["--scratch", tmp_path / "scratch", *TINY], ranks)
    assert list((tmp_path / "scratch").iterdir()) == []
