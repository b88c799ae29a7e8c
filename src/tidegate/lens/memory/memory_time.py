"""How long each hidden unit remembers, computed from its gates.

Where a state is s_t = k_t ⊙ s_{t-1} + (new input), the state T steps ago is multiplied by k_1 k_2 ... k_T, which is k̄^T
with the *geometric* mean k̄ = exp(mean log k). So the geometric mean determines how fast a unit forgets; the arithmetic
mean of a gate that is mostly open and sometimes shut hides that everything is lost when it shuts. The time constant,
after which 1/e is left, is -1 / log k̄; for k̄ near 1 that is 1 / (1 - k̄) less one half.

This is the effect of the gate alone. The gradient (`tidegate.lens.gradient_flow`) flows along other paths as well.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from tidegate.cells import Cell, get_cell
from tidegate.cells.language.expression import Expression, constant, postorder
from tidegate.cells.language.operations import call
from tidegate.drawing import caption_html, line_chart_svg
from tidegate.drawing.charted import Charted
from tidegate.engine.masks import expected_mask
from tidegate.errors import ArgumentError
from tidegate.lens.notebook import together
from tidegate.lens.record.gates import check_cell
from tidegate.lens.record.trace import Place, Trace

COARSE = 410
"""Steps, the longest time that float16 gives within a tenth: near 1 it is off by up to 1/4096, a tenth of 1/410."""


@dataclass(frozen=True)
class MemoryTime(Charted):
    """How long the hidden units of one state of one layer and direction remember.

    Attributes:
        kept: (H,) geometric mean over time of |k|, the share of the state that is kept at a step.
        steps: (H,) -1 / log kept: steps until 1/e is left; inf if nothing is ever lost.
        simple: (H,) 1 / (1 - m) with m the arithmetic mean of k, as often used; it is longer, the more so the more the
            gate varies. inf if m is 1 or more.
    """

    kept: NDArray[np.float64]
    steps: NDArray[np.float64]
    simple: NDArray[np.float64]

    def __str__(self) -> str:
        ever = int(np.isinf(self.steps).sum())
        middle, longest = (f"{it:.4g}" for it in (np.median(self.steps), self.steps.max()))
        never = f"; {ever} of them never forget" if ever else ""
        return f"{len(self.steps)} hidden units: steps until 1/e is left, median {middle}, longest {longest}{never}"

    __repr__ = __str__

    def _repr_html_(self) -> str:
        """Notebook view: the times of all hidden units, shortest first."""
        return together(caption_html(str(self)), *self._charts())

    def _charts(self) -> list[str]:
        order = np.argsort(self.steps, kind="stable")
        rank = np.arange(len(order))
        curves = {"by the geometric mean": self.steps, "by the arithmetic mean": self.simple}
        drawn = {name: (rank, times[order]) for name, times in curves.items()}
        return [line_chart_svg(drawn, log_y=True, x_label="hidden units, shortest first", y_label="steps")]


def memory_time(trace: Trace, cell: Cell | str) -> dict[tuple[Place, str], MemoryTime]:
    """Return how long each hidden unit of each state remembers.

    The factor of s_{t-1} is derived from the equations (`kept_share`) and computed from the gates in the trace.

    Args:
        trace: a trace of at least one step, with the gates that the factor is computed from. In float16 a gate near 1
            is rounded to a multiple of 0.0005 (999.5 steps become 1,023, and 9,998 become infinite), and one below 3e-8
            to 0: use float32 where units remember long.
        cell: the cell that was traced, or its name.

    Returns:
        For each (layer, direction) and each state that keeps a share of itself.

    Raises:
        ArgumentError: no state of the cell keeps a share of itself, as in a simple recurrent network; or the trace is
            of another cell, lacks a gate, or is float16 while a unit remembers for more than 410 steps.
        CellError: no cell has that name.
    """
    cell = get_cell(cell)
    check_cell(trace, cell)
    shares = {state: kept_share(cell, state) for state in cell.states}
    found = {
        (place, state): _checked(_time(_values(share, cell, values)), values, place, state)
        for place, values in trace.values.items()
        for state, share in shares.items()
        if share is not None
    }
    if not found:
        raise ArgumentError(
            f"No state of {cell.name} keeps a share of itself from step to step, so no gate gives a memory time: use "
            "tidegate.lens.gradient_flow, which works for any cell."
        )
    return found


def kept_share(cell: Cell, state: str) -> Expression | None:
    """Return the factor of s_{t-1} in s_t, gates taken as given: f of the LSTM's c, z or 1 - z of a GRU's h.

    That is k in s_t = k ⊙ s_{t-1} + (new input), found by descending through the sums and products of the equation.
    What passes through a function (tanh, a recurrent product) is new input. None if nothing is kept.
    """
    return _factor(cell.step.states[state], state)


def _factor(it: Expression, state: str) -> Expression | None:
    if (it.op, it.name) == ("state", state):
        return constant(1)
    if it.op not in ("add", "sub", "mul", "div", "neg"):
        return None
    factors = [_factor(arg, state) for arg in it.args]
    own = [n for n, factor in enumerate(factors) if factor is not None]
    if not own:
        return None
    if it.op in ("add", "sub", "neg"):
        return call(it.op, *[constant(0) if factor is None else factor for factor in factors])
    if len(own) == 2 or (it.op == "div" and own == [1]):
        return None  # a square of the state, or a division by it, is not a share of it
    return call(it.op, *[arg if factor is None else factor for arg, factor in zip(it.args, factors, strict=True)])


def _values(share: Expression, cell: Cell, recorded: Mapping[str, NDArray[np.floating]]) -> NDArray[np.float64]:
    """Compute a factor (T, H) from recorded gates and states."""
    named = {id(node): name for name, node in {**cell.step.states, **cell.step.gates}.items()}
    steps, hidden = (
        len(next(iter(recorded.values()))),
        max(it.shape[1] for it in recorded.values()),
    )  # h may be projected
    made: dict[int, Tensor] = {}
    for node in postorder(share):
        name = named.get(id(node), "")
        if name in recorded:
            made[id(node)] = torch.from_numpy(np.asarray(recorded[name], np.float64))
        elif node.op == "constant":
            made[id(node)] = torch.tensor(node.value, dtype=torch.float64)
        elif node.op == "mask" and node.name in cell.mask_defaults:
            like = torch.zeros(1, 1, 1, dtype=torch.float64)
            made[id(node)] = expected_mask(cell, node.name, like, hidden)[0]
        elif node.op not in ("recur", "project") and node.args and all(id(arg) in made for arg in node.args):
            made[id(node)] = call(node.op, *[made[id(arg)] for arg in node.args])
    if id(share) not in made:
        needed = sorted({named[id(node)] for node in postorder(share) if id(node) in named} - set(recorded))
        raise ArgumentError(
            f"The share that {cell.name} keeps is computed from {', '.join(needed) or 'a value without a name'}, which "
            f"is not in the trace ({', '.join(recorded)}): record it too, or name it in the cell's Step(gates=...)."
        )
    return made[id(share)].expand(steps, hidden).numpy()


def _checked(found: MemoryTime, values: Mapping[str, NDArray[np.floating]], place: Place, state: str) -> MemoryTime:
    """Return the times if the values are exact enough for them."""
    long = np.flatnonzero(found.steps > COARSE)
    if len(long) and any(it.dtype.itemsize < 4 for it in values.values()):
        raise ArgumentError(
            f"{len(long)} hidden units of {state} of layer and direction {place} (the first is {long[0]}) remember for "
            f"more than {COARSE} steps, for which float16 is too coarse: make the trace again with dtype=np.float32."
        )
    return found


def _time(kept: NDArray[np.float64]) -> MemoryTime:
    with np.errstate(divide="ignore"):  # a gate that is shut for good: log 0, and a time of 0
        mean = np.log(np.abs(kept)).mean(0)
    with np.errstate(divide="ignore", invalid="ignore"):
        steps = np.where(mean < 0, -1 / mean, np.inf)
        simple = np.where(kept.mean(0) < 1, 1 / (1 - kept.mean(0)), np.inf)
    return MemoryTime(np.exp(mean), steps, simple)
