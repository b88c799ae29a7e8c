"""ONNX Runtime's LSTM, GRU and RNN operators, in a process of their own: inference, sequences and streaming steps."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from benchmarks.contender import Contender
from benchmarks.peers.worker import Worker
from benchmarks.problem import Problem, Setting

name = "ONNX Runtime"
packages = ("onnxruntime", "onnx")
OPERATORS = {"lstm": "LSTM", "peephole_lstm": "LSTM", "gru": "GRU", "rnn_tanh": "RNN"}
# ONNX stacks i o f g and z r n.
GATES = {"lstm": (0, 3, 1, 2), "peephole_lstm": (0, 3, 1, 2), "gru": (1, 0, 2), "rnn_tanh": (0,)}
WAITING = {"1": "its threads spin", "0": "its threads sleep"}  # values of session.intra_op.allow_spinning
TRIES, ENOUGH = 3, 0.02  # to find out which is faster: tries, and seconds of each


def supports(setting: Setting) -> bool:
    """The cells that ONNX has, peepholes included; one layer, one direction, all steps."""
    kinds = ("", "streaming", "evaluation")
    return setting.cell in OPERATORS and setting.case.kind in kinds and setting.mode == "inference"


def prepare(problem: Problem) -> Contender:
    """A model of one operator with our weights, called from Python with NumPy arrays.

    Whether its threads spin or sleep while they wait is an option; the faster one counts.
    """
    ways = [_prepare(problem, way) for way in (WAITING if torch.get_num_threads() > 1 else ("0",))]
    return min(ways, key=_best)


def _best(way: Contender) -> float:
    calls = max(1, int(2 * ENOUGH / way.seconds(2)))
    return min(way.seconds(calls) for _ in range(TRIES)) / calls


def _prepare(problem: Problem, spinning: str) -> Contender:
    case = problem.setting.case
    states = _states(problem) if case.kind == "streaming" else []
    zeros = np.zeros((1, case.batch, case.size), np.float32)
    given: dict[str, Any] = {"x": problem.x.numpy(), **dict.fromkeys(states, zeros)}
    arrays = io.BytesIO()
    np.savez(arrays, **given)
    files = {"model.onnx": _model(problem), "inputs.npz": arrays.getvalue()}
    threads = str(torch.get_num_threads())
    worker = Worker(Path(__file__).with_name("onnx_worker.py"), files, threads, spinning, ",".join(states))

    worker.ask("time 0")  # it has started

    def solve() -> Tensor:
        worker.ask("solve")
        return torch.from_numpy(np.load(worker.folder / "output.npy"))

    # Of a sequence (T, directions, B, H), of a step (directions, B, H).
    def results(output: Tensor) -> dict[str, Tensor]:
        return {"output": output.squeeze(0) if states else output.squeeze(1)}

    return Contender(
        solve,
        results,
        lambda calls: worker.ask(f"time {calls}"),
        WAITING[spinning] if torch.get_num_threads() > 1 else "",
    )


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
