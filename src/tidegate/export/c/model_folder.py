"""Write a model as a folder with C code, its weights and an example."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path

from torch import nn

import tidegate
from tidegate.errors import ArgumentError, BackendError
from tidegate.export.c.companion_files import MAKEFILE, README, example, use
from tidegate.export.c.compiled_model import CompiledModel
from tidegate.export.c.model_code import ModelCode
from tidegate.export.c.source_files import header, source
from tidegate.export.c.weights_file import weights_bytes
from tidegate.export.graph.in_python import outputs, random_inputs
from tidegate.export.graph.models import graph_of

STEPS = 50  # that are compared
CLOSE = 1e-4  # relative to the largest output


def c(
    model: nn.Module,
    folder: str | Path,
    *,
    name: str = "model",
    lanes: int = 16,
    check: bool = True,
    characters: Sequence[str] | None = None,
) -> Path:
    """Write a trained model as C code, which needs no Python and no library but C's own.

    A step, one token or frame, is ``NAME_step``; ``NAME_block`` does many. The files are NAME.h, NAME.c, NAME.bin (the
    weights), example.c, Makefile and README.md. The equations of each cell stand above the loops that compute them.

    Args:
        model: recurrent layers in one direction, of Tidegate or ``torch.nn``, alone or in an ``nn.Sequential`` with
            ``Embedding`` (first), ``Linear``, ``ReLU``, ``Tanh``, ``Sigmoid`` and ``Dropout``; or a
            `tidegate.text.LanguageModel`. (In a Sequential a layer hands its output on, not its state.)
        folder: a new or empty folder.
        name: the prefix of files, functions and types: an identifier of C.
        lanes: numbers that are computed together, a multiple of those in a vector of the target: 16 for AVX-512, 8 for
            AVX2, 4 for NEON and SSE.
        check: compile the code, and compare its outputs with Python's on random input.
        characters: the text of each token, for an example that reads text.

    Returns:
        The folder.

    Raises:
        ArgumentError: something in the model cannot be written in C, the folder is not empty, or ``name`` is no
            identifier.
        MissingDependencyError: there is no C compiler to check with.
        BackendError: the code cannot be compiled, or its outputs are not Python's. Nothing is written then.

    Example:
        >>> import torch, tidegate
        >>> model = torch.nn.Sequential(tidegate.nn.GRU(3, 20), torch.nn.Linear(20, 1))
        >>> tidegate.export.c(model, "amplifier")  # doctest: +SKIP
    """
    folder = Path(folder)
    if not (name.isidentifier() and name.isascii()):
        raise ArgumentError(f"name is {name!r}, but must be an identifier of C: letters, digits and _.")
    if lanes not in (4, 8, 16, 32, 64):
        raise ArgumentError(f"lanes is {lanes}, but must be 4, 8, 16, 32 or 64.")
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise ArgumentError(f"{folder} exists already and is not an empty folder: choose another.")
    code = ModelCode(graph_of(model), name, lanes)
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{folder.name}.", dir=folder.parent) as partial:
        made = Path(partial, folder.name)
        made.mkdir()
        _write(code, made, characters)
        if check:
            _check(model, code, made, Path(partial))
        if folder.exists():
            folder.rmdir()
        os.replace(made, folder)
    return folder


def _write(code: ModelCode, folder: Path, characters: Sequence[str] | None) -> None:
    p = code.name
    text, does = example(code, characters)
    weights = sum(t.numel() for t in code.numbers)
    what = f"A model of {len(code.graph.layers())} recurrent layers"
    files = {
        f"{p}.h": header(code),
        f"{p}.c": source(code),
        "example.c": text,
        "Makefile": MAKEFILE.format(p=p),
        "README.md": README.format(
            p=p, what=what, version=tidegate.__version__, weights=weights, example=does, use=use(code)
        ),
    }
    for file, content in files.items():
        (folder / file).write_text(content, encoding="utf-8", newline="\n")
    (folder / f"{p}.bin").write_bytes(weights_bytes(code))


def _check(model: nn.Module, code: ModelCode, folder: Path, room: Path) -> None:
    """Compare the code with Python on random input.

    Raises:
        BackendError: they differ.
    """
    for file in folder.iterdir():
        shutil.copy(file, room)
    compiled = CompiledModel(code, room)
    inputs = random_inputs(code.graph, STEPS)
    expected, found = outputs(model, code.graph, inputs), compiled(*inputs)
    error = float((found[-len(expected) :] - expected).abs().max() / expected.abs().max().clamp(min=1e-3))
    if not error <= CLOSE:
        raise BackendError(
            f"The outputs of the C code differ from Python's by {error:.2g} of the largest: nothing was written."
        )
