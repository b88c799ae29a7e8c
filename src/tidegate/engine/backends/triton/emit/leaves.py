"""Where a value that a step begins with is in memory."""

from __future__ import annotations

import math

from tidegate.engine.backends.triton.emit.python_source import Names
from tidegate.engine.backends.triton.kernel_spec import KernelSpec
from tidegate.engine.kernels import arguments


def load_leaf(spec: KernelSpec, names: Names, k: int, unit: str, inside: str, shape: str) -> str:
    """Return an expression for a leaf's numbers, (ROWS, units).

    Args:
        spec: the kernel.
        names: of the arguments.
        k: the leaf's number.
        unit: the name of the vector of hidden units.
        inside: the name of the mask (ROWS, units) of numbers that are there.
        shape: of the result.
    """
    value = spec.program.values[k]
    size = "R" if k in spec.small else "H"
    match value.op:
        case "constant":
            return f"tl.full({shape}, {_number(value.number)}, tl.float32)"
        case "parameter":
            pointer = names[arguments.parameter(value.name)]
            return f"tl.load({pointer} + {unit}[None, :] + 0 * rows[:, None], mask={inside}, other=0.0).to(tl.float32)"
        case "before":
            sequence, initial = names[arguments.sequence(value.name)], names[arguments.initial(value.name)]
            place = f"rows[:, None] * {size} + {unit}[None, :]"
            stored = f"tl.load({sequence} + earlier * B * {size} + {place}, mask={inside} & ~first[:, None], other=0.0)"
            begun = f"tl.load({initial} + {place}, mask={inside} & first[:, None], other=0.0)"
            found = f"tl.where(first[:, None], {begun}.to(tl.float32), {stored}.to(tl.float32))"
            return f"tl.where(border_before[:, None], 0.0, {found})" if spec.reset else found
        case "saved":
            place = f"t64 * B * {size} + rows[:, None] * {size} + {unit}[None, :]"
            return f"tl.load({names[arguments.saved(value.name)]} + {place}, mask={inside}, other=0.0).to(tl.float32)"
        case _:  # a mask or a cotangent, which may be the same at every step or for every row
            leaf = arguments.leaf(value.op, value.name)
            by_step, by_row = names[step_stride(leaf)], names[arguments.stride(leaf)]
            place = f"t64 * {by_step} + rows[:, None] * {by_row} + {unit}[None, :]"
            return f"tl.load({names[leaf]} + {place}, mask={inside}, other=0.0).to(tl.float32)"


def step_stride(argument: str) -> str:
    """The name of an argument's stride from one step to the next."""
    return f"step {arguments.stride(argument)}"


def _number(number: float) -> str:
    return repr(float(number)) if math.isfinite(number) else f'float("{number}")'
