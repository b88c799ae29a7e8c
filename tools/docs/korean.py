"""The theme's own words on Korean pages. The theme knows one language for a whole site, and its words in many."""

from __future__ import annotations

import re
from html import escape
from pathlib import Path

import zensical

LANGUAGES = Path(zensical.__file__).parent / "templates" / "partials" / "languages"
ENTRY = re.compile(r'^  "([\w.]+)": "(.*)",?$', re.MULTILINE)
AROUND = ("action.skip", "footer.next", "footer.previous", "search", "toc", "top")  # the words around a page


def in_korean(html: str) -> str:
    """Return a page whose text is Korean with the theme's words in Korean, and marked as Korean for screen readers."""
    english, korean = _words("en"), _words("ko")
    html = html.replace('<html lang="en"', '<html lang="ko"', 1)
    for key in AROUND:
        here, there = (re.escape(escape(english[key])), escape(korean[key]))
        html = re.sub(rf'(aria-label="){here}(?=[":])', rf"\g<1>{there}", html)
        html = re.sub(rf"(>\s*){here}(?=\s*<)", rf"\g<1>{there}", html)
    for key in korean.keys() & english.keys():  # what its script says
        html = html.replace(f'"{key}":"{english[key]}"', f'"{key}":"{korean[key]}"')
    return html


def _words(language: str) -> dict[str, str]:
    return dict(ENTRY.findall((LANGUAGES / f"{language}.html").read_text(encoding="utf-8")))
