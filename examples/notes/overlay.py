"""Recurrent cells and a residual network on the same problem: how the gradient falls with time, or with depth."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import torch
from examples.notes.residual import ResidualNetwork
from numpy.typing import NDArray
from torch import Tensor, nn

from tidegate.cells import get_cell
from tidegate.data.samples.probes.adding import generate
from tidegate.drawing import line_chart_svg
from tidegate.errors import ArgumentError
from tidegate.lens.memory.decay import Decay, decay_of
from tidegate.lens.memory.gradient_flow import probe_flow
from tidegate.lens.notebook import table_text
from tidegate.tasks.probe.task import Probe, ProbeConfig
from tidegate.train.randomness import own_randomness

RESIDUAL = "residual"
MEASURED = 64  # sequences that a curve is the mean over


@dataclass(frozen=True)
class FlowCurve:
    """How the gradient of one network falls on its way back.

    Attributes:
        name: the cell, or "residual".
        state: whose gradient: a state of the cell, or "h".
        steps: training steps that the network has had.
        norms: the mean over sequences of ||dL / d state||, by distance from the answer: (T,) in steps of time; (T + 1,)
            in the residual network, whose T layers have a hidden state before the first and after each.
        loss: the mean squared error on the same sequences.
        baseline: that of always saying 1, the mean answer, on these very sequences; on endless ones it is 1/6.
    """

    name: str
    state: str
    steps: int
    norms: NDArray[np.float64]
    loss: float
    baseline: float

    @property
    def decay(self) -> Decay:
        """Half-life and exponential fit of the curve."""
        return decay_of(self.norms)


class Overlay(tuple[FlowCurve, ...]):
    """Curves of several networks on one problem."""

    def __str__(self) -> str:
        rows = [
            [it.name, it.state, it.steps, it.loss, it.baseline, float(it.norms[1]), float(it.norms[-1])] for it in self
        ]
        return table_text(
            rows, ("network", "state", "training steps", "loss", "of always 1", "gradient 1 back", "farthest back")
        )

    def _repr_html_(self) -> str:
        """A notebook's view: all curves in one chart."""
        drawn = {f"{it.name} {it.state}, {it.steps} steps": (np.arange(len(it.norms)), it.norms) for it in self}
        back = "distance from the answer, in steps or layers"
        return line_chart_svg(drawn, log_y=True, x_label=back, y_label="mean norm of the gradient")


def overlay(
    cells: Sequence[str] = ("rnn_tanh", "lstm", "gru"),
    *,
    lag: int = 50,
    hidden_size: int = 32,
    steps: Sequence[int] = (0, 300),
    batch_size: int = 32,
    learning_rate: float = 5e-3,
    forget_bias: float | None = None,
    seed: int = 0,
    residual: bool = True,
    backend: str | None = None,
) -> Overlay:
    """Curves of several networks on the adding problem, before and after training on the same sequences.

    Sequences are drawn anew for each step, in the same order for all; Adam, gradients clipped to norm 1. The residual
    network gets the whole sequence as one vector, and has ``lag`` layers: distance is depth.

    Args:
        cells: by name.
        lag: T, steps of a sequence.
        hidden_size: units, of the residual network too.
        steps: after how many training steps curves are taken, rising; 0 is untrained.
        batch_size: sequences a training step.
        learning_rate: of Adam.
        forget_bias: initial bias of gate f, of the cells that have one; None leaves it near 0, where a gate is half
            open and an untrained LSTM forgets as fast as a simple network.
        seed: of data and weights.
        residual: whether the residual network is among them.
        backend: the engine's backend for training; None leaves it to the engine.

    Returns:
        For each network, number of steps and state a curve.

    Raises:
        ArgumentError: ``lag`` is less than 4, or the steps do not rise.
        CellError: no cell has one of those names.
    """
    if lag < 4 or not steps or steps[0] < 0 or any(a >= b for a, b in pairwise(steps)):
        raise ArgumentError(f"lag should be at least 4 and steps should rise from 0 or more; given {lag}, {steps}")
    measured = _drawn(lag, MEASURED, seed, 1)
    curves: list[FlowCurve] = []
    for name in [*cells, *([RESIDUAL] if residual else [])]:
        with own_randomness(torch.device("cpu")):
            torch.manual_seed(seed)
            if name == RESIDUAL:
                model: nn.Module = ResidualNetwork(2 * lag, hidden_size, lag)
            else:
                own = forget_bias if "f" in get_cell(name).gates else None
                model = Probe(ProbeConfig(cell=name, hidden_size=hidden_size, forget_bias=own), 2, 1, backend=backend)
        optimizer = torch.optim.Adam(model.parameters(), learning_rate)
        done = 0
        for wanted in steps:
            for step in range(done, wanted):
                frames, targets = _drawn(lag, batch_size, seed, 2 + step)
                optimizer.zero_grad()
                _errors(model, frames)(targets[:, -1]).mean().backward()
                nn.utils.clip_grad_norm_(model.parameters(), 1.0)
                optimizer.step()
            done = wanted
            curves += _curves(name, model, done, *measured)
    return Overlay(curves)


def _drawn(lag: int, count: int, seed: int, stream: int) -> tuple[Tensor, Tensor]:
    """Frames (N, T, 2) and targets (N, T)."""
    made = generate(lag, count, int(np.random.SeedSequence([seed, stream]).generate_state(1)[0]))
    return torch.from_numpy(made["frames"]), torch.from_numpy(made["targets"])


def _errors(model: nn.Module, frames: Tensor) -> Callable[[Tensor], Tensor]:
    """From answers (N,) to the squared errors (N,)."""
    if isinstance(model, ResidualNetwork):
        said = model(frames.flatten(1))[:, 0]
    else:
        said = model(frames, torch.full((len(frames),), frames.shape[1]))[:, -1, 0]
    return lambda answers: (said - answers) ** 2


def _curves(name: str, model: nn.Module, steps: int, frames: Tensor, targets: Tensor) -> list[FlowCurve]:
    x, answers = frames.flatten(1), targets[:, -1]
    baseline = float((answers - 1).square().mean())
    if isinstance(model, Probe):
        flow = probe_flow(model, frames, targets)
        return [
            FlowCurve(name, state, steps, flow.curve(layer, state), float(flow.losses.mean()), baseline)
            for layer, state in flow.norms
        ]
    assert isinstance(model, ResidualNetwork)
    found = model.gradients(x, lambda output: (output[:, 0] - answers) ** 2)
    with torch.no_grad():
        error = float(_errors(model, frames)(answers).mean())
    return [FlowCurve(name, "h", steps, found.double().norm(dim=-1).mean(1).flip(0).numpy(), error, baseline)]
