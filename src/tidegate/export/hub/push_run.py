"""A run is sent to the hub: its model, what is needed to use it, and a model card."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tidegate.errors import RunFolderError
from tidegate.export.hub.model_card import measure, model_card
from tidegate.hub.hub_reference import HubReference, parse_reference
from tidegate.hub.upload import Uploaded, checked_license, upload
from tidegate.io.folder_lock import writing
from tidegate.io.hub_cache import PREFIX
from tidegate.train.hub.hub_run import DATA, STATE, USED
from tidegate.train.run_folder import Run

CARD = "README.md"


@dataclass(frozen=True)
class RunRepository:
    """What is written to a repository.

    Attributes:
        place: the repository, and the branch.
        card: the model card.
        files: the run's own files by their names in the repository.
    """

    place: HubReference
    card: str
    files: dict[str, Path]

    def sizes(self) -> dict[str, int]:
        """Return the bytes of each file, the card among them."""
        return {CARD: len(self.card.encode())} | {name: path.stat().st_size for name, path in self.files.items()}


def prepare_repository(
    run: Run, repository: str, *, license: str | None, revision: str | None = None, whole: bool = False
) -> RunRepository:
    """Make the model card of a run, and say which files belong to it; nothing is sent.

    Args:
        run: from `tidegate.train.load_run`, in a folder.
        repository: "OWNER/NAME".
        license: the hub's identifier of a licence, such as "apache-2.0".
        revision: a branch. Default: the main one.
        whole: also the encoded data and the last checkpoint, with which the run can be evaluated and continued.

    Returns:
        What `push` sends.

    Raises:
        ArgumentError: there is no licence, or a name is none.
        RunFolderError: the run is on the hub already, or was copied without its data or its checkpoint and ``whole`` is
            asked for.
    """
    if run.repository is not None:
        raise RunFolderError(f"{run.place} is on the hub already: give the folder of a run.")
    chosen = checked_license(license)
    named = pushed_reference(repository, revision)
    files = dict(_files(run, whole=whole))
    return RunRepository(named, model_card(run, named, chosen, measure(run)), files)


def pushed_reference(repository: str, revision: str | None = None) -> HubReference:
    """Return the repository and the branch that are meant, with or without ``hub:``.

    Raises:
        ArgumentError: it is no name of a repository.
    """
    return parse_reference(repository.removeprefix(PREFIX) + (f"@{revision}" if revision else ""))


def push(
    run: Run,
    repository: str,
    *,
    license: str,
    private: bool | None = None,
    revision: str | None = None,
    message: str | None = None,
    whole: bool = False,
    token: str | bool | None = None,
) -> Uploaded:
    """Write a run to a repository of the hub, in one commit: model, settings, vocabulary, metrics and a model card.

    Files of a run that the repository has from an earlier commit, and that are not sent now, are removed from it.

    Args:
        run: from `tidegate.train.load_run`, in a folder.
        repository: "OWNER/NAME"; made if it does not exist.
        license: the hub's identifier of a licence, such as "apache-2.0".
        private: whether a new repository is private. Default: as its owner's settings say.
        revision: a branch, made if it does not exist. Default: the main one.
        message: of the commit.
        whole: also the encoded data and the last checkpoint, with which the run can be evaluated and continued.
        token: the user's token. Default: the one that ``hf auth login`` stored, or ``HF_TOKEN``.

    Returns:
        The repository's address and the commit.

    Raises:
        HubError: nobody is logged in, the hub forbids it, or it cannot be reached.
        ArgumentError: there is no licence, or a name is none.
        RunFolderError: the run is on the hub already, is being written to, or lacks what ``whole`` asks for.
        MissingDependencyError: ``huggingface_hub`` is not installed.
    """
    prepared = prepare_repository(run, repository, license=license, revision=revision, whole=whole)
    return send(prepared, run, private=private, message=message, token=token)


def send(
    prepared: RunRepository,
    run: Run,
    *,
    private: bool | None = None,
    message: str | None = None,
    token: str | bool | None = None,
) -> Uploaded:
    """Send what `prepare_repository` has prepared: see `push`."""
    with writing(run.folder):  # so that no training replaces a file meanwhile
        return upload(
            prepared.place,
            {CARD: prepared.card.encode(), **prepared.files},
            message=message or f"{run.config.task}, step {run.step:,}",
            private=private,
            token=token,
            own=(*USED, *DATA, *STATE),
        )


def _files(run: Run, *, whole: bool) -> Iterator[tuple[str, Path]]:
    wanted = (*USED, *DATA, *STATE) if whole else USED
    if whole and not (run.holds_data and all((run.folder / name).is_file() for name in STATE)):
        raise RunFolderError(
            f"{run.place} was copied without its data or its last checkpoint, so it cannot be sent whole: send it "
            "without --whole."
        )
    for pattern in wanted:
        for path in sorted(run.folder.glob(pattern)):
            yield path.relative_to(run.folder).as_posix(), path
