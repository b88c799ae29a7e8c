"""The archives of packages: downloaded by digest and unpacked, and nothing in them run."""

from __future__ import annotations

import hashlib
import os
import sys
import tarfile
import zipfile
from pathlib import Path

from benchmarks.exports.commands import run
from benchmarks.published_files.package_rows import Package
from tidegate.errors import BenchmarkError

NO_BUILD = Path(__file__).parent / "no_build"
PLATFORM = "manylinux_2_28_x86_64"  # of wheels that are not for all
OPTIONS = {
    "wheel": ["--only-binary=:all:", f"--platform={PLATFORM}", "--ignore-requires-python"],
    "sdist": ["--no-binary=:all:", "--no-build-isolation", "--ignore-requires-python"],
}
ENDS = {"wheel": "-*.whl", "sdist": ".tar.gz"}


def fetched(package: Package, folder: Path) -> Path:
    """Return the archive of a package in a folder, downloaded if it is not there.

    Raises:
        BenchmarkError: pip cannot download it, or the archive has another digest.
    """
    names = {package.name, package.name.replace("-", "_")}
    for _ in range(2):
        for path in sorted(it for own in names for it in folder.glob(f"{own}-{package.version}{ENDS[package.kind]}")):
            found = hashlib.sha256(path.read_bytes()).hexdigest()
            if found != package.digest:
                raise BenchmarkError(f"{path} has the digest {found}, not {package.digest}: delete it, or tell why.")
            return path
        wanted = folder / "requirements.txt"
        wanted.write_text(f"{package} --hash=sha256:{package.digest}\n")
        options = ["--no-deps", "--require-hashes", *OPTIONS[package.kind], "-d", str(folder), "-r", str(wanted)]
        environment = dict(os.environ)
        if package.kind == "sdist":
            environment["PYTHONPATH"] = str(NO_BUILD)
        run([sys.executable, "-m", "pip", "download", *options], environment=environment)
        wanted.unlink()
    raise BenchmarkError(f"pip has downloaded no {package.kind} of {package} into {folder}.")


def unpack(package: Package, path: Path, folder: Path) -> list[str]:
    """Unpack a package, and the archive within it that its row names.

    Returns:
        The names of all files.

    Raises:
        BenchmarkError: the archive within it is missing.
    """
    _unpack(path, folder)
    if package.within:
        inner = folder / package.within
        if not inner.is_file():
            raise BenchmarkError(f"{package} has no file {package.within}.")
        _unpack(inner, folder)
    return sorted(it.relative_to(folder).as_posix() for it in folder.rglob("*") if it.is_file())


def _unpack(path: Path, folder: Path) -> None:
    if path.suffix == ".whl":
        with zipfile.ZipFile(path) as archive:
            archive.extractall(folder)
    else:
        with tarfile.open(path) as archive:
            archive.extractall(folder, filter="data")
