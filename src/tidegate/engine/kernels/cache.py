"""Machine code on disk, and choices that were measured, so that a new process need not do what an earlier one did.

There is one file for each kernel, in ``TIDEGATE_CACHE`` or the user's cache folder: a SHA-256 of its key and of what
follows, then a JSON line about the kernel, then the object file. Files of other kinds have another ending. Incomplete
files are ignored, and so are files that another user owns or can write to, because their code would be run. Files are
written under a temporary name and renamed, so two processes never write to the same one. Without a writable folder
nothing is cached.
"""

from __future__ import annotations

import hashlib
import json
import os
import stat
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Code:
    """A compiled kernel.

    Attributes:
        table: the position of each argument in the table, by name.
        machine_code: the object file.
    """

    table: dict[str, int]
    machine_code: bytes


def folder() -> Path:
    """Return the folder of compiled kernels."""
    if own := os.environ.get("TIDEGATE_CACHE"):
        return Path(own)
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "tidegate"
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local") / "tidegate"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "tidegate"


def load(key: str) -> Code | None:
    """Return the kernel of a key; None if there is none, its file is incomplete, or others can write to it."""
    body = read(key, "kernel")
    if body is None:
        return None
    head, _, machine_code = body.partition(b"\n")
    about = json.loads(head)
    return Code(about["table"], machine_code)


def save(key: str, code: Code) -> None:
    """Write a kernel to the folder, if that is possible."""
    write(key, "kernel", json.dumps({"table": code.table}).encode() + b"\n" + code.machine_code)


def read(key: str, kind: str) -> bytes | None:
    """Return what was written; None if there is no file, it is incomplete, or others can write to it."""
    try:
        with open(folder() / f"{key}.{kind}", "rb") as file:
            data = file.read() if _is_ours(os.fstat(file.fileno())) else b""
    except (OSError, RuntimeError):  # RuntimeError: there is no home folder
        return None
    body = data[32:]
    return body if len(data) >= 32 and _digest(key, body) == data[:32] else None


def write(key: str, kind: str, body: bytes) -> None:
    """Write a file of one kind to the folder, if that is possible."""
    partial = ""
    try:
        where = folder()
        where.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle, partial = tempfile.mkstemp(dir=where, suffix=".partial")
        with os.fdopen(handle, "wb") as file:
            file.write(_digest(key, body) + body)
        os.replace(partial, where / f"{key}.{kind}")
    except (OSError, RuntimeError):  # a full disk, no permission, no home: the next process makes it again
        if partial:
            Path(partial).unlink(missing_ok=True)


def _digest(key: str, body: bytes) -> bytes:
    """Return a digest of the body and the key, so that a file under another key's name is not accepted."""
    return hashlib.sha256(key.encode() + b"\n" + body).digest()


def _is_ours(file: os.stat_result) -> bool:
    """Whether only this user could have written the file (where files have owners and modes)."""
    if not hasattr(os, "getuid"):
        return True
    return file.st_uid == os.getuid() and not file.st_mode & (stat.S_IWGRP | stat.S_IWOTH)
