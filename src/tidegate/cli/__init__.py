"""The command line: one file per verb. Importing it loads neither torch nor any other heavy package."""

import io
import sys

from tidegate.errors import BrokenDependencyError, MissingDependencyError
from tidegate.io.optional import needed

__all__ = ["main"]


def main() -> None:
    """Run the ``tidegate`` command; the exit code is 0, 2 for an expected error, 130 after Ctrl-C."""
    try:
        for package in ("rich", "typer"):
            needed(package, "The command line needs")
    except (MissingDependencyError, BrokenDependencyError) as error:
        print(f"tidegate: {error}", file=sys.stderr)
        sys.exit(2)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # Characters a terminal cannot show are written as \u escapes.
            stream.reconfigure(errors="backslashreplace")
    from tidegate.cli.app import app

    app()
