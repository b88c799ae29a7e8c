"""A revision of a repository as a folder: in the hub's cache, fetched if it is not there yet."""

import logging
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from tidegate.errors import HubError, RunFolderError
from tidegate.hub.hub_errors import hub_errors, is_offline, unreachable
from tidegate.hub.hub_reference import HubReference
from tidegate.io.optional import needed

LOG = logging.getLogger(__name__)
CONFIG = "config.json"
NEEDS = "Repositories of the hub need"
LARGEST_CONFIG = 4 << 20  # bytes


def snapshot(
    place: HubReference,
    files: Sequence[str],
    check: Callable[[Path], object],
    *,
    cache_dir: str | Path | None = None,
    force_download: bool = False,
    local_files_only: bool = False,
    token: str | bool | None = None,
) -> Path:
    """Return a folder with some files of a repository, as they are in one commit.

    ``config.json`` comes first, so that nothing else is fetched of a repository of another program. If the hub cannot
    be reached, what is in the cache is used, and the log says so.

    Args:
        place: the repository and the revision.
        files: names, or patterns, of the files that may be fetched.
        check: raises an error if ``config.json``, whose path it is given, is not what is expected.
        cache_dir: the cache. Default: that of ``huggingface_hub``.
        force_download: fetch files that are in the cache again.
        local_files_only: use the cache only.
        token: the user's token; True or None for the one that is stored, False for none.

    Returns:
        The folder, in the cache: it is shared with other programs and only to be read.

    Raises:
        HubError: there is no such repository or revision, it may not be read, or the hub cannot be reached and the
            cache does not have it.
        RunFolderError: there is no ``config.json``, or a file that is not as it should be.
        MissingDependencyError: ``huggingface_hub`` is not installed.
    """
    hub = needed("huggingface_hub", NEEDS)
    asked: dict[str, Any] = {"repo_id": place.repository, "revision": place.revision, "token": token}
    stored: dict[str, Any] = {"cache_dir": cache_dir, "force_download": force_download, "tqdm_class": _bars()}
    with hub_errors(place):
        only = local_files_only or not _answers(hub, place, asked)
        head = Path(hub.snapshot_download(**asked, **stored, local_files_only=only, allow_patterns=[CONFIG]))
        if not (head / CONFIG).is_file():
            raise HubError(f"{place} is not, or not wholly, in the cache of the hub: fetch it while there is one.")
        check(head / CONFIG)
        asked["revision"] = head.name  # the commit, so that a push meanwhile is not mixed in
        return Path(hub.snapshot_download(**asked, **stored, local_files_only=only, allow_patterns=list(files)))


def _answers(hub: Any, place: HubReference, asked: dict[str, Any]) -> bool:
    """Whether the hub can be asked; if so, check that the repository has what is needed."""
    try:
        found = hub.HfApi().model_info(**asked, files_metadata=True)
    except Exception as error:
        if not unreachable(error):
            raise
        if not is_offline(error):
            LOG.warning("%s: the hub cannot be reached (%s); its copy in the cache is used.", place, error)
        return False
    sizes = {it.rfilename: it.size for it in found.siblings or ()}
    if CONFIG not in sizes:
        raise RunFolderError(f"{place} holds nothing of Tidegate: there is no {CONFIG} in it.")
    if (sizes[CONFIG] or 0) > LARGEST_CONFIG:
        raise RunFolderError(f"{place}: its {CONFIG} has {sizes[CONFIG]:,} bytes: Tidegate has not written it.")
    return True


def _bars() -> Any:
    """Return the class of progress bars: the usual one on a terminal, elsewhere one that shows nothing."""
    if sys.stderr.isatty():
        return None

    class NoBar(needed("huggingface_hub.utils", NEEDS).tqdm):
        def __init__(self, *arguments: Any, **options: Any) -> None:
            super().__init__(*arguments, **(options | {"disable": True}))

    return NoBar
