"""Data that every machine can make: to try a task without having data, and for tests and the documentation.

Each sample is a file of its own with a function ``write(folder, seed)`` that writes files called train, validation and
test; a new one is a line in `SAMPLES`.
"""

import importlib
from pathlib import Path

from tidegate.errors import DataError

SAMPLES = {
    "digits": "scikit-learn's handwritten digits, 8 x 8, row by row, with their class",
    "python-highlighting": "Python source, with a label for each character: keyword, name, string, comment, ...",
    "moving-digits": "digits that move over a small canvas, with the direction of each frame",
}


def write_sample(name: str, folder: Path, seed: int = 0) -> None:
    """Write a sample's files.

    Args:
        name: as in `SAMPLES`.
        folder: where to.
        seed: of what is drawn.

    Raises:
        DataError: there is no such sample.
        MissingDependencyError: a package that it is made from is not installed.
    """
    if name not in SAMPLES:
        there = "\n".join(f"  sample:{it}  {what}" for it, what in SAMPLES.items())
        raise DataError(f"There is no sample {name!r:.80}; there are:\n{there}")
    importlib.import_module(f"tidegate.data.samples.{name.replace('-', '_')}").write(folder, seed)
