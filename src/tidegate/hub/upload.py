"""Files are written to a repository of the hub, in one commit."""

import re
from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, NamedTuple

from tidegate.errors import ArgumentError, HubError
from tidegate.hub.hub_errors import LOG_IN, hub_errors
from tidegate.hub.hub_reference import HubReference
from tidegate.io.optional import needed
from tidegate.io.wording import quoted

LICENSES = ("apache-2.0", "mit", "bsd-3-clause", "cc-by-4.0", "cc-by-sa-4.0", "cc0-1.0", "gpl-3.0", "other")


class Uploaded(NamedTuple):
    """What was written.

    Attributes:
        address: of the repository, for a browser.
        commit: the commit.
        removed: names of files of the commit before that did not belong to it any more.
    """

    address: str
    commit: str
    removed: tuple[str, ...]


def upload(
    place: HubReference,
    files: Mapping[str, Path | bytes],
    *,
    message: str,
    private: bool | None = None,
    token: str | bool | None = None,
    own: Sequence[str] = (),
) -> Uploaded:
    """Write files to a repository, which is made if it does not exist; so is a branch.

    Args:
        place: the repository and the branch.
        files: by their names in the repository.
        message: of the commit.
        private: whether a new repository is private. Default: as its owner's settings say.
        token: the user's token. Default: the one that is stored.
        own: names, or patterns, of files that are removed where they are not among ``files``: those that an earlier
            commit has, and that would not fit.

    Returns:
        Where they are.

    Raises:
        HubError: nobody is logged in, the hub forbids it, or it cannot be reached. Nothing is half-written: a commit is
            made whole or not at all.
        MissingDependencyError: ``huggingface_hub`` is not installed.
    """
    hub = needed("huggingface_hub", "Writing to the hub needs")
    refuse_without_token(place, token)
    with hub_errors(place):
        api: Any = hub.HfApi(token=token)
        address = str(api.create_repo(place.repository, private=private, exist_ok=True))
        if place.revision is not None:
            api.create_branch(place.repository, branch=place.revision, exist_ok=True)
        there = api.model_info(place.repository, revision=place.revision)
        if private and not there.private:
            raise HubError(f"{place} exists and is public: make it private in its settings, or leave that out.")
        names = [it.rfilename for it in there.siblings or ()]
        removed = [it for it in names if it not in files and any(fnmatchcase(it, pattern) for pattern in own)]
        done = api.create_commit(
            place.repository,
            [
                *(hub.CommitOperationAdd(name, it if isinstance(it, bytes) else str(it)) for name, it in files.items()),
                *(hub.CommitOperationDelete(name) for name in removed),
            ],
            commit_message=message,
            revision=place.revision,
        )
        return Uploaded(address, done.oid, tuple(removed))


def refuse_without_token(place: HubReference, token: str | bool | None = None) -> None:
    """Check that somebody is logged in, which can be known before anything is made to be sent.

    Raises:
        HubError: nobody is.
    """
    if not isinstance(token, str) and needed("huggingface_hub", "Writing to the hub needs").get_token() is None:
        raise HubError(f"{place} cannot be written without a token: {LOG_IN}.")


def checked_license(license: str | None) -> str:
    """Return the identifier of a licence, which everything that is sent needs.

    Raises:
        ArgumentError: there is none, or it is no identifier.
    """
    if not license:
        raise ArgumentError(
            f"A licence is needed, without which nobody may use the model: give one of {', '.join(LICENSES)}, or "
            "another identifier that the hub knows."
        )
    if not re.fullmatch(r"[a-z0-9][a-z0-9.-]{0,60}", license):
        raise ArgumentError(
            f"license is {quoted(license)}, which is no identifier of the hub: {', '.join(LICENSES)} ..."
        )
    return license
