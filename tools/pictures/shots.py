"""Which pictures there are, and whether they are of the page as it is now."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).parents[2]
PICTURES = ROOT / "docs" / "assets" / "look"
RECORD = PICTURES / "pictures.json"
SERVE = ROOT / "src" / "tidegate" / "serve"
README = ROOT / "docs" / "assets" / "page.png", "cells"  # the picture of README.md is the light one of this name
SCHEMES = ("light", "dark")


@dataclass(frozen=True)
class Shot:
    """One picture, taken twice: of the light page and of the dark one.

    Attributes:
        name: of its files.
        task: the task of the run that it shows.
        screen: the page's screen.
        chosen: what is chosen there, as in the address.
        finding: the property whose hidden unit is chosen; empty for none. The page keeps what the search found in the
            run folder when it shows the highlights.
        height: of the window, in CSS pixels.
    """

    name: str
    task: str
    screen: str
    chosen: Mapping[str, object] = field(default_factory=dict)
    finding: str = ""
    height: int = 780

    def files(self) -> dict[str, Path]:
        """Return the file of each colour scheme."""
        return {scheme: PICTURES / f"{self.name}-{scheme}.webp" for scheme in SCHEMES}


SHOTS = (
    Shot("highlights", "lm", "highlights"),
    Shot("read", "lm", "read", {"at": 200}),
    Shot("cells", "lm", "cells", finding="bracket"),
    Shot("gates", "lm", "gates", {"at": 60}, finding="bracket", height=960),
    Shot("memory", "lm", "memory", {"at": 200}),
    Shot("cut", "lm", "cut", finding="bracket"),
    Shot("why", "lm", "why", height=960),
    Shot("translation", "translate", "steps"),
    Shot("tags", "tag", "steps"),
    Shot("classes", "classify", "steps"),
    Shot("forecast", "forecast", "steps"),
)


def page_digest() -> str:
    """Return a digest of all that the page's look depends on."""
    digest = hashlib.sha256()
    for path in sorted([*SERVE.glob("page/**/*.js"), *SERVE.glob("page/**/*.css"), *SERVE.glob("screens/*.py")]):
        digest.update(path.relative_to(SERVE).as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()


def of_another_page() -> list[str]:
    """List the pictures that were taken of another version of the page."""
    record = json.loads(RECORD.read_text(encoding="utf-8"))
    return sorted(name for name, digest in record.items() if digest != page_digest())


def note_taken(names: list[str]) -> None:
    """Record that pictures are of the page as it is now."""
    record = json.loads(RECORD.read_text(encoding="utf-8")) if RECORD.exists() else {}
    record |= dict.fromkeys(names, page_digest())
    RECORD.write_text(json.dumps(record, indent=1, sort_keys=True) + "\n", encoding="utf-8")
