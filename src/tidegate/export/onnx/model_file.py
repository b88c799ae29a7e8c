"""Write a model as an ONNX file."""

from __future__ import annotations

import copy
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.export import ExportedProgram

from tidegate.errors import ArgumentError
from tidegate.export.graph.exported import exported
from tidegate.export.graph.parts import Softmax
from tidegate.export.int8.held_out_loss import held_out_loss
from tidegate.export.onnx.checks.check_int8 import check_int8, in_onnxruntime
from tidegate.export.onnx.checks.check_model import check_model
from tidegate.export.onnx.metadata import of_run
from tidegate.export.onnx.model_nodes import Form, ModelNodes
from tidegate.export.onnx.model_proto import model_proto
from tidegate.io.files import replacing
from tidegate.tasks.classify.task import Classifier
from tidegate.tasks.regress.model import Regressor
from tidegate.tasks.tag.model import Tagger
from tidegate.text import LanguageModel
from tidegate.train import Run

LOG_PROBABILITIES = "log_probabilities"
OF_TASKS = (LanguageModel, Tagger, Classifier)  # whose outputs are logits


@dataclass(frozen=True)
class OnnxFile:
    """A file that was written.

    Attributes:
        path: the file.
        inputs: its inputs, names and sizes.
        outputs: likewise.
        checked: whether it was run in ONNX Runtime and compared with Python.
        rounding: what products in 8 bits change, relative to the largest output; None if there are none, or if it was
            not checked.
        loss: what that costs a run on text that it was not trained on, in words.
    """

    path: Path
    inputs: dict[str, tuple[str | int, ...]]
    outputs: dict[str, tuple[str | int, ...]]
    checked: bool
    rounding: float | None = None
    loss: str = ""

    def __fspath__(self) -> str:
        return str(self.path)

    def __str__(self) -> str:
        given, returned = (
            [f"{it} {_sizes(sizes)}" for it, sizes in own.items()] for own in (self.inputs, self.outputs)
        )
        check = "Checked in ONNX Runtime: outputs are Python's" if self.checked else "Not checked"
        if self.rounding is not None:
            check += f" but for rounding to 8 bits (at most {100 * self.rounding:.2g}% of the largest)"
            check += f"; {self.loss}" if self.loss else ""
        return f"{self.path}: {', '.join(given)} to {', '.join(returned)}. {check}."


def onnx(
    model: nn.Module | Run | ExportedProgram,
    file: str | Path,
    *,
    lengths: bool = False,
    states: bool = False,
    step: bool = False,
    int8: bool = False,
    check: bool = True,
    metadata: Mapping[str, Any] | None = None,
) -> OnnxFile:
    """Write a trained model as an ONNX file, for ONNX Runtime and other programs that read these.

    A recurrent layer is one of ONNX's own operators where one has the equations of its cell, and a Scan over them
    otherwise, so every cell can be written. Batch and time are free: the axes "batch" and "time" of inputs and outputs.

    Inputs are laid out as the model's own (time first, unless its layers are ``batch_first``) and have the names of
    those of its graph: ``x`` or ``tokens`` (int64), and masks of cells by their names. The output is ``y``, or of
    language models, taggers and classifiers ``log_probabilities``.

    Args:
        model: recurrent layers of Tidegate or ``torch.nn``, alone or in an ``nn.Sequential`` (see
            `tidegate.export.graph.modules`; in a Sequential a layer hands its output on, not its state), a model of one
            of Tidegate's tasks, or a run, whose vocabulary or preprocessing is then in the metadata. A run of
            the task ``regress`` is written with its normalisation, from units to units. Or a program of
            ``torch.export``, such as `tidegate.export.program` makes of a module of your own.
        file: the file to write.
        lengths: add an input ``lengths`` (batch) of int64, the valid steps of each sequence. Zero is allowed. Padding
            has no influence; past the lengths, outputs are zeros.
        states: add inputs ``h_l0``, ``c_l0``, ``h_l0_reverse`` and so on, (batch, ·), the state of each layer before
            the first step, and outputs ``h_l0_next`` ..., those after the last valid one.
        step: write the graph of one step, with states: inputs and outputs have no axis of time.
        int8: multiply matrices in 8 bits, which makes the file smaller and large layers faster; each layer is then a
            Scan. Embeddings, convolutions and what is not a product stay float32.
        check: run the model in ONNX Runtime, at five numbers of steps and sequences, and compare outputs and states
            with Python's; of a run also on held-out data.
        metadata: what is kept in the file beside the model, as JSON by its key.

    Returns:
        The file, and what it takes and returns.

    Raises:
        ArgumentError: something in the model cannot be written, or it has no single step.
        MissingDependencyError: there is no onnx, or no ONNX Runtime to check with.
        BackendError: outputs in ONNX Runtime are not Python's. Nothing is written then.

    Example:
        >>> import torch, tidegate
        >>> model = torch.nn.Sequential(tidegate.nn.GRU(3, 20), torch.nn.Linear(20, 1))
        >>> tidegate.export.onnx(model, "model.onnx", lengths=True)  # doctest: +SKIP
    """
    if step and lengths:
        raise ArgumentError("A graph of one step has no lengths: leave out lengths (--lengths) or step (--step).")
    run, module = (model, model.model) if isinstance(model, Run) else (None, model)
    if run is None and isinstance(module, nn.Module):
        module = _in_float32_on_the_cpu(module)
    source = exported(run or module)
    graph = source.graph
    batch_first = _is_batch_first(module) if isinstance(module, nn.Module) else source.batch_first
    if isinstance(module, OF_TASKS):
        graph.outputs = {LOG_PROBABILITIES: graph.add(Softmax(log=True), graph.output)}
    form = Form(batch_first=batch_first, lengths=lengths, states=states or step, step=step)
    written = ModelNodes(graph, form)
    entries = {**(of_run(run, source) if run else {}), **(metadata or {})}
    proto, rounding, loss = model_proto(written, type(module).__name__, entries), None, ""
    if check:
        with torch.no_grad():
            check_model(proto, written, source)
    if int8:
        written = ModelNodes(graph, replace(form, int8=True))
        proto = model_proto(written, type(module).__name__, entries)
        if check:
            rounding = check_int8(proto, written, source)
            reads_text = run is not None and isinstance(module, LanguageModel)
            loss = held_out_loss(run, in_onnxruntime(graph)) if reads_text else ""
    with replacing(Path(file)) as out:
        out.write(proto.SerializeToString())
    inputs, outputs = ({name: shape for name, _, shape in own} for own in (written.inputs, written.outputs))
    return OnnxFile(Path(file), inputs, outputs, check, rounding, loss)


def _sizes(shape: tuple[str | int, ...]) -> str:
    return f"({', '.join(map(str, shape))})"


def _is_batch_first(model: nn.Module) -> bool:
    """Whether a model's sequences are (batch, time, ·)."""
    if isinstance(model, LanguageModel):
        return True
    layers = (it for it in model.modules() if hasattr(it, "batch_first"))
    return not isinstance(model, Regressor) and bool(getattr(next(layers, None), "batch_first", True))


def _in_float32_on_the_cpu(model: nn.Module) -> nn.Module:
    """Return the model, or a copy in float32, which is what an ONNX file has, on the CPU, where it is checked."""
    others = {str(it.dtype).removeprefix("torch.") for it in model.parameters() if it.dtype != torch.float32}
    if others:
        warnings.warn(
            f"The model's {' and '.join(sorted(others))} is written as float32, since ONNX Runtime computes LSTM, GRU "
            "and RNN in nothing else.",
            UserWarning,
            stacklevel=3,
        )
    elsewhere = any(not it.is_cpu for it in model.parameters())
    return copy.deepcopy(model).float().cpu() if others or elsewhere else model
