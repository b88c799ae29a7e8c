"""A run in a repository of the hub: which of its files are fetched to use it."""

from pathlib import Path
from typing import Any

from tidegate.errors import RunFolderError
from tidegate.hub.hub_reference import HubReference, hub_reference
from tidegate.hub.snapshot import snapshot
from tidegate.io.files import read_json

# As in `tidegate.train.run_config`, which imports torch; a test holds them together.
CONFIG_KIND, CONFIG_VERSION = "tidegate run", 2
# Nothing else is fetched: no code, no pickles. A test holds these and the files of the built-in tasks together.
USED = ("config.json", "model.safetensors", "vocabulary.json", "tokenizer.json", "examples.json", "metrics.jsonl")
DATA = ("corpus.json", "corpus.npy", "examples/*.npy")
STATE = ("training_state.safetensors",)  # only to continue a run, which is done in a folder of one's own


def run_place(place: str | Path) -> tuple[Path, HubReference | None]:
    """Return the folder of a run, and its repository if it is one of the hub, which is fetched.

    Raises:
        HubError: the repository cannot be fetched.
        RunFolderError: it holds no run.
        ArgumentError: it is no name of a repository, or also the name of a local folder.
    """
    repository = hub_reference(place)
    return (Path(place), None) if repository is None else (fetch_run(repository), repository)


def fetch_run(repository: HubReference, **how: Any) -> Path:
    """Fetch what is needed to use a run, and its data if they are there.

    Args:
        repository: where the run is.
        **how: options of `tidegate.hub.snapshot.snapshot`.

    Returns:
        Its folder, in the hub's cache.

    Raises:
        HubError: the repository cannot be fetched.
        RunFolderError: it holds no run.
    """

    def check(path: Path) -> None:
        try:
            read_json(path, format=CONFIG_KIND, version=CONFIG_VERSION)
        except RunFolderError as error:
            raise RunFolderError(f"{repository} holds no run of Tidegate: {error}") from error

    return snapshot(repository, (*USED, *DATA), check, **how)
