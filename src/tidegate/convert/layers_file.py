"""Converted layers as a file of Tidegate: safetensors with the equations, and a program that uses it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open

from tidegate.cells import Cell
from tidegate.convert.activations import checked_activation
from tidegate.convert.built_layers import GATES, STANDARD, Form, Sizes, empty_layers
from tidegate.convert.result import Converted, ConvertedLayer
from tidegate.errors import ArgumentError, DataError, TidegateError
from tidegate.io.files import replacing
from tidegate.io.input_files import check_declared_size
from tidegate.io.tensor_files import KEY, layout_of, read_header, read_tensors, write_tensors
from tidegate.nn import Layered

FORMAT, VERSION = "layers", 1
MOST = 10_000  # units, layers, inputs
PROGRAM = '''\
"""Uses the converted layers of the file beside it."""

from pathlib import Path

import torch

from tidegate import convert

found = convert.read(Path(__file__).with_name({file!r}))
print(found)
{uses}
'''


def write_layers(found: Converted, path: str | Path) -> list[Path]:
    """Write converted layers to a file that `tidegate.convert.read` reads, and beside it a program that uses it.

    Args:
        found: from `tidegate.convert.read`.
        path: a new file, ``.safetensors``.

    Returns:
        The files.

    Raises:
        ArgumentError: it is called otherwise, or exists.
    """
    path = Path(path)
    program = path.with_suffix(".py")
    if path.suffix != ".safetensors":
        raise ArgumentError(f"{path} should be called .safetensors, as layers are written to such files.")
    if taken := [it for it in (path, program) if it.exists()]:
        raise ArgumentError(f"{taken[0]} exists already: choose another name.")
    tensors, layers, uses = {}, [], []
    for n, (name, layer) in enumerate(found.layers.items()):
        module: Any = layer.module
        sizes = Sizes(*[getattr(module, field) for field in asdict(Sizes(1, 1))])
        cell: Cell = module.cell
        tensors |= {f"{n}.{key}": value for key, value in module.state_dict().items()}
        about = {"name": name, "source": layer.source, "notes": list(layer.notes), "equations": cell.text()}
        about |= {"form": asdict(layer.form), "sizes": asdict(sizes), "peepholes": "p_i" in cell.parameters}
        layers.append(about | {"dtype": str(next(module.parameters()).dtype)})
        uses.append(
            f"output, state = found[{name!r}](torch.randn(100, 1, {sizes.input_size}))  # steps, batch, features"
        )
    source = {"name": found.path.name, "format": found.format, "digest": found.digest, "notes": list(found.notes)}
    write_tensors(path, tensors, {"format": FORMAT, "version": VERSION, "source": source, "layers": layers})
    with replacing(program) as file:
        file.write(PROGRAM.format(file=path.name, uses="\n".join(uses)).encode())
    return [path, program]


def is_layers(path: Path) -> bool:
    """Whether a safetensors file is one of layers of Tidegate."""
    try:
        with safe_open(path, "pt") as file:
            return KEY in (file.metadata() or {})
    except (SafetensorError, OSError):
        return False


def read_layers(path: Path, digest: str, nonlinearity: str) -> Converted:
    """Read a file that `write_layers` has written."""
    del digest, nonlinearity
    try:
        record, layout = read_header(path, FORMAT, VERSION)
        modules = [(_checked(it, path), it) for it in _list(record.get("layers"), path)]
        made = [(_empty(form, it, path), form, it) for form, it in modules]
        expected = {
            f"{n}.{key}": it
            for n, (module, _, _) in enumerate(made)
            for key, it in layout_of(module.state_dict()).items()
        }
        tensors = read_tensors(path, record, layout, expected)
    except TidegateError as error:
        raise error if isinstance(error, DataError) else DataError(str(error)) from error
    layers = {}
    for n, (module, form, it) in enumerate(made):
        module.load_state_dict({key: tensors[f"{n}.{key}"] for key in module.state_dict()})
        name, source = str(it.get("name")), str(it.get("source"))
        layers[name] = ConvertedLayer(name, module, source, form, tuple(map(str, _list(it.get("notes"), path))))
    source = _object(record.get("source"), path)
    about = f"layers of {source.get('format')}, read from {source.get('name')}"
    return Converted(
        path, about, str(source.get("digest")), layers, {}, tuple(map(str, _list(source.get("notes"), path)))
    )


def _checked(layer: Any, path: Path) -> Form:
    given = _object(_object(layer, path).get("form"), path)
    kind, functions = given.get("kind"), _list(given.get("functions"), path)
    if kind not in GATES or len(functions) not in (0, len(STANDARD[kind])):
        raise DataError(f"{path}: {kind!r} with {len(functions)} functions is no kind of layer.")
    own = [_object(it, path) for it in functions]
    clip = given.get("clip")
    try:
        found = tuple(checked_activation(str(it["name"]), float(it["alpha"]), float(it["beta"])) for it in own)
        return Form(
            kind,
            found,
            bool(given.get("reset_after")),
            bool(given.get("coupled")),
            None if clip is None else float(clip),
        )
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise DataError(f"{path}: the equations of a layer cannot be read ({error}).") from error


def _empty(form: Form, layer: Mapping[str, Any], path: Path) -> Layered:
    given = _object(layer.get("sizes"), path)
    names = [*asdict(Sizes(1, 1))]
    if {*given} != {*names} or any(
        type(value) not in (int, bool) or not 0 <= value <= MOST for value in given.values()
    ):
        raise DataError(f"{path}: the sizes of a layer should be whole numbers up to {MOST:,}: {', '.join(names)}.")
    sizes = Sizes(**given)
    widest = max(sizes.input_size, 2 * sizes.hidden_size) + sizes.hidden_size
    check_declared_size(path, "a layer", 64 * sizes.num_layers * sizes.hidden_size * widest)
    dtype = torch.float64 if layer.get("dtype") == "torch.float64" else torch.float32
    return empty_layers(form, sizes, peepholes=bool(layer.get("peepholes")), dtype=dtype)


def _object(value: Any, path: Path) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise DataError(f"{path}: a part of its record is a {type(value).__name__}, no object.")
    return value


def _list(value: Any, path: Path) -> list[Any]:
    if not isinstance(value, list):
        raise DataError(f"{path}: a part of its record is a {type(value).__name__}, no list.")
    return value
