"""Run a model in ONNX Runtime and compare it with Python, before it is written."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch.nn.functional import log_softmax

from tidegate.errors import BackendError
from tidegate.export.graph.exported import Exported
from tidegate.export.graph.parts import Softmax
from tidegate.export.onnx.checks.expected_values import expected_values
from tidegate.export.onnx.checks.model_call import SHAPES, Case, beginning, draw_case, run_case, session_of
from tidegate.export.onnx.model_nodes import NEXT, ModelNodes

CLOSE = 1e-5  # relative to the largest number of an output
ROUNDING = 4  # times what float32 differs from float64 in Python


def check_model(proto: Any, written: ModelNodes, source: Exported) -> None:
    """Compare a model in ONNX Runtime with Python: outputs and final states, at several numbers of steps and sequences.

    Outputs are also compared for held-out data, if there are some.

    Args:
        proto: the model.
        written: its nodes.
        source: the model in Python.

    Raises:
        BackendError: ONNX's checker or ONNX Runtime refuses it, or something differs.
        MissingDependencyError: there is no ONNX Runtime.
    """
    session = session_of(proto)
    for steps, batch in SHAPES:
        case = draw_case(written, source, steps, batch)
        found = run_case(session, written, case)
        _compare(found, _expected(written, case, torch.float64), _expected(written, case, torch.float32), case)
        if case.states is not None:  # the model itself may take none: then what the graph gives without them
            found = _expected(written, replace(case, states=None), torch.float32)
        _compare_with_model(found, written, case, source)
    for given in source.held_out() if not written.form.step else ():
        lengths = torch.tensor([len(given[0])]) if written.form.lengths else None
        states = beginning(written, 1) if written.form.states else None
        case = Case([it[:, None] for it in given], lengths, states)
        _compare_with_model(run_case(session, written, case), written, case, source)


def _expected(written: ModelNodes, case: Case, dtype: torch.dtype) -> dict[str, np.ndarray]:
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


def _compare(found: dict[str, np.ndarray], exact: Any, rounded: Any, case: Case) -> None:
    if found.keys() != exact.keys():
        raise BackendError(f"The model returns {', '.join(found)}, but should return {', '.join(exact)}.")
    for name, value in found.items():
        if value.shape != exact[name].shape:
            raise _differs(name, case, f"are of shape {value.shape}, but should be of shape {exact[name].shape}")
        allowed = CLOSE * _largest(exact[name]) + ROUNDING * np.abs(rounded[name] - exact[name]).max(initial=0)
        error = np.abs(value - exact[name]).max(initial=0)
        if not error <= allowed:
            raise _differs(name, case, f"differ from Python's by {error / _largest(exact[name]):.2g} of the largest")


def _compare_with_model(found: dict[str, np.ndarray], written: ModelNodes, case: Case, source: Exported) -> None:
    """Compare each sequence with what the model itself gives for it."""
    ((name, value),) = written.graph.outputs.items()
    for row in range(case.inputs[0].shape[1]):
        steps = case.steps_of(row)
        if not steps:
            continue
        expected = source.outputs([it[:steps, row] for it in case.inputs])
        if isinstance(value.part, Softmax) and value.part.log:  # of logits, or of log-probabilities, which stay
            expected = log_softmax(expected, -1)
        own = found[name][row][None] if value.whole else found[name][:steps, row]
        _compare({name: own}, {name: expected.numpy()}, {name: expected.numpy()}, case)


def _largest(value: np.ndarray) -> float:
    return max(float(np.abs(value).max(initial=0)), 1e-3)


def _differs(name: str, case: Case, how: str) -> BackendError:
    return BackendError(f"In ONNX Runtime, {name} of {case} {how}: nothing was written.")
