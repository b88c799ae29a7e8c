"""The cells that are measured, and our layers of them."""

import functools
from typing import Any

from benchmarks.cases import Case
from tidegate import nn
from tidegate.cells import CELLS as REGISTRY
from tidegate.cells import Step, cell, load_cell, sigmoid, tanh
from tidegate.errors import ArgumentError
from tidegate.io.load_object import is_location


@cell(gates="k n", states="h", paper="nobody's: it stands for a user's own")
def own_cell(x: Any, r: Any, s: Any) -> Step:
    """A cell such as a user may write.

    ::

        k_t = σ(W_k x_t + U_k h_{t-1} + b_k)
        n_t = tanh(W_n x_t + U_n (k_t ⊙ h_{t-1}) + b_n)
        h_t = k_t ⊙ h_{t-1} + (1 - k_t) ⊙ n_t
    """
    k = sigmoid(x.k + r.k)
    n = tanh(x.n + r("n", k * s.h))
    h = k * s.h + (1 - k) * n
    return Step(h=h, gates=dict(k=k, n=n))


DROP_INS = {"lstm": nn.LSTM, "gru": nn.GRU, "rnn_tanh": nn.RNN}
STEPS = {"lstm": nn.LSTMCell, "gru": nn.GRUCell, "rnn_tanh": nn.RNNCell}
OTHERS = {"own_cell": own_cell}
CELLS = (
    *DROP_INS,
    "peephole_lstm",
    "coupled_lstm",
    "gru_original",
    *OTHERS,
)  # those that peers have; the registry's others are taken where they are named


_load = functools.cache(load_cell)


def make_module(name: str, case: Case) -> nn.Layered | nn.LSTMCell | nn.GRUCell | nn.RNNCell:
    """Our layer for a case, or our cell of one step, in the mode that the case asks for."""
    if case.kind == "cell":
        return STEPS[name](case.size, case.size)
    # A layer whose backend was asked for runs no step on PyTorch's operators, as it does by default.
    module = make_layer(name, case, None if case.kind in ("one step", "evaluation") else "llvm")
    return module.eval().prepack() if case.kind == "evaluation" else module


def make_layer(name: str, case: Case, backend: str | None = "llvm") -> nn.Layered:
    """Our layer for a case. On the kernels it never falls back to the reference.

    Args:
        name: one of `CELLS`, of the registry's cells, or ``FILE.py:NAME``.
        case: the shape and kind.
        backend: the backend that runs it; None for the default.
    """
    shape: dict[str, Any] = dict(num_layers=case.layers, bidirectional=case.kind == "bidirectional", backend=backend)
    if name in DROP_INS:
        return DROP_INS[name](case.size, case.size, **shape)
    own = _load(name) if is_location(name) else OTHERS.get(name, name)
    layer = nn.Recurrent(own, case.size, case.size, **shape)
    return layer.eval() if is_location(name) else layer  # noise would differ from call to call


def choose_cells(names: str | None = None) -> list[str]:
    """The cells named, separated by commas; all if none is named. A cell of one's own is named ``FILE.py:NAME``.

    Raises:
        ArgumentError: the benchmark has no such cell.
        CellError: a cell of one's own cannot be loaded.
    """
    chosen = list(CELLS) if names is None else [name.strip() for name in names.split(",")]
    for name in chosen:
        if is_location(name):
            _load(name)
        elif name not in (*CELLS, *REGISTRY):
            others = ", ".join(name for name in REGISTRY if name not in CELLS)
            raise ArgumentError(
                f"The benchmark has no cell {name!r}. It has {', '.join(CELLS)}, which are the default; {others}; and "
                f"cells of your own: FILE.py:NAME."
            )
    return chosen
