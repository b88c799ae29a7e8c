"""The report as Markdown and as JSON."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from benchmarks.rows import Row
from benchmarks.verdicts import Verdict

TITLES = {
    "plain": "One layer, one direction, full lengths",
    "2 layers": "Two layers",
    "bidirectional": "Both directions",
    "packed": "Variable lengths",
    "bfloat16": "bfloat16",
    "evaluation": "A few steps of one sequence, in evaluation",
    "streaming": "Streaming steps",
    "batch invariant": "Results that do not depend on the batch: time over the default's",
    "int8": "Streaming steps with weights in int8: time in float32 over time in int8",
    "one step": "Layers, one step",
    "cell": "Cells of one step",
    "peephole": "Our LSTM's time over our peephole LSTM's",
    "recording": "Recording all gates: time over not recording",
    "share": "Share of the GEMM peak",
    "AVX2": "With AVX2 and not AVX-512",
    "AVX2 share": "Share of the GEMM peak with AVX2",
    "memory": "Peak memory of a training step over theirs",
    "first call": "First call in a fresh process",
}
NOISE = 0.1  # a figure is called noisy if a quartile is further than this from the median, in parts of it
INTRODUCTION = """Each figure is the median of interleaved pairs, with its quartiles. A ratio is their time over ours
(above 1 we are faster), unless a title says otherwise. Everything timed here was first compared: outputs, and in
training the gradients of the input and of all weights. Training is forward and backward; no optimizer. "Ours of the
peak" is our FLOP/s in products as a share of the fastest product's of that dtype, pointwise operations included in the
time."""


def markdown(rows: Sequence[Row], verdicts: Sequence[Verdict], machine: Mapping[str, str]) -> str:
    """Return the report in Markdown.

    Args:
        rows: the measurements.
        verdicts: the targets and whether they are met.
        machine: the machine and versions.
    """
    blocks = ["# Benchmark", INTRODUCTION, "\n".join(f"- {name}: {value}" for name, value in machine.items())]
    noisy = sum(max(row.high - row.value, row.value - row.low) > NOISE * row.value for row in rows)
    blocks.append(
        f"{len(rows)} figures; of {noisy} a quartile is more than {NOISE:.0%} from the median."
        + (" Something else was running, or the turns are too few." if noisy > len(rows) / 4 else "")
    )
    judged = [verdict for verdict in verdicts if verdict.cases]
    if judged:
        head = ("target", "bound", "geometric mean", "worst", "worst case", "cases", "")
        blocks += ["## Targets", _table(head, map(_target_line, judged))]
        missed = [f"- {it.target.name}: {', '.join(it.missed)}" for it in judged if it.missed]
        blocks += ["Cases that miss the bound for each:", "\n".join(missed)] if missed else []
    unknown = [verdict.target.name for verdict in verdicts if not verdict.cases]
    if unknown:
        blocks.append("Not measured in this run: " + "; ".join(unknown) + ".")
    for kind, title in TITLES.items():
        of_kind = [row for row in rows if row.kind == kind]
        if of_kind:
            timed = any(row.ours_ms is not None for row in of_kind)
            shared = any(row.share is not None for row in of_kind)
            head = ("cell", "case", "mode", "against", "figure", "quartiles")
            head += (*(_columns(kind) if timed else ()), *(("ours of the peak",) if shared else ()), "note")
            blocks += [f"## {title}", _table(head, (_row_line(row, timed, shared) for row in of_kind))]
    return "\n\n".join(blocks) + "\n"


def record(rows: Sequence[Row], verdicts: Sequence[Verdict], machine: Mapping[str, str]) -> dict[str, Any]:
    """Return the report for JSON: plain dicts, lists, numbers and strings."""
    return {
        "machine": dict(machine),
        "targets": [asdict(verdict) for verdict in verdicts],
        "rows": [asdict(row) for row in rows],
    }


def _columns(kind: str) -> tuple[str, str]:
    return {
        "recording": ("recording ms", "not recording ms"),
        "batch invariant": ("invariant ms", "default ms"),
        "int8": ("float32 ms", "int8 ms"),
        "peephole": ("LSTM ms", "peephole ms"),
        "share": ("product ms", "ours ms"),
    }.get(kind, ("theirs ms", "ours ms"))


def _target_line(verdict: Verdict) -> tuple[str, ...]:
    target = verdict.target
    bounds = [] if target.mean is None else [f"mean {target.sense} {target.mean:g}"]
    bounds += [f"each {target.sense} {target.worst:g}"] if target.worst else []
    assert verdict.mean is not None
    assert verdict.worst is not None
    return (
        target.name,
        ", ".join(bounds),
        f"{verdict.mean:.2f}",
        f"{verdict.worst:.2f}",
        verdict.worst_case,
        str(verdict.cases),
        "met" if verdict.met else "**missed**",
    )


def _row_line(row: Row, timed: bool, shared: bool) -> tuple[str, ...]:
    unit = "" if row.unit == "x" else f" {row.unit}"
    cells = (row.cell, row.case, row.mode, row.against, f"{row.value:.2f}{unit}", f"{row.low:.2f} to {row.high:.2f}")
    if timed:
        cells += (_milliseconds(row.theirs_ms), _milliseconds(row.ours_ms))
    if shared:
        cells += ("" if row.share is None else f"{row.share:.2f}",)
    return (*cells, row.note)


def _milliseconds(value: float | None) -> str:
    return "" if value is None else f"{value:.3g}" if value < 100 else f"{value:.0f}"


def _table(head: Sequence[str], lines: Iterable[Sequence[str]]) -> str:
    rows = [head, ["---"] * len(head), *lines]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)
