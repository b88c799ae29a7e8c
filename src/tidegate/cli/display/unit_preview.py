"""The best unit that the finder names, coloured over a few lines of text in the terminal."""

from __future__ import annotations

import os
import shutil
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tidegate.drawing.terminal import Colour
    from tidegate.lens.hidden_units.finder import Finding, Findings
    from tidegate.train import Run

__all__ = ["best_cell", "coloured"]

# What a person sees at once in coloured lines; of these the best.
NAMED = ("string", "quote", "bracket", "indented", "comment")
LINES = 9
WIDTH = 80


def best_cell(findings: Findings) -> Finding | None:
    """The best unit among the detectors that show well; None if this text has none of what they look for."""
    return max(
        (findings.found[name] for name in NAMED if name in findings.found), key=lambda it: it.score, default=None
    )


def listed(findings: Findings) -> str:
    """What was found and both controls, a line of less than 80 columns for each detector, best first."""
    rows = [f"{'goes with':<12} {'unit':<14} {'score':>10}   {'untrained':>9}  {'shuffled':>8}"]
    for it in findings.ordered:
        unit = f"{it.layer}/{it.unit} {it.name}{'' if it.sign > 0 else ' (low)'}"
        kind = "AUC" if it.kind == "yes/no" else "r  "
        rows.append(
            f"{it.detector:<12} {unit:<14} {kind:>5} {it.score:.2f}   {it.untrained:>9.2f}  {it.shuffled:>8.2f}"
        )
    return "\n".join(rows)


def coloured(run: Run, finding: Finding) -> str:
    """Some lines of held-out text in which the property comes and goes, tinted by the unit's value."""
    import numpy as np

    from tidegate.drawing.colours import Scale
    from tidegate.drawing.terminal import tinted
    from tidegate.lens import read
    from tidegate.lens.hidden_units.detectors import DETECTORS, by_unit
    from tidegate.lens.session.text_session import held_out
    from tidegate.serve.screens.cells import SEARCHED

    reading = read(run.model, run.tokenizer, held_out(run, SEARCHED)[-SEARCHED // 4 :], names=(finding.name,))
    values = reading.trace[finding.layer, 0][finding.name][:, finding.unit]
    holds = np.nan_to_num(by_unit(DETECTORS[finding.detector], reading.pieces))
    ends = [0, *(n + 1 for n, piece in enumerate(reading.pieces) if "\n" in piece)]
    turns = np.concatenate([[0], np.cumsum(np.abs(np.diff(holds)) > 0)])

    def score(at: int) -> float:
        """Changes of the property, in lines that are not too long to be read."""
        start, stop = ends[at], ends[at + LINES]
        long = max(ends[n + 1] - ends[n] for n in range(at, at + LINES))
        return float(turns[stop - 1] - turns[start]) * (long <= WIDTH)

    at = max(range(max(1, len(ends) - LINES)), key=score) if len(ends) > LINES else 0
    start, stop = ends[at], ends[min(at + LINES, len(ends) - 1)] or len(values)
    top = float(np.quantile(np.abs(values), 0.99)) or 1.0
    width = min(WIDTH, shutil.get_terminal_size().columns)
    scale = Scale("diverging", top, f"unit {finding.layer}/{finding.unit} ({finding.name})")
    return tinted(reading.pieces[start:stop], values[start:stop], scale=scale, width=max(16, width), colour=_colours())


def _colours() -> Colour:
    """What the terminal can show, as its environment says (no-color.org; COLORTERM)."""
    if os.environ.get("NO_COLOR") or not sys.stdout.isatty() or os.environ.get("TERM") == "dumb":
        return "none"
    return "truecolor" if os.environ.get("COLORTERM", "") in ("truecolor", "24bit") else "256"
