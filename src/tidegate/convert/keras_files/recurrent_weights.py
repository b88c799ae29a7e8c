"""Weights and settings of a recurrent layer of Keras, as equations and weights in torch's order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from tidegate.convert.activations import (
    HARD_SIGMOID_OF_KERAS_2,
    HARD_SIGMOID_OF_KERAS_3,
    RELU,
    SIGMOID,
    TANH,
    Activation,
)
from tidegate.convert.built_layers import GATES, STANDARD, Direction, Form, Kind, in_order
from tidegate.errors import DataError

KINDS: dict[str, Kind] = {
    "LSTM": "lstm", "CuDNNLSTM": "lstm", "LSTMCell": "lstm",
    "GRU": "gru", "CuDNNGRU": "gru", "GRUCell": "gru",
    "SimpleRNN": "rnn", "SimpleRNNCell": "rnn",
}  # fmt: skip
ORDERS = {"lstm": ("ifco", "ifco"), "gru": ("zrh", "rzh"), "rnn": ("h", "h")}  # of Keras, and ours: c is g, h is n
OLD_ORDERS = {"lstm": "icfo", "gru": "zrh"}  # of Keras 1, which has arrays for each gate
NAMED: dict[str, Activation] = {
    "sigmoid": SIGMOID,
    "tanh": TANH,
    "relu": RELU,
    "linear": Activation("linear"),
    "softsign": Activation("softsign"),
    "softplus": Activation("softplus"),
    "exponential": Activation("exponential"),
    "elu": Activation("elu", 1.0),
    "silu": Activation("silu"),
    "swish": Activation("silu"),
}


def form_of(
    kind: str, config: Mapping[str, Any] | None, version: tuple[int, int] | None, bias: Tensor | None
) -> tuple[Form, list[str]]:
    """Return the equations of a layer, and what had to be assumed.

    Args:
        kind: its class in Keras.
        config: its settings; None if the file has none.
        version: of Keras, major and minor; None if the file does not say.
        bias: its bias, which tells what a GRU without settings is.

    Raises:
        DataError: an activation has no equivalent.
    """
    own, notes, cudnn = KINDS[kind], [], kind.startswith("CuDNN")
    settings = dict(config or {})
    old = version is not None and version < (2, 3)
    gate = "sigmoid" if cudnn else settings.get("recurrent_activation", settings.get("inner_activation"))
    if gate is None:
        gate = "hard_sigmoid" if old else "sigmoid"
        if config is not None and own != "rnn":
            notes.append(f"its recurrent activation is not named: {gate}, the default of that version")
    new = "tanh" if cudnn else settings.get("activation", "tanh")
    names = (new,) if own == "rnn" else (gate, new, new)[: len(STANDARD[own])]
    functions = [_activation(it, version) for it in names]
    if config is None and not cudnn:
        usual = "the defaults of its version" if version else "the defaults since Keras 2.3"
        notes.append(f"the file has no settings: {' and '.join(dict.fromkeys(names))} are assumed, {usual}")
    if any(it.name == "hard_sigmoid" for it in functions):
        slope = (
            "0.2 a + 0.5, as up to Keras 2"
            if HARD_SIGMOID_OF_KERAS_2 in functions
            else "a / 6 + 0.5, as from Keras 3 on"
        )
        notes.append(f"hard_sigmoid is min(max({slope}, 0), 1)")
    after = settings.get("reset_after")
    if own == "gru" and after is None:
        after = cudnn or (bias.dim() == 2 if bias is not None else not old)
        if not cudnn and (config is not None or bias is None):
            notes.append(
                f"reset_after is not named: {after}, as its bias has it"
                if bias is not None
                else f"reset_after={after} is assumed"
            )
    return Form(own, tuple(functions), reset_after=bool(after)), notes


def direction_of(kind: str, arrays: Sequence[Tensor], where: str) -> Direction:
    """Return the weights of one direction.

    Args:
        kind: the layer's class in Keras.
        arrays: kernel, recurrent kernel and, if there is one, bias; of Keras 1 those of each gate.
        where: for messages.

    Raises:
        DataError: arrays are missing, or of shapes that do not belong together.
    """
    own = KINDS[kind]
    count = GATES[own]
    if len(arrays) == 3 * count and count > 1:
        arrays = joined_arrays(arrays, own)
    if not 2 <= len(arrays) <= 3:
        raise DataError(
            f"{where}: a {kind} has a kernel, a recurrent kernel and perhaps a bias, but there are {len(arrays)} "
            f"arrays ({', '.join(str(tuple(it.shape)) for it in arrays) or 'none'}): it was saved half built, or is "
            "another layer."
        )
    kernel, recurrent, *rest = arrays
    hidden = recurrent.shape[0] if recurrent.dim() == 2 else 0
    if kernel.dim() != 2 or not hidden or recurrent.shape[1] != count * hidden or kernel.shape[1] != count * hidden:
        raise DataError(
            f"{where}: the kernel of a {kind} is of shape {tuple(kernel.shape)} and the recurrent kernel of shape "
            f"{tuple(recurrent.shape)}, but should be (I, {count} H) and (H, {count} H)."
        )
    given, wanted = ORDERS[own]
    bias = rest[0] if rest else None
    twice = bias is not None and bias.dim() == 1 and len(bias) == 2 * count * hidden and count > 1
    if twice and bias is not None:  # cuDNN's: blocks of the kernel are (H, I) in memory, recurrent ones are turned
        blocks = [block.contiguous().reshape(hidden, -1) for block in kernel.chunk(count, 1)]
        w_ih, w_hh = torch.cat(blocks), torch.cat(recurrent.chunk(count, 1))
        biases = bias.reshape(2, -1)
    else:
        w_ih, w_hh = kernel.t(), recurrent.t()
        biases = bias if bias is None or bias.dim() == 2 else bias[None]
    if biases is not None and (biases.shape[1] != count * hidden or len(biases) > 2):
        raise DataError(f"{where}: the bias of a {kind} of {hidden} units is of shape {tuple(rest[0].shape)}.")
    made = [
        None if it is None else in_order(it, given, wanted).contiguous()
        for it in (w_ih, w_hh, *([] if biases is None else biases))
    ]
    return Direction(*made)  # type: ignore[arg-type]


def joined_arrays(arrays: Sequence[Tensor], own: Kind) -> list[Tensor]:
    """Return kernel, recurrent kernel and bias from those of each gate, as Keras 1 has them."""
    order, wanted = OLD_ORDERS[own], ORDERS[own][0]
    by_gate = {letter: arrays[3 * n : 3 * n + 3] for n, letter in enumerate(order)}
    return [torch.cat([by_gate[letter][k] for letter in wanted], -1) for k in range(3)]


def _activation(name: Any, version: tuple[int, int] | None) -> Activation:
    alpha = None
    if isinstance(name, dict):  # as Keras 3 writes functions of its own
        inner = name.get("config")
        alpha = inner.get("alpha") if isinstance(inner, dict) else None
        name = inner if isinstance(inner, str) else name.get("class_name")
    key = str(name)
    if key == "hard_sigmoid":
        return HARD_SIGMOID_OF_KERAS_2 if version is not None and version[0] < 3 else HARD_SIGMOID_OF_KERAS_3
    if key not in NAMED or alpha is not None:
        raise DataError(f"the activation {key!r} has no equivalent; these have one: hard_sigmoid, {', '.join(NAMED)}")
    return NAMED[key]
