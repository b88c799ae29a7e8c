"""Match a user's regular expression in a subprocess with a time limit.

The time that `re` takes can grow exponentially with the text, and it blocks all other threads meanwhile.
"""

import json
import re
import subprocess
import sys

import numpy as np
from numpy.typing import NDArray

from tidegate.errors import ArgumentError

SECONDS = 5.0
MAX_PATTERN = 1_000  # characters
SCRIPT = """
import json, re, sys
pattern, text = json.load(sys.stdin)
json.dump([it.span() for it in re.finditer(pattern, text)], sys.stdout)
"""


def check_pattern(pattern: str) -> None:
    """Check a regular expression, which takes no time.

    Raises:
        ArgumentError: it is not a regular expression, or is longer than 1,000 characters.
    """
    if len(pattern) > MAX_PATTERN:
        raise ArgumentError(f"The pattern has {len(pattern):,} characters: give at most {MAX_PATTERN:,}.")
    try:
        re.compile(pattern)
    except (re.error, RecursionError, OverflowError) as error:
        raise ArgumentError(f"{pattern!r:.80} is not a regular expression: {error}.") from error


def in_matches(pattern: str, text: str) -> NDArray[np.bool_]:
    """Return whether each character of a text belongs to a match: (N,).

    Args:
        pattern: as `re` reads it.
        text: N characters.

    Raises:
        ArgumentError: it is not a regular expression, is longer than 1,000 characters, or takes more than five seconds.
    """
    check_pattern(pattern)
    command = [sys.executable, "-I", "-c", SCRIPT]
    try:
        done = subprocess.run(
            command, input=json.dumps([pattern, text]).encode(), stdout=subprocess.PIPE, timeout=SECONDS, check=True
        )
    except subprocess.TimeoutExpired as error:
        raise ArgumentError(
            f"Matching {pattern!r:.80} in {len(text):,} characters takes more than {SECONDS:g} seconds: give a pattern "
            "with fewer ways to match the same text, such as a+ instead of (a+)+."
        ) from error
    inside = np.zeros(len(text), bool)
    for start, stop in json.loads(done.stdout):
        inside[start:stop] = True
    return inside
