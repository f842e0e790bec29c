"""What breaks under a job while it runs: one message that names it, nothing that looks finished, on 1 and 3 ranks.

The short part of tests/faults/faults.py."""
import os
import shutil
import signal

import h5py
import pytest

import joins
import packing
from joins import FAULTS, read_h5, run, wait_for
from oracle import families, write_sets

SETS = families(5, 150)
OPTIONS = ["--threshold", "0.5", "--quiet"]
both = pytest.mark.parametrize("ranks", [1, 3])


@pytest.fixture
def held(tmp_path):
    """held(fault, ranks, do, file): the job's end, with do() done while one rank stands still."""
    def call(place, ranks, do, file, *more):
        mark = tmp_path / "held"
        args = [*OPTIONS, "-o", tmp_path / "out", *more, file]
        process = joins.start(args, ranks, program=FAULTS, env={"LSHJOIN_FAULT": f"{place}:{ranks - 1}:1:hold={mark}"})
        try:
            wait_for(mark)
            do()
            mark.unlink()
            _, err = process.communicate(timeout=60)
        finally:
            joins.kill(process)
        return joins.Run(process.returncode, "", joins.strip_banners(err.decode()))

    return call


def check(broken, out, status, *says):
    assert broken.rc == status, broken.err
    assert len(broken.messages) == 1, broken.err
    for word in says:
        assert str(word) in broken.messages[0]
    assert not (out / "run.json").exists()


@both
def test_an_input_that_is_cut_short(held, tmp_path, ranks):
    """HDF5 itself would read zeros."""
    file = write_sets(tmp_path / "sets.h5", SETS)
    broken = held("slice", ranks, lambda: os.truncate(file, file.stat().st_size // 3), file)
    check(broken, tmp_path / "out", os.EX_DATAERR, file, "cut short")


@both
def test_an_index_that_is_cut_short(held, tmp_path, ranks):
    """While it is looked at in place."""
    old, index = write_sets(tmp_path / "old.h5", SETS), tmp_path / "index"
    run([*OPTIONS, "--save-index", index, "--no-print", old]).ok()
    cut = lambda: os.truncate(index / "index.h5", 4096)
    broken = held("sign", ranks, cut, write_sets(tmp_path / "new.h5", SETS), "--index", index)
    check(broken, tmp_path / "out", os.EX_IOERR, "--index", "cut short")


@both
def test_a_corrupt_chunk(tmp_path, ranks):
    file = write_sets(tmp_path / "sets.h5", SETS, chunks=(512,), fletcher32=True)
    with h5py.File(file) as f:
        at = f["sets/indices"].id.get_chunk_info(3).byte_offset
    content = bytearray(file.read_bytes())
    content[at + 100] ^= 4
    file.write_bytes(content)
    check(run([*OPTIONS, "-o", tmp_path / "out", file], ranks), tmp_path / "out", os.EX_DATAERR, file, "indices")


@both
def test_an_output_directory_that_is_removed(held, tmp_path, ranks):
    file, out = write_sets(tmp_path / "sets.h5", SETS), tmp_path / "out"
    check(held("verify", ranks, lambda: shutil.rmtree(out), file), out, os.EX_IOERR, out, "No such file")


@both
def test_a_checkpoint_that_is_removed(held, tmp_path, ranks):
    file, kept = write_sets(tmp_path / "sets.h5", SETS), tmp_path / "kept"
    broken = held("sign", ranks, lambda: shutil.rmtree(kept), file, "--round", "4K", "--checkpoint", kept,
                  "--checkpoint-every", 0)
    check(broken, tmp_path / "out", os.EX_CANTCREAT, kept, "No such file")


@both
def test_two_jobs_told_to_write_the_same(held, tmp_path, ranks):
    file, out = write_sets(tmp_path / "sets.h5", SETS), tmp_path / "out"
    seconds = []
    first = held("verify", ranks, lambda: seconds.append(run([*OPTIONS, "--force", "-o", out, file], ranks)), file)
    check(seconds[0], tmp_path, os.EX_CANTCREAT, "another run is writing there")
    assert first.ok() and len(read_h5(out)) > 100


@pytest.mark.parametrize("size", ["8k", "16k", "24k", "32k", "40k", "60k"])
@both
def test_no_room_for_a_checkpoint(tmp_path, small, ranks, size):
    """For its pairs, or for what tells of them."""
    file, kept = write_sets(tmp_path / "sets.h5", families(5, 1000)), small(size) / "kept"
    broken = run([*OPTIONS, "--round", "64K", "--checkpoint", kept, "--checkpoint-every", 0, "-o", tmp_path / "out", file], ranks)
    check(broken, tmp_path / "out", os.EX_IOERR, kept, "No space left on device")


def test_messages_that_nobody_reads(tmp_path):
    """A job that is deaf to a signal ends all the same, though standard error takes no more."""
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    with pytest.raises(BlockingIOError):
        while True:
            os.write(writer, b"x" * 512)
    os.set_blocking(writer, True)
    mark = tmp_path / "held"
    process = joins.start([*OPTIONS, "--no-print", write_sets(tmp_path / "sets.h5", SETS)], program=FAULTS, stderr=writer,
                          env={"LSHJOIN_FAULT": f"verify:0:1:hold={mark}"})
    try:
        wait_for(mark)
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=30 * joins.PATIENCE) == os.EX_TEMPFAIL
    finally:
        joins.kill(process)
        os.close(reader)
        os.close(writer)


# ---- files that ranks write together -------------------------------------------------------------------------------

TOGETHER = {  # what writes one, and its name
    "clusters": (joins.BINARY, "--threshold .5 --quiet --clusters --no-print -o", "out/clusters.h5"),
    "index": (joins.BINARY, "--threshold .5 --quiet --no-print --save-index", "out/index.h5"),
    "corpus": (packing.BINARY, "--quiet --from lines --words 1 -o", "out"),
    "compressed corpus": (packing.BINARY, "--quiet --from lines --words 1 --gzip 3 -o", "out"),
}


def write_together(name, place, ranks, data):
    program, options, _ = TOGETHER[name]
    return (packing.run if program == packing.BINARY else run)([*options.split(), place / "out", data[program]], ranks, timeout=30)


@pytest.fixture
def data(tmp_path):
    lines = tmp_path / "lines.txt"
    lines.write_text("\n".join(" ".join(f"{row * k % 9973:x}" for k in range(1, 20)) for row in range(20000)))
    return {joins.BINARY: write_sets(tmp_path / "sets.h5", families(5, 2000)), packing.BINARY: lines}


@pytest.mark.parametrize("share", [.1, .5, .9, .99])
@pytest.mark.parametrize("name", TOGETHER)
@both
def test_no_room_for_all_of_a_file(tmp_path, small, data, name, ranks, share):
    """MPI-IO would not tell of it, or HDF5 wait for ever."""
    write_together(name, tmp_path, ranks, data).ok()
    taken = (tmp_path / TOGETHER[name][2]).stat().st_blocks * 512
    place = small(f"{int(taken * share) // 1024}k")
    broken = write_together(name, place, ranks, data)
    assert broken.rc == os.EX_IOERR and len(broken.messages) == 1 and "No space left on device" in broken.err, broken.err
    finished = "out/run.json" if name == "clusters" else TOGETHER[name][2]
    assert not (place / finished).exists()
