"""LSTM and GRU beside torch.nn's: T = 512, every precision, forward and a training step, eager and in a CUDA graph."""

from itertools import product

from benchmarks.gpu.compare import compare, our_contenders, torch_contender, with_graphs
from benchmarks.gpu.precisions import BFLOAT16, EXACT, FLOAT16, TF32, computing
from benchmarks.gpu.problems import Mode, Shape, pose
from benchmarks.gpu.session import Session

STEPS = 512
BATCHES = (16, 64, 256)
SIZES = (512, 256, 128, 1024)
MODES: tuple[Mode, ...] = ("training", "inference")


def run(session: Session) -> None:
    """Measure, what matters most first."""
    steps, batches, sizes = (7, (3,), (5,)) if session.tiny else (STEPS, BATCHES, SIZES)
    for precision, size, batch, cell, mode in product(
        (BFLOAT16, TF32, FLOAT16, EXACT), sizes, batches, ("lstm", "gru"), MODES
    ):
        shape = Shape(batch, steps, size)

        def measure(cell: str = cell, shape: Shape = shape, precision=precision, mode: Mode = mode) -> None:
            with computing(precision):
                problem = pose(cell, shape, precision, mode, session.device)
                ours, theirs = our_contenders(problem), [torch_contender(problem)]
                compare(
                    session,
                    "layers",
                    problem,
                    with_graphs(ours, session.device),
                    with_graphs(theirs, session.device),
                )

        session.case(f"layers {cell} {shape} {mode}, {precision.name}", measure)
