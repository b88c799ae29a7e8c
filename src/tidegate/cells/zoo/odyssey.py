"""The eight variants of the vanilla LSTM in Greff et al. 2017, *LSTM: A Search Space Odyssey*.

Each removes, changes or adds one part of the vanilla LSTM, which has peepholes:

    vanilla  `peephole_lstm`           NIAF  g without its tanh           `odyssey_niaf`
    NIG      no input gate, i = 1      NOAF  c without its tanh           `odyssey_noaf`
             `odyssey_nig`             CIFG  f = 1 - i                    `odyssey_cifg`; no peepholes: `coupled_lstm`
    NFG      no forget gate, f = 1     NP    no peepholes                 `lstm`
             `odyssey_nfg`             FGR   gates see all gates of the   `odyssey_fgr`
    NOG      no output gate, o = 1           step before
             `odyssey_nog`
"""

from typing import Any

from tidegate.cells.cell import cell
from tidegate.cells.language.operations import sigmoid, tanh
from tidegate.cells.language.step import Step

PAPER = "Greff et al. 2017, LSTM: A Search Space Odyssey"


def _before(k: str, x: Any, r: Any, p: Any, c: Any) -> Any:
    """W_k x_t + U_k h_{t-1} + p_k ⊙ c + b_k."""
    return getattr(x, k) + getattr(r, k) + getattr(p, f"p_{k}") * c


def _gate(k: str, x: Any, r: Any, p: Any, c: Any) -> Any:
    return sigmoid(_before(k, x, r, p, c))


@cell(gates="f g o", states="h c", parameters="p_f p_o", paper=f"{PAPER} (NIG)")
def odyssey_nig(x: Any, r: Any, s: Any, p: Any) -> Step:
    """The vanilla LSTM with no input gate.

    ::

        f_t = σ(W_f x_t + U_f h_{t-1} + p_f ⊙ c_{t-1} + b_f)
        g_t = tanh(W_g x_t + U_g h_{t-1} + b_g)
        c_t = f_t ⊙ c_{t-1} + g_t
        o_t = σ(W_o x_t + U_o h_{t-1} + p_o ⊙ c_t + b_o)
        h_t = o_t ⊙ tanh(c_t)
    """
    f, g = _gate("f", x, r, p, s.c), tanh(x.g + r.g)
    c = f * s.c + g
    o = _gate("o", x, r, p, c)
    return Step(h=o * tanh(c), c=c, gates=dict(f=f, g=g, o=o))


@cell(gates="i g o", states="h c", parameters="p_i p_o", paper=f"{PAPER} (NFG)")
def odyssey_nfg(x: Any, r: Any, s: Any, p: Any) -> Step:
    """The vanilla LSTM with no forget gate.

    ::

        i_t = σ(W_i x_t + U_i h_{t-1} + p_i ⊙ c_{t-1} + b_i)
        g_t = tanh(W_g x_t + U_g h_{t-1} + b_g)
        c_t = c_{t-1} + i_t ⊙ g_t
        o_t = σ(W_o x_t + U_o h_{t-1} + p_o ⊙ c_t + b_o)
        h_t = o_t ⊙ tanh(c_t)
    """
    i, g = _gate("i", x, r, p, s.c), tanh(x.g + r.g)
    c = s.c + i * g
    o = _gate("o", x, r, p, c)
    return Step(h=o * tanh(c), c=c, gates=dict(i=i, g=g, o=o))


@cell(gates="i f g", states="h c", parameters="p_i p_f", paper=f"{PAPER} (NOG)")
def odyssey_nog(x: Any, r: Any, s: Any, p: Any) -> Step:
    """The vanilla LSTM with no output gate.

    ::

        i_t = σ(W_i x_t + U_i h_{t-1} + p_i ⊙ c_{t-1} + b_i)
        f_t = σ(W_f x_t + U_f h_{t-1} + p_f ⊙ c_{t-1} + b_f)
        g_t = tanh(W_g x_t + U_g h_{t-1} + b_g)
        c_t = f_t ⊙ c_{t-1} + i_t ⊙ g_t
        h_t = tanh(c_t)
    """
    i, f, g = _gate("i", x, r, p, s.c), _gate("f", x, r, p, s.c), tanh(x.g + r.g)
    c = f * s.c + i * g
    return Step(h=tanh(c), c=c, gates=dict(i=i, f=f, g=g))


@cell(gates="i f g o", states="h c", parameters="p_i p_f p_o", paper=f"{PAPER} (NIAF)")
def odyssey_niaf(x: Any, r: Any, s: Any, p: Any) -> Step:
    """The vanilla LSTM with no input activation function.

    ::

        i_t = σ(W_i x_t + U_i h_{t-1} + p_i ⊙ c_{t-1} + b_i)
        f_t = σ(W_f x_t + U_f h_{t-1} + p_f ⊙ c_{t-1} + b_f)
        g_t = W_g x_t + U_g h_{t-1} + b_g
        c_t = f_t ⊙ c_{t-1} + i_t ⊙ g_t
        o_t = σ(W_o x_t + U_o h_{t-1} + p_o ⊙ c_t + b_o)
        h_t = o_t ⊙ tanh(c_t)
    """
    i, f, g = _gate("i", x, r, p, s.c), _gate("f", x, r, p, s.c), x.g + r.g
    c = f * s.c + i * g
    o = _gate("o", x, r, p, c)
    return Step(h=o * tanh(c), c=c, gates=dict(i=i, f=f, g=g, o=o))


@cell(gates="i f g o", states="h c", parameters="p_i p_f p_o", paper=f"{PAPER} (NOAF)")
def odyssey_noaf(x: Any, r: Any, s: Any, p: Any) -> Step:
    """The vanilla LSTM with no output activation function.

    ::

        i_t = σ(W_i x_t + U_i h_{t-1} + p_i ⊙ c_{t-1} + b_i)
        f_t = σ(W_f x_t + U_f h_{t-1} + p_f ⊙ c_{t-1} + b_f)
        g_t = tanh(W_g x_t + U_g h_{t-1} + b_g)
        c_t = f_t ⊙ c_{t-1} + i_t ⊙ g_t
        o_t = σ(W_o x_t + U_o h_{t-1} + p_o ⊙ c_t + b_o)
        h_t = o_t ⊙ c_t
    """
    i, f, g = _gate("i", x, r, p, s.c), _gate("f", x, r, p, s.c), tanh(x.g + r.g)
    c = f * s.c + i * g
    o = _gate("o", x, r, p, c)
    return Step(h=o * c, c=c, gates=dict(i=i, f=f, g=g, o=o))


@cell(gates="i g o", states="h c", parameters="p_i p_o", paper=f"{PAPER} (CIFG)")
def odyssey_cifg(x: Any, r: Any, s: Any, p: Any) -> Step:
    """The vanilla LSTM with coupled input and forget gates.

    ::

        i_t = σ(W_i x_t + U_i h_{t-1} + p_i ⊙ c_{t-1} + b_i)
        f_t = 1 - i_t
        g_t = tanh(W_g x_t + U_g h_{t-1} + b_g)
        c_t = f_t ⊙ c_{t-1} + i_t ⊙ g_t
        o_t = σ(W_o x_t + U_o h_{t-1} + p_o ⊙ c_t + b_o)
        h_t = o_t ⊙ tanh(c_t)
    """
    i, g = _gate("i", x, r, p, s.c), tanh(x.g + r.g)
    f = 1 - i
    c = f * s.c + i * g
    o = _gate("o", x, r, p, c)
    return Step(h=o * tanh(c), c=c, gates=dict(i=i, f=f, g=g, o=o))


@cell(
    gates="i f g o ii fi oi if ff of io fo oo",
    states="h c i f o",
    parameters="p_i p_f p_o",
    paper=f"{PAPER} (FGR)",
    convention="U_fi leads from the previous step's f to this step's i; o sees c_t, as in the vanilla LSTM; the gates "
    "are states",
)
def odyssey_fgr(x: Any, r: Any, s: Any, p: Any) -> Step:
    """The vanilla LSTM with full gate recurrence: every gate sees all gates of the previous step.

    ::

        i_t = σ(W_i x_t + U_i h_{t-1} + p_i ⊙ c_{t-1} + U_ii i_{t-1} + U_fi f_{t-1} + U_oi o_{t-1} + b_i)
        f_t = σ(W_f x_t + U_f h_{t-1} + p_f ⊙ c_{t-1} + U_if i_{t-1} + U_ff f_{t-1} + U_of o_{t-1} + b_f)
        g_t = tanh(W_g x_t + U_g h_{t-1} + b_g)
        c_t = f_t ⊙ c_{t-1} + i_t ⊙ g_t
        o_t = σ(W_o x_t + U_o h_{t-1} + p_o ⊙ c_t + U_io i_{t-1} + U_fo f_{t-1} + U_oo o_{t-1} + b_o)
        h_t = o_t ⊙ tanh(c_t)
    """

    def gate(k: str, c: Any) -> Any:
        return sigmoid(_before(k, x, r, p, c) + r(f"i{k}", s.i) + r(f"f{k}", s.f) + r(f"o{k}", s.o))

    i, f, g = gate("i", s.c), gate("f", s.c), tanh(x.g + r.g)
    c = f * s.c + i * g
    o = gate("o", c)
    return Step(h=o * tanh(c), c=c, i=i, f=f, o=o, gates=dict(g=g))
