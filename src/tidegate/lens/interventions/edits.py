"""Cut and force: hold units while a model reads or writes, and see what that does to what it expects."""

from __future__ import annotations

import copy
import math
from collections.abc import Sequence
from dataclasses import dataclass

from tidegate.cells import intervened
from tidegate.errors import ArgumentError
from tidegate.text.model import LanguageModel


@dataclass(frozen=True)
class Intervention:
    """A unit of a state or gate of a layer that is held within bounds at every step, or swapped with another.

    Attributes:
        layer: 0 the first.
        name: of the state or gate.
        unit: 0..H-1.
        low: its least value.
        high: its greatest value; the same as ``low`` to hold it there.
        other: the unit whose values it gets, and that gets its values, as both were in an unedited run over the same
            text (an interchange intervention: Geiger et al. 2021); None to hold it within the bounds.

    Raises:
        ArgumentError: the bounds are none, or the unit is to be swapped with itself.
    """

    layer: int
    name: str
    unit: int
    low: float = -math.inf
    high: float = math.inf
    other: int | None = None

    def __post_init__(self) -> None:
        if not self.low <= self.high:
            raise ArgumentError(f"a unit is held between low <= high, got {self.low} and {self.high}")
        if self.other == self.unit:
            raise ArgumentError(f"unit {self.unit} would be swapped with itself")

    @property
    def units(self) -> tuple[int, ...]:
        """The units that it changes: one, or the two that are swapped."""
        return (self.unit,) if self.other is None else (self.unit, self.other)

    def __str__(self) -> str:
        unit = f"unit {self.layer}/{self.unit} ({self.name})"
        if self.other is not None:
            return f"{unit} swapped with {self.layer}/{self.other}"
        return f"{unit} held at {self.low:g}" if self.low == self.high else f"{unit} in {self.low:g}..{self.high:g}"


def ablate(layer: int, name: str, unit: int) -> Intervention:
    """The unit is held at 0."""
    return set_to(layer, name, unit, 0.0)


def set_to(layer: int, name: str, unit: int, value: float) -> Intervention:
    """The unit is held at a number."""
    if not math.isfinite(value):
        raise ArgumentError(f"a unit is held at a finite number, got {value}")
    return Intervention(layer, name, unit, float(value), float(value))


def clamp(layer: int, name: str, unit: int, low: float, high: float) -> Intervention:
    """The unit is kept within low..high; either may be infinite."""
    return Intervention(layer, name, unit, float(low), float(high))


def swap(layer: int, name: str, unit: int, other: int) -> Intervention:
    """The two units get one another's values, step by step, as they are without any edit; only for `effect`."""
    return Intervention(layer, name, unit, other=other)


def intervened_model(model: LanguageModel, edits: Intervention | Sequence[Intervention]) -> LanguageModel:
    """The model with units held while it reads or writes.

    It shares the given model's weights (whoever trains one trains both) and leaves the model itself as it is. Edits of
    a model that is edited already are added to it.

    Args:
        model: the model.
        edits: at least one; what a swap needs is known only once a text has been read, so `effect` alone takes those.

    Raises:
        ArgumentError: an edit is for a layer, state, gate or unit that the model has not, a unit is edited twice, or
            units are to be swapped.
    """
    edits = checked_interventions(model, edits)
    if swaps := [edit for edit in edits if edit.other is not None]:
        raise ArgumentError(f"{swaps[0]}: that needs both units' values over a text; tidegate.lens.effect does it")
    shared = {id(it): it for it in (*model.parameters(), *model.buffers())}
    made = copy.deepcopy(model, shared)
    cells = {
        layer: intervened(model.recurrent.layer_cell(layer), by_name) for layer, by_name in bounds_of(edits).items()
    }
    made.recurrent.layer_cells = {**model.recurrent.layer_cells, **cells}
    return made


def bounds_of(edits: Sequence[Intervention]) -> dict[int, dict[str, dict[int, tuple[float, float]]]]:
    """Edits by layer and name, as `tidegate.cells.intervened` takes them."""
    bounds: dict[int, dict[str, dict[int, tuple[float, float]]]] = {}
    for edit in edits:
        for unit in edit.units:
            bounds.setdefault(edit.layer, {}).setdefault(edit.name, {})[unit] = (edit.low, edit.high)
    return bounds


def checked_interventions(
    model: LanguageModel, edits: Intervention | Sequence[Intervention]
) -> tuple[Intervention, ...]:
    """The edits, each possible in this model, no unit twice.

    Raises:
        ArgumentError: one is not, or there is none.
    """
    edits = (edits,) if isinstance(edits, Intervention) else tuple(edits)
    if not edits:
        raise ArgumentError("there is no edit; give at least one, such as ablate(0, 'c', 87)")
    layers, width, names = model.config.num_layers, model.config.hidden_size, model.cell.recorded
    seen: set[tuple[int, str, int]] = set()
    for edit in edits:
        if not 0 <= edit.layer < layers:
            raise ArgumentError(f"{edit}: the model has the layers 0..{layers - 1}")
        if edit.name not in names:
            raise ArgumentError(f"{edit}: {model.cell.name} has the gates and states {' '.join(names)}")
        for unit in edit.units:
            if not 0 <= unit < width:
                raise ArgumentError(f"{edit}: the units are 0..{width - 1}")
            if (edit.layer, edit.name, unit) in seen:
                raise ArgumentError(f"{edit}: unit {edit.layer}/{unit} ({edit.name}) is edited twice")
            seen.add((edit.layer, edit.name, unit))
    return edits
