"""One call of a model in ONNX Runtime, with inputs that are drawn."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from tidegate.drawing.brief import brief_repr
from tidegate.errors import BackendError
from tidegate.export.graph.exported import Exported
from tidegate.export.onnx.checks.expected_values import States, expected_values
from tidegate.export.onnx.model_nodes import LENGTHS, ModelNodes
from tidegate.io.optional import needed

SHAPES = ((1, 1), (2, 3), (5, 1), (10, 2), (7, 4))
"""Steps and sequences: one, two, some, twice as many, and a number that divides none of them."""
BEFORE = 3  # steps after which states are no longer those of the beginning


@dataclass(frozen=True)
class Case:
    """One call of a model: inputs (T, B, ·), lengths and states."""

    inputs: list[Tensor]
    lengths: Tensor | None
    states: States | None
    __repr__ = brief_repr

    def __str__(self) -> str:
        steps, batch = self.inputs[0].shape[:2]
        return f"{batch} x {steps} steps" + ("" if self.lengths is None else f" ({self.lengths.tolist()} valid)")

    def steps_of(self, row: int) -> int:
        """Return the number of valid steps of a sequence."""
        return len(self.inputs[0]) if self.lengths is None else int(self.lengths[row])


def session_of(proto: Any) -> Any:
    """Return ONNX Runtime's session of a model.

    Raises:
        BackendError: ONNX's checker or ONNX Runtime refuses the model.
        MissingDependencyError: there is no ONNX Runtime.
    """
    onnx, ort = needed("onnx", "ONNX files need"), needed("onnxruntime", "Checking ONNX files needs")
    options = ort.SessionOptions()
    options.log_severity_level = 3
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    try:
        onnx.checker.check_model(proto, full_check=True)
        return ort.InferenceSession(proto.SerializeToString(), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # both raise many kinds
        raise BackendError(f"ONNX refuses the model, so nothing was written: {_first_line(error)}") from error


def draw_case(written: ModelNodes, source: Exported, steps: int, batch: int) -> Case:
    """Draw inputs; one of several sequences has no valid step."""
    graph, form = written.graph, written.form
    steps = 1 if form.step else steps

    def draw(steps: int, seed: int) -> list[Tensor]:
        rows = [source.random_inputs(steps, seed + b) for b in range(batch)]
        return [torch.stack(it, 1) for it in zip(*rows, strict=True)]

    lengths = torch.tensor([max(steps - 2 * b, 0) for b in range(batch - 1)] + [steps if batch == 1 else 0])
    # States that a model can have: some cells' are positive, say.
    states = expected_values(graph, draw(BEFORE, 1000))[1] if form.states else None
    return Case(draw(steps, 0), lengths if form.lengths else None, states)


def beginning(written: ModelNodes, batch: int) -> States:
    """Return the states (B, ·) with which sequences begin."""
    found: States = {}
    for value, states in written.states.items():
        learned = getattr(value.part, "initial", ())
        zeros = [torch.zeros(batch, *it.size) for it in states]
        found[value] = tuple(it.expand(batch, -1) for it in learned) if learned else tuple(zeros)
    return found


def run_case(session: Any, written: ModelNodes, case: Case) -> dict[str, np.ndarray]:
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


def _first_line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]
