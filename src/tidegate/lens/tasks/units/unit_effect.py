"""`unit_effect`: what a model of a task loses while hidden units are held, beside controls on other units."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray

from tidegate.drawing import table_html
from tidegate.drawing.text import columns as width_of
from tidegate.errors import ArgumentError
from tidegate.lens.interventions.effect import CONTROLS, ClassEffect, control_interventions
from tidegate.lens.interventions.intervention import Intervention, checked_interventions, with_interventions
from tidegate.lens.notebook import together
from tidegate.lens.progress import report_progress
from tidegate.lens.tasks.units.held_out_halves import HeldOutHalves, columns_of, held_out
from tidegate.lens.tasks.units.subject import ReadSequence
from tidegate.nn.evaluating import evaluating
from tidegate.train import Run

WIDEST = 30  # columns of a group's name in the table
GROUPS = 24  # the most frequent ones; the rest are counted together
ALL, OTHERS = "all", "(all others)"


@dataclass(frozen=True)
class UnitEffect:
    """The effect of interventions on a model's predictions for held-out examples; ``str()`` is a table.

    Attributes:
        interventions: the interventions.
        sequence: the sequence on whose layers they act.
        controls: K times the same on other hidden units of the same layers, directions and names.
        losses: the effect on the mean loss: over all predictions ("all"), then by group, the most frequent first; of
            more than 25 groups the rest are together.
        errors: by the same names, the effect on the share of predictions that are wrong, or on another error; empty
            where predictions are neither right nor wrong.
        error: what these errors are.
        grouped_by: what the groups are, such as "tag".
        loss_unit: what the loss is measured in.
        prediction_name: what is predicted, such as "word".
        examples: number of examples, the half on which `find_units` did not choose.
        part: the part that they are from.
    """

    interventions: tuple[Intervention, ...]
    sequence: str
    controls: tuple[tuple[Intervention, ...], ...]
    losses: Mapping[str, ClassEffect]
    errors: Mapping[str, ClassEffect]
    error: str
    grouped_by: str
    loss_unit: str
    prediction_name: str
    examples: int = field(repr=False)
    part: str = field(repr=False)

    @property
    def said(self) -> str:
        """The interventions in words."""
        return "; ".join(map(str, self.interventions))

    def __str__(self) -> str:
        names = [name if width_of(name) <= WIDEST else f"{name[: WIDEST - 1]}…" for name in self.losses]
        width = max(map(width_of, [*names, self.grouped_by]))
        others = f"{len(self.controls)} others: mean, worst"
        lines = [f"{self.said}: {self._caption('loss')}"]
        lines.append(f"{'':{width}} {'count':>7} {'before':>9} {'after':>9} {'change':>9}   {others}")
        lines += [
            f"{name}{' ' * (width - width_of(name))} {it.count:7,} {_numbers(it)}" for name, it in self._rows(names)
        ]
        if self.errors:
            lines.append(f"{self.error}\n{'':{width}} {'':7} {'before':>9} {'after':>9} {'change':>9}")
            every = zip(names, self.errors.values(), strict=True)
            lines += [f"{name}{' ' * (width - width_of(name))} {'':7} {_numbers(it)}" for name, it in every]
        return "\n".join(lines)

    __repr__ = __str__

    def _rows(self, names: Sequence[str]) -> Iterator[tuple[str, ClassEffect]]:
        yield from zip(names, self.losses.values(), strict=True)

    def _caption(self, what: str) -> str:
        about = f"{self.examples:,} examples of the {self.part} part"
        if what == "loss":
            return f"{self.loss_unit} per {self.prediction_name}, by {self.grouped_by}; {about}"
        return f"{self.error}, by {self.grouped_by}; {about}"

    def _repr_html_(self) -> str:
        """Notebook view: the effect on the loss and on the errors, by group."""
        others = f"{len(self.controls)} others"
        headers = (self.grouped_by, "count", "before", "after", "change", f"{others}: mean", "worst")
        parts = []
        for what, found in (("loss", self.losses), ("error", self.errors)):
            rows = [
                [it.name, it.count, it.before, it.after, it.change, it.control_mean, it.control_worst]
                for it in found.values()
            ]
            parts += [table_html(rows, headers, caption=f"{self.said}: {self._caption(what)}")] if rows else []
        return together(*parts)


def unit_effect(
    run: Run,
    interventions: Intervention | Sequence[Intervention],
    *,
    sequence: str | None = None,
    controls: int = CONTROLS,
    seed: int = 0,
) -> UnitEffect:
    """Measure how interventions change a model's predictions for held-out examples, beside controls on other units.

    The model predicts once as it is, once with the interventions, and once with each control. Texts are written with
    teacher forcing. Of forecasts the loss is that of one step ahead, and the error that of the whole horizon, free
    running. The examples are those of `find_units`, the half on which it did not choose.

    Args:
        run: a run of any task but language modelling, with its data.
        interventions: at least one, and no swaps.
        sequence: the sequence on whose layers they act: "source" or "target" of a translator. Default: the first.
        controls: number of controls, on units drawn at random without replacement; fewer if the layer is too small.
        seed: seed of these draws.

    Raises:
        ArgumentError: the run has no held-out examples, or an intervention is not possible in this model or leaves no
            unit for a control.
    """
    held = held_out(run)
    name, chosen = held.subject.sequence(sequence)
    layers = chosen.layers(run.model)
    checked = checked_interventions(layers, interventions)
    if swaps := [it for it in checked if it.other is not None]:
        raise ArgumentError(
            f"{swaps[0]}: a swap needs both units' values at every step without interventions, which are measured for "
            "language models only (tidegate.lens.effect): hold a unit at a value, or within bounds, instead."
        )
    others = control_interventions(checked, layers, controls, np.random.default_rng(seed))
    number, step = held.half(chosen)
    measured = _Measured(held, chosen, number, step)
    plain = measured.of(run.model)
    changed = []
    for n, row in enumerate((checked, *others)):
        report_progress("Measuring the intervention and its controls", n / (1 + len(others)))
        changed.append(measured.of(with_interventions(run.model, layers, row)))
    groups = measured.groups()
    losses, errors = ({it: _over(k, it, which, plain, changed) for it, which in groups.items()} for k in (0, 1))
    return UnitEffect(
        interventions=checked,
        sequence=name,
        controls=others,
        losses=losses,
        errors=errors if np.isfinite(plain[1]).all() else {},
        error=held.subject.error,
        grouped_by=held.subject.grouped_by,
        loss_unit=held.task.loss_unit,
        prediction_name=held.task.prediction_name,
        examples=len(held.examples) - number,
        part=held.part,
    )


class _Measured:
    """The predictions of the second half of held-out examples that count."""

    def __init__(self, held: HeldOutHalves, sequence: ReadSequence, number: int, step: int) -> None:
        self.held, self.sequence = held, sequence
        self.examples = held.examples[number:]
        self.skipped = step / max(1, sequence.steps(self.examples[0]))  # share of the first one: long series are cut
        self.counts: NDArray[np.bool_] | None = None

    def of(self, model: torch.nn.Module) -> NDArray[np.float64]:
        """Return loss and error (2, P) of a model's predictions."""
        device, found = next(model.parameters()).device, []
        half = HeldOutHalves(self.held.task, self.held.subject, self.held.part, self.examples)
        with evaluating(model), torch.inference_mode():
            for examples in half.batches():
                scored = self.held.subject.scored(self.held.task, model, columns_of(examples, device))
                found += [np.stack([it.loss, it.error]) for it in scored]
        found[0] = found[0][:, self._first(found[0].shape[1]) :]
        whole = np.concatenate(found, 1)
        if self.counts is None:
            self.counts = np.isfinite(whole[0])
        return whole[:, self.counts]

    def groups(self) -> dict[str, NDArray[np.bool_]]:
        """Return which predictions are in each group, "all" first, then the most frequent."""
        each = [list(self.held.subject.groups(self.held.task, it)) for it in self.examples]
        each[0] = each[0][self._first(len(each[0])) :]
        names = np.array([name for own in each for name in own], object)[self.counts]
        known, counts = np.unique(names.astype(str), return_counts=True)
        order = known[np.argsort(-counts, kind="stable")].tolist()
        first = order[: GROUPS if len(order) > GROUPS + 1 else len(order)]
        found = {ALL: np.ones(len(names), bool), **{it: names == it for it in first}}
        return found | ({OTHERS: ~np.isin(names.astype(str), first)} if len(first) < len(order) else {})

    def _first(self, count: int) -> int:
        return int(np.ceil(self.skipped * count))


def _over(
    k: int, name: str, which: NDArray[np.bool_], plain: NDArray[np.float64], changed: Sequence[NDArray[np.float64]]
) -> ClassEffect:
    before, (after, *others) = plain[k, which].mean(), [float(it[k, which].mean()) for it in changed]
    return ClassEffect(name, int(which.sum()), float(before), after, np.array(others) - before)


def _numbers(it: ClassEffect) -> str:
    before, after, change = _figure(it.before), _figure(it.after), _figure(it.change, "+")
    return f"{before:>9} {after:>9} {change:>9}   {_figure(it.control_mean, '+')}, {_figure(it.control_worst, '+')}"


def _figure(value: float, sign: str = "") -> str:
    """Format with three decimals; small numbers with two digits, so that a loss of 0.0002 does not look like none."""
    return f"{value:{sign}.3f}" if not value or abs(value) >= 0.005 else f"{value:{sign}.1e}"
