"""Sources of data: files, a folder, a generated sample, or a data set of the Hugging Face hub."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tidegate.data.tables.cell_values import named
from tidegate.errors import DataError
from tidegate.io.input_files import open_input, refuse_overlap
from tidegate.io.optional import needed

SAMPLE, HUB = "sample:", "hub:"
PARTS = ("train", "validation", "test")
CALLED = {"train": "train", "training": "train", "validation": "validation", "valid": "validation"}
CALLED |= {"dev": "validation", "val": "validation", "test": "test"}


@dataclass(frozen=True)
class Sources:
    """The files of each part of the data.

    Attributes:
        train: files or folders.
        validation: likewise. Without them, part of the training rows is held out.
        test: likewise.
        beside: what else is in a folder that is split by the names of its files.
    """

    train: tuple[Path, ...]
    validation: tuple[Path, ...] = ()
    test: tuple[Path, ...] = ()
    beside: tuple[Path, ...] = ()

    def remarks(self) -> list[str]:
        """Say what is left alone, in lines for the user."""
        left = named(it.name for it in self.beside)
        return [f"left alone beside the parts in {self.beside[0].parent}: {left}"] if self.beside else []


def find_sources(
    data: Sequence[str | Path], validation: Sequence[Path] = (), test: Sequence[Path] = (), *, workspace: Path
) -> Sources:
    """Find the files of each part.

    A folder with files called train, validation (or valid, dev) and test is split by these names. ``sample:NAME`` is
    generated; ``hub:OWNER/NAME`` is downloaded from the Hugging Face hub.

    Args:
        data: files, folders, or one of those names.
        validation: files or folders to validate on.
        test: files or folders to test on.
        workspace: an empty folder for generated or downloaded files; it must exist as long as the sources are used.

    Raises:
        DataError: a file or name does not exist, a part is given twice, or a file for two.
        MissingDependencyError: a package is not installed.
    """
    if not data:
        raise DataError("No data were given: give at least one file or folder.")
    if len(data) == 1 and isinstance(data[0], str):
        name = data[0]
        if name.startswith(SAMPLE):
            from tidegate.data.samples import write_sample

            write_sample(name.removeprefix(SAMPLE), workspace)
            data = [workspace]
        elif name.startswith(HUB):
            _fetch(name.removeprefix(HUB), workspace)
            data = [workspace]
    paths = [Path(it) for it in data]
    for path in (*paths, *validation, *test):
        if not path.exists():
            raise DataError(f"{path} does not exist: give files or folders.")
        if not path.is_dir():
            open_input(path).close()
    parts = _by_name(paths[0]) if len(paths) == 1 and paths[0].is_dir() else {}
    for name, given in (("validation", validation), ("test", test)):
        if given and parts.get(name):
            raise DataError(f"{paths[0]} has its own {name} part: leave --{name} out, or give the training files.")
    held = {
        "training": parts.get("train", tuple(paths)),
        "validation": tuple(validation) or parts.get("validation", ()),
        "test": tuple(test) or parts.get("test", ()),
    }
    refuse_overlap(held)
    return Sources(held["training"], held["validation"], held["test"], parts.get("", ()))


def source_name(source: str) -> str:
    """Return a name for what is learned from a file, folder, sample or data set of the hub."""
    for prefix in (SAMPLE, HUB):
        if source.startswith(prefix):
            return source.removeprefix(prefix).replace("/", "-")
    return Path(source).resolve().stem


def _by_name(folder: Path) -> dict[str, tuple[Path, ...]]:
    """What is in a folder by part, others under ""; empty if there is nothing for training."""
    found: dict[str, tuple[Path, ...]] = {}
    for path in sorted(folder.iterdir()):
        if not path.name.startswith("."):
            part = CALLED.get(re.split(r"[-._]", path.name.lower())[0], "")
            found[part] = (*found.get(part, ()), path)
    return found if "train" in found else {}


def _fetch(name: str, workspace: Path) -> None:
    datasets = needed("datasets", "Data from the hub need")
    try:
        found = datasets.load_dataset(name)
    except Exception as error:  # any error of the hub's client: no network, unknown name, a script to run
        raise DataError(f"hub:{name} cannot be downloaded: {str(error).splitlines()[0]}") from error
    for split, part in found.items():
        part.to_parquet(workspace / f"{CALLED.get(str(split), split)}.parquet")
