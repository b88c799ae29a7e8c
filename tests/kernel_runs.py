"""Training runs of any cell with random numbers: the arguments, and all results and gradients."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from tidegate.cells import Cell
from tidegate.engine import Weights, run

Sizes = tuple[int, int, int, int]  # T, B, I, H


def numbers(
    it: Cell, sizes: Sizes, dtype: torch.dtype = torch.float32, outputs: int | None = None
) -> dict[str, Tensor]:
    """All tensors of a run by name: input, weights, initial states, masks."""
    steps, batch, inputs, units = sizes
    torch.manual_seed(0)
    width, x_rows, r_rows = outputs or units, len(it.input_gates) * units, len(it.recurrent_gates) * units
    shapes: dict[str, tuple[int, ...]] = {"x": (steps, batch, inputs)}
    shapes |= {"w_ih": (x_rows, inputs)} if x_rows else {}
    shapes |= {"w_hh": (r_rows, width // it.heads)} if r_rows else {}
    shapes |= {f"b_{kind}": (rows,) for kind, rows in (("ih", x_rows), ("hh", r_rows)) if rows and it.bias}
    shapes |= {"w_hr": (outputs, units)} if outputs else {}
    shapes |= {f"p {name}": (units,) for name in it.parameters}
    shapes |= {f"state {name}": (batch, units if k else width) for k, name in enumerate(it.states)}
    shapes |= {f"mask {name}": (steps, batch, units) for name in it.masks}
    return {name: torch.rand(shape, dtype=dtype) - 0.5 for name, shape in shapes.items()}


def some_lengths(steps: int, batch: int) -> Tensor:
    """Different lengths, one of them zero."""
    return (torch.arange(batch) * 5) % (steps + 1)


def everything(
    it: Cell,
    given: dict[str, Tensor],
    *,
    train: bool = True,
    backend: str = "llvm",
    cotangent: Callable[[Tensor], Tensor] | None = None,
    **more: Any,
) -> dict[str, Tensor]:
    """Output, final states, all records; and in training the gradients of all arguments."""
    leaves = {name: value.detach().requires_grad_(train) for name, value in given.items()}
    weights = Weights(
        **{name: leaves.get(name) for name in ("w_ih", "w_hh", "b_ih", "b_hh", "w_hr")},
        p={name: leaves[f"p {name}"] for name in it.parameters},
    )
    result = run(
        it,
        leaves["x"],
        weights,
        [leaves[f"state {name}"] for name in it.states],
        masks={name: leaves[f"mask {name}"] for name in it.masks},
        backend=backend,
        **more,
    )
    found = {"output": result.output}
    found |= {f"final {name}": value for name, value in zip(it.states, result.state, strict=True)}
    found |= {f"recorded {name}": value for name, value in result.record.items()}
    if not train:
        return found
    own = cotangent or (lambda value: torch.linspace(-1, 1, value.numel(), dtype=value.dtype).view(value.shape))
    made = {name: value for name, value in found.items() if value.requires_grad}
    gradients = torch.autograd.grad(
        list(made.values()), list(leaves.values()), [own(value) for value in made.values()], allow_unused=True
    )
    pairs = zip(leaves, gradients, strict=True)
    return found | {f"gradient of {name}": gradient for name, gradient in pairs if gradient is not None}


def same(a: dict[str, Tensor], b: dict[str, Tensor]) -> list[str]:
    """The names of the values that differ in any bit; NaN equals NaN."""
    assert a.keys() == b.keys()
    return [name for name in a if not torch.equal(a[name].nan_to_num(7.25), b[name].nan_to_num(7.25))]
