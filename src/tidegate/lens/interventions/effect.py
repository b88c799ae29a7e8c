"""What an edit does to what a model expects, by what it had to predict, beside the same edit of other units."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from tidegate.cells import Cell, intervened
from tidegate.drawing import table_html
from tidegate.engine import run
from tidegate.errors import ArgumentError
from tidegate.lens.hidden_units.character_classes import CHARACTER_CLASSES, CharacterClass, members
from tidegate.lens.interventions.edits import Intervention, bounds_of, checked_interventions
from tidegate.lens.notebook import tinted_text, together
from tidegate.lens.record.reading import pieces_of, units_of
from tidegate.lens.record.trace import CHUNK
from tidegate.nn.evaluating import evaluating
from tidegate.text import Tokenizer
from tidegate.text.generation import start_ids
from tidegate.text.model import LanguageModel

CONTROLS = 32


@dataclass(frozen=True)
class ClassEffect:
    """What an edit does to the prediction of one class of characters, in nats per unit of text.

    Attributes:
        name: of the class.
        count: how many units of the text belong to it.
        before: mean surprise, -log p, without the edit.
        after: with it.
        control_changes: (K,) what the same edit of K other units adds.
    """

    name: str
    count: int
    before: float
    after: float
    control_changes: NDArray[np.float64] = field(repr=False)

    @property
    def change(self) -> float:
        """After minus before: above 0 the edit hurts."""
        return self.after - self.before

    @property
    def control_mean(self) -> float:
        """What the same edit of another unit adds on average."""
        return float(self.control_changes.mean())

    @property
    def control_worst(self) -> float:
        """What it adds at most."""
        return float(self.control_changes.max())


@dataclass(frozen=True)
class Effect:
    """What edits do to how a model reads a text; ``str()`` is a table.

    Attributes:
        edits: what was edited.
        controls: the same edits of other units of the same layers and names, K of them.
        pieces: the stretch of text of each of N units.
        log_p_before: (N,) log p(unit n | all before it) without the edits, in nats.
        log_p_after: (N,) with them.
        log_p_controls: (K, N) with those of each control.
        whole: over all units.
        classes: by class, in the order given; classes that this text does not have are left out.
        unit: what a unit of text is, such as "character".
    """

    edits: tuple[Intervention, ...]
    controls: tuple[tuple[Intervention, ...], ...]
    pieces: tuple[str, ...] = field(repr=False)
    log_p_before: NDArray[np.float32] = field(repr=False)
    log_p_after: NDArray[np.float32] = field(repr=False)
    log_p_controls: NDArray[np.float32] = field(repr=False)
    whole: ClassEffect
    classes: Mapping[str, ClassEffect]
    unit: str

    def __str__(self) -> str:
        width = max(len(it.name) for it in (self.whole, *self.classes.values()))
        others = f"{len(self.controls)} others: mean, worst"
        head = f"{'':{width}} {'count':>9} {'before':>8} {'after':>8} {'change':>8}   {others}"
        rows = [
            f"{it.name:{width}} {it.count:9,} {it.before:8.3f} {it.after:8.3f} {it.change:+8.3f}   "
            f"{it.control_mean:+.3f}, {it.control_worst:+.3f}"
            for it in (self.whole, *self.classes.values())
        ]
        said = "; ".join(map(str, self.edits))
        return "\n".join([f"{said}: nats per {self.unit}, by what was to be predicted", head, *rows])

    def _repr_html_(self) -> str:
        """A notebook's view: the table, and the text tinted by what the edits add."""
        rows = [
            [it.name, it.count, it.before, it.after, it.change, it.control_mean, it.control_worst]
            for it in (self.whole, *self.classes.values())
        ]
        others = f"{len(self.controls)} others"
        headers = ("", "count", "before", "after", "change", f"{others}: mean", "worst")
        said = "; ".join(map(str, self.edits))
        added = self.log_p_before.astype(np.float64) - self.log_p_after
        return together(
            table_html(rows, headers, caption=f"{said}: nats per {self.unit}, by what was to be predicted"),
            tinted_text(self.pieces, added, f"What the edits add to the surprise of each {self.unit}", "nats"),
        )


def effect(
    model: LanguageModel,
    tokenizer: Tokenizer,
    text: str | NDArray[np.int64],
    edits: Intervention | Sequence[Intervention],
    *,
    classes: Mapping[str, CharacterClass] = CHARACTER_CLASSES,
    controls: int = CONTROLS,
    seed: int = 0,
) -> Effect:
    """Read a text with and without edits, and with the same edits of other units: any cut hurts a little.

    The text is read once without edits, and once with all edited runs side by side, chunk by chunk.

    Args:
        model: the model; not changed.
        tokenizer: its vocabulary.
        text: text that it was not trained on, or its units (N,). Where `find_cells` chose the unit, the half that it
            was not chosen on, or other text.
        edits: at least one.
        classes: characters by name: a regular expression, a test of one character, or a yes/no detector.
        controls: how many times the same is done to other units, drawn at random, each at most once; fewer where the
            layer has not so many.
        seed: of what is drawn.

    Raises:
        ArgumentError: an edit is not possible in this model or leaves no unit for a control, there is no text, or a
            class is none.
        UnknownTokenError: as `read`.
    """
    edits = checked_interventions(model, edits)
    ids = units_of(tokenizer, text)
    if not len(ids):
        raise ArgumentError("there is nothing to read: give at least one character that the model knows")
    others = _controls(edits, model.config.hidden_size, controls, np.random.default_rng(seed))
    pieces = pieces_of(tokenizer, ids)
    before, after = _log_p(model, tokenizer, ids, [edits, *others])
    kept = {name: members(kind, name, pieces) for name, kind in classes.items()}

    def told(name: str, which: NDArray[np.bool_]) -> ClassEffect:
        own, held = -before[which].mean(dtype=np.float64), -after[:, which].mean(1, dtype=np.float64)
        return ClassEffect(name, int(which.sum()), float(own), float(held[0]), held[1:] - own)

    whole = told("all", np.ones(len(ids), bool))
    by_class = {name: told(name, which) for name, which in kept.items() if which.any()}
    return Effect(edits, others, pieces, before, after[0], after[1:], whole, by_class, tokenizer.name)


def _controls(
    edits: tuple[Intervention, ...], hidden_size: int, count: int, random: np.random.Generator
) -> tuple[tuple[Intervention, ...], ...]:
    """The same edits of other units, no unit in two of them; the same unit of two names stays one unit."""
    used = sorted({(edit.layer, unit) for edit in edits for unit in edit.units})
    free: dict[int, list[int]] = {}
    for layer in {layer for layer, _ in used}:
        taken = {unit for at, unit in used if at == layer}
        free[layer] = random.permutation([unit for unit in range(hidden_size) if unit not in taken]).tolist()
    most = min(len(own) // sum(at == layer for at, _ in used) for layer, own in free.items())
    if count < 1 or most < 1:
        raise ArgumentError(f"{count} controls, and there are units for {most}: give 1 or more, and edit fewer units")
    made = []
    for _ in range(min(count, most)):
        instead = {(layer, unit): free[layer].pop() for layer, unit in used}
        made.append(tuple(replace(
            edit,
            unit=instead[edit.layer, edit.unit],
            other=None if edit.other is None else instead[edit.layer, edit.other],
        ) for edit in edits))  # fmt: skip
    return tuple(made)


@torch.inference_mode()
def _log_p(
    model: LanguageModel, tokenizer: Tokenizer, ids: NDArray[np.int64], rows: Sequence[Sequence[Intervention]]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """log p of each unit (N,) without edits, and (R, N) with the edits of each row; both begin as `read` does."""
    begin = start_ids(tokenizer)
    inputs = np.concatenate([begin, ids])
    plain, held = np.empty(len(ids), np.float32), np.empty((len(rows), len(ids)), np.float32)
    device = model.output.weight.device
    with evaluating(model):
        run_on = _Runs(model, rows)
        for start in range(0, len(inputs) - 1, CHUNK):
            truth = torch.from_numpy(inputs[start + 1 : start + 1 + CHUNK]).to(device)
            outputs = run_on(torch.from_numpy(inputs[start : start + len(truth)]).to(device))
            skip = max(0, len(begin) - 1 - start)  # of a start of several units, only what comes after it counts
            at = slice(start + skip - len(begin) + 1, start + len(truth) - len(begin) + 1)
            for output, kept in zip(outputs, (plain, *held), strict=True):
                expected = model.output(output[skip:]).float().log_softmax(-1)
                kept[at] = expected.gather(1, truth[skip:, None])[:, 0].cpu().numpy()
    return plain, held


class _Runs:
    """Reads on, chunk by chunk: once without edits, and from the first edited layer on once more for each row."""

    def __init__(self, model: LanguageModel, rows: Sequence[Sequence[Intervention]]):
        self.model, self.rows = model, rows
        named = bounds_of(rows[0])
        self.first = min(named)
        self.names = {layer: tuple(own) for layer, own in named.items()}
        every = {layer: {name: {0: (-np.inf, np.inf)} for name in own} for layer, own in named.items()}
        self.cells = {layer: intervened(model.recurrent.layer_cell(layer), own) for layer, own in every.items()}
        self.plain = list(zip(*model.zero_state(1), strict=True))
        self.held = list(zip(*model.zero_state(len(rows)), strict=True))

    def __call__(self, ids: Tensor) -> list[Tensor]:
        """The last layer's output (T, H): without edits, then of each row."""
        layers = self.model.recurrent
        x = self.model.embed(ids)[:, None]
        held = x
        for k in range(layers.num_layers):
            weights, backend = layers.layer_weights(k, 0), layers.backend
            if k == self.first:
                held = x.expand(-1, len(self.rows), -1).contiguous()
            cell = layers.layer_cell(k)
            own = run(cell, x, weights, self.plain[k], record=self.names.get(k), backend=backend)
            self.plain[k] = own.state
            if k >= self.first:
                masks = self._masks(k, cell, own.record) if k in self.cells else None
                made = run(self.cells.get(k, cell), held, weights, self.held[k], masks=masks, backend=backend)
                self.held[k], held = made.state, made.output
            x = own.output
        return [x[:, 0], *held.unbind(1)]

    def _masks(self, layer: int, cell: Cell, plain: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """The bounds (T, R, H) of every edited state and gate of a layer."""
        masks: dict[str, Tensor] = {}
        added = iter(self.cells[layer].masks[len(cell.masks) :])  # low and high of each name, in their order
        for name in self.names[layer]:
            values = plain[name]
            low, high = (
                values.new_full((len(values), len(self.rows), values.shape[2]), it) for it in (-np.inf, np.inf)
            )
            for row, edits in enumerate(self.rows):
                for edit in edits:
                    if (edit.layer, edit.name) != (layer, name):
                        continue
                    for unit, other in ((edit.unit, edit.other), (edit.other, edit.unit)):
                        if unit is not None:
                            low[:, row, unit] = edit.low if other is None else values[:, 0, other]
                            high[:, row, unit] = edit.high if other is None else values[:, 0, other]
            masks |= {next(added): low, next(added): high}
        return masks
