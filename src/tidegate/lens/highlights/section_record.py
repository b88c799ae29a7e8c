"""Sections to plain data for JSON and, strictly checked, back: a file in a run folder is not trusted."""

import math
from collections.abc import Mapping
from dataclasses import MISSING, fields
from functools import cache
from types import UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from tidegate.errors import RunFolderError
from tidegate.lens.highlights.section import ORDER, Bars, Part, Sample, Section, Sentence, Strip, Table

KINDS: Mapping[str, type[Part]] = {
    "sentence": Sentence,
    "strip": Strip,
    "bars": Bars,
    "table": Table,
    "sample": Sample,
}
NAMES = {kind: name for name, kind in KINDS.items()}


def to_plain(value: Any) -> Any:
    """Return a section, or a part of one, as objects, lists, texts and numbers; parts have a "kind"."""
    if isinstance(value, tuple):
        return [to_plain(it) for it in value]
    if not hasattr(value, "__dataclass_fields__"):
        return value
    kind = {"kind": NAMES[type(value)]} if type(value) in NAMES else {}
    return kind | {it.name: to_plain(getattr(value, it.name)) for it in fields(value)}


def section_from(record: object, where: str) -> Section:
    """Return a section from plain data.

    Args:
        record: what a file holds.
        where: the file, for messages.

    Raises:
        RunFolderError: it is no section.
    """
    made = _read(Section, record, where)
    if made.name not in ORDER:
        raise _refusal(where, made.name)
    for part in made.parts:
        _check(part, where)
    return made


def _read(hint: Any, value: Any, where: str) -> Any:
    """Return a value of a type; of parts the one that its "kind" names."""
    if hint == Part:
        kind = KINDS.get(value.get("kind", "")) if isinstance(value, dict) and _is_text(value.get("kind")) else None
        if kind is None:
            raise _refusal(where, value)
        return _read(kind, {name: it for name, it in value.items() if name != "kind"}, where)
    if get_origin(hint) is tuple:
        if not isinstance(value, list):
            raise _refusal(where, value)
        return tuple(_read(get_args(hint)[0], it, where) for it in value)
    if hasattr(hint, "__dataclass_fields__"):
        hints = _hints(hint)
        if not isinstance(value, dict) or not _required(hint) <= set(value) <= set(hints):
            raise _refusal(where, value)
        return hint(**{name: _read(hints[name], it, where) for name, it in value.items()})
    if not any(_fits(value, it) for it in (get_args(hint) if get_origin(hint) in (Union, UnionType) else (hint,))):
        raise _refusal(where, value)
    return value


def _fits(value: Any, hint: Any) -> bool:
    if get_origin(hint) is Literal:
        return _is_text(value) and value in get_args(hint)
    if hint is float:
        return type(value) in (int, float) and math.isfinite(value) and abs(value) < 2**63
    return type(value) is hint and (hint is not int or abs(value) < 2**63)


def _check(part: Part, where: str) -> None:
    """Check that the lengths of a part's lists belong together."""
    match part:
        case Strip():
            if not len(part.pieces) == len(part.values) == len(part.holds):
                raise _refusal(where, part.label)
        case Table():
            wide = len(part.columns)
            if any(len(row) != wide for row in part.rows) or any(not 0 <= it < wide for it in part.code):
                raise _refusal(where, part.caption)


def _is_text(value: Any) -> bool:
    return type(value) is str


@cache
def _hints(kind: Any) -> dict[str, Any]:
    return get_type_hints(kind)


@cache
def _required(kind: Any) -> frozenset[str]:
    return frozenset(it.name for it in fields(kind) if it.default is MISSING)


def _refusal(where: str, value: object) -> RunFolderError:
    return RunFolderError(f"{where} should hold sections, but has {value!r:.80}: the file was altered.")
