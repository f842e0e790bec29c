"""The Debian package: made, installed into a clean system, run there, and removed without a trace. Needs root, debootstrap and a mirror of
Debian's; where that cannot be had it is left out aloud."""
import os
import re
import shutil
import subprocess

import pytest

import joins
from joins import ROOT

BUILD = joins.BINARY.parent
SLICE = ROOT / "data" / "debian-slice.h5"
INSIDE = {"DEBIAN_FRONTEND": "noninteractive", "LC_ALL": "C", "HOME": "/root", "PATH": "/usr/sbin:/usr/bin:/sbin:/bin",
          "OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1", "OMPI_MCA_rmaps_base_oversubscribe": "1"}


def call(*command, **how):
    return subprocess.run([str(c) for c in command], capture_output=True, text=True, **how)


@pytest.fixture(scope="module")
def package(tmp_path_factory):
    folder = tmp_path_factory.mktemp("package")
    made = call("cpack", "-G", "DEB", "-B", folder, cwd=BUILD)
    assert made.returncode == 0, made.stdout + made.stderr
    file, = folder.glob("lshjoin_*.deb")
    return file


def field(package, name):
    return call("dpkg-deb", "-f", package, name).stdout.strip()


def mirror():
    """Where this machine has its packages from."""
    said = call("apt-get", "indextargets", "--format", "$(SITE) $(CODENAME)", "Created-By: Packages").stdout
    return re.findall(r"^(\S+) (bookworm)$", said, re.M)


@pytest.fixture(scope="module")
def system(tmp_path_factory):
    """run(script) in a clean system; what it prints."""
    if os.geteuid() != 0 or not shutil.which("debootstrap") or not mirror():
        pytest.skip("the Debian package in a clean system: it takes root, debootstrap and a mirror of bookworm")
    folder = tmp_path_factory.mktemp("system") / "root"
    site, suite = mirror()[0]
    made = call("debootstrap", "--variant=minbase", "--include=ca-certificates", suite, folder, site)
    if made.returncode:
        pytest.skip(f"the Debian package in a clean system: debootstrap fails: {made.stdout.splitlines()[-1:]}")
    shutil.copy("/etc/resolv.conf", folder / "etc" / "resolv.conf")
    mounts = f"mount -t proc proc {folder}/proc; mount --rbind /sys {folder}/sys; mount -t tmpfs tmpfs {folder}/dev/shm"

    def run(script):
        said = call("unshare", "--mount", "sh", "-c", f'{mounts}; exec chroot {folder} sh -ec "$0"', script, env=INSIDE)
        assert said.returncode == 0, f"{script}\n{said.stdout}\n{said.stderr}"
        return said.stdout

    yield run, folder
    shutil.rmtree(folder)


def test_it_depends_on_what_it_needs(package):
    needs = field(package, "Depends")
    for library in ("libc6", "libhdf5-openmpi", "libjansson4", "libopenmpi3", "libutf8proc", "libxxhash0", "libzstd1", "zlib1g"):
        assert re.search(rf"\b{library}\S* \(>= ", needs), library
    assert "openmpi-bin" in needs and "python3-h5py" in field(package, "Recommends")
    assert field(package, "Package") == "lshjoin" and field(package, "Version") == "0.1.0"


def test_it_runs_in_a_clean_system(package, system, tmp_path):
    run, root = system
    for file in (package, SLICE):
        shutil.copy(file, root / "root")
    install = "apt-get install -qq -y -o APT::Install-Recommends=false"
    before = run("dpkg-query -W -f '${Package}\\n'").split()
    assert "openmpi-bin" not in before and "lshjoin" not in before
    run(f"apt-get update -qq; {install} /root/{package.name}")
    assert "not found" not in run("ldd /usr/bin/lshjoin /usr/bin/lshpack /usr/lib/liblshjoin.so")
    joins.run(["--threshold", 0.8, "-o", tmp_path / "here", SLICE]).ok()
    pairs = len(joins.read_h5(tmp_path / "here"))
    for name, mpirun in (("one", ""), ("three", "mpirun -n 3")):
        run(f"cd /root; {mpirun} lshjoin --threshold 0.8 -o {name} debian-slice.h5")
        assert joins.read_json(root / "root" / name)["counts"]["pairs"] == pairs
    run("cd /root; printf 'one two three four\\nfive six seven eight\\n' >t.txt; lshpack -o t.h5 t.txt; lshpack --info t.h5")
    recommended = field(package, "Recommends").replace(",", " ")
    run(f"cd /root; {install} {recommended}; lshreport one; lsheval one three >said")
    assert "recall 1.0000" in (root / "root" / "said").read_text() and (root / "root" / "one" / "report.html").exists()
    run("apt-get remove -qq -y lshjoin")
    files = [line.split("./", 1)[1] for line in call("dpkg-deb", "-c", package).stdout.splitlines()]
    assert "usr/bin/lshjoin" in files and [f for f in files if not f.endswith("/") and (root / f.split(" ->")[0]).exists()] == []
