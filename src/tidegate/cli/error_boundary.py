"""The error boundary of all verbs: expected errors become one message and an exit code, not a traceback."""

import sys
from contextlib import suppress
from typing import Any

import typer
import typer.core

from tidegate.cli.command_classes import OnceOnly, PlainHelp
from tidegate.cli.standard_streams import flush_output, note
from tidegate.errors import ArgumentError, TidegateError
from tidegate.io.optional import cannot_import
from tidegate.io.wording import quoted
from tidegate.train.registry import BUILT_IN

__all__ = ["Guarded", "Verb", "exit_code", "note"]

USAGE_ERROR: Any = typer.BadParameter.__base__  # typer does not name it
MISTAKE, INTERRUPTED, BROKEN_PIPE = 2, 130, 141  # the last two as shells report SIGINT and SIGPIPE


class Guarded(PlainHelp, typer.core.TyperGroup):
    """A group of verbs whose expected errors are one sentence; ``--debug`` shows the traceback."""

    def main(self, *args: Any, standalone_mode: bool = True, **extra: Any) -> Any:
        """Run the command line: a mistake in it is a sentence in the style of all other errors."""
        if not standalone_mode:
            return super().main(*args, standalone_mode=False, **extra)
        try:
            code = super().main(*args, standalone_mode=False, **extra)
        except USAGE_ERROR as error:
            where = f" See {error.ctx.command_path} --help." if error.ctx else ""
            note(f"tidegate: {error.format_message().rstrip('.')}.{where}")
            code = error.exit_code
        except typer.Abort:
            note("Aborted.")
            code = 1
        sys.exit(code if isinstance(code, int) else 0)

    def list_commands(self, ctx: Any) -> list[str]:
        """List the verbs in the order in which they are used; typer puts groups last."""
        return sorted(super().list_commands(ctx), key=lambda name: name != "train")

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Find the verb; the name of a task is none, and a usual slip."""
        if args[0] in BUILT_IN and args[0] not in self.commands:
            ctx.fail(f"{args[0]!r} is a task: {ctx.command_path} train {args[0]}")
        return super().resolve_command(ctx, args)

    def invoke(self, ctx: Any) -> Any:
        """Run the verb."""
        try:
            result = super().invoke(ctx)
        except KeyboardInterrupt:
            note("\nInterrupted.")
            raise typer.Exit(INTERRUPTED) from None
        except (TidegateError, OSError) as error:
            if ctx.params.get("debug") and not isinstance(error, BrokenPipeError):
                raise
            raise typer.Exit(exit_code(error)) from None
        except ImportError as error:  # of a package that is always needed, PyTorch say; one of our own is a bug
            root = (error.name or "tidegate").partition(".")[0]
            if root == "tidegate" or ctx.params.get("debug"):
                raise
            note(f"tidegate: {cannot_import(root, 'This command needs', error)}")
            raise typer.Exit(MISTAKE) from None
        if (lost := flush_output()) is not None:
            raise typer.Exit(exit_code(lost))
        return result


class Verb(PlainHelp, OnceOnly, typer.core.TyperCommand):
    """A command whose texts have to be UTF-8; names of files need not be."""

    def invoke(self, ctx: Any) -> Any:
        """Run the command.

        Raises:
            ArgumentError: an option's or argument's text is not UTF-8.
        """
        for name, value in ctx.params.items():
            if name == "data":  # names of files, or of a sample
                continue
            for text in value if isinstance(value, list | tuple) else (value,):
                if isinstance(text, str) and any("\ud800" <= character <= "\udfff" for character in text):
                    option = next(it.opts[0] for it in self.params if it.name == name)
                    shown = option if option.startswith("-") else option.upper()
                    raise ArgumentError(f"{shown} is {quoted(text)}, which is not UTF-8 text: give it in UTF-8.")
        return super().invoke(ctx)


def exit_code(error: Exception) -> int:
    """Print an expected error and return its exit code. The reader of a pipe may leave: that is not even a message."""
    flush_output()
    if isinstance(error, BrokenPipeError):
        return BROKEN_PIPE
    with suppress(OSError):  # standard error itself cannot be written
        note(f"tidegate: {_sentence(error)}")
    flush_output()
    return MISTAKE


def _sentence(error: Exception) -> str:
    if isinstance(error, OSError) and not isinstance(error, TidegateError) and error.strerror:
        return error.strerror + (f": {error.filename}" if error.filename else "")
    return str(error) or type(error).__name__
