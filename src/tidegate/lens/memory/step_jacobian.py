"""Step Jacobians: how much one step, or many in a row, can stretch or shrink a change of the state.

With S_t all states after step t in one vector, (h_t, c_t) for an LSTM, and J_t = dS_t / dS_{t-1}::

    dS_T / dS_{T-d} = J_T J_{T-1} ... J_{T-d+1},    ||dL/dS_{T-d}|| <= ||J_T ... J_{T-d+1}|| ||dL/dS_T||

(Pascanu, Mikolov & Bengio 2013, On the difficulty of training recurrent neural networks.) The parts of S are
independent of one another here, as inputs of the next step: dL/dc_{t-1} is the gradient through step t, without the
path through h_{t-1}, which is a part of its own. That differs from the *total* derivative of
`tidegate.lens.state_gradients`, in which c_{t-1} also moves h_{t-1}, in its own step. In the last layer they agree for
h, and so for cells of one state.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from tidegate.drawing import caption_html, heat_map_svg, line_chart_svg
from tidegate.drawing.charted import Charted
from tidegate.engine import run
from tidegate.errors import ArgumentError
from tidegate.lens.notebook import together
from tidegate.lens.record.trace import Place
from tidegate.nn.evaluating import evaluating
from tidegate.nn.layered import Layered, State

QUICK = 1e9
"""T S³ up to which a notebook view computes norms: about a second."""


@dataclass(frozen=True)
class StepJacobians(Charted):
    """The Jacobians of the steps of one layer and direction, in the order in which the steps are run.

    Norms, radii and products are computed on first use and cached.

    Attributes:
        jacobians: (T, S, S) float64, J_t as [t, to, from]; S is the sum of the states' sizes.
        parts: the slice of S of each state.
    """

    jacobians: NDArray[np.float64]
    parts: Mapping[str, slice]

    @cached_property
    def norms(self) -> NDArray[np.float64]:
        """(T,) the spectral norm of each, its largest singular value."""
        return np.linalg.norm(self.jacobians, 2, axis=(1, 2))

    @cached_property
    def radii(self) -> NDArray[np.float64]:
        """(T,) the spectral radius of each, its largest eigenvalue in absolute value.

        Eigenvalues are slow to compute: 50 steps of an LSTM of 256 hidden units take about 20 seconds on one core.
        """
        return np.abs(np.linalg.eigvals(self.jacobians)).max(1)

    @cached_property
    def products(self) -> NDArray[np.float64]:
        """(T,) at d - 1 the spectral norm of J_T ... J_{T-d+1}, for d = 1 .. T."""
        product = np.eye(self.jacobians.shape[1])
        norms = np.empty(len(self.jacobians))
        for d, jacobian in enumerate(self.jacobians[::-1]):
            product = product @ jacobian
            norms[d] = np.linalg.norm(product, 2)
        return norms

    @property
    def growth(self) -> NDArray[np.float64]:
        """(T,) ``products`` ** (1 / d): the bound as a factor per step."""
        return self.products ** (1 / np.arange(1, len(self.products) + 1))

    def __str__(self) -> str:
        steps, size, _ = self.jacobians.shape
        return f"{steps} steps' Jacobians of {size} states ({', '.join(self.parts)})"

    __repr__ = __str__

    def _repr_html_(self) -> str:
        """Notebook view: the last step's Jacobian, and the norms if they are cached or quick to compute."""
        shown = self._shows_norms()
        return together(
            caption_html(f"{self}" if shown else f"{self}; use .norms and .products to see them here"), *self._charts()
        )

    def _shows_norms(self) -> bool:
        steps, size, _ = self.jacobians.shape
        return steps * size**3 <= QUICK or {"norms", "products"} <= vars(self).keys()

    def _charts(self) -> list[str]:
        last = heat_map_svg(self.jacobians[-1, :1000, :1000], title="The last step", x_label="from", y_label="to")
        if not self._shows_norms():
            return [last]
        t = np.arange(1, len(self.jacobians) + 1)
        curves = {"of step t, by t": (t, self.norms), "of the last d, multiplied": (t, self.products)}
        return [line_chart_svg(curves, log_y=True, x_label="t or d", y_label="spectral norm"), last]


def step_jacobian(layer: Layered, inputs: Tensor, hx: State | None = None, *, place: Place = (0, 0)) -> StepJacobians:
    """Return the Jacobian of every step of one layer and direction, while the layers read a sequence.

    They are exact, by reverse-mode differentiation of the cell's equations on the reference. Memory grows with T S²,
    the work of norms and products with T S³: 50 steps of an LSTM of 256 hidden units take 100 MB and some seconds.

    Args:
        layer: any recurrent module of `tidegate.nn`; in eval mode meanwhile.
        inputs: (T, I), at least one step.
        hx: the states before the first step, each (layers * directions, 1, ·). Default: zeros.
        place: the layer and direction.

    Raises:
        ArgumentError: a shape does not fit, or there is no such layer or direction.
    """
    if inputs.dim() != 2 or not len(inputs):
        raise ArgumentError(f"inputs should be (T, I) of at least one step, but are of shape {tuple(inputs.shape)}.")
    k, direction = place
    if not (0 <= k < layer.num_layers and 0 <= direction <= layer.bidirectional):
        raise ArgumentError(
            f"There is no layer and direction {place}: there are {layer.num_layers} layers, {1 + layer.bidirectional} "
            "directions."
        )
    x, before = _into(layer, inputs, hx, k, direction)
    cell, weights = layer.layer_cell(k, direction), layer.layer_weights(k, direction)
    sizes = [it.shape[1] for it in before]

    def step(state: Tensor, vector: Tensor) -> Tensor:
        given = [part[None] for part in state.split(sizes)]
        return torch.cat(run(cell, vector[None, None], weights, given, backend="reference").state, 1)[0]

    found = torch.func.vmap(torch.func.jacrev(step))(torch.cat(before, 1), x).detach().double().cpu()
    ends = np.cumsum([0, *sizes]).tolist()
    return StepJacobians(found.numpy(), {name: slice(*ends[n : n + 2]) for n, name in enumerate(cell.states)})


@torch.no_grad()
def _into(layer: Layered, inputs: Tensor, hx: State | None, k: int, direction: int) -> tuple[Tensor, list[Tensor]]:
    """Return the inputs of each step of a layer and direction: vectors (T, I) and each state (T, ·), in its order."""
    with evaluating(layer):
        traced = layer.trace(inputs.unsqueeze(0 if layer.batch_first else 1), hx, names=layer.cell.states)
    one = 0 if layer.batch_first else 1
    values = {at: {name: it.select(one, 0) for name, it in named.items()} for at, named in traced.values.items()}
    output = layer.cell.states[0]
    x = torch.cat([values[k - 1, d][output] for d in range(1 + layer.bidirectional)], 1) if k else inputs
    starts = [None] * len(layer.cell.states) if hx is None else [hx] if isinstance(hx, Tensor) else list(hx)
    before: list[Tensor] = []
    for name, start in zip(layer.cell.states, starts, strict=True):
        after = values[k, direction][name]
        after = after.flip(0) if direction else after
        first = (
            after.new_zeros(1, after.shape[1]) if start is None else start[k * (1 + layer.bidirectional) + direction]
        )
        before.append(torch.cat([first, after[:-1]]))
    return x.flip(0) if direction else x, before
