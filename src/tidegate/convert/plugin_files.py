"""Layers of files of audio plug-ins: Neural Amp Modeler's ``.nam`` and RTNeural's JSON."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from tidegate.convert.built_layers import Direction, Form, make_layers
from tidegate.convert.result import Converted, ConvertedLayer
from tidegate.errors import DataError
from tidegate.export.audio.json_values import read_object
from tidegate.export.audio.nam_file import nam_network
from tidegate.export.audio.network import Network
from tidegate.export.audio.rtneural_file import rtneural_network

STATES = ("h", "c")


def read_plugin(path: Path, digest: str, nonlinearity: str) -> Converted:
    """Read a ``.nam`` file or one of RTNeural's JSON."""
    del nonlinearity
    record = read_object(path)
    if "architecture" in record:
        return _converted(path, "Neural Amp Modeler (.nam)", digest, nam_network(record, path))
    if "layers" in record and "in_shape" in record:
        return _converted(path, "RTNeural (JSON)", digest, rtneural_network(record, path))
    raise DataError(
        f"{path} is JSON, but of no plug-in that is known: it has {', '.join([*record][:5]) or 'no entries'}."
    )


def _converted(path: Path, format: str, digest: str, network: Network) -> Converted:
    form, layers = Form(network.kind), {}
    for n, own in enumerate(network.layers):
        w_ih, w_hh, b_ih, b_hh = (_tensor(it) for it in (own.w_ih, own.w_hh, own.b_ih, own.b_hh))
        name, module = f"layer{n}", make_layers(form, [[Direction(w_ih, w_hh, b_ih, b_hh)]])
        notes = ("it begins with the states in others",) if network.states is not None else ()
        layers[name] = ConvertedLayer(name, module, f"layer {n} of {network.kind.upper()}s", form, notes)
    others = {"head.weight": _tensor(network.weight), "head.bias": _tensor(network.bias)}
    if network.direct is not None:
        others["direct.weight"] = _tensor(network.direct)
    for n, states in enumerate(network.states or ()):
        others |= {f"layer{n}.{state}": _tensor(value) for state, value in zip(STATES, states, strict=False)}
    notes = ("the output is head.weight h + head.bias" + (" + direct.weight x" if network.direct is not None else ""),)
    return Converted(path, format, digest, layers, others, notes)


def _tensor(values: Any) -> Tensor:
    return torch.from_numpy(values.copy()).float()
