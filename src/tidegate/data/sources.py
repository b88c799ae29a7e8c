"""What a person gives as data: files, a folder, a sample that every machine can make, or a name on the hub."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tidegate.errors import DataError
from tidegate.io.optional import needed

PARTS = ("train", "validation", "test")
CALLED = {"train": "train", "training": "train", "validation": "validation", "valid": "validation"}
CALLED |= {"dev": "validation", "val": "validation", "test": "test"}


@dataclass(frozen=True)
class Sources:
    """Where the parts of the data come from.

    Attributes:
        train: files or folders.
        validation: as well; none: a share of those for training is held out.
        test: as well.
    """

    train: tuple[Path, ...]
    validation: tuple[Path, ...] = ()
    test: tuple[Path, ...] = ()


def find_sources(
    data: Sequence[str | Path], validation: Sequence[Path] = (), test: Sequence[Path] = (), *, workspace: Path
) -> Sources:
    """What was given as data.

    A folder whose files are called train, validation (or valid, dev) and test is taken apart by these names.
    ``sample:NAME`` is made here and now; ``hub:OWNER/NAME`` is fetched from the Hugging Face hub.

    Args:
        data: files, folders, or one of those names.
        validation: files or folders to validate on.
        test: files or folders to test on.
        workspace: an empty folder for what is made or fetched; it must live as long as the sources.

    Raises:
        DataError: there is no such file or name, or a part is given twice.
        MissingDependencyError: a package is needed that is not installed.
    """
    if not data:
        raise DataError("No data were given: give at least one file or folder.")
    if len(data) == 1:
        name = str(data[0])
        if name.startswith("sample:"):
            from tidegate.data.samples import write_sample

            write_sample(name.removeprefix("sample:"), workspace)
            data = [workspace]
        elif name.startswith("hub:"):
            _fetch(name.removeprefix("hub:"), workspace)
            data = [workspace]
    paths = [Path(it) for it in data]
    for path in (*paths, *validation, *test):
        if not path.exists():
            raise DataError(f"{path} does not exist: give files or folders.")
    parts = _by_name(paths[0]) if len(paths) == 1 and paths[0].is_dir() else {}
    for name, given in (("validation", validation), ("test", test)):
        if given and parts.get(name):
            raise DataError(f"{paths[0]} has a {name} part of its own: leave --{name} out, or give the training files.")
    return Sources(
        parts.get("train", tuple(paths)),
        tuple(validation) or parts.get("validation", ()),
        tuple(test) or parts.get("test", ()),
    )


def _by_name(folder: Path) -> dict[str, tuple[Path, ...]]:
    found: dict[str, tuple[Path, ...]] = {}
    for path in sorted(folder.iterdir()):
        name = re.split(r"[-._]", path.name.lower())[0]
        if name in CALLED and not path.name.startswith("."):
            part = CALLED[name]
            found[part] = (*found.get(part, ()), path)
    return found if "train" in found else {}


def _fetch(name: str, workspace: Path) -> None:
    datasets = needed("datasets", "Data from the hub need")
    try:
        found = datasets.load_dataset(name)
    except Exception as error:  # whatever the hub's client raises: no network, no such name, a script to be run
        raise DataError(f"hub:{name} cannot be fetched: {str(error).splitlines()[0]}") from error
    for split, part in found.items():
        part.to_parquet(workspace / f"{CALLED.get(str(split), split)}.parquet")
