"""The error boundary of all verbs: expected errors become one message and an exit code, not a traceback."""

import os
import sys
from typing import Any

import typer
import typer.core

from tidegate.drawing.text import visible
from tidegate.errors import TidegateError
from tidegate.io.optional import cannot_import

__all__ = ["Guarded", "note"]

MISTAKE, INTERRUPTED, BROKEN_PIPE = 2, 130, 141  # the last two as shells report SIGINT and SIGPIPE


def note(message: str) -> None:
    """Print a remark on stderr, so that piped output stays clean."""
    print(visible(message), file=sys.stderr, flush=True)


class Guarded(typer.core.TyperGroup):
    """A group of verbs whose expected errors are one sentence; ``--debug`` shows the traceback."""

    def invoke(self, ctx: Any) -> Any:
        """Run the verb."""
        try:
            result = super().invoke(ctx)
            sys.stdout.flush()
            return result
        except BrokenPipeError:
            # The reader of our output (`| head`) is gone. Python flushes stdout at exit: point it to the null device.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            raise typer.Exit(BROKEN_PIPE) from None
        except KeyboardInterrupt:
            note("\nInterrupted.")
            raise typer.Exit(INTERRUPTED) from None
        except (TidegateError, OSError) as error:
            if ctx.params.get("debug"):
                raise
            note(f"tidegate: {_sentence(error)}")
            raise typer.Exit(MISTAKE) from None
        except ImportError as error:  # of a package that is always needed, PyTorch say; one of our own is a bug
            root = (error.name or "tidegate").partition(".")[0]
            if root == "tidegate" or ctx.params.get("debug"):
                raise
            note(f"tidegate: {cannot_import(root, 'This command needs', error)}")
            raise typer.Exit(MISTAKE) from None


def _sentence(error: Exception) -> str:
    if isinstance(error, OSError) and not isinstance(error, TidegateError) and error.strerror:
        return error.strerror + (f": {error.filename}" if error.filename else "")
    return str(error) or type(error).__name__
