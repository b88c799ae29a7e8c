"""Targets for the figures."""

from dataclasses import dataclass
from typing import Literal

from benchmarks.cases import ODD, SHAPES, SHARES
from benchmarks.rows import Row

STEPS, TORCH = ("one step", "cell"), ("torch.nn", "torch.nn cell")
LAYERS = ("plain", "2 layers", "bidirectional")


@dataclass(frozen=True)
class Target:
    """A bound on some rows.

    Attributes:
        name: for the report.
        kind: the rows' kinds.
        against: the rows' ``against``.
        cells: the rows' cells; all if empty.
        mode: the rows' mode; any if empty.
        mean: bound of the geometric mean, if there is one.
        worst: bound of the worst row.
        sense: whether larger or smaller is better.
        cases: the rows' cases; all if empty.
    """

    name: str
    kind: tuple[str, ...]
    against: tuple[str, ...]
    worst: float
    mean: float | None = None
    cells: tuple[str, ...] = ()
    mode: str = ""
    sense: Literal["at least", "at most"] = "at least"
    cases: tuple[str, ...] = ()

    def selects(self, row: Row) -> bool:
        """Whether the target applies to a row."""
        return (
            row.kind in self.kind
            and row.against in self.against
            and (not self.cells or row.cell in self.cells)
            and (not self.mode or row.mode == self.mode)
            and (not self.cases or row.case in self.cases)
        )


def _nn(
    cell: str, mode: str, mean: float | None, worst: float, kinds: tuple[str, ...] = LAYERS, what: str = ""
) -> Target:
    label = {"lstm": "LSTM", "gru": "GRU", "rnn_tanh": "RNN"}[cell]
    return Target(f"{label} against torch.nn, {mode}{what}", kinds, ("torch.nn",), worst, mean, (cell,), mode)


TARGETS = (
    _nn("lstm", "training", 1.2, 1.0),
    _nn("lstm", "inference", 1.15, 1.0),
    _nn("gru", "training", 3.5, 1.4),
    _nn("gru", "inference", 2.5, 1.4),
    _nn("rnn_tanh", "training", 2.8, 1.3),
    _nn("rnn_tanh", "inference", 2.3, 1.3),
    Target(
        "LSTM against torch.nn, training, one layer of other sizes",
        ("plain",),
        ("torch.nn",),
        worst=1.0,
        mean=1.25,
        cells=("lstm",),
        mode="training",
        cases=(*SHAPES, *ODD),
    ),
    _nn("lstm", "inference", 1.1, 0.95, ("bfloat16",), ", bfloat16"),
    _nn("lstm", "training", 1.2, 0.95, ("bfloat16",), ", bfloat16"),
    _nn("gru", "training", None, 2.0, ("bfloat16",), ", bfloat16"),
    _nn("rnn_tanh", "training", None, 1.8, ("bfloat16",), ", bfloat16"),
    Target(
        "bfloat16 against our float32, from 32 sequences and 256 hidden units on",
        ("bfloat16",),
        ("our float32",),
        worst=1.6,
        cases=tuple(f"{shape} bfloat16" for shape in SHARES),
    ),
    _nn("lstm", "training", 1.15, 1.0, ("AVX2",), ", AVX2"),
    _nn("lstm", "inference", 1.15, 1.0, ("AVX2",), ", AVX2"),
    _nn("gru", "training", None, 2.3, ("AVX2",), ", AVX2"),
    _nn("gru", "inference", None, 1.5, ("AVX2",), ", AVX2"),
    _nn("rnn_tanh", "training", None, 1.9, ("AVX2",), ", AVX2"),
    _nn("rnn_tanh", "inference", None, 1.5, ("AVX2",), ", AVX2"),
    Target(
        "inference against ONNX Runtime",
        ("plain",),
        ("ONNX Runtime",),
        worst=1.0,
        mean=1.3,
        cases=(*SHAPES, *ODD),
    ),
    Target("a few steps of one sequence against ONNX Runtime", ("evaluation",), ("ONNX Runtime",), 1.1),
    Target("a few steps of one sequence against torch.nn", ("evaluation",), ("torch.nn",), 1.5),
    Target("one step against torch.nn, inference", STEPS, TORCH, 1.0, 1.3, mode="inference"),
    Target("one step against torch.nn, training", STEPS, TORCH, 1.0, 1.2, mode="training"),
    Target(
        "peephole, coupled, gru_original, a user's cell against the eager loop, training",
        ("plain",),
        ("eager loop",),
        worst=2.5,
        mean=5.0,
        cells=("peephole_lstm", "coupled_lstm", "gru_original", "own_cell"),
        mode="training",
    ),
    Target(
        "LSTM, GRU and peephole against JAX scan, training",
        ("plain",),
        ("JAX scan",),
        worst=1.1,
        mean=1.6,
        cells=("lstm", "gru", "peephole_lstm"),
        mode="training",
    ),
    Target("our LSTM's time over our peephole LSTM's", ("peephole",), ("our lstm",), worst=0.9),
    Target(
        "variable lengths: LSTM and GRU against PackedSequence, training",
        ("packed",),
        ("torch.nn",),
        worst=0.0,
        mean=3.5,
        cells=("lstm", "gru"),
        mode="training",
    ),
    Target(
        "variable lengths: time over (valid share x our padded time), training",
        ("packed",),
        ("valid share x ours padded",),
        worst=1.15,
        cells=("lstm", "gru"),
        mode="training",
        sense="at most",
    ),
    Target(
        "recording all gates of an LSTM: time over not recording, training",
        ("recording",),
        ("not recording",),
        worst=1.05,
        sense="at most",
    ),
    Target("streaming step of an LSTM against nn.LSTMCell", ("streaming",), ("torch.nn cell",), 3.0, cells=("lstm",)),
    Target("streaming step of an LSTM against nn.LSTM, T = 1", ("streaming",), ("torch.nn",), 10.0, cells=("lstm",)),
    Target("streaming step of an LSTM against ONNX Runtime", ("streaming",), ("ONNX Runtime",), 1.3, cells=("lstm",)),
    Target(
        "results that do not depend on the batch: an LSTM's time over the default's",
        ("batch invariant",),
        ("our default",),
        worst=1.15,
        sense="at most",
    ),
    Target(
        "streaming step of an LSTM with weights in int8 against our float32",
        ("int8",),
        ("our float32",),
        worst=2.0,
        cells=("lstm",),
        cases=("1x1x512 int8",),
    ),
    Target("share of the GEMM peak, recurrent part", ("share",), ("GEMM peak",), 0.85, mode="recurrent part"),
    Target("share of the AVX2 GEMM peak", ("AVX2 share",), ("GEMM peak",), 0.85, mode="recurrent part"),
    Target("first call in a fresh process, cold cache", ("first call",), ("cold cache",), 1.0, sense="at most"),
    Target("first call in a fresh process, warm cache", ("first call",), ("warm cache",), 0.12, sense="at most"),
    Target(
        "peak memory of a training step over nn.LSTM's",
        ("memory",),
        ("torch.nn",),
        worst=1.0,
        cells=("lstm",),
        sense="at most",
    ),
)
"""All targets."""
