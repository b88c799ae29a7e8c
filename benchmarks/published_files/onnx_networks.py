"""Whole networks in files of ONNX, run by ONNX Runtime: what recurrent nodes are given there, and what they give."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from tidegate.errors import BenchmarkError

QUANTIZED = "DynamicQuantizeLSTM"
RECURRENT = {"LSTM", "GRU", QUANTIZED}
X, W, R, B, LENGTHS, FIRST_STATE = range(6)
PEEPHOLES, SCALES = 7, {W: (8, 9), R: (10, 11)}
OPSET, IR_VERSION = 18, 8
FIRST_STEPS = 2  # of a node in 8 bits
GRAPH = 5  # the kind of an attribute

Way = tuple[tuple[str, str], ...]
"""The branches that a node stands in: for each the first output of its If, and the branch's name."""


class Feed(NamedTuple):
    """What an input of a network is given.

    Attributes:
        shape: of it.
        low: the least whole number; None: normal numbers.
        high: the first whole number above them.
        dtype: of whole numbers.
    """

    shape: tuple[int, ...]
    low: int | None = None
    high: int = 0
    dtype: str = "int64"

    def drawn(self, draw: np.random.Generator) -> np.ndarray:
        """Return numbers."""
        if self.low is None:
            return draw.normal(size=self.shape).astype(np.float32)
        return np.asarray(draw.integers(self.low, self.high, self.shape)).astype(self.dtype)


Feeds = tuple[tuple[str, Feed], ...]


@dataclass(frozen=True)
class Seen:
    """A recurrent node in a run of the whole network.

    Attributes:
        node: its message.
        inputs: by their numbers.
        outputs: Y, and the last states where the network has them; None for those that it leaves out.
    """

    node: Any
    inputs: dict[int, np.ndarray]
    outputs: list[np.ndarray | None]

    @property
    def attributes(self) -> dict[str, Any]:
        """The node's attributes."""
        import onnx

        return {it.name: onnx.helper.get_attribute_value(it) for it in self.node.attribute}

    @property
    def ways(self) -> int:
        """How many directions it has."""
        return len(self.inputs[R])


@dataclass(frozen=True)
class Onnx:
    """A recurrent node of a file of ONNX, with the weights that ONNX Runtime gives it.

    Attributes:
        name: the node's.
        feeds: what the network is given.
    """

    name: str
    feeds: Feeds

    def outputs(self, path: Path, x: Tensor) -> Tensor:
        """Return the outputs on input of shape (steps, batch, features).

        In float64 they are computed by ONNX's equations in NumPy, in float32 by ONNX Runtime, for weights in 8 bits
        from their values and scales in a node that does not round.
        """
        seen = _seen(path, self.feeds, self.name)
        found = _transcribed(seen, x.numpy()) if x.dtype == torch.float64 else _node_alone(seen, x.numpy())
        return torch.from_numpy(found)

    def in_network(self, path: Path, module: nn.Module) -> float:
        """Return how far a module is from the node within its network.

        Args:
            path: the file.
            module: what was read from it; it is given what the node is given there, also as states.

        Returns:
            The largest difference of outputs and last states, as a share of the largest. Of nodes in 8 bits only the
            outputs of the first steps of each direction are meant, since rounding grows from step to step.
        """
        seen = _seen(path, self.feeds, self.name)
        given = {n: torch.from_numpy(it) for n, it in seen.inputs.items()}
        states = [given[n] for n in (FIRST_STATE, FIRST_STATE + 1) if n in given]
        lengths = {"lengths": given[LENGTHS].long()} if LENGTHS in given else {}
        with torch.no_grad():
            state = (states[0] if len(states) == 1 else tuple(states)) if states else None
            output, last = module(given[X], state, **lengths)
        ours = [output, *(last if isinstance(last, tuple) else (last,))]
        theirs = [None if it is None else torch.from_numpy(it) for it in seen.outputs]
        if theirs[0] is not None:
            theirs[0] = theirs[0].transpose(1, 2).flatten(2)
        pairs = [(own, it) for own, it in zip(ours, theirs, strict=False) if it is not None]
        if self.rounds(path):
            pairs = [tuple(_first_steps(it, seen.ways) for it in pairs[0])]
        return max(float((own - it).abs().max()) for own, it in pairs) / max(float(it.abs().max()) for _, it in pairs)

    def rounds(self, path: Path) -> bool:
        """Return whether ONNX Runtime rounds what the node multiplies to 8 bits."""
        return _seen(path, self.feeds, self.name).node.op_type == QUANTIZED


def _first_steps(output: Tensor, ways: int) -> Tensor:
    """Return the first outputs of each direction."""
    forward, *backward = output.chunk(ways, -1)
    return torch.cat([forward[:FIRST_STEPS], *(it.flip(0)[:FIRST_STEPS] for it in backward)], -1)


def onnx_layers(feeds: dict[str, Feed], *names: str) -> dict[str, Onnx]:
    """Return the nodes of a file by their names."""
    return {name: Onnx(name, tuple(feeds.items())) for name in names}


@functools.lru_cache(maxsize=1)
def _seen(path: Path, feeds: Feeds, name: str) -> Seen:
    """Run a whole network on random input, and return one of its recurrent nodes.

    Branches of an If in which the node stands are put in the place of the If.
    """
    import onnx

    model = onnx.load(path)
    ways = {node.name: way for node, way in _places(model.graph)}
    if name not in ways:
        raise BenchmarkError(f"{path.name} has no recurrent node {name}.")
    for output, branch in ways[name]:
        _put_branch(model.graph, output, branch)
    node = next(it for it in model.graph.node if it.name == name)
    asked = [*filter(None, [*node.input, *node.output])]
    for n, own in enumerate(asked):
        model.graph.node.append(onnx.helper.make_node("Identity", [own], [f"seen {n}"]))
    del model.graph.output[:]
    model.graph.output.extend(onnx.ValueInfoProto(name=f"seen {n}") for n in range(len(asked)))
    session, draw = _session(model), np.random.default_rng(0)
    given = {name: feed.drawn(draw) for name, feed in feeds}
    found = session.run(None, {it.name: given[it.name] for it in session.get_inputs()})
    values = dict(zip(asked, found, strict=True))
    seen = Seen(
        node,
        {n: values[it] for n, it in enumerate(node.input) if it},
        [values[it] if it else None for it in node.output],
    )
    if why := _not_transcribed(seen):
        raise BenchmarkError(f"{path.name}: {name} has {why}, which no equations are here for.")
    return seen


def _not_transcribed(seen: Seen) -> str:
    """Return what a node has besides weights and biases."""
    own = seen.attributes
    functions = [it.decode().lower() for it in own.get("activations", ())]
    usual = ["sigmoid", "tanh"] if seen.node.op_type == "GRU" else ["sigmoid", "tanh", "tanh"]
    if functions and functions != usual * seen.ways:
        return ", ".join(functions)
    if PEEPHOLES in seen.inputs:
        return "peepholes"
    if own.get("direction") == b"reverse":
        return "the direction reverse"
    return next((it for it in ("clip", "input_forget", "layout") if own.get(it)), "")


def _places(graph: Any, way: Way = ()) -> Iterator[tuple[Any, Way]]:
    for node in graph.node:
        if node.op_type in RECURRENT:
            yield node, way
        for it in node.attribute:
            if it.type == GRAPH:
                yield from _places(it.g, (*way, (node.output[0], it.name)))


def _put_branch(graph: Any, output: str, branch: str) -> None:
    """Put a branch of an If in its place."""
    import onnx

    n, node = next((n, it) for n, it in enumerate(graph.node) if it.output and it.output[0] == output)
    if node.op_type != "If":
        raise BenchmarkError(f"A recurrent node stands in a {node.op_type}, which is not run here.")
    body = next(it.g for it in node.attribute if it.name == branch)
    ends = [
        onnx.helper.make_node("Identity", [it.name], [name]) for it, name in zip(body.output, node.output, strict=True)
    ]
    nodes = [*graph.node[:n], *body.node, *ends, *graph.node[n + 1 :]]
    kept = [onnx.NodeProto.FromString(it.SerializeToString()) for it in nodes]
    graph.initializer.extend(body.initializer)
    del graph.node[:]
    graph.node.extend(kept)


def _session(model: Any) -> Any:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    options.add_session_config_entry("session.x64quantprecision", "1")  # without it sums overflow on some CPUs
    return onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])


def _node_alone(seen: Seen, x: np.ndarray) -> np.ndarray:
    """Run a node by itself in ONNX Runtime."""
    import onnx

    helper = onnx.helper
    constants = {n: np.stack([_matrix(seen, n, way) for way in range(seen.ways)]) for n in (W, R)}
    if B in seen.inputs:
        constants[B] = seen.inputs[B]
    names = ["X", *(f"constant {n}" for n in constants)]
    kind = seen.node.op_type.removeprefix("DynamicQuantize")
    node = helper.make_node(kind, names, ["Y"], **seen.attributes)
    tensors = [onnx.numpy_helper.from_array(it, f"constant {n}") for n, it in constants.items()]
    given, returned = (helper.make_tensor_value_info(it, onnx.TensorProto.FLOAT, None) for it in "XY")
    opsets = [helper.make_opsetid("", OPSET)]
    graph = helper.make_graph([node], "node", [given], [returned], tensors)
    model = helper.make_model(graph, opset_imports=opsets, ir_version=IR_VERSION)
    (y,) = _session(model).run(None, {"X": x})
    return y.transpose(0, 2, 1, 3).reshape(len(x), x.shape[1], -1)


def _transcribed(seen: Seen, x: np.ndarray) -> np.ndarray:
    """Return the outputs by the equations in ONNX's documentation, in the type of x."""
    found = []
    for way in range(seen.ways):
        turn = -1 if way else 1
        w, r = (_matrix(seen, n, way).astype(x.dtype) for n in (W, R))
        hidden = r.shape[1]
        b = np.zeros(2 * len(w)) if B not in seen.inputs else seen.inputs[B][way].astype(x.dtype)
        run = _gru if seen.node.op_type == "GRU" else _lstm
        after = bool(seen.attributes.get("linear_before_reset", 0))
        own = run(x[::turn], np.split(w, len(w) // hidden), np.split(r, len(w) // hidden), b.reshape(-1, hidden), after)
        found.append(own[::turn])
    return np.concatenate(found, -1)


def _matrix(seen: Seen, n: int, way: int) -> np.ndarray:
    """Return W or R of a direction, of shape (gates hidden, columns)."""
    stored = seen.inputs[n][way]
    if seen.node.op_type != QUANTIZED:
        return stored
    scale, zero = (seen.inputs[it].reshape(seen.ways, -1)[way] for it in SCALES[n])
    return ((stored.astype(np.float32) - zero.astype(np.float32)) * scale).T


def _sigmoid(a: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-a))


def _lstm(x: np.ndarray, w: Sequence[np.ndarray], r: Sequence[np.ndarray], b: np.ndarray, after: bool) -> np.ndarray:
    del after
    h = c = np.zeros((x.shape[1], len(w[0])), x.dtype)
    found = []
    for row in x:
        i, o, f, new = (row @ w[n].T + h @ r[n].T + b[n] + b[4 + n] for n in range(4))
        c = _sigmoid(f) * c + _sigmoid(i) * np.tanh(new)
        h = _sigmoid(o) * np.tanh(c)
        found.append(h)
    return np.stack(found)


def _gru(x: np.ndarray, w: Sequence[np.ndarray], r: Sequence[np.ndarray], b: np.ndarray, after: bool) -> np.ndarray:
    h = np.zeros((x.shape[1], len(w[0])), x.dtype)
    found = []
    for row in x:
        z, reset = (_sigmoid(row @ w[n].T + h @ r[n].T + b[n] + b[3 + n]) for n in range(2))
        own = reset * (h @ r[2].T + b[5]) if after else (reset * h) @ r[2].T + b[5]
        h = (1 - z) * np.tanh(row @ w[2].T + b[2] + own) + z * h
        found.append(h)
    return np.stack(found)
