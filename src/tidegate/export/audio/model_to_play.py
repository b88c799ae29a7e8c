"""What is written for plug-ins: the network in a module or a run, and what Python makes of an input."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from tidegate.errors import ArgumentError
from tidegate.export.audio.modules_to_network import OURS, network_of, numbers_of, output_of, parts_of
from tidegate.export.audio.network import Array, Network
from tidegate.export.audio.rearranged import in_units
from tidegate.tasks.regress.model import Regressor
from tidegate.train.run_folder import Run

Exportable = nn.Module | Run | Sequence[nn.Module]


@dataclass(frozen=True)
class Source:
    """A model that is to be written.

    Attributes:
        network: what it computes.
        outputs: the model itself, in double precision: inputs (T, I) to outputs (T, O).
        mean: of the inputs that it was trained on, (I,).
        deviation: likewise.
        sample_rate: samples per second of the recordings that it was trained on; None: not known.
    """

    network: Network
    outputs: Callable[[Array], Array]
    mean: Array
    deviation: Array
    sample_rate: int | None = None


def source_of(model: Exportable) -> Source:
    """Return what is to be written of a module, several modules one after another, or a run of the task regress.

    Raises:
        ArgumentError: plug-ins cannot compute it; the message says what and where.
        RunFolderError: the run's preprocessing was altered.
    """
    if isinstance(model, Run):
        return _of_run(model)
    if isinstance(model, Regressor):
        return _of_regressor(model)
    parts = [*model] if isinstance(model, Sequence) else [model]
    network = network_of(
        [named for n, part in enumerate(parts) for named in parts_of(part, str(n) if parts[1:] else "")]
    )
    copies = [_in_double(part) for part in parts]

    def outputs(x: Array) -> Array:
        with torch.no_grad():
            values = torch.from_numpy(x)[:, None]
            for _, part in (named for own in copies for named in parts_of(own, "")):
                values = output_of(part, values)
        return values[:, 0].numpy()

    return Source(network, outputs, np.zeros(network.inputs), np.ones(network.inputs))


def _of_regressor(model: Regressor) -> Source:
    if model.elapsed is not None:
        raise ArgumentError(
            f"The cell {model.config.cell} is given the times between steps, and samples of audio have none: train "
            "with --cell lstm or --cell gru."
        )
    network = network_of([("recurrent", model.recurrent), ("output", model.output)], numbers_of(model.direct.weight))
    own = _in_double(model)

    def outputs(x: Array) -> Array:
        with torch.no_grad():
            return own(torch.from_numpy(x)[:, None])[0][:, 0].numpy()

    return Source(network, outputs, np.zeros(network.inputs), np.ones(network.inputs))


def _in_double(module: nn.Module) -> nn.Module:
    """Return a copy in double precision, run by PyTorch's own layers, so that nothing has to be compiled."""
    made = copy.deepcopy(module).cpu().double().eval()
    for own in made.modules():
        if isinstance(own, OURS):
            own.backend = "vendor"
    return made


def _of_run(run: Run) -> Source:
    if not isinstance(run.model, Regressor):
        raise ArgumentError(
            f"{run.folder} is a run of the task {run.config.task}; plug-ins compute a number for every sample, as "
            "runs of regress do (tidegate train regress)."
        )
    source, fitted = _of_regressor(run.model), run.vocabulary

    def statistics(name: str, count: int) -> tuple[Array, Array]:
        return np.array(fitted.numbers(f"{name}_mean", count)), np.array(fitted.numbers(f"{name}_deviation", count))

    x, y = statistics("input", source.network.inputs), statistics("target", source.network.outputs)

    def outputs(values: Array) -> Array:
        return source.outputs((values - x[0]) / x[1]) * y[1] + y[0]

    return Source(in_units(source.network, x, y), outputs, *x, fitted.number("rate") or None)
