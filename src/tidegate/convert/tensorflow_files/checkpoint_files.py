"""Tensors of a checkpoint: an index of names, shapes and places, and files of data beside it."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from torch import Tensor

from tidegate.convert.tensorflow_files.crc32c import masked_crc32c
from tidegate.convert.tensorflow_files.key_table import entries
from tidegate.convert.tensorflow_files.stored_tensors import TYPES, shape_of, tensor_of
from tidegate.convert.tensorflow_files.wire_format import MessageError, content, fields, number
from tidegate.errors import DataError
from tidegate.io.input_files import check_declared_size, open_input


class Entry(NamedTuple):
    """Where a tensor is: of what type and shape, in which file of data, from which byte on."""

    kind: int = 0
    shape: tuple[int, ...] = ()
    shard: int = 0
    start: int = 0
    size: int = 0
    checksum: int = 0
    sliced: bool = False


def read_checkpoint_tensors(path: Path) -> dict[str, Tensor]:
    """Read the tensors of a checkpoint by their names; texts are left out.

    Args:
        path: of the index, such as ``model.ckpt.index``.

    Raises:
        DataError: a file is missing, cut off or altered, or a tensor is stored in slices.
    """
    with open_input(path) as file:
        index = memoryview(file.read())
    try:
        shards, found = 1, dict[str, Entry]()
        for key, value in entries(index):
            if not key:
                shards = _shards(value)
                continue
            entry = _entry(value)
            if entry.kind in TYPES:
                found[key.decode("utf-8", "replace")] = entry
    except MessageError as error:
        raise DataError(f"{path} is no whole index of a checkpoint: {error}.") from error
    together = sum(2 * entry.size for entry in found.values())
    tensors: dict[str, Tensor] = {}
    for shard in sorted({entry.shard for entry in found.values()}):
        data = path.with_name(f"{path.name.removesuffix('.index')}.data-{shard:05d}-of-{shards:05d}")
        if not data.is_file():
            raise DataError(f"{path} is the index of a checkpoint, whose data are missing: there is no {data.name}.")
        check_declared_size(data, "what it holds", together)
        own = {name: entry for name, entry in found.items() if entry.shard == shard}
        tensors |= _tensors(data, own)
    return {name: tensors[name] for name in found}


def _tensors(path: Path, found: dict[str, Entry]) -> dict[str, Tensor]:
    tensors = {}
    with open_input(path) as file:
        size = path.stat().st_size
        for name, entry in found.items():
            if entry.sliced:
                raise DataError(f"{path}: {name} is stored in slices: save it whole.")
            if entry.start < 0 or entry.size < 0 or entry.start + entry.size > size:
                raise DataError(f"{path} is cut off: {name} lies beyond its end.")
            file.seek(entry.start)
            data = file.read(entry.size)
            if masked_crc32c(data) != entry.checksum:
                raise DataError(f"{path} is altered: the checksum of {name} is another.")
            try:
                tensors[name] = tensor_of(entry.kind, entry.shape, memoryview(data))
            except MessageError as error:
                raise DataError(f"{path}: {name}: {error}.") from error
    return tensors


def _shards(header: memoryview) -> int:
    held = dict(fields(header))
    if held.get(2, 0) != 0:
        raise MessageError("its numbers begin with the big end")
    shards = number(held.get(1, 1))
    if not 1 <= shards <= 99_999:
        raise MessageError(f"it says that there are {shards} files of data")
    return shards


def _entry(message: memoryview) -> Entry:
    held: dict[str, int] = {}
    shape: tuple[int, ...] = ()
    names = {1: "kind", 3: "shard", 4: "start", 5: "size", 6: "checksum"}
    sliced = False
    for field, value in fields(message):
        if field in names:
            held[names[field]] = number(value)
        elif field == 2:
            shape = shape_of(content(value))
        elif field == 7:
            sliced = True
    return Entry(**held, shape=shape, sliced=sliced)
