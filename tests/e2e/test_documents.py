"""What users read fits what the programs do: man pages, the completion of bash, the examples of jobs/README.md."""
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

import joins
from joins import ROOT

PROGRAMS = {"lshjoin": (joins.BINARY, ROOT / "src" / "lshjoin.1"),
            "lshpack": (Path(os.environ.get("LSHPACK", ROOT / "build" / "lshpack")), ROOT / "src" / "pack" / "lshpack.1"),
            "lsheval": (Path(os.environ.get("LSHEVAL", ROOT / "src" / "lsheval")), ROOT / "src" / "lsheval.1"),
            "lshreport": (Path(os.environ.get("LSHREPORT", ROOT / "src" / "lshreport")), ROOT / "src" / "lshreport.1")}
OPTION = re.compile(r"(?<![\w-])(--[a-z][a-z-]*[a-z]|-[a-zA-Z])(?![\w-])")


def options_of_help(program):
    """Those that a line of the help begins with, of the form '-b, --bands N' or '--assume-ranks N --assume-rows M'."""
    said = subprocess.run([PROGRAMS[program][0], "--help"], capture_output=True, text=True, env={**os.environ, **joins.MPI},
                          timeout=60)
    assert said.returncode == 0
    found = set()
    for line in said.stdout.splitlines():
        if re.match(r"\s+-", line):
            found |= set(OPTION.findall(re.split(r"\s{2,}", line.strip())[0]))
        elif line.startswith(("usage:", "       lsh")):
            found |= set(re.findall(r"(?:%s) (--[a-z-]+)" % program, line))
    return found


def options_of_man(program):
    """Those that have a paragraph of their own."""
    text = PROGRAMS[program][1].read_text().replace("\\-", "-")
    section = re.search(r"^\.SH OPTIONS\n(.*?)^\.SH ", text, re.M | re.S).group(1)
    tags = re.findall(r"^\.T[PQ]\n\.[BI]R?I? ?(.*)$", section, re.M)
    return {option for tag in tags for option in OPTION.findall(re.sub(r'\\f.|"', " ", tag))}


@pytest.mark.parametrize("program", PROGRAMS)
def test_man_page_and_help_tell_the_same_options(program):
    helped, manned = options_of_help(program), options_of_man(program)
    assert len(helped) > 2
    assert helped - manned == set(), "not in the man page"
    assert manned - helped == set(), "not in --help"


@pytest.mark.parametrize("program", PROGRAMS)
def test_man_page_is_well_made(program):
    page = PROGRAMS[program][1]
    lines = page.read_text().splitlines()
    assert lines[0].startswith(f".TH {program.upper()} 1 ")
    assert {".SH NAME", ".SH SYNOPSIS", ".SH DESCRIPTION", ".SH OPTIONS", ".SH EXAMPLES", ".SH SEE ALSO"} <= set(lines)
    if not shutil.which("man"):
        pytest.skip(f"whether {page.name} is good roff: no man here")
    said = subprocess.run(["man", "--warnings", "-E", "UTF-8", "-l", "-Tutf8", "-Z", page], capture_output=True, text=True,
                          env={**os.environ, "MANROFFSEQ": "", "MANWIDTH": "100", "LC_ALL": "C.UTF-8"})
    wrong = [line for line in said.stderr.splitlines() if "can't break line" not in line and "adjust" not in line]
    assert (said.returncode, wrong) == (0, [])


# ---- completion ----------------------------------------------------------------------------------------------------

def complete(folder, program, *words):
    """What bash offers for the last word."""
    script = (f'PATH="{folder}:$PATH"; source "{ROOT}/src/completion.bash"; cd "{folder}"\n'
              f'how=$(complete -p {program}); function="${{how##*-F }}"; function="${{function%% *}}"\n'
              '"$function" "$1" "${@: -1}" "${@: -2:1}"; printf "%s\\n" "${COMPREPLY[@]}"')
    said = subprocess.run(["bash", "-c", script, "bash", program, *words], capture_output=True, text=True,
                          env={**os.environ, **joins.MPI})
    assert (said.returncode, said.stderr) == (0, "")
    return set(said.stdout.split())


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    made = tmp_path_factory.mktemp("complete")
    for program, (binary, _) in PROGRAMS.items():
        (made / program).symlink_to(binary)
    (made / "corpus.h5").touch()
    (made / "results").mkdir()
    return made


@pytest.mark.parametrize("program", PROGRAMS)
def test_bash_completes_options(folder, program):
    assert complete(folder, program, "-") == options_of_help(program)
    assert complete(folder, program, "--he") == {"--help"}


@pytest.mark.parametrize("words, offered", [
    (["lshjoin", "--metric", "w"], {"weighted-jaccard"}), (["lshjoin", "--format", ""], {"h5", "tsv", "mhash"}),
    (["lshjoin", "--cluster-method", "s"], {"star"}), (["lshjoin", "--keep", "lo"], {"longest"}),
    (["lshjoin", "--keep", "c"], {"corpus.h5"}), (["lshjoin", "cor"], {"corpus.h5"}), (["lshjoin", "-o", "res"], {"results"}),
    (["lshpack", "--from", "fast"], {"fasta", "fastq"}), (["lshreport", "re"], {"results"})])
def test_bash_completes_values_and_files(folder, words, offered):
    assert complete(folder, words[0], *words[1:]) == offered


# ---- examples ------------------------------------------------------------------------------------------------------

def examples():
    """Blocks of jobs/README.md under 'Reading the pairs': language and text."""
    page = (ROOT / "jobs" / "README.md").read_text()
    section = re.search(r"^## Reading the pairs\n(.*?)(?=^## |\Z)", page, re.M | re.S).group(1)
    return re.findall(r"^```(\w+)\n(.*?)^```", section, re.M | re.S)


def test_examples_run(tmp_path):
    """As they stand there, one after the other; what Debian has no package for is not run."""
    for program, (binary, _) in PROGRAMS.items():
        (tmp_path / program).symlink_to(binary)
    shutil.copy(ROOT / "data" / "debian-slice.h5", tmp_path / "corpus.h5")
    env = {**os.environ, **joins.MPI, "PATH": f"{tmp_path}:/usr/bin:/bin"}
    ran = []
    for language, script in examples():
        if language == "python" and "pandas" in script and not Path("/usr/lib/python3/dist-packages/pandas").exists():
            pytest.skip("the example with pandas: no python3-pandas here")
        program = {"bash": ["bash", "-e"], "python": ["/usr/bin/python3"]}.get(language)
        if program:
            said = subprocess.run([*program, "-c", script], cwd=tmp_path, env=env, capture_output=True, text=True)
            assert said.returncode == 0, f"{script}\n{said.stderr}"
            ran.append((language, said.stdout))
    everything = "".join(out for _, out in ran)
    pairs = joins.read_h5(tmp_path / "pairs")
    assert [language for language, _ in ran].count("python") >= 2 and f"{len(pairs)} pairs" in everything
    assert "DATASET" in everything and "DATATYPE  H5T_STD_U64LE" in everything  # h5dump
    assert (tmp_path / "pairs-tsv" / "pairs-00000-of-00001.tsv").exists()
