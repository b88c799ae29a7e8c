"""What tells the hub from folders of one's own: its prefix, and the folders of its cache, which are only read."""

from itertools import pairwise
from pathlib import Path

from tidegate.errors import RunFolderError

PREFIX = "hub:"
SHORT = 10  # letters of a commit


def in_hub_cache(folder: Path) -> bool:
    """Whether a folder is, or lies in, a snapshot in the hub's cache, which all programs of this machine share."""
    return any(one.startswith("models--") and two == "snapshots" for one, two in pairwise(folder.parts))


def place_name(folder: Path) -> str:
    """Return the name of a folder for a person: that of the repository and its commit if it is a snapshot."""
    parts = folder.parts
    if len(parts) < 3 or parts[-2] != "snapshots" or not in_hub_cache(folder):
        return str(folder)
    return f"{PREFIX}{parts[-3].removeprefix('models--').replace('--', '/', 1)}@{parts[-1][:SHORT]}"


def refuse_hub(folder: Path) -> None:
    """Refuse to write to a repository of the hub, or to its copy in the cache.

    Raises:
        RunFolderError: the folder is one of these.
    """
    if folder.as_posix().startswith(PREFIX):
        raise RunFolderError(
            f"{folder.as_posix()} is a repository of the hub, but a run is written to a folder: give one, and send "
            "the run later with tidegate push. To go on with a run of the hub, copy it to a folder first: hf download "
            "OWNER/NAME --local-dir FOLDER."
        )
    if in_hub_cache(folder):
        raise RunFolderError(
            f"{folder} is in the hub's cache, which is only read: copy the run to a folder of your own first, with hf "
            "download OWNER/NAME --local-dir FOLDER."
        )
