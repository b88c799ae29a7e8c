"""Machine code on disk, so that a new process need not compile what an old one did.

One file for each kernel, in ``TIDEGATE_CACHE`` or the user's cache folder: a SHA-256 of its key and of what follows,
then a JSON line about the kernel, then the object file. A file that is not whole is as good as none, and so is one that
somebody else owns or may write: it would be run. Files are written under a name of their own and renamed, so two
processes never meet in one; a folder that cannot be written is done without.
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
        table: where in the table each argument stands, by name.
        machine_code: the object file.
    """

    table: dict[str, int]
    machine_code: bytes


def folder() -> Path:
    """Where compiled kernels are kept."""
    if own := os.environ.get("TIDEGATE_CACHE"):
        return Path(own)
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "tidegate"
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local") / "tidegate"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "tidegate"


def load(key: str) -> Code | None:
    """The kernel kept under a key; None if there is none, it is not whole, or not this user's alone."""
    try:
        with open(folder() / f"{key}.kernel", "rb") as file:
            data = file.read() if _is_ours(os.fstat(file.fileno())) else b""
    except (OSError, RuntimeError):  # RuntimeError: there is no home folder
        return None
    body = data[32:]
    if len(data) < 32 or _digest(key, body) != data[:32]:
        return None
    head, _, machine_code = body.partition(b"\n")
    about = json.loads(head)
    return Code(about["table"], machine_code)


def _digest(key: str, body: bytes) -> bytes:
    """Of the key too: a kernel under another's name is none."""
    return hashlib.sha256(key.encode() + b"\n" + body).digest()


def _is_ours(file: os.stat_result) -> bool:
    """Whether nobody but this user could have written it (where files have owners and modes)."""
    if not hasattr(os, "getuid"):
        return True
    return file.st_uid == os.getuid() and not file.st_mode & (stat.S_IWGRP | stat.S_IWOTH)


def save(key: str, code: Code) -> None:
    """Keep a kernel, if the folder can be written."""
    body = json.dumps({"table": code.table}).encode() + b"\n" + code.machine_code
    partial = ""
    try:
        where = folder()
        where.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle, partial = tempfile.mkstemp(dir=where, suffix=".partial")
        with os.fdopen(handle, "wb") as file:
            file.write(_digest(key, body) + body)
        os.replace(partial, where / f"{key}.kernel")
    except (OSError, RuntimeError):  # a full disk, no permission, no home: the next process compiles again
        if partial:
            Path(partial).unlink(missing_ok=True)
