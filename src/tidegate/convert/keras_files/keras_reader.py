"""Recurrent layers of a file of Keras: ``.keras``, ``.weights.h5`` and the ``.h5`` of earlier versions."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from torch import Tensor

from tidegate.convert.built_layers import make_layers
from tidegate.convert.keras_files.hdf5_arrays import Hdf5, read_arrays_of
from tidegate.convert.keras_files.layer_configs import (
    LayerConfig,
    StoredLayer,
    counted,
    inner_layer,
    layers_of,
    parsed,
    snake_case,
    texts,
)
from tidegate.convert.keras_files.recurrent_weights import KINDS, direction_of, form_of
from tidegate.convert.result import Converted, ConvertedLayer
from tidegate.errors import DataError
from tidegate.io.input_files import check_declared_size

WRAPPERS = ("Bidirectional", "RNN")
SAID = {
    "go_backwards": "reads its input from the last step to the first, and so are its outputs: give it x.flip(0)",
    "stateful": "begins where the call before has ended: hand the states on",
    "time_major": "reads steps first, as the module here does",
}
Find = Callable[[LayerConfig, str], list[Tensor]]
"""The arrays of a layer, or of a part of it, such as forward_layer/cell."""


@dataclass
class _Model:
    """What is known of a file while it is read."""

    path: Path
    file: Hdf5
    version: tuple[int, int] | None
    layers: dict[str, ConvertedLayer] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    taken: set[str] = field(default_factory=set)
    stored: dict[str, StoredLayer] = field(default_factory=dict)

    def tensors(self, names: Sequence[str]) -> list[Tensor]:
        self.taken.update(names)
        return [self.file.arrays[name] for name in names]


def read_keras(path: Path, digest: str, nonlinearity: str) -> Converted:
    """Read a ``.keras`` archive."""
    del nonlinearity
    return _read(*_open_keras(path), digest)


def read_hdf5(path: Path, digest: str, nonlinearity: str) -> Converted:
    """Read an HDF5 file: a whole model or weights, of any version."""
    del nonlinearity
    return _read(*_open_hdf5(path), digest)


def stored_layers(path: Path) -> dict[str, StoredLayer]:
    """Return the recurrent layers of a file as Keras has them, by the names that `read_keras` and `read_hdf5` give.

    Raises:
        DataError: the file is not whole.
        MissingDependencyError: h5py is not installed.
    """
    model, config, name = (_open_keras if zipfile.is_zipfile(path) else _open_hdf5)(path)
    _read(model, config, name, "")
    return model.stored


def _open_keras(path: Path) -> tuple[_Model, Mapping[str, Any] | None, str]:
    with zipfile.ZipFile(path) as archive:
        members = {it.filename: it for it in archive.infolist()}
        for name in ("config.json", "model.weights.h5"):
            if name not in members:
                raise DataError(f"{path} is an archive of Keras without {name}: it is cut off.")
            check_declared_size(path, name, members[name].file_size)
        try:
            config = parsed(archive.read("config.json").decode("utf-8", "replace"), path)
            about = (
                parsed(archive.read("metadata.json").decode("utf-8", "replace"), path)
                if "metadata.json" in members
                else {}
            )
            content = archive.read("model.weights.h5")
        except (zipfile.BadZipFile, RuntimeError, OSError, NotImplementedError, EOFError) as error:
            raise DataError(f"{path} is not a whole archive ({str(error)[:200]}).") from error
    version = str(about.get("keras_version", ""))
    model = _Model(path, read_arrays_of(path, content), _version(version))
    return model, config, f"Keras {version or '3'}, a whole model (.keras)"


def _open_hdf5(path: Path) -> tuple[_Model, Mapping[str, Any] | None, str]:
    file = read_arrays_of(path)
    version = str(file.attribute("", "keras_version") or file.attribute("model_weights", "keras_version") or "")
    config = file.attribute("", "model_config")
    whole = "a whole model" if config else "weights without settings"
    name = f"Keras {version or '(version not said)'}, {whole} (HDF5)"
    model = _Model(path, file, _version(version))
    return model, None if config is None else parsed(str(config), path), name


def _read(model: _Model, config: Mapping[str, Any] | None, name: str, digest: str) -> Converted:
    file, path = model.file, model.path
    top = "model_weights/" if file.attribute("model_weights", "layer_names") is not None else ""
    old = file.attribute(top.rstrip("/"), "layer_names") is not None
    find = _finder_of_names(model, top) if old else _finder_of_places(model)
    if config is not None:
        for layer in layers_of(config, path):
            _add(model, layer, find)
    elif old:
        for layer in texts(file.attribute(top.rstrip("/"), "layer_names")):
            before = {*model.taken}
            if not _add_by_arrays(model, layer, find(LayerConfig("", layer, {}, ""), "")):
                model.taken = before
    else:
        _add_by_places(model)
    if not model.layers:
        raise DataError(
            f"{path} has no recurrent layer of Keras; it has {', '.join([*file.arrays][:5]) or 'no arrays'}."
        )
    left = {it for it in file.arrays if it in model.taken or it.startswith(("optimizer", "_optimizer"))}
    others = {it: value for it, value in file.arrays.items() if it not in left}
    return Converted(path, name, digest, model.layers, others, tuple(model.notes))


def _finder_of_places(model: _Model) -> Find:
    """Keras 3: ``layers/lstm/cell/vars/0``."""

    def find(layer: LayerConfig, part: str) -> list[Tensor]:
        place = f"{layer.place}{part}vars/"
        names = sorted(
            (it for it in model.file.arrays if it.startswith(place) and "/" not in it[len(place) :]), key=_natural
        )
        return model.tensors(names)

    return find


def _finder_of_names(model: _Model, top: str) -> Find:
    """Before: a group for each layer, whose attribute ``weight_names`` lists its arrays in order."""

    def find(layer: LayerConfig, part: str) -> list[Tensor]:
        group = (*layer.within, layer.name)[0]
        listed = texts(model.file.attribute(f"{top}{group}", "weight_names"))
        names = [f"{top}{group}/{it}" for it in listed]
        if layer.within:  # all weights of a model within lie in one group: those with the layer's name in theirs
            names = [it for it in names if _mentions(it[len(top) :], layer.name)]
        names = [it for it in names if it in model.file.arrays]
        if part.startswith(("forward", "backward")):
            half = len(names) // 2  # the forward layer's come first
            names = names[:half] if part.startswith("forward") else names[half:]
        return model.tensors(names)

    return find


def _mentions(path: str, name: str) -> bool:
    pieces = path.split("/")
    return any(
        it in (name, f"forward_{name}", f"backward_{name}") or it.startswith((f"{name}_W", f"{name}_U", f"{name}_b"))
        for it in pieces
    )


def _add(model: _Model, layer: LayerConfig, find: Find) -> None:
    """Add what a layer of the configuration is, if it is recurrent."""
    kind, config, path = layer.kind, layer.config, model.path
    if kind in KINDS:
        cell = "" if kind.startswith("CuDNN") and model.version and model.version[0] < 3 else "cell/"
        _make(model, layer, kind, config, [find(layer, cell)], _said(config))
    elif kind == "Bidirectional":
        own, settings = inner_layer(config, "layer", layer.name, path)
        if own not in KINDS:
            model.notes.append(
                f"left out: {layer.name} is both directions of a {own}, which is no layer of Keras that is known"
            )
            return
        notes = _said(settings)
        merge = config.get("merge_mode", "concat")
        if merge != "concat":
            notes.append(f"Keras merges the directions with merge_mode={merge!r}; here they are side by side")
        both = [find(layer, f"{way}_layer/cell/") for way in ("forward", "backward")]
        _make(model, layer, own, settings, both, notes)
    elif kind == "RNN":
        own, settings = inner_layer(config, "cell", layer.name, path)
        if own == "StackedRNNCells":
            _add_cells(model, layer, settings, find)
        elif own in KINDS:
            _make(model, layer, own, settings, [find(layer, "cell/")], _said(config))
        else:
            model.notes.append(f"left out: {layer.name} is an RNN of {own}, which is no cell of Keras that is known")
    elif re.search(r"LSTM|GRU|RNN", kind):
        model.notes.append(f"left out: {layer.name} is a {kind}, which is no layer of Keras that is known")


def _add_cells(model: _Model, layer: LayerConfig, settings: Mapping[str, Any], find: Find) -> None:
    cells, used = settings.get("cells"), dict[str, int]()
    if not isinstance(cells, list):
        raise DataError(f"{model.path}: the configuration of {layer.name} has no list of cells.")
    all_arrays = find(layer, "")
    for n, given in enumerate(cells):
        own, config = inner_layer({"cell": given}, "cell", f"cell {n} of {layer.name}", model.path)
        key = counted(snake_case(own), used)
        if own not in KINDS:
            model.notes.append(
                f"left out: cell {n} of {layer.name} is a {own}, which is no cell of Keras that is known"
            )
            continue
        place = f"cell/cells/{key}/"
        count = 2 + bool(config.get("use_bias", True))
        arrays = all_arrays[:count] if all_arrays else find(layer, place)
        all_arrays = all_arrays[count:]
        _make(
            model, LayerConfig(own, f"{layer.name}/{n}", config, layer.place, layer.within), own, config, [arrays], []
        )


def _said(config: Mapping[str, Any]) -> list[str]:
    return [f"{name}: {what}" for name, what in SAID.items() if config.get(name)]


def _make(
    model: _Model,
    layer: LayerConfig,
    kind: str,
    config: Mapping[str, Any] | None,
    arrays: Sequence[list[Tensor]],
    notes: Sequence[str],
) -> None:
    """Add a layer with weights."""
    where = "/".join((*layer.within, layer.name))
    at = f"{model.path}: {where}"
    for own in arrays:
        if config is not None and len(own) == 1:
            raise DataError(
                f"{at}: the {kind} has one array of three: Keras saved it half built (as it does in float16)."
            )
    row = [direction_of(kind, own, at) for own in arrays]
    try:
        form, assumed = form_of(kind, config, model.version, arrays[0][2] if len(arrays[0]) == 3 else None)
        module = make_layers(form, [row])
    except DataError as error:
        raise DataError(f"{at}: {error}") from error
    turned = ["cuDNN's blocks read anew"] if kind.startswith("CuDNN") else []
    turned += ["gates z and r exchanged"] if KINDS[kind] == "gru" else []
    turned += ["whether it reads backwards (go_backwards) is not in the file"] if config is None and not row[1:] else []
    name, n = where, 2
    while name in model.layers:
        name, n = f"{where} ({n})", n + 1
    model.stored[name] = StoredLayer(kind, config, model.version, tuple(map(tuple, arrays)))
    source = f"{'Bidirectional ' if len(row) == 2 else ''}{kind} of Keras"
    model.layers[name] = ConvertedLayer(name, module, source, form, (*notes, *assumed, *turned))


def _add_by_arrays(model: _Model, name: str, arrays: list[Tensor]) -> bool:
    """Add a layer of which only the arrays are known, if they are those of a recurrent layer; return whether it was."""
    for count, both in ((3, False), (2, False), (6, True), (4, True), (12, False), (9, False)):
        if len(arrays) != count:
            continue
        halves = [arrays[: count // 2], arrays[count // 2 :]] if both else [arrays]
        kind = _kind_of(halves[0])
        if kind and all(_kind_of(half) == kind for half in halves):
            layer = LayerConfig(kind, name, {}, "")
            _make(model, layer, kind, None, halves, [f"{kind}: told by the shapes of its arrays"])
            return True
    return False


def _add_by_places(model: _Model) -> None:
    """Add the layers of weights of Keras 3 without settings, by the names of their groups."""
    groups: dict[str, list[str]] = {}
    for name in model.file.arrays:
        place, _, number = name.rpartition("vars/")
        if number.isdigit() and "optimizer" not in place:
            groups.setdefault(place, []).append(name)
    done: set[str] = set()
    for place in sorted(groups, key=_natural):
        both = place.endswith("backward_layer/cell/")
        first = place.replace("backward_layer/cell/", "forward_layer/cell/") if both else place
        if first in done or (not both and place.endswith("forward_layer/cell/")):
            continue
        parts = [first, place] if both and first in groups else [place]
        arrays = [[model.file.arrays[it] for it in sorted(groups[part], key=_natural)] for part in parts]
        kind = _kind_of(arrays[0])
        if kind is None or not re.search(r"cell|lstm|gru|rnn", place):
            continue
        done.update(parts)
        model.taken.update(it for part in parts for it in groups[part])
        name = re.sub(r"(layers/|(/(forward_layer|backward_layer))?/cell/$|/$)", "", place)
        _make(
            model,
            LayerConfig(kind, name, {}, place),
            kind,
            None,
            arrays,
            [f"{kind}: told by the shapes of its arrays"],
        )


def _kind_of(arrays: Sequence[Tensor]) -> str | None:
    """Return the class of a layer with these arrays, None if it is not recurrent."""
    if len(arrays) in (9, 12) and all(it.dim() in (1, 2) for it in arrays):
        return {9: "GRU", 12: "LSTM"}[len(arrays)]
    if len(arrays) not in (2, 3) or any(it.dim() != 2 for it in arrays[:2]):
        return None
    kernel, recurrent = arrays[:2]
    hidden = recurrent.shape[0]
    if not hidden or recurrent.shape[1] % hidden or kernel.shape[1] != recurrent.shape[1]:
        return None
    gates = recurrent.shape[1] // hidden
    if len(arrays) == 3 and arrays[2].shape == (2 * gates * hidden,) and gates in (3, 4):
        return {4: "CuDNNLSTM", 3: "CuDNNGRU"}[gates]
    return {4: "LSTM", 3: "GRU", 1: "SimpleRNN"}.get(gates)


def _version(text: str) -> tuple[int, int] | None:
    found = re.match(r"(\d+)\.(\d+)", text)
    return None if found is None else (int(found[1]), int(found[2]))


def _natural(name: str) -> list[tuple[int, str]]:
    """Return what names are ordered by, so that lstm_10 comes after lstm_9."""
    return [(int(it), "") if it.isdigit() else (0, it) for it in re.split(r"(\d+)", name)]
