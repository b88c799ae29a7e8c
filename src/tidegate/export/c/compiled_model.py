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
        size = ctypes.c_size_t(len(self._bytes))
        if refused := self._call("load", ctypes.byref(self._model), self._bytes, size):
            raise BackendError(f"The code refuses its own weights ({refused}).")

    def __call__(self, *inputs: Tensor) -> Tensor:
        """Read a sequence from the beginning.

        Args:
            inputs: for each input of the graph tokens (T,), or frames (T, size).

        Returns:
            (T, outputs), or (1, outputs) of a model that reads backwards and has one vector for the whole sequence.
        """
        steps, graph = len(inputs[0]), self._code.graph
        given = [
            it.to(torch.int32 if value.tokens is not None else torch.float32).contiguous()
            for value, it in zip(graph.inputs, inputs, strict=True)
        ]
        pointers = [ctypes.c_void_p(it.data_ptr()) for it in given]
        whole = graph.reads_backwards and graph.output.whole
        y = torch.empty(1 if whole else steps, self._code.outputs)
        to, model = ctypes.c_void_p(y.data_ptr()), ctypes.byref(self._model)
        if graph.reads_backwards:
            room = ctypes.create_string_buffer(self._call("room", steps, result=ctypes.c_size_t))
            self._call("run", model, *pointers, ctypes.c_int(steps), room, to)
        else:
            state = ctypes.create_string_buffer(4 * sum(it.room for it in self._code.states) + 8)
            self._call("reset", model, state)
            self._call("block", model, state, *pointers, ctypes.c_int(steps), to)
        return y

    def _call(self, name: str, *given: Any, result: Any = ctypes.c_int) -> int:
        function = getattr(self._library, f"{self._code.name}_{name}")
        function.restype = result
        return function(*given)
