"""Tensors of an ONNX file as arrays, also those that lie in a file beside it, within a bound for all of them."""

from __future__ import annotations

import hashlib
import math
import os
from pathlib import Path, PurePath
from typing import Any

import numpy as np

from tidegate.convert.onnx_files.graph_scopes import as_text
from tidegate.errors import DataError
from tidegate.io.input_files import check_declared_size, open_input
from tidegate.io.wording import quoted

EXTERNAL = 1  # where a tensor's data lie
PACKED = {"uint4": 4, "int4": 4, "float4_e2m1fn": 4, "uint2": 2, "int2": 2}  # bits, where a byte has several


class StoredArrays:
    """Reads tensors of a file.

    Attributes:
        beside: the digest of each file beside it that was read, by its name.
    """

    def __init__(self, path: Path):
        self.path = path
        self.beside: dict[str, str] = {}
        self._taken = 0
        self._largest = path  # of this file and those beside it that are read: it sets the bound

    def claim(self, what: str, size: int) -> None:
        """Count bytes before they are allocated.

        Raises:
            DataError: all arrays together are larger than `check_declared_size` allows.
        """
        self._taken += size
        check_declared_size(self._largest, f"{what}, with all arrays before it,", self._taken)

    def array(self, tensor: Any) -> np.ndarray:
        """Return a tensor as an array; numbers that NumPy does not have as float32.

        Raises:
            DataError: it is not whole, too large, or in a file that is not beside this one.
        """
        import onnx

        name = as_text(tensor.name)
        if any(it < 0 for it in tensor.dims):
            raise DataError(f"{self.path}: the tensor {quoted(name)} is of shape {tuple(tensor.dims)}.")
        try:
            dtype = onnx.helper.tensor_dtype_to_np_dtype(tensor.data_type)
        except (KeyError, ValueError, TypeError) as error:
            raise DataError(
                f"{self.path}: {quoted(name)} is of the type {tensor.data_type}, which is unknown."
            ) from error
        count = math.prod(tensor.dims)
        if dtype.kind == "O":
            raise DataError(f"{self.path}: the tensor {quoted(name)} holds texts, no numbers.")
        stored = -(-count * PACKED.get(dtype.name, dtype.itemsize * 8) // 8)
        lies = self._place_of(tensor, name, stored) if tensor.data_location == EXTERNAL else None
        self.claim(f"the tensor {quoted(name)}", count * max(4, dtype.itemsize))
        held = tensor
        if lies is not None:
            file, offset = lies
            held = onnx.TensorProto(data_type=tensor.data_type, dims=tensor.dims)
            with open_input(file) as data:
                data.seek(offset)
                held.raw_data = data.read(stored)
        try:
            found = onnx.numpy_helper.to_array(held)
        except Exception as error:  # of many kinds, on files that are altered
            why = (str(error).strip() or type(error).__name__).splitlines()[0]
            raise DataError(f"{self.path}: the tensor {quoted(name)} is not whole ({why:.200}).") from error
        if found.shape != tuple(tensor.dims):
            raise DataError(f"{self.path}: the tensor {quoted(name)} is not whole: it is of shape {found.shape}.")
        return found if found.dtype.kind in "fiub" and found.dtype.isbuiltin == 1 else found.astype(np.float32)

    def _place_of(self, tensor: Any, name: str, size: int) -> tuple[Path, int]:
        """Return the file beside this one in which a tensor lies, and from which byte on."""
        about = {as_text(it.key): as_text(it.value) for it in tensor.external_data}
        location = about.get("location", "")
        if PurePath(location).name != location or not location.strip(". ") or {*"\\/\0:"} & {*location}:
            raise DataError(
                f"{self.path}: the tensor {quoted(name)} lies in {quoted(location)}; only files beside it are read."
            )
        file = self.path.parent / location
        folders = {self.path.parent.resolve(), self.path.resolve().parent}  # a hub's cache has links into one folder
        if file.resolve().parent not in folders:
            raise DataError(f"{self.path}: {quoted(location)}, with the tensor {quoted(name)}, leads to elsewhere.")
        try:
            offset, length = int(about.get("offset", 0)), int(about.get("length", size))
        except ValueError as error:
            raise DataError(f"{self.path}: where in {quoted(location)} {quoted(name)} lies is no number.") from error
        with open_input(file) as data:
            whole = data.seek(0, os.SEEK_END)
            if length != size or not 0 <= offset <= whole - length:
                raise DataError(
                    f"{self.path}: the tensor {quoted(name)} takes {size:,} bytes, but {location} has {whole:,} and "
                    f"{length:,} from byte {offset:,} on are said to be its own: the files do not belong together."
                )
        if location not in self.beside:
            with file.open("rb") as data:
                self.beside[location] = hashlib.file_digest(data, "sha256").hexdigest()
        if whole > self._largest.stat().st_size:
            self._largest = file
        return file, offset
