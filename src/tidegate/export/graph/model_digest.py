"""A digest of a model as it is computed: of its parts, how they are joined, and all numbers in them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import fields
from typing import Any

from torch import Tensor

from tidegate.cells import Cell
from tidegate.engine import Weights
from tidegate.export.graph.graph import Graph


def model_digest(graph: Graph) -> bytes:
    """Return 32 bytes that identify a model, however its weights are laid out: a SHA-256."""
    found = hashlib.sha256()
    numbers = {value: n for n, value in enumerate((*graph.inputs, *graph.values))}
    for value in numbers:
        joined = [value.size, value.tokens, type(value.part).__name__, [numbers[it] for it in value.of]]
        found.update(repr(joined).encode())
        for piece in _pieces(value.part):
            found.update(piece)
    found.update(repr([numbers[it] for it in graph.outputs.values()]).encode())
    return found.digest()


def _pieces(it: Any) -> Iterator[bytes]:
    match it:
        case None | bool() | int() | float() | str():
            yield repr(it).encode()
        case Tensor():
            yield repr(tuple(it.shape)).encode()
            yield it.contiguous().numpy().astype("<f4").tobytes()
        case Cell():
            yield it.digest.encode()
        case Weights():
            for own in fields(it):
                if own.name != "packed":
                    yield own.name.encode()
                    yield from _pieces(getattr(it, own.name))
        case Mapping():
            for name in sorted(it):
                yield name.encode()
                yield from _pieces(it[name])
        case tuple():
            yield repr(len(it)).encode()
            for own in it:
                yield from _pieces(own)
        case _:
            for own in fields(it):
                yield own.name.encode()
                yield from _pieces(getattr(it, own.name))
