"""``torch.compile`` of the eager loop; unrolled over 100 steps it takes minutes to compile, so it is run on demand."""

import torch

from benchmarks.contender import Contender, solver
from benchmarks.equations import STEPS
from benchmarks.peers import loop
from benchmarks.problem import Problem, Setting

name = "torch.compile"
packages = ("torch",)


def supports(setting: Setting) -> bool:
    """The loops that are written out here."""
    return setting.cell in STEPS and loop.supports(setting)


def prepare(problem: Problem) -> Contender:
    """The loop, compiled for these sizes at its first call."""
    torch.compiler.reset()
    unrolled = torch.compile(loop.unroll, fullgraph=True, dynamic=False)
    cell, w = problem.setting.cell, problem.parameters
    return solver(problem, lambda x: unrolled(cell, w, x), w)
