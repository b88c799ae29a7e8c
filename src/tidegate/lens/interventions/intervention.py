"""Interventions: ablate, fix, clamp or swap hidden units while a model reads or writes."""

import copy
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar, cast

from torch import nn

from tidegate.cells import intervened
from tidegate.errors import ArgumentError
from tidegate.lens.record.trace import Place
from tidegate.nn.layered import Layered
from tidegate.text.model import LanguageModel

M = TypeVar("M", bound=nn.Module)


@dataclass(frozen=True)
class Intervention:
    """A hidden unit of a gate or state that is held within bounds at every step, or swapped with another unit.

    Attributes:
        layer: the layer, from 0.
        name: the gate or state.
        unit: the hidden unit, 0..H-1.
        low: its lower bound.
        high: its upper bound; the same as ``low`` to set it to that value.
        other: the unit to swap values with, as both are without interventions over the same text (an interchange
            intervention: Geiger et al. 2021); None to hold the unit within the bounds.
        direction: direction of the layer: 0 forward, 1 reverse.

    Raises:
        ArgumentError: ``low`` is above ``high``, or the unit would be swapped with itself.
    """

    layer: int
    name: str
    unit: int
    low: float = -math.inf
    high: float = math.inf
    other: int | None = None
    direction: int = 0

    def __post_init__(self) -> None:
        if not self.low <= self.high:
            raise ArgumentError(f"low should not be above high, got {self.low} and {self.high}.")
        if self.other == self.unit:
            raise ArgumentError(f"Hidden unit {self.unit} would be swapped with itself: give another unit.")

    @property
    def hidden_units(self) -> tuple[int, ...]:
        """The hidden units that it changes: one, or the two that are swapped."""
        return (self.unit,) if self.other is None else (self.unit, self.other)

    def __str__(self) -> str:
        unit = f"unit {self.layer}/{self.unit} ({self.name}{', reverse' * self.direction})"
        if self.other is not None:
            return f"{unit} swapped with {self.layer}/{self.other}"
        return f"{unit} held at {self.low:g}" if self.low == self.high else f"{unit} in {self.low:g}..{self.high:g}"


def ablate(layer: int, name: str, unit: int, *, direction: int = 0) -> Intervention:
    """Return the intervention that sets a hidden unit to 0 at every step."""
    return set_to(layer, name, unit, 0.0, direction=direction)


def set_to(layer: int, name: str, unit: int, value: float, *, direction: int = 0) -> Intervention:
    """Return the intervention that sets a hidden unit to a value at every step."""
    if not math.isfinite(value):
        raise ArgumentError(f"value should be finite, got {value}.")
    return Intervention(layer, name, unit, float(value), float(value), direction=direction)


def clamp(layer: int, name: str, unit: int, low: float, high: float, *, direction: int = 0) -> Intervention:
    """Return the intervention that clamps a hidden unit to low..high at every step; either may be infinite."""
    return Intervention(layer, name, unit, float(low), float(high), direction=direction)


def swap(layer: int, name: str, unit: int, other: int) -> Intervention:
    """Return the intervention that swaps the values of two units, those without interventions; only for `effect`."""
    return Intervention(layer, name, unit, other=other)


def intervened_model(model: LanguageModel, interventions: Intervention | Sequence[Intervention]) -> LanguageModel:
    """Return a model on whose hidden units interventions act while it reads or writes.

    It shares the weights of the given model, which is left as it is: training one trains both. Interventions on a model
    that has some already are added to them.

    Args:
        model: the model.
        interventions: at least one; no swaps, which need values that are known only once a text was read (`effect`).

    Raises:
        ArgumentError: the model has no such layer, gate, state or hidden unit, there are two interventions on one unit,
            or a swap.
    """
    return with_interventions(model, model.recurrent, checked_interventions(model.recurrent, interventions))


def with_interventions(model: M, layers: Layered, interventions: Sequence[Intervention]) -> M:
    """Return a model with interventions on some of its recurrent layers; it shares the weights of the given model.

    Args:
        model: any model.
        layers: a module of it, on which the interventions act.
        interventions: checked ones.

    Raises:
        ArgumentError: one is a swap.
    """
    if swaps := [intervention for intervention in interventions if intervention.other is not None]:
        raise ArgumentError(f"{swaps[0]}: a swap needs both units' values over a text: use tidegate.lens.effect.")
    shared = {id(it): it for it in (*model.parameters(), *model.buffers())}
    made = copy.deepcopy(model, shared)
    where = next(name for name, module in model.named_modules() if module is layers)
    own = cast(Layered, made.get_submodule(where))
    cells = {at: intervened(layers.layer_cell(*at), by_name) for at, by_name in bounds_of(interventions).items()}
    own.layer_cells = {**layers.layer_cells, **cells}
    return made


def bounds_of(interventions: Sequence[Intervention]) -> dict[Place, dict[str, dict[int, tuple[float, float]]]]:
    """Return the bounds by layer and direction and by name, as `tidegate.cells.intervened` takes them."""
    bounds: dict[Place, dict[str, dict[int, tuple[float, float]]]] = {}
    for intervention in interventions:
        for unit in intervention.hidden_units:
            own = bounds.setdefault((intervention.layer, intervention.direction), {})
            own.setdefault(intervention.name, {})[unit] = (intervention.low, intervention.high)
    return bounds


def checked_interventions(
    recurrent: Layered, interventions: Intervention | Sequence[Intervention]
) -> tuple[Intervention, ...]:
    """Return the interventions as a tuple, checked against a model's recurrent layers.

    Raises:
        ArgumentError: there is none, one is not possible in this model, or two act on the same hidden unit.
    """
    interventions = (interventions,) if isinstance(interventions, Intervention) else tuple(interventions)
    if not interventions:
        raise ArgumentError("There is no intervention: give at least one, such as ablate(0, 'c', 87).")
    layers, names = recurrent.num_layers, recurrent.cell.recorded
    seen: set[tuple[int, int, str, int]] = set()
    for intervention in interventions:
        if not 0 <= intervention.layer < layers:
            raise ArgumentError(f"{intervention}: the model has the layers 0..{layers - 1}.")
        if not 0 <= intervention.direction <= recurrent.bidirectional:
            directions = "0 and 1 (reverse)" if recurrent.bidirectional else "0 only"
            raise ArgumentError(f"{intervention}: direction is {intervention.direction}; there is {directions}.")
        if intervention.name not in names:
            raise ArgumentError(f"{intervention}: {recurrent.cell.name} has the gates and states {' '.join(names)}.")
        for unit in intervention.hidden_units:
            width = recurrent.layer_size(intervention.layer)
            if not 0 <= unit < width:
                raise ArgumentError(f"{intervention}: the hidden units are 0..{width - 1}.")
            place = (intervention.layer, intervention.direction, intervention.name, unit)
            if place in seen:
                raise ArgumentError(
                    f"{intervention}: unit {intervention.layer}/{unit} ({intervention.name}) has two interventions."
                )
            seen.add(place)
    return interventions
