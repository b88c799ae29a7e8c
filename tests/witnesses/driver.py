"""Any witness over time: plain loops over sequences and steps, the sequence cut and turned round by hand."""

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from tests.witnesses.paper import Paper


@dataclass(frozen=True)
class Run:
    """output (T,B,P), final states by name (B,H), and every gate and state by name (T,B,H); zeros past the length."""

    output: np.ndarray
    state: dict[str, np.ndarray]
    trace: dict[str, np.ndarray]


def pieces(length: int, resets: Sequence[bool], reverse: bool) -> Iterator[tuple[list[int], bool]]:
    """The steps of one sequence in reading order, cut at its resets; and whether a piece starts from the initial state.

    A reset at t is a wall between t-1 and t. Read forwards, a wall before step 0 shuts out the initial state; read
    backwards, the initial state enters at the last valid step, where no wall can be.
    """
    walls = [0, *(t for t in range(1, length) if resets[t]), length]
    cut = [list(range(start, stop)) for start, stop in itertools.pairwise(walls) if start < stop]
    if reverse:
        cut = [piece[::-1] for piece in cut[::-1]]
    for number, piece in enumerate(cut):
        yield piece, number == 0 and (reverse or not resets[0])


def by_gate(paper: Paper, stacked: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """W_k, U_k, b_k (and d_k) from the engine's stacked weights; a missing bias is zero."""
    H = stacked["w_ih"].shape[0] // len(paper.inputs)
    zero = np.zeros(H, stacked["w_ih"].dtype)
    w: dict[str, np.ndarray] = {}
    for k, gate in enumerate(paper.inputs):
        w[f"W_{gate}"] = stacked["w_ih"][k * H : (k + 1) * H]
        w[f"b_{gate}"] = stacked["b_ih"][k * H : (k + 1) * H] if "b_ih" in stacked else zero
    for k, gate in enumerate(paper.recurrent):
        w[f"U_{gate}"] = stacked["w_hh"][k * H : (k + 1) * H]
        second = stacked["b_hh"][k * H : (k + 1) * H] if "b_hh" in stacked else zero
        if gate in paper.split_bias:
            w[f"d_{gate}"] = second
        else:
            w[f"b_{gate}"] = w[f"b_{gate}"] + second
    return w | {name: stacked[name] for name in (*paper.parameters, "w_hr") if name in stacked}


def drive(
    paper: Paper,
    x: np.ndarray,
    stacked: Mapping[str, np.ndarray],
    state: Mapping[str, np.ndarray],
    *,
    lengths: Sequence[int] | None = None,
    reset: np.ndarray | None = None,
    reverse: bool = False,
    masks: Mapping[str, np.ndarray] | None = None,
) -> Run:
    """Run a paper's step over x (T,B,I) from states (B,H), one sequence after the other."""
    T, B, _ = x.shape
    w = by_gate(paper, stacked)
    H = stacked["w_ih"].shape[0] // len(paper.inputs)
    widths = {**dict.fromkeys(paper.gates, int(H)), **{name: value.shape[1] for name, value in state.items()}}
    trace = {name: np.zeros((T, B, width), x.dtype) for name, width in widths.items()}
    final = {name: value.copy() for name, value in state.items()}
    for b in range(B):
        length = T if lengths is None else lengths[b]
        resets = [False] * T if reset is None else [bool(flag) for flag in reset[:, b]]
        for steps, from_start in pieces(length, resets, reverse):
            s = {name: value[b] if from_start else np.zeros_like(value[b]) for name, value in state.items()}
            for t in steps:
                at_t = {name: value[t, b] for name, value in (masks or {}).items()}
                s, gates = paper.step(x[t, b], s, w | at_t)
                for name, value in (gates | s).items():
                    trace[name][t, b] = value
            for name, value in s.items():
                final[name][b] = value
    return Run(trace[paper.states[0]], final, trace)
