"""The command line: one file per verb. Importing it loads neither torch nor any other heavy package."""

import os
import sys

from tidegate.errors import BrokenDependencyError, MissingDependencyError
from tidegate.io.background import is_busy
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
    from tidegate.cli.standard_streams import flush_output, open_output

    open_output()
    from tidegate.cli.app import app
    from tidegate.cli.error_boundary import exit_code

    try:
        try:
            app()
        except OSError as error:  # of help texts and usage errors, which are printed outside the boundary
            sys.exit(exit_code(error))
        finally:
            if (lost := flush_output()) is not None:
                sys.exit(exit_code(lost))
    except SystemExit as ended:
        if is_busy() and isinstance(ended.code, int):  # the interpreter could not end safely
            os._exit(ended.code)
        raise
