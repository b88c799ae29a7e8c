"""The pictures of the page in the documentation: all are there, and all that are there are shown."""

import json
import re
from pathlib import Path

from tools.pictures.shots import PICTURES, RECORD, ROOT, SHOTS

SHOWN = re.compile(r"\]\((?:\.\./)*assets/look/([\w-]+\.webp)#only-(light|dark)\)")


def test_every_picture_is_taken_of_both_pages_and_shown() -> None:
    files = {file.name for shot in SHOTS for file in shot.files().values()}
    assert {file.name for file in PICTURES.glob("*.webp")} == files
    assert set(json.loads(RECORD.read_text())) == {shot.name for shot in SHOTS}
    pages = [page.read_text(encoding="utf-8") for page in (ROOT / "docs").rglob("*.md")]
    shown = {name: scheme for page in pages for name, scheme in SHOWN.findall(page)}
    assert set(shown) == files
    assert all(Path(name).stem.endswith(f"-{scheme}") for name, scheme in shown.items())
