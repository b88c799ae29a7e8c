"""LSTM, GRU and RNN nodes: their equations, and their weights in torch's order.

::

    ONNX   W (D, G H, I), R (D, G H, H), B (D, 2 G H) with Wb before Rb, P (D, 3 H); gates i o f c, z r h, P: i o f
    int8   W (D, I, G H), R (D, H, G H), each with a scale and a zero point, or one for each column
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from tidegate.convert.activations import Activation
from tidegate.convert.built_layers import GATES, STANDARD, Direction, Form, Kind, in_order
from tidegate.convert.onnx_files.constant_values import ConstantValues, Value
from tidegate.convert.onnx_files.folded_operators import dequantized
from tidegate.convert.onnx_files.graph_scopes import Node, as_text
from tidegate.drawing.brief import brief_repr
from tidegate.errors import DataError
from tidegate.io.wording import quoted

QUANTIZED = "com.microsoft.DynamicQuantizeLSTM"
KINDS: dict[str, Kind] = {"LSTM": "lstm", QUANTIZED: "lstm", "GRU": "gru", "RNN": "rnn"}
WEIGHTS = {"W": 1, "R": 2, "B": 3}
LENGTHS, FIRST_STATE = 4, 5
PEEPHOLES = 7  # of an LSTM; the input's number
SCALES = {"W_scale": 8, "W_zero_point": 9, "R_scale": 10, "R_zero_point": 11}
ORDERS = {"lstm": ("iofc", "ifco"), "gru": ("zrh", "rzh"), "rnn": ("h", "h")}  # of ONNX, and ours
SAID = {
    "lstm": "gates i o f c are put into the order i f g o",
    "gru": "gates z r h are put into the order r z n",
}
DIRECTIONS = {"forward": 1, "reverse": 1, "bidirectional": 2}

FUNCTIONS = {
    **dict(sigmoid="sigmoid", tanh="tanh", relu="relu", softsign="softsign", softplus="softplus", elu="elu"),
    **dict(leakyrelu="leaky_relu", hardsigmoid="hard_sigmoid", affine="affine", scaledtanh="scaled_tanh"),
    "thresholdedrelu": "thresholded_relu",
}
"""Our names of ONNX's functions, which are written in any letter case."""
WITH_ALPHA = {"leaky_relu", "hard_sigmoid", "affine", "scaled_tanh", "thresholded_relu", "elu"}
WITH_BETA = {"hard_sigmoid", "affine", "scaled_tanh"}
DEFAULTS = {"leaky_relu": (0.01, 0.0), "hard_sigmoid": (0.2, 0.5), "elu": (1.0, 0.0)}
"""Alpha and beta where none are given: those in which ONNX's documentation and ONNX Runtime are at one."""


@dataclass(frozen=True, eq=False)
class StoredNode:
    """A recurrent node with what it is given as constants.

    Attributes:
        node: it.
        kind: lstm, gru or rnn.
        arrays: its constant inputs by their numbers, as the file has them.
        quantized: whether a weight was stored in 8 bits or less.
    """

    node: Node
    kind: Kind
    arrays: Mapping[int, np.ndarray]
    quantized: bool
    __repr__ = brief_repr

    @property
    def direction(self) -> str:
        """Which way it reads: forward, reverse or bidirectional."""
        return _text(self.node, "direction", "forward")


def stored_node(node: Node, constants: ConstantValues) -> StoredNode:
    """Return a recurrent node with its weights.

    Raises:
        DataError: a weight is no constant, or missing.
    """
    arrays, quantized = {}, node.kind == QUANTIZED
    wanted = dict(WEIGHTS)
    if KINDS[node.kind] == "lstm":
        wanted["P"] = PEEPHOLES
    if quantized:
        wanted |= SCALES
    for name, n in wanted.items():
        given = node.input(n)
        if not given and name in ("B", "P", "W_zero_point", "R_zero_point"):
            continue
        found: Value | str = constants.get(node.scope, given) if given else "nothing: it is left out"
        if isinstance(found, str):
            raise DataError(
                f"{constants.path}: {node.kind} {quoted(node.name)} has no weights of its own: {name} is {found}."
            )
        arrays[n], quantized = found.array, quantized or found.quantized
    return StoredNode(node, KINDS[node.kind], arrays, quantized)


def form_of(stored: StoredNode, path: Path) -> tuple[Form, list[str]]:
    """Return the equations of a node, and what is to be known about them.

    Raises:
        DataError: an attribute is none that ONNX has, or a function differs between directions.
    """
    node, kind = stored.node, stored.kind
    at = f"{path}: {node.kind} {quoted(node.name)}"
    if stored.direction not in DIRECTIONS:
        raise DataError(f"{at}: its direction is {quoted(stored.direction)}, not one of {', '.join(DIRECTIONS)}.")
    functions, notes = _functions(stored, at)
    clip = _number(node, "clip")
    if clip is not None and not 0 < clip < math.inf:
        raise DataError(f"{at}: clip is {clip}, but should be a number above 0.")
    after = kind == "gru" and _number(node, "linear_before_reset", 0) != 0
    coupled = kind == "lstm" and _number(node, "input_forget", 0) != 0
    if coupled:
        notes.append("f is 1 - i (input_forget): its rows for f are left out")
    own = () if functions == STANDARD[kind] else functions
    return Form(kind, own, reset_after=after or kind != "gru", coupled=coupled, clip=clip), notes


def directions_of(stored: StoredNode, form: Form, path: Path) -> list[Direction]:
    """Return the weights of each direction.

    Raises:
        DataError: they are of shapes that do not belong together.
    """
    node, kind, count = stored.node, stored.kind, GATES[stored.kind]
    at = f"{path}: {node.kind} {quoted(node.name)}"
    w, r = (_weights(stored, n, at) for n in (1, 2))
    ways, hidden = DIRECTIONS[stored.direction], r.shape[2] if r.ndim == 3 else 0
    inputs = w.shape[2] if w.ndim == 3 else 0
    expected = {
        "W": (ways, count * hidden, inputs),
        "R": (ways, count * hidden, hidden),
        "B": (ways, 2 * count * hidden),
    }
    given = {"W": w, "R": r, "B": stored.arrays.get(3)}
    if PEEPHOLES in stored.arrays:
        expected["P"], given["P"] = (ways, 3 * hidden), stored.arrays[PEEPHOLES]
    for name, value in given.items():
        if value is not None and (value.shape != expected[name] or value.dtype.kind != "f" or not value.size):
            raise DataError(
                f"{at}: {name} of {ways} direction{'s' * (ways > 1)} and {hidden} units is of shape {value.shape} "
                f"({value.dtype}), but should be {expected[name]}."
            )
    if (said := _number(node, "hidden_size")) is not None and said != hidden:
        raise DataError(f"{at}: hidden_size is {said:g}, but R is of {hidden} units.")
    theirs, ours = ORDERS[kind]
    dtype = torch.float64 if w.dtype == np.float64 else torch.float32
    wanted, made = ours.replace("f", "") if form.coupled else ours, []
    for way in range(ways):
        halves = [None, None] if given["B"] is None else np.split(given["B"][way], 2)
        stacks = [
            None if it is None else in_order(_tensor(it, dtype), theirs, wanted) for it in (w[way], r[way], *halves)
        ]
        peepholes: tuple[Tensor, ...] = ()
        if given.get("P") is not None:
            i, o, f = _tensor(given["P"][way], dtype).chunk(3)
            peepholes = (i, o) if form.coupled else (i, f, o)
        made.append(Direction(*stacks, peepholes=peepholes))  # type: ignore[arg-type]
    return made


def _tensor(value: np.ndarray, dtype: torch.dtype) -> Tensor:
    return torch.from_numpy(np.array(value, order="C")).to(dtype)


def _weights(stored: StoredNode, n: int, at: str) -> np.ndarray:
    """Return W or R as ONNX's own operators have it."""
    found = stored.arrays[n]
    if stored.node.kind != QUANTIZED:
        return found
    scale, zero = (stored.arrays.get(it) for it in (4 + 2 * n + 2, 4 + 2 * n + 3))
    try:
        if found.ndim != 3 or found.dtype.kind not in "iu" or scale is None:
            raise ValueError(f"{found.dtype} of shape {found.shape}")
        ways = len(found)
        scales = scale.reshape(ways, -1)
        zeros = None if zero is None else zero.reshape(ways, -1)
        rows = [
            dequantized(found[way], scales[way], None if zeros is None else zeros[way], 1, lambda _: None)
            for way in range(ways)
        ]
    except (ValueError, IndexError) as error:
        raise DataError(f"{at}: its weights in 8 bits, their scales and zero points do not fit ({error}).") from error
    return np.stack(rows).transpose(0, 2, 1)


def _functions(stored: StoredNode, at: str) -> tuple[tuple[Activation, ...], list[str]]:
    node, standard, ways = stored.node, STANDARD[stored.kind], DIRECTIONS[stored.direction]
    names = _texts(node, "activations")
    if not names:
        return standard, []
    if len(names) != ways * len(standard):
        raise DataError(f"{at}: it has {len(names)} activations, but {ways * len(standard)} are needed.")
    alphas, betas = _numbers(node, "activation_alpha"), _numbers(node, "activation_beta")
    given, found = (len(alphas), len(betas)), []
    for name in names:
        own = FUNCTIONS.get(name.lower())
        if own is None:
            raise DataError(f"{at}: the activation {quoted(name)} is none of ONNX's.")
        alpha = alphas.pop(0) if own in WITH_ALPHA and alphas else None
        beta = betas.pop(0) if own in WITH_BETA and betas else None
        open_ends = (own in WITH_ALPHA and alpha is None) or (own in WITH_BETA and beta is None)
        if open_ends and own not in DEFAULTS:
            raise DataError(
                f"{at}: {name} is given no activation_alpha or activation_beta, and programs differ in what it is then "
                "(ONNX Runtime takes 0)."
            )
        by_default = DEFAULTS.get(own, (0.0, 0.0))
        numbers = by_default[0] if alpha is None else alpha, by_default[1] if beta is None else beta
        if not all(map(math.isfinite, numbers)):
            raise DataError(f"{at}: alpha and beta of {name} are {numbers[0]} and {numbers[1]}.")
        found.append(Activation(own, *numbers))
    halves = [tuple(found[n : n + len(standard)]) for n in range(0, len(found), len(standard))]
    if len({*halves}) > 1:
        both = " and ".join(", ".join(map(str, half)) for half in halves)
        raise DataError(f"{at}: its two directions have different functions ({both}), which no layer here has.")
    notes = []
    if alphas or betas:
        notes.append(
            f"of {given[0]} activation_alpha and {given[1]} activation_beta the first were used, in order, for "
            "functions that take any, as ONNX Runtime does"
        )
    return halves[0], notes


def _attribute(node: Node, name: str) -> Any:
    import onnx

    found = node.attributes.get(name)
    try:
        return None if found is None else onnx.helper.get_attribute_value(found)
    except ValueError as error:
        raise DataError(f"The attribute {name} of {node.kind} {quoted(node.name)} is of no known kind.") from error


def _wrong(node: Node, name: str, value: Any) -> DataError:
    return DataError(f"The attribute {name} of {node.kind} {quoted(node.name)} is {quoted(value)}.")


def _text(node: Node, name: str, default: str) -> str:
    found = _attribute(node, name)
    if not isinstance(found, bytes | None):
        raise _wrong(node, name, found)
    return default if found is None else as_text(found).lower()


def _texts(node: Node, name: str) -> list[str]:
    found = _attribute(node, name)
    if found is not None and not (isinstance(found, list) and all(isinstance(it, bytes) for it in found)):
        raise _wrong(node, name, found)
    return [as_text(it) for it in found or ()]


def _number(node: Node, name: str, default: float | None = None) -> float | None:
    found = _attribute(node, name)
    if not isinstance(found, int | float | None):
        raise _wrong(node, name, found)
    return default if found is None else found


def _numbers(node: Node, name: str) -> list[float]:
    found = list(_attribute(node, name) or ()) if not isinstance(_attribute(node, name), int | float) else [math.nan]
    if not all(isinstance(it, int | float) for it in found):
        raise _wrong(node, name, found)
    return [float(it) for it in found]
