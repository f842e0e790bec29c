"""At every place where ranks agree on errors one of them is given one: then all end with that rank's message and status, none
waits for another, and nothing looks finished. On 1 rank, and on each of 3 in turns, in all kinds of jobs.

Where these places are the sources tell, and which of them a job comes to the job itself (tests/faults/agreement.c); all must be
come to. All that jobs come to are tried with LSHJOIN_FAILING_ALL=1, as tests/run.sh --all does, else some.
"""
import re
from collections import Counter

import pytest

from failing import ALL, FAULTS, KINDS, Job
from joins import ROOT

MADE_TO_FAIL = 76  # EX_PROTOCOL
LAST = "src/report.c"  # where it is told that the run is whole
MOST = 100  # of one place that a job comes to again and again
# Places that no job comes to, on so many ranks: a file, or a function of it.
ELSEWHERE = {
    (1, 3): {
        "src/library.c": "records in another program's memory: tests/library/contract.c fails there",
        "src/arrays.c": "the same",
        "src/input.c take_arrays": "the same",
        "src/output.c output_write": "the same",
    },
    (3,): {"src/pack/drop.c": "--drop is refused on more than one rank"},
}
SHAPES = [(name, ranks) for name in KINDS for ranks in KINDS[name].ranks] if ALL else [("resumed", 3), ("pack", 1)]


def places_of_sources():
    """{place: the function it is in}"""
    found = {}
    for file in (ROOT / "src").rglob("*.c"):
        for number, line in enumerate(file.read_text().splitlines(), 1):
            if begins := re.match(r"[a-z].*?(\w+)\(", line):
                function = begins[1]
            elif file.name != "comm.c" and re.search(r"\bcomm_failed\(", line):
                found[f"{file.relative_to(ROOT)}:{number}"] = function
    return found


def excused(place, function, ranks):
    file = place.partition(":")[0]
    return any(ranks in shapes and (file in names or f"{file} {function}" in names) for shapes, names in ELSEWHERE.items())


LISTENS = {"LSHJOIN_AGREEMENTS": "{d}/places"}


def heard(place):
    return (place / "places").read_text().splitlines()


def come_to(job):
    """The places that it comes to when nothing fails, in order."""
    return heard(job.good(LISTENS))


def to_try(places):
    """Which of the places that a job comes to, by number from 1: of one that it comes to very often, some in even steps."""
    for k, place in enumerate(dict.fromkeys(places)):
        at = [number for number, other in enumerate(places, 1) if other == place]
        if ALL:
            yield from at[:: -(-len(at) // MOST)]
        elif k % 3 == 0:
            yield at[-1]


def check(job):
    varies = "--memory" in job.kind.options  # of which some is held already, more or less: it has other batches each time

    def of(env, done, place):
        rank, nth = map(int, env["LSHJOIN_AGREEMENT"].split(":"))
        places = heard(place)
        if varies and len(places) < nth:
            assert done.rc == 0
            return
        where = f"rank {rank} at {places[nth - 1]}, number {nth}"
        assert done.rc == MADE_TO_FAIL, f"{where}: exit status {done.rc}\n{done.err}"
        assert len(done.messages) == 1 and done.err.endswith(f"made to fail at {places[nth - 1]}"), f"{where}: {done.err}"
        is_late = any(p.startswith(f"{LAST}:") for p in places[:nth])
        assert is_late or not (place / "out" / "run.json").exists(), f"{where}: looks finished"
        assert job.left_over(place) == [], f"{where}: left {job.left_over(place)}"
    return of


@pytest.mark.parametrize("name, ranks", SHAPES)
def test_an_error_is_everybodys(tmp_path, name, ranks):
    job = Job(name, tmp_path, ranks, FAULTS[KINDS[name].program])
    places = come_to(job)
    tried = list(to_try(places))
    job.try_all([{**LISTENS, "LSHJOIN_AGREEMENT": f"{k % ranks}:{nth}"} for k, nth in enumerate(tried)], check(job))
    print(f"{name} on {ranks}: an error at {len(tried)} of {len(places)} agreements, of {len(set(places))} places")


@pytest.mark.skipif(not ALL, reason="every kind of job is run")
@pytest.mark.parametrize("ranks", [1, 3])
def test_every_place_is_come_to(tmp_path, ranks):
    """What nobody comes to is not tested above: either a kind of job is missing, or it has a reason in ELSEWHERE."""
    reached = Counter()
    for name, kind in KINDS.items():
        if ranks in kind.ranks:
            (tmp_path / name).mkdir()
            reached.update(set(come_to(Job(name, tmp_path / name, ranks, FAULTS[kind.program]))))
    known = places_of_sources()
    assert len(known) > 50 and set(reached) <= set(known)
    print(*(f"{reached[place]:3} kinds of jobs on {ranks}: {place} {known[place]}" for place in sorted(known)), sep="\n")
    missing = [f"{p} {f}" for p, f in known.items() if p not in reached and not excused(p, f, ranks)]
    assert missing == [], "nobody comes there"
    assert [p for p in reached if excused(p, known[p], ranks)] == [], "somebody comes there: it needs no excuse"
