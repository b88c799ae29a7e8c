"""``hub:OWNER/NAME@REVISION``: a repository of the hub where a folder is expected."""

import re
from dataclasses import dataclass
from pathlib import Path

from tidegate.errors import ArgumentError
from tidegate.io.hub_cache import PREFIX
from tidegate.io.wording import quoted

NAME = r"[A-Za-z0-9_.-]+"
REFERENCE = re.compile(rf"(?P<repository>{NAME}/{NAME})(?:@(?P<revision>[A-Za-z0-9_./+-]+))?")
FORM = "OWNER/NAME, or OWNER/NAME@REVISION"


@dataclass(frozen=True)
class HubReference:
    """A repository of the hub.

    Attributes:
        repository: "OWNER/NAME".
        revision: a branch, a tag or a commit; None for the main branch.
    """

    repository: str
    revision: str | None = None

    def __str__(self) -> str:
        return f"{PREFIX}{self.repository}" + (f"@{self.revision}" if self.revision else "")


def hub_reference(place: str | Path) -> HubReference | None:
    """Return the repository that is meant by ``hub:OWNER/NAME@REVISION``; None for any other text, which is a path.

    Raises:
        ArgumentError: it begins with ``hub:`` and names no repository, or a folder of that name exists here.
    """
    text = Path(place).as_posix()
    if not text.startswith(PREFIX):
        return None
    if Path(place).exists():
        raise ArgumentError(
            f"{text} is a repository of the hub, but there is a folder or file of that name here, too: give its full "
            f"path, {Path(place).resolve()}, or rename it."
        )
    return parse_reference(text.removeprefix(PREFIX), shown=text)


def parse_reference(text: str, *, shown: str | None = None) -> HubReference:
    """Return the repository that is meant by ``OWNER/NAME@REVISION``.

    Args:
        text: without ``hub:``.
        shown: the text as it was given, for the message.

    Raises:
        ArgumentError: it names no repository.
    """
    match = REFERENCE.fullmatch(text)
    if match is None:
        begins = PREFIX if shown else ""
        raise ArgumentError(f"{quoted(shown or text)} is no repository of the hub: write {begins}{FORM}.")
    return HubReference(match["repository"], match["revision"])
