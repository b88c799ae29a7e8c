"""Two and four layers, and two directions, beside torch.nn's, eager and in a CUDA graph, in bfloat16."""

from __future__ import annotations

import functools

from benchmarks.gpu.compare import compare, our_contenders, torch_contender, with_graphs
from benchmarks.gpu.precisions import BFLOAT16, computing
from benchmarks.gpu.problems import Mode, Shape, pose
from benchmarks.gpu.session import Session

KINDS = ((2, 1), (4, 1), (1, 2))  # layers, directions
MODES: tuple[Mode, ...] = ("training", "inference")


def run(session: Session) -> None:
    """Measure each kind for an LSTM and a GRU."""
    sizes = ((3, 5, 7),) if session.tiny else ((64, 512, 512), (16, 512, 256))
    for size in sizes:
        for layers, directions in KINDS[:1] if session.tiny else KINDS:
            shape = Shape(*size, layers, directions)
            for cell in ("lstm", "gru"):
                for mode in MODES:
                    session.case(
                        f"stacks {cell} {shape} {mode}", functools.partial(measure, session, cell, shape, mode)
                    )


def measure(session: Session, cell: str, shape: Shape, mode: Mode) -> None:
    """Compare one stack."""
    with computing(BFLOAT16):
        problem = pose(cell, shape, BFLOAT16, mode, session.device)
        ours, theirs = our_contenders(problem), [torch_contender(problem)]
        compare(session, "stacks", problem, with_graphs(ours, session.device), with_graphs(theirs, session.device))
