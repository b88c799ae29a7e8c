"""Cells that torch.nn has not, training in bfloat16: beside torch.nn's LSTM of the same sizes, and loops."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from benchmarks.equations import STEPS
from benchmarks.gpu.clock import Run
from benchmarks.gpu.compare import EAGER, PEER, Contender, compare, our_contenders
from benchmarks.gpu.figures import OTHER_CELLS
from benchmarks.gpu.precisions import BFLOAT16, computing
from benchmarks.gpu.problems import HEADED, Problem, Shape, layer_run, pose, solver
from benchmarks.gpu.session import Session
from benchmarks.peers.loop import unroll

SHAPES = (Shape(64, 512, 512), Shape(16, 512, 256))
SHORT = Shape(64, 32, 512)  # compiling a loop takes seconds for every ten steps
TINY = Shape(3, 5, 8)


def run(session: Session) -> None:
    """Compare with torch.nn's LSTM and the eager loop; an LSTM with heads with torch.nn's LSTM, which has none."""
    cells, shapes = _asked(session, SHAPES)
    _run(session, "cells", cells, shapes, lambda problem: [_torch_lstm(problem), _loop(problem)])
    _run(session, "heads", (HEADED.name,), shapes[:1], lambda problem: [_torch_lstm(problem)])


def run_compiled(session: Session) -> None:
    """Compare with the loop under torch.compile."""
    _run(session, "compiled", *_asked(session, (SHORT,)), lambda problem: [_compiled_loop(problem)])


def _asked(session: Session, shapes: tuple[Shape, ...]) -> tuple[tuple[str, ...], tuple[Shape, ...]]:
    return (OTHER_CELLS[-2:], (TINY,)) if session.tiny else (OTHER_CELLS, shapes)


def _run(
    session: Session,
    kind: str,
    cells: tuple[str, ...],
    shapes: tuple[Shape, ...],
    peers: Callable[[Problem], list[Contender]],
) -> None:
    def measure(cell: str, shape: Shape) -> None:
        with computing(BFLOAT16):
            problem = pose(cell, shape, BFLOAT16, "training", session.device)
            compare(session, kind, problem, our_contenders(problem), peers(problem))

    for shape in shapes:
        for cell in cells:
            session.case(f"{kind} {cell} {shape}", functools.partial(measure, cell, shape))


def _torch_lstm(problem: Problem) -> Contender:
    def prepare() -> Run:
        size = problem.shape.size
        layer = torch.nn.LSTM(size, size, device=problem.device, dtype=problem.precision.dtype)
        return layer_run(replace(problem, cell="lstm"), layer)

    return Contender(f"torch.nn's LSTM{EAGER}", prepare, len(problem.inputs), slack=0)


def _loop(problem: Problem) -> Contender:
    return Contender("eager loop", lambda: solver(problem, *_unrolled(problem)), len(problem.inputs), PEER)


def _compiled_loop(problem: Problem) -> Contender:
    def prepare() -> Run:
        torch.compiler.reset()
        forward, parameters = _unrolled(problem)
        on_gpu = problem.device.type == "cuda"
        how: Any = {"mode": "reduce-overhead"} if on_gpu else {"backend": "aot_eager"}
        return solver(problem, torch.compile(forward, fullgraph=True, dynamic=False, **how), parameters)

    return Contender("compiled loop", prepare, len(problem.inputs), PEER)


def _unrolled(problem: Problem) -> tuple[Callable[[Tensor], Tensor], Mapping[str, Tensor]]:
    """Return a loop over the steps, written out where the benchmark has one, else the reference, and its parameters."""
    layer = problem.layer("reference")
    parameters = dict(layer.named_parameters())
    if problem.cell in STEPS:
        return lambda x: unroll(problem.cell, parameters, x), parameters
    return lambda x: layer(x)[0], parameters
