"""The console the command line writes to: rich, without markup."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console

__all__ = ["is_live", "stdout"]

UNWRAPPED = 1000  # columns where there is no terminal, so that lines are not wrapped


def stdout() -> Console:
    """Return a console on stdout: no markup, emoji codes or highlighting, and no ANSI codes without a terminal."""
    from rich.console import Console

    class Plain(Console):
        def on_broken_pipe(self) -> None:
            raise BrokenPipeError  # `error_boundary` handles it; rich would exit by itself

    console = Plain(markup=False, emoji=False, highlight=False)
    if not console.is_terminal:
        console = Plain(markup=False, emoji=False, highlight=False, width=UNWRAPPED)
    return console


def is_live(console: Console) -> bool:
    """Whether the console can redraw what it has shown."""
    return console.is_terminal and not console.is_dumb_terminal
