"""Dataclasses to JSON objects and, strictly checked, back: files are not trusted."""

import math
import types
from copy import deepcopy
from dataclasses import Field, fields, is_dataclass
from pathlib import Path
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from tidegate.errors import ArgumentError, CellError, RunFolderError
from tidegate.io.wording import quoted

T = TypeVar("T")


def stored_as(key: str) -> dict[str, Any]:
    """Return the metadata of a dataclass field that is called ``key`` in files: fields may be renamed, keys may not."""
    return {"key": key}


def stored_unless(value: Any) -> dict[str, Any]:
    """Return the metadata of a dataclass field that files lack where it has this value.

    So files that were written before there was such a field can still be read, and are still written the same.
    """
    return {"absent": value}


def _key(it: Field[Any]) -> str:
    return it.metadata.get("key", it.name)


def to_record(value: Any) -> dict[str, Any]:
    """Convert a dataclass of plain values to a JSON object."""
    made = {}
    for it in fields(value):
        one = getattr(value, it.name)
        if "absent" in it.metadata and one == it.metadata["absent"]:
            continue
        made[_key(it)] = to_record(one) if is_dataclass(one) and not isinstance(one, type) else deepcopy(one)
    return made


def from_record(kind: type[T], record: object, path: Path, where: str) -> T:
    """Convert a JSON object to a dataclass: exactly its fields, each of its type and in range; see `stored_unless`.

    Args:
        kind: a dataclass whose fields are int, float, str, bool, literals or None.
        record: what the file holds.
        path: the file, for the message.
        where: the name of the object in the file, for the message.

    Returns:
        The dataclass.

    Raises:
        RunFolderError: a field is missing, unknown, of another type or out of range.
    """
    if not isinstance(record, dict):
        raise RunFolderError(f"{path}: {where!r} should be an object, but is {quoted(record)}: the file was altered.")
    names = {_key(it): it.name for it in fields(kind)}  # type: ignore[arg-type]
    absent = {_key(it): it.metadata["absent"] for it in fields(kind) if "absent" in it.metadata}  # type: ignore[arg-type]
    record = absent | record
    odd = sorted(set(names) ^ set(record), key=str)
    if odd:
        what = "is missing" if odd[0] in names else "is not known"
        raise RunFolderError(f"{path}: {where!r}: {quoted(odd[0])} {what}: the file was altered.")
    hints = get_type_hints(kind)
    values = {name: _typed(record[key], hints[name], path, f"{where}.{key}") for key, name in names.items()}
    try:
        return kind(**values)
    except (ArgumentError, CellError) as error:
        raise RunFolderError(f"{path}: {where!r}: {error}") from error


def _typed(value: object, hint: Any, path: Path, where: str) -> Any:
    if _fits(value, hint):
        return float(value) if _is_number(value) and float in (hint, *get_args(hint)) else value  # type: ignore[arg-type]
    raise RunFolderError(f"{path}: {where!r} should be {_words(hint)}, but is {quoted(value)}: the file was altered.")


def _fits(value: object, hint: Any) -> bool:
    if get_origin(hint) in (Union, types.UnionType):
        return any(_fits(value, choice) for choice in get_args(hint))
    if get_origin(hint) is Literal:
        return type(value) is str and value in get_args(hint)
    if hint is float:
        return _is_number(value) and math.isfinite(value)  # type: ignore[arg-type]
    if hint is int:
        return type(value) is int and abs(value) < 2**63
    return type(value) is hint


def _is_number(value: object) -> bool:
    return type(value) is float or (type(value) is int and abs(value) < 2**63)


def _words(hint: Any) -> str:
    return hint.__name__ if isinstance(hint, type) else str(hint)
