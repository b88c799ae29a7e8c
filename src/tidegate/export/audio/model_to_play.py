"""What is written for plug-ins: the network in a module or a run, and what Python makes of an input."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn
from torch.export import ExportedProgram

from tidegate.errors import ArgumentError
from tidegate.export.audio.graph_to_network import network_of
from tidegate.export.audio.network import Array, Network
from tidegate.export.audio.rearranged import in_units
from tidegate.export.graph.exported import exported
from tidegate.export.graph.in_python import outputs
from tidegate.export.graph.models import graph_of
from tidegate.export.graph.modules import RECURRENT
from tidegate.tasks.regress.model import Regressor
from tidegate.train.run_folder import Run

Exportable = nn.Module | Run | ExportedProgram | Sequence[nn.Module]


@dataclass(frozen=True)
class Source:
    """A model that is to be written.

    Attributes:
        network: what it computes.
        outputs: the model itself, in double precision: inputs (T, I) to outputs (T, O).
        mean: of the inputs that it was trained on, (I,).
        deviation: likewise.
        held_out: inputs that it was not trained on, (T, I); none if there are none.
        sample_rate: samples per second of the recordings that it was trained on; None: not known.
    """

    network: Network
    outputs: Callable[[Array], Array]
    mean: Array
    deviation: Array
    held_out: Array
    sample_rate: int | None = None


def source_of(model: Exportable) -> Source:
    """Return what is to be written of a module, several of them, a program, or a run of the task regress.

    Raises:
        ArgumentError: plug-ins cannot compute it; the message says what and where.
        RunFolderError: the run's preprocessing was altered.
    """
    if isinstance(model, Run):
        return _of_run(model)
    if isinstance(model, ExportedProgram):
        traced = exported(model)
        network = network_of(traced.graph)

        def play(x: Array) -> Array:
            return traced.outputs([torch.from_numpy(x).float()]).double().numpy()

    else:
        module = nn.Sequential(*model) if isinstance(model, Sequence) else model
        graph = graph_of(module)
        network, own = network_of(graph), _in_double(module)

        def play(x: Array) -> Array:
            return outputs(own, graph, [torch.from_numpy(x)]).numpy()

    zero, one = np.zeros(network.inputs), np.ones(network.inputs)
    return Source(network, play, zero, one, held_out=np.empty((0, network.inputs)))


def _of_run(run: Run) -> Source:
    if not isinstance(run.model, Regressor):
        raise ArgumentError(
            f"{run.place} is a run of the task {run.config.task}; plug-ins compute a number for every sample, as "
            "runs of regress do (tidegate train regress)."
        )
    source, fitted = source_of(run.model), run.vocabulary

    def statistics(name: str, count: int) -> tuple[Array, Array]:
        return np.array(fitted.numbers(f"{name}_mean", count)), np.array(fitted.numbers(f"{name}_deviation", count))

    x, y = statistics("input", source.network.inputs), statistics("target", source.network.outputs)

    def play(values: Array) -> Array:
        return source.outputs((values - x[0]) / x[1]) * y[1] + y[0]

    held_out = [source.held_out, *(values.double().numpy() for (values,) in exported(run).held_out())]
    rate = fitted.number("rate") or None
    return Source(in_units(source.network, x, y), play, *x, held_out=np.concatenate(held_out), sample_rate=rate)


def _in_double(module: nn.Module) -> nn.Module:
    """Return a copy in double precision, run by PyTorch's own layers, so that nothing has to be compiled."""
    made = copy.deepcopy(module).cpu().double()
    for own in made.modules():
        if isinstance(own, RECURRENT):
            own.backend = "vendor"
    return made
