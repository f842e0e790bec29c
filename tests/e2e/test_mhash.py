"""In mhash's place: its text on standard input, its lines on standard output."""
import pytest

from joins import parts, read_tsv, run
from oracle import Sets, families, mhash_text, overlaps

EXAMPLE = """10,28,5
1,2
3,0,1,3
5,0,1,2,3,4
1,0
2,3,4
4,0,1,3,4
5,0,1,2,3,4
3,0,2,4
1,1
3,0,2,3
"""


def small(seed, count):
    """Families over a universe of 1,000 with empty sets among them; elements unsorted, some repeated."""
    rows = families(seed, count, size=8, dtype="i8").shuffled(seed, repeats=1).rows()
    return Sets.of([[v % 1000 for v in row] for row in rows], "i8")


LEFT = small(1, 30)
RIGHT = Sets.of(LEFT.rows()[5:60], "i8")
FORMS = {  # standard input, options, rows of the queries, whether it is a self-join
    "one database": (mhash_text(LEFT), ["-E"], len(LEFT), True),
    "two databases": (mhash_text(LEFT) + mhash_text(RIGHT), [], len(LEFT), False),
}


def lines_of(pairs, queries, both):
    """What mhash prints of these pairs."""
    found = [set() for _ in range(queries)]
    for i, j in zip(pairs["left"].tolist(), pairs["right"].tolist()):
        found[i].add(j)
        if both:
            found[j].add(i)
    return "".join(",".join(map(str, [i, *sorted(js)])) + "\n" for i, js in enumerate(found))


@pytest.fixture(params=FORMS)
def form(request):
    return FORMS[request.param]


def test_its_own_first_example():
    out = run("-b 2 -r 10 -t 1 -E".split(), stdin=EXAMPLE).ok().out
    lines = [list(map(int, line.split(","))) for line in out.splitlines()]
    assert [i for i, *_ in lines] == list(range(10))
    assert all(js == sorted(set(js) - {i}) for i, *js in lines)
    said = {(i, j) for i, *js in lines for j in js}
    assert (2, 6) in said  # equal sets; the others are a matter of luck
    assert said == {(j, i) for i, j in said}
    common = overlaps(Sets.of([list(map(int, line.split(",")))[1:] for line in EXAMPLE.splitlines()[1:]]))
    assert {(i, j) for i, j in said if i < j} <= set(zip(common["left"].tolist(), common["right"].tolist()))


@pytest.mark.parametrize("threshold", [[], ["--threshold", "0.6"]])
def test_lines_say_what_the_tsv_says(form, threshold):
    text, options, queries, both = form
    options = ["-b", 12, "-r", 3, *options, *threshold]
    pairs = read_tsv(run([*options, "--format", "tsv"], stdin=text).ok().out)
    assert len(pairs) > 20
    out = run(options, stdin=text).ok().out
    assert out == lines_of(pairs, queries, both)
    assert any("," not in line for line in out.splitlines())


@pytest.mark.parametrize("ranks", [1, 3])
def test_files_are_the_lines_in_order(form, tmp_path, ranks):
    text, options, *_ = form
    options = ["-b", 12, "-r", 3, *options]
    alone = run(options, stdin=text).ok().out
    said = run([*options, "--format", "mhash", "-o", tmp_path / "out"], ranks, stdin=text).ok()
    files = parts(tmp_path / "out", "txt")
    assert len(files) == ranks and said.out == ""
    assert "".join(f.read_text() for f in files) == alone


def test_ways_to_name_the_input(tmp_path):
    """Standard input as nothing or as `-`, one file, and a file for each database give the same."""
    text = FORMS["two databases"][0]
    files = {name: tmp_path / name for name in ("both", "left", "right")}
    for name, content in zip(files, (text, mhash_text(LEFT), mhash_text(RIGHT))):
        files[name].write_text(content)
    options = ["-b", 12, "-r", 3, "--format", "mhash"]
    expected = run(options, stdin=text).ok().out
    assert run([*options, "-"], stdin=text).ok().out == expected
    assert run([*options, files["both"]]).ok().out == expected
    assert run([*options, files["left"], files["right"]]).ok().out == expected
    assert run([*options, files["left"], "-"], stdin=mhash_text(RIGHT)).ok().out == expected


def test_exclusive_leaves_out_equal_numbers(tmp_path):
    for name in "ab":
        (tmp_path / name).write_text(mhash_text(LEFT))
    options = ["-b", 12, "-r", 3, "--format", "mhash", tmp_path / "a", tmp_path / "b"]
    inclusive, exclusive = (run([*options, *more]).ok().out.splitlines() for more in ([], ["-E"]))
    for i, (line, less) in enumerate(zip(inclusive, exclusive)):
        number, *js = line.split(",")
        assert less == ",".join([number, *(j for j in js if j != number)])
        assert (number in js) == (len(LEFT.rows()[i]) > 0)


def test_text_and_hdf5_agree(join):
    """Without a threshold: the elements are the same numbers, so they have the same hashes."""
    text = read_tsv(run(["-b", 12, "-r", 3, "-E", "--format", "tsv"], stdin=mhash_text(LEFT)).ok().out)
    assert text.tobytes() == join(LEFT, "-b 12 -r 3").pairs.tobytes()


def test_foreign_file(shared):
    """Two databases of 1,000 sets."""
    path = shared / "formats" / "mhash_n1000_f96.csv"
    options = ["-b", 20, "-r", 6]
    lines = run(options, stdin=path.read_text()).ok().out
    pairs = read_tsv(run([*options, "--format", "tsv", path]).ok().out)
    assert len(pairs) and lines == lines_of(pairs, 1000, False)
