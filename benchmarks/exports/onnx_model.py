"""A case as an ONNX model, written by hand, with its states as inputs and outputs; run by ONNX Runtime elsewhere."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from benchmarks.exports.cases import Case
from benchmarks.peers.worker import Worker

GATES = {"LSTM": (0, 3, 1, 2), "GRU": (1, 0, 2)}  # ONNX stacks i o f g, and z r n


class TimedOnnx:
    """A case in ONNX Runtime, in a process of its own, on one thread that never spins."""

    def __init__(self, case: Case):
        calls = case.x.reshape(-1, case.steps, 1, case.x.shape[1]).numpy()
        stored = io.BytesIO()
        np.save(stored, calls)
        files = {"model.onnx": onnx_model(case), "x.npy": stored.getvalue()}
        self._worker = Worker(Path(__file__).with_name("ort_worker.py"), files)
        self._count = len(case.x)

    def outputs(self) -> Tensor:
        """Return the outputs for all frames, from the beginning, (T, outputs)."""
        self._worker.ask("solve")
        return torch.from_numpy(np.load(self._worker.folder / "outputs.npy")).reshape(self._count, -1)

    def seconds(self, calls: int) -> float:
        """Return the seconds of a number of calls with inputs and outputs bound to memory once."""
        return self._worker.ask(f"time {calls}")

    def seconds_of_run(self, calls: int) -> float:
        """Return the seconds of a number of calls of ``session.run``, which takes and returns NumPy arrays."""
        return self._worker.ask(f"run {calls}")


def onnx_model(case: Case) -> bytes:
    """Return a case's model: x (steps, 1, I) and the states to the outputs (steps, 1, O) and the next states."""
    from onnx import TensorProto, helper, numpy_helper  # pyright: ignore[reportMissingImports]

    def described(name: str, *shape: int) -> Any:
        return helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)

    nodes: list[Any] = []
    constants = [numpy_helper.from_array(np.array([1]), "axes")]
    inputs = [described("x", case.steps, 1, case.x.shape[1])]
    states: list[Any] = []
    at, width = "x", case.x.shape[1]
    for n, part in enumerate(case.model):
        out = f"v{n}"
        if isinstance(part, nn.LSTM | nn.GRU):
            kind, names = type(part).__name__, [f"{it}{n}" for it in ("hc" if isinstance(part, nn.LSTM) else "h")]
            for name, value in _weights(part, kind).items():
                constants.append(numpy_helper.from_array(value.numpy(), f"{name}{n}"))
            width = part.hidden_size
            given = [at, f"W{n}", f"R{n}", f"B{n}", "", *names]
            own: dict[str, Any] = {"linear_before_reset": 1} if kind == "GRU" else {}
            made = [f"y{n}", *(f"{name}_n" for name in names)]
            nodes.append(helper.make_node(kind, given, made, hidden_size=width, **own))
            nodes.append(helper.make_node("Squeeze", [f"y{n}", "axes"], [out]))
            inputs += [described(name, 1, 1, width) for name in names]
            states += [described(f"{name}_n", 1, 1, width) for name in names]
        elif isinstance(part, nn.Linear):
            constants.append(numpy_helper.from_array(part.weight.detach().T.contiguous().numpy(), f"W{n}"))
            constants.append(numpy_helper.from_array(part.bias.detach().numpy(), f"B{n}"))
            nodes.append(helper.make_node("MatMul", [at, f"W{n}"], [f"p{n}"]))
            nodes.append(helper.make_node("Add", [f"p{n}", f"B{n}"], [out]))
            width = part.out_features
        else:
            nodes.append(helper.make_node(type(part).__name__, [at], [out]))
        at = out
    outputs = [described(at, case.steps, 1, width), *states]
    graph = helper.make_graph(nodes, "model", inputs, outputs, constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    return model.SerializeToString()


def _weights(part: nn.RNNBase, kind: str) -> dict[str, Tensor]:
    """W (1, G H, I), R (1, G H, H) and B (1, 2 G H) in ONNX's order of gates."""

    def ordered(value: Tensor) -> Tensor:
        parts = value.detach().chunk(len(GATES[kind]))
        return torch.cat([parts[k] for k in GATES[kind]])

    w = {name: ordered(value) for name, value in part.named_parameters()}
    bias = torch.cat([w["bias_ih_l0"], w["bias_hh_l0"]])
    return {"W": w["weight_ih_l0"][None], "R": w["weight_hh_l0"][None], "B": bias[None]}
