"""Cells: each hidden unit's values along the text, and the units that track a property of it."""

from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from tidegate.errors import ArgumentError, RunFolderError
from tidegate.lens.hidden_units.detectors import Detector, function, per_token
from tidegate.lens.hidden_units.findings import Finding, Findings
from tidegate.lens.hidden_units.kept_findings import kept_findings
from tidegate.lens.hidden_units.word_detectors import detectors_of
from tidegate.lens.progress import partial_as
from tidegate.lens.session.session import Session
from tidegate.lens.session.text_session import SEARCHED, TextSession
from tidegate.serve.safe_regex import check_pattern, in_matches
from tidegate.serve.screens.read import span
from tidegate.serve.screens.screen import Question, Screen, packed, rounded

CHART = 120  # steps of all hidden units that a report stores


def strip(
    session: TextSession, unit: int, name: str, layer: int = 0, direction: int = 0, text: int = 0, run: int = 0
) -> dict[str, Any]:
    """Return one hidden unit of a gate or state over a whole text."""
    return packed(session.reading(text, run).trace.sel(layer=layer, direction=direction, name=name, unit=unit).values)


def window(
    session: TextSession,
    name: str,
    start: int,
    stop: int,
    layer: int = 0,
    direction: int = 0,
    text: int = 0,
    run: int = 0,
) -> dict[str, Any]:
    """Return all hidden units of a gate or state over a stretch of a text: (steps, H)."""
    reading = session.reading(text, run)
    start, stop = span(start, stop, len(reading))
    part = reading.trace.sel(layer=layer, direction=direction, name=name, time=slice(start, stop))
    if part.shape[0] * part.shape[1] > 4 << 20:
        raise ArgumentError(
            f"{part.shape[0]} steps of {part.shape[1]} hidden units are too many at once: give fewer steps."
        )
    return {"start": start, **packed(part.values)}


def found(session: TextSession, pattern: str = "") -> dict[str, Any]:
    """Return the hidden unit that goes best with each detector on held-out text, beside both controls.

    With a pattern, the detector is whether a character is inside a match of that regular expression. Partial answers
    have ``untrained`` null until an untrained model was searched.
    """
    with partial_as(_findings):
        return _findings(session.find_cells(pattern_detector(pattern) if pattern else None))


def pattern_detector(pattern: str) -> Detector:
    """Return a detector of characters inside a match of a regular expression.

    Raises:
        ArgumentError: it is not a regular expression.
    """
    check_pattern(pattern)
    return function(pattern, lambda text: in_matches(pattern, text))


def _findings(findings: Findings) -> dict[str, Any]:
    ordered = [finding_data(it) for it in findings.ordered]
    return {"found": ordered, "absent": list(findings.absent), "searched": SEARCHED}


def best_unit(session: Session) -> dict[str, Any] | None:
    """Return the hidden unit of the best finding that beats its controls; None if the findings are not known so far."""
    if not isinstance(session, TextSession) or not session.run.holds_data:
        return None
    try:
        findings = kept_findings(session.run)
    except (ArgumentError, RunFolderError):  # no held-out text: the screen itself says why
        return None
    best = next((it for it in findings.ordered if it.holds), None) if findings else None
    return None if best is None else {"layer": best.layer, "name": best.name, "unit": best.unit}


def finding_data(finding: Finding) -> dict[str, Any]:
    """Return a finding for JSON: all its numbers, and its sentence."""
    numbers = {name: rounded(it) if isinstance(it, float) else it for name, it in asdict(finding).items()}
    return numbers | {"control": rounded(finding.control), "holds": finding.holds, "said": str(finding)}


def holds(session: TextSession, detector: str = "", text: int = 0, run: int = 0, pattern: str = "") -> dict[str, Any]:
    """Return the values along a text of a built-in detector, or of that of a pattern; null where it is not defined."""
    known = detectors_of(session.run.tokenizer)
    if not pattern and detector not in known:
        raise ArgumentError(f"There is no detector {detector!r}: choose one of {', '.join(known)}.")
    chosen = pattern_detector(pattern) if pattern else known[detector]
    values = per_token(chosen, session.reading(text, run).pieces)
    return {"kind": chosen.kind, "values": [rounded(it) for it in values]}


def recorded(session: TextSession) -> Iterator[Question]:
    """Record the findings, all hidden units over the first text, and all gates over its beginning."""
    yield "found", {}
    for detector in detectors_of(session.run.tokenizer):
        yield "holds", {"detector": detector, "text": 0, "run": 0}
    trace = session.reading().trace
    for layer in range(trace.layers):
        for name in trace.names:
            at = {"layer": layer, "direction": 0, "name": name, "text": 0, "run": 0}
            yield "window", at | {"start": 0, "stop": min(CHART, len(trace))}
            for unit in range(trace[layer, 0][name].shape[1]):
                yield "strip", at | {"unit": unit}


CELLS = Screen("cells", "Cells", {"strip": strip, "window": window, "found": found, "holds": holds}, recorded=recorded)
