"""ONNX Runtime's LSTM, GRU and RNN operators: inference, whole sequences and streaming steps."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from benchmarks.contender import Contender
from benchmarks.problem import Problem, Setting

name = "ONNX Runtime"
packages = ("onnxruntime", "onnx")
OPERATORS = {"lstm": "LSTM", "peephole_lstm": "LSTM", "gru": "GRU", "rnn_tanh": "RNN"}
# ONNX stacks i o f g and z r n.
GATES = {"lstm": (0, 3, 1, 2), "peephole_lstm": (0, 3, 1, 2), "gru": (1, 0, 2), "rnn_tanh": (0,)}


def supports(setting: Setting) -> bool:
    """The cells that ONNX has, peepholes included; one layer, one direction, all steps."""
    return setting.cell in OPERATORS and setting.case.kind in ("", "streaming") and setting.mode == "inference"


def prepare(problem: Problem) -> Contender:
    """A model of one operator with our weights, called from Python with NumPy arrays."""
    import onnxruntime  # pyright: ignore[reportMissingImports]

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    session = onnxruntime.InferenceSession(_model(problem), options, providers=["CPUExecutionProvider"])
    x = problem.x.numpy()
    if problem.setting.case.kind != "streaming":
        return Contender(
            lambda: session.run(["output"], {"x": x})[0], lambda output: {"output": torch.from_numpy(output)[:, 0]}
        )
    states = _states(problem)
    outputs = [f"{name}_n" for name in states]
    zero = problem.x.new_zeros(1, problem.x.shape[1], problem.setting.case.size).numpy()
    carried: Any = [zero for _ in states]

    def step() -> Any:
        nonlocal carried
        carried = session.run(outputs, {"x": x, **dict(zip(states, carried, strict=True))})
        return carried

    return Contender(step, lambda solved: {"output": torch.from_numpy(solved[0])[0]})


def _states(problem: Problem) -> list[str]:
    return ["h", "c"] if OPERATORS[problem.setting.cell] == "LSTM" else ["h"]


def _model(problem: Problem) -> bytes:
    from onnx import TensorProto, helper, numpy_helper  # pyright: ignore[reportMissingImports]

    cell, case = problem.setting.cell, problem.setting.case
    streaming = case.kind == "streaming"
    constants = [numpy_helper.from_array(value.numpy(), key) for key, value in _weights(problem).items()]
    states = _states(problem)
    finals = [f"{state}_n" for state in states]
    inputs = ["x", "W", "R", "B", "", *(states if streaming else [""] * len(states))]
    inputs += ["P"] if cell == "peephole_lstm" else []
    reset: dict[str, Any] = {"linear_before_reset": 1} if cell == "gru" else {}
    node = helper.make_node(OPERATORS[cell], inputs, ["output", *finals], hidden_size=case.size, **reset)

    def described(name: str, *shape: int) -> Any:
        return helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)

    given = [described("x", case.steps, case.batch, case.size)]
    given += [described(state, 1, case.batch, case.size) for state in states if streaming]
    made = [described("output", case.steps, 1, case.batch, case.size)]
    made += [described(final, 1, case.batch, case.size) for final in finals]
    graph = helper.make_graph([node], "layer", given, made, constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    return model.SerializeToString()


def _weights(problem: Problem) -> dict[str, Tensor]:
    """W (1, G H, I), R (1, G H, H), B (1, 2 G H), P (1, 3 H) in the order i o f."""
    w = {key.removesuffix("_l0"): value.detach() for key, value in problem.parameters.items()}

    def ordered(value: Tensor) -> Tensor:
        parts = value.chunk(len(GATES[problem.setting.cell]))
        return torch.cat([parts[k] for k in GATES[problem.setting.cell]])

    first = w["bias"] if "bias" in w else w["bias_ih"]
    second = w.get("bias_hh", torch.zeros_like(first))
    found = {
        "W": ordered(w["weight_ih"])[None],
        "R": ordered(w["weight_hh"])[None],
        "B": torch.cat([ordered(first), ordered(second)])[None],
    }
    if "unit_p_i" in w:
        found["P"] = torch.cat([w["unit_p_i"], w["unit_p_o"], w["unit_p_f"]])[None]
    return found
