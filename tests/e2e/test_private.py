"""Who may read and write what the programs leave, and whose files they write to: those of nobody else."""
import stat

import pytest

import packing
from joins import run
from oracle import families, write_sets

JOIN = ["-b", 4, "-r", 2, "--threshold", ".5"]
NOT_CREATED = 73


@pytest.fixture
def corpus(tmp_path):
    return write_sets(tmp_path / "in.h5", families(1, 40))


@pytest.fixture
def texts(tmp_path):
    return packing.write(tmp_path / "in.txt", "".join(f"a b c {k}\n" for k in range(200)))


def modes(path):
    return {stat.S_IMODE(f.stat().st_mode) for f in ([path] if path.is_file() else path.iterdir())}


def with_mask(mask):
    return ["sh", "-c", f"umask {mask:03o}; exec \"$0\" \"$@\""]


@pytest.mark.parametrize("ranks", [1, 3])
@pytest.mark.parametrize("mask", [0o022, 0o077, 0o007])
@pytest.mark.parametrize("options", [[], ["--format", "tsv"], ["--clusters"]], ids=["h5", "tsv", "clusters"])
def test_joins_heed_the_umask(tmp_path, corpus, mask, options, ranks):
    run([*JOIN, *options, "-o", tmp_path / "out", corpus], ranks, wrap=with_mask(mask)).ok()
    assert modes(tmp_path / "out") == {0o666 & ~mask}
    assert stat.S_IMODE((tmp_path / "out").stat().st_mode) == 0o777 & ~mask


@pytest.mark.parametrize("ranks", [1, 3])
@pytest.mark.parametrize("mask", [0o022, 0o077, 0o007])
def test_lshpack_heeds_the_umask(tmp_path, texts, mask, ranks):
    packing.run(["-o", tmp_path / "out.h5", texts], ranks, wrap=with_mask(mask)).ok()
    assert modes(tmp_path / "out.h5") == {0o666 & ~mask}


# Names in these folders can be guessed: what somebody has put there before leads nowhere.
@pytest.mark.parametrize("ranks", [1, 3])
@pytest.mark.parametrize("name, options", [(".run.json.part", []), (".pairs.h5.part", []), (".pairs-00000-of-0000{}.h5.part", []),
                                           (".pairs-00000-of-0000{}.tsv.part", ["--format", "tsv"])])
def test_links_in_the_output_are_not_followed(tmp_path, corpus, name, options, ranks):
    victim = packing.write(tmp_path / "victim", "mine\n")
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / name.format(ranks)).symlink_to(victim)
    run([*JOIN, *options, "-o", tmp_path / "out", corpus], ranks).ok()  # the link is removed as what a dead run left
    assert victim.read_text() == "mine\n"


def test_lshpack_makes_its_file_itself(tmp_path, texts):
    """The name it writes under has the process's number, which can be guessed: here, the wrapper knows it."""
    victim = packing.write(tmp_path / "victim", "mine\n")
    link = ["sh", "-c", f"ln -s {victim} {tmp_path}/out.h5.part-$$; exec \"$0\" \"$@\""]
    failed = packing.run(["-o", tmp_path / "out.h5", texts], wrap=link)
    assert failed.rc == NOT_CREATED and len(failed.messages) == 1, failed.err
    assert victim.read_text() == "mine\n"


def test_scratch_files_have_no_names(tmp_path, texts):
    (tmp_path / "scratch").mkdir()
    packing.run(["--memory", "1K", "--scratch", tmp_path / "scratch", "-o", tmp_path / "out.h5", texts],
                wrap=with_mask(0)).ok()
    assert list((tmp_path / "scratch").iterdir()) == []


@pytest.mark.parametrize("ranks", [1, 3])
def test_checkpoints_are_private(tmp_path, corpus, ranks):
    run([*JOIN, "--checkpoint", tmp_path / "kept", "-o", tmp_path / "out", corpus], ranks, wrap=with_mask(0)).ok()
    if (tmp_path / "kept").exists():
        assert stat.S_IMODE((tmp_path / "kept").stat().st_mode) == 0o700
        assert all(m & 0o077 == 0 for m in modes(tmp_path / "kept"))


@pytest.mark.parametrize("ranks", [1, 3])
def test_a_checkpoint_that_is_open_to_others(tmp_path, corpus, ranks):
    """It is closed where nothing else is in it, and refused where somebody may want it so."""
    kept = tmp_path / "kept"
    kept.mkdir()
    kept.chmod(0o777)
    args = [*JOIN, "--checkpoint", kept, "--quiet", corpus]
    (kept / ".state.json.part").write_text("of a job that has died")
    run([*args, "-o", tmp_path / "out"], ranks).ok()
    assert stat.S_IMODE(kept.stat().st_mode) == 0o700
    kept.chmod(0o750)
    (kept / "mine.txt").write_text("mine")
    failed = run([*args, "-o", tmp_path / "refused"], ranks)
    assert failed.rc == NOT_CREATED and len(failed.messages) == 1, failed.err
    assert f"{kept}: is open to others (mode 750)" in failed.messages[0]
    assert stat.S_IMODE(kept.stat().st_mode) == 0o750
