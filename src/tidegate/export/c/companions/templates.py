"""Texts of files with places to fill in."""

from __future__ import annotations

from pathlib import Path
from string import Template

FOLDER = Path(__file__).parent / "templates"


def filled(name: str, **values: object) -> str:
    """Return a template of this folder with its places ``$name`` filled in.

    Args:
        name: of the file.
        values: what stands for each place.
    """
    return Template((FOLDER / name).read_text(encoding="utf-8")).substitute(values)


def c_string(text: bytes) -> str:
    """Return a C string. Bytes that are no plain ASCII are octal numbers, which end after three digits."""
    plain = {*range(32, 127)} - {*b'"\\?'}
    return '"' + "".join(chr(b) if b in plain else f"\\{b:03o}" for b in text) + '"'
