"""A model's C code, compiled on this machine and compared with Python."""

from __future__ import annotations

import ctypes
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from tidegate.errors import BackendError, MissingDependencyError
from tidegate.export.c.model_code import ModelCode

FLAGS = ("-std=c11", "-O2", "-shared", "-fPIC")


def compiler() -> str:
    """Return the C compiler: that of the variable CC, or cc, gcc or clang.

    Raises:
        MissingDependencyError: there is none.
    """
    for name in (os.environ.get("CC"), "cc", "gcc", "clang"):
        if name and (found := shutil.which(name)):
            return found
    raise MissingDependencyError(
        "To check the code a C compiler is needed, and there is none (cc, gcc, clang): install one (Debian: apt "
        "install gcc), or leave the check out (--no-check; check=False)."
    )


class CompiledModel:
    """A model's code as a shared library.

    Args:
        code: the model.
        folder: where its files are; the library is written there.

    Raises:
        BackendError: it cannot be compiled.
    """

    def __init__(self, code: ModelCode, folder: Path):
        self._code = code
        library = folder / f"{code.name}.so"
        command = [compiler(), *FLAGS, "-o", str(library), str(folder / f"{code.name}.c"), "-lm"]
        ended = subprocess.run(command, capture_output=True, text=True, check=False)
        if ended.returncode:
            raise BackendError(f"{' '.join(command)} failed:\n{ended.stderr.strip()}")
        self._library: Any = ctypes.CDLL(str(library))
        self._bytes = (folder / f"{code.name}.bin").read_bytes()
        self._model = ctypes.c_void_p()
        self._state = ctypes.create_string_buffer(4 * sum(room for _, _, room in code.states) + 8)
        size = ctypes.c_size_t(len(self._bytes))
        if refused := self._call("load", ctypes.byref(self._model), self._bytes, size):
            raise BackendError(f"The code refuses its own weights ({refused}).")

    def __call__(self, x: Tensor) -> Tensor:
        """Read a sequence from the beginning: tokens (T,) or frames (T, I); returns (T, outputs)."""
        x = x.to(torch.int32 if self._code.tokens is not None else torch.float32).contiguous()
        y = torch.empty(len(x), self._code.width)
        self._call("reset", self._state)
        given = ctypes.byref(self._model), self._state, ctypes.c_void_p(x.data_ptr()), ctypes.c_int(len(x))
        self._call("block", *given, ctypes.c_void_p(y.data_ptr()))
        return y

    def _call(self, name: str, *given: Any) -> int:
        return getattr(self._library, f"{self._code.name}_{name}")(*given)
