"""The figures that a GPU should reach, in the order of the report."""

from benchmarks.gpu.precisions import BFLOAT16, EXACT, FLOAT16, TF32, Precision
from benchmarks.targets import Target

EAGER, GRAPH = "torch.nn, eager", "torch.nn, in a graph"
GATED = ("lstm", "gru")
OTHER_CELLS = ("peephole_lstm", "coupled_lstm", "gru_original", "layer_norm_lstm", "own_cell")


def _layers(precision: Precision, mode: str, against: str, mean: float | None, worst: float = 0.0) -> Target:
    name = f"LSTM and GRU, {mode}, {precision.name}, against {against}"
    return Target(name, ("layers",), (against,), worst, mean, GATED, f"{mode}, {precision.name}")


def _cells(against: str, mean: float) -> Target:
    name = f"peephole, coupled, gru_original, layer norm, a user's cell, training, bfloat16, against {against}"
    return Target(name, ("cells", "compiled"), (against,), 0.0, mean, OTHER_CELLS, f"training, {BFLOAT16.name}")


FIGURES = (
    Target("each drop-in against torch.nn", ("layers", "stacks", "short"), (EAGER, GRAPH), 0.97),
    _layers(BFLOAT16, "training", EAGER, 4.5, 1.5),
    _layers(BFLOAT16, "training", GRAPH, 1.8, 1.0),
    _layers(BFLOAT16, "inference", EAGER, 5.0),
    _layers(BFLOAT16, "inference", GRAPH, 2.0),
    _layers(TF32, "training", EAGER, 3.5),
    _layers(TF32, "training", GRAPH, 1.8),
    _layers(EXACT, "training", EAGER, 2.0),
    Target(
        "LSTM and GRU, inference, float16, where cuDNN has a persistent kernel (B=16, or H=128), in a graph",
        ("layers",),
        (GRAPH,),
        worst=0.8,
        cells=GATED,
        mode=f"inference, {FLOAT16.name}",
        cases=tuple(f"{b}x512x{h}" for b in (16, 64, 256) for h in (128, 256, 512, 1024) if b == 16 or h == 128),
    ),
    _cells("torch.nn's LSTM, eager", 3.0),
    _cells("eager loop", 40.0),
    _cells("compiled loop", 3.0),
    Target(
        "LSTM with 4 heads, training, bfloat16, against torch.nn's LSTM, eager",
        ("heads",),
        ("torch.nn's LSTM, eager",),
        3.0,
    ),
    Target("two and four layers, two directions, bfloat16, in a graph", ("stacks",), (GRAPH,), 1.2),
    Target("recording all gates: time over not recording", ("recording",), ("not recording",), 1.15, sense="at most"),
    Target("GRU with resets against splitting and padding", ("resets",), ("splitting and padding",), 3.0),
    Target("GRU with resets against TorchRL's GRUModule", ("resets",), ("TorchRL's GRUModule",), 3.0),
    Target("min_gru, 4,096 steps, against torch.nn's GRU", ("long",), ("torch.nn's GRU, eager",), 20.0),
    Target("one step by stepper, B=1, H=512, microseconds", ("stepper",), ("nothing",), 15.0, sense="at most"),
)
"""All figures."""
