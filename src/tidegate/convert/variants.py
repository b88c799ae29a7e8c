"""Cells that the registry does not have: other functions, clipped, coupled, with peepholes."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from tidegate.cells import Cell, Step, cell, get_cell
from tidegate.convert.activations import RELU, SIGMOID, TANH, Activation, clipped


@functools.cache
def lstm_cell(
    gate: Activation = SIGMOID,
    candidate: Activation = TANH,
    output: Activation = TANH,
    *,
    peepholes: bool = False,
    coupled: bool = False,
    clip: float | None = None,
) -> Cell:
    """Return an LSTM; gates are stacked i f g o, or i g o if coupled.

    Args:
        gate: of i, f and o.
        candidate: of g.
        output: of c in h.
        peepholes: whether i, f and o see the cell state, through p_i, p_f and p_o.
        coupled: whether f is 1 - i (ONNX's ``input_forget``).
        clip: the largest number, up or down, that goes into a function of a gate.
    """
    if (gate, candidate, output, coupled, clip) == (SIGMOID, TANH, TANH, False, None):
        return get_cell("peephole_lstm" if peepholes else "lstm")
    bounded = _bounded(clip)

    def step(x: Any, r: Any, s: Any, p: Any) -> Step:
        a_i, a_o = x.i + r.i, x.o + r.o
        i = gate(bounded(a_i + p.p_i * s.c if peepholes else a_i))
        g = candidate(bounded(x.g + r.g))
        if coupled:
            f = 1.0 - i
        else:
            a_f = x.f + r.f
            f = gate(bounded(a_f + p.p_f * s.c if peepholes else a_f))
        c = f * s.c + i * g
        o = gate(bounded(a_o + p.p_o * c if peepholes else a_o))
        gates = dict(i=i, f=f, g=g, o=o) if not coupled else dict(i=i, g=g, o=o)
        return Step(h=o * output(c), c=c, gates=gates)

    vectors = ("p_i p_o" if coupled else "p_i p_f p_o") if peepholes else ""
    name = ("coupled_" if coupled else "") + ("peephole_" if peepholes else "") + "lstm"
    return _named(step, name, (gate, candidate, output), clip, "i g o" if coupled else "i f g o", "h c", vectors)


@functools.cache
def gru_cell(
    gate: Activation = SIGMOID,
    candidate: Activation = TANH,
    *,
    reset_after: bool = True,
    clip: float | None = None,
) -> Cell:
    """Return a GRU whose z keeps the past; gates are stacked r z n.

    Args:
        gate: of r and z.
        candidate: of n.
        reset_after: whether r acts on the product, as in torch, or on the state before it.
        clip: as of `lstm_cell`.
    """
    if (gate, candidate, clip) == (SIGMOID, TANH, None):
        return get_cell("gru" if reset_after else "gru_original")
    bounded = _bounded(clip)

    def step(x: Any, r: Any, s: Any) -> Step:
        reset, z = gate(bounded(x.r + r.r)), gate(bounded(x.z + r.z))
        n = candidate(bounded(x.n + (reset * r.n if reset_after else r("n", reset * s.h))))
        return Step(h=(1.0 - z) * n + z * s.h, gates=dict(r=reset, z=z, n=n))

    return _named(step, "gru" if reset_after else "gru_original", (gate, candidate), clip, "r z n", "h", "")


@functools.cache
def rnn_cell(function: Activation = TANH, *, clip: float | None = None) -> Cell:
    """Return a plain recurrent cell: h_t = f(W_h x_t + U_h h_{t-1} + b_h)."""
    if clip is None and function in (TANH, RELU):
        return get_cell("rnn_tanh" if function == TANH else "rnn_relu")
    bounded = _bounded(clip)

    def step(x: Any, r: Any) -> Step:
        return Step(h=function(bounded(x.h + r.h)))

    return _named(step, "rnn", (function,), clip, "h", "h", "")


def _bounded(clip: float | None) -> Callable[[Any], Any]:
    return (lambda a: a) if clip is None else lambda a: clipped(a, -clip, clip)


def _named(
    step: Callable[..., Step],
    kind: str,
    functions: tuple[Activation, ...],
    clip: float | None,
    gates: str,
    states: str,
    vectors: str,
) -> Cell:
    """Make a cell, named after its kind and functions."""
    step.__name__ = "_".join([kind, *(it.name for it in functions), *(["clipped"] if clip is not None else [])])
    step.__doc__ = f"A {kind} as a file of another program has it."
    return cell(gates=gates, states=states, parameters=vectors)(step)
