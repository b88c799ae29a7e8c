"""Errors of ``huggingface_hub`` in words: what was asked for, what the hub said, what to do."""

from collections.abc import Iterator
from contextlib import contextmanager

from tidegate.errors import HubError, TidegateError

LOG_IN = "log in with hf auth login, or set HF_TOKEN"
# By the name of an error's class: the first one that an error is, from the narrowest to the widest. Their module is not
# the same in all versions.
REASONS = {
    "GatedRepoError": f"{{what}} is gated: ask for access on its page, then {LOG_IN}.",
    "DisabledRepoError": "{what} was disabled by the hub.",
    "RepositoryNotFoundError": f"{{what}} does not exist, or is private: check the name, or {LOG_IN}.",
    "RevisionNotFoundError": "{what} has no such revision: give a branch, a tag or a whole commit after @.",
    "OfflineModeIsEnabled": "{what} was not asked for, since HF_HUB_OFFLINE is set: unset it.",
    "LocalEntryNotFoundError": (
        "{what} is not, or not wholly, in the cache of the hub, and the hub cannot be asked (offline, or without a "
        "connection): fetch it once while there is one."
    ),
    "EntryNotFoundError": "{what} lacks a file that was asked for ({why}).",
    "LocalTokenNotFoundError": f"{{what}} needs a token: {LOG_IN}.",
    "HFValidationError": "{what} is no name that the hub allows ({why}).",
}
# By the status of an answer, where the class says no more.
STATUSES = {
    401: f"{{what}}: the hub does not know who asks ({{why}}): {LOG_IN}.",
    403: "{what}: the hub forbids it ({why}): use a token that may write to this repository.",
    404: f"{{what}} does not exist, or is private: check the name, or {LOG_IN}.",
    409: "{what}: the hub refuses it, since somebody else has changed it at the same time ({why}): try again.",
}
BROKEN = "{what}: the connection to the hub failed ({why}). Try again: what is there already is not sent twice."
UNREACHABLE = {"ConnectError", "ConnectTimeout", "ConnectionError", "ProxyError", "Timeout", "TimeoutException"}
PACKAGES = {"huggingface_hub", "httpx", "httpx2", "httpcore", "httpcore2", "requests", "urllib3", "hf_xet"}


@contextmanager
def hub_errors(what: object) -> Iterator[None]:
    """Turn what ``huggingface_hub`` raises within into `HubError`.

    Args:
        what: the repository, for the message.

    Raises:
        HubError: the hub refuses, or cannot be reached.
    """
    try:
        yield
    except TidegateError:
        raise
    except Exception as error:
        if not _is_hubs(error):
            raise
        raise HubError(_reason(error).format(what=what, why=_first_line(error))) from error


def unreachable(error: BaseException) -> bool:
    """Whether an error says that the hub was not asked or did not answer, and not what it answered."""
    status = _status(error)
    return bool(_names(error) & (UNREACHABLE | {"OfflineModeIsEnabled"})) or (status is not None and status >= 500)


def is_offline(error: BaseException) -> bool:
    """Whether an error says that ``HF_HUB_OFFLINE`` is set."""
    return "OfflineModeIsEnabled" in _names(error)


def _is_hubs(error: Exception) -> bool:
    modules = {it.__module__.partition(".")[0] for it in type(error).__mro__}
    # An OSError without a number is none of the system's: the hub's package raises it for a file of another size.
    return bool(modules & PACKAGES) or (isinstance(error, OSError) and error.errno is None)


def _reason(error: Exception) -> str:
    names = _names(error)
    for name, reason in REASONS.items():
        if name in names:
            return reason
    return STATUSES.get(_status(error) or 0, BROKEN)


def _names(error: BaseException) -> set[str]:
    return {it.__name__ for it in type(error).__mro__}


def _status(error: BaseException) -> int | None:
    return getattr(getattr(error, "response", None), "status_code", None)


def _first_line(error: Exception) -> str:
    said = getattr(error, "server_message", None) or str(error).strip() or type(error).__name__
    return f"{said.splitlines()[0]:.300}"
