"""Write a model as a folder with C code, its weights and an example."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

from torch import Tensor, nn
from torch.export import ExportedProgram

from tidegate.drawing.brief import brief_repr
from tidegate.errors import ArgumentError
from tidegate.export.c.companions.example_program import example
from tidegate.export.c.companions.folder_files import makefile, readme
from tidegate.export.c.companions.web_files import module, page
from tidegate.export.c.int8_products import Int8Products
from tidegate.export.c.interface.header_file import header
from tidegate.export.c.interface.sampling_code import predicts_tokens
from tidegate.export.c.model_code import ModelCode
from tidegate.export.c.running.comparison import Comparison, Computed, compare
from tidegate.export.c.running.compiled_model import CompiledModel, sources
from tidegate.export.c.running.compilers import LIBRARY, SUFFIX, compile_library, compile_wasm
from tidegate.export.c.running.wasm_model import exported_functions, run_in_node
from tidegate.export.c.source_files import source
from tidegate.export.c.weights_file import weights_bytes, weights_source
from tidegate.export.graph.exported import Exported, exported
from tidegate.export.graph.graph import Graph
from tidegate.export.int8.calibration import calibrated_scales
from tidegate.train.run_folder import Run

Target = Literal["c", "library", "wasm"]
Vector = Literal["auto", 16, 32, 64]
WeightType = Literal["float32", "int8"]


@dataclass(frozen=True)
class Options:
    """How a model is written in C: see `c`.

    Raises:
        ArgumentError: a value is none of those that there are, or ``name`` is no identifier.
    """

    name: str = "model"
    vector: Vector = "auto"
    target: Target = "c"
    embed: bool = False
    weights: WeightType = "float32"
    calibrate: Tensor | Sequence[Tensor] | None = None

    __repr__ = brief_repr

    def __post_init__(self) -> None:
        if not (self.name.isidentifier() and self.name.isascii()):
            raise ArgumentError(f"name is {self.name!r}, but must be an identifier of C: letters, digits and _.")
        if self.name.lower() == "example":
            raise ArgumentError(f"name is {self.name!r}, as the program beside the model is called: choose another.")
        for option, kinds in {"vector": Vector, "target": Target, "weights": WeightType}.items():
            given, known = getattr(self, option), get_args(kinds)
            if given not in known:
                raise ArgumentError(f"{option} is {given!r}, but must be one of {', '.join(map(str, known))}.")
        if self.calibrate is not None and self.weights != "int8":
            raise ArgumentError("calibrate is given, but only weights='int8' have scales that it finds.")

    @property
    def embedded(self) -> bool:
        """Whether the weights are C, too."""
        return self.embed or self.target == "wasm"

    @property
    def lanes(self) -> int:
        """Numbers that are computed together."""
        return ((16 if self.target == "wasm" else 64) if self.vector == "auto" else self.vector) // 4


@dataclass(frozen=True)
class Written:
    """A folder that was written.

    Attributes:
        folder: the folder.
        files: their names.
        compared: how its outputs were compared with Python's; None: not at all.
    """

    folder: Path
    files: tuple[str, ...]
    compared: Comparison | None


def c(
    model: nn.Module | Run | ExportedProgram,
    folder: str | Path,
    *,
    name: str = "model",
    vector: Vector = "auto",
    target: Target = "c",
    embed: bool = False,
    weights: WeightType = "float32",
    calibrate: Tensor | Sequence[Tensor] | None = None,
    check: bool = True,
) -> Path:
    """Write a trained model as C code, which needs no Python and no library but C's own.

    A step, one token or frame, is ``NAME_step``; ``NAME_block`` does many; a model that reads sequences from their end,
    too, has ``NAME_run``. The files are NAME.h, NAME.c, NAME.bin (the weights), example.c, Makefile and README.md. The
    equations of each cell stand above the loops that compute them.

    Args:
        model: a run, from `tidegate.train.load_run`, whose vocabulary, labels and normalisation go along; a model of
            a task; or recurrent layers, of Tidegate or ``torch.nn``, alone or in an ``nn.Sequential`` with other
            layers (see `tidegate.export.graph.modules`); or a program of ``torch.export``, such as
            `tidegate.export.program` makes of a module of your own. In a Sequential a layer hands its output on, not
            its state.
        folder: a new or empty folder.
        name: the prefix of files, functions and types: an identifier of C.
        vector: bytes of the target's vectors: 16 (NEON, SSE, WebAssembly), 32 (AVX2) or 64 (AVX-512). Any suits every
            target; "auto" is 64, for WebAssembly 16.
        target: "c"; "library": a shared library, too, by this machine's compiler and for its processor; "wasm":
            WebAssembly with a module of JavaScript, too, and for a language model a page that writes text.
        embed: write the weights as C, so that no file has to be read: always so for "wasm".
        weights: "int8" rounds the rows of matrices, and the vectors that they multiply, to whole numbers of 8 bits and
            a scale; biases, embeddings and all that is pointwise stay in float32.
        calibrate: for int8, sequences of tokens (T,) or frames (T, size), or a single one: each vector's scale is then
            fixed, by its largest number on them. Without, it is that of each vector at each step.
        check: compile the code, and compare its outputs with Python's on random input, and on held-out data of a run.

    Returns:
        The folder.

    Raises:
        ArgumentError: something in the model cannot be written in C, the folder is not empty, or ``name`` is no
            identifier.
        MissingDependencyError: there is no compiler, which the target or the check needs.
        BackendError: the code cannot be compiled, or its outputs are not Python's. Nothing is written then.

    Example:
        >>> import torch, tidegate
        >>> model = torch.nn.Sequential(tidegate.nn.GRU(3, 20), torch.nn.Linear(20, 1))
        >>> tidegate.export.c(model, "amplifier")  # doctest: +SKIP
    """
    options = Options(name, vector, target, embed, weights, calibrate)
    return write_folder(model, folder, options, check=check).folder


def write_folder(
    model: nn.Module | Run | ExportedProgram,
    folder: str | Path,
    options: Options,
    *,
    check: bool = True,
    examine: Callable[[Computed], object] | None = None,
) -> Written:
    """Write a folder as `c` does.

    Args:
        model: the model or run.
        folder: a new or empty folder.
        options: how it is written.
        check: compare its outputs with Python's.
        examine: is called with what computes its outputs before the folder is handed over, if these are compared.

    Returns:
        What was written, and how its outputs were compared with Python's.
    """
    folder = Path(folder)
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise ArgumentError(f"{folder} exists already and is not an empty folder: choose another.")
    given = exported(model)
    code = _code(given.graph, options)
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{folder.name}.", dir=folder.parent) as partial:
        made = Path(partial, folder.name)
        made.mkdir()
        _write(given, code, made, options)
        computed = _computed(code, made, Path(partial), options) if check else None
        compared = None
        if computed is not None:
            compared = compare(given, code, computed, "the C code" if options.target != "wasm" else f"{code.name}.wasm")
            if examine is not None:
                examine(computed)
        if folder.exists():
            folder.rmdir()
        os.replace(made, folder)
    return Written(folder, tuple(sorted(it.name for it in folder.iterdir())), compared)


def _code(graph: Graph, options: Options) -> ModelCode:
    if options.weights == "float32":
        return ModelCode(graph, options.name, options.lanes)
    given = options.calibrate
    sequences = [given] if isinstance(given, Tensor) else given
    scales = {} if sequences is None else calibrated_scales(graph, sequences)
    return ModelCode(graph, options.name, options.lanes, Int8Products(scales))


def _write(model: Exported, code: ModelCode, folder: Path, options: Options) -> None:
    p, embed, library = code.name, options.embedded, f"lib{code.name}.{SUFFIX}"
    text, does = example(code, model, embedded=embed)
    more = {
        "c": [],
        "library": [f"* `{library}`: the code, compiled for the machine that wrote it; `make {library}` elsewhere."],
        "wasm": [f"* `{p}.wasm`, `{p}.js`: the model for browsers and node; `{p}.js` begins with how it is used."],
    }[options.target]
    files = {
        f"{p}.h": header(code, model.labels, embedded=embed),
        f"{p}.c": source(code, model.labels, embedded=embed),
        "example.c": text,
        "Makefile": makefile(code, embedded=embed),
        "README.md": readme(code, model, does, embedded=embed, more=more),
    }
    if embed:
        files[f"{p}_weights.c"] = weights_source(code)
    if options.target == "wasm":
        files[f"{p}.js"] = module(code, model)
        if model.tokens is not None and predicts_tokens(code.graph):
            files["example.html"] = page(code)
    for file, content in files.items():
        (folder / file).write_text(content, encoding="utf-8", newline="\n")
    if not embed:
        (folder / f"{p}.bin").write_bytes(weights_bytes(code))
    if options.target == "library":
        compile_library(sources(code, folder, embedded=embed), folder / library, LIBRARY)
    if options.target == "wasm":
        compile_wasm(sources(code, folder, embedded=True), folder / f"{p}.wasm", exported_functions(code))


def _computed(code: ModelCode, folder: Path, room: Path, options: Options) -> Computed | None:
    """Return what computes the outputs of a folder's code: a library itself is called, and node runs WebAssembly.

    Args:
        code: the model.
        folder: where its files are.
        room: a folder to compile in, outside of it.
        options: how it was written.

    Returns:
        A function of a sequence for each input; None for WebAssembly where there is no node.
    """
    if options.target == "wasm":
        node = shutil.which("node")
        return None if node is None else lambda *inputs: run_in_node(node, code, folder, inputs)
    for file in folder.iterdir():
        shutil.copy(file, room)
    library = room / f"lib{code.name}.{SUFFIX}" if options.target == "library" else None
    return CompiledModel(code, room, embedded=options.embedded, library=library)
