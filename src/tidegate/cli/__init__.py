"""The command line: one file per verb. Importing it loads neither torch nor any other heavy package."""

import io
import sys

__all__ = ["main"]


def main() -> None:
    """Run the ``tidegate`` command; the exit code is 0, 2 for an expected error, 130 after Ctrl-C."""
    try:
        import rich  # noqa: F401
        import typer  # noqa: F401
    except ImportError as error:
        print(
            f"tidegate: the command line needs {error.name}; install it with: pip install 'tidegate[cli]'",
            file=sys.stderr,
        )
        sys.exit(2)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # Characters a terminal cannot show are written as \u escapes.
            stream.reconfigure(errors="backslashreplace")
    from tidegate.cli.app import app

    app()
