"""Gradient flow: the gradient of a prediction's loss with respect to earlier states, by distance."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from tidegate.drawing import Scale, heat_map_svg, line_chart_svg, table_html
from tidegate.drawing.charted import Charted
from tidegate.errors import ArgumentError
from tidegate.lens.memory.decay import Decay, decay_of
from tidegate.lens.memory.state_gradients import state_gradients
from tidegate.lens.notebook import Table, table_text, together
from tidegate.lens.progress import report_progress
from tidegate.lens.record.reading import pieces_of, token_ids
from tidegate.nn.evaluating import evaluating
from tidegate.tasks.probe.task import Probe
from tidegate.text import Tokenizer
from tidegate.text.generation import start_ids
from tidegate.text.model import LanguageModel

TARGETS = 16
ROWS = 32  # targets differentiated at once: bounds the memory of a triangle
DECADES = 6  # below the largest gradient, in a notebook view
SHOWN = 256, 2000  # targets and steps of a triangle there

At = tuple[int, str]
"""A layer, and the name of one of the cell's states."""


@dataclass(frozen=True)
class Flow(Charted):
    """Norms of the gradients of K losses with respect to the states of the T steps before them.

    Attributes:
        targets: (K,) the steps t after which something is predicted.
        losses: (K,) the loss L of each, in nats for language models and classes.
        norms: for each (layer, state), ||dL_k / d state_s|| as [k, s], (K, T) float64: a triangle, since the gradient
            with respect to later states is exactly 0. The norm is Euclidean, over the hidden units.
        labels: the input of each step as text; empty if unknown.
    """

    targets: NDArray[np.int64]
    losses: NDArray[np.float64]
    norms: Mapping[At, NDArray[np.float64]]
    labels: Sequence[str] = ()

    @property
    def distances(self) -> NDArray[np.int64]:
        """t - s, from 0, the step of the prediction itself, to the largest."""
        return np.arange(int(self.targets.max()) + 1)

    @property
    def counts(self) -> NDArray[np.int64]:
        """The number of targets that reach back as far, for each distance."""
        return (self.targets[:, None] >= self.distances).sum(0)

    def curve(self, layer: int, state: str) -> NDArray[np.float64]:
        """Return the mean norm for each distance, over the targets that reach back as far.

        Raises:
            ArgumentError: there is no such layer or state.
        """
        norms, total = self._norms(layer, state), np.zeros(len(self.distances))
        for target, row in zip(self.targets, norms, strict=True):
            total[: target + 1] += row[target::-1]
        return total / self.counts

    def decay(self, layer: int, state: str) -> Decay:
        """Return the decay of the curve, over the distances that at least half of the targets reach.

        Raises:
            ArgumentError: there is no such layer or state, or fewer than three such distances.
        """
        return decay_of(self.curve(layer, state)[self.counts * 2 >= len(self.targets)])

    def __str__(self) -> str:
        return table_text(*self._decays())

    __repr__ = __str__

    def _repr_html_(self) -> str:
        """Notebook view: half-lives, the curves, and the triangle of the first layer's last state."""
        table = table_html(*self._decays(), caption=f"Gradients of {len(self.targets)} targets, by distance")
        return together(table, *self._charts())

    def _charts(self) -> list[str]:
        curves = {f"{name} of layer {k}": (self.distances, self.curve(k, name)) for k, name in self.norms}
        return [
            line_chart_svg(curves, log_y=True, x_label="steps back", y_label="mean norm of the gradient"),
            self._triangle(*[at for at in self.norms if at[0] == 0][-1]),
        ]

    def _decays(self) -> Table:
        rows: list[list[object]] = []
        for layer, state in self.norms:
            try:
                fall = self.decay(layer, state)
            except ArgumentError as error:  # too few distances, or no gradient: the curve is still shown
                rows.append([layer, state, f"none: {error}", "", ""])
            else:
                rows.append([layer, state, fall.half_life, fall.rate, fall.r2])
        return rows, ("layer", "state", "half-life, steps", "factor per step", "R² of that")

    def _triangle(self, layer: int, state: str) -> str:
        every, first = -(-len(self.targets) // SHOWN[0]), max(0, int(self.targets.max()) + 1 - SHOWN[1])
        norms = self.norms[layer, state][::every, first:]
        largest = float(norms[np.isfinite(norms)].max(initial=0)) or 1.0
        with np.errstate(divide="ignore"):  # exactly 0 after the target
            decades = np.log10(norms / largest) + DECADES
        return heat_map_svg(
            decades,
            self.targets[::every].tolist(),
            self.labels[first:],
            scale=Scale("sequential", DECADES, f"decades above {largest * 10**-DECADES:.2g}"),
            title=f"Gradient by {state} of layer {layer}",
            x_label=f"step, counted from {first}" if first else "step",
            y_label="target",
        )

    def _norms(self, layer: int, state: str) -> NDArray[np.float64]:
        if (layer, state) not in self.norms:
            raise ArgumentError(
                f"There is no layer and state {(layer, state)}: there are {', '.join(map(str, self.norms))}."
            )
        return self.norms[layer, state]


def gradient_flow(
    model: LanguageModel, tokenizer: Tokenizer, text: str | NDArray[np.int64], *, targets: Sequence[int] | None = None
) -> Flow:
    """Return the gradients of a language model's losses with respect to all states before each prediction.

    L_t = -log p(token t+1 | tokens 0 .. t), in nats. States are those after each token was read; as in
    `tidegate.lens.read`, the model begins after a newline.

    Args:
        model: the model, with interventions or without; in eval mode meanwhile.
        tokenizer: its tokenizer.
        text: a text of N tokens, at least two; or those tokens (N,).
        targets: steps t of 0 .. N-2, each once. Default: 16 spread over the second half, so that all reach back at
            least (N - 1) // 2 steps. ``range(N - 1)`` gives the whole triangle.

    Raises:
        ArgumentError: the text is too short, or there is no such target.
        UnknownTokenError: a character is not in the vocabulary, and the policy is to raise.

    Example:
        >>> flow = gradient_flow(run.model, run.tokenizer, text)  # doctest: +SKIP
        >>> flow.curve(0, "c"), flow.decay(0, "c").half_life  # doctest: +SKIP
    """
    given = token_ids(tokenizer, text)
    ids = torch.from_numpy(given).to(model.output.weight.device)
    steps = len(ids) - 1
    if steps < 1:
        raise ArgumentError(f"The text has {len(ids)} tokens: give at least two, one to read and one to predict.")
    spread = np.unique(np.linspace(steps // 2, steps - 1, TARGETS).astype(np.int64))
    chosen = sorted(int(it) for it in (spread if targets is None else targets))
    if not chosen or chosen[0] < 0 or chosen[-1] >= steps or len(set(chosen)) < len(chosen):
        raise ArgumentError(f"targets should be different steps of 0 .. {steps - 1}, given {chosen!r:.80}.")
    with evaluating(model):
        with torch.no_grad():
            before = torch.from_numpy(start_ids(tokenizer)).to(ids.device)[None]
            state, vectors = model(before)[1], model.embed(ids[:-1])
        norms: dict[At, NDArray[np.float64]] = {}
        losses: list[Tensor] = []
        for start in range(0, len(chosen), ROWS):
            report_progress("Computing gradients", start / len(chosen))
            some = torch.tensor(chosen[start : start + ROWS], device=ids.device)
            count, stop = len(some), chosen[start : start + ROWS][-1] + 1
            found = state_gradients(
                model.recurrent,
                vectors[:stop, None].expand(-1, count, -1),
                _loss_after(model, some, ids[some + 1]),
                tuple(it.expand(-1, count, -1) for it in state),
            )
            losses.append(found.losses)
            for ((layer, _), name), part in found.norms().items():
                every = norms.setdefault((layer, name), np.zeros((len(chosen), steps)))
                every[start : start + count, :stop] = part
    labels = pieces_of(tokenizer, ids.cpu().numpy())[:-1]
    return Flow(np.array(chosen), torch.cat(losses).double().cpu().numpy(), norms, labels)


def _loss_after(model: LanguageModel, steps: Tensor, truth: Tensor) -> Callable[[Tensor], Tensor]:
    """Return the loss of row b: -log p(truth[b]) after step steps[b]."""

    def loss(output: Tensor) -> Tensor:
        logits = model.output(output[steps, torch.arange(len(steps), device=steps.device)])
        return -logits.log_softmax(-1).gather(1, truth[:, None])[:, 0]

    return loss


def probe_flow(model: Probe, frames: Tensor, targets: Tensor) -> Flow:
    """The gradients that the last answer of each sequence of a memory probe sends back.

    Args:
        model: a probe model, trained or not.
        frames: (N, T, F).
        targets: (N, T) as in `tidegate.data.samples.probes`: numbers, nan where nothing is asked, whose loss is the
            squared error; or classes, -1 where nothing is asked, whose loss is -log p.

    Raises:
        ArgumentError: a shape does not fit, or a sequence asks nothing.
    """
    if frames.dim() != 3 or targets.shape != frames.shape[:2] or not len(frames):
        raise ArgumentError(
            f"frames should be (N, T, F) and targets (N, T), given {tuple(frames.shape)} and {tuple(targets.shape)}"
        )
    asked = ~targets.isnan() if targets.is_floating_point() else targets >= 0
    if not asked.any(1).all():
        raise ArgumentError("each sequence should ask something, but in some all targets are nan or -1")
    rows = torch.arange(len(frames), device=frames.device)
    last = frames.shape[1] - 1 - asked.flip(1).int().argmax(1)
    truth = targets[rows, last]

    def loss(output: Tensor) -> Tensor:
        predicted = model.output(output[last, rows])
        if targets.is_floating_point():
            return (predicted[:, 0] - truth) ** 2
        return -predicted.log_softmax(-1).gather(1, truth[:, None])[:, 0]

    found = state_gradients(model.recurrent, frames.transpose(0, 1), loss)
    norms = {(layer, name): it for ((layer, _), name), it in found.norms().items()}
    return Flow(last.cpu().numpy(), found.losses.double().cpu().numpy(), norms)
