"""Findings to plain data for JSON and, strictly checked, back: a file in a run folder is not trusted."""

import math
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from tidegate.errors import RunFolderError
from tidegate.io.records import from_record
from tidegate.lens.hidden_units.detectors import Kind
from tidegate.lens.hidden_units.findings import Finding, Findings
from tidegate.nn.layered import Layered


def record_of(findings: Findings) -> dict[str, Any]:
    """Return findings as objects, lists, texts and numbers, without the scores of all units."""
    return {"found": [asdict(it) for it in findings.found.values()], "absent": list(findings.absent)}


def findings_from(record: Mapping[str, Any], layers: Layered, kinds: Mapping[str, Kind], path: Path) -> Findings:
    """Return findings from a record.

    Args:
        record: what a file holds.
        layers: the recurrent layers that were searched.
        kinds: of the properties that were searched for, by name.
        path: the file, for messages.

    Raises:
        RunFolderError: these layers cannot have such findings, or a property is missing.
    """
    found, absent = record.get("found"), record.get("absent")
    if not isinstance(found, list) or not isinstance(absent, list):
        raise RunFolderError(f"{path}: 'found' and 'absent' should be lists: the file was altered.")
    read = [_finding(it, layers, kinds, path) for it in found]
    names = [it.detector for it in read] + absent
    if sorted(names, key=str) != sorted(kinds):
        raise RunFolderError(f"{path} should have each property that is searched for once, but has {names!r:.200}.")
    return Findings({it.detector: it for it in read}, tuple(absent), {})


def _finding(record: object, layers: Layered, kinds: Mapping[str, Kind], path: Path) -> Finding:
    it = from_record(Finding, record, path, "found")
    lowest = 0.0 if it.kind == "yes/no" else -1.0
    possible = (
        0 <= it.layer < layers.num_layers
        and it.name in layers.cell.recorded
        and 0 <= it.unit < layers.layer_size(it.layer)
        and it.sign in (-1, 1)
        and 0 <= it.direction <= layers.bidirectional
        and it.detector in kinds
        and it.kind == kinds[it.detector]
        and all(lowest <= score <= 1 for score in (it.score, it.chosen_score, it.untrained, it.shuffled))
        and min(it.values, it.detectors, it.positives, it.counted) >= 0
    )
    if not possible or not math.isfinite(it.score):
        raise RunFolderError(f"{path}: this model cannot have the finding {record!r:.200}: the file was altered.")
    return it
