"""Problems that test how long a recurrent network can remember, generated at any lag.

Each is a module with a function ``generate(lag, count, seed)`` that returns arrays:

* ``frames`` (N, T, F): the inputs; ``lengths`` (N,): how many steps of each are valid;
* ``targets`` (N, T): numbers, or classes; nan or -1 at steps without a question;
* ``legal`` (N, T, C), in some problems of classes: all classes that are right answers at a step.

A problem of numbers is solved when the mean squared error is below 0.01, one of classes when 99 of 100 sequences have
every answer right. The module of each says what it asks.
"""

import importlib
from pathlib import Path

import numpy as np

from tidegate.errors import DataError

PROBLEMS = {
    "adding": "the sum of two marked numbers",
    "copy": "ten symbols, to be repeated after a delay",
    "reber": "the next symbol of the embedded Reber grammar",
    "brackets": "which bracket closes",
    "temporal-order": "which of two symbols came first and which second",
}
SMALLEST = {"adding": 4, "copy": 1, "reber": 5, "brackets": 3, "temporal-order": 10}
SIZES = {"train": 10_000, "validation": 1_000, "test": 1_000}


def is_probe(name: str) -> bool:
    """Whether a sample's name is a problem and a lag, as "adding-50"."""
    problem, _, lag = name.rpartition("-")
    return problem in PROBLEMS and lag.isdecimal()


def write_probe(name: str, folder: Path, seed: int) -> None:
    """Write ``train.npz``, ``validation.npz`` and ``test.npz``: 10,000 sequences, and 1,000 twice.

    Args:
        name: problem and lag, "adding-50".
        folder: the folder.
        seed: random seed; each part has random numbers of its own.

    Raises:
        DataError: the lag is too small for the problem.
    """
    problem, _, lag = name.rpartition("-")
    if int(lag) < SMALLEST[problem]:
        raise DataError(f"The lag of {name!r} is {int(lag)}, but {problem} needs at least {SMALLEST[problem]}.")
    generate = importlib.import_module(f"tidegate.data.samples.probes.{problem.replace('-', '_')}").generate
    for (part, count), stream in zip(SIZES.items(), np.random.SeedSequence(seed).generate_state(3), strict=True):
        np.savez(folder / f"{part}.npz", **generate(int(lag), count, int(stream)))
