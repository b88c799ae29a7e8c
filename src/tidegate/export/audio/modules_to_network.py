"""Which modules plug-ins can compute: LSTM and GRU layers, and a linear map after them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from tidegate.cells import gru, lstm
from tidegate.engine import Weights
from tidegate.errors import ArgumentError
from tidegate.export.audio.network import Array, Kind, Layer, Network, State
from tidegate.nn import GRU, LSTM, RNN, Recurrent
from tidegate.nn.evaluating import evaluating

KINDS: dict[str, Kind] = {lstm.digest: "lstm", gru.digest: "gru"}
TORCHS: dict[type[nn.Module], Kind] = {nn.LSTM: "lstm", nn.GRU: "gru"}
OURS = (LSTM, GRU, RNN, Recurrent)
LEFT_OUT = (nn.Dropout, nn.Identity)  # which do nothing in evaluation


def parts_of(module: nn.Module, place: str) -> Iterator[tuple[str, nn.Module]]:
    """Iterate over the modules that run one after another, with their places."""
    if type(module) is nn.Sequential:
        for key, own in module.named_children():
            yield from parts_of(own, f"{place}.{key}".lstrip("."))
    elif not isinstance(module, LEFT_OUT):
        yield place, module


def output_of(module: nn.Module, x: Tensor) -> Tensor:
    """Return the output (T, 1, ·) of a layer for x (T, 1, ·); one whose batch is first is given its transpose."""
    if not isinstance(module, OURS) and type(module) not in TORCHS:
        return module(x)
    return module(x.transpose(0, 1))[0].transpose(0, 1) if module.batch_first else module(x)[0]


def network_of(parts: Sequence[tuple[str, nn.Module]], direct: Array | None = None) -> Network:
    """Return the network of recurrent layers and the linear map after them.

    Raises:
        ArgumentError: they are something else.
    """
    *recurrent, (place, head) = parts or [("", nn.Identity())]
    if type(head) is not nn.Linear or not recurrent:
        raise _refused(
            head, place, "recurrent layers and then one nn.Linear are expected: (nn.LSTM(1, 16), nn.Linear(16, 1))"
        )
    kinds, layers, states = set[Kind](), list[Layer](), list[State]()
    for at, part in recurrent:
        kind, own, begin = _read(part, at)
        if layers and own[0].w_ih.shape[1] != layers[-1].units:
            raise _refused(part, at, f"it reads {own[0].w_ih.shape[1]} numbers, and {layers[-1].units} come to it")
        kinds.add(kind)
        layers += own
        states += begin
    if len(kinds) > 1:
        raise ArgumentError("LSTM and GRU layers in one model cannot be written for plug-ins: train one kind of them.")
    if head.in_features != layers[-1].units:
        raise _refused(head, place, f"it reads {head.in_features} numbers, and {layers[-1].units} come to it")
    weight = numbers_of(head.weight)
    bias = np.zeros(len(weight)) if head.bias is None else numbers_of(head.bias)
    learned = any(it.any() for state in states for it in state)
    network = Network(kinds.pop(), layers, weight, bias, direct, states if learned else None)
    if not all(np.isfinite(it).all() for it in (weight, bias, *(own for layer in layers for own in layer))):
        raise ArgumentError("A weight of the model is nan or infinite: nothing that a plug-in could play.")
    return network


def _read(module: Any, place: str) -> tuple[Kind, list[Layer], list[State]]:
    """Return the kind, the layers and their initial states of a recurrent module."""
    if not isinstance(module, OURS) and type(module) not in TORCHS:
        raise _refused(
            module, place, "only LSTM and GRU layers can be, of torch.nn or tidegate.nn, and one nn.Linear after them"
        )
    if module.bidirectional:
        raise _refused(
            module,
            place,
            "it reads its input backwards too, and audio comes sample by sample: train it in one direction",
        )
    if getattr(module, "proj_size", 0):
        raise _refused(
            module, place, "its output is projected, for which the files have no place: train it without proj_size"
        )
    if type(module) in TORCHS:
        layers = [Layer(*_torchs(module, n)) for n in range(module.num_layers)]
        kind = TORCHS[type(module)]
        return kind, layers, _zeros(kind, layers)
    cells = [module.layer_cell(n) for n in range(module.num_layers)]
    kinds: list[Kind] = [KINDS[cell.digest] for cell in cells if cell.digest in KINDS and cell.heads == 1]
    if len(kinds) < len(cells) or len(set(kinds)) > 1:
        raise _refused(
            module,
            place,
            f"its cell is {', '.join(dict.fromkeys(cell.name for cell in cells))}, and plug-ins compute lstm and gru "
            "only: train one of these (tidegate build writes other cells as C)",
        )
    with torch.no_grad(), evaluating(module):
        module.refresh_weights()
        layers = [_ours(module.layer_weights(n, 0)) for n in range(module.num_layers)]
        begin = module.initial_state(1)
    if begin is None:
        return kinds[0], layers, _zeros(kinds[0], layers)
    states = [tuple(numbers_of(it[n, 0])[: layer.units] for it in begin) for n, layer in enumerate(layers)]
    return kinds[0], layers, states


def _ours(weights: Weights) -> Layer:
    assert weights.w_ih is not None
    assert weights.w_hh is not None
    rows = weights.w_ih.shape[:1]
    biases = (np.zeros(rows) if it is None else numbers_of(it) for it in (weights.b_ih, weights.b_hh))
    return Layer(numbers_of(weights.w_ih), numbers_of(weights.w_hh), *biases)


def _torchs(module: Any, layer: int) -> Iterator[Array]:
    for name in ("weight_ih", "weight_hh"):
        yield numbers_of(getattr(module, f"{name}_l{layer}"))
    rows = len(getattr(module, f"weight_ih_l{layer}"))
    for name in ("bias_ih", "bias_hh"):
        yield numbers_of(getattr(module, f"{name}_l{layer}")) if module.bias else np.zeros(rows)


def _zeros(kind: Kind, layers: Sequence[Layer]) -> list[State]:
    return [(np.zeros(layer.units),) * (2 if kind == "lstm" else 1) for layer in layers]


def numbers_of(values: Tensor) -> Array:
    """Return a tensor in double precision."""
    return values.detach().cpu().double().numpy()


def _refused(module: nn.Module, place: str, why: str) -> ArgumentError:
    at = f" at {place!r}" if place else ""
    return ArgumentError(f"{type(module).__name__}{at} cannot be written for audio plug-ins: {why}.")
