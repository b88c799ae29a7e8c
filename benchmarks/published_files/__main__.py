"""Reads the files of the table's packages, compares them with their own runtime, and prints a table in Markdown.

Run it with ``python -m benchmarks.published_files [--only NAME] [--folder DIR]``. Wheels are downloaded with pip, by
digest, and opened as archives; nothing in them is run. It needs ``h5py`` and ``safetensors``. The exit code is 1 if a
file is not read, has other layers than those in the table, or differs.

In float64 outputs may differ by `LARGEST`: that shows that weights and equations are right. In float32 they may differ
from those in float64 by `LARGEST_ROUNDING`, or by `TIMES` what the own runtime in float32 does, since networks with
large weights make much of rounding.
"""

from __future__ import annotations

import argparse
import copy
import fnmatch
import hashlib
import sys
import tempfile
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

from benchmarks.exports.commands import run
from benchmarks.published_files.package_table import PACKAGES, Layers, Package
from tidegate import convert
from tidegate.errors import BenchmarkError, DataError

LARGEST = 1e-9  # difference of an output to the own runtime, both in float64
LARGEST_ROUNDING, TIMES = 1e-5, 10  # of float32, and how much worse than the own runtime's
STEPS, BATCH = 37, 3
HEAD = (
    "\n| package | version | licence | format | files | layers | float64 | float32 | its own float32 |\n|" + "---|" * 9
)
SHOWN = 6  # lines of a report


@dataclass
class Row:
    """A package's row of the table.

    Attributes:
        package: which.
        files: how many were read.
        layers: each different layer, as its module prints.
        differences: the largest of all to the own runtime in float64: of ours in float64 and in float32, and of the
            own runtime in float32.
        failures: what went wrong, in words.
    """

    package: Package
    files: int
    layers: list[str]
    differences: tuple[float, ...]
    failures: list[str]

    def __str__(self) -> str:
        it = self.package
        layers = "<br>".join(f"`{layer}`" for layer in self.layers)
        cells = (
            it.name,
            it.version,
            it.licence,
            it.format,
            self.files,
            layers,
            *[f"{it:.0e}" for it in self.differences],
        )
        return f"| {' | '.join(map(str, cells))} |"


def fetched(package: Package, folder: Path) -> Path:
    """Return the wheel of a package in a folder, downloaded if it is not there.

    Raises:
        BenchmarkError: pip cannot download it, or the wheel has another digest.
    """
    for _ in range(2):
        for wheel in sorted(folder.glob(f"{package.name.replace('-', '_')}-{package.version}-*.whl")):
            found = hashlib.sha256(wheel.read_bytes()).hexdigest()
            if found != package.digest:
                raise BenchmarkError(f"{wheel} has the digest {found}, not {package.digest}: delete it, or tell why.")
            return wheel
        wanted = folder / "requirements.txt"
        wanted.write_text(f"{package} --hash=sha256:{package.digest}\n")
        options = ["--no-deps", "--only-binary=:all:", "--ignore-requires-python", "--require-hashes"]
        run([sys.executable, "-m", "pip", "download", *options, "-d", str(folder), "-r", str(wanted)])
        wanted.unlink()
    raise BenchmarkError(f"pip has downloaded no wheel of {package} into {folder}.")


def checked(package: Package, wheel: Path) -> Row:
    """Read the files of a wheel, and compare each layer with its own runtime."""
    row = Row(package, 0, [], (0.0, 0.0, 0.0), [])
    with zipfile.ZipFile(wheel) as archive, tempfile.TemporaryDirectory() as folder:
        for pattern, layers in package.files.items():
            names = sorted(it for it in archive.namelist() if fnmatch.fnmatchcase(it, pattern))
            if not names:
                row.failures.append(f"{package} has no file {pattern}")
            for name in names:
                path = Path(archive.extract(name, folder))
                try:
                    _compare(path, layers, row)
                except DataError as error:
                    row.failures.append(f"{package}: {error}")
    return row


def _compare(path: Path, layers: Layers, row: Row) -> None:
    found = convert.read(path)
    print("\n".join(str(found).replace(str(path), path.name).splitlines()[:SHOWN]), flush=True)
    if {*found.layers} != {*layers}:
        row.failures.append(f"{path.name} has the layers {', '.join(found.layers)}, not {', '.join(layers)}")
        return
    row.files += 1
    for name, own in layers.items():
        module = found[name]
        x = torch.randn(STEPS, BATCH, int(module.input_size))  # type: ignore[arg-type]
        true = own.outputs(path, x.double())
        with torch.no_grad():
            outputs = copy.deepcopy(module).double()(x.double())[0], module(x)[0], own.outputs(path, x)
        exact, ours, theirs = (float((it.double() - true).abs().max()) for it in outputs)
        row.differences = tuple(map(max, row.differences, (exact, ours, theirs)))
        if not exact <= LARGEST:  # nor NaN
            row.failures.append(f"{path.name}: {name} differs from its own runtime by {exact:.1e} in float64")
        if not ours <= max(LARGEST_ROUNDING, TIMES * theirs):
            row.failures.append(f"{path.name}: {name} is off by {ours:.1e} in float32, its own runtime by {theirs:.1e}")
        if str(module) not in row.layers:
            row.layers.append(str(module))


def main(arguments: Sequence[str] | None = None, packages: Sequence[Package] = PACKAGES) -> int:
    """Print the table, and return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.published_files", description=__doc__)
    parser.add_argument("--only", metavar="NAME", help="one package")
    parser.add_argument("--folder", metavar="DIR", type=Path, help="where wheels are kept (default: they are not)")
    given = parser.parse_args(arguments)
    chosen = [it for it in packages if given.only in (None, it.name)]
    if not chosen:
        parser.error(f"--only {given.only} is none of {', '.join(dict.fromkeys(it.name for it in packages))}")
    torch.manual_seed(0)
    with tempfile.TemporaryDirectory() as temporary:
        folder = given.folder or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        rows = [checked(it, fetched(it, folder)) for it in chosen]
    print(HEAD)
    print("\n".join(map(str, rows)))
    failures = [failure for row in rows for failure in row.failures]
    for failure in failures:
        print(f"failed: {failure}", file=sys.stderr)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
