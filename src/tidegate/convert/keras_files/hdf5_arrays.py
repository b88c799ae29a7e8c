"""Arrays and attributes of HDF5 files of people, read in a process of its own within a time."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from tidegate.drawing.brief import brief_repr
from tidegate.errors import DataError
from tidegate.io.input_files import largest_size
from tidegate.io.optional import needed

WORKER = Path(__file__).with_name("hdf5_worker.py")
SECONDS, SECONDS_PER_GIB = 10, 60


@dataclass(frozen=True, eq=False)
class Hdf5:
    """What an HDF5 file holds.

    Attributes:
        arrays: by their full names.
        attributes: of each group by its name; texts, and lists of them.
    """

    arrays: dict[str, Tensor]
    attributes: dict[str, dict[str, Any]]
    __repr__ = brief_repr

    def attribute(self, place: str, name: str) -> Any:
        """Return an attribute of a group, None if there is none; long lists, which are cut in pieces, as one."""
        held = self.attributes.get(place, {})
        if name in held or f"{name}0" not in held:
            return held.get(name)
        pieces = [held[f"{name}{n}"] for n in range(len(held)) if isinstance(held.get(f"{name}{n}"), list)]
        return [it for piece in pieces for it in piece]


def read_arrays_of(path: Path, content: bytes | None = None) -> Hdf5:
    """Read an HDF5 file, or one within an archive.

    Args:
        path: the file, which messages name.
        content: the bytes of the HDF5 file, if it is within that one.

    Raises:
        DataError: it is not whole, leads out of the file, is too large, or its library does not come to an end.
        MissingDependencyError: h5py is not installed.
    """
    needed("h5py", "Files of Keras need")
    with tempfile.TemporaryDirectory(prefix="tidegate-") as folder:
        source = path
        if content is not None:
            source = Path(folder, "model.h5")
            source.write_bytes(content)
        seconds = SECONDS + SECONDS_PER_GIB * source.stat().st_size / 2**30
        out = Path(folder, "found")
        command = [sys.executable, str(WORKER), str(source.absolute()), str(out), str(largest_size(path))]
        try:
            ended = subprocess.run(command, capture_output=True, text=True, timeout=seconds, check=False)
        except subprocess.TimeoutExpired as error:
            raise DataError(
                f"{path} cannot be read: the HDF5 library came to no end in {seconds:.0f} s; the file is altered."
            ) from error
        if ended.returncode or not out.with_suffix(".json").exists():
            why = ended.stdout.strip() or f"the HDF5 library ended with code {ended.returncode}"
            raise DataError(f"{path} cannot be read: {why}.")
        about = json.loads(out.with_suffix(".json").read_text(encoding="utf-8"))
        with np.load(out.with_suffix(".npz"), allow_pickle=False) as arrays:
            found = {name: torch.from_numpy(arrays[str(n)]) for n, name in enumerate(about["names"])}
    return Hdf5(found, about["attributes"])
