"""The effect of interventions on a model's predictions, by class of characters, beside controls on other units."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from tidegate.cells import Cell, intervened
from tidegate.drawing import table_html
from tidegate.drawing.brief import brief_repr
from tidegate.engine import run
from tidegate.errors import ArgumentError
from tidegate.lens.hidden_units.character_classes import CharacterClass, members
from tidegate.lens.hidden_units.word_detectors import classes_of
from tidegate.lens.interventions.intervention import Intervention, bounds_of, checked_interventions
from tidegate.lens.notebook import tinted_text, together
from tidegate.lens.progress import report_progress
from tidegate.lens.record.reading import pieces_of, token_ids
from tidegate.lens.record.trace import CHUNK, Place
from tidegate.nn.evaluating import evaluating
from tidegate.nn.layered import Layered
from tidegate.nn.stack import narrowed
from tidegate.text import Tokenizer
from tidegate.text.generation import start_ids
from tidegate.text.model import LanguageModel

CONTROLS = 32


@dataclass(frozen=True)
class ClassEffect:
    """The effect of an intervention on the prediction of one class of characters, in nats per token.

    Attributes:
        name: name of the class.
        count: number of tokens of the text in it.
        before: mean loss, -log p, without the intervention.
        after: mean loss with it.
        control_changes: (K,) changes of the mean loss by the same intervention on K other hidden units.
    """

    name: str
    count: int
    before: float
    after: float
    control_changes: NDArray[np.float64] = field(repr=False)

    __repr__ = brief_repr

    @property
    def change(self) -> float:
        """After minus before: positive if the intervention hurts."""
        return self.after - self.before

    @property
    def control_mean(self) -> float:
        """Mean change by the same intervention on other hidden units."""
        return float(self.control_changes.mean())

    @property
    def control_worst(self) -> float:
        """Largest of these changes."""
        return float(self.control_changes.max())


@dataclass(frozen=True)
class Effect:
    """The effect of interventions on how a model reads a text; ``str()`` is a table.

    Attributes:
        interventions: the interventions.
        controls: K times the same on other hidden units of the same layers and names.
        pieces: the text of each of N tokens.
        log_p_before: (N,) log p(token n | all before it) without the interventions, in nats.
        log_p_after: (N,) with them.
        log_p_controls: (K, N) with those of each control.
        whole: the effect over all tokens.
        classes: by class, in the order given; classes that do not occur in the text are left out.
        prediction_name: what a token is: "character", "byte" or "token".
    """

    interventions: tuple[Intervention, ...]
    controls: tuple[tuple[Intervention, ...], ...]
    pieces: tuple[str, ...] = field(repr=False)
    log_p_before: NDArray[np.float32] = field(repr=False)
    log_p_after: NDArray[np.float32] = field(repr=False)
    log_p_controls: NDArray[np.float32] = field(repr=False)
    whole: ClassEffect
    classes: Mapping[str, ClassEffect]
    prediction_name: str

    def __str__(self) -> str:
        width = max(len(it.name) for it in (self.whole, *self.classes.values()))
        others = f"{len(self.controls)} others: mean, worst"
        head = f"{'':{width}} {'count':>9} {'before':>8} {'after':>8} {'change':>8}   {others}"
        rows = [
            f"{it.name:{width}} {it.count:9,} {it.before:8.3f} {it.after:8.3f} {it.change:+z8.3f}   "
            f"{it.control_mean:+z.3f}, {it.control_worst:+z.3f}"
            for it in (self.whole, *self.classes.values())
        ]
        what = "; ".join(map(str, self.interventions))
        return "\n".join([f"{what}: nats per {self.prediction_name}, by class of what was predicted", head, *rows])

    __repr__ = __str__

    def _repr_html_(self) -> str:
        """Notebook view: the table, and the text tinted by the added surprise."""
        rows = [
            [it.name, it.count, it.before, it.after, it.change, it.control_mean, it.control_worst]
            for it in (self.whole, *self.classes.values())
        ]
        others = f"{len(self.controls)} others"
        headers = ("", "count", "before", "after", "change", f"{others}: mean", "worst")
        what = "; ".join(map(str, self.interventions))
        added = self.log_p_before.astype(np.float64) - self.log_p_after
        return together(
            table_html(
                rows, headers, caption=f"{what}: nats per {self.prediction_name}, by class of what was predicted"
            ),
            tinted_text(self.pieces, added, f"Added surprise of each {self.prediction_name}", "nats"),
        )


def effect(
    model: LanguageModel,
    tokenizer: Tokenizer,
    text: str | NDArray[np.int64],
    interventions: Intervention | Sequence[Intervention],
    *,
    classes: Mapping[str, CharacterClass] | None = None,
    controls: int = CONTROLS,
    seed: int = 0,
) -> Effect:
    """Measure how interventions change a model's predictions, beside controls: the same on other hidden units.

    Any ablation hurts a little; the controls show how much. The text is read once without interventions, and once with
    all interventions and controls side by side, chunk by chunk.

    Args:
        model: the model; not changed.
        tokenizer: its tokenizer.
        text: text that it was not trained on, or its tokens (N,). If `find_cells` chose the unit, use the half of its
            text on which it did not choose (the second), or other text.
        interventions: at least one.
        classes: classes of characters by name: a regular expression, a test of one character, or a yes/no detector.
            Default: the built-in classes, of characters or of words.
        controls: number of controls, on units drawn at random without replacement; fewer if the layer is too small.
        seed: seed of these draws.

    Raises:
        ArgumentError: an intervention is not possible in this model or leaves no unit for a control, the text is empty,
            or a class is invalid.
        UnknownTokenError: as `read`.
    """
    interventions = checked_interventions(model.recurrent, interventions)
    ids = token_ids(tokenizer, text)
    if not len(ids):
        raise ArgumentError("There is nothing to read: give at least one character that is in the vocabulary.")
    others = control_interventions(interventions, model.recurrent, controls, np.random.default_rng(seed))
    pieces = pieces_of(tokenizer, ids)
    before, after = _log_p(model, tokenizer, ids, [interventions, *others])
    kinds = classes_of(tokenizer) if classes is None else classes
    in_class = {name: members(kind, name, pieces) for name, kind in kinds.items()}

    def over(name: str, which: NDArray[np.bool_]) -> ClassEffect:
        plain, changed = -before[which].mean(dtype=np.float64), -after[:, which].mean(1, dtype=np.float64)
        return ClassEffect(name, int(which.sum()), float(plain), float(changed[0]), changed[1:] - plain)

    whole = over("all", np.ones(len(ids), bool))
    by_class = {name: over(name, which) for name, which in in_class.items() if which.any()}
    return Effect(interventions, others, pieces, before, after[0], after[1:], whole, by_class, tokenizer.name)


def control_interventions(
    interventions: tuple[Intervention, ...], recurrent: Layered, count: int, random: np.random.Generator
) -> tuple[tuple[Intervention, ...], ...]:
    """Return the interventions on other units, none twice; two names of one unit stay names of one unit.

    Raises:
        ArgumentError: there is not one other unit, or the count is not positive.
    """
    used = sorted({((it.layer, it.direction), unit) for it in interventions for unit in it.hidden_units})
    free: dict[Place, list[int]] = {}
    for place in sorted({place for place, _ in used}):
        taken = {unit for at, unit in used if at == place}
        size = recurrent.layer_size(place[0])
        free[place] = random.permutation([unit for unit in range(size) if unit not in taken]).tolist()
    most = min(len(own) // sum(at == place for at, _ in used) for place, own in free.items())
    if count < 1 or most < 1:
        raise ArgumentError(
            f"controls is {count}, and there are hidden units for {most}: give 1 or more, and intervene on fewer units."
        )
    made = []
    for _ in range(min(count, most)):
        instead = {(place, unit): free[place].pop() for place, unit in used}
        made.append(tuple(replace(
            it,
            unit=instead[(it.layer, it.direction), it.unit],
            other=None if it.other is None else instead[(it.layer, it.direction), it.other],
        ) for it in interventions))  # fmt: skip
    return tuple(made)


@torch.inference_mode()
def _log_p(
    model: LanguageModel, tokenizer: Tokenizer, ids: NDArray[np.int64], rows: Sequence[Sequence[Intervention]]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return log p of each token (N,) without interventions, and (R, N) with those of each row; both as in `read`."""
    begin = start_ids(tokenizer)
    inputs = np.concatenate([begin, ids])
    plain, held = np.empty(len(ids), np.float32), np.empty((len(rows), len(ids)), np.float32)
    device = model.output.weight.device
    with evaluating(model):
        run_on = _Runs(model, rows)
        for start in range(0, len(inputs) - 1, CHUNK):
            report_progress(f"Measuring the intervention and {len(rows) - 1} controls", start / len(inputs))
            truth = torch.from_numpy(inputs[start + 1 : start + 1 + CHUNK]).to(device)
            outputs = run_on(torch.from_numpy(inputs[start : start + len(truth)]).to(device))
            skip = max(
                0, len(begin) - 1 - start
            )  # of the tokens before the text, only the last has a prediction that counts
            at = slice(start + skip - len(begin) + 1, start + len(truth) - len(begin) + 1)
            for output, log_p in zip(outputs, (plain, *held), strict=True):
                expected = model.output(output[skip:]).float().log_softmax(-1)
                log_p[at] = expected.gather(1, truth[skip:, None])[:, 0].cpu().numpy()
    return plain, held


def _by_layer(model: LanguageModel, rows: int) -> list[tuple[Tensor, ...]]:
    """Return each layer's states (R, H) before the first token."""
    every = enumerate(zip(*model.zero_state(rows), strict=True))
    return [tuple(narrowed(state, model.recurrent.layer_size(k)) for state in states) for k, states in every]


class _Runs:
    """Reads chunk by chunk: once without interventions, and from the first layer that has one, again for each row."""

    def __init__(self, model: LanguageModel, rows: Sequence[Sequence[Intervention]]):
        self.model, self.rows = model, rows
        named = {layer: own for (layer, _), own in bounds_of(rows[0]).items()}  # a language model reads forward only
        self.first = min(named)
        self.names = {layer: tuple(own) for layer, own in named.items()}
        every = {layer: {name: {0: (-np.inf, np.inf)} for name in own} for layer, own in named.items()}
        self.cells = {layer: intervened(model.recurrent.layer_cell(layer), own) for layer, own in every.items()}
        self.plain, self.held = _by_layer(model, 1), _by_layer(model, len(rows))

    def __call__(self, ids: Tensor) -> list[Tensor]:
        """Return the last layer's output (T, H) without interventions, then of each row."""
        layers = self.model.recurrent
        layers.refresh_weights()
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
        """Return the bounds (T, R, H) of every gate and state with an intervention in a layer."""
        masks: dict[str, Tensor] = {}
        added = iter(self.cells[layer].masks[len(cell.masks) :])  # low and high of each name, in their order
        for name in self.names[layer]:
            values = plain[name]
            low, high = (
                values.new_full((len(values), len(self.rows), values.shape[2]), it) for it in (-np.inf, np.inf)
            )
            for row, interventions in enumerate(self.rows):
                for intervention in interventions:
                    if (intervention.layer, intervention.name) != (layer, name):
                        continue
                    for unit, other in (
                        (intervention.unit, intervention.other),
                        (intervention.other, intervention.unit),
                    ):
                        if unit is not None:
                            low[:, row, unit] = intervention.low if other is None else values[:, 0, other]
                            high[:, row, unit] = intervention.high if other is None else values[:, 0, other]
            masks |= {next(added): low, next(added): high}
        return masks
