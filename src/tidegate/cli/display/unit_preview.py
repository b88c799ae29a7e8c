"""The best hidden unit found, coloured over a few lines of text in the terminal."""

from __future__ import annotations

import os
import shutil
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tidegate.drawing.terminal import Colour
    from tidegate.lens.hidden_units.findings import Finding, Findings
    from tidegate.train import Run

__all__ = ["best_cell", "coloured", "colours", "listed"]

# Detectors whose hidden units are easy to see in coloured lines.
VISIBLE = ("string", "quote", "bracket", "indented", "comment")
LINES = 9
WIDTH = 80


def best_cell(findings: Findings) -> Finding | None:
    """Return the best hidden unit of the detectors that are easy to see; None if none of them occurs in the text."""
    return max(
        (findings.found[name] for name in VISIBLE if name in findings.found), key=lambda it: it.score, default=None
    )


def listed(findings: Findings) -> str:
    """Return findings and both controls, a line of less than 80 columns for each detector, best first."""
    rows = [f"{'goes with':<12} {'unit':<14} {'score':>10}   {'untrained':>9}  {'shuffled':>8}"]
    for it in findings.ordered:
        unit = f"{it.layer}/{it.unit} {it.name}{'' if it.sign > 0 else ' (low)'}"
        kind = "AUC" if it.kind == "yes/no" else "r  "
        rows.append(
            f"{it.detector:<12} {unit:<14} {kind:>5} {it.score:.2f}   {it.untrained:>9.2f}  {it.shuffled:>8.2f}"
        )
    return "\n".join(rows)


def coloured(run: Run, finding: Finding) -> str:
    """Return some lines of held-out text in which the detector changes often, tinted by the unit's value."""
    import numpy as np

    from tidegate.drawing.colours import Scale
    from tidegate.drawing.terminal import tinted
    from tidegate.lens import read
    from tidegate.lens.hidden_units.detectors import per_token
    from tidegate.lens.hidden_units.word_detectors import detectors_of
    from tidegate.lens.session.text_session import SEARCHED, held_out_text

    reading = read(run.model, run.tokenizer, held_out_text(run, SEARCHED)[-SEARCHED // 4 :], names=(finding.name,))
    values = reading.trace[finding.layer, 0][finding.name][:, finding.unit]
    holds = np.nan_to_num(per_token(detectors_of(run.tokenizer)[finding.detector], reading.pieces))
    ends = [0, *(n + 1 for n, piece in enumerate(reading.pieces) if "\n" in piece)]
    turns = np.concatenate([[0], np.cumsum(np.abs(np.diff(holds)) > 0)])

    def score(at: int) -> float:
        """Count the detector's changes, 0 if a line is too wide."""
        start, stop = ends[at], ends[at + LINES]
        long = max(ends[n + 1] - ends[n] for n in range(at, at + LINES))
        return float(turns[stop - 1] - turns[start]) * (long <= WIDTH)

    at = max(range(max(1, len(ends) - LINES)), key=score) if len(ends) > LINES else 0
    start, stop = ends[at], ends[min(at + LINES, len(ends) - 1)] or len(values)
    top = float(np.quantile(np.abs(values), 0.99)) or 1.0
    width = min(WIDTH, shutil.get_terminal_size().columns)
    scale = Scale("diverging", top, f"unit {finding.layer}/{finding.unit} ({finding.name})")
    return tinted(reading.pieces[start:stop], values[start:stop], scale=scale, width=max(16, width), colour=colours())


def colours() -> Colour:
    """Return the colours that the terminal supports, from its environment (no-color.org; COLORTERM)."""
    if os.environ.get("NO_COLOR") or not sys.stdout.isatty() or os.environ.get("TERM") == "dumb":
        return "none"
    return "truecolor" if os.environ.get("COLORTERM", "") in ("truecolor", "24bit") else "256"
