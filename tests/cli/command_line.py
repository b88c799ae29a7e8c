"""The command line as a real process."""

import os
import subprocess
import sys


def command(*arguments: object) -> list[str]:
    """The command line of a real process."""
    return [sys.executable, "-c", "from tidegate.cli import main; main()", *map(str, arguments)]


def environment(**changes: str) -> dict[str, str]:
    """The environment without what would change how output looks, plus changes."""
    hushed = ("PYTHONIOENCODING", "PYTHONUTF8", "LC_ALL", "LC_CTYPE", "FORCE_COLOR", "COLUMNS", "TERM")
    return {**{k: v for k, v in os.environ.items() if k not in hushed}, "OMP_NUM_THREADS": "1", **changes}


def process(*arguments: object, **changes: str) -> subprocess.CompletedProcess[bytes]:
    """Run the command line as a real process, without a terminal."""
    return subprocess.run(
        command(*arguments), capture_output=True, timeout=120, check=False, env=environment(**changes)
    )
