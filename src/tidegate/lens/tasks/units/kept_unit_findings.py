"""The findings of `find_units`, kept in the run folder: a search takes as long as reading the examples many times."""

from dataclasses import replace
from typing import Any

from tidegate.errors import RunFolderError
from tidegate.lens.hidden_units.detectors import Kind
from tidegate.lens.hidden_units.findings import Findings
from tidegate.lens.hidden_units.findings_record import findings_from, record_of
from tidegate.lens.hidden_units.kept_findings import NAME
from tidegate.lens.record.kept import key_of, read_kept, refuse_kept, write_kept
from tidegate.lens.tasks.units.find_units import find_units
from tidegate.lens.tasks.units.held_out_halves import HeldOutHalves, held_out
from tidegate.train import Run

HEAD = {"format": "tidegate unit findings", "version": 1}  # raise the version when the search finds something else
SEQUENCES = "sequences"


def unit_findings_of(run: Run, sequence: str | None = None) -> Findings:
    """Return what `tidegate.lens.tasks.find_units` finds with the task's own properties, computed once.

    Findings that were kept lack the scores of all other units (``Findings.scores`` is empty).

    Args:
        run: a run of any task but language modelling, with its data.
        sequence: the sequence whose layers are searched. Default: the first.

    Raises:
        ArgumentError: the run has no held-out examples, or no such sequence.
    """
    held, key = held_out(run), _key(run)
    name, _ = held.subject.sequence(sequence)
    kept = _kept(run, held, key)
    if name not in kept:
        kept[name] = find_units(run, sequence=name)
        write_kept(run, NAME, HEAD | key | {SEQUENCES: {it: record_of(found) for it, found in kept.items()}})
    return kept[name]


def kept_unit_findings(run: Run) -> dict[str, Findings]:
    """Return the findings that are kept in a run folder, by sequence; none if they are of another model or data.

    Raises:
        ArgumentError: the run has no held-out examples.
    """
    return _kept(run, held_out(run), _key(run))


def _key(run: Run) -> dict[str, str]:
    return key_of(run, run.open_data().digest)


def _kept(run: Run, held: HeldOutHalves, key: dict[str, str]) -> dict[str, Findings]:
    record = read_kept(run, NAME, HEAD, key)
    if record is None:
        return {}
    try:
        return _by_sequence(run, record, held)
    except RunFolderError as error:
        refuse_kept(error)
        return {}


def _by_sequence(run: Run, record: dict[str, Any], held: HeldOutHalves) -> dict[str, Findings]:
    """Return the findings of each sequence from a record, which is not trusted."""
    path = run.folder / NAME
    each = record.get(SEQUENCES)
    if not isinstance(each, dict) or not set(each) <= set(held.subject.sequences):
        known = ", ".join(held.subject.sequences)
        raise RunFolderError(f"{path} should have findings of {known}, but has {each!r:.80}: the file was altered.")
    made = {}
    for name, own in each.items():
        if not isinstance(own, dict):
            raise RunFolderError(f"{path} should have findings of {name!r}, but has {own!r:.80}: the file was altered.")
        _, sequence = held.subject.sequence(name)
        kinds: dict[str, Kind] = {it.name: it.kind for it in sequence.labels(held.task)}
        found = findings_from(own, sequence.layers(run.model), kinds, path)
        made[name] = replace(found, searched=held.searched)
    return made
