"""Generated sample data: to try a task, and for tests and the documentation.

Each sample is a module with a function ``write(folder, seed)`` that writes files called train, validation and test,
and a line in `SAMPLES`. Memory problems are generated at any lag, as "adding-50"; see `probes`.
"""

import importlib
from pathlib import Path

from tidegate.data.samples.probes import PROBLEMS, is_probe, write_probe
from tidegate.errors import DataError
from tidegate.io.files import named_errors
from tidegate.io.wording import quoted

SAMPLES = {
    "digits": "scikit-learn's handwritten digits, 8 x 8, row by row, with their class",
    "python-highlighting": "Python source, with a label for each character: keyword, name, string, comment, ...",
    "moving-digits": "digits that move over a small canvas, with the direction of each frame",
    "dates": "dates as 20 languages and countries write them, and as ISO 8601 does",
    "digit-captions": "the handwritten digits and their names, in English or Korean",
    "amplifier": "a guitar, and what a diode clipper makes of it, as WAV files",
    "runoff": "25 years of rain and temperature, and the discharge of a made catchment",
    "mackey-glass": "10,000 steps of the chaotic series of Mackey & Glass, to be forecast",
}


def write_sample(name: str, folder: Path, seed: int = 0) -> None:
    """Write a sample's files.

    Args:
        name: as in `SAMPLES`.
        folder: the folder.
        seed: random seed.

    Raises:
        DataError: there is no such sample, or a lag is too small.
        MissingDependencyError: a package that it is made from is not installed.
    """
    if is_probe(name):
        with named_errors(folder):
            write_probe(name, folder, seed)
        return
    if name not in SAMPLES:
        all_of_them = SAMPLES | {f"{it}-LAG": f"a probe of memory: {what}" for it, what in PROBLEMS.items()}
        there = "\n".join(f"  sample:{it}  {what}" for it, what in all_of_them.items())
        raise DataError(f"There is no sample {quoted(name)}; there are:\n{there}")
    with named_errors(folder):
        importlib.import_module(f"tidegate.data.samples.{name.replace('-', '_')}").write(folder, seed)
