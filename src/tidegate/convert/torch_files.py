"""Weights of ``torch.nn``'s recurrent layers and cells, by their names in a ``state_dict``."""

from __future__ import annotations

import re
import warnings
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from tidegate.convert.activations import RELU, TANH
from tidegate.convert.built_layers import GATES, Direction, Form, Kind, make_layers
from tidegate.convert.foreign_networks import foreign_networks
from tidegate.convert.result import Converted, ConvertedLayer
from tidegate.data.array_files import read_arrays
from tidegate.errors import DataError
from tidegate.io.input_files import check_declared_size

NAME = re.compile(
    r"(?P<place>.*?)(?P<what>weight_ih|weight_hh|bias_ih|bias_hh|weight_hr)(?:_l(?P<layer>\d+)(?P<way>_reverse)?)?"
)
SHORT = re.compile(r"(?P<place>.*?)(?P<what>w_ih|w_hh|b_ih|b_hh)(?:_l(?P<layer>\d+)(?P<way>_reverse)?)?")
FIELDS = dict(weight_ih="w_ih", weight_hh="w_hh", bias_ih="b_ih", bias_hh="b_hh", weight_hr="w_hr")  # of `Direction`
FULL = {"w_ih": "weight_ih", "w_hh": "weight_hh", "b_ih": "bias_ih", "b_hh": "bias_hh"}
COMPUTED = re.compile(
    r".*(parametrizations\.(weight|bias)_[ih]h.*|(weight|bias)_[ih]h_l\d+(_reverse)?_(g|v|raw|orig|u))"
)
KINDS: dict[int, Kind] = {count: kind for kind, count in GATES.items()}
DEEPEST = 20  # dictionaries within one another

Place = dict[tuple[int, int], dict[str, Tensor]]  # weights by name, for each layer and direction


def read_torch(path: Path, digest: str, nonlinearity: str) -> Converted:
    """Read what ``torch.save`` has written, without running anything in it."""
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            if any(name.endswith("constants.pkl") for name in archive.namelist()):
                raise DataError(
                    f"{path} is a TorchScript archive, which holds code. In a process of its own, load it with "
                    "torch.jit.load, and save its state_dict()."
                )
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about pickle protocols
            found = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # files that are cut off or altered raise many kinds
        first = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise DataError(
            f"{path} holds more than tensors, or is not whole: {first} Only files of weights are read, since others "
            "can run code: save model.state_dict()."
        ) from error
    return _converted(path, "weights saved by PyTorch", digest, _tensors(found, path), nonlinearity)


def read_safetensors(path: Path, digest: str, nonlinearity: str) -> Converted:
    """Read a safetensors file."""
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        found = load_file(path)
    except (SafetensorError, OSError, ValueError) as error:
        raise DataError(f"{path} is not a whole safetensors file ({error}).") from error
    return _converted(path, "safetensors", digest, found, nonlinearity)


def read_npz(path: Path, digest: str, nonlinearity: str) -> Converted:
    """Read NumPy's arrays under torch's names."""
    with zipfile.ZipFile(path) as archive:
        names = [name.removesuffix(".npy") for name in archive.namelist()]
    arrays, _ = read_arrays(path, names)
    tensors = {name: torch.from_numpy(value) for name, value in arrays.items() if value.dtype.kind in "fiub"}
    return _converted(path, "NumPy arrays under torch's names", digest, tensors, nonlinearity)


def _tensors(found: Any, path: Path) -> dict[str, Tensor]:
    """Return the tensors of nested dictionaries by names with dots."""
    tensors: dict[str, Tensor] = {}

    def add(value: Any, name: str, depth: int) -> None:
        if isinstance(value, Tensor):
            if value.layout != torch.strided or value.is_quantized or value.is_complex():
                raise DataError(f"{path}: {name} is no plain tensor of numbers ({value.layout}, {value.dtype}).")
            check_declared_size(path, name, value.numel() * max(4, value.element_size()))  # a view may be of any shape
            tensors[name] = value.detach()
        elif isinstance(value, Mapping) and depth < DEEPEST:
            for key, own in value.items():
                add(own, f"{name}.{key}" if name else str(key), depth + 1)

    add(found, "", 0)
    if not tensors:
        raise DataError(f"{path} holds a {type(found).__name__} without tensors: save model.state_dict().")
    return tensors


def _converted(path: Path, format: str, digest: str, tensors: dict[str, Tensor], nonlinearity: str) -> Converted:
    places, others, computed = _places(tensors)
    if computed:
        raise DataError(
            f"{path}: {computed[0]} belongs to a weight that is computed (a parametrization or weight_norm): remove it "
            "before saving (torch.nn.utils.parametrize.remove_parametrizations)."
        )
    layers = {}
    for name, place in places.items():
        where = name.rstrip("._") or "(the model)"
        layers[where] = _layer(path, where, name, place, nonlinearity)
    foreign = foreign_networks(others)
    if not layers:
        names = ", ".join([*tensors][:5])
        why = foreign[0] if foreign else f"it has {names} ..."
        raise DataError(f"{path} has no weights of torch.nn's LSTM, GRU or RNN (weight_ih_l0 ...): {why}")
    return Converted(path, format, digest, layers, others, tuple(f"left out: {it}" for it in foreign))


def _places(tensors: Mapping[str, Tensor]) -> tuple[dict[str, Place], dict[str, Tensor], list[str]]:
    """Sort tensors by the module that they belong to; return others, and those of weights that are computed."""
    places: dict[str, Place] = {}
    others: dict[str, Tensor] = {}
    computed: list[str] = []
    for name, value in tensors.items():
        if COMPUTED.fullmatch(name):
            computed.append(name)
        elif found := NAME.fullmatch(name) or SHORT.fullmatch(name):
            what = FULL.get(found["what"], found["what"])
            row = int(found["layer"] or 0), int(found["way"] is not None)
            places.setdefault(found["place"], {}).setdefault(row, {})[what] = value
        else:
            others[name] = value
    return places, others, computed


def _layer(path: Path, where: str, name: str, place: Place, nonlinearity: str) -> ConvertedLayer:
    layers = 1 + max(layer for layer, _ in place)
    ways = 1 + max(way for _, way in place)
    rows, notes = [], []
    kind: Kind | None = None
    for layer in range(layers):
        row = []
        for way in range(ways):
            own = place.get((layer, way), {})
            end = f"_l{layer}" + "_reverse" * way
            for needed in ("weight_ih", "weight_hh"):
                if needed not in own:
                    has = ", ".join(sorted(own)) or "nothing"
                    raise DataError(f"{path}: the layer {where} is half: there is no {needed}{end} (there is {has}).")
            w_ih, w_hh = own["weight_ih"], own["weight_hh"]
            if w_ih.dim() != 2 or w_hh.dim() != 2 or not w_hh.shape[1] or w_ih.shape[0] != w_hh.shape[0]:
                shapes = f"{tuple(w_ih.shape)} and {tuple(w_hh.shape)}"
                raise DataError(f"{path}: weight_ih{end} and weight_hh{end} of {where} are of shapes {shapes}.")
            hidden = w_hh.shape[1] if "weight_hr" not in own else own["weight_hr"].shape[-1]
            found = KINDS.get(w_hh.shape[0] // hidden if w_hh.shape[0] % hidden == 0 else 0)
            if found is None or (kind is not None and found != kind):
                raise DataError(
                    f"{path}: weight_hh{end} of {where} is of shape {tuple(w_hh.shape)}, not (4 H, H) as an LSTM's, "
                    "(3 H, H) as a GRU's or (H, H) as an RNN's."
                )
            kind = found
            given = {field: _number(own.get(key)) for key, field in FIELDS.items()}
            row.append(Direction(**given))  # type: ignore[arg-type]
        rows.append(row)
    assert kind is not None
    functions = ((RELU if nonlinearity == "relu" else TANH),) if kind == "rnn" else ()
    if kind == "rnn":
        notes.append(
            f"taken for {nonlinearity}, which such files do not say: read it with nonlinearity=... if it is not"
        )
    if any(value.dtype in (torch.float16, torch.bfloat16) for own in place.values() for value in own.values()):
        notes.append("its weights are in half precision, and in float32 here")
    try:
        form = Form(kind, functions)
        module = make_layers(form, rows)
    except DataError as error:
        raise DataError(f"{path}: {where}: {error}") from error
    count = f" of {layers} layers" if layers > 1 else ""
    return ConvertedLayer(
        where, module, f"torch.nn.{kind.upper()}{count} at {name or '(the model)'}", form, tuple(notes)
    )


def _number(value: Tensor | None) -> Tensor | None:
    """Return weights in float32, or in float64 as they are."""
    return None if value is None else value if value.dtype == torch.float64 else value.float()
