"""The checks of a layer's input and initial states, in the words and the order of ``torch.nn``."""

from __future__ import annotations

from typing import Any, Protocol

import torch
from torch import Tensor, nn

from tidegate.cells import Cell
from tidegate.nn.layout import Layout


class Checked(Protocol):
    """What the checks read of a module."""

    cell: Cell
    input_size: int
    hidden_size: int
    num_layers: int
    bidirectional: bool
    proj_size: int


def check_state_dimensions(module: Checked, states: tuple[Tensor, ...], layout: Layout) -> None:
    """Check the number of dimensions of initial states. Those of a packed input are checked with their sizes.

    Raises:
        RuntimeError: they are not those of the input.
    """
    wanted = 2 + layout.batched
    if layout.packed is not None or all(value.dim() == wanted for value in states):
        return
    kind = "batched 3-D" if layout.batched else "unbatched 2-D"
    dims = [f"{value.dim()}-D" for value in states]
    if len(states) == 1:
        raise RuntimeError(f"For {kind} input, hx should also be {wanted}-D but got {dims[0]} tensor")
    names = "hx and cx" if module.cell.states == ("h", "c") else ", ".join(module.cell.states)
    raise RuntimeError(f"For {kind} input, {names} should also be {wanted}-D but got ({', '.join(dims)}) tensors")


def check_input(module: Checked, x: Tensor, weight: Tensor | None) -> None:
    """Check the input's dtype and number of features.

    Raises:
        ValueError: the dtype is not that of the weights.
        RuntimeError: the number of features is not the layer's.
    """
    if weight is not None and x.dtype != weight.dtype and not torch.is_autocast_enabled(x.device.type):
        name = "RNN" if isinstance(module, nn.RNNBase) else type(module).__name__
        raise ValueError(
            f"{name} input dtype ({x.dtype}) does not match weight dtype ({weight.dtype}). "
            f"Convert input: input.to({weight.dtype}), or convert model: model.to({x.dtype})"
        )
    if x.shape[-1] != module.input_size:
        raise RuntimeError(
            f"input.size(-1) must be equal to input_size. Expected {module.input_size}, got {x.shape[-1]}"
        )


def check_states(module: Checked, states: tuple[Tensor, ...], batch: int) -> None:
    """Check the sizes of initial states (layers * directions, B, ·).

    Raises:
        RuntimeError: they are not those of the layer and the input.
    """
    rows = module.num_layers * (1 + module.bidirectional)
    for k, value in enumerate(states):
        size = (module.proj_size or module.hidden_size) if k == 0 else module.hidden_size
        if value.shape != (rows, batch, size):
            which = "hidden" if len(states) == 1 else f"hidden[{k}]"
            raise RuntimeError(f"Expected {which} size {(rows, batch, size)}, got {list(value.shape)}")


def check_alike(x: Tensor, states: tuple[Tensor, ...], weight: Tensor | None) -> None:
    """Check that input, initial states and weights are on one device, and the states of the input's dtype.

    Half precision is computed in float32, but for products, so its states may be float32 too, which loses nothing
    between calls.

    Raises:
        RuntimeError: they are not.
    """
    if weight is not None and x.device != weight.device:
        raise RuntimeError(
            "Input and parameter tensors are not at the same device, found input tensor at "
            f"{x.device} and parameter tensor at {weight.device}"
        )
    for value in states:
        if x.device != value.device:
            raise RuntimeError(
                "Input and hidden tensors are not at the same device, found input tensor at "
                f"{x.device} and hidden tensor at {value.device}"
            )
    check_state_dtypes(x, states)


def check_state_dtypes(x: Tensor, states: tuple[Tensor, ...]) -> None:
    """Check the dtypes of initial states; under autocast any will do.

    Raises:
        RuntimeError: they are not the input's, nor float32 beside half precision.
    """
    allowed = (x.dtype, torch.float32) if x.dtype in (torch.float16, torch.bfloat16) else (x.dtype,)
    for value in states:
        if value.dtype not in allowed and not torch.is_autocast_enabled(x.device.type):
            raise RuntimeError(f"mat1 and mat2 must have the same dtype, but got {_type(value)} and {_type(x)}")


def check_dtype(x: Tensor, weight: Tensor) -> None:
    """Check that an input of a step cell has the dtype of the weights; under autocast any will do.

    Raises:
        RuntimeError: it has not.
    """
    if x.dtype != weight.dtype and not torch.is_autocast_enabled(x.device.type):
        raise RuntimeError(f"mat1 and mat2 must have the same dtype, but got {_type(x)} and {_type(weight)}")


def as_states(module: Any, hx: Any) -> tuple[Tensor, ...]:
    """Return initial states as a tuple, one tensor for each state of the module's cell.

    Raises:
        RuntimeError: hx is not in that form.
    """
    names: tuple[str, ...] = module.cell.states
    one = isinstance(hx, Tensor)
    given = (hx,) if one else tuple(hx) if isinstance(hx, tuple | list) else None
    if given is None or one != (len(names) == 1) or len(given) != len(names):
        form = "one tensor" if len(names) == 1 else f"a tuple of {len(names)} tensors ({', '.join(names)})"
        got = "one tensor" if one else type(hx).__name__ if given is None else f"a {type(hx).__name__} of {len(given)}"
        raise RuntimeError(f"{type(module).__name__}: hx must be {form}, got {got}")
    return given


def _type(value: Tensor) -> str:
    """Return torch's name of a dtype in errors: Float, Half."""
    return value.type().rpartition(".")[2].removesuffix("Tensor")
