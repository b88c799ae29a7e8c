"""`tidegate.swap`: torch.nn's recurrent layers in a model become Tidegate's, in place."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor, nn

from tidegate.engine import Backend
from tidegate.errors import ArgumentError, BackendError
from tidegate.nn.interop.cell_module import CellModule
from tidegate.nn.swapping.classes import is_recurrent, to_tidegate, to_torch_again, why_not
from tidegate.nn.swapping.measured_layers import calls_of, outputs_of, seconds

Keep = Literal["all", "faster"]
CLOSE = {torch.float64: 1e-9, torch.float32: 1e-5}  # relative to the largest number of an output
CLOSE_IN_HALF = 2e-2


@dataclass(frozen=True)
class SwappedLayer:
    """What was done with a recurrent module.

    Attributes:
        place: its name in the model.
        kind: its class in torch.nn.
        swapped: whether it is Tidegate's now.
        why: why not.
        before: seconds of a call of the example as it was; None: not measured.
        after: seconds of one as Tidegate's.
    """

    place: str
    kind: str
    swapped: bool
    why: str = ""
    before: float | None = None
    after: float | None = None

    def __str__(self) -> str:
        what = f"{self.place or '(the model)'}: {self.kind}"
        if self.before and self.after:
            what += f", {self.before * 1e3:.3g} ms; as Tidegate's {self.after * 1e3:.3g} ms"
        return f"{what} {'-> tidegate.nn.' + self.kind if self.swapped else 'stays: ' + self.why}"


class Swapped:
    """A model whose layers were exchanged.

    Attributes:
        model: the model.
        layers: what was done with each of its recurrent modules.
        difference: the largest difference of an output for the example, relative to its largest number; None: no
            example was given.
    """

    def __init__(self, model: nn.Module, layers: Sequence[SwappedLayer], difference: float | None):
        self.model, self.layers, self.difference = model, tuple(layers), difference

    def undo(self) -> None:
        """Give the modules their classes in torch.nn back. What was trained since stays."""
        places = {layer.place for layer in self.layers if layer.swapped}
        for place, module in self.model.named_modules():
            if place in places and isinstance(module, CellModule):
                to_torch_again(module)

    def __str__(self) -> str:
        lines = [str(layer) for layer in self.layers] or ["The model has no recurrent layers of torch.nn."]
        if self.difference is not None:
            lines.append(f"Outputs for the example differ by at most {self.difference:.1e} of the largest.")
        return "\n".join(lines)

    __repr__ = __str__


def swap(
    model: nn.Module,
    example: Any = None,
    *,
    keep: Keep = "all",
    backend: str | Backend | None = None,
) -> Swapped:
    """Exchange torch.nn's recurrent layers and cells in a model for Tidegate's drop-ins, in place.

    Every module stays the object that it is and only changes its class: parameters, optimizers that hold them, hooks,
    parametrizations, names in ``state_dict`` and other references to it are as before. ``isinstance(module,
    torch.nn.LSTM)`` is false afterwards; `Swapped.undo` changes it back. Subclasses and modules of other libraries stay
    as they are, and the report says so.

    Args:
        model: any module; it may be such a layer itself.
        example: arguments of a call of the model, a tuple of them or one tensor. With it the outputs before and after
            are compared, in evaluation and with the same random numbers.
        keep: "all", or "faster" for those modules only whose calls are faster as Tidegate's, measured on the example:
            in training forward and backward, in evaluation forward.
        backend: of the layers; None leaves it to the engine.

    Returns:
        A report with a line for each module (print it), which can undo the exchange.

    Raises:
        ArgumentError: ``keep="faster"`` without an example, or the model's outputs change from call to call.
        BackendError: the outputs differ by more than 1e-5 of the largest (1e-9 in float64, 2e-2 in half precision).
            Nothing is exchanged then.

    Example:
        >>> import torch, tidegate
        >>> model = torch.nn.Sequential(torch.nn.GRU(8, 16))
        >>> print(tidegate.swap(model))
        0: GRU -> tidegate.nn.GRU
    """
    if keep not in ("all", "faster"):
        raise ArgumentError(f"keep is {keep!r}, but should be 'all' or 'faster'.")
    if keep == "faster" and example is None:
        raise ArgumentError("keep='faster' measures calls: give an example of the model's arguments.")
    given = example if isinstance(example, tuple) else (example,)
    found = {module: place for place, module in model.named_modules() if is_recurrent(module)}
    chosen = [module for module in found if not why_not(module)]
    times: dict[nn.Module, tuple[float, float]] = {}
    before = _steady_outputs(model, given) if example is not None else []
    if keep == "faster":
        calls = calls_of(model, given, chosen)
        times = {
            it: seconds(it, calls[it], lambda module: to_tidegate(module, backend), to_torch_again)
            for it in chosen
            if it in calls
        }
    slower = {it for it, (own, ours) in times.items() if ours >= own}
    for module in chosen:
        if module not in slower:
            to_tidegate(module, backend)
    difference = None
    if example is not None:
        try:
            difference = _difference(before, outputs_of(model, given))
        except BaseException:
            for module in chosen:
                if module not in slower:
                    to_torch_again(module)
            raise
    layers = []
    for module, place in found.items():
        why = "slower as Tidegate's" if module in slower else "" if module in chosen else why_not(module)
        kind = type(module).__name__.removeprefix("Parametrized")
        layers.append(SwappedLayer(place, kind, not why, why, *times.get(module, (None, None))))
    return Swapped(model, layers, difference)


def _steady_outputs(model: nn.Module, example: Sequence[Any]) -> list[Tensor]:
    """Return the outputs of a model, if two calls give the same.

    Raises:
        ArgumentError: they do not.
    """
    first, second = (outputs_of(model, example) for _ in range(2))
    if len(first) != len(second) or any(
        a.shape != b.shape or not torch.allclose(a, b, equal_nan=True) for a, b in zip(first, second, strict=True)
    ):
        raise ArgumentError(
            "The model's outputs change from call to call, also in evaluation and with the same random numbers (it may "
            "keep a state): they cannot be compared. Call swap without an example, or reset the model's state."
        )
    return first


def _difference(before: list[Tensor], after: list[Tensor]) -> float:
    """Return the largest difference of an output, relative to its largest number.

    Raises:
        BackendError: it is too large.
    """
    if [it.shape for it in before] != [it.shape for it in after]:
        raise BackendError(
            "The outputs for the example have other shapes with Tidegate's layers: nothing was exchanged."
        )
    most = 0.0
    for a, b in zip(before, after, strict=True):
        if not a.is_floating_point() or not a.numel():
            continue
        own = float((a.double() - b.double()).abs().max() / a.double().abs().max().clamp_min(1e-30))
        if not own <= CLOSE.get(a.dtype, CLOSE_IN_HALF):
            raise BackendError(
                f"An output for the example differs by {own:.2g} of its largest number with Tidegate's layers: nothing "
                "was exchanged."
            )
        most = max(most, own)
    return most
