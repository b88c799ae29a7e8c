"""Programs that a benchmark runs."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from tidegate.errors import BenchmarkError


def run(command: Sequence[str], folder: Path | None = None, *, environment: Mapping[str, str] | None = None) -> str:
    """Run a program and return what it printed.

    Raises:
        BenchmarkError: it failed; the message has what it said.
    """
    ended = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    if ended.returncode:
        raise BenchmarkError(f"{' '.join(command)[:300]} ended with {ended.returncode}:\n{ended.stderr.strip()[:3000]}")
    return ended.stdout
