"""Matches of a regular expression that a person gave: sought in a process of its own, which can be ended.

The time that `re` takes can grow exponentially with the text, and it keeps all other threads from running meanwhile.
"""

from __future__ import annotations

import json
import subprocess
import sys

import numpy as np
from numpy.typing import NDArray

from tidegate.errors import ArgumentError

SECONDS = 5.0
LONGEST = 1_000  # characters of a pattern
SEEK = """
import json, re, sys
pattern, text = json.load(sys.stdin)
try:
    found = [it.span() for it in re.finditer(pattern, text)]
except (re.error, RecursionError, OverflowError) as error:
    found = str(error)
json.dump(found, sys.stdout)
"""


def sought(pattern: str, text: str) -> NDArray[np.bool_]:
    """Whether each character of a text (N,) belongs to a match.

    Args:
        pattern: as `re` reads it.
        text: N characters.

    Raises:
        ArgumentError: it is no regular expression, is longer than 1,000 characters, or takes longer than five seconds.
    """
    if len(pattern) > LONGEST:
        raise ArgumentError(f"the pattern has {len(pattern):,} characters: give at most {LONGEST:,}")
    command = [sys.executable, "-I", "-c", SEEK]
    try:
        done = subprocess.run(
            command, input=json.dumps([pattern, text]).encode(), stdout=subprocess.PIPE, timeout=SECONDS, check=True
        )
    except subprocess.TimeoutExpired as error:
        raise ArgumentError(
            f"{pattern!r:.80} was not through {len(text):,} characters after {SECONDS:g} seconds: give a pattern with "
            "fewer ways to match the same text, such as a+ instead of (a+)+"
        ) from error
    found = json.loads(done.stdout)
    if isinstance(found, str):
        raise ArgumentError(f"{pattern!r:.80} is no regular expression: {found}")
    inside = np.zeros(len(text), bool)
    for start, stop in found:
        inside[start:stop] = True
    return inside
