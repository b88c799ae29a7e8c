"""Data that every machine can make: to try a task without having data, and for tests and the documentation.

Each sample is a file of its own with a function ``write(folder, seed)`` that writes files called train, validation and
test; a new one is a line in `SAMPLES`.
"""

import importlib
from pathlib import Path

from tidegate.errors import DataError

SAMPLES = {
    "digits": "scikit-learn's handwritten digits, 8 x 8, row by row, with their class",
    "dates": "dates as 20 languages and countries write them, and as ISO 8601 does",
    "digit-captions": "the handwritten digits and their names, in English or Korean",
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
