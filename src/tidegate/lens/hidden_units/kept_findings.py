"""The finder's findings, kept in the run folder: a search takes as long as reading the text many times."""

from collections.abc import Callable

from tidegate.errors import RunFolderError
from tidegate.lens.hidden_units.detectors import Kind
from tidegate.lens.hidden_units.finder import find_cells
from tidegate.lens.hidden_units.findings import Findings
from tidegate.lens.hidden_units.findings_record import findings_from, record_of
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
    write_kept(run, NAME, HEAD | key | record_of(made))
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
        kinds: dict[str, Kind] = {it.name: it.kind for it in detectors_of(run.tokenizer).values()}
        return findings_from(record, run.model.recurrent, kinds, run.folder / NAME)
    except RunFolderError as error:
        refuse_kept(error)
        return None
