"""Targets for the figures, and whether they are met."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from benchmarks.rows import Row

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


def _nn(cell: str, label: str, mode: str, mean: float, worst: float) -> Target:
    return Target(f"{label} against torch.nn, {mode}", LAYERS, ("torch.nn",), worst, mean, (cell,), mode)


TARGETS = (
    _nn("lstm", "LSTM", "training", 1.2, 1.0),
    _nn("lstm", "LSTM", "inference", 1.15, 1.0),
    _nn("gru", "GRU", "training", 3.5, 1.4),
    _nn("gru", "GRU", "inference", 2.5, 1.4),
    _nn("rnn_tanh", "RNN", "training", 2.8, 1.3),
    _nn("rnn_tanh", "RNN", "inference", 2.3, 1.3),
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
    Target("share of the GEMM peak, recurrent part", ("share",), ("GEMM peak",), 0.85, mode="recurrent part"),
    Target("first call in a fresh process, cold cache", ("first call",), ("cold cache",), 1.0, sense="at most"),
    Target("first call in a fresh process, warm cache", ("first call",), ("warm cache",), 0.1, sense="at most"),
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


@dataclass(frozen=True)
class Verdict:
    """A target and whether it is met.

    Attributes:
        target: the target.
        cases: the number of rows it applies to.
        mean: their geometric mean.
        worst: the worst of them.
        worst_case: the case of the worst.
        met: whether the bounds hold; None if there are no rows.
    """

    target: Target
    cases: int
    mean: float | None = None
    worst: float | None = None
    worst_case: str = ""
    met: bool | None = None


def judge(rows: Sequence[Row], targets: Sequence[Target] = TARGETS) -> list[Verdict]:
    """Compare the rows' medians with each target."""
    return [_verdict(target, [row for row in rows if target.selects(row)]) for target in targets]


def _verdict(target: Target, rows: list[Row]) -> Verdict:
    if not rows:
        return Verdict(target, 0)
    least = target.sense == "at least"
    worst = (min if least else max)(rows, key=lambda row: row.value)
    mean = statistics.geometric_mean([row.value for row in rows])

    def holds(value: float, bound: float) -> bool:
        return value >= bound if least else value <= bound

    met = holds(worst.value, target.worst) and (target.mean is None or holds(mean, target.mean))
    return Verdict(target, len(rows), mean, worst.value, f"{worst.cell} {worst.case} {worst.mode}", met)
