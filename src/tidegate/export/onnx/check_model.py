"""Run a model in ONNX Runtime and compare it with Python, before it is written."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import log_softmax

from tidegate.errors import BackendError
from tidegate.export.graph.in_python import outputs, random_inputs
from tidegate.export.graph.parts import Softmax
from tidegate.export.onnx.expected_values import States, expected_values
from tidegate.export.onnx.model_nodes import LENGTHS, NEXT, ModelNodes
from tidegate.io.optional import needed

CLOSE = 1e-5  # relative to the largest number of an output
ROUNDING = 4  # times what float32 differs from float64 in Python
SHAPES = ((1, 1), (2, 3), (5, 1), (10, 2), (7, 4))
"""Steps and sequences: one, two, some, twice as many, and a number that divides none of them."""
BEFORE = 3  # steps after which states are no longer those of the beginning


@dataclass(frozen=True)
class _Case:
    """One call of a model: inputs (T, B, ·), lengths and states."""

    inputs: list[Tensor]
    lengths: Tensor | None
    states: States | None


def check_model(proto: Any, written: ModelNodes, model: nn.Module) -> None:
    """Compare a model in ONNX Runtime with Python: outputs and final states, at several numbers of steps and sequences.

    Args:
        proto: the model.
        written: its nodes.
        model: the same in Python, in float32.

    Raises:
        BackendError: ONNX's checker or ONNX Runtime refuses it, or something differs.
        MissingDependencyError: there is no ONNX Runtime.
    """
    session = _session(proto)
    for steps, batch in SHAPES:
        case = _case(written, steps, batch)
        what = f"{batch} sequences of {steps} steps" + (
            "" if case.lengths is None else f", {case.lengths.tolist()} valid"
        )
        found = _run(session, written, case)
        _compare(found, _expected(written, case, torch.float64), _expected(written, case, torch.float32), what)
        if case.states is not None:  # the model itself may take none: then what the graph gives without them
            found = _expected(written, replace(case, states=None), torch.float32)
        _compare_with_model(found, written, case, model, what)


def _session(proto: Any) -> Any:
    onnx, ort = needed("onnx", "ONNX files need"), needed("onnxruntime", "Checking ONNX files needs")
    options = ort.SessionOptions()
    options.log_severity_level = 3
    try:
        onnx.checker.check_model(proto, full_check=True)
        return ort.InferenceSession(proto.SerializeToString(), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # both raise many kinds
        raise BackendError(f"ONNX refuses the model, so nothing was written: {_first_line(error)}") from error


def _case(written: ModelNodes, steps: int, batch: int) -> _Case:
    """Draw inputs; one of several sequences has no valid step."""
    graph, form = written.graph, written.form
    steps = 1 if form.step else steps

    def draw(steps: int, seed: int) -> list[Tensor]:
        rows = [random_inputs(graph, steps, seed + b) for b in range(batch)]
        return [torch.stack(it, 1) for it in zip(*rows, strict=True)]

    lengths = torch.tensor([max(steps - 2 * b, 0) for b in range(batch - 1)] + [steps if batch == 1 else 0])
    # States that a model can have: some cells' are positive, say.
    states = expected_values(graph, draw(BEFORE, 1000))[1] if form.states else None
    return _Case(draw(steps, 0), lengths if form.lengths else None, states)


def _run(session: Any, written: ModelNodes, case: _Case) -> dict[str, np.ndarray]:
    """Return the outputs by name, sequences as (T, B, ·)."""
    form, given = written.form, {}

    def turned(value: np.ndarray) -> np.ndarray:
        return value.swapaxes(0, 1) if form.batch_first else value

    for value, it in zip(written.graph.inputs, case.inputs, strict=True):
        given[value.name] = it[0].numpy() if form.step else turned(it.numpy())
    if case.lengths is not None:
        given[LENGTHS] = case.lengths.numpy()
        for value, it in given.items():  # padding has no influence, whatever it holds
            if it.dtype == np.float32:
                past = np.arange(it.shape[form.batch_first])[:, None] >= given[LENGTHS]
                given[value] = turned(np.where(past[..., None], np.float32("nan"), turned(it)))
    if case.states is not None:
        for value, states in case.states.items():
            given |= {own.name: it.float().numpy() for own, it in zip(written.states[value], states, strict=True)}
    try:
        made = session.run(None, given)
    except Exception as error:
        raise BackendError(f"ONNX Runtime cannot run the model: {_first_line(error)}") from error
    found = dict(zip([it.name for it in session.get_outputs()], made, strict=True))
    for name, value in written.graph.outputs.items():
        if not value.whole:
            found[name] = found[name][None] if form.step else turned(found[name])
    return found


def _expected(written: ModelNodes, case: _Case, dtype: torch.dtype) -> dict[str, np.ndarray]:
    made, final = expected_values(written.graph, case.inputs, case.lengths, case.states, dtype=dtype)
    found = {name: value.double().numpy() for name, value in made.items()}
    if case.lengths is not None:
        valid = np.arange(len(case.inputs[0]))[:, None, None] < case.lengths.numpy()[:, None]
        for name, value in written.graph.outputs.items():
            found[name] = found[name] if value.whole else np.where(valid, found[name], 0)
    if case.states is not None:
        for value, states in written.states.items():
            found |= {own.name + NEXT: it.double().numpy() for own, it in zip(states, final[value], strict=True)}
    return found


def _compare(found: dict[str, np.ndarray], exact: Any, rounded: Any, what: str) -> None:
    if found.keys() != exact.keys():
        raise BackendError(f"The model returns {', '.join(found)}, but should return {', '.join(exact)}.")
    for name, value in found.items():
        if value.shape != exact[name].shape:
            raise _differs(name, what, f"are of shape {value.shape}, but should be of shape {exact[name].shape}")
        allowed = CLOSE * _largest(exact[name]) + ROUNDING * np.abs(rounded[name] - exact[name]).max(initial=0)
        error = np.abs(value - exact[name]).max(initial=0)
        if not error <= allowed:
            raise _differs(name, what, f"differ from Python's by {error / _largest(exact[name]):.2g} of the largest")


def _compare_with_model(
    found: dict[str, np.ndarray], written: ModelNodes, case: _Case, model: nn.Module, what: str
) -> None:
    """Compare each sequence with what the model itself gives for it."""
    (name, value), graph = next(iter(written.graph.outputs.items())), written.graph
    for row in range(case.inputs[0].shape[1]):
        steps = len(case.inputs[0]) if case.lengths is None else int(case.lengths[row])
        if not steps:
            continue
        expected = outputs(model, graph, [it[:steps, row] for it in case.inputs])
        if isinstance(value.part, Softmax) and value.part.log:  # of logits, or of log-probabilities, which stay
            expected = log_softmax(expected, -1)
        own = found[name][row][None] if value.whole else found[name][:steps, row]
        _compare({name: own}, {name: expected.numpy()}, {name: expected.numpy()}, what)


def _largest(value: np.ndarray) -> float:
    return max(float(np.abs(value).max(initial=0)), 1e-3)


def _differs(name: str, what: str, how: str) -> BackendError:
    return BackendError(f"In ONNX Runtime, {name} of {what} {how}: nothing was written.")


def _first_line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]
