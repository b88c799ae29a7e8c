"""What an ONNX file says besides the model: equations, states to begin with, vocabulary."""

from __future__ import annotations

import json
import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import Any

from tidegate.data.columns import Preprocessing
from tidegate.export.graph.exported import Exported
from tidegate.export.onnx.model_nodes import ModelNodes
from tidegate.train import Run


def of_graph(written: ModelNodes) -> dict[str, Any]:
    """Return the equations of the cells by name, and learned initial states by the names of their inputs."""
    layers: list[tuple[Any, Any]] = [(it, it.part) for it in written.graph.layers()]
    found: dict[str, Any] = {"cells": {part.cell.name: part.cell.text().splitlines() for _, part in layers}}
    if written.form.states:
        initial = {
            state.name: numbers.tolist()
            for value, part in layers
            for state, numbers in zip(written.states[value], part.initial, strict=False)
        }
        found |= {"initial_states": initial} if initial else {}
    return found


def of_run(run: Run, source: Exported) -> dict[str, Any]:
    """Return what was trained, how far, what inputs and outputs are, and the vocabulary or preprocessing."""
    found: dict[str, Any] = {"task": run.config.task, "model": asdict(run.config.model), "step": run.step}
    more = {"labels": source.labels, "inputs": source.inputs, "notes": source.notes}
    found |= {key: value for key, value in more.items() if value}
    if isinstance(run.vocabulary, Preprocessing):
        return found | {"preprocessing": run.vocabulary.values}
    with tempfile.TemporaryDirectory() as folder:
        return found | {"vocabulary": json.loads(Path(run.vocabulary.save(folder)).read_text(encoding="utf-8"))}
