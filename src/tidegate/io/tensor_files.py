"""Tensor files: written completely or not at all, and checked when they are read. Nothing is ever unpickled."""

import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save
from torch import Tensor

from tidegate.errors import RunFolderError
from tidegate.io.files import replacing
from tidegate.io.wording import quoted

KEY = "tidegate"  # the one entry of a file's metadata: the order of several is not defined
DTYPES = {"F64": torch.float64, "F32": torch.float32, "F16": torch.float16, "BF16": torch.bfloat16, "I64": torch.int64}
Layout = dict[str, tuple[torch.dtype | None, tuple[int, ...]]]


def write_tensors(path: Path, tensors: Mapping[str, Tensor], record: dict[str, Any]) -> None:
    """Write tensors with a JSON record in the header; the record contains a digest of everything.

    The file gets its name only when it is complete and on the disk.
    """
    check_name(path)
    held = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    record = record | {"digest": digest(held, record)}
    with replacing(path) as file:
        file.write(save(held, {KEY: json.dumps(record)}))
    sync_folder(path.parent)


def read_header(path: Path, kind: str, version: int) -> tuple[dict[str, Any], Layout]:
    """Read the JSON record of a file and the type and shape of each tensor, without reading the tensors.

    Raises:
        RunFolderError: the file is missing, truncated, not a safetensors file, or of another program or version.
    """
    if not path.is_file():
        raise RunFolderError(f"{path} is missing: {path.parent} is not a whole run folder.")
    check_name(path)
    try:
        with safe_open(path, "pt") as file:
            metadata = file.metadata() or {}
            slices = {name: file.get_slice(name) for name in file.keys()}  # noqa: SIM118
            layout = {name: (DTYPES.get(it.get_dtype()), tuple(it.get_shape())) for name, it in slices.items()}
    except (SafetensorError, OSError) as error:
        raise RunFolderError(
            f"{path} is not a whole safetensors file ({error}): it is truncated or altered."
        ) from error
    try:
        record = json.loads(metadata.get(KEY, ""))
    except (ValueError, RecursionError):
        record = None
    if not isinstance(record, dict) or record.get("format") != kind:
        raise RunFolderError(f"{path} does not say it is a {kind!r} file: another program wrote it.")
    if record.get("version") != version:
        raise RunFolderError(
            f"{path} has version {quoted(record.get('version'))}, but this Tidegate reads {version}: use the Tidegate "
            "that wrote it."
        )
    return record, layout


def read_tensors(path: Path, record: dict[str, Any], layout: Layout, expected: Layout) -> dict[str, Tensor]:
    """Read all tensors of a file and check their types, shapes and digest.

    Args:
        path: the file.
        record: from `read_header`.
        layout: from `read_header`.
        expected: the type and shape that each tensor must have.

    Returns:
        Tensors on the CPU.

    Raises:
        RunFolderError: a tensor is missing, unexpected, or has another type or shape; or a byte was changed.
    """
    check_layout(path, layout, expected)
    try:
        tensors = load_file(path)
    except (SafetensorError, OSError) as error:
        raise RunFolderError(f"{path} cannot be read ({error}): it is truncated or altered.") from error
    claimed = {key: value for key, value in record.items() if key != "digest"}
    if digest(tensors, claimed) != record.get("digest"):
        raise RunFolderError(f"{path} is not what was written: its digest does not fit, so it was altered.")
    return tensors


def check_name(path: Path) -> None:
    """Refuse a name that safetensors cannot open.

    Raises:
        RunFolderError: it is not UTF-8.
    """
    try:
        str(path).encode()
    except UnicodeEncodeError:
        raise RunFolderError(f"{path}: the name is not UTF-8, as it has to be: rename the folder.") from None


def check_layout(path: Path, layout: Layout, expected: Layout) -> None:
    """Compare types and shapes.

    Raises:
        RunFolderError: a tensor is missing, unexpected, or has another type or shape; the message names the first.
    """
    for name in sorted(set(layout) ^ set(expected)):
        what = "is missing" if name in expected else "does not belong to this run's model"
        raise RunFolderError(
            f"{path}: tensor {quoted(name, 200)} {what}: config.json and this file do not fit together."
        )
    for name, (dtype, shape) in expected.items():
        if layout[name] != (dtype, shape):
            found = layout[name]
            raise RunFolderError(
                f"{path}: tensor {name!r} should be {dtype} of shape {shape}, as config.json says, but is {found[0]} "
                f"of shape {found[1]}."
            )


def layout_of(tensors: Mapping[str, Tensor]) -> Layout:
    """Return the type and shape of each tensor."""
    return {name: (tensor.dtype, tuple(tensor.shape)) for name, tensor in tensors.items()}


def digest(tensors: Mapping[str, Tensor], record: dict[str, Any]) -> str:
    """Compute the SHA-256 of a record and tensors: names, types, shapes and bytes."""
    sha = hashlib.sha256(json.dumps(record, sort_keys=True).encode())
    for name in sorted(tensors):
        tensor = tensors[name].contiguous()
        sha.update(json.dumps([name, str(tensor.dtype), list(tensor.shape)]).encode())
        sha.update(tensor.reshape(-1).view(torch.uint8).numpy().data)
    return sha.hexdigest()


def sync_folder(folder: Path) -> None:
    """Flush a folder's renames to the disk."""
    if os.name == "nt":  # Windows cannot open a folder, and its renames need no flush
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
