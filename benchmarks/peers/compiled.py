"""``torch.compile`` of the eager loop; unrolled over 100 steps it takes minutes to compile, so it is run on demand."""

from __future__ import annotations

import torch

from benchmarks.contender import Contender, solver
from benchmarks.peers import loop
from benchmarks.problem import Problem

name = "torch.compile"
packages = ("torch",)
supports = loop.supports


def prepare(problem: Problem) -> Contender:
    """The loop, compiled for these sizes at its first call."""
    torch.compiler.reset()
    unrolled = torch.compile(loop.unroll, fullgraph=True, dynamic=False)
    cell, w = problem.setting.cell, problem.parameters
    return solver(problem, lambda x: unrolled(cell, w, x), w)
