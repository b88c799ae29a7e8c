"""A model's C code, as a shared library that Python calls."""

from __future__ import annotations

import ctypes
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from tidegate.errors import BackendError
from tidegate.export.c.model_code import ModelCode
from tidegate.export.c.running.compilers import CHECK, SUFFIX, compile_library


class CompiledModel:
    """A model's code as a shared library.

    Args:
        code: the model.
        folder: where its files are; the library is written there, unless it is given.
        embedded: whether the weights are compiled in.
        library: the library, if it is there already.

    Raises:
        BackendError: it cannot be compiled.
    """

    def __init__(self, code: ModelCode, folder: Path, *, embedded: bool = False, library: Path | None = None):
        self._code = code
        if library is None:
            library = folder / f"{code.name}.{SUFFIX}"
            compile_library(sources(code, folder, embedded=embedded), library, CHECK)
        self._library: Any = ctypes.CDLL(str(library.absolute()))
        self._model = ctypes.c_void_p()
        if embedded:
            self._call("embedded", ctypes.byref(self._model))
            return
        self._bytes = (folder / f"{code.name}.bin").read_bytes()
        if refused := self.load(self._bytes):
            raise BackendError(f"The code refuses its own weights ({refused}).")

    def load(self, weights: bytes) -> int:
        """Load the bytes of a file of weights; return 0, or why they are refused."""
        return self._call("load", ctypes.byref(self._model), weights, ctypes.c_size_t(len(weights)))

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
            state = ctypes.create_string_buffer(self._call("state_size", result=ctypes.c_size_t) + 8)
            self._call("reset", model, state)
            self._call("block", model, state, *pointers, ctypes.c_int(steps), to)
        return y

    def _call(self, name: str, *given: Any, result: Any = ctypes.c_int) -> int:
        function = getattr(self._library, f"{self._code.name}_{name}")
        function.restype = result
        return function(*given)


def sources(code: ModelCode, folder: Path, *, embedded: bool) -> list[Path]:
    """Return the files of a model's code."""
    return [folder / f"{code.name}.c", *([folder / f"{code.name}_weights.c"] if embedded else [])]
