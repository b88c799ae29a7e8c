"""Results that are kept in a run folder, so that they are computed once: each with what it was computed from.

A kept result names the model, by a digest of its parameters, and the text. It is used for exactly these, and computed
again for any other: a run that was trained further, a changed text, or a file of another version or program.
"""

import hashlib
import logging
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tidegate.errors import RunFolderError
from tidegate.io.files import read_json, write_json
from tidegate.io.hub_cache import in_hub_cache
from tidegate.io.tensor_files import digest
from tidegate.train import Run

LOG = logging.getLogger(__name__)
LARGEST = 16 << 20  # bytes of a file


def key_of(run: Run, data: NDArray[np.int64] | str) -> dict[str, str]:
    """Return what a result depends on: a digest of the model's parameters and equations, and one of the data.

    Args:
        run: the run.
        data: the tokens of a text, or the digest of examples.
    """
    parameters = {name: it.detach().cpu() for name, it in run.model.named_parameters()}
    model = digest(parameters, {"cell": run.config.cell_digest or run.config.model.cell})
    if isinstance(data, str):
        return {"model": model, "data": data}
    return {"model": model, "text": hashlib.sha256(np.ascontiguousarray(data, "<i8").tobytes()).hexdigest()}


def read_kept(run: Run, name: str, head: dict[str, Any], key: dict[str, str]) -> dict[str, Any] | None:
    """Return a kept record; None, and a word in the log, where there is none for this model and text.

    Args:
        run: the run.
        name: the file's name in the run folder.
        head: its format and version.
        key: from `key_of`.
    """
    path = run.folder / name
    try:
        size = path.stat().st_size
    except FileNotFoundError:
        return None
    try:
        if size > LARGEST:
            raise RunFolderError(f"{path} has {size:,} bytes, but at most {LARGEST:,} are read.")
        record = read_json(path, **head)
    except RunFolderError as error:
        refuse_kept(error)
        return None
    for what, value in key.items():
        if record.get(what) != value:
            LOG.warning("%s is of another %s: what it holds is computed again.", path, what)
            return None
    return record


def refuse_kept(error: RunFolderError) -> None:
    """Say in the log that a kept file cannot be used."""
    LOG.warning("%s What it should hold is computed again.", error)


def write_kept(run: Run, name: str, record: dict[str, Any]) -> None:
    """Keep a record; where the folder cannot be written, a word in the log says so.

    Nothing is kept in the hub's cache, which is not ours.
    """
    if in_hub_cache(run.folder):
        LOG.info("%s is in the hub's cache: %s is not kept.", run.folder, name)
        return
    try:
        write_json(run.folder / name, record)
    except OSError as error:
        LOG.warning("%s cannot be written (%s): it is computed again next time.", run.folder / name, error.strerror)
