"""Write a model as a folder with C code, its weights and an example."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Literal

from torch import Tensor, nn

import tidegate
from tidegate.errors import ArgumentError
from tidegate.export.c.code_check import check_code
from tidegate.export.c.companion_files import MAKEFILE, README, example, use
from tidegate.export.c.compiled_model import CompiledModel
from tidegate.export.c.int8_products import Int8Products
from tidegate.export.c.model_code import ModelCode
from tidegate.export.c.source_files import header, source
from tidegate.export.c.weights_file import weights_bytes
from tidegate.export.graph.models import graph_of
from tidegate.export.int8.calibration import calibrated_scales


def c(
    model: nn.Module,
    folder: str | Path,
    *,
    name: str = "model",
    lanes: int = 16,
    weights: Literal["float32", "int8"] = "float32",
    calibrate: Tensor | Sequence[Tensor] | None = None,
    check: bool = True,
    examine: Callable[[CompiledModel], object] | None = None,
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
        weights: "int8" rounds the rows of matrices, and the vectors that they multiply, to whole numbers of 8 bits and
            a scale; biases, embeddings and all that is pointwise stay in float32.
        calibrate: for int8, sequences of tokens (T,) or frames (T, size), or a single one: each vector's scale is then
            fixed, by its largest number on them. Without, it is that of each vector at each step.
        check: compile the code, and compare its outputs with Python's on random input.
        examine: is called with the compiled code before the folder is handed over, if it is checked.
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
    if weights not in ("float32", "int8"):
        raise ArgumentError(f"weights is {weights!r}, but must be 'float32' or 'int8'.")
    if calibrate is not None and weights != "int8":
        raise ArgumentError("calibrate is given, but only weights='int8' have scales that it finds.")
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise ArgumentError(f"{folder} exists already and is not an empty folder: choose another.")
    graph = graph_of(model)
    if weights == "int8":
        sequences = [calibrate] if isinstance(calibrate, Tensor) else calibrate
        scales = {} if sequences is None else calibrated_scales(graph, sequences)
        code = ModelCode(graph, name, lanes, Int8Products(scales))
    else:
        code = ModelCode(graph, name, lanes)
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{folder.name}.", dir=folder.parent) as partial:
        made = Path(partial, folder.name)
        made.mkdir()
        _write(code, made, characters)
        if check:
            for file in made.iterdir():
                shutil.copy(file, partial)
            compiled = CompiledModel(code, Path(partial))
            check_code(compiled, code, model)
            if examine is not None:
                examine(compiled)
        if folder.exists():
            folder.rmdir()
        os.replace(made, folder)
    return folder


def _write(code: ModelCode, folder: Path, characters: Sequence[str] | None) -> None:
    p = code.name
    text, does = example(code, characters)
    count = sum(t.numel() for t in code.numbers)
    in_int8 = isinstance(code.products, Int8Products)
    weights = f"{4 * count:,} bytes of weights, matrices in int8" if in_int8 else f"{count:,} weights in float32"
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
