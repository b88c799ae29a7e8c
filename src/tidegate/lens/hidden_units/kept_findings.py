"""The finder's findings, kept in the run folder: a search takes as long as reading the text many times."""

import math
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from tidegate.errors import RunFolderError
from tidegate.io.records import from_record
from tidegate.lens.hidden_units.finder import find_cells
from tidegate.lens.hidden_units.findings import Finding, Findings
from tidegate.lens.hidden_units.word_detectors import detectors_of
from tidegate.lens.record.held_out import searched_ids
from tidegate.lens.record.kept import key_of, read_kept, refuse_kept, write_kept
from tidegate.train import Run

NAME = "findings.json"
HEAD = {"format": "tidegate findings", "version": 1}  # raise the version when the search finds something else


def findings_of(run: Run, search: Callable[[], Findings] | None = None) -> Findings:
    """Return what `tidegate.lens.find_cells` finds with all built-in detectors on held-out text, computed once.

    Findings that were kept lack the scores of all other units (``Findings.scores`` is empty).

    Args:
        run: a language model's run.
        search: computes the findings. Default: `find_cells` on the text that is searched.

    Raises:
        ArgumentError: there is no held-out text, or too little.
    """
    ids = searched_ids(run)
    key = key_of(run, ids)
    kept = _kept(run, key)
    if kept is not None:
        return kept
    made = search() if search is not None else find_cells(run.model, run.tokenizer, ids)
    record = {"found": [asdict(it) for it in made.found.values()], "absent": list(made.absent)}
    write_kept(run, NAME, HEAD | key | record)
    return made


def kept_findings(run: Run) -> Findings | None:
    """Return the findings that are kept in a run folder; None if there are none for this model and held-out text.

    Raises:
        ArgumentError: there is no held-out text.
    """
    return _kept(run, key_of(run, searched_ids(run)))


def _kept(run: Run, key: dict[str, str]) -> Findings | None:
    record = read_kept(run, NAME, HEAD, key)
    if record is None:
        return None
    try:
        return _findings(run, record, run.folder / NAME)
    except RunFolderError as error:
        refuse_kept(error)
        return None


def _findings(run: Run, record: dict[str, Any], path: Path) -> Findings:
    """Return findings from a record, which is not trusted."""
    found, absent = record.get("found"), record.get("absent")
    if not isinstance(found, list) or not isinstance(absent, list):
        raise RunFolderError(f"{path}: 'found' and 'absent' should be lists: the file was altered.")
    read = [_finding(run, it, path) for it in found]
    names = [it.detector for it in read] + absent
    if sorted(names, key=str) != sorted(detectors_of(run.tokenizer)):
        raise RunFolderError(f"{path} should have each of the built-in detectors once, but has {names!r:.200}.")
    return Findings({it.detector: it for it in read}, tuple(absent), {})


def _finding(run: Run, record: object, path: Path) -> Finding:
    it = from_record(Finding, record, path, "found")
    sizes, kinds = run.config.model.sizes, detectors_of(run.tokenizer)
    lowest = 0.0 if it.kind == "yes/no" else -1.0
    possible = (
        0 <= it.layer < len(sizes)
        and it.name in run.model.cell.recorded
        and 0 <= it.unit < run.model.recurrent.layer_size(it.layer)
        and it.sign in (-1, 1)
        and it.direction == 0
        and it.detector in kinds
        and it.kind == kinds[it.detector].kind
        and all(lowest <= score <= 1 for score in (it.score, it.chosen_score, it.untrained, it.shuffled))
        and min(it.values, it.detectors, it.positives, it.counted) >= 0
    )
    if not possible or not math.isfinite(it.score):
        raise RunFolderError(f"{path}: this model cannot have the finding {record!r:.200}: the file was altered.")
    return it
