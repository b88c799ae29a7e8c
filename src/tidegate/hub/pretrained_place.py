"""What ``from_pretrained`` is given: a folder, or a repository of the hub with or without ``hub:``."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from tidegate.errors import ArgumentError
from tidegate.hub.hub_reference import HubReference, hub_reference, parse_reference
from tidegate.hub.snapshot import snapshot


def pretrained_reference(place: str | Path, revision: str | None) -> HubReference | None:
    """Return the repository that is meant; None for a folder.

    Args:
        place: a folder, "OWNER/NAME", or ``hub:OWNER/NAME@REVISION``.
        revision: a branch, a tag or a commit, unless the place names one.

    Raises:
        ArgumentError: it is none of these, or a revision is given twice or of a folder.
    """
    found = hub_reference(place)
    if found is None and Path(place).is_dir():
        if revision is not None:
            raise ArgumentError(f"revision is {revision!r}, but {place} is a folder: leave it out.")
        return None
    if found is None:
        try:
            found = parse_reference(Path(place).as_posix())
        except ArgumentError as error:
            raise ArgumentError(f"{place} does not exist here, and is no OWNER/NAME of the hub.") from error
    if revision is None:
        return found
    if found.revision is not None:
        raise ArgumentError(f"{found} names its revision already: leave revision={revision!r} out.")
    return parse_reference(f"{found.repository}@{revision}")


def pretrained_folder(
    place: str | Path, files: Sequence[str], check: Callable[[Path], object], *, revision: str | None, **how: Any
) -> Path:
    """Return the folder that ``from_pretrained`` is to read.

    Args:
        place: as in `pretrained_reference`.
        files: the files that are fetched.
        check: as in `tidegate.hub.snapshot.snapshot`.
        revision: as in `pretrained_reference`.
        **how: options of `tidegate.hub.snapshot.snapshot`.
    """
    found = pretrained_reference(place, revision)
    return Path(place) if found is None else snapshot(found, files, check, **how)
